//! The wizard that writes `.env`.

use kwtsms_async::config::{self, Environment, Origin};
use kwtsms_async::{ApiCode, Client, SenderId};

use crate::exit::{Ended, Exit, Failure};
use crate::gateway::Gateway;
use crate::options::Global;
use crate::output::{is_interactive, note, warn};
use crate::{env_file, prompt, settings};

/// The log file that is proposed, as in `.env.example`.
const LOG_FILE: &str = "kwtsms.log";
/// How often wrong credentials can be corrected before the wizard gives up: the gateway counts them too.
const TRIES: u32 = 3;

/// Asks for the settings, checks them with the gateway and writes the file.
pub(crate) async fn run(global: &Global) -> Ended {
    if !is_interactive() {
        return Err(Failure::usage("setup asks questions, and there is no terminal").action(format!(
            "set {} and {} in the environment, or write {} by hand",
            config::USERNAME,
            config::PASSWORD,
            settings::env_file(global).display()
        )));
    }
    let file = settings::env_file(global);
    note("");
    note("── kwtSMS Setup ──────────────────────────────────────────────────");
    note(format_args!("Verifies your API credentials and writes {}.", file.display()));
    note("Press Enter to keep the value shown in brackets.");
    note("");

    if file.metadata().is_ok_and(|about| !about.is_file()) {
        let file = file.display();
        return Err(Failure::usage(format!("{file} cannot be written: it is a folder or a pipe")));
    }
    let mut settings = match Environment::from_file(&file) {
        Ok(settings) => settings,
        Err(_) if !file.exists() => Environment::default(),
        Err(error) => {
            warn(format_args!("What is in the file cannot be used: {error}"));
            Environment::default()
        }
    };
    // Anybody may have put a file here that says where things go, and holds no credentials.
    let foreign = global.env_file.is_none() && !settings.missing_credentials().is_empty();
    let elsewhere = std::env::var(config::BASE_URL).ok().filter(|url| !url.is_empty());
    if let Some(url) = global.base_url.clone().or(elsewhere) {
        settings.set(config::BASE_URL, url); // where the other verbs will go
    }
    if !global.sandbox {
        let (url, allow_http) = gateway_url(&settings, foreign).await?;
        settings.set(config::BASE_URL, url);
        settings.set(config::ALLOW_HTTP, if allow_http { "1" } else { "" });
    }
    let gateway = credentials(global, &mut settings).await?;
    let sender = sender_id(&gateway.client, &settings).await?;
    let test = test_mode(&settings).await?;
    let log = log_file(&settings, foreign).await?;

    if global.sandbox {
        note(format_args!("  {} was left as it is: this was the sandbox.", file.display()));
        return Ok(Exit::Accepted);
    }
    let values = [
        (config::USERNAME, Some(settings.get(config::USERNAME).unwrap_or_default())),
        (config::PASSWORD, Some(settings.get(config::PASSWORD).unwrap_or_default())),
        (config::SENDER_ID, Some(sender.as_str())),
        (config::TEST_MODE, Some(if test { "1" } else { "0" })),
        (config::LOG_FILE, Some(log.as_str())),
        (config::BASE_URL, settings.get(config::BASE_URL)),
        (config::ALLOW_HTTP, settings.get(config::ALLOW_HTTP)),
    ];
    env_file::write(&file, &values)?;
    note(format_args!("  Saved to {}", file.display()));
    note(if test {
        "  Mode: TEST — messages queued but not delivered; credits are held until they are deleted from the queue"
    } else {
        "  Mode: LIVE — messages delivered to handsets, credits consumed"
    });
    for (key, value) in &values {
        if std::env::var(key).is_ok_and(|set| !set.is_empty() && set != value.unwrap_or_default()) {
            warn(format_args!("  {key} is set in the environment, too, and wins over the file."));
        }
    }
    note("  Run 'kwtsms setup' at any time to change settings.");
    note("─────────────────────────────────────────────────────────────────");
    note("");
    Ok(Exit::Accepted)
}

/// Asks where the gateway is, empty for kwtSMS itself, which needs no setting; and whether it may be in clear.
async fn gateway_url(settings: &Environment, foreign: bool) -> Result<(String, bool), Failure> {
    let mut known = settings.get(config::BASE_URL).unwrap_or(config::DEFAULT_BASE_URL);
    if let Some(Origin::File(file)) = settings.origin(config::BASE_URL)
        && foreign
        && known != config::DEFAULT_BASE_URL
    {
        note(format_args!("{} holds no credentials, and names another gateway: {known}", file.display()));
        note("Type it in if it is yours.");
        known = config::DEFAULT_BASE_URL;
    }
    loop {
        let question =
            if known == config::DEFAULT_BASE_URL { "Gateway" } else { "Gateway (kwtsms for the real one)" };
        let url = prompt::text(question, Some(known)).await?;
        if url.eq_ignore_ascii_case("kwtsms") || url == config::DEFAULT_BASE_URL {
            return Ok((String::new(), false));
        }
        let builder = || Client::builder("nobody", "nothing").base_url(url.as_str());
        match builder().build() {
            Ok(_) => return Ok((url, false)),
            Err(_) if builder().allow_http().build().is_ok() => {
                note("  Over http:// the password, numbers and texts travel in clear, to another machine.");
                if prompt::yes("Allow it, for a sandbox in a network of containers?", false).await? {
                    return Ok((url, true));
                }
            }
            Err(error) => note(format_args!("  {error:#}")),
        }
    }
}

