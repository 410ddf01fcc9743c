//! Processes that share a scope, each with a limiter of its own, in virtual time over a store in memory.

mod memory;

use std::sync::Mutex;

use memory::{Line, Memory};

use super::*;
use crate::clock::testing::set_wall_clock;
use crate::clock::wall_now;
use crate::error::{Delivery, ErrorKind};
use crate::limit::{Limiter, Rates};

async fn process(store: &Arc<Memory>) -> Limiter {
    Limiter::joined(Arc::new(Arc::clone(store)), Rates::default()).await.unwrap()
}

/// A store whose scope is old enough that nobody waits for it.
async fn store() -> Arc<Memory> {
    let store = Arc::new(Memory::default());
    process(&store).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    store
}

/// When requests of both lanes started.
#[derive(Clone, Default)]
struct Starts(Arc<Mutex<Vec<(Instant, Lane, usize)>>>);

impl Starts {
    /// A process whose lane is full for a while.
    fn fill(&self, limiter: &Limiter, lane: Lane, who: usize, until: Instant) {
        for _ in 0..3 {
            let (limiter, starts) = (limiter.clone(), self.clone());
            tokio::spawn(async move {
                while Instant::now() < until {
                    if start(&limiter, lane).await.is_ok() {
                        starts.0.lock().unwrap().push((Instant::now(), lane, who));
                    } else {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                }
            });
        }
    }

    fn of(&self, lane: Option<Lane>) -> Vec<Instant> {
        let starts = self.0.lock().unwrap();
        starts.iter().filter(|(_, own, _)| lane.is_none_or(|lane| lane == *own)).map(|(at, ..)| *at).collect()
    }

    fn most_within(&self, lane: Option<Lane>, window: Duration) -> usize {
        let starts = self.of(lane);
        let count = |from: &Instant| starts.iter().filter(|at| (*from..*from + window).contains(*at)).count();
        starts.iter().map(count).max().unwrap_or(0)
    }
}

async fn start(limiter: &Limiter, lane: Lane) -> Result<(), crate::error::Error> {
    limiter.turn(lane, None).await?.start().await
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn eight_processes_keep_one_pace_at_its_full_rate() {
    for latency in [0, 3, 40] {
        let store = store().await;
        store.set(|held| held.latency = Duration::from_millis(latency));
        let (starts, until) = (Starts::default(), Instant::now() + 60 * SECOND);
        for who in 0..8 {
            let limiter = process(&store).await;
            starts.fill(&limiter, Lane::Single, who, until);
            starts.fill(&limiter, Lane::Bulk, who, until);
        }
        tokio::time::sleep_until(until).await;
        for lane in [Lane::Single, Lane::Bulk] {
            let count = starts.of(Some(lane)).len();
            assert!(count >= 60_000 / 510 * 98 / 100, "{latency}: {lane:?} {count}");
            assert_eq!(starts.most_within(Some(lane), SECOND), 2, "{latency}: {lane:?}");
        }
        assert!(starts.most_within(None, SECOND) <= 4, "{latency}");
        let mut shares = [0; 8];
        starts.0.lock().unwrap().iter().for_each(|(_, _, who)| shares[*who] += 1);
        assert!(shares.iter().all(|share| (20..=38).contains(share)), "{latency}: {shares:?}");
        tokio::time::sleep(20 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_a_process_are_served_in_the_order_they_came() {
    let store = store().await;
    let (limiter, other) = (process(&store).await, process(&store).await);
    Starts::default().fill(&other, Lane::Single, 1, Instant::now() + 30 * SECOND);
    let order = Arc::new(Mutex::new(Vec::new()));
    let calls: Vec<_> = (0..20)
        .map(|i| {
            let (limiter, order) = (limiter.clone(), Arc::clone(&order));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(i)).await;
                start(&limiter, Lane::Single).await.unwrap();
                order.lock().unwrap().push(i);
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_single_request_beside_a_full_bulk_lane_of_other_processes_waits_for_less_than_half_a_second() {
    let store = store().await;
    let (starts, until) = (Starts::default(), Instant::now() + 300 * SECOND);
    for who in 0..8 {
        starts.fill(&process(&store).await, Lane::Bulk, who, until);
    }
    let limiter = process(&store).await;
    for i in 0..50 {
        tokio::time::sleep(Duration::from_millis(3_000 + 37 * i)).await;
        let begin = Instant::now();
        start(&limiter, Lane::Single).await.unwrap();
        assert!(begin.elapsed() < Duration::from_millis(500), "{i}: {:?}", begin.elapsed());
    }
}

/// Ten thousand, over real stores, are in the suite: they take longer than a machine may seem to have slept for while
/// virtual time stands still.
#[tokio::test(start_paused = true)]
async fn a_thousand_dropped_waits_cost_no_start() {
    let store = store().await;
    let limiter = process(&store).await;
    start(&limiter, Lane::Single).await.unwrap();
    let begin = Instant::now();
    let before = store.state.lock().unwrap().reserved;
    for _ in 0..10 {
        let waits: Vec<_> = (0..100)
            .map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move { start(&limiter, Lane::Single).await })
            })
            .collect();
        tokio::task::yield_now().await;
        waits.iter().for_each(tokio::task::JoinHandle::abort);
        for wait in waits {
            assert!(wait.await.unwrap_err().is_cancelled());
        }
    }
    assert_eq!(limiter.waiting(), (0, 0));
    start(&limiter, Lane::Single).await.unwrap();
    assert!(begin.elapsed() < Duration::from_millis(520), "{:?}", begin.elapsed());
    assert_eq!(store.state.lock().unwrap().reserved - before, 1);
}

#[tokio::test(start_paused = true)]
async fn callers_that_are_not_polled_hold_up_nobody() {
    let store = store().await;
    let limiter = process(&store).await;
    let mut stuck = Vec::new();
    for _ in 0..3 {
        let mut wait = Box::pin(limiter.turn(Lane::Single, None));
        assert!(futures::poll!(wait.as_mut()).is_pending());
        stuck.push(wait);
    }
    let begin = Instant::now();
    for _ in 0..10 {
        start(&limiter, Lane::Single).await.unwrap();
    }
    assert!(begin.elapsed() < 8 * SECOND, "{:?}", begin.elapsed());
    assert_eq!(limiter.waiting().0, 3, "and keep their places");
    for wait in stuck {
        wait.await.unwrap().start().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn something_short_between_turn_and_start_costs_no_start() {
    let store = store().await;
    let limiter = process(&store).await;
    let mut last: Option<Instant> = None;
    for between in [0, 10, 30, 135, 0, 90] {
        let turn = limiter.turn(Lane::Bulk, None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(between)).await;
        turn.start().await.unwrap();
        let apart = last.replace(Instant::now()).map(|last| last.elapsed().as_millis());
        assert!(apart.is_none_or(|apart| (510..=513).contains(&apart)), "{between}: {apart:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_takes_long_between_turn_and_start_of_a_request_alone_costs_no_period() {
    let store = store().await;
    store.set(|held| held.latency = Duration::from_millis(10));
    let limiter = process(&store).await;
    for _ in 0..5 {
        tokio::time::sleep(3 * SECOND).await;
        let begin = Instant::now();
        let turn = limiter.turn(Lane::Single, None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(40)).await; // too late for a start that was due at once
        turn.start().await.unwrap();
        assert!(begin.elapsed() < Duration::from_millis(80), "{:?}", begin.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_gone_ends_calls_at_their_deadline_or_after_ten_seconds_and_nothing_starts() {
    let store = store().await;
    let limiter = process(&store).await;
    start(&limiter, Lane::Single).await.unwrap();
    store.set(|held| held.gone = true);
    let begin = Instant::now();
    let late = limiter.turn(Lane::Single, Some(begin + 3 * SECOND)).await.err().unwrap();
    assert_eq!((late.kind(), late.delivery()), (ErrorKind::Store, Delivery::NotSent));
    assert!(late.action().contains("SQLite"), "{}", late.action());
    assert_eq!(begin.elapsed().as_secs(), 3);
    let waits: Vec<_> = (0..5)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { start(&limiter, Lane::Single).await })
        })
        .collect();
    for wait in waits {
        assert_eq!(wait.await.unwrap().unwrap_err().kind(), ErrorKind::Store);
    }
    assert!((10..=12).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    // From then on at once, as long as it is not back.
    let begin = Instant::now();
    assert_eq!(start(&limiter, Lane::Single).await.unwrap_err().kind(), ErrorKind::Store);
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(start(&limiter, Lane::Single).await.unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(begin.elapsed().as_secs(), 2);
    store.set(|held| held.gone = false);
    tokio::time::sleep(2 * SECOND).await;
    start(&limiter, Lane::Single).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_ends_in_time_is_only_waited_for() {
    let store = store().await;
    let limiter = process(&store).await;
    store.set(|held| held.gone = true);
    let begin = Instant::now();
    let wait = tokio::spawn(async move { start(&limiter, Lane::Bulk).await });
    tokio::time::sleep(4 * SECOND).await;
    store.set(|held| held.gone = false);
    wait.await.unwrap().unwrap();
    assert!(begin.elapsed() < 6 * SECOND, "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_back_empty_or_with_an_old_state_never_lets_more_than_five_start_in_a_second() {
    for case in ["empty", "old", "old, of the same server", "empty and new processes"] {
        let store = store().await;
        let (starts, until) = (Starts::default(), Instant::now() + 40 * SECOND);
        let fill = async |who| {
            let limiter = process(&store).await;
            starts.fill(&limiter, Lane::Single, who, until);
            starts.fill(&limiter, Lane::Bulk, who, until);
        };
        for who in 0..8 {
            fill(who).await;
        }
        tokio::time::sleep(5 * SECOND).await;
        let old = store.state.lock().unwrap().scope;
        tokio::time::sleep(5 * SECOND).await;
        store.set(|held| {
            held.server += i64::from(!case.contains("same"));
            held.scope = if case.contains("old") { old } else { None };
        });
        if case.contains("new") {
            for who in 8..12 {
                fill(who).await;
            }
        }
        tokio::time::sleep_until(until).await;
        assert!(starts.most_within(None, SECOND) <= 5, "{case}: {}", starts.most_within(None, SECOND));
        assert!(starts.of(None).len() > 100, "{case}");
        tokio::time::sleep(20 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_the_machine_slept_through_is_thrown_away() {
    for slept in [Duration::ZERO, 3_600 * SECOND] {
        let store = store().await;
        let limiter = process(&store).await;
        start(&limiter, Lane::Bulk).await.unwrap();
        let reserved = || store.state.lock().unwrap().reserved;
        let before = reserved();
        let next = tokio::spawn(async move { start(&limiter, Lane::Bulk).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(reserved(), before + 1, "its start is due in 410 ms");
        set_wall_clock(wall_now() + slept);
        next.await.unwrap().unwrap();
        let again = u64::from(!slept.is_zero());
        assert_eq!(reserved(), before + 1 + again, "{slept:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_of_the_store_that_is_set_never_lets_more_than_five_start_in_a_second() {
    for step in [3_600, -3_600, 2, -2, 86_400 * 365] {
        let store = store().await;
        let (starts, until) = (Starts::default(), Instant::now() + 40 * SECOND);
        for who in 0..8 {
            let limiter = process(&store).await;
            starts.fill(&limiter, Lane::Single, who, until);
            starts.fill(&limiter, Lane::Bulk, who, until);
        }
        tokio::time::sleep(10 * SECOND).await;
        store.set(|held| held.clock += step * 1_000_000);
        tokio::time::sleep_until(until).await;
        assert!(starts.most_within(None, SECOND) <= 5, "{step}: {}", starts.most_within(None, SECOND));
        // It costs at most the 5 s of the hold, and what was ahead.
        assert!(starts.of(None).len() > 100, "{step}: {}", starts.of(None).len());
        tokio::time::sleep(20 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_share_lets_single_requests_start_without_the_store_and_bulk_batches_not() {
    let (store, rates) = (Arc::new(Memory::default()), Rates::new(1.0, 1.0).unwrap());
    let mut limiters = Vec::new();
    for _ in 0..3 {
        let limiter = Limiter::joined(Arc::new(Arc::clone(&store)), rates).await.unwrap();
        limiters.push(limiter.share_without_store(3).unwrap());
    }
    store.set(|held| held.gone = true);
    let begin = Instant::now();
    let (starts, until) = (Starts::default(), begin + 40 * SECOND);
    for (who, limiter) in limiters.iter().enumerate() {
        starts.fill(limiter, Lane::Single, who, until);
        starts.fill(limiter, Lane::Bulk, who, until);
    }
    tokio::time::sleep_until(until).await;
    let singles = starts.of(Some(Lane::Single));
    assert!(singles.iter().all(|at| *at >= begin + 5 * SECOND), "others may hold starts until then");
    // 35 s of 3.06 s a replica, in all 3.
    assert!((30..=36).contains(&singles.len()), "{}", singles.len());
    assert!(starts.most_within(None, SECOND) <= 3);
    assert_eq!(starts.of(Some(Lane::Bulk)).len(), 0);
    store.set(|held| held.gone = false);
    tokio::time::sleep(15 * SECOND).await; // those that still waited have started
    let (starts, until) = (Starts::default(), Instant::now() + 20 * SECOND);
    starts.fill(&limiters[0], Lane::Single, 0, until);
    tokio::time::sleep_until(until).await;
    assert!(starts.of(None).len() >= 17, "the whole rate again: {}", starts.of(None).len());
}

#[tokio::test(start_paused = true)]
async fn replicas_that_are_cut_off_never_start_more_than_five_in_a_second_with_those_that_are_not() {
    let mut tried = 0;
    for (single, bulk, replicas) in [
        (2.0, 2.0, 2),
        (2.0, 2.0, 4),
        (2.0, 1.0, 2),
        (2.0, 1.0, 3),
        (1.0, 2.0, 2),
        (1.0, 1.0, 3),
        (0.3, 1.0, 3),
    ] {
        'cut: for cut in 1..=replicas {
            let (store, rates) = (Arc::new(Memory::default()), Rates::new(single, bulk).unwrap());
            let (starts, until) = (Starts::default(), Instant::now() + 60 * SECOND);
            let mut lines = Vec::new();
            for who in 0..replicas {
                let line = Arc::new(Line { store: Arc::clone(&store), cut: false.into() });
                let limiter = Limiter::joined(Arc::new(Arc::clone(&line)), rates).await.unwrap();
                let replicas = u32::try_from(replicas).unwrap();
                let Ok(limiter) = limiter.share_without_store(replicas) else { break 'cut };
                starts.fill(&limiter, Lane::Single, who, until);
                starts.fill(&limiter, Lane::Bulk, who, until);
                lines.push(line);
            }
            tokio::time::sleep(10 * SECOND).await;
            for (i, line) in lines[..cut].iter().enumerate() {
                line.cut.store(true, std::sync::atomic::Ordering::Relaxed);
                tokio::time::sleep(SECOND.mul_f64(0.37 * i as f64)).await;
            }
            tokio::time::sleep(25 * SECOND).await;
            for line in &lines {
                line.cut.store(false, std::sync::atomic::Ordering::Relaxed);
            }
            tokio::time::sleep_until(until).await;
            // Though the network closes them up by a tenth.
            let most = starts.most_within(None, SECOND.mul_f64(1.1));
            assert!(most <= 5, "{single} {bulk} {replicas} {cut}: {most}");
            tried += 1;
            tokio::time::sleep(30 * SECOND).await;
        }
    }
    assert_eq!(tried, 2 + 2 + 3 + 3, "the others are refused");
}

#[tokio::test(start_paused = true)]
async fn a_share_needs_its_part_of_the_ceiling_from_the_start() {
    for (single, bulk, replicas, good) in [
        (2.0, 2.0, 0, false),
        (2.0, 2.0, 1, true),
        (2.0, 3.0, 1, true),
        (2.0, 2.0, 2, false),
        (2.0, 1.0, 2, true),
        (2.0, 1.0, 3, false),
        (1.0, 1.0, 3, true),
        (1.0, 0.1, 4, false),
    ] {
        let rates = Rates::new(single, bulk).unwrap();
        let limiter = Limiter::joined(Arc::new(Arc::new(Memory::default())), rates).await.unwrap();
        let shared = limiter.share_without_store(replicas);
        assert_eq!(shared.is_ok(), good, "{single} {bulk} {replicas}");
        assert!(shared.is_ok() || shared.is_err_and(|error| error.kind() == ErrorKind::Config));
    }
    let local = Limiter::new(2.0, 2.0).unwrap();
    assert_eq!(local.share_without_store(1).unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn who_waits_says_so_once_a_second_and_takes_it_back_and_a_call_alone_says_nothing() {
    let store = store().await;
    let (limiter, other) = (process(&store).await, process(&store).await);
    for _ in 0..5 {
        start(&limiter, Lane::Single).await.unwrap();
        tokio::time::sleep(SECOND).await;
    }
    assert_eq!(store.state.lock().unwrap().told, [], "nobody waited");
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { start(&limiter, Lane::Bulk).await })
        })
        .collect();
    tokio::time::sleep(2 * SECOND).await;
    let status = crate::limit::PaceScope::of(Arc::new(Arc::clone(&store))).status().await.unwrap().unwrap();
    let waiting = status.waiting.first().unwrap();
    assert_eq!((waiting.id, waiting.single), (Some(std::process::id()), 0));
    assert!((7..=10).contains(&waiting.bulk) && waiting.heard <= 2 * SECOND, "{waiting:?}");
    assert!(
        status.bulk_wait > Duration::ZERO && status.single_wait < Duration::from_millis(500),
        "{status:?}"
    );
    for call in calls {
        call.await.unwrap().unwrap();
    }
    tokio::time::sleep(SECOND).await;
    let told = std::mem::take(&mut store.state.lock().unwrap().told);
    assert_eq!(told.last().map(|waits| waits.calls), Some([0, 0]), "{told:?}");
    assert!((4..=8).contains(&told.len()), "{told:?}");
    assert!(told.windows(2).all(|pair| pair[0].process == pair[1].process), "{told:?}");
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn replicas_with_other_rates_are_refused_at_the_start_and_while_they_run() {
    let store = store().await;
    let other = Rates::new(3.0, 2.0).unwrap();
    let refused = Limiter::joined(Arc::new(Arc::clone(&store)), other).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Config);
    assert!(refused.to_string().contains("2 and 2") && refused.to_string().contains("3 and 2"), "{refused}");
    let limiter = process(&store).await;
    store.set(|held| held.scope = None);
    Limiter::joined(Arc::new(Arc::clone(&store)), other).await.unwrap();
    store.set(|held| held.scope = None);
    start(&limiter, Lane::Single).await.unwrap();
}

#[test]
fn a_runtime_that_goes_away_takes_no_lane_with_it() {
    let store = Arc::new(Memory::default());
    let paused =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let first = paused();
    let limiter = first.block_on(process(&store));
    first.block_on(async {
        let mut wait = Box::pin(limiter.turn(Lane::Single, None));
        assert!(futures::poll!(wait.as_mut()).is_pending(), "its asker is in this runtime");
    });
    drop(first);
    let second = paused();
    second.block_on(start(&limiter, Lane::Single)).unwrap();
    assert_eq!(limiter.waiting(), (0, 0));
}
