//! What all clones of a client share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::time::Instant;

use crate::balance::Cached;
use crate::clock::misses;
use crate::error::Error;
use crate::events;
use crate::ids::SenderId;
use crate::limit::{Lane, Limiter, Turn};
use crate::phone::PhoneRules;
use crate::queue_gate::QueueGate;
use crate::same_number::SameNumberMemory;
use crate::transport::{Endpoint, Transport};
use crate::wire::Credentials;

pub(crate) struct Core {
    pub(crate) credentials: Credentials,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) host: Option<String>,
    /// `None` only for a transport that does not leave this machine.
    pub(crate) limiter: Option<Limiter>,
    pub(crate) attempt_timeout: Duration,
    pub(crate) cached: Cached,
    pub(crate) phone_rules: PhoneRules,
    pub(crate) messages: Messages,
}

/// What only messages need.
pub(crate) struct Messages {
    /// The API user: what replicas share of an account goes by it.
    #[cfg_attr(not(feature = "campaign"), allow(dead_code))]
    pub(crate) account: Box<str>,
    pub(crate) same_number: SameNumberMemory,
    pub(crate) queue: QueueGate,
    pub(crate) sender_id: SenderId,
    pub(crate) test_mode: bool,
    /// The event about the shared test sender was emitted.
    pub(crate) shared_sender_told: AtomicBool,
}

impl Core {
    /// Waits for a turn in a lane, which one exchange takes.
    pub(crate) async fn turn(
        &self,
        endpoint: Endpoint,
        lane: Lane,
        deadline: Option<Instant>,
    ) -> Result<Turn, Error> {
        let Some(limiter) = &self.limiter else {
            return if misses(deadline, Duration::ZERO) {
                Err(Error::deadline())
            } else {
                Ok(Turn::unpaced())
            };
        };
        let turn = limiter.turn(lane, deadline).await;
        if let Err(error) = &turn {
            events::limiter_refused(endpoint, lane.name(), limiter.waiting_in(lane), error);
        }
        turn
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("transport", &self.transport)
            .field("limiter", &self.limiter)
            .field("cached_balance", &self.cached.get())
            .finish_non_exhaustive()
    }
}
