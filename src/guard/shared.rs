//! What an account spends, in a store that all its processes share.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::limit::SpendLimit;
use super::window_sum::Over;
use crate::credits::Credits;
use crate::error::Error;
use crate::store::{Failure, Kept, StoreError};

/// The spending of one account, by minutes of the store's clock.
#[derive(Debug, Clone)]
pub(crate) struct StoredSpending {
    pub(crate) kept: Kept,
    pub(crate) account: String,
}

/// So long a store that fails is asked again, less where the call's deadline comes first.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries while the store fails.
const RETRY: Duration = Duration::from_millis(250);

/// The minute that pays, or the limit that is reached.
type Taken = Result<i64, Over>;
/// The store's time, and what each minute cost, the oldest first.
type Ledger = (i64, Vec<(i64, i64)>);

impl StoredSpending {
    /// Takes a cost. If the answer is lost it may be taken twice, which errs on the side of less.
    pub(super) async fn take(
        &self,
        limit: SpendLimit,
        cost: Credits,
        deadline: Option<Instant>,
    ) -> Result<Taken, Error> {
        let patience = Instant::now() + PATIENCE;
        let until = deadline.map_or(patience, |deadline| deadline.min(patience));
        loop {
            let taken = match &self.kept {
                #[cfg(feature = "store")]
                Kept::Sqlite(db) => sqlite::take(db, self.account.clone(), limit, cost).await,
                #[cfg(feature = "postgres")]
                Kept::Postgres(db) => postgres::take(db, &self.account, limit, cost).await,
                #[cfg(feature = "redis")]
                Kept::Redis(server) => redis::take(server, &self.account, limit, cost).await,
            };
            match taken {
                Ok(taken) => return Ok(taken),
                Err(error) if error.failure() != Failure::Refused && Instant::now() + RETRY < until => {
                    tokio::time::sleep(RETRY.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// What was spent, by the store's time in microseconds: minutes, the oldest first, with what each cost.
    #[cfg(feature = "diagnose")]
    pub(super) async fn spent(&self) -> Result<Ledger, StoreError> {
        match &self.kept {
            #[cfg(feature = "store")]
            Kept::Sqlite(db) => {
                let account = self.account.clone();
                db.write(move |tx| sqlite::ledger(tx, &account)).await
            }
            #[cfg(feature = "postgres")]
            Kept::Postgres(db) => postgres::ledger(db, &self.account).await,
            #[cfg(feature = "redis")]
            Kept::Redis(server) => redis::ledger(server, &self.account).await,
        }
    }

    /// Adds to what a minute cost, or takes from it. A failure is not told: the estimate stands.
    pub(super) fn add(&self, minute: i64, more: i64) -> BoxFuture<'static, ()> {
        let Self { kept, account } = self.clone();
        Box::pin(async move {
            let _: Result<(), StoreError> = match kept {
                #[cfg(feature = "store")]
                Kept::Sqlite(db) => sqlite::add(&db, account, minute, more).await,
                #[cfg(feature = "postgres")]
                Kept::Postgres(db) => postgres::add(&db, &account, minute, more).await,
                #[cfg(feature = "redis")]
                Kept::Redis(server) => redis::add(&server, &account, minute, more).await,
            };
        })
    }
}

#[cfg(feature = "store")]
mod sqlite {
    use rusqlite::Transaction;

    use super::{Ledger, SpendLimit, StoreError, Taken};
    use crate::credits::Credits;
    use crate::guard::window_sum::{DAY, MINUTE, decide};
    use crate::store::sqlite::{NOW_US, Sqlite};

    pub(super) fn ledger(tx: &Transaction<'_>, account: &str) -> Result<Ledger, rusqlite::Error> {
        let now = tx.prepare_cached(&format!("SELECT {NOW_US}"))?.query_row([], |row| row.get(0))?;
        let spent = tx
            .prepare_cached("SELECT minute, spent FROM kwtsms_spent WHERE account = ?1 ORDER BY minute")?
            .query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<Vec<_>, _>>()?;
        Ok((now, spent))
    }

    pub(super) async fn take(
        db: &Sqlite,
        account: String,
        limit: SpendLimit,
        cost: Credits,
    ) -> Result<Taken, StoreError> {
        db.write(move |tx| {
            let (now, spent) = ledger(tx, &account)?;
            let minute = now / MINUTE;
            tx.prepare_cached("DELETE FROM kwtsms_spent WHERE account = ?1 AND minute < ?2")?
                .execute((&account, minute - DAY))?;
            if let Err(over) = decide(limit, &spent, now, cost) {
                return Ok(Err(over));
            }
            tx.prepare_cached(
                "INSERT INTO kwtsms_spent VALUES (?1, ?2, ?3)
                 ON CONFLICT (account, minute) DO UPDATE SET spent = spent + excluded.spent",
            )?
            .execute((&account, minute, cost.thousandths()))?;
            Ok(Ok(minute))
        })
        .await
    }

    pub(super) async fn add(db: &Sqlite, account: String, minute: i64, more: i64) -> Result<(), StoreError> {
        db.write(move |tx| {
            tx.execute(
                "UPDATE kwtsms_spent SET spent = spent + ?3 WHERE account = ?1 AND minute = ?2",
                (&account, minute, more),
            )?;
            Ok(())
        })
        .await
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::sync::LazyLock;

    use tokio_postgres::types::Type;

    use super::{SpendLimit, StoreError, Taken};
    use crate::credits::Credits;
    use crate::guard::window_sum::{DAY, MINUTE, decide};
    use crate::store::postgres::{NOW_US, Postgres, answered};

    /// One sender of an account after the other: what they read is what they add to.
    const LOCK: &str = "SELECT 1 FROM pg_advisory_xact_lock(hashtextextended('kwtsms spent ' || $1, 0))";

    /// The store's time first, which stands before all minutes.
    static SPENT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT -1::int8 AS minute, {NOW_US} AS spent
             UNION ALL SELECT minute, spent FROM kwtsms_spent WHERE account = $1
             ORDER BY minute"
        )
    });

    const ADD: &str = "INSERT INTO kwtsms_spent AS t VALUES ($1, $2, $3)
        ON CONFLICT (account, minute) DO UPDATE SET spent = t.spent + excluded.spent";
    const FORGET: &str = "DELETE FROM kwtsms_spent WHERE account = $1 AND minute < $2";

    pub(super) async fn take(
        db: &Postgres,
        account: &str,
        limit: SpendLimit,
        cost: Credits,
    ) -> Result<Taken, StoreError> {
        answered(async {
            let mut client = db.client().await?;
            let transaction = client.transaction().await?;
            let whose = (&account as _, Type::TEXT);
            transaction.query_typed(LOCK, std::slice::from_ref(&whose)).await?;
            let rows = transaction.query_typed(&SPENT, std::slice::from_ref(&whose)).await?;
            let mut spent: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            let now = spent.remove(0).1;
            let minute = now / MINUTE;
            let taken = decide(limit, &spent, now, cost).map(|()| minute);
            if taken.is_ok() {
                let amount = cost.thousandths();
                let add = [whose.clone(), (&minute as _, Type::INT8), (&amount as _, Type::INT8)];
                transaction.execute_typed(ADD, &add).await?;
            }
            if spent.first().is_some_and(|(oldest, _)| *oldest < minute - DAY) {
                let oldest = minute - DAY;
                transaction.execute_typed(FORGET, &[whose, (&oldest as _, Type::INT8)]).await?;
            }
            transaction.commit().await?;
            client.keep();
            Ok(taken)
        })
        .await
    }

    #[cfg(feature = "diagnose")]
    pub(super) async fn ledger(db: &Postgres, account: &str) -> Result<super::Ledger, StoreError> {
        let rows = db.query(&SPENT, &[(&account, Type::TEXT)]).await?;
        let mut spent: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let (_, now) = spent.remove(0);
        Ok((now, spent))
    }

    pub(super) async fn add(db: &Postgres, account: &str, minute: i64, more: i64) -> Result<(), StoreError> {
        let sql = "UPDATE kwtsms_spent SET spent = spent + $3 WHERE account = $1 AND minute = $2";
        db.query(sql, &[(&account, Type::TEXT), (&minute, Type::INT8), (&more, Type::INT8)]).await?;
        Ok(())
    }
}

#[cfg(feature = "redis")]
mod redis {
    use std::sync::LazyLock;

    use ::redis::Script;

    use super::{Ledger, SpendLimit, StoreError, Taken};
    use crate::credits::Credits;
    use crate::guard::window_sum::decide;
    use crate::store::redis::Redis;

    /// Takes the cost and names the minute that pays, or gives the time and all minutes.
    static TAKE: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            "local time = redis.call('TIME')
            local now = time[1] * 1000000 + time[2]
            local minute = math.floor(now / 60000000)
            local all, old, hour, day = redis.call('HGETALL', KEYS[1]), {}, 0, 0
            for i = 1, #all, 2 do
                local at, spent = tonumber(all[i]), tonumber(all[i + 1])
                if at < minute - 1440 then table.insert(old, all[i]) else day = day + spent end
                if at >= minute - 60 then hour = hour + spent end
            end
            for _, at in ipairs(old) do redis.call('HDEL', KEYS[1], at) end
            local cost = tonumber(ARGV[1])
            if hour + cost > tonumber(ARGV[2]) or day + cost > tonumber(ARGV[3]) then
                table.insert(all, 1, string.format('%.0f', now))
                return all
            end
            redis.call('HINCRBY', KEYS[1], minute, ARGV[1])
            redis.call('EXPIRE', KEYS[1], 90000)
            return {string.format('%.0f', minute), 'taken'}",
        )
    });

    static ADD: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            "if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
                redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])
            end",
        )
    });

    /// More than is ever spent, where there is no limit.
    const NONE: i64 = 1 << 52;

    fn key(server: &Redis, account: &str) -> [String; 1] {
        [server.key(format_args!("spent:{{{account}}}"))]
    }

    pub(super) async fn take(
        server: &Redis,
        account: &str,
        limit: SpendLimit,
        cost: Credits,
    ) -> Result<Taken, StoreError> {
        let most = |limit: Option<Credits>| limit.map_or(NONE, Credits::thousandths).to_string();
        let asked = [cost.thousandths().to_string(), most(limit.per_hour), most(limit.per_day)];
        let answer: Vec<String> = server.script(&TAKE, &key(server, account), &asked).await?;
        if let [minute, word] = answer.as_slice()
            && word == "taken"
        {
            return Ok(Ok(number(minute)));
        }
        let (now, spent) = minutes(&answer);
        // The same sums as the script's, which refused.
        Ok(decide(limit, &spent, now, cost).map(|()| 0))
    }

    fn number(text: &str) -> i64 {
        text.parse().unwrap_or_default()
    }

    /// The time, and the minutes with what each cost.
    fn minutes(answer: &[String]) -> Ledger {
        let Some((now, rest)) = answer.split_first() else { return Ledger::default() };
        let mut spent: Vec<_> =
            rest.chunks_exact(2).map(|pair| (number(&pair[0]), number(&pair[1]))).collect();
        spent.sort_unstable();
        (number(now), spent)
    }

    #[cfg(feature = "diagnose")]
    pub(super) async fn ledger(server: &Redis, account: &str) -> Result<Ledger, StoreError> {
        // A limit that is below nothing is reached: it tells all minutes and takes nothing.
        let asked = ["0", "-1", "-1"].map(str::to_owned);
        let answer: Vec<String> = server.script(&TAKE, &key(server, account), &asked).await?;
        Ok(minutes(&answer))
    }

    pub(super) async fn add(server: &Redis, account: &str, minute: i64, more: i64) -> Result<(), StoreError> {
        server.script(&ADD, &key(server, account), &[minute.to_string(), more.to_string()]).await
    }
}
