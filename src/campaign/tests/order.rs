//! What stands in the store before what, and for how long a statement is waited for.

use super::*;
use crate::client::Client;
use crate::sandbox::{Fault, Sandbox};
use crate::store::Backend;

/// Notes the state of a campaign whenever a batch of it leaves `sending`.
async fn note_what_ends(store: &Store) {
    raw(store, "CREATE TABLE kwtsms_seen (state BIGINT NOT NULL)").await;
    let note = "INSERT INTO kwtsms_seen SELECT state FROM kwtsms_campaign WHERE id = NEW.campaign;";
    match store.backend() {
        Backend::Sqlite(_) => {
            let trigger = format!(
                "CREATE TRIGGER kwtsms_sees AFTER UPDATE ON kwtsms_batch WHEN OLD.state = 1 BEGIN {note} END"
            );
            store.run(vec![Statement::new(trigger, vec![])]).await.unwrap();
        }
        #[cfg(feature = "postgres")]
        Backend::Postgres(_) => {
            let function = format!(
                "CREATE FUNCTION kwtsms_sees() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN {note} RETURN NULL; END'"
            );
            let trigger = "CREATE TRIGGER kwtsms_sees AFTER UPDATE ON kwtsms_batch FOR EACH ROW
                           WHEN (OLD.state = 1) EXECUTE FUNCTION kwtsms_sees()";
            store.run(vec![Statement::new(function, vec![])]).await.unwrap();
            raw(store, trigger).await;
        }
    }
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

#[tokio::test]
async fn a_code_pauses_before_its_batch_is_given_back_on_sqlite() {
    let file = testing::sqlite();
    a_code_pauses_before_its_batch_is_given_back(Store::open(&file.path).await.unwrap()).await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_code_pauses_before_its_batch_is_given_back_on_postgres() {
    let Some(server) = testing::postgres().await else { return };
    a_code_pauses_before_its_batch_is_given_back(Store::open(&server.url).await.unwrap()).await;
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
