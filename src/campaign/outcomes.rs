//! What became of each number, as a stream.

use futures::stream::{self, Stream};

use super::handle::Campaign;
use super::rows::{batch_id, unpacked};
use super::state::State;
use crate::error::Error;
use crate::phone::PhoneNumber;

/// Batches read at once: at most 20,000 numbers are in memory.
const A_PAGE: i64 = 100;

/// Where a row of a campaign stands or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CampaignResult {
    /// Accepted by the gateway.
    Accepted,
    /// Refused by the gateway with a code.
    Refused,
    /// May have been sent: do not send again blindly.
    Unknown,
    /// Never sent, and never will be.
    NotAttempted,
    /// Not sent yet.
    Planned,
    /// Being sent.
    Sending,
    /// No usable number.
    Invalid,
    /// Stands in the input before; sent once.
    Duplicate,
}

impl CampaignResult {
    /// The word for it in reports, as in those of `kwtsms send --report`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::NotAttempted => "not_attempted",
            Self::Planned => "planned",
            Self::Sending => "sending",
            Self::Invalid => "invalid",
            Self::Duplicate => "duplicate",
        }
    }
}

impl From<State> for CampaignResult {
    fn from(state: State) -> Self {
        match state {
            State::Planned => Self::Planned,
            State::Sending => Self::Sending,
            State::Accepted => Self::Accepted,
            State::Refused => Self::Refused,
            State::Unknown => Self::Unknown,
            State::NotAttempted => Self::NotAttempted,
        }
    }
}

/// What became of one row.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CampaignOutcome {
    /// Where it stood in its source.
    pub line: u64,
    /// What was handed in, shortened to 100 characters, of a row that is not sent to; else the number.
    pub input: String,
    /// The number; none for an input that is none.
    pub number: Option<PhoneNumber>,
    /// Where it ended.
    pub result: CampaignResult,
    /// The batch, as [`Campaign::resolve`] takes it.
    pub batch: Option<i64>,
    /// The message id of its request.
    pub message_id: Option<String>,
    /// The gateway's code.
    pub code: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

impl std::fmt::Debug for CampaignOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CampaignOutcome")
            .field("line", &self.line)
            .field("number", &self.number)
            .field("result", &self.result)
            .field("batch", &self.batch)
            .field("message_id", &self.message_id)
            .field("code", &self.code)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// Where a stream of outcomes is.
enum At {
    Batches(i64),
    Skipped(i64),
    End,
}

impl Campaign {
    /// What became of each row: those that are sent to in the order of their batches, then those that are not.
    ///
    /// Read in pages, in flat memory; each page tells the moment in which it was read. The stream ends after its
    /// first error.
    pub fn outcomes(&self) -> impl Stream<Item = Result<CampaignOutcome, Error>> + Send + use<> {
        let campaign = self.clone();
        let pages = stream::unfold((campaign, At::Batches(0)), |(campaign, at)| async move {
            let (page, next) = match at {
                At::End => return None,
                At::Batches(after) => match campaign.page_of_batches(after).await {
                    Ok((page, Some(last))) => (Ok(page), At::Batches(last)),
                    Ok((page, None)) => (Ok(page), At::Skipped(0)),
                    Err(error) => (Err(error), At::End),
                },
                At::Skipped(after) => match campaign.page_of_skipped(after).await {
                    Ok((page, Some(last))) => (Ok(page), At::Skipped(last)),
                    Ok((page, None)) => (Ok(page), At::End),
                    Err(error) => (Err(error), At::End),
                },
            };
            let outcomes = match page {
                Ok(page) => page.into_iter().map(Ok).collect::<Vec<_>>(),
                Err(error) => vec![Err(error)],
            };
            Some((stream::iter(outcomes), (campaign, next)))
        });
        Box::pin(futures::StreamExt::flatten(pages))
    }

    async fn page_of_batches(&self, after: i64) -> Result<(Vec<CampaignOutcome>, Option<i64>), Error> {
        let after = after.max(batch_id(self.id, 0));
        let rows = self
            .store
            .select(
                "SELECT b.id, b.state, b.message_id, b.code, b.reason, r.numbers, r.lines
                 FROM kwtsms_batch b JOIN kwtsms_recipients r ON r.batch = b.id
                 WHERE b.id > $1 AND b.id < $2 ORDER BY b.id LIMIT $3",
                vec![after.into(), batch_id(self.id + 1, 0).into(), A_PAGE.into()],
            )
            .await?;
        let mut page = Vec::new();
        for row in &rows {
            let Some(state) = State::read(row.int(1)) else { continue };
            for (number, line) in unpacked(row.bytes(5)).zip(unpacked(row.bytes(6))) {
                let number = PhoneNumber::read_back(number);
                page.push(CampaignOutcome {
                    line,
                    input: number.map(|number| number.to_string()).unwrap_or_default(),
                    number,
                    result: state.into(),
                    batch: Some(row.int(0)),
                    message_id: row.maybe_text(2),
                    code: row.maybe_text(3),
                    reason: row.maybe_text(4),
                });
            }
        }
        let last = rows.last().filter(|_| rows.len() as i64 == A_PAGE).map(|row| row.int(0));
        Ok((page, last))
    }

    async fn page_of_skipped(&self, after: i64) -> Result<(Vec<CampaignOutcome>, Option<i64>), Error> {
        const ROWS: i64 = 5_000;
        let rows = self
            .store
            .select(
                "SELECT n, line, input, repeated, reason FROM kwtsms_skipped
                 WHERE campaign = $1 AND n > $2 ORDER BY n LIMIT $3",
                vec![self.id.into(), after.into(), ROWS.into()],
            )
            .await?;
        let page = rows.iter().map(|row| {
            let repeated = row.int(3) != 0;
            let input = row.text(2);
            CampaignOutcome {
                line: row.int(1).unsigned_abs(),
                number: repeated.then(|| input.parse().ok()).flatten().and_then(PhoneNumber::read_back),
                input,
                result: if repeated { CampaignResult::Duplicate } else { CampaignResult::Invalid },
                batch: None,
                message_id: None,
                code: None,
                reason: row.maybe_text(4),
            }
        });
        let last = rows.last().filter(|_| rows.len() as i64 == ROWS).map(|row| row.int(0));
        Ok((page.collect(), last))
    }
}
