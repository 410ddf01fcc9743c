//! What leaves the process as events: which, with which fields, inside which spans.

use std::time::Duration;

use futures::StreamExt;
use kwtsms_async::events::{self, TARGET, event, field};
use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{Client, ClientBuilder, Credits, Delivery, ErrorKind};
use tracing::{Instrument, Level, info_span};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;

use crate::capture::{Capture, listen};

const NUMBER: &str = "+965 9876 5432";
const OTP: &str = "Your OTP for MYAPP is: 123456";

fn builder(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder("events_user", "events_pass").sender_id("KWT-TEST").transport(sandbox.transport())
}

fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_accepted_message_is_one_event_with_every_fact() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    sandbox.set_latency(Duration::from_millis(120));
    let client = client(&sandbox);
    let report = client.send([NUMBER, "96551234567"], OTP).await.unwrap();
    let events = capture.named(event::REQUEST);
    assert_eq!(events.len(), 1, "{events:?}");
    let seen = &events[0];
    assert_eq!(seen.level, Level::INFO);
    for (name, value) in [
        (field::EVENT, event::REQUEST),
        (field::ENDPOINT, "send"),
        (field::OK, "true"),
        (field::DELIVERY, "accepted"),
        (field::ATTEMPT, "1"),
        (field::NUMBERS, "2"),
        (field::RECIPIENTS, "965****432,965****567"),
        (field::PAGES, "1"),
        (field::TEXT_CHARS, "29"),
        (field::TEST, "false"),
        (field::POINTS, "2.0"),
        (field::BALANCE, "998.0"),
        (field::MESSAGE_ID, report.message_id().unwrap().as_str()),
        (field::WAIT_MS, "0"),
        (field::REQUEST_MS, "120"),
        (field::HTTP_STATUS, "200"),
    ] {
        assert_eq!(seen.get(name), Some(value), "{name}");
    }
    assert_eq!((seen.get(field::CODE), seen.get(field::KIND)), (None, None));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_turn_is_told() {
    let (capture, _guard) = Capture::start();
    let client = client(&Sandbox::in_process());
    client.balance().await.unwrap();
    client.balance().await.unwrap();
    let waits: Vec<_> =
        capture.named(event::REQUEST).iter().map(|seen| seen.number(field::WAIT_MS)).collect();
    assert_eq!(waits[0], 0.0);
    assert!((500.0..=502.0).contains(&waits[1]), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn every_endpoint_has_its_event() {
    let (capture, _guard) = Capture::start();
    let client = client(&Sandbox::in_process());
    let id = client.send(NUMBER, OTP).await.unwrap().message_id().unwrap().clone();
    client.balance().await.unwrap();
    client.sender_ids().await.unwrap();
    client.coverage().await.unwrap();
    client.validate([NUMBER]).await.unwrap();
    client.status(&id).await.unwrap();
    let _ = client.dlr(&id).await; // none for Kuwait
    let events = capture.named(event::REQUEST);
    let endpoints: Vec<_> = events.iter().map(|seen| seen.get(field::ENDPOINT).unwrap()).collect();
    assert_eq!(endpoints, ["send", "balance", "senderid", "coverage", "validate", "status", "dlr"]);
    assert_eq!(events[1].get(field::BALANCE), Some("999.0"));
    assert_eq!(events[1].get(field::POINTS), None, "nothing is charged for asking");
    assert_eq!(events[4].get(field::RECIPIENTS), Some("965****432"));
    assert_eq!(events[6].get(field::DELIVERY), Some("refused"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_warning_with_its_code() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    sandbox.faults().push(Fault::code("ERR003"));
    client(&sandbox).send(NUMBER, OTP).await.unwrap_err();
    let seen = &capture.named(event::REQUEST)[0];
    assert_eq!(seen.level, Level::WARN);
    for (name, value) in [
        (field::OK, "false"),
        (field::CODE, "ERR003"),
        (field::KIND, "api"),
        (field::DELIVERY, "refused"),
        (field::HTTP_STATUS, "403"),
    ] {
        assert_eq!(seen.get(name), Some(value), "{name}");
    }
    assert_eq!((seen.get(field::POINTS), seen.get(field::MESSAGE_ID)), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_a_warning_of_unknown_delivery() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    sandbox.faults().push(Fault::delay(Duration::from_secs(60)));
    sandbox.faults().push(Fault::html_502());
    sandbox.faults().push(Fault::reply(200, r#"{"result":"OK","msg-id":"Your OTP for MYAPP is: 123456"}"#));
    let client = client(&sandbox);
    for number in ["96550000001", "96550000002", "96550000003"] {
        let error = client.send(number, OTP).await.unwrap_err();
        assert_eq!(error.delivery(), Delivery::Unknown);
    }
    let events = capture.named(event::REQUEST);
    let facts: Vec<_> = events
        .iter()
        .map(|seen| {
            (seen.level, seen.get(field::DELIVERY), seen.get(field::KIND), seen.get(field::HTTP_STATUS))
        })
        .collect();
    assert_eq!(
        facts,
        [
            (Level::WARN, Some("unknown"), Some("timeout"), None),
            (Level::WARN, Some("unknown"), Some("bad_reply"), Some("502")),
            (Level::WARN, Some("unknown"), Some("bad_reply"), Some("200")), // OK, and no id that can be read
        ]
    );
    assert_eq!(events[0].get(field::REQUEST_MS), Some("15000"));
    assert!(events.iter().all(|seen| seen.get(field::MESSAGE_ID).is_none()));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_had_to_be_mended_says_so_and_the_id_of_an_unreadable_one_is_told() {
    const ACCEPTED: &str = r#"{"result":"OK","msg-id":"f4c841adee210f31307633ceaebff2ec","numbers":1}"#;
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    let described = [&b"{\"description\":\"\xc7\","[..], &ACCEPTED.as_bytes()[1..]].concat();
    let in_markup = format!("<p>{ACCEPTED}</p>").into_bytes();
    let page = format!("<p>We answer {ACCEPTED}</p>").into_bytes();
    let replies = [ACCEPTED.into(), described, in_markup, page];
    for (n, reply) in replies.into_iter().enumerate() {
        sandbox.faults().push(Fault::reply(200, reply));
        let _ = client.send((96_550_000_000 + n).to_string(), OTP).await;
    }
    let events = capture.named(event::REQUEST);
    let facts: Vec<_> =
        events.iter().map(|seen| (seen.get(field::DELIVERY).unwrap(), seen.get(field::REPAIR))).collect();
    assert_eq!(
        facts,
        [
            ("accepted", None),
            ("accepted", Some("decoded")),
            ("accepted", Some("extracted")),
            ("unknown", None)
        ]
    );
    for seen in events {
        assert_eq!(seen.get(field::MESSAGE_ID), Some("f4c841adee210f31307633ceaebff2ec"));
    }
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_event_and_each_retry_one_before_its_pause() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    sandbox.faults().push(Fault::refuse_connection().times(2));
    client(&sandbox).send(NUMBER, OTP).await.unwrap();
    let events = capture.ours();
    let story: Vec<_> = events
        .iter()
        .map(|seen| {
            (seen.get(field::EVENT).unwrap(), seen.get(field::ATTEMPT).unwrap(), seen.get(field::REASON))
        })
        .collect();
    assert_eq!(
        story,
        [
            (event::SENDING, "1", None),
            (event::REQUEST, "1", None),
            (event::RETRY, "1", Some("transport")),
            (event::SENDING, "2", None),
            (event::REQUEST, "2", None),
            (event::RETRY, "2", Some("transport")),
            (event::SENDING, "3", None),
            (event::REQUEST, "3", None),
        ]
    );
    let ended = capture.named(event::REQUEST);
    assert_eq!(ended[0].get(field::DELIVERY), Some("not_sent"));
    assert_eq!(ended[2].get(field::DELIVERY), Some("accepted"));
}

#[tokio::test(start_paused = true)]
async fn waits_for_the_queue_and_for_the_same_number_are_told_with_their_codes() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    sandbox.faults().push(Fault::code("ERR013"));
    sandbox.faults().push(Fault::code("ERR028"));
    client(&sandbox).send(NUMBER, OTP).wait_for_others().wait_for_queue().await.unwrap();
    let retries: Vec<_> = capture
        .named(event::RETRY)
        .iter()
        .map(|seen| {
            (
                seen.get(field::REASON).unwrap().to_owned(),
                seen.get(field::CODE).unwrap().to_owned(),
                seen.number(field::AFTER_MS),
            )
        })
        .collect();
    assert_eq!(
        retries,
        [
            ("queue_full".to_owned(), "ERR013".to_owned(), 30_000.0),
            ("same_number".to_owned(), "ERR028".to_owned(), 16_000.0)
        ]
    );
    let waits: Vec<_> =
        capture.named(event::REQUEST).iter().map(|seen| seen.number(field::WAIT_MS)).collect();
    assert!(waits[1] >= 30_000.0 && waits[2] >= 16_000.0, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_calls_span_is_a_child_of_its_callers_though_the_attempt_has_its_own_task() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    sandbox.faults().push(Fault::refuse_connection());
    let client = client(&sandbox);
    client.send(NUMBER, OTP).instrument(info_span!("login")).await.unwrap();
    // Spawned elsewhere: the span is where the call is first polled.
    tokio::spawn(client.balance().into_future().instrument(info_span!("job"))).await.unwrap().unwrap();
    let mut batches = client.bulk((0..300).map(|i| (96_550_000_000u64 + i).to_string()), "Hello");
    async { while batches.next().await.is_some() {} }.instrument(info_span!("campaign")).await;
    let spans = |event| capture.named(event).iter().map(|seen| seen.spans.join(" ")).collect::<Vec<_>>();
    assert_eq!(
        spans(event::REQUEST),
        ["login kwtsms", "login kwtsms", "job kwtsms", "campaign kwtsms", "campaign kwtsms"]
    );
    assert_eq!(spans(event::RETRY), ["login kwtsms"]);
    assert_eq!(spans(event::RUN), ["campaign"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_after_its_request_left_still_has_its_event() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    sandbox.set_latency(Duration::from_secs(2));
    let client = client(&sandbox);
    let call = client.send(NUMBER, OTP).into_future().instrument(info_span!("login"));
    tokio::time::timeout(Duration::from_secs(1), call).await.unwrap_err();
    assert_eq!(capture.named(event::REQUEST).len(), 0, "nothing is known yet");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let events = capture.named(event::REQUEST);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].get(field::DELIVERY), Some("accepted"));
    assert_eq!(events[0].get(field::MESSAGE_ID), Some(sandbox.messages()[0].id()));
    assert_eq!(events[0].spans, ["login", "kwtsms"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_dropped_while_it_waits_has_none() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    client.balance().await.unwrap();
    capture.clear();
    tokio::time::timeout(Duration::from_millis(100), client.send(NUMBER, OTP)).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(capture.ours().len(), 0);
    assert_eq!(sandbox.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn bad_input_has_no_event_since_no_request_was_made() {
    let (capture, _guard) = Capture::start();
    let client = client(&Sandbox::in_process());
    client.send("12", OTP).await.unwrap_err();
    client.send(NUMBER, "").await.unwrap_err();
    assert_eq!(capture.ours().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_low_balance_is_told_once_per_crossing() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    let account = sandbox.account("events_user");
    account.set_balance(12);
    let client = builder(&sandbox).low_balance(Credits::from_int(10)).build().unwrap();
    let told = || {
        let told: Vec<_> =
            capture.named(event::LOW_BALANCE).iter().map(|s| s.number(field::BALANCE)).collect();
        capture.clear();
        told
    };
    for i in 0..5 {
        client.send(format!("9655000000{i}"), "Hello").await.unwrap(); // 11, 10, 9, 8, 7
    }
    assert_eq!(told(), [9.0]);
    account.set_balance(10); // the threshold itself is not below it
    client.balance().await.unwrap();
    assert!(told().is_empty());
    account.set_balance(3);
    client.balance().await.unwrap();
    client.balance().await.unwrap();
    assert_eq!(told(), [3.0]);
    let plain = Client::builder("events_user", "any").transport(sandbox.transport()).build().unwrap();
    plain.balance().await.unwrap();
    assert!(told().is_empty(), "no threshold, no event");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_gets_no_turn_is_told_with_lane_and_reason() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    let client = builder(&sandbox).max_waiting(1).build().unwrap();
    client.balance().await.unwrap();
    capture.clear();
    let late = client.balance().deadline(Duration::from_millis(10)).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Deadline);
    let waits = tokio::spawn(client.balance().into_future());
    tokio::task::yield_now().await;
    let full = client.send(NUMBER, OTP).await.unwrap_err();
    assert_eq!(full.kind(), ErrorKind::TooManyWaiting);
    let events = capture.named(event::LIMITER);
    let told: Vec<_> = events
        .iter()
        .map(|seen| {
            [field::ENDPOINT, field::LANE, field::REASON, field::WAITING].map(|f| seen.get(f).unwrap())
        })
        .collect();
    assert_eq!(told, [["balance", "single", "deadline", "0"], ["send", "single", "queue_full", "1"]]);
    assert!(events.iter().all(|seen| seen.level == Level::WARN));
    waits.await.unwrap().unwrap();
}

fn numbers(count: u64) -> impl Iterator<Item = String> + Send + 'static {
    (0..count).map(|i| (96_550_000_000 + i).to_string())
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_says_why_and_one_that_ends_says_its_account() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);

    let report = client.bulk(numbers(400).chain(["96550000000".to_owned(), "no".to_owned()]), "Hello");
    assert_eq!(report.collect_report().await.accepted(), 400);
    assert_eq!(capture.named(event::STOP).len(), 0);
    let run = &capture.named(event::RUN)[0];
    for (name, value) in [
        (field::REQUESTS, "2"),
        (field::ACCEPTED, "400"),
        (field::REFUSED, "0"),
        (field::UNKNOWN, "0"),
        (field::NOT_ATTEMPTED, "0"),
        (field::INVALID, "1"),
        (field::DUPLICATES, "1"),
    ] {
        assert_eq!(run.get(name), Some(value), "{name}");
    }

    sandbox.faults().push(Fault::code("ERR003"));
    client.bulk(numbers(2_000), "Hello").test_mode(true).collect_report().await;
    let stops = capture.named(event::STOP);
    assert_eq!(stops.len(), 1);
    assert_eq!(
        [field::REASON, field::CODE, field::KIND].map(|f| stops[0].get(f).unwrap()),
        ["error", "ERR003", "api"]
    );
    assert_eq!(capture.named(event::RUN)[1].get(field::NOT_ATTEMPTED), Some("1800"));

    capture.clear();
    let bulk = client.bulk(numbers(2_000), "Hello").test_mode(true);
    bulk.handle().stop();
    bulk.collect_report().await;
    assert_eq!(capture.named(event::STOP)[0].get(field::REASON), Some("asked"));

    capture.clear();
    let mut bulk = client.bulk(numbers(2_000), "Hello").test_mode(true);
    let handle = bulk.handle();
    bulk.next().await.unwrap();
    drop(bulk);
    handle.finished().await;
    assert_eq!(capture.named(event::STOP).len(), 1);
    assert_eq!(capture.named(event::STOP)[0].get(field::REASON), Some("dropped"));

    capture.clear();
    let mut bulk = client.bulk(numbers(10), "Hello").test_mode(true);
    let handle = bulk.handle();
    bulk.next().await.unwrap();
    handle.finished().await;
    drop(bulk); // ended, though its reader did not ask for the `None`
    handle.stop();
    assert_eq!(capture.named(event::STOP).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_shared_sender_is_warned_of_once_per_client_and_only_for_live_messages() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    let client = Client::builder("events_user", "any").transport(sandbox.transport()).build().unwrap();
    client.send("96550000001", "Hello").test_mode(true).await.unwrap();
    client.send("96550000002", "Hello").sender("KWT-TEST").await.unwrap();
    assert_eq!(capture.named(event::SHARED_SENDER).len(), 0);
    client.send("96550000003", "Hello").await.unwrap();
    client.clone().send("96550000004", "Hello").await.unwrap();
    let told = capture.named(event::SHARED_SENDER);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].level, Level::WARN);
    assert!(told[0].get("message").unwrap().contains("KWT-SMS"));
}

#[tokio::test(start_paused = true)]
async fn what_a_filter_shuts_out_is_not_emitted() {
    let capture = Capture::default();
    let failures = Targets::new().with_target(TARGET, LevelFilter::WARN);
    let _guard = listen(tracing_subscriber::registry().with(failures).with(capture.clone()));
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    client.send("96550000001", OTP).await.unwrap();
    assert_eq!(capture.ours().len(), 0);
    sandbox.faults().push(Fault::code("ERR009"));
    client.send("96550000002", OTP).await.unwrap_err();
    assert_eq!(capture.ours().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_event_and_field_has_its_constant() {
    let (capture, _guard) = Capture::start();
    let sandbox = Sandbox::in_process();
    let client = Client::builder("events_user", "any")
        .transport(sandbox.transport())
        .low_balance(Credits::from_int(1_000))
        .build()
        .unwrap();
    sandbox.faults().push(Fault::refuse_connection());
    sandbox.faults().push(Fault::code("ERR013").on("send"));
    client.send(NUMBER, OTP).wait_for_queue().await.unwrap();
    sandbox.faults().push(Fault::code("ERR010"));
    client.bulk(numbers(300), "Hello").collect_report().await;
    sandbox.faults().push(Fault::reply(200, "<p>{\"result\":\"OK\",\"msg-id\":\"abc1\"}</p>"));
    client.send("96550000009", OTP).await.unwrap();
    let _ = client.balance().deadline(Duration::ZERO).await;
    let _ = client.balance().deadline(Duration::ZERO).await;
    let source = include_str!("../../src/events/names.rs");
    let events = capture.ours();
    for seen in &events {
        let name = seen.get(events::field::EVENT).unwrap();
        assert!(source.contains(&format!("&str = \"{name}\"")), "{name}");
        for field in seen.fields.keys().filter(|field| *field != "message") {
            assert!(source.contains(&format!("&str = \"{field}\"")), "{field}");
        }
    }
    let mut names: Vec<_> = events.iter().map(|seen| seen.get(field::EVENT).unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    let mut all = [
        event::SENDING,
        event::REQUEST,
        event::RETRY,
        event::LIMITER,
        event::STOP,
        event::RUN,
        event::LOW_BALANCE,
        event::SHARED_SENDER,
    ];
    all.sort_unstable();
    assert_eq!(names, all, "all of them were seen");
}
