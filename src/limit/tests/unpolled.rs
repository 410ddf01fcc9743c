//! No call holds up another by not being polled, in either lane, under paused and in real time.

use std::pin::pin;
use std::sync::Mutex;

use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};
use tokio::sync::oneshot;

use super::*;

/// A busy machine may be late by this in real time. Whoever waits for a call that is not polled waits for 3 s and more;
/// the exact times are held under paused time.
const LATE: Duration = Duration::from_millis(1_500);

/// Counts starts and holds them to their spacing.
struct Starts {
    limiter: Limiter,
    lane: Lane,
    late: Duration,
    begin: Instant,
    seen: Mutex<Vec<(u32, Instant)>>,
}

impl Starts {
    fn new(lane: Lane, late: Duration) -> Self {
        Self { limiter: limiter(), lane, late, begin: Instant::now(), seen: Mutex::default() }
    }

    async fn call(&self, who: u32) {
        self.limiter.turn(self.lane, None).await.unwrap().start().await.unwrap();
        self.seen.lock().unwrap().push((who, Instant::now()));
    }

    fn order(&self) -> Vec<u32> {
        self.seen.lock().unwrap().iter().map(|(who, _)| *who).collect()
    }

    /// All started, evenly spaced, none lost; `lost` is how many periods may have gone by unused.
    fn assert_complete(&self, count: usize, lost: u32) {
        let seen = self.seen.lock().unwrap();
        assert_eq!(seen.len(), count);
        for pair in seen.windows(2) {
            // Of the instants taken after the starts, which a busy machine may delay.
            assert!(pair[1].1 - pair[0].1 >= ms(490), "{seen:?}");
        }
        let ideal = ms(500) * u32::try_from(count - 1).unwrap();
        let took = seen.last().unwrap().1 - self.begin;
        assert!(took <= ideal + ms(500) * lost + self.late, "{took:?} of {ideal:?}: {seen:?}");
        assert_eq!(self.limiter.waiting(), (0, 0));
    }
}

async fn within<T>(seconds: u64, done: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), done).await.expect("a call holds up the others")
}

/// Calls kept in `buffer_unordered` while the loop's body awaits another call.
async fn a_loop_that_calls_beside_its_stream(lane: Lane, late: Duration) {
    let starts = Starts::new(lane, late);
    within(60, async {
        let mut calls = pin!(stream::iter(0..6).map(|who| starts.call(who)).buffer_unordered(3));
        while calls.next().await.is_some() {
            starts.call(100).await;
        }
    })
    .await;
    // Each of the six calls of the body finds up to three absent ones before it: 25 ms each, and 50 ms.
    starts.assert_complete(12, 3);
}

/// A call in `select!` by reference, while the other branch calls too.
async fn a_select_whose_other_branch_calls(lane: Lane, late: Duration) {
    let starts = Starts::new(lane, late);
    starts.call(0).await;
    within(60, async {
        let mut one = pin!(starts.call(1));
        let mut others = 0;
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep(ms(10)), if others < 5 => {
                    others += 1;
                    starts.call(100).await;
                }
                () = &mut one => break,
            }
        }
    })
    .await;
    starts.assert_complete(7, 3);
}

/// A task whose body is slow between two results.
async fn a_task_whose_body_is_slow(lane: Lane, slow: Duration, late: Duration) {
    let starts = Arc::new(Starts::new(lane, late));
    let (first, at) = oneshot::channel();
    let (again, resumed) = oneshot::channel();
    let slow_one = tokio::spawn({
        let starts = Arc::clone(&starts);
        async move {
            starts.call(0).await;
            let mut calls: FuturesUnordered<_> = (1..4).map(|who| starts.call(who)).collect();
            calls.next().await.unwrap();
            first.send(Instant::now()).unwrap();
            tokio::time::sleep(slow).await; // its database
            calls.next().await.unwrap();
            again.send(()).unwrap();
            while calls.next().await.is_some() {}
        }
    });
    let first = at.await.unwrap();
    assert_eq!(starts.limiter.waiting(), if lane == Lane::Single { (2, 0) } else { (0, 2) });
    within(60, starts.call(10)).await;
    let took = first.elapsed();
    assert!(took <= ms(700) + late, "{took:?}: a period, and 100 ms for the two that are absent");

    // One that is polled again has kept its place before those that came later.
    within(60 + slow.as_secs(), resumed).await.unwrap();
    within(60, starts.call(20)).await;
    slow_one.await.unwrap();
    assert_eq!(starts.order(), [0, 1, 10, 2, 3, 20]);
}

