//! What is tried again, when, and what never is. All under paused time.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kwtsms_async::sandbox::Fault;
use kwtsms_async::{ApiCode, Delivery, ErrorKind, Outcome, RetryReason};
use tokio::time::Instant;

use crate::gateway::{arrivals, client, gateway, numbers, parts, sends, start};

/// Three waits for a full queue: 30 + 60 + 120 s.
const BACK_OFF: u128 = 210_000;

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_waited_for_210_seconds_and_then_the_message_is_sent_once() {
    for status in [200, 400, 403] {
        let sandbox = gateway();
        sandbox.faults().push(Fault::code("ERR013").status(status).times(3).on("send"));
        let begin = Instant::now();
        let report = client(&sandbox).bulk(numbers(1), "Hello").collect_report().await;
        assert_eq!(report.accepted(), 1, "HTTP {status}");
        let starts = arrivals(&sends(&sandbox), begin);
        for (at, ideal) in starts.iter().zip([0, 30_000, 90_000, BACK_OFF]) {
            assert!((ideal..ideal + 20).contains(at), "HTTP {status}: {starts:?}");
        }
        assert_eq!((starts.len(), sandbox.messages().len()), (4, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_stays_full_ends_as_the_gateways_refusal_after_four_tries() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::code("ERR013").times(usize::MAX).on("send"));
    let begin = Instant::now();
    let report = client(&sandbox).bulk(numbers(1), "Hello").collect_report().await;
    assert!((BACK_OFF..BACK_OFF + 100).contains(&begin.elapsed().as_millis()));
    let (batch, error) = report.errors()[0];
    assert_eq!(error.code(), Some(&ApiCode::ERR013));
    assert_eq!((error.attempts(), error.delivery()), (4, Delivery::Refused));
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    assert!(error.is_retryable());
    assert_eq!(batch.outcome(), Outcome::Refused);
    assert_eq!(sandbox.messages().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_single_send_waits_for_the_queue_only_when_asked() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::code("ERR013").on("send"));
    let client = client(&sandbox);
    let error = client.send("96598765432", "Hi").await.unwrap_err();
    assert_eq!((error.code(), error.attempts()), (Some(&ApiCode::ERR013), 1));

    sandbox.faults().push(Fault::code("ERR013").times(2).on("send"));
    let begin = Instant::now();
    client.send("96598765432", "Hi").wait_for_queue().await.unwrap();
    assert!((90_000..91_000).contains(&begin.elapsed().as_millis()));
    assert_eq!(sandbox.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn while_one_batch_waits_for_the_queue_the_others_of_the_client_wait_too() {
    let sandbox = gateway();
    // The first batch meets a full queue; the one that is under way by then does too.
    sandbox.set_latency(Duration::from_millis(700));
    sandbox.faults().push(Fault::code("ERR013").after(Duration::from_millis(700)).times(4).on("send"));
    let client = client(&sandbox);
    let other = tokio::spawn({
        let client = client.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let numbers = (0..400u64).map(|i| (96_560_000_000 + i).to_string());
            client.bulk(numbers, "Other run").collect_report().await
        }
    });
    let begin = Instant::now();
    let report = client.bulk(numbers(2_000), "Hello").collect_report().await;
    assert_eq!(report.accepted(), 2_000);
    assert_eq!(other.await.unwrap().accepted(), 400);
    let starts = arrivals(&sends(&sandbox), begin);
    let in_the_pause = starts.iter().filter(|at| (3_000..30_000).contains(*at)).count();
    assert_eq!(in_the_pause, 0, "{starts:?}");
    assert!(starts.len() <= 16 && starts.iter().filter(|at| **at < 3_000).count() <= 4, "{starts:?}");
    assert_eq!(sandbox.messages().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_really_drains_takes_a_run_with_nothing_lost_and_nothing_twice() {
    // 50 numbers a second leave a queue of 1,000: 4,000 numbers take about a minute, with back-offs.
    let sandbox = start(kwtsms_async::sandbox::Sandbox::builder());
    let report = client(&sandbox).bulk(numbers(4_000), "Hello").collect_report().await;
    assert_eq!(parts(report.account()), [4_000, 0, 0, 0, 0, 0]);
    let mut accepted: Vec<String> =
        sandbox.messages().iter().flat_map(|message| message.numbers().to_vec()).collect();
    accepted.sort();
    assert_eq!(accepted, numbers(4_000));
    assert!(sandbox.requests().iter().any(|seen| seen.code() == Some("ERR013")), "the queue never was full");
}

#[tokio::test(start_paused = true)]
async fn the_same_number_code_is_waited_for_16_seconds_at_most_three_times() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::code("ERR028").times(usize::MAX).on("send"));
    let begin = Instant::now();
    let run = client(&sandbox).bulk(numbers(1), "Hello").wait_for_others();
    let report = run.collect_report().await;
    let starts = arrivals(&sends(&sandbox), begin);
    for (at, ideal) in starts.iter().zip([0, 16_000, 32_000, 48_000]) {
        assert!((ideal..ideal + 20).contains(at), "{starts:?}");
    }
    assert_eq!(starts.len(), 4);
    assert_eq!(parts(report.account()), [0, 1, 0, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_tried_three_times_and_gives_one_message() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::refuse_connection().times(2).on("send"));
    let report = client(&sandbox).send("96598765432", "Hi").await.unwrap();
    assert_eq!(report.accepted(), 1);
    assert_eq!(sandbox.messages().len(), 1);

    sandbox.faults().push(Fault::refuse_connection().times(3).on("send"));
    let error = client(&sandbox).send("96551234567", "Hi").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connect, Delivery::NotSent));
    assert_eq!(error.attempts(), 3);
    assert!(error.is_retryable());
    assert_eq!(sandbox.faults().pending(), 0);
    assert_eq!(sandbox.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reset_after_the_gateway_accepted_is_unknown_and_is_never_sent_again() {
    for fault in [
        Fault::drop_after_accepting(),
        Fault::truncated_body(10),
        Fault::html_502().after_accepting(),
        Fault::reply(200, "OK").after_accepting(),
        Fault::reply(200, r#"{"result":"OK"}"#).after_accepting(),
        Fault::reply(500, r#"{"error":"oops"}"#).after_accepting(),
        Fault::delay(Duration::from_secs(16)),
        Fault::slow_body(Duration::from_secs(16)),
    ] {
        let what = format!("{fault:?}");
        let sandbox = gateway();
        sandbox.faults().push(fault.on("send"));
        let client = client(&sandbox);
        let error = client.send("96598765432", "Hi").wait().wait_for_queue().await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::Unknown, "{what}");
        assert!(!error.is_retryable() && error.retry_after().is_none(), "{what}");
        assert_eq!(error.attempts(), 1, "{what}");
        assert_eq!((sends(&sandbox).len(), sandbox.messages().len()), (1, 1), "{what}");

        sandbox.faults().push(Fault::drop_after_accepting().on("send"));
        let report = client.bulk(numbers(400), "Hi").collect_report().await;
        assert_eq!(parts(report.account()), [200, 0, 200, 0, 0, 0], "{what}");
        assert_eq!((sends(&sandbox).len(), sandbox.messages().len()), (3, 3), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reading_call_is_asked_again_after_any_transport_failure() {
    for fault in [
        Fault::refuse_connection(),
        Fault::drop_before_reading(),
        Fault::html_502(),
        Fault::truncated_body(5),
    ] {
        let what = format!("{fault:?}");
        let sandbox = gateway();
        sandbox.faults().push(fault.clone().times(2));
        client(&sandbox).balance().await.unwrap();
        sandbox.faults().push(fault.times(3));
        let error = client(&sandbox).balance().await.unwrap_err();
        assert_eq!(error.attempts(), 3, "{what}");
        assert_eq!(sandbox.faults().pending(), 0, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_passes_the_limiter_again() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::drop_before_reading().times(6).on("balance"));
    let client = client(&sandbox);
    let calls: Vec<_> =
        (0..3).map(|_| tokio::spawn(std::future::IntoFuture::into_future(client.balance()))).collect();
    for call in calls {
        let _ = call.await.unwrap();
    }
    let seen = sandbox.requests();
    assert!(seen.len() >= 6);
    assert!(crate::gateway::most_in_a_second(&seen) <= 2);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_deadline_does_not_allow_ends_the_call_at_once() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::code("ERR013").times(usize::MAX).on("send"));
    let client = client(&sandbox);
    let begin = Instant::now();
    let call = client.send("96598765432", "Hi").wait_for_queue().deadline(Duration::from_secs(100));
    let error = call.await.unwrap_err();
    // 30 s fit, 30 + 60 s fit, 30 + 60 + 120 s do not: it ends after the third answer and not at 100 s.
    assert_eq!((error.code(), error.attempts()), (Some(&ApiCode::ERR013), 3));
    assert!((90_000..90_100).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
    assert_eq!(error.delivery(), Delivery::Refused);
}

#[tokio::test(start_paused = true)]
async fn on_retry_sees_each_retry_and_can_end_the_call() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::code("ERR013").times(5).on("send"));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let look = {
        let seen = Arc::clone(&seen);
        move |retry: &kwtsms_async::Retry| {
            seen.lock().unwrap().push((retry.attempts, retry.reason, retry.after.as_secs()));
            assert_eq!(retry.error.code(), Some(&ApiCode::ERR013));
            if retry.attempts == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    };
    let client = client(&sandbox);
    let begin = Instant::now();
    let report = client.bulk(numbers(1), "Hi").on_retry(look.clone()).collect_report().await;
    assert_eq!(*seen.lock().unwrap(), [(1, RetryReason::QueueFull, 30), (2, RetryReason::QueueFull, 60)]);
    assert_eq!(report.errors()[0].1.attempts(), 2);
    assert!(begin.elapsed() < Duration::from_secs(31));

    let error = client.send("96598765432", "Hi").wait_for_queue().on_retry(look).await.unwrap_err();
    assert_eq!(error.attempts(), 2);
}
