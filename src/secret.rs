//! The API password, which leaves this type in one place only.

use std::borrow::Cow;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A password that neither `Debug` nor an error shows, and that is wiped when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Wraps a password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(SecretString::from(password.into()))
    }

    /// True for the empty password, which no account has.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.expose_secret().is_empty()
    }

    /// Gives the password in clear; called where the head of every request body is written and nowhere else.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// A text with `***` wherever it repeats the password, or instead of it if it is nothing else. A password of up to
    /// three letters is only seen when it is the whole text, since it stands in any.
    #[cfg_attr(not(feature = "jsonl"), allow(dead_code))]
    pub(crate) fn hidden_in<'a>(&self, text: &'a str) -> Cow<'a, str> {
        const HIDDEN: &str = "***";
        let password = self.0.expose_secret();
        if text == password {
            return HIDDEN.into();
        }
        if password.len() < 4 || !text.contains(password) {
            return text.into();
        }
        text.replace(password, HIDDEN).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl From<&str> for Secret {
    fn from(password: &str) -> Self {
        Self::new(password)
    }
}

impl From<String> for Secret {
    fn from(password: String) -> Self {
        Self::new(password)
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_never_shows_the_password() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(***)");
    }

    #[test]
    fn a_text_that_repeats_the_password_loses_it() {
        let password = Secret::new("hunter2");
        for (text, shown) in
            [("hunter2", "***"), ("is hunter2, hunter2", "is ***, ***"), ("hunter", "hunter")]
        {
            assert_eq!(password.hidden_in(text), shown);
        }
        let short = Secret::new("abc");
        assert_eq!((short.hidden_in("abc").as_ref(), short.hidden_in("abcd").as_ref()), ("***", "abcd"));
    }
}
