//! Processes of one account over each store.

use super::*;
use crate::same_number::{Refusal, SameNumberMemory};
use crate::store::{Bed, beds};

const SECOND: Duration = Duration::from_secs(1);

fn number(i: u64) -> PhoneNumber {
    PhoneNumber::parse(&(96_550_000_000 + i).to_string()).unwrap()
}

fn numbers(range: std::ops::Range<u64>) -> Arc<[PhoneNumber]> {
    range.map(number).collect()
}

impl Bed {
    fn numbers(&self, account: &str) -> StoredNumbers {
        StoredNumbers { kept: self.kept.clone(), account: account.to_owned() }
    }

    /// The memory of a process of its own.
    fn process(&self, account: &str) -> SameNumberMemory {
        SameNumberMemory::shared(16 * SECOND, Arc::new(self.numbers(account)))
    }
}

#[tokio::test]
async fn all_of_the_numbers_are_taken_or_none_and_those_that_rest_are_named() {
    for bed in beds().await {
        let (store, name) = (bed.numbers("one"), bed.name);
        assert_eq!(store.take(1, numbers(0..200), 30 * SECOND, Instant::now()).await.unwrap(), [], "{name}");
        let resting = store.take(2, numbers(198..210), 30 * SECOND, Instant::now()).await.unwrap();
        let named: Vec<_> = resting.iter().map(|resting| resting.number).collect();
        assert_eq!(named, [number(198), number(199)], "{name}");
        assert!(
            resting.iter().all(|resting| resting.wait > 28 * SECOND && resting.wait <= 30 * SECOND),
            "{name}"
        );
        assert_eq!(
            store.take(3, numbers(200..210), SECOND, Instant::now()).await.unwrap(),
            [],
            "{name}: none was taken"
        );
        assert_eq!(
            store.take(1, numbers(0..200), 30 * SECOND, Instant::now()).await.unwrap(),
            [],
            "{name}: its own do not rest"
        );
        assert_eq!(
            bed.numbers("other").take(4, numbers(0..9), SECOND, Instant::now()).await.unwrap(),
            [],
            "{name}: by account"
        );
    }
}

#[tokio::test]
async fn what_was_given_back_is_free_and_a_hold_ends_by_itself() {
    for bed in beds().await {
        let (store, name) = (bed.numbers("one"), bed.name);
        store.take(1, numbers(0..3), 60 * SECOND, Instant::now()).await.unwrap();
        store.give_back(2, numbers(0..3)).await;
        assert_eq!(
            store.take(2, numbers(0..3), SECOND, Instant::now()).await.unwrap().len(),
            3,
            "{name}: it is not the other's"
        );
        store.give_back(1, numbers(0..3)).await;
        assert_eq!(store.take(2, numbers(0..3), SECOND / 10, Instant::now()).await.unwrap(), [], "{name}");
        let wait = Resting::longest(&store.take(3, numbers(2..3), SECOND, Instant::now()).await.unwrap());
        assert!(wait <= SECOND / 10, "{name}: {wait:?}");
        tokio::time::sleep(wait + SECOND / 50).await;
        assert_eq!(store.take(3, numbers(2..3), SECOND, Instant::now()).await.unwrap(), [], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_take_the_same_numbers_at_once_one_gets_them() {
    for bed in beds().await {
        for round in 0..5u64 {
            let takes: Vec<_> = (0..16u64)
                .map(|owner| {
                    let store = bed.numbers("one");
                    // Each in an order of its own, so that two could wait for each other.
                    let mut mine: Vec<_> = numbers(round * 100..round * 100 + 50).to_vec();
                    fastrand::shuffle(&mut mine);
                    tokio::spawn(async move {
                        store.take(round * 100 + owner, mine.into(), 60 * SECOND, Instant::now()).await
                    })
                })
                .collect();
            let mut taken = 0;
            for take in takes {
                taken += usize::from(take.await.unwrap().unwrap().is_empty());
            }
            assert_eq!(taken, 1, "{}", bed.name);
        }
    }
}

#[tokio::test]
async fn a_number_that_another_process_wrote_to_rests_here_too() {
    for bed in beds().await {
        let (first, second) = (bed.process("one"), bed.process("one"));
        let mut claim = first.claim(&numbers(0..2), true, 15 * SECOND, None).await.unwrap();
        let Err(Refusal::Resting(resting)) = second.claim(&numbers(1..3), true, 15 * SECOND, None).await
        else {
            panic!("{}: it does not rest", bed.name)
        };
        assert_eq!(resting.len(), 1);
        claim.leave();
        claim.end(true, Instant::now());
        // The end is told beside the call.
        let rests = async {
            loop {
                let Err(Refusal::Resting(resting)) =
                    bed.process("one").claim(&numbers(0..1), true, SECOND, None).await
                else {
                    panic!("{}: it does not rest", bed.name)
                };
                if resting[0].wait <= 16 * SECOND {
                    break;
                }
            }
        };
        tokio::time::timeout(10 * SECOND, rests).await.unwrap();
        assert!(second.claim(&numbers(1..3), false, SECOND, None).await.is_ok(), "a test message does not");
        drop(second.claim(&numbers(2..3), true, 15 * SECOND, None).await.unwrap());
        let free = async {
            while bed.process("one").claim(&numbers(2..3), true, SECOND, None).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(10 * SECOND, free).await.unwrap();
    }
}
