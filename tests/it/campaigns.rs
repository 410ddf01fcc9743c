//! Campaigns and the outbox from outside: workers, faults, restarts, over both databases. The sandbox's inbox is the
//! truth.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{
    Campaign, CampaignOutcome, CampaignProgress, CampaignResult, CampaignState, Client, ClientBuilder,
    Credits, Evidence, OutboxMessage, Resolution, SpendLimit, Store, WaitsFor,
};

use crate::store::testing;

testing::over_both! { World::new:
    a_campaign_is_sent_once_by_several_workers
    a_lost_answer_is_unknown_and_only_a_person_sends_again
    a_code_pauses_the_campaign_for_all_workers
    the_balance_is_evidence_for_what_is_unknown
    a_worker_stops_with_nothing_in_flight
    a_window_that_is_closed_keeps_everything_back
    a_start_that_was_missed_pauses_and_a_resume_sends
    a_test_campaign_is_a_test_and_a_senders_id_its_own
    messages_of_the_outbox_are_sent_once_and_tell_their_outcome
    messages_of_the_outbox_go_by_priority_then_by_age
    a_bad_row_of_the_outbox_does_not_stop_the_others
    a_late_message_is_not_sent_and_a_refused_one_can_be_retried
    an_older_copy_of_the_store_stops_everything
    an_older_copy_stops_the_outbox_however_often_its_worker_is_started
    a_client_whose_requests_may_outlive_a_claim_starts_no_worker
    a_row_goes_with_the_applications_own_transaction
    only_to_keeps_campaigns_and_the_outbox_from_writing_to_others
    a_floor_pauses_campaigns_and_a_spend_limit_and_quiet_hours_keep_them_waiting
}

struct World {
    store: Store,
    url: String,
    sandbox: Sandbox,
    journal: tempfile::TempDir,
}

impl World {
    async fn new(url: &str) -> Self {
        let sandbox = Sandbox::builder().drain_per_second(100_000).in_process();
        sandbox.account("user").set_balance(1_000_000);
        Self {
            store: Store::open(url).await.unwrap(),
            url: url.to_owned(),
            sandbox,
            journal: tempfile::tempdir().unwrap(),
        }
    }

    fn client(&self) -> Client {
        self.guarded(|client| client)
    }

    fn guarded(&self, guards: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        let client = Client::builder("user", "password").transport(self.sandbox.transport());
        guards(client.sender_id("KWT-TEST").unpaced()).build().unwrap()
    }

    async fn campaign(&self, key: &str, count: u64) -> Campaign {
        let draft = self.store.campaign(key).text("Hello").recipients(numbers(count)).load().await.unwrap();
        draft.approve().await.unwrap()
    }

    /// One worker until nothing is left.
    async fn work(&self) {
        let work = self.client().work(&self.store).journal(self.journal.path()).until_done();
        work.start().await.unwrap().finished().await.unwrap();
    }

    async fn work_outbox(&self) {
        let work = self.client().work_outbox(&self.store).journal(self.journal.path()).until_done();
        work.start().await.unwrap().finished().await.unwrap();
    }

    /// How often each number was written to, by the inbox.
    fn written(&self) -> BTreeMap<String, usize> {
        let mut written = BTreeMap::new();
        for message in self.sandbox.messages() {
            for number in message.numbers() {
                *written.entry(number.clone()).or_default() += 1;
            }
        }
        written
    }
}

fn numbers(count: u64) -> impl Iterator<Item = String> + Send + 'static {
    (0..count).map(|i| (96_550_000_000 + i).to_string())
}

