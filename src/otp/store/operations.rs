//! The four operations, and what goes into and comes out of them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::otp::challenge::Id;
use crate::otp::keys::Mac;

/// The key of a count: what it counts, and an HMAC of whom. Keys are taken in this order everywhere, so that no two
/// operations wait for each other.
pub(crate) type CountKey = [u8; 17];

/// Something that is counted in a window of time that begins with the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) key: CountKey,
    /// What is added. With 0 nothing is, and there must be room for one.
    pub(crate) cost: i64,
    /// The most there may be in a window.
    pub(crate) cap: i64,
    /// The most there may be as a percentage of what was verified in the window, where that is more than `cap`. Counts
    /// with a share begin the window after one with half of it.
    pub(crate) share: i64,
    pub(crate) window_ms: i64,
}

/// Takes room in all counts and writes a code, or neither.
#[derive(Debug, Clone)]
pub(crate) struct Reserve {
    pub(crate) id: Id,
    /// Number, purpose, session: what a challenge is bound to.
    pub(crate) context: Mac,
    pub(crate) code: Mac,
    /// A new challenge with so many attempts, or another code of one that is there.
    pub(crate) begin: Option<i64>,
    /// Sorted by key, each key once.
    pub(crate) counts: Vec<Count>,
    pub(crate) expiry_ms: i64,
    /// How long after its beginning a challenge takes another code.
    pub(crate) another_ms: i64,
    /// All codes of the challenge are one, which dies after that time, too.
    pub(crate) same_code: bool,
    /// How long the challenge is remembered from now.
    pub(crate) keep_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// The code is valid from now on, as one whose sending is of unknown outcome.
    Taken { serial: i64, expires_in_ms: i64, attempts_left: i64 },
    /// No room in some counts, by their places; nothing was taken or written.
    Limited { full: Vec<Full> },
    /// There is no such challenge, or it is used, spent or too old.
    Ended,
}

/// A count without room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    /// Its place in the counts of the request.
    pub(crate) place: usize,
    pub(crate) retry_after_ms: i64,
}

/// What became of the message of a reserved code. Where that is unknown nothing is settled.
#[derive(Debug, Clone)]
pub(crate) struct Settle {
    pub(crate) id: Id,
    pub(crate) serial: i64,
    /// True: the code before dies. False: the code is dropped, and the one before is the code again.
    pub(crate) accepted: bool,
    /// Sorted by key, each key once.
    pub(crate) changes: Vec<Change>,
}

/// Gives back what was taken of a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) key: CountKey,
    /// What is given back; below zero, what is taken beyond it.
    pub(crate) give_back: i64,
    /// The window ends after this time in any case.
    pub(crate) ends_in_ms: Option<i64>,
}

/// Compares a code and counts it, in one step.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) id: Id,
    pub(crate) context: Mac,
    pub(crate) code: Mac,
    /// The number's failures, over all its challenges.
    pub(crate) failures: Count,
    /// The messages of its country that nobody verified.
    pub(crate) unverified: CountKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempted {
    Right,
    Wrong {
        left: i64,
    },
    /// It was the code before.
    Superseded {
        left: i64,
    },
    Spent,
    Expired,
    Used,
    NotFound,
    /// The number has failed too often; nothing was compared.
    Limited {
        retry_after_ms: i64,
    },
}

/// What a store of codes does. An operation whose reply was lost is never made again.
pub(crate) trait Operations: Send + Sync + 'static {
    fn reserve(&self, reserve: Reserve) -> BoxFuture<'static, Result<Reserved, StoreError>>;
    fn settle(&self, settle: Settle) -> BoxFuture<'static, Result<(), StoreError>>;
    fn attempt(&self, attempt: Attempt) -> BoxFuture<'static, Result<Attempted, StoreError>>;
    /// Forgets what has no meaning any more; gives how much that was.
    fn sweep(&self) -> BoxFuture<'static, Result<u64, StoreError>>;
    fn name(&self) -> &'static str;
}

/// The store of codes did not do what it was asked to, or nobody knows whether it did.
///
/// The service refuses then: no message is sent, no code is taken for right.
#[derive(Debug, Clone)]
pub struct StoreError {
    what: &'static str,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, source: None }
    }
}

#[cfg(any(feature = "store", feature = "redis"))]
impl From<crate::store::StoreError> for StoreError {
    fn from(error: crate::store::StoreError) -> Self {
        Self { what: "the store of codes failed", source: Some(Arc::new(error)) }
    }
}

#[cfg(feature = "postgres")]
impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        crate::store::StoreError::from(error).into()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Milliseconds, as the stores count time.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// A duration of a store's answer.
pub(crate) fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
