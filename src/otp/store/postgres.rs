//! The store in PostgreSQL: the rules as statements. Rows are locked in one order everywhere: the challenge, then counts
//! by their keys.

use std::sync::LazyLock;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::{Attempt, Attempted, Full, Operations, Reserve, Reserved, Settle, StoreError};
use crate::store::postgres::{Lease, Postgres};

/// Longest wait for the answers to one operation.
const ANSWER: Duration = Duration::from_secs(5);

/// The isolation is said each time: a server's default of `serializable` failed a third of the attempts at a code.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL synchronous_commit = on";

/// A statement of ours: `{now}` is the server's clock, read where it stands, and so after the wait for a lock, in
/// milliseconds since 1970.
fn sql(text: &str) -> String {
    text.replace("{now}", "(extract(epoch FROM clock_timestamp()) * 1000)::int8")
}

/// $1 id
static LOCK: LazyLock<String> = LazyLock::new(|| {
    sql("SELECT context, attempts, max_attempts, used_at, begun, forgotten_at, {now}
           FROM kwtsms_otp WHERE id = $1 FOR UPDATE")
});

/// $1 keys, $2 costs, $3 caps, $4 shares, $5 windows. Gives the keys that had room.
static TAKE: LazyLock<String> = LazyLock::new(|| {
    // What is counted in the window that is: a count with a share begins the window after one with half of it.
    let standing = "CASE WHEN c.expires > {now} THEN c.{column}
                         WHEN excluded.share > 0 AND c.expires + excluded.time_ms > {now} THEN c.{column} / 2
                         ELSE 0 END";
    let text = "INSERT INTO kwtsms_otp_count AS c (key, n, verified, expires, cap, share, time_ms)
         SELECT w.key, w.cost, 0, {now} + w.time_ms, w.cap, w.share, w.time_ms
           FROM unnest($1::bytea[], $2::int8[], $3::int8[], $4::int8[], $5::int8[])
                AS w (key, cost, cap, share, time_ms)
          WHERE greatest(w.cost, 1) <= w.cap
          ORDER BY w.key
         ON CONFLICT (key) DO UPDATE SET
           n = excluded.n + {n},
           verified = {verified},
           expires = CASE WHEN c.expires > {now} THEN c.expires
                          WHEN excluded.share > 0 AND c.expires + excluded.time_ms > {now}
                          THEN c.expires + excluded.time_ms
                          ELSE excluded.expires END,
           cap = excluded.cap, share = excluded.share, time_ms = excluded.time_ms
         WHERE greatest(excluded.n, 1) + {n} <= greatest(excluded.cap, excluded.share * ({verified}) / 100)
         RETURNING key";
    let of = |column: &str| standing.replace("{column}", column);
    sql(&text.replace("{n}", &of("n")).replace("{verified}", &of("verified")))
});

/// $1 keys. When the windows of those without room end; they are locked, so this is what was judged.
static FULL: LazyLock<String> = LazyLock::new(|| {
    sql("SELECT key, CASE WHEN expires > {now} THEN expires ELSE expires + time_ms END - {now}
           FROM kwtsms_otp_count WHERE key = ANY($1)")
});

/// $1 id, $2 context, $3 code, $4 attempts, $5 expiry, $6 keep
static BEGIN_CHALLENGE: LazyLock<String> = LazyLock::new(|| {
    sql("INSERT INTO kwtsms_otp (id, context, attempts, max_attempts, used_at, serial, sent, pending, code, expires,
                                 code_before, before_expires, begun, forgotten_at)
         SELECT $1, $2, 0, $4, 0, 1, 1, true, $3, k.now + $5, NULL, 0, k.now, k.now + $6
           FROM (SELECT {now} AS now) k
         ON CONFLICT (id) DO NOTHING
         RETURNING serial, $5, max_attempts")
});

/// $1 id, $2 code, $3 expiry, $4 keep, $5 where all codes die, after the beginning
static ANOTHER_CODE: LazyLock<String> = LazyLock::new(|| {
    sql("UPDATE kwtsms_otp o SET code_before = o.code, before_expires = o.expires, code = $2,
                expires = least(k.now + $3, o.begun + $5), serial = o.serial + 1, sent = o.sent + 1, pending = true,
                forgotten_at = k.now + $4
           FROM (SELECT {now} AS now) k
          WHERE o.id = $1
         RETURNING o.serial, o.expires - k.now, o.max_attempts - o.attempts")
});

/// $1 id, $2 serial, $3 accepted
static SETTLE: LazyLock<String> = LazyLock::new(|| {
    sql("UPDATE kwtsms_otp SET
           pending = pending AND serial <> $2,
           code = CASE WHEN serial = $2 AND NOT $3 THEN code_before ELSE code END,
           expires = CASE WHEN serial = $2 AND NOT $3 THEN before_expires ELSE expires END,
           code_before = CASE WHEN $3 THEN code_before END,
           before_expires = 0,
           sent = CASE WHEN $3 THEN sent ELSE sent - 1 END
         WHERE id = $1
           AND (serial = $2 AND pending OR serial = $2 + 1 AND NOT $3 AND code_before IS NOT NULL)")
});

/// $1 keys, $2 what is given back, $3 when windows end at the latest
static CHANGE: LazyLock<String> = LazyLock::new(|| {
    sql("WITH l AS MATERIALIZED (
           SELECT c.key, w.give_back, w.ends
             FROM unnest($1::bytea[], $2::int8[], $3::int8[]) AS w (key, give_back, ends)
             JOIN kwtsms_otp_count c ON c.key = w.key ORDER BY c.key FOR UPDATE OF c
         )
         UPDATE kwtsms_otp_count c
            SET n = greatest(c.n - l.give_back, 0), expires = least(c.expires, {now} + l.ends)
           FROM l WHERE c.key = l.key AND c.expires > {now}")
});

/// $1 id, $2 context, $3 code, $4 failures, $5 their cap, $6 their window, $7 unverified messages.
///
/// The challenge is locked first, so that those who guess at it come one after the other; then the number's failures
/// are counted, where there is room; then the attempt. A plain update compared 40 guesses over 8 challenges of one number
/// where 10 were allowed.
static ATTEMPT: LazyLock<String> = LazyLock::new(|| {
    sql("WITH c AS MATERIALIZED (
           SELECT id, sent, (code = $3 AND expires > {now}
                             OR code_before = $3 AND before_expires > {now}) IS TRUE AS right_code
             FROM kwtsms_otp
            WHERE id = $1 AND context = $2 AND used_at = 0 AND attempts < max_attempts AND forgotten_at > {now}
              AND greatest(expires, before_expires) > {now}
              FOR UPDATE
         ), f AS (
           INSERT INTO kwtsms_otp_count AS f (key, n, verified, expires, cap, share, time_ms)
           SELECT $4, CASE WHEN right_code THEN 0 ELSE 1 END, 0, {now} + $6, $5, 0, $6 FROM c
           ON CONFLICT (key) DO UPDATE SET
             n = CASE WHEN excluded.n = 0 THEN 0 WHEN f.expires <= {now} THEN 1 ELSE f.n + 1 END,
             expires = CASE WHEN f.expires <= {now} THEN excluded.expires ELSE f.expires END,
             cap = excluded.cap
           WHERE f.n < $5 OR f.expires <= {now}
           RETURNING 1
         ), u AS (
           UPDATE kwtsms_otp_count AS u
              SET n = greatest(u.n - c.sent, 0), verified = u.verified + c.sent
             FROM c WHERE c.right_code AND u.key = $7 AND EXISTS (SELECT 1 FROM f)
         )
         UPDATE kwtsms_otp o
            SET attempts = o.attempts + 1, used_at = CASE WHEN c.right_code THEN {now} ELSE 0 END
           FROM c WHERE o.id = c.id AND EXISTS (SELECT 1 FROM f)
         RETURNING o.used_at <> 0, o.max_attempts - o.attempts, (o.code_before = $3) IS TRUE")
});

/// $1 id, $2 context, $3 failures. Why nothing was compared.
static WHY: LazyLock<String> = LazyLock::new(|| {
    sql("SELECT o.used_at <> 0, o.attempts >= o.max_attempts, greatest(o.expires, o.before_expires) > {now},
                (SELECT f.expires - {now} FROM kwtsms_otp_count f WHERE f.key = $3)
           FROM kwtsms_otp o WHERE o.id = $1 AND o.context = $2 AND o.forgotten_at > {now}")
});

/// It waits for no row, so that it stands in nobody's way who takes them in order.
static SWEEP: LazyLock<String> = LazyLock::new(|| {
    sql("WITH o AS (
           DELETE FROM kwtsms_otp WHERE id IN (
             SELECT id FROM kwtsms_otp WHERE forgotten_at <= {now} FOR UPDATE SKIP LOCKED) RETURNING 1
         ), c AS (
           DELETE FROM kwtsms_otp_count WHERE key IN (
             SELECT key FROM kwtsms_otp_count
              WHERE expires + CASE WHEN share > 0 THEN time_ms ELSE 0 END <= {now}
                FOR UPDATE SKIP LOCKED) RETURNING 1
         )
         SELECT (SELECT count(*) FROM o) + (SELECT count(*) FROM c)")
});

/// Tables of this store in a database that others use, too.
#[derive(Clone)]
pub(super) struct PostgresCodes(pub(super) Postgres);

impl PostgresCodes {
    async fn reserve_now(self, reserve: Reserve) -> Result<Reserved, StoreError> {
        let client = self.0.client().await?;
        let keys: Vec<&[u8]> = reserve.counts.iter().map(|count| &count.key[..]).collect();
        let column = |of: fn(&super::Count) -> i64| reserve.counts.iter().map(of).collect::<Vec<i64>>();
        let (costs, caps) = (column(|count| count.cost), column(|count| count.cap));
        let (shares, windows) = (column(|count| count.share), column(|count| count.window_ms));
        let (id, context, code) = (&reserve.id[..], &reserve.context[..], &reserve.code[..]);
        let take = [
            (&keys as _, Type::BYTEA_ARRAY),
            (&costs as _, Type::INT8_ARRAY),
            (&caps as _, Type::INT8_ARRAY),
            (&shares as _, Type::INT8_ARRAY),
            (&windows as _, Type::INT8_ARRAY),
        ];
        // In one flight: all are written at the first poll, in this order.
        let (begun, there, taken) = if reserve.begin.is_some() {
            let (begun, taken) =
                futures::join!(client.batch_execute(BEGIN), client.query_typed(&TAKE, &take));
            (begun, Vec::new(), taken)
        } else {
            let lock = [(&id as _, Type::BYTEA)];
            let (begun, there, taken) = futures::join!(
                client.batch_execute(BEGIN),
                client.query_typed(&LOCK, &lock),
                client.query_typed(&TAKE, &take)
            );
            (begun, there?, taken)
        };
        begun?;
        let taken = taken?;
        if reserve.begin.is_none() && !there.first().is_some_and(|row| takes_another(row, &reserve)) {
            return roll_back(client, Reserved::Ended).await;
        }
        let taken: Vec<&[u8]> = taken.iter().map(|row| row.get(0)).collect();
        if taken.len() < keys.len() {
            let rest: Vec<&[u8]> = keys.iter().filter(|key| !taken.contains(key)).copied().collect();
            let rows = client.query_typed(&FULL, &[(&rest, Type::BYTEA_ARRAY)]).await?;
            let ends =
                |key: &[u8]| rows.iter().find(|row| row.get::<_, &[u8]>(0) == key).map(|row| row.get(1));
            let full = reserve.counts.iter().enumerate().filter(|(_, count)| rest.contains(&&count.key[..]));
            let full = full
                .map(|(place, count)| Full {
                    place,
                    retry_after_ms: ends(&count.key).unwrap_or(count.window_ms).max(1),
                })
                .collect();
            return roll_back(client, Reserved::Limited { full }).await;
        }
        let end = if reserve.same_code { reserve.another_ms } else { i64::MAX / 4 };
        let written = if let Some(attempts) = reserve.begin {
            let begin = [
                (&id as _, Type::BYTEA),
                (&context as _, Type::BYTEA),
                (&code as _, Type::BYTEA),
                (&attempts as _, Type::INT8),
                (&reserve.expiry_ms as _, Type::INT8),
                (&reserve.keep_ms as _, Type::INT8),
            ];
            client.query_typed(&BEGIN_CHALLENGE, &begin).await?
        } else {
            let another = [
                (&id as _, Type::BYTEA),
                (&code as _, Type::BYTEA),
                (&reserve.expiry_ms as _, Type::INT8),
                (&reserve.keep_ms as _, Type::INT8),
                (&end as _, Type::INT8),
            ];
            client.query_typed(&ANOTHER_CODE, &another).await?
        };
        let Some(row) = written.first() else { return roll_back(client, Reserved::Ended).await };
        let reserved =
            Reserved::Taken { serial: row.get(0), expires_in_ms: row.get(1), attempts_left: row.get(2) };
        client.batch_execute("COMMIT").await?;
        client.keep();
        Ok(reserved)
    }

    async fn settle_now(self, settle: Settle) -> Result<(), StoreError> {
        let client = self.0.client().await?;
        let id = &settle.id[..];
        let keys: Vec<&[u8]> = settle.changes.iter().map(|change| &change.key[..]).collect();
        let give_back: Vec<i64> = settle.changes.iter().map(|change| change.give_back).collect();
        let ends: Vec<Option<i64>> = settle.changes.iter().map(|change| change.ends_in_ms).collect();
        let of_challenge =
            [(&id as _, Type::BYTEA), (&settle.serial as _, Type::INT8), (&settle.accepted as _, Type::BOOL)];
        let of_counts = [
            (&keys as _, Type::BYTEA_ARRAY),
            (&give_back as _, Type::INT8_ARRAY),
            (&ends as _, Type::INT8_ARRAY),
        ];
        let (begun, settled, changed, ended) = futures::join!(
            client.batch_execute(BEGIN),
            client.query_typed(&SETTLE, &of_challenge),
            client.query_typed(&CHANGE, &of_counts),
            client.batch_execute("COMMIT"), // a rollback, if one of them failed
        );
        begun?;
        settled?;
        changed?;
        ended?;
        client.keep();
        Ok(())
    }

    async fn attempt_now(self, attempt: Attempt) -> Result<Attempted, StoreError> {
        let (id, context, code) = (&attempt.id[..], &attempt.context[..], &attempt.code[..]);
        let (failures, unverified) = (&attempt.failures.key[..], &attempt.unverified[..]);
        let compared = self
            .0
            .query(
                &ATTEMPT,
                &[
                    (&id, Type::BYTEA),
                    (&context, Type::BYTEA),
                    (&code, Type::BYTEA),
                    (&failures, Type::BYTEA),
                    (&attempt.failures.cap, Type::INT8),
                    (&attempt.failures.window_ms, Type::INT8),
                    (&unverified, Type::BYTEA),
                ],
            )
            .await?;
        if let Some(row) = compared.first() {
            let (right, left, before): (bool, i64, bool) = (row.get(0), row.get(1), row.get(2));
            return Ok(match (right, before) {
                (true, _) => Attempted::Right,
                (false, true) => Attempted::Superseded { left },
                (false, false) => Attempted::Wrong { left },
            });
        }
        let why = [(&id as _, Type::BYTEA), (&context as _, Type::BYTEA), (&failures as _, Type::BYTEA)];
        let why = self.0.query(&WHY, &why).await?;
        let Some(row) = why.first() else { return Ok(Attempted::NotFound) };
        let (used, spent, lives): (bool, bool, bool) = (row.get(0), row.get(1), row.get(2));
        Ok(match (used, spent, lives) {
            (true, ..) => Attempted::Used,
            (_, true, _) => Attempted::Spent,
            (_, _, false) => Attempted::Expired,
            // Where the window ended just now, it may be tried at once.
            _ => Attempted::Limited { retry_after_ms: row.get::<_, Option<i64>>(3).unwrap_or(1).max(1) },
        })
    }

    async fn sweep_now(self) -> Result<u64, StoreError> {
        let rows = self.0.query(&SWEEP, &[]).await?;
        Ok(rows.first().map_or(0, |row| row.get::<_, i64>(0)).unsigned_abs())
    }
}

/// As the rules have it.
fn takes_another(row: &Row, reserve: &Reserve) -> bool {
    let (context, now): (&[u8], i64) = (row.get(0), row.get(6));
    let (attempts, max, used_at, begun, forgotten_at): (i64, i64, i64, i64, i64) =
        (row.get(1), row.get(2), row.get(3), row.get(4), row.get(5));
    context == reserve.context
        && used_at == 0
        && attempts < max
        && forgotten_at > now
        && begun + reserve.another_ms > now
}

async fn roll_back<T>(client: Lease, value: T) -> Result<T, StoreError> {
    client.batch_execute("ROLLBACK").await?;
    client.keep();
    Ok(value)
}

/// Gives up waiting after a while. What was asked may be done all the same, and a connection that is dropped half-way
/// is closed.
async fn in_time<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = || StoreError::new("the PostgreSQL server did not answer within 5 s");
    tokio::time::timeout(ANSWER, asked).await.unwrap_or_else(|_| Err(late()))
}

impl Operations for PostgresCodes {
    fn reserve(&self, reserve: Reserve) -> BoxFuture<'static, Result<Reserved, StoreError>> {
        in_time(self.clone().reserve_now(reserve)).boxed()
    }

    fn settle(&self, settle: Settle) -> BoxFuture<'static, Result<(), StoreError>> {
        in_time(self.clone().settle_now(settle)).boxed()
    }

    fn attempt(&self, attempt: Attempt) -> BoxFuture<'static, Result<Attempted, StoreError>> {
        in_time(self.clone().attempt_now(attempt)).boxed()
    }

    fn sweep(&self) -> BoxFuture<'static, Result<u64, StoreError>> {
        in_time(self.clone().sweep_now()).boxed()
    }

    fn name(&self) -> &'static str {
        "PostgreSQL"
    }
}
