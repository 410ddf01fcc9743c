//! What the README of the Python client, kwtsms 0.7.3 for Python, promises, section by section, in our words: the table
//! "coming from the Python client" of our own `docs/from-python.md` points here.

use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{
    ApiCode, Client, Credits, Delivery, ErrorKind, PhoneError, Status, UserMessage, clean_message,
    normalize_phone, validate_phone_input,
};

const OTP: &str = "Your OTP for MYAPP is: 123456";

fn client(sandbox: &Sandbox) -> Client {
    Client::builder("your_api_user", "your_api_pass")
        .sender_id("KWT-TEST")
        .transport(sandbox.transport())
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn verify_and_balance() {
    let sandbox = Sandbox::builder().account("your_api_user", "your_api_pass").in_process();
    let balance = client(&sandbox).verify().await.unwrap();
    assert_eq!(
        (balance.available(), balance.purchased()),
        (Credits::from_int(1000), Some(Credits::from_int(1000)))
    );
    let client = client(&sandbox);
    client.send("96598765432", OTP).await.unwrap();
    // "Also updated automatically after every successful send()".
    assert_eq!(client.cached_balance().unwrap().available(), Credits::from_int(999));

    let wrong = Client::builder("your_api_user", "wrong").transport(sandbox.transport()).build().unwrap();
    let error = wrong.verify().await.unwrap_err();
    assert_eq!(error.code(), Some(&ApiCode::ERR003));
    assert!(error.action().contains("KWTSMS_USERNAME") && error.action().contains("KWTSMS_PASSWORD"));
}

#[tokio::test(start_paused = true)]
async fn send_one_several_and_under_another_sender() {
    let sandbox = Sandbox::in_process();
    sandbox.account("your_api_user").set_sender_ids(["KWT-TEST", "MY-APP", "kwt sms"]);
    let client = client(&sandbox);
    let report = client.send("96598765432", OTP).await.unwrap();
    assert_eq!((report.status(), report.accepted()), (Status::Ok, 1));
    assert_eq!(report.points_charged(), Credits::from_int(1));
    assert_eq!(report.balance_after(), Some(Credits::from_int(999)));
    assert_eq!(report.message_id().unwrap().as_str().len(), 32);
    let accepted = report.batches()[0].result().unwrap();
    assert!(accepted.unix_timestamp().is_some_and(|seconds| seconds > 1_700_000_000));

    // The Python client's list, with mobiles that the gateway takes.
    let report = client.send(["96598765433", "+96551234567", "0096565111111"], "Hello!").await.unwrap();
    assert_eq!(report.accepted(), 3);
    let report = client.send("96598765434, 96551234568", "Hello!").await.unwrap();
    assert_eq!(report.accepted(), 2, "a comma-separated string is a list");
    client.send("96598765435", "Hello").sender("MY-APP").await.unwrap();
    client.send("96598765436", "Hello").sender("kwt sms").await.unwrap();
    let senders: Vec<_> = sandbox.messages().iter().map(|message| message.sender().to_owned()).collect();
    assert_eq!(senders, ["KWT-TEST", "KWT-TEST", "KWT-TEST", "MY-APP", "kwt sms"]);
}

#[tokio::test(start_paused = true)]
async fn errors_have_a_code_a_description_and_an_action() {
    let sandbox = Sandbox::in_process();
    sandbox.account("your_api_user").set_balance(0);
    let error = client(&sandbox).send("96598765432", OTP).await.unwrap_err();
    assert_eq!(error.code().unwrap().as_str(), "ERR010");
    assert_eq!(error.description(), Some("The balance of the account is zero."));
    assert!(error.action().contains("kwtsms.com"), "{}", error.action());
    assert_eq!(error.delivery(), Delivery::Refused);
    // What the Python client raises as RuntimeError.
    sandbox.faults().push(Fault::refuse_connection().times(3));
    let error = client(&sandbox).send("96598765432", OTP).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Connect, Delivery::NotSent));
}

#[tokio::test(start_paused = true)]
async fn good_numbers_are_sent_to_and_bad_ones_reported() {
    let sandbox = Sandbox::in_process();
    let report = client(&sandbox).send(["96598765432", "abc", "user@gmail.com"], "Hello").await.unwrap();
    assert_eq!((report.status(), report.accepted()), (Status::Partial, 1));
    let invalid: Vec<_> =
        report.invalid().iter().map(|bad| (bad.position(), bad.input().to_owned(), *bad.reason())).collect();
    assert_eq!(
        invalid,
        [(1, "abc".to_owned(), PhoneError::NoDigits), (2, "user@gmail.com".to_owned(), PhoneError::Email)]
    );
}

