//! Clients over one store: what they share beside the pace, and what a store that fails does to a call and a run.

use std::time::Duration;

use kwtsms_async::sandbox::Fault;
use kwtsms_async::{Client, Delivery, ErrorKind, Limiter, Rates, Store};

use crate::gateway::{numbers, roomy, sends, start};
use crate::store::testing;

async fn limiter(path: &str) -> Limiter {
    let store = Store::open(path).await.unwrap();
    Limiter::shared(&store, "office", Rates::default()).await.unwrap()
}

fn client(sandbox: &kwtsms_async::sandbox::Sandbox, limiter: Limiter) -> Client {
    Client::builder("user", "password")
        .sender_id("KWT-TEST")
        .transport(sandbox.transport())
        .limiter(limiter)
        .build()
        .unwrap()
}

/// Paused time stands still while SQLite works, and runs on where a call waits for its turn.
#[tokio::test(start_paused = true)]
async fn a_number_that_one_client_wrote_to_rests_for_the_other_too_and_no_request_is_made() {
    let (sandbox, file) = (start(roomy()), testing::sqlite());
    let (first, second) =
        (client(&sandbox, limiter(&file.path).await), client(&sandbox, limiter(&file.path).await));
    first.send("96598765432", "Your code is 123456").await.unwrap();
    let error = second.send("96598765432", "Your code is 123456").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::RecentNumber, Delivery::NotSent));
    assert!(error.retry_after().unwrap() <= Duration::from_secs(16), "{error:?}");
    assert_eq!(sends(&sandbox).len(), 1);
    second.send("96598765433", "Your code is 123456").await.unwrap();
    let other = Client::builder("other", "password").transport(sandbox.transport()).sender_id("KWT-TEST");
    let other = other.limiter(limiter(&file.path).await).build().unwrap();
    other.send("96598765432", "Your code is 123456").await.unwrap();
}

#[tokio::test]
async fn a_store_that_cannot_be_read_any_more_ends_a_call_at_its_deadline_and_a_run_as_a_whole() {
    let (sandbox, file) = (start(roomy()), testing::sqlite());
    let client = client(&sandbox, limiter(&file.path).await);
    // As somebody could: the tables go away under its feet.
    let broken = rusqlite::Connection::open(&file.path).unwrap();
    broken.execute_batch("DROP TABLE kwtsms_pace").unwrap();
    let begin = tokio::time::Instant::now();
    let error = client.balance().deadline(Duration::from_millis(300)).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Store, Delivery::NotSent), "{error:?}");
    assert!(error.action().contains("SQLite") && error.is_retryable(), "{}", error.action());
    assert!(begin.elapsed() < Duration::from_secs(5));
    let run =
        client.bulk(numbers(1_000), "Hello").deadline(Duration::from_millis(300)).collect_report().await;
    assert_eq!((run.accepted(), run.account().not_attempted()), (0, 1_000));
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_that_one_client_met_keeps_the_runs_of_the_other_waiting() {
    let (sandbox, file) = (start(roomy()), testing::sqlite());
    let (first, second) =
        (client(&sandbox, limiter(&file.path).await), client(&sandbox, limiter(&file.path).await));
    sandbox.faults().push(Fault::code("ERR013"));
    let met = tokio::spawn(first.bulk(numbers(200), "Hello").collect_report());
    while sends(&sandbox).is_empty() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let refused = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let others: Vec<_> = numbers(400).split_off(200);
    let run = tokio::spawn(second.bulk(others, "Hello").collect_report());
    assert_eq!(met.await.unwrap().accepted(), 200);
    assert_eq!(run.await.unwrap().accepted(), 200);
    let at: Vec<_> = sends(&sandbox).iter().map(|send| send.at() - refused).collect();
    assert_eq!(at.len(), 3);
    assert!(at[1] >= Duration::from_secs(29), "nobody asked while the first found out: {at:?}");
}
