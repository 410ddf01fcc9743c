//! No call holds up another by not being polled: the shapes in which applications hold calls, single and bulk.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};
use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, SendReport};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::gateway::{client, gateway, numbers, sends};
use crate::lateness::Lateness;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How much is sent with one call.
#[derive(Debug, Clone, Copy)]
enum Size {
    /// One request in the lane of single requests.
    Single,
    /// Two batches in the lane of bulk runs.
    Bulk,
}

impl Size {
    fn requests(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Bulk => 2,
        }
    }
}

struct Calls {
    sandbox: Sandbox,
    client: Client,
    size: Size,
    begin: Instant,
    late: Lateness,
}

impl Calls {
    fn new(size: Size, late: &Lateness) -> Self {
        let sandbox = gateway();
        Self { client: client(&sandbox), sandbox, size, begin: Instant::now(), late: late.clone() }
    }

    /// To numbers of its own.
    async fn send(&self, who: u64) -> SendReport {
        let to: Vec<_> = match self.size {
            Size::Single => vec![(96_560_000_000 + who).to_string()],
            Size::Bulk => (0..300).map(|i| (96_560_000_000 + 1_000 * who + i).to_string()).collect(),
        };
        let sent = self.client.send(to, "Hello").await.unwrap();
        assert_eq!(sent.message_ids().len(), self.size.requests());
        sent
    }

    /// All were sent, evenly spaced, and no more than a few turns went by unused.
    fn assert_sent(&self, calls: usize, lost: u32) {
        let sent = sends(&self.sandbox);
        assert_eq!(sent.len(), calls * self.size.requests());
        for pair in sent.windows(2) {
            let apart = pair[1].at() - pair[0].at();
            assert!(apart + self.late.of(1) >= ms(490), "{apart:?}, {:?}", self.late);
        }
        let turns = u32::try_from(sent.len() - 1).unwrap();
        let took = sent[sent.len() - 1].at() - self.begin;
        let allowed = ms(500) * (turns + lost) + self.late.of(turns);
        assert!(took <= allowed, "{:?}: {took:?} of {allowed:?}, {:?}", self.size, self.late);
    }
}

async fn within<T>(seconds: u64, done: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(seconds), done).await.expect("a call holds up the others")
}

/// A call kept in `buffer_unordered` while the loop's body awaits another one.
async fn a_loop_beside_its_stream(size: Size, late: &Lateness) {
    let calls = Calls::new(size, late);
    within(60, async {
        let mut sent = pin!(stream::iter(0..4).map(|who| calls.send(who)).buffer_unordered(3));
        let mut others = 100;
        while sent.next().await.is_some() {
            calls.send(others).await;
            others += 1;
        }
    })
    .await;
    calls.assert_sent(8, 3);
}

/// `select!` by reference, while the other branch sends.
async fn a_select_by_reference(size: Size, late: &Lateness) {
    let calls = Calls::new(size, late);
    calls.send(0).await;
    within(60, async {
        let mut one = pin!(calls.send(1));
        let (mut others, mut done) = (100, false);
        while !done || others < 103 {
            tokio::select! {
                biased;
                () = tokio::time::sleep(ms(10)), if others < 103 => {
                    calls.send(others).await;
                    others += 1;
                }
                _ = &mut one, if !done => done = true,
            }
        }
    })
    .await;
    calls.assert_sent(5, 3);
}

/// A task whose body is slow, beside the code for a login of another task.
async fn a_slow_body(size: Size, slow: Duration, late: &Lateness) {
    let calls = std::sync::Arc::new(Calls::new(size, late));
    let (first, was_sent) = oneshot::channel();
    let slow_one = tokio::spawn({
        let calls = std::sync::Arc::clone(&calls);
        async move {
            calls.send(0).await;
            let mut kept: FuturesUnordered<_> = (1..4).map(|who| calls.send(who)).collect();
            kept.next().await.unwrap();
            first.send(()).unwrap();
            tokio::time::sleep(slow).await; // its database
            while kept.next().await.is_some() {}
        }
    });
    was_sent.await.unwrap();
    let begin = Instant::now();
    within(60, calls.client.send("96598765432", "Your code for MYAPP is: 123456")).await.unwrap();
    // A bulk call that is not polled goes on all the same: it is a task of its own, and in the other lane.
    assert!(begin.elapsed() <= ms(900) + late.of(2), "{size:?}: {:?}, {late:?}", begin.elapsed());
    slow_one.await.unwrap();
    assert_eq!(sends(&calls.sandbox).len(), 4 * size.requests() + 1);
}

/// `join!` of calls of both lanes.
async fn a_join(size: Size, late: &Lateness) {
    let calls = Calls::new(size, late);
    within(60, async { tokio::join!(calls.send(0), calls.send(1), calls.send(2)) }).await;
    calls.assert_sent(3, 1);
}

/// Two runs, of which one is not read for long.
async fn a_run_that_is_not_read(slow: Duration, late: &Lateness) {
    let calls = Calls::new(Size::Bulk, late);
    let mut unread = calls.client.bulk(numbers(20_000), "Hello");
    unread.next().await.unwrap();
    let begin = Instant::now();
    within(120, calls.send(90)).await;
    // Its two batches stand in line with those of the other run, turn by turn.
    assert!(begin.elapsed() <= ms(3_000) + late.of(6), "{:?}, {late:?}", begin.elapsed());
    tokio::time::sleep(slow).await;
}

async fn all(slow: Duration, late: &Lateness) {
    for size in [Size::Single, Size::Bulk] {
        tokio::join!(
            a_loop_beside_its_stream(size, late),
            a_select_by_reference(size, late),
            a_slow_body(size, slow, late),
            a_join(size, late)
        );
    }
    a_run_that_is_not_read(slow, late).await;
}

#[tokio::test(start_paused = true)]
async fn no_call_of_a_client_holds_up_another_under_paused_time() {
    all(Duration::from_secs(600), &Lateness::default()).await;
}

async fn in_real_time() {
    let late = Lateness::default();
    tokio::select! {
        () = all(Duration::from_secs(2), &late) => {}
        _ = late.measure() => {}
    }
}

#[tokio::test]
async fn no_call_of_a_client_holds_up_another_on_a_current_thread_runtime() {
    in_real_time().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_of_a_client_holds_up_another_on_a_multi_thread_runtime() {
    in_real_time().await;
}
