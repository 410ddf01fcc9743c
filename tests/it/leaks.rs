//! No password, text or full number leaves by `Debug`, `Display`, an event or a panic.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display, Write};
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use kwtsms_async::sandbox::{self, CreditStyle, ErrorStatus, Fault, Sandbox};
use kwtsms_async::transport::{Endpoint, Request, Response, Transport, TransportError, TransportFailure};
use kwtsms_async::*;
use tracing::Instrument;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use crate::capture::{Capture, listen};

const PASSWORD: &str = "pw\"Geheim-71";
const TEXT: &str = "Kanarienvogel: your code is 77441166, رمزك";
const NUMBER: &str = "96598765432";
const OTHER: &str = "96551234567";
const SPELLED: &str = "+965 9876-5432";
const REFUSED: &str = "8765-43"; // too short for a number, and a person's all the same

/// What must not be found, in the forms that formatting gives it.
const SECRETS: &[&str] = &[
    "Geheim",
    "Kanarien",
    "77441166",
    "رمزك",
    "\\u{631}",
    "\\u0631",
    "\\xd8\\xb1",
    "98765432",
    "51234567",
    "9876-5432",
    "8765-43",
    // Bodies as lists of bytes: `77, 44, 11` and `Geheim`, as {:?} of a slice writes them.
    "55, 55, 52, 52, 49, 49",
    "71, 101, 104, 101",
    "57, 56, 55, 54",
];

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    for secret in SECRETS {
        if let Some(at) = text.find(secret) {
            let before: String = text[..at].chars().rev().take(200).collect();
            let before: String = before.chars().rev().collect();
            let rest: String = text[at..].chars().take(200).collect();
            panic!("{what} shows {secret:?}: …{before}{rest}…");
        }
    }
}

/// Names of types, with what formatting them gives.
#[derive(Default)]
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn debug(&mut self, name: &'static str, value: &impl Debug) {
        self.0.push((name, format!("{value:?} {value:#?}")));
    }

    fn both(&mut self, name: &'static str, value: &(impl Debug + Display)) {
        self.0.push((name, format!("{value:?} {value:#?} {value} {value:>99}")));
    }

    fn error(&mut self, name: &'static str, error: &(impl std::error::Error + 'static)) {
        self.both(name, &error);
        let mut cause = error.source();
        while let Some(inner) = cause {
            self.both(name, &inner);
            cause = inner.source();
        }
    }
}

fn builder(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder("leak_user", PASSWORD).base_url(sandbox.base_url()).unpaced()
}

/// Gateways that repeat what they are told.
fn parrots() -> Vec<String> {
    let said = |what: &str| serde_json::json!(format!("refused: {what}"));
    let mut replies = Vec::new();
    for secret in [PASSWORD, TEXT, "77441166", NUMBER, SPELLED] {
        for result in ["OK", "ERROR", secret] {
            for key in ["code", "description", "msg-id", "status", "prefixes", "senderid", secret] {
                // Digits are an id, a prefix or a sender by their place: there nobody can tell them from a code.
                if secret.bytes().all(|b| b.is_ascii_digit())
                    && ["msg-id", "prefixes", "senderid"].contains(&key)
                {
                    continue;
                }
                let mut reply = serde_json::json!({"result": result, "code": "ERR003", "msg-id": "abc1"});
                reply[key] = serde_json::json!(secret);
                replies.push(reply.to_string());
                reply[key] = said(secret);
                replies.push(reply.to_string());
            }
        }
        let list = serde_json::json!([{"Number": secret, "Status": secret, secret: secret}]);
        replies.push(serde_json::json!({"result": "OK", "status": secret, "report": list}).to_string());
        replies.push(
            serde_json::json!({"result": "OK", "mobile": {"OK": [secret], "ER": [secret]}}).to_string(),
        );
        replies.push(format!("<html>{secret}</html>"));
        replies.push(format!("<p>{{\"result\":\"OK\",\"msg-id\":{}}}</p>", said(secret)));
        replies.push(format!("Warning: {secret} on line 1 {{\"result\":\"OK\",\"x\":{}}}", said(secret)));
        replies.push(format!("{{\"result\":\"OK\",\"msg-id\":\"abc1\",\"a\":{},\"a\":1}}", said(secret)));
        replies.push(format!("{{\"result\":\"OK\",\"msg-id\":\"abc1\",\"a\":{}", said(secret)));
    }
    replies
}

