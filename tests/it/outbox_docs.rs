//! What `docs/outbox.md` tells an application to insert, run as it stands there, by psql.

use std::io::Write;
use std::process::{Command, Stdio};

use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, Store};

use crate::replicas::servers::missing;
use crate::store::testing;

/// The first block of SQL.
fn sql() -> String {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/outbox.md")).unwrap();
    let (_, block) = text.split_once("```sql\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// Runs it in a schema; `None` where psql is not installed.
fn psql(url: &str, sql: &str) -> Option<bool> {
    let (base, schema) = url.split_once("schema=").unwrap();
    let mut command = Command::new("psql");
    command
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", base.trim_end_matches(['?', '&'])])
        .env("PGOPTIONS", format!("-c search_path={schema}"))
        .stdin(Stdio::piped())
        .stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        missing("psql");
        return None;
    };
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    Some(child.wait().unwrap().success())
}

#[tokio::test]
async fn an_order_and_its_message_go_in_one_transaction_of_psqls() {
    let Some(server) = testing::postgres().await else { return };
    let store = Store::open(&server.url).await.unwrap();
    server.execute("CREATE TABLE orders (id BIGINT PRIMARY KEY, customer TEXT)").await;
    let sql = sql();
    assert!(sql.contains("BEGIN;") && sql.contains("kwtsms_outbox") && sql.contains("COMMIT;"), "{sql}");
    let planned = async || store.outbox_status().await.unwrap().planned;
    let Some(rolled_back) = psql(&server.url, &sql.replace("COMMIT;", "ROLLBACK;")) else { return };
    assert!(rolled_back);
    assert_eq!(planned().await, 0, "the order was never made");
    assert_eq!(psql(&server.url, &sql), Some(true));
    assert_eq!(psql(&server.url, &sql), Some(false), "the order is there already");
    let again = sql.replace("(4711, 'Sara')", "(4712, 'Sara')");
    assert_eq!(psql(&server.url, &again), Some(true), "the same key twice is no error");
    assert_eq!(planned().await, 1, "and one message");
    let sandbox = Sandbox::in_process();
    let client =
        Client::builder("user", "password").transport(sandbox.transport()).unpaced().build().unwrap();
    let journal = tempfile::tempdir().unwrap();
    let work = client.work_outbox(&store).journal(journal.path()).until_done();
    work.start().await.unwrap().finished().await.unwrap();
    let outcome = store.outbox_outcome("order-4711-shipped").await.unwrap().unwrap();
    assert_eq!(outcome.state, "accepted");
    assert_eq!(sandbox.messages()[0].numbers(), ["96598765432"]);
}
