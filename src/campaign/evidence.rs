//! What speaks for and against an unknown batch: the account's balance beside the ledger of what was charged.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::handle::Campaign;
use super::rows::Header;
use crate::client::Client;
use crate::credits::Credits;
use crate::error::Error;
use crate::store::Store;

/// A batch that may have been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownBatch {
    /// As [`Campaign::resolve`] takes it.
    pub batch: i64,
    /// How many numbers it holds.
    pub numbers: u64,
    /// When its request was about to leave, by the store's clock.
    pub sent_at: SystemTime,
    /// What happened.
    pub reason: Option<String>,
    /// What the balance says, if it was asked.
    pub evidence: Option<Evidence>,
}

/// What the balance says of unknown batches. It is no proof where others spend from the same account, and so nothing is
/// inferred from it: a person decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Evidence {
    /// The balance fell by nothing but what is accounted for.
    NotCharged,
    /// The balance fell by exactly what the unknown batches cost at Kuwait's price.
    Charged,
    /// It fits neither, or cannot be told.
    Unclear(String),
}

const NOT_CHARGED: &str = "not charged";
const CHARGED: &str = "charged";

impl Evidence {
    fn stored(&self) -> String {
        match self {
            Self::NotCharged => NOT_CHARGED.to_owned(),
            Self::Charged => CHARGED.to_owned(),
            Self::Unclear(why) => why.clone(),
        }
    }

    fn read(stored: String) -> Self {
        match stored.as_str() {
            NOT_CHARGED => Self::NotCharged,
            CHARGED => Self::Charged,
            _ => Self::Unclear(stored),
        }
    }
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotCharged => f.write_str("the balance did not fall by it"),
            Self::Charged => f.write_str("the balance fell by exactly its cost"),
            Self::Unclear(why) => f.write_str(why),
        }
    }
}

impl Campaign {
    /// Its batches of unknown outcome, at most 10,000, the oldest first.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn unknown(&self) -> Result<Vec<UnknownBatch>, Error> {
        let rows = self
            .store
            .select(
                "SELECT id, size, coalesce(sent_at, 0), reason, evidence FROM kwtsms_batch
                 WHERE campaign = $1 AND state = 4 ORDER BY id LIMIT 10000",
                vec![self.id.into()],
            )
            .await?;
        let read = rows.iter().map(|row| UnknownBatch {
            batch: row.int(0),
            numbers: row.int(1).unsigned_abs(),
            sent_at: SystemTime::UNIX_EPOCH + Duration::from_micros(row.int(2).unsigned_abs()),
            reason: row.maybe_text(3),
            evidence: row.maybe_text(4).map(Evidence::read),
        });
        Ok(read.collect())
    }

    /// Asks the account's balance, compares it with what was charged since it was last known with nothing in flight,
    /// and writes what it says to the unknown batches. One request.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput` while something of the account or of the outbox is in flight: pause its campaigns first.
    /// Otherwise as [`Client::balance`], and of kind `Store`.
    pub async fn gather_evidence(&self, client: &Client) -> Result<Vec<UnknownBatch>, Error> {
        let Header { account, .. } = self.store.header(self.id).await?;
        if let Some(account) = account {
            compare(&self.store, &account, client).await?;
        }
        self.unknown().await
    }
}

/// What is in flight of the account and of the outbox, whose messages name no account, and when the first batch left of
/// which nobody knows the outcome.
async fn open_batches(store: &Store, account: &str) -> Result<(i64, Option<i64>), Error> {
    let rows = store
        .select(
            "SELECT (SELECT count(*) FROM kwtsms_campaign c JOIN kwtsms_batch b ON b.campaign = c.id
                     WHERE c.account = $1 AND b.state = 1)
                    + (SELECT count(*) FROM kwtsms_outbox WHERE state = 'sending'),
                    (SELECT min(b.sent_at) FROM kwtsms_campaign c JOIN kwtsms_batch b ON b.campaign = c.id
                     WHERE c.account = $1 AND b.state = 4)",
            vec![account.into()],
        )
        .await?;
    Ok(rows.first().map_or((0, None), |row| (row.int(0), row.maybe_int(1))))
}

async fn compare(store: &Store, account: &str, client: &Client) -> Result<(), Error> {
    let busy = || {
        Error::input(
            "messages are in flight: pause the account's campaigns and the outbox's workers, then ask again",
        )
    };
    let (in_flight, first) = open_batches(store, account).await?;
    let Some(first) = first else { return Ok(()) };
    if in_flight > 0 {
        return Err(busy());
    }
    let now = client.balance().await?.available();
    if open_batches(store, account).await? != (0, Some(first)) {
        return Err(busy());
    }
    let evidence = match known_before(store, account, first).await? {
        None => Evidence::Unclear(
            "no balance is known from before it, told while nothing else was in flight".to_owned(),
        ),
        Some((balance, at)) => {
            let Ledger { charged, cost, of_outbox } = ledger(store, account, at).await?;
            if of_outbox {
                Evidence::Unclear(
                    "messages of the outbox left since the last balance that is known".to_owned(),
                )
            } else {
                judge(balance, now, charged, cost)
            }
        }
    };
    store
        .run_one(
            "UPDATE kwtsms_batch SET evidence = $2 WHERE state = 4 AND campaign IN
                 (SELECT id FROM kwtsms_campaign WHERE account = $1) RETURNING id",
            vec![account.into(), evidence.stored().into()],
        )
        .await?;
    Ok(())
}

