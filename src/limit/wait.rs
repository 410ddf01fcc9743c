//! Waiting for a turn: each waiter looks by itself whether it is its own, in its own poll.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker, ready};

use tokio::time::{Instant, Sleep};

use super::local::Local;
use super::queue::{ALARM, Queue};
use super::rates::{Lane, Rates};
use crate::error::Error;
use crate::transport::Connections;

/// Two queues and their one schedule.
pub(super) struct Lanes {
    state: Mutex<State>,
    pub(super) connections: Arc<Connections>,
    pub(super) rates: Rates,
    max_waiting: usize,
}

struct State {
    single: Queue,
    bulk: Queue,
    pace: Local,
}

impl State {
    fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Single => &mut self.single,
            Lane::Bulk => &mut self.bulk,
        }
    }
}

impl Lanes {
    pub(super) fn new(rates: Rates, max_waiting: usize) -> Self {
        let state = State { single: Queue::default(), bulk: Queue::default(), pace: Local::new(&rates) };
        Self { state: Mutex::new(state), connections: Arc::default(), rates, max_waiting }
    }

    /// How many wait in the lane of single requests and in that of bulk batches.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let state = self.lock();
        (state.single.len(), state.bulk.len())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next start of a lane is due: of its own, behind that of any lane, behind a connection's set-up.
    fn due(&self, state: &mut State, lane: Lane, now: Instant) -> Instant {
        let due = state.pace.due(lane);
        self.connections.clear(now, self.rates.gap).map_or(due, |clear| due.max(clear))
    }
}

/// What one waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// To be the first when a start is due.
    Turn,
    /// To take the start.
    Start,
}

/// What one sees that looks whether it is its turn.
enum Look {
    Yes,
    /// It cannot be before the deadline.
    Late,
    /// Not before this.
    NotYet(Instant),
}

/// Wakers to be woken and dropped after the lock: both run code of others, which may come back to it.
#[derive(Default)]
struct Wakers {
    next: Option<Waker>,
    called: Vec<Waker>,
    replaced: Option<Waker>,
    left: Option<Waker>,
}

impl Wakers {
    fn wake(self) {
        self.next.into_iter().chain(self.called).for_each(Waker::wake);
    }
}

/// A place in the queue of a lane, which is left when this is dropped.
pub(super) struct Place {
    lanes: Arc<Lanes>,
    lane: Lane,
    /// `None` when the start is taken.
    number: Option<u64>,
    deadline: Option<Instant>,
}

impl Place {
    /// Joins the queue, unless it is known now that it would be in vain.
    pub(super) fn join(
        lanes: &Arc<Lanes>,
        lane: Lane,
        deadline: Option<Instant>,
        waker: &Waker,
    ) -> Result<Self, Error> {
        let now = Instant::now();
        let mut state = lanes.lock();
        let due = lanes.due(&mut state, lane, now);
        let queue = state.queue(lane);
        if queue.len() >= lanes.max_waiting {
            return Err(Error::too_many_waiting(lanes.max_waiting));
        }
        // Those ahead take at least a period each: what cannot be met is refused now, not after the wait.
        let ahead = u32::try_from(queue.len() - queue.absent(now)).unwrap_or(u32::MAX);
        let earliest = due.max(now).checked_add(lanes.rates.period(lane).saturating_mul(ahead));
        if deadline.is_some_and(|deadline| earliest.is_none_or(|earliest| earliest > deadline)) {
            return Err(Error::deadline());
        }
        let number = Some(queue.join(waker.clone()));
        drop(state);
        Ok(Self { lanes: Arc::clone(lanes), lane, number, deadline })
    }

    pub(super) async fn wait(&mut self, want: Want) -> Result<(), Error> {
        let mut sleep = pin!(None::<Sleep>);
        std::future::poll_fn(|cx| {
            loop {
                let until = match self.look(want, cx.waker()) {
                    Look::Yes => return Poll::Ready(Ok(())),
                    Look::Late => return Poll::Ready(Err(Error::deadline())),
                    Look::NotYet(until) => until,
                };
                match sleep.as_mut().as_pin_mut() {
                    Some(sleep) if sleep.deadline() == until => {}
                    Some(sleep) => sleep.reset(until),
                    None => sleep.set(Some(tokio::time::sleep_until(until))),
                }
                if let Some(sleep) = sleep.as_mut().as_pin_mut() {
                    ready!(sleep.poll(cx));
                }
            }
        })
        .await
    }

    fn look(&mut self, want: Want, waker: &Waker) -> Look {
        let Some(number) = self.number else { return Look::Yes };
        let now = Instant::now();
        let lanes = &*self.lanes;
        let mut wakers = Wakers::default();
        let mut guard = lanes.lock();
        let state = &mut *guard;
        let due = lanes.due(state, self.lane, now);
        let queue = state.queue(self.lane);
        wakers.replaced = queue.answer(number, waker);
        let at = queue.before(number);
        let absent = queue.absent(now).min(at);
        let ahead = at - absent;
        let mut until = due + ALARM * u32::try_from(ahead).unwrap_or(u32::MAX);
        if until <= now {
            // It is time, and those ahead have not come: they are called, and those that may answer are waited for.
            until = queue.call(absent..at, now, &mut wakers.called).unwrap_or(now);
        }
        let look = if self.deadline.is_some_and(|deadline| {
            // What cannot be met any more is known at the head of the queue.
            now > deadline || (until > now && (now == deadline || (ahead == 0 && due > deadline)))
        }) {
            Look::Late
        } else if until > now {
            Look::NotYet(self.deadline.map_or(until, |deadline| until.min(deadline)))
        } else if want == Want::Turn {
            queue.give_turn(number, now);
            Look::Yes
        } else if state.pace.take(self.lane) {
            (wakers.left, wakers.next) = state.queue(self.lane).leave(number, now);
            self.number = None;
            Look::Yes
        } else {
            Look::NotYet(lanes.due(state, self.lane, now))
        };
        drop(guard);
        wakers.wake();
        look
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let now = Instant::now();
        let mut state = self.lanes.lock();
        let (left, next) = state.queue(self.lane).leave(number, now);
        drop(state);
        Wakers { next, left, ..Wakers::default() }.wake();
    }
}
