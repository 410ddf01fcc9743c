//! One pace for many processes: a store gives the starts.

mod mapping;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg_attr(not(feature = "store"), allow(dead_code))] // Redis computes it by its script
mod schedule;
mod slots;
#[cfg(feature = "store")]
mod sqlite;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::time::Instant;

pub(super) use self::schedule::Answer;
#[cfg(test)]
#[cfg(feature = "store")]
pub(super) use self::schedule::Scope;
pub(super) use self::slots::{Due, LATE, Next, Shared, ask};
use super::rates::{Lane, Rates};
use crate::error::Error;
#[cfg(feature = "redis")]
use crate::store::redis::Redis;
#[cfg(feature = "store")]
use crate::store::{Backend, Store};
use crate::store::{StoreError, StoreKind};

/// A scope that is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Begun {
    /// What it was begun with.
    pub(super) rates: Rates,
    /// The store's clock, in microseconds.
    pub(super) now: i64,
}

/// A scope in a store: what gives the starts.
pub(super) trait Source: fmt::Debug + Send + Sync + 'static {
    fn kind(&self) -> StoreKind;

    /// Begins the scope if nobody has.
    fn begin(&self, rates: Rates) -> BoxFuture<'_, Result<Begun, StoreError>>;

    /// Reserves the next start of a lane; `None` if nobody has begun the scope, or it was deleted.
    ///
    /// Dropped before its end, it may have reserved it all the same.
    fn reserve(&self, lane: Lane) -> BoxFuture<'_, Result<Option<Answer>, StoreError>>;
}

/// Longest name of a scope, in bytes.
const LONGEST_SCOPE: usize = 100;

/// Begins a scope, or joins one that has the same rates, and learns what the store's clock is.
///
/// # Errors
///
/// Of kind `Config`: the name is not usable, or the scope has other rates. Of kind `Store`: the store failed.
pub(super) async fn join(source: Arc<dyn Source>, rates: Rates) -> Result<Shared, Error> {
    let mut shared = Shared::new(Arc::clone(&source), rates);
    // Three times, since the fastest answer tells the clock.
    for _ in 0..3 {
        let asked = Instant::now();
        let begun = source.begin(rates).await?;
        if begun.rates != rates {
            return Err(Error::config(format!(
                "the scope has rates of {} and {} requests a second in the store, and {} and {} were asked for: all \
                 that share one address need the same",
                begun.rates.single(),
                begun.rates.bulk(),
                rates.single(),
                rates.bulk()
            )));
        }
        shared.learn(asked, Instant::now(), begun.now);
    }
    Ok(shared)
}

fn scope(name: String) -> Result<String, Error> {
    let plain = |c: char| !c.is_control() && !matches!(c, '{' | '}'); // in braces, as Redis hashes it
    if !name.is_empty() && name.len() <= LONGEST_SCOPE && name.chars().all(plain) {
        Ok(name)
    } else {
        Err(Error::config(format!(
            "the name of the scope must have 1 to {LONGEST_SCOPE} bytes, no control characters and no braces"
        )))
    }
}

/// A scope in a database.
#[cfg(feature = "store")]
pub(super) fn in_store(store: &Store, name: String) -> Result<Arc<dyn Source>, Error> {
    let scope = scope(name)?;
    Ok(match store.backend() {
        Backend::Sqlite(db) => Arc::new(sqlite::SqliteSource { db: db.clone(), scope, shift: 0 }),
        #[cfg(feature = "postgres")]
        Backend::Postgres(db) => Arc::new(postgres::PostgresSource { db: db.clone(), scope, shift: 0 }),
    })
}

/// A scope in a Redis server.
#[cfg(feature = "redis")]
pub(super) fn in_redis(url: &str, name: String) -> Result<Arc<dyn Source>, Error> {
    Ok(Arc::new(redis::RedisSource { server: Redis::new(url)?, scope: scope(name)?, shift: 0 }))
}

#[cfg(test)]
#[cfg(feature = "store")]
mod tests;
