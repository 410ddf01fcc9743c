//! The campaigns' rows: each transition of a batch is one statement that is guarded by its state and its fence.

use std::time::Duration;

use super::state::{Resolution, Verdict, settled};
use crate::error::Error;
use crate::phone::PhoneNumber;
use crate::store::{Row, Statement, Store, StoreError, Value};

/// How long a claim holds. A request is bounded by 15 s, so that none is under way when its claim has run out, and no
/// worker has to say meanwhile that it lives.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// Batches closed or run out in one statement, so that it takes milliseconds.
const A_SWEEP: i64 = 500;

/// Where a campaign stands. Stored as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CampaignState {
    /// Its recipients are being loaded, or their loading broke off: loading it again begins anew.
    Loading = 0,
    /// Loaded, and waiting to be approved: nothing is sent before.
    Ready = 1,
    /// Its batches are sent by whatever workers there are.
    Running = 2,
    /// Nothing further is sent until it is resumed.
    Paused = 3,
    /// What was not sent never will be.
    Cancelled = 4,
}

impl CampaignState {
    const ALL: [Self; 5] = [Self::Loading, Self::Ready, Self::Running, Self::Paused, Self::Cancelled];

    pub(crate) fn read(stored: i64) -> Self {
        usize::try_from(stored).ok().and_then(|at| Self::ALL.get(at).copied()).unwrap_or(Self::Paused)
    }

    pub(crate) const fn stored(self) -> i64 {
        self as i64
    }

    /// The word for it in reports: `loading`, `ready`, `running`, `paused`, `cancelled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A batch that a worker holds.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) batch: i64,
    pub(crate) campaign: i64,
    pub(crate) fence: i64,
    pub(crate) attempt: i64,
    pub(crate) text: String,
    pub(crate) sender: Option<String>,
    pub(crate) test: bool,
    pub(crate) numbers: Vec<PhoneNumber>,
    /// How many claims were granted on this store, this one included: it only grows.
    pub(crate) granted: i64,
}

/// What a look at the store tells before a claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// How many claims were granted: it only grows.
    pub(crate) granted: i64,
    /// Something may be sent at this moment.
    pub(crate) work: bool,
}

/// What a worker learned about a batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learned {
    pub(crate) code: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) points: Option<i64>,
    pub(crate) balance: Option<i64>,
    /// Not before so long from now, where it is planned again.
    pub(crate) wait: Duration,
    /// Of the outbox: refused before any request, since the text or the sender id cannot be used.
    pub(crate) invalid: bool,
    /// Of the outbox: each message in a request of its own from now on, since one of their numbers was refused.
    pub(crate) alone: bool,
}

pub(crate) const fn micros(duration: Duration) -> i64 {
    let micros = duration.as_micros();
    if micros > i64::MAX as u128 { i64::MAX } else { micros as i64 }
}

/// A campaign `c` whose start was not missed by more than an hour: one that was approved before it, and of which nothing
/// was tried yet, is paused instead of sending at a wrong time. Asked in the claim too: a machine that slept through the
/// start wakes up in the middle of whatever its worker did.
pub(super) const ON_TIME: &str = "(c.not_before IS NULL OR c.not_before >= {now} - 3600000000 OR c.approved_at > c.not_before
      OR EXISTS (SELECT 1 FROM kwtsms_request r WHERE r.batch >= c.id * 4294967296 AND r.batch < (c.id + 1) * 4294967296)
      OR EXISTS (SELECT 1 FROM kwtsms_batch s WHERE s.campaign = c.id AND s.state = 1))";

/// A campaign `c` of the account `$1` that sends now.
fn open() -> String {
    format!(
        "c.account = $1 AND c.state = 2 AND c.open_from <= {{now}} AND {{now}} < c.open_until
         AND (c.not_before IS NULL OR c.not_before <= {{now}}) AND (c.not_after IS NULL OR {{now}} < c.not_after)
         AND {ON_TIME}"
    )
}

/// A batch `b` of it that may be sent.
const DUE: &str = "b.campaign = c.id AND b.state = 0 AND b.not_before <= {now}";

