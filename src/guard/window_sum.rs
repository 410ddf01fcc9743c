//! What was spent within the last hour and the last day: one pure decision over what each minute cost.

use std::time::Duration;

use super::limit::SpendLimit;
use crate::credits::Credits;

/// Microseconds of a minute.
pub(super) const MINUTE: i64 = 60_000_000;
/// Minutes of the windows. A minute counts until all of it lies outside.
pub(super) const HOUR: i64 = 60;
pub(super) const DAY: i64 = 1_440;

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) limit: Credits,
    pub(super) window: &'static str,
    /// `None` if the cost alone is above the limit.
    pub(super) opens_in: Option<Duration>,
}

/// Says whether a cost fits, at a time in microseconds. `spent` are minutes, the oldest first, with the thousandths of a
/// credit that they cost.
pub(super) fn decide(limit: SpendLimit, spent: &[(i64, i64)], now: i64, cost: Credits) -> Result<(), Over> {
    let windows = [(limit.per_hour, HOUR, "an hour"), (limit.per_day, DAY, "a day")];
    let over = windows.into_iter().filter_map(|(limit, minutes, window)| {
        let limit = limit?;
        let counts = |minute: i64| minute >= now.div_euclid(MINUTE) - minutes;
        let within = spent.iter().filter(|(minute, _)| counts(*minute));
        let mut too_much =
            within.clone().map(|(_, spent)| spent).sum::<i64>() + cost.thousandths() - limit.thousandths();
        if too_much <= 0 {
            return None;
        }
        let mut opens = None;
        if cost <= limit {
            for (minute, spent) in within {
                too_much -= spent;
                if too_much <= 0 {
                    opens = Some((minute + minutes + 1) * MINUTE);
                    break;
                }
            }
        }
        let opens_in =
            opens.map(|opens| Duration::from_micros(opens.saturating_sub(now).max(0).unsigned_abs()));
        Some(Over { limit, window, opens_in })
    });
    // The one that opens last; one that never does comes before it.
    match over.max_by_key(|over| over.opens_in.unwrap_or(Duration::MAX)) {
        Some(over) => Err(over),
        None => Ok(()),
    }
}

/// What was spent, for whoever looks.
#[cfg(feature = "diagnose")]
#[derive(Debug, Clone)]
pub(crate) struct Spent {
    pub(super) limit: SpendLimit,
    /// In microseconds.
    pub(super) now: i64,
    /// The oldest first, with what each cost in thousandths.
    pub(super) minutes: Vec<(i64, i64)>,
}

#[cfg(feature = "diagnose")]
impl Spent {
    /// Of each limit that is set: its credits, its window, what was spent within it, and when the oldest of that is free
    /// again.
    pub(crate) fn windows(&self) -> Vec<(Credits, &'static str, Credits, Option<Duration>)> {
        let windows = [(self.limit.per_hour, HOUR, "an hour"), (self.limit.per_day, DAY, "a day")];
        let of = |(limit, minutes, window): (Option<Credits>, i64, &'static str)| {
            let first = self.now.div_euclid(MINUTE) - minutes;
            let within = || self.minutes.iter().filter(|(minute, spent)| *minute >= first && *spent != 0);
            let spent = Credits::from_thousandths(within().map(|(_, spent)| spent).sum());
            let frees = within().next().map(|(minute, _)| {
                Duration::from_micros(((minute + minutes + 1) * MINUTE - self.now).max(0).unsigned_abs())
            });
            Some((limit?, window, spent, frees))
        };
        windows.into_iter().filter_map(of).collect()
    }

    /// Whether a cost fits, and when it does if not; never if it is above the limit alone.
    pub(crate) fn room_for(&self, cost: Credits) -> Result<(), Option<Duration>> {
        decide(self.limit, &self.minutes, self.now, cost).map_err(|over| over.opens_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credits(credits: i64) -> Credits {
        Credits::from_int(credits)
    }

    #[test]
    fn a_minute_counts_until_all_of_it_is_an_hour_or_a_day_old() {
        let limit = SpendLimit::new().per_hour(credits(10)).per_day(credits(15));
        let at = |minute: i64| minute * MINUTE;
        let spent = [(100, 6_000), (101, 4_000)];
        assert_eq!(decide(limit, &spent[..1], at(100), credits(4)), Ok(()));
        let over = decide(limit, &spent, at(130), credits(1)).unwrap_err();
        assert_eq!((over.window, over.opens_in), ("an hour", Some(Duration::from_secs(31 * 60))));
        assert!(decide(limit, &spent, at(161) - 1, credits(5)).is_err());
        assert_eq!(decide(limit, &spent, at(161), credits(5)), Ok(()), "6 of the hour are free again");
        // Of the day there are 5 left.
        let over = decide(limit, &spent, at(161), credits(6)).unwrap_err();
        assert_eq!((over.window, over.opens_in), ("a day", Some(Duration::from_secs((1_541 - 161) * 60))));
        let over = decide(limit, &spent, at(3_000), credits(11)).unwrap_err();
        assert_eq!((over.window, over.opens_in), ("an hour", None), "it never fits");
        assert_eq!(decide(limit, &spent, at(3_000), credits(10)), Ok(()));
    }
}
