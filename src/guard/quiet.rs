//! Hours in which no bulk message leaves.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use super::window::{Hours, Window};
use crate::clock::wall_now;
use crate::error::Error;

/// The quiet hours of each day.
#[derive(Clone)]
pub(crate) struct QuietHours {
    window: Window,
}

impl QuietHours {
    pub(crate) fn new(hours: &str, zone: &str) -> Result<Self, Error> {
        Ok(Self { window: Window::new(hours, zone)? })
    }

    /// How long they last, if they are now.
    pub(crate) fn left(&self) -> Option<Duration> {
        let now = Timestamp::try_from(wall_now()).ok()?;
        match self.window.at(now) {
            Hours::Open { until, .. } => Some(until.duration_since(now).unsigned_abs()),
            Hours::Closed { .. } => None,
        }
    }
}

#[cfg(feature = "diagnose")]
impl QuietHours {
    /// When they begin, if they are not now.
    pub(crate) fn begin_in(&self) -> Option<Duration> {
        let now = Timestamp::try_from(wall_now()).ok()?;
        match self.window.at(now) {
            Hours::Open { .. } => None,
            Hours::Closed { until, .. } => Some(until.duration_since(now).unsigned_abs()),
        }
    }
}

impl fmt::Debug for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.window.fmt(f)
    }
}