/// Formats whatever a call gives.
fn outcome<T: Debug>(shown: &mut Shown, result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => {
            shown.debug("what a call gives", &value);
            Some(value)
        }
        Err(error) => {
            shown.error("Error", &error);
            let report = error.report().cloned();
            shown.debug("SendReport", &report);
            None
        }
    }
}

/// Every call once, whatever comes of it.
async fn every_call(client: &Client, shown: &mut Shown) {
    let report = outcome(shown, client.send([SPELLED, OTHER, REFUSED, NUMBER], TEXT).await);
    let id = report.as_ref().and_then(|report| report.message_id().cloned());
    let id = id.unwrap_or_else(|| MessageId::parse("f4c841adee210f31307633ceaebff2ec").unwrap());
    outcome(shown, client.verify().await);
    outcome(shown, client.balance().await);
    outcome(shown, client.sender_ids().await);
    outcome(shown, client.coverage().await.map(drop)); // any digits in it are prefixes by their place
    outcome(shown, client.validate([SPELLED, REFUSED, NUMBER]).await);
    outcome(shown, client.status(&id).await);
    outcome(shown, client.dlr(&id).await);
    let bulk = client.bulk([SPELLED, OTHER, REFUSED], TEXT).test_mode(true);
    shown.debug("SendReport", &bulk.collect_report().await);
}

/// What fails on the way, over real sockets.
async fn every_fault(sandbox: &Sandbox, shown: &mut Shown) {
    let faults = [
        Fault::code("ERR003"),
        Fault::code("ERR025"),
        Fault::html_502(),
        Fault::redirect(307, format!("http://127.0.0.1:1/?password={PASSWORD}")),
        Fault::drop_before_reading(),
        Fault::drop_after_accepting(),
        Fault::truncated_body(10),
        Fault::reply(200, vec![b'x'; 20 * 1024 * 1024]),
        Fault::delay(Duration::from_millis(400)),
        Fault::slow_body(Duration::from_millis(400)),
    ];
    let client = |url: &str| {
        let times = (Duration::from_millis(100), Duration::from_millis(200));
        builder(sandbox).base_url(url).connect_timeout(times.0).timeout(times.1).build().unwrap()
    };
    let port = sandbox.base_url().trim_start_matches("http://127.0.0.1:").trim_end_matches("/API/");
    // Nobody there; and TLS against a server that speaks none.
    outcome(shown, client("http://127.0.0.1:1/API/").send(SPELLED, TEXT).await);
    if cfg!(any(feature = "rustls", feature = "native-tls")) {
        outcome(shown, client(&format!("https://127.0.0.1:{port}/API/")).send(SPELLED, TEXT).await);
    }
    for fault in faults {
        sandbox.faults().push(fault.times(usize::MAX));
        let client = client(sandbox.base_url());
        outcome(shown, client.send([SPELLED, OTHER, REFUSED, NUMBER], TEXT).await);
        outcome(shown, client.validate([SPELLED, REFUSED]).on_retry(|_| ControlFlow::Break(())).await);
        sandbox.faults().clear();
    }
}

