//! How many numbers ended where, and what that means.

use serde_json::{Value, json};

use super::entry::RowOutcome;
use crate::exit::Exit;

/// How many numbers ended where; the parts add up to the input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) accepted: u64,
    pub(super) refused: u64,
    pub(super) unknown: u64,
    pub(super) not_attempted: u64,
    pub(super) invalid: u64,
    pub(super) duplicates: u64,
    /// Of the accepted, those that the gateway did not count.
    pub(super) uncounted: u64,
}

impl Tally {
    pub(super) fn add(&mut self, end: RowOutcome) {
        *match end {
            RowOutcome::Accepted => &mut self.accepted,
            RowOutcome::Refused => &mut self.refused,
            RowOutcome::Unknown => &mut self.unknown,
            RowOutcome::NotAttempted => &mut self.not_attempted,
            RowOutcome::Invalid => &mut self.invalid,
            RowOutcome::Duplicate => &mut self.duplicates,
        } += 1;
    }

    pub(super) fn total(self) -> u64 {
        self.accepted + self.refused + self.unknown + self.not_attempted + self.invalid + self.duplicates
    }

    /// True if every number that is no repeat was accepted and counted.
    pub(super) fn is_clean(self) -> bool {
        self.accepted > 0 && self.uncounted == 0 && self.accepted + self.duplicates == self.total()
    }

    pub(super) fn json(self) -> Value {
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

    /// The end of a send: what matters most for the question whether it may be run again comes first.
    pub(super) fn exit(self, account_problem: bool, interrupted: bool) -> Exit {
        if self.unknown > 0 {
            Exit::Unknown
        } else if interrupted && self.not_attempted + self.refused > 0 {
            // A refused batch may have been waiting for its next try.
            Exit::Interrupted
        } else if self.is_clean() {
            Exit::Accepted
        } else if self.accepted > 0 {
            Exit::Partly
        } else if account_problem {
            Exit::Account
        } else {
            Exit::Refused
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_ends_the_one_counts_that_forbids_most() {
        let tally = |accepted, refused, unknown, not_attempted, duplicates| Tally {
            accepted,
            refused,
            unknown,
            not_attempted,
            duplicates,
            invalid: 0,
            uncounted: 0,
        };
        for (tally, account, interrupted, exit) in [
            (tally(2, 0, 0, 0, 0), false, false, Exit::Accepted),
            (tally(2, 0, 0, 0, 5), false, false, Exit::Accepted),
            (tally(2, 0, 0, 0, 0), false, true, Exit::Accepted), // the interruption came too late
            (tally(2, 1, 0, 0, 0), false, false, Exit::Partly),
            (tally(0, 1, 0, 0, 0), false, true, Exit::Interrupted), // while it waited to be tried again
            (tally(2, 1, 0, 1, 0), true, false, Exit::Partly),
            (tally(2, 0, 0, 1, 0), false, true, Exit::Interrupted),
            (tally(2, 1, 1, 1, 0), true, true, Exit::Unknown),
            (tally(0, 1, 0, 1, 0), true, false, Exit::Account),
            (tally(0, 1, 0, 0, 0), false, false, Exit::Refused),
            (tally(0, 0, 0, 0, 0), false, false, Exit::Refused),
        ] {
            assert_eq!(tally.exit(account, interrupted), exit, "{tally:?}");
        }
    }
}
