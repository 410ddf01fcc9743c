//! Every call on every path: over HTTP, with faults, with replies that repeat what they were told, and panics.

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use kwtsms_async::sandbox::Fault;
use tracing::Instrument;

use super::*;

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

/// Every call once, whatever comes of it.
async fn every_call(client: &Client, shown: &mut Shown) {
    let report = outcome(shown, client.send([SPELLED, OTHER, REFUSED, NUMBER], TEXT).await);
    shown.json("SendReport", &report);
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
    let report = bulk.collect_report().await;
    shown.debug("SendReport", &report);
    shown.json("SendReport", &report);
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
