//! The rows of campaigns over both databases.

mod evidence;
#[cfg(feature = "sandbox")]
pub(super) mod kills;
mod messages;
#[cfg(feature = "sandbox")]
mod order;
mod plans;
#[cfg(all(feature = "sandbox", unix))]
mod stops;
#[cfg(all(feature = "sandbox", feature = "postgres"))]
mod wakes;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;

use super::rows::{Learned, packed};
use super::state::{Event, Standing, State, Verdict, after, tests::events};
use super::*;
use crate::store::{Statement, Store, testing};

testing::over_both! { opened:
    the_sql_of_each_transition_is_the_pure_function
    a_campaign_is_cut_into_batches_and_every_row_is_accounted_for
    the_same_key_twice_makes_one_campaign
    a_load_that_broke_off_is_begun_anew_and_one_that_was_overtaken_stops
    a_missing_column_is_an_error_with_its_line_and_nothing_can_be_sent
    equal_texts_share_a_request
    batches_are_claimed_by_priority_then_by_age
    four_claimers_take_each_batch_once
    a_source_that_fails_never_leaves_a_campaign_ready
    a_claim_whose_commit_was_not_answered_is_given_back
    pause_returns_when_nothing_is_in_flight
    several_that_sweep_at_once_end_each_claim_once
    what_is_over_or_cancelled_ends_not_attempted
    batches_are_cut_at_2500_characters
    nothing_is_claimed_before_it_is_approved_nor_outside_its_hours_and_times
    a_start_that_was_missed_is_not_claimed
    outcomes_are_read_in_pages
    forgotten_campaigns_keep_their_batches_and_no_number
}

async fn opened(at: &str) -> Store {
    Store::open(at).await.unwrap()
}

async fn raw(store: &Store, sql: &'static str) -> Vec<crate::store::Row> {
    store.run(vec![Statement::new(sql, vec![])]).await.unwrap().unwrap().remove(0)
}

async fn running(store: &Store, key: &str, rows: impl IntoIterator<Item = String>) -> Campaign {
    let rows: Vec<_> = rows.into_iter().collect();
    let draft = store.campaign(key).text("Hello").account("user").recipients(rows).load().await.unwrap();
    draft.approve().await.unwrap()
}

fn numbers(count: u64) -> impl Iterator<Item = String> {
    (0..count).map(|i| (96_550_000_000 + i).to_string())
}

async fn outcomes(campaign: &Campaign) -> Vec<CampaignOutcome> {
    campaign.outcomes().map(Result::unwrap).collect().await
}

async fn claim_message(store: &Store) -> Option<rows::Claimed> {
    let rules = crate::phone::PhoneRules::default();
    store.claim_messages(9, rules, &crate::phone::OnlyTo::default()).await.unwrap()
}

/// Every state under the fence 7 with every event, and what the pure function makes of it.
fn transitions() -> Vec<(Standing, Event, Standing)> {
    let mut all = Vec::new();
    for state in State::ALL {
        for event in events(7) {
            let from = Standing { state, fence: 7 };
            all.push((from, event, after(from, event).unwrap_or(from)));
        }
    }
    assert_eq!(all.iter().filter(|(from, _, wanted)| wanted != from).count(), 11);
    all
}

mod bodies {
    use super::*;

    /// Puts one batch into a state and lets an event happen to it by SQL.
    async fn by_sql(store: &Store, campaign: &Campaign, from: Standing, event: Event) -> Standing {
        let batch = rows::batch_id(campaign.id, 1);
        let set = "UPDATE kwtsms_batch SET state = $2, fence = $3, claim = NULL, worker = 1, sent_at = {now}, not_before = 0,
                   expires_at = CASE WHEN $4 = 1 THEN {now} - 1 ELSE {now} + 60000000 END
                   WHERE id = $1 RETURNING id";
        let expired = i64::from(event == Event::Expire);
        let values = vec![batch.into(), from.state.stored().into(), from.fence.into(), expired.into()];
        store.run_one(set, values).await.unwrap();
        let move_to = if event == Event::Close { "4" } else { "2" };
        store
            .run_one(
                format!("UPDATE kwtsms_campaign SET state = {move_to} WHERE id = $1 RETURNING id"),
                vec![campaign.id.into()],
            )
            .await
            .unwrap();
        match event {
            Event::Claim => drop(store.claim_batch("user", 7).await.unwrap()),
            Event::Settle { fence, verdict } => {
                store.settle_batch(batch, fence, verdict, &Learned::default()).await.unwrap();
            }
            Event::Expire | Event::Close => while store.sweep_batches().await.unwrap() {},
            Event::Resolve(resolution) => {
                store.resolve_batch(campaign.id, batch, resolution).await.unwrap();
            }
        }
        let rows = store
            .select("SELECT state, fence FROM kwtsms_batch WHERE id = $1", vec![batch.into()])
            .await
            .unwrap();
        Standing { state: State::read(rows[0].int(0)).unwrap(), fence: rows[0].int(1) }
    }

