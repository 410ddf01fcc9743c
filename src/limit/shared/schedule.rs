//! The next start of a lane, from what a store knows of a scope: one pure function, which the statements of
//! PostgreSQL and Redis repeat.

use super::super::rates::{Lane, Rates, Spacing};

/// Nobody reserves further ahead, and what is not known waits as long: so a store that comes back empty, or with an
/// old state, meets no start that is still to come.
pub(super) const AHEAD: i64 = 5_000_000;

/// A clock that was set back by less than this is waited for; further back, the state is begun anew.
pub(super) const SLACK: i64 = 1_000_000;

/// A scope's row. Times are in microseconds, by the store's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scope {
    pub(crate) rates: Rates,
    pub(crate) spacing: Spacing,
    /// When each lane's next start may be: of single requests, of bulk batches.
    pub(crate) next: [i64; 2],
    /// How many starts were ever given.
    pub(crate) granted: i64,
    /// Which run of which server wrote it last.
    pub(crate) server: i64,
}

/// What a store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The start is the asker's; else it may ask again when the start is no further away than [`AHEAD`].
    pub(crate) given: bool,
    /// From the store's now to the start.
    pub(crate) wait: i64,
    pub(crate) now: i64,
    pub(crate) granted: i64,
}

impl Scope {
    /// One that nobody knows anything of.
    pub(crate) fn new(rates: Rates, now: i64, server: i64) -> Self {
        let spacing = Spacing::of(rates);
        let next = [0, 1].map(|lane| unknown(&spacing, lane, now));
        Self { rates, spacing, next, granted: 0, server }
    }

    /// Reserves the next start of a lane. A start of the asker's that was not used is given back first, if nobody has
    /// reserved another one since.
    ///
    /// It is moved to where it stands at least the gap from the other lane's starts, so that both lanes can be full,
    /// and a single request finds its place between bulk batches that are reserved for seconds to come.
    pub(crate) fn reserve(&mut self, lane: Lane, unused: Option<i64>, now: i64, server: i64) -> Answer {
        let Spacing { periods, gap } = self.spacing;
        let (mine, other) = match lane {
            Lane::Single => (0, 1),
            Lane::Bulk => (1, 0),
        };
        if let Some(unused) = unused.filter(|unused| self.next[mine] == unused + periods[mine]) {
            self.next[mine] = unused;
        }
        for i in [0, 1] {
            let begun = unknown(&self.spacing, i, now);
            if self.next[i] > now + AHEAD + periods[i] + SLACK {
                self.next[i] = begun; // the clock was set back
            } else if self.server != server {
                self.next[i] = self.next[i].max(begun); // the last starts may be missing
            }
        }
        self.server = server;
        let mut start = self.next[mine].max(now);
        if start < self.next[other] - periods[other] + gap {
            let phase = (start - self.next[other]).rem_euclid(periods[other]);
            if phase < gap {
                start += gap - phase;
            } else if phase > periods[other] - gap {
                start += periods[other] - phase + gap;
            }
        }
        let wait = start - now;
        let given = wait <= AHEAD;
        if given {
            self.next[mine] = start + periods[mine];
            self.granted += 1;
        }
        Answer { given, wait, now, granted: self.granted }
    }
}

