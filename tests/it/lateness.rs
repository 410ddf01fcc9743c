//! What a busy machine adds to waits in real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How late this process was woken at the worst, in microseconds; none where nobody measures, as under paused time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lateness(Arc<AtomicU64>);

impl Lateness {
    /// Measures until it is dropped.
    pub(crate) async fn measure(&self) -> ! {
        loop {
            let due = Instant::now() + Duration::from_millis(10);
            tokio::time::sleep_until(due).await;
            self.0.fetch_max(u64::try_from(due.elapsed().as_micros()).unwrap(), Ordering::SeqCst);
        }
    }

    /// By how much so many waits, one after the other, may take longer for it.
    pub(crate) fn of(&self, waits: u32) -> Duration {
        waits * Duration::from_micros(self.0.load(Ordering::SeqCst))
    }
}
