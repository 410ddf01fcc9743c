//! A call that is dropped anywhere loses no slot, frees its numbers, and leaves no message unrecorded.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{Client, ErrorKind};
use tokio::time::Instant;

use crate::gateway::{builder, gateway, most_in_a_second, numbers, sends};

/// Polls a call so many times, with a step of time in between, and drops it. True if it ended before.
async fn poll_and_drop(call: impl Future, polls: usize, step: Duration) -> bool {
    let mut call = pin!(call);
    for _ in 0..polls {
        if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return true;
        }
        tokio::time::sleep(step).await;
    }
    false
}

/// Whatever was dropped, the next calls get their turns as if it had never been there.
async fn assert_nothing_is_lost(sandbox: &Sandbox, client: &Client, what: &str) {
    assert_eq!(client.limiter().unwrap().waiting(), (0, 0), "{what}");
    let before = sends(sandbox).len();
    tokio::time::sleep(Duration::from_secs(20)).await; // let exchanges under way end, and numbers be free
    assert_eq!(sends(sandbox).len(), before, "{what}: a dropped call went on sending");
    let begin = Instant::now();
    client.send("96598765432", "Next").await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    assert_eq!(begin.elapsed(), Duration::ZERO, "{what}: a turn was lost");
    assert!(most_in_a_second(&sandbox.requests()) <= 4, "{what}");
}

#[tokio::test(start_paused = true)]
async fn a_send_dropped_after_any_poll_loses_no_turn() {
    for polls in 0.. {
        let sandbox = gateway();
        sandbox.set_latency(Duration::from_millis(300));
        // It meets every wait there is: a turn, a refused connection, a full queue, the same number, an answer.
        sandbox.faults().push(Fault::refuse_connection().on("send"));
        sandbox.faults().push(Fault::code("ERR013").on("send"));
        sandbox.faults().push(Fault::code("ERR028").on("send"));
        let client = builder(&sandbox).build().unwrap();
        client.balance().await.unwrap(); // so that there is a turn to wait for
        let call = client.send("96598765432", "Hi").wait_for_others().wait_for_queue();
        let ended = poll_and_drop(call, polls, Duration::from_millis(970)).await;
        sandbox.faults().clear();
        sandbox.set_latency(Duration::ZERO);
        assert_nothing_is_lost(&sandbox, &client, &format!("after {polls} polls")).await;
        if ended {
            assert!(polls > 48, "46 s of pauses are 48 steps: {polls}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_send_dropped_before_its_request_leaves_its_number_free_at_once() {
    let sandbox = gateway();
    let client = builder(&sandbox).build().unwrap();
    client.balance().await.unwrap();
    assert!(!poll_and_drop(client.send("96598765432", "Hi"), 1, Duration::ZERO).await);
    client.send("96598765432", "Hi").await.unwrap();
    assert_eq!(sandbox.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_send_dropped_after_its_request_left_is_recorded_all_the_same() {
    let sandbox = gateway();
    sandbox.set_latency(Duration::from_secs(3));
    let client = builder(&sandbox).build().unwrap();
    assert!(!poll_and_drop(client.send("96598765432", "Hi"), 1, Duration::from_secs(1)).await);
    assert_eq!(sends(&sandbox).len(), 1);
    assert_eq!(client.cached_balance(), None);
    let error = client.send("96598765432", "Again").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecentNumber, "it is in flight");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(client.cached_balance().unwrap().available().to_string(), "999999999");
    let error = client.send("96598765432", "Again").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecentNumber, "it was written to");
    assert_eq!(sandbox.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_bulk_run_dropped_after_any_time_sends_nothing_more_and_loses_no_turn() {
    for millis in (0..4_000).step_by(130) {
        let sandbox = gateway();
        sandbox.set_latency(Duration::from_millis(700));
        let client = builder(&sandbox).build().unwrap();
        let run = client.bulk(numbers(2_000), "Hello");
        let handle = run.handle();
        let dropped = tokio::time::timeout(Duration::from_millis(millis), run.collect_report()).await;
        assert!(dropped.is_err(), "the run ended before it was dropped");
        let account = handle.finished().await;
        assert_eq!(account.accepted(), 200 * sandbox.messages().len() as u64, "after {millis} ms");
        sandbox.set_latency(Duration::ZERO);
        assert_nothing_is_lost(&sandbox, &client, &format!("after {millis} ms")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_bulk_run_dropped_in_any_of_its_waits_loses_no_turn_and_no_message() {
    // A refused connection, a full queue, the same number, numbers at rest, an answer: 65 s in all.
    for step in 0..140u64 {
        let dropped_after = Duration::from_millis(step * 490 + step % 7);
        let sandbox = gateway();
        let client = builder(&sandbox).build().unwrap();
        client.send(numbers(2), "Earlier").await.unwrap();
        sandbox.set_latency(Duration::from_millis(300));
        sandbox.faults().push(Fault::refuse_connection().on("send"));
        sandbox.faults().push(Fault::code("ERR013").on("send"));
        sandbox.faults().push(Fault::code("ERR028").on("send"));
        let run = client.bulk(numbers(500), "Hello").wait_for_others();
        let handle = run.handle();
        let _ = tokio::time::timeout(dropped_after, run.collect_report()).await;
        let what = format!("after {dropped_after:?}");
        // A run that was dropped before it was polled has not begun and does not end.
        if step > 0 {
            let account = handle.finished().await;
            let sent: usize =
                sandbox.messages().iter().filter(|m| m.text() == "Hello").map(|m| m.numbers().len()).sum();
            assert_eq!(account.accepted(), sent as u64, "{what}");
        }
        sandbox.faults().clear();
        sandbox.set_latency(Duration::ZERO);
        assert_nothing_is_lost(&sandbox, &client, &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_dropped_waits_do_not_delay_the_one_behind_them() {
    let sandbox = gateway();
    let client = builder(&sandbox).build().unwrap();
    client.balance().await.unwrap();
    let waits: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.sender_ids().await })
        })
        .collect();
    tokio::task::yield_now().await;
    let begin = Instant::now();
    let last = tokio::spawn({
        let client = client.clone();
        async move { client.send("96598765432", "Hi").await }
    });
    tokio::task::yield_now().await;
    waits.iter().for_each(tokio::task::JoinHandle::abort);
    last.await.unwrap().unwrap();
    assert!(begin.elapsed() <= Duration::from_millis(510), "{:?}", begin.elapsed());
    assert_eq!(sandbox.requests().len(), 2);
}

#[test]
fn a_call_that_is_never_polled_does_nothing() {
    let sandbox = gateway();
    let client = builder(&sandbox).build().unwrap();
    drop(client.send("96598765432", "Hi"));
    drop(client.balance());
    assert_eq!(sandbox.requests().len(), 0);
    let mut call = pin!(client.send("not a number", "Hi"));
    // What is invalid needs no runtime either.
    let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Err(error)) if error.kind() == ErrorKind::InvalidInput));
}
