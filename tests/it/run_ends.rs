//! How a run ends that does not go to its end by itself: stops, pauses, panics, runtimes that go away. What was in
//! flight is told as it is, and nothing starts any more.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::transport::{Endpoint, Request, Response, Transport, TransportError};
use kwtsms_async::{BulkHandle, Client, Error, ErrorKind, Outcome, SendReport, Status, Waiting};
use tokio::runtime::{Builder, Runtime};

use crate::gateway::{builder, client, gateway, numbers, parts, roomy, sends, start};

/// A run that waits for something, and what it has sent when it is stopped.
async fn waiting_run(sandbox: &Sandbox, client: &Client, after: Duration) -> (BulkHandle, Joined, usize) {
    let run = client.bulk(numbers(1_000), "Hello").max_in_flight(1);
    let handle = run.handle();
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(after).await;
    (handle, report, sends(sandbox).len())
}

type Joined = tokio::task::JoinHandle<SendReport>;

/// The requests of the run, and not of the crowd.
fn ours(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|seen| seen.request().contains("\"Hello\"")).count()
}

/// Fills the bulk lane with runs to other numbers, so that a turn is waited for.
fn crowd(client: &Client) {
    for i in 1..20u64 {
        let others = (0..200).map(move |j| (96_560_000_000 + 1_000 * i + j).to_string());
        let run = client.bulk(others.collect::<Vec<_>>(), "Other");
        tokio::spawn(run.collect_report());
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_starts_after_a_stop_whatever_it_was_waiting_for() {
    for (what, fault) in [
        ("a retry", Some(Fault::refuse_connection())),
        ("a full queue", Some(Fault::code("ERR013"))),
        ("a turn", None),
    ] {
        for crowded in [false, true] {
            let sandbox = gateway();
            let client = client(&sandbox);
            if let Some(fault) = fault.clone() {
                sandbox.faults().push(fault.times(2).on("send"));
            }
            let (handle, report, _) = waiting_run(&sandbox, &client, Duration::from_millis(50)).await;
            if crowded {
                crowd(&client);
                tokio::time::sleep(Duration::from_millis(900)).await; // it waits for its turn by now
            }
            let sent = ours(&sandbox);
            handle.stop();
            let report = report.await.unwrap();
            tokio::time::sleep(Duration::from_secs(300)).await;
            assert_eq!(ours(&sandbox), sent, "{what}, crowded: {crowded}");
            assert_eq!(report.account().total(), 1_000);
            assert!(report.account().not_attempted() >= 600, "{what}: {:?}", report.account());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_request_starts_after_the_stream_was_dropped_or_during_a_pause() {
    for fault in [Fault::refuse_connection(), Fault::code("ERR013"), Fault::delay(Duration::from_millis(600))]
    {
        let what = format!("{fault:?}");
        for dropped in [false, true] {
            let sandbox = gateway();
            let client = client(&sandbox);
            sandbox.faults().push(fault.clone().on("send"));
            let (handle, report, sent) = waiting_run(&sandbox, &client, Duration::from_millis(50)).await;
            assert_eq!(sent.max(1), 1);
            if dropped {
                report.abort();
            } else {
                handle.pause();
            }
            tokio::time::sleep(Duration::from_secs(300)).await;
            assert_eq!(sends(&sandbox).len(), sent, "{what}, dropped: {dropped}");
            if dropped {
                let account = handle.finished().await;
                assert_eq!(account.total(), account.accepted() + account.refused() + account.not_attempted());
            } else {
                assert_eq!(handle.progress().waiting(), Waiting::Paused);
                handle.resume();
                assert_eq!(report.await.unwrap().account().accepted(), 1_000, "{what}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_comes_while_a_turn_is_waited_for_is_kept() {
    let sandbox = gateway();
    let client = client(&sandbox);
    crowd(&client);
    let (handle, report, _) = waiting_run(&sandbox, &client, Duration::from_millis(10)).await;
    handle.pause();
    let sent = ours(&sandbox);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(ours(&sandbox), sent);
    handle.stop();
    assert_eq!(report.await.unwrap().account().total(), 1_000);
    assert_eq!(ours(&sandbox), sent);
}

/// The outcomes that a reader saw, and what the panic said that came after them.
async fn read_to_the_panic(mut run: kwtsms_async::Bulk) -> ([u64; 6], String) {
    let seen = Arc::new(Mutex::new(SendReportParts::default()));
    let seeing = Arc::clone(&seen);
    let reader = tokio::spawn(async move {
        while let Some(batch) = run.next().await {
            seeing.lock().unwrap().add(batch.account());
        }
    });
    let panic = reader.await.unwrap_err().into_panic();
    let said = panic.downcast_ref::<&str>().map_or_else(String::new, |said| (*said).to_owned());
    let parts = seen.lock().unwrap().0;
    (parts, said)
}

#[derive(Default)]
struct SendReportParts([u64; 6]);

impl SendReportParts {
    fn add(&mut self, account: kwtsms_async::Account) {
        for (sum, part) in self.0.iter_mut().zip(parts(account)) {
            *sum += part;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_source_goes_on_after_all_that_was_sent_was_told() {
    let sandbox = start(roomy().latency(Duration::from_millis(1_200)));
    let input = numbers(5_000).into_iter().enumerate().map(|(i, number)| {
        assert!(i < 4_450, "the source");
        number
    });
    let run = client(&sandbox).bulk(input, "Hello");
    let handle = run.handle();
    let (seen, said) = read_to_the_panic(run).await;
    let sent = 200 * sandbox.messages().len() as u64;
    assert_eq!(seen, [sent, 0, 0, 4_450 - sent, 0, 0], "what it had given and was not sent is told");
    assert_eq!(said, "the source");
    assert_eq!(parts(handle.finished().await), seen);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_callback_stops_the_run_and_goes_on_after_all_was_told() {
    let progress =
        |run: kwtsms_async::Bulk| run.on_progress(|progress| assert!(progress.requests() < 3, "progress"));
    let retry = |run: kwtsms_async::Bulk| run.on_retry(|_| panic!("retry"));
    let request = |run: kwtsms_async::Bulk| {
        let count = AtomicU64::new(0);
        run.on_request(move |_| {
            assert!(count.fetch_add(1, Ordering::SeqCst) < 3, "request");
            ControlFlow::Continue(())
        })
    };
    type Set<'a> = &'a dyn Fn(kwtsms_async::Bulk) -> kwtsms_async::Bulk;
    for (said, set) in [("progress", &progress as Set<'_>), ("retry", &retry), ("request", &request)] {
        let sandbox = start(roomy().latency(Duration::from_millis(1_200)));
        if said == "retry" {
            sandbox.faults().push(Fault::delay(Duration::ZERO).times(2).on("send"));
            sandbox.faults().push(Fault::code("ERR013").on("send"));
        }
        let run = set(client(&sandbox).bulk(numbers(5_000), "Hello"));
        let handle = run.handle();
        let (seen, panic) = read_to_the_panic(run).await;
        assert!(panic.is_empty() || panic == said, "{panic}");
        let sent = 200 * sandbox.messages().len() as u64;
        assert!((400..=1_400).contains(&sent), "{said}: {sent}");
        assert_eq!(seen, [sent, 0, 0, 5_000 - sent, 0, 0], "{said}");
        assert_eq!(parts(handle.finished().await), seen);
    }
}

/// A gateway whose transport panics once.
#[derive(Debug)]
struct Panics<T> {
    inner: T,
    sends: AtomicU64,
}

impl<T: Transport> Transport for Panics<T> {
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let sends = request.endpoint() == Endpoint::Send && self.sends.fetch_add(1, Ordering::SeqCst) == 2;
        let inner = self.inner.post(request);
        Box::pin(async move {
            let answer = inner.await;
            assert!(!sends, "the transport");
            answer
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_transport_panics_after_it_left_is_of_unknown_outcome() {
    let sandbox = start(roomy().latency(Duration::from_millis(100)));
    let transport = Panics { inner: sandbox.transport(), sends: AtomicU64::new(0) };
    let client =
        Client::builder("user", "password").sender_id("MY-APP").transport(transport).build().unwrap();
    let (seen, said) = read_to_the_panic(client.bulk(numbers(2_000), "Hello")).await;
    assert_eq!((seen[2], seen.iter().sum::<u64>()), (200, 2_000), "{seen:?}");
    assert_eq!(seen[0] + seen[2], 200 * sandbox.messages().len() as u64);
    assert!(said == "the transport" || said.is_empty());
    // The exchange may have been read by the gateway: its numbers rest.
    let error = client.send(numbers(402)[401].clone(), "Again").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecentNumber);
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Drives a call on a runtime for so long, and ends that runtime.
fn begin_elsewhere<T>(call: &mut (impl Future<Output = T> + Unpin), millis: u64) {
    let elsewhere = runtime();
    elsewhere.block_on(async {
        tokio::select! {
            _ = call => panic!("it ended"),
            () = tokio::time::sleep(Duration::from_millis(millis)) => {}
        }
    });
}

#[test]
fn a_send_whose_runtime_ends_accounts_for_every_number_on_the_next_one() {
    for (millis, expected) in
        [(10, [0, 0, 200, 800, 0, 0]), (400, [200, 0, 0, 800, 0, 0]), (1_150, [400, 0, 200, 400, 0, 0])]
    {
        let sandbox = start(roomy().latency(Duration::from_millis(300)));
        let client = client(&sandbox);
        let mut call = Box::pin(client.send(numbers(1_000), "Hello"));
        begin_elsewhere(&mut call, millis);
        let result = runtime().block_on(call);
        let report = match &result {
            Ok(report) => report,
            Err(error) => error.report().unwrap(),
        };
        assert_eq!(parts(report.account()), expected, "{millis} ms");
        assert_ne!(report.status(), Status::Ok);
        for batch in report.batches().iter().filter(|batch| batch.outcome() == Outcome::NotAttempted) {
            let cause = std::error::Error::source(batch.result().unwrap_err()).unwrap();
            assert!(cause.to_string().contains("runtime"), "{cause}");
        }
        let sent = (sandbox.messages().len() * 200) as u64;
        assert_eq!(sent, expected[0] + expected[2], "{millis} ms: nothing left afterwards");
    }
}

#[test]
fn the_rest_of_a_source_is_told_even_if_it_is_a_slow_stream() {
    let sandbox = gateway();
    let slow = futures::stream::iter(numbers(1_000)).then(|number| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        number
    });
    let mut report = Box::pin(client(&sandbox).bulk(slow, "Hello").collect_report());
    begin_elsewhere(&mut report, 700);
    let report = runtime().block_on(report);
    let sent = 200 * sandbox.messages().len() as u64;
    assert_eq!(parts(report.account()), [sent, 0, 0, 1_000 - sent, 0, 0]);
    assert!(sent > 0);
}

#[test]
fn the_handle_of_a_run_whose_runtime_ended_knows_what_was_sent() {
    let sandbox = start(roomy().latency(Duration::from_millis(300)));
    let run = client(&sandbox).bulk(numbers(10_000), "Hello");
    let handle = run.handle();
    let elsewhere = runtime();
    elsewhere.block_on(async {
        tokio::spawn(run.collect_report());
        tokio::time::sleep(Duration::from_millis(1_150)).await;
    });
    assert_eq!(handle.progress().in_flight(), 200);
    drop(elsewhere);
    let account = runtime().block_on(async {
        tokio::time::timeout(Duration::from_secs(1), handle.finished()).await.expect("it has ended")
    });
    assert_eq!((account.accepted(), account.unknown()), (400, 200));
    assert_eq!(account.total(), account.accepted() + account.unknown() + account.not_attempted());
    assert_eq!(handle.progress().in_flight(), 0);
}

#[test]
fn a_run_that_was_dropped_before_it_was_polled_has_finished() {
    let sandbox = gateway();
    let run = client(&sandbox).bulk(numbers(10), "Hello");
    let handle = run.handle();
    drop(run);
    let account = runtime().block_on(async {
        tokio::time::timeout(Duration::from_secs(1), handle.finished()).await.expect("it has ended")
    });
    assert_eq!(account.total(), 0);
    handle.stop();
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn progress_says_what_is_in_flight() {
    let sandbox = start(roomy().latency(Duration::from_millis(1_700)));
    let run = client(&sandbox).bulk(numbers(10_000), "Hello");
    let handle = run.handle();
    let report = tokio::spawn(run.collect_report());
    for (at, in_flight) in [(100, 200), (600, 400), (1_600, 800), (1_800, 600)] {
        tokio::time::sleep(Duration::from_millis(at) - handle.progress().elapsed()).await;
        assert_eq!(handle.progress().in_flight(), in_flight, "{at} ms");
    }
    handle.stop();
    let account = report.await.unwrap().account();
    assert_eq!(parts(account), [800, 0, 0, 9_200, 0, 0]);
    // A batch that waits for its next attempt is not in flight.
    sandbox.faults().push(Fault::code("ERR013").on("send"));
    let run = client(&sandbox).bulk(numbers(200), "Hello");
    let handle = run.handle();
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((handle.progress().in_flight(), handle.progress().done()), (0, 0));
    report.abort();
}

#[test]
fn a_send_whose_runtime_ends_after_its_request_left_keeps_its_number_resting() {
    let sandbox = start(roomy().latency(Duration::from_secs(3)));
    let client = client(&sandbox);
    let mut call = Box::pin(client.send("96598765432", "Hello"));
    begin_elsewhere(&mut call, 100);
    drop(call);
    let error: Error = runtime().block_on(client.send("96598765432", "Again")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecentNumber);
    assert_eq!(sends(&sandbox).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_is_idle_when_what_outlived_its_callers_is_answered() {
    let sandbox = start(roomy().latency(Duration::from_secs(3)));
    let client = builder(&sandbox).unpaced().build().unwrap();
    tokio::time::timeout(Duration::from_secs(1), client.idle()).await.expect("nothing is under way");
    let calls: Vec<_> = (0..5)
        .map(|i| {
            let client = client.clone();
            tokio::spawn(async move { client.send(format!("9655000000{i}"), "Hello").await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    calls.iter().for_each(tokio::task::JoinHandle::abort);
    let idle = Arc::new(AtomicBool::new(false));
    let waiting = tokio::spawn({
        let (client, idle) = (client.clone(), Arc::clone(&idle));
        async move {
            client.idle().await;
            idle.store(true, Ordering::SeqCst);
        }
    });
    tokio::time::sleep(Duration::from_millis(1_900)).await;
    assert!(!idle.load(Ordering::SeqCst));
    tokio::time::timeout(Duration::from_secs(9), waiting).await.expect("the last one tells its end").unwrap();
    assert_eq!(client.cached_balance().unwrap().available().to_string(), "999999995");
}

/// One batch at a time finds out whether a full queue has drained, and others wait for it; not for ever.
#[test]
fn a_run_on_a_runtime_that_is_not_driven_keeps_no_other_from_a_full_queue() {
    let sandbox = gateway();
    let client = client(&sandbox);
    sandbox.faults().push(Fault::code("ERR013").on("send"));
    let not_driven = runtime();
    not_driven.block_on(async {
        let run = client.bulk(numbers(200), "First");
        tokio::spawn(run.collect_report());
        tokio::time::sleep(Duration::from_secs(1)).await;
    });
    assert_eq!(sends(&sandbox).len(), 1);
    let others: Vec<_> = (0..200).map(|i| (96_560_000_000u64 + i).to_string()).collect();
    let report = runtime().block_on(async {
        let run = client.bulk(others, "Second").collect_report();
        tokio::time::timeout(Duration::from_secs(120), run).await.expect("it is held up for ever")
    });
    assert_eq!(report.account().accepted(), 200);
}