/// What a claim writes.
const CLAIM: &str = "UPDATE kwtsms_batch
SET state = 1, fence = fence + 1, attempt = attempt + 1, claim = $3, worker = $2, sent_at = {now},
    expires_at = {now} + $4";

/// `FOR SHARE` is what a pause waits for: no claim is committed after it.
#[cfg(feature = "postgres")]
fn claim_on_postgres() -> String {
    let open = open();
    format!(
        "WITH c AS MATERIALIZED (
             SELECT id FROM kwtsms_campaign c WHERE {open} ORDER BY priority DESC, id FOR SHARE
         ), x AS MATERIALIZED (
             SELECT p.id FROM c CROSS JOIN LATERAL (
                 SELECT b.id FROM kwtsms_batch b WHERE {DUE}
                 ORDER BY b.not_before, b.id LIMIT 1 FOR UPDATE SKIP LOCKED
             ) p LIMIT 1
         )
         {CLAIM} WHERE id = (SELECT id FROM x) RETURNING id"
    )
}

/// The campaign first, then its batch: over both at once SQLite would sort all planned batches, for a single one.
fn claim_on_sqlite() -> String {
    let open = open();
    format!(
        "{CLAIM} WHERE id = (
             SELECT (SELECT b.id FROM kwtsms_batch b WHERE {DUE} ORDER BY b.not_before, b.id LIMIT 1)
             FROM kwtsms_campaign c
             WHERE {open} AND EXISTS (SELECT 1 FROM kwtsms_batch b WHERE {DUE})
             ORDER BY c.priority DESC, c.id LIMIT 1
         )
         RETURNING id"
    )
}

impl Store {
    /// The statement of a claim: account, worker, a number of its own, lease.
    pub(super) fn claim_sql(&self) -> String {
        match self.backend() {
            crate::store::Backend::Sqlite(_) => claim_on_sqlite(),
            #[cfg(feature = "postgres")]
            crate::store::Backend::Postgres(_) => claim_on_postgres(),
        }
    }

