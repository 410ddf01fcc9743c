//! Settings from the environment and a `.env` file, and the checks that a client's settings pass.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::Url;

use crate::error::Error;

/// The API user name. Not the account's mobile number.
pub const USERNAME: &str = "KWTSMS_USERNAME";
/// The API password.
pub const PASSWORD: &str = "KWTSMS_PASSWORD";
/// The sender id; `KWT-SMS` if unset.
pub const SENDER_ID: &str = "KWTSMS_SENDER_ID";
/// `1`/`true` or `0`/`false`; `0` if unset, anything else is an error.
pub const TEST_MODE: &str = "KWTSMS_TEST_MODE";
/// The JSONL log's path; set but empty switches the log off.
pub const LOG_FILE: &str = "KWTSMS_LOG_FILE";
/// The base URL; [`DEFAULT_BASE_URL`] if unset.
pub const BASE_URL: &str = "KWTSMS_BASE_URL";

/// The keys of one-time codes: the current one, then old ones that are still accepted, separated by commas.
pub const OTP_KEY: &str = "KWTSMS_OTP_KEY";

/// The gateway's base URL (API document v4.1).
pub const DEFAULT_BASE_URL: &str = "https://www.kwtsms.com/API/";

/// Variable: the store that the command uses: the path of an SQLite file, or a URL. A URL may hold a password.
pub const STORE: &str = "KWTSMS_STORE";

/// The shared test sender id, used if no other is set.
pub const DEFAULT_SENDER_ID: &str = "KWT-SMS";

/// The file that the environment is completed from, in the working directory.
pub const ENV_FILE: &str = ".env";

const KEYS: [&str; 8] = [USERNAME, PASSWORD, SENDER_ID, TEST_MODE, LOG_FILE, BASE_URL, OTP_KEY, STORE];

/// Values in which a `$` that is read as a variable would go unnoticed.
const SECRETS: [&str; 3] = [PASSWORD, OTP_KEY, STORE];

/// Tells whether a `KWTSMS_*` variable is set and not empty, in the process environment or in `.env`.
///
/// # Errors
///
/// Of kind `Config` if `.env` is there and cannot be read.
pub fn is_set(key: &str) -> Result<bool, Error> {
    Ok(Environment::from_env()?.get(key).is_some())
}

/// The `KWTSMS_*` values of a process: its environment, completed from a file.
///
/// For programs that look at the settings before they make a client, or change some of them; others call
/// [`Client::from_env`](crate::Client::from_env). A variable of the process wins over the file; an empty one
/// counts as unset, except that an empty `KWTSMS_LOG_FILE` means something: no log. The process environment is
/// never changed. `Debug` shows which keys are set and no value.
///
/// ```
/// use kwtsms_async::{ClientBuilder, config};
///
/// # fn password_from_a_vault() -> String { "api_pass".to_owned() }
/// let mut settings = config::Environment::from_env()?;
/// settings.set(config::USERNAME, "api_user");
/// settings.set(config::PASSWORD, password_from_a_vault());
/// settings.set(config::BASE_URL, "http://127.0.0.1:4010/API/"); // a sandbox
/// let client = ClientBuilder::from_environment(&settings)?.build()?;
/// # Ok::<(), kwtsms_async::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Environment {
    values: HashMap<&'static str, String>,
    file: PathBuf,
}

impl Environment {
    /// Reads the process environment, completed from `.env` in the working directory if it is there.
    ///
    /// # Errors
    ///
    /// Of kind `Config`: `.env` is there and cannot be read, or a variable is not UTF-8.
    pub fn from_env() -> Result<Self, Error> {
        Self::read(Path::new(ENV_FILE), false)
    }

    /// Reads the process environment, completed from another file, which must exist.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env), and if there is no such file.
    pub fn from_env_file(file: impl AsRef<Path>) -> Result<Self, Error> {
        Self::read(file.as_ref(), true)
    }

    /// Reads a file alone, without the process environment.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if the file cannot be read.
    pub fn from_file(file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        Ok(Self { values: from_file(file, true)?, file: file.to_owned() })
    }

