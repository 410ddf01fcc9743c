//! Being woken by what somebody else put into a store.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::open::{Backend, Store};

/// Rings when something was put into the store, where the store can tell: it is no more than a reason to look sooner.
#[derive(Debug)]
pub(crate) struct Bell {
    heard: Arc<Notify>,
    listening: Option<AbortHandle>,
}

impl Store {
    /// A bell that rings for a channel of PostgreSQL, and never on SQLite. It listens until it is dropped.
    pub(crate) fn bell(&self, channel: &'static str) -> Bell {
        let heard = Arc::new(Notify::new());
        let listening = match self.backend() {
            Backend::Sqlite(_) => None,
            #[cfg(feature = "postgres")]
            Backend::Postgres(db) => {
                Some(tokio::spawn(db.clone().listen(channel, Arc::clone(&heard))).abort_handle())
            }
        };
        #[cfg(not(feature = "postgres"))]
        let _ = channel;
        Bell { heard, listening }
    }
}

impl Bell {
    /// Waits for the next ring; one since the last wait counts.
    pub(crate) async fn rung(&self) {
        self.heard.notified().await;
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}
