//! What a program that embeds the SDK relies on: `?`, JSON with stable names, statuses for handlers, iteration.

use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::*;
use serde_json::{Value, json};

const NUMBER: &str = "96598765432";
const TEXT: &str = "Your code is 77441166";

fn client(sandbox: &Sandbox) -> Client {
    Client::builder("embedding_user", "any")
        .transport(sandbox.transport())
        .sender_id("MY-APP")
        .build()
        .unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The names in back quotes of a type's section "As JSON", in alphabetical order.
fn documented<'a>(source: &'a str, type_name: &str) -> Vec<&'a str> {
    let declared = source.find(&format!("pub struct {type_name}")).unwrap();
    let start = source[..declared].rfind("s JSON").unwrap();
    let fields = source[start..declared].split("with ").nth(1).unwrap();
    let fields = fields.strip_prefix("the fields ").unwrap_or(fields).split(['.', ';']).next().unwrap();
    let mut names: Vec<_> = fields.split('`').skip(1).step_by(2).collect();
    names.retain(|name| name.starts_with(|c: char| c.is_ascii_lowercase()));
    names.sort_unstable();
    names
}

#[tokio::test(start_paused = true)]
async fn the_errors_of_values_become_errors_by_a_question_mark() {
    fn number(text: &str) -> Result<PhoneNumber, Error> {
        Ok(PhoneNumber::parse(text)?)
    }
    fn text(text: &str) -> Result<MessageText, Error> {
        Ok(MessageText::new(text)?)
    }
    fn sender(text: &str) -> Result<SenderId, Error> {
        Ok(SenderId::parse(text)?)
    }
    fn id(text: &str) -> Result<MessageId, Error> {
        Ok(MessageId::parse(text)?)
    }
    let errors = [
        number("12").unwrap_err(),
        text(" ").unwrap_err(),
        sender("A-FAR-TOO-LONG-NAME").unwrap_err(),
        id("a b").unwrap_err(),
    ];
    for error in &errors {
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidInput, Delivery::NotSent));
        assert_eq!(error.http_status(), 400);
        assert!(std::error::Error::source(error).is_some());
    }
    // They are the errors that a call would have given.
    let client = client(&Sandbox::in_process());
    let called = [
        client.send("12", TEXT).await.unwrap_err(),
        client.send(NUMBER, " ").await.unwrap_err(),
        client.send(NUMBER, TEXT).sender("A-FAR-TOO-LONG-NAME").await.unwrap_err(),
    ];
    for (error, called) in errors.iter().zip(&called) {
        assert_eq!(error.to_string(), called.to_string());
        assert_eq!(error.user_message(), called.user_message());
        assert_eq!(error.code(), called.code());
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_is_json_with_the_documented_fields_and_no_number() {
    let sandbox = Sandbox::in_process();
    let numbers: Vec<String> = (0..401).map(|n| (96_550_000_000u64 + n).to_string()).collect();
    let inputs = numbers.iter().map(String::as_str).chain(["96550000000", "12"]);
    sandbox.faults().push(Fault::delay(std::time::Duration::ZERO)); // the first batch passes
    sandbox.faults().push(Fault::code("ERR006"));
    sandbox.faults().push(Fault::drop_after_accepting());
    let report = client(&sandbox).send(Recipients::from_iter(inputs), TEXT).await.unwrap();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(keys(&json), documented(include_str!("../../src/report/send_report.rs"), "SendReport"));
    assert_eq!(json["status"], "PARTIAL");
    assert_eq!(
        json["account"],
        json!({"accepted": 200, "refused": 200, "unknown": 1, "not_attempted": 0, "invalid": 1, "duplicates": 1,
               "total": 403})
    );
    assert_eq!(keys(&json["account"]), documented(include_str!("../../src/report/account.rs"), "Account"));
    assert_eq!(json["message_ids"], json!([report.message_id().unwrap().as_str()]));
    assert_eq!((&json["points_charged"], &json["balance_after"]), (&json!(200), &json!(800)));
    for (batch, outcome) in json["batches"].as_array().unwrap().iter().zip(["accepted", "refused", "unknown"])
    {
        assert_eq!(keys(batch), documented(include_str!("../../src/report/batch.rs"), "Batch"));
        assert_eq!(batch["outcome"], outcome);
        assert_eq!(batch["error"].is_null(), outcome == "accepted");
    }
    assert_eq!(json["batches"][1]["positions"][0], 200);
    assert_eq!(json["batches"][1]["error"]["code"], "ERR006");
    assert_eq!(json["batches"][2]["error"]["delivery"], "unknown");
    assert_eq!(json["duplicates"], json!([{"position": 401}]));
    assert_eq!(json["invalid"][0]["position"], 402);
    assert!(!json["invalid"][0]["reason"].as_str().unwrap().is_empty());
    let text = json.to_string();
    assert!(!text.contains("9655000") && !text.contains("77441166"), "{text}");
}

#[test]
fn names_are_those_that_json_has() {
    for (json, name) in [
        (json!(Outcome::NotAttempted), Outcome::NotAttempted.as_str()),
        (json!(Delivery::NotSent), Delivery::NotSent.as_str()),
        (json!(ErrorKind::TooManyWaiting), ErrorKind::TooManyWaiting.as_str()),
        (json!(Status::Partial), Status::Partial.as_str()),
        (json!(RetryReason::QueueFull), RetryReason::QueueFull.as_str()),
    ] {
        assert_eq!(json, name);
    }
    // Each is its variant's name in small letters.
    let small = |debug: String| {
        let parts = debug.char_indices().map(|(at, c)| match c {
            c if c.is_uppercase() && at > 0 => format!("_{}", c.to_ascii_lowercase()),
            c => c.to_ascii_lowercase().to_string(),
        });
        parts.collect::<String>()
    };
    for message in UserMessage::ALL {
        assert_eq!(message.as_str(), small(format!("{message:?}")));
        assert_eq!(json!(message), message.as_str());
    }
    for kind in [ErrorKind::InvalidInput, ErrorKind::BadReply, ErrorKind::RecentNumber, ErrorKind::Api] {
        assert_eq!(kind.as_str(), small(format!("{kind:?}")));
    }
    for delivery in [Delivery::NotSent, Delivery::Refused, Delivery::Unknown] {
        assert_eq!(delivery.as_str(), small(format!("{delivery:?}")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_is_iterated_over_its_batches_and_its_numbers_can_be_sent_to_again() {
    let sandbox = Sandbox::in_process();
    sandbox.faults().push(Fault::code("ERR010"));
    let numbers: Vec<String> = (0..300).map(|n| (96_550_000_000u64 + n).to_string()).collect();
    let client = client(&sandbox);
    let report = client.bulk(numbers, TEXT).collect_report().await;
    let outcomes: Vec<_> = (&report).into_iter().map(Batch::outcome).collect();
    assert_eq!(outcomes, [Outcome::Refused, Outcome::NotAttempted]);
    let again = client.send(report.with_outcome(Outcome::NotAttempted), TEXT).await.unwrap();
    assert_eq!(again.accepted(), 100);
    let batches: Vec<Batch> = report.into_iter().collect();
    assert_eq!(batches.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_panic_of_who_unwraps_tells_a_person_what_to_do() {
    let sandbox = Sandbox::in_process();
    sandbox.faults().push(Fault::code("ERR003"));
    let error = client(&sandbox).send(NUMBER, TEXT).await.unwrap_err();
    let text = format!("{error:?}");
    assert!(text.starts_with("the gateway refused the request: ERR003 ("), "{text}");
    assert!(text.contains("[api; refused; 1 request; HTTP status 403] Check KWTSMS_USERNAME"), "{text}");
    assert!(!text.contains('\n'));
    assert!(format!("{error:#?}").contains("report: Some("));
}

#[tokio::test(start_paused = true)]
async fn a_send_takes_values_that_were_checked_before() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    let text = MessageText::new("Your code is: ١٢٣٤٥٦ 🎉").unwrap();
    let sender = SenderId::parse("KWT-TEST").unwrap();
    client.send(NUMBER, &text).sender(&sender).await.unwrap();
    client.bulk(["96551234567"], text.clone()).sender(sender.clone()).collect_report().await;
    for message in sandbox.messages() {
        assert_eq!((message.text(), message.sender()), (text.as_str(), sender.as_str()));
    }
    assert_eq!(sandbox.messages().len(), 2);
    let client = Client::builder("embedding_user", "any").sender_id(&sender).transport(sandbox.transport());
    assert_eq!(client.build().unwrap().sender_id(), &sender);
}

#[tokio::test(start_paused = true)]
async fn recipients_are_any_collection_and_can_be_looked_through() {
    use std::collections::{BTreeSet, HashSet, VecDeque};
    let numbers = ["96598765432", "96551234567"];
    let client = client(&Sandbox::in_process());
    let collections: [Recipients; 8] = [
        Box::<[&str]>::from(numbers).into(),
        (&HashSet::from(numbers)).into(),
        HashSet::from(numbers).into(),
        (&BTreeSet::from(numbers)).into(),
        (&VecDeque::from(numbers)).into(),
        (&numbers).into(),
        numbers.to_vec().into(),
        Recipients::from_iter(numbers).into_iter().collect(),
    ];
    for recipients in collections {
        assert_eq!((recipients.len(), recipients.is_empty()), (2, false));
        assert_eq!(recipients.iter().count(), (&recipients).into_iter().count());
        assert_eq!(client.send(recipients, TEXT).test_mode(true).wait().await.unwrap().accepted(), 2);
    }
    assert!(Recipients::from("").len() == 1 && Recipients::default().is_empty());
}

#[tokio::test(start_paused = true)]
async fn progress_is_json_with_the_documented_fields() {
    let bulk = client(&Sandbox::in_process()).bulk(["96598765432", "12"], TEXT);
    let handle = bulk.handle();
    handle.pause();
    assert_eq!(json!(handle.progress())["time_left_s"], Value::Null, "nothing is known yet");
    handle.resume();
    bulk.collect_report().await;
    let progress = json!(handle.progress());
    assert_eq!(keys(&progress), documented(include_str!("../../src/bulk/progress.rs"), "Progress"));
    assert_eq!((&progress["done"], &progress["total"]), (&json!(2), &json!(2)));
    assert_eq!(progress["account"], json!(handle.progress().account()));
    assert_eq!(progress["waiting"], "nothing");
}
