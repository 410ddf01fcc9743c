//! What may be spent in an hour and in a day: taken before each request, settled by what was charged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(any(feature = "store", feature = "redis"))]
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::limit::SpendLimit;
#[cfg(any(feature = "store", feature = "redis"))]
use super::shared::StoredSpending;
#[cfg(feature = "diagnose")]
use super::window_sum::Spent;
use super::window_sum::{DAY, MINUTE, Over, decide};
use crate::credits::Credits;
use crate::error::Error;
#[cfg(any(feature = "store", feature = "redis"))]
use crate::task::spawn;

/// What a client spends, or all clients of an account that share a store.
#[derive(Debug)]
pub(crate) struct Spending {
    limit: SpendLimit,
    ledger: Ledger,
}

#[derive(Debug)]
enum Ledger {
    /// Minutes since it began, with what they cost in thousandths.
    Local { since: Instant, minutes: Mutex<BTreeMap<i64, i64>> },
    #[cfg(any(feature = "store", feature = "redis"))]
    Stored(StoredSpending),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Spending {
    pub(crate) fn local(limit: SpendLimit) -> Self {
        let ledger = Ledger::Local { since: Instant::now(), minutes: Mutex::default() };
        Self { limit, ledger }
    }

    #[cfg(any(feature = "store", feature = "redis"))]
    pub(crate) fn stored(limit: SpendLimit, stored: StoredSpending) -> Self {
        Self { limit, ledger: Ledger::Stored(stored) }
    }

    /// Takes a cost, before its request. It stays spent unless it is settled.
    pub(super) async fn reserve(
        self: &Arc<Self>,
        cost: Credits,
        deadline: Option<Instant>,
    ) -> Result<Reserved, Error> {
        let taken = match &self.ledger {
            Ledger::Local { since, minutes } => self.take(cost, *since, &mut lock(minutes)),
            #[cfg(any(feature = "store", feature = "redis"))]
            Ledger::Stored(stored) => stored.take(self.limit, cost, deadline).await?,
        };
        #[cfg(not(any(feature = "store", feature = "redis")))]
        let _ = deadline;
        match taken {
            Ok(minute) => Ok(Reserved { spending: Arc::clone(self), minute, cost }),
            Err(over) => Err(Error::spend_limit(cost, over.limit, over.window, over.opens_in)),
        }
    }

    /// True if the processes that share a store spend it together.
    #[cfg(feature = "diagnose")]
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self.ledger, Ledger::Local { .. })
    }

    /// What is spent so far, without taking anything.
    #[cfg(feature = "diagnose")]
    pub(crate) async fn spent(&self) -> Result<Spent, Error> {
        let (now, minutes) = match &self.ledger {
            Ledger::Local { since, minutes } => {
                let minutes = lock(minutes).iter().map(|(minute, spent)| (*minute, *spent)).collect();
                (i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX), minutes)
            }
            #[cfg(any(feature = "store", feature = "redis"))]
            Ledger::Stored(stored) => stored.spent().await?,
        };
        Ok(Spent { limit: self.limit, now, minutes })
    }

    fn take(&self, cost: Credits, since: Instant, minutes: &mut BTreeMap<i64, i64>) -> Result<i64, Over> {
        let now = i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX);
        let minute = now / MINUTE;
        *minutes = minutes.split_off(&(minute - DAY));
        let spent: Vec<_> = minutes.iter().map(|(minute, spent)| (*minute, *spent)).collect();
        decide(self.limit, &spent, now, cost)?;
        *minutes.entry(minute).or_default() += cost.thousandths();
        Ok(minute)
    }
}

/// An amount that is taken.
#[derive(Debug)]
pub(super) struct Reserved {
    spending: Arc<Spending>,
    minute: i64,
    pub(super) cost: Credits,
}

impl Reserved {
    /// It cost this in the end. In a store this is written beside the call; if it is lost, the estimate stands.
    pub(super) fn settle(self, charged: Credits) {
        let more = charged.thousandths().saturating_sub(self.cost.thousandths());
        if more == 0 {
            return;
        }
        match &self.spending.ledger {
            Ledger::Local { minutes, .. } => {
                if let Some(spent) = lock(minutes).get_mut(&self.minute) {
                    *spent += more;
                }
            }
            #[cfg(any(feature = "store", feature = "redis"))]
            Ledger::Stored(stored) => {
                if let Ok(runtime) = Handle::try_current() {
                    spawn(&runtime, Box::pin(stored.add(self.minute, more)));
                }
            }
        }
    }
}
