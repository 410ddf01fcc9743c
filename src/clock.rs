//! The two clocks of the crate: Tokio's for every wait, and one function for wall time.

use std::future::poll_fn;
use std::ops::Add;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use futures::FutureExt;
use futures::future::Either;
use governor::clock::{Clock, Reference};
use governor::nanos::Nanos;
use tokio::runtime::{self, Handle};
use tokio::time::Instant;

/// Tells the wall time, for stamps in logs; nothing waits on it.
#[allow(clippy::disallowed_methods)] // the one place
pub(crate) fn wall_now() -> SystemTime {
    #[cfg(test)]
    if let Some(now) = testing::wall_now() {
        return now;
    }
    SystemTime::now()
}

/// A wall clock of a test's own, which goes with Tokio's.
#[cfg(test)]
pub(crate) mod testing {
    use std::cell::Cell;
    use std::time::SystemTime;

    use tokio::time::Instant;

    thread_local! {
        static SET: Cell<Option<(SystemTime, Instant)>> = const { Cell::new(None) };
    }

    /// Sets it on this thread, for good: each test has a thread of its own.
    pub(crate) fn set_wall_clock(now: SystemTime) {
        SET.set(Some((now, Instant::now())));
    }

    pub(super) fn wall_now() -> Option<SystemTime> {
        SET.get().map(|(then, at)| then + at.elapsed())
    }
}

/// Waits until then, also where it is polled on another runtime than before.
///
/// A timer of Tokio's belongs to the runtime on which it was made: it does not go on while that is not driven, and
/// panics after its end.
pub(crate) async fn sleep_until(until: Instant) {
    loop {
        let runtime = runtime_here();
        let mut sleep = pin!(tokio::time::sleep_until(until));
        let moved = poll_fn(|cx| match runtime_here() == runtime {
            true => sleep.as_mut().poll(cx).map(|()| false),
            false => Poll::Ready(true),
        });
        if !moved.await {
            return;
        }
    }
}

/// Waits for so long; one beyond the clock's range is for ever.
pub(crate) async fn sleep(wait: Duration) {
    late(Instant::now().checked_add(wait)).await;
}

/// The runtime on which this is polled.
pub(crate) fn runtime_here() -> Option<runtime::Id> {
    Handle::try_current().ok().map(|runtime| runtime.id())
}

/// Waits until it is too late; for ever without a deadline.
pub(crate) async fn late(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// True if it is too late after this wait.
#[inline]
pub(crate) fn misses(deadline: Option<Instant>, wait: Duration) -> bool {
    deadline.is_some_and(|deadline| Instant::now().checked_add(wait).is_none_or(|end| end > deadline))
}

/// What a future gives, unless it is too late first.
#[inline]
pub(crate) fn before<F: Future>(
    deadline: Option<Instant>,
    done: F,
) -> impl Future<Output = Option<F::Output>> {
    match deadline {
        // Boxed: a call without a deadline does not carry its size.
        Some(deadline) => Either::Left(Box::pin(async move {
            tokio::select! {
                biased;
                done = done => Some(done),
                () = sleep_until(deadline) => None,
            }
        })),
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
