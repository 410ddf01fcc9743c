//! An order and its SMS in one transaction of the application's own, by sqlx on PostgreSQL: `cargo run -p kwtsms-examples
//! --features outbox-sqlx --bin outbox-sqlx`.
//!
//! Its tables stand in a schema of their own, which it makes and drops. The gateway is a sandbox in this process.

#![allow(clippy::print_stdout)]

use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, Store};
use sqlx::postgres::{PgPool, PgPoolOptions};

const SCHEMA: &str = "kwtsms_example_outbox";

/// Makes an order, and the message that tells of it. Neither is there without the other.
async fn ship(pool: &PgPool, order: i64, number: &str, in_stock: bool) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query("INSERT INTO orders (id) VALUES ($1)").bind(order).execute(&mut *tx).await?;
    sqlx::query(
        "INSERT INTO kwtsms_outbox (key, number, text) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING",
    )
    .bind(format!("order-{order}-shipped"))
    .bind(number)
    .bind(format!("Your order {order} is shipped"))
    .execute(&mut *tx)
    .await?;
    if !in_stock {
        return tx.rollback().await; // as any error would
    }
    tx.commit().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Of the tests' server; an application has one of its own.
    let url = std::env::var("KWTSMS_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
    let pool = PgPoolOptions::new()
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::query(&format!("SET search_path = {SCHEMA}")).execute(connection).await.map(drop)
            })
        })
        .connect(&url)
        .await?;
    sqlx::query(&format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")).execute(&pool).await?;

    // The store makes its tables beside the application's.
    let sign = if url.contains('?') { '&' } else { '?' };
    let store = Store::open(format!("{url}{sign}schema={SCHEMA}")).await?;
    sqlx::query("CREATE TABLE orders (id BIGINT PRIMARY KEY)").execute(&pool).await?;

    ship(&pool, 4711, "96598765432", true).await?;
    ship(&pool, 4712, "96551234567", false).await?; // was never made, and so nothing tells of it

    // The worker: in this process or in another, such as `kwtsms outbox run`.
    let sandbox = Sandbox::in_process();
    let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
    let journal = tempfile::tempdir()?;
    client.work_outbox(&store).journal(journal.path()).until_done().start().await?.finished().await?;

    let (state, message_id): (String, String) =
        sqlx::query_as("SELECT state, message_id FROM kwtsms_outbox WHERE key = 'order-4711-shipped'")
            .fetch_one(&pool)
            .await?;
    println!("order 4711: {state}, message id {message_id}");
    assert_eq!(state, "accepted");
    assert_eq!(sandbox.messages().len(), 1);
    assert!(store.outbox_outcome("order-4712-shipped").await?.is_none());
    sqlx::query(&format!("DROP SCHEMA {SCHEMA} CASCADE")).execute(&pool).await?;
    Ok(())
}
