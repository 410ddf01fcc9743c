//! The settings of a process, and where each comes from.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::checks::{no_control_character, switch};
use super::dotenv;
use super::keys::{CREDENTIALS, ENV_FILE, KEYS, LITERAL, LOG_FILE, TEST_MODE};
use crate::error::Error;

/// Tells whether a `KWTSMS_*` variable is set and not empty, in the process environment or in `.env`.
///
/// # Errors
///
/// Of kind `Config`, as for [`Environment::from_env`].
pub fn is_set(key: &str) -> Result<bool, Error> {
    Ok(Environment::from_env()?.get(key).is_some())
}

/// Where a value comes from. `Display` names it, without the value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// A variable of the process.
    Process,
    /// A line of this file.
    File(PathBuf),
    /// The program itself, by [`Environment::set`].
    Program,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("the environment"),
            Self::File(file) => file.display().fmt(f),
            Self::Program => f.write_str("the program"),
        }
    }
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
/// assert_eq!(settings.origin(config::BASE_URL), Some(&config::Origin::Program));
/// let client = ClientBuilder::from_environment(&settings)?.build()?;
/// # Ok::<(), kwtsms_async::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Environment {
    values: HashMap<&'static str, Value>,
    file: PathBuf,
    /// What the file holds, used or not, if nobody named it: it was only found.
    found: Option<HashMap<&'static str, String>>,
}

#[derive(Clone)]
struct Value {
    text: String,
    origin: Origin,
}

impl Environment {
    /// Reads the process environment, completed from `.env` in the working directory if it is there. Of such a file
    /// not everything is taken for every account: see [`confirmed`](Self::confirmed).
    ///
    /// A file that is a pipe is waited for; a program that must not stand still meanwhile reads on a thread.
    ///
    /// # Errors
    ///
    /// Of kind `Config`: `.env` is there and cannot be read, or says of one of our keys what cannot be told (the line
    /// is named); a variable is not UTF-8; a user name, password or path has a control character, such as the line
    /// break at the end of a mounted secret.
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
    /// Of kind `Config` if the file cannot be read, as for [`from_env`](Self::from_env).
    pub fn from_file(file: impl AsRef<Path>) -> Result<Self, Error> {
        let file = file.as_ref();
        Ok(Self::of_file(file, dotenv::read(file, true)?, true))
    }

    /// Reads the process environment alone, without a file.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, as for [`from_env`](Self::from_env) of a variable.
    pub fn from_process() -> Result<Self, Error> {
        Self::default().with_process()
    }