    /// The file that the values were completed from, whether it was there or not.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Sets a value in place of what was read. A key that is none of this module's changes nothing.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        if let Some(key) = KEYS.into_iter().find(|known| *known == key) {
            self.values.insert(key, value.into());
        }
    }

    /// The credentials that are not set: none, one or both of [`USERNAME`] and [`PASSWORD`].
    pub fn missing_credentials(&self) -> Vec<&'static str> {
        [USERNAME, PASSWORD].into_iter().filter(|key| self.get(key).is_none()).collect()
    }

    /// Reads the process environment and `file`; a file that does not exist is no error unless `required`.
    fn read(file: &Path, required: bool) -> Result<Self, Error> {
        let mut values = from_file(file, required)?;
        for key in KEYS {
            match std::env::var(key) {
                Ok(value) if !value.is_empty() || key == LOG_FILE => {
                    values.insert(key, value);
                }
                Ok(_) | Err(std::env::VarError::NotPresent) => {}
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(Error::config(format!("{key} is not valid UTF-8")));
                }
            }
        }
        Ok(Self { values, file: file.to_owned() })
    }

    /// A value that is set and not empty. With [`PASSWORD`] it is the password: never log it.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Test mode as it is set; off if it is not.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, if it is neither `1`, `0`, `true` nor `false`.
    pub fn test_mode(&self) -> Result<bool, Error> {
        self.get(TEST_MODE).map_or(Ok(false), test_mode)
    }

    /// The log file: `None` if unset, `Some(None)` if switched off.
    pub fn log_file(&self) -> Option<Option<PathBuf>> {
        let path = self.values.get(LOG_FILE)?;
        Some((!path.is_empty()).then(|| PathBuf::from(path)))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(KEYS.iter().filter(|key| self.values.contains_key(*key))).finish()
    }
}

fn from_file(file: &Path, required: bool) -> Result<HashMap<&'static str, String>, Error> {
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => return Ok(HashMap::new()),
        Err(error) => {
            return Err(Error::config_from(format!("{} cannot be read", file.display()), error));
        }
    };
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text); // as Windows editors write it
    refuse_unquoted_dollar(text, file)?;
    let mut values = HashMap::new();
    for (entry, item) in dotenvy::from_read_iter(text).enumerate() {
        // The library's error holds the line, and the line may hold the password.
        let (key, value) = item.map_err(|_| {
            Error::config(format!(
                "{}: entry {} cannot be read; write KEY='value', with single quotes around a value that holds \
                 spaces or any of # $ \" \\",
                file.display(),
                entry + 1
            ))
        })?;
        if let Some(key) = KEYS.into_iter().find(|known| *known == key) {
            values.entry(key).or_insert(value); // the first one stands, as dotenvy itself has it
        }
    }
    Ok(values)
}

/// `.env` files know `$VARIABLE`: an unquoted `$` in a secret would silently become another secret.
fn refuse_unquoted_dollar(text: &[u8], file: &Path) -> Result<(), Error> {
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"export ").unwrap_or(line).trim_ascii_start();
        let Some(key) = SECRETS.into_iter().find(|key| line.starts_with(key.as_bytes())) else { continue };
        let value = line[key.len()..].trim_ascii_start();
        let Some(value) = value.strip_prefix(b"=").map(<[u8]>::trim_ascii_start) else { continue };
        let escaped = value.windows(2).filter(|pair| pair == b"\\$").count();
        if !value.starts_with(b"'") && value.iter().filter(|byte| **byte == b'$').count() > escaped {
            return Err(Error::config(format!(
                "{} line {}: put the value of {key} in single quotes, since it holds a $",
                file.display(),
                index + 1
            )));
        }
    }
    Ok(())
}

/// Reads `KWTSMS_TEST_MODE`: a typing error must never become a live send.
pub(crate) fn test_mode(value: &str) -> Result<bool, Error> {
    match value.trim().to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(Error::config(format!("{TEST_MODE} must be 1, 0, true or false"))),
    }
}