    /// Takes the next batch that may be sent, durably, or none.
    pub(crate) async fn claim_batch(
        &self,
        account: &str,
        worker: i64,
    ) -> Result<Option<Claimed>, StoreError> {
        let claim = fastrand::i64(1..);
        let done = self
            .run(vec![
                Statement::new(
                    self.claim_sql(),
                    vec![account.into(), worker.into(), claim.into(), micros(LEASE).into()],
                ),
                Statement::new(
                    "UPDATE kwtsms_granted SET n = n + 1 WHERE id = 1 AND EXISTS (
                         SELECT 1 FROM kwtsms_batch WHERE claim = $1 AND state = 1) RETURNING n",
                    vec![claim.into()],
                ),
                Statement::new(
                    "SELECT b.id, b.campaign, b.fence, b.attempt, t.body, c.sender, c.test, r.numbers
                     FROM kwtsms_batch b JOIN kwtsms_campaign c ON c.id = b.campaign
                     JOIN kwtsms_text t ON t.campaign = b.campaign AND t.n = b.body
                     JOIN kwtsms_recipients r ON r.batch = b.id
                     WHERE b.claim = $1 AND b.state = 1",
                    vec![claim.into()],
                ),
            ])
            .await?;
        let Some([_, granted, rows]) = done.as_deref() else { return Ok(None) };
        let (Some(granted), Some(row)) = (granted.first(), rows.first()) else { return Ok(None) };
        Ok(Some(Claimed {
            batch: row.int(0),
            campaign: row.int(1),
            fence: row.int(2),
            attempt: row.int(3),
            text: row.text(4),
            sender: row.maybe_text(5),
            test: row.int(6) != 0,
            numbers: unpacked(row.bytes(7)).filter_map(PhoneNumber::read_back).collect(),
            granted: granted.int(0),
        }))
    }

    /// Whether a batch may be sent at this moment.
    pub(crate) async fn has_work(&self, account: &str) -> Result<Look, StoreError> {
        let open = open();
        // Not as EXISTS, which PostgreSQL turns round: it read all planned batches, to find their one campaign.
        let work = format!(
            "SELECT 1 FROM kwtsms_campaign c WHERE {open}
             AND (SELECT b.id FROM kwtsms_batch b WHERE {DUE} ORDER BY b.not_before, b.id LIMIT 1) IS NOT NULL"
        );
        self.look(&work, vec![account.into()]).await
    }

    /// Whether a query gives anything, and how many claims the store has granted.
    pub(super) async fn look(&self, work: &str, values: Vec<Value>) -> Result<Look, StoreError> {
        let sql =
            format!("SELECT n, CASE WHEN EXISTS ({work}) THEN 1 ELSE 0 END FROM kwtsms_granted WHERE id = 1");
        let rows = self.select(sql, values).await?;
        Ok(rows.first().map_or(Look::default(), |row| Look { granted: row.int(0), work: row.int(1) != 0 }))
    }

    /// By which a worker's journal knows the store again: a copy of the store bears the same number.
    pub(crate) async fn number_of_its_own(&self) -> Result<i64, StoreError> {
        let rows = self.select("SELECT store FROM kwtsms_granted WHERE id = 1", vec![]).await?;
        Ok(rows.first().map_or(0, |row| row.int(0)))
    }

    /// True while a running campaign has a batch that is planned or under way, now or later.
    pub(crate) async fn is_open(&self, account: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM kwtsms_campaign c
                   WHERE c.account = $1 AND c.state = 2
                     AND EXISTS (SELECT 1 FROM kwtsms_batch b WHERE b.campaign = c.id AND b.state IN (0, 1))
                   LIMIT 1";
        Ok(!self.select(sql, vec![account.into()]).await?.is_empty())
    }

    /// Writes what became of a claimed batch. False if the claim is not the worker's any more: then nothing was
    /// changed.
    pub(crate) async fn settle_batch(
        &self,
        batch: i64,
        fence: i64,
        verdict: Verdict,
        learned: &Learned,
    ) -> Result<bool, StoreError> {
        let (from, state) = settled(verdict);
        let from: Vec<_> = from.into_iter().map(|from| from.stored().to_string()).collect();
        let from = from.join(", ");
        let update = format!(
            "UPDATE kwtsms_batch SET state = $3, code = $4, reason = $5, message_id = $6, points = $7, balance = $8,
             not_before = CASE WHEN $3 = 0 THEN {{now}} + $9 ELSE not_before END, claim = NULL, expires_at = NULL
             WHERE id = $1 AND fence = $2 AND state IN ({from}) RETURNING id"
        );
        let values = vec![
            batch.into(),
            fence.into(),
            state.stored().into(),
            learned.code.clone().into(),
            learned.reason.clone().into(),
            learned.message_id.clone().into(),
            learned.points.into(),
            learned.balance.into(),
            micros(learned.wait).into(),
        ];
        // What was planned again keeps its row too: the code of each attempt is told by it.
        let row = Statement::new(
            "INSERT INTO kwtsms_request
             SELECT id, fence, state, attempt, coalesce(worker, 0), coalesce(sent_at, 0), {now}, code, message_id, points,
                    balance
             FROM kwtsms_batch WHERE id = $1 ON CONFLICT (batch, fence, state) DO NOTHING",
            vec![batch.into()],
        );
        let done = self.run(vec![Statement::new(update, values).must(), row]).await?;
        Ok(done.is_some())
    }

    /// Ends what its time has ended: claims that ran out, and batches of campaigns that were cancelled or are over.
    ///
    /// True if there may be more.
    pub(crate) async fn sweep_batches(&self) -> Result<bool, StoreError> {
        let due = self
            .select(
                "SELECT (SELECT count(*) FROM kwtsms_batch WHERE state = 1 AND expires_at <= {now}),
                 (SELECT count(*) FROM kwtsms_campaign c WHERE (c.state = 4 OR (c.state IN (1, 2, 3)
                    AND c.not_after <= {now}))
                    AND EXISTS (SELECT 1 FROM kwtsms_batch b WHERE b.campaign = c.id AND b.state = 0))",
                vec![],
            )
            .await?;
        let due = due.first().map_or((0, 0), |row| (row.int(0), row.int(1)));
        if due == (0, 0) {
            return Ok(false);
        }
        let done = self
            .run(vec![
                Statement::new(
                    "UPDATE kwtsms_batch SET state = 4, reason = 'no answer was stored before the claim ran out'
                     WHERE id IN (SELECT id FROM kwtsms_batch WHERE state = 1 AND expires_at <= {now}
                                  ORDER BY expires_at LIMIT $1 {skip})
                     RETURNING id",
                    vec![A_SWEEP.into()],
                ),
                Statement::new(
                    "INSERT INTO kwtsms_request
                     SELECT id, fence, state, attempt, coalesce(worker, 0), coalesce(sent_at, 0), {now}, code,
                            message_id, points, balance
                     FROM kwtsms_batch b WHERE b.state = 4 AND NOT EXISTS (
                         SELECT 1 FROM kwtsms_request r WHERE r.batch = b.id AND r.fence = b.fence AND r.state = 4)
                     ON CONFLICT (batch, fence, state) DO NOTHING",
                    vec![],
                ),
                Statement::new(
                    "UPDATE kwtsms_batch SET state = 5
                     WHERE id IN (SELECT b.id FROM kwtsms_campaign c JOIN kwtsms_batch b ON b.campaign = c.id
                                  WHERE (c.state = 4 OR (c.state IN (1, 2, 3) AND c.not_after <= {now}))
                                    AND b.state = 0 LIMIT $1)
                       AND state = 0
                     RETURNING id",
                    vec![A_SWEEP.into()],
                ),
            ])
            .await?
            .unwrap_or_default();
        Ok(done.iter().any(|rows| rows.len() as i64 == A_SWEEP))
    }

    /// What a person says of a batch of unknown outcome; false if it is none, or not of this campaign.
    pub(crate) async fn resolve_batch(
        &self,
        campaign: i64,
        batch: i64,
        resolution: Resolution,
    ) -> Result<bool, StoreError> {
        let sql = match resolution {
            Resolution::Sent => {
                "UPDATE kwtsms_batch SET state = 2, reason = 'a person said that it was sent'
                 WHERE campaign = $1 AND id = $2 AND state = 4 RETURNING id"
            }
            Resolution::NotSent => {
                "UPDATE kwtsms_batch SET state = 0, fence = fence + 1, not_before = {now}, claim = NULL,
                        reason = 'a person said that it was not sent'
                 WHERE campaign = $1 AND id = $2 AND state = 4 RETURNING id"
            }
        };
        Ok(!self.run_one(sql, vec![campaign.into(), batch.into()]).await?.is_empty())
    }

    /// Moves a campaign from one of some states to another; false if it is in none of them.
    pub(crate) async fn move_campaign(
        &self,
        campaign: i64,
        from: &[CampaignState],
        to: CampaignState,
        reason: Option<&str>,
    ) -> Result<bool, StoreError> {
        let from: Vec<_> = from.iter().map(|state| state.stored().to_string()).collect();
        let sql = format!(
            "UPDATE kwtsms_campaign SET state = $2, reason = $3,
                    approved_at = CASE WHEN $2 = 2 THEN {{now}} ELSE approved_at END
             WHERE id = $1 AND state IN ({}) RETURNING id",
            from.join(", ")
        );
        let values = vec![campaign.into(), to.stored().into(), reason.map(str::to_owned).into()];
        Ok(!self.run_one(sql, values).await?.is_empty())
    }

    /// Pauses what a code stops: the campaign, or every running one of the account.
    pub(crate) async fn pause_for_code(
        &self,
        account: Option<&str>,
        campaign: i64,
        reason: &str,
    ) -> Result<(), StoreError> {
        match account {
            Some(account) => {
                let sql = "UPDATE kwtsms_campaign SET state = 3, reason = $2 WHERE account = $1 AND state = 2
                           RETURNING id";
                self.run_one(sql, vec![account.into(), reason.into()]).await?;
            }
            None => {
                self.move_campaign(campaign, &[CampaignState::Running], CampaignState::Paused, Some(reason))
                    .await?;
            }
        }
        Ok(())
    }

    /// The batches that a worker holds by the store: those that it does not know of, it never posted.
    pub(crate) async fn held_by(&self, worker: i64) -> Result<Vec<(i64, i64)>, StoreError> {
        let sql = "SELECT id, fence FROM kwtsms_batch WHERE state = 1 AND worker = $1";
        Ok(self.select(sql, vec![worker.into()]).await?.iter().map(|row| (row.int(0), row.int(1))).collect())
    }

    /// The store's clock, in microseconds since 1970.
    pub(crate) async fn clock(&self) -> Result<i64, StoreError> {
        Ok(self.select("SELECT {now}", vec![]).await?.first().map_or(0, |row| row.int(0)))
    }
}