    /// The file that the values were completed from, whether it was there or not.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Sets a value in place of what was read. A key that is none of this module's changes nothing.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        if let Some(key) = KEYS.into_iter().find(|known| *known == key) {
            self.values.insert(key, Value { text: value.into(), origin: Origin::Program });
        }
    }

    /// The credentials that are not set: none, one or both of [`USERNAME`](super::USERNAME) and
    /// [`PASSWORD`](super::PASSWORD).
    pub fn missing_credentials(&self) -> Vec<&'static str> {
        CREDENTIALS.into_iter().filter(|key| self.get(key).is_none()).collect()
    }

    /// The keys that are set, in the order in which this module has them.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        KEYS.into_iter().filter(|key| self.values.contains_key(key))
    }

    /// Where a value comes from; `None` if the key is not set.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.values.get(key).map(|value| &value.origin)
    }

    /// Reads the process environment and `file`; a file that does not exist is no error unless it was `named`.
    fn read(file: &Path, named: bool) -> Result<Self, Error> {
        Self::of_file(file, dotenv::read(file, named)?, named).with_process()
    }

    /// The variables of the process win.
    fn with_process(mut self) -> Result<Self, Error> {
        for key in KEYS {
            match std::env::var(key) {
                Ok(text) if !text.is_empty() || key == LOG_FILE => {
                    self.values.insert(key, Value { text, origin: Origin::Process });
                }
                Ok(_) | Err(std::env::VarError::NotPresent) => {}
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(Error::config(format!("{key} is not valid UTF-8")));
                }
            }
        }
        for (key, value) in LITERAL.into_iter().filter_map(|key| Some((key, self.get(key)?))) {
            no_control_character(key, value)?;
        }
        Ok(self)
    }

    fn of_file(file: &Path, held: HashMap<&'static str, String>, named: bool) -> Self {
        let value = |text: &String| Value { text: text.clone(), origin: Origin::File(file.to_owned()) };
        let values = held.iter().map(|(key, text)| (*key, value(text))).collect();
        Self { values, file: file.to_owned(), found: (!named).then_some(held) }
    }

    /// A value that is set and not empty. With [`PASSWORD`](super::PASSWORD) it is the password: never log it.
    ///
    /// What says where something goes is read by [`confirmed`](Self::confirmed).
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(|value| value.text.as_str()).filter(|text| !text.is_empty())
    }

    /// A value that says where requests go, where is written or by what codes are checked, such as
    /// [`BASE_URL`](super::BASE_URL), [`LOG_FILE`](super::LOG_FILE), [`STORE`](super::STORE) and
    /// [`OTP_KEY`](super::OTP_KEY), if it is set and not empty.
    ///
    /// # Errors
    ///
    /// Of kind `Config`: it stands in a `.env` that nobody named, and that file does not hold the user name and the
    /// password which are used. Whoever can write into the working directory must not send the credentials of
    /// somebody else elsewhere, or have something written for them.
    pub fn confirmed(&self, key: &str) -> Result<Option<&str>, Error> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let (Some(held), Some(Origin::File(file))) = (&self.found, self.origin(key)) else {
            return Ok(Some(value));
        };
        let holds = |key: &&str| {
            let used = self.get(key);
            used.is_some() && used == held.get(*key).map(String::as_str)
        };
        if CREDENTIALS.iter().all(holds) {
            return Ok(Some(value));
        }
        Err(Error::config(format!(
            "{} sets {key} for credentials that it does not hold, and was only found in the working directory: set {key} \
             where {} are set, or, if the file is yours, name it (from_env_file, in the command --env-file)",
            file.display(),
            CREDENTIALS.join(" and ")
        )))
    }

    /// Test mode as it is set; off if it is not.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, if it is neither `1`, `0`, `true` nor `false`.
    pub fn test_mode(&self) -> Result<bool, Error> {
        self.get(TEST_MODE).map_or(Ok(false), |value| switch(TEST_MODE, value))
    }

    /// The log file: `None` if unset, `Some(None)` if switched off. Whoever writes to it asks
    /// [`confirmed`](Self::confirmed) before.
    pub fn log_file(&self) -> Option<Option<PathBuf>> {
        let path = &self.values.get(LOG_FILE)?.text;
        Some((!path.is_empty()).then(|| PathBuf::from(path)))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{BASE_URL, PASSWORD, STORE, USERNAME};
    use super::*;

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

    fn of(file: &[(&'static str, &str)], named: bool) -> Environment {
        let held = file.iter().map(|(key, value)| (*key, (*value).to_owned())).collect();
        Environment::of_file(Path::new(".env"), held, named)
    }

    #[test]
    fn a_found_file_says_where_things_go_for_its_own_credentials_only() {
        let elsewhere = [(BASE_URL, "https://other/API/"), (STORE, "other.db")];
        let whole = [&elsewhere[..], &[(USERNAME, "user"), (PASSWORD, "hunter2")]].concat();
        for (file, set, held) in [
            (&whole[..], &[][..], true),
            (&whole, &[(USERNAME, "user"), (PASSWORD, "hunter2")], true), // the same ones
            (&whole, &[(USERNAME, "other")], false),
            (&whole, &[(PASSWORD, "other")], false),
            (&whole[..3], &[(PASSWORD, "hunter2")], false),
            (&elsewhere, &[], false),
            (&elsewhere, &[(USERNAME, "user"), (PASSWORD, "hunter2")], false),
        ] {
            for named in [false, true] {
                let mut settings = of(file, named);
                set.iter().for_each(|(key, value)| settings.set(key, *value));
                for (key, value) in elsewhere {
                    match settings.confirmed(key) {
                        Ok(confirmed) => {
                            assert!(held || named, "{key}, {set:?}");
                            assert_eq!(confirmed, Some(value));
                        }
                        Err(error) => {
                            let error = format!("{error:#}");
                            assert!(!held && !named, "{error}");
                            assert!(error.starts_with(&format!(".env sets {key}")), "{error}");
                            assert!(error.contains("--env-file") && !error.contains("hunter2"), "{error}");
                        }
                    }
                    settings.set(key, "mine");
                    assert_eq!(settings.confirmed(key).unwrap(), Some("mine"), "the program says so itself");
                }
                assert_eq!(settings.confirmed(LOG_FILE).unwrap(), None);
            }
        }
    }

    #[test]
    fn each_value_has_its_origin() {
        let mut settings = of(&[(USERNAME, "user"), (LOG_FILE, "")], true);
        settings.set(PASSWORD, "hunter2");
        assert_eq!(settings.origin(USERNAME), Some(&Origin::File(".env".into())));
        assert_eq!(settings.origin(LOG_FILE), Some(&Origin::File(".env".into())));
        assert_eq!(settings.origin(PASSWORD), Some(&Origin::Program));
        assert_eq!(settings.origin(BASE_URL), None);
        let shown =
            [Origin::Process, Origin::File("a/.env".into()), Origin::Program].map(|at| at.to_string());
        assert_eq!(shown, ["the environment", "a/.env", "the program"]);
    }
}