/// Checks a base URL; says with it whether its host is this machine.
pub(crate) fn base_url(text: &str) -> Result<(Url, bool), Error> {
    let refuse = |why: &str| Error::config(format!("the base URL is refused: {why}"));
    let mut url =
        Url::parse(text.trim()).map_err(|error| Error::config_from("the base URL cannot be read", error))?;
    let local = match url.host_str() {
        None => return Err(refuse("it names no host")),
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
    };
    match url.scheme() {
        "https" => {}
        "http" if local => {}
        "http" => return Err(refuse("the password would travel in clear over http://; use https://")),
        _ => return Err(refuse("it must begin with https://")),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse("it must hold no user name and no password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it must hold no ? and no #"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok((url, local))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Result<HashMap<&'static str, String>, Error> {
        let dir = std::env::temp_dir().join(format!(
            "kwtsms-config-{}-{:x}",
            std::process::id(),
            fastrand::u64(..)
        ));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join(".env");
        std::fs::write(&path, text).unwrap();
        let read = from_file(&path, true);
        std::fs::remove_dir_all(dir).unwrap();
        read
    }

    #[test]
    fn a_file_is_read_with_quotes_comments_and_a_byte_order_mark() {
        let values = file(
            "\u{feff}# account\nKWTSMS_USERNAME=user\nexport KWTSMS_PASSWORD='pa$s #1'\nOTHER=x\nKWTSMS_LOG_FILE=\n",
        )
        .unwrap();
        assert_eq!(values[USERNAME], "user");
        assert_eq!(values[PASSWORD], "pa$s #1");
        assert_eq!(values[LOG_FILE], "");
        assert!(!values.contains_key("OTHER"));
    }

    #[test]
    fn a_dollar_that_would_change_the_password_is_an_error_that_does_not_show_it() {
        for line in
            ["KWTSMS_PASSWORD=sec$ret", "KWTSMS_PASSWORD = \"sec$ret\"", "export KWTSMS_PASSWORD=sec\\$r$et"]
        {
            let error = file(&format!("A=1\n{line}\n")).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("line 2") && text.contains("single quotes"), "{text}");
            assert!(!text.contains("sec"), "{text}");
        }
        assert_eq!(file("KWTSMS_PASSWORD=sec\\$ret").unwrap()[PASSWORD], "sec$ret");
    }

    #[test]
    fn a_line_that_cannot_be_read_is_an_error_that_does_not_show_it() {
        let error = file("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='hunter2\n").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }

    #[test]
    fn a_missing_file_is_no_error_unless_it_was_asked_for() {
        let nowhere = Path::new("/nonexistent/.env");
        assert!(from_file(nowhere, false).unwrap().is_empty());
        assert!(from_file(nowhere, true).is_err());
        assert!(from_file(Path::new("/"), false).is_err(), "a folder is not a file");
    }

    #[test]
    fn values_are_replaced_and_debug_shows_keys_only() {
        let mut settings = Environment::default();
        assert_eq!(settings.missing_credentials(), [USERNAME, PASSWORD]);
        settings.set(USERNAME, "user");
        settings.set(PASSWORD, "hunter2");
        settings.set("PATH", "nowhere");
        assert!(settings.missing_credentials().is_empty());
        assert_eq!(settings.get(PASSWORD), Some("hunter2"));
        assert_eq!(settings.get("PATH"), None);
        assert_eq!(format!("{settings:?}"), r#"{"KWTSMS_USERNAME", "KWTSMS_PASSWORD"}"#);
        assert!(settings.log_file().is_none());
        settings.set(LOG_FILE, "");
        assert_eq!(settings.log_file(), Some(None));
    }

    #[test]
    fn test_mode_is_one_of_four_words() {
        for (word, mode) in
            [("1", true), ("true", true), ("TRUE", true), ("0", false), ("false", false), (" 0 ", false)]
        {
            assert_eq!(test_mode(word).unwrap(), mode);
        }
        for word in ["yes", "on", "2", "falsch", "-1"] {
            assert!(test_mode(word).is_err(), "{word}");
        }
    }

    #[test]
    fn clear_text_is_refused_unless_the_host_is_this_machine() {
        for url in [
            "http://www.kwtsms.com/API/",
            "http://127.0.0.1.example.com/",
            "http://10.0.0.1/",
            "ftp://localhost/",
            "nonsense",
            "https://user:pw@host/",
            "https://host/?a=1",
            "http://localhost.example/",
        ] {
            let error = base_url(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("pw@"), "{error:?}");
        }
        for url in
            ["http://localhost:1/API/", "http://127.0.0.1:1/API", "http://[::1]:1/", "http://127.9.9.9/"]
        {
            let (parsed, local) = base_url(url).unwrap();
            assert!(local && parsed.path().ends_with('/'), "{url}");
        }
        assert!(!base_url(DEFAULT_BASE_URL).unwrap().1);
    }
}
