//! The numbers that rest, in a store that all processes of an account share.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::{Resting, SharedNumbers};
use crate::error::Error;
use crate::phone::PhoneNumber;
use crate::store::{Failure, Kept, StoreError};

/// The numbers of one account. They stand in the store until they are free again, no longer than 31 s after the last
/// request to them with the default settings.
#[derive(Debug, Clone)]
pub(crate) struct StoredNumbers {
    pub(crate) kept: Kept,
    pub(crate) account: String,
}

/// Between two tries while the store fails.
const RETRY: Duration = Duration::from_millis(250);

impl StoredNumbers {
    async fn take_once(&self, owner: i64, numbers: &[i64], hold: i64) -> Result<Rests, StoreError> {
        match &self.kept {
            #[cfg(feature = "store")]
            Kept::Sqlite(db) => sqlite::take(db, self.account.clone(), owner, numbers.to_vec(), hold).await,
            #[cfg(feature = "postgres")]
            Kept::Postgres(db) => postgres::take(db, &self.account, owner, numbers.to_vec(), hold).await,
            #[cfg(feature = "redis")]
            Kept::Redis(server) => redis::take(server, &self.account, owner, numbers, hold).await,
        }
    }
}

impl SharedNumbers for StoredNumbers {
    fn take(
        &self,
        owner: u64,
        numbers: Arc<[PhoneNumber]>,
        hold: Duration,
        until: Instant,
    ) -> BoxFuture<'static, Result<Vec<Resting>, Error>> {
        let this = self.clone();
        let (owner, numbers, hold) = (owner.cast_signed(), digits(&numbers), micros(hold));
        Box::pin(async move {
            let resting = loop {
                match this.take_once(owner, &numbers, hold).await {
                    Ok(resting) => break resting,
                    // Taken twice by the same owner is taken once.
                    Err(error) if error.failure() != Failure::Refused && Instant::now() + RETRY < until => {
                        tokio::time::sleep(RETRY.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
                    }
                    Err(error) => return Err(error.into()),
                }
            };
            let resting = resting.into_iter().filter_map(|(number, wait)| {
                let number = PhoneNumber::read_back(number.cast_unsigned())?;
                // At least a little, or it would be taken for free.
                let wait = Duration::from_micros(wait.max(1_000).unsigned_abs());
                Some(Resting { number, wait })
            });
            Ok(resting.collect())
        })
    }

    fn give_back(&self, owner: u64, numbers: Arc<[PhoneNumber]>) -> BoxFuture<'static, ()> {
        let Self { kept, account } = self.clone();
        let (owner, numbers) = (owner.cast_signed(), digits(&numbers));
        Box::pin(async move {
            // If it is lost, they are free when the hold ends.
            let _: Result<(), StoreError> = match kept {
                #[cfg(feature = "store")]
                Kept::Sqlite(db) => sqlite::give_back(&db, account, owner, numbers).await,
                #[cfg(feature = "postgres")]
                Kept::Postgres(db) => postgres::give_back(&db, &account, owner, &numbers).await,
                #[cfg(feature = "redis")]
                Kept::Redis(server) => redis::give_back(&server, &account, owner, &numbers).await,
            };
        })
    }
}

