//! Settings: the environment, `.env`, and the options that stand above both.

use std::path::{Path, PathBuf};

use kwtsms_async::config::{self, Environment};

use crate::exit::Failure;
use crate::options::Global;

/// The file that the settings are completed from.
pub(crate) fn env_file(global: &Global) -> PathBuf {
    global.env_file.clone().unwrap_or_else(|| PathBuf::from(config::ENV_FILE))
}

/// Reads the settings as the options say, complete or not.
pub(crate) fn read(global: &Global) -> Result<Environment, Failure> {
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
