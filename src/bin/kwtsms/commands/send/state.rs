//! How a run stands: what was counted, what was written down, what ended it.

use super::entry::Entry;
use super::report::Report;
use super::tally::Tally;
use crate::exit::{Exit, Failure};

/// How a run came to its end.
#[derive(Debug, Default)]
pub(super) struct RunState {
    pub(super) tally: Tally,
    pub(super) report: Option<Report>,
    pub(super) account_problem: bool,
    pub(super) interrupted: bool,
    /// Numbers that never went to the run.
    pub(super) aside: u64,
    /// What ended it before its time, but for an interruption.
    pub(super) failure: Option<Failure>,
}

impl RunState {
    /// Counts entries and writes them down; false when they cannot be written down.
    pub(super) fn record(&mut self, entries: &[Entry]) -> bool {
        entries.iter().for_each(|entry| self.tally.add(entry.end));
        let Some(report) = &mut self.report else { return true };
        match report.write(entries) {
            Ok(()) => true,
            Err(failure) => {
                self.report = None;
                self.failure = Some(failure);
                false
            }
        }
    }

    /// The Python client's verdict, or `UNKNOWN`; it goes with the exit code.
    pub(super) fn result(&self) -> &'static str {
        match self.exit() {
            Exit::Interrupted if self.tally.accepted > 0 => "PARTIAL",
            exit => exit.result(),
        }
    }

    pub(super) fn exit(&self) -> Exit {
        let exit = self.tally.exit(self.account_problem, self.interrupted);
        // All that was read was accepted, and yet it was not all that there was.
        if exit == Exit::Accepted && self.failure.is_some() { Exit::Partly } else { exit }
    }
}
