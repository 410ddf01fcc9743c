//! The numbers that this process wrote to within the last 16 s, or is writing to.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Resting;
use crate::code::ApiCode;
use crate::phone::PhoneNumber;

/// The most numbers remembered. At the gateway's ceiling, 5 requests a second of 200 numbers for 16 s, there
/// are 16,000 of them; more occur only where the limiter is off, and then the oldest are forgotten.
const MOST: usize = 100_000;

const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A time, in nanoseconds since a memory was made: half of an [`Instant`], of which two are kept for each number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Moment(i64);

impl Moment {
    #[inline]
    fn later(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(nanos(wait)))
    }

    #[inline]
    fn earlier(self, wait: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(wait)))
    }

    /// Zero if it has passed.
    #[inline]
    fn in_how_long(self, now: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.saturating_sub(now.0)).unwrap_or_default())
    }
}

#[inline]
fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// What is known of a number.
#[derive(Debug, Clone, Copy)]
struct Mark {
    /// The claim that made it.
    owner: u64,
    /// Of a message in test mode otherwise, which makes nobody wait.
    live: bool,
    /// In a request whose outcome is open; written to otherwise.
    in_flight: bool,
    /// Without meaning from then on.
    until: Moment,
    /// It stands in the order.
    queued: bool,
}

impl Mark {
    fn in_flight(owner: u64, live: bool, until: Moment) -> Self {
        Self { owner, live, in_flight: true, until, queued: false }
    }

    fn written(owner: u64, live: bool, until: Moment) -> Self {
        Self { in_flight: false, ..Self::in_flight(owner, live, until) }
    }
}

#[derive(Default)]
struct Marks {
    /// A tree: a hash that nobody can choose numbers against takes longer than to look one up here.
    by_number: BTreeMap<PhoneNumber, Mark>,
    /// When to look whether a number can be forgotten: one entry for each, however often it is written to.
    order: VecDeque<(Moment, PhoneNumber)>,
}

impl Marks {
    #[inline]
    fn forget_old(&mut self, now: Moment) {
        while let Some(&(until, number)) = self.order.front() {
            if until > now && self.order.len() <= MOST {
                break;
            }
            self.order.pop_front();
            if let Entry::Occupied(mut mark) = self.by_number.entry(number) {
                let written_again = mark.get().until > until;
                if mark.get().in_flight {
                    mark.get_mut().queued = false; // until it has ended
                } else if written_again {
                    self.order.push_back((mark.get().until, number));
                } else {
                    mark.remove();
                }
            }
        }
    }

    /// A message in test mode takes nothing from a live one.
    #[inline]
    fn put(&mut self, number: PhoneNumber, mark: Mark, now: Moment) {
        let has_ended = !mark.in_flight;
        let was_queued = match self.by_number.get_mut(&number) {
            Some(old) if !mark.live && old.live && old.until > now => return,
            Some(old) => {
                let was_queued = old.queued;
                *old = Mark { queued: was_queued || has_ended, ..mark };
                was_queued
            }
            None => {
                self.by_number.insert(number, Mark { queued: has_ended, ..mark });
                false
            }
        };
        if has_ended && !was_queued {
            self.order.push_back((mark.until, number));
        }
    }
}

pub(super) struct Local {
    /// How long a number rests; zero if the rule is left to the gateway.
    pub(super) wait: Duration,
    /// How long a number is remembered: as long as the gateway may refuse it, whoever keeps the rule.
    kept: Duration,
    made: Instant,
    marks: Mutex<Marks>,
}

impl Local {
    /// A wait above a year is a year, so that no clock runs over.
    pub(super) fn new(wait: Duration) -> Self {
        let wait = wait.min(LONGEST);
        let kept = wait.max(ApiCode::ERR028.retry_after().unwrap_or_default());
        Self { wait, kept, made: Instant::now(), marks: Mutex::default() }
    }

    #[inline]
    fn now(&self) -> Moment {
        self.moment(Instant::now())
    }

