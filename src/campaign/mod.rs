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
mod handle;
mod history;
mod journal;
mod load;
mod outbox;
mod outcomes;
mod progress;
mod room;
mod row;
pub(crate) mod rows;
mod run;
mod settings;
mod state;
mod template;
mod trouble;
mod work;

pub use draft::{CampaignBuilder, Draft, Estimate};
pub use evidence::{Evidence, UnknownBatch};
pub use handle::Campaign;
pub use history::{CampaignHistory, CampaignMoment};
pub use outbox::{OutboxMessage, OutboxOutcome, OutboxStatus};
pub use outcomes::{CampaignOutcome, CampaignResult};
pub use progress::{CampaignProgress, WaitsFor};
pub use row::CampaignRow;
pub use rows::CampaignState;
pub use settings::CampaignSettings;
pub use state::Resolution;
pub use work::{Work, Worker};

#[cfg(test)]
mod tests;
