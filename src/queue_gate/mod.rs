//! The gateway's full queue (ERR013): one batch at a time finds out whether it has drained, the others wait for it.

#[cfg(any(feature = "store", feature = "redis"))]
mod shared;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

#[cfg(any(feature = "store", feature = "redis"))]
pub(crate) use self::shared::StoredGate;
use crate::clock::before;
#[cfg(any(feature = "store", feature = "redis"))]
use crate::clock::sleep;
#[cfg(any(feature = "store", feature = "redis"))]
use crate::task::spawn;

/// Shut while a batch finds out. Each hold ends by itself: one that is not polled any more keeps nobody waiting.
#[derive(Clone)]
pub(crate) struct QueueGate(Arc<Inner>);

struct Inner {
    shut: watch::Sender<Option<Shut>>,
    /// Counted from a random number: those of another process are others.
    owners: AtomicU64,
    /// Where the processes of the account see it. What it says besides is a courtesy, so that its failures are
    /// not told: a batch that goes on is refused by the gateway, and the store's own failure ends with its turn.
    #[cfg(any(feature = "store", feature = "redis"))]
    shared: Option<Arc<dyn shared::SharedGate>>,
}

#[derive(Debug, Clone, Copy)]
struct Shut {
    owner: u64,
    until: Instant,
}

impl Shut {
    fn is_over(&self) -> bool {
        self.until <= Instant::now()
    }
}

/// The gate is shut while this lives, at most as long as it was taken for.
pub(crate) struct GateHold {
    gate: QueueGate,
    owner: u64,
}

const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a gate that another process holds shut is looked at.
#[cfg(any(feature = "store", feature = "redis"))]
const LOOK: Duration = Duration::from_secs(1);

impl Default for QueueGate {
    fn default() -> Self {
        Self(Arc::new(Inner {
            shut: watch::Sender::default(),
            owners: AtomicU64::new(RandomState::new().build_hasher().finish()),
            #[cfg(any(feature = "store", feature = "redis"))]
            shared: None,
        }))
    }
}

impl QueueGate {
    /// One that the processes of an account share.
    #[cfg(any(feature = "store", feature = "redis"))]
    pub(crate) fn shared(stored: StoredGate) -> Self {
        Self::over(Arc::new(stored))
    }

    #[cfg(any(feature = "store", feature = "redis"))]
    fn over(shared: Arc<dyn shared::SharedGate>) -> Self {
        let owners = AtomicU64::new(RandomState::new().build_hasher().finish());
        Self(Arc::new(Inner { shut: watch::Sender::default(), owners, shared: Some(shared) }))
    }

    /// True if a batch of this process finds out.
    pub(crate) fn is_shut(&self) -> bool {
        self.0.shut.borrow().is_some_and(|shut| !shut.is_over())
    }

    /// True if a batch of any process of the account finds out.
    pub(crate) async fn is_shut_anywhere(&self) -> bool {
        self.is_shut() || !self.elsewhere().await.is_zero()
    }

    /// How long another process holds it shut, at most.
    #[allow(clippy::unused_async)] // it asks where there are stores
    async fn elsewhere(&self) -> Duration {
        #[cfg(any(feature = "store", feature = "redis"))]
        if let Some(shared) = &self.0.shared {
            return shared.look().await.unwrap_or_default();
        }
        Duration::ZERO
    }

    /// Waits until it stands open.
    pub(crate) async fn opened(&self) {
        loop {
            self.opened_here().await;
            let wait = self.elsewhere().await;
            if wait.is_zero() {
                return;
            }
            #[cfg(any(feature = "store", feature = "redis"))]
            sleep(wait.min(LOOK)).await;
        }
    }

    async fn opened_here(&self) {
        let mut changes = self.0.shut.subscribe();
        loop {
            let shut = *changes.borrow_and_update();
            let Some(shut) = shut.filter(|shut| !shut.is_over()) else { return };
            // The sender lives as long as the gate.
            let _ = before(Some(shut.until), changes.changed()).await;
        }
    }

    /// Shuts it for so long, once nobody else holds it shut.
    pub(crate) async fn shut(&self, hold: Duration) -> GateHold {
        let owner = self.0.owners.fetch_add(1, Ordering::Relaxed);
        while !self.take(owner, hold) {
            self.opened_here().await;
        }
        let held = GateHold { gate: self.clone(), owner };
        #[cfg(any(feature = "store", feature = "redis"))]
        if let Some(shared) = &self.0.shared {
            // Its own batches wait meanwhile behind the hold here.
            while let Ok(Some(wait)) = shared.shut(owner, hold.min(LONGEST)).await {
                sleep(wait.clamp(LOOK / 10, LOOK)).await;
                self.take(owner, hold);
            }
        }
        held
    }

    fn take(&self, owner: u64, hold: Duration) -> bool {
        self.0.shut.send_if_modified(|shut| {
            let free = shut.is_none_or(|shut| shut.owner == owner || shut.is_over());
            if free {
                *shut = Some(Shut { owner, until: Instant::now() + hold.min(LONGEST) });
            }
            free
        })
    }
}

impl GateHold {
    /// Holds it so long from now; false if it has ended meanwhile and somebody else holds it.
    pub(crate) fn extend(&self, hold: Duration) -> bool {
        let held = self.gate.take(self.owner, hold);
        #[cfg(any(feature = "store", feature = "redis"))]
        if let (true, Some(shared), Ok(runtime)) =
            (held, &self.gate.0.shared, tokio::runtime::Handle::try_current())
        {
            let extended = shared.shut(self.owner, hold.min(LONGEST));
            spawn(&runtime, Box::pin(async move { drop(extended.await) }));
        }
        held
    }
}

impl Drop for GateHold {
    fn drop(&mut self) {
        self.gate.0.shut.send_if_modified(|shut| {
            let ours = shut.is_some_and(|shut| shut.owner == self.owner);
            if ours {
                *shut = None;
            }
            ours
        });
        #[cfg(any(feature = "store", feature = "redis"))]
        if let (Some(shared), Ok(runtime)) = (&self.gate.0.shared, tokio::runtime::Handle::try_current()) {
            let opened = shared.open(self.owner);
            runtime.spawn(async move { drop(opened.await) }); // lost, it ends by itself
        }
    }
}

#[cfg(test)]
mod tests;
