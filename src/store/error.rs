//! Why a store did not do what it was asked.

use std::fmt;

use crate::error::Error;

/// What keeps the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    #[cfg(feature = "store")]
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
    #[cfg(feature = "redis")]
    Redis,
}

impl StoreKind {
    fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "store")]
            Self::Sqlite => "the SQLite file",
            #[cfg(feature = "postgres")]
            Self::Postgres => "the PostgreSQL server",
            #[cfg(feature = "redis")]
            Self::Redis => "the Redis server",
        }
    }

    fn action(self) -> &'static str {
        match self {
            #[cfg(feature = "store")]
            Self::Sqlite => {
                "see that the SQLite file of the store is there, writable, and its disk not full; then send again"
            }
            #[cfg(feature = "postgres")]
            Self::Postgres => {
                "see that the PostgreSQL server of the store runs, takes writes and can be reached; then send again"
            }
            #[cfg(feature = "redis")]
            Self::Redis => {
                "see that the Redis server of the store runs, takes writes and can be reached; then send again"
            }
        }
    }
}

/// In what way it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It cannot be reached, broke off, or did not answer in time. What was asked may have been done.
    Unreachable,
    /// Another process holds its lock for too long. Nothing was done.
    #[cfg_attr(not(feature = "store"), allow(dead_code))]
    Busy,
    /// It answered with an error. Nothing was done.
    Refused,
}

/// A failure of a store, without the URL, a password or a value that was bound.
#[derive(Debug, Clone)]
pub(crate) struct StoreError {
    store: StoreKind,
    failure: Failure,
    detail: String,
}

impl StoreError {
    pub(crate) fn new(store: StoreKind, failure: Failure, detail: impl Into<String>) -> Self {
        Self { store, failure, detail: detail.into() }
    }

    pub(crate) fn failure(&self) -> Failure {
        self.failure
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.failure {
            Failure::Unreachable => "did not answer",
            Failure::Busy => "is locked by another process",
            Failure::Refused => "answered with an error",
        };
        write!(f, "{} {what}", self.store.name())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, " ({})", self.detail.replace('\n', " ")) }
    }
}

impl std::error::Error for StoreError {}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::store(error.store.action(), error)
    }
}

#[cfg(feature = "store")]
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};

        // Its messages name tables and columns, never a value; an error of a conversion may hold one.
        let detail = match &error {
            rusqlite::Error::SqliteFailure(code, message) => {
                message.clone().unwrap_or_else(|| code.to_string())
            }
            rusqlite::Error::QueryReturnedNoRows => "a row is missing".to_owned(),
            _ => "a value of an unexpected type".to_owned(),
        };
        let failure = match error.sqlite_error_code() {
            Some(DatabaseBusy | DatabaseLocked) => Failure::Busy,
            _ => Failure::Refused,
        };
        Self::new(StoreKind::Sqlite, failure, detail)
    }
}

#[cfg(feature = "postgres")]
impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        use std::error::Error as _;

        let Some(answer) = error.as_db_error() else {
            let detail = match error.source() {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            };
            return Self::new(StoreKind::Postgres, Failure::Unreachable, detail);
        };
        let code = answer.code().code();
        // The message of class 22 (data exceptions) and every detail hold values: numbers, texts.
        let detail = match code.get(..2) {
            Some("22") => format!("SQLSTATE {code}"),
            _ => format!("SQLSTATE {code}: {}", answer.message()),
        };
        // Connection lost, too many connections, shutting down or starting.
        let gone = ["08", "53", "57"].iter().any(|class| code.starts_with(class));
        let failure = match code {
            "40001" | "40P01" | "55P03" => Failure::Busy,
            _ if gone => Failure::Unreachable,
            _ => Failure::Refused,
        };
        Self::new(StoreKind::Postgres, failure, detail)
    }
}

#[cfg(feature = "redis")]
impl From<redis::RedisError> for StoreError {
    fn from(error: redis::RedisError) -> Self {
        use redis::{ErrorKind, ServerErrorKind};

        let gone = error.is_io_error()
            || error.is_timeout()
            || error.is_connection_dropped()
            || matches!(
                error.kind(),
                ErrorKind::Server(
                    ServerErrorKind::BusyLoading | ServerErrorKind::MasterDown | ServerErrorKind::ReadOnly
                )
            );
        let failure = if gone { Failure::Unreachable } else { Failure::Refused };
        // A server's own sentence may repeat what it was sent; its first word is the kind of error.
        let detail = match error.code() {
            Some(code) => code.to_owned(),
            None => error.to_string(),
        };
        Self::new(StoreKind::Redis, failure, detail)
    }
}

#[cfg(test)]
#[cfg(feature = "store")]
mod tests {
    use super::*;
    use crate::error::{Delivery, ErrorKind};

    #[test]
    fn a_failed_store_is_an_error_of_what_was_not_sent_and_names_the_store() {
        let cause = StoreError::new(StoreKind::Sqlite, Failure::Busy, "database is locked");
        let error = Error::from(cause);
        assert_eq!(error.kind(), ErrorKind::Store);
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert!(error.is_retryable());
        assert!(error.action().contains("SQLite"), "{}", error.action());
        assert_eq!(
            format!("{error:#}"),
            "the store failed, and no request was made: the SQLite file is locked by another process \
             (database is locked)"
        );
    }
}
