//! Every public type, formatted.

use std::fmt::Write;
use std::ops::ControlFlow;

use futures::{FutureExt, StreamExt};
use kwtsms_async::sandbox::{self, CreditStyle, ErrorStatus, Fault};
use kwtsms_async::transport::{
    Endpoint, HttpTransport, Request, Response, Transport, TransportError, TransportFailure,
};

use super::*;

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
    shown.both("Origin", environment.origin(config::PASSWORD).unwrap());
    shown.debug("CountryCheck", &CountryCheck::default());
    shown.debug("PhoneRules", &PhoneRules::default().default_country(GulfCountry::Kuwait));
    shown.both("GulfCountry", &GulfCountry::Kuwait);
    shown.error("GulfCountryError", &SPELLED.parse::<GulfCountry>().unwrap_err());
    shown.debug("Limiter", &Limiter::new(2.0, 2.0).unwrap());
    shown.debug("SameNumberMemory", &client.same_number_memory());
    shown.debug("Rates", &Rates::default());
    shown.debug("SpendLimit", &kwtsms_async::SpendLimit::new().per_hour(kwtsms_async::Credits::from_int(1)));

    let diagnose = client.diagnose().number(SPELLED).message(TEXT);
    shown.debug("Diagnose", &diagnose);
    let diagnosis = diagnose.await;
    shown.both("Diagnosis", &diagnosis);
    shown.json("Diagnosis", &diagnosis);
    shown.debug("Check", &diagnosis.checks()[0]);
    shown.debug("CheckStatus", &diagnosis.status());
    shown.both("Diagnosis", &client.diagnose().number(REFUSED).await);

    let call = client.send([SPELLED, OTHER, REFUSED, NUMBER], TEXT);
    shown.debug("SendCall", &call);
    let report = call.await.unwrap();
    shown.debug("SendReport", &report);
    shown.json("SendReport", &report);
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
    shown.debug("Query", &reading);
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
    let word = format!(r#"{{"result":"OK","status":"code 77441166 for {NUMBER}"}}"#);
    sandbox.faults().push(Fault::reply(200, word).on("status"));
    sandbox.faults().push(
        Fault::reply(
            200,
            format!(r#"{{"result":"OK","report":[{{"Number":"{NUMBER}","Status":"{NUMBER}"}}]}}"#),
        )
        .on("dlr"),
    );
    let mut watch = client.watch_delivery(accepted.message_id()).give_up_after(std::time::Duration::ZERO);
    shown.debug("WatchDelivery", &watch);
    while let Some(update) = watch.next().await {
        shown.debug("DeliveryUpdate", &update.unwrap());
    }

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
    shown.json("Progress", &handle.progress());
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
    let http = HttpTransport::new("http://127.0.0.1:1/API/", std::time::Duration::from_secs(1)).unwrap();
    shown.debug("HttpTransport", &http);
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
        // What has a file of its own.
        let others = [include_str!("codes.rs"), include_str!("campaigns.rs")].concat();
        let formatted: BTreeSet<_> = shown.0.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut missing = String::new();
        for name in declared().difference(&formatted) {
            if !others.contains(&format!("\"{name}\"")) {
                let _ = write!(missing, "{name} ");
            }
        }
        assert!(missing.is_empty(), "format these types in `every_type`, or in a file beside it: {missing}");
    }
}
