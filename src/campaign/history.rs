//! When a campaign's numbers ended: a series over time, read from its requests.

use std::time::{Duration, SystemTime};

use super::handle::Campaign;
use super::rows::batch_id;
use crate::error::Error;
use crate::limit::DEFAULT_RATE;

/// How many of a campaign's numbers had ended in a moment, counted from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CampaignMoment {
    /// By the store's clock.
    pub at: SystemTime,
    /// Accepted by the gateway until then.
    pub accepted: u64,
    /// Refused by the gateway until then.
    pub refused: u64,
    /// Sent until then, and of unknown outcome today.
    pub unknown: u64,
}

/// How a campaign went on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CampaignHistory {
    /// When its first request was about to leave; none before.
    pub began_at: Option<SystemTime>,
    /// The moments in which something ended, the oldest first; the last one holds what
    /// [`progress`](Campaign::progress) counts.
    pub moments: Vec<CampaignMoment>,
    /// Numbers a second at the pace of 2 requests a second, of batches of its mean size.
    pub pace: f64,
}

impl Campaign {
    /// When its numbers ended, at most so many moments, equally wide apart; at least 1.
    ///
    /// Read from the rows of its requests, so that it is there after any restart. A batch stands once, at the end of
    /// its last request, as what it is known to be today: what a person [resolved](Campaign::resolve) as sent counts
    /// as accepted when it was sent, and what was not sent does not count.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn history(&self, moments: usize) -> Result<CampaignHistory, Error> {
        let (from, to) = (batch_id(self.id, 0), batch_id(self.id + 1, 0));
        let span = self
            .store
            .select(
                "SELECT (SELECT min(sent_at) FROM kwtsms_request WHERE batch >= $2 AND batch < $3),
                        (SELECT max(ended_at) FROM kwtsms_request WHERE batch >= $2 AND batch < $3),
                        CAST(coalesce(sum(size), 0) AS bigint), count(*)
                 FROM kwtsms_batch WHERE campaign = $1",
                vec![self.id.into(), from.into(), to.into()],
            )
            .await?;
        let Some(row) = span.first() else {
            return Ok(CampaignHistory { began_at: None, moments: Vec::new(), pace: 0.0 });
        };
        let pace = DEFAULT_RATE * row.int(2) as f64 / row.int(3).max(1) as f64;
        let (Some(began), Some(ended)) = (row.maybe_int(0), row.maybe_int(1)) else {
            return Ok(CampaignHistory { began_at: None, moments: Vec::new(), pace });
        };
        let count = i64::try_from(moments).unwrap_or(i64::MAX).max(1);
        let step = (ended - began).max(0) / count + 1;
        let rows = self
            .store
            .select(
                "SELECT (coalesce(last, $2) - $2) / $3, state, CAST(sum(size) AS bigint) FROM (
                     SELECT b.state, b.size, (SELECT max(r.ended_at) FROM kwtsms_request r
                                              WHERE r.batch = b.id AND r.fence = b.fence) AS last
                     FROM kwtsms_batch b WHERE b.campaign = $1 AND b.state IN (2, 3, 4)
                 ) ended GROUP BY 1, 2 ORDER BY 1",
                vec![self.id.into(), began.into(), step.into()],
            )
            .await?;
        let at = |micros: i64| SystemTime::UNIX_EPOCH + Duration::from_micros(micros.unsigned_abs());
        let mut series: Vec<(i64, CampaignMoment)> = Vec::new();
        for row in &rows {
            let place = row.int(0).clamp(0, count - 1);
            let mut next = series.last().map_or(
                CampaignMoment { at: at(began), accepted: 0, refused: 0, unknown: 0 },
                |(_, moment)| *moment,
            );
            let numbers = row.int(2).unsigned_abs();
            match row.int(1) {
                2 => next.accepted += numbers,
                3 => next.refused += numbers,
                _ => next.unknown += numbers,
            }
            next.at = at((began + (place + 1) * step).min(ended));
            match series.last_mut() {
                Some((last, moment)) if *last == place => *moment = next,
                _ => series.push((place, next)),
            }
        }
        Ok(CampaignHistory {
            began_at: Some(at(began)),
            moments: series.into_iter().map(|(_, moment)| moment).collect(),
            pace,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::Resolution;
    use crate::campaign::rows::Learned;
    use crate::campaign::state::Verdict;
    use crate::store::{Store, testing};

    #[tokio::test]
    async fn the_last_moment_is_the_progress_on_sqlite() {
        let file = testing::sqlite();
        the_last_moment_is_the_progress(Store::open(&file.path).await.unwrap()).await;
    }

    #[cfg(feature = "postgres")]
    #[tokio::test]
    async fn the_last_moment_is_the_progress_on_postgres() {
        let Some(server) = testing::postgres().await else { return };
        the_last_moment_is_the_progress(Store::open(&server.url).await.unwrap()).await;
    }

    async fn the_last_moment_is_the_progress(store: Store) {
        let numbers = (0..1_250u64).map(|i| (96_550_000_000 + i).to_string());
        let draft =
            store.campaign("one").text("Hello").account("user").recipients(numbers).load().await.unwrap();
        let campaign = draft.approve().await.unwrap();
        let history = campaign.history(240).await.unwrap();
        assert_eq!((history.began_at, history.moments.len()), (None, 0));
        let verdicts =
            [Verdict::Accepted, Verdict::Refused, Verdict::Unknown, Verdict::Unknown, Verdict::Unknown];
        let mut unknown = Vec::new();
        for verdict in verdicts {
            let claimed = store.claim_batch("user", 1).await.unwrap().unwrap();
            assert!(
                store.settle_batch(claimed.batch, claimed.fence, verdict, &Learned::default()).await.unwrap()
            );
            if verdict == Verdict::Unknown {
                unknown.push(claimed.batch);
            }
        }
        campaign.resolve(unknown[0], Resolution::Sent).await.unwrap();
        campaign.resolve(unknown[1], Resolution::NotSent).await.unwrap();
        let progress = campaign.progress().await.unwrap();
        assert_eq!(
            (progress.accepted, progress.refused, progress.unknown, progress.planned),
            (400, 200, 200, 450)
        );
        for moments in [0, 1, 2, 240, usize::MAX] {
            let history = campaign.history(moments).await.unwrap();
            assert!((1..=moments.clamp(1, 4)).contains(&history.moments.len()), "{history:?}");
            let last = history.moments.last().unwrap();
            assert_eq!((last.accepted, last.refused, last.unknown), (400, 200, 200), "{moments}");
            assert!(history.began_at.unwrap() <= history.moments[0].at);
            let grows = |pair: &[CampaignMoment]| {
                pair[0].at < pair[1].at
                    && pair[0].accepted <= pair[1].accepted
                    && pair[0].refused <= pair[1].refused
                    && pair[0].unknown <= pair[1].unknown
            };
            assert!(history.moments.windows(2).all(grows), "{history:?}");
            assert!((history.pace - 2.0 * 1_250.0 / 7.0).abs() < 1e-9);
        }
        let settings = campaign.settings().await.unwrap();
        assert_eq!((settings.text.as_deref(), settings.sender, settings.window), (Some("Hello"), None, None));
        assert!(!format!("{:?}", campaign.settings().await.unwrap()).contains("Hello"));
        campaign.cancel().await.unwrap();
        campaign.resolve(unknown[2], Resolution::Sent).await.unwrap();
        campaign.forget().await.unwrap();
        assert_eq!(campaign.settings().await.unwrap().text, None);
        assert_eq!(
            campaign.history(1).await.unwrap().moments[0].accepted,
            600,
            "it stays when numbers are forgotten"
        );
    }
}
