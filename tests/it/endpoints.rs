//! Every endpoint through the public API: what it tells, what it refuses, and that the raw reply stays reachable.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kwtsms_async::sandbox::{CreditStyle, Fault, Sandbox};
use kwtsms_async::{
    ApiCode, Client, ClientBuilder, CodeSource, Credits, Delivery, Error, ErrorKind, MessageId, PhoneNumber,
    RawReply, Recipients, SenderId, Status, UserMessage, events,
};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};

const KUWAIT: &str = "96598765432";
const EMIRATES: &str = "971501234567";
/// No country of the sandbox's accounts is switched on for it.
const BRITAIN: &str = "447911123456";
/// A Kuwaiti landline.
const LANDLINE: &str = "96524817066";

fn builder(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder("alice", "s3cret").transport(sandbox.transport()).sender_id("KWT-TEST").unpaced()
}

fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().unwrap()
}

/// The same gateway behind each door.
async fn both() -> [(Sandbox, Client); 2] {
    let inside = Sandbox::in_process();
    let outside = Sandbox::start().await.unwrap();
    let over_http = Client::builder("alice", "s3cret").base_url(outside.base_url()).sender_id("KWT-TEST");
    let (a, b) = (client(&inside), over_http.unpaced().build().unwrap());
    [(inside, a), (outside, b)]
}

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).unwrap()
}

fn numbers(texts: &[&str]) -> Vec<PhoneNumber> {
    texts.iter().copied().map(number).collect()
}

fn asked(sandbox: &Sandbox) -> Vec<String> {
    sandbox.requests().iter().map(|request| request.endpoint().to_owned()).collect()
}

#[tokio::test]
async fn the_balance_is_told_and_kept() {
    for (sandbox, client) in both().await {
        assert_eq!(client.cached_balance(), None, "nothing was asked yet");
        sandbox.account("alice").set_balance(150);
        let balance = client.verify().await.unwrap();
        assert_eq!(balance.available(), Credits::from_int(150));
        assert_eq!(balance.purchased(), Some(Credits::from_int(1000)));
        assert_eq!(client.balance().await.unwrap(), balance);
        assert_eq!(client.clone().cached_balance(), Some(balance));
        let report = client.send(KUWAIT, "Hello").await.unwrap();
        let cached = client.cached_balance().unwrap();
        assert_eq!(cached.available(), Credits::from_int(149));
        assert_eq!(report.balance_after(), Some(cached.available()));
        assert_eq!(cached.purchased(), Some(Credits::from_int(1000)), "as last told");
        assert_eq!(asked(&sandbox), ["balance", "balance", "send"]);
    }
}

#[tokio::test]
async fn credits_are_read_however_they_are_written() {
    for style in [CreditStyle::Integer, CreditStyle::Float, CreditStyle::Text] {
        let sandbox = Sandbox::builder().credit_style(style).in_process();
        let client = client(&sandbox);
        assert_eq!(client.balance().await.unwrap().available(), Credits::from_int(1000), "{style:?}");
        let report = client.send(KUWAIT, "Hello").await.unwrap();
        assert_eq!(report.points_charged(), Credits::from_int(1), "{style:?}");
        assert_eq!(report.balance_after(), Some(Credits::from_int(999)), "{style:?}");
    }
}

