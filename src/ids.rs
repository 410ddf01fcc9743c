//! The two names that the gateway deals in: who sends, and which message.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Names the sender that recipients see instead of a number.
///
/// Letter case counts: `MY-APP` and `My-App` are two senders. An id that the account does not own, or owns in
/// another case, does not fail for certain; by the gateway's FAQ the message may go out under the shared
/// `KWT-SMS` instead.
///
/// ```
/// use kwtsms_async::SenderId;
///
/// let sender = SenderId::parse(" MY-APP ")?;
/// assert_eq!(sender.as_str(), "MY-APP");
/// assert!(SenderId::parse("A-FAR-TOO-LONG-NAME").is_err());
/// # Ok::<(), kwtsms_async::SenderIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SenderId(Cow<'static, str>);

/// Says why a text cannot be a sender id, and what to do. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SenderIdError {
    /// Nothing is left after trimming.
    #[error("the sender id is empty: give the one registered for the account at kwtsms.com")]
    Empty,
    /// The id is longer than the gateway takes.
    #[error("the sender id has {characters} characters: at most {} are allowed", SenderId::MAX_CHARACTERS)]
    TooLong {
        /// Length after trimming, in characters.
        characters: usize,
    },
    /// There is a line break, a tab or another control character inside.
    #[error("the sender id holds a control character such as a line break: take it out")]
    ControlCharacter,
}

impl SenderId {
    /// The longest sender id, in characters (API document v4.1).
    pub const MAX_CHARACTERS: usize = 11;

    /// The sender that all accounts share for tests: slow on purpose, not for production.
    pub const KWT_SMS: Self = Self(Cow::Borrowed("KWT-SMS"));

    /// Takes a sender id, without the blanks around it and with its letter case.
    ///
    /// The API document v4.1 calls the field alphanumeric, yet its own `KWT-SMS` has a hyphen, ids with dots and
    /// blanks are in use, and an Arabic one was accepted. So no alphabet is enforced: an id that was registered
    /// must not be refused here.
    ///
    /// # Errors
    ///
    /// [`SenderIdError`] if nothing is left after trimming, if it is over 11 characters long, or if it holds a
    /// control character.
    pub fn parse(text: &str) -> Result<Self, SenderIdError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(SenderIdError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(SenderIdError::ControlCharacter);
        }
        let characters = text.chars().count();
        if characters > Self::MAX_CHARACTERS {
            return Err(SenderIdError::TooLong { characters });
        }
        Ok(Self(Cow::Owned(text.to_owned())))
    }

    /// Gives the id as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether this is the shared `KWT-SMS`.
    ///
    /// Messages under it take 100 seconds or more on purpose, and do not reach Virgin or blacklisted numbers (API
    /// document v4.1). It is good for trying things out and bad for one-time codes.
    #[inline]
    pub fn is_shared_test_sender(&self) -> bool {
        *self == Self::KWT_SMS
    }
}

/// Identifies an accepted request, as the gateway gave it.
///
/// There is one id for each request whatever the count of numbers in it. The status and report calls ask by it. The
/// document shows 32 lower-case hexadecimal digits and calls the field alphanumeric. An id of another form is kept all
/// the same, since a message that was paid for is found by it: letters and digits, and between them `-` `_` `.` `:`
/// `+` `/` `=`, as UUIDs and other common forms have them.
///
/// ```
/// use kwtsms_async::MessageId;
///
/// let id: MessageId = "f4c841adee210f31307633ceaebff2ec".parse()?;
/// assert_eq!(id.to_string(), "f4c841adee210f31307633ceaebff2ec");
/// # Ok::<(), kwtsms_async::MessageIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct MessageId(String);

/// Says why a text cannot be a message id, and what to do. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageIdError {
    /// Nothing is left after trimming.
    #[error("the message id is empty: give the one that the send call returned")]
    Empty,
    /// The id is longer than any the gateway gives.
    #[error(
        "the message id has {characters} characters, over {}: give the one that the send call returned",
        MessageId::MAX_CHARACTERS
    )]
    TooLong {
        /// Length after trimming, in characters.
        characters: usize,
    },
    /// It does not begin with a letter or a digit, or there is something inside that ids do not have.
    #[error(
        "the message id holds something else than the letters a to z, digits and -_.:+/= between them: give the one \
         that the send call returned"
    )]
    UnusableCharacter,
}

