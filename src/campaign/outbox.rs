//! The outbox: a row that an application inserts in its own transaction is a message that is sent once.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::draft::seconds_of;
use super::outcomes::CampaignResult;
use super::rows::{Claimed, LEASE, Learned, Look, micros};
use super::state::{Resolution, State, Verdict, settled};
use crate::error::Error;
use crate::phone::{OnlyTo, PhoneNumber, PhoneRules};
use crate::recipients::{MAX_NUMBERS, PendingBatch};
use crate::same_number::DEFAULT_WAIT;
use crate::store::{Statement, Store, StoreError};

/// Stands for the outbox where a worker names a campaign's batch; the claim is then the fence.
pub(crate) const OUTBOX: i64 = -1;

/// How many rows a claim looks at for others of the same text.
const NEAR: i64 = 1_000;

/// When a row may be sent, by the store's clock.
const DUE: &str =
    "state = 'planned' AND again_at <= {now} AND (not_before IS NULL OR not_before <= {now} / 1000000)
     AND (not_after IS NULL OR {now} / 1000000 < not_after)";

/// A message to be put into the outbox, where the application has no transaction of its own to insert it in.
#[derive(Clone)]
#[must_use = "a message is not stored until it is given to Store::enqueue"]
pub struct OutboxMessage {
    key: String,
    number: String,
    text: String,
    sender: Option<String>,
    test: bool,
    not_before: Option<SystemTime>,
    not_after: Option<SystemTime>,
    priority: i64,
}

impl OutboxMessage {
    /// A message under a key of the application's own, such as `order-4711-shipped`: the same key twice is one
    /// message.
    pub fn new(key: impl Into<String>, number: impl fmt::Display, text: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            number: number.to_string(),
            text: text.into(),
            sender: None,
            test: false,
            not_before: None,
            not_after: None,
            priority: 0,
        }
    }

    /// The sender id; without it the worker's client's.
    pub fn sender(mut self, sender: impl Into<String>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// Queued at the gateway and not delivered.
    pub fn test_mode(mut self, test: bool) -> Self {
        self.test = test;
        self
    }

    /// Not sent before this time, to the second.
    pub fn not_before(mut self, time: SystemTime) -> Self {
        self.not_before = Some(time);
        self
    }

    /// Not sent from this time on, to the second: it then ends `not_attempted`.
    pub fn not_after(mut self, time: SystemTime) -> Self {
        self.not_after = Some(time);
        self
    }

    /// A message of a higher priority goes before all of a lower one. Default: 0.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority.into();
        self
    }
}

impl fmt::Debug for OutboxMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxMessage")
            .field("key", &self.key)
            .field("text_chars", &self.text.chars().count())
            .field("test", &self.test)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}

/// How many messages of the outbox stand where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OutboxStatus {
    /// Not sent yet.
    pub planned: u64,
    /// Being sent at this moment.
    pub sending: u64,
    /// Accepted by the gateway.
    pub accepted: u64,
    /// Refused by the gateway with a code.
    pub refused: u64,
    /// May have been sent: a person has to look.
    pub unknown: u64,
    /// Rows whose number, text or sender id cannot be used.
    pub invalid: u64,
    /// Late, and so never sent.
    pub not_attempted: u64,
}

/// What became of one message of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OutboxOutcome {
    /// The application's own key.
    pub key: String,
    /// `planned`, `sending`, `accepted`, `refused`, `unknown`, `invalid` or `not_attempted`.
    pub state: String,
    /// The message id of its request.
    pub message_id: Option<String>,
    /// The gateway's code.
    pub code: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// How often a request was made for it.
    pub attempts: u64,
}

/// The word for a state in the table.
fn word(state: State) -> &'static str {
    CampaignResult::from(state).as_str()
}

