//! What stands in the store before what, and for how long a statement is waited for.

use super::*;
use crate::client::Client;
use crate::sandbox::{Fault, Sandbox};
use crate::store::Backend;

/// Has something happen in the database whenever a batch of it is changed.
async fn on_change(store: &Store, name: &str, when: &str, then: &str) {
    match store.backend() {
        Backend::Sqlite(_) => {
            let trigger =
                format!("CREATE TRIGGER {name} AFTER UPDATE ON kwtsms_batch WHEN {when} BEGIN {then} END");
            store.run(vec![Statement::new(trigger, vec![])]).await.unwrap();
        }
        #[cfg(feature = "postgres")]
        Backend::Postgres(_) => {
            let function = format!(
                "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {then} RETURN NULL; END'"
            );
            let trigger = format!(
                "CREATE TRIGGER {name} AFTER UPDATE ON kwtsms_batch FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()"
            );
            for sql in [function, trigger] {
                store.run(vec![Statement::new(sql, vec![])]).await.unwrap();
            }
        }
    }
}

/// Notes the state of a campaign whenever a batch of it leaves `sending`.
async fn note_what_ends(store: &Store) {
    raw(store, "CREATE TABLE kwtsms_seen (state BIGINT NOT NULL)").await;
    let note = "INSERT INTO kwtsms_seen SELECT state FROM kwtsms_campaign WHERE id = NEW.campaign;";
    on_change(store, "kwtsms_sees", "OLD.state = 1", note).await;
}

/// A batch that a code dooms is planned again, or ends, in a campaign that is paused: nobody can take it, or another,
/// in between.
async fn a_code_pauses_before_its_batch_is_given_back(store: Store) {
    note_what_ends(&store).await;
    // A wrong password pauses the account, a banned sender id the campaign.
    for (code, planned) in [("ERR003", 600), ("ERR008", 400)] {
        let sandbox = Sandbox::in_process();
        sandbox.faults().push(Fault::code(code).on("send").times(1));
        let campaign = running(&store, code, numbers(600)).await;
        let client = Client::builder("user", "password").transport(sandbox.transport()).sender_id("KWT-TEST");
        let journal = tempfile::tempdir().unwrap();
        let work = client.unpaced().build().unwrap().work(&store).journal(journal.path()).max_in_flight(1);
        work.until_done().start().await.unwrap().finished().await.unwrap();
        let progress = campaign.progress().await.unwrap();
        assert_eq!((progress.state, progress.planned), (CampaignState::Paused, planned), "{code}");
        assert!(sandbox.messages().is_empty(), "{code}");
        campaign.cancel().await.unwrap();
    }
    let seen: Vec<i64> =
        raw(&store, "SELECT state FROM kwtsms_seen").await.iter().map(|row| row.int(0)).collect();
    assert_eq!(seen, [CampaignState::Paused.stored(); 2]);
}

fn worker_of(store: &Store, sandbox: &Sandbox, journal: &tempfile::TempDir) -> Work {
    let client = Client::builder("user", "password").transport(sandbox.transport()).sender_id("KWT-TEST");
    client.unpaced().build().unwrap().work(store).journal(journal.path()).max_in_flight(1).until_done()
}

/// A copy that comes between a worker's look at the count and its claim.
async fn a_copy_that_is_put_back_before_a_claim_is_noticed_by_it(store: Store) {
    let sandbox = Sandbox::in_process();
    sandbox.account("user").set_balance(10_000);
    let journal = tempfile::tempdir().unwrap();
    running(&store, "before", numbers(600)).await;
    worker_of(&store, &sandbox, &journal).start().await.unwrap().finished().await.unwrap();
    let campaign = running(&store, "copied", numbers(1_200).skip(600)).await; // others, which may be written to at once
    on_change(&store, "kwtsms_copies", "NEW.state = 1", "UPDATE kwtsms_granted SET n = 0;").await;
    let error = worker_of(&store, &sandbox, &journal).start().await.unwrap().finished().await.unwrap_err();
    assert!(error.to_string().contains("older copy"), "{error}");
    let progress = campaign.progress().await.unwrap();
    assert_eq!((progress.state, progress.planned, sandbox.messages().len()), (CampaignState::Paused, 600, 3));
}

testing::over_both! { opened:
    a_code_pauses_before_its_batch_is_given_back
    a_copy_that_is_put_back_before_a_claim_is_noticed_by_it
}

mod bodies {
    pub(super) use super::{
        a_code_pauses_before_its_batch_is_given_back, a_copy_that_is_put_back_before_a_claim_is_noticed_by_it,
    };
}

