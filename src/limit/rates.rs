//! How far apart requests start, from how many may start in a second.

use std::time::Duration;

use crate::error::Error;

/// The gateway's ceiling: over 5 requests in a second from one address, its firewall blocks the address
/// (API document v4.1).
pub const CEILING: f64 = 5.0;

/// What the vendor recommends, and each lane's default: 2 requests a second (API document v4.1).
pub const DEFAULT_RATE: f64 = 2.0;

/// The longest time between two starts. Far above it the sums of times run over.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// By so much two requests may close up on their way, and the gateway still counts no more of them in any second than
/// the rates say.
const JITTER: Duration = Duration::from_millis(100);

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

/// How many requests a second each lane may start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    single: f64,
    bulk: f64,
}

impl Default for Rates {
    /// [`DEFAULT_RATE`] in each lane.
    fn default() -> Self {
        Self { single: DEFAULT_RATE, bulk: DEFAULT_RATE }
    }
}

impl Rates {
    /// Checks two rates, in requests a second.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if a rate is below one a day, or if their sum, each rounded up to a whole number, is above 5,
    /// the gateway's ceiling: starts at 2.5 a second are up to 3 in one second.
    pub fn new(single: f64, bulk: f64) -> Result<Self, Error> {
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
        if [single, bulk].iter().any(|rate| period(*rate).is_none()) {
            return Err(Error::config("a rate is too small to be kept: use at least one request a day"));
        }
        Ok(Self { single, bulk })
    }

    /// Requests a second of the lane of single requests.
    pub fn single(&self) -> f64 {
        self.single
    }

    /// Requests a second of the lane of bulk batches.
    pub fn bulk(&self) -> f64 {
        self.bulk
    }

    /// What was checked by whoever wrote it.
    #[cfg(any(feature = "store", feature = "redis"))]
    pub(super) fn stored(single: f64, bulk: f64) -> Self {
        Self { single, bulk }
    }

    /// The most that may start in a second.
    pub(super) fn most(&self) -> f64 {
        self.single.ceil() + self.bulk.ceil()
    }
}

/// Between two starts, rounded up: at 333,333,333 ns a fourth one would fall into a second.
fn period(rate: f64) -> Option<Duration> {
    Duration::try_from_secs_f64((1e9 / rate).ceil() / 1e9).ok().filter(|period| *period <= LONGEST)
}

/// How far apart starts of one process are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Periods {
    /// Between two starts of the lane of single requests.
    pub(super) single: Duration,
    /// Between two starts of the lane of bulk batches.
    pub(super) bulk: Duration,
    /// Between any two starts.
    pub(super) gap: Duration,
}

impl Periods {
    pub(super) fn of(rates: Rates) -> Self {
        let [single, bulk] = [rates.single, rates.bulk].map(|rate| period(rate).unwrap_or(LONGEST));
        // One more than `most` starts span at least a second and the jitter; with half of the shorter period alone
        // five of 2 + 2 a second would span just a second, and arrive within one if the first is late at all.
        // Shorter than either period, or the lane that is full would starve the other.
        let gap = (Duration::from_secs(1) + JITTER).div_f64(rates.most()).max(single.min(bulk) / 2);
        Self { single, bulk, gap }
    }

    /// Those of a pace that a store gives.
    #[cfg(any(feature = "store", feature = "redis"))]
    pub(super) fn shared(rates: Rates) -> Self {
        let Spacing { periods, gap } = Spacing::of(rates);
        let [single, bulk, gap] =
            [periods[0], periods[1], gap].map(|time| Duration::from_micros(time.unsigned_abs()));
        Self { single, bulk, gap }
    }

    pub(super) fn lane(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Single => self.single,
            Lane::Bulk => self.bulk,
        }
    }
}

/// How far apart starts are that a store gives to many processes, in microseconds.
///
/// Each process starts a little later than it was told to, so that what it shares is spaced more widely than its rate
/// says: with starts 500 ms apart half of all seconds hold three.
#[cfg(any(feature = "store", feature = "redis"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spacing {
    /// Between two starts of a lane: of single requests, of bulk batches.
    pub(super) periods: [i64; 2],
    /// Between starts of one lane and the other.
    pub(super) gap: i64,
}

#[cfg(any(feature = "store", feature = "redis"))]
impl Spacing {
    #[allow(clippy::cast_possible_truncation)] // at most a day
    pub(super) fn of(rates: Rates) -> Self {
        let periods = [rates.single, rates.bulk].map(|rate| {
            let period = (1_020_000.0 / rate).ceil();
            // Where all of the ceiling is used, no more starts than the rate says may come within a second and the
            // jitter; below it, the gap sees to that.
            let widened = (1.0 + JITTER.as_secs_f64()) * 1e6 / rate.ceil();
            (if rates.most() < CEILING { period } else { period.max(widened.ceil()) }) as i64
        });
        let (short, long) = (periods[0].min(periods[1]), periods[0].max(periods[1]));
        // A little less than half, so that one that finds its place between two starts of the other lane waits for
        // less than a period. Where one period is no multiple of the other, still less, or the slower lane would have
        // to give way each time.
        let fits = long % short <= long / 100 || short - long % short <= long / 100;
        Self { periods, gap: if fits { short / 20 * 9 } else { short / 4 } }
    }
}
