//! The gate in a store that all processes of an account share.

use std::fmt;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::store::{Kept, StoreError};

/// A gate in front of which each process keeps its own.
pub(super) trait SharedGate: fmt::Debug + Send + Sync + 'static {
    /// Shuts it for so long; says for how long it is shut by another owner instead, if it is.
    fn shut(&self, owner: u64, hold: Duration) -> BoxFuture<'static, Result<Option<Duration>, StoreError>>;

    /// How long it is shut, if nobody opens it before; zero if it is open.
    fn look(&self) -> BoxFuture<'static, Result<Duration, StoreError>>;

    /// Opens it, if the owner holds it shut.
    fn open(&self, owner: u64) -> BoxFuture<'static, Result<(), StoreError>>;
}

/// The gate of one account.
#[derive(Debug, Clone)]
pub(crate) struct StoredGate {
    pub(crate) kept: Kept,
    pub(crate) account: String,
}

impl StoredGate {
    /// How long it is shut, if nobody opens it before; zero if it is open.
    pub(crate) async fn shut_for(&self) -> Result<Duration, StoreError> {
        let account = &self.account;
        let shut = match &self.kept {
            #[cfg(feature = "store")]
            Kept::Sqlite(db) => sqlite::look(db, account.clone()).await?,
            #[cfg(feature = "postgres")]
            Kept::Postgres(db) => postgres::look(db, account).await?,
            #[cfg(feature = "redis")]
            Kept::Redis(server) => redis::look(server, account).await?,
        };
        Ok(wait(shut))
    }
}

fn wait(micros: i64) -> Duration {
    Duration::from_micros(micros.max(0).unsigned_abs())
}

impl SharedGate for StoredGate {
    fn shut(&self, owner: u64, hold: Duration) -> BoxFuture<'static, Result<Option<Duration>, StoreError>> {
        let Self { kept, account } = self.clone();
        let (owner, hold) = (owner.cast_signed(), i64::try_from(hold.as_micros()).unwrap_or(i64::MAX / 4));
        Box::pin(async move {
            let other = match kept {
                #[cfg(feature = "store")]
                Kept::Sqlite(db) => sqlite::shut(&db, account, owner, hold).await?,
                #[cfg(feature = "postgres")]
                Kept::Postgres(db) => postgres::shut(&db, &account, owner, hold).await?,
                #[cfg(feature = "redis")]
                Kept::Redis(server) => redis::shut(&server, &account, owner, hold).await?,
            };
            Ok(other.map(wait))
        })
    }

    fn look(&self) -> BoxFuture<'static, Result<Duration, StoreError>> {
        let this = self.clone();
        Box::pin(async move { this.shut_for().await })
    }

    fn open(&self, owner: u64) -> BoxFuture<'static, Result<(), StoreError>> {
        let Self { kept, account } = self.clone();
        let owner = owner.cast_signed();
        Box::pin(async move {
            match kept {
                #[cfg(feature = "store")]
                Kept::Sqlite(db) => sqlite::open(&db, account, owner).await,
                #[cfg(feature = "postgres")]
                Kept::Postgres(db) => postgres::open(&db, &account, owner).await,
                #[cfg(feature = "redis")]
                Kept::Redis(server) => redis::open(&server, &account, owner).await,
            }
        })
    }
}

#[cfg(feature = "store")]
mod sqlite {
    use rusqlite::OptionalExtension;

    use crate::store::StoreError;
    use crate::store::sqlite::{NOW_US, Sqlite};

    pub(super) async fn shut(
        db: &Sqlite,
        account: String,
        owner: i64,
        hold: i64,
    ) -> Result<Option<i64>, StoreError> {
        db.write(move |tx| {
            let shut = tx.execute(
                &format!(
                    "INSERT INTO kwtsms_gate VALUES (?1, ?2, {NOW_US} + ?3)
                     ON CONFLICT (account) DO UPDATE SET owner = excluded.owner, until = excluded.until
                     WHERE kwtsms_gate.owner = excluded.owner OR kwtsms_gate.until <= {NOW_US}"
                ),
                (&account, owner, hold),
            )?;
            if shut == 1 {
                return Ok(None);
            }
            let left = format!("SELECT until - {NOW_US} FROM kwtsms_gate WHERE account = ?1");
            tx.query_row(&left, [&account], |row| row.get(0)).map(Some)
        })
        .await
    }

