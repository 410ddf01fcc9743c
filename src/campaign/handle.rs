//! A campaign as an application holds it.

use std::fmt;
use std::time::Duration;

use super::rows::{self, CampaignState};
use super::state::Resolution;
use crate::error::Error;
use crate::store::Store;

/// How often a wait for the store's rows looks at them.
const LOOK: Duration = Duration::from_millis(100);

/// A campaign in a store. Cloning is cheap.
#[derive(Clone)]
pub struct Campaign {
    pub(super) store: Store,
    pub(super) id: i64,
    pub(super) key: String,
}

impl Store {
    /// Finds a campaign by its key.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn find_campaign(&self, key: &str) -> Result<Option<Campaign>, Error> {
        let found = self.headers("WHERE key = $1", vec![key.trim().into()]).await?;
        Ok(found.into_iter().next().map(|header| Campaign {
            store: self.clone(),
            id: header.id,
            key: header.key,
        }))
    }

    /// All campaigns, the newest first, at most 1,000.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn campaigns(&self) -> Result<Vec<Campaign>, Error> {
        let found = self.headers("ORDER BY id DESC LIMIT 1000", vec![]).await?;
        Ok(found
            .into_iter()
            .map(|header| Campaign { store: self.clone(), id: header.id, key: header.key })
            .collect())
    }
}

impl Campaign {
    /// The application's own key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Sends nothing further, and returns when nothing is in flight: at most a request's 15 s, and up to 60 s where a
    /// worker died.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput` if it is neither running nor paused, of kind `Store` if the store fails.
    ///
    /// # Cancellation
    ///
    /// Dropped, the campaign is paused all the same once it was polled.
    pub async fn pause(&self) -> Result<(), Error> {
        self.pause_for(None).await
    }

    /// Like [`pause`](Self::pause), with a reason that [`progress`](Self::progress) tells.
    ///
    /// # Errors
    ///
    /// As for [`pause`](Self::pause).
    pub async fn pause_because(&self, reason: &str) -> Result<(), Error> {
        self.pause_for(Some(reason)).await
    }

    async fn pause_for(&self, reason: Option<&str>) -> Result<(), Error> {
        let from = [CampaignState::Running];
        if !self.store.move_campaign(self.id, &from, CampaignState::Paused, reason).await? {
            let state = self.store.header(self.id).await?.state;
            if state != CampaignState::Paused {
                return Err(Error::input(format!("the campaign cannot be paused: it is {}", state.as_str())));
            }
        }
        self.nothing_in_flight().await
    }

    /// Goes on after a pause.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput` if it is neither paused nor running, of kind `Store` if the store fails.
    pub async fn resume(&self) -> Result<(), Error> {
        let from = [CampaignState::Paused];
        if !self.store.move_campaign(self.id, &from, CampaignState::Running, None).await? {
            let state = self.store.header(self.id).await?.state;
            if state != CampaignState::Running {
                return Err(Error::input(format!(
                    "the campaign cannot be resumed: it is {}",
                    state.as_str()
                )));
            }
        }
        Ok(())
    }

    /// Ends it: what was not sent never will be, and ends not attempted. Returns when nothing is in flight.
    ///
    /// # Errors
    ///
    /// Of kind `Store` if the store fails.
    pub async fn cancel(&self) -> Result<(), Error> {
        use CampaignState::{Cancelled, Loading, Paused, Ready, Running};
        let from = [Loading, Ready, Running, Paused];
        self.store.move_campaign(self.id, &from, Cancelled, Some("cancelled")).await?;
        self.nothing_in_flight().await?;
        while self.store.sweep_batches().await? {}
        Ok(())
    }

    async fn nothing_in_flight(&self) -> Result<(), Error> {
        loop {
            self.store.sweep_batches().await?;
            let sql = "SELECT count(*) FROM kwtsms_batch WHERE campaign = $1 AND state = 1";
            if self.store.select(sql, vec![self.id.into()]).await?.first().is_none_or(|row| row.int(0) == 0) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Says what became of a batch of unknown outcome, after a look at the account: a batch that was not sent is
    /// planned again, and sent.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput` if the batch is not of unknown outcome, of kind `Store` if the store fails.
    pub async fn resolve(&self, batch: i64, resolution: Resolution) -> Result<(), Error> {
        if self.store.resolve_batch(self.id, batch, resolution).await? {
            Ok(())
        } else {
            Err(Error::input("this batch of the campaign is not of unknown outcome"))
        }
    }

    /// Deletes recipients, texts and skipped rows, and keeps what became of each batch. Only of a campaign that is
    /// over or cancelled: then no outcome can be told by number any more.
    ///
    /// # Errors
    ///
    /// Of kind `InvalidInput` if it is not over, of kind `Store` if the store fails.
    pub async fn forget(&self) -> Result<(), Error> {
        let sql = "SELECT count(*) FROM kwtsms_batch WHERE campaign = $1 AND state IN (0, 1, 4)";
        let left = self.store.select(sql, vec![self.id.into()]).await?.first().map_or(0, |row| row.int(0));
        if left > 0 {
            return Err(Error::input(format!(
                "{left} batches of the campaign are planned, under way or of unknown outcome: cancel it, or resolve \
                 them, first"
            )));
        }
        Ok(rows::forget(&self.store, self.id).await?)
    }
}

impl fmt::Debug for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Campaign").field("key", &self.key).field("store", &self.store).finish()
    }
}