#[tokio::test]
async fn sender_ids_are_told_with_their_case() {
    for (sandbox, client) in both().await {
        sandbox.account("alice").set_sender_ids(["MY-APP", "My-App"]);
        let ids = client.sender_ids().await.unwrap();
        assert_eq!(ids.iter().map(SenderId::as_str).collect::<Vec<_>>(), ["MY-APP", "My-App"]);
        sandbox.account("alice").set_sender_ids([""; 0]);
        assert!(client.sender_ids().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn coverage_is_by_prefix_and_none_at_all_is_an_error() {
    for (sandbox, client) in both().await {
        sandbox.account("alice").set_coverage(["965", "971"]);
        let coverage = client.coverage().await.unwrap();
        assert_eq!(coverage.prefixes(), ["965", "971"]);
        assert!(coverage.covers(&number(KUWAIT)) && coverage.covers(&number(EMIRATES)));
        assert!(!coverage.covers(&number(BRITAIN)));
        sandbox.account("alice").set_coverage([""; 0]);
        let error = client.coverage().await.unwrap_err();
        assert_eq!((error.code(), error.delivery()), (Some(&ApiCode::ERR033), Delivery::Refused));
    }
}

#[tokio::test]
async fn validation_puts_each_input_in_exactly_one_group() {
    for (sandbox, client) in both().await {
        let list = "+965 9876 5432, 00971501234567";
        let inputs = [list, BRITAIN, LANDLINE, "abc", "user@example.com", "123", KUWAIT];
        let check = client.validate(inputs).await.unwrap();
        assert_eq!(check.ok(), numbers(&[KUWAIT, EMIRATES]));
        assert_eq!(check.nr(), numbers(&[BRITAIN]));
        assert_eq!(check.er(), numbers(&[LANDLINE]));
        assert_eq!(check.missing(), []);
        let invalid: Vec<_> = check.invalid().iter().map(|r| (r.position(), r.input())).collect();
        assert_eq!(invalid, [(3, "abc"), (4, "user@example.com"), (5, "123")]);
        let duplicates: Vec<_> = check.duplicates().iter().map(|d| (d.position(), d.number())).collect();
        assert_eq!(duplicates, [(6, number(KUWAIT))]);
        assert_eq!(check.raw().len(), 1);
        assert_eq!(sandbox.requests()[0].numbers(), 4, "what was refused here never left");
        assert_eq!(sandbox.account("alice").balance(), 1000);
    }
}

#[tokio::test]
async fn validation_of_nothing_usable_makes_no_request() {
    let sandbox = Sandbox::in_process();
    let check = client(&sandbox).validate(["abc", ""]).await.unwrap();
    assert_eq!((check.invalid().len(), check.ok().len(), check.raw().len()), (2, 0, 0));
    let error = client(&sandbox).validate(Vec::<String>::new()).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidInput, Delivery::NotSent));
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn validation_takes_as_many_requests_as_the_characters_need() {
    // 500 numbers of 15 digits at 156 a request, refused by no country check, of an inactive country.
    let sandbox = Sandbox::in_process();
    let inputs: Vec<String> = (0..500u64).map(|n| (447_911_000_000_000 + n).to_string()).collect();
    let check = client(&sandbox).validate(&inputs).await.unwrap();
    let told: Vec<_> =
        check.ok().iter().chain(check.er()).chain(check.nr()).map(ToString::to_string).collect();
    assert_eq!(told, inputs, "each once, in order");
    let sizes: Vec<_> = sandbox.requests().iter().map(|request| request.numbers()).collect();
    assert_eq!(sizes, [156, 156, 156, 32]);
    assert_eq!(check.raw().len(), 4);
    assert!(sandbox.requests().iter().all(|request| request.status() == Some(200)));
}

#[tokio::test]
async fn a_send_tells_id_numbers_cost_balance_and_the_gateways_own_timestamp() {
    for (sandbox, client) in both().await {
        let text = "a".repeat(161); // two pages
        let report = client.send([KUWAIT, EMIRATES], text).await.unwrap();
        let message = &sandbox.messages()[0];
        assert_eq!(report.message_id().unwrap().as_str(), message.id());
        assert_eq!(report.message_ids(), [report.message_id().unwrap()]);
        assert_eq!((report.status(), report.accepted()), (Status::Ok, 2));
        assert_eq!(report.points_charged(), Credits::from_int(4));
        assert_eq!(report.balance_after(), Some(Credits::from_int(996)));
        let accepted = report.batches()[0].result().unwrap();
        assert_eq!(accepted.counted(), Some(2));
        let stamp = accepted.raw().as_object()["unix-timestamp"].as_i64();
        assert!(stamp.is_some() && accepted.unix_timestamp() == stamp, "neither converted nor shifted");
        assert_eq!((message.sender(), message.is_test()), ("KWT-TEST", false));
    }
}

#[tokio::test]
async fn numbers_come_as_a_string_a_list_or_any_collection() {
    let many = || vec!["96598765432", "96551234567"];
    let sets: [Recipients; 9] = [
        "96598765432,96551234567".into(),
        String::from("+965 9876 5432, 00965 5123 4567,").into(),
        ["96598765432", "96551234567"].into(),
        many().into(),
        (&many()).into(),
        [String::from("96598765432,96551234567")].into(),
        many().into_iter().map(number).collect::<BTreeSet<_>>().into(),
        many().into_iter().collect::<VecDeque<_>>().into(),
        many().into_iter().chain(["96598765432"]).collect(),
    ];
    for to in sets {
        let sandbox = Sandbox::in_process();
        let shown = format!("{to:?}");
        let report = client(&sandbox).send(to, "Hello").await.unwrap();
        assert_eq!(report.accepted(), 2, "{shown}");
        let mut sent = sandbox.messages()[0].numbers().to_vec();
        sent.sort();
        assert_eq!(sent, ["96551234567", "96598765432"], "{shown}");
    }
}

#[tokio::test]
async fn good_numbers_are_sent_and_the_others_are_told_with_position_and_reason() {
    let sandbox = Sandbox::in_process();
    let inputs = ["96598765432,abc", "", "user@example.com", "+96598765432", "12", "96551234567"];
    let report = client(&sandbox).send(inputs, "Hello").await.unwrap();
    assert_eq!((report.status(), report.accepted()), (Status::Partial, 2));
    let invalid: Vec<_> = report.invalid().iter().map(|r| (r.position(), r.input())).collect();
    assert_eq!(invalid, [(0, "abc"), (1, ""), (2, "user@example.com"), (4, "12")]);
    assert!(report.invalid().iter().all(|invalid| !invalid.reason().to_string().is_empty()));
    let duplicates: Vec<_> = report.duplicates().iter().map(|d| d.position()).collect();
    assert_eq!(duplicates, [3]);
    assert_eq!(report.batches()[0].positions(), [0, 5]);
    assert_eq!(report.account().total(), 7);
    assert_eq!(sandbox.messages()[0].numbers(), ["96598765432", "96551234567"]);
}

#[tokio::test]
async fn sender_and_test_mode_are_the_calls_own_where_it_says_so() {
    let sandbox = Sandbox::in_process();
    sandbox.account("alice").set_sender_ids(["KWT-TEST", "OTHER"]);
    let live = client(&sandbox);
    live.send(KUWAIT, "1").sender("OTHER").await.unwrap();
    live.send(EMIRATES, "2").test_mode(true).await.unwrap();
    let test = builder(&sandbox).test_mode(true).build().unwrap();
    test.send(KUWAIT, "3").await.unwrap();
    test.send("96551234567", "4").test_mode(false).await.unwrap();
    let sent: Vec<_> = sandbox.messages().iter().map(|m| (m.sender().to_owned(), m.is_test())).collect();
    let sent: Vec<_> = sent.iter().map(|(sender, test)| (sender.as_str(), *test)).collect();
    assert_eq!(sent, [("OTHER", false), ("KWT-TEST", true), ("KWT-TEST", true), ("KWT-TEST", false)]);
}

#[tokio::test(start_paused = true)]
async fn status_and_reports_are_asked_by_message_id() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    let unknown = MessageId::parse("f4c841adee210f31307633ceaebff2ec").unwrap();
    let code = |error: Error| {
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Api, Delivery::Refused));
        error.code().unwrap().to_string()
    };
    assert_eq!(code(client.status(&unknown).await.unwrap_err()), "ERR029");
    assert_eq!(code(client.dlr(&unknown).await.unwrap_err()), "ERR020");

    let report = client.send([EMIRATES, KUWAIT], "Hello").await.unwrap();
    let id = report.message_id().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await; // the queue drains
    let status = client.status(id).await.unwrap();
    assert!(status.is_sent(), "{status:?}");
    assert_eq!(status.description(), Some("Message successfully sent to gateway"));
    let early = client.dlr(id).await.unwrap_err();
    assert_eq!(early.retry_after(), Some(Duration::from_secs(24 * 60 * 60)));
    assert!(early.is_retryable());
    assert_eq!(code(early), "ERR022");
    tokio::time::sleep(Duration::from_secs(5 * 60)).await;
    let reports = client.dlr(id).await.unwrap();
    let told: Vec<_> = reports.iter().map(|r| (r.number().unwrap(), r.status())).collect();
    assert_eq!(told, [(number(EMIRATES), "Received by recipient")]);

    let kuwait = client.send("96551234567", "Hello").await.unwrap();
    assert_eq!(code(client.dlr(kuwait.message_id().unwrap()).await.unwrap_err()), "ERR021");
    let stuck = client.send("96561234567", "Hello").test_mode(true).await.unwrap();
    assert_eq!(code(client.status(stuck.message_id().unwrap()).await.unwrap_err()), "ERR030");
}

