//! How fast requests arrive, and the firewall that minds it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::account::later;
use super::exchange::Source;

/// Over so many requests in a second, the firewall blocks an address (API document v4.1).
pub(crate) const CEILING: usize = 5;
/// "Per second" has no defined window; a sliding one is the strictest reading.
const WINDOW: Duration = Duration::from_secs(1);
/// So many seconds are remembered.
pub(crate) const SECONDS: usize = 60;
/// So many arrivals of one window are told apart; of more there are at least so many.
const MOST: usize = 100_000;
/// Idle sources beyond so many are forgotten.
const SOURCES: usize = 1024;

/// The arrivals of one source.
#[derive(Default)]
struct Arrivals {
    recent: VecDeque<Instant>,
    blocked_until: Option<Instant>,
}

/// What arrived in one second of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Second {
    unix: u64,
    pub(crate) requests: u64,
    /// The most that arrived within any one second that ended in this one; it is what the firewall minds.
    pub(crate) peak: u64,
}

#[derive(Default)]
pub(crate) struct Traffic {
    sources: HashMap<Source, Arrivals>,
    window: VecDeque<Instant>,
    seconds: VecDeque<Second>,
    pub(crate) requests: u64,
    /// Requests that the firewall did not answer.
    pub(crate) swallowed: u64,
}

impl Traffic {
    /// Counts an arrival, and says whether the firewall swallows it.
    pub(crate) fn arrive(
        &mut self,
        source: Source,
        now: Instant,
        unix_ms: u64,
        block_for: Option<Duration>,
    ) -> bool {
        self.count(now, unix_ms / 1000);
        let swallowed = block_for.is_some_and(|block_for| self.is_blocked(source, now, block_for));
        self.swallowed += u64::from(swallowed);
        swallowed
    }

    fn count(&mut self, now: Instant, unix: u64) {
        self.requests += 1;
        slide(&mut self.window, now);
        if self.window.len() < MOST {
            self.window.push_back(now);
        }
        let peak = self.window.len() as u64;
        match self.seconds.back_mut() {
            // A wall clock set back adds to the newest second.
            Some(last) if last.unix >= unix => {
                last.requests += 1;
                last.peak = last.peak.max(peak);
            }
            _ => {
                if self.seconds.len() == SECONDS {
                    self.seconds.pop_front();
                }
                self.seconds.push_back(Second { unix, requests: 1, peak });
            }
        }
    }

    fn is_blocked(&mut self, source: Source, now: Instant, block_for: Duration) -> bool {
        if self.sources.len() > SOURCES {
            self.sources.retain(|_, arrivals| {
                slide(&mut arrivals.recent, now);
                !arrivals.recent.is_empty() || arrivals.blocked_until.is_some_and(|until| now < until)
            });
        }
        let arrivals = self.sources.entry(source).or_default();
        if arrivals.blocked_until.is_some_and(|until| now < until) {
            return true;
        }
        slide(&mut arrivals.recent, now);
        arrivals.recent.push_back(now);
        if arrivals.recent.len() <= CEILING {
            return false;
        }
        arrivals.recent.clear();
        arrivals.blocked_until = Some(later(now, block_for));
        true
    }

    /// The last 60 seconds up to `unix`, oldest first, empty ones included.
    pub(crate) fn last_seconds(&self, unix: u64) -> Vec<Second> {
        let first = (unix + 1).saturating_sub(SECONDS as u64);
        let mut seconds: Vec<_> = (first..=unix).map(|unix| Second { unix, ..Second::default() }).collect();
        for second in &self.seconds {
            let place = second.unix.checked_sub(first).and_then(|place| usize::try_from(place).ok());
            if let Some(slot) = place.and_then(|place| seconds.get_mut(place)) {
                *slot = *second;
            }
        }
        seconds
    }
}

/// Drops what no longer lies within the second before `now`.
fn slide(recent: &mut VecDeque<Instant>, now: Instant) {
    while recent.front().is_some_and(|&at| now.saturating_duration_since(at) >= WINDOW) {
        recent.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_a_second_is_that_of_a_sliding_one() {
        let mut traffic = Traffic::default();
        let start = Instant::now();
        for ms in [900, 910, 920, 930, 1100, 1110, 1120, 1130, 5000] {
            traffic.arrive(Source::Door(0), start + Duration::from_millis(ms), 7_000_000 + ms, None);
        }
        let seen: Vec<_> = traffic.last_seconds(7005).iter().map(|s| (s.requests, s.peak)).collect();
        assert_eq!(seen.len(), SECONDS);
        assert_eq!(seen[54..], [(4, 4), (4, 8), (0, 0), (0, 0), (0, 0), (1, 1)]);
        assert_eq!(traffic.requests, 9);
        assert!(traffic.last_seconds(7200).iter().all(|second| second.requests == 0));
    }

    #[test]
    fn idle_sources_are_forgotten_and_blocked_ones_are_not() {
        let mut traffic = Traffic::default();
        let mut now = Instant::now();
        let block = Some(Duration::from_secs(600));
        for _ in 0..6 {
            traffic.arrive(Source::Door(0), now, 0, block);
        }
        for door in 1..5000 {
            now += Duration::from_millis(10);
            assert!(!traffic.arrive(Source::Door(door), now, 0, block));
        }
        assert!(traffic.sources.len() <= SOURCES + 1, "{}", traffic.sources.len());
        assert!(traffic.arrive(Source::Door(0), now, 0, block));
    }
}
