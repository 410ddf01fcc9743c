//! One request's worth of numbers, and what became of them.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use smallvec::SmallVec;

use super::account::Account;
use crate::credits::Credits;
use crate::error::{Delivery, Error};
use crate::ids::MessageId;
use crate::phone::{PhoneError, PhoneNumber};
use crate::wire::RawReply;

/// What the gateway said when it accepted a request.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub(crate) message_id: MessageId,
    pub(crate) counted: Option<u64>,
    pub(crate) points_charged: Option<Credits>,
    pub(crate) balance_after: Option<Credits>,
    pub(crate) unix_timestamp: Option<i64>,
    pub(crate) raw: RawReply,
}

impl Accepted {
    /// The message id: one for the whole request, whatever the count of its numbers. Keep it: `status` and
    /// `dlr` ask for it.
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// How many numbers the gateway counted. Fewer than were sent means that it dropped some: it does not say
    /// which.
    pub fn counted(&self) -> Option<u64> {
        self.counted
    }

    /// Credits charged for the whole request.
    pub fn points_charged(&self) -> Option<Credits> {
        self.points_charged
    }

    /// Credits left after it.
    pub fn balance_after(&self) -> Option<Credits> {
        self.balance_after
    }

    /// The gateway's `unix-timestamp` as it came, in seconds.
    ///
    /// The gateway's zone is Asia/Kuwait (GMT+3). Whether the value is a true epoch or one shifted by three
    /// hours is not documented, so it is neither converted nor interpreted here.
    pub fn unix_timestamp(&self) -> Option<i64> {
        self.unix_timestamp
    }

    /// The gateway's reply as it came.
    pub fn raw(&self) -> &RawReply {
        &self.raw
    }
}

/// An input that is not usable; no request was made for it.
///
/// As JSON it is an object with `position` and `reason`; what was handed in is not in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Invalid {
    pub(crate) position: u64,
    pub(crate) input: String,
    pub(crate) reason: PhoneError,
}

impl Invalid {
    /// Where it stood in the input, counted from 0. The parts of a comma-separated string share a position.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What was handed in. It may be a phone number or an e-mail address: do not log it.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Why it is not usable, and what to do.
    pub fn reason(&self) -> &PhoneError {
        &self.reason
    }
}

impl Serialize for Invalid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Invalid", 2)?;
        fields.serialize_field("position", &self.position)?;
        fields.serialize_field("reason", &self.reason.to_string())?;
        fields.end()
    }
}

impl fmt::Debug for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalid")
            .field("position", &self.position)
            .field("input_chars", &self.input.chars().count())
            .field("reason", &self.reason)
            .finish()
    }
}

/// A number that stood in the input before; it is sent once.
///
/// As JSON it is an object with `position`; the number is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicate {
    pub(crate) position: u64,
    pub(crate) number: PhoneNumber,
}

impl Duplicate {
    /// Where the repeated one stood in the input, counted from 0.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The number.
    pub fn number(&self) -> PhoneNumber {
        self.number
    }
}

impl Serialize for Duplicate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Duplicate", 1)?;
        fields.serialize_field("position", &self.position)?;
        fields.end()
    }
}

/// Where the numbers of a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Accepted by the gateway, under a message id.
    Accepted,
    /// Refused by the gateway with a code: not queued, not charged.
    Refused,
    /// The request may have arrived and no verdict came back: do not send again blindly.
    Unknown,
    /// No request reached the gateway: safe to send again.
    NotAttempted,
}

impl Outcome {
    /// The name in JSON: `accepted`, `refused`, `unknown` or `not_attempted`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::NotAttempted => "not_attempted",
        }
    }
}

serialize_by_name!(Outcome);

