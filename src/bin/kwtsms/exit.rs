//! How the command ends.

use std::process::ExitCode;

use kwtsms_async::{ApiCode, Error, ErrorKind};
use serde_json::{Value, json};

use crate::send::Tally;

/// The classes of the exit code; `--help` says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Accepted = 0,
    Refused = 1,
    Usage = 2,
    Partly = 3,
    Unknown = 4,
    Account = 5,
    Interrupted = 130,
}

impl Exit {
    /// The end of a send: what matters most for the question whether it may be run again comes first.
    pub(crate) fn of_send(tally: Tally, account_problem: bool, interrupted: bool) -> Self {
        if tally.unknown > 0 {
            Self::Unknown
        } else if interrupted && tally.not_attempted + tally.refused > 0 {
            // A refused batch may have been waiting for its next try.
            Self::Interrupted
        } else if tally.is_clean() {
            Self::Accepted
        } else if tally.accepted > 0 {
            Self::Partly
        } else if account_problem {
            Self::Account
        } else {
            Self::Refused
        }
    }

    pub(crate) fn code(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

/// True for what the owner of the account has to mend.
pub(crate) fn is_account_problem(error: &Error) -> bool {
    error.code().is_some_and(ApiCode::is_account_problem)
}

/// Why a command gave up.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What failed, and why, outermost first.
    pub(crate) reasons: Vec<String>,
    pub(crate) action: Option<String>,
    pub(crate) code: Option<ApiCode>,
}

pub(crate) type Outcome = Result<Exit, Failure>;

impl Failure {
    pub(crate) fn new(exit: Exit, reason: impl Into<String>) -> Self {
        Self { exit, reasons: vec![reason.into()], action: None, code: None }
    }

    /// The command line, a file or a setting cannot be used.
    pub(crate) fn usage(reason: impl Into<String>) -> Self {
        Self::new(Exit::Usage, reason)
    }

    /// The same with the cause that the system or the library gives.
    pub(crate) fn usage_from(reason: impl Into<String>, cause: &dyn std::error::Error) -> Self {
        Self::usage(reason).because(Some(cause))
    }

    pub(crate) fn because(mut self, mut cause: Option<&dyn std::error::Error>) -> Self {
        while let Some(error) = cause {
            self.reasons.push(error.to_string());
            cause = error.source();
        }
        self
    }

    pub(crate) fn action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "result": "ERROR",
            "code": self.code,
            "error": self.reasons.join(": "),
            "action": self.action,
            "exit": self.exit as u8,
        })
    }
}

impl From<Error> for Failure {
    /// The failure of a call that only reads: its outcome is never unknown, it is just not there.
    fn from(error: Error) -> Self {
        let exit = match error.kind() {
            ErrorKind::Config => Exit::Usage,
            _ if is_account_problem(&error) => Exit::Account,
            _ => Exit::Refused,
        };
        Self { code: error.code().cloned(), ..Self::new(exit, error.to_string()) }
            .because(std::error::Error::source(&error))
            .action(error.action())
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
            assert_eq!(Exit::of_send(tally, account, interrupted), exit, "{tally:?}");
        }
    }
}