#[tokio::test(start_paused = true)]
async fn more_than_200_numbers_go_in_batches() {
    let sandbox = Sandbox::builder().drain_per_second(1_000_000).in_process();
    let numbers: Vec<String> = (0..1_000).map(|i| format!("9655{i:07}")).collect();
    // The queue is full once: waited for 30 s where the call says so, as the Python client always does.
    sandbox.faults().push(Fault::code("ERR013").on("send"));
    sandbox.faults().push(Fault::code("ERR026").on("send"));
    let report = client(&sandbox).send(numbers, "Hello!").wait_for_queue().await.unwrap();
    assert_eq!(report.status(), Status::Partial);
    assert_eq!(report.batches().len(), 5);
    assert_eq!((report.accepted(), report.points_charged()), (800, Credits::from_int(800)));
    assert_eq!(report.balance_after(), Some(Credits::from_int(200)));
    assert_eq!(report.message_ids().len(), 4);
    for (batch, error) in report.errors() {
        assert_eq!((batch.numbers().len(), error.code().unwrap().as_str()), (200, "ERR026"));
        assert!(error.description().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn validate_asks_about_what_can_be_a_number_only() {
    let sandbox = Sandbox::in_process();
    let check = client(&sandbox)
        .validate(["96598765432", "+96551234567", "447911123456", "96522334455", "abc", "123"])
        .await
        .unwrap();
    let texts = |numbers: &[kwtsms_async::PhoneNumber]| -> Vec<String> {
        numbers.iter().map(ToString::to_string).collect()
    };
    assert_eq!(texts(check.ok()), ["96598765432", "96551234567"]);
    assert_eq!(texts(check.er()), ["96522334455"]);
    assert_eq!(texts(check.nr()), ["447911123456"]);
    let invalid: Vec<_> = check.invalid().iter().map(|bad| (bad.input(), *bad.reason())).collect();
    assert_eq!(invalid, [("abc", PhoneError::NoDigits), ("123", PhoneError::TooShort { digits: 3 })]);
    assert_eq!(check.raw().len(), 1);
    let nothing = client(&sandbox).validate(["abc", "123"]).await.unwrap();
    assert_eq!((nothing.invalid().len(), nothing.raw().len()), (2, 0), "no request was made");
}

#[tokio::test(start_paused = true)]
async fn sender_ids_and_coverage() {
    let sandbox = Sandbox::in_process();
    let account = sandbox.account("your_api_user");
    account.set_sender_ids(["KWT-SMS", "MY-APP"]);
    account.set_coverage(["965", "966", "971", "973", "974"]);
    let client = client(&sandbox);
    let ids: Vec<_> = client.sender_ids().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["KWT-SMS", "MY-APP"]);
    let coverage = client.coverage().await.unwrap();
    assert_eq!(coverage.prefixes(), ["965", "966", "971", "973", "974"]);
    assert!(coverage.covers(&"96598765432".parse().unwrap()));
    assert!(!coverage.covers(&"447911123456".parse().unwrap()));
    account.set_coverage(Vec::<String>::new());
    let error = client.coverage().await.unwrap_err();
    assert_eq!(error.code(), Some(&ApiCode::ERR033));
    assert!(!error.action().is_empty());
}

#[tokio::test(start_paused = true)]
async fn status_asks_an_endpoint_that_exists() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    let report = client.send("96598765432", OTP).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = client.status(report.message_id().unwrap()).await.unwrap();
    assert!(status.is_sent());
    let error = client.dlr(report.message_id().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), Some(&ApiCode::ERR021), "no delivery reports in Kuwait");
}

#[test]
fn the_utility_functions_answer_as_the_seeds_examples() {
    for (written, normal) in [
        // "Utility functions" and the table "Phone number formats".
        ("+96598765432", "96598765432"),
        ("00 965 9876-5432", "96598765432"),
        ("0096598765432", "96598765432"),
        ("965 9876 5432", "96598765432"),
        ("965-9876-5432", "96598765432"),
        ("٩٦٥٩٨٧٦٥٤٣٢", "96598765432"),
        ("۹۶۵۹۸۷۶۵۴۳۲", "96598765432"),
        ("(965) 9876.5432", "96598765432"),
    ] {
        assert_eq!(normalize_phone(written), normal, "{written}");
        assert_eq!(validate_phone_input(written).unwrap().to_string(), normal, "{written}");
    }
    assert_eq!(validate_phone_input(""), Err(PhoneError::Empty));
    assert_eq!(validate_phone_input("user@gmail.com"), Err(PhoneError::Email));
    assert_eq!(validate_phone_input("abc"), Err(PhoneError::NoDigits));
    assert_eq!(validate_phone_input("123"), Err(PhoneError::TooShort { digits: 3 }));
    assert_eq!(validate_phone_input("1234567890123456"), Err(PhoneError::TooLong { digits: 16 }));
    assert_eq!(clean_message("Your OTP is: ١٢٣٤٥٦ 🎉"), "Your OTP is: 123456 ");
}