/// The bytes that a message id may hold.
static USABLE: [bool; 256] = {
    let (mut usable, mut byte) = ([false; 256], 0);
    while byte < usable.len() {
        usable[byte] = matches!(
            byte as u8,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b':' | b'+' | b'/' | b'='
        );
        byte += 1;
    }
    usable
};

impl MessageId {
    /// The longest message id taken, in characters: four times the 32 of the API document v4.1.
    pub const MAX_CHARACTERS: usize = 128;

    /// Takes a message id, without the blanks around it.
    ///
    /// # Errors
    ///
    /// [`MessageIdError`] if nothing is left after trimming, if it is over 128 characters long, if it does not begin
    /// with an ASCII letter or digit, or if it holds anything but those and `-` `_` `.` `:` `+` `/` `=`.
    #[inline]
    pub fn parse(text: &str) -> Result<Self, MessageIdError> {
        let text = trimmed(text);
        if text.is_empty() {
            return Err(MessageIdError::Empty);
        }
        let is_usable = |byte: u8| USABLE[usize::from(byte)];
        if !text.as_bytes()[0].is_ascii_alphanumeric() || !text.bytes().all(is_usable) {
            return Err(MessageIdError::UnusableCharacter);
        }
        if text.len() > Self::MAX_CHARACTERS {
            return Err(MessageIdError::TooLong { characters: text.len() });
        }
        Ok(Self(text.to_owned()))
    }

