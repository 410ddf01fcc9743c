//! The two clocks of the crate: Tokio's for every wait, and one function for wall time.

use std::ops::Add;
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use futures::future::Either;
use governor::clock::{Clock, Reference};
use governor::nanos::Nanos;
use tokio::time::Instant;

/// Tells the wall time, for stamps in logs; nothing waits on it.
#[allow(clippy::disallowed_methods)] // the one place
#[allow(dead_code)] // used by the features that write stamps
pub(crate) fn wall_now() -> SystemTime {
    SystemTime::now()
}

/// Waits until it is too late; for ever without a deadline.
pub(crate) async fn late(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// True if it is too late after this wait.
#[inline]
pub(crate) fn misses(deadline: Option<Instant>, wait: Duration) -> bool {
    deadline.is_some_and(|deadline| Instant::now() + wait > deadline)
}

/// What a future gives, unless it is too late first.
#[inline]
pub(crate) fn before<F: Future>(
    deadline: Option<Instant>,
    done: F,
) -> impl Future<Output = Option<F::Output>> {
    match deadline {
        Some(deadline) => Either::Left(tokio::time::timeout_at(deadline, done).map(Result::ok)),
        None => Either::Right(done.map(Some)),
    }
}

/// governor's clock over `tokio::time::Instant`, so that pacing is virtual under paused time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TokioClock;

/// A reading of [`TokioClock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(pub(crate) Instant);

impl Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0 + Duration::from(nanos))
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

impl Clock for TokioClock {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick(Instant::now())
    }
}
