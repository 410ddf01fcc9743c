//! The store in a PostgreSQL database.

#[cfg(feature = "campaign")]
mod listen;
mod tls;
mod url;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, IsolationLevel, NoTls, Row, Transaction};

use self::url::Settings;
use super::error::{Failure, StoreError, StoreKind};
use super::schema;
use crate::error::Error;

/// Connections at the same time, of one store in one process.
const CONNECTIONS: usize = 8;

/// Longest wait for the answer to one statement.
const ANSWER: Duration = Duration::from_secs(5);

/// The server's own clock in microseconds since 1970, for use in a statement.
#[allow(dead_code)] // for the modules that keep times
pub(crate) const NOW_US: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::int8";

/// The isolation is said each time: a server's default of `serializable` fails a third of the attempts at a code.
/// Durable when committed, whatever the server's default.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = on";

/// The lock that migrations take turns by; any number that nobody else in the database uses.
const MIGRATION: i64 = 0x6b77_7473_6d73;

/// A value and its type, as a statement binds it.
pub(crate) type Bound<'a> = (&'a (dyn ToSql + Sync), Type);

/// Some connections, made when they are needed and kept while they are good.
#[derive(Clone)]
pub(crate) struct Postgres(Arc<Pool>);

struct Pool {
    settings: Settings,
    idle: Mutex<Vec<Client>>,
    permits: Arc<Semaphore>,
}

/// A connection that nobody else uses; closed when it is dropped, unless it was given back by
/// [`keep`](Self::keep).
pub(crate) struct Lease {
    client: Client,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Postgres {
    pub(crate) async fn open(url: &str) -> Result<Self, Error> {
        Self::open_with(url, schema::MODULES).await
    }

    async fn open_with(url: &str, modules: &[&'static schema::Module]) -> Result<Self, Error> {
        let pool = Pool {
            settings: url::read(url)?,
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
        };
        let store = Self(Arc::new(pool));
        store.migrate(modules).await?;
        Ok(store)
    }

    /// Host, port and database.
    pub(crate) fn place(&self) -> &str {
        &self.0.settings.place
    }

    /// Takes a connection that nobody else uses.
    pub(crate) async fn client(&self) -> Result<Lease, StoreError> {
        let permit = Arc::clone(&self.0.permits);
        let permit = permit.acquire_owned().await.expect("the semaphore is never closed");
        let idle = loop {
            match lock(&self.0.idle).pop() {
                Some(client) if client.is_closed() => {}
                idle => break idle,
            }
        };
        let client = match idle {
            Some(client) => client,
            None => connect(&self.0.settings).await?,
        };
        Ok(Lease { client, pool: Arc::clone(&self.0), _permit: permit })
    }

    /// Runs one statement in a transaction of its own, in one round trip.
    ///
    /// Dropped after its first poll, it is finished by the server.
    #[allow(dead_code)] // for the modules that keep something
    pub(crate) async fn query(&self, sql: &str, bound: &[Bound<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.query_all(&[(sql, bound)]).await?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// Runs statements in one transaction and one round trip: none can be left out for what an earlier one gave.
    pub(crate) async fn query_all<'a, S: AsRef<str> + Sync, B: AsRef<[Bound<'a>]> + Sync>(
        &self,
        statements: &[(S, B)],
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        answered(async {
            let client = self.client().await?;
            let queries =
                statements.iter().map(|(sql, bound)| client.query_typed(sql.as_ref(), bound.as_ref()));
            // All are written at the first poll, in this order.
            let (begun, rows, ended) = futures::join!(
                client.batch_execute(BEGIN),
                futures::future::join_all(queries),
                client.batch_execute("COMMIT"), // a rollback, if a statement failed
            );
            begun?;
            // The first error is the one that says why: behind it the transaction is aborted.
            let rows = rows.into_iter().collect::<Result<Vec<_>, _>>().map_err(StoreError::from);
            ended?;
            client.keep();
            rows
        })
        .await
    }

    async fn migrate(&self, modules: &[&'static schema::Module]) -> Result<(), Error> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        migrate(&transaction, self.0.settings.schema.as_deref(), modules).await?;
        transaction.commit().await.map_err(StoreError::from)?;
        client.keep();
        Ok(())
    }
}

impl Lease {
    /// Begins a transaction of several statements; dropped, it is rolled back.
    pub(crate) async fn transaction(&mut self) -> Result<Transaction<'_>, StoreError> {
        let begun =
            self.client.build_transaction().isolation_level(IsolationLevel::ReadCommitted).read_only(false);
        let transaction = begun.start().await?;
        transaction.batch_execute("SET LOCAL synchronous_commit = on").await?;
        Ok(transaction)
    }

    /// Gives the connection back, with nothing under way on it.
    pub(crate) fn keep(self) {
        if !self.client.is_closed() {
            lock(&self.pool.idle).push(self.client);
        }
    }
}

impl Deref for Lease {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.pool.settings.place).finish()
    }
}

/// What is done within the longest time that is waited for the server.
pub(crate) async fn answered<T: Send>(
    done: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let late = || StoreError::new(StoreKind::Postgres, Failure::Unreachable, "no answer within 5 s");
    tokio::time::timeout(ANSWER, done).await.unwrap_or_else(|_| Err(late()))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn connect(settings: &Settings) -> Result<Client, StoreError> {
    if settings.config.get_ssl_mode() == tokio_postgres::config::SslMode::Disable {
        let (client, connection) = settings.config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    } else {
        let (client, connection) = settings.config.connect(settings.tls.clone()).await?;
        tokio::spawn(connection);
        Ok(client)
    }
}

async fn migrate(
    transaction: &Transaction<'_>,
    schema: Option<&str>,
    modules: &[&'static schema::Module],
) -> Result<(), Error> {
    let fail = |error: tokio_postgres::Error| Error::from(StoreError::from(error));
    transaction
        .query_typed("SELECT pg_advisory_xact_lock($1)", &[(&MIGRATION, Type::INT8)])
        .await
        .map_err(fail)?;
    if let Some(schema) = schema {
        let path = "SELECT current_setting('search_path')";
        let path: String = transaction.query_typed_one(path, &[]).await.map_err(fail)?.get(0);
        if path != schema {
            return Err(Error::config(format!(
                "the schema in the store's URL does not reach the server, as behind a PgBouncer that leaves out the \
                 options of a connection: leave it out of the URL, and set it for the role (ALTER ROLE … SET \
                 search_path = {schema})"
            )));
        }
    }
    // A role that may not create anything can still use what is there.
    let there = transaction
        .query_typed_one("SELECT to_regclass('kwtsms_schema') IS NOT NULL", &[])
        .await
        .map_err(fail)?;
    if !there.get::<_, bool>(0) {
        if let Some(schema) = schema {
            let create = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
            transaction.batch_execute(&create).await.map_err(fail)?;
        }
        transaction.batch_execute(schema::CREATE).await.map_err(fail)?;
    }
    let seen = transaction.query_typed(schema::VERSIONS, &[]).await.map_err(fail)?;
    let seen: Vec<(String, i64)> = seen.iter().map(|row| (row.get(0), row.get(1))).collect();
    for step in schema::pending(modules, &seen, |module| module.postgres)? {
        transaction.batch_execute(step.sql).await.map_err(fail)?;
        transaction
            .execute_typed(
                "INSERT INTO kwtsms_schema VALUES ($1, $2)
                 ON CONFLICT (module) DO UPDATE SET version = excluded.version",
                &[(&step.module, Type::TEXT), (&step.version, Type::INT8)],
            )
            .await
            .map_err(fail)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