/// One request's worth of numbers and what became of them.
///
/// Invalid and repeated inputs stand in the batch before whose end they were read; a batch of only
/// those has no numbers, made no request, and its result is an error of kind `InvalidInput`.
///
/// # As JSON
///
/// An object with the fields `index`, `outcome`, `positions`, `message_id`, `counted`, `uncounted`, `points_charged`,
/// `balance_after`, `unix_timestamp`, `error` (see [`Error`]), `invalid` and `duplicates`; what is not known is `null`.
/// Numbers are not in it: `positions` say which of the input they are.
#[derive(Clone)]
pub struct Batch {
    pub(crate) index: u64,
    pub(crate) numbers: SmallVec<[PhoneNumber; 1]>,
    pub(crate) positions: SmallVec<[u64; 1]>,
    pub(crate) result: Result<Accepted, Error>,
    pub(crate) invalid: Vec<Invalid>,
    pub(crate) duplicates: Vec<Duplicate>,
}

impl Batch {
    /// Its place in the run, counted from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The numbers of its request, at most 200.
    pub fn numbers(&self) -> &[PhoneNumber] {
        &self.numbers
    }

    /// Where each of [`numbers`](Self::numbers) stood in the input, counted from 0.
    pub fn positions(&self) -> &[u64] {
        &self.positions
    }

    /// What the gateway said, or why nothing is known.
    ///
    /// # Errors
    ///
    /// The batch's own error; its [`Delivery`] says what may be sent again.
    pub fn result(&self) -> Result<&Accepted, &Error> {
        self.result.as_ref()
    }

    /// Where all of its numbers ended.
    pub fn outcome(&self) -> Outcome {
        match &self.result {
            Ok(_) => Outcome::Accepted,
            Err(error) => match error.delivery() {
                Delivery::Refused => Outcome::Refused,
                Delivery::Unknown => Outcome::Unknown,
                Delivery::NotSent => Outcome::NotAttempted,
            },
        }
    }

    /// Inputs that are not usable, read since the batch before.
    pub fn invalid(&self) -> &[Invalid] {
        &self.invalid
    }

    /// Repeated numbers read since the batch before.
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// How many of its accepted numbers the gateway did not count; it does not say which.
    ///
    /// The gateway is thought to drop numbers that it finds bad and to send to the rest.
    /// [`Client::validate`](crate::Client::validate) tells which they are.
    pub fn uncounted(&self) -> u64 {
        let counted = self.result.as_ref().ok().and_then(Accepted::counted);
        counted.map_or(0, |counted| (self.numbers.len() as u64).saturating_sub(counted))
    }

    /// The account of this batch alone.
    pub fn account(&self) -> Account {
        let mut account = Account {
            invalid: self.invalid.len() as u64,
            duplicates: self.duplicates.len() as u64,
            ..Account::default()
        };
        let numbers = self.numbers.len() as u64;
        match self.outcome() {
            Outcome::Accepted => account.accepted = numbers,
            Outcome::Refused => account.refused = numbers,
            Outcome::Unknown => account.unknown = numbers,
            Outcome::NotAttempted => account.not_attempted = numbers,
        }
        account
    }
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let accepted = self.result.as_ref().ok();
        let mut fields = serializer.serialize_struct("Batch", 12)?;
        fields.serialize_field("index", &self.index)?;
        fields.serialize_field("outcome", &self.outcome())?;
        fields.serialize_field("positions", &self.positions[..])?;
        fields.serialize_field("message_id", &accepted.map(Accepted::message_id))?;
        fields.serialize_field("counted", &accepted.and_then(Accepted::counted))?;
        fields.serialize_field("uncounted", &self.uncounted())?;
        fields.serialize_field("points_charged", &accepted.and_then(Accepted::points_charged))?;
        fields.serialize_field("balance_after", &accepted.and_then(Accepted::balance_after))?;
        fields.serialize_field("unix_timestamp", &accepted.and_then(Accepted::unix_timestamp))?;
        fields.serialize_field("error", &self.result.as_ref().err())?;
        fields.serialize_field("invalid", &self.invalid)?;
        fields.serialize_field("duplicates", &self.duplicates)?;
        fields.end()
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("index", &self.index)
            .field("numbers", &self.numbers.len())
            .field("result", &self.result)
            .field("invalid", &self.invalid.len())
            .field("duplicates", &self.duplicates.len())
            .finish()
    }
}
