//! The pace in a PostgreSQL database: one update reserves and answers.

use std::sync::LazyLock;

use futures::future::BoxFuture;
use tokio_postgres::types::Type;

use super::schedule::{AHEAD, Answer, SLACK, Scope};
use super::source::{Begun, Seen, Source, Waits};
use crate::limit::rates::{Lane, Rates, Spacing};
use crate::store::postgres::Postgres;
use crate::store::{Failure, Kept, StoreError, StoreKind};

#[derive(Clone)]
pub(super) struct PostgresSource {
    pub(super) db: Postgres,
    pub(super) scope: String,
    /// Added to the clock; zero outside tests.
    pub(super) shift: i64,
}

/// Now, and when the server was started. `OFFSET 0` keeps the clock from being asked once for each use.
const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8 + $2 AS now,
    (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8 AS server OFFSET 0";

static BEGIN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO kwtsms_pace (scope, single_rate, bulk_rate, single_period, bulk_period, gap, single_next,
             bulk_next, granted, server)
         SELECT $1, $3, $4, $5, $6, $7, k.now + {AHEAD} + least($5, {SLACK}), k.now + {AHEAD} + least($6, {SLACK}), 0,
             k.server
         FROM ({CLOCK}) k
         ON CONFLICT (scope) DO NOTHING"
    )
});

/// What `Scope::reserve` does, level by level from the inside. The row's lock is waited for before the clock is read:
/// a row that changed meanwhile has the whole of it computed anew.
fn reserve(mine: &str, other: &str) -> String {
    let known = |lane: &str, next: &str| {
        let unknown = format!("k.now + {AHEAD} + least(p.{lane}_period, {SLACK})");
        format!(
            "CASE WHEN {next} > k.now + {AHEAD} + p.{lane}_period + {SLACK} THEN {unknown}
                  WHEN p.server <> k.server THEN greatest({next}, {unknown})
                  ELSE {next} END"
        )
    };
    let given_back =
        format!("(CASE WHEN p.{mine}_next = $3 + p.{mine}_period THEN $3 ELSE p.{mine}_next END)");
    let (known_mine, known_other) = (known(mine, &given_back), known(other, &format!("p.{other}_next")));
    format!(
        "UPDATE kwtsms_pace p
         SET ({mine}_next, {other}_next, granted, server, answer_wait, answer_now) = (
             SELECT CASE WHEN s.start - s.now <= {AHEAD} THEN s.start + p.{mine}_period ELSE s.mine END,
                 s.other, p.granted + (s.start - s.now <= {AHEAD})::int, s.server, s.start - s.now, s.now
             FROM (SELECT a.*,
                     CASE WHEN a.earliest >= a.other - p.{other}_period + p.gap THEN a.earliest
                          WHEN a.phase < p.gap THEN a.earliest + p.gap - a.phase
                          WHEN a.phase > p.{other}_period - p.gap
                              THEN a.earliest + p.{other}_period - a.phase + p.gap
                          ELSE a.earliest END AS start
                 FROM (SELECT e.*,
                         mod(mod(e.earliest - e.other, p.{other}_period) + p.{other}_period, p.{other}_period)
                             AS phase
                     FROM (SELECT r.*, greatest(r.mine, r.now) AS earliest
                         FROM (SELECT k.now, k.server, {known_mine} AS mine, {known_other} AS other
                             FROM ({CLOCK}) k) r) e) a) s)
         WHERE p.scope = $1
         RETURNING p.answer_wait, p.answer_now, p.granted"
    )
}

/// Notes of others that ran out go with it; one that somebody else deletes at this moment is left to them.
static TELL: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH k AS ({CLOCK}), gone AS (
             DELETE FROM kwtsms_waiting w USING (
                 SELECT scope, process FROM kwtsms_waiting, k WHERE until < k.now AND process <> $3
                 FOR UPDATE OF kwtsms_waiting SKIP LOCKED
             ) o WHERE w.scope = o.scope AND w.process = o.process)
         INSERT INTO kwtsms_waiting AS w (scope, process, single, bulk, seen, until)
         SELECT $1, $3, $4, $5, k.now, k.now + $6 FROM k
         ON CONFLICT (scope, process) DO UPDATE SET single = excluded.single, bulk = excluded.bulk,
             seen = excluded.seen, until = greatest(w.until, excluded.until)"
    )
});

static READ: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT p.single_rate, p.bulk_rate, p.single_period, p.bulk_period, p.gap, p.single_next, p.bulk_next,
             p.granted, p.server, k.now, k.server, w.process, w.single, w.bulk, w.seen
         FROM ({CLOCK}) k JOIN kwtsms_pace p ON p.scope = $1
             LEFT JOIN kwtsms_waiting w ON w.scope = p.scope AND w.until >= k.now"
    )
});

