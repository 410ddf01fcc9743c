//! What became of each number, and how many of them ended where.

use kwtsms_async::{Batch, Outcome, PhoneNumber};
use serde_json::{Value, json};

use super::feed::Feed;
use crate::numbers::Row;

/// Where a number ended; the words of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Accepted,
    Refused,
    Unknown,
    NotAttempted,
    Invalid,
    Duplicate,
}

impl End {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::NotAttempted => "not_attempted",
            Self::Invalid => "invalid",
            Self::Duplicate => "duplicate",
        }
    }

    fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Accepted => Self::Accepted,
            Outcome::Refused => Self::Refused,
            Outcome::NotAttempted => Self::NotAttempted,
            _ => Self::Unknown, // what is not known is never taken for safe
        }
    }
}

/// One row and what became of it.
#[derive(Debug)]
pub(crate) struct Fate {
    pub(crate) row: Row,
    pub(crate) number: Option<PhoneNumber>,
    pub(crate) end: End,
    pub(crate) message_id: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) reason: String,
}

impl Fate {
    pub(crate) fn new(row: Row, end: End, reason: impl Into<String>) -> Self {
        Self { row, number: None, end, message_id: None, code: None, reason: reason.into() }
    }
}

/// The fates of a batch and of what was met on the way to it, by line.
pub(crate) fn of_batch(batch: &Batch, feed: &Feed) -> Vec<Fate> {
    let mut fates = of_damaged(feed);
    let end = End::of(batch.outcome());
    let (message_id, code, reason) = match batch.result() {
        Ok(accepted) => {
            let reason = match batch.uncounted() {
                0 => String::new(),
                left_out => {
                    format!("accepted, but the gateway left out {left_out} of this message's numbers")
                }
            };
            (Some(accepted.message_id().to_string()), None, reason)
        }
        Err(error) => (None, error.code().map(ToString::to_string), format!("{error:#}")),
    };
    for (number, position) in batch.numbers().iter().zip(batch.positions()) {
        fates.push(Fate {
            number: Some(*number),
            message_id: message_id.clone(),
            code: code.clone(),
            ..Fate::new(feed.take(*position), end, reason.clone())
        });
    }
    for invalid in batch.invalid() {
        let reason = invalid.reason().to_string();
        fates.push(Fate::new(feed.take(invalid.position()), End::Invalid, reason));
    }
    for duplicate in batch.duplicates() {
        let fate = Fate::new(feed.take(duplicate.position()), End::Duplicate, "stands in the input before");
        fates.push(Fate { number: Some(duplicate.number()), ..fate });
    }
    fates.sort_by_key(|fate| fate.row.line);
    fates
}

/// The fates of what was kept from the run.
pub(crate) fn of_damaged(feed: &Feed) -> Vec<Fate> {
    feed.damaged().into_iter().map(|(row, why)| Fate::new(row, End::Invalid, why)).collect()
}

/// How many numbers ended where; the parts add up to the input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) not_attempted: u64,
    pub(crate) invalid: u64,
    pub(crate) duplicates: u64,
    /// Of the accepted, those that the gateway did not count.
    pub(crate) uncounted: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, end: End) {
        *match end {
            End::Accepted => &mut self.accepted,
            End::Refused => &mut self.refused,
            End::Unknown => &mut self.unknown,
            End::NotAttempted => &mut self.not_attempted,
            End::Invalid => &mut self.invalid,
            End::Duplicate => &mut self.duplicates,
        } += 1;
    }

    pub(crate) fn total(self) -> u64 {
        self.accepted + self.refused + self.unknown + self.not_attempted + self.invalid + self.duplicates
    }

    /// True if every number that is no repeat was accepted and counted.
    pub(crate) fn is_clean(self) -> bool {
        self.accepted > 0 && self.uncounted == 0 && self.accepted + self.duplicates == self.total()
    }

    /// The Python client's verdict, or `UNKNOWN` as soon as one number may have been sent to and nobody knows: as for the exit
    /// code, a script must not take that for a failure that may be repeated.
    pub(crate) fn verdict(self) -> &'static str {
        match self.accepted {
            _ if self.unknown > 0 => "UNKNOWN",
            0 => "ERROR",
            _ if self.is_clean() => "OK",
            _ => "PARTIAL",
        }
    }

    pub(crate) fn json(self) -> Value {
        json!({
            "accepted": self.accepted,
            "refused": self.refused,
            "unknown": self.unknown,
            "not_attempted": self.not_attempted,
            "invalid": self.invalid,
            "duplicates": self.duplicates,
            "uncounted": self.uncounted,
            "total": self.total(),
        })
    }
}