    pub(super) async fn the_sql_of_each_transition_is_the_pure_function(store: Store) {
        let campaign = running(&store, "one", numbers(1)).await;
        for (from, event, wanted) in transitions() {
            assert_eq!(by_sql(&store, &campaign, from, event).await, wanted, "{from:?} {event:?}");
        }
    }

    pub(super) async fn a_campaign_is_cut_into_batches_and_every_row_is_accounted_for(store: Store) {
        let rows = numbers(450).chain(["abc".to_owned(), "96550000003".to_owned(), "12".to_owned()]);
        let draft = store.campaign("cut").text("Hello").recipients(rows).load().await.unwrap();
        let estimate = *draft.estimate();
        assert_eq!(
            (estimate.numbers, estimate.requests, estimate.invalid, estimate.duplicates),
            (450, 3, 2, 1)
        );
        assert_eq!((estimate.texts, estimate.credits, estimate.longest_pages), (1, 450, 1));
        let campaign = draft.campaign().clone();
        assert!(
            store.claim_batch("user", 1).await.unwrap().is_none(),
            "nothing is sent before it is approved"
        );
        let progress = campaign.progress().await.unwrap();
        assert_eq!((progress.planned, progress.total(), progress.requests_left), (450, 453, 3));
        assert_eq!(progress.waits_for, Some(WaitsFor::Approval));
        let all = outcomes(&campaign).await;
        let mut lines: Vec<_> = all.iter().map(|outcome| outcome.line).collect();
        lines.sort_unstable();
        assert_eq!(lines, (1..=453).collect::<Vec<_>>());
        let of = |line: u64| all.iter().find(|outcome| outcome.line == line).unwrap();
        assert_eq!((of(451).result, of(451).input.as_str()), (CampaignResult::Invalid, "abc"));
        assert_eq!((of(452).result, of(452).input.as_str()), (CampaignResult::Duplicate, "96550000003"));
        assert_eq!((of(4).result, of(4).number.unwrap().as_u64()), (CampaignResult::Planned, 96_550_000_003));
    }

    pub(super) async fn the_same_key_twice_makes_one_campaign(store: Store) {
        let load = |count| store.campaign("one").text("Hello").recipients(numbers(count)).load();
        let (first, second) = futures::join!(load(300), load(300));
        // Both at once: one is loaded, the other finds it, or stops since it was overtaken.
        assert!(first.is_ok() || second.is_ok(), "{first:?} {second:?}");
        let again = load(5).await.unwrap();
        assert!(again.existed());
        assert_eq!((again.estimate().numbers, store.campaigns().await.unwrap().len()), (300, 1));
        let other = store.campaign("one").text("Other").recipients(numbers(5)).load().await.unwrap_err();
        assert_eq!(other.kind(), crate::error::ErrorKind::InvalidInput);
        assert_eq!(store.find_campaign("one").await.unwrap().unwrap().key(), "one");
        assert!(store.find_campaign("two").await.unwrap().is_none());
    }

    pub(super) async fn a_load_that_broke_off_is_begun_anew_and_one_that_was_overtaken_stops(store: Store) {
        let broken = store.campaign("big").text("Hello").recipients(numbers(60_000)).load();
        let _ = tokio::time::timeout(Duration::from_millis(30), broken).await;
        let draft = store.campaign("big").text("Hello").recipients(numbers(400)).load().await.unwrap();
        assert!(!draft.existed());
        assert_eq!((draft.estimate().numbers, draft.estimate().requests), (400, 2));

        // A source that blocks in its middle until another process has begun the same key.
        let (go, gone) = std::sync::mpsc::channel::<()>();
        let rows = numbers(60_000).inspect(move |row| {
            if row == "96550050000" {
                let _ = gone.recv();
            }
        });
        let late = tokio::spawn(store.campaign("late").text("Hello").recipients(rows).load());
        while store.find_campaign("late").await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let draft = store.campaign("late").text("Hello").recipients(numbers(3)).load().await.unwrap();
        drop(go);
        let error = late.await.unwrap().err().unwrap();
        assert_eq!((error.kind(), error.http_status()), (crate::error::ErrorKind::Stopped, 409));
        assert!(error.action().starts_with("run it again"), "nothing is to be corrected: {}", error.action());
        assert_eq!(draft.estimate().numbers, 3);
        assert_eq!(outcomes(draft.campaign()).await.len(), 3, "nothing of the other one is left");
    }