    #[inline]
    fn moment(&self, now: Instant) -> Moment {
        match now.checked_duration_since(self.made) {
            Some(since) => Moment(nanos(since)),
            // A paused clock may stand before a memory that was made under another one.
            None => Moment(-nanos(self.made - now)),
        }
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn rest(&self, mark: Option<&Mark>, now: Moment) -> Duration {
        match mark {
            Some(mark) if mark.live && mark.in_flight && mark.until > now => self.wait,
            Some(mark) if mark.live && !mark.in_flight => {
                mark.until.earlier(self.kept - self.wait).in_how_long(now)
            }
            _ => Duration::ZERO,
        }
    }

    /// The longest wait of any of the numbers; zero if all may be written to now.
    #[inline]
    pub(super) fn longest_rest(&self, numbers: &[PhoneNumber]) -> Duration {
        if self.wait.is_zero() {
            return Duration::ZERO;
        }
        let mut marks = self.lock();
        let now = self.now();
        marks.forget_old(now);
        numbers.iter().map(|number| self.rest(marks.by_number.get(number), now)).max().unwrap_or_default()
    }

    /// Takes all of the numbers for a request that ends after at most so long, or none and names those that rest.
    /// Test messages are never refused. True if one of the numbers was written to a short time ago all the same.
    #[inline]
    pub(super) fn take(
        &self,
        owner: u64,
        numbers: &[PhoneNumber],
        live: bool,
        hold: Duration,
        now: Instant,
    ) -> Result<bool, Vec<Resting>> {
        let mut marks = self.lock();
        let now = self.moment(now);
        marks.forget_old(now);
        let mut known = false;
        let mut resting = Vec::new();
        for &number in numbers {
            let mark = marks.by_number.get(&number);
            known |= mark.is_some_and(|mark| mark.until > now);
            let wait = self.rest(mark, now);
            if live && !wait.is_zero() {
                resting.push(Resting { number, wait });
            }
        }
        if !resting.is_empty() {
            return Err(resting);
        }
        let until = now.later(hold.min(LONGEST) + self.kept);
        for &number in numbers {
            marks.put(number, Mark::in_flight(owner, live, until), now);
        }
        Ok(known)
    }

    /// The gateway accepted the request of these numbers, or may have: they rest from now on.
    #[inline]
    pub(super) fn wrote(&self, owner: u64, numbers: &[PhoneNumber], live: bool, now: Instant) {
        let mut marks = self.lock();
        let now = self.moment(now);
        let until = now.later(self.kept);
        for &number in numbers {
            marks.put(number, Mark::written(owner, live, until), now);
        }
    }

    /// Somebody else wrote to these numbers, as a shared memory tells.
    pub(super) fn heard(&self, owner: u64, resting: &[Resting]) {
        let mut marks = self.lock();
        let now = self.now();
        for &Resting { number, wait } in resting {
            let until = now.later(wait.min(LONGEST) + (self.kept - self.wait));
            marks.put(number, Mark::written(owner, true, until), now);
        }
    }

    /// No message came of it: what the owner holds of the numbers is free.
    #[inline]
    pub(super) fn free(&self, owner: u64, numbers: &[PhoneNumber]) {
        let mut marks = self.lock();
        for number in numbers {
            if let Entry::Occupied(mark) = marks.by_number.entry(*number)
                && mark.get().owner == owner
                && mark.get().in_flight
            {
                mark.remove();
            }
        }
    }

    /// True if another claim than the owner's wrote to one of the numbers, or is writing to it.
    pub(super) fn knows_of_others(&self, owner: u64, numbers: &[PhoneNumber]) -> bool {
        let marks = self.lock();
        let now = self.now();
        let of_others = |mark: &Mark| mark.owner != owner && mark.until > now;
        numbers.iter().any(|number| marks.by_number.get(number).is_some_and(of_others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLD: Duration = Duration::from_secs(15);
    const REST: Duration = Duration::from_secs(16);

    fn number(i: u64) -> PhoneNumber {
        PhoneNumber::parse(&(96_550_000_000 + i).to_string()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_written_number_is_free_after_the_wait_and_one_given_back_at_once() {
        let local = Local::new(REST);
        local.take(1, &[number(1), number(2)], true, HOLD, Instant::now()).unwrap();
        let resting = local.take(2, &[number(2), number(3)], true, HOLD, Instant::now()).unwrap_err();
        assert_eq!(resting, [Resting { number: number(2), wait: REST }], "the one that rests is named");
        local.free(2, &[number(1), number(2)]);
        assert_eq!(local.longest_rest(&[number(1)]), REST, "it is not the other's to give back");
        local.free(1, &[number(1), number(2)]);
        local.take(3, &[number(2), number(3)], true, HOLD, Instant::now()).unwrap();
        local.wrote(3, &[number(2), number(3)], true, Instant::now());
        local.free(3, &[number(2), number(3)]);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(local.longest_rest(&[number(1), number(2)]), Duration::from_secs(6));
        assert_eq!(local.longest_rest(&[number(1)]), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert!(local.take(4, &[number(2), number(3)], true, HOLD, Instant::now()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_claim_that_nobody_ends_keeps_nobody_waiting_for_ever() {
        let local = Local::new(REST);
        local.take(1, &[number(1)], true, HOLD, Instant::now()).unwrap();
        tokio::time::advance(HOLD + REST - Duration::from_millis(1)).await;
        assert!(local.take(2, &[number(1)], true, HOLD, Instant::now()).is_err());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(local.take(2, &[number(1)], true, HOLD, Instant::now()).is_ok());
        local.free(1, &[number(1)]);
        assert!(
            local.take(3, &[number(1)], true, HOLD, Instant::now()).is_err(),
            "the late owner frees nothing of another's"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_by_time_and_by_count() {
        let local = Local::new(REST);
        for i in 0..(MOST as u64 / 100 + 500) {
            let numbers: Vec<_> = (0..100).map(|j| number(i * 100 + j)).collect();
            local.take(i, &numbers, true, HOLD, Instant::now()).unwrap();
            local.wrote(i, &numbers, true, Instant::now());
        }
        local.longest_rest(&[number(0)]);
        assert_eq!(local.lock().by_number.len(), MOST);
        tokio::time::advance(REST).await;
        local.longest_rest(&[number(0)]);
        let marks = local.lock();
        assert_eq!((marks.by_number.len(), marks.order.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_number_that_is_written_to_often_is_remembered_once_and_from_the_last_time() {
        let local = Local::new(Duration::ZERO);
        let kept = local.kept;
        let write = |owner| {
            local.take(owner, &[number(1)], true, HOLD, Instant::now()).unwrap();
            local.wrote(owner, &[number(1)], true, Instant::now());
        };
        (1..=1_000).for_each(write);
        assert_eq!(local.lock().order.len(), 1);
        tokio::time::advance(Duration::from_secs(5)).await;
        write(1_001);
        tokio::time::advance(kept - Duration::from_secs(5)).await; // since the first
        assert!(local.take(1_002, &[number(1)], true, HOLD, Instant::now()).unwrap(), "written to 11 s ago");
        local.wrote(1_002, &[number(1)], true, Instant::now());
        assert_eq!(local.lock().order.len(), 1);
        tokio::time::advance(kept).await;
        local.lock().forget_old(local.now());
        let marks = local.lock();
        assert_eq!((marks.by_number.len(), marks.order.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_number_whose_time_ends_while_a_request_to_it_is_under_way_is_forgotten_later() {
        let local = Local::new(Duration::ZERO);
        local.take(1, &[number(1)], true, HOLD, Instant::now()).unwrap();
        local.wrote(1, &[number(1)], true, Instant::now());
        tokio::time::advance(local.kept - Duration::from_secs(1)).await;
        local.take(2, &[number(1)], true, HOLD, Instant::now()).unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        local.lock().forget_old(local.now());
        local.wrote(2, &[number(1)], true, Instant::now());
        assert!(local.knows_of_others(3, &[number(1)]));
        tokio::time::advance(local.kept).await;
        local.lock().forget_old(local.now());
        let marks = local.lock();
        assert_eq!((marks.by_number.len(), marks.order.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_wait_nobody_is_refused_and_it_is_known_who_wrote() {
        let local = Local::new(Duration::ZERO);
        assert!(!local.take(1, &[number(1)], true, HOLD, Instant::now()).unwrap());
        assert!(local.take(2, &[number(1)], true, HOLD, Instant::now()).unwrap(), "the first is in flight");
        local.wrote(1, &[number(1)], true, Instant::now());
        local.free(2, &[number(1)]);
        assert!(local.knows_of_others(2, &[number(1)]));
        assert!(!local.knows_of_others(1, &[number(1)]));
        assert!(local.take(3, &[number(1)], true, HOLD, Instant::now()).unwrap());
        tokio::time::advance(HOLD + REST).await;
        assert!(!local.take(4, &[number(1)], true, HOLD, Instant::now()).unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_test_message_makes_nobody_wait_and_takes_nothing_from_a_live_one() {
        let local = Local::new(REST);
        local.take(1, &[number(1)], false, HOLD, Instant::now()).unwrap();
        local.wrote(1, &[number(1)], false, Instant::now());
        assert!(local.take(2, &[number(1)], true, HOLD, Instant::now()).unwrap(), "known, and not refused");
        local.wrote(2, &[number(1)], true, Instant::now());
        local.take(3, &[number(1)], false, HOLD, Instant::now()).unwrap();
        local.wrote(3, &[number(1)], false, Instant::now());
        local.free(3, &[number(1)]);
        assert_eq!(local.longest_rest(&[number(1)]), REST);
    }
}
