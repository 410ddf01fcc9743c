//! The metrics: names, labels and values, as a recorder for Prometheus has them.

use std::time::Duration;

use kwtsms_async::metrics::{self, BALANCE, GUARDED, POINTS, REQUEST, REQUESTS, RETRIES, WAIT, label};
use kwtsms_async::sandbox::{CreditStyle, Fault, Sandbox};
use kwtsms_async::{Client, Credits, SpendLimit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

/// Asks this thread's metrics of a page.
struct Page(PrometheusHandle);

impl Page {
    fn value(&self, line: &str) -> Option<f64> {
        self.0.render().lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(' ')?.parse().ok())
    }

    fn requests(&self, endpoint: &str, outcome: &str) -> Option<f64> {
        let (endpoint_label, outcome_label) = (label::ENDPOINT, label::OUTCOME);
        self.value(&format!("{REQUESTS}{{{endpoint_label}=\"{endpoint}\",{outcome_label}=\"{outcome}\"}}"))
    }
}

fn recorder() -> (PrometheusRecorder, Page) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = Page(recorder.handle());
    (recorder, page)
}

#[tokio::test(start_paused = true)]
async fn requests_waits_points_and_balance_are_told() {
    let (recorder, page) = recorder();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    metrics::describe();
    let sandbox = Sandbox::in_process();
    sandbox.set_latency(Duration::from_millis(250));
    let client = Client::builder("metrics_user", "any").transport(sandbox.transport()).build().unwrap();
    client.balance().await.unwrap();
    assert_eq!(page.value(BALANCE), Some(1_000.0));
    client.send(["96598765432", "96551234567"], "Hello").await.unwrap();
    sandbox.faults().push(Fault::code("ERR003"));
    client.send("96598765431", "Hello").await.unwrap_err();
    sandbox.faults().push(Fault::delay(Duration::from_secs(60)));
    client.send("96598765430", "Hello").await.unwrap_err();
    client.send("12", "Hello").await.unwrap_err(); // no request

    assert_eq!(page.requests("balance", "accepted"), Some(1.0));
    assert_eq!(page.requests("send", "accepted"), Some(1.0));
    assert_eq!(page.requests("send", "refused"), Some(1.0));
    assert_eq!(page.requests("send", "unknown"), Some(1.0));
    assert_eq!(page.value(POINTS), Some(2.0));
    assert_eq!(page.value(BALANCE), Some(998.0), "the last that was heard");
    let endpoint = label::ENDPOINT;
    let send = |metric: &str| page.value(&format!("{metric}{{{endpoint}=\"send\"}}"));
    assert_eq!(send(&format!("{REQUEST}_count")), Some(3.0));
    let seconds = send(&format!("{REQUEST}_sum")).unwrap();
    assert!((seconds - 15.5).abs() < 0.01, "two answers and a time-out, in seconds: {seconds}");
    let waited = send(&format!("{WAIT}_sum")).unwrap();
    assert!((0.75..0.76).contains(&waited), "three turns, each 250 ms after the answer before: {waited}");

    let text = page.0.render();
    assert!(text.contains(&format!("# TYPE {REQUESTS} counter")), "{text}");
    assert!(text.contains(&format!("# HELP {POINTS} kwtSMS credits charged")), "{text}");
    for secret in ["metrics_user", "9876543", "965", "Hello"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted_by_their_reason_and_each_attempt_is_a_request() {
    let (recorder, page) = recorder();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let sandbox = Sandbox::in_process();
    let client = Client::builder("metrics_user", "any").transport(sandbox.transport()).build().unwrap();
    sandbox.faults().push(Fault::refuse_connection().times(2));
    sandbox.faults().push(Fault::code("ERR013"));
    sandbox.faults().push(Fault::code("ERR028"));
    client.send("96598765432", "Hello").wait_for_others().wait_for_queue().await.unwrap();
    let retries = |why: &str| {
        let (endpoint, reason) = (label::ENDPOINT, label::REASON);
        page.value(&format!("{RETRIES}{{{endpoint}=\"send\",{reason}=\"{why}\"}}"))
    };
    assert_eq!(
        [retries("transport"), retries("queue_full"), retries("same_number")],
        [Some(2.0), Some(1.0), Some(1.0)]
    );
    assert_eq!(page.requests("send", "not_sent"), Some(2.0));
    assert_eq!(page.requests("send", "refused"), Some(2.0));
    assert_eq!(page.requests("send", "accepted"), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_balance_that_was_overtaken_does_not_come_back_to_the_gauge() {
    let (recorder, page) = recorder();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let sandbox = Sandbox::builder().credit_style(CreditStyle::Text).in_process();
    let client =
        Client::builder("metrics_user", "any").transport(sandbox.transport()).unpaced().build().unwrap();
    sandbox.faults().push(Fault::delay(Duration::from_secs(5)).on("balance"));
    let slow = tokio::spawn(client.balance().into_future());
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    client.send("96598765432", "Hello").await.unwrap();
    assert_eq!(slow.await.unwrap().unwrap().available(), Credits::from_int(1_000));
    assert_eq!(page.value(BALANCE), Some(999.0));
}

#[tokio::test(start_paused = true)]
async fn numbers_that_a_guard_kept_back_are_counted_by_the_guard() {
    let (recorder, page) = recorder();
    let _guard = ::metrics::set_default_local_recorder(&recorder);
    let sandbox = Sandbox::in_process();
    let guarded = Client::builder("metrics_user", "any").transport(sandbox.transport()).unpaced();
    let limit = SpendLimit::new().per_hour(Credits::from_int(1));
    let client = guarded.only_to(["96598765432", "96598765433"]).spend_limit(limit).build().unwrap();
    client.send(["96598765432", "96551234567"], "Hello").await.unwrap();
    client.send(["96598765433", "96551234567", "96551234568"], "Hello").await.unwrap_err();
    let kept = |kind: &str| page.value(&format!("{GUARDED}{{{}=\"{kind}\"}}", label::GUARD));
    assert_eq!((kept("not_allowed"), kept("spend_limit")), (Some(3.0), Some(1.0)));
}
