//! The pace in an SQLite file: read, computed and written under its write lock.

use futures::future::BoxFuture;
use rusqlite::{OptionalExtension, Transaction};

use super::schedule::{Answer, Scope};
use super::source::{Begun, Seen, Source, Waits};
use crate::limit::rates::{Lane, Rates, Spacing};
use crate::store::sqlite::{NOW_US, Sqlite};
use crate::store::{Kept, StoreError, StoreKind};

#[derive(Clone)]
pub(super) struct SqliteSource {
    pub(super) db: Sqlite,
    pub(super) scope: String,
    /// Added to the clock; zero outside tests.
    pub(super) shift: i64,
}

/// A file has no server that could have forgotten what it was told.
const SERVER: i64 = 0;

impl SqliteSource {
    fn now(&self, tx: &Transaction<'_>) -> rusqlite::Result<i64> {
        let now: i64 = tx.prepare_cached(&format!("SELECT {NOW_US}"))?.query_row([], |row| row.get(0))?;
        Ok(now + self.shift)
    }

    fn scope(&self, tx: &Transaction<'_>) -> rusqlite::Result<Option<Scope>> {
        tx.prepare_cached(
            "SELECT single_rate, bulk_rate, single_period, bulk_period, gap, single_next, bulk_next, granted
             FROM kwtsms_pace WHERE scope = ?1",
        )?
        .query_row([&self.scope], |row| {
            Ok(Scope {
                rates: Rates::stored(row.get(0)?, row.get(1)?),
                spacing: Spacing { periods: [row.get(2)?, row.get(3)?], gap: row.get(4)? },
                next: [row.get(5)?, row.get(6)?],
                granted: row.get(7)?,
                server: SERVER,
            })
        })
        .optional()
    }
}

impl Source for SqliteSource {
    fn kind(&self) -> StoreKind {
        StoreKind::Sqlite
    }

    fn kept(&self) -> Kept {
        Kept::Sqlite(self.db.clone())
    }

    fn begin(&self, rates: Rates) -> BoxFuture<'_, Result<Begun, StoreError>> {
        let this = self.clone();
        Box::pin(self.db.write(move |tx| {
            let now = this.now(tx)?;
            if let Some(Scope { rates, .. }) = this.scope(tx)? {
                return Ok(Begun { rates, now });
            }
            let scope = Scope::new(rates, now, SERVER);
            let Spacing { periods, gap } = scope.spacing;
            tx.execute(
                "INSERT INTO kwtsms_pace VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
                (
                    &this.scope,
                    rates.single(),
                    rates.bulk(),
                    periods[0],
                    periods[1],
                    gap,
                    scope.next[0],
                    scope.next[1],
                ),
            )?;
            Ok(Begun { rates, now })
        }))
    }

    fn reserve(&self, lane: Lane, unused: Option<i64>) -> BoxFuture<'_, Result<Option<Answer>, StoreError>> {
        let this = self.clone();
        Box::pin(self.db.write(move |tx| {
            let Some(mut scope) = this.scope(tx)? else { return Ok(None) };
            let before = scope;
            let answer = scope.reserve(lane, unused, this.now(tx)?, SERVER);
            if scope != before {
                tx.prepare_cached(
                    "UPDATE kwtsms_pace SET single_next = ?2, bulk_next = ?3, granted = ?4 WHERE scope = ?1",
                )?
                .execute((&this.scope, scope.next[0], scope.next[1], scope.granted))?;
            }
            Ok(Some(answer))
        }))
    }

    fn tell(
        &self,
        process: String,
        calls: [i64; 2],
        lasts: i64,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        let this = self.clone();
        Box::pin(async move {
            let write = this.clone();
            this.db
                .write(move |tx| {
                    let (now, [single, bulk]) = (write.now(tx)?, calls);
                    tx.execute("DELETE FROM kwtsms_waiting WHERE until < ?1", [now])?;
                    if calls == [0, 0] {
                        let sql = "DELETE FROM kwtsms_waiting WHERE scope = ?1 AND process = ?2";
                        return tx.execute(sql, (&write.scope, process));
                    }
                    tx.execute(
                        "INSERT INTO kwtsms_waiting (scope, process, single, bulk, seen, until)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?5 + ?6)
                         ON CONFLICT (scope, process) DO UPDATE SET single = excluded.single, bulk = excluded.bulk,
                             seen = excluded.seen, until = max(kwtsms_waiting.until, excluded.until)",
                        (&write.scope, process, single, bulk, now, lasts),
                    )
                })
                .await?;
            Ok(())
        })
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Seen>, StoreError>> {
        let this = self.clone();
        Box::pin(self.db.read(move |tx| {
            let now = this.now(tx)?;
            let Some(scope) = this.scope(tx)? else { return Ok(None) };
            let sql =
                "SELECT process, single, bulk, seen FROM kwtsms_waiting WHERE scope = ?1 AND until >= ?2";
            let waiting = tx
                .prepare_cached(sql)?
                .query_map((&this.scope, now), |row| {
                    Ok(Waits { process: row.get(0)?, calls: [row.get(1)?, row.get(2)?], seen: row.get(3)? })
                })?
                .collect::<Result<_, _>>()?;
            Ok(Some(Seen { scope, now, server: SERVER, waiting }))
        }))
    }

    fn forget(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        let this = self.clone();
        Box::pin(self.db.write(move |tx| {
            tx.execute("DELETE FROM kwtsms_waiting WHERE scope = ?1", [&this.scope])?;
            Ok(tx.execute("DELETE FROM kwtsms_pace WHERE scope = ?1", [&this.scope])? == 1)
        }))
    }
}

impl std::fmt::Debug for SqliteSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.scope, self.db.path().display())
    }
}