async fn until(campaign: &Campaign, reached: impl Fn(&CampaignProgress) -> bool) -> CampaignProgress {
    for _ in 0..600 {
        let progress = campaign.progress().await.unwrap();
        if reached(&progress) {
            return progress;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not reached: {:?}", campaign.progress().await);
}

mod bodies {
    use super::*;

    pub(super) async fn a_campaign_is_sent_once_by_several_workers(world: World) {
        let campaign = world.campaign("all", 5_000).await;
        let workers = (0..4).map(|_| async {
            let work = world.client().work(&world.store).journal(world.journal.path()).until_done();
            work.start().await.unwrap().finished().await.unwrap();
        });
        futures::future::join_all(workers).await;
        let progress = campaign.progress().await.unwrap();
        assert_eq!((progress.accepted, progress.total(), progress.is_over()), (5_000, 5_000, true));
        assert_eq!(progress.points_charged.to_string(), "5000");
        let written = world.written();
        assert_eq!(written.len(), 5_000);
        assert!(written.values().all(|times| *times == 1));
        let outcomes: Vec<_> = campaign.outcomes().map(Result::unwrap).collect().await;
        assert!(outcomes.iter().all(|outcome| outcome.message_id.is_some()));
        // Started again, nothing is left to do.
        world.work().await;
        assert_eq!(world.written().values().sum::<usize>(), 5_000);
    }

    pub(super) async fn a_lost_answer_is_unknown_and_only_a_person_sends_again(world: World) {
        world.sandbox.faults().push(Fault::drop_after_accepting().on("send"));
        world.sandbox.faults().push(Fault::drop_before_reading().on("send"));
        let campaign = world.campaign("lost", 600).await;
        for _ in 0..3 {
            world.work().await;
        }
        let progress = campaign.progress().await.unwrap();
        assert_eq!((progress.accepted, progress.unknown), (200, 400));
        let unknown = campaign.unknown().await.unwrap();
        assert_eq!(unknown.iter().map(|batch| batch.numbers).collect::<Vec<_>>(), [200, 200]);
        let sent = world.written();
        assert_eq!(sent.len(), 400, "one of the two arrived");
        // The person knows which.
        let outcomes: Vec<_> = campaign.outcomes().map(Result::unwrap).collect().await;
        for batch in unknown {
            let outcome = outcomes.iter().find(|outcome| outcome.batch == Some(batch.batch)).unwrap();
            let arrived = sent.contains_key(&outcome.number.unwrap().to_string());
            let said = if arrived { Resolution::Sent } else { Resolution::NotSent };
            campaign.resolve(batch.batch, said).await.unwrap();
            assert!(campaign.resolve(batch.batch, said).await.is_err(), "said once");
        }
        world.work().await;
        assert_eq!(campaign.progress().await.unwrap().accepted, 600);
        let written = world.written();
        assert!(written.len() == 600 && written.values().all(|times| *times == 1));
    }

    pub(super) async fn a_code_pauses_the_campaign_for_all_workers(world: World) {
        world.sandbox.account("user").set_balance(250);
        let campaign = world.campaign("poor", 1_000).await;
        let other = world.campaign("other", 10).await;
        let worker = world.client().work(&world.store).journal(world.journal.path()).start().await.unwrap();
        // What was in flight when the code came goes back.
        let is_paused =
            |progress: &CampaignProgress| progress.state == CampaignState::Paused && progress.sending == 0;
        let progress = until(&campaign, is_paused).await;
        assert_eq!((progress.accepted, progress.refused, progress.planned), (200, 0, 800));
        let Some(WaitsFor::Pause(Some(reason))) = progress.waits_for else { panic!("{progress:?}") };
        assert!(reason.contains("ERR011") || reason.contains("ERR010"), "{reason}");
        assert_eq!(
            other.progress().await.unwrap().state,
            CampaignState::Paused,
            "the account's, all of them"
        );
        world.sandbox.account("user").set_balance(10_000);
        campaign.resume().await.unwrap();
        other.resume().await.unwrap();
        until(&campaign, |progress| progress.accepted == 1_000).await;
        until(&other, |progress| progress.accepted == 10).await;
        worker.stop();
        worker.finished().await.unwrap();
        assert!(world.written().values().all(|times| *times <= 2), "10 numbers stand in both");
    }

    pub(super) async fn the_balance_is_evidence_for_what_is_unknown(world: World) {
        let campaign = world.campaign("evidence", 200).await;
        world.work().await; // now a balance is known with nothing in flight
        for (key, fault, evidence) in [
            ("arrived", Fault::drop_after_accepting(), Evidence::Charged),
            ("lost", Fault::drop_before_reading(), Evidence::NotCharged),
        ] {
            world.sandbox.faults().push(fault.on("send"));
            let rows = numbers(250).skip(200);
            let load = world.store.campaign(key).text("Hello again").recipients(rows).load();
            let next = load.await.unwrap().approve().await.unwrap();
            world.work().await;
            let unknown = next.gather_evidence(&world.client()).await.unwrap();
            assert_eq!(unknown.len(), 1, "{key}");
            assert_eq!(unknown[0].evidence, Some(evidence), "{key}");
            assert_eq!(next.progress().await.unwrap().unknown, 50, "a person decides");
            let sent = key == "arrived";
            next.resolve(unknown[0].batch, if sent { Resolution::Sent } else { Resolution::NotSent })
                .await
                .unwrap();
            if sent {
                // What was resolved is no part of the ledger: the next comparison begins at a known balance.
                let rows = numbers(300).skip(260);
                let load = world.store.campaign("between").text("Hello").recipients(rows).load();
                load.await.unwrap().approve().await.unwrap();
                world.work().await;
            }
        }
        assert_eq!(campaign.progress().await.unwrap().accepted, 200);
    }

    pub(super) async fn a_worker_stops_with_nothing_in_flight(world: World) {
        let campaign = world.campaign("stopped", 4_000).await;
        world.sandbox.faults().push(Fault::delay(Duration::from_millis(300)).on("send").times(100));
        let worker = world.client().work(&world.store).journal(world.journal.path()).start().await.unwrap();
        until(&campaign, |progress| progress.sending > 0).await;
        worker.stop();
        worker.finished().await.unwrap();
        let progress = campaign.progress().await.unwrap();
        assert_eq!((progress.sending, progress.unknown), (0, 0));
        assert!(progress.accepted > 0 && progress.planned > 0, "{progress:?}");
        assert_eq!(world.written().len() as u64, progress.accepted);
        assert_eq!(progress.waits_for, Some(WaitsFor::Workers));
    }

    pub(super) async fn a_window_that_is_closed_keeps_everything_back(world: World) {
        // An hour that is not now, whatever the time is.
        let hour = now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 3_600;
        let closed = format!("{:02}:00-{:02}:30", (hour + 5) % 24, (hour + 5) % 24);
        let draft = world.store.campaign("night").text("Hello").window(closed, "UTC").recipients(numbers(10));
        let campaign = draft.load().await.unwrap().approve().await.unwrap();
        let worker = world.client().work(&world.store).journal(world.journal.path()).start().await.unwrap();
        let progress = until(&campaign, |progress| progress.workers > 0).await;
        assert!(matches!(progress.waits_for, Some(WaitsFor::Until(_))), "{progress:?}");
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert_eq!(campaign.progress().await.unwrap().planned, 10);
        drop(worker);
    }

    pub(super) async fn a_start_that_was_missed_pauses_and_a_resume_sends(world: World) {
        let campaign = world.campaign("missed", 300).await;
        // Approved before its start, and no worker ran for hours after it.
        beside(&world, "UPDATE kwtsms_campaign SET approved_at = 1000, not_before = 2000").await;
        world.work().await;
        let progress = campaign.progress().await.unwrap();
        assert_eq!((progress.state, progress.planned), (CampaignState::Paused, 300));
        let Some(WaitsFor::Pause(Some(reason))) = progress.waits_for else { panic!("{progress:?}") };
        assert!(reason.contains("missed"), "{reason}");
        campaign.resume().await.unwrap();
        world.work().await;
        assert_eq!(campaign.progress().await.unwrap().accepted, 300);
    }

    pub(super) async fn only_to_keeps_campaigns_and_the_outbox_from_writing_to_others(world: World) {
        let staging = world.guarded(|client| client.only_to(["96550000001", "96550000003"]));
        // Loaded without the guard: nothing of it is sent.
        let all = world.campaign("all", 5).await;
        let work = staging.work(&world.store).journal(world.journal.path()).until_done();
        work.start().await.unwrap().finished().await.unwrap();
        let progress = all.progress().await.unwrap();
        assert_eq!((progress.state, progress.planned), (CampaignState::Paused, 5));
        let Some(WaitsFor::Pause(Some(why))) = progress.waits_for else { panic!("{progress:?}") };
        assert!(why.contains("only_to"), "{why}");
        // Loaded with it: the others are left out, each with its reason.
        let some = world.store.campaign("some").text("Hello").only_to("96550000001,96550000003");
        some.recipients(numbers(5)).load().await.unwrap().approve().await.unwrap();
        let work = staging.work(&world.store).journal(world.journal.path()).until_done();
        work.start().await.unwrap().finished().await.unwrap();
        let some = world.store.find_campaign("some").await.unwrap().unwrap();
        let outcomes: Vec<CampaignOutcome> = some.outcomes().map(Result::unwrap).collect().await;
        let left_out: Vec<_> = outcomes.iter().filter(|row| row.result == CampaignResult::Invalid).collect();
        assert_eq!((left_out.len(), outcomes.len()), (3, 5));
        assert!(left_out[0].reason.as_ref().unwrap().contains("only_to"));
        assert_eq!(left_out[0].input, "96550000000");

        for (key, number) in [("one", "96550000001"), ("two", "96550000002")] {
            let message = OutboxMessage::new(key, number, "Your order");
            world.store.enqueue(message).await.unwrap();
        }
        let work = staging.work_outbox(&world.store).journal(world.journal.path()).until_done();
        work.start().await.unwrap().finished().await.unwrap();
        let outcome = world.store.outbox_outcome("two").await.unwrap().unwrap();
        assert_eq!((outcome.state.as_str(), outcome.attempts), ("invalid", 1));
        assert!(outcome.reason.unwrap().contains("only_to"));
        let written: Vec<_> = world.written().into_keys().collect();
        assert_eq!(written, ["96550000001", "96550000003"]);
    }

    pub(super) async fn a_floor_pauses_campaigns_and_a_spend_limit_and_quiet_hours_keep_them_waiting(
        world: World,
    ) {
        world.sandbox.account("user").set_balance(300);
        let campaign = world.campaign("one", 400).await;
        let floor = world.guarded(|client| client.balance_floor(Credits::from_int(100)));
        let work = floor.work(&world.store).journal(world.journal.path()).until_done();
        work.start().await.unwrap().finished().await.unwrap();
        let progress = campaign.progress().await.unwrap();
        assert_eq!((progress.state, progress.planned), (CampaignState::Paused, 200));
        let Some(WaitsFor::Pause(Some(why))) = progress.waits_for else { panic!("{progress:?}") };
        assert!(why.contains("floor of 100") && why.contains("top up"), "{why}");

        world.sandbox.account("user").set_balance(1_000);
        campaign.resume().await.unwrap();
        let says = |says: &'static str| move |progress: &CampaignProgress| matches!(&progress.waits_for, Some(WaitsFor::Worker(why)) if why.contains(says));
        let quiet = world.guarded(|client| client.quiet_hours("00:00-24:00", "Asia/Kuwait"));
        let worker = quiet.work(&world.store).journal(world.journal.path()).start().await.unwrap();
        until(&campaign, says("quiet hours")).await;
        worker.stop();
        worker.finished().await.unwrap();
        let limit = SpendLimit::new().per_hour(Credits::from_int(250));
        let limited = world.guarded(|client| client.spend_limit(limit));
        limited.send(numbers(300).skip(200).collect::<Vec<_>>(), "Hello").test_mode(true).await.unwrap();
        limited
            .send((0..100).map(|i| (96_560_000_000u64 + i).to_string()).collect::<Vec<_>>(), "Hello")
            .await
            .unwrap();
        let worker = limited.work(&world.store).journal(world.journal.path()).start().await.unwrap();
        until(&campaign, says("spend limit")).await;
        assert_eq!(campaign.progress().await.unwrap().planned, 200);
        worker.stop();
        worker.finished().await.unwrap();
    }

    pub(super) async fn a_test_campaign_is_a_test_and_a_senders_id_its_own(world: World) {
        let draft = world.store.campaign("test").text("Hello").test_mode(true).sender("KWT-SMS");
        draft.recipients(numbers(2)).load().await.unwrap().approve().await.unwrap();
        world.work().await;
        let messages = world.sandbox.messages();
        assert_eq!(messages.len(), 1);
        assert!(messages[0].is_test());
        assert_eq!(messages[0].sender(), "KWT-SMS");
    }

    pub(super) async fn messages_of_the_outbox_are_sent_once_and_tell_their_outcome(world: World) {
        let store = &world.store;
        for i in 0..5 {
            let message = OutboxMessage::new(
                format!("order-{i}"),
                96_550_000_000_u64 + i,
                if i < 3 { "Your order is shipped".to_owned() } else { format!("Order {i} is ready") },
            );
            assert!(store.enqueue(message.clone()).await.unwrap());
            assert!(!store.enqueue(message).await.unwrap(), "the same key twice is one message");
        }
        assert_eq!(store.outbox_status().await.unwrap().planned, 5);
        world.work_outbox().await;
        assert_eq!(store.outbox_status().await.unwrap().accepted, 5);
        assert_eq!(world.sandbox.messages().len(), 3, "equal texts to several numbers go together");
        let outcome = store.outbox_outcome("order-1").await.unwrap().unwrap();
        assert_eq!((outcome.state.as_str(), outcome.attempts), ("accepted", 1));
        assert!(outcome.message_id.is_some());

        world.sandbox.faults().push(Fault::drop_after_accepting().on("send"));
        store.enqueue(OutboxMessage::new("lost", "96551112222", "Hi")).await.unwrap();
        world.work_outbox().await;
        world.work_outbox().await;
        assert_eq!(store.outbox_status().await.unwrap().unknown, 1);
        assert!(store.retry_outbox("lost").await.is_err(), "only a person says that it was not sent");
        store.resolve_outbox("lost", Resolution::Sent).await.unwrap();
        assert!(world.written().values().all(|times| *times == 1));
        assert_eq!(store.forget_outbox(Duration::ZERO).await.unwrap(), 6);
    }

    pub(super) async fn messages_of_the_outbox_go_by_priority_then_by_age(world: World) {
        for (n, (text, priority)) in [("c", 0), ("a", 5), ("d", 0), ("b", 5), ("e", -1)].iter().enumerate() {
            let number = 96_550_000_000 + n as u64;
            let message = OutboxMessage::new(*text, number, *text).priority(*priority);
            world.store.enqueue(message).await.unwrap();
        }
        let work = world.client().work_outbox(&world.store).journal(world.journal.path()).max_in_flight(1);
        work.until_done().start().await.unwrap().finished().await.unwrap();
        let sent: Vec<_> = world.sandbox.messages().iter().map(|message| message.text().to_owned()).collect();
        assert_eq!(sent, ["a", "b", "c", "d", "e"]);
    }

    pub(super) async fn a_bad_row_of_the_outbox_does_not_stop_the_others(world: World) {
        let store = &world.store;
        let long = "x".repeat(5_000);
        for (key, number, text) in [
            ("no-number", "abc", "Hello"),
            ("good-1", "96550000001", "Hello"),
            ("too-long", "96550000002", long.as_str()),
            ("twice", "96550000001", "Hello"),
            ("good-2", "96550000003", "Hello"),
            ("no-route", "447700900123", "Hi"),
        ] {
            store.enqueue(OutboxMessage::new(key, number, text)).await.unwrap();
        }
        let worker = world.client().work_outbox(store).journal(world.journal.path()).start().await.unwrap();
        loop {
            let status = store.outbox_status().await.unwrap();
            if status.accepted == 2 && status.invalid == 2 && status.refused == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        worker.stop();
        worker.finished().await.unwrap();
        let mut states = BTreeMap::new();
        for key in ["no-number", "good-1", "too-long", "twice", "good-2", "no-route"] {
            states.insert(key, store.outbox_outcome(key).await.unwrap().unwrap().state);
        }
        let wanted = [
            ("no-number", "invalid"),
            ("good-1", "accepted"),
            ("too-long", "invalid"),
            ("twice", "planned"), // until the 15 seconds are over
            ("good-2", "accepted"),
            ("no-route", "refused"),
        ];
        assert_eq!(states, wanted.map(|(key, state)| (key, state.to_owned())).into());
    }

    pub(super) async fn a_late_message_is_not_sent_and_a_refused_one_can_be_retried(world: World) {
        let store = &world.store;
        let past = now() - Duration::from_secs(60);
        let late = OutboxMessage::new("late", "96550000001", "Hello").not_after(past);
        store.enqueue(late).await.unwrap();
        world.sandbox.faults().push(Fault::code("ERR031").on("send"));
        store.enqueue(OutboxMessage::new("refused", "96550000002", "Hello").priority(1)).await.unwrap();
        world.work_outbox().await;
        let status = store.outbox_status().await.unwrap();
        assert_eq!((status.not_attempted, status.refused), (1, 1));
        assert!(world.sandbox.messages().is_empty());
        let outcome = store.outbox_outcome("refused").await.unwrap().unwrap();
        assert_eq!(outcome.code.as_deref(), Some("ERR031"));
        store.retry_outbox("refused").await.unwrap();
        world.work_outbox().await;
        assert_eq!(store.outbox_status().await.unwrap().accepted, 1);
    }

    pub(super) async fn an_older_copy_of_the_store_stops_everything(world: World) {
        let campaign = world.campaign("copied", 600).await;
        world.work().await;
        assert_eq!(campaign.progress().await.unwrap().accepted, 600);
        // The copy knows nothing of what was sent since it was made.
        rewind(&world).await;
        let work = world.client().work(&world.store).journal(world.journal.path()).until_done();
        let error = work.start().await.unwrap().finished().await.unwrap_err();
        assert!(error.to_string().contains("older copy"), "{error}");
        let progress = campaign.progress().await.unwrap();
        assert_eq!((progress.state, progress.planned), (CampaignState::Paused, 600));
        assert_eq!(world.written().values().sum::<usize>(), 600, "nothing was sent again");
        // Whoever has compared it resumes, and starts with journals that know nothing of what was lost.
        campaign.resume().await.unwrap();
        let journal = tempfile::tempdir().unwrap();
        let work = world.client().work(&world.store).journal(journal.path()).until_done();
        work.start().await.unwrap().finished().await.unwrap();
        assert_eq!(campaign.progress().await.unwrap().accepted, 600);
    }

    pub(super) async fn an_older_copy_stops_the_outbox_however_often_its_worker_is_started(world: World) {
        for n in 0..4u64 {
            let message = OutboxMessage::new(format!("order-{n}"), 96_550_000_000 + n, format!("Order {n}"));
            world.store.enqueue(message).await.unwrap();
        }
        world.work_outbox().await;
        assert_eq!(world.written().len(), 4);
        beside(
            &world,
            "UPDATE kwtsms_outbox SET state = 'planned', claim = NULL; UPDATE kwtsms_granted SET n = 1;",
        )
        .await;
        // As whatever starts it again when it ends with an error.
        for _ in 0..6 {
            let work = world.client().work_outbox(&world.store).journal(world.journal.path()).until_done();
            let error = work.start().await.unwrap().finished().await.unwrap_err();
            assert!(error.to_string().contains("older copy"), "{error}");
        }
        assert!(world.written().values().all(|times| *times == 1), "nothing was sent again");
        assert_eq!(world.store.outbox_status().await.unwrap().planned, 4);
    }

    pub(super) async fn a_client_whose_requests_may_outlive_a_claim_starts_no_worker(world: World) {
        let client = |seconds| world.guarded(|client| client.timeout(Duration::from_secs(seconds)));
        let error = client(46).work(&world.store).journal(world.journal.path()).start().await.unwrap_err();
        assert_eq!(error.kind(), kwtsms_async::ErrorKind::Config, "{error}");
        assert!(client(46).work_outbox(&world.store).journal(world.journal.path()).start().await.is_err());
        let work = client(45).work(&world.store).journal(world.journal.path()).until_done();
        work.start().await.unwrap().finished().await.unwrap();
    }

    pub(super) async fn a_row_goes_with_the_applications_own_transaction(world: World) {
        const INSERT: &str = "INSERT INTO kwtsms_outbox (key, number, text) \
             VALUES ('order-4711-shipped', '96598765432', 'Your order 4711 is shipped') ON CONFLICT (key) DO NOTHING;";
        beside(&world, &format!("BEGIN; {INSERT} ROLLBACK;")).await;
        assert_eq!(world.store.outbox_status().await.unwrap().planned, 0, "the order was never made");
        beside(&world, &format!("BEGIN; {INSERT} COMMIT; BEGIN; {INSERT} COMMIT;")).await;
        assert_eq!(world.store.outbox_status().await.unwrap().planned, 1);
        world.work_outbox().await;
        let outcome = world.store.outbox_outcome("order-4711-shipped").await.unwrap().unwrap();
        assert_eq!(outcome.state, "accepted");
    }

    /// Puts the rows back to what they were before anything was sent.
    async fn rewind(world: &World) {
        let sql = "UPDATE kwtsms_batch SET state = 0, fence = 0, attempt = 0, claim = NULL;
                   UPDATE kwtsms_granted SET n = 0; DELETE FROM kwtsms_request;";
        beside(world, sql).await;
    }

    /// Runs SQL as an application does that knows nothing of this crate.
    async fn beside(world: &World, sql: &str) {
        if world.url.starts_with("postgres") {
            #[cfg(feature = "postgres")]
            {
                let (base, schema) = world.url.split_once("schema=").unwrap();
                let base = base.trim_end_matches(['?', '&']);
                let (client, connection) =
                    tokio_postgres::connect(base, tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                client.batch_execute(&format!("SET search_path = {schema}; {sql}")).await.unwrap();
            }
        } else {
            rusqlite::Connection::open(&world.url).unwrap().execute_batch(sql).unwrap();
        }
    }
}

#[tokio::test]
async fn a_store_that_is_deleted_and_begun_anew_is_no_older_copy() {
    let file = testing::sqlite();
    for _ in 0..2 {
        let world = World::new(&file.path).await;
        let campaign = world.campaign("eid-2027", 600).await;
        // Its journal stays beside the file.
        let work = world.client().work(&world.store).until_done();
        work.start().await.unwrap().finished().await.unwrap();
        assert_eq!(campaign.progress().await.unwrap().accepted, 600);
        drop((campaign, world));
        for beside in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{beside}", file.path));
        }
    }
}

#[allow(clippy::disallowed_methods)] // times of an application, which has a clock of its own
fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}