/// What is refused before any request.
async fn every_refusal(sandbox: &Sandbox, shown: &mut Shown) {
    let client = builder(sandbox).build().unwrap();
    outcome(shown, client.send(REFUSED, TEXT).await);
    outcome(shown, client.send([REFUSED, SPELLED], " ").await);
    outcome(shown, client.send(SPELLED, TEXT.repeat(100)).await);
    outcome(shown, client.send(SPELLED, TEXT).sender(TEXT).await);
    outcome(shown, client.send(SPELLED, TEXT).deadline(Duration::ZERO).await);
    outcome(shown, client.send(format!("{SPELLED}@example.com"), TEXT).await);
    outcome(shown, client.validate([REFUSED]).await);
    for settings in [
        builder(sandbox).sender_id(TEXT),
        builder(sandbox).base_url(format!("https://x:{PASSWORD}@host/")),
        builder(sandbox).base_url(format!("http://www.kwtsms.com/?password={PASSWORD}")),
        Client::builder("", PASSWORD),
        Client::builder("leak_user", ""),
    ] {
        shown.debug("ClientBuilder", &settings);
        outcome(shown, settings.build());
    }
}

/// Listens to everything that this thread emits or logs, and to a log with default settings.
struct Ears {
    capture: Capture,
    default: DefaultGuard,
    #[cfg(feature = "jsonl")]
    log: (std::path::PathBuf, jsonl::JsonlGuard),
}

impl Ears {
    fn open() -> Self {
        let _ = tracing_log::LogTracer::init();
        let capture = Capture::default();
        let subscriber = tracing_subscriber::registry().with(capture.clone());
        #[cfg(feature = "jsonl")]
        let (subscriber, log) = {
            let name = format!("kwtsms-leaks-{}-{:x}.log", std::process::id(), fastrand::u64(..));
            let path = std::env::temp_dir().join(name);
            let (layer, guard) = jsonl::to_file(&path, jsonl::Options::default().sending(true)).unwrap();
            (subscriber.with(layer), (path, guard))
        };
        let default = listen(subscriber);
        Self {
            capture,
            default,
            #[cfg(feature = "jsonl")]
            log,
        }
    }

    /// Gives the targets that were heard.
    fn assert_nothing_leaked(self, requests: usize) -> BTreeSet<String> {
        drop(self.default);
        assert_clean("an event", &self.capture.text());
        assert!(self.capture.named(events::event::REQUEST).len() >= requests);
        #[cfg(feature = "jsonl")]
        {
            drop(self.log.1);
            let log = std::fs::read_to_string(&self.log.0).unwrap();
            std::fs::remove_file(self.log.0).unwrap();
            assert!(log.lines().count() >= 2 * requests);
            assert_clean("the log", &log);
        }
        self.capture.all().into_iter().map(|seen| seen.target).collect()
    }
}

