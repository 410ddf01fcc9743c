//! The gateway's ceiling is never crossed, and a code never waits behind a campaign. All under paused time.

use std::time::Duration;

use futures::StreamExt;
use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, Delivery, ErrorKind, Limiter};
use tokio::time::Instant;

use crate::gateway::{arrivals, builder, client, gateway, most_in_a_second, numbers, roomy, sends, start};

#[tokio::test(start_paused = true)]
async fn a_bulk_run_starts_two_batches_a_second_however_slow_the_gateway_is() {
    for latency in [0, 300, 1_900] {
        let sandbox =
            start(roomy().latency(Duration::from_millis(latency)).firewall(Duration::from_secs(60)));
        let begin = Instant::now();
        let report = client(&sandbox).bulk(numbers(2_000), "Hello").collect_report().await;
        assert_eq!(report.accepted(), 2_000);
        let starts = arrivals(&sends(&sandbox), begin);
        for (i, at) in starts.iter().enumerate() {
            let ideal = 500 * i as u128;
            assert!((ideal..ideal + 20).contains(at), "latency {latency}: {starts:?}");
        }
        assert_eq!(sandbox.swallowed(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn no_sliding_second_holds_more_than_each_lane_and_five_in_all_with_100_tasks_at_once() {
    for (single, bulk) in [(2.0, 2.0), (3.0, 2.0), (2.0, 3.0), (4.0, 1.0), (1.0, 4.0), (0.5, 4.0)] {
        let sandbox = start(roomy().latency(Duration::from_millis(120)).firewall(Duration::from_secs(3_600)));
        let client = builder(&sandbox).rates(single, bulk).build().unwrap();
        let run = tokio::spawn(client.bulk(numbers(6_000), "Hello").collect_report());
        let tasks: Vec<_> = (0..100u64)
            .map(|i| {
                let client = client.clone();
                tokio::spawn(async move {
                    match i % 3 {
                        0 => client.balance().await.map(|_| ()),
                        1 => client.sender_ids().await.map(|_| ()),
                        _ => client.send((96_560_000_000 + i).to_string(), "Hi").await.map(|_| ()),
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(run.await.unwrap().accepted(), 6_000);

        let all = sandbox.requests();
        assert_eq!(all.len(), 130);
        let (batches, singles): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|seen| seen.numbers() > 1);
        assert!(most_in_a_second(&batches) as f64 <= bulk.ceil(), "{single} {bulk}");
        assert!(most_in_a_second(&singles) as f64 <= single.ceil(), "{single} {bulk}");
        assert!(most_in_a_second(&all) <= 5, "{single} {bulk}");
        assert_eq!(sandbox.swallowed(), 0, "the sandbox's own firewall saw too many");
    }
}

/// The test above can fail: without the limiter the same traffic runs into the firewall.
#[tokio::test(start_paused = true)]
async fn an_unpaced_client_runs_into_the_firewall() {
    let sandbox = start(roomy().firewall(Duration::from_secs(60)));
    let client = builder(&sandbox).unpaced().build().unwrap();
    let report = client.bulk(numbers(2_000), "Hello").max_in_flight(10).collect_report().await;
    assert!(sandbox.swallowed() > 0);
    assert!(report.account().unknown() > 0, "what is not answered may have been sent");
}

#[tokio::test(start_paused = true)]
async fn a_single_send_beside_a_full_bulk_run_waits_for_the_gap_and_not_for_the_run() {
    let sandbox = start(roomy().latency(Duration::from_millis(300)));
    let client = client(&sandbox);
    let run = tokio::spawn(client.bulk(numbers(10_000), "Hello").collect_report());
    for (number, after) in [("96598765432", 5_100), ("96598765433", 3_070), ("96598765434", 10)] {
        tokio::time::sleep(Duration::from_millis(after)).await;
        let begin = Instant::now();
        client.send(number, "Your code for MYAPP is: 123456").await.unwrap();
        let waited = begin.elapsed().as_millis() - 300;
        assert!(waited <= if after > 500 { 275 } else { 500 }, "{after}: {waited}");
    }
    assert_eq!(run.await.unwrap().accepted(), 10_000);
}

#[tokio::test(start_paused = true)]
async fn clones_and_clients_that_were_given_the_limiter_share_its_lanes() {
    let sandbox = gateway();
    let first = client(&sandbox);
    let second = Client::builder("other", "password")
        .transport(sandbox.transport())
        .limiter(first.limiter().unwrap())
        .build()
        .unwrap();
    let begin = Instant::now();
    for client in [&first, &first.clone(), &second, &first, &second] {
        client.balance().await.unwrap();
    }
    let starts = arrivals(&sandbox.requests(), begin);
    assert!(starts.iter().enumerate().all(|(i, at)| *at >= 500 * i as u128), "{starts:?}");
}

#[tokio::test(start_paused = true)]
async fn calls_are_served_in_the_order_they_came() {
    let sandbox = gateway();
    let client = client(&sandbox);
    let mut tasks = Vec::new();
    for i in 0..20u64 {
        let client = client.clone();
        tasks.push(tokio::spawn(async move { client.send((96_560_000_000 + i).to_string(), "Hi").await }));
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let order: Vec<_> = sandbox.messages().iter().map(|message| message.numbers()[0].clone()).collect();
    assert_eq!(order, (0..20u64).map(|i| (96_560_000_000 + i).to_string()).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_may_wait_are_refused_at_once_and_nothing_is_sent_for_them() {
    let sandbox = gateway();
    let client = builder(&sandbox).max_waiting(3).build().unwrap();
    client.balance().await.unwrap();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.balance().await })
        })
        .collect();
    tokio::task::yield_now().await;
    let begin = Instant::now();
    let error = client.send("96598765432", "Hi").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::TooManyWaiting, Delivery::NotSent));
    assert!(error.is_retryable());
    assert_eq!(error.attempts(), 0);
    assert_eq!(error.report().unwrap().account().not_attempted(), 1);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    for call in waiting {
        call.await.unwrap().unwrap();
    }
    client.send("96598765432", "Hi").await.unwrap();
    assert_eq!(sandbox.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_covers_the_wait_for_a_turn_and_what_cannot_be_met_ends_at_once() {
    let sandbox = gateway();
    let client = builder(&sandbox).rates(0.1, 2.0).build().unwrap();
    client.balance().await.unwrap();
    let begin = Instant::now();
    let error = client.send("96598765432", "Hi").deadline(Duration::from_secs(5)).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Deadline, Delivery::NotSent));
    assert_eq!(begin.elapsed(), Duration::ZERO, "the next turn is 10 s away");
    client.send("96598765432", "Hi").deadline(Duration::from_secs(11)).await.unwrap();
    assert_eq!(sandbox.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_before_the_answer_leaves_the_outcome_open() {
    let sandbox = start(roomy().latency(Duration::from_secs(10)));
    let client = client(&sandbox);
    let error = client.send("96598765432", "Hi").deadline(Duration::from_secs(2)).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Timeout, Delivery::Unknown));
    assert!(!error.is_retryable());
    assert_eq!(error.report().unwrap().account().unknown(), 1);
    assert_eq!(sandbox.messages().len(), 1, "it was accepted, and nobody heard of it");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_or_a_rest_beyond_the_clocks_range_is_no_panic() {
    let sandbox = gateway();
    let client = builder(&sandbox).same_number_wait(Duration::MAX).build().unwrap();
    client.balance().deadline(Duration::MAX).await.unwrap();
    client.validate("96598765432").deadline(Duration::MAX).await.unwrap();
    client.send("96598765432", "Hi").deadline(Duration::MAX).await.unwrap();
    let error = client.send("96598765432", "Hi").deadline(Duration::MAX).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecentNumber);
    let report = client.bulk(numbers(3), "Hi").deadline(Duration::MAX).collect_report().await;
    assert_eq!(report.accepted(), 3);
}

#[test]
fn a_shared_limiter_beside_rates_of_ones_own_is_refused_when_the_client_is_built() {
    let sandbox = Sandbox::in_process();
    let shared = || builder(&sandbox).limiter(Limiter::new(2.0, 2.0).unwrap());
    for both in [shared().rates(2.0, 2.0), shared().max_waiting(50), shared().max_waiting(50).rates(1.0, 1.0)]
    {
        let error = both.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("rates()"), "{error}");
    }
    assert!(shared().build().is_ok());
    let error = builder(&sandbox).max_waiting(0).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn rates_above_the_ceiling_are_refused_when_the_client_is_built() {
    let sandbox = Sandbox::in_process();
    for (single, bulk) in
        [(3.0, 3.0), (2.5, 2.5), (5.0, 0.5), (0.0, 2.0), (f64::NAN, 1.0), (2.0, f64::INFINITY)]
    {
        let error = builder(&sandbox).rates(single, bulk).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{single} {bulk}");
        assert!(Limiter::new(single, bulk).is_err());
    }
    assert!(builder(&sandbox).rates(1.0, 4.0).build().is_ok());
}

#[test]
fn only_a_client_of_a_gateway_on_this_machine_may_go_unpaced() {
    let far = Client::builder("user", "password").base_url("https://192.0.2.1/API/");
    if cfg!(any(feature = "rustls", feature = "native-tls")) {
        let error = far.unpaced().build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("firewall"), "{error}");
    }
    for url in ["http://127.0.0.1:9/API/", "http://localhost:9/API/", "http://[::1]:9/API/"] {
        let client = Client::builder("user", "password").base_url(url).unpaced().build().unwrap();
        assert!(client.limiter().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_does_not_hold_up_what_is_sent_until_32_outcomes_wait() {
    let sandbox = gateway();
    let mut batches = client(&sandbox).bulk(numbers(20_000), "Hello");
    batches.next().await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let sent = sends(&sandbox).len();
    assert!((32..=40).contains(&sent), "{sent}");
    assert_eq!(batches.count().await, 99);
    assert_eq!(sends(&sandbox).len(), 100);
}
