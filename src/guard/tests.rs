//! Processes of one account over each store.

use std::sync::Arc;

use super::limit::SpendLimit;
use super::shared::StoredSpending;
use super::spend::Spending;
use crate::credits::Credits;
use crate::error::ErrorKind;
use crate::store::{Bed, beds};

impl Bed {
    /// The spending of a process of its own.
    fn spending(&self, account: &str, limit: SpendLimit) -> Arc<Spending> {
        let stored = StoredSpending { kept: self.kept.clone(), account: account.to_owned() };
        Arc::new(Spending::stored(limit, stored))
    }
}

fn credits(credits: i64) -> Credits {
    Credits::from_int(credits)
}

#[tokio::test]
async fn processes_of_an_account_cannot_spend_more_than_the_limit_together() {
    let limit = SpendLimit::new().per_hour(credits(10)).per_day(credits(100));
    for bed in beds().await {
        let name = bed.name;
        let processes: Vec<_> = (0..4).map(|_| bed.spending("one", limit)).collect();
        let takes = (0..40).map(|i| {
            let process = Arc::clone(&processes[i % 4]);
            tokio::spawn(async move { process.reserve(credits(1), None).await })
        });
        let taken: Vec<_> = futures::future::join_all(takes).await.into_iter().map(Result::unwrap).collect();
        let (taken, refused): (Vec<_>, Vec<_>) = taken.into_iter().partition(Result::is_ok);
        assert_eq!((taken.len(), refused.len()), (10, 30), "{name}");
        for error in refused.into_iter().map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::SpendLimit, "{name}");
            let opens = error.retry_after().unwrap().as_secs();
            assert!((3_500..=3_660).contains(&opens), "{name}: {opens}");
        }
        bed.spending("other", limit).reserve(credits(10), None).await.unwrap(); // by account
        let never = processes[0].reserve(credits(11), None).await.unwrap_err();
        assert_eq!((never.kind(), never.retry_after()), (ErrorKind::SpendLimit, None), "{name}");
    }
}

#[tokio::test]
async fn what_was_not_charged_is_given_back_and_what_cost_more_is_added() {
    let limit = SpendLimit::new().per_day(credits(10));
    for bed in beds().await {
        let name = bed.name;
        let (one, two) = (bed.spending("one", limit), bed.spending("one", limit));
        let refused = one.reserve(credits(4), None).await.unwrap();
        let dear = one.reserve(credits(6), None).await.unwrap();
        assert!(two.reserve(credits(1), None).await.is_err(), "{name}");
        refused.settle(Credits::ZERO);
        // Written beside the call: it is there soon.
        let mut tries = 0;
        let back = loop {
            match two.reserve(credits(3), None).await {
                Ok(back) => break back,
                Err(error) => assert!(tries < 500, "{name}: {error}"),
            }
            tries += 1;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        dear.settle(credits(7));
        drop(back); // not settled: it stays spent
        let mut tries = 0;
        while let Ok(room) = two.reserve(credits(1), None).await {
            room.settle(Credits::ZERO);
            assert!(tries < 500, "{name}");
            tries += 1;
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_store_that_fails_lets_nothing_through() {
    let limit = SpendLimit::new().per_day(credits(10));
    for bed in beds().await.into_iter().filter(|bed| bed.name == "SQLite") {
        let crate::store::Kept::Sqlite(db) = &bed.kept else { continue };
        db.write(|tx| tx.execute_batch("DROP TABLE kwtsms_spent")).await.unwrap();
        let until = tokio::time::Instant::now() + std::time::Duration::from_millis(10);
        let error = bed.spending("one", limit).reserve(credits(1), Some(until)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store);
    }
}

#[cfg(feature = "diagnose")]
#[tokio::test]
async fn whoever_looks_sees_what_all_processes_spent_and_takes_nothing() {
    let limit = SpendLimit::new().per_hour(credits(10)).per_day(credits(20));
    for bed in beds().await {
        let name = bed.name;
        let (one, two) = (bed.spending("one", limit), bed.spending("one", limit));
        one.reserve(credits(4), None).await.unwrap();
        two.reserve(credits(6), None).await.unwrap();
        for _ in 0..2 {
            let spent = bed.spending("one", limit).spent().await.unwrap();
            let windows = spent.windows();
            assert_eq!((windows[0].0, windows[0].2), (credits(10), credits(10)), "{name}");
            assert_eq!((windows[1].0, windows[1].2), (credits(20), credits(10)), "{name}");
            let frees = windows[0].3.unwrap().as_secs();
            assert!((3_500..=3_660).contains(&frees), "{name}: {frees}");
            assert_eq!(spent.room_for(credits(11)), Err(None), "{name}");
            let opens = spent.room_for(credits(1)).unwrap_err().unwrap().as_secs();
            assert!((3_500..=3_660).contains(&opens), "{name}: {opens}");
        }
        let other = bed.spending("other", limit);
        assert_eq!(other.spent().await.unwrap().windows()[0].2, Credits::ZERO, "{name}");
        assert!(other.is_shared() && !Spending::local(limit).is_shared());
    }
}
