use super::*;
use crate::error::ErrorKind;
use crate::store::schema::Module;
use crate::store::testing::{self, PostgresServer};

const NOTES: Module = Module {
    name: "notes",
    sqlite: &[],
    postgres: &["CREATE TABLE kwtsms_note (id bigserial PRIMARY KEY, text text NOT NULL UNIQUE)"],
};

async fn notes(server: &PostgresServer) -> Postgres {
    Postgres::open_with(&server.url, &[&NOTES]).await.unwrap()
}

async fn one<T: for<'a> tokio_postgres::types::FromSql<'a>>(db: &Postgres, sql: &str) -> T {
    db.query(sql, &[]).await.unwrap()[0].get(0)
}

#[tokio::test]
async fn each_statement_is_a_transaction_of_its_own_read_committed_and_durable() {
    let Some(server) = testing::postgres().await else { return };
    let db = notes(&server).await;
    let settings =
        "SELECT current_setting('transaction_isolation') || ' ' || current_setting('synchronous_commit')";
    // As a server could be set up; a pooled connection may bring anything.
    let client = db.client().await.unwrap();
    client
        .batch_execute("SET default_transaction_isolation = serializable; SET synchronous_commit = off")
        .await
        .unwrap();
    client.keep();
    assert_eq!(one::<String>(&db, settings).await, "read committed on");
    let mut client = db.client().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    let said: String = transaction.query_typed_one(settings, &[]).await.unwrap().get(0);
    assert_eq!(said, "read committed on");
    transaction.rollback().await.unwrap();
    client.keep();

    let insert = "INSERT INTO kwtsms_note (text) VALUES ($1)";
    db.query(insert, &[(&"kept", Type::TEXT)]).await.unwrap();
    let twice = db.query(insert, &[(&"kept", Type::TEXT)]).await.unwrap_err();
    assert_eq!(twice.failure(), Failure::Refused);
    assert_eq!(
        one::<i64>(&db, "SELECT count(*) FROM kwtsms_note").await,
        1,
        "and the connection is as good as new"
    );
    assert_eq!(lock(&db.0.idle).len(), 1, "one connection was enough");
}

#[tokio::test]
async fn an_error_tells_the_constraint_and_never_the_value() {
    let Some(server) = testing::postgres().await else { return };
    let db = notes(&server).await;
    let insert = "INSERT INTO kwtsms_note (text) VALUES ($1)";
    db.query(insert, &[(&"96598765432", Type::TEXT)]).await.unwrap();
    let twice = db.query(insert, &[(&"96598765432", Type::TEXT)]).await.unwrap_err();
    let text = format!("{:#}", Error::from(twice));
    assert!(text.contains("23505") && text.contains("kwtsms_note_text_key"), "{text}");
    let cast = db.query("SELECT $1::text::bigint", &[(&"96598765432x", Type::TEXT)]).await.unwrap_err();
    let text = format!("{text} {cast} {cast:?}");
    assert!(text.contains("22P02") && !text.contains("98765"), "{text}");
}

#[tokio::test]
async fn a_dropped_lease_closes_its_connection_and_undoes_what_was_under_way() {
    let Some(server) = testing::postgres().await else { return };
    let db = notes(&server).await;
    let first: i32 = one(&db, "SELECT pg_backend_pid()").await;
    let mut client = db.client().await.unwrap();
    let transaction = client.transaction().await.unwrap();
    transaction.execute_typed("INSERT INTO kwtsms_note (text) VALUES ('half')", &[]).await.unwrap();
    drop(transaction);
    drop(client);
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM kwtsms_note").await, 0);
    assert_ne!(one::<i32>(&db, "SELECT pg_backend_pid()").await, first);
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced() {
    let Some(server) = testing::postgres().await else { return };
    let db = notes(&server).await;
    let first: i32 = one(&db, "SELECT pg_backend_pid()").await;
    server.execute(&format!("SELECT pg_terminate_backend({first})")).await;
    let mut tries = 0;
    let second: i32 = loop {
        tries += 1;
        match db.query("SELECT pg_backend_pid()", &[]).await {
            Ok(rows) => break rows[0].get(0),
            Err(error) => assert!(tries < 3 && error.failure() == Failure::Unreachable, "{error}"),
        }
    };
    assert_ne!(first, second);
}

#[tokio::test]
async fn more_calls_than_connections_wait_for_one() {
    let Some(server) = testing::postgres().await else { return };
    let db = notes(&server).await;
    let calls = (0..50).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { db.query("SELECT pg_backend_pid(), pg_sleep(0.005)", &[]).await })
    });
    let mut pids = std::collections::BTreeSet::new();
    for call in calls.collect::<Vec<_>>() {
        pids.insert(call.await.unwrap().unwrap()[0].get::<_, i32>(0));
    }
    assert!(pids.len() <= CONNECTIONS, "{pids:?}");
}

#[tokio::test]
async fn many_open_at_the_same_time_and_make_the_tables_once() {
    let Some(server) = testing::postgres().await else { return };
    let opens: Vec<_> = (0..6)
        .map(|_| {
            let url = server.url.clone();
            tokio::spawn(async move { Postgres::open_with(&url, &[&NOTES]).await.map(drop) })
        })
        .collect();
    for open in opens {
        open.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let Some(server) = testing::postgres().await else { return };
    notes(&server).await;
    server.execute("UPDATE kwtsms_schema SET version = 7").await;
    let Err(error) = Postgres::open_with(&server.url, &[&NOTES]).await else { panic!("it was opened") };
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("version 7"), "{error}");
}

#[tokio::test]
async fn a_role_that_may_create_nothing_opens_what_is_there() {
    let Some(server) = testing::postgres().await else { return };
    notes(&server).await;
    let role = format!("kwtsms_role_{:x}", fastrand::u64(..));
    server
        .execute(&format!(
            "CREATE ROLE {role} LOGIN PASSWORD 'hunter2'; GRANT USAGE ON SCHEMA {schema} TO {role};
             GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
            schema = server.url.rsplit_once('=').unwrap().1
        ))
        .await;
    let (before, after) = server.url.split_once("postgres@").unwrap_or(("postgres://", &server.url[11..]));
    let opened = Postgres::open_with(&format!("{before}{role}:hunter2@{after}"), &[&NOTES]).await;
    server.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    opened.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_that_names_it_and_no_password() {
    let Err(error) = Postgres::open("postgres://user:hunter2@127.0.0.1:1/db").await else { panic!("opened") };
    assert_eq!(error.kind(), ErrorKind::Store);
    let text = format!("{error:#} {error:?} {}", error.action());
    assert!(text.contains("the PostgreSQL server") && !text.contains("hunter2"), "{text}");
}
