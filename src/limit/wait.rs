//! Waiting for a turn: each waiter looks by itself whether it is its own, in its own poll.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::pace::{Due, Pace};
use super::queue::{ALARM, Queue};
use super::rates::{Lane, Periods};
use crate::clock::runtime_here;
use crate::error::Error;
use crate::transport::Connections;

/// While a start is asked for, everybody looks again after so long, and each one behind a little later.
const UNKNOWN: Duration = Duration::from_secs(1);

/// Whom a shared pace sends to its store.
pub(super) struct Errands {
    /// To ask for a lane's next start.
    pub(super) ask: fn(&Arc<Lanes>, Lane, u64),
    /// To tell of those who wait.
    pub(super) tell: fn(&Arc<Lanes>),
}

/// Two queues and their one schedule.
pub(super) struct Lanes {
    state: Mutex<State>,
    pub(super) connections: Arc<Connections>,
    pub(super) periods: Periods,
    max_waiting: usize,
    errands: Errands,
}

pub(super) struct State {
    single: Queue,
    bulk: Queue,
    pub(super) pace: Pace,
}

impl State {
    /// How many wait in each lane.
    #[cfg(any(feature = "store", feature = "redis"))]
    pub(super) fn calls(&self) -> [i64; 2] {
        [&self.single, &self.bulk].map(|queue| i64::try_from(queue.len()).unwrap_or(i64::MAX))
    }

    /// Takes a call out of its queue.
    fn leave(&mut self, lane: Lane, number: u64, now: Instant) -> Wakers {
        let (left, next) = self.queue(lane).leave(number, now);
        let last = self.single.len() + self.bulk.len() == 0;
        Wakers { next, left, tell: last && self.pace.has_told(), ..Wakers::default() }
    }

    pub(super) fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Single => &mut self.single,
            Lane::Bulk => &mut self.bulk,
        }
    }
}

impl Lanes {
    pub(super) fn new(periods: Periods, max_waiting: usize, pace: Pace, errands: Errands) -> Self {
        let state = State { single: Queue::default(), bulk: Queue::default(), pace };
        Self { state: Mutex::new(state), connections: Arc::default(), periods, max_waiting, errands }
    }

    /// How many wait in the lane of single requests and in that of bulk batches.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let state = self.lock();
        (state.single.len(), state.bulk.len())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next start of a lane is due: of its own, behind that of any lane, behind a connection's set-up.
    fn due(&self, state: &mut State, lane: Lane, now: Instant) -> Due {
        match (state.pace.due(lane, now), self.connections.clear(now, self.periods.gap)) {
            (Due::At(due), Some(clear)) => Due::At(due.max(clear)),
            (due, _) => due,
        }
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
    Failed(Error),
}

/// Wakers to be woken and dropped after the lock: both run code of others, which may come back to it.
#[derive(Default)]
struct Wakers {
    next: Option<Waker>,
    called: Vec<Waker>,
    replaced: Option<Waker>,
    left: Option<Waker>,
    /// The store is to be told in a moment that nobody waits.
    tell: bool,
}

impl Wakers {
    fn wake(self, lanes: &Arc<Lanes>) {
        if self.tell {
            (lanes.errands.tell)(lanes);
        }
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
        let due = match lanes.due(&mut state, lane, now) {
            Due::At(due) => due.max(now),
            Due::Unknown => now,
            Due::Failed(error) => return Err(error),
        };
        let queue = state.queue(lane);
        if queue.len() >= lanes.max_waiting {
            return Err(Error::too_many_waiting(lanes.max_waiting));
        }
        // Those ahead take at least a period each: what cannot be met is refused now, not after the wait.
        let ahead = u32::try_from(queue.len() - queue.absent(now)).unwrap_or(u32::MAX);
        let earliest = due.checked_add(lanes.periods.lane(lane).saturating_mul(ahead));
        if deadline.is_some_and(|deadline| earliest.is_none_or(|earliest| earliest > deadline)) {
            return Err(state.pace.too_late());
        }
        let number = Some(queue.join(waker.clone()));
        drop(state);
        Ok(Self { lanes: Arc::clone(lanes), lane, number, deadline })
    }

    pub(super) async fn wait(&mut self, want: Want) -> Result<(), Error> {
        let mut sleep = pin!(None::<Sleep>);
        let mut runtime = None; // a timer does not go on, or panics, where its runtime does not
        std::future::poll_fn(|cx| {
            loop {
                let until = match self.look(want, cx.waker()) {
                    Look::Yes => return Poll::Ready(Ok(())),
                    Look::Late => return Poll::Ready(Err(self.lanes.lock().pace.too_late())),
                    Look::Failed(error) => return Poll::Ready(Err(error)),
                    Look::NotYet(until) => until,
                };
                let here = runtime_here();
                match sleep.as_mut().as_pin_mut().filter(|_| here == runtime) {
                    Some(sleep) if sleep.deadline() == until => {}
                    Some(sleep) => sleep.reset(until),
                    None => {
                        sleep.set(Some(tokio::time::sleep_until(until)));
                        runtime = here;
                    }
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
        // Where it is not known yet, a time to look again; it makes nobody give up.
        let (due, known) = match lanes.due(state, self.lane, now) {
            Due::At(due) => (due, true),
            Due::Unknown => (now + UNKNOWN, false),
            Due::Failed(error) => return Look::Failed(error),
        };
        let ask = state.pace.ask(self.lane, now);
        let lead = if want == Want::Turn { state.pace.lead() } else { Duration::ZERO };
        let queue = state.queue(self.lane);
        wakers.replaced = queue.answer(number, waker);
        let at = queue.before(number);
        let absent = queue.absent(now).min(at);
        let ahead = at - absent;
        let mut until =
            due.checked_sub(lead).unwrap_or(due) + ALARM * u32::try_from(ahead).unwrap_or(u32::MAX);
        if until <= now {
            // It is time, and those ahead have not come: they are called, and those that may answer are waited for.
            until = queue.call(absent..at, now, &mut wakers.called).unwrap_or(now);
        }
        let look = if self.deadline.is_some_and(|deadline| {
            // What cannot be met any more is known at the head of the queue.
            now > deadline || (until > now && (now == deadline || (ahead == 0 && known && due > deadline)))
        }) {
            Look::Late
        } else if until > now {
            Look::NotYet(self.deadline.map_or(until, |deadline| until.min(deadline)))
        } else if want == Want::Turn {
            queue.give_turn(number, now);
            Look::Yes
        } else if state.pace.take(self.lane, now) {
            let Wakers { next, left, tell, .. } = state.leave(self.lane, number, now);
            (wakers.next, wakers.left, wakers.tell) = (next, left, tell);
            self.number = None;
            Look::Yes
        } else {
            match lanes.due(state, self.lane, now) {
                Due::At(due) => Look::NotYet(due),
                _ => Look::NotYet(now), // look again, and ask
            }
        };
        drop(guard);
        if let Some(number) = ask {
            (lanes.errands.ask)(&self.lanes, self.lane, number);
        }
        wakers.wake(&self.lanes);
        look
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let now = Instant::now();
        let wakers = self.lanes.lock().leave(self.lane, number, now);
        wakers.wake(&self.lanes);
    }
}
