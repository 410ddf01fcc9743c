//! Bulk runs: any size, in order, stopped where it must stop, every number told. All under paused time.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use kwtsms_async::sandbox::Fault;
use kwtsms_async::{ApiCode, Delivery, ErrorKind, Outcome, PhoneNumber, Progress, Status, Waiting};
use tokio::time::Instant;

use crate::gateway::{builder, client, gateway, numbers, parts, roomy, sends, start};

#[tokio::test(start_paused = true)]
async fn the_report_has_the_seeds_totals() {
    let sandbox = gateway();
    sandbox.account("user").set_balance(1_000);
    sandbox.faults().push(Fault::delay(Duration::ZERO).on("send"));
    sandbox.faults().push(Fault::code("ERR026").on("send"));
    let mut input = numbers(450);
    input.extend(["abc".to_owned(), "96550000000".to_owned(), "+965 5000 0001".to_owned()]);
    let report = client(&sandbox).bulk(input, "Hello").collect_report().await;
    assert_eq!(report.status(), Status::Partial);
    assert_eq!(report.batches().len(), 3);
    assert_eq!(report.accepted(), 250);
    assert_eq!(report.points_charged().to_string(), "250");
    assert_eq!(report.balance_after().unwrap().to_string(), "750");
    assert_eq!(report.message_ids().len(), 2);
    assert_eq!(report.message_id(), report.message_ids().first().copied());
    let errors: Vec<_> = report
        .errors()
        .iter()
        .map(|(batch, error)| (batch.index(), error.code().cloned().unwrap()))
        .collect();
    assert_eq!(errors, [(1, ApiCode::ERR026)]);
    assert_eq!(report.invalid()[0].position(), 450);
    assert_eq!(report.duplicates().iter().map(|d| d.position()).collect::<Vec<_>>(), [451, 452]);
    assert_eq!(parts(report.account()), [250, 200, 0, 0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_send_of_more_than_one_batch_is_a_bulk_run_and_an_error_only_if_nothing_was_accepted() {
    let sandbox = gateway();
    let client = client(&sandbox);
    let report = client.send(numbers(500), "Hello").await.unwrap();
    assert_eq!((report.status(), report.accepted(), report.message_ids().len()), (Status::Ok, 500, 3));

    sandbox.faults().push(Fault::code("ERR010").on("send"));
    let error = client.send(numbers(500), "Again").wait().await.unwrap_err();
    assert_eq!((error.code(), error.delivery()), (Some(&ApiCode::ERR010), Delivery::Refused));
    assert_eq!(parts(error.report().unwrap().account()), [0, 200, 0, 300, 0, 0]);

    let bad: Vec<_> = (0..2_500).map(|i| format!("bad {i}")).collect();
    let error = client.send(bad, "Hello").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidInput, Delivery::NotSent));
    assert_eq!(error.report().unwrap().account().invalid(), 2_500);
}

#[tokio::test(start_paused = true)]
async fn a_send_of_which_one_batch_may_have_been_accepted_never_says_that_nothing_was_sent() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::code("ERR026").on("send"));
    sandbox.faults().push(Fault::drop_after_accepting().on("send"));
    let error = client(&sandbox).send(numbers(400), "Hello").await.unwrap_err();
    assert_eq!(parts(error.report().unwrap().account()), [0, 200, 200, 0, 0, 0]);
    assert_eq!((error.delivery(), error.is_retryable()), (Delivery::Unknown, false));
    assert_eq!(sandbox.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_ok_that_counts_no_number_is_no_success() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::reply(200, r#"{"result":"OK","msg-id":"abc1","numbers":0}"#).on("send"));
    let error = client(&sandbox).send("96598765432", "Hello").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::BadReply, Delivery::Unknown));
    assert_eq!(parts(error.report().unwrap().account()), [0, 0, 1, 0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn numbers_that_the_gateway_dropped_silently_are_counted() {
    let sandbox = gateway();
    // A landline passes the plain check of length, and the gateway leaves it out without a word.
    let report = client(&sandbox).send(["96598765432", "96522334455"], "Hello").await.unwrap();
    assert_eq!((report.uncounted(), report.status()), (1, Status::Partial));
    assert_eq!(report.points_charged().to_string(), "1");
}

#[tokio::test(start_paused = true)]
async fn an_iterator_a_stream_and_a_list_of_any_kind_are_the_same_run() {
    let sandbox = gateway();
    let client = builder(&sandbox).same_number_wait(Duration::ZERO).build().unwrap();
    let parsed: Vec<PhoneNumber> =
        numbers(3).iter().map(|number| PhoneNumber::parse(number).unwrap()).collect();
    let accounts = [
        client.bulk(numbers(3), "Hi").test_mode(true).collect_report().await,
        client.bulk(parsed.clone(), "Hi").test_mode(true).collect_report().await,
        client.bulk(futures::stream::iter(parsed), "Hi").test_mode(true).collect_report().await,
        client.bulk([numbers(3).join(", ")], "Hi").test_mode(true).collect_report().await,
    ]
    .map(|report| parts(report.account()));
    assert!(accounts.iter().all(|account| *account == [3, 0, 0, 0, 0, 0]), "{accounts:?}");
    assert!(sandbox.messages().iter().all(|message| message.numbers() == numbers(3)));
}

#[tokio::test(start_paused = true)]
async fn a_code_that_stops_the_run_ends_it_and_the_rest_was_not_attempted() {
    for code in [
        "ERR001", "ERR003", "ERR004", "ERR005", "ERR008", "ERR010", "ERR011", "ERR024", "ERR027", "ERR031",
        "ERR032",
    ] {
        for status in [200, 403] {
            let sandbox = gateway();
            sandbox.faults().push(Fault::delay(Duration::ZERO).times(2).on("send"));
            sandbox.faults().push(Fault::code(code).status(status).times(usize::MAX).on("send"));
            let mut batches = client(&sandbox).bulk(numbers(10_000), "Hello");
            let mut outcomes = Vec::new();
            while let Some(batch) = batches.next().await {
                outcomes.push(batch);
            }
            assert_eq!(sends(&sandbox).len(), 3, "{code}: no further request");
            assert_eq!(outcomes.len(), 50);
            assert_eq!(outcomes[2].result().unwrap_err().code().unwrap(), code);
            assert!(outcomes.iter().enumerate().all(|(i, batch)| batch.index() == i as u64));
            for late in &outcomes[3..] {
                let error = late.result().unwrap_err();
                assert_eq!((error.kind(), late.outcome()), (ErrorKind::Stopped, Outcome::NotAttempted));
                let cause = std::error::Error::source(error).unwrap().to_string();
                assert!(cause.contains(code), "{cause}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_code_about_numbers_or_an_unknown_one_costs_only_its_batch() {
    for code in ["ERR006", "ERR025", "ERR026", "ERR035", "ERR099"] {
        let sandbox = gateway();
        sandbox.faults().push(Fault::code(code).on("send"));
        let report = client(&sandbox).bulk(numbers(1_000), "Hello").collect_report().await;
        assert_eq!(parts(report.account()), [800, 200, 0, 0, 0, 0], "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_in_flight_when_a_run_is_doomed_are_answered_and_counted() {
    let sandbox = start(roomy().latency(Duration::from_millis(1_200)));
    sandbox.faults().push(Fault::code("ERR003").on("send"));
    let report = client(&sandbox).bulk(numbers(2_000), "Hello").collect_report().await;
    // The answer comes after 1.2 s; by then the batches of 0.5 and 1.0 s are under way.
    assert_eq!(sends(&sandbox).len(), 3);
    assert_eq!(parts(report.account()), [400, 200, 0, 1_400, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn at_most_max_in_flight_requests_are_under_way() {
    for most in [1, 2, 4] {
        let sandbox = start(roomy().latency(Duration::from_secs(10)));
        let begin = Instant::now();
        let report =
            client(&sandbox).bulk(numbers(1_600), "Hello").max_in_flight(most).collect_report().await;
        assert_eq!(report.accepted(), 1_600);
        let took = begin.elapsed().as_secs();
        let rounds = 8 / most as u64;
        assert!((rounds * 10..rounds * 10 + 3).contains(&took), "{most}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn pause_resume_and_stop_take_effect_between_batches() {
    let sandbox = start(roomy().latency(Duration::from_millis(300)));
    let run = client(&sandbox).bulk(numbers(10_000), "Hello");
    let handle = run.handle();
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    handle.pause();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(sends(&sandbox).len(), 3);
    assert_eq!(handle.progress().waiting(), Waiting::Paused);
    assert_eq!(handle.progress().account().accepted(), 600, "what was in flight was answered");

    handle.resume();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(handle.progress().waiting(), Waiting::Nothing);
    handle.stop();
    let report = report.await.unwrap();
    let sent = sends(&sandbox).len() as u64;
    assert!((5..=7).contains(&sent), "{sent}");
    assert_eq!(parts(report.account()), [sent * 200, 0, 0, 10_000 - sent * 200, 0, 0]);
    assert!(report.errors().iter().all(|(_, error)| error.kind() == ErrorKind::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_run_is_resumed_by_sending_to_what_was_not_attempted() {
    let sandbox = gateway();
    let client = client(&sandbox);
    let run = client.bulk(numbers(3_000), "Hello");
    let handle = run.handle();
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    handle.stop();
    let report = report.await.unwrap();
    let with = |outcome| report.with_outcome(outcome).iter().map(ToString::to_string).collect::<Vec<_>>();
    let (sent, rest) = (with(Outcome::Accepted), with(Outcome::NotAttempted));
    assert!(!sent.is_empty() && !rest.is_empty());
    assert_eq!([sent, rest.clone()].concat(), numbers(3_000));
    assert_eq!(with(Outcome::Unknown), [""; 0]);

    let report = client.bulk(rest, "Hello").collect_report().await;
    assert_eq!(report.status(), Status::Ok);
    let messages = sandbox.messages();
    let mut written: Vec<_> = messages.iter().flat_map(|message| message.numbers().to_vec()).collect();
    written.sort_unstable();
    assert_eq!(written, numbers(3_000), "each once");
}

#[tokio::test(start_paused = true)]
async fn a_run_stopped_while_paused_or_waiting_for_the_queue_ends_at_once() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::code("ERR013").times(usize::MAX).on("send"));
    let run = client(&sandbox).bulk(numbers(1_000), "Hello");
    let handle = run.handle();
    let begin = Instant::now();
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(handle.progress().waiting(), Waiting::QueueFull);
    handle.stop();
    let account = report.await.unwrap().account();
    assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
    assert_eq!((account.accepted(), account.total()), (0, 1_000));
    assert!(account.refused() >= 200);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_starts_nothing_more_and_what_was_in_flight_is_accounted_for() {
    let sandbox = start(roomy().latency(Duration::from_secs(1)));
    let mut run = client(&sandbox).bulk(numbers(10_000), "Hello");
    let handle = run.handle();
    run.next().await.unwrap();
    let under_way = sends(&sandbox).len() as u64;
    assert!(under_way >= 2);
    drop(run);
    let account = handle.finished().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(sends(&sandbox).len() as u64, under_way);
    assert_eq!(account.accepted(), under_way * 200);
    assert_eq!(sandbox.messages().len() as u64, under_way);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_never_polled_does_nothing() {
    let sandbox = gateway();
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    let input = numbers(10).into_iter().inspect(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    drop(client(&sandbox).bulk(input, "Hello"));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!((asked.load(Ordering::Relaxed), sends(&sandbox).len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn progress_tells_done_total_rate_and_time_left() {
    let sandbox = gateway();
    let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let report = client(&sandbox)
        .bulk(numbers(4_000), "Hello")
        .on_progress(move |progress| keep.lock().unwrap().push(progress.clone()))
        .collect_report()
        .await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 20);
    assert_eq!(seen[9].total(), Some(4_000));
    assert_eq!((seen[9].done(), seen[9].requests()), (2_000, 10));
    assert!((400.0..460.0).contains(&seen[9].rate()), "{}", seen[9].rate());
    let left = seen[9].time_left().unwrap().as_secs_f64();
    assert!((4.3..5.1).contains(&left), "{left}");
    assert_eq!(seen[19].account(), report.account());
    assert_eq!(seen[19].time_left(), Some(Duration::ZERO));
    // A stream does not know its length, unless it is told.
    let stream = || futures::stream::iter(numbers(3)).filter(|_| std::future::ready(true));
    assert_eq!(client(&sandbox).bulk(stream(), "Hi").handle().progress().total(), None);
    assert_eq!(client(&sandbox).bulk(stream(), "Hi").total(3).handle().progress().total(), Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_run_and_the_rest_was_not_attempted() {
    let sandbox = gateway();
    let begin = Instant::now();
    let run = client(&sandbox).bulk(numbers(10_000), "Hello").deadline(Duration::from_millis(2_250));
    let report = run.collect_report().await;
    assert_eq!(parts(report.account()), [1_000, 0, 0, 9_000, 0, 0]);
    assert!(begin.elapsed() < Duration::from_millis(2_300));
    let (_, error) = report.errors()[0];
    assert!(std::error::Error::source(error).unwrap().to_string().contains("deadline"));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_keeps_a_run_waiting_does_not_keep_back_its_deadline_or_its_stop() {
    for stopped in [false, true] {
        let sandbox = gateway();
        let (more, source) = futures::channel::mpsc::unbounded::<String>();
        numbers(50).into_iter().for_each(|number| more.unbounded_send(number).unwrap());
        let mut run = client(&sandbox).bulk(source, "Hello");
        let handle = run.handle();
        let begin = Instant::now();
        if stopped {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                handle.stop();
            });
        } else {
            run = run.deadline(Duration::from_secs(5));
        }
        let batch = tokio::time::timeout(Duration::from_secs(60), run.next()).await.unwrap().unwrap();
        assert_eq!(begin.elapsed().as_secs(), 5);
        assert_eq!((batch.numbers().len(), batch.outcome()), (50, Outcome::NotAttempted));
        // What comes after it is told too.
        more.unbounded_send("96598765432".to_owned()).unwrap();
        drop(more);
        assert_eq!(run.next().await.unwrap().outcome(), Outcome::NotAttempted);
        assert!(run.next().await.is_none());
        assert_eq!(sandbox.requests().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_or_sender_that_cannot_be_sent_costs_no_request() {
    let sandbox = gateway();
    let client = client(&sandbox);
    for run in [
        client.bulk(numbers(500), "  🎉 "),
        client.bulk(numbers(500), "a".repeat(1_072)),
        client.bulk(numbers(500), "Hello").sender("A-FAR-TOO-LONG-NAME"),
    ] {
        let report = run.collect_report().await;
        assert_eq!(parts(report.account()), [0, 0, 0, 500, 0, 0]);
        let (_, error) = report.errors()[0];
        let cause = std::error::Error::source(error).unwrap();
        assert!(cause.to_string().contains("not usable"), "{cause}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_over_bad_input_alone_makes_no_request_and_tells_each() {
    let sandbox = gateway();
    let input = (0..5_000).map(|i| format!("bad {i}"));
    let report = client(&sandbox).bulk(input, "Hello").collect_report().await;
    assert_eq!(parts(report.account()), [0, 0, 0, 0, 5_000, 0]);
    let places: Vec<_> = report.invalid().iter().map(|invalid| invalid.position()).collect();
    assert_eq!(places, (0..5_000).collect::<Vec<_>>());
    assert_eq!(sandbox.requests().len(), 0);
    let empty = client(&sandbox).bulk(Vec::<String>::new(), "Hello").collect_report().await;
    assert_eq!((empty.status(), empty.account().total()), (Status::Error, 0));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_panics_is_seen_by_the_reader() {
    let sandbox = gateway();
    let input =
        (0..1_000u64).map(|i| if i == 500 { panic!("source") } else { (96_550_000_000 + i).to_string() });
    let run = client(&sandbox).bulk(input, "Hello");
    let handle = run.handle();
    let panic = tokio::spawn(run.collect_report()).await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"source"));
    // Whoever waits for the run at its handle does not wait for ever.
    tokio::time::timeout(Duration::from_secs(60), handle.finished()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_send_of_many_that_cannot_begin_in_time_says_so_as_a_single_one_does() {
    let sandbox = gateway();
    let client = client(&sandbox);
    client.bulk(["96598765432"], "Hello").collect_report().await; // takes the lane's turn
    let error = client.send(numbers(500), "Hello").deadline(Duration::from_millis(100)).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Deadline, Delivery::NotSent));
    assert!(error.is_retryable());
    assert_eq!(parts(error.report().unwrap().account()), [0, 0, 0, 500, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn each_request_is_looked_at_before_it_leaves_and_may_be_kept_from_it() {
    let sandbox = gateway();
    sandbox.faults().push(Fault::code("ERR013").on("send"));
    let seen: Arc<Mutex<Vec<usize>>> = Arc::default();
    let (looks, gate) = (Arc::clone(&seen), sandbox.clone());
    let report = client(&sandbox)
        .bulk(numbers(650), "Hello")
        .max_in_flight(1)
        .on_request(move |numbers| {
            let mut looks = looks.lock().unwrap();
            assert_eq!(looks.len(), sends(&gate).len(), "it has not left");
            looks.push(numbers.len());
            if looks.len() > 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .collect_report()
        .await;
    assert_eq!(*seen.lock().unwrap(), [200, 200, 200, 200], "the first one twice, for its retry");
    assert_eq!(sends(&sandbox).len(), 3);
    assert_eq!(parts(report.account()), [400, 0, 0, 250, 0, 0]);
    assert!(
        report.batches().iter().skip(2).all(|batch| batch.result().unwrap_err().kind() == ErrorKind::Stopped)
    );
}
