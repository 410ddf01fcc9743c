//! What all clones of a client share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::{Either, ready};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::balance::Cached;
use crate::clock::misses;
use crate::error::Error;
use crate::events;
use crate::guard::Guards;
use crate::hints::Hints;
use crate::ids::SenderId;
use crate::limit::{Lane, Limiter, Turn};
use crate::phone::PhoneRules;
use crate::queue_gate::QueueGate;
use crate::same_number::SameNumberMemory;
use crate::transport::{Endpoint, Transport};
use crate::wire::Credentials;

pub(crate) struct Core {
    pub(crate) credentials: Credentials,
    pub(crate) hints: Hints,
    pub(crate) transport: Arc<dyn Transport>,
    /// `None` over a transport of the application's own.
    pub(crate) destination: Option<Destination>,
    /// `None` only for a transport that does not leave this machine.
    pub(crate) limiter: Option<Limiter>,
    pub(crate) attempt_timeout: Duration,
    pub(crate) cached: Cached,
    pub(crate) under_way: UnderWay,
    pub(crate) phone_rules: PhoneRules,
    pub(crate) messages: Messages,
    pub(crate) guards: Guards,
}

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    /// With the port, if it is not the scheme's own.
    pub(crate) host: String,
    #[cfg(feature = "diagnose")]
    pub(crate) is_https: bool,
    /// What is told of the proxy on the way, if there is one.
    pub(crate) proxy: Option<Arc<str>>,
}

/// What only messages need.
pub(crate) struct Messages {
    /// The API user: what replicas share of an account goes by it.
    #[cfg_attr(not(feature = "campaign"), allow(dead_code))]
    pub(crate) account: Box<str>,
    pub(crate) same_number: SameNumberMemory,
    pub(crate) queue: QueueGate,
    pub(crate) sender_id: Arc<SenderId>,
    pub(crate) test_mode: bool,
    /// The event about the shared test sender was emitted.
    pub(crate) shared_sender_told: AtomicBool,
}

/// Counts the exchanges with the gateway, those that outlived their callers too.
#[derive(Debug, Default)]
pub(crate) struct UnderWay {
    /// With [`WAITED_FOR`] once somebody waits for their end: to tell nobody would take a lock in each exchange.
    exchanges: AtomicUsize,
    none: Notify,
}

const WAITED_FOR: usize = 1 << (usize::BITS - 1);

impl UnderWay {
    #[inline]
    pub(crate) fn begin(&self) -> Exchanging<'_> {
        self.exchanges.fetch_add(1, Ordering::AcqRel);
        Exchanging(self)
    }

    /// Waits until there is none.
    pub(crate) async fn none(&self) {
        loop {
            let none = self.none.notified(); // before the look, so that no end is missed
            if self.exchanges.fetch_or(WAITED_FOR, Ordering::AcqRel) & !WAITED_FOR == 0 {
                return;
            }
            none.await;
        }
    }
}

/// One exchange, until it is dropped.
pub(crate) struct Exchanging<'a>(&'a UnderWay);

impl Drop for Exchanging<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.0.exchanges.fetch_sub(1, Ordering::AcqRel) == WAITED_FOR | 1 {
            self.0.none.notify_waiters();
        }
    }
}

impl Core {
    /// The same account, pace and settings over another transport, for queries. What it hears is its own.
    #[cfg(feature = "diagnose")]
    pub(crate) fn querying_through(&self, transport: Arc<dyn Transport>) -> Self {
        let messages = &self.messages;
        Self {
            credentials: self.credentials.clone(),
            hints: self.hints,
            transport,
            destination: self.destination.clone(),
            limiter: self.limiter.clone(),
            attempt_timeout: self.attempt_timeout,
            cached: Cached::default(),
            under_way: UnderWay::default(),
            phone_rules: self.phone_rules,
            messages: Messages {
                account: messages.account.clone(),
                same_number: messages.same_number.clone(),
                queue: QueueGate::default(), // nothing is sent
                sender_id: Arc::clone(&messages.sender_id),
                test_mode: messages.test_mode,
                shared_sender_told: AtomicBool::new(true),
            },
            guards: Guards::new(self.guards.only_to.clone(), None, None), // nothing is sent
        }
    }

    /// Waits for a turn in a lane, which one exchange takes.
    #[inline]
    pub(crate) fn turn(
        &self,
        endpoint: Endpoint,
        lane: Lane,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Result<Turn, Error>> + Send {
        match &self.limiter {
            // Boxed: every call would carry its size to its end.
            Some(limiter) => Either::Right(Box::pin(turn(limiter, endpoint, lane, deadline))),
            None if misses(deadline, Duration::ZERO) => Either::Left(ready(Err(Error::deadline()))),
            None => Either::Left(ready(Ok(Turn::unpaced()))),
        }
    }
}

async fn turn(
    limiter: &Limiter,
    endpoint: Endpoint,
    lane: Lane,
    deadline: Option<Instant>,
) -> Result<Turn, Error> {
    let turn = limiter.turn(lane, deadline).await;
    if let Err(error) = &turn {
        events::limiter_refused(endpoint, lane.name(), limiter.waiting_in(lane), error);
    }
    turn
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
