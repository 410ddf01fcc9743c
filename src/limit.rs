//! Pacing: two lanes that never borrow from each other, each first come, first served.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use crate::clock::{Tick, TokioClock, before, misses};
use crate::error::Error;

/// The gateway's ceiling: over 5 requests in a second from one address, its firewall blocks the address
/// (API document v4.1).
pub const CEILING: f64 = 5.0;

/// What the vendor recommends, and each lane's default: 2 requests a second (API document v4.1).
pub const DEFAULT_RATE: f64 = 2.0;

/// How many calls may wait for their turn in a lane, unless the builder says otherwise.
pub const DEFAULT_MAX_WAITING: usize = 1_000;

/// The longest time between two starts. Far above it the sums of times run over.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Which of the two lanes a request passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// Single requests: codes, balance, status.
    Single,
    /// The batches of bulk runs.
    Bulk,
}

impl Lane {
    /// The name that events give it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Bulk => "bulk",
        }
    }
}

/// Paces the requests of a client, its clones, and of every other client that is given it.
///
/// Requests of a lane start evenly spaced (500 ms apart by default), first come, first served. Waiting costs
/// nothing until the turn has come: a wait that is dropped gives its place back.
///
/// Two clients on one machine share one public address, so give the second one the first one's limiter:
///
/// ```
/// # #[cfg(feature = "sandbox")] {
/// # use kwtsms_async::{Client, Limiter, sandbox::Sandbox};
/// # let sandbox = Sandbox::in_process();
/// let limiter = Limiter::new(2.0, 2.0)?;
/// let first = Client::builder("one", "pass").transport(sandbox.transport()).limiter(limiter.clone()).build()?;
/// let second = Client::builder("two", "pass").transport(sandbox.transport()).limiter(limiter).build()?;
/// # }
/// # Ok::<_, kwtsms_async::Error>(())
/// ```
#[derive(Clone)]
pub struct Limiter(Arc<Lanes>);

struct Lanes {
    single: LaneState,
    bulk: LaneState,
    max_waiting: usize,
}

struct LaneState {
    period: Duration,
    /// Held by the one whose turn it is; not before the instant in it.
    turn: Arc<Mutex<Instant>>,
    cells: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Tick>>,
    waiting: AtomicUsize,
}

impl LaneState {
    fn new(rate: f64) -> Option<Self> {
        // Rounded up: at 333,333,333 ns a fourth start would fall into a second.
        let period = Duration::try_from_secs_f64((1e9 / rate).ceil() / 1e9)
            .ok()
            .filter(|period| *period <= LONGEST)?;
        // A period and no burst: `per_second(2)` would let 3 through in the first second.
        let quota = Quota::with_period(period)?;
        Some(Self {
            period,
            turn: Arc::new(Mutex::new(Instant::now())),
            cells: RateLimiter::direct_with_clock(quota, TokioClock),
            waiting: AtomicUsize::new(0),
        })
    }
}

/// Leave to start one request.
///
/// Nothing is spent before [`start`](Self::start): dropped unused, a turn gives the slot back, and the next waiter of
/// its lane may have it at once.
///
/// Between turn and start something short may be awaited, such as a store that notes the attempt. The spacing that
/// the gateway sees does not suffer from it, since the slot is taken by `start`: if the lane has moved on meanwhile,
/// `start` waits for the next slot. So the request must leave in the same poll in which `start` is ready: call it
/// last, after everything that is awaited.
#[must_use = "a turn that is not started gives its slot back"]
pub(crate) struct Turn(Option<Held>);

/// The head of a lane's queue.
struct Held {
    limiter: Limiter,
    lane: Lane,
    deadline: Option<Instant>,
    due: OwnedMutexGuard<Instant>,
    _place: Place,
}

impl Turn {
    /// The turn of a client without a limiter.
    pub(crate) fn unpaced() -> Self {
        Self(None)
    }

    /// Takes the slot, at once if it is still there; else waits for the next one in front of the lane.
    ///
    /// # Errors
    ///
    /// Of kind `Deadline` if the turn's deadline passes before there is a slot: nothing was sent.
    pub(crate) async fn start(self) -> Result<(), Error> {
        let Some(mut held) = self.0 else { return Ok(()) };
        let limiter = held.limiter.clone();
        let lane = limiter.lane(held.lane);
        while let Err(not_yet) = lane.cells.check() {
            let wait = not_yet.wait_time_from(TokioClock.now());
            if misses(held.deadline, wait) {
                return Err(Error::deadline());
            }
            tokio::time::sleep(wait).await;
        }
        *held.due = Instant::now() + lane.period;
        Ok(())
    }
}

