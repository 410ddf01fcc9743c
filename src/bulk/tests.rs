//! Runs in quiet hours, on a wall clock that goes with Tokio's.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Waiting;
use crate::client::{Client, ClientBuilder};
use crate::clock::testing::set_wall_clock;
use crate::error::{Delivery, ErrorKind};
use crate::report::Outcome;
use crate::sandbox::{Fault, Sandbox};

const HOUR: Duration = Duration::from_secs(3_600);

/// Half past eight in the evening in Kuwait.
fn evening() {
    set_wall_clock(SystemTime::UNIX_EPOCH + Duration::from_secs(1795800600)); // 2026-11-27T17:30:00Z
}

fn client(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder("user", "password")
        .sender_id("KWT-TEST")
        .transport(sandbox.transport())
        .quiet_hours("21:00-09:00", "Asia/Kuwait")
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::builder().drain_per_second(1_000_000).in_process();
    sandbox.account("user").set_balance(1_000_000);
    sandbox
}

fn numbers(count: u64) -> Vec<String> {
    (0..count).map(|i| (96_550_000_000 + i).to_string()).collect()
}

fn sends(sandbox: &Sandbox) -> Vec<Instant> {
    sandbox.requests().iter().filter(|seen| seen.endpoint() == "send").map(|seen| seen.at()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_from_the_beginning_of_the_quiet_hours_to_their_end_and_goes_on() {
    evening();
    let begin = Instant::now();
    let sandbox = sandbox();
    // Half an hour is 3,600 batches.
    let client = client(&sandbox).rates(1.0, 1.0).build().unwrap();
    let seen: Arc<Mutex<Vec<Waiting>>> = Arc::default();
    let keep = Arc::clone(&seen);
    tokio::time::sleep(HOUR / 2 - Duration::from_secs(3)).await;
    let run = client
        .bulk(numbers(2_000), "Hello")
        .on_progress(move |progress| keep.lock().unwrap().push(progress.waiting()));
    let report = run.collect_report().await;
    assert_eq!(report.accepted(), 2_000);
    let quiet = (HOUR / 2)..(HOUR * 25 / 2);
    let at: Vec<_> = sends(&sandbox).iter().map(|at| *at - begin).collect();
    assert!(at.iter().all(|at| !quiet.contains(at)), "{at:?}");
    assert!(at.iter().any(|at| *at < quiet.start) && at.iter().any(|at| *at >= quiet.end), "{at:?}");
    assert!(at.iter().all(|at| *at < quiet.end + Duration::from_secs(60)), "{at:?}");
    assert!(seen.lock().unwrap().contains(&Waiting::QuietHours));
}

#[tokio::test(start_paused = true)]
async fn single_sends_go_out_in_quiet_hours_and_a_send_to_many_says_when_it_may() {
    evening();
    tokio::time::sleep(HOUR).await;
    let sandbox = sandbox();
    let client = client(&sandbox).build().unwrap();
    client.send("96598765432", "Your code is 123456").await.unwrap();
    let error = client.send(numbers(300), "Hello").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::QuietHours, Delivery::NotSent));
    let opens = error.retry_after().unwrap().as_secs();
    assert!((41_300..=41_400).contains(&opens), "{opens}"); // eleven hours and a half
    assert_eq!(error.report().unwrap().with_outcome(Outcome::NotAttempted).len(), 300);
    assert_eq!(sends(&sandbox).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn stop_pause_and_a_deadline_work_while_a_run_waits_for_the_end_of_quiet_hours() {
    evening();
    tokio::time::sleep(HOUR).await;
    let sandbox = sandbox();
    let client = client(&sandbox).build().unwrap();
    let run = client.bulk(numbers(400), "Hello");
    let handle = run.handle();
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(HOUR).await;
    assert_eq!(handle.progress().waiting(), Waiting::QuietHours);
    handle.pause();
    assert_eq!(handle.progress().waiting(), Waiting::Paused);
    tokio::time::sleep(HOUR * 12).await; // ten in the morning
    assert_eq!(sends(&sandbox).len(), 0, "paused beyond their end");
    handle.resume();
    assert_eq!(report.await.unwrap().accepted(), 400);

    tokio::time::sleep(HOUR * 12).await; // ten in the evening
    let other: Vec<_> = numbers(800).split_off(400);
    let run = client.bulk(other.clone(), "Hello");
    let handle = run.handle();
    let stopped = tokio::spawn(run.collect_report());
    tokio::time::sleep(HOUR).await;
    handle.stop();
    assert_eq!(stopped.await.unwrap().account().not_attempted(), 400);
    let late = client.bulk(other, "Hello").deadline(HOUR).collect_report().await;
    assert_eq!(late.account().not_attempted(), 400);
    assert_eq!(sends(&sandbox).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_tried_again_waits_too() {
    evening();
    let begin = Instant::now();
    let sandbox = sandbox();
    let client = client(&sandbox).build().unwrap();
    tokio::time::sleep(HOUR / 2 - Duration::from_secs(10)).await;
    sandbox.faults().push(Fault::code("ERR013"));
    let report = client.bulk(numbers(100), "Hello").collect_report().await;
    assert_eq!(report.accepted(), 100);
    let at: Vec<_> = sends(&sandbox).iter().map(|at| *at - begin).collect();
    assert!(at.len() == 2 && at[1] >= HOUR * 25 / 2, "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn hours_and_zones_that_are_none_are_refused() {
    let sandbox = sandbox();
    for (hours, zone) in [("21-9", "Asia/Kuwait"), ("21:00-09:00", "Kuwait City")] {
        let error = client(&sandbox).quiet_hours(hours, zone).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}