fn digits(numbers: &[PhoneNumber]) -> Vec<i64> {
    numbers.iter().map(|number| number.as_u64().cast_signed()).collect()
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

/// Numbers that rest, and for how many microseconds.
type Rests = Vec<(i64, i64)>;

#[cfg(feature = "store")]
mod sqlite {
    use super::{Rests, StoreError};
    use crate::store::sqlite::{NOW_US, Sqlite};

    pub(super) async fn take(
        db: &Sqlite,
        account: String,
        owner: i64,
        numbers: Vec<i64>,
        hold: i64,
    ) -> Result<Rests, StoreError> {
        db.write(move |tx| {
            let now: i64 = tx.prepare_cached(&format!("SELECT {NOW_US}"))?.query_row([], |row| row.get(0))?;
            tx.prepare_cached("DELETE FROM kwtsms_number WHERE until <= ?1")?.execute([now])?;
            let mut look = tx.prepare_cached(
                "SELECT until FROM kwtsms_number WHERE account = ?1 AND number = ?2 AND owner <> ?3",
            )?;
            let mut resting = Rests::new();
            for &number in &numbers {
                let mut rows = look.query((&account, number, owner))?;
                if let Some(row) = rows.next()? {
                    resting.push((number, row.get::<_, i64>(0)? - now));
                }
            }
            if resting.is_empty() {
                let mut take =
                    tx.prepare_cached("INSERT OR REPLACE INTO kwtsms_number VALUES (?1, ?2, ?3, ?4)")?;
                for &number in &numbers {
                    take.execute((&account, number, owner, now + hold))?;
                }
            }
            Ok(resting)
        })
        .await
    }

    pub(super) async fn give_back(
        db: &Sqlite,
        account: String,
        owner: i64,
        numbers: Vec<i64>,
    ) -> Result<(), StoreError> {
        db.write(move |tx| {
            let mut give_back = tx.prepare_cached(
                "DELETE FROM kwtsms_number WHERE account = ?1 AND number = ?2 AND owner = ?3",
            )?;
            for number in numbers {
                give_back.execute((&account, number, owner))?;
            }
            Ok(())
        })
        .await
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::sync::LazyLock;

    use tokio_postgres::types::Type;

    use super::{Rests, StoreError};
    use crate::store::postgres::{NOW_US, Postgres, answered};

    /// In the order of the numbers, so that two batches never wait for each other.
    static TAKE: LazyLock<String> = LazyLock::new(|| {
        format!(
            "INSERT INTO kwtsms_number AS t (account, number, owner, until)
             SELECT $1, n, $3, {NOW_US} + $4 FROM unnest($2::int8[]) n ORDER BY n
             ON CONFLICT (account, number) DO UPDATE SET owner = excluded.owner, until = excluded.until
             WHERE t.owner = excluded.owner OR t.until <= {NOW_US}"
        )
    });

    static RESTING: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT number, until - {NOW_US} FROM kwtsms_number
             WHERE account = $1 AND number = ANY ($2) AND owner <> $3"
        )
    });

    static FORGET: LazyLock<String> =
        LazyLock::new(|| format!("DELETE FROM kwtsms_number WHERE until <= {NOW_US}"));

    pub(super) async fn take(
        db: &Postgres,
        account: &str,
        owner: i64,
        mut numbers: Vec<i64>,
        hold: i64,
    ) -> Result<Rests, StoreError> {
        numbers.sort_unstable();
        numbers.dedup();
        if fastrand::u8(..) == 0 {
            db.query(&FORGET, &[]).await?; // now and then: it is no index that is looked for
        }
        answered(async {
            let mut client = db.client().await?;
            let transaction = client.transaction().await?;
            let asked =
                [(&account as _, Type::TEXT), (&numbers as _, Type::INT8_ARRAY), (&owner as _, Type::INT8)];
            let [of, these, by] = asked.clone();
            let taken = transaction.execute_typed(&TAKE, &[of, these, by, (&hold, Type::INT8)]).await?;
            if usize::try_from(taken) == Ok(numbers.len()) {
                transaction.commit().await?;
                client.keep();
                return Ok(Rests::new());
            }
            // Some rest: none is taken.
            transaction.rollback().await?;
            let rows = client.query_typed(&RESTING, &asked).await?;
            client.keep();
            Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
        })
        .await
    }

    pub(super) async fn give_back(
        db: &Postgres,
        account: &str,
        owner: i64,
        numbers: &Vec<i64>,
    ) -> Result<(), StoreError> {
        let sql = "DELETE FROM kwtsms_number WHERE account = $1 AND number = ANY ($2) AND owner = $3";
        db.query(sql, &[(&account, Type::TEXT), (numbers, Type::INT8_ARRAY), (&owner, Type::INT8)]).await?;
        Ok(())
    }
}

#[cfg(feature = "redis")]
mod redis {
    use std::sync::LazyLock;

    use ::redis::Script;

    use super::{Rests, StoreError};
    use crate::store::redis::Redis;

    static TAKE: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            "local resting = {}
            for i, key in ipairs(KEYS) do
                local owner = redis.call('GET', key)
                if owner and owner ~= ARGV[1] then
                    table.insert(resting, i)
                    table.insert(resting, math.max(redis.call('PTTL', key), 1))
                end
            end
            if #resting == 0 then
                for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'PX', ARGV[2]) end
            end
            return resting",
        )
    });

    static GIVE_BACK: LazyLock<Script> = LazyLock::new(|| {
        Script::new(
            "for _, key in ipairs(KEYS) do
                if redis.call('GET', key) == ARGV[1] then redis.call('DEL', key) end
            end",
        )
    });

    fn keys(server: &Redis, account: &str, numbers: &[i64]) -> Vec<String> {
        numbers.iter().map(|number| server.key(format_args!("number:{{{account}}}:{number}"))).collect()
    }

    pub(super) async fn take(
        server: &Redis,
        account: &str,
        owner: i64,
        numbers: &[i64],
        hold: i64,
    ) -> Result<Rests, StoreError> {
        let hold = (hold / 1_000).max(1);
        let resting: Vec<i64> = server
            .script(&TAKE, &keys(server, account, numbers), &[owner.to_string(), hold.to_string()])
            .await?;
        let resting = resting.chunks_exact(2).filter_map(|pair| {
            let index = usize::try_from(pair[0] - 1).ok()?;
            Some((*numbers.get(index)?, pair[1] * 1_000))
        });
        Ok(resting.collect())
    }

    pub(super) async fn give_back(
        server: &Redis,
        account: &str,
        owner: i64,
        numbers: &[i64],
    ) -> Result<(), StoreError> {
        server.script(&GIVE_BACK, &keys(server, account, numbers), &[owner.to_string()]).await
    }
}

#[cfg(test)]
#[cfg(feature = "store")]
mod tests;
