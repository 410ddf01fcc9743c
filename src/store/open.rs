//! `Store`: from a path or a URL to an open database.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

#[cfg(feature = "postgres")]
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use crate::error::Error;

/// A database for what has to outlive the process: an SQLite file, or a PostgreSQL server.
///
/// Cloning is cheap and clones share the connections. Everything it keeps is in tables whose names begin with
/// `kwtsms_`. `Debug` shows where it is, without user and password.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use kwtsms_async::Store;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("kwtsms.db");
/// let store = Store::open(path).await?; // or "postgres://user:password@host/database"
/// # Ok::<_, kwtsms_async::Error>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Store(Arc<Backend>);

/// The database behind a store.
#[derive(Clone)]
pub(crate) enum Backend {
    Sqlite(Sqlite),
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
}

impl Store {
    /// Opens a store, and creates or updates its tables.
    ///
    /// `at` is the path of an SQLite file, which is created with mode 0600 if it is not there, or, with the feature
    /// `postgres`, a URL as psql takes it: `postgres://user:password@host:5432/database?sslmode=require`. Besides
    /// the parameters of the driver it may hold `schema` (the schema that holds the tables, created if it is not
    /// there; without it the search path of the role decides), `sslmode` (`disable`, `require`, `verify-full`) and
    /// `sslrootcert` (the path of a PEM file; without it the system's trust store decides). TLS is always checked
    /// in full, and is left out only where the host is this machine or `sslmode=disable` asks for it.
    ///
    /// # Errors
    ///
    /// Of kind `Config`: the path or the URL is not usable, the feature is missing, the file lies on a network file
    /// system (where SQLite loses writes; seen on Linux and macOS, elsewhere it is yours to avoid), or the tables were made by a newer release of this crate. Of kind
    /// `Store`: the file cannot be written or the server does not answer within 5 seconds.
    ///
    /// # Cancellation
    ///
    /// Dropped before it returns, it leaves at most empty tables behind.
    pub async fn open(at: impl AsRef<OsStr>) -> Result<Self, Error> {
        let at = at.as_ref();
        let text = at.to_str().unwrap_or_default();
        let backend = match text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()).as_deref() {
            #[cfg(feature = "postgres")]
            Some("postgres" | "postgresql") => Backend::Postgres(Postgres::open(text).await?),
            #[cfg(not(feature = "postgres"))]
            Some("postgres" | "postgresql") => {
                return Err(Error::config(
                    "this build has no PostgreSQL: switch on the feature `postgres` of kwtsms-async",
                ));
            }
            Some("redis" | "rediss") => {
                return Err(Error::config(
                    "Redis keeps a pace and codes, not a whole store: use Limiter::redis, or a store in SQLite or \
                     PostgreSQL",
                ));
            }
            Some(scheme) if text[scheme.len()..].starts_with("://") => {
                return Err(Error::config(
                    "the store's URL is of an unknown kind: use the path of an SQLite file or postgres://",
                ));
            }
            _ => Backend::Sqlite(Sqlite::open(Path::new(at)).await?),
        };
        Ok(Self(Arc::new(backend)))
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.0
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place: &dyn fmt::Display = match self.backend() {
            Backend::Sqlite(db) => &db.path().display(),
            #[cfg(feature = "postgres")]
            Backend::Postgres(db) => &db.place(),
        };
        f.debug_tuple("Store").field(&format_args!("{place}")).finish()
    }
}
