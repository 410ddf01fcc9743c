//! A store as the service holds it.

use std::fmt;
use std::sync::Arc;

use super::Operations;
use super::memory::Memory;
#[cfg(feature = "postgres")]
use super::postgres::PostgresCodes;
#[cfg(feature = "redis")]
use super::redis::RedisCodes;
#[cfg(feature = "store")]
use super::sqlite::SqliteCodes;
#[cfg(feature = "redis")]
use crate::error::Error;
#[cfg(feature = "redis")]
use crate::store::redis::Redis;
#[cfg(feature = "store")]
use crate::store::{Backend, Store};

/// Where challenges and counts lie. Cloning is cheap, and clones are the same store.
#[derive(Clone)]
pub struct OtpStore(pub(in crate::otp) Arc<dyn Operations>);

impl OtpStore {
    /// A store in this process: for tests, and for a service that is one process and may forget at its end whom it
    /// sent codes to. Time is Tokio's. What has no meaning any more is forgotten by itself.
    pub fn memory() -> Self {
        Self(Arc::new(Memory::default()))
    }

    /// A store in a Redis server, for any number of replicas: `redis://user:password@host:6379/0`, `rediss://` for TLS,
    /// `?prefix=` for what keys begin with in place of `kwtsms:`. Needs Redis 5 or later.
    ///
    /// What Redis forgets in a restart or a switch to a replica is forgotten: then codes that were sent are worth
    /// nothing, and limits begin anew. Let it write to disk (`appendonly yes`), or use PostgreSQL where that matters.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, if the URL cannot be read or the server may throw away keys that have not expired
    /// (`maxmemory-policy` other than `noeviction`): a counter that is gone is an open door. Of kind `Store`, if it does
    /// not answer.
    #[cfg(feature = "redis")]
    pub async fn redis(url: &str) -> Result<Self, Error> {
        let redis = Redis::new(url)?;
        redis.refuse_eviction().await?;
        Ok(Self(Arc::new(RedisCodes(redis))))
    }

    /// The same over a server that may throw counters away when its memory is full, and limits with them.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, if the URL cannot be read.
    #[cfg(feature = "redis")]
    pub fn redis_that_evicts(url: &str) -> Result<Self, Error> {
        Ok(Self(Arc::new(RedisCodes(Redis::new(url)?))))
    }
}

#[cfg(feature = "store")]
impl From<&Store> for OtpStore {
    /// Codes in a store that is open: replicas that open the same one are one service. Call
    /// [`Otp::sweep`](crate::otp::Otp::sweep) now and then.
    fn from(store: &Store) -> Self {
        match store.backend() {
            Backend::Sqlite(db) => Self(Arc::new(SqliteCodes(db.clone()))),
            #[cfg(feature = "postgres")]
            Backend::Postgres(db) => Self(Arc::new(PostgresCodes(db.clone()))),
        }
    }
}

#[cfg(feature = "store")]
impl From<Store> for OtpStore {
    fn from(store: Store) -> Self {
        Self::from(&store)
    }
}

impl fmt::Debug for OtpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OtpStore({})", self.0.name())
    }
}
