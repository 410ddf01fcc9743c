//! How many numbers ended where, and the verdict over them.

use std::fmt;
use std::ops::AddAssign;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// How many of the numbers handed in ended where; the parts add up to the input.
///
/// As JSON it is an object with `accepted`, `refused`, `unknown`, `not_attempted`, `invalid`, `duplicates` and their sum,
/// `total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) not_attempted: u64,
    pub(crate) invalid: u64,
    pub(crate) duplicates: u64,
}

impl Account {
    /// Accepted by the gateway.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Refused by the gateway with a code.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Of unknown outcome: may have been accepted and charged.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Never sent: safe to send again.
    pub fn not_attempted(&self) -> u64 {
        self.not_attempted
    }

    /// Inputs that are not usable; no request was made for them.
    pub fn invalid(&self) -> u64 {
        self.invalid
    }

    /// Repeats of a number of the same call.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// The sum of the parts: all that was handed in.
    pub fn total(&self) -> u64 {
        self.accepted + self.refused + self.unknown + self.not_attempted + self.invalid + self.duplicates
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.not_attempted += other.not_attempted;
        self.invalid += other.invalid;
        self.duplicates += other.duplicates;
    }
}

impl Serialize for Account {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Account", 7)?;
        fields.serialize_field("accepted", &self.accepted)?;
        fields.serialize_field("refused", &self.refused)?;
        fields.serialize_field("unknown", &self.unknown)?;
        fields.serialize_field("not_attempted", &self.not_attempted)?;
        fields.serialize_field("invalid", &self.invalid)?;
        fields.serialize_field("duplicates", &self.duplicates)?;
        fields.serialize_field("total", &self.total())?;
        fields.end()
    }
}

/// The verdict over a whole send, in the Python client's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Every number was accepted and counted by the gateway; repeats and nothing else were left out.
    Ok,
    /// Some numbers were accepted and some were not, or the gateway counted fewer than it was given.
    Partial,
    /// No number was accepted.
    Error,
}

impl Status {
    /// The Python client's word: `OK`, `PARTIAL` or `ERROR`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Partial => "PARTIAL",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

serialize_by_name!(Status);