/// Leaves the queue when the wait ends, however it ends.
struct Place(Limiter, Lane);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.lane(self.1).waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Limiter {
    /// Makes a limiter of two rates, in requests a second.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if a rate is below one a day, or if their sum, each rounded up to a whole number, is above 5,
    /// the gateway's ceiling: starts at 2.5 a second are up to 3 in one second.
    pub fn new(single: f64, bulk: f64) -> Result<Self, Error> {
        Self::with_max_waiting(single, bulk, DEFAULT_MAX_WAITING)
    }

    /// Like [`new`](Self::new), with a bound on how many calls may wait in each lane.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), and if no call may wait.
    pub fn with_max_waiting(single: f64, bulk: f64, max_waiting: usize) -> Result<Self, Error> {
        // Starts 400 ms apart (2.5 a second) are up to 3 in a sliding second: that is what the firewall counts.
        let most = single.ceil() + bulk.ceil();
        // Written so that NaN is refused.
        if !(single > 0.0 && bulk > 0.0 && most <= CEILING) {
            return Err(Error::config(format!(
                "rates of {single} and {bulk} requests a second are refused: each must be above 0 and their sum, \
                 each rounded up to a whole number, at most {CEILING}, since the gateway's firewall blocks an \
                 address above that"
            )));
        }
        if max_waiting == 0 {
            return Err(Error::config("with no call allowed to wait none could start: allow at least 1"));
        }
        match (LaneState::new(single), LaneState::new(bulk)) {
            (Some(single), Some(bulk)) => Ok(Self(Arc::new(Lanes { single, bulk, max_waiting }))),
            _ => Err(Error::config("a rate is too small to be kept: use at least one request a day")),
        }
    }

    fn lane(&self, lane: Lane) -> &LaneState {
        match lane {
            Lane::Single => &self.0.single,
            Lane::Bulk => &self.0.bulk,
        }
    }

    /// Waits for a turn. Dropped before it returns, it has taken nothing.
    ///
    /// # Errors
    ///
    /// Of kind `TooManyWaiting` or `Deadline`, at once where it is known at once.
    pub(crate) async fn turn(&self, lane: Lane, deadline: Option<Instant>) -> Result<Turn, Error> {
        let state = self.lane(lane);
        let ahead = state.waiting.fetch_add(1, Ordering::AcqRel);
        let place = Place(self.clone(), lane);
        if ahead >= self.0.max_waiting {
            return Err(Error::too_many_waiting(self.0.max_waiting));
        }
        // Those ahead take at least a period each: what cannot be met is refused now, not after the wait.
        if misses(deadline, state.period.saturating_mul(u32::try_from(ahead).unwrap_or(u32::MAX))) {
            return Err(Error::deadline());
        }
        let Some(due) = before(deadline, Arc::clone(&state.turn).lock_owned()).await else {
            return Err(Error::deadline());
        };
        if deadline.is_some_and(|deadline| *due > deadline) {
            return Err(Error::deadline());
        }
        tokio::time::sleep_until(*due).await;
        Ok(Turn(Some(Held { limiter: self.clone(), lane, deadline, due, _place: place })))
    }

    /// How many calls wait in the lane of single requests and in that of bulk batches.
    pub fn waiting(&self) -> (usize, usize) {
        (self.waiting_in(Lane::Single), self.waiting_in(Lane::Bulk))
    }

