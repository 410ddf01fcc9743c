//! From settings and options to a client.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kwtsms_async::config::{self, Environment};
use kwtsms_async::jsonl::{self, Bodies, JsonlGuard};
use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, ClientBuilder, CountryCheck};
use tracing_subscriber::layer::SubscriberExt;

use crate::args::Global;
use crate::exit::{Exit, Failure};
use crate::output::{Out, is_interactive, note, warn};
use crate::{prompt, setup};

/// Longest and default time for DNS, TCP and TLS; a shorter time-out leaves less.
const CONNECT: Duration = Duration::from_secs(5);

/// A client, and the gateway on this machine if it goes there.
pub(crate) struct Gateway {
    pub(crate) client: Client,
    sandbox: Option<Sandbox>,
    _log: Option<Log>,
}

/// Writes what it still holds when it is dropped, and tells what was lost.
struct Log {
    path: String,
    guard: Option<JsonlGuard>,
}

impl Drop for Log {
    fn drop(&mut self) {
        let lost = self.guard.take().map_or(0, JsonlGuard::finish);
        if lost > 0 {
            let lines = if lost == 1 { "line is" } else { "lines are" };
            warn(format_args!("{lost} {lines} missing in the log {}: is its disk full?", self.path));
        }
    }
}

impl Gateway {
    pub(crate) fn is_sandbox(&self) -> bool {
        self.sandbox.is_some()
    }
}

/// What only some commands ask for.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Check numbers against each country's rules.
    pub(crate) strict: bool,
    /// Requests a second of a bulk run.
    pub(crate) rate: Option<f64>,
}

impl Wishes {
    pub(crate) fn check(&self) -> CountryCheck {
        if self.strict { CountryCheck::Strict } else { CountryCheck::Off }
    }
}

/// Makes the client that the options ask for.
///
/// Without credentials it offers the wizard on a terminal, and names what is missing elsewhere.
pub(crate) async fn connect(global: &Global, wishes: &Wishes, out: &mut Out) -> Result<Gateway, Failure> {
    let (mut sandbox, mut log) = (None, None);
    let builder = if global.sandbox {
        let gateway = start_sandbox().await?;
        let builder = Client::builder("sandbox", "sandbox").base_url(gateway.base_url());
        sandbox = Some(gateway);
        builder
    } else {
        let settings = credentials(global, out).await?;
        log = open_log(&settings)?;
        ClientBuilder::from_environment(&settings)?
    };
    let mut builder = timed(builder, global).country_check(wishes.check());
    if let Some(rate) = wishes.rate {
        // The other lane gets what is left under the ceiling of 5, at most its default.
        builder = builder.rates((kwtsms_async::CEILING - rate.ceil()).min(kwtsms_async::DEFAULT_RATE), rate);
    }
    Ok(Gateway { client: builder.build()?, sandbox, _log: log })
}

/// The same for a user name and a password that are not in the settings yet.
pub(crate) async fn try_out(global: &Global, settings: &Environment) -> Result<Gateway, Failure> {
    let mut sandbox = None;
    let mut builder = ClientBuilder::from_environment(settings)?;
    if global.sandbox {
        let gateway = start_sandbox().await?;
        builder = builder.base_url(gateway.base_url());
        sandbox = Some(gateway);
    }
    Ok(Gateway { client: timed(builder, global).build()?, sandbox, _log: None })
}

/// Opens the log that the settings name: the Python client's lines, with numbers and texts masked.
fn open_log(settings: &Environment) -> Result<Option<Log>, Failure> {
    let Some(path) = settings.get(config::LOG_FILE) else { return Ok(None) };
    let (log, guard) = jsonl::to_file(path, Bodies::Masked)?;
    let set = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log));
    set.map_err(|error| Failure::new(Exit::Refused, "the log cannot be opened").because(Some(&error)))?;
    Ok(Some(Log { path: path.to_owned(), guard: Some(guard) }))
}

async fn start_sandbox() -> Result<Sandbox, Failure> {
    let sandbox = Sandbox::start()
        .await
        .map_err(|error| Failure::new(Exit::Refused, "the sandbox cannot start").because(Some(&error)))?;
    warn(format_args!("SANDBOX at {} — nothing is delivered, nothing is charged.", sandbox.base_url()));
    Ok(sandbox)
}

fn timed(builder: ClientBuilder, global: &Global) -> ClientBuilder {
    match global.timeout {
        // What runs out while connecting is known not to be sent, so connecting must run out first.
        Some(timeout) => builder.timeout(timeout).connect_timeout(CONNECT.min(timeout.mul_f64(0.6))),
        None => builder,
    }
}

/// The file that the settings are completed from.
pub(crate) fn env_file(global: &Global) -> PathBuf {
    global.env_file.clone().unwrap_or_else(|| PathBuf::from(config::ENV_FILE))
}

/// Reads the settings as the options say, complete or not.
pub(crate) fn settings(global: &Global) -> Result<Environment, Failure> {
    let mut settings = match &global.env_file {
        Some(file) => Environment::from_env_file(file)?,
        None => Environment::from_env()?,
    };
    if let Some(file) = &global.password_file {
        settings.set(config::PASSWORD, password(file)?);
    }
    if let Some(url) = &global.base_url {
        settings.set(config::BASE_URL, url);
    }
    Ok(settings)
}

async fn credentials(global: &Global, out: &Out) -> Result<Environment, Failure> {
    let found = settings(global)?;
    let missing = found.missing_credentials();
    if missing.is_empty() {
        return Ok(found);
    }
    let failure = Failure::new(Exit::Account, format!("{} not set", missing.join(" and "))).action(format!(
        "run 'kwtsms setup', set them in the environment or in {}, or try things out with --sandbox",
        env_file(global).display()
    ));
    if out.is_json() || !is_interactive() {
        return Err(failure);
    }
    note(format_args!("{} not set.", missing.join(" and ")));
    if !prompt::yes("Start the setup now?".to_owned(), true).await? {
        return Err(failure);
    }
    setup::run(global).await?;
    let found = settings(global)?;
    if found.missing_credentials().is_empty() { Ok(found) } else { Err(failure) }
}

/// The first and only line of a file.
fn password(file: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage_from(format!("{} cannot be read", file.display()), &error))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains(['\n', '\r']) {
        return Err(Failure::usage(format!("{} must hold the password on one line", file.display())));
    }
    Ok(line.to_owned())
}
