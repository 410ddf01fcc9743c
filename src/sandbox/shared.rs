//! The model behind a lock, which every door and handle shares.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use tokio::time::Instant;

use super::model::exchange::{Answer, Call};
use super::model::gateway::Gateway;
use crate::clock::wall_now;

/// The model behind a lock, and the time that goes with it; what every handle shares.
pub(crate) struct Shared {
    gateway: Mutex<Gateway>,
    started: Instant,
    started_ms: u64,
    doors: AtomicU64,
}

impl Shared {
    pub(crate) fn new(gateway: Gateway) -> Self {
        Self {
            gateway: Mutex::new(gateway),
            started: Instant::now(),
            started_ms: millis(wall_now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            doors: AtomicU64::new(0),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Gateway> {
        self.gateway.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a request to the model. The wall time goes with Tokio's, so that both can be paused.
    pub(crate) fn answer(&self, call: &Call<'_>) -> Answer {
        let now = Instant::now();
        let unix_ms = self.unix_ms(now);
        self.lock().answer(call, now, unix_ms)
    }

    /// The wall time, in milliseconds since 1970, of a time of Tokio's.
    pub(crate) fn unix_ms(&self, now: Instant) -> u64 {
        self.started_ms + millis(now.saturating_duration_since(self.started))
    }

    pub(crate) fn next_door(&self) -> u64 {
        self.doors.fetch_add(1, Ordering::Relaxed)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
