//! The tables: numbered steps of each module, and which of them a store has seen.

mod account;
#[cfg(feature = "campaign")]
mod campaign;
mod check;
mod module;
#[cfg(feature = "otp")]
mod otp;
#[cfg(feature = "campaign")]
mod outbox;
mod pace;

pub(crate) use module::Module;

use crate::error::Error;

/// Every module that keeps tables.
pub(crate) const MODULES: &[&Module] = &[
    &check::MODULE,
    &pace::MODULE,
    &account::MODULE,
    #[cfg(feature = "otp")]
    &otp::MODULE,
    #[cfg(feature = "campaign")]
    &campaign::MODULE,
    #[cfg(feature = "campaign")]
    &outbox::MODULE,
];

/// Which step each module has reached.
pub(crate) const CREATE: &str =
    "CREATE TABLE IF NOT EXISTS kwtsms_schema (module text PRIMARY KEY, version bigint NOT NULL)";
pub(crate) const VERSIONS: &str = "SELECT module, version FROM kwtsms_schema";

/// A step that a store has not seen.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) module: &'static str,
    pub(crate) version: i64,
    pub(crate) sql: &'static str,
}

/// A store that a newer release has written.
#[derive(Debug)]
pub(crate) struct Newer {
    pub(crate) module: &'static str,
    pub(crate) version: i64,
}

/// The steps that are left to do. A module that this build does not know is left alone.
pub(crate) fn pending(
    modules: &[&'static Module],
    seen: &[(String, i64)],
    steps: impl Fn(&'static Module) -> &'static [&'static str],
) -> Result<Vec<Step>, Newer> {
    let mut pending = Vec::new();
    for &module in modules {
        let reached = seen.iter().find(|(name, _)| name == module.name).map_or(0, |(_, version)| *version);
        let steps = steps(module);
        let done = usize::try_from(reached).unwrap_or(usize::MAX);
        if done > steps.len() {
            return Err(Newer { module: module.name, version: reached });
        }
        pending.extend((reached + 1..).zip(&steps[done..]).map(|(version, sql)| Step {
            module: module.name,
            version,
            sql,
        }));
    }
    Ok(pending)
}

impl From<Newer> for Error {
    fn from(newer: Newer) -> Self {
        Self::config(format!(
            "the store was written by a newer release of kwtsms-async (its tables of the module {} have version {}): \
             update this program",
            newer.module, newer.version
        ))
    }
}
