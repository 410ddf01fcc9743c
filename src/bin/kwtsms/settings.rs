//! Settings: the environment, `.env`, and the options that stand above both.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use kwtsms_async::Client;
use kwtsms_async::config::{self, Environment, Origin};

use crate::exit::Failure;
use crate::interrupt::on_a_thread;
use crate::options::Global;

/// The longest password file, in bytes.
const LONGEST: u64 = 4096;

/// The file that the settings are completed from.
pub(crate) fn env_file(global: &Global) -> PathBuf {
    global.env_file.clone().unwrap_or_else(|| PathBuf::from(config::ENV_FILE))
}

/// What was read: a pipe gives it once.
static READ: Mutex<Option<Environment>> = Mutex::new(None);

/// Reads the settings as the options say, complete or not. A file may be a pipe, which is waited for.
pub(crate) async fn read(global: &Global) -> Result<Environment, Failure> {
    if let Some(read) = READ.lock().unwrap_or_else(PoisonError::into_inner).clone() {
        return Ok(read);
    }
    let global = global.clone();
    let settings = on_a_thread(move || read_anew(&global)).await?;
    *READ.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings.clone());
    Ok(settings)
}

/// Has the settings read anew, since the file has changed.
pub(crate) fn forget() {
    *READ.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

fn read_anew(global: &Global) -> Result<Environment, Failure> {
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

/// Where requests go and where that was set, if they do not go to kwtSMS itself: a setting that was forgotten sends
/// nothing to anybody, or everything to somebody else.
pub(crate) fn other_gateway(global: &Global, settings: &Environment) -> Result<Option<String>, Failure> {
    let Some(url) = settings.confirmed(config::BASE_URL)?.map(str::trim) else { return Ok(None) };
    if url.trim_end_matches('/') == config::DEFAULT_BASE_URL.trim_end_matches('/') {
        return Ok(None);
    }
    let from = match settings.origin(config::BASE_URL) {
        Some(Origin::File(file)) => file.display().to_string(),
        _ if global.base_url.is_some() => "--base-url".to_owned(),
        _ => format!("{} in the environment", config::BASE_URL),
    };
    // To this machine it is allowed without being asked for.
    let here = || Client::builder("nobody", "nothing").base_url(url).build().is_ok();
    let clear = if settings.confirmed(config::ALLOW_HTTP)?.is_some() && url.starts_with("http://") && !here()
    {
        "; the password, numbers and texts travel in clear"
    } else {
        ""
    };
    let hint = if url.trim_end_matches('/').ends_with("/API") {
        ""
    } else {
        "; it does not end in /API/, as kwtSMS and the sandbox have it"
    };
    Ok(Some(format!("Gateway: {url} (from {from}){hint}{clear}")))
}

/// The first and only line of a file.
fn password(file: &Path) -> Result<String, Failure> {
    let cannot =
        |error: std::io::Error| Failure::usage_from(format!("{} cannot be read", file.display()), &error);
    let mut text = String::new();
    let mut input = File::open(file).map_err(cannot)?.take(LONGEST + 1);
    input.read_to_string(&mut text).map_err(cannot)?;
    if text.len() as u64 > LONGEST {
        let file = file.display();
        return Err(Failure::usage(format!("{file} holds over {LONGEST} bytes, which is no password")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text); // as Windows editors write it
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains(['\n', '\r']) {
        return Err(Failure::usage(format!("{} must hold the password on one line", file.display())));
    }
    Ok(line.to_owned())
}
