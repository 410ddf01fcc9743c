//! What goes wrong under a running campaign: databases that are gone, disks that are full, copies that are restored, codes
//! and windows in the middle. At the sandbox's HTTP door, whose inbox is the truth.

#![allow(clippy::print_stderr)] // where something is missing, the test says so

mod disks;
mod process;
#[cfg(feature = "postgres")]
mod servers;

use std::collections::BTreeMap;
use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{Campaign, CampaignProgress, CampaignState, Client, ClientBuilder, Store, WaitsFor, Work};

use crate::store::testing;

testing::over_both! { World::new:
    a_copy_that_is_restored_under_a_running_campaign_stops_it
    a_pause_during_a_long_wait_for_a_slot_is_kept
    a_window_that_closes_in_the_middle_keeps_the_rest_back
    a_code_that_one_of_four_workers_meets_stops_all_of_them
}

struct World {
    store: Store,
    url: String,
    sandbox: Sandbox,
    journal: tempfile::TempDir,
}

impl World {
    async fn new(url: &str) -> Self {
        let sandbox = Sandbox::builder().drain_per_second(1_000_000).start().await.unwrap();
        sandbox.account("user").set_balance(10_000_000);
        let store = Store::open(url).await.unwrap();
        Self { store, url: url.to_owned(), sandbox, journal: tempfile::tempdir().unwrap() }
    }

    fn builder(&self) -> ClientBuilder {
        Client::builder("user", "password").base_url(self.sandbox.base_url()).sender_id("KWT-TEST")
    }

    fn work(&self) -> Work {
        self.builder().unpaced().build().unwrap().work(&self.store).journal(self.journal.path())
    }

    /// Each send is answered so much later; it is accepted at once.
    fn slow(&self, answer: Duration) {
        self.sandbox.faults().push(Fault::delay(answer).after_accepting().on("send").times(100_000));
    }

    async fn campaign(&self, key: &str, count: u64) -> Campaign {
        let rows = (0..count).map(|i| (96_550_000_000 + i).to_string());
        let draft = self.store.campaign(key).text("Hello").account("user").recipients(rows).load().await;
        draft.unwrap().approve().await.unwrap()
    }

    fn sends(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.endpoint() == "send").count()
    }

    /// How many numbers were written to, by the inbox; none of them twice.
    #[track_caller]
    fn written(&self) -> u64 {
        let mut written = BTreeMap::<String, u64>::new();
        for message in self.sandbox.messages() {
            for number in message.numbers() {
                *written.entry(number.clone()).or_default() += 1;
            }
        }
        assert!(written.values().all(|times| *times == 1), "nothing twice");
        written.len() as u64
    }

    /// Runs SQL as somebody else does.
    async fn beside(&self, sql: &str) {
        if self.url.starts_with("postgres") {
            #[cfg(feature = "postgres")]
            {
                let (base, schema) = self.url.split_once("schema=").unwrap();
                let base = base.trim_end_matches(['?', '&']);
                let (client, connection) =
                    tokio_postgres::connect(base, tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                client.batch_execute(&format!("SET search_path = {schema}; {sql}")).await.unwrap();
            }
        } else {
            let connection = rusqlite::Connection::open(&self.url).unwrap();
            connection.busy_timeout(Duration::from_secs(10)).unwrap();
            connection.execute_batch(sql).unwrap();
        }
    }
}

