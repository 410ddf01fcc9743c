//! A message is followed to its end. All under paused time.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use kwtsms_async::events::{event, field};
use kwtsms_async::metrics::{WATCHES, label};
use kwtsms_async::sandbox::{Fault, Sandbox, SeenRequest};
use kwtsms_async::{ApiCode, Client, Delivery, DeliveryUpdate, MessageId, PhoneNumber, WatchDelivery};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::time::Instant;

use crate::capture::Capture;
use crate::gateway::{arrivals, client, gateway, most_in_a_second, roomy, start};

const KUWAIT: &str = "96598765432";
const EMIRATES: &str = "971504496677";
const SAUDI: &str = "966558724477";

async fn sent(client: &Client, numbers: &[&str]) -> (MessageId, Vec<PhoneNumber>) {
    let report = client.send(numbers, "Hello").await.unwrap();
    let batch = &report.batches()[0];
    (batch.result().unwrap().message_id().clone(), batch.numbers().to_vec())
}

/// An update as a word, with what it tells.
fn word(update: Result<DeliveryUpdate, kwtsms_async::Error>) -> String {
    match update {
        Ok(DeliveryUpdate::Status(status)) => status.as_str().to_owned(),
        Ok(DeliveryUpdate::NoReport) => "no report".to_owned(),
        Ok(DeliveryUpdate::Reports(reports)) => format!("{} reports", reports.len()),
        Ok(DeliveryUpdate::Unanswered(error)) => format!("unanswered: {}", error.kind().as_str()),
        Ok(DeliveryUpdate::TimedOut { status, reports, .. }) => {
            let status = status.as_ref().map_or("nothing", |status| status.as_str());
            format!("timed out after {status}, {} reports", reports.map_or(0, |reports| reports.len()))
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => format!("error: {}", error.code().map_or(error.kind().as_str(), ApiCode::as_str)),
    }
}

async fn told(watch: WatchDelivery) -> Vec<String> {
    let mut watch = watch.fuse();
    let mut told = Vec::new();
    while let Some(update) = watch.next().await {
        told.push(word(update));
    }
    assert!(watch.next().now_or_never().unwrap().is_none());
    told
}

fn asked(sandbox: &Sandbox, endpoint: &str) -> Vec<SeenRequest> {
    sandbox.requests().into_iter().filter(|request| request.endpoint() == endpoint).collect()
}

/// When an endpoint was asked, in whole seconds after `begin`.
fn seconds(sandbox: &Sandbox, endpoint: &str, begin: Instant) -> Vec<u128> {
    arrivals(&asked(sandbox, endpoint), begin).into_iter().map(|millis| millis / 1_000).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_abroad_is_followed_from_the_queue_to_its_report_at_growing_intervals() {
    let sandbox = start(Sandbox::builder().drain_per_second(1).reports_after(Duration::from_secs(3_600)));
    let client = client(&sandbox);
    let (id, numbers) = sent(&client, &[EMIRATES]).await;
    let begin = Instant::now();
    assert_eq!(
        told(client.watch_delivery(&id).numbers(&numbers)).await,
        ["queued", "sent", "1 reports"],
        "{id:?}"
    );
    assert_eq!(seconds(&sandbox, "status", begin), [0, 2]);
    let reports = seconds(&sandbox, "dlr", begin);
    assert_eq!(reports.len(), 5, "{reports:?}");
    for (at, minutes) in reports.iter().zip([0, 5, 15, 35, 75]) {
        assert!((minutes * 60..=minutes * 60 + 3).contains(at), "{reports:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn kuwait_says_at_once_that_there_will_be_no_report() {
    let sandbox = gateway();
    let client = client(&sandbox);
    let (id, numbers) = sent(&client, &[KUWAIT, "96551234567"]).await;
    let mut watch = client.watch_delivery(&id).numbers(&numbers);
    let first = watch.next().now_or_never().expect("nothing is asked for it").unwrap();
    assert_eq!(word(first), "no report");
    assert_eq!(told(watch).await, ["sent"]);
    assert_eq!(asked(&sandbox, "dlr").len(), 0);

    // Where the numbers are not known the gateway says it, to the first question.
    let begin = Instant::now();
    assert_eq!(told(client.watch_delivery(&id)).await, ["sent", "no report"]);
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    assert_eq!(asked(&sandbox, "dlr").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_code_is_final_or_is_asked_again_or_tells_that_there_is_no_report() {
    let codes: Vec<_> = (1..=36).map(|code| format!("ERR{code:03}")).chain(["ERR999".to_owned()]).collect();
    for endpoint in ["status", "dlr"] {
        for code in &codes {
            let sandbox = start(roomy().reports_after(Duration::from_secs(60)));
            let client = client(&sandbox);
            let (id, numbers) = sent(&client, &[EMIRATES]).await;
            sandbox.faults().push(Fault::code(code).on(endpoint));
            let told = told(client.watch_delivery(&id).numbers(&numbers)).await;
            let expected: Vec<String> = match (endpoint, code.as_str()) {
                ("dlr", "ERR021") => vec!["sent".into(), "no report".into()],
                // Not ready, and no news.
                (_, "ERR019" | "ERR022" | "ERR023") => vec!["sent".into(), "1 reports".into()],
                // They ask to wait; here they are nobody's business.
                ("dlr", "ERR013" | "ERR028") => {
                    vec!["sent".into(), "unanswered: api".into(), "1 reports".into()]
                }
                (_, "ERR013" | "ERR028") => {
                    vec!["unanswered: api".into(), "sent".into(), "1 reports".into()]
                }
                ("dlr", code) => vec!["sent".into(), format!("error: {code}")],
                (_, code) => vec![format!("error: {code}")],
            };
            assert_eq!(told, expected, "{code} from {endpoint}");
            let first = asked(&sandbox, endpoint).len();
            tokio::time::sleep(Duration::from_secs(200_000)).await;
            assert_eq!(asked(&sandbox, endpoint).len(), first, "{code} from {endpoint}: it has ended");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stuck_message_and_an_unknown_one_are_errors_that_are_final() {
    let sandbox = gateway();
    let client = client(&sandbox);
    let report = client.send(EMIRATES, "Hello").test_mode(true).await.unwrap();
    let id = report.batches()[0].result().unwrap().message_id().clone();
    let mut watch = client.watch_delivery(&id);
    let error = watch.next().await.unwrap().unwrap_err();
    assert_eq!((error.code(), error.delivery()), (Some(&ApiCode::ERR030), Delivery::Refused));
    assert!(error.action().contains("Delete it from the queue"), "{}", error.action());
    assert!(watch.next().await.is_none());
    let nobodys = MessageId::parse("f4c841adee210f31307633ceaebff2ec").unwrap();
    assert_eq!(told(client.watch_delivery(&nobodys)).await, ["error: ERR029"]);
}

#[tokio::test(start_paused = true)]
async fn it_gives_up_with_the_last_state_and_asks_a_last_time_then() {
    let sandbox = start(Sandbox::builder().drain_per_second(1).reports_after(Duration::MAX));
    let client = client(&sandbox);
    let (id, numbers) = sent(&client, &[EMIRATES]).await;
    let begin = Instant::now();
    let watch = client.watch_delivery(&id).numbers(&numbers).give_up_after(Duration::from_secs(1_000));
    assert_eq!(told(watch).await, ["queued", "sent", "timed out after sent, 0 reports"]);
    let reports = seconds(&sandbox, "dlr", begin);
    assert_eq!((reports.len(), reports[3]), (4, 1_000), "{reports:?}");

    // Of a queue that stands still.
    let sandbox = start(Sandbox::builder().drain_per_second(0));
    let client = crate::gateway::client(&sandbox);
    let (id, numbers) = sent(&client, &[KUWAIT]).await;
    let begin = Instant::now();
    let told = told(client.watch_delivery(&id).numbers(&numbers)).await;
    assert_eq!(told, ["no report", "queued", "timed out after queued, 0 reports"]);
    let statuses = seconds(&sandbox, "status", begin);
    assert_eq!(statuses[..8], [0, 2, 6, 14, 30, 62, 126, 254], "{statuses:?}");
    assert_eq!(statuses.last(), Some(&(48 * 3_600)), "{statuses:?}");
    assert!(statuses.len() < 220, "{}", statuses.len());

    // No time at all is one question each.
    let before = sandbox.requests().len();
    let watch = client.watch_delivery(&id).give_up_after(Duration::ZERO);
    assert_eq!(crate::watch::told(watch).await, ["queued", "no report", "timed out after queued, 0 reports"]);
    assert_eq!(sandbox.requests().len() - before, 2);
}

#[tokio::test(start_paused = true)]
async fn reports_that_come_one_by_one_are_waited_for_where_the_numbers_are_known() {
    let one = format!(r#"{{"result":"OK","report":[{{"Number":"{EMIRATES}","Status":"Blacklisted"}}]}}"#);
    let none = r#"{"result":"OK","report":[]}"#;
    for known in [true, false] {
        let sandbox = gateway();
        let client = client(&sandbox);
        let (id, numbers) = sent(&client, &[EMIRATES, KUWAIT, SAUDI]).await;
        sandbox.faults().push(Fault::reply(200, none).on("dlr"));
        sandbox.faults().push(Fault::reply(200, one.clone()).on("dlr").times(2));
        let watch = client.watch_delivery(&id);
        let watch = if known { watch.numbers(&numbers) } else { watch };
        let expected = if known { &["sent", "1 reports", "2 reports"][..] } else { &["sent", "1 reports"] };
        assert_eq!(told(watch).await, expected, "{known}");
        assert_eq!(asked(&sandbox, "dlr").len(), if known { 4 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_told_and_asked_again_and_a_report_makes_the_status_needless() {
    let sandbox = start(roomy().reports_after(Duration::ZERO));
    let client = client(&sandbox);
    let (id, numbers) = sent(&client, &[EMIRATES]).await;
    sandbox.faults().push(Fault::refuse_connection().on("status").times(3)); // a question is tried three times
    sandbox.faults().push(Fault::html_502().on("dlr").times(3));
    let told = told(client.watch_delivery(&id).numbers(&numbers)).await;
    assert_eq!(told, ["unanswered: connect", "unanswered: bad_reply", "sent", "1 reports"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_before_it_is_polled_nor_after_it_is_dropped() {
    let (capture, _guard) = Capture::start();
    let sandbox = start(Sandbox::builder().drain_per_second(0));
    let client = client(&sandbox);
    let (id, _) = sent(&client, &[EMIRATES]).await;
    drop(client.watch_delivery(&id));
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(sandbox.requests().len(), 1);
    let mut watch = client.watch_delivery(&id);
    assert_eq!(word(watch.next().await.unwrap()), "queued");
    assert!(tokio::time::timeout(Duration::from_secs(60), watch.next()).await.is_err());
    drop(watch);
    let before = sandbox.requests().len();
    tokio::time::sleep(Duration::from_secs(100_000)).await;
    assert_eq!(sandbox.requests().len(), before);
    let told = capture.named(event::WATCH);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].get(field::REASON), Some("dropped"));
}

#[tokio::test(start_paused = true)]
async fn many_watches_keep_the_pace_of_single_requests() {
    let sandbox = gateway();
    let client = client(&sandbox);
    let (id, numbers) = sent(&client, &[KUWAIT]).await;
    let watches = (0..20).map(|_| told(client.watch_delivery(&id).numbers(&numbers)));
    for told in futures::future::join_all(watches).await {
        assert_eq!(told, ["no report", "sent"]);
    }
    assert_eq!(asked(&sandbox, "status").len(), 20);
    assert!(most_in_a_second(&sandbox.requests()) <= 2);
}

#[tokio::test(start_paused = true)]
async fn the_end_is_an_event_and_counts_in_a_metric() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let _metrics = metrics::set_default_local_recorder(&recorder);
    let (capture, _guard) = Capture::start();
    let sandbox = start(roomy().reports_after(Duration::from_secs(60)));
    let client = client(&sandbox);
    let (id, numbers) = sent(&client, &[EMIRATES]).await;
    told(client.watch_delivery(&id).numbers(&numbers)).await;
    told(client.watch_delivery(&id).numbers(&numbers[..0]).give_up_after(Duration::ZERO)).await;
    let (home, numbers) = sent(&client, &[KUWAIT]).await;
    told(client.watch_delivery(&home).numbers(&numbers)).await;
    sandbox.faults().push(Fault::code("ERR003").on("status"));
    told(client.watch_delivery(&id)).await;
    sandbox.faults().push(Fault::code("ERR022").on("dlr"));
    told(client.watch_delivery(&id).give_up_after(Duration::ZERO)).await;
    let events = capture.named(event::WATCH);
    let reasons: Vec<_> = events.iter().map(|event| event.get(field::REASON).unwrap()).collect();
    assert_eq!(reasons, ["reported", "reported", "no_report", "error", "timed_out"]);
    assert_eq!(events[0].get(field::MESSAGE_ID), Some(id.as_str()));
    assert_eq!((events[3].get(field::CODE), events[3].get(field::KIND)), (Some("ERR003"), Some("api")));
    let text = page.render();
    for (reason, count) in [("reported", 2), ("no_report", 1), ("error", 1), ("timed_out", 1)] {
        let line = format!("{WATCHES}{{{}=\"{reason}\"}} {count}", label::OUTCOME);
        assert!(text.contains(&line), "{line} in {text}");
    }
}
