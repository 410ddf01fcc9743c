//! Campaigns that outlive their process: loaded once, sent by any number of workers, each number in one outcome.
//!
//! A campaign stands in a [`Store`](crate::Store). Its numbers are cut into batches, and the gateway judges a request, so
//! the state of a number is the state of its batch. A batch is sent only from *planned*, and that it is being sent is on
//! the store's disk before its request leaves. What may have been sent and was not answered is *unknown* and stays so
//! until a person has looked ([`Campaign::resolve`]): no restart sends it again.
//!
//! ```
//! # #[cfg(feature = "sandbox")] {
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
//! use kwtsms_async::{Client, Store, sandbox::Sandbox};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("campaigns.db");
//! let store = Store::open(path).await?; // or "postgres://…"
//! let rows = [("96598765432", [("name", "Sara")]), ("96551234567", [("name", "Ali")])];
//! let draft = store.campaign("eid-2027").text("Dear {{ name }}").recipients(rows).load().await?;
//! assert_eq!(draft.estimate().requests, 2); // two texts
//! let campaign = draft.approve().await?;
//!
//! let sandbox = Sandbox::in_process();
//! let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
//! let worker = client.work(&store).until_done().start().await?; // any number of them, on any machines
//! worker.finished().await?;
//! assert_eq!(campaign.progress().await?.accepted, 2);
//! # Ok::<_, kwtsms_async::Error>(()) }).unwrap(); }
//! ```

mod draft;
mod events;
mod evidence;
mod journal;
mod load;
mod outbox;
mod outcomes;
mod progress;
pub(crate) mod rows;
mod state;
mod template;
mod trouble;
mod window;
mod work;

use std::fmt;
use std::time::Duration;

pub use draft::{CampaignBuilder, CampaignRow, Draft, Estimate};
pub use evidence::{Evidence, UnknownBatch};
pub use outbox::{OutboxMessage, OutboxOutcome, OutboxStatus};
pub use outcomes::{CampaignOutcome, CampaignResult};
pub use progress::{CampaignProgress, WaitsFor};
pub use rows::CampaignState;
pub use state::Resolution;
pub use work::{Work, Worker};

use crate::error::Error;
use crate::store::Store;

/// How often a wait for the store's rows looks at them.
const LOOK: Duration = Duration::from_millis(100);

/// A campaign in a store. Cloning is cheap.
#[derive(Clone)]
pub struct Campaign {
    store: Store,
    id: i64,
    key: String,
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
        load::forget(&self.store, self.id).await
    }
}

impl fmt::Debug for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Campaign").field("key", &self.key).field("store", &self.store).finish()
    }
}

#[cfg(test)]
mod tests;
