//! The 15 seconds between two messages to a number. All under paused time.

use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{Client, Delivery, ErrorKind, UserMessage};
use tokio::time::Instant;

use crate::gateway::{arrivals, builder, client, gateway, numbers, parts, sends};

#[tokio::test(start_paused = true)]
async fn a_second_send_to_a_number_fails_at_once_and_says_when() {
    let sandbox = gateway();
    let client = client(&sandbox);
    client.send("96598765432", "One").await.unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let begin = Instant::now();
    let error = client.send(["96551234567", "+965 9876 5432"], "Two").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::RecentNumber, Delivery::NotSent));
    assert_eq!(error.retry_after().unwrap().as_secs(), 10);
    assert!(error.is_retryable());
    assert_eq!(error.user_message(), UserMessage::PleaseWait);
    assert_eq!(error.report().unwrap().account().not_attempted(), 2);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(sends(&sandbox).len(), 1, "no request was made");

    tokio::time::sleep(error.retry_after().unwrap()).await;
    client.send("96598765432", "Two").await.unwrap();
    assert_eq!(sandbox.messages().len(), 2, "the gateway's own rule agrees");
}

#[tokio::test(start_paused = true)]
async fn a_send_that_may_wait_waits_until_16_seconds_have_passed() {
    let sandbox = gateway();
    let client = client(&sandbox);
    let begin = Instant::now();
    client.send("96598765432", "One").await.unwrap();
    client.send("96598765432", "Two").wait().await.unwrap();
    let starts = arrivals(&sends(&sandbox), begin);
    assert!((16_000..16_020).contains(&starts[1]), "{starts:?}");
    assert_eq!(sandbox.messages().len(), 2);
    let call = client.send("96598765432", "Three").wait().deadline(Duration::from_secs(10));
    assert_eq!(call.await.unwrap_err().kind(), ErrorKind::RecentNumber, "16 s do not fit into 10 s");
    assert!((16_000..16_100).contains(&begin.elapsed().as_millis()));
}

#[tokio::test(start_paused = true)]
async fn two_sends_at_once_to_a_number_are_one_message() {
    let sandbox = gateway();
    sandbox.set_latency(Duration::from_secs(1));
    let client = client(&sandbox);
    let (one, two) = tokio::join!(client.send("96598765432", "One"), client.send("96598765432", "Two"));
    let errors: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].kind(), ErrorKind::RecentNumber);
    assert_eq!(sends(&sandbox).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_does_not_make_its_numbers_rest_and_an_unknown_one_does() {
    let sandbox = gateway();
    let client = client(&sandbox);
    sandbox.faults().push(Fault::code("ERR011").on("send"));
    client.send("96598765432", "One").await.unwrap_err();
    client.send("96598765432", "Two").await.unwrap();
    sandbox.faults().push(Fault::drop_after_accepting().on("send"));
    client.send("96551234567", "One").await.unwrap_err();
    let error = client.send("96551234567", "Two").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecentNumber);
}

