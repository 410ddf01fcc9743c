//! The traffic engine's figures: pacing, memory, and the cost of a send over a bare POST.
//!
//! `cargo bench -p kwtsms-benches --bench traffic [pacing|memory|overhead]`
//!
//! These are single long runs and not samples of nanoseconds, so they are timed whole, each beside what it is
//! compared with in the same run.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]
#![allow(clippy::disallowed_methods)] // the server's thread sleeps; nothing of the crate runs on it
#![allow(clippy::future_not_send)] // the futures that measure stay in block_on

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use cpu_time::ProcessTime;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::transport::{Request, Response, Transport, TransportError};
use kwtsms_async::{Client, PhoneNumber};
use tokio::time::Instant;

const LATENCY: Duration = Duration::from_millis(300);

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if wanted == [SERVE] {
        return serve();
    }
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|arg| arg == name);
    if run("memory") {
        memory();
    }
    if run("overhead") {
        overhead();
    }
    if run("pacing") {
        pacing();
    }
}

fn numbers(count: u64) -> impl Iterator<Item = PhoneNumber> + Send + 'static {
    (0..count).map(|i| PhoneNumber::parse(&(96_550_000_000 + i).to_string()).unwrap())
}

/// 10,000 numbers are 50 requests: at exactly 2 a second, 25 s.
fn pacing() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let sandbox = Sandbox::builder().latency(LATENCY).drain_per_second(1_000_000).start().await.unwrap();
        for user in ["bench", "sleeper"] {
            sandbox.account(user).set_balance(1_000_000);
        }
        let client = Client::builder("bench", "any").base_url(sandbox.base_url()).build().unwrap();
        let begin = Instant::now();
        let report = client.bulk(numbers(10_000), "Hello").collect_report().await;
        let wall = begin.elapsed();
        assert_eq!(report.accepted(), 10_000);
        let ours = 25.0 / wall.as_secs_f64();
        println!(
            "pacing: 10,000 numbers in {:.2} s at 300 ms latency, efficiency {ours:.3}",
            wall.as_secs_f64()
        );

        // What clients do that sleep half a second after each answer; 10 requests tell the rate.
        let client =
            Client::builder("sleeper", "any").base_url(sandbox.base_url()).unpaced().build().unwrap();
        let begin = Instant::now();
        for batch in numbers(2_000).collect::<Vec<_>>().chunks(200) {
            client.send(batch, "Hello").await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let sleeper = 5.0 / begin.elapsed().as_secs_f64();
        println!(
            "pacing: sleeping 0.5 s after each answer, efficiency {sleeper:.3}; ratio {:.2}",
            ours / sleeper
        );
    });
}

/// Answers at once, so that what grows is the client's.
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

const ANSWER: &str = r#"{"result":"OK","msg-id":"f4c841adee210f31307633ceaebff2ec","numbers":1,"points-charged":1,"balance-after":180,"unix-timestamp":1684763355}"#;

/// Starts the peak over: each run is measured by itself.
fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// At the gateway's pace, by a clock that is turned on where nothing is left to do: what the same-number memory holds at
/// once belongs to it.
fn memory() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(async {
        for (name, step) in [("in order", 1u64), ("spread over 7 digits", 7_919)] {
            let client = Client::builder("bench", "any").transport(Instantly).build().unwrap();
            // A first run brings in what any run needs.
            client.bulk(numbers(2_000), "Hello").for_each(|_| async {}).await;
            forget_peak();
            let before = peak_kib();
            let mut count = 0;
            let inputs =
                (0..1_000_000u64).map(move |i| (96_550_000_000 + (i * step) % 9_999_991).to_string());
            let client = Client::builder("bench", "any").transport(Instantly).build().unwrap();
            let mut batches = client.bulk(inputs, "Hello");
            while let Some(batch) = batches.next().await {
                count += batch.account().accepted();
            }
            assert_eq!(count, 1_000_000, "all of them are mobiles");
            let grown = peak_kib().saturating_sub(before);
            println!("memory: {count} numbers {name}: peak grew by {:.1} MB", grown as f64 / 1024.0);
        }
    });
}

/// A keep-alive server in a process of its own, whose processor time does not count; gone with its handle.
struct Server(Child);

impl Server {
    /// Gives its base URL too.
    fn start() -> (Self, String) {
        let mut server =
            Command::new(std::env::current_exe().unwrap()).arg(SERVE).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut address).unwrap();
        (Self(server), format!("http://{}/API/", address.trim()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What the server's process is told.
const SERVE: &str = "serve";

fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer(stream));
    }
}

