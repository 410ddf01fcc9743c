//! How a process joins a scope.

use std::sync::Arc;

use tokio::time::Instant;

#[cfg(feature = "postgres")]
use super::postgres::PostgresSource;
#[cfg(feature = "redis")]
use super::redis::RedisSource;
use super::slots::Shared;
use super::source::Source;
#[cfg(feature = "store")]
use super::sqlite::SqliteSource;
use crate::error::Error;
use crate::limit::rates::Rates;
#[cfg(feature = "redis")]
use crate::store::redis::Redis;
#[cfg(feature = "store")]
use crate::store::{Backend, Store};

/// Longest name of a scope, in bytes.
const LONGEST_SCOPE: usize = 100;

/// Begins a scope, or joins one that has the same rates, and learns what the store's clock is.
///
/// # Errors
///
/// Of kind `Config`: the name is not usable, or the scope has other rates. Of kind `Store`: the store failed.
pub(crate) async fn join(source: Arc<dyn Source>, rates: Rates) -> Result<Shared, Error> {
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
pub(crate) fn in_store(store: &Store, name: String) -> Result<Arc<dyn Source>, Error> {
    let scope = scope(name)?;
    Ok(match store.backend() {
        Backend::Sqlite(db) => Arc::new(SqliteSource { db: db.clone(), scope, shift: 0 }),
        #[cfg(feature = "postgres")]
        Backend::Postgres(db) => Arc::new(PostgresSource { db: db.clone(), scope, shift: 0 }),
    })
}

/// A scope in a Redis server.
#[cfg(feature = "redis")]
pub(crate) fn in_redis(url: &str, name: String) -> Result<Arc<dyn Source>, Error> {
    Ok(Arc::new(RedisSource { server: Redis::new(url)?, scope: scope(name)?, shift: 0 }))
}
