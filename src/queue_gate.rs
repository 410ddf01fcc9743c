//! The gateway's full queue (ERR013): one batch at a time finds out whether it has drained, the others wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Shut while a batch finds out. Each hold ends by itself: one that is not polled any more keeps nobody waiting.
#[derive(Clone, Default)]
pub(crate) struct QueueGate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    shut: watch::Sender<Option<Shut>>,
    owners: AtomicU64,
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

impl QueueGate {
    pub(crate) fn is_shut(&self) -> bool {
        self.0.shut.borrow().is_some_and(|shut| !shut.is_over())
    }

    /// Waits until it stands open.
    pub(crate) async fn opened(&self) {
        let mut changes = self.0.shut.subscribe();
        loop {
            let shut = *changes.borrow_and_update();
            let Some(shut) = shut.filter(|shut| !shut.is_over()) else { return };
            // The sender lives as long as the gate.
            let _ = tokio::time::timeout_at(shut.until, changes.changed()).await;
        }
    }

    /// Shuts it for so long, once nobody else holds it shut.
    pub(crate) async fn shut(&self, hold: Duration) -> GateHold {
        let owner = self.0.owners.fetch_add(1, Ordering::Relaxed);
        while !self.take(owner, hold) {
            self.opened().await;
        }
        GateHold { gate: self.clone(), owner }
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
        self.gate.take(self.owner, hold)
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_holds_it_at_a_time_and_the_next_when_it_opens() {
        let gate = QueueGate::default();
        let begin = Instant::now();
        let first = gate.shut(Duration::from_secs(60)).await;
        assert!(gate.is_shut());
        let next = tokio::spawn({
            let gate = gate.clone();
            async move { gate.shut(Duration::from_secs(60)).await }
        });
        tokio::time::sleep(Duration::from_secs(10)).await;
        drop(first);
        let second = next.await.unwrap();
        assert_eq!(begin.elapsed().as_secs(), 10);
        assert!(gate.is_shut() && second.extend(Duration::from_secs(5)));
        gate.opened().await;
        assert_eq!(begin.elapsed().as_secs(), 15, "it ends by itself");
        assert!(!gate.is_shut());
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_that_has_ended_is_the_next_ones_and_does_not_open_it() {
        let gate = QueueGate::default();
        let first = gate.shut(Duration::from_secs(10)).await;
        let second = gate.shut(Duration::from_secs(10)).await;
        assert!(!first.extend(Duration::from_secs(10)));
        drop(first);
        assert!(gate.is_shut());
        drop(second);
        assert!(!gate.is_shut());
    }
}
