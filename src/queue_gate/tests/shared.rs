//! The gate in each store.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::super::shared::SharedGate;
use super::*;
use crate::store::StoreError;
use crate::store::{Bed, beds};

const SECOND: Duration = Duration::from_secs(1);

impl Bed {
    fn gate(&self, account: &str) -> StoredGate {
        StoredGate { kept: self.kept.clone(), account: account.to_owned() }
    }

    fn gate_of_a_process(&self, account: &str) -> QueueGate {
        QueueGate::shared(self.gate(account))
    }
}

#[tokio::test]
async fn one_owner_holds_it_shut_until_it_opens_it_or_the_hold_ends() {
    for bed in beds().await {
        let (gate, name) = (bed.gate("one"), bed.name);
        assert_eq!(gate.look().await.unwrap(), Duration::ZERO, "{name}");
        assert_eq!(gate.shut(1, 60 * SECOND).await.unwrap(), None, "{name}");
        assert_eq!(gate.shut(1, 30 * SECOND).await.unwrap(), None, "{name}: its own can be extended");
        let other = gate.shut(2, SECOND).await.unwrap().unwrap();
        assert!(other > 28 * SECOND && other <= 30 * SECOND, "{name}: {other:?}");
        gate.open(2).await.unwrap();
        assert!(gate.look().await.unwrap() > 28 * SECOND, "{name}: it is not the other's to open");
        assert_eq!(bed.gate("two").look().await.unwrap(), Duration::ZERO, "{name}: by account");
        gate.open(1).await.unwrap();
        assert_eq!(gate.shut(2, SECOND / 10).await.unwrap(), None, "{name}");
        tokio::time::sleep(SECOND / 8).await;
        assert_eq!(gate.shut(3, SECOND).await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn a_full_queue_that_one_process_met_keeps_the_others_waiting() {
    for bed in beds().await {
        let (first, second) = (bed.gate_of_a_process("one"), bed.gate_of_a_process("one"));
        let held = first.shut(60 * SECOND).await;
        assert!(first.is_shut() && !second.is_shut());
        assert!(second.is_shut_anywhere().await, "{}", bed.name);
        let waits = tokio::spawn({
            let second = second.clone();
            async move { second.opened().await }
        });
        let next = tokio::spawn(async move { second.shut(60 * SECOND).await });
        tokio::time::sleep(SECOND / 5).await;
        assert!(!waits.is_finished() && !next.is_finished(), "{}", bed.name);
        drop(held);
        let next = tokio::time::timeout(10 * SECOND, next).await.unwrap().unwrap();
        assert!(first.is_shut_anywhere().await, "{}", bed.name);
        drop(next);
        tokio::time::timeout(10 * SECOND, waits).await.unwrap().unwrap();
    }
}

#[derive(Debug)]
struct Gone;

impl SharedGate for Gone {
    fn shut(&self, _: u64, _: Duration) -> BoxFuture<'static, Result<Option<Duration>, StoreError>> {
        Box::pin(std::future::ready(Err(gone())))
    }

    fn look(&self) -> BoxFuture<'static, Result<Duration, StoreError>> {
        Box::pin(std::future::ready(Err(gone())))
    }

    fn open(&self, _: u64) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(std::future::ready(Err(gone())))
    }
}

fn gone() -> StoreError {
    StoreError::new(crate::store::StoreKind::Sqlite, crate::store::Failure::Unreachable, "gone")
}

#[tokio::test(start_paused = true)]
async fn without_its_store_the_gate_is_that_of_the_process() {
    let gate = QueueGate::over(Arc::new(Gone));
    let held = gate.shut(60 * SECOND).await;
    assert!(gate.is_shut_anywhere().await && held.extend(60 * SECOND));
    drop(held);
    gate.opened().await;
    assert!(!gate.is_shut_anywhere().await);
}