/// Numbers or lines as they are stored: 8 bytes each, the least significant first.
pub(crate) fn packed(values: impl IntoIterator<Item = u64>) -> Vec<u8> {
    values.into_iter().flat_map(u64::to_le_bytes).collect()
}

pub(crate) fn unpacked(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().expect("eight bytes")))
}

/// A campaign as its row tells.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) id: i64,
    pub(crate) key: String,
    pub(crate) account: Option<String>,
    pub(crate) state: CampaignState,
    pub(crate) reason: Option<String>,
    pub(crate) hours: Option<(String, String)>,
    pub(crate) open: (i64, i64),
    pub(crate) not_before: Option<i64>,
    pub(crate) settings: String,
    pub(crate) created_at: i64,
}

pub(crate) const HEADER: &str = "SELECT id, key, account, state, reason, hours, zone, open_from, open_until, not_before, \
     settings, created_at FROM kwtsms_campaign";

impl Header {
    pub(crate) fn read(row: &Row) -> Self {
        Self {
            id: row.int(0),
            key: row.text(1),
            account: row.maybe_text(2),
            state: CampaignState::read(row.int(3)),
            reason: row.maybe_text(4),
            hours: row.maybe_text(5).zip(row.maybe_text(6)),
            open: (row.int(7), row.int(8)),
            not_before: row.maybe_int(9),
            settings: row.text(10),
            created_at: row.int(11),
        }
    }
}

