//! The queue of a lane: first come, first served, but for those that are not polled.

use std::collections::VecDeque;
use std::ops::Range;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

/// So long after its turn, for each one ahead of it, a waiter has those ahead of it called.
///
/// Longer than a timer is late, so that nobody is called who is just about to come.
pub(super) const ALARM: Duration = Duration::from_millis(25);

/// Who was called and is not polled for so long is absent: it is passed over, and keeps its place.
pub(super) const ANSWER: Duration = Duration::from_millis(50);

/// Those who wait in a lane.
#[derive(Default)]
pub(super) struct Queue {
    entries: VecDeque<Entry>,
    next: u64,
}

struct Entry {
    place: u64,
    waker: Waker,
    /// Since when it is called without an answer.
    called: Option<Instant>,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn join(&mut self, waker: Waker) -> u64 {
        let place = self.next;
        self.next += 1;
        self.entries.push_back(Entry { place, waker, called: None });
        place
    }

    /// How many stand before a place.
    pub(super) fn before(&self, place: u64) -> usize {
        self.entries.partition_point(|entry| entry.place < place)
    }

    /// One is polled: it is here, and is to be woken by this. Gives the waker that it had.
    pub(super) fn answer(&mut self, place: u64, waker: &Waker) -> Option<Waker> {
        let at = self.before(place);
        let entry = &mut self.entries[at];
        entry.called = None;
        (!entry.waker.will_wake(waker)).then(|| std::mem::replace(&mut entry.waker, waker.clone()))
    }

    /// How many at the front are absent.
    pub(super) fn absent(&self, now: Instant) -> usize {
        let absent = |entry: &&Entry| entry.called.is_some_and(|called| called + ANSWER <= now);
        self.entries.iter().take_while(absent).count()
    }

    /// The waker of the first that is not absent.
    pub(super) fn head(&self, now: Instant) -> Option<Waker> {
        self.entries.get(self.absent(now)).map(|entry| entry.waker.clone())
    }

    /// The wakers of so many that are not absent, from the front.
    #[cfg(any(feature = "store", feature = "redis"))]
    pub(super) fn wakers(&self, now: Instant, most: usize) -> Vec<Waker> {
        self.entries.iter().skip(self.absent(now)).take(most).map(|entry| entry.waker.clone()).collect()
    }

    /// Gives one the turn: from now on it is waited for like one that was called.
    pub(super) fn give_turn(&mut self, place: u64, now: Instant) {
        let at = self.before(place);
        self.entries[at].called = Some(now);
    }

    /// Calls those of a range that are not called yet. Gives until when one of them may answer.
    pub(super) fn call(
        &mut self,
        ahead: Range<usize>,
        now: Instant,
        wake: &mut Vec<Waker>,
    ) -> Option<Instant> {
        let mut last = None;
        for entry in self.entries.range_mut(ahead) {
            let called = *entry.called.get_or_insert_with(|| {
                wake.push(entry.waker.clone());
                now
            });
            last = last.max(Some(called + ANSWER));
        }
        last
    }

    /// Takes one out. Gives its waker, and that of the next if it was this one's turn.
    pub(super) fn leave(&mut self, place: u64, now: Instant) -> (Option<Waker>, Option<Waker>) {
        let at = self.before(place);
        let was_head = at <= self.absent(now);
        let left = self.entries.remove(at).map(|entry| entry.waker);
        (left, if was_head { self.head(now) } else { None })
    }
}
