//! How far a run is, and what it waits for.

use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::report::Account;

/// What a run waits for, beside its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Waiting {
    /// It sends, or has ended.
    Nothing,
    /// [`BulkHandle::resume`](super::BulkHandle::resume).
    Paused,
    /// The gateway's queue of 1,000 messages is full (ERR013).
    QueueFull,
    /// The gateway's queue is full, and 30 s later it was as full: nothing seems to leave it. Messages in test mode
    /// stay there until they are deleted.
    QueueStuck,
    /// Only numbers are left that were written to less than 16 s ago.
    SameNumber,
    /// The end of [`quiet_hours`](crate::ClientBuilder#method.quiet_hours).
    QuietHours,
    /// The [`spend_limit`](crate::ClientBuilder::spend_limit) to open again: see
    /// [`wait_for_spend_limit`](super::Bulk::wait_for_spend_limit).
    SpendLimit,
    /// The gateway: 3 batches in a row got no answer that could be read.
    NoAnswer,
}

impl Waiting {
    /// The name in JSON: that of the variant in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Paused => "paused",
            Self::QueueFull => "queue_full",
            Self::QueueStuck => "queue_stuck",
            Self::SameNumber => "same_number",
            Self::QuietHours => "quiet_hours",
            Self::SpendLimit => "spend_limit",
            Self::NoAnswer => "no_answer",
        }
    }
}

serialize_by_name!(Waiting);

/// How far a run is.
///
/// As JSON it is an object with `account` (see [`Account`]), `done`, `in_flight`, `total`, `requests`, `elapsed_s`,
/// `rate`, `time_left_s` and `waiting`; what is not known is `null`.
#[derive(Debug, Clone)]
pub struct Progress {
    pub(super) account: Account,
    pub(super) total: Option<u64>,
    pub(super) requests: u64,
    pub(super) in_flight: u64,
    pub(super) elapsed: Duration,
    pub(super) waiting: Waiting,
}

impl Progress {
    /// How many numbers have ended where so far.
    pub fn account(&self) -> Account {
        self.account
    }

    /// How many numbers have ended somewhere.
    pub fn done(&self) -> u64 {
        self.account.total()
    }

    /// How many numbers are in requests that have left and are not answered. If the process ends now, these are of
    /// unknown outcome, and all that is not [`done`](Self::done) beside them was not attempted.
    pub fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// How many inputs there are, if that is known.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// How many batches came back, whatever their result.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Since the run started.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Numbers a second since the start, pauses included.
    #[allow(clippy::cast_precision_loss)] // a display figure
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.done() as f64 / seconds } else { 0.0 }
    }

    /// How long it will take at that rate; `None` while unknown.
    #[allow(clippy::cast_precision_loss)] // a display figure
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.done()) as f64;
        Duration::try_from_secs_f64(left / self.rate()).ok()
    }

    /// What the run waits for.
    pub fn waiting(&self) -> Waiting {
        self.waiting
    }
}

impl Serialize for Progress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Progress", 9)?;
        fields.serialize_field("account", &self.account)?;
        fields.serialize_field("done", &self.done())?;
        fields.serialize_field("in_flight", &self.in_flight)?;
        fields.serialize_field("total", &self.total)?;
        fields.serialize_field("requests", &self.requests)?;
        fields.serialize_field("elapsed_s", &self.elapsed.as_secs_f64())?;
        fields.serialize_field("rate", &self.rate())?;
        fields.serialize_field("time_left_s", &self.time_left().map(|left| left.as_secs_f64()))?;
        fields.serialize_field("waiting", &self.waiting)?;
        fields.end()
    }
}
