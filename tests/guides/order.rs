use kwtsms_async::{Client, Store};
use rusqlite::Connection;

/// An order and its message: both are there, or neither.
fn place_order(database: &mut Connection, id: i64, number: &str) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    transaction.execute("INSERT INTO orders (id, number) VALUES (?1, ?2)", (id, number))?;
    transaction.execute(
        "INSERT INTO kwtsms_outbox (key, number, text) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO NOTHING",
        (format!("order-{id}-placed"), number, format!("We have your order {id}")),
    )?;
    transaction.commit()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open("shop.db").await?; // makes the table kwtsms_outbox
    let mut database = Connection::open("shop.db")?;
    database
        .execute_batch("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, number TEXT NOT NULL)")?;

    for (id, number) in [(4711, "96598765432"), (4712, "96551234567"), (4711, "96598765432")] {
        match place_order(&mut database, id, number) {
            Ok(()) => println!("order {id} is placed"),
            Err(error) => println!("order {id}: {error}; no order, no message"),
        }
    }

    // A program of its own, usually: `kwtsms outbox run`, or the same without `until_done`.
    Client::from_env()?.work_outbox(&store).until_done().start().await?.finished().await?;

    for id in [4711, 4712] {
        let outcome = store.outbox_outcome(&format!("order-{id}-placed")).await?.ok_or("it was placed")?;
        println!("order {id}: {}, message {}", outcome.state, outcome.message_id.unwrap_or_default());
    }
    Ok(())
}
