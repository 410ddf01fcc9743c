//! The same-number rule: the numbers written to within the last 16 s.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::phone::PhoneNumber;

/// The most numbers remembered. At the gateway's ceiling, 5 requests a second of 200 numbers for 16 s, there
/// are 16,000 of them; more occur only where the limiter is off, and then the oldest are forgotten.
const MOST: usize = 100_000;

const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[derive(Debug, Clone, Copy)]
enum Mark {
    /// In a request whose outcome is open.
    InFlight,
    /// Written to; free from then on.
    Until(Instant),
}

#[derive(Default)]
struct Marks {
    by_number: HashMap<PhoneNumber, Mark>,
    order: VecDeque<(Instant, PhoneNumber)>,
}

impl Marks {
    #[inline]
    fn forget_old(&mut self, now: Instant) {
        while let Some(&(until, number)) = self.order.front() {
            if until > now && self.order.len() <= MOST {
                break;
            }
            self.order.pop_front();
            if let Entry::Occupied(mark) = self.by_number.entry(number)
                && matches!(mark.get(), Mark::Until(at) if *at == until)
            {
                mark.remove();
            }
        }
    }
}

/// A client's memory of the numbers it wrote to.
pub(crate) struct Recent {
    window: Duration,
    marks: Mutex<Marks>,
}

impl Recent {
    /// A window of zero switches the memory off; one above a year is a year, so that no clock runs over.
    pub(crate) fn new(window: Duration) -> Self {
        Self { window: window.min(LONGEST), marks: Mutex::default() }
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    fn remaining(&self, marks: &Marks, number: PhoneNumber, now: Instant) -> Duration {
        match marks.by_number.get(&number) {
            None => Duration::ZERO,
            Some(Mark::InFlight) => self.window,
            Some(Mark::Until(until)) => until.saturating_duration_since(now),
        }
    }

    /// How long until a number may be written to; zero if it may be now.
    pub(crate) fn wait_for(&self, number: PhoneNumber) -> Duration {
        let mut marks = self.lock();
        let now = Instant::now();
        marks.forget_old(now);
        self.remaining(&marks, number, now)
    }

    /// Takes all the numbers, or none and says how long until all are free.
    #[inline]
    pub(crate) fn reserve(self: &Arc<Self>, numbers: &[PhoneNumber]) -> Result<Reservation, Duration> {
        let mut marks = self.lock();
        let now = Instant::now();
        marks.forget_old(now);
        let wait = numbers.iter().map(|number| self.remaining(&marks, *number, now)).max();
        match wait {
            Some(wait) if wait > Duration::ZERO => Err(wait),
            _ => {
                if self.window > Duration::ZERO {
                    marks.by_number.extend(numbers.iter().map(|number| (*number, Mark::InFlight)));
                }
                Ok(Reservation {
                    recent: Arc::clone(self),
                    numbers: numbers.into(),
                    written: AtomicBool::new(false),
                })
            }
        }
    }
}

/// Numbers of a request under way. Dropped without [`written`](Self::written), they are free again at once.
pub(crate) struct Reservation {
    recent: Arc<Recent>,
    numbers: Arc<[PhoneNumber]>,
    written: AtomicBool,
}

impl Reservation {
    pub(crate) fn numbers(&self) -> &Arc<[PhoneNumber]> {
        &self.numbers
    }

    /// The gateway accepted the request, or may have.
    #[inline]
    pub(crate) fn written(&self) {
        let window = self.recent.window;
        if window.is_zero() || self.written.swap(true, Ordering::AcqRel) {
            return;
        }
        let until = Instant::now() + window;
        let mut marks = self.recent.lock();
        for number in &*self.numbers {
            marks.by_number.insert(*number, Mark::Until(until));
            marks.order.push_back((until, *number));
        }
    }
}

impl Drop for Reservation {
    #[inline]
    fn drop(&mut self) {
        if self.recent.window.is_zero() || self.written.load(Ordering::Acquire) {
            return;
        }
        let mut marks = self.recent.lock();
        for number in &*self.numbers {
            marks.by_number.remove(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(i: u64) -> PhoneNumber {
        PhoneNumber::parse(&(96_550_000_000 + i).to_string()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_written_number_is_free_after_the_window_and_a_dropped_one_at_once() {
        let recent = Arc::new(Recent::new(Duration::from_secs(16)));
        let held = recent.reserve(&[number(1), number(2)]).unwrap();
        assert_eq!(recent.reserve(&[number(2), number(3)]).err(), Some(Duration::from_secs(16)));
        drop(held);
        let held = recent.reserve(&[number(2), number(3)]).unwrap();
        held.written();
        drop(held);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(recent.wait_for(number(2)), Duration::from_secs(6));
        assert_eq!(recent.wait_for(number(1)), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(6)).await;
        assert!(recent.reserve(&[number(2), number(3)]).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_by_time_and_by_count() {
        let recent = Arc::new(Recent::new(Duration::from_secs(16)));
        for i in 0..(MOST as u64 / 100 + 500) {
            let numbers: Vec<_> = (0..100).map(|j| number(i * 100 + j)).collect();
            recent.reserve(&numbers).unwrap().written();
        }
        recent.wait_for(number(0));
        assert_eq!(recent.lock().by_number.len(), MOST);
        tokio::time::advance(Duration::from_secs(16)).await;
        recent.wait_for(number(0));
        let marks = recent.lock();
        assert_eq!((marks.by_number.len(), marks.order.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_of_zero_remembers_nothing() {
        let recent = Arc::new(Recent::new(Duration::ZERO));
        recent.reserve(&[number(1)]).unwrap().written();
        assert!(recent.reserve(&[number(1)]).is_ok());
    }
}