    /// Gives the id as the gateway gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text without the blanks around it. Nearly none has any, which is seen at its ends without decoding characters.
#[inline]
pub(crate) fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// What both ids can do, in the same way.
macro_rules! text_id {
    ($id:ident, $error:ident) => {
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($id), self.as_str())
            }
        }

        impl AsRef<str> for $id {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl FromStr for $id {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl TryFrom<&str> for $id {
            type Error = $error;

            fn try_from(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $id {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                Self::parse(&text)
            }
        }
    };
}

/// Where a sender id is taken as a text, one that was checked before is taken too.
impl From<SenderId> for String {
    fn from(id: SenderId) -> Self {
        id.0.into_owned()
    }
}

impl From<&SenderId> for String {
    fn from(id: &SenderId) -> Self {
        id.as_str().to_owned()
    }
}

impl From<MessageId> for String {
    fn from(id: MessageId) -> Self {
        id.0
    }
}

text_id!(SenderId, SenderIdError);
text_id!(MessageId, MessageIdError);

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "f4c841adee210f31307633ceaebff2ec";

    #[test]
    fn a_sender_id_keeps_its_case_and_loses_the_blanks_around_it() {
        assert_eq!(SenderId::parse("  My-App 1\r\n").unwrap().as_str(), "My-App 1");
        assert_ne!(SenderId::parse("Kuwait").unwrap(), SenderId::parse("KUWAIT").unwrap());
    }

    #[test]
    fn the_quick_look_at_the_ends_of_a_text_trims_as_the_standard_library_does() {
        let ends = [
            "", " ", "\t", "\u{b}", "\u{85}", "\u{a0}", "\u{2003}", "\u{feff}", "\0", "\u{7f}", "a", "ن", ".",
        ];
        for start in ends {
            for middle in ["", "-", "x y"] {
                for end in ends {
                    let text = format!("{start}{middle}{end}");
                    assert_eq!(trimmed(&text), text.trim(), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn a_sender_id_is_measured_in_characters_after_trimming() {
        assert_eq!(SenderId::parse(" ABCDEFGHIJK ").unwrap().as_str(), "ABCDEFGHIJK");
        assert_eq!(SenderId::parse("ABCDEFGHIJKL"), Err(SenderIdError::TooLong { characters: 12 }));
        let arabic = "شركةالكويتا";
        assert_eq!((arabic.chars().count(), arabic.len()), (11, 22));
        assert_eq!(SenderId::parse(arabic).unwrap().as_str(), arabic);
    }

    #[test]
    fn what_cannot_be_a_sender_id_is_refused_with_what_to_do() {
        for text in ["", "   ", "\n\t"] {
            assert_eq!(SenderId::parse(text), Err(SenderIdError::Empty));
        }
        for text in ["MY\nAPP", "A\tB", "A\0B", "A\u{85}B\u{7f}"] {
            assert_eq!(SenderId::parse(text), Err(SenderIdError::ControlCharacter));
        }
        assert_eq!(
            SenderIdError::TooLong { characters: 12 }.to_string(),
            "the sender id has 12 characters: at most 11 are allowed"
        );
    }

    #[test]
    fn only_the_exact_shared_sender_is_the_shared_sender() {
        assert!(SenderId::parse("KWT-SMS").unwrap().is_shared_test_sender());
        assert_eq!(SenderId::parse("KWT-SMS").unwrap(), SenderId::KWT_SMS);
        assert!(!SenderId::parse("kwt-sms").unwrap().is_shared_test_sender());
    }

    #[test]
    fn a_message_id_is_kept_as_the_gateway_gave_it() {
        assert_eq!(MessageId::parse(ID).unwrap().as_str(), ID);
        assert_eq!(MessageId::parse(&format!("{ID}\n")).unwrap().as_str(), ID);
        assert_eq!(MessageId::parse("ABC9").unwrap().as_str(), "ABC9");
        assert!(MessageId::parse(&"a".repeat(128)).is_ok());
        for id in ["0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", "12345", "A9_x.1:2", "Zm9vYg+/bar="] {
            assert_eq!(MessageId::parse(id).unwrap().as_str(), id);
        }
    }

    #[test]
    fn what_cannot_be_a_message_id_is_refused() {
        assert_eq!(MessageId::parse("  "), Err(MessageIdError::Empty));
        assert_eq!(MessageId::parse(&"a".repeat(129)), Err(MessageIdError::TooLong { characters: 129 }));
        for text in
            ["-1", "f4c8 41ad", "../balance", "f4c8\"", "f4c8\\", "{f4c8}", "<b>", "a,b", "a\0b", "é", "٣"]
        {
            assert_eq!(MessageId::parse(text), Err(MessageIdError::UnusableCharacter), "{text}");
        }
    }

    #[test]
    fn both_ids_pass_through_json_checked() {
        assert_eq!(serde_json::to_string(&SenderId::KWT_SMS).unwrap(), "\"KWT-SMS\"");
        assert_eq!(serde_json::from_str::<SenderId>("\"KWT-SMS\"").unwrap(), SenderId::KWT_SMS);
        assert!(serde_json::from_str::<SenderId>("\"\"").is_err());
        let id = MessageId::parse(ID).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{ID}\""));
        assert_eq!(serde_json::from_str::<MessageId>(&format!("\"{ID}\"")).unwrap(), id);
        assert!(serde_json::from_str::<MessageId>("\"a b\"").is_err());
    }

    #[test]
    fn errors_do_not_repeat_what_was_given() {
        let given = "MY SECRET PASSWORD";
        let sender = SenderId::parse(given).unwrap_err();
        let message = MessageId::parse(given).unwrap_err();
        assert!(!format!("{sender}{sender:?}{message}{message:?}").contains(given));
    }

    #[test]
    fn both_ids_are_written_plain_and_debugged_with_their_type() {
        assert_eq!(
            format!("{:<9}|{:?}", SenderId::KWT_SMS, SenderId::KWT_SMS),
            "KWT-SMS  |SenderId(\"KWT-SMS\")"
        );
        assert_eq!(format!("{:?}", ID.parse::<MessageId>().unwrap()), format!("MessageId({ID:?})"));
        assert_eq!(MessageId::try_from(ID).unwrap().as_ref(), ID);
        assert_eq!(SenderId::try_from(String::from("A")).unwrap().as_ref(), "A");
    }
}
