//! What has to be left of the balance: known from answers, minus what is on its way, minus what comes next.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::credits::Credits;
use crate::error::Error;

/// The floor of a client's balance, below which no bulk request takes it. Single requests are counted and not held.
#[derive(Debug)]
pub(crate) struct Floor {
    floor: Credits,
    state: Mutex<State>,
    /// A request has ended.
    landed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// At most this is left, what is on its way not counted.
    known: Option<Credits>,
    in_flight: Credits,
    requests: u32,
}

/// Why a bulk request may not leave yet.
#[derive(Debug)]
pub(crate) enum Short {
    /// The gateway has to be asked for the balance.
    Unknown,
    /// What is on its way decides.
    InFlight,
    /// It would fall below the floor, as far as is known.
    Below(Error),
}

impl Floor {
    pub(super) fn new(floor: Credits) -> Self {
        Self { floor, state: Mutex::default(), landed: Notify::new() }
    }

    #[cfg(feature = "diagnose")]
    pub(super) fn credits(&self) -> Credits {
        self.floor
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request that nothing holds.
    pub(super) fn count(&self, cost: Credits) {
        let mut state = self.state();
        state.in_flight += cost;
        state.requests += 1;
    }

    /// Takes the cost of a bulk request, if enough is left after it.
    pub(super) fn take(&self, cost: Credits) -> Result<(), Short> {
        let mut state = self.state();
        let known = state.known.ok_or(Short::Unknown)?;
        let left = known - state.in_flight;
        if left - cost < self.floor {
            return Err(if state.requests > 0 {
                Short::InFlight
            } else {
                Short::Below(Error::balance_floor(cost, left, self.floor))
            });
        }
        state.in_flight += cost;
        state.requests += 1;
        Ok(())
    }

    /// Waits until another request has ended, if one is on its way.
    pub(super) async fn landed(&self) {
        let landed = self.landed.notified();
        let mut landed = std::pin::pin!(landed);
        landed.as_mut().enable(); // before the look, so that no end is missed
        if self.state().requests > 0 {
            landed.await;
        }
    }

    /// A request has ended: it cost so much, and its answer told the balance after it, if it did.
    pub(super) fn ended(&self, taken: Credits, spent: Credits, balance: Option<Credits>) {
        {
            let mut state = self.state();
            state.in_flight -= taken;
            state.requests = state.requests.saturating_sub(1);
            state.known = match (balance, state.known) {
                // Answers overtake each other: the lowest is the last.
                (Some(balance), Some(known)) if state.requests > 0 => Some(balance.min(known)),
                (Some(balance), _) => Some(balance),
                (None, known) => known.map(|known| known - spent),
            };
        }
        self.landed.notify_waiters();
    }

    /// The gateway was asked.
    pub(super) fn learn(&self, balance: Credits) {
        self.state().known = Some(balance);
    }

    /// What is known is to be asked for anew.
    pub(super) fn forget(&self) {
        self.state().known = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credits(credits: i64) -> Credits {
        Credits::from_int(credits)
    }

    #[test]
    fn what_is_on_its_way_counts_and_answers_that_overtake_each_other_do_not_raise_the_balance() {
        let floor = Floor::new(credits(10));
        assert!(matches!(floor.take(credits(1)), Err(Short::Unknown)));
        floor.learn(credits(30));
        floor.take(credits(10)).unwrap();
        floor.count(credits(5)); // a single request
        assert!(matches!(floor.take(credits(6)), Err(Short::InFlight)));
        floor.take(credits(5)).unwrap();
        floor.ended(credits(5), credits(5), Some(credits(10)));
        floor.ended(credits(10), credits(10), Some(credits(15)));
        floor.ended(credits(5), credits(5), None); // of unknown outcome
        let Err(Short::Below(error)) = floor.take(credits(1)) else { panic!() };
        assert!(error.to_string().contains("balance of 5 below the floor of 10"), "{error}");
    }
}
