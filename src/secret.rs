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

    /// True if its first or its last character is such a one.
    pub(crate) fn begins_or_ends_with(&self, such: impl Fn(char) -> bool) -> bool {
        let password = self.0.expose_secret();
        password.starts_with(&such) || password.ends_with(&such)
    }

    /// Looks at the password where it is, for a check whose error shows nothing of it.
    pub(crate) fn check<E>(&self, look: impl FnOnce(&str) -> Result<(), E>) -> Result<(), E> {
        look(self.0.expose_secret())
    }

    /// Gives the password in clear; called where the head of every request body is written and nowhere else.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is unusual about it, without a part of it: see [`oddities`].
    #[cfg(feature = "diagnose")]
    pub(crate) fn oddities(&self) -> Vec<&'static str> {
        oddities(self.0.expose_secret(), MOST_OF_A_PASSWORD)
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

/// The longest password (API document v4.1), in characters.
#[cfg(feature = "diagnose")]
const MOST_OF_A_PASSWORD: usize = 30;

/// What often explains that a credential is refused, each as what one says of it: it "has blanks around it".
#[cfg(feature = "diagnose")]
pub(crate) fn oddities(value: &str, most: usize) -> Vec<&'static str> {
    let quotes = ['"', '\'', '`', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}'];
    let blanks = value.trim() != value;
    let is_quoted = value.trim().starts_with(quotes) || value.trim().ends_with(quotes);
    let is_hidden =
        |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    let hides = value.trim().contains(|c: char| c.is_control() || is_hidden(c));
    let is_foreign = value.contains(|c: char| !c.is_ascii() && !quotes.contains(&c) && !is_hidden(c));
    [
        (blanks, "has blanks around it"),
        (is_quoted, "has a quotation mark at an end"),
        (hides, "holds a line break or another character that is not seen"),
        (is_foreign, "holds a character beyond ASCII"),
        (value.chars().count() > most, "is longer than the gateway's own are"),
    ]
    .into_iter()
    .filter_map(|(is_so, what)| is_so.then_some(what))
    .collect()
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

    #[cfg(feature = "diagnose")]
    #[test]
    fn what_is_unusual_about_a_credential_is_told_without_it() {
        for (value, told) in [
            ("p#a&s?s", ""),
            (" hunter2", "has blanks around it"),
            ("hunter2\n", "has blanks around it"),
            ("\"hunter2\"", "has a quotation mark at an end"),
            ("\u{201c}hunter2\u{201d}", "has a quotation mark at an end"),
            ("hun\u{200b}ter2", "holds a line break or another character that is not seen"),
            ("hun\nter2", "holds a line break or another character that is not seen"),
            ("h\u{fc}nter2", "holds a character beyond ASCII"),
            ("a string of thirty-one characters", "is longer than the gateway's own are"),
        ] {
            assert_eq!(Secret::new(value).oddities().join(", "), told, "{value:?}");
        }
        assert_eq!(super::oddities("0123456789abcdef", 15), ["is longer than the gateway's own are"]);
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
