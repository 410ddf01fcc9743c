//! Stores for tests: a file in a folder of its own, and the real servers, each test with a schema or a prefix of its
//! own. Where a server does not answer, the test says so and passes, unless `KWTSMS_TEST_SERVERS=required`.

// Used from three crates, in parts.
#![allow(dead_code, unused_imports, unused_macros, clippy::unwrap_used, clippy::print_stderr)]

use std::time::Duration;

/// The path of a file in a folder that is removed with it.
pub(crate) struct SqliteFile {
    pub(crate) path: String,
    folder: tempfile::TempDir,
}

pub(crate) fn sqlite() -> SqliteFile {
    let folder = tempfile::tempdir().unwrap();
    SqliteFile { path: folder.path().join("kwtsms.db").to_str().unwrap().to_owned(), folder }
}

fn name() -> String {
    format!("kwtsms_test_{}_{:x}", std::process::id(), fastrand::u64(..))
}

/// Tells whether a server answers.
async fn answers(what: &str, variable: &str, host: &str) -> bool {
    let connect = tokio::net::TcpStream::connect(host);
    if matches!(tokio::time::timeout(Duration::from_secs(5), connect).await, Ok(Ok(_))) {
        return true;
    }
    let required = std::env::var("KWTSMS_TEST_SERVERS").is_ok_and(|value| value == "required");
    assert!(!required, "no {what} answers at {host}: start one or set {variable}");
    eprintln!("skipped: no {what} answers at {host}; set {variable} to test with one elsewhere");
    false
}

/// `host:port` of a URL.
fn authority(url: &str, port: u16) -> String {
    let rest = url.split_once("://").unwrap().1;
    let host = rest.split(['/', '?']).next().unwrap();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        host.to_owned()
    } else {
        format!("{host}:{port}")
    }
}

/// A Redis URL with a prefix of its own; the keys are deleted when it is dropped.
#[cfg(feature = "redis")]
pub(crate) struct RedisServer {
    pub(crate) url: String,
}

#[cfg(feature = "redis")]
pub(crate) async fn redis() -> Option<RedisServer> {
    let url = std::env::var("KWTSMS_TEST_REDIS").unwrap_or_else(|_| "redis://127.0.0.1:6379/0".to_owned());
    answers("Redis server", "KWTSMS_TEST_REDIS", &authority(&url, 6379)).await.then(|| {
        let sign = if url.contains('?') { '&' } else { '?' };
        RedisServer { url: format!("{url}{sign}prefix={}:", name()) }
    })
}

#[cfg(feature = "redis")]
impl Drop for RedisServer {
    fn drop(&mut self) {
        let (url, prefix) = self.url.split_once("prefix=").unwrap();
        let client = redis::Client::open(url.trim_end_matches(['?', '&'])).unwrap();
        let Ok(mut connection) = client.get_connection_with_timeout(Duration::from_secs(5)) else { return };
        let keys: Vec<String> =
            redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut connection).unwrap_or_default();
        for key in keys {
            let _: Result<(), _> = redis::cmd("DEL").arg(key).query(&mut connection);
        }
    }
}

/// A PostgreSQL URL with a schema of its own, which is dropped with it.
#[cfg(feature = "postgres")]
pub(crate) struct PostgresServer {
    pub(crate) url: String,
    base: String,
    schema: String,
}

#[cfg(feature = "postgres")]
pub(crate) async fn postgres() -> Option<PostgresServer> {
    let base = std::env::var("KWTSMS_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned());
    answers("PostgreSQL server", "KWTSMS_TEST_POSTGRES", &authority(&base, 5432)).await.then(|| {
        let schema = name();
        let sign = if base.contains('?') { '&' } else { '?' };
        PostgresServer { url: format!("{base}{sign}schema={schema}"), base, schema }
    })
}

#[cfg(feature = "postgres")]
impl PostgresServer {
    /// Runs SQL beside the store, in its schema.
    pub(crate) async fn execute(&self, sql: &str) {
        let (client, connection) = tokio_postgres::connect(&self.base, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("SET search_path = {}; {sql}", self.schema)).await.unwrap();
    }
}

#[cfg(feature = "postgres")]
impl Drop for PostgresServer {
    fn drop(&mut self) {
        let (base, schema) = (self.base.clone(), self.schema.clone());
        let clean = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let Ok((client, connection)) = tokio_postgres::connect(&base, tokio_postgres::NoTls).await
                else {
                    return Ok(()); // a test has stopped the server
                };
                tokio::spawn(connection);
                // The test's runtime stands still in this drop: a transaction that the test gave up holds its locks, as
                // nothing sends its rollback. The server is told to end such connections; what is at work, as another
                // test's ANALYZE of all tables, is waited for.
                let end = format!(
                    "SELECT pg_terminate_backend(pid)
                     FROM pg_stat_activity JOIN pg_locks USING (pid) JOIN pg_class ON pg_class.oid = relation
                     WHERE state LIKE 'idle in transaction%' AND relnamespace = to_regnamespace('{schema}')
                         AND datname = current_database()"
                );
                let drop = format!("SET lock_timeout = '5s'; DROP SCHEMA IF EXISTS {schema} CASCADE");
                client.batch_execute(&end).await?;
                client.batch_execute(&drop).await
            })
        };
        let cleaned = std::thread::spawn(clean).join(); // a runtime cannot be started inside another
        if !std::thread::panicking() {
            cleaned.unwrap().expect("the schema is dropped");
        }
    }
}

/// Makes two tests of each `async fn` of the module `bodies`: over SQLite and, where a server answers, over PostgreSQL.
/// What it takes is made by the function named first, of the store's address.
macro_rules! over_both {
    ($made_by:path: $($name:ident)*) => {$(
        mod $name {
            #[allow(unused_imports)] // where the first name is of the module around
            use super::*;

            #[tokio::test]
            async fn on_sqlite() {
                let file = $crate::store::testing::sqlite();
                super::bodies::$name($made_by(&file.path).await).await;
            }

            #[cfg(feature = "postgres")]
            #[tokio::test]
            async fn on_postgres() {
                let Some(server) = $crate::store::testing::postgres().await else { return };
                super::bodies::$name($made_by(&server.url).await).await;
            }
        }
    )*};
}
pub(crate) use over_both;
