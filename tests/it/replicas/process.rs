//! A replica: this test binary again, with one test that is told what to do.

use std::process::{Command, Stdio};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};
use kwtsms_async::{Client, ErrorKind, Limiter, Rates, Store};
use tokio::time::Instant;

use crate::owned::{Owned, with_a_clock_off_by};

const TOLD: &str = "KWTSMS_TEST_REPLICA";

/// What a replica does until its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    Both,
    Bulk,
    /// Opens the store, joins the scope and closes it, again and again.
    Opens,
}

/// A command that is told what its replica does.
fn command(
    mut program: Command,
    store: &str,
    gateway: &str,
    who: usize,
    does: Does,
    seconds: u64,
) -> Command {
    let does = match does {
        Does::Both => "both",
        Does::Bulk => "bulk",
        Does::Opens => "opens",
    };
    program
        .args(["--exact", "replicas::process::replica", "--ignored", "--nocapture"])
        .env(TOLD, format!("{store} {gateway} {who} {does} {seconds}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    program
}

pub(super) struct Replica(Owned);

impl Replica {
    /// Starts one that sends through a gateway, paced by a store.
    pub(super) fn start(store: &str, gateway: &str, who: usize, does: Does, seconds: u64) -> Self {
        let this = Command::new(std::env::current_exe().unwrap());
        Self(Owned::spawn(&mut command(this, store, gateway, who, does, seconds)))
    }

    /// The same with another clock than the machine's, so many seconds off.
    pub(super) fn start_off_by(off: i64, store: &str, gateway: &str, who: usize, seconds: u64) -> Self {
        let mut program = with_a_clock_off_by(&format!("{off:+}s"));
        // Only what tells the time of the day: timers are the kernel's, and would be off by as much.
        program.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
        Self(Owned::spawn_group(&mut command(program, store, gateway, who, Does::Both, seconds)))
    }

    /// Sends it a signal by name.
    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end. Gives how many of its calls failed, and how late it was woken at the worst.
    pub(super) async fn end(self) -> (u64, Duration) {
        let output = tokio::task::spawn_blocking(|| self.0.output()).await.unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let told = said.lines().find_map(|line| line.strip_prefix("replica: ")).expect("it says what it did");
        println!("{told}");
        let figure = |at: usize| told.split(' ').nth(at).unwrap().parse::<u64>().unwrap();
        (figure(0), Duration::from_millis(figure(2)))
    }
}

async fn limiter(store: &str) -> Result<Limiter, kwtsms_async::Error> {
    #[cfg(feature = "redis")]
    if store.starts_with("redis") {
        return Limiter::redis(store, "office", Rates::default()).await;
    }
    Limiter::shared(&Store::open(store).await?, "office", Rates::default()).await
}

/// How late this process is woken at the worst: what a busy machine adds.
pub(super) async fn lateness(end: Instant) -> Duration {
    let mut worst = Duration::ZERO;
    while Instant::now() < end {
        let due = Instant::now() + Duration::from_millis(10);
        tokio::time::sleep_until(due).await;
        worst = worst.max(due.elapsed());
    }
    worst
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test, in a process of its own"]
async fn replica() {
    let Ok(told) = std::env::var(TOLD) else { return };
    let told: Vec<_> = told.split(' ').collect();
    let [store, gateway, who, does, seconds] = told[..] else { panic!("{told:?}") };
    let (who, seconds): (u64, u64) = (who.parse().unwrap(), seconds.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    if does == "opens" {
        let mut opened = 0;
        while Instant::now() < end {
            limiter(store).await.unwrap();
            opened += 1;
        }
        println!("replica: 0 failures, 0 ms late, opened {opened} times");
        return;
    }
    let client = Client::builder("user", "password")
        .sender_id("KWT-TEST")
        .base_url(gateway)
        .limiter(limiter(store).await.unwrap())
        .build()
        .unwrap();
    let mut failures = Vec::new();
    let mut bulk_failures = Vec::new();

    let single = async {
        if does == "bulk" {
            return;
        }
        let mut waiting: FuturesUnordered<_> = (0..3).map(|_| client.balance()).collect();
        while let Ok(Some(balance)) = tokio::time::timeout_at(end, waiting.next()).await {
            failures.extend(balance.err());
            waiting.push(client.balance());
        }
    };
    let bulk = async {
        // Kuwaiti mobile numbers of this replica's own, each once.
        let mut numbers = (0..2_000_000u64).map(|i| (96_550_000_000 + who * 2_000_000 + i).to_string());
        while Instant::now() < end {
            let some: Vec<_> = numbers.by_ref().take(60_000).collect();
            let mut batches = client.bulk(stream::iter(some), "Hello");
            while let Ok(Some(batch)) = tokio::time::timeout_at(end, batches.next()).await {
                bulk_failures.extend(batch.result().err().cloned());
            }
        }
    };
    let (late, ..) = tokio::join!(lateness(end), single, bulk);
    failures.append(&mut bulk_failures);
    // What a store can end calls with; anything else is a defect.
    let unexpected =
        failures.iter().find(|error| !matches!(error.kind(), ErrorKind::Store | ErrorKind::Stopped));
    assert!(unexpected.is_none(), "{unexpected:?}");
    println!("replica: {} failures, {} ms late", failures.len(), late.as_millis());
}
