//! What became of each number.

use kwtsms_async::{Batch, Outcome, PhoneNumber};

use super::feed::Feed;
use crate::numbers::Row;

/// Where a number ended; the words of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowOutcome {
    Accepted,
    Refused,
    Unknown,
    NotAttempted,
    Invalid,
    Duplicate,
}

impl RowOutcome {
    pub(super) fn word(self) -> &'static str {
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
pub(super) struct Entry {
    pub(super) row: Row,
    pub(super) number: Option<PhoneNumber>,
    pub(super) end: RowOutcome,
    pub(super) message_id: Option<String>,
    pub(super) code: Option<String>,
    pub(super) reason: String,
}

impl Entry {
    pub(super) fn new(row: Row, end: RowOutcome, reason: impl Into<String>) -> Self {
        Self { row, number: None, end, message_id: None, code: None, reason: reason.into() }
    }
}

/// The entries of a batch and of what was met on the way to it, by line.
pub(super) fn of_batch(batch: &Batch, feed: &Feed) -> Vec<Entry> {
    let mut entries = of_refused(feed);
    let end = RowOutcome::of(batch.outcome());
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
        entries.push(Entry {
            number: Some(*number),
            message_id: message_id.clone(),
            code: code.clone(),
            ..Entry::new(feed.take(*position), end, reason.clone())
        });
    }
    for invalid in batch.invalid() {
        let reason = invalid.reason().to_string();
        entries.push(Entry::new(feed.take(invalid.position()), RowOutcome::Invalid, reason));
    }
    for duplicate in batch.duplicates() {
        let entry =
            Entry::new(feed.take(duplicate.position()), RowOutcome::Duplicate, "stands in the input before");
        entries.push(Entry { number: Some(duplicate.number()), ..entry });
    }
    entries.sort_by_key(|entry| entry.row.line);
    entries
}

/// The entries of what was kept from the run.
pub(super) fn of_refused(feed: &Feed) -> Vec<Entry> {
    let entry = |mut row: Row| {
        let why = row.refused.take().unwrap_or_default();
        Entry::new(row, RowOutcome::Invalid, why)
    };
    feed.refused().into_iter().map(entry).collect()
}
