//! Wherever replicas keep what they share.

use std::fmt;

#[cfg(feature = "postgres")]
use super::postgres::Postgres;
#[cfg(feature = "redis")]
use super::redis::Redis;
#[cfg(feature = "store")]
use super::sqlite::Sqlite;

/// A database or a server; cloning is cheap.
#[derive(Clone)]
pub(crate) enum Kept {
    #[cfg(feature = "store")]
    Sqlite(Sqlite),
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
    #[cfg(feature = "redis")]
    Redis(Redis),
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "store")]
            Self::Sqlite(db) => write!(f, "{}", db.path().display()),
            #[cfg(feature = "postgres")]
            Self::Postgres(db) => f.write_str(db.place()),
            #[cfg(feature = "redis")]
            Self::Redis(server) => f.write_str(&server.place()),
        }
    }
}

/// Stores of a test's own, kept while they live.
#[cfg(test)]
#[cfg(feature = "store")]
pub(crate) struct Bed {
    pub(crate) name: &'static str,
    pub(crate) kept: Kept,
    _server: Box<dyn std::any::Any + Send>,
}

/// An SQLite file, and each server that there is.
#[cfg(test)]
#[cfg(feature = "store")]
pub(crate) async fn beds() -> Vec<Bed> {
    use super::testing;

    let file = testing::sqlite();
    let db = Sqlite::open(file.path.as_ref()).await.expect("a file can be opened");
    let mut beds = vec![Bed { name: "SQLite", kept: Kept::Sqlite(db), _server: Box::new(file) }];
    #[cfg(feature = "postgres")]
    if let Some(server) = testing::postgres().await {
        let db = Postgres::open(&server.url).await.expect("the server answers");
        beds.push(Bed { name: "PostgreSQL", kept: Kept::Postgres(db), _server: Box::new(server) });
    }
    #[cfg(feature = "redis")]
    if let Some(server) = testing::redis().await {
        let redis = Redis::new(&server.url).expect("the URL can be read");
        beds.push(Bed { name: "Redis", kept: Kept::Redis(redis), _server: Box::new(server) });
    }
    beds
}