    pub(crate) fn waiting_in(&self, lane: Lane) -> usize {
        self.lane(lane).waiting.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("single_period", &self.0.single.period)
            .field("bulk_period", &self.0.bulk.period)
            .field("waiting", &self.waiting())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn limiter() -> Limiter {
        Limiter::new(DEFAULT_RATE, DEFAULT_RATE).unwrap()
    }

    async fn start(limiter: &Limiter, lane: Lane) {
        limiter.turn(lane, None).await.unwrap().start().await.unwrap();
    }

    #[test]
    fn rates_above_the_ceiling_or_without_meaning_are_refused() {
        for (single, bulk) in [
            (2.0, 3.1),
            (0.0, 1.0),
            (-1.0, 1.0),
            (f64::NAN, 1.0),
            (1.0, f64::INFINITY),
            (1e-30, 1.0),
            (1e-12, 1.0),
            (1.0, 1.0 / 86_401.0),
            (2.5, 2.5),
            (0.5, 4.5),
        ] {
            let error = Limiter::new(single, bulk).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{single} {bulk}");
        }
        assert!(Limiter::new(3.0, 2.0).is_ok());
        assert!(Limiter::new(0.1, 4.0).is_ok());
        assert!(Limiter::new(4.0, 1.0).is_ok());
        assert!(Limiter::new(1.0, 1.0 / 86_400.0).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn starts_of_a_lane_are_half_a_second_apart_and_in_order() {
        let limiter = limiter();
        let begin = Instant::now();
        let mut waits = Vec::new();
        for i in 0..6u32 {
            let limiter = limiter.clone();
            waits.push(tokio::spawn(async move {
                start(&limiter, Lane::Single).await;
                (i, begin.elapsed().as_millis())
            }));
            tokio::task::yield_now().await;
        }
        for (i, wait) in waits.into_iter().enumerate() {
            let (who, at) = wait.await.unwrap();
            let ideal = 500 * i as u128;
            assert_eq!(who as usize, i);
            assert!((ideal..=ideal + 2 * i as u128).contains(&at), "{i}: {at}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_sliding_second_holds_more_starts_than_the_rate_rounded_up() {
        for rate in [0.5, 1.0, 1.5, 2.0, 2.9, 3.0, 4.0] {
            let limiter = Limiter::new(rate, 1.0).unwrap();
            let mut starts = Vec::new();
            for _ in 0..30 {
                start(&limiter, Lane::Single).await;
                starts.push(Instant::now());
            }
            for (i, begin) in starts.iter().enumerate() {
                let end = *begin + Duration::from_secs(1);
                let within = starts[i..].iter().filter(|start| **start < end).count();
                assert!(within as f64 <= rate.ceil(), "{rate}: {within}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_bulk_lane_does_not_delay_a_single_request() {
        let limiter = limiter();
        for _ in 0..50 {
            let limiter = limiter.clone();
            tokio::spawn(async move { start(&limiter, Lane::Bulk).await });
        }
        tokio::task::yield_now().await;
        let begin = Instant::now();
        start(&limiter, Lane::Single).await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_dropped_waits_cost_no_turn() {
        let limiter = limiter();
        start(&limiter, Lane::Single).await;
        let waits: Vec<_> = (0..100)
            .map(|_| {
                let limiter = limiter.clone();
                tokio::spawn(async move { start(&limiter, Lane::Single).await })
            })
            .collect();
        while limiter.waiting().0 < 100 {
            tokio::task::yield_now().await;
        }
        for wait in &waits {
            wait.abort();
        }
        for wait in waits {
            assert!(wait.await.unwrap_err().is_cancelled());
        }
        assert_eq!(limiter.waiting().0, 0);
        let begin = Instant::now();
        start(&limiter, Lane::Single).await;
        assert!(begin.elapsed() <= Duration::from_millis(501), "{:?}", begin.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_and_a_deadline_that_cannot_be_met_are_refused_at_once() {
        let limiter = Limiter::with_max_waiting(2.0, 2.0, 3).unwrap();
        start(&limiter, Lane::Single).await;
        for _ in 0..2 {
            let limiter = limiter.clone();
            tokio::spawn(async move { start(&limiter, Lane::Single).await });
        }
        tokio::task::yield_now().await;
        let begin = Instant::now();
        let soon = Some(begin + Duration::from_millis(900));
        assert_eq!(limiter.turn(Lane::Single, soon).await.err().unwrap().kind(), ErrorKind::Deadline);
        let one_more = limiter.clone();
        tokio::spawn(async move { start(&one_more, Lane::Single).await });
        tokio::task::yield_now().await;
        assert_eq!(limiter.turn(Lane::Single, None).await.err().unwrap().kind(), ErrorKind::TooManyWaiting);
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_is_not_used_is_the_next_waiters_at_once() {
        let limiter = limiter();
        let begin = Instant::now();
        let unused = limiter.turn(Lane::Single, None).await.unwrap();
        let next = limiter.clone();
        let next = tokio::spawn(async move { start(&next, Lane::Single).await });
        tokio::task::yield_now().await;
        assert_eq!(limiter.waiting().0, 2, "a turn is waiting until it is used");
        drop(unused);
        next.await.unwrap();
        assert_eq!(begin.elapsed(), Duration::ZERO);
        start(&limiter, Lane::Single).await;
        assert!(begin.elapsed() >= Duration::from_millis(500));
    }

    #[tokio::test(start_paused = true)]
    async fn what_lies_between_turn_and_start_does_not_narrow_the_spacing() {
        let limiter = limiter();
        let mut last: Option<Instant> = None;
        for between in [0, 40, 0, 300, 0, 800, 0] {
            let turn = limiter.turn(Lane::Single, None).await.unwrap();
            tokio::time::sleep(Duration::from_millis(between)).await;
            turn.start().await.unwrap();
            assert!(last.is_none_or(|last| last.elapsed() >= Duration::from_millis(500)), "{between}");
            last = Some(Instant::now());
        }
    }
}
