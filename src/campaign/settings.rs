//! What a campaign was created with.

use std::time::{Duration, SystemTime};

use super::handle::Campaign;
use crate::error::Error;

/// What a campaign was created with, for whoever looks at it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CampaignSettings {
    /// The text, with its columns in braces; none once it was [forgotten](Campaign::forget).
    pub text: Option<String>,
    /// The sender id; none for that of the worker's client.
    pub sender: Option<String>,
    /// Test messages, which are not delivered.
    pub test_mode: bool,
    /// Higher ones go first.
    pub priority: i64,
    /// The hours of a day in which it may send, as `09:00-21:00`, and their time zone.
    pub window: Option<(String, String)>,
    /// Nothing leaves before.
    pub not_before: Option<SystemTime>,
    /// Nothing leaves after.
    pub not_after: Option<SystemTime>,
    /// When it was created, by the store's clock.
    pub created_at: SystemTime,
}

impl std::fmt::Debug for CampaignSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CampaignSettings")
            .field("sender", &self.sender)
            .field("test_mode", &self.test_mode)
            .field("priority", &self.priority)
            .field("window", &self.window)
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .field("created_at", &self.created_at)
            .finish_non_exhaustive()
    }
}

impl Campaign {
    /// What it was created with.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput` if the store does not hold it any more, of kind `Store` if the store fails.
    pub async fn settings(&self) -> Result<CampaignSettings, Error> {
        let rows = self
            .store
            .select(
                "SELECT settings, sender, test, priority, hours, zone, not_before, not_after, created_at
                 FROM kwtsms_campaign WHERE id = $1",
                vec![self.id.into()],
            )
            .await?;
        let row =
            rows.first().ok_or_else(|| Error::input("there is no such campaign in the store any more"))?;
        let at = |micros: i64| SystemTime::UNIX_EPOCH + Duration::from_micros(micros.unsigned_abs());
        let settings: serde_json::Value = serde_json::from_str(&row.text(0)).unwrap_or_default();
        Ok(CampaignSettings {
            text: settings[0].as_str().map(str::to_owned),
            sender: row.maybe_text(1),
            test_mode: row.int(2) != 0,
            priority: row.int(3),
            window: row.maybe_text(4).zip(row.maybe_text(5)),
            not_before: row.maybe_int(6).map(at),
            not_after: row.maybe_int(7).map(at),
            created_at: at(row.int(8)),
        })
    }
}
