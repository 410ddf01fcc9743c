//! A code as a value.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::table::{self, Row};
use super::{CodeClass, CodeSource, UserMessage};

/// Holds an error code of the gateway, such as `ERR003`.
///
/// The known codes are constants over one table that says what each of them means, what to do about it and
/// whether a wait helps. A code that is not in the table survives as it came, so a code that the gateway adds
/// tomorrow is not lost today.
///
/// ```
/// use kwtsms_async::{ApiCode, CodeSource};
///
/// let code = ApiCode::new("ERR003");
/// assert_eq!(code, ApiCode::ERR003);
/// assert_eq!(code.meaning(), "the API user name or password is wrong");
/// assert!(code.is_account_problem());
///
/// let tomorrow = ApiCode::new("ERR099");
/// assert_eq!(tomorrow.as_str(), "ERR099");
/// assert_eq!(tomorrow.source(), CodeSource::Unknown);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiCode(pub(super) Cow<'static, str>);

impl ApiCode {
    /// Takes a code as the gateway gave it.
    ///
    /// A known code is recognised in any letter case and with blanks around it; anything else is kept unchanged.
    pub fn new(text: &str) -> Self {
        match table::find(text.trim()) {
            Some(row) => row.code.clone(),
            None => Self(Cow::Owned(text.to_owned())),
        }
    }

    /// Iterates over every code of the table, in order: the documented ones and those of a single source.
    pub fn known() -> impl Iterator<Item = Self> {
        table::ROWS.iter().map(|row| row.code.clone())
    }

    /// Iterates over the codes of the API document v4.1, in order.
    pub fn documented() -> impl Iterator<Item = Self> {
        Self::known().filter(Self::is_documented)
    }

    /// Gives the code as text; for an unknown code that is whatever the gateway wrote.
    ///
    /// `Display` and `Debug` are the safe way into a log: they write `unrecognised code` for anything that is
    /// not `ERR` and 1 to 16 ASCII letters, digits, `_` or `-`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether the code is one of the API document v4.1.
    pub fn is_documented(&self) -> bool {
        self.source() == CodeSource::Documented
    }

    /// Says where the meaning of the code comes from.
    pub fn source(&self) -> CodeSource {
        self.row().map_or(CodeSource::Unknown, |row| row.source)
    }

    /// Says what the code means, as a phrase without capital or full stop.
    pub fn meaning(&self) -> &'static str {
        self.row()
            .map_or("the gateway refused the request with a code unknown to this version", |row| row.meaning)
    }

    /// Says what the reader, who is a developer or an operator, should do about it.
    pub fn action(&self) -> &'static str {
        self.row().map_or(
            "Read the gateway's description of the error, and ask kwtSMS support if it says too little; \
             do not simply send again.",
            |row| row.action,
        )
    }

    /// Gives the class, from which follows what is retried and what stops a bulk run.
    pub fn class(&self) -> CodeClass {
        self.row().map_or(CodeClass::NumbersRefused, |row| row.class)
    }

    /// Gives the time after which the same call may pass: 30 s for `ERR013`, 16 s for `ERR028`, 24 h for
    /// `ERR022`, 5 min for `ERR019` and `ERR023`, and nothing for codes that waiting does not help.
    ///
    /// `ERR035` has none although it is over the next day: nobody documents when that day begins.
    pub fn retry_after(&self) -> Option<Duration> {
        self.class().retry_after()
    }

    /// Tells whether the operator of the account has to act: credentials, balance, a blocked account, a refused
    /// IP address, an API that is off, no active country.
    ///
    /// Such a code is worth an alert, for nothing is sent until someone acts.
    pub fn is_account_problem(&self) -> bool {
        self.row().is_some_and(|row| row.account)
    }

    /// Gives the sentence that may be shown to an end user, without the code and without the reason.
    pub fn user_message(&self) -> UserMessage {
        self.row().map_or(UserMessage::Unavailable, |row| row.user)
    }

    fn row(&self) -> Option<&'static Row> {
        table::find(&self.0)
    }

    /// What `Display` and `Debug` may write: the text comes from outside and could hold anything, a one-time code or
    /// the password too. So it is written only if it has the form of the gateway's codes.
    pub(crate) fn shown(&self) -> &str {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let rest = self.0.strip_prefix("ERR").unwrap_or_default();
        if (1..=16).contains(&rest.len()) && rest.bytes().all(plain) { &self.0 } else { "unrecognised code" }
    }
}

