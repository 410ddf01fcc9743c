//! Bad input: each its own clear error, before any request, and nothing is lost.

use std::collections::HashSet;
use std::time::Duration;

use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{ApiCode, Client, Delivery, Error, ErrorKind, PhoneError, SendCall, UserMessage};

use crate::raw_server::shown;

fn client(sandbox: &Sandbox) -> Client {
    Client::builder("alice", "s3cret").transport(sandbox.transport()).sender_id("MY-APP").build().unwrap()
}

/// The error of a call that must not reach the gateway.
async fn refused(sandbox: &Sandbox, call: SendCall) -> Error {
    let error = call.await.unwrap_err();
    assert!(sandbox.requests().is_empty());
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidInput, Delivery::NotSent), "{error:?}");
    assert_eq!((error.attempts(), error.is_retryable()), (0, false));
    assert!(!error.action().is_empty());
    error
}

#[test]
fn empty_credentials_are_one_error_that_names_each() {
    for (user, password, names) in [
        ("", "", &["user name", "password"][..]),
        ("", "p", &["user name"]),
        ("  ", "p", &["user name"]),
        ("u", "", &["password"]),
    ] {
        let error = Client::builder(user, password).build().unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Config, Delivery::NotSent));
        for name in ["user name", "password"] {
            assert_eq!(error.to_string().contains(name), names.contains(&name), "{error}");
        }
    }
}

#[test]
fn settings_that_cannot_work_are_refused_when_the_client_is_built() {
    let builder = || Client::builder("u", "p");
    let s = Duration::from_secs;
    for (wrong, says) in [
        (builder().sender_id(""), "sender id"),
        (builder().sender_id("A-FAR-TOO-LONG"), "sender id"),
        (builder().base_url("http://www.kwtsms.com/API/"), "https://"),
        (builder().base_url("www.kwtsms.com"), "base URL"),
        (builder().timeout(s(3)), "time-out"),
        (builder().rates(3.0, 2.5), "5"),
        (builder().unpaced(), "limiter"),
    ] {
        let error = wrong.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{says}");
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
}

#[tokio::test]
async fn what_is_no_phone_number_is_refused_with_its_reason_and_position() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    let mut texts = HashSet::new();
    for (input, reason) in [
        ("", PhoneError::Empty),
        ("   ", PhoneError::Empty),
        ("user@example.com", PhoneError::Email),
        ("call me", PhoneError::NoDigits),
        ("12345", PhoneError::TooShort { digits: 5 }),
        ("1234567890123456", PhoneError::TooLong { digits: 16 }),
    ] {
        let error = refused(&sandbox, client.send(input, "Hello")).await;
        assert_eq!(error.user_message(), UserMessage::InvalidNumber);
        let report = error.report().unwrap();
        assert_eq!(report.account().invalid(), 1);
        let invalid = report.invalid()[0];
        assert_eq!((invalid.position(), invalid.input(), invalid.reason()), (0, input, &reason));
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, reason.to_string());
        assert!(input.trim().is_empty() || !shown(&error).contains(input), "{}", shown(&error));
        texts.insert(cause);
    }
    assert_eq!(texts.len(), 5, "each its own: {texts:?}");
}

#[tokio::test]
async fn a_list_of_nothing_but_bad_numbers_keeps_every_position() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    let error = refused(&sandbox, client.send(["abc", "12,user@example.com", ""], "Hello")).await;
    assert!(error.to_string().contains("none of the 4"), "{error}");
    let report = error.report().unwrap();
    let invalid: Vec<_> = report.invalid().iter().map(|r| (r.position(), r.input())).collect();
    assert_eq!(invalid, [(0, "abc"), (1, "12"), (1, "user@example.com"), (2, "")]);
    assert_eq!((report.account().invalid(), report.account().total()), (4, 4));
    let many: Vec<String> = (0..2_500).map(|n| format!("bad {n}")).collect();
    let error = refused(&sandbox, client.send(&many, "Hello")).await;
    let report = error.report().unwrap();
    assert_eq!(report.account().invalid(), 2_500);
    let positions: Vec<_> = report.invalid().iter().map(|invalid| invalid.position()).collect();
    assert_eq!(positions, (0..2_500).collect::<Vec<u64>>());
}

#[tokio::test]
async fn an_empty_list_is_refused() {
    let sandbox = Sandbox::in_process();
    let error = refused(&sandbox, client(&sandbox).send(Vec::<String>::new(), "Hello")).await;
    assert!(error.to_string().contains("no number"), "{error}");
}

#[tokio::test]
async fn a_text_that_is_empty_once_cleaned_is_refused_as_err009_would_be() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    for text in ["", "   ", "\n\t ", "🎉", "<b></b>", "\u{200b}\u{feff}"] {
        let error = refused(&sandbox, client.send("96598765432", text)).await;
        assert_eq!(error.code(), Some(&ApiCode::ERR009), "{text:?}");
        assert_eq!(error.action(), ApiCode::ERR009.action());
        assert_eq!(error.user_message(), UserMessage::EmptyText);
        assert!(shown(&error).contains("empty"), "{}", shown(&error));
    }
}

#[tokio::test]
async fn a_text_of_8_pages_is_refused_as_err012_would_be_and_one_of_7_is_sent() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    for text in ["a".repeat(1_072), "م".repeat(470)] {
        let error = refused(&sandbox, client.send("96598765432", text.as_str())).await;
        assert_eq!(error.code(), Some(&ApiCode::ERR012));
        assert_eq!(error.user_message(), UserMessage::TextTooLong);
        assert!(shown(&error).contains("8 pages") && !shown(&error).contains(&text[..20]));
    }
    client.send("96598765432", "a".repeat(1_071)).await.unwrap();
    assert_eq!(sandbox.messages()[0].pages(), 7);
}

#[tokio::test]
async fn a_bad_text_to_a_list_of_several_requests_is_refused_and_loses_no_number() {
    let sandbox = Sandbox::in_process();
    let numbers: Vec<String> = (0..450u64).map(|i| (96_550_000_000 + i).to_string()).collect();
    let error = refused(&sandbox, client(&sandbox).send(&numbers, "  ")).await;
    assert!(error.to_string().contains("text"), "{error}");
    assert_eq!(error.report().unwrap().account().not_attempted(), 450);
}

#[tokio::test]
async fn a_sender_id_that_cannot_be_is_refused() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    for (sender, says) in
        [("", "empty"), ("  ", "empty"), ("TWELVE-CHARS", "12 characters"), ("A\nB", "control")]
    {
        let error = refused(&sandbox, client.send("96598765432", "Hello").sender(sender)).await;
        assert!(error.to_string().contains("sender id"), "{error}");
        assert!(shown(&error).contains(says), "{sender:?}: {}", shown(&error));
    }
}

#[tokio::test]
async fn a_bulk_run_refuses_a_bad_text_or_sender_before_any_request_and_loses_no_number() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    for run in
        [client.bulk(["96598765432", "abc"], " "), client.bulk(["96598765432", "abc"], "Hello").sender("")]
    {
        let report = run.collect_report().await;
        let account = report.account();
        assert_eq!((account.not_attempted(), account.invalid(), account.total()), (1, 1, 2));
    }
    assert!(sandbox.requests().is_empty());
}
