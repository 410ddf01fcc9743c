//! What a store does for a pace.

use std::fmt;

use futures::future::BoxFuture;

use super::schedule::Answer;
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
}