/// `join!` of calls beside something that does not end.
async fn a_join_of_calls(lane: Lane, late: Duration) {
    let starts = Starts::new(lane, late);
    within(60, async { tokio::join!(starts.call(0), starts.call(1), starts.call(2), starts.call(3)) }).await;
    starts.assert_complete(4, 1);
}

/// A turn whose holder awaits something for ever before it starts.
async fn a_turn_that_is_not_started(lane: Lane, late: Duration) {
    let starts = Starts::new(lane, late);
    let held = starts.limiter.turn(lane, None).await.unwrap();
    within(60, starts.call(1)).await;
    let took = starts.begin.elapsed();
    assert!(took >= ms(50) && took <= ms(500) + late, "{took:?}: its lane waits for it for 50 ms");
    let (held, ()) = within(60, async { tokio::join!(held.start(), starts.call(2)) }).await;
    held.unwrap();
    starts.seen.lock().unwrap().insert(1, (0, starts.begin + took + ms(500)));
    starts.assert_complete(3, 2);
}

/// Those that were found absent cost no more time.
async fn ten_that_stay_absent(lane: Lane, late: Duration) {
    let starts = Starts::new(lane, late);
    let mut absent: Vec<_> = (10..20).map(|who| Box::pin(starts.call(who))).collect();
    starts.call(0).await;
    for call in &mut absent {
        assert!(futures::poll!(call).is_pending());
    }
    within(60, async {
        for who in 1..5 {
            starts.call(who).await;
        }
    })
    .await;
    let took = starts.begin.elapsed();
    // Ten times 25 ms, and 50 ms, once.
    assert!(took <= ms(2_000 + 300 + 250) + late, "{took:?}");
    drop(absent);
    starts.assert_complete(5, 2);
}

async fn all(slow: Duration, late: Duration) {
    for lane in [Lane::Single, Lane::Bulk] {
        tokio::join!(
            a_loop_that_calls_beside_its_stream(lane, late),
            a_select_whose_other_branch_calls(lane, late),
            a_task_whose_body_is_slow(lane, slow, late),
            a_join_of_calls(lane, late),
            a_turn_that_is_not_started(lane, late),
            ten_that_stay_absent(lane, late),
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_waits_for_the_holder_of_a_turn_for_50_ms() {
    let limiter = limiter();
    let begin = Instant::now();
    let held = limiter.turn(Lane::Bulk, None).await.unwrap();
    start(&limiter, Lane::Bulk).await;
    assert_eq!(begin.elapsed(), ms(50));
    held.start().await.unwrap();
    assert_eq!(begin.elapsed(), ms(550));
}

#[tokio::test(start_paused = true)]
async fn no_call_that_is_not_polled_holds_up_another_under_paused_time() {
    all(Duration::from_secs(600), Duration::ZERO).await;
}

#[tokio::test]
async fn no_call_that_is_not_polled_holds_up_another_on_a_current_thread_runtime() {
    all(Duration::from_secs(3), LATE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_that_is_not_polled_holds_up_another_on_a_multi_thread_runtime() {
    all(Duration::from_secs(3), LATE).await;
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn runtimes_share_a_limiter_and_one_that_is_not_driven_holds_up_none() {
    let starts = Arc::new(current_thread().block_on(async { Starts::new(Lane::Single, LATE) }));
    // A waiter that stays behind in a runtime that nobody drives any more.
    let idle = current_thread();
    idle.block_on(starts.call(0));
    let stays = idle.spawn({
        let starts = Arc::clone(&starts);
        async move { starts.call(1).await }
    });
    idle.block_on(tokio::task::yield_now());
    assert_eq!(starts.limiter.waiting(), (1, 0));
    let threads: Vec<_> = (0..3u32)
        .map(|thread| {
            let starts = Arc::clone(&starts);
            std::thread::spawn(move || {
                for call in 0..2 {
                    // A runtime for each call, as command line tools and bindings have it.
                    current_thread().block_on(within(60, starts.call(10 * (thread + 1) + call)));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(starts.limiter.waiting(), (1, 0), "the one that stayed behind keeps its place");
    idle.block_on(within(60, stays)).unwrap();
    starts.assert_complete(8, 4);
}

#[test]
fn a_runtime_that_ends_takes_its_waiters_with_it() {
    let starts = Arc::new(current_thread().block_on(async { Starts::new(Lane::Bulk, LATE) }));
    let ends = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    ends.block_on(starts.call(0));
    for who in 1..50 {
        let starts = Arc::clone(&starts);
        ends.spawn(async move { starts.call(who).await });
    }
    ends.shutdown_timeout(Duration::from_secs(5));
    current_thread().block_on(within(60, starts.call(50)));
    starts.assert_complete(2, 1);
}
