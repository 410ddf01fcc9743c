//! `diagnose()`: what each trouble looks like in it, how many requests it makes, and that it can be shown to others.

use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::transport::{Request, Response, Transport, TransportError};
use kwtsms_async::{Check, CheckStatus, Client, ClientBuilder, Credits, Diagnosis, MessageId};
use tokio::time::Instant;

const USER: &str = "alice";
const PASSWORD: &str = "hunter2-s3cret";
const KUWAIT: &str = "96598765432";
const BRITAIN: &str = "447911123456";
const TEXT: &str = "Your OTP for MYAPP is: 123456";

fn sandbox() -> Sandbox {
    Sandbox::builder().account(USER, PASSWORD).in_process()
}

fn builder(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder(USER, PASSWORD).transport(sandbox.transport()).sender_id("KWT-TEST").unpaced()
}

fn client(sandbox: &Sandbox) -> Client {
    builder(sandbox).build().unwrap()
}

#[track_caller]
fn check<'a>(found: &'a Diagnosis, name: &str) -> &'a Check {
    found.check(name).unwrap_or_else(|| panic!("no {name} in\n{found}"))
}

/// Checks a status, and that the words are in what was seen or in what to do.
#[track_caller]
fn says(found: &Diagnosis, name: &str, status: CheckStatus, words: &[&str]) {
    let check = check(found, name);
    assert_eq!(check.status(), status, "{name}\n{found}");
    let said = format!("{} {}", check.seen(), check.action().unwrap_or_default());
    for word in words {
        assert!(said.contains(word), "{name}: no {word:?} in {said:?}");
    }
    if matches!(status, CheckStatus::Warning | CheckStatus::Failed) {
        assert!(check.action().is_some_and(|action| !action.is_empty()), "{name} says what to do");
    }
}

use CheckStatus::{Failed, Ok as Good, Skipped, Warning};

#[tokio::test]
async fn where_all_is_well_nothing_is_found() {
    let sandbox = Sandbox::builder().account(USER, PASSWORD).start().await.unwrap();
    let base_url = sandbox.base_url().replace("127.0.0.1", "localhost");
    let builder = Client::builder(USER, PASSWORD).base_url(base_url).sender_id("KWT-TEST").unpaced();
    let found = builder.build().unwrap().diagnose().await;
    assert_eq!((found.status(), found.requests()), (Good, 3), "{found}");
    assert_eq!(sandbox.requests().len(), 3);
    let names: Vec<_> = found.checks().iter().map(Check::name).collect();
    let expected = [
        "client",
        "pace",
        "name",
        "proxy",
        "connection",
        "certificate",
        "gateway",
        "clock",
        "credentials",
        "test_mode",
        "sender_id",
        "balance",
        "countries",
    ];
    assert_eq!(names, expected);
    says(&found, "client", Good, &["localhost:", "without TLS"]);
    says(&found, "name", Good, &["localhost is ", "found in"]);
    says(&found, "connection", Good, &["HTTP status 200"]);
    says(&found, "certificate", Skipped, &["without TLS"]);
    says(&found, "clock", Good, &[]);
    says(&found, "balance", Good, &["1000 credits of 1000 bought", "1000 numbers"]);
    says(&found, "countries", Good, &["+965", "+974"]);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!((&json["status"], &json["requests"]), (&"ok".into(), &3.into()));
    assert_eq!(json["checks"][0]["name"], "client");
    assert!(found.to_string().starts_with("ok client: requests go to localhost:"), "{found}");
}

