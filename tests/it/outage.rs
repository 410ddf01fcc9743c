//! A gateway that does not answer: a run pauses, asks, and goes on or gives up. All under paused time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use kwtsms_async::events::{event, field};
use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::transport::{Endpoint, Request, Response, Transport, TransportError, TransportFailure};
use kwtsms_async::{Client, ErrorKind, Outcome, Waiting};
use tokio::time::Instant;

use crate::capture::Capture;
use crate::gateway::{arrivals, client, gateway, numbers, parts, sends};

fn balances(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|seen| seen.endpoint() == "balance").count()
}

#[tokio::test(start_paused = true)]
async fn a_run_pauses_after_three_batches_without_an_answer_and_goes_on_when_there_is_one() {
    for fault in [
        Fault::drop_before_reading(),
        Fault::html_502(),
        Fault::reply(503, "<html>"),
        Fault::reply(429, "Too many"),
        Fault::reply(200, "<html>blocked</html>"),
    ] {
        let what = format!("{fault:?}");
        let (capture, _guard) = Capture::start();
        let sandbox = gateway();
        sandbox.faults().push(fault.times(7)); // 3 batches, and 4 questions
        let seen: Arc<Mutex<Vec<Waiting>>> = Arc::default();
        let keep = Arc::clone(&seen);
        let run = client(&sandbox)
            .bulk(numbers(10_000), "Hello")
            .on_progress(move |progress| keep.lock().unwrap().push(progress.waiting()));
        let begin = Instant::now();
        let report = run.collect_report().await;
        assert_eq!(parts(report.account()), [9_400, 0, 600, 0, 0, 0], "{what}");
        assert_eq!(balances(&sandbox), 5, "{what}");
        let asked: Vec<_> =
            sandbox.requests().into_iter().filter(|seen| seen.endpoint() == "balance").collect();
        let asked = arrivals(&asked, begin);
        // At 1 s the third batch was lost.
        for (at, ideal) in asked.iter().zip([2_000, 4_000, 8_000, 16_000, 32_000]) {
            assert!((ideal..ideal + 1_000).contains(at), "{what}: {asked:?}");
        }
        // Told when it begins, and after the batch that it began with.
        assert_eq!(seen.lock().unwrap().iter().filter(|waiting| **waiting == Waiting::NoAnswer).count(), 2);
        let waits = capture.named(event::RUN_WAITS);
        assert_eq!((waits.len(), waits[0].get(field::REASON)), (1, Some("no_answer")), "{what}");
        assert_eq!(capture.named(event::RUN_GOES_ON).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_gateway_and_one_that_cannot_be_reached_are_outages_too() {
    for (fault, unknown, not_attempted) in [
        // 4 in flight, and one in the place of each that timed out until the third did.
        (Fault::delay(Duration::from_secs(3_600)), 1_200, 8_800),
        // Nothing left: each batch is tried three times, as any.
        (Fault::refuse_connection(), 0, 10_000),
    ] {
        let sandbox = gateway();
        sandbox.faults().push(fault.times(usize::MAX));
        let run = client(&sandbox).bulk(numbers(10_000), "Hello").give_up_after(Duration::from_secs(300));
        let handle = run.handle();
        let begin = Instant::now();
        let report = tokio::spawn(run.collect_report());
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(handle.progress().waiting(), Waiting::NoAnswer);
        let report = report.await.unwrap();
        assert_eq!(parts(report.account()), [0, 0, unknown, not_attempted, 0, 0]);
        assert!((290..330).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
        assert!(sends(&sandbox).len() < 16, "{}", sends(&sandbox).len());
        let last = report.batches().last().unwrap();
        let error = last.result().unwrap_err();
        assert_eq!((error.kind(), last.outcome()), (ErrorKind::Stopped, Outcome::NotAttempted));
        let cause = std::error::Error::source(error).unwrap();
        let cause = cause.downcast_ref::<kwtsms_async::Error>().unwrap();
        assert!([ErrorKind::Timeout, ErrorKind::Connect].contains(&cause.kind()), "{cause:?}");
    }
}

/// Ten minutes of an outage were 240,000 numbers of unknown outcome.
#[tokio::test(start_paused = true)]
async fn an_outage_of_ten_minutes_costs_at_most_the_requests_in_flight() {
    let sandbox = gateway();
    let run = client(&sandbox).bulk(numbers(40_000), "Hello").give_up_after(Duration::from_secs(3_600));
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(Duration::from_secs(10)).await;
    sandbox.faults().push(Fault::html_502().after_accepting().times(usize::MAX));
    tokio::time::sleep(Duration::from_secs(600)).await;
    sandbox.faults().clear();
    let account = report.await.unwrap().account();
    assert_eq!((account.accepted(), account.unknown()), (39_400, 600));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_answers_questions_and_no_messages_costs_one_batch_a_wait() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::html_502().times(usize::MAX).on("send"));
    let report = client(&sandbox).bulk(numbers(40_000), "Hello").collect_report().await;
    // 10 minutes: waits of 1, 2, 4, 8, 16, 32 and then 60 s, and one batch after each.
    let unknown = report.account().unknown() / 200;
    assert!((12..=18).contains(&unknown), "{unknown}");
    assert_eq!(report.account().not_attempted(), 40_000 - unknown * 200);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::html_502().times(2).on("send"));
    sandbox.faults().push(Fault::code("ERR026").on("send"));
    sandbox.faults().push(Fault::html_502().times(2).on("send"));
    let report = client(&sandbox).bulk(numbers(2_000), "Hello").max_in_flight(1).collect_report().await;
    assert_eq!(parts(report.account()), [1_000, 200, 800, 0, 0, 0]);
    assert_eq!(balances(&sandbox), 0);
    // Also to the question that a paused run asks: then the next batch meets it.
    sandbox.faults().push(Fault::html_502().times(3).on("send"));
    sandbox.faults().push(Fault::code("ERR003").times(2));
    let report = client(&sandbox).bulk(numbers(2_000), "Again").wait_for_others().collect_report().await;
    assert_eq!(parts(report.account()), [0, 200, 600, 1_200, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_run_in_an_outage_asks_nothing_and_one_that_is_stopped_ends() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::html_502().times(usize::MAX));
    let run = client(&sandbox).bulk(numbers(10_000), "Hello").give_up_after(Duration::from_secs(36_000));
    let handle = run.handle();
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(Duration::from_secs(10)).await;
    handle.pause();
    let before = sandbox.requests().len();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(sandbox.requests().len(), before, "no request starts during a pause");
    assert_eq!(handle.progress().waiting(), Waiting::Paused);
    handle.resume();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(sandbox.requests().len() > before);
    handle.stop();
    let stopped = Instant::now();
    let account = report.await.unwrap().account();
    assert_eq!((account.unknown(), account.not_attempted()), (600, 9_400));
    assert!(stopped.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_an_outage() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::html_502().times(usize::MAX));
    let begin = Instant::now();
    let run = client(&sandbox).bulk(numbers(10_000), "Hello").deadline(Duration::from_secs(100));
    let account = run.collect_report().await.account();
    assert_eq!((account.unknown(), account.not_attempted()), (600, 9_400));
    assert_eq!(begin.elapsed().as_secs(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_send_of_many_does_not_wait_for_an_outage_to_end() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::html_502().times(usize::MAX));
    let begin = Instant::now();
    let error = client(&sandbox).send(numbers(2_000), "Hello").await.unwrap_err();
    assert_eq!(parts(error.report().unwrap().account()), [0, 0, 600, 1_400, 0, 0]);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    assert_eq!((sends(&sandbox).len(), balances(&sandbox)), (3, 0));
}

/// Says 503 with a wait to everything for a while.
#[derive(Debug)]
struct Busy {
    asked: Arc<Mutex<Vec<(Endpoint, Instant)>>>,
    answers: AtomicU64,
}

impl Transport for Busy {
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        self.asked.lock().unwrap().push((request.endpoint(), Instant::now()));
        let answer = match self.answers.fetch_add(1, Ordering::SeqCst) {
            0..2 => Err(TransportError::new(TransportFailure::Interrupted)),
            2..5 => Ok(Response::new(503, "<html>").with_retry_after(Duration::from_secs(45))),
            5..7 => Ok(Response::new(503, "<html>").with_retry_after(Duration::from_secs(86_400))),
            7 => Ok(Response::new(200, r#"{"result":"OK","available":9,"purchased":9}"#)),
            n => Ok(Response::new(200, format!(r#"{{"result":"OK","msg-id":"m{n}","balance-after":9}}"#))),
        };
        Box::pin(async move { answer })
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_that_a_gateway_asks_for_is_heeded_up_to_a_minute() {
    let asked = Arc::default();
    let transport = Busy { asked: Arc::clone(&asked), answers: AtomicU64::new(0) };
    let client =
        Client::builder("user", "password").sender_id("MY-APP").transport(transport).build().unwrap();
    let report = client.bulk(numbers(1_000), "Hello").collect_report().await;
    assert_eq!(parts(report.account()), [400, 0, 600, 0, 0, 0]);
    let third = report.batches()[2].result().unwrap_err();
    assert_eq!((third.retry_after().unwrap().as_secs(), third.is_retryable()), (45, false));
    let asked = asked.lock().unwrap();
    let waits: Vec<u64> = asked.windows(2).skip(2).map(|pair| (pair[1].1 - pair[0].1).as_secs()).collect();
    assert_eq!(waits, [45, 45, 45, 60, 60, 0, 0], "{asked:?}");
    assert!(asked[3..8].iter().all(|(endpoint, _)| *endpoint == Endpoint::Balance));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_that_does_not_drain_is_told_early_and_given_up() {
    let (capture, _guard) = Capture::start();
    let sandbox = gateway();
    sandbox.faults().push(Fault::delay(Duration::ZERO).times(2).on("send"));
    sandbox.faults().push(Fault::code("ERR013").times(usize::MAX).on("send"));
    let run = client(&sandbox).bulk(numbers(10_000), "Hello").test_mode(true);
    let handle = run.handle();
    let begin = Instant::now();
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(handle.progress().waiting(), Waiting::QueueFull);
    assert_eq!(capture.named(event::RUN_WAITS).len(), 0);
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(handle.progress().waiting(), Waiting::QueueStuck, "after the first pause of 30 s");
    let told = capture.named(event::RUN_WAITS);
    assert_eq!((told.len(), told[0].get(field::REASON)), (1, Some("queue_stuck")));
    let account = report.await.unwrap().account();
    // Each batch waits for 210 s before it is refused, up to 4 at once; 45 of them would take hours.
    assert!(begin.elapsed() < Duration::from_secs(20 * 60), "{:?}", begin.elapsed());
    assert_eq!(account.accepted(), 400);
    assert!(account.refused() <= 8 * 200 && account.not_attempted() >= 8_000, "{account:?}");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_drains_slowly_is_not_stuck() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::builder().drain_per_second(10).in_process();
    sandbox.account("user").set_balance(1_000_000);
    let report = client(&sandbox).bulk(numbers(3_000), "Hello").collect_report().await;
    assert_eq!(report.account().accepted(), 3_000);
    assert!(sandbox.requests().iter().any(|seen| seen.code() == Some("ERR013")));
    assert_eq!(capture.named(event::RUN_WAITS).len(), 0);
}
