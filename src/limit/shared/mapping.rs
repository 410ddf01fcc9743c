//! The store's clock by this process's own: when something is that the store says is at a time of its.

use std::time::Duration;

use tokio::time::Instant;

/// By so much two clocks may part that both run: 500 millionths, the most that NTP slews.
const DRIFT: i64 = 2_000; // one part of so many

/// A clock that goes forth by more was set.
const STEP: i64 = 50_000;

/// What the best exchange with the store has shown.
///
/// The store read its clock between the question and the answer. So a time of the store's is, by this process's clock,
/// at least question − now and at most answer − now further on. The latest is what counts: a start is never early, and
/// late by no more than the fastest answer took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mapping {
    /// Where this process's times are counted from.
    origin: Instant,
    best: Option<Best>,
}

#[derive(Debug, Clone, Copy)]
struct Best {
    earliest: i64,
    latest: i64,
    seen: i64,
}

/// What an exchange says of the store's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    Runs,
    /// It was set forth: what was given before lies in the past for the store, and may be still to come.
    SetForth,
}

impl Mapping {
    pub(super) fn new() -> Self {
        Self { origin: Instant::now(), best: None }
    }

    fn micros(&self, at: Instant) -> i64 {
        i64::try_from(at.saturating_duration_since(self.origin).as_micros()).unwrap_or(i64::MAX)
    }

    /// Learns from an exchange: the store's clock stood at `now` between two times.
    pub(super) fn learn(&mut self, asked: Instant, answered: Instant, now: i64) -> Clock {
        let (asked, answered) = (self.micros(asked), self.micros(answered));
        let new = Best { earliest: asked - now, latest: answered - now, seen: answered };
        let Some(best) = self.best else {
            self.best = Some(new);
            return Clock::Runs;
        };
        // What is known grows less exact with time.
        let drift = (answered - best.seen) / DRIFT;
        let aged = Best { earliest: best.earliest - drift, latest: best.latest + drift, ..best };
        if new.earliest > aged.latest || new.latest < aged.earliest {
            self.best = Some(new);
            let forth = aged.earliest - new.latest;
            return if forth > STEP { Clock::SetForth } else { Clock::Runs };
        }
        if new.latest - new.earliest <= aged.latest - aged.earliest {
            self.best = Some(new);
        }
        Clock::Runs
    }

    /// When a time of the store's is, by this process's clock; a time long past is now.
    pub(super) fn instant(&self, at: i64) -> Instant {
        let micros = self.best.map_or(0, |best| at.saturating_add(best.latest));
        self.origin + Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// How far off [`instant`](Self::instant) may be.
    pub(super) fn exactness(&self) -> Duration {
        let width = self.best.map_or(i64::MAX, |best| best.latest - best.earliest);
        Duration::from_micros(u64::try_from(width).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000;

    fn at(mapping: &Mapping, micros: i64) -> Instant {
        mapping.origin + Duration::from_micros(micros.try_into().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn the_fastest_exchange_counts_and_a_start_is_never_early() {
        let mut mapping = Mapping::new();
        // The store's clock is 1 h behind; its true offset is 3,600 s.
        let offset = 3_600_000 * MS;
        let mut learn = |asked: i64, took: i64, there: i64| {
            let at = |micros| at(&mapping, micros);
            let (asked, answered, now) = (at(offset + asked), at(offset + asked + took), asked + there);
            mapping.learn(asked, answered, now)
        };
        assert_eq!(learn(0, 40 * MS, 35 * MS), Clock::Runs);
        assert_eq!(learn(100 * MS, 2 * MS, MS), Clock::Runs);
        assert_eq!(learn(200 * MS, 900 * MS, 100 * MS), Clock::Runs);
        let late = mapping.instant(5_000 * MS) - at(&mapping, offset + 5_000 * MS);
        assert_eq!(late, Duration::from_millis(1));
        assert_eq!(mapping.exactness(), Duration::from_millis(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_is_followed_and_told_if_it_was_set_forth() {
        for (step, told) in [
            (3_600_000 * MS, Clock::SetForth),
            (100 * MS, Clock::SetForth),
            (20 * MS, Clock::Runs),
            (-20 * MS, Clock::Runs),
            (-3_600_000 * MS, Clock::Runs),
        ] {
            let mut mapping = Mapping::new();
            let base = 10_000_000 * MS;
            mapping.learn(at(&mapping, base), at(&mapping, base + MS), 0);
            let clock =
                mapping.learn(at(&mapping, base + 500 * MS), at(&mapping, base + 501 * MS), step + 500 * MS);
            assert_eq!(clock, told, "{step}");
            let follows = mapping.instant(step + 500 * MS);
            assert_eq!(follows, at(&mapping, base + 501 * MS), "{step}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn clocks_that_drift_apart_are_followed_without_a_step() {
        let mut mapping = Mapping::new();
        let base = 10_000_000 * MS;
        for second in 0..3_600 {
            let own = base + second * 1_000 * MS;
            let stores = second * 1_000 * MS + second * 400; // 400 millionths fast
            let told = mapping.learn(at(&mapping, own), at(&mapping, own + MS), stores);
            assert_eq!(told, Clock::Runs);
            let off = mapping.instant(stores) - at(&mapping, own);
            assert!(off <= Duration::from_millis(3), "{off:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_lay_unread_while_the_process_stood_still_moves_nothing() {
        let mut mapping = Mapping::new();
        let base = 10_000_000 * MS;
        mapping.learn(at(&mapping, base), at(&mapping, base + MS), 0);
        mapping.learn(at(&mapping, base + 1_000 * MS), at(&mapping, base + 31_000 * MS), 1_000 * MS);
        let start = mapping.instant(1_300 * MS);
        assert_eq!(start, at(&mapping, base + 1_301 * MS), "long past, and thrown away");
    }
}
