//! "Never" and "as many as there are" are values: no setting panics later for its size.

use std::ops::ControlFlow;
use std::time::Duration;

use futures::StreamExt;
use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{Client, Credits, ErrorKind, Limiter, SameNumberMemory};

use crate::gateway::{builder, gateway, numbers};
use crate::raw_server::{BALANCE, RawServer, Then, reply};

/// Near the ends of what the types hold, and of what clocks do.
const LENGTHS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_nanos(1),
    Duration::from_secs(1 << 32),
    Duration::from_secs(i64::MAX as u64),
    Duration::from_secs(u64::MAX),
    Duration::MAX,
];

/// A send, a wait for its number, a retry, a reading call and a run.
async fn is_used(client: &Client, sandbox: &Sandbox, what: &str) {
    sandbox.faults().clear();
    sandbox.faults().push(Fault::code("ERR013").on("send"));
    let first = client.send(numbers(2), "Hello").wait_for_queue().deadline(Duration::from_secs(600)).await;
    let _ = client.send(numbers(2), "Again").wait().deadline(Duration::from_secs(60)).await;
    let _ = client.balance().deadline(Duration::MAX).await;
    sandbox.faults().push(Fault::code("ERR013").times(2).on("send"));
    sandbox.faults().push(Fault::refuse_connection().on("send"));
    let report = client.bulk(numbers(5), "Run").deadline(Duration::from_secs(600)).collect_report().await;
    assert_eq!(report.account().total(), 5, "{what}");
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn every_length_of_time_of_a_client_works_or_is_refused_when_it_is_built() {
    for length in LENGTHS {
        for (what, set) in [
            ("timeout", (|b, d| b.timeout(d)) as fn(kwtsms_async::ClientBuilder, Duration) -> _),
            ("connect_timeout", |b, d| b.connect_timeout(d)),
            ("both", |b, d| b.connect_timeout(d.saturating_sub(Duration::from_secs(1))).timeout(d)),
            ("same_number_wait", |b, d| b.same_number_wait(d)),
            ("same_number_memory", |b, d| b.same_number_memory(SameNumberMemory::new(d))),
        ] {
            let sandbox = gateway();
            match set(builder(&sandbox), length).build() {
                Ok(client) => is_used(&client, &sandbox, &format!("{what} {length:?}")).await,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Config, "{what} {length:?}"),
            }
        }
    }
}

#[tokio::test]
async fn every_length_of_time_works_over_http_too() {
    let server = RawServer::always(Then::Answer(reply(200, BALANCE))).await;
    for connect in LENGTHS {
        for timeout in LENGTHS {
            match server.builder().connect_timeout(connect).timeout(timeout).build() {
                Ok(client) => drop(client.balance().deadline(Duration::from_secs(5)).await),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Config, "{connect:?} {timeout:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_length_of_time_of_a_call_and_a_run_works() {
    for length in LENGTHS {
        let sandbox = gateway();
        let client = builder(&sandbox).build().unwrap();
        sandbox.faults().push(Fault::code("ERR013").on("send"));
        sandbox.faults().push(Fault::html_502().times(4).on("send"));
        let _ = client.send("96550000000", "Hello").deadline(length).wait_for_others().wait_for_queue().await;
        let _ = client.send(numbers(300), "Hello").deadline(length).wait().await;
        let _ = client.status(&kwtsms_async::MessageId::parse("abc1").unwrap()).deadline(length).await;
        let run = client.bulk(numbers(900), "Hello").deadline(length).give_up_after(length);
        let run = run.on_retry(|_| ControlFlow::Continue(()));
        let report = tokio::time::timeout(Duration::from_secs(86_400), run.collect_report()).await.unwrap();
        assert_eq!(report.account().total(), 900, "{length:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_count_works_or_is_refused_when_it_is_built() {
    for count in [0, 1, usize::MAX >> 3, usize::MAX - 1, usize::MAX] {
        let sandbox = gateway();
        match builder(&sandbox).max_waiting(count).build() {
            Ok(client) => is_used(&client, &sandbox, &format!("max_waiting {count}")).await,
            Err(error) => assert_eq!((error.kind(), count), (ErrorKind::Config, 0)),
        }
        assert_eq!(Limiter::with_max_waiting(2.0, 2.0, count).is_ok(), count > 0);
        let client = builder(&sandbox).unpaced().build().unwrap();
        let run = client.bulk(numbers(900), "Hello").max_in_flight(count).total(count as u64);
        let handle = run.handle();
        let mut run = std::pin::pin!(run);
        let mut seen = 0;
        while let Some(batch) = run.next().await {
            seen += batch.account().total();
            let progress = handle.progress();
            let _ = (progress.time_left(), progress.rate(), format!("{progress:?}"));
        }
        assert_eq!(seen, 900, "{count}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_rate_and_threshold_works_or_is_refused_when_it_is_built() {
    let rates =
        [0.0, -0.0, f64::MIN_POSITIVE, 1.0 / 86_400.0, 1e-9, 2.0, 5.0, f64::MAX, f64::INFINITY, f64::NAN];
    for single in rates {
        for bulk in rates {
            let sandbox = gateway();
            match builder(&sandbox).rates(single, bulk).build() {
                Ok(client) => {
                    client.send("96550000000", "Hello").await.unwrap();
                    let again = client.send("96550000001", "Hello").deadline(Duration::MAX);
                    let _ = tokio::time::timeout(Duration::from_secs(200_000), again).await;
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Config, "{single} {bulk}"),
            }
        }
    }
    for threshold in [Credits::from_int(0), Credits::from_int(i64::MAX)] {
        let sandbox = gateway();
        builder(&sandbox).low_balance(threshold).build().unwrap().balance().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn every_setting_of_the_sandbox_works() {
    for length in LENGTHS {
        let sandbox = Sandbox::builder().latency(length.min(Duration::from_secs(3_600))).in_process();
        let client = builder(&sandbox).build().unwrap();
        let _ = client.send("96550000000", "Hello").await;
        let late = Sandbox::builder().latency(length).in_process();
        let client = builder(&late).build().unwrap();
        let _ = client.send("96550000000", "Hello").await; // answered or timed out
        let sandbox = gateway();
        for fault in [Fault::delay(length), Fault::slow_body(length)] {
            sandbox.faults().push(fault.on("send").times(usize::MAX));
            let client = builder(&sandbox).build().unwrap();
            let _ = client.send("96550000000", "Hello").await;
            sandbox.faults().clear();
        }
        sandbox.set_latency(length);
        let _ = builder(&sandbox).build().unwrap().balance().await;
    }
    for count in [0, 1, usize::MAX] {
        let sandbox =
            Sandbox::builder().drain_per_second(u32::try_from(count).unwrap_or(u32::MAX)).in_process();
        sandbox.faults().push(Fault::code("ERR013").times(count).on("send"));
        sandbox.faults().push(Fault::truncated_body(count).on("send"));
        let client = builder(&sandbox).build().unwrap();
        let _ = client.send("96550000000", "Hello").await;
        sandbox.faults().clear();
        let _ = client.send("96550000001", "Hello").await;
    }
}