    pub(super) async fn look(db: &Sqlite, account: String) -> Result<i64, StoreError> {
        db.read(move |tx| {
            let left = format!("SELECT until - {NOW_US} FROM kwtsms_gate WHERE account = ?1");
            Ok(tx.query_row(&left, [&account], |row| row.get(0)).optional()?.unwrap_or(0))
        })
        .await
    }

    pub(super) async fn open(db: &Sqlite, account: String, owner: i64) -> Result<(), StoreError> {
        db.write(move |tx| {
            tx.execute("DELETE FROM kwtsms_gate WHERE account = ?1 AND owner = ?2", (&account, owner))
        })
        .await?;
        Ok(())
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::sync::LazyLock;

    use tokio_postgres::types::Type;

    use crate::store::StoreError;
    use crate::store::postgres::{NOW_US, Postgres};

    static SHUT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "INSERT INTO kwtsms_gate AS g VALUES ($1, $2, {NOW_US} + $3)
             ON CONFLICT (account) DO UPDATE SET owner = excluded.owner, until = excluded.until
             WHERE g.owner = excluded.owner OR g.until <= {NOW_US} RETURNING 1"
        )
    });

    static LOOK: LazyLock<String> =
        LazyLock::new(|| format!("SELECT until - {NOW_US} FROM kwtsms_gate WHERE account = $1"));

    pub(super) async fn shut(
        db: &Postgres,
        account: &str,
        owner: i64,
        hold: i64,
    ) -> Result<Option<i64>, StoreError> {
        let bound = [(&account as _, Type::TEXT), (&owner as _, Type::INT8), (&hold as _, Type::INT8)];
        if !db.query(&SHUT, &bound).await?.is_empty() {
            return Ok(None);
        }
        look(db, account).await.map(Some)
    }

    pub(super) async fn look(db: &Postgres, account: &str) -> Result<i64, StoreError> {
        let rows = db.query(&LOOK, &[(&account, Type::TEXT)]).await?;
        Ok(rows.first().map_or(0, |row| row.get(0)))
    }

    pub(super) async fn open(db: &Postgres, account: &str, owner: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM kwtsms_gate WHERE account = $1 AND owner = $2";
        db.query(sql, &[(&account, Type::TEXT), (&owner, Type::INT8)]).await?;
        Ok(())
    }
}

#[cfg(feature = "redis")]
mod redis {
    use std::sync::LazyLock;

    use ::redis::Script;

    use crate::store::StoreError;
    use crate::store::redis::Redis;

    static SHUT: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            "local owner = redis.call('GET', KEYS[1])
            if owner and owner ~= ARGV[1] then return math.max(redis.call('PTTL', KEYS[1]), 0) end
            redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
            return -1",
        )
    });

    static OPEN: LazyLock<Script> = LazyLock::new(|| {
        Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end")
    });

    fn key(server: &Redis, account: &str) -> [String; 1] {
        [server.key(format_args!("gate:{{{account}}}"))]
    }

    pub(super) async fn shut(
        server: &Redis,
        account: &str,
        owner: i64,
        hold: i64,
    ) -> Result<Option<i64>, StoreError> {
        let hold = (hold / 1_000).max(1);
        let left: i64 =
            server.script(&SHUT, &key(server, account), &[owner.to_string(), hold.to_string()]).await?;
        Ok((left >= 0).then_some(left * 1_000))
    }

    pub(super) async fn look(server: &Redis, account: &str) -> Result<i64, StoreError> {
        let left: i64 = server.command(::redis::cmd("PTTL").arg(&key(server, account))).await?;
        Ok(left.max(0) * 1_000)
    }

    pub(super) async fn open(server: &Redis, account: &str, owner: i64) -> Result<(), StoreError> {
        server.script(&OPEN, &key(server, account), &[owner.to_string()]).await
    }
}