impl fmt::Display for ApiCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.shown())
    }
}

impl fmt::Debug for ApiCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiCode({})", self.shown())
    }
}

impl From<&str> for ApiCode {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for ApiCode {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl FromStr for ApiCode {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::new(text))
    }
}

impl AsRef<str> for ApiCode {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for ApiCode {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for ApiCode {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Serialize for ApiCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ApiCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_code_is_recognised_in_any_case_and_with_blanks() {
        for text in ["ERR013", "err013", " ERR013\n"] {
            assert_eq!(ApiCode::new(text), ApiCode::ERR013);
            assert_eq!(ApiCode::new(text).as_str(), "ERR013");
        }
        assert!(matches!(ApiCode::new("ERR013").0, Cow::Borrowed(_)), "a known code costs no allocation");
    }

    #[test]
    fn an_unknown_code_survives_as_it_came_and_is_never_retried() {
        for text in ["ERR014", "ERR099", " err099 ", "", "ERR0131", "MAINTENANCE_1", "خطأ"] {
            let code = ApiCode::new(text);
            assert_eq!(code.as_str(), text);
            assert_eq!(code.source(), CodeSource::Unknown);
            assert!(!code.is_documented() && !code.is_account_problem());
            assert_eq!(code.class(), CodeClass::NumbersRefused);
            assert!(!code.class().stops_run());
            assert_eq!(code.retry_after(), None);
            assert_eq!(code.user_message(), UserMessage::Unavailable);
            assert_eq!(serde_json::to_value(&code).unwrap(), text);
        }
    }

    #[test]
    fn a_code_that_is_no_code_is_kept_but_not_written_out() {
        let long = format!("ERR{}", "1".repeat(17));
        for text in [
            "",
            " ERR099",
            "your code is 1234",
            "a\nb",
            "<b>",
            "خطأ",
            "123456",
            "hunter2",
            "ERR",
            long.as_str(),
        ] {
            let code = ApiCode::new(text);
            assert_eq!(code.to_string(), "unrecognised code");
            assert_eq!(format!("{code:?}"), "ApiCode(unrecognised code)");
            assert_eq!(code.as_str(), text);
        }
        for text in ["ERR099", "ERR_LIMIT-x", &long[..19]] {
            assert_eq!(ApiCode::new(text).to_string(), text);
            assert_eq!(format!("{:?}", ApiCode::new(text)), format!("ApiCode({text})"));
        }
    }

    #[test]
    fn the_wrong_password_hint_names_the_mobile_number() {
        assert!(ApiCode::ERR003.action().contains("not the mobile number"));
    }

    #[test]
    fn equality_does_not_see_how_the_text_is_held() {
        let held = ApiCode(Cow::Owned("ERR005".to_owned()));
        assert_eq!(held, ApiCode::ERR005);
        assert_eq!(held, "ERR005");
        assert_eq!(held, *"ERR005");
        assert_eq!(std::collections::HashSet::from([held, ApiCode::ERR005]).len(), 1);
    }

    #[test]
    fn serde_writes_and_reads_a_string() {
        assert_eq!(serde_json::to_string(&ApiCode::ERR024).unwrap(), "\"ERR024\"");
        assert_eq!(serde_json::from_str::<ApiCode>("\"ERR024\"").unwrap(), ApiCode::ERR024);
        assert!(serde_json::from_str::<ApiCode>("24").is_err());
    }

    #[test]
    fn a_string_becomes_a_code_in_every_usual_way() {
        assert_eq!("ERR001".parse(), Ok(ApiCode::ERR001));
        assert_eq!(ApiCode::from("ERR001"), ApiCode::from(String::from("ERR001")));
        assert_eq!(format!("{:>8}|", ApiCode::ERR001), "  ERR001|");
    }
}