impl Store {
    /// Puts a message into the outbox; false if its key is there already, and then nothing was changed. Where the
    /// application has a transaction on the same database, it inserts the row itself, see `docs/outbox.md`.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if a time is before 1970, of kind `Store` if the store fails.
    pub async fn enqueue(&self, message: OutboxMessage) -> Result<bool, Error> {
        let OutboxMessage { key, number, text, sender, test, not_before, not_after, priority } = message;
        let at = |time: Option<SystemTime>| time.map(seconds_of).transpose();
        let values = vec![
            key.into(),
            number.into(),
            text.into(),
            sender.into(),
            i64::from(test).into(),
            at(not_before)?.into(),
            at(not_after)?.into(),
            priority.into(),
        ];
        let sql =
            "INSERT INTO kwtsms_outbox (key, number, text, sender, test, not_before, not_after, priority)
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (key) DO NOTHING RETURNING id";
        Ok(!self.run_one(sql, values).await?.is_empty())
    }

    /// How many messages of the outbox stand where.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn outbox_status(&self) -> Result<OutboxStatus, Error> {
        let rows = self.select("SELECT state, count(*) FROM kwtsms_outbox GROUP BY state", vec![]).await?;
        let mut status = OutboxStatus::default();
        for row in &rows {
            let count = row.int(1).unsigned_abs();
            match row.text(0).as_str() {
                "planned" => status.planned = count,
                "sending" => status.sending = count,
                "accepted" => status.accepted = count,
                "refused" => status.refused = count,
                "unknown" => status.unknown = count,
                "invalid" => status.invalid = count,
                _ => status.not_attempted += count,
            }
        }
        Ok(status)
    }

    /// What became of a message of the outbox.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn outbox_outcome(&self, key: &str) -> Result<Option<OutboxOutcome>, Error> {
        let sql = "SELECT key, state, message_id, code, reason, attempt FROM kwtsms_outbox WHERE key = $1";
        let rows = self.select(sql, vec![key.into()]).await?;
        Ok(rows.first().map(|row| OutboxOutcome {
            key: row.text(0),
            state: row.text(1),
            message_id: row.maybe_text(2),
            code: row.maybe_text(3),
            reason: row.maybe_text(4),
            attempts: row.int(5).unsigned_abs(),
        }))
    }

    /// Plans a message again that was refused, invalid or late; its not-after time is taken away.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput` if it is none of these: one of unknown outcome is resolved by
    /// [`resolve_outbox`](Self::resolve_outbox). Of kind `Store` if the store fails.
    pub async fn retry_outbox(&self, key: &str) -> Result<(), Error> {
        let sql = "UPDATE kwtsms_outbox SET state = 'planned', not_after = NULL, again_at = 0, claim = NULL, code = NULL,
                          reason = NULL, ended_at = NULL
                   WHERE key = $1 AND state IN ('refused', 'invalid', 'not_attempted') RETURNING id";
        if self.run_one(sql, vec![key.into()]).await?.is_empty() {
            return Err(Error::input(
                "no message of this key was refused, invalid or late; one of unknown outcome has to be resolved: look \
                 in the account whether it was sent",
            ));
        }
        Ok(())
    }

    /// Says what became of a message of unknown outcome, after a look at the account: one that was not sent is planned
    /// again, and sent.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput` if it is not of unknown outcome, of kind `Store` if the store fails.
    pub async fn resolve_outbox(&self, key: &str, resolution: Resolution) -> Result<(), Error> {
        let sql = match resolution {
            Resolution::Sent => {
                "UPDATE kwtsms_outbox SET state = 'accepted', reason = 'a person said that it was sent', claim = NULL
                 WHERE key = $1 AND state = 'unknown' RETURNING id"
            }
            Resolution::NotSent => {
                "UPDATE kwtsms_outbox SET state = 'planned', reason = 'a person said that it was not sent', claim = NULL,
                        again_at = 0, ended_at = NULL
                 WHERE key = $1 AND state = 'unknown' RETURNING id"
            }
        };
        if self.run_one(sql, vec![key.into()]).await?.is_empty() {
            return Err(Error::input("no message of this key is of unknown outcome"));
        }
        Ok(())
    }

    /// Deletes messages that ended more than so long ago: accepted, refused, invalid and late ones. Gives their count.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn forget_outbox(&self, older_than: Duration) -> Result<u64, Error> {
        let sql = "DELETE FROM kwtsms_outbox WHERE id IN (
                       SELECT id FROM kwtsms_outbox
                       WHERE state IN ('accepted', 'refused', 'invalid', 'not_attempted') AND ended_at <= ({now} - $1) / 1000000
                       LIMIT 500) RETURNING id";
        let mut gone = 0;
        loop {
            let rows = self.run_one(sql, vec![micros(older_than).into()]).await?.len() as u64;
            gone += rows;
            if rows < 500 {
                return Ok(gone);
            }
        }
    }

    pub(crate) async fn outbox_has_work(&self) -> Result<Look, StoreError> {
        self.look(&format!("SELECT 1 FROM kwtsms_outbox WHERE {DUE}"), vec![]).await
    }

    /// True while a message is planned or under way, now or later.
    pub(crate) async fn outbox_is_open(&self) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM kwtsms_outbox WHERE state IN ('planned', 'sending') LIMIT 1";
        Ok(!self.select(sql, vec![]).await?.is_empty())
    }

    /// Takes the next message and others of the same text, durably, or none. Rows that cannot be sent to end here.
    pub(crate) async fn claim_messages(
        &self,
        worker: i64,
        rules: PhoneRules,
        only_to: &OnlyTo,
    ) -> Result<Option<Claimed>, StoreError> {
        let claim = fastrand::i64(1..);
        let sql = format!(
            "UPDATE kwtsms_outbox SET state = 'sending', claim = $1, worker = $2, attempt = attempt + 1,
                    claimed_at = {{now}}, expires_at = {{now}} + $3, sent_at = {{now}} / 1000000, reason = NULL
             WHERE state = 'planned' AND id IN (
                 SELECT n.id FROM
                     (SELECT id, text, sender, test, alone FROM kwtsms_outbox WHERE {DUE}
                      ORDER BY priority DESC, id LIMIT 1) f,
                     (SELECT id, text, sender, test, alone FROM kwtsms_outbox WHERE {DUE}
                      ORDER BY priority DESC, id LIMIT {NEAR}) n
                 WHERE n.id = f.id OR (f.alone = 0 AND n.alone = 0 AND n.text = f.text AND n.test = f.test
                       AND coalesce(n.sender, '') = coalesce(f.sender, ''))
                 ORDER BY n.id LIMIT {MAX_NUMBERS})
             RETURNING id"
        );
        let done = self
            .run(vec![
                Statement::new(sql, vec![claim.into(), worker.into(), micros(LEASE).into()]).must(),
                Statement::new("UPDATE kwtsms_granted SET n = n + 1 WHERE id = 1 RETURNING n", vec![]).must(),
                Statement::new(
                    "SELECT id, number, text, sender, test, attempt FROM kwtsms_outbox WHERE claim = $1 ORDER BY id",
                    vec![claim.into()],
                )
                .must(),
            ])
            .await?;
        let Some([_, granted, rows]) = done.as_deref() else { return Ok(None) };
        let mut batch = PendingBatch::default();
        for row in rows {
            match PhoneNumber::parse_with(&row.text(1), rules).and_then(|number| only_to.check(number)) {
                // The same number twice: the second one waits for the 15-second rule, in a request of its own.
                Ok(number) if batch.numbers.contains(&number) => {
                    self.leave_out(claim, "id = $2", row.int(0), DEFAULT_WAIT).await?;
                }
                Ok(number) => {
                    if !batch.push(number, 0) {
                        // The characters of a request are full: what is left goes in the next one.
                        self.leave_out(claim, "id >= $2", row.int(0), Duration::ZERO).await?;
                        break;
                    }
                }
                Err(error) => {
                    let sql = "UPDATE kwtsms_outbox SET state = 'invalid', claim = NULL, reason = $3,
                                      ended_at = {now} / 1000000
                               WHERE id = $1 AND claim = $2 RETURNING id";
                    self.run_one(sql, vec![row.int(0).into(), claim.into(), error.to_string().into()])
                        .await?;
                }
            }
        }
        let numbers = batch.numbers;
        let Some(first) = rows.first().filter(|_| !numbers.is_empty()) else { return Ok(None) };
        Ok(Some(Claimed {
            batch: OUTBOX,
            campaign: OUTBOX,
            fence: claim,
            attempt: first.int(5),
            text: first.text(2),
            sender: first.maybe_text(3),
            test: first.int(4) != 0,
            numbers: numbers.into_vec(),
            granted: granted[0].int(0),
        }))
    }

    /// Plans messages of a claim again that do not go with its request: none was made for them.
    async fn leave_out(
        &self,
        claim: i64,
        which: &'static str,
        id: i64,
        wait: Duration,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE kwtsms_outbox SET state = 'planned', claim = NULL, again_at = {{now}} + $3, attempt = attempt - 1,
                    sent_at = NULL, expires_at = NULL
             WHERE claim = $1 AND {which} RETURNING id"
        );
        self.run_one(sql, vec![claim.into(), id.into(), micros(wait).into()]).await?;
        Ok(())
    }

    /// Writes what became of the messages of a claim; false if it is not theirs any more.
    pub(crate) async fn settle_messages(
        &self,
        claim: i64,
        verdict: Verdict,
        learned: &Learned,
    ) -> Result<bool, StoreError> {
        let (from, state) = settled(verdict);
        let from: Vec<_> = from.into_iter().map(|from| format!("'{}'", word(from))).collect();
        let from = from.join(", ");
        let word = if learned.invalid && state == State::Refused { "invalid" } else { word(state) };
        let sql = format!(
            "UPDATE kwtsms_outbox SET state = $2, code = $3, reason = $4, message_id = $5,
                    points = $6 / (SELECT count(*) FROM kwtsms_outbox o WHERE o.claim = $1),
                    again_at = {{now}} + $7, alone = CASE WHEN $8 = 1 THEN 1 ELSE alone END,
                    ended_at = CASE WHEN $2 = 'planned' THEN NULL ELSE {{now}} / 1000000 END, expires_at = NULL
             WHERE claim = $1 AND state IN ({from}) RETURNING id"
        );
        let values = vec![
            claim.into(),
            word.into(),
            learned.code.clone().into(),
            learned.reason.clone().into(),
            learned.message_id.clone().into(),
            learned.points.into(),
            micros(learned.wait).into(),
            i64::from(learned.alone).into(),
        ];
        Ok(!self.run_one(sql, values).await?.is_empty())
    }

    /// Ends what its time has ended: claims that ran out, and messages that are late.
    pub(crate) async fn sweep_messages(&self) -> Result<(), StoreError> {
        let late = "state = 'planned' AND not_after <= {now} / 1000000";
        let due = format!(
            "SELECT 1 FROM kwtsms_outbox WHERE (state = 'sending' AND expires_at <= {{now}}) OR ({late}) LIMIT 1"
        );
        if self.select(due, vec![]).await?.is_empty() {
            return Ok(());
        }
        self.run(vec![
            Statement::new(
                "UPDATE kwtsms_outbox SET state = 'unknown', ended_at = {now} / 1000000,
                        reason = 'no answer was stored before the claim ran out'
                 WHERE state = 'sending' AND expires_at <= {now} RETURNING id",
                vec![],
            ),
            Statement::new(
                format!(
                    "UPDATE kwtsms_outbox SET state = 'not_attempted', ended_at = {{now}} / 1000000, reason = 'late'
                     WHERE {late} RETURNING id"
                ),
                vec![],
            ),
        ])
        .await?;
        Ok(())
    }

    /// The claims that a worker holds by the store.
    pub(crate) async fn messages_held_by(&self, worker: i64) -> Result<Vec<(i64, i64)>, StoreError> {
        let sql = "SELECT DISTINCT claim FROM kwtsms_outbox WHERE state = 'sending' AND worker = $1";
        Ok(self.select(sql, vec![worker.into()]).await?.iter().map(|row| (OUTBOX, row.int(0))).collect())
    }
}