/// What is under way is known to its worker, and not given back by a look at the store that comes in its middle.
#[tokio::test(start_paused = true)]
async fn a_request_that_takes_longer_than_a_worker_waits_between_two_looks_is_made_once() {
    let file = testing::sqlite();
    let store = Store::open(&file.path).await.unwrap();
    let sandbox = Sandbox::in_process();
    sandbox.account("user").set_balance(10_000);
    let slow = Fault::delay(Duration::from_secs(14)).after_accepting();
    sandbox.faults().push(slow.on("send").times(10));
    let campaign = running(&store, "slow", numbers(600)).await;
    let journal = tempfile::tempdir().unwrap();
    worker_of(&store, &sandbox, &journal).start().await.unwrap().finished().await.unwrap();
    assert_eq!((campaign.progress().await.unwrap().accepted, sandbox.messages().len()), (600, 3));
    let attempts = raw(&store, "SELECT max(attempt) FROM kwtsms_batch").await.remove(0);
    assert_eq!(attempts.int(0), 1);
}

/// A transaction that meets a lock which nobody gives up ends after 5 s, whether its statements are written together, as
/// a claim's, or one after the other, as an outcome's.
#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_transaction_is_waited_for_5_s() {
    use tokio::time::Instant;

    let Some(server) = testing::postgres().await else { return };
    let store = Store::open(&server.url).await.unwrap();
    let campaign = running(&store, "locked", numbers(400)).await;
    let claimed = store.claim_batch("user", 1).await.unwrap().unwrap();
    let Backend::Postgres(db) = store.backend() else { unreachable!() };
    let mut other = db.client().await.unwrap();
    let locks = other.transaction().await.unwrap();
    locks.batch_execute("LOCK TABLE kwtsms_granted, kwtsms_request").await.unwrap();
    let began = Instant::now();
    let bounded = Duration::from_secs(60);
    let learned = Learned::default();
    let both = futures::future::join(
        store.claim_batch("user", 2),
        store.settle_batch(claimed.batch, claimed.fence, Verdict::Accepted, &learned),
    );
    let (claim, settled) = tokio::time::timeout(bounded, both).await.expect("it ends by itself");
    assert!(began.elapsed() >= Duration::from_secs(5));
    for error in [claim.unwrap_err(), settled.unwrap_err()] {
        assert!(error.to_string().contains("no answer within 5 s"), "{error}");
    }
    locks.rollback().await.unwrap();
    other.keep();
    // The outcome was undone, and can be stored now. The claim may stand: its worker gives back what it never heard of.
    assert!(store.settle_batch(claimed.batch, claimed.fence, Verdict::Accepted, &learned).await.unwrap());
    let given_back = async {
        loop {
            for (batch, fence) in store.held_by(2).await.unwrap() {
                store.settle_batch(batch, fence, Verdict::NothingQueued, &learned).await.unwrap();
            }
            if let Some(claimed) = store.claim_batch("user", 3).await.unwrap() {
                break claimed;
            }
        }
    };
    let again = tokio::time::timeout(bounded, given_back).await.expect("it is not lost");
    assert_ne!(again.batch, claimed.batch);
    let progress = campaign.progress().await.unwrap();
    assert_eq!((progress.accepted, progress.sending, progress.planned), (200, 200, 0));
}

#[tokio::test]
async fn a_machine_that_sleeps_while_it_connects_posts_nothing_after_the_wake() {
    use std::ops::ControlFlow;
    use std::time::SystemTime;

    use tokio::time::Instant;

    use crate::clock::testing::set_wall_clock;

    let sandbox = Sandbox::start().await.unwrap();
    let client = crate::Client::builder("user", "password").base_url(sandbox.base_url());
    let client = client.build().unwrap();
    let connections = client.core.limiter.as_ref().unwrap().connections();
    let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    set_wall_clock(began);
    // Whoever still waits for it lets it be tried again.
    let mut send = Box::pin(client.send("96598765432", "Hello").on_retry(|_| ControlFlow::Break(())));
    loop {
        assert!(futures::poll!(&mut send).is_pending());
        if connections.clear(Instant::now(), Duration::ZERO).is_some() {
            break; // it connects, on what only runs when this waits
        }
        tokio::task::yield_now().await;
    }
    set_wall_clock(began + Duration::from_secs(3_600));
    let error = send.await.unwrap_err();
    assert_eq!(error.delivery(), crate::Delivery::NotSent, "{error:#}");
    assert!(format!("{error:#}").contains("by the clock on the wall"), "{error:#}");
    assert!(sandbox.messages().is_empty());
}
