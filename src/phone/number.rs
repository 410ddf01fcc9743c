//! A phone number.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::PhoneError;

/// A phone number with its country code: 7 to 15 digits, the first of them not zero.
///
/// `Display` writes the digits, as the gateway wants them. `Debug` and [`masked`](Self::masked) hide the middle,
/// so a number can be part of a log line. With serde it is a string of digits; reading takes everything that
/// [`parse`](Self::parse) does, and integers.
///
/// ```
/// use kwtsms_async::PhoneNumber;
///
/// let number: PhoneNumber = "+965 9876 5432".parse()?;
/// assert_eq!(format!("{number} {number:?}"), "96598765432 965****432");
/// # Ok::<_, kwtsms_async::PhoneError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(pub(super) u64);

impl PhoneNumber {
    /// The digits as an integer.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// How many digits it has.
    #[inline]
    pub fn digits(self) -> usize {
        self.0.ilog10() as usize + 1
    }

    /// The digits, written into room for the longest number.
    #[inline]
    pub(crate) fn write_digits(self, room: &mut [u8; Self::MAX_DIGITS]) -> &str {
        let mut rest = self.0;
        let mut start = room.len();
        while rest > 0 {
            start -= 1;
            room[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        std::str::from_utf8(&room[start..]).unwrap_or_default()
    }

    /// The first three and the last three digits: `965****432`.
    ///
    /// At least four digits are hidden, so fewer are shown of a number of less than ten; there are always four
    /// asterisks.
    pub fn masked(self) -> String {
        format!("{self:?}")
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.write_digits(&mut [0; PhoneNumber::MAX_DIGITS]))
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.digits().saturating_sub(4);
        let last = (shown / 2).min(3);
        let first = (shown - last).min(3);
        let power = |digits: usize| 10_u64.pow(digits as u32);
        write!(f, "{}****{:0last$}", self.0 / power(self.digits() - first), self.0 % power(last))
    }
}

impl FromStr for PhoneNumber {
    type Err = PhoneError;

    fn from_str(text: &str) -> Result<Self, PhoneError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for PhoneNumber {
    type Error = PhoneError;

    fn try_from(text: &str) -> Result<Self, PhoneError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = PhoneError;

    fn try_from(text: String) -> Result<Self, PhoneError> {
        Self::parse(&text)
    }
}

impl TryFrom<u64> for PhoneNumber {
    type Error = PhoneError;

    fn try_from(integer: u64) -> Result<Self, PhoneError> {
        Self::counted(integer, integer.checked_ilog10().map_or(0, |power| power as usize + 1))
    }
}

impl Serialize for PhoneNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(NumberVisitor)
        } else {
            deserializer.deserialize_str(NumberVisitor)
        }
    }
}

struct NumberVisitor;

impl NumberVisitor {
    /// Serde's own words would repeat the value, and it may be a number.
    fn wrong<E: de::Error>(&self, kind: &'static str) -> E {
        E::invalid_type(Unexpected::Other(kind), self)
    }
}

impl Visitor<'_> for NumberVisitor {
    type Value = PhoneNumber;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a phone number as a string or an integer")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<PhoneNumber, E> {
        PhoneNumber::parse(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, integer: u64) -> Result<PhoneNumber, E> {
        PhoneNumber::try_from(integer).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, integer: i64) -> Result<PhoneNumber, E> {
        u64::try_from(integer).map_err(|_| self.wrong("a negative integer")).and_then(|it| self.visit_u64(it))
    }

    fn visit_u128<E: de::Error>(self, _: u128) -> Result<PhoneNumber, E> {
        Err(self.wrong("an integer of more than 64 bits"))
    }

    fn visit_i128<E: de::Error>(self, _: i128) -> Result<PhoneNumber, E> {
        Err(self.wrong("an integer of more than 64 bits"))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<PhoneNumber, E> {
        Err(self.wrong("a number with a decimal point"))
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<PhoneNumber, E> {
        Err(self.wrong("bytes"))
    }
}
