//! What a store does for a pace.

use std::fmt;

use futures::future::BoxFuture;

use super::schedule::{Answer, Scope};
use crate::limit::rates::{Lane, Rates};
use crate::store::{Kept, StoreError, StoreKind};

/// A scope that is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Begun {
    /// What it was begun with.
    pub(crate) rates: Rates,
    /// The store's clock, in microseconds.
    pub(crate) now: i64,
}

/// What a store holds of a scope.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) scope: Scope,
    /// The store's clock, in microseconds.
    pub(crate) now: i64,
    /// The run of the server that answered.
    pub(crate) server: i64,
    pub(crate) waiting: Vec<Waits>,
}

/// A process whose calls wait, as it said itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waits {
    /// As [`process`](super::told::process) names it.
    pub(crate) process: String,
    /// How many calls wait: single requests, bulk batches.
    pub(crate) calls: [i64; 2],
    /// When it said so, by the store's clock.
    pub(crate) seen: i64,
}

/// A scope in a store: what gives the starts.
pub(crate) trait Source: fmt::Debug + Send + Sync + 'static {
    fn kind(&self) -> StoreKind;

    /// Where it is, for what else the processes share.
    fn kept(&self) -> Kept;

    /// Begins the scope if nobody has.
    fn begin(&self, rates: Rates) -> BoxFuture<'_, Result<Begun, StoreError>>;

    /// Reserves the next start of a lane; `None` if nobody has begun the scope, or it was deleted. `unused` is a start,
    /// by the store's clock, that was given and is not needed.
    ///
    /// Dropped before its end, it may have reserved it all the same.
    fn reserve(&self, lane: Lane, unused: Option<i64>) -> BoxFuture<'_, Result<Option<Answer>, StoreError>>;

    /// Notes how many calls of a process wait, to be believed for so many microseconds; with none, the note is
    /// deleted. Notes that have run out are deleted with it.
    fn tell(
        &self,
        process: String,
        calls: [i64; 2],
        lasts: i64,
    ) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Reads the scope and changes nothing; `None` if nobody has begun it.
    fn read(&self) -> BoxFuture<'_, Result<Option<Seen>, StoreError>>;

    /// Deletes the scope; false if it was not there.
    fn forget(&self) -> BoxFuture<'_, Result<bool, StoreError>>;
}