impl Store {
    pub(crate) async fn headers(
        &self,
        filter: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Header>, StoreError> {
        let rows = self.select(format!("{HEADER} {filter}"), values).await?;
        Ok(rows.iter().map(Header::read).collect())
    }

    pub(crate) async fn header(&self, id: i64) -> Result<Header, Error> {
        let mut found = self.headers("WHERE id = $1", vec![id.into()]).await?;
        found.pop().ok_or_else(|| Error::input("there is no such campaign in the store any more"))
    }
}

/// The ids of a campaign's batches: 4,000 million each.
pub(crate) const fn batch_id(campaign: i64, n: i64) -> i64 {
    (campaign << 32) | n
}

/// Deletes recipients, texts and skipped rows.
pub(crate) async fn forget(store: &Store, campaign: i64) -> Result<(), StoreError> {
    let (from, to) = (batch_id(campaign, 0), batch_id(campaign + 1, 0));
    let sql = "DELETE FROM kwtsms_recipients WHERE batch IN
                   (SELECT batch FROM kwtsms_recipients WHERE batch >= $1 AND batch < $2 LIMIT 500) RETURNING batch";
    while !store.run_one(sql, vec![from.into(), to.into()]).await?.is_empty() {}
    for table in ["kwtsms_text", "kwtsms_skipped"] {
        let sql = format!(
            "DELETE FROM {table} WHERE campaign = $1 AND n IN
                 (SELECT n FROM {table} WHERE campaign = $1 LIMIT 500) RETURNING n"
        );
        while !store.run_one(sql.clone(), vec![campaign.into()]).await?.is_empty() {}
    }
    // They hold the text.
    let sql = "UPDATE kwtsms_campaign SET settings = '' WHERE id = $1 AND state <> 0 RETURNING id";
    store.run_one(sql, vec![campaign.into()]).await?;
    Ok(())
}
