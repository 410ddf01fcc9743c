//! Pacing: two lanes that never borrow from each other, each first come, first served.
//!
//! Turns are taken, not given: whoever is polled looks under a short lock whether the turn is its own, so that no call
//! can hold up another by not being polled. One that does not come when its turn has come is passed over, and keeps
//! its place. The governors' yes in the poll that starts the request is what counts; a late wake-up cannot break the
//! spacing.

#[cfg(any(feature = "store", feature = "redis"))]
mod asker;
mod local;
mod pace;
mod queue;
mod rates;
#[cfg(any(feature = "store", feature = "redis"))]
mod scope;
#[cfg(any(feature = "store", feature = "redis"))]
mod shared;
#[cfg(any(feature = "store", feature = "redis"))]
mod teller;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::task::Poll;
#[cfg(feature = "diagnose")]
use std::time::Duration;

use futures::future::{Either, ready};
use tokio::time::Instant;

use self::local::Local;
use self::pace::Pace;
pub(crate) use self::rates::Lane;
use self::rates::Periods;
pub use self::rates::{CEILING, DEFAULT_RATE, Rates};
#[cfg(any(feature = "store", feature = "redis"))]
pub use self::scope::{PaceProcess, PaceScope, PaceStatus};
use self::wait::{Errands, Lanes, Place, Want};
use crate::error::Error;
#[cfg(feature = "store")]
use crate::store::Store;
use crate::transport::Connections;

/// How many calls may wait for their turn in a lane, unless the builder says otherwise.
pub const DEFAULT_MAX_WAITING: usize = 1_000;

/// Paces the requests of a client, its clones, and of every other client that is given it.
///
/// Requests of a lane start evenly spaced (500 ms apart by default), first come, first served, and no two requests
/// of either lane start less than 275 ms apart: with both lanes full, each has its turn every 550 ms. So the gateway
/// never sees more than 4 requests in any second while the network delays them by up to 100 ms, and never more than 5
/// up to 375 ms. With other rates the gap is 1.1 s divided by the sum of both rates, each rounded up, and at least
/// half of the shorter period. While a connection is being set up no request starts, or those that follow would
/// arrive together with the one that waits for it.
///
/// When the network is silent for 1.7 s and more, the requests that left meanwhile on the 3 connections that are kept
/// at most arrive together, with the one that waited for a connection; then none starts for a second, so that these are
/// at most 5 as well. A shorter silence is not told from a slow set-up: between 375 ms and 1.7 s up to 7 may arrive in
/// a second.
///
/// Waiting costs nothing until the turn has come: a wait that is dropped gives its place back. A call that is not
/// polled when its turn has come does not hold up those behind it for more than about 75 ms; it keeps its place.
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