static RESERVE: LazyLock<[String; 2]> =
    LazyLock::new(|| [reserve("single", "bulk"), reserve("bulk", "single")]);

impl Source for PostgresSource {
    fn kind(&self) -> StoreKind {
        StoreKind::Postgres
    }

    fn kept(&self) -> Kept {
        Kept::Postgres(self.db.clone())
    }

    fn begin(&self, rates: Rates) -> BoxFuture<'_, Result<Begun, StoreError>> {
        Box::pin(async move {
            let Spacing { periods, gap } = Spacing::of(rates);
            self.db
                .query(
                    &BEGIN,
                    &[
                        (&self.scope, Type::TEXT),
                        (&self.shift, Type::INT8),
                        (&rates.single(), Type::FLOAT8),
                        (&rates.bulk(), Type::FLOAT8),
                        (&periods[0], Type::INT8),
                        (&periods[1], Type::INT8),
                        (&gap, Type::INT8),
                    ],
                )
                .await?;
            // By itself, so that nothing but the clock lies between the question and the answer.
            let sql = format!(
                "SELECT p.single_rate, p.bulk_rate, k.now FROM ({CLOCK}) k LEFT JOIN kwtsms_pace p ON p.scope = $1"
            );
            let rows = self.db.query(&sql, &[(&self.scope, Type::TEXT), (&self.shift, Type::INT8)]).await?;
            let row = rows.first().ok_or_else(|| {
                StoreError::new(StoreKind::Postgres, Failure::Refused, "the scope vanished")
            })?;
            // Deleted in between, it has no other rates.
            let rates = match (row.get::<_, Option<f64>>(0), row.get::<_, Option<f64>>(1)) {
                (Some(single), Some(bulk)) => Rates::stored(single, bulk),
                _ => rates,
            };
            Ok(Begun { rates, now: row.get(2) })
        })
    }

    fn reserve(&self, lane: Lane, unused: Option<i64>) -> BoxFuture<'_, Result<Option<Answer>, StoreError>> {
        Box::pin(async move {
            let sql = match lane {
                Lane::Single => &RESERVE[0],
                Lane::Bulk => &RESERVE[1],
            };
            let bound =
                [(&self.scope as _, Type::TEXT), (&self.shift as _, Type::INT8), (&unused as _, Type::INT8)];
            let rows = self.db.query(sql, &bound).await?;
            Ok(rows.first().map(|row| {
                let wait: i64 = row.get(0);
                Answer { given: wait <= AHEAD, wait, now: row.get(1), granted: row.get(2) }
            }))
        })
    }

    fn tell(
        &self,
        process: String,
        calls: [i64; 2],
        lasts: i64,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        let Self { db, scope, shift } = self.clone();
        Box::pin(async move {
            if calls == [0, 0] {
                let sql = "DELETE FROM kwtsms_waiting WHERE scope = $1 AND process = $2";
                db.query(sql, &[(&scope, Type::TEXT), (&process, Type::TEXT)]).await?;
                return Ok(());
            }
            let bound = [
                (&scope as _, Type::TEXT),
                (&shift as _, Type::INT8),
                (&process as _, Type::TEXT),
                (&calls[0] as _, Type::INT8),
                (&calls[1] as _, Type::INT8),
                (&lasts as _, Type::INT8),
            ];
            db.query(&TELL, &bound).await?;
            Ok(())
        })
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Seen>, StoreError>> {
        Box::pin(async move {
            let rows = self.db.query(&READ, &[(&self.scope, Type::TEXT), (&self.shift, Type::INT8)]).await?;
            let waits = |row: &tokio_postgres::Row| {
                let process = row.get::<_, Option<String>>(11)?;
                Some(Waits { process, calls: [row.get(12), row.get(13)], seen: row.get(14) })
            };
            Ok(rows.first().map(|row| Seen {
                scope: Scope {
                    rates: Rates::stored(row.get(0), row.get(1)),
                    spacing: Spacing { periods: [row.get(2), row.get(3)], gap: row.get(4) },
                    next: [row.get(5), row.get(6)],
                    granted: row.get(7),
                    server: row.get(8),
                },
                now: row.get(9),
                server: row.get(10),
                waiting: rows.iter().filter_map(waits).collect(),
            }))
        })
    }

    fn forget(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let sql = "WITH waiting AS (DELETE FROM kwtsms_waiting WHERE scope = $1)
                DELETE FROM kwtsms_pace WHERE scope = $1 RETURNING 1";
            Ok(!self.db.query(sql, &[(&self.scope, Type::TEXT)]).await?.is_empty())
        })
    }
}

impl std::fmt::Debug for PostgresSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.scope, self.db.place())
    }
}
