//! The schedule of one process: a governor for each lane, and one for both together.

use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::rates::{Lane, Periods};
use crate::clock::{Tick, TokioClock};

/// One cell a period.
pub(super) struct Cells {
    period: Duration,
    governor: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Tick>>,
    /// The governor says no before this. It keeps one governor's cell from being spent where the other says no.
    pub(super) due: Instant,
}

impl Cells {
    pub(super) fn new(period: Duration) -> Self {
        // A period and no burst: `per_second(2)` would let 3 through in the first second.
        let quota = Quota::with_period(period).expect("a period is above zero");
        let governor = RateLimiter::direct_with_clock(quota, TokioClock);
        Self { period, governor, due: Instant::now() }
    }

    /// The governor's word. After it `due` is when it says yes again.
    pub(super) fn check(&mut self) -> bool {
        match self.governor.check() {
            Ok(()) => {
                self.due = Instant::now() + self.period;
                true
            }
            Err(not_yet) => {
                let now = TokioClock.now();
                self.due = now.0 + not_yet.wait_time_from(now);
                false
            }
        }
    }
}

/// Both lanes of one process.
pub(super) struct Local {
    single: Cells,
    bulk: Cells,
    joint: Cells,
}

impl Local {
    pub(super) fn new(periods: &Periods) -> Self {
        Self {
            single: Cells::new(periods.single),
            bulk: Cells::new(periods.bulk),
            joint: Cells::new(periods.gap),
        }
    }

    fn lane(&mut self, lane: Lane) -> &mut Cells {
        match lane {
            Lane::Single => &mut self.single,
            Lane::Bulk => &mut self.bulk,
        }
    }

    /// When the lane's next start is due.
    pub(super) fn due(&mut self, lane: Lane) -> Instant {
        self.joint.due.max(self.lane(lane).due)
    }

    /// Takes the start that is due.
    pub(super) fn take(&mut self, lane: Lane) -> bool {
        self.lane(lane).check() && self.joint.check()
    }
}