#[tokio::test(start_paused = true)]
async fn all_questions_take_six_requests_and_show_no_number_unless_asked() {
    let sandbox = sandbox();
    let client = client(&sandbox);
    let sent = client.send(KUWAIT, TEXT).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await; // its queue has drained
    let before = sandbox.requests().len();
    let id = sent.message_id().unwrap().clone();
    let asked = || client.diagnose().number("+965 9876 5432").message(TEXT).message_id(&id);
    let found = asked().await;
    assert_eq!(
        (found.status(), found.requests(), sandbox.requests().len() - before),
        (Good, 6, 6),
        "{found}"
    );
    says(&found, "number", Good, &["965****432, 11 digits"]);
    says(&found, "country", Good, &["+965 is open"]);
    says(&found, "route", Good, &["OK"]);
    says(&found, "text", Good, &["nothing in it gets stuck"]);
    says(&found, "pages", Good, &["1 page in GSM-7"]);
    says(&found, "message", Good, &[]);
    says(&found, "report", Skipped, &["ERR021", "Kuwait"]);
    let json = serde_json::to_string(&found).unwrap();
    for shown in [&json, &found.to_string(), &format!("{found:?}")] {
        for secret in [PASSWORD, KUWAIT, "98765432", "9876 5432", TEXT, "123456"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
    assert!(asked().show_numbers().await.to_string().contains(KUWAIT));
}

#[tokio::test]
async fn no_fault_makes_it_ask_more_than_six_times() {
    let id = MessageId::parse("f4c841adee210f31307633ceaebff2ec").unwrap();
    for fault in [
        Fault::html_502(),
        Fault::drop_before_reading(),
        Fault::drop_after_accepting(),
        Fault::truncated_body(5),
        Fault::refuse_connection(),
        Fault::reply(200, "{}"),
        Fault::reply(200, r#"{"result":"ERROR","code":"ERR013"}"#),
        Fault::code("ERR003"),
        Fault::code("ERR999"),
    ] {
        let sandbox = sandbox();
        let shown = format!("{fault:?}");
        sandbox.faults().push(fault.times(usize::MAX));
        let found = client(&sandbox).diagnose().number(KUWAIT).message("hi").message_id(&id).await;
        let requests = found.requests();
        assert!(requests <= 6, "{shown}: {requests}");
        assert!(sandbox.requests().len() <= requests, "{shown}\n{found}");
        assert!(found.status() >= Warning, "{shown}\n{found}");
        assert!(
            !found.checks().iter().any(|check| {
                ["balance", "countries", "route", "message"].contains(&check.name()) && check.status() == Good
            }),
            "{shown}\n{found}"
        );
    }
}

#[tokio::test]
async fn wrong_credentials_are_tried_once_and_the_usual_mistakes_are_named() {
    for (user, password, words) in [
        ("96598765432", PASSWORD, "the account's mobile number is not its API user"),
        (USER, "'hunter2-s3cret'", "the password has a quotation mark at an end"),
        (USER, "hunter2-s3cret ", "the password has blanks around it"),
        ("al\u{200c}ice", PASSWORD, "the user name holds a line break or another character that is not seen"),
        (USER, "wrong", "ERR003"),
    ] {
        let sandbox = Sandbox::builder().account(USER, PASSWORD).known_accounts_only(true).in_process();
        let client =
            Client::builder(user, password).transport(sandbox.transport()).unpaced().build().unwrap();
        let found = client.diagnose().number(KUWAIT).await;
        says(&found, "credentials", Failed, &["ERR003", words, "KWTSMS_USERNAME"]);
        says(&found, "connection", Good, &[]);
        says(&found, "gateway", Good, &[]);
        for name in ["balance", "countries", "country", "route"] {
            says(&found, name, Skipped, &["ERR003"]);
        }
        assert_eq!((found.requests(), sandbox.requests().len()), (1, 1));
        let shown = format!("{found}{found:?}{}", serde_json::to_string(&found).unwrap());
        assert!(!shown.contains("hunter2") && !shown.contains(user), "{shown}");
    }
}

#[tokio::test]
async fn a_refused_account_is_told_by_its_code() {
    for (code, words) in [("ERR001", "switched off"), ("ERR005", "blocked"), ("ERR024", "IP")] {
        let sandbox = sandbox();
        sandbox.account(USER).block_with(code);
        let found = client(&sandbox).diagnose().await;
        says(&found, "credentials", Failed, &[code, words]);
        assert_eq!(found.requests(), 1);
    }
}

#[tokio::test]
async fn a_sender_id_is_held_against_those_of_the_account() {
    let sandbox = sandbox();
    sandbox.account(USER).set_sender_ids(["KWT-SMS", "MY-APP"]);
    for (sender, status, words) in [
        ("MY-APP", Good, &["MY-APP is the account's"][..]),
        ("My-App", Failed, &["upper and lower case", "to MY-APP"]),
        ("OTHER", Failed, &["not the account's", "KWT-SMS", "one of the account's: MY-APP"]),
        ("KWT-SMS", Warning, &["share", "Virgin", "MY-APP", "transactional"]),
    ] {
        let client = builder(&sandbox).sender_id(sender).build().unwrap();
        says(&client.diagnose().await, "sender_id", status, words);
    }
    let found = builder(&sandbox).sender_id("A-FAR-TOO-LONG-NAME").diagnose().await;
    says(&found, "sender_id", Failed, &["19 characters", "MY-APP"]);
    says(&found, "credentials", Good, &[]);
    sandbox.faults().push(Fault::html_502().on("senderid"));
    let found = client(&sandbox).diagnose().await;
    says(&found, "sender_id", Skipped, &["502"]);
    says(&found, "gateway", Warning, &["senderid/", "502"]);
    says(&found, "countries", Good, &[]);
}

#[tokio::test]
async fn credits_and_countries_that_are_not_there_are_told() {
    let sandbox = sandbox();
    let account = sandbox.account(USER);
    account.set_balance(0);
    account.set_coverage(Vec::<String>::new());
    let found = client(&sandbox).diagnose().number(KUWAIT).await;
    says(&found, "balance", Failed, &["0 credits", "buy"]);
    says(&found, "countries", Failed, &["ERR033"]);
    says(&found, "country", Failed, &[]);
    says(&found, "credentials", Good, &[]);
    assert_eq!(found.requests(), 4, "ERR033 is of one endpoint");

    account.set_balance(5);
    account.set_coverage(["971", "1"]);
    let text = "a".repeat(161);
    let found = client(&sandbox).diagnose().message(&text).number(BRITAIN).await;
    says(&found, "balance", Good, &["5 credits", "this text to 2 numbers"]);
    says(&found, "countries", Warning, &["+1, +971", "not Kuwait"]);
    says(&found, "country", Failed, &["no prefix"]);
    says(&found, "route", Failed, &["NR"]);
    account.set_balance(1);
    says(&client(&sandbox).diagnose().message(&text).await, "balance", Failed, &["to 0 numbers"]);
    let client = builder(&sandbox).low_balance(Credits::from_int(10)).build().unwrap();
    says(&client.diagnose().await, "balance", Warning, &["below the 10"]);
    assert_eq!(
        client.cached_balance().unwrap().available(),
        Credits::from_int(1),
        "the client knows it, too"
    );
}

#[tokio::test]
async fn a_number_that_is_none_is_told_and_not_asked_about() {
    let sandbox = sandbox();
    let found = client(&sandbox).diagnose().number("99220322").await;
    says(&found, "number", Failed, &["Kuwait", "965"]);
    says(&found, "country", Skipped, &["no number"]);
    says(&found, "route", Skipped, &["no number"]);
    assert_eq!(found.requests(), 3);
    sandbox
        .faults()
        .push(Fault::reply(200, r#"{"result":"OK","mobile":{"ER":["96598765432"]}}"#).on("validate"));
    says(&client(&sandbox).diagnose().number(KUWAIT).await, "route", Failed, &["ER"]);
}

#[tokio::test]
async fn test_mode_is_told_and_its_messages_are_stuck() {
    let sandbox = sandbox();
    let client = builder(&sandbox).test_mode(true).build().unwrap();
    let sent = client.send(KUWAIT, "hi").await.unwrap();
    let found = client.diagnose().message_id(sent.message_id().unwrap()).await;
    says(&found, "test_mode", Warning, &["reach nobody", "KWTSMS_TEST_MODE=0"]);
    says(&found, "message", Failed, &["ERR030", "test mode", "elete"]);
    let nobodys = MessageId::parse("00000000000000000000000000000000").unwrap();
    let found = client.diagnose().message_id(&nobodys).await;
    says(&found, "message", Failed, &["ERR029"]);
    says(&found, "report", Failed, &["ERR020"]);
}

#[tokio::test]
async fn reports_are_told_with_their_numbers_masked() {
    let sandbox = sandbox();
    let id = MessageId::parse("f4c841adee210f31307633ceaebff2ec").unwrap();
    for (rows, status, words) in [
        (
            r#"[{"Number":"971504496677","Status":"Received by recipient"}]"#,
            Good,
            "971****677: Received by recipient",
        ),
        (r#"[{"Number":"971504496677","Status":"Blacklisted"}]"#, Warning, "971****677: Blacklisted"),
        (r#"[{"Number":"971504496677","Status":"code 123456"}]"#, Warning, "(free text)"),
        ("[]", Skipped, "none yet"),
    ] {
        sandbox.faults().push(Fault::reply(200, r#"{"result":"OK","status":"sent"}"#).on("status"));
        sandbox.faults().push(Fault::reply(200, format!(r#"{{"result":"OK","report":{rows}}}"#)).on("dlr"));
        let found = client(&sandbox).diagnose().message_id(&id).await;
        says(&found, "message", Good, &["does not mean delivered"]);
        says(&found, "report", status, &[words]);
    }
    sandbox.faults().push(Fault::reply(200, r#"{"result":"OK","status":"queued"}"#).on("status"));
    sandbox.faults().push(Fault::code("ERR022").on("dlr"));
    let found = client(&sandbox).diagnose().message_id(&id).await;
    says(&found, "message", Warning, &["queued"]);
    says(&found, "report", Skipped, &["ERR022", "24 hours"]);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told() {
    let base_url = "http://127.0.0.1:1/API/"; // a port that no system gives away
    let found =
        Client::builder(USER, PASSWORD).base_url(base_url).build().unwrap().diagnose().number(KUWAIT).await;
    says(&found, "name", Skipped, &["127.0.0.1 is an address"]);
    says(&found, "connection", Failed, &["refused", "firewall"]);
    for name in ["gateway", "clock", "credentials", "balance", "route"] {
        says(&found, name, Skipped, &[]);
    }
    says(&found, "number", Good, &[]);
    assert_eq!(found.requests(), 1, "no second one meets the same");
}

#[tokio::test]
async fn a_name_that_is_nowhere_is_told_and_nothing_is_asked() {
    // Never given to anybody (RFC 6761).
    let client = Client::builder(USER, PASSWORD).base_url("https://gateway.invalid/API/").build().unwrap();
    let found = client.diagnose().deadline(Duration::from_secs(2)).await;
    says(&found, "name", Failed, &["gateway.invalid cannot be found", "name servers"]);
    says(&found, "connection", Skipped, &["cannot be found"]);
    assert_eq!(found.requests(), 0);
}

#[cfg(all(feature = "rustls", target_os = "linux"))] // as the server's module
#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_told() {
    let server = crate::tls::unknown_issuer().await;
    let base_url = format!("https://localhost:{}/API/", server.port());
    let found = Client::builder(USER, PASSWORD).base_url(base_url).build().unwrap().diagnose().await;
    says(&found, "name", Good, &[]);
    says(&found, "connection", Good, &[]);
    says(&found, "certificate", Failed, &["UnknownIssuer", "clock and CA certificates"]);
    says(&found, "credentials", Skipped, &[]);
    assert_eq!((found.requests(), server.heard().as_str()), (1, ""), "no word was said");
}

#[tokio::test]
async fn what_is_no_gateway_is_told() {
    let sandbox = sandbox();
    sandbox.faults().push(Fault::html_502().times(usize::MAX));
    let found = client(&sandbox).diagnose().await;
    says(&found, "gateway", Failed, &["balance/", "502", "/API/"]);
    says(&found, "connection", Good, &["HTTP status 502"]);
    says(&found, "credentials", Skipped, &[]);
}

/// A transport whose server's clock is wrong, or this machine's.
#[derive(Debug)]
struct Dated(kwtsms_async::sandbox::SandboxTransport, std::time::SystemTime);

impl Transport for Dated {
    fn post(
        &self,
        request: Request,
    ) -> futures::future::BoxFuture<'static, Result<Response, TransportError>> {
        let (answer, date) = (self.0.post(request), self.1);
        Box::pin(async move { Ok(answer.await?.with_date(date)) })
    }

    fn is_local(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_told() {
    #[allow(clippy::disallowed_methods)] // what is compared is the wall's
    let now = std::time::SystemTime::now();
    let sandbox = sandbox();
    says(&client(&sandbox).diagnose().await, "clock", Skipped, &["told the time"]);
    for (date, status, words) in [
        (now, Good, "within a minute"),
        (now - Duration::from_secs(3 * 3_600 + 600), Warning, "3 hours ahead"),
        (now + Duration::from_secs(3 * 3_600 + 600), Warning, "3 hours behind"),
    ] {
        let client = builder(&sandbox).transport(Dated(sandbox.transport(), date)).build().unwrap();
        says(&client.diagnose().await, "clock", status, &[words]);
    }
}

#[tokio::test]
async fn without_credentials_the_gateway_is_asked_without() {
    for (user, password, missing) in [
        ("", "", "the user name and the password"),
        (USER, "", "the password"),
        (" ", PASSWORD, "the user name"),
    ] {
        let sandbox = Sandbox::builder().known_accounts_only(true).in_process();
        let builder = Client::builder(user, password).transport(sandbox.transport()).unpaced();
        let found = builder.diagnose().number(KUWAIT).message("hi").await;
        says(&found, "credentials", Failed, &[missing, "must not be empty", "kwtsms setup"]);
        says(&found, "gateway", Good, &[]);
        says(&found, "connection", Good, &[]);
        says(&found, "number", Good, &[]);
        says(&found, "balance", Skipped, &[]);
        assert_eq!(found.requests(), 1);
        let request = &sandbox.requests()[0];
        assert_eq!(request.user(), "", "nothing of them left");
    }
}

#[tokio::test]
async fn settings_that_make_no_client_leave_what_needs_none() {
    let builder = Client::builder(USER, PASSWORD).base_url("http://www.kwtsms.com/API/");
    let id = MessageId::parse("f4c8").unwrap();
    let found = builder.diagnose().number(KUWAIT).message("🎉 hi").message_id(&id).await;
    says(&found, "client", Failed, &["base URL is refused", "settings"]);
    says(&found, "number", Good, &[]);
    says(&found, "text", Warning, &["emoji at character 1"]);
    for name in ["connection", "credentials", "sender_id", "country", "route", "message", "report"] {
        says(&found, name, Skipped, &["no client"]);
    }
    assert_eq!(found.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn its_requests_pass_the_limiter() {
    let sandbox = sandbox();
    let client = Client::builder(USER, PASSWORD).transport(sandbox.transport()).build().unwrap();
    let begin = Instant::now();
    let found = client.diagnose().await;
    assert_eq!(found.requests(), 3);
    assert!(begin.elapsed() >= Duration::from_millis(1_000), "two a second: {:?}", begin.elapsed());
    says(&found, "pace", Good, &["each 500 ms", "this process alone"]);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_hangs_is_asked_once_and_a_deadline_ends_it_sooner() {
    let sandbox = Sandbox::builder().latency(Duration::from_secs(60)).in_process();
    let begin = Instant::now();
    let found = client(&sandbox).diagnose().await;
    assert!(begin.elapsed() < Duration::from_secs(16), "{:?}", begin.elapsed());
    says(&found, "gateway", Failed, &["15000 ms", "firewall"]);
    says(&found, "credentials", Skipped, &[]);
    assert_eq!(found.requests(), 1);
    let begin = Instant::now();
    let found = client(&sandbox).diagnose().deadline(Duration::from_secs(3)).await;
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    says(&found, "gateway", Failed, &["deadline"]);
    says(&found, "balance", Skipped, &[]);
}

#[cfg(feature = "store")]
#[tokio::test]
async fn a_store_that_fails_is_told_as_what_keeps_the_pace() {
    use kwtsms_async::{Limiter, Rates, Store};

    let (sandbox, file) = (sandbox(), crate::store::testing::sqlite());
    let store = Store::open(&file.path).await.unwrap();
    let limiter = Limiter::shared(&store, "office", Rates::default()).await.unwrap();
    let client =
        Client::builder(USER, PASSWORD).transport(sandbox.transport()).limiter(limiter).build().unwrap();
    let broken = rusqlite::Connection::open(&file.path).unwrap();
    broken.execute_batch("DROP TABLE kwtsms_pace").unwrap();
    let found = client.diagnose().deadline(Duration::from_millis(300)).await;
    says(&found, "pace", Failed, &["store", "SQLite"]);
    for name in ["connection", "gateway", "credentials", "balance"] {
        says(&found, name, Skipped, &[]);
    }
    assert_eq!(found.requests(), 0);
}
