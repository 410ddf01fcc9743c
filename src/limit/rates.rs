//! How far apart requests start, from how many may start in a second.

use std::time::Duration;

use crate::error::Error;

/// The gateway's ceiling: over 5 requests in a second from one address, its firewall blocks the address
/// (API document v4.1).
pub const CEILING: f64 = 5.0;

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

/// How far apart starts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rates {
    /// Between two starts of the lane of single requests.
    pub(super) single: Duration,
    /// Between two starts of the lane of bulk batches.
    pub(super) bulk: Duration,
    /// Between any two starts.
    pub(super) gap: Duration,
}

impl Rates {
    pub(super) fn new(single: f64, bulk: f64) -> Result<Self, Error> {
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
        let period = |rate: f64| {
            // Rounded up: at 333,333,333 ns a fourth start would fall into a second.
            let period = Duration::try_from_secs_f64((1e9 / rate).ceil() / 1e9).ok();
            let too_small = "a rate is too small to be kept: use at least one request a day";
            period.filter(|period| *period <= LONGEST).ok_or_else(|| Error::config(too_small))
        };
        let (single, bulk) = (period(single)?, period(bulk)?);
        // One more than `most` starts span at least a second and the jitter; with half of the shorter period alone
        // five of 2 + 2 a second would span just a second, and arrive within one if the first is late at all.
        // Shorter than either period, or the lane that is full would starve the other.
        let gap = (Duration::from_secs(1) + JITTER).div_f64(most).max(single.min(bulk) / 2);
        Ok(Self { single, bulk, gap })
    }

    pub(super) fn period(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Single => self.single,
            Lane::Bulk => self.bulk,
        }
    }
}
