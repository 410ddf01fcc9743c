//! What gives the starts: this process's own schedule, or a store that many processes share.

use std::time::Duration;

use tokio::time::Instant;

use super::local::Local;
use super::rates::Lane;
#[cfg(any(feature = "store", feature = "redis"))]
use super::shared::{self, Shared};
use crate::error::Error;

/// A shared start is known before it is due. By so much earlier the first in the queue has its turn, so that what it
/// does between turn and start, such as claiming its numbers in the same store, does not make it late.
#[cfg(any(feature = "store", feature = "redis"))]
const LEAD: Duration = Duration::from_millis(150);

/// What is known of a lane's next start.
pub(super) enum Due {
    At(Instant),
    /// A store is asked; whoever is first will be woken.
    #[cfg_attr(not(any(feature = "store", feature = "redis")), allow(dead_code))]
    Unknown,
    /// It is in vain to wait.
    #[cfg_attr(not(any(feature = "store", feature = "redis")), allow(dead_code))]
    Failed(Error),
}

#[cfg_attr(any(feature = "store", feature = "redis"), allow(clippy::large_enum_variant))] // one a limiter
pub(super) enum Pace {
    Local(Local),
    #[cfg(any(feature = "store", feature = "redis"))]
    Shared(Box<Shared>),
}

impl Pace {
    /// When a lane's next start is due.
    pub(super) fn due(&mut self, lane: Lane, #[allow(unused)] now: Instant) -> Due {
        match self {
            Self::Local(local) => Due::At(local.due(lane)),
            #[cfg(any(feature = "store", feature = "redis"))]
            Self::Shared(shared) => match shared.due(lane, now) {
                shared::Due::At(at) => Due::At(at),
                shared::Due::Unknown => Due::Unknown,
                shared::Due::Failed(error) => Due::Failed(error.into()),
            },
        }
    }

    /// By how much the turn comes before the start.
    pub(super) fn lead(&self) -> Duration {
        match self {
            Self::Local(_) => Duration::ZERO,
            #[cfg(any(feature = "store", feature = "redis"))]
            Self::Shared(_) => LEAD,
        }
    }

    /// Takes the start that is due.
    pub(super) fn take(&mut self, lane: Lane, #[allow(unused)] now: Instant) -> bool {
        match self {
            Self::Local(local) => local.take(lane),
            #[cfg(any(feature = "store", feature = "redis"))]
            Self::Shared(shared) => shared.take(lane, now),
        }
    }

    /// A number for whoever is to ask a store for the lane's next start, if somebody has to.
    #[allow(clippy::unused_self)] // it is used where there are stores
    pub(super) fn ask(&mut self, #[allow(unused)] lane: Lane, #[allow(unused)] now: Instant) -> Option<u64> {
        match self {
            Self::Local(_) => None,
            #[cfg(any(feature = "store", feature = "redis"))]
            Self::Shared(shared) => shared.ask(lane, now),
        }
    }

    /// True if a store was told that calls wait.
    #[allow(clippy::unused_self)] // it is used where there are stores
    pub(super) fn has_told(&self) -> bool {
        match self {
            Self::Local(_) => false,
            #[cfg(any(feature = "store", feature = "redis"))]
            Self::Shared(shared) => shared.told.has_told(),
        }
    }

    /// Why there was no start before the deadline.
    pub(super) fn too_late(&self) -> Error {
        match self {
            Self::Local(_) => Error::deadline(),
            #[cfg(any(feature = "store", feature = "redis"))]
            Self::Shared(shared) => {
                shared.failure().map_or_else(Error::deadline, |error| error.clone().into())
            }
        }
    }
}
