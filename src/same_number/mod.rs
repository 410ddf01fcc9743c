//! The same-number rule: the gateway refuses a message to a number that was written to less than 15 s ago (ERR028).

mod local;
mod memory;
#[cfg(any(feature = "store", feature = "redis"))]
mod shared;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

pub use memory::SameNumberMemory;
pub(crate) use memory::{Claim, Refusal};
#[cfg(any(feature = "store", feature = "redis"))]
pub(crate) use shared::StoredNumbers;

use crate::error::Error;
use crate::phone::PhoneNumber;

/// How long a number rests after a live message: one second more than the gateway's rule (ERR028, API document v4.1).
pub(crate) const DEFAULT_WAIT: Duration = Duration::from_secs(16);

/// A number that may not be written to yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resting {
    pub(crate) number: PhoneNumber,
    pub(crate) wait: Duration,
}

impl Resting {
    /// How long until all of them may be written to.
    pub(crate) fn longest(resting: &[Self]) -> Duration {
        resting.iter().map(|resting| resting.wait).max().unwrap_or_default()
    }
}

/// A memory that several processes share, in front of which each keeps its own.
///
/// Every hold ends by itself, so that a process that died keeps nobody waiting.
pub(crate) trait SharedNumbers: fmt::Debug + Send + Sync + 'static {
    /// Takes all of the numbers for so long, or none, and then names those that rest, each with its wait.
    ///
    /// What the owner holds itself does not rest: taken again, it is held so long from now. While it cannot be asked it
    /// is tried again until a time.
    fn take(
        &self,
        owner: u64,
        numbers: Arc<[PhoneNumber]>,
        hold: Duration,
        until: Instant,
    ) -> BoxFuture<'static, Result<Vec<Resting>, Error>>;

    /// Gives back what the owner holds of the numbers.
    fn give_back(&self, owner: u64, numbers: Arc<[PhoneNumber]>) -> BoxFuture<'static, ()>;
}
