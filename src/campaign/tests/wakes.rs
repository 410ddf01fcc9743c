//! Workers of the outbox on PostgreSQL, which are woken by its rows and not by their next look.

use std::time::Duration;

use crate::campaign::OutboxMessage;
use crate::client::Client;
use crate::sandbox::Sandbox;
use crate::store::{Store, testing};

/// So long that a message which waits for the next look is missed.
const SELDOM: Duration = Duration::from_secs(600);
/// For the database and for connections that are made anew, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

async fn enqueued(store: &Store, sandbox: &Sandbox, n: u64) {
    let message =
        OutboxMessage::new(format!("order-{n}"), 96_550_000_000 + n, format!("Order {n} is shipped"));
    assert!(store.enqueue(message).await.unwrap());
    let there = async {
        while sandbox.messages().len() as u64 != n {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, there)
        .await
        .unwrap_or_else(|_| panic!("message {n} waits for the next look"));
}

#[tokio::test]
async fn a_message_goes_out_when_it_is_committed_also_after_the_connection_was_lost() {
    let Some(server) = testing::postgres().await else { return };
    let store = Store::open(&server.url).await.unwrap();
    let sandbox = Sandbox::in_process();
    let client = Client::builder("user", "s3cret").transport(sandbox.transport()).sender_id("KWT-TEST");
    let client = client.unpaced().build().unwrap();
    let journal = tempfile::tempdir().unwrap();
    let worker = client.work_outbox(&store).journal(journal.path()).idle(SELDOM).start().await.unwrap();
    // The first may be found by the look at the beginning, or by the one after the connection was made.
    for n in 1..=3 {
        enqueued(&store, &sandbox, n).await;
    }
    // Whoever else listens in this database comes back as well.
    server
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE query = 'LISTEN kwtsms_outbox' AND datname = current_database()",
        )
        .await;
    for n in 4..=6 {
        enqueued(&store, &sandbox, n).await;
    }
    worker.stop();
    worker.finished().await.unwrap();
}
