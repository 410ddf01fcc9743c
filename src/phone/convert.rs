//! What becomes a number by the default check: strings, integers, what serde reads.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::PhoneError;
use super::number::PhoneNumber;
use super::rules::PhoneRules;

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

/// By the default check, as a string of the same digits.
impl TryFrom<u64> for PhoneNumber {
    type Error = PhoneError;

    fn try_from(integer: u64) -> Result<Self, PhoneError> {
        Self::of_integer(integer, PhoneRules::default())
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
