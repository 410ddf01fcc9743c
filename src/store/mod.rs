//! What outlives a process: an SQLite file or a PostgreSQL database, and a connection to Redis.
//!
//! For the modules of this crate that keep something in it:
//!
//! - **Tables**: add a [`schema::Module`] with numbered steps to `schema/`, and its line to `schema::MODULES`. All
//!   names begin with `kwtsms_`. A step never changes once it was released, and must suit the release before it,
//!   which may still be running. Steps run when a store is opened, under a lock.
//! - **Which store**: `match store.backend() { Backend::Sqlite(db) => …, Backend::Postgres(db) => … }`; the second
//!   arm is there with the feature `postgres`.
//! - **SQLite**: `db.write(move |tx| …).await` is one transaction, `BEGIN IMMEDIATE` to `COMMIT`, on the one
//!   connection that writes; it is on the disk when it returns. Transactions follow one another in the order in
//!   which they were asked for: keep each under 20 ms, or turns of the pace wait. `db.read(|tx| …)` is a snapshot on
//!   a connection of its own and holds nothing up. Time: [`sqlite::NOW_US`] in the statement. Dropped while it
//!   waits, a call did nothing; dropped later, it is finished in the background.
//! - **PostgreSQL**: `db.query(sql, &[(&value, Type::INT8)]).await` is one statement in a transaction of its own, in
//!   one round trip, never longer than 5 s; `db.query_all(…)` are several in one, of which none hangs on what an earlier
//!   one gave. Where one does, `let mut client = db.client().await?`, then
//!   `client.transaction().await?`, and after its `commit()` give the connection back with `client.keep()`: one that
//!   is dropped instead is closed, so that a call that was dropped half-way leaves nothing running. Use
//!   `query_typed` and `execute_typed` only: behind PgBouncer named statements collide, and the driver logs the
//!   parameters of the others.
//! - **Redis**: `redis.script(&SCRIPT, keys, args).await`, with every key made by `redis.key("…")`.
//! - **Errors** are [`StoreError`]s; `?` makes an [`Error`](crate::Error) of kind `Store` of them, not sent, whose
//!   action names the store. After one, what was asked may or may not have been done: never ask again blindly.
//! - Bind and read integers as `i64`; no driver's type in a public signature.
//! - **Tests**: `beds()` gives each kind of store that there is, of the test's own; so do `testing::sqlite()`,
//!   `testing::postgres()` and `testing::redis()` one by one.

#[cfg(feature = "campaign")]
mod bell;
mod error;
mod kept;
#[cfg(feature = "store")]
mod open;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "redis")]
pub(crate) mod redis;
#[cfg(feature = "store")]
pub(crate) mod schema;
#[cfg(feature = "campaign")]
mod sql;
#[cfg(feature = "store")]
pub(crate) mod sqlite;
#[cfg(test)]
pub(crate) mod testing;

#[cfg(feature = "campaign")]
pub(crate) use bell::Bell;
#[allow(unused_imports)] // for the modules that keep something
pub(crate) use error::{Failure, StoreError, StoreKind};
pub(crate) use kept::Kept;
#[cfg(test)]
#[cfg(feature = "store")]
pub(crate) use kept::{Bed, beds};
#[cfg(feature = "store")]
#[allow(unused_imports)] // for the modules that keep something
pub(crate) use open::Backend;
#[cfg(feature = "store")]
pub use open::Store;
#[cfg(all(test, feature = "campaign"))]
pub(crate) use sql::PLANS;
#[cfg(feature = "campaign")]
pub(crate) use sql::{Row, Statement, Value};
