//! Who asks a store for the next start of a lane: a task of its own, so that no caller that is not polled can hold it up.

use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::pace::Pace;
use super::queue::ANSWER;
use super::rates::{Lane, Rates};
use super::shared::{Asked, LATE, Next, Shared, Source, ask};
use super::teller;
use super::wait::{Lanes, State};
use crate::store::StoreError;
use crate::task;

/// So long before a start those at the front of the queue begin to be called, so that one who is not polled is known
/// when it is due.
const ROLL_CALL: Duration = Duration::from_millis(150);

/// Goes on asking while somebody waits in the lane.
pub(super) fn spawn(lanes: &Arc<Lanes>, lane: Lane, number: u64) {
    let asker = Asker { lanes: Arc::downgrade(lanes), lane, number };
    task::spawn(&Handle::current(), Box::pin(asker.run()));
}

/// One of a number: a later one takes its place if its runtime stands still.
struct Asker {
    /// Its sleep keeps no limiter alive.
    lanes: Weak<Lanes>,
    lane: Lane,
    number: u64,
}

fn shared(state: &mut State) -> &mut Shared {
    match &mut state.pace {
        Pace::Shared(shared) => shared,
        Pace::Local(_) => unreachable!("only a shared pace is asked for"),
    }
}

impl Asker {
    async fn run(self) {
        while let Some((source, rates, unused)) = self.needed() {
            let asked = Instant::now();
            let answer = ask(&*source, rates, self.lane, unused).await;
            let Some(next) = self.answered(asked, answer) else { return };
            drop(source);
            match next {
                Next::AskAt(at) => tokio::time::sleep_until(at).await,
                Next::Start(at) => self.see_it_taken(at).await,
                Next::Fail => return self.wake(usize::MAX),
                Next::End => return,
            }
        }
    }

    /// What to do next. Has the store told of those who wait.
    fn answered(&self, asked: Instant, answer: Result<Asked, StoreError>) -> Option<Next> {
        let lanes = self.lanes.upgrade()?;
        let mut state = lanes.lock();
        let calls = state.calls();
        let shared = shared(&mut state);
        let next = shared.answered(self.lane, self.number, asked, answer);
        shared.calls_wait(&next, calls);
        drop(state);
        teller::spawn(&lanes);
        Some(next)
    }

    /// What to ask, while somebody waits and nobody else asks.
    fn needed(&self) -> Option<(Arc<dyn Source>, Rates, Option<i64>)> {
        let lanes = self.lanes.upgrade()?;
        let mut state = lanes.lock();
        let waits = state.queue(self.lane).len() > 0;
        let shared = shared(&mut state);
        (waits && shared.asks(self.lane, self.number))
            .then(|| (Arc::clone(&shared.source), shared.rates, shared.unused(self.lane)))
    }

    /// Calls those who wait until one takes the start, or it is late.
    async fn see_it_taken(&self, at: Instant) {
        self.wake(1);
        if let Some(begin) = at.checked_sub(ROLL_CALL) {
            tokio::time::sleep_until(begin).await;
        }
        let last = at + LATE + Duration::from_millis(1);
        while Instant::now() < last && self.call() {
            tokio::time::sleep_until(last.min(Instant::now() + ANSWER)).await;
        }
    }

    /// Calls the first that is not absent; false if the start was taken.
    fn call(&self) -> bool {
        let Some(lanes) = self.lanes.upgrade() else { return false };
        let mut called = Vec::new();
        let mut state = lanes.lock();
        if !shared(&mut state).asks(self.lane, self.number) {
            return false;
        }
        let now = Instant::now();
        let queue = state.queue(self.lane);
        let absent = queue.absent(now);
        queue.call(absent..queue.len().min(absent + 1), now, &mut called);
        drop(state);
        called.into_iter().for_each(Waker::wake);
        true
    }

    /// Wakes so many of those who wait.
    fn wake(&self, most: usize) {
        let Some(lanes) = self.lanes.upgrade() else { return };
        let mut state = lanes.lock();
        let wakers = state.queue(self.lane).wakers(Instant::now(), most);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        let Some(lanes) = self.lanes.upgrade() else { return };
        let mut state = lanes.lock();
        let asks = shared(&mut state).asks(self.lane, self.number);
        shared(&mut state).stop_asking(self.lane, self.number);
        let next = state.queue(self.lane).head(Instant::now()).filter(|_| asks);
        drop(state);
        next.into_iter().for_each(Waker::wake); // who asks in its place, if its runtime went away
    }
}

#[cfg(test)]
#[cfg(feature = "store")]
mod tests;