#[tokio::test(start_paused = true)]
async fn the_raw_reply_of_every_call_is_reachable() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    // Each reply with a field that this crate does not know, as a later gateway may give.
    let id = MessageId::parse("f4c841adee210f31307633ceaebff2ec").unwrap();
    let answer = |fields: &str| {
        let body = format!(r#"{{"result":"OK",{fields},"new-field":[7]}}"#);
        sandbox.faults().push(Fault::reply(200, body));
    };
    let known = |raw: &RawReply| assert_eq!(raw.as_object()["new-field"], serde_json::json!([7]));
    answer(r#""available":1"#);
    known(client.verify().await.unwrap().raw().unwrap());
    known(client.cached_balance().unwrap().raw().unwrap());
    answer(r#""senderid":["A","A FAR TOO LONG NAME"]"#);
    let ids = client.sender_ids().await.unwrap();
    known(ids.raw());
    assert_eq!(ids.len(), 1);
    assert_eq!(ids.raw().as_object()["senderid"][1], "A FAR TOO LONG NAME", "what was left out is there");
    answer(r#""prefixes":["965"]"#);
    known(client.coverage().await.unwrap().raw());
    answer(r#""mobile":{"OK":["96598765432"]}"#);
    known(&client.validate(KUWAIT).await.unwrap().raw()[0]);
    answer(r#""status":"sent""#);
    known(client.status(&id).await.unwrap().raw());
    answer(r#""report":[{"Number":"971501234567","Status":"x"},{"odd":1}]"#);
    let reports = client.dlr(&id).await.unwrap();
    known(reports.raw());
    assert_eq!((reports.len(), &reports.raw().as_object()["report"][1]["odd"]), (1, &Value::from(1)));
    answer(r#""msg-id":"f4c841adee210f31307633ceaebff2ec","balance-after":5"#);
    known(client.send(KUWAIT, "Hello").await.unwrap().batches()[0].result().unwrap().raw());
    assert_eq!(client.cached_balance().unwrap().raw(), None, "it is in the send's report");
    let refused = r#"{"result":"ERROR","code":"ERR010","description":"d","new-field":[7]}"#;
    sandbox.faults().push(Fault::reply(400, refused));
    let error = client.balance().await.unwrap_err();
    known(error.raw().unwrap());
    assert_eq!(error.description(), Some("d"));
}

/// The rows of `codes.json`, which is independent of the table in the crate.
fn documented() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../fixtures/codes.json")).unwrap();
    file["codes"].as_array().unwrap().clone()
}

fn is_refused_with(error: &Error, row: &Value, status: u16) {
    let code = row["code"].as_str().unwrap();
    assert_eq!(error.kind(), ErrorKind::Api, "{code}");
    assert_eq!(error.code().unwrap().as_str(), code);
    assert_eq!(error.delivery(), Delivery::Refused, "{code}");
    assert_eq!((error.attempts(), error.gateway_status()), (1, Some(status)), "{code}");
    let known = error.code().unwrap();
    let source = if row["documented"] == true { CodeSource::Documented } else { CodeSource::SingleSource };
    assert_eq!(known.source(), source, "{code}");
    for word in row["words"].as_array().unwrap() {
        let word = word.as_str().unwrap().to_lowercase();
        assert!(known.meaning().to_lowercase().contains(&word), "{code}: {word} in {}", known.meaning());
    }
    assert!(error.to_string().contains(code) && error.to_string().contains(known.meaning()), "{error}");
    // A send that is refused for a message that this client knows nothing of.
    let by_others = code == "ERR028" && error.report().is_some();
    assert!(error.action().len() > 10 && (error.action() == known.action()) != by_others, "{code}");
    let after = row["retry_after_s"].as_u64().map(Duration::from_secs);
    assert_eq!(error.retry_after(), after, "{code}");
    assert_eq!(error.is_retryable(), after.is_some() && !by_others, "{code}");
    assert_eq!(known.class().stops_run(), row["stops_run"] == true, "{code}");
    let told = error.user_message();
    assert!(UserMessage::ALL.contains(&told) && !told.english().contains(code), "{code}");
    assert!(told.arabic().chars().any(|c| ('\u{620}'..='\u{64a}').contains(&c)), "{code}");
    let operators = ["account", "auth", "balance"].contains(&row["category"].as_str().unwrap());
    if operators && code != "ERR033" {
        assert_eq!(told, UserMessage::Unavailable, "{code}: the end user hears nothing of the account");
    }
}

#[tokio::test]
async fn every_code_says_what_it_means_on_200_and_403_to_a_send_and_to_a_balance() {
    let rows = documented();
    for (sandbox, client) in both().await {
        for row in &rows {
            for status in [200, 403] {
                let code = row["code"].as_str().unwrap();
                sandbox.faults().push(Fault::code(code).status(status).times(2));
                let error = client.send(KUWAIT, "Hello").await.unwrap_err();
                is_refused_with(&error, row, status);
                assert_eq!(error.report().unwrap().account().refused(), 1, "{code}");
                is_refused_with(&client.balance().await.unwrap_err(), row, status);
            }
        }
        assert!(sandbox.messages().is_empty());
        assert_eq!(sandbox.requests().len(), 31 * 4, "none was asked twice");
        client.send(KUWAIT, "Hello").await.expect("what was refused does not rest");
    }
}

#[tokio::test]
async fn a_code_of_tomorrow_survives_and_is_not_retried() {
    for (sandbox, client) in both().await {
        sandbox.faults().push(Fault::code("ERR099").status(418).times(2));
        for error in [
            client.send(KUWAIT, "Hello").wait().wait_for_queue().await.unwrap_err(),
            client.balance().await.unwrap_err(),
        ] {
            assert_eq!(error.code().unwrap().as_str(), "ERR099");
            assert_eq!(error.code().unwrap().source(), CodeSource::Unknown);
            assert_eq!((error.delivery(), error.attempts()), (Delivery::Refused, 1));
            assert!(!error.is_retryable() && error.retry_after().is_none());
            assert!(error.to_string().contains("ERR099"), "{error}");
            assert_eq!(error.user_message(), UserMessage::Unavailable);
        }
    }
}

/// Counts the warnings of the shared sender id.
#[derive(Clone, Default)]
struct SharedSender(Arc<Mutex<Vec<tracing::Level>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for SharedSender {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Named(bool);
        impl Visit for Named {
            fn record_str(&mut self, field: &Field, value: &str) {
                self.0 |= field.name() == events::field::EVENT && value == events::event::SHARED_SENDER;
            }
            fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
        }
        let mut named = Named(false);
        event.record(&mut named);
        if named.0 && event.metadata().target() == events::TARGET {
            self.0.lock().unwrap().push(*event.metadata().level());
        }
    }
}

#[tokio::test]
async fn the_shared_sender_id_used_live_warns_once_a_client() {
    let warnings = SharedSender::default();
    let _on = tracing::subscriber::set_default(tracing_subscriber::registry().with(warnings.clone()));
    let count = || warnings.0.lock().unwrap().len();
    let sandbox = Sandbox::in_process();
    let shared = || builder(&sandbox).sender_id("KWT-SMS").build().unwrap();

    client(&sandbox).send("96550000001", "Hello").await.unwrap();
    let one = shared();
    one.send("96550000002", "Hello").test_mode(true).await.unwrap();
    one.send("96550000003", "Hello").sender("KWT-TEST").await.unwrap();
    assert_eq!(count(), 0, "another sender id, or test mode");
    for n in 4..8u64 {
        one.clone().send((96_550_000_000 + n).to_string(), "Hello").await.unwrap();
    }
    one.bulk(["96550000009"], "Hello").collect_report().await;
    assert_eq!(count(), 1);
    shared().bulk(["96550000010"], "Hello").collect_report().await;
    assert_eq!(count(), 2);
    client(&sandbox).send("96550000011", "Hello").sender("KWT-SMS").await.unwrap();
    assert_eq!(count(), 3);
    assert!(warnings.0.lock().unwrap().iter().all(|level| *level == tracing::Level::WARN));
}