#[tokio::test(start_paused = true)]
async fn a_bulk_run_sends_the_rest_first_and_resting_numbers_when_they_may_be_written_to() {
    let sandbox = gateway();
    let client = client(&sandbox);
    client.send(numbers(3), "Earlier").await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let begin = Instant::now();
    let report = client.bulk(numbers(400), "Hello").collect_report().await;
    assert_eq!(parts(report.account()), [400, 0, 0, 0, 0, 0]);
    let bulk = &sends(&sandbox)[1..];
    assert_eq!(bulk.iter().map(|seen| seen.numbers()).collect::<Vec<_>>(), [200, 197, 3]);
    let starts = arrivals(bulk, begin);
    assert!(starts[1] < 1_000 && (12_000..12_600).contains(&starts[2]), "{starts:?}");
    assert!(sandbox.requests().iter().all(|seen| seen.code().is_none()), "the gateway refused nothing");
    // Whatever order they went in, each is told with its place in the input.
    let mut places: Vec<u64> = report.batches().iter().flat_map(|batch| batch.positions().to_vec()).collect();
    places.sort_unstable();
    assert_eq!(places, (0..400).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn two_runs_over_the_same_numbers_never_meet_the_gateways_rule() {
    let sandbox = gateway();
    let client = client(&sandbox);
    let (one, two) = tokio::join!(
        client.bulk(numbers(1_000), "One").collect_report(),
        client.bulk(numbers(1_000), "Two").collect_report()
    );
    assert_eq!((one.accepted(), two.accepted()), (1_000, 1_000));
    assert!(sandbox.requests().iter().all(|seen| seen.code().is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_run_over_resting_numbers_can_be_stopped_and_says_what_it_waits_for() {
    let sandbox = gateway();
    let client = client(&sandbox);
    client.send(numbers(2), "Earlier").await.unwrap();
    let run = client.bulk(numbers(2), "Hello");
    let handle = run.handle();
    let begin = Instant::now();
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(handle.progress().waiting(), kwtsms_async::Waiting::SameNumber);
    handle.stop();
    assert_eq!(parts(report.await.unwrap().account()), [0, 0, 0, 2, 0, 0]);
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_run_over_resting_numbers_ends_at_its_deadline() {
    let sandbox = gateway();
    let client = client(&sandbox);
    client.send(numbers(2), "Earlier").await.unwrap();
    let begin = Instant::now();
    let report = client.bulk(numbers(2), "Hello").deadline(Duration::from_secs(5)).collect_report().await;
    assert_eq!(parts(report.account()), [0, 0, 0, 2, 0, 0]);
    assert_eq!(begin.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_waits_of_a_send_hold_for_201_numbers_as_for_200() {
    for count in [200, 201] {
        let sandbox = gateway();
        let client = client(&sandbox);
        client.send("96550000000", "Earlier").await.unwrap();
        let begin = Instant::now();
        let result = client.send(numbers(count), "Hello").await;
        let batch = match &result {
            Ok(report) => &report.batches()[0],
            Err(error) => &error.report().unwrap().batches()[0],
        };
        let error = batch.result().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RecentNumber, "{count}");
        assert!((15_000..=16_000).contains(&error.retry_after().unwrap().as_millis()), "{count}: {error:?}");
        assert!(begin.elapsed() < Duration::from_secs(1), "{count}: it does not wait");
        assert_eq!(batch.numbers().len(), 200);

        let report = client.send(numbers(count), "Hello").wait().await.unwrap();
        assert_eq!(report.account().accepted(), count, "{count}");
        assert!((16..18).contains(&begin.elapsed().as_secs()), "{count}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_waited_for_by_a_send_of_201_numbers_only_where_it_says_so() {
    for count in [200, 201] {
        let sandbox = gateway();
        let client = client(&sandbox);
        sandbox.faults().push(Fault::code("ERR013").times(2).on("send"));
        let begin = Instant::now();
        let error = client.send(numbers(count), "Hello").await.unwrap_err();
        assert_eq!((error.code().unwrap().as_str(), error.attempts()), ("ERR013", 1), "{count}");
        assert!(begin.elapsed() < Duration::from_secs(2), "{count}");
        sandbox.faults().clear();
        sandbox.faults().push(Fault::code("ERR013").on("send"));
        let report = client.send(numbers(count), "Hello").wait_for_queue().await.unwrap();
        assert_eq!(report.account().accepted(), count);
    }
}

#[tokio::test(start_paused = true)]
async fn two_clients_that_share_a_memory_keep_one_rule() {
    let sandbox = gateway();
    let first = client(&sandbox);
    let second = builder(&sandbox).same_number_memory(first.same_number_memory()).build().unwrap();
    first.send("96598765432", "One").await.unwrap();
    let error = second.send("96598765432", "Two").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RecentNumber);
    assert_eq!(sends(&sandbox).len(), 1);
    let both = builder(&sandbox)
        .same_number_memory(first.same_number_memory())
        .same_number_wait(Duration::from_secs(20))
        .build();
    assert_eq!(both.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test(start_paused = true)]
async fn test_messages_are_left_to_the_gateway_and_a_wait_of_zero_switches_the_memory_off() {
    let sandbox = gateway();
    let client = client(&sandbox);
    for _ in 0..2 {
        client.send("96598765432", "Hi").test_mode(true).await.unwrap();
    }
    let trusting = builder(&sandbox).same_number_wait(Duration::ZERO).build().unwrap();
    trusting.send("96598765432", "Hi").await.unwrap();
    let error = trusting.send("96598765432", "Hi").await.unwrap_err();
    assert_eq!(error.code().unwrap().as_str(), "ERR028");
    assert_eq!(error.retry_after().unwrap().as_secs(), 16);
}

/// What an earlier process sent, and a client that knows nothing of it.
async fn restarted(count: u64) -> (Sandbox, Client) {
    let sandbox = gateway();
    let earlier = builder(&sandbox).unpaced().build().unwrap();
    assert_eq!(earlier.bulk(numbers(count), "Hello").collect_report().await.account().accepted(), count);
    let client = client(&sandbox);
    (sandbox, client)
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_started_again_sends_to_nobody_twice() {
    let (sandbox, client) = restarted(1_000).await;
    let begin = Instant::now();
    let report = client.bulk(numbers(1_000), "Hello").collect_report().await;
    assert_eq!(parts(report.account()), [0, 1_000, 0, 0, 0, 0]);
    for (_, error) in report.errors() {
        assert_eq!((error.code().unwrap().as_str(), error.attempts()), ("ERR028", 1));
        assert_eq!((error.delivery(), error.is_retryable()), (Delivery::Refused, false));
        assert!(error.action().contains("somebody else") && error.action().contains("earlier process"));
        assert_eq!(error.retry_after().unwrap().as_secs(), 16, "the gateway's own rule");
    }
    assert!(begin.elapsed() < Duration::from_secs(4), "nothing is waited for: {:?}", begin.elapsed());
    assert_eq!(sandbox.messages().iter().map(|message| message.numbers().len()).sum::<usize>(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_made_again_by_another_process_is_refused_unless_it_says_otherwise() {
    for count in [1, 200, 201] {
        let (sandbox, client) = restarted(count).await;
        let error = client.send(numbers(count), "Hello").wait().await.unwrap_err();
        assert_eq!((error.code().unwrap().as_str(), error.attempts()), ("ERR028", 1), "{count}");
        assert!(error.action().contains("earlier process"), "{count}");
        let report = client.send(numbers(count), "Hello").wait_for_others().await.unwrap();
        assert_eq!(report.account().accepted(), count);
        assert_eq!(sandbox.messages().iter().map(|m| m.numbers().len()).sum::<usize>(), 2 * count as usize);
    }
    let (sandbox, client) = restarted(400).await;
    let report = client.bulk(numbers(400), "Hello").wait_for_others().collect_report().await;
    assert_eq!((report.account().accepted(), sandbox.messages().len()), (400, 4));
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_a_message_of_this_client_explains_is_waited_for() {
    let sandbox = gateway();
    // The rule is left to the gateway: this client knows all the same what it sent.
    let trusting = builder(&sandbox).same_number_wait(Duration::ZERO).build().unwrap();
    for test in [false, true] {
        let begin = Instant::now();
        for _ in 0..2 {
            trusting.send("96598765432", "Hi").test_mode(test).wait().await.unwrap();
        }
        let codes: Vec<_> =
            sends(&sandbox).iter().filter_map(|seen| seen.code().map(str::to_owned)).collect();
        assert!(codes.iter().all(|code| code == "ERR028"), "{codes:?}");
        assert!(begin.elapsed().as_secs() >= 15 || test, "{:?}", begin.elapsed());
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    // A message in test mode explains the refusal of a live one.
    let client = client(&sandbox);
    sandbox.faults().push(Fault::delay(Duration::ZERO).on("send"));
    sandbox.faults().push(Fault::code("ERR028").on("send"));
    client.send("96551234567", "Hi").test_mode(true).await.unwrap();
    client.send("96551234567", "Hi").wait().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_polls_does_not_keep_its_number_from_others() {
    let sandbox = gateway();
    let client = client(&sandbox);
    client.balance().await.unwrap(); // so that there is a turn to wait for
    let begin = Instant::now();
    let mut waiting = Box::pin(client.send("96598765432", "One"));
    assert!(futures::poll!(&mut waiting).is_pending());
    // It waits for its turn and holds nothing: who is polled writes first.
    client.send("96598765432", "Two").await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::RecentNumber);

    // One whose request has left keeps the number for as long as the request may take, and the rest after it.
    sandbox.set_latency(Duration::from_secs(1));
    tokio::time::sleep(Duration::from_secs(20)).await;
    let begin = Instant::now();
    let mut left = Box::pin(client.send("96598765432", "Three"));
    assert!(futures::poll!(&mut left).is_pending());
    let sent = tokio::time::timeout(Duration::from_secs(60), client.send("96598765432", "Four").wait()).await;
    sent.expect("it is held up for ever").unwrap();
    assert!((31..36).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    drop(left);
    assert_eq!(sandbox.messages().len(), 3);
}
