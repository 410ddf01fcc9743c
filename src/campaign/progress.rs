//! How far a campaign is, and why it waits.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::handle::Campaign;
use super::rows::{CampaignState, Header};
use crate::credits::Credits;
use crate::error::Error;
use crate::limit::DEFAULT_RATE;

/// A worker that was not seen for so long is not counted.
const SEEN: i64 = 30_000_000;

/// How far a campaign is: counted from its rows in the moment it is asked, in numbers and not in batches.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CampaignProgress {
    /// Where it stands.
    pub state: CampaignState,
    /// Accepted by the gateway.
    pub accepted: u64,
    /// Refused by the gateway with a code.
    pub refused: u64,
    /// Of unknown outcome: may have been sent and charged.
    pub unknown: u64,
    /// Never sent, and never will be.
    pub not_attempted: u64,
    /// Rows that are no usable number.
    pub invalid: u64,
    /// Repeats, which are sent once.
    pub duplicates: u64,
    /// Not sent yet.
    pub planned: u64,
    /// Being sent at this moment.
    pub sending: u64,
    /// Requests that are still to be made.
    pub requests_left: u64,
    /// Credits charged so far. Batches of unknown outcome may have cost more.
    pub points_charged: Credits,
    /// Workers that were seen in the last 30 s.
    pub workers: u64,
    /// Why nothing is sent at the moment, or less than could be.
    pub waits_for: Option<WaitsFor>,
}

/// Why a campaign waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum WaitsFor {
    /// It was not approved yet.
    Approval,
    /// Its recipients are being loaded.
    Loading,
    /// Somebody or a code paused it; the reason, if one was given.
    Pause(Option<String>),
    /// The time before which nothing leaves, or the next sending hours; in seconds since 1970.
    Until(u64),
    /// No worker was seen in the last 30 s.
    Workers,
    /// What a worker says: a full queue, an outage of the gateway, numbers at rest.
    Worker(String),
}

impl CampaignProgress {
    /// True when nothing is left to be sent and nothing is under way.
    pub fn is_over(&self) -> bool {
        self.planned == 0
            && self.sending == 0
            && !matches!(self.state, CampaignState::Loading | CampaignState::Ready)
    }

    /// All rows' numbers, wherever they ended or stand.
    pub fn total(&self) -> u64 {
        self.accepted
            + self.refused
            + self.unknown
            + self.not_attempted
            + self.invalid
            + self.duplicates
            + self.planned
            + self.sending
    }

    /// The time left at 2 requests a second, hours in which it may not send not counted.
    pub fn time_left(&self) -> Duration {
        Duration::try_from_secs_f64(self.requests_left as f64 / DEFAULT_RATE).unwrap_or(Duration::MAX)
    }
}

impl Serialize for CampaignState {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Campaign {
    /// How far it is, counted from its batches: no counter can drift from them.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn progress(&self) -> Result<CampaignProgress, Error> {
        let header = self.store.header(self.id).await?;
        let counts = self
            .store
            .select(
                "SELECT state, CAST(sum(size) AS bigint), count(*), CAST(coalesce(sum(points), 0) AS bigint)
                 FROM kwtsms_batch WHERE campaign = $1 GROUP BY state",
                vec![self.id.into()],
            )
            .await?;
        let skipped = self
            .store
            .select(
                "SELECT count(*), CAST(coalesce(sum(repeated), 0) AS bigint) FROM kwtsms_skipped WHERE campaign = $1",
                vec![self.id.into()],
            )
            .await?;
        let of = |state: i64| counts.iter().find(|row| row.int(0) == state);
        let numbers = |state| of(state).map_or(0, |row| row.int(1).unsigned_abs());
        let (skipped, duplicates) =
            skipped.first().map_or((0, 0), |row| (row.int(0).unsigned_abs(), row.int(1).unsigned_abs()));
        let (workers, waits_for) = self.waits_for(&header, numbers(0)).await?;
        Ok(CampaignProgress {
            state: header.state,
            planned: numbers(0),
            sending: numbers(1),
            accepted: numbers(2),
            refused: numbers(3),
            unknown: numbers(4),
            not_attempted: numbers(5),
            invalid: skipped - duplicates,
            duplicates,
            requests_left: [0, 1]
                .iter()
                .filter_map(|&state| of(state))
                .map(|row| row.int(2).unsigned_abs())
                .sum(),
            points_charged: Credits::from_thousandths(counts.iter().map(|row| row.int(3)).sum()),
            workers,
            waits_for,
        })
    }

    async fn waits_for(&self, header: &Header, planned: u64) -> Result<(u64, Option<WaitsFor>), Error> {
        let account = header.account.clone();
        let seen = self
            .store
            .select(
                "SELECT {now}, (SELECT count(*) FROM kwtsms_worker WHERE seen_at > {now} - $2
                                    AND (account = $1 OR $1 IS NULL)),
                        (SELECT max(waits) FROM kwtsms_worker WHERE seen_at > {now} - $2 AND account = $1)",
                vec![account.into(), SEEN.into()],
            )
            .await?;
        let Some(row) = seen.first() else { return Ok((0, None)) };
        let (now, workers, says) = (row.int(0), row.int(1).unsigned_abs(), row.maybe_text(2));
        let until = |time: i64| Some(WaitsFor::Until(time.unsigned_abs() / 1_000_000));
        let waits = match header.state {
            CampaignState::Loading => Some(WaitsFor::Loading),
            CampaignState::Ready => Some(WaitsFor::Approval),
            CampaignState::Paused => Some(WaitsFor::Pause(header.reason.clone())),
            CampaignState::Cancelled => None,
            CampaignState::Running if planned == 0 => None,
            CampaignState::Running => match header.not_before {
                Some(time) if time > now => until(time),
                _ if header.open.0 > now => until(header.open.0),
                _ if workers == 0 => Some(WaitsFor::Workers),
                _ => says.map(WaitsFor::Worker),
            },
        };
        Ok((workers, waits))
    }

    /// When it was created, by the store's clock.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn created_at(&self) -> Result<SystemTime, Error> {
        let micros = self.store.header(self.id).await?.created_at.unsigned_abs();
        Ok(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
    }
}