/// When the first start may be of which nothing is known.
fn unknown(spacing: &Spacing, lane: usize, now: i64) -> i64 {
    now + AHEAD + spacing.periods[lane].min(SLACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000;

    fn scope(single: f64, bulk: f64) -> Scope {
        let mut scope = Scope::new(Rates::new(single, bulk).unwrap(), 0, 1);
        scope.next = [0, 0];
        scope
    }

    /// The starts of both lanes in a minute, each asked for as early as it is given.
    fn full(mut scope: Scope, lanes: &[Lane]) -> Vec<(i64, Lane)> {
        let mut starts = Vec::new();
        for now in (0..60_000).map(|ms| ms * MS) {
            for &lane in lanes {
                loop {
                    let answer = scope.reserve(lane, None, now, 1);
                    if !answer.given {
                        break;
                    }
                    starts.push((now + answer.wait, lane));
                }
            }
        }
        starts.sort_by_key(|(at, _)| *at);
        starts
    }

    fn most_within(starts: &[i64], window: i64) -> usize {
        let count = |from: &i64| starts.iter().filter(|at| (*from..*from + window).contains(*at)).count();
        starts.iter().map(count).max().unwrap()
    }

    #[test]
    fn a_lane_alone_starts_at_its_rate_and_never_more_in_a_second() {
        let starts: Vec<_> = full(scope(2.0, 2.0), &[Lane::Bulk]).iter().map(|(at, _)| *at).collect();
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == 510 * MS));
        assert_eq!(most_within(&starts, 1_010 * MS), 2);
    }

    #[test]
    fn both_lanes_full_keep_their_rates_and_stand_the_gap_apart() {
        for (single, bulk) in
            [(2.0, 2.0), (2.0, 1.0), (1.0, 2.0), (1.0, 4.0), (4.0, 1.0), (1.0, 1.0), (0.5, 2.0)]
        {
            let scope = scope(single, bulk);
            let starts = full(scope, &[Lane::Single, Lane::Bulk]);
            let times: Vec<_> = starts.iter().map(|(at, _)| *at).collect();
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= scope.spacing.gap), "{single} {bulk}");
            for (i, lane) in [Lane::Single, Lane::Bulk].into_iter().enumerate() {
                let own = starts.iter().filter(|(at, of)| *of == lane && *at < 60_000 * MS).count();
                let ideal = 60_000 * MS / scope.spacing.periods[i];
                assert!(own as i64 >= ideal * 98 / 100, "{single} {bulk} {lane:?}: {own} of {ideal}");
            }
        }
    }

    #[test]
    fn six_starts_never_come_within_a_second_even_if_the_network_closes_them_up_by_a_tenth() {
        for (single, bulk) in
            [(2.0, 2.0), (2.0, 3.0), (3.0, 2.0), (1.0, 4.0), (4.0, 1.0), (1.5, 3.0), (0.5, 4.0)]
        {
            let starts = full(scope(single, bulk), &[Lane::Single, Lane::Bulk]);
            let times: Vec<_> = starts.iter().map(|(at, _)| *at).collect();
            assert!(most_within(&times, 1_100 * MS) <= 5, "{single} {bulk}");
            for (lane, rate) in [(Lane::Single, single), (Lane::Bulk, bulk)] {
                let own: Vec<_> = starts.iter().filter(|(_, of)| *of == lane).map(|(at, _)| *at).collect();
                assert!(most_within(&own, 1_010 * MS) as f64 <= rate.ceil(), "{single} {bulk} {lane:?}");
            }
        }
    }

    #[test]
    fn a_single_request_finds_its_place_between_batches_that_are_reserved_ahead() {
        let mut scope = scope(2.0, 2.0);
        while scope.reserve(Lane::Bulk, None, 0, 1).given {}
        for now in [0, 100, 250, 260, 400, 3_000] {
            let mut scope = scope;
            let answer = scope.reserve(Lane::Single, None, now * MS, 1);
            assert!(answer.given && answer.wait < 510 * MS, "{now}: {answer:?}");
        }
    }

    #[test]
    fn a_start_that_was_not_used_is_given_back_unless_another_was_reserved_since() {
        let mut scope = scope(2.0, 2.0);
        let first = scope.reserve(Lane::Single, None, 0, 1);
        assert_eq!((first.wait, scope.reserve(Lane::Single, Some(first.now), 100 * MS, 1).wait), (0, 0));
        let second = scope.reserve(Lane::Single, None, 100 * MS, 1);
        assert_eq!(second.wait, 510 * MS);
        let third = scope.reserve(Lane::Single, None, 100 * MS, 1);
        assert_eq!(third.wait, 1_020 * MS);
        assert_eq!(scope.reserve(Lane::Single, Some(610 * MS), 100 * MS, 1).wait, 1_530 * MS);
        assert_eq!(
            scope.reserve(Lane::Bulk, Some(1_630 * MS), 10_000 * MS, 1).wait,
            0,
            "of its own lane only"
        );
    }

    #[test]
    fn what_is_not_known_waits_until_every_start_that_was_given_has_passed() {
        let rates = Rates::new(2.0, 2.0).unwrap();
        let now = 1_000_000_000;
        let last = now + AHEAD; // the furthest that anybody may hold
        let fresh = Scope::new(rates, now, 1);
        let mut restarted = fresh;
        restarted.next = [now - 1, now + 200 * MS]; // an old copy
        let mut set_back = fresh;
        set_back.next = [now + 3_600_000_000, now - 1];
        for (mut scope, server) in [(fresh, 1), (restarted, 2), (set_back, 1)] {
            let at = scope.reserve(Lane::Single, None, now, server);
            assert!(now + at.wait >= last, "{at:?}");
        }
        // A lane of one start a day does not wait for a day.
        let daily = Scope::new(Rates::new(2.0, 1.0 / 86_400.0).unwrap(), now, 1);
        assert!(daily.next[1] <= now + 6_000_000);
    }

    #[test]
    fn a_clock_that_goes_back_a_little_is_waited_for_and_a_state_far_off_is_begun_anew() {
        let mut scope = scope(2.0, 2.0);
        while scope.reserve(Lane::Bulk, None, 10_000 * MS, 1).given {}
        let furthest = scope.next[1];
        let mut little = scope;
        assert_eq!(little.reserve(Lane::Bulk, None, 9_500 * MS, 1).wait, furthest - 9_500 * MS);
        let mut far = scope;
        assert!(far.reserve(Lane::Bulk, None, -3_600_000 * MS, 1).wait <= AHEAD + SLACK + 510 * MS);
    }
}