/// Waits until something is so.
async fn until(what: &str, reached: impl AsyncFn() -> bool) {
    for _ in 0..1_200 {
        if reached().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come about: {what}");
}

/// Waits until a campaign is so far.
async fn reached(campaign: &Campaign, so_far: impl Fn(&CampaignProgress) -> bool) -> CampaignProgress {
    for _ in 0..1_200 {
        // A store that is gone is asked again.
        if let Ok(progress) = campaign.progress().await
            && so_far(&progress)
        {
            return progress;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not reached: {:?}", campaign.progress().await);
}

mod bodies {
    use super::*;

    pub(super) async fn a_copy_that_is_restored_under_a_running_campaign_stops_it(world: World) {
        let campaign = world.campaign("copied", 20_000).await;
        world.slow(Duration::from_millis(100));
        let worker = world.work().until_done().start().await.unwrap();
        reached(&campaign, |progress| progress.accepted >= 400).await;
        world
            .beside(
                "CREATE TABLE old_batch AS SELECT * FROM kwtsms_batch;
                 CREATE TABLE old_granted AS SELECT * FROM kwtsms_granted;",
            )
            .await;
        let sends = world.sends();
        until("more is sent", async || world.sends() >= sends + 8).await;
        world
            .beside(
                "BEGIN; DELETE FROM kwtsms_batch; INSERT INTO kwtsms_batch SELECT * FROM old_batch;
                 UPDATE kwtsms_granted SET n = (SELECT n FROM old_granted); DELETE FROM kwtsms_request; COMMIT;",
            )
            .await;
        let error = worker.finished().await.unwrap_err();
        assert!(error.to_string().contains("older copy"), "{error}");
        assert_eq!(campaign.progress().await.unwrap().state, CampaignState::Paused);
        world.written(); // nothing twice
    }

    pub(super) async fn a_pause_during_a_long_wait_for_a_slot_is_kept(world: World) {
        let campaign = world.campaign("slow", 2_000).await;
        // One start in two seconds: all the while a worker waits for its turn, and holds nothing.
        let client = world.builder().rates(0.5, 0.5).build().unwrap();
        let worker = client.work(&world.store).journal(world.journal.path()).start().await.unwrap();
        reached(&campaign, |progress| progress.accepted >= 200).await;
        campaign.pause().await.unwrap();
        let sends = world.sends();
        let progress = campaign.progress().await.unwrap();
        assert_eq!((progress.sending, progress.unknown), (0, 0));
        tokio::time::sleep(Duration::from_millis(2_500)).await; // its turn comes meanwhile
        assert_eq!(world.sends(), sends, "nothing leaves after the pause");
        campaign.resume().await.unwrap();
        until("it goes on", async || world.sends() > sends).await;
        worker.stop();
        worker.finished().await.unwrap();
        world.written();
    }

    pub(super) async fn a_window_that_closes_in_the_middle_keeps_the_rest_back(world: World) {
        let campaign = world.campaign("hours", 6_000).await;
        world.slow(Duration::from_millis(150));
        let worker = world.work().start().await.unwrap();
        reached(&campaign, |progress| progress.accepted >= 400).await;
        // It closes now, with batches in flight, and opens again in an hour.
        let now = if world.url.starts_with("postgres") {
            "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)"
        } else {
            "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
        };
        let close = format!(
            "UPDATE kwtsms_campaign SET open_from = {now} + 3600000000, open_until = {now} + 7200000000"
        );
        world.beside(&close).await;
        let progress = reached(&campaign, |progress| progress.sending == 0).await;
        assert!(matches!(progress.waits_for, Some(WaitsFor::Until(_))), "{progress:?}");
        // What was in flight was answered, and is not lost.
        assert_eq!((progress.unknown, progress.accepted + progress.planned), (0, 6_000), "{progress:?}");
        let sends = world.sends();
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert_eq!(world.sends(), sends);
        assert!(progress.planned > 0);
        world.beside("UPDATE kwtsms_campaign SET open_from = 0").await;
        world.sandbox.faults().clear();
        reached(&campaign, |progress| progress.accepted == 6_000).await;
        drop(worker);
        assert_eq!(world.written(), 6_000);
    }

    pub(super) async fn a_code_that_one_of_four_workers_meets_stops_all_of_them(world: World) {
        let campaign = world.campaign("doomed", 8_000).await;
        world
            .sandbox
            .faults()
            .push(Fault::delay(Duration::from_millis(50)).after_accepting().on("send").times(6));
        world.sandbox.faults().push(Fault::code("ERR003").on("send"));
        world.slow(Duration::from_millis(300));
        let mut workers = Vec::new();
        for _ in 0..4 {
            workers.push(world.work().max_in_flight(2).start().await.unwrap());
        }
        let progress = reached(&campaign, |progress| progress.state == CampaignState::Paused).await;
        let Some(WaitsFor::Pause(Some(reason))) = progress.waits_for else { panic!("{progress:?}") };
        assert!(reason.contains("ERR003"), "{reason}");
        campaign.pause().await.unwrap(); // returns when nothing is in flight
        let progress = campaign.progress().await.unwrap();
        let sends = world.sends();
        assert_eq!((progress.refused, progress.unknown), (0, 0), "the batch of the code is planned again");
        assert!(progress.planned > 0, "{progress:?}");
        tokio::time::sleep(Duration::from_millis(700)).await; // longer than a worker waits between two looks
        assert_eq!(world.sends(), sends, "none of the four goes on");
        campaign.resume().await.unwrap();
        world.sandbox.faults().clear();
        reached(&campaign, |progress| progress.accepted == 8_000).await;
        for worker in workers {
            worker.stop();
            worker.finished().await.unwrap();
        }
        assert_eq!(world.written(), 8_000);
    }
}

/// Time is handed in: the sandbox and the worker wait by Tokio's clock, and SQLite has no socket that needs the real one.
#[tokio::test(start_paused = true)]
async fn half_an_hour_of_a_full_queue_is_waited_for() {
    const REFUSALS: usize = 17; // 30 s, 60 s, then 120 s each
    let file = testing::sqlite();
    let store = Store::open(&file.path).await.unwrap();
    let sandbox = Sandbox::in_process();
    sandbox.account("user").set_balance(1_000);
    sandbox.faults().push(Fault::code("ERR013").on("send").times(REFUSALS));
    let rows = (0..400u64).map(|i| (96_550_000_000 + i).to_string());
    let draft = store.campaign("full").text("Hello").recipients(rows).load().await.unwrap();
    let campaign = draft.approve().await.unwrap();
    let client = Client::builder("user", "password").transport(sandbox.transport()).sender_id("KWT-TEST");
    let journal = tempfile::tempdir().unwrap();
    let work = client.build().unwrap().work(&store).journal(journal.path()).max_in_flight(1).until_done();
    let began = tokio::time::Instant::now();
    let worker = work.start().await.unwrap();
    let mut said = false;
    while !campaign.progress().await.unwrap().is_over() {
        let waits = campaign.progress().await.unwrap().waits_for;
        said |= matches!(waits, Some(WaitsFor::Worker(says)) if says.contains("ERR013"));
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    worker.finished().await.unwrap();
    assert!(said, "it says what it waits for");
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(30 * 60), "{waited:?}");
    let sends = sandbox.requests().iter().filter(|request| request.endpoint() == "send").count();
    assert_eq!(sends, REFUSALS + 2, "asked no oftener than that");
    let progress = campaign.progress().await.unwrap();
    assert_eq!((progress.accepted, progress.unknown, sandbox.messages().len()), (400, 0, 2));
}
