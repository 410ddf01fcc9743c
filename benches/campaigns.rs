//! A campaign of 10,000,000 recipients over each database: loaded, claimed by four workers, looked at, exported.
//!
//! `cargo bench -p kwtsms-benches --bench campaigns [sqlite|postgres]`
//!
//! PostgreSQL at `KWTSMS_TEST_POSTGRES`, or on this machine; left out where it is not there. `KWTSMS_BENCH_RECIPIENTS` sets
//! how many. The gateway is in this process and answers at once, so what is measured is the store.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]
#![allow(clippy::future_not_send)] // the futures that measure stay in block_on

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use kwtsms_async::transport::{Request, Response, Transport, TransportError};
use kwtsms_async::{Client, Store};
use tokio::time::Instant;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

const WORKERS: usize = 4;
/// How long the workers claim, and how long where all of them claim twice a second.
const CLAIMING: Duration = Duration::from_secs(20);
const AT_THE_PACE: Duration = Duration::from_secs(120);
const LOOKS: usize = 101;

/// Accepts everything.
#[derive(Debug, Clone)]
struct Accepts(Arc<AtomicU64>);

impl Transport for Accepts {
    fn post(&self, _: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let id = self.0.fetch_add(1, Ordering::Relaxed);
        let body = format!(
            r#"{{"result":"OK","msg-id":"{id}","numbers":200,"points-charged":200,"balance-after":1000000}}"#
        );
        Box::pin(async move { Ok(Response::new(200, body)) })
    }

    fn is_local(&self) -> bool {
        true
    }
}

/// What the store took for each claim, by the event that tells of it.
#[derive(Debug, Clone, Default)]
struct Claims(Arc<Mutex<Vec<u64>>>);

impl<S: tracing::Subscriber> Layer<S> for Claims {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Took(Option<u64>);
        impl tracing::field::Visit for Took {
            fn record_u64(&mut self, field: &tracing::field::Field, value: u64) {
                if field.name() == "took_us" {
                    self.0 = Some(value);
                }
            }

            fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn std::fmt::Debug) {}
        }
        if event.metadata().target() == "kwtsms_async::campaign" {
            let mut took = Took(None);
            event.record(&mut took);
            self.0.lock().unwrap().extend(took.0);
        }
    }
}

/// The most memory that the process held since the last call, and what it holds now, in MiB.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    };
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    (of("VmHWM:"), of("VmRSS:"))
}

/// Median, 99th hundredth and most.
fn spread(mut times: Vec<u64>) -> String {
    times.sort_unstable();
    let at =
        |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)));
    let ms = |time: Option<&u64>| time.map_or(0.0, |time| *time as f64 / 1_000.0);
    format!("median {:.2} ms, p99 {:.2} ms, most {:.2} ms", ms(at(0.5)), ms(at(0.99)), ms(times.last()))
}

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|arg| arg == name);
    let claims = Claims::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(claims.clone())).unwrap();
    if run("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("campaigns.db")).await.unwrap();
        measure("sqlite", store, &claims).await;
    }
    if run("postgres") {
        let url = std::env::var("KWTSMS_TEST_POSTGRES")
            .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
        let sign = if url.contains('?') { '&' } else { '?' };
        match Store::open(format!("{url}{sign}schema=kwtsms_bench_{}", std::process::id())).await {
            Ok(store) => measure("postgres", store, &claims).await,
            Err(error) => println!("postgres: left out, {error}"),
        }
    }
}

async fn measure(name: &str, store: Store, claims: &Claims) {
    let count = std::env::var("KWTSMS_BENCH_RECIPIENTS").ok().and_then(|count| count.parse().ok());
    let count: u64 = count.unwrap_or(10_000_000);
    let (_, before) = memory();
    let began = Instant::now();
    // No two neighbours: a list of customers is in no order.
    let rows = (0..count).map(move |i| (96_550_000_000 + i * 7_919 % 10_000_000).to_string());
    let draft = store.campaign("bench").text("Hello").recipients(rows).load().await.unwrap();
    let load = began.elapsed();
    let (most, _) = memory();
    assert_eq!(draft.estimate().numbers, count.min(10_000_000));
    println!(
        "{name}: {count} rows loaded in {:.2} s ({:.2} million a second), {} MiB beside the {before} MiB before",
        load.as_secs_f64(),
        count as f64 / load.as_secs_f64() / 1e6,
        most.saturating_sub(before),
    );

    let campaign = draft.approve().await.unwrap();
    for pace in [Pace::Gateway, Pace::Each(4.0), Pace::Fastest] {
        claimed(name, &store, claims, pace).await;
    }

    let mut looks = Vec::new();
    for _ in 0..LOOKS {
        let began = Instant::now();
        campaign.progress().await.unwrap();
        looks.push(began.elapsed().as_micros() as u64);
    }
    println!("{name}: status: {}", spread(looks));

    let (_, before) = memory();
    let began = Instant::now();
    let mut outcomes = campaign.outcomes();
    let mut rows = 0u64;
    while let Some(outcome) = outcomes.next().await {
        rows += u64::from(outcome.unwrap().number.is_some());
    }
    let export = began.elapsed();
    let (most, _) = memory();
    assert_eq!(rows, count.min(10_000_000));
    println!(
        "{name}: {rows} rows exported in {:.2} s, {} MiB beside the {before} MiB before",
        export.as_secs_f64(),
        most.saturating_sub(before),
    );
    campaign.cancel().await.unwrap();
    campaign.forget().await.unwrap();
}

/// How fast the workers may claim.
#[derive(Debug, Clone, Copy)]
enum Pace {
    /// As behind one address: two requests a second for all of them together.
    Gateway,
    /// Each at so many requests a second, all of them at the same moments.
    Each(f64),
    /// As fast as the store lets them.
    Fastest,
}

/// Four workers claim.
async fn claimed(name: &str, store: &Store, claims: &Claims, pace: Pace) {
    let journal = tempfile::tempdir().unwrap();
    let mut workers = Vec::new();
    let sent = Arc::new(AtomicU64::new(0));
    claims.0.lock().unwrap().clear();
    let client = || {
        let client = Client::builder("user", "password").transport(Accepts(Arc::clone(&sent)));
        let client = match pace {
            Pace::Gateway => client,
            Pace::Each(rate) => client.rates(1.0, rate),
            Pace::Fastest => client.unpaced(),
        };
        client.build().unwrap()
    };
    let shared = client();
    for _ in 0..WORKERS {
        let client = if matches!(pace, Pace::Gateway) { shared.clone() } else { client() };
        workers.push(client.work(store).journal(journal.path()).start().await.unwrap());
    }
    let began = Instant::now();
    tokio::time::sleep(if matches!(pace, Pace::Gateway) { AT_THE_PACE } else { CLAIMING }).await;
    for worker in workers {
        worker.stop();
        worker.finished().await.unwrap();
    }
    let seconds = began.elapsed().as_secs_f64();
    let times = std::mem::take(&mut *claims.0.lock().unwrap());
    let pace = match pace {
        Pace::Gateway => "at 2 a second for all".to_owned(),
        Pace::Each(rate) => format!("at {rate} a second each"),
        Pace::Fastest => "as fast as they can".to_owned(),
    };
    println!(
        "{name}: {} claims by {WORKERS} workers {pace}, {:.1} a second, each with its commit: {}",
        times.len(),
        times.len() as f64 / seconds,
        spread(times)
    );
}
