//! How the command ends.

use std::process::ExitCode;

use kwtsms_async::{ApiCode, Error, ErrorKind, MessageIdError, SenderIdError, TextError};
use serde_json::{Value, json};

/// What `--help` says of the exit codes and the settings.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    all numbers were accepted, or what was asked for was answered
  1    refused or failed; nothing was accepted
  2    the command line, a file or a setting cannot be used; no request was made
  3    some numbers were accepted (validate: good), some not; doctor: warnings; status: given up
  4    the outcome of at least one number is unknown: do not send it again blindly
  5    the account: credentials missing or wrong, no balance, blocked, IP address not allowed
  6    all was accepted or answered, and standard output could not be written (a full disk)
  130  interrupted: what was not sent is accounted for

Where several fit, the order is 4, 130, 3, 5, 1, 6. Repeated numbers are sent once and count as accepted.

Settings come from the environment, then from .env, which `kwtsms setup` writes:
  KWTSMS_USERNAME, KWTSMS_PASSWORD, KWTSMS_SENDER_ID, KWTSMS_TEST_MODE, KWTSMS_LOG_FILE, KWTSMS_BASE_URL
KWTSMS_STORE and KWTSMS_SCOPE name the store and the pace that all runs share; `kwtsms limits` shows it.
Guards, for every verb that sends; options of the same names stand above them:
  KWTSMS_ONLY_TO, KWTSMS_SPEND_PER_HOUR, KWTSMS_SPEND_PER_DAY, KWTSMS_BALANCE_FLOOR, KWTSMS_QUIET_HOURS

A password is never an argument: arguments can be seen by every user of the machine.";

/// The classes of the exit code; `--help` says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    Accepted = 0,
    Refused = 1,
    Usage = 2,
    Partly = 3,
    Unknown = 4,
    Account = 5,
    Unwritten = 6,
    Interrupted = 130,
}

impl Exit {
    /// What JSON says of it: a script must not take an unknown outcome for a failure that may be repeated.
    pub(crate) fn result(self) -> &'static str {
        match self {
            Self::Accepted | Self::Unwritten => "OK",
            Self::Partly => "PARTIAL",
            Self::Unknown => "UNKNOWN",
            Self::Refused | Self::Usage | Self::Account | Self::Interrupted => "ERROR",
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

/// How a command ended.
pub(crate) type Ended = Result<Exit, Failure>;

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
            "result": self.exit.result(),
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

impl From<MessageIdError> for Failure {
    fn from(error: MessageIdError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<SenderIdError> for Failure {
    fn from(error: SenderIdError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<TextError> for Failure {
    fn from(error: TextError) -> Self {
        Self::new(Exit::Refused, error.to_string())
    }
}