/// Leave to start one request.
///
/// Nothing is spent before [`start`](Self::start): dropped unused, a turn gives the slot back, and the next waiter of
/// its lane may have it at once.
///
/// Between turn and start something short may be awaited, such as a store that notes the attempt. The lane waits for
/// it for 50 ms and then goes on without it. The spacing that the gateway sees does not suffer from it in any case,
/// since the slot is taken by `start`: if another request has started meanwhile, `start` waits for the next slot, in
/// front of the lane. So the request must leave in the same poll in which `start` is ready: call it last, after
/// everything that is awaited.
#[must_use = "a turn that is not started gives its slot back"]
pub(crate) struct Turn(Option<Place>);

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
    #[inline]
    pub(crate) fn start(self) -> impl Future<Output = Result<(), Error>> + Send {
        match self.0 {
            None => Either::Left(ready(Ok(()))),
            Some(mut place) => Either::Right(async move { place.wait(Want::Start).await }),
        }
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
        let rates = Rates::new(single, bulk)?;
        if max_waiting == 0 {
            return Err(Error::config("with no call allowed to wait none could start: allow at least 1"));
        }
        let periods = Periods::of(rates);
        let no_store = Errands { ask: |_, _, _| {}, tell: |_| {} };
        let lanes = Lanes::new(periods, max_waiting, Pace::Local(Local::new(&periods)), no_store);
        Ok(Self(Arc::new(lanes)))
    }

    /// Makes a limiter that shares one pace with every process that names the same scope in the same store.
    ///
    /// A scope is one public address, since that is what the gateway counts: give all replicas behind it, and all
    /// programs on it, the same name. The store keeps when each lane's next start may be, by its own clock, so that
    /// clocks of processes need not agree. Starts of a lane are 510 ms apart at 2 a second, and at least 229 ms from
    /// those of the other lane. Clients that take it share besides, account by account, the wait for a full queue of
    /// the gateway (ERR013) and the memory of the numbers written to within the last 16 s.
    ///
    /// What nobody knows waits for 5 s: a scope that is new, and one whose server was restarted, since starts may be
    /// under way that were given up to 5 s ahead.
    ///
    /// While the store fails, nothing starts: a call ends with kind [`Store`](crate::ErrorKind::Store) at its deadline,
    /// or after 10 s without one, and was not sent. See [`share_without_store`](Self::share_without_store) for the other choice.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if the scope has other rates in the store, or its name is not 1 to 100 bytes without control
    /// characters and braces. Of kind `Store` if the store fails.
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")] tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use kwtsms_async::{Client, Limiter, Rates, Store, sandbox::Sandbox};
    /// # let sandbox = Sandbox::in_process();
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("kwtsms.db");
    /// let store = Store::open(path).await?; // or a postgres:// URL that all replicas can reach
    /// let limiter = Limiter::shared(&store, "office-ip", Rates::default()).await?;
    /// let client = Client::builder("user", "pass").transport(sandbox.transport()).limiter(limiter).build()?;
    /// # Ok::<_, kwtsms_async::Error>(()) }).unwrap();
    /// ```
    #[cfg(feature = "store")]
    pub async fn shared(store: &Store, scope: impl Into<String>, rates: Rates) -> Result<Self, Error> {
        PaceScope::in_store(store, scope)?.limiter(rates).await
    }

    /// Like [`shared`](Self::shared), through a Redis server: `redis://user:password@host:6379/0`, or `rediss://` for
    /// TLS. `?prefix=` names what its keys begin with, `kwtsms:` if it does not.
    ///
    /// # Errors
    ///
    /// As for [`shared`](Self::shared), and of kind `Config` if the URL cannot be read. No error shows a part of it.
    #[cfg(feature = "redis")]
    pub async fn redis(url: &str, scope: impl Into<String>, rates: Rates) -> Result<Self, Error> {
        PaceScope::in_redis(url, scope)?.limiter(rates).await
    }

    #[cfg(any(feature = "store", feature = "redis"))]
    async fn joined(source: Arc<dyn shared::Source>, rates: Rates) -> Result<Self, Error> {
        let shared = shared::join(source, rates).await?;
        let pace = Pace::Shared(Box::new(shared));
        let errands = Errands { ask: asker::spawn, tell: teller::spawn_last };
        Ok(Self(Arc::new(Lanes::new(Periods::shared(rates), DEFAULT_MAX_WAITING, pace, errands))))
    }

    /// Where it shares its pace, if it does.
    #[cfg(any(feature = "store", feature = "redis"))]
    pub(crate) fn kept(&self) -> Option<crate::store::Kept> {
        match &self.0.lock().pace {
            Pace::Shared(shared) => Some(shared.source.kept()),
            Pace::Local(_) => None,
        }
    }

    /// Lets single requests start without the store while it fails, at their rate divided by the number of replicas.
    ///
    /// It begins 5 s after the store's first failure, when every start that it gave has passed. Bulk batches wait for
    /// the store all the same. Replicas that lost the store know nothing of each other: in one second each may start a
    /// request, beside the whole pace of those that still have it. So that part of the ceiling must be free from the
    /// start: both rates, each rounded up to a whole number, and the number of replicas are at most 5 together, such as
    /// 2 replicas at rates of 2 and 1, or 3 at 1 and 1. Then the gateway never sees more than 5 requests in a second,
    /// whichever replicas lose the store, while the network delays them by up to 100 ms.
    ///
    /// The replicas are all limiters of the scope, those of other programs too. A single one is free to choose its
    /// rates: nobody starts beside it.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if there are no replicas, or too many for the rates, or if the limiter shares no store.
    #[cfg(any(feature = "store", feature = "redis"))]
    pub fn share_without_store(self, replicas: u32) -> Result<Self, Error> {
        match &mut self.0.lock().pace {
            Pace::Shared(shared) => shared.share(replicas)?,
            Pace::Local(_) => {
                return Err(Error::config("this limiter shares no store: its rates are its own already"));
            }
        }
        Ok(self)
    }

    /// Waits until a store that the pace is shared through knows that nobody waits here: for a graceful stop, after
    /// everything that waits was ended or dropped.
    ///
    /// Without it whoever looks at the scope (`kwtsms limits`, [`PaceScope::status`]) may see this process for some
    /// seconds more. A pace of its own has nothing to tell. [`Client::idle`](crate::Client::idle) waits for it too.
    /// A store that fails ends the wait within 5 s.
    #[cfg(any(feature = "store", feature = "redis"))]
    pub async fn idle(&self) {
        teller::idle(&self.0).await;
    }

    /// Waits for a turn. Dropped before it returns, it has taken nothing.
    ///
    /// # Errors
    ///
    /// Of kind `TooManyWaiting` or `Deadline`, at once where it is known at once.
    pub(crate) async fn turn(&self, lane: Lane, deadline: Option<Instant>) -> Result<Turn, Error> {
        let mut place =
            std::future::poll_fn(|cx| Poll::Ready(Place::join(&self.0, lane, deadline, cx.waker()))).await?;
        place.wait(Want::Turn).await?;
        Ok(Turn(Some(place)))
    }

    /// The time between two starts of the lane of single requests and of that of bulk batches, and where the pace is
    /// shared, if it is.
    #[cfg(feature = "diagnose")]
    pub(crate) fn pace(&self) -> (Duration, Duration, Option<String>) {
        let Periods { single, bulk, .. } = self.0.periods;
        #[cfg(any(feature = "store", feature = "redis"))]
        let place = self.kept().map(|kept| format!("{kept:?}"));
        #[cfg(not(any(feature = "store", feature = "redis")))]
        let place = None;
        (single, bulk, place)
    }

    /// Where a transport tells of the connections that it sets up.
    pub(crate) fn connections(&self) -> &Arc<Connections> {
        &self.0.connections
    }

    /// How many calls wait in the lane of single requests and in that of bulk batches.
    pub fn waiting(&self) -> (usize, usize) {
        self.0.waiting()
    }

    pub(crate) fn waiting_in(&self, lane: Lane) -> usize {
        let (single, bulk) = self.waiting();
        match lane {
            Lane::Single => single,
            Lane::Bulk => bulk,
        }
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("single_period", &self.0.periods.single)
            .field("bulk_period", &self.0.periods.bulk)
            .field("gap", &self.0.periods.gap)
            .field("waiting", &self.waiting())
            .finish()
    }
}

#[cfg(test)]
mod tests;
