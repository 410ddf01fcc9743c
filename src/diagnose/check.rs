//! What was looked at, what was seen and what to do.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CheckStatus {
    /// It could not be made, or there was nothing to look at; what was seen says why.
    Skipped,
    /// As it should be.
    Ok,
    /// Messages are taken, and something is probably not as it was meant.
    Warning,
    /// Nothing is sent, or not what was meant, until somebody acts.
    Failed,
}

impl CheckStatus {
    /// `skipped`, `ok`, `warning` or `failed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

serialize_by_name!(CheckStatus);

/// One thing that was looked at.
///
/// It holds no password, no text of a message and, unless asked to, no full phone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    name: &'static str,
    status: CheckStatus,
    seen: String,
    action: Option<String>,
}

impl Check {
    /// Makes a check that came out well.
    pub fn ok(name: &'static str, seen: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Ok, seen: seen.into(), action: None }
    }

    /// Makes a check that was not made, with the reason.
    pub fn skipped(name: &'static str, reason: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Skipped, seen: reason.into(), action: None }
    }

    /// Makes a check that found something doubtful, with what to do.
    pub fn warning(name: &'static str, seen: impl Into<String>, action: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Warning, seen: seen.into(), action: Some(action.into()) }
    }

    /// Makes a check that found something wrong, with what to do.
    pub fn failed(name: &'static str, seen: impl Into<String>, action: impl Into<String>) -> Self {
        Self { name, status: CheckStatus::Failed, seen: seen.into(), action: Some(action.into()) }
    }

    /// What was looked at; [`Diagnosis`] lists the names.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How it came out.
    pub fn status(&self) -> CheckStatus {
        self.status
    }

    /// What was seen, or why nothing could be.
    pub fn seen(&self) -> &str {
        &self.seen
    }

    /// What to do, where there is something to do.
    pub fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }
}

/// What was found, check by check.
///
/// # Checks
///
/// Always there, in this order: `client` (where requests go), `pace` (the limiter, and the store that it shares),
/// `name` (name resolution), `proxy`, `connection`, `certificate`, `gateway` (whether it is the gateway that answers),
/// `clock`, `credentials`, `test_mode`, `sender_id`, `balance`, `countries`. Of the guards those that are set, with what
/// they hold now: `only_to`, `spend_limit`, `balance_floor`, `quiet_hours`. With a number: `number`, `country`,
/// `route` (the gateway's own verdict). With a text: `text` (what cleaning changes), `pages`. With a message id:
/// `message` (its place in the queue), `report` (delivery reports). Checks may be added, and none goes.
///
/// # As JSON
///
/// An object with `status` (the worst one), `requests` and `checks`, a list of objects with `name`, `status`, `seen`
/// and `action`. `Display` is one line a check, and one for what to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnosis {
    checks: Vec<Check>,
    requests: usize,
}

impl Diagnosis {
    pub(super) fn new(checks: Vec<Check>, requests: usize) -> Self {
        Self { checks, requests }
    }

    /// The checks, in the order in which one thing needs the other.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The check of a name.
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    /// How many requests were made: 6 at most.
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// The worst status: `Ok` means that nothing was found, `Skipped` that nothing could be looked at.
    pub fn status(&self) -> CheckStatus {
        self.checks.iter().map(Check::status).max().unwrap_or(CheckStatus::Skipped)
    }

    /// Puts checks in front, of what only the application knows: where its settings come from, its database.
    pub fn prepend(&mut self, checks: impl IntoIterator<Item = Check>) {
        self.checks.splice(0..0, checks);
    }
}

impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Diagnosis", 3)?;
        fields.serialize_field("status", &self.status())?;
        fields.serialize_field("requests", &self.requests)?;
        fields.serialize_field("checks", &self.checks)?;
        fields.end()
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, check) in self.checks.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{} {}: {}", check.status.as_str(), check.name, check.seen)?;
            if let Some(action) = &check.action {
                write!(f, "\n  {action}")?;
            }
        }
        Ok(())
    }
}

/// The first of a list, and how many more there are.
pub(super) fn few<T: AsRef<str>>(items: &[T], most: usize) -> String {
    let shown: Vec<_> = items.iter().take(most).map(AsRef::as_ref).collect();
    match items.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