    pub(super) async fn a_missing_column_is_an_error_with_its_line_and_nothing_can_be_sent(store: Store) {
        let rows = vec![
            CampaignRow::new("96550000001").value("name", "Sara"),
            CampaignRow::new("not a number"), // is not sent to, and so needs no name
            CampaignRow::new("96550000002").value("nome", "Ali").line(17),
        ];
        let error =
            store.campaign("names").text("Dear {{ name }}").recipients(rows).load().await.unwrap_err();
        assert!(error.to_string().contains("line 17"), "{error}");
        let campaign = store.find_campaign("names").await.unwrap().unwrap();
        assert_eq!(campaign.progress().await.unwrap().state, CampaignState::Loading);
        assert!(store.claim_batch("user", 1).await.unwrap().is_none());
        let none = store.campaign("none").text("Hello").recipients(["abc"]).load().await.unwrap_err();
        assert_eq!(none.kind(), crate::error::ErrorKind::InvalidInput);
    }

    pub(super) async fn equal_texts_share_a_request(store: Store) {
        let rows = (0..600u64).map(|i| {
            CampaignRow::new((96_550_000_000 + i).to_string()).value("shop", ["A", "B", "C"][i as usize % 3])
        });
        let draft = store.campaign("shops").text("Shop {{ shop }}").recipients(rows).load().await.unwrap();
        assert_eq!((draft.estimate().requests, draft.estimate().texts), (3, 3));
        let campaign = draft.approve().await.unwrap();
        let mut texts = BTreeMap::new();
        while let Some(claimed) = claim(&store, &campaign).await {
            let first = claimed.numbers[0].as_u64() - 96_550_000_000;
            texts.insert(claimed.text.clone(), (first, claimed.numbers.len()));
        }
        let wanted = [("Shop A", (0, 200)), ("Shop B", (1, 200)), ("Shop C", (2, 200))];
        assert_eq!(texts, wanted.map(|(text, of)| (text.to_owned(), of)).into());
    }

    async fn claim(store: &Store, campaign: &Campaign) -> Option<rows::Claimed> {
        store
            .run_one(
                "UPDATE kwtsms_campaign SET account = 'user' WHERE id = $1 RETURNING id",
                vec![campaign.id.into()],
            )
            .await
            .unwrap();
        store.claim_batch("user", 1).await.unwrap()
    }

    pub(super) async fn batches_are_claimed_by_priority_then_by_age(store: Store) {
        let low = running(&store, "low", numbers(600)).await;
        let load = store.campaign("high").text("Hi").account("user").priority(5).recipients(numbers(600));
        let high = load.load().await.unwrap().approve().await.unwrap();
        let second = running(&store, "second", numbers(200)).await;
        let mut order = Vec::new();
        while let Some(claimed) = store.claim_batch("user", 1).await.unwrap() {
            order.push((claimed.campaign, claimed.batch, claimed.granted));
        }
        let campaigns: Vec<_> = order.iter().map(|(campaign, ..)| *campaign).collect();
        assert_eq!(campaigns, [high.id, high.id, high.id, low.id, low.id, low.id, second.id]);
        for pair in order.windows(2) {
            assert!(pair[0].0 != pair[1].0 || pair[0].1 < pair[1].1, "{order:?}");
            assert!(pair[0].2 < pair[1].2, "the count of claims only grows: {order:?}");
        }
        assert!(store.claim_batch("somebody else", 9).await.unwrap().is_none());
    }