#[tokio::test]
async fn nothing_leaks_over_http_from_us_or_from_a_dependency_on_any_path() {
    let ears = Ears::open();
    let mut shown = Shown::default();
    let sandbox = Sandbox::start().await.unwrap();
    let client = builder(&sandbox).low_balance(Credits::from_int(5_000)).build().unwrap();
    every_call(&client, &mut shown).instrument(tracing::info_span!("caller")).await;
    every_fault(&sandbox, &mut shown).await;
    every_refusal(&sandbox, &mut shown).await;
    for (name, text) in &shown.0 {
        assert_clean(name, text);
    }
    let targets = ears.assert_nothing_leaked(30);
    assert!(targets.len() > 2, "dependencies were heard too: {targets:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_leaks_from_replies_that_repeat_what_they_were_told() {
    let ears = Ears::open();
    let mut shown = Shown::default();
    let sandbox = Sandbox::in_process();
    for reply in parrots() {
        sandbox.faults().push(Fault::reply(200, reply).times(usize::MAX));
        let client =
            Client::builder("leak_user", PASSWORD).transport(sandbox.transport()).unpaced().build().unwrap();
        every_call(&client, &mut shown).await;
        sandbox.faults().clear();
    }
    for (name, text) in &shown.0 {
        assert_clean(name, text);
    }
    ears.assert_nothing_leaked(500);
}

/// What a panic says.
fn panic_text(result: Result<(), Box<dyn std::any::Any + Send>>) -> String {
    let payload = result.unwrap_err();
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn panics_of_those_who_unwrap_and_of_ours_do_not_leak() {
    let sandbox = Sandbox::in_process();
    let client = Client::builder("leak_user", PASSWORD).transport(sandbox.transport()).build().unwrap();
    sandbox.faults().push(Fault::code("ERR003").on("send"));
    let refused = client.send([SPELLED, REFUSED], TEXT).await;
    let accepted = client.send(OTHER, TEXT).await;
    let validated = client.validate([SPELLED]).await;
    let mut said = vec![
        panic_text(std::panic::catch_unwind(AssertUnwindSafe(|| drop(refused.unwrap())))),
        panic_text(std::panic::catch_unwind(AssertUnwindSafe(|| drop(accepted.unwrap_err())))),
        panic_text(std::panic::catch_unwind(AssertUnwindSafe(|| drop(validated.unwrap_err())))),
    ];
    let mut call = client.send(REFUSED, TEXT);
    let _ = (&mut call).await;
    let again = AssertUnwindSafe(async { drop(call.await) });
    said.push(panic_text(again.catch_unwind().await));
    for text in &said {
        assert!(!text.is_empty());
        assert_clean("a panic", text);
    }
    assert!(said[0].contains("ERR003") && said[3].contains("polled again"), "{said:?}");
}

/// Fails as a transport of one's own may.
#[derive(Debug)]
struct Broken;

impl Transport for Broken {
    fn post(&self, _: Request) -> futures::future::BoxFuture<'static, Result<Response, TransportError>> {
        let broken = TransportError::with_source(TransportFailure::Interrupted, "cable");
        async move { Err(broken.with_reply(200, format!("{TEXT} {PASSWORD} {NUMBER}"))) }.boxed()
    }
}

#[allow(clippy::too_many_lines)] // one line a type
async fn every_type(shown: &mut Shown) {
    let sandbox = Sandbox::builder().account("leak_user", PASSWORD).start().await.unwrap();
    let settings = builder(&sandbox).country_check(CountryCheck::default());
    shown.debug("ClientBuilder", &settings);
    let client = settings.build().unwrap();
    shown.debug("Client", &client);
    shown.debug("Secret", &Secret::new(PASSWORD));
    let mut environment = config::Environment::default();
    environment.set(config::USERNAME, "leak_user");
    environment.set(config::PASSWORD, PASSWORD);
    shown.debug("Environment", &environment);
    shown.debug("CountryCheck", &CountryCheck::default());
    shown.debug("PhoneRules", &PhoneRules::default().default_country(GulfCountry::Kuwait));
    shown.both("GulfCountry", &GulfCountry::Kuwait);
    shown.error("GulfCountryError", &SPELLED.parse::<GulfCountry>().unwrap_err());
    shown.debug("Limiter", &Limiter::new(2.0, 2.0).unwrap());
    shown.debug("SameNumberMemory", &client.same_number_memory());
    shown.debug("Rates", &kwtsms_async::Rates::default());

    let call = client.send([SPELLED, OTHER, REFUSED, NUMBER], TEXT);
    shown.debug("SendCall", &call);
    let report = call.await.unwrap();
    shown.debug("SendReport", &report);
    shown.both("Status", &report.status());
    shown.debug("Account", &report.account());
    shown.debug("Invalid", &report.invalid()[0]);
    shown.error("PhoneError", report.invalid()[0].reason());
    shown.debug("Duplicate", &report.duplicates()[0]);
    let batch = &report.batches()[0];
    shown.debug("Batch", batch);
    shown.debug("Outcome", &batch.outcome());
    let accepted = batch.result().unwrap();
    shown.debug("Accepted", accepted);
    shown.debug("RawReply", accepted.raw());
    shown.debug("Repair", &Repair::Extracted);
    shown.both("MessageId", accepted.message_id());
    shown.error("MessageIdError", &MessageId::parse(TEXT).unwrap_err());
    shown.both("Credits", &report.points_charged());
    shown.error("CreditsError", &TEXT.parse::<Credits>().unwrap_err());
    shown.both("SenderId", client.sender_id());
    shown.error("SenderIdError", &SenderId::parse(TEXT).unwrap_err());

    let reading = client.balance();
    shown.debug("Reading", &reading);
    shown.debug("Balance", &reading.await.unwrap());
    shown.debug("Coverage", &client.coverage().await.unwrap());
    shown.debug("Listed", &client.sender_ids().await.unwrap());
    shown.debug("Validation", &client.validate([SPELLED, REFUSED]).await.unwrap());
    let told = format!(r#"{{"result":"OK","status":"code 77441166 for {NUMBER}"}}"#);
    sandbox.faults().push(Fault::reply(200, told).on("status"));
    shown.debug("MessageStatus", &client.status(accepted.message_id()).await.unwrap());
    let told = format!(r#"{{"result":"OK","report":[{{"Number":"{NUMBER}","Status":"{NUMBER}"}}]}}"#);
    sandbox.faults().push(Fault::reply(200, told).on("dlr"));
    shown.debug("DeliveryReport", &client.dlr(accepted.message_id()).await.unwrap());

    sandbox.faults().push(Fault::code("ERR013").times(1).on("send"));
    let retries = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = std::sync::Arc::clone(&retries);
    let failed = client
        .send("96550000001", TEXT)
        .wait_for_queue()
        .on_retry(move |retry| {
            seen.lock().unwrap().push(retry.clone());
            ControlFlow::Break(())
        })
        .await;
    let error = failed.unwrap_err();
    shown.error("Error", &error);
    shown.debug("ErrorKind", &error.kind());
    shown.debug("Delivery", &error.delivery());
    shown.both("ApiCode", error.code().unwrap());
    for code in [PASSWORD, TEXT, NUMBER, "77441166"] {
        shown.both("ApiCode", &ApiCode::new(code));
    }
    shown.debug("CodeClass", &error.code().unwrap().class());
    shown.debug("CodeSource", &error.code().unwrap().source());
    shown.both("UserMessage", &error.user_message());
    let retry = retries.lock().unwrap()[0].clone();
    shown.debug("Retry", &retry);
    shown.debug("RetryReason", &retry.reason);

    let mut bulk = client.bulk([SPELLED, REFUSED], TEXT).test_mode(true);
    shown.debug("Bulk", &bulk);
    let handle = bulk.handle();
    let outcome = bulk.next().await.unwrap();
    shown.debug("Batch", &outcome);
    shown.debug("Bulk", &bulk);
    shown.debug("BulkHandle", &handle);
    shown.debug("Progress", &handle.progress());
    shown.debug("Waiting", &handle.progress().waiting());

    shown.debug("PhoneNumber", &PhoneNumber::parse(SPELLED).unwrap()); // Display is how it is written out
    for input in [
        "98765432",
        "96598765432x1",
        "965/98765432",
        "96598765432.0",
        "965987654321",
        "+965 0 98765432",
        "96596598765432",
    ] {
        let error = PhoneNumber::parse(input).unwrap_err();
        shown.error("PhoneError", &error);
        if let PhoneError::NotMobile { region, reason, .. } = error {
            shown.debug("NotMobileReason", &reason);
            region.iter().for_each(|region| shown.both("Region", region));
        }
    }
    shown.debug("Recipient", &Recipient::from(SPELLED));
    shown.debug("Recipient", &Recipient::from(PhoneNumber::parse(SPELLED).unwrap()));
    shown.debug("Recipients", &Recipients::from_iter([SPELLED, REFUSED]));
    let text = MessageText::new(format!("<b>{TEXT}</b> 🎉")).unwrap();
    shown.debug("MessageText", &text);
    shown.debug("Change", &text.changes()[0]);
    shown.debug("ChangeKind", &text.changes()[0].kind());
    shown.debug("Encoding", &text.encoding());
    shown.error("TextError", &MessageText::new(TEXT.repeat(100)).unwrap_err());

    let body =
        format!(r#"{{"username":"u","password":"{PASSWORD}","mobile":"{NUMBER}","message":"{TEXT}"}}"#);
    let request = Request::new(Endpoint::Send, body.clone().into());
    shown.debug("Request", &request);
    shown.debug("Endpoint", &request.endpoint());
    shown.debug("Response", &Response::new(200, body));
    let broken = Broken.post(request).await.unwrap_err();
    shown.error("TransportError", &broken);
    shown.debug("TransportFailure", &broken.failure());

    shown.debug("Sandbox", &sandbox);
    shown.debug("SandboxBuilder", &Sandbox::builder().account("u", PASSWORD));
    shown.debug("SandboxTransport", &sandbox.transport());
    shown.debug("AccountHandle", &sandbox.account("leak_user"));
    shown.debug("Fault", &Fault::reply(200, TEXT));
    sandbox.faults().push(Fault::reply(200, TEXT));
    shown.debug("Faults", &sandbox.faults());
    let message = &sandbox.messages()[0];
    assert_eq!(message.text(), TEXT);
    shown.debug("Message", message);
    shown.debug("MessageState", &message.state());
    shown.debug("Inbox", &sandbox.inbox());
    shown.debug("SeenRequest", &sandbox.requests());
    shown.debug("Encoding", &sandbox::Encoding::Gsm7);
    shown.debug("ErrorStatus", &ErrorStatus::default());
    shown.debug("CreditStyle", &CreditStyle::default());

    #[cfg(feature = "jsonl")]
    {
        let (layer, guard) =
            jsonl::to_writer::<tracing_subscriber::Registry>(std::io::sink(), jsonl::Bodies::Full);
        shown.debug("JsonlLayer", &layer);
        shown.debug("Lines", layer.inner());
        shown.debug("Requests", layer.filter());
        shown.debug("JsonlGuard", &guard);
        shown.debug("Bodies", &jsonl::Bodies::Full);
        shown.debug("Options", &jsonl::Options::from(jsonl::Bodies::Full).sending(true));
    }

    #[cfg(feature = "store")]
    {
        let folder = tempfile::tempdir().unwrap();
        let store = kwtsms_async::Store::open(folder.path().join("kwtsms.db")).await.unwrap();
        shown.debug("Store", &store);
        let url = format!("postgres://leak_user:{PASSWORD}@127.0.0.1:1/db");
        shown.error("Error", &kwtsms_async::Store::open(url).await.unwrap_err());
    }
}

/// The types that the source declares as public. Types that no path leads to are not among them.
fn declared() -> BTreeSet<String> {
    const UNREACHABLE: [&str; 3] = ["ByIterator", "ByStream", "Numbers"]; // parts of a sealed trait
    let mut names = BTreeSet::new();
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "bin") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                for line in std::fs::read_to_string(path).unwrap().lines() {
                    let declared = ["pub struct ", "pub enum ", "pub type "]
                        .iter()
                        .find_map(|start| line.trim_start().strip_prefix(start));
                    if let Some(declared) = declared {
                        let name: String =
                            declared.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                        names.insert(name);
                    }
                }
            }
        }
    }
    names.retain(|name| !UNREACHABLE.contains(&name.as_str()));
    names
}

#[tokio::test]
async fn no_public_type_leaks_when_it_is_formatted() {
    let mut shown = Shown::default();
    every_type(&mut shown).await;
    for (name, text) in &shown.0 {
        assert!(!text.trim().is_empty());
        assert_clean(name, text);
    }
    if cfg!(all(feature = "jsonl", feature = "strict-numbers", feature = "store")) {
        let formatted: BTreeSet<_> = shown.0.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut missing = String::new();
        for name in declared().difference(&formatted) {
            let _ = write!(missing, "{name} ");
        }
        assert!(missing.is_empty(), "format these types in `every_type` too: {missing}");
    }
}