/// The last balance of the account that an answer told before a moment, and when, while nothing else of the account was in
/// flight: only then is it known what it holds already.
async fn known_before(store: &Store, account: &str, moment: i64) -> Result<Option<(Credits, i64)>, Error> {
    // Of all requests that ended later, the one that left first; one that ended in the same moment counts as later.
    let rows = store
        .select(
            "SELECT balance, ended_at FROM (
                 SELECT r.state, r.balance, r.ended_at, min(r.sent_at) OVER (
                     ORDER BY r.ended_at DESC
                     RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) AS later
                 FROM kwtsms_campaign c JOIN kwtsms_batch b ON b.campaign = c.id JOIN kwtsms_request r ON r.batch = b.id
                 WHERE c.account = $1
             ) told
             WHERE state = 2 AND balance IS NOT NULL AND ended_at <= $2 AND (later IS NULL OR later > ended_at)
             ORDER BY ended_at DESC LIMIT 1",
            vec![account.into(), moment.into()],
        )
        .await?;
    Ok(rows.first().map(|row| (Credits::from_thousandths(row.int(0)), row.int(1))))
}

/// What was spent since a moment.
struct Ledger {
    /// By answers that told it, and at Kuwait's price by what a person said was sent.
    charged: Credits,
    /// What the unknown batches cost at Kuwait's price.
    cost: Credits,
    /// Messages of the outbox were sent, from this account or another.
    of_outbox: bool,
}

async fn ledger(store: &Store, account: &str, since: i64) -> Result<Ledger, Error> {
    let rows = store
        .select(
            "SELECT (SELECT CAST(coalesce(sum(r.points), 0) AS bigint)
                     FROM kwtsms_campaign c JOIN kwtsms_batch b ON b.campaign = c.id
                     JOIN kwtsms_request r ON r.batch = b.id
                     WHERE c.account = $1 AND r.state = 2 AND r.sent_at > $2),
                    (SELECT CAST(coalesce(sum(b.size * b.pages), 0) AS bigint)
                     FROM kwtsms_campaign c JOIN kwtsms_batch b ON b.campaign = c.id
                     WHERE c.account = $1 AND b.state = 2 AND b.sent_at > $2 AND NOT EXISTS (
                         SELECT 1 FROM kwtsms_request r
                         WHERE r.batch = b.id AND r.fence = b.fence AND r.state = 2)),
                    (SELECT CAST(coalesce(sum(b.size * b.pages), 0) AS bigint)
                     FROM kwtsms_campaign c JOIN kwtsms_batch b ON b.campaign = c.id
                     WHERE c.account = $1 AND b.state = 4 AND b.sent_at > $2),
                    (SELECT count(*) FROM kwtsms_outbox
                     WHERE state IN ('accepted', 'unknown') AND sent_at >= $2 / 1000000)",
            vec![account.into(), since.into()],
        )
        .await?;
    let at = |column| rows.first().map_or(0, |row| row.int(column));
    Ok(Ledger {
        charged: Credits::from_thousandths(at(0)) + Credits::from_int(at(1)),
        cost: Credits::from_int(at(2)),
        of_outbox: at(3) > 0,
    })
}

fn judge(before: Credits, now: Credits, charged: Credits, cost: Credits) -> Evidence {
    let missing = before - now - charged;
    if missing == Credits::ZERO {
        Evidence::NotCharged
    } else if missing == cost {
        Evidence::Charged
    } else {
        Evidence::Unclear(format!(
            "the balance fell by {missing} credits that are not accounted for; the unknown batches cost {cost} at \
             Kuwait's price"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nothing_and_exactly_the_cost_are_evidence() {
        let credits = Credits::from_int;
        let judge = |now| judge(credits(1_000), credits(now), credits(400), credits(200));
        assert_eq!(judge(600), Evidence::NotCharged);
        assert_eq!(judge(400), Evidence::Charged);
        for now in [601, 599, 401, 399, 1_000] {
            assert!(matches!(judge(now), Evidence::Unclear(_)), "{now}");
        }
        for evidence in [Evidence::NotCharged, Evidence::Charged, Evidence::Unclear("why".to_owned())] {
            assert_eq!(Evidence::read(evidence.stored()), evidence);
        }
    }
}
