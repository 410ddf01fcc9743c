//! Processes that are really killed, each at one of five points, over both databases. The sandbox's inbox is the truth.
//!
//! A run of this file's own test binary is the worker: it aborts at the point that its environment names, which no
//! destructor and no handler outlives. `KWTSMS_KILLS=1000` sets how many.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::client::Client;
use crate::sandbox::{Fault, Sandbox};
use crate::store::{Store, testing};

pub(super) const POINT: &str = "KWTSMS_TEST_KILL_AT";
/// Where a worker stops itself as by SIGSTOP.
pub(super) const STOP: &str = "KWTSMS_TEST_STOP_AT";
const USER: &str = "KWTSMS_TEST_USER";
const AFTER: &str = "KWTSMS_TEST_KILL_AFTER";
const PLACE: &str = "KWTSMS_TEST_STORE";
const JOURNAL: &str = "KWTSMS_TEST_JOURNAL";
const GATEWAY: &str = "KWTSMS_TEST_GATEWAY";

/// The points, in the order in which a batch meets them.
const POINTS: [&str; 5] =
    ["before the claim", "after the claim", "after the request", "after the answer", "while storing"];

/// Numbers of a batch: few, so that many batches are soon sent.
const BATCH: u64 = 200;

/// Aborts the process at the point that its environment names, at the time that it is met for the n-th time, or stops
/// it there the first time, until it is continued and its input is closed.
pub(in crate::campaign) fn may_die(point: &str) {
    static MET: AtomicI64 = AtomicI64::new(0);
    if std::env::var(STOP).is_ok_and(|wanted| wanted == point) && MET.fetch_add(1, Ordering::SeqCst) == 0 {
        Command::new("kill").args(["-STOP", &std::process::id().to_string()]).status().unwrap();
        // The signal is taken by the process's first thread, and this one would go on until that is scheduled.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    }
    if std::env::var(POINT).is_ok_and(|wanted| wanted == point) {
        let after = std::env::var(AFTER).ok().and_then(|after| after.parse().ok()).unwrap_or(0);
        if MET.fetch_add(1, Ordering::SeqCst) == after {
            std::process::abort();
        }
    }
}

/// A worker in a process of its own; not a test, but what the test below runs.
#[tokio::test]
#[ignore = "run by the test of kills"]
async fn a_worker_of_its_own() {
    let (Ok(place), Ok(journal), Ok(gateway)) =
        (std::env::var(PLACE), std::env::var(JOURNAL), std::env::var(GATEWAY))
    else {
        return;
    };
    if std::env::var(POINT).is_ok_and(|point| point == "after the request") {
        // The sandbox answers late: the request was written, and nobody hears of it.
        let after = std::env::var(AFTER).ok().and_then(|after| after.parse().ok()).unwrap_or(0u64);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(40 + 25 * after)).await;
            std::process::abort();
        });
    }
    let store = Store::open(place).await.unwrap();
    let user = std::env::var(USER).unwrap();
    let client = Client::builder(user, "password").base_url(gateway).sender_id("KWT-TEST").unpaced();
    let work = client.build().unwrap().work(&store).journal(journal).until_done();
    work.start().await.unwrap().finished().await.unwrap();
}

/// A worker in a process of its own.
pub(super) fn worker(place: &str, journal: &Path, gateway: &str, user: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "campaign::tests::kills::a_worker_of_its_own", "--ignored", "--quiet"])
        .env(PLACE, place)
        .env(JOURNAL, journal)
        .env(GATEWAY, gateway)
        .env(USER, user)
        .env_remove(POINT)
        .env_remove(STOP)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    command
}

async fn killed(place: &str, kills: u64) {
    let sandbox = Sandbox::builder().drain_per_second(1_000_000).start().await.unwrap();
    sandbox.account("user").set_balance(1_000_000_000);
    sandbox
        .faults()
        .push(Fault::delay(Duration::from_millis(60)).after_accepting().on("send").times(1_000_000));
    let store = Store::open(place).await.unwrap();
    let count = (kills * 3 + 20) * BATCH;
    let rows = (0..count).map(|i| (96_550_000_000 + i).to_string());
    let draft = store.campaign("killed").text("Hello").recipients(rows).load().await.unwrap();
    let campaign = draft.approve().await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let run = |point: Option<&'static str>, after: u64| {
        let mut command = worker(place, journal.path(), sandbox.base_url(), "user");
        if let Some(point) = point {
            command.env(POINT, point).env(AFTER, after.to_string());
        }
        tokio::task::spawn_blocking(move || command.status().unwrap())
    };
    let mut died = HashMap::new();
    for kill in 0..kills {
        let point = POINTS[kill as usize % POINTS.len()];
        let status = run(Some(point), kill / 5 % 3).await.unwrap();
        *died.entry(point).or_insert(0u64) += u64::from(!status.success());
        // Nothing that stands in a final state was sent more or less than that says, at any time.
        let progress = campaign.progress().await.unwrap();
        assert_eq!(progress.total(), count, "after kill {kill} {point}: {progress:?}");
    }
    for _ in 0..3 {
        assert!(run(None, 0).await.unwrap().success());
        if campaign.progress().await.unwrap().is_over() {
            break;
        }
    }
    let progress = campaign.progress().await.unwrap();
    assert_eq!(progress.accepted + progress.unknown, count, "nothing lost: {progress:?}");
    let mut written: HashMap<String, u64> = HashMap::new();
    for message in sandbox.messages() {
        for number in message.numbers() {
            *written.entry(number.clone()).or_default() += 1;
        }
    }
    // The sandbox remembers the newest 10,000 messages: every request of this run is among them.
    assert!(written.values().all(|times| *times == 1), "nothing twice");
    assert!(written.len() as u64 >= progress.accepted, "{} {progress:?}", written.len());
    let in_flight: u64 = kills * 4 * BATCH;
    assert!(progress.unknown <= in_flight, "at most what was in flight: {progress:?}");
    let dead: u64 = died.values().sum();
    assert!(dead * 10 >= kills * 9, "most were killed: {died:?}");
    println!(
        "{kills} kills ({dead} died in the middle: {died:?}): {count} numbers, accepted {}, unknown {}, written {}, twice 0, \
         lost 0",
        progress.accepted,
        progress.unknown,
        written.len()
    );
}

/// How many are killed on each database: a short run here, a long one by `KWTSMS_KILLS`.
fn kills() -> u64 {
    std::env::var("KWTSMS_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(25)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_sent_twice_on_sqlite() {
    let file = testing::sqlite();
    killed(&file.path, kills()).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_nothing_sent_twice_on_postgres() {
    let Some(server) = testing::postgres().await else { return };
    killed(&server.url, kills()).await;
}
