//! What only the command knows: where its settings come from, its log and its store.

use std::path::Path;

use kwtsms_async::config::{self, Environment, Origin};
use kwtsms_async::{Check, Client, ClientBuilder, Limiter};

use crate::exit::{Exit, Failure};
use crate::gateway::{Log, open_log};
use crate::options::Global;
use crate::{settings, store};

/// What was seen, and the log that is open meanwhile.
pub(super) struct Found {
    pub(super) checks: Vec<Check>,
    /// The pace of all runs.
    pub(super) limiter: Option<Limiter>,
    _log: Option<Log>,
}

/// Reads the settings and looks at what they name. What cannot be read is told, and the rest goes on without it.
pub(super) async fn look(global: &Global) -> Result<(ClientBuilder, Found), Failure> {
    let (settings, failure) = match settings::read(global).await {
        Ok(settings) => (settings, None),
        Err(failure) if failure.exit == Exit::Interrupted => return Err(failure),
        Err(failure) => (of_the_process(global), Some(failure)),
    };
    let (builder, wrong) = builder(&settings);
    let failure = failure.or(wrong.map(Failure::from));
    let mut checks = vec![read_as(&settings, global, failure), gateway(&settings, global)];
    let log = match open_log(&settings) {
        Ok(Some(log)) => {
            checks.push(Check::ok(
                "log_file",
                format!("{} can be written, and has this run in it", log.path()),
            ));
            Some(log)
        }
        Ok(None) => {
            checks.push(Check::skipped(
                "log_file",
                format!("{} is not set: nothing is logged", config::LOG_FILE),
            ));
            None
        }
        Err(failure) => {
            let action =
                format!("name a file that this user may write, or set {} to nothing", config::LOG_FILE);
            checks.push(failed("log_file", &failure, &action));
            None
        }
    };
    let (check, limiter) = store(&settings).await;
    checks.push(check);
    Ok((builder, Found { checks, limiter, _log: log }))
}

fn failed(name: &'static str, failure: &Failure, action: &str) -> Check {
    Check::failed(name, failure.reasons.join(": "), failure.action.as_deref().unwrap_or(action))
}

/// The variables of the process, where the file beside them cannot be read.
fn of_the_process(global: &Global) -> Environment {
    let mut settings = Environment::from_process().unwrap_or_default();
    if let Some(url) = &global.base_url {
        settings.set(config::BASE_URL, url);
    }
    settings
}

/// The client of the settings; of those that are wrong or missing, what is left of them.
fn builder(settings: &Environment) -> (ClientBuilder, Option<kwtsms_async::Error>) {
    let error = match ClientBuilder::from_environment(settings) {
        Ok(builder) => return (builder, None),
        Err(error) => error,
    };
    let get = |key| settings.get(key).unwrap_or_default();
    let mut builder = Client::builder(get(config::USERNAME), get(config::PASSWORD));
    if let Some(sender) = settings.get(config::SENDER_ID) {
        builder = builder.sender_id(sender);
    }
    // Where credentials may not go they do not go for a look either.
    if let Ok(Some(url)) = settings.confirmed(config::BASE_URL) {
        builder = builder.base_url(url);
    }
    if matches!(settings.confirmed(config::ALLOW_HTTP), Ok(Some("1" | "true"))) {
        builder = builder.allow_http();
    }
    if let Ok(test) = settings.test_mode() {
        builder = builder.test_mode(test);
    }
    // Missing credentials are told by the diagnosis itself.
    (builder, settings.missing_credentials().is_empty().then_some(error).or(settings.test_mode().err()))
}

fn read_as(settings: &Environment, global: &Global, failure: Option<Failure>) -> Check {
    const NAME: &str = "settings";
    if let Some(failure) = failure {
        return failed(NAME, &failure, "correct the setting that is named");
    }
    let file = settings::env_file(global);
    let is_there = file.exists();
    let mut seen = origins(settings);
    if !is_there {
        seen.push(format!("there is no {}", file.display()));
    }
    let seen = seen.join("; ");
    if is_there && others_may_read(&file) {
        return Check::warning(
            NAME,
            format!("{seen}; every user of this machine may read {}", file.display()),
            format!("chmod 600 {}: it holds the password", file.display()),
        );
    }
    Check::ok(NAME, seen)
}

/// Which settings come from where.
fn origins(settings: &Environment) -> Vec<String> {
    let mut of: Vec<(String, Vec<&str>)> = Vec::new();
    for key in settings.keys() {
        let origin = match settings.origin(key) {
            Some(Origin::Program) | None => "the command line".to_owned(),
            Some(origin) => origin.to_string(),
        };
        match of.iter_mut().find(|(other, _)| *other == origin) {
            Some((_, keys)) => keys.push(key),
            None => of.push((origin, vec![key])),
        }
    }
    of.into_iter().map(|(origin, keys)| format!("from {origin}: {}", keys.join(", "))).collect()
}

#[cfg(unix)]
fn others_may_read(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    let may_read = |about: std::fs::Metadata| about.is_file() && about.permissions().mode() & 0o004 != 0;
    let has_password = |file: Environment| file.get(config::PASSWORD).is_some();
    std::fs::metadata(file).is_ok_and(may_read) && Environment::from_file(file).is_ok_and(has_password)
}

#[cfg(not(unix))]
fn others_may_read(_: &Path) -> bool {
    false
}

/// Whether requests go to kwtSMS itself: a setting that was forgotten sends nothing to anybody.
fn gateway(settings: &Environment, global: &Global) -> Check {
    const NAME: &str = "base_url";
    let other = match settings::other_gateway(global, settings) {
        Ok(Some(other)) => other,
        Ok(None) => return Check::ok(NAME, "that of kwtSMS itself"),
        Err(failure) => return failed(NAME, &failure, "correct the setting that is named"),
    };
    let other = other.strip_prefix("Gateway: ").unwrap_or(&other);
    if global.base_url.is_some() {
        return Check::ok(NAME, format!("{other}, and so not kwtSMS"));
    }
    Check::warning(
        NAME,
        format!("{other}, and so not kwtSMS: messages reach nobody if that is a sandbox"),
        format!("take {} out where messages are to arrive", config::BASE_URL),
    )
}

/// Its address may hold a password, and is not shown. The gateway is asked at the pace of all runs, if there is one.
async fn store(settings: &Environment) -> (Check, Option<Limiter>) {
    const NAME: &str = "store";
    match store::shared_pace(settings, None, None).await {
        Ok(None) => (Check::skipped(NAME, format!("{} is not set", config::STORE)), None),
        Ok(limiter) => {
            let seen =
                format!("can be opened; all runs on it share the pace {}", store::scope_name(settings));
            (Check::ok(NAME, seen), limiter)
        }
        Err(failure) => (failed(NAME, &failure, "see that it can be reached and written"), None),
    }
}