    pub(super) async fn four_claimers_take_each_batch_once(store: Store) {
        let campaign = running(&store, "shared", numbers(4_600)).await;
        let workers = (0..4).map(|worker| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while let Some(claimed) = store.claim_batch("user", worker).await.unwrap() {
                    mine.push((claimed.batch, claimed.granted));
                }
                mine
            })
        });
        let all: Vec<_> =
            futures::future::join_all(workers).await.into_iter().flat_map(Result::unwrap).collect();
        let distinct =
            |of: fn(&(i64, i64)) -> i64| all.iter().map(of).collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!((all.len(), distinct(|claim| claim.0), distinct(|claim| claim.1)), (23, 23, 23));
        assert_eq!(campaign.progress().await.unwrap().sending, 4_600);
    }

    pub(super) async fn a_source_that_fails_never_leaves_a_campaign_ready(store: Store) {
        let rows = |broken: bool| {
            let broken = broken.then(|| Err(std::io::Error::other("the disk is gone")));
            numbers(45_000).map(Ok).chain(broken)
        };
        let load = store.campaign("file").text("Hello").account("user").try_recipients(rows(true)).load();
        // Another process looks all the while.
        let looking = async {
            loop {
                if let Some(campaign) = store.find_campaign("file").await.unwrap() {
                    assert_eq!(campaign.progress().await.unwrap().state, CampaignState::Loading);
                }
                tokio::task::yield_now().await;
            }
        };
        let error = tokio::select! { loaded = load => loaded.unwrap_err(), () = looking => unreachable!() };
        assert!(format!("{error:#}").contains("the disk is gone"), "{error:#}");
        let campaign = store.find_campaign("file").await.unwrap().unwrap();
        assert_eq!(campaign.progress().await.unwrap().state, CampaignState::Loading);
        let load = store.campaign("file").text("Hello").account("user").try_recipients(rows(false)).load();
        assert_eq!(load.await.unwrap().estimate().numbers, 45_000, "the same key begins anew");
    }

    #[cfg(feature = "sandbox")]
    pub(super) async fn a_claim_whose_commit_was_not_answered_is_given_back(store: Store) {
        // Keeps the worker looking.
        let later = crate::clock::wall_now() + Duration::from_secs(3_600);
        let load =
            store.campaign("later").text("Hi").account("user").not_before(later).recipients(numbers(1));
        load.load().await.unwrap().approve().await.unwrap();
        let sandbox = crate::sandbox::Sandbox::in_process();
        let client =
            crate::Client::builder("user", "password").transport(sandbox.transport()).build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let worker = client.work(&store).journal(folder.path()).until_done().start().await.unwrap();
        let id = raw(&store, "SELECT id FROM kwtsms_worker").await[0].int(0);
        // The claim stands in the store as this worker's, and the worker never heard of it.
        let draft = store.campaign("lost").text("Hi").account("other").recipients(numbers(200)).load();
        let lost = draft.await.unwrap().approve().await.unwrap();
        assert!(store.claim_batch("other", id).await.unwrap().is_some());
        let given_back = async {
            while lost.progress().await.unwrap().planned != 200 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), given_back).await.expect("it is given back");
        drop(worker);
        assert!(sandbox.messages().is_empty());
    }

    pub(super) async fn pause_returns_when_nothing_is_in_flight(store: Store) {
        let campaign = running(&store, "paused", numbers(600)).await;
        let claimed = store.claim_batch("user", 1).await.unwrap().unwrap();
        let pausing = tokio::spawn({
            let campaign = campaign.clone();
            async move { campaign.pause_because("lunch").await }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!pausing.is_finished(), "a batch is in flight");
        assert!(store.claim_batch("user", 1).await.unwrap().is_none(), "paused");
        let learned = Learned { message_id: Some("id".to_owned()), ..Learned::default() };
        assert!(store.settle_batch(claimed.batch, claimed.fence, Verdict::Accepted, &learned).await.unwrap());
        pausing.await.unwrap().unwrap();
        let progress = campaign.progress().await.unwrap();
        assert_eq!((progress.accepted, progress.sending, progress.planned), (200, 0, 400));
        assert_eq!(progress.waits_for, Some(WaitsFor::Pause(Some("lunch".to_owned()))));
        campaign.resume().await.unwrap();
        assert!(store.claim_batch("user", 1).await.unwrap().is_some());
    }

    pub(super) async fn several_that_sweep_at_once_end_each_claim_once(store: Store) {
        let campaign = running(&store, "expired", numbers(20_000)).await;
        raw(&store, "UPDATE kwtsms_batch SET state = 1, fence = 1, sent_at = 0, worker = 1, expires_at = 0")
            .await;
        let sweeps = (0..8).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.sweep_batches().await })
        });
        for swept in futures::future::join_all(sweeps).await {
            swept.unwrap().unwrap();
        }
        assert_eq!(campaign.progress().await.unwrap().unknown, 20_000);
        assert_eq!(raw(&store, "SELECT count(*) FROM kwtsms_request WHERE state = 4").await[0].int(0), 100);
    }

    pub(super) async fn what_is_over_or_cancelled_ends_not_attempted(store: Store) {
        let soon = crate::clock::wall_now() + Duration::from_millis(1_500);
        let load =
            store.campaign("over").text("Hello").account("user").not_after(soon).recipients(numbers(300));
        let over = load.load().await.unwrap().approve().await.unwrap();
        let claimed = store.claim_batch("user", 1).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(1_600)).await;
        assert!(store.claim_batch("user", 1).await.unwrap().is_none());
        while store.sweep_batches().await.unwrap() {}
        let progress = over.progress().await.unwrap();
        assert_eq!((progress.not_attempted, progress.sending), (100, 200));
        // What was under way may still come back, and is closed too.
        let wait = Learned::default();
        assert!(
            store.settle_batch(claimed.batch, claimed.fence, Verdict::NothingQueued, &wait).await.unwrap()
        );
        while store.sweep_batches().await.unwrap() {}
        assert_eq!(over.progress().await.unwrap().not_attempted, 300);

        let cancelled = running(&store, "cancelled", numbers(120_000)).await;
        cancelled.cancel().await.unwrap();
        let progress = cancelled.progress().await.unwrap();
        assert_eq!((progress.not_attempted, progress.is_over()), (120_000, true));
        assert!(cancelled.resume().await.is_err());
    }

    pub(super) async fn batches_are_cut_at_2500_characters(store: Store) {
        let rows = (0..200u64).map(|i| (966_500_000_000 + i).to_string());
        let campaign = running(&store, "long", rows).await;
        let mut sizes = Vec::new();
        while let Some(claimed) = store.claim_batch("user", 1).await.unwrap() {
            sizes.push(claimed.numbers.len());
        }
        assert_eq!(sizes, [192, 8]);
        assert_eq!(campaign.progress().await.unwrap().sending, 200);
    }

    pub(super) async fn nothing_is_claimed_before_it_is_approved_nor_outside_its_hours_and_times(
        store: Store,
    ) {
        let load = store.campaign("one").text("Hello").account("user").recipients(numbers(200));
        let draft = load.load().await.unwrap();
        let none = async || {
            let look = store.has_work("user").await.unwrap();
            !look.work && store.claim_batch("user", 1).await.unwrap().is_none()
        };
        assert!(none().await, "it is not approved");
        draft.approve().await.unwrap();
        for (set, back) in [
            ("open_from = {now} + 60000000", "open_from = 0"),
            ("open_until = {now}", "open_until = 9223372036854775807"),
            ("not_before = {now} + 60000000", "not_before = NULL"),
            ("not_after = {now}", "not_after = NULL"),
            ("state = 3", "state = 2"),
            ("state = 4", "state = 2"),
            ("account = 'other'", "account = 'user'"),
        ] {
            let sql = format!("UPDATE kwtsms_campaign SET {set} RETURNING id");
            store.run_one(sql, vec![]).await.unwrap();
            assert!(none().await, "{set}");
            store.run_one(format!("UPDATE kwtsms_campaign SET {back} RETURNING id"), vec![]).await.unwrap();
        }
        store
            .run_one("UPDATE kwtsms_batch SET not_before = {now} + 60000000 RETURNING id", vec![])
            .await
            .unwrap();
        assert!(none().await, "its batch waits");
        raw(&store, "UPDATE kwtsms_batch SET not_before = 0").await;
        assert!(store.has_work("user").await.unwrap().work);
        assert!(store.claim_batch("user", 1).await.unwrap().is_some());
    }

    pub(super) async fn a_start_that_was_missed_is_not_claimed(store: Store) {
        // A machine that slept through it looks at its campaigns after the wake, and not before its claim.
        let campaign = running(&store, "slept", numbers(600)).await;
        let missed = "UPDATE kwtsms_campaign SET not_before = {now} - 3601000000, approved_at = {now} - 4000000000 RETURNING id";
        store.run_one(missed, vec![]).await.unwrap();
        assert!(!store.has_work("user").await.unwrap().work);
        assert!(store.claim_batch("user", 1).await.unwrap().is_none());
        // One that was begun in time goes on, also when what was tried came back.
        store
            .run_one("UPDATE kwtsms_campaign SET not_before = {now} - 3500000000 RETURNING id", vec![])
            .await
            .unwrap();
        let claimed = store.claim_batch("user", 1).await.unwrap().unwrap();
        store.run_one(missed, vec![]).await.unwrap();
        assert!(store.claim_batch("user", 1).await.unwrap().is_some(), "one is under way");
        let learned = Learned::default();
        let again = store.settle_batch(claimed.batch, claimed.fence, Verdict::NothingQueued, &learned);
        assert!(again.await.unwrap());
        raw(&store, "UPDATE kwtsms_batch SET state = 2 WHERE state = 1").await;
        assert!(store.claim_batch("user", 1).await.unwrap().is_some());
        assert_eq!(campaign.progress().await.unwrap().state, CampaignState::Running);
    }

    pub(super) async fn outcomes_are_read_in_pages(store: Store) {
        let rows =
            (0..250u64).map(|i| CampaignRow::new((96_550_000_000 + i).to_string()).value("n", i.to_string()));
        let draft = store.campaign("pages").text("Hello {{ n }}").recipients(rows).load().await.unwrap();
        let campaign = draft.campaign().clone();
        let asked = async |rows: usize| {
            let read = crate::store::PLANS.scope(Default::default(), async {
                let read = campaign.outcomes().take(rows).count().await;
                (read, crate::store::PLANS.with(|plans| plans.lock().unwrap().len()))
            });
            read.await
        };
        assert_eq!(asked(100).await, (100, 1), "a hundred batches are in memory, and not all");
        assert_eq!(asked(101).await, (101, 2));
        assert_eq!(asked(1_000).await, (250, 4), "three pages of batches, one of what is not sent to");
    }

    pub(super) async fn forgotten_campaigns_keep_their_batches_and_no_number(store: Store) {
        let campaign = running(&store, "gone", numbers(250).chain(["abc".to_owned()])).await;
        assert!(campaign.forget().await.is_err(), "it is not over");
        campaign.cancel().await.unwrap();
        campaign.forget().await.unwrap();
        assert!(outcomes(&campaign).await.is_empty());
        let progress = campaign.progress().await.unwrap();
        assert_eq!(progress.not_attempted, 250);
        for sql in [
            "SELECT settings FROM kwtsms_campaign",
            "SELECT body FROM kwtsms_text",
            "SELECT input FROM kwtsms_skipped",
        ] {
            assert!(raw(&store, sql).await.iter().all(|row| row.text(0).is_empty()), "{sql}");
        }
        assert!(raw(&store, "SELECT batch FROM kwtsms_recipients").await.is_empty());
    }
}