/// Asks for user and password until the gateway takes them; leaves them in the settings.
async fn credentials(global: &Global, settings: &mut Environment) -> Result<Gateway, Failure> {
    for tried in 1.. {
        let user = prompt::text("API Username", settings.get(config::USERNAME)).await?;
        settings.set(config::USERNAME, user);
        let known = settings.get(config::PASSWORD).is_some();
        let password = prompt::password(known).await?;
        if !password.is_empty() {
            settings.set(config::PASSWORD, password);
        }
        let gateway = Gateway::try_out(settings, global).await?;
        match gateway.client.verify().await {
            Ok(balance) => {
                note(format_args!("Verifying credentials... OK  (Balance: {})", balance.available()));
                return Ok(gateway);
            }
            Err(error) if error.code() == Some(&ApiCode::ERR003) && tried < TRIES => {
                note(format_args!("Verifying credentials... FAILED  {error}"));
                note("The API user is not the mobile number of the account. Once more:");
                note("");
            }
            Err(error) => {
                note("Verifying credentials... FAILED  Nothing was written.");
                return Err(error.into());
            }
        }
    }
    unreachable!("the last try returns")
}

async fn sender_id(client: &Client, settings: &Environment) -> Result<SenderId, Failure> {
    let ids = client.sender_ids().await?;
    note("Fetching Sender IDs... OK");
    note("");
    note("Available Sender IDs:");
    for (place, id) in ids.iter().enumerate() {
        note(format_args!("  {}. {}", place + 1, id));
    }
    note("");
    let known = settings.get(config::SENDER_ID).and_then(|id| SenderId::parse(id).ok());
    let proposed = known.or_else(|| ids.first().cloned()).unwrap_or(SenderId::KWT_SMS);
    loop {
        let answer = prompt::text("Select Sender ID (number or name)", Some(proposed.as_str())).await?;
        let by_number = answer.parse::<usize>().ok().and_then(|place| ids.get(place.checked_sub(1)?));
        let sender = match by_number.cloned().map_or_else(|| SenderId::parse(&answer), Ok) {
            Ok(sender) => sender,
            Err(error) => {
                note(format_args!("  {error}"));
                continue;
            }
        };
        let other_case = ids.iter().find(|id| id.as_str().eq_ignore_ascii_case(sender.as_str()));
        if !ids.contains(&sender) {
            match other_case {
                Some(id) => note(format_args!("  Letter case counts: the account has {}.", id)),
                None => note("  The account does not have this sender id: messages may go out as KWT-SMS."),
            }
            if !prompt::yes("Use it all the same?", false).await? {
                continue;
            }
        }
        if sender.is_shared_test_sender() {
            note("  KWT-SMS is shared by all accounts for tests: slow on purpose, not for production.");
        }
        return Ok(sender);
    }
}

async fn test_mode(settings: &Environment) -> Result<bool, Failure> {
    note("");
    note("Send mode:");
    note("  1. Test mode  — messages queued but NOT delivered; credits held until deleted from the queue");
    note("  2. Live mode  — messages delivered to handsets, credits consumed");
    let live = matches!(settings.get(config::TEST_MODE), Some("0" | "false"));
    loop {
        match prompt::text("Choose", Some(if live { "2" } else { "1" })).await?.as_str() {
            "1" => {
                note("  → Test mode selected.");
                return Ok(true);
            }
            "2" => {
                note("  → Live mode selected.");
                return Ok(false);
            }
            _ => note("  Type 1 or 2."),
        }
    }
}

async fn log_file(settings: &Environment, foreign: bool) -> Result<String, Failure> {
    note("");
    note("API logging (every API call is logged to a file; passwords, numbers and texts are masked).");
    note("Type \"off\" to disable logging.");
    let known = match settings.log_file() {
        Some(Some(_)) if foreign => LOG_FILE.to_owned(),
        None => LOG_FILE.to_owned(),
        Some(None) => "off".to_owned(),
        Some(Some(path)) => path.display().to_string(),
    };
    let answer = prompt::text("Log file path", Some(&known)).await?;
    Ok(if answer.eq_ignore_ascii_case("off") { String::new() } else { answer })
}
