//! What many processes share, seen from outside.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::shared::{self, Seen, Source};
use super::{Lane, Limiter, Rates};
use crate::error::Error;
use crate::queue_gate::StoredGate;
#[cfg(feature = "store")]
use crate::store::Store;

/// A scope in a store: what the processes behind one public address share.
///
/// For whoever shows it, or takes the rates that it has; a service only needs [`Limiter::shared`] or
/// [`Limiter::redis`]. Cloning is cheap.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use kwtsms_async::{PaceScope, Rates, Store};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("kwtsms.db");
/// let store = Store::open(path).await?;
/// let scope = PaceScope::in_store(&store, "office-ip")?;
/// assert!(scope.status().await?.is_none(), "nobody has begun it");
/// let limiter = scope.limiter(Rates::default()).await?;
/// let status = scope.status().await?.expect("it was begun");
/// assert_eq!((status.rates, status.granted), (Rates::default(), 0));
/// # Ok::<_, kwtsms_async::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct PaceScope(Arc<dyn Source>);

/// How a scope stands, at the moment at which the store was asked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PaceStatus {
    /// What it was begun with: how many requests a second each lane may start.
    pub rates: Rates,
    /// How many starts were given since it was begun. A start whose process died, or came too late for it, counts.
    pub granted: u64,
    /// How long a single request would have to wait that asks now, behind all starts that are given.
    pub single_wait: Duration,
    /// How long a bulk batch would have to wait that asks now.
    pub bulk_wait: Duration,
    /// The processes in which calls wait for half a second or more, those that were heard of last first. Each says so
    /// once a second; one that died stands here for some seconds more, see [`heard`](PaceProcess::heard).
    pub waiting: Vec<PaceProcess>,
}

/// A process in which calls wait for their turn, as it said itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PaceProcess {
    /// The name of its host; empty if it could not learn it.
    pub host: String,
    /// Its process id.
    pub id: Option<u32>,
    /// How many single requests wait in it.
    pub single: u64,
    /// How many bulk batches wait in it.
    pub bulk: u64,
    /// How long ago it said so.
    pub heard: Duration,
}

impl PaceScope {
    /// A scope in a database. Nothing is asked.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if the name is not 1 to 100 bytes without control characters and braces.
    #[cfg(feature = "store")]
    pub fn in_store(store: &Store, scope: impl Into<String>) -> Result<Self, Error> {
        shared::in_store(store, scope.into()).map(Self)
    }

    /// A scope in a Redis server, by its URL as [`Limiter::redis`] takes it. Nothing is asked.
    ///
    /// # Errors
    ///
    /// Of kind `Config` as for [`in_store`](Self::in_store), and if the URL cannot be read.
    #[cfg(feature = "redis")]
    pub fn in_redis(url: &str, scope: impl Into<String>) -> Result<Self, Error> {
        shared::in_redis(url, scope.into()).map(Self)
    }

    #[cfg(test)]
    #[cfg(feature = "store")]
    pub(super) fn of(source: Arc<dyn Source>) -> Self {
        Self(source)
    }

    /// Begins the scope, or joins it.
    ///
    /// # Errors
    ///
    /// As for [`Limiter::shared`]: it has other rates, or the store fails.
    pub async fn limiter(&self, rates: Rates) -> Result<Limiter, Error> {
        Limiter::joined(Arc::clone(&self.0), rates).await
    }

    /// How it stands; `None` if nobody has begun it. Changes nothing.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn status(&self) -> Result<Option<PaceStatus>, Error> {
        Ok(self.0.read().await?.map(PaceStatus::of))
    }

    /// How long a batch of an account, by its user name, holds the others up, at most, because the gateway's queue is
    /// full (ERR013); zero if none does.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn full_queue(&self, username: &str) -> Result<Duration, Error> {
        let gate = StoredGate { kept: self.0.kept(), account: username.trim().to_owned() };
        Ok(gate.shut_for().await?)
    }

    /// Forgets the scope, its rates too; false if nobody has begun it. The next process begins it anew, with its own
    /// rates, and waits for 5 s first; processes that share it now and have other rates end their calls with kind
    /// `Store`.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn forget(&self) -> Result<bool, Error> {
        Ok(self.0.forget().await?)
    }
}

impl fmt::Debug for PaceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PaceScope").field(&self.0).finish()
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(micros.max(0).unsigned_abs())
}

impl PaceStatus {
    fn of(seen: Seen) -> Self {
        let Seen { scope, now, server, mut waiting } = seen;
        // What the store would answer.
        let wait = |lane| {
            let mut asked = scope;
            micros(asked.reserve(lane, None, now, server).wait)
        };
        waiting.sort_by_key(|waits| std::cmp::Reverse(waits.seen));
        let process = |waits: shared::Waits| {
            let (host, id) = shared::host_and_id(&waits.process);
            let [single, bulk] = waits.calls.map(|calls| calls.max(0).unsigned_abs());
            PaceProcess { host: host.to_owned(), id, single, bulk, heard: micros(now - waits.seen) }
        };
        Self {
            rates: scope.rates,
            granted: scope.granted.max(0).unsigned_abs(),
            single_wait: wait(Lane::Single),
            bulk_wait: wait(Lane::Bulk),
            waiting: waiting.into_iter().map(process).collect(),
        }
    }
}
