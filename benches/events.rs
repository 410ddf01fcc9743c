//! What a call's events cost, and how many lines a second the log takes.
//!
//! `cargo bench -p kwtsms-benches --bench events`
//! `cargo bench -p kwtsms-benches --features tracing/release_max_level_off --bench events`
//!
//! The second build has no events at all: tracing's macros are compiled out. What a call takes there is what it is
//! compared with, since one process cannot hold both. Calls go over a transport that answers at once, so
//! that nothing hides a difference; the time is that of the processor, the least of many rounds.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use cpu_time::ThreadTime;
use futures::FutureExt;
use futures::future::BoxFuture;
use kwtsms_async::jsonl::{self, Bodies};
use kwtsms_async::transport::{Request, Response, Transport, TransportError};
use kwtsms_async::{Client, PhoneNumber};
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::subscriber::set_default;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;

const ANSWER: &str = r#"{"result":"OK","msg-id":"f4c841adee210f31307633ceaebff2ec","numbers":1,"points-charged":1,"balance-after":180,"unix-timestamp":1684763355}"#;

/// Answers at once.
#[derive(Debug)]
struct Instantly;

impl Transport for Instantly {
    fn post(&self, _: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        async { Ok(Response::new(200, ANSWER)) }.boxed()
    }

    fn is_local(&self) -> bool {
        true
    }
}

/// Listens and does nothing.
struct Nothing;

impl<S: tracing::Subscriber> Layer<S> for Nothing {}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if STATIC_MAX_LEVEL == LevelFilter::OFF {
        println!("a call, events compiled out:      {:>7.0} ns", per_call(&runtime));
        return;
    }
    let nobody = per_call(&runtime);
    println!("a call, nobody listening:         {nobody:>7.0} ns");
    {
        let _default = set_default(tracing_subscriber::registry().with(Nothing));
        let noop = per_call(&runtime);
        println!("a call, a layer that does nothing:{noop:>7.0} ns ({:+.0})", noop - nobody);
    }
    for bodies in [Bodies::Masked, Bodies::Full] {
        let (log, _guard) = jsonl::to_writer(std::io::sink(), bodies);
        let _default = set_default(tracing_subscriber::registry().with(log));
        let logged = per_call(&runtime);
        println!("a call, the log ({bodies:?}) in memory:{logged:>6.0} ns ({:+.0})", logged - nobody);
    }
    for bodies in [Bodies::Masked, Bodies::Full] {
        to_file(&runtime, bodies);
    }
}

async fn send(client: &Client, calls: u64) {
    let number = PhoneNumber::parse("96598765432").unwrap();
    for _ in 0..calls {
        // In test mode, so that the same number may be used again and no memory of numbers grows.
        client.send(number, "Your OTP for MYAPP is: 123456").test_mode(true).await.unwrap();
    }
}

fn client() -> Client {
    Client::builder("bench", "any").transport(Instantly).unpaced().build().unwrap()
}

/// Nanoseconds of this thread for a call: the least of many rounds.
fn per_call(runtime: &Runtime) -> f64 {
    const ROUNDS: u32 = 200;
    const CALLS: u32 = 1_000;
    let client = client();
    let mut least = Duration::MAX;
    for _ in 0..ROUNDS {
        let begin = ThreadTime::now();
        runtime.block_on(send(&client, CALLS.into()));
        least = least.min(begin.elapsed());
    }
    least.as_secs_f64() * 1e9 / f64::from(CALLS)
}

fn to_file(runtime: &Runtime, bodies: Bodies) {
    const CALLS: u64 = 300_000;
    let path = std::env::temp_dir().join(format!("kwtsms-bench-{}.log", std::process::id()));
    let (log, guard) = jsonl::to_file(&path, bodies).unwrap();
    let client = client();
    let begin = Instant::now();
    let dropped = {
        let _default = set_default(tracing_subscriber::registry().with(log));
        runtime.block_on(send(&client, CALLS));
        guard.dropped_lines()
    };
    drop(guard);
    let wall = begin.elapsed().as_secs_f64();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines = text.lines().count() as u64;
    assert_eq!(lines, CALLS - dropped, "what was not dropped is in the file");
    println!(
        "the log ({bodies:?}) to a file: {:.0} lines a second, {:.0} MB/s; {dropped} of {CALLS} dropped, calls not held up",
        lines as f64 / wall,
        text.len() as f64 / wall / 1e6
    );
}