#[tokio::test(start_paused = true)]
async fn texts_are_cleaned_of_what_would_get_them_stuck_or_refused() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    for (i, (written, sent)) in [
        ("Sale 🎉 today", "Sale  today"),
        ("\u{feff}Hidden\u{200b} soft\u{ad} marks", "Hidden soft marks"),
        ("رمز التحقق: ١٢٣٤", "رمز التحقق: 1234"),
        ("<b>Hello</b> <i>there</i>", "Hello there"),
        ("مرحبا بكم", "مرحبا بكم"),
    ]
    .into_iter()
    .enumerate()
    {
        client.send(format!("9655000000{i}"), written).await.unwrap();
        assert_eq!(sandbox.messages().last().unwrap().text(), sent);
    }
    let before = sandbox.requests().len();
    let error = client.send("96598765432", " 🎉 ").await.unwrap_err();
    assert_eq!(error.code(), Some(&ApiCode::ERR009), "empty after cleaning");
    assert_eq!(sandbox.requests().len(), before);
}

#[test]
fn the_common_error_codes_mean_what_the_python_client_says() {
    for (code, word) in [
        (ApiCode::ERR003, "password"),
        (ApiCode::ERR006, "valid"),
        (ApiCode::ERR008, "sender"),
        (ApiCode::ERR010, "balance"),
        (ApiCode::ERR011, "balance"),
        (ApiCode::ERR025, "valid"),
        (ApiCode::ERR026, "country"),
        (ApiCode::ERR028, "15 s"),
    ] {
        let text = format!("{} {}", code.meaning(), code.action()).to_lowercase();
        assert!(text.contains(word), "{code}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_user_is_told_what_the_seeds_table_says_and_no_more() {
    let sandbox = Sandbox::in_process();
    let client = client(&sandbox);
    let invalid = client.send("abc", OTP).await.unwrap_err();
    assert_eq!(invalid.user_message(), UserMessage::InvalidNumber);
    for code in ["ERR003", "ERR010", "ERR011"] {
        sandbox.faults().push(Fault::code(code).on("send"));
        let error = client.send("96598765432", OTP).await.unwrap_err();
        assert_eq!(error.user_message(), UserMessage::Unavailable, "{code}");
    }
    sandbox.faults().push(Fault::code("ERR028").on("send"));
    let limited = client.send("96598765432", OTP).await.unwrap_err();
    assert_eq!(limited.user_message(), UserMessage::PleaseWait);
}

#[tokio::test(start_paused = true)]
async fn test_mode_queues_and_gives_the_credits_back_on_deletion() {
    let sandbox = Sandbox::in_process();
    let client = Client::builder("your_api_user", "your_api_pass")
        .sender_id("KWT-TEST")
        .test_mode(true)
        .transport(sandbox.transport())
        .build()
        .unwrap();
    let report = client.send("96598765432", "Test message").await.unwrap();
    let id = report.message_id().unwrap();
    let error = client.status(id).await.unwrap_err();
    assert_eq!(error.code(), Some(&ApiCode::ERR030), "in the queue, not delivered");
    assert_eq!(
        client.balance().await.unwrap().available(),
        Credits::from_int(999),
        "held, whatever the Python client says"
    );
    assert_eq!(sandbox.delete_message(id.as_str()), Some(1));
    assert_eq!(client.balance().await.unwrap().available(), Credits::from_int(1000));
}

#[tokio::test(start_paused = true)]
async fn sender_ids_are_case_sensitive() {
    let sandbox = Sandbox::in_process();
    sandbox.account("your_api_user").set_sender_ids(["Kuwait"]);
    let client = client(&sandbox);
    client.send("96598765432", "Hello").sender("Kuwait").await.unwrap();
    client.send("96598765433", "Hello").sender("KUWAIT").await.unwrap();
    let senders: Vec<_> = sandbox.messages().iter().map(|message| message.sender().to_owned()).collect();
    assert_eq!(senders, ["Kuwait", "KWT-SMS"], "the gateway falls back to the shared sender");
}