fn answer(mut stream: TcpStream) {
    let reply = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    let mut seen = Vec::new();
    let mut buffer = [0u8; 4096];
    while let Ok(read) = stream.read(&mut buffer) {
        if read == 0 {
            return;
        }
        seen.extend_from_slice(&buffer[..read]);
        // Every body here ends its one JSON object with "0"} or "1"}.
        if seen.ends_with(b"\"}") {
            // As a real one would, it answers when the client waits, so that both clients sleep and wake alike.
            std::thread::sleep(Duration::from_micros(200));
            seen.clear();
            if stream.write_all(reply.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// Processor time of a send over that of a bare POST of the same bytes: from the tasks of a multi-thread runtime, as in
/// a backend, and on one thread; 25 under way at once, and one call at a time, so that each meets cold caches.
fn overhead() {
    let (_server, base) = Server::start();
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let mut thread = tokio::runtime::Builder::new_current_thread();
    for (name, builder) in [("multi-thread runtime", &mut threads), ("current-thread runtime", &mut thread)] {
        let runtime = builder.enable_all().build().unwrap();
        // Unpaced, thousands of sends a second: each number is remembered for at least 15 s, so tens of thousands would
        // be. At the gateway's pace there are 80 at most, so the same 200 numbers are written to again and again, each
        // after its rest: a memory that is switched off would cost less than a client's own.
        let client = Client::builder("bench_user", "bench_pass")
            .base_url(&base)
            .unpaced()
            .same_number_wait(REST)
            .build()
            .unwrap();
        let bare = Bare { client: bare_client(), url: format!("{base}send/") };
        for at_once in [25, 1] {
            println!("overhead, {name}, {at_once} at once:");
            runtime.block_on(compare(&client, &bare, at_once));
        }
    }
}

/// What a program does that posts for itself.
#[derive(Clone)]
struct Bare {
    client: reqwest::Client,
    url: String,
}

impl Bare {
    async fn post(&self, number: u64) -> Bytes {
        let body = format!(
            r#"{{"username":"bench_user","password":"bench_pass","sender":"KWT-SMS","mobile":"{number}","message":"{TEXT}","test":"0"}}"#
        );
        let post = self.client.post(&self.url).header("content-type", "application/json");
        let reply = post.header("accept", "application/json").body(body).send().await.unwrap();
        reply.bytes().await.unwrap()
    }
}

/// Shorter than it takes until a number comes up again.
const REST: Duration = Duration::from_millis(1);

const TEXT: &str = "Your OTP for MYAPP is: 123456";

/// Processor time of a call to each of these numbers, each in its own task.
async fn cost<F>(numbers: Range<u64>, at_once: usize, call: impl Fn(u64) -> F) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let (begin, count) = (ProcessTime::now(), numbers.end - numbers.start);
    let tasks = futures::stream::iter(numbers).map(|number| tokio::spawn(call(number)));
    tasks.buffer_unordered(at_once).for_each(|done| async { done.unwrap() }).await;
    begin.elapsed().as_secs_f64() / count as f64
}

async fn compare(client: &Client, bare: &Bare, at_once: usize) {
    // Many short rounds in turn, so that whatever else the machine does hits both alike.
    const ROUNDS: usize = 600;
    const CALLS: u64 = 25;
    let send = |number: u64| {
        let client = client.clone();
        async move {
            let number = PhoneNumber::parse(&number.to_string()).unwrap();
            assert_eq!(client.send(number, TEXT).await.unwrap().accepted(), 1);
        }
    };
    let post = |number| {
        let bare = bare.clone();
        async move { assert_eq!(bare.post(number).await.len(), ANSWER.len()) }
    };
    let (mut ratios, mut sums) = (Vec::new(), [0.0; 2]);
    tokio::time::sleep(REST * 2).await;
    for round in 0..=ROUNDS {
        let first = 96_550_000_000 + (round % 8) as u64 * CALLS;
        let numbers = || first..first + CALLS;
        let (ours, bare);
        if round % 2 == 0 {
            ours = cost(numbers(), at_once, send).await;
            bare = cost(numbers(), at_once, post).await;
        } else {
            bare = cost(numbers(), at_once, post).await;
            ours = cost(numbers(), at_once, send).await;
        }
        if round > 0 {
            ratios.push(ours / bare);
            sums = [sums[0] + ours, sums[1] + bare];
        }
    }
    ratios.sort_by(f64::total_cmp);
    let [low, median, high] = [1, 2, 3].map(|quarter| ratios[ROUNDS * quarter / 4]);
    let [ours, bare] = sums.map(|sum| sum / ROUNDS as f64 * 1e6);
    println!("  a send {ours:.1} µs of processor time, a bare reqwest POST {bare:.1} µs");
    println!("  ratio {median:.3} (half of {ROUNDS} rounds {low:.3} to {high:.3})");
}

/// Set up as the SDK's own, so that only the SDK's work is compared.
fn bare() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never().max_retries_per_request(0))
        .referer(false)
        .http1_only()
        .no_proxy()
        .user_agent("bare")
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(15))
        .pool_idle_timeout(Duration::from_secs(4))
}

fn bare_client() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    bare().tls_backend_preconfigured(tls).build().unwrap()
}