/// A claim whose commit is on its way counts: without the lock that it takes on the campaign, `pause` would return, and the
/// batch would be sent after it.
#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_pause_waits_for_a_claim_that_is_not_committed_yet() {
    use tokio_postgres::types::Type;

    let Some(server) = testing::postgres().await else { return };
    let store = Store::open(&server.url).await.unwrap();
    let campaign = running(&store, "paused", numbers(200)).await;
    let crate::store::Backend::Postgres(database) = store.backend() else { panic!("it is one") };
    let mut client = database.client().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let sql = store.claim_sql().replace("{now}", crate::store::postgres::NOW_US);
    let lease = 60_000_000_i64;
    let bound: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 4] =
        [(&"user", Type::TEXT), (&7_i64, Type::INT8), (&1_i64, Type::INT8), (&lease, Type::INT8)];
    assert_eq!(transaction.query_typed(&sql, &bound).await.unwrap().len(), 1);
    let pausing = tokio::spawn({
        let campaign = campaign.clone();
        async move { campaign.pause().await }
    });
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(!pausing.is_finished(), "a claim is under way");
    transaction.commit().await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!pausing.is_finished(), "a batch is in flight");
    let batch = rows::batch_id(campaign.id, 1);
    assert!(store.settle_batch(batch, 1, Verdict::Accepted, &Learned::default()).await.unwrap());
    pausing.await.unwrap().unwrap();
}

#[test]
fn numbers_and_lines_are_packed_in_eight_bytes_each() {
    let values = [0, 1, 96_598_765_432, u64::MAX];
    let bytes = packed(values);
    assert_eq!(bytes.len(), 32);
    assert_eq!(rows::unpacked(&bytes).collect::<Vec<_>>(), values);
}
