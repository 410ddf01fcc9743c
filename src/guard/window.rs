//! Hours in which a campaign may send, in a time zone.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::error::Error;

/// Where nothing else is said.
pub(crate) const KUWAIT: &str = "Asia/Kuwait";

/// The hours of each day in which messages may leave: `09:00-21:00`, or `21:00-02:00` over midnight.
///
/// The zone is an IANA name such as `Asia/Kuwait`; its rules are compiled in where the system has none.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Window {
    from: Time,
    until: Time,
    zone: TimeZone,
    name: String,
}

/// Whether messages may leave, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hours {
    Open { from: Timestamp, until: Timestamp },
    Closed { until: Timestamp, then_until: Timestamp },
}

impl Window {
    pub(crate) fn new(hours: &str, zone: &str) -> Result<Self, Error> {
        let refused = || {
            Error::config(format!(
                "the hours {hours:?} cannot be read: write two times of a day such as 09:00-21:00, the second may be \
                 24:00"
            ))
        };
        let (from, until) = hours.trim().split_once(['-', '–']).ok_or_else(refused)?;
        let time = |text: &str| {
            let text = text.trim();
            let digits = text.len() == 5 && text.as_bytes()[2] == b':';
            if digits { Time::from_str(text).ok() } else { None }
        };
        let from = time(from).ok_or_else(refused)?;
        let until = match until.trim() {
            "24:00" => Time::midnight(),
            until => time(until).ok_or_else(refused)?,
        };
        if from == until && from != Time::midnight() {
            return Err(Error::config(
                "the hours begin and end at the same time: write 00:00-24:00 for the whole day",
            ));
        }
        let zone_of = TimeZone::get(zone).map_err(|_| {
            Error::config(format!("there is no time zone {zone:?}: use an IANA name such as Asia/Kuwait"))
        })?;
        Ok(Self { from, until, zone: zone_of, name: zone.to_owned() })
    }

    /// As it is stored: hours and zone.
    #[cfg_attr(not(feature = "campaign"), allow(dead_code))]
    pub(crate) fn stored(&self) -> (String, String) {
        (self.to_string(), self.name.clone())
    }

    /// The span of hours that begins on a day, or none on a day without that time.
    fn span(&self, day: jiff::civil::Date) -> Option<(Timestamp, Timestamp)> {
        let over_midnight = self.until <= self.from;
        let last = if over_midnight { day.checked_add(1.day()).ok()? } else { day };
        let at = |date: jiff::civil::Date, time: Time| self.zone.to_timestamp(date.to_datetime(time)).ok();
        Some((at(day, self.from)?, at(last, self.until)?))
    }

    /// Whether the window is open, and until when it stays so.
    pub(crate) fn at(&self, now: Timestamp) -> Hours {
        let today = self.zone.to_datetime(now).date();
        let days = (-1..=2).filter_map(|day| self.span(today.checked_add(day.days()).ok()?));
        let mut next = None;
        for (from, until) in days.filter(|(from, until)| until > from) {
            if from <= now && now < until {
                return Hours::Open { from, until };
            }
            if from > now {
                next = next.or(Some((from, until)));
            }
        }
        let far = || now.checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
        match next {
            Some((from, until)) => Hours::Closed { until: from, then_until: until },
            None => Hours::Closed { until: far(), then_until: far() },
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = if self.until == Time::midnight() {
            "24:00".to_owned()
        } else {
            self.until.strftime("%H:%M").to_string()
        };
        write!(f, "{}-{until}", self.from.strftime("%H:%M"))
    }
}

impl fmt::Debug for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn open(window: &Window, time: &str) -> Option<String> {
        match window.at(at(time)) {
            Hours::Open { until, .. } => Some(until.to_string()),
            Hours::Closed { .. } => None,
        }
    }

    #[test]
    fn hours_are_those_of_the_zone() {
        let day = Window::new("09:00-21:00", KUWAIT).unwrap(); // UTC+3, no summer time
        assert_eq!(open(&day, "2026-11-27T05:59:59Z"), None);
        assert_eq!(open(&day, "2026-11-27T06:00:00Z").as_deref(), Some("2026-11-27T18:00:00Z"));
        assert_eq!(open(&day, "2026-11-27T17:59:59Z").as_deref(), Some("2026-11-27T18:00:00Z"));
        assert_eq!(open(&day, "2026-11-27T18:00:00Z"), None);
        let Hours::Closed { until, then_until } = day.at(at("2026-11-27T20:00:00Z")) else { panic!() };
        assert_eq!((until, then_until), (at("2026-11-28T06:00:00Z"), at("2026-11-28T18:00:00Z")));
    }

    #[test]
    fn hours_may_reach_over_midnight_and_over_the_whole_day() {
        let night = Window::new("21:00-02:00", KUWAIT).unwrap();
        assert_eq!(open(&night, "2026-11-27T22:30:00Z").as_deref(), Some("2026-11-27T23:00:00Z"));
        assert_eq!(open(&night, "2026-11-27T18:00:00Z").as_deref(), Some("2026-11-27T23:00:00Z"));
        assert_eq!(open(&night, "2026-11-27T23:00:00Z"), None);
        let always = Window::new("00:00-24:00", KUWAIT).unwrap();
        assert_eq!(open(&always, "2026-11-27T20:59:59Z").as_deref(), Some("2026-11-27T21:00:00Z"));
        assert_eq!(open(&always, "2026-11-27T21:00:00Z").as_deref(), Some("2026-11-28T21:00:00Z"));
        let late = Window::new("18:00-24:00", KUWAIT).unwrap();
        assert_eq!(open(&late, "2026-11-27T20:59:00Z").as_deref(), Some("2026-11-27T21:00:00Z"));
        assert_eq!(open(&late, "2026-11-27T21:00:00Z"), None);
    }

    #[test]
    fn a_change_of_summer_time_moves_the_hours_with_the_clock_on_the_wall() {
        let day = Window::new("09:00-21:00", "Europe/Berlin").unwrap();
        assert_eq!(open(&day, "2026-10-24T07:00:00Z").as_deref(), Some("2026-10-24T19:00:00Z"));
        assert_eq!(open(&day, "2026-10-25T07:30:00Z"), None);
        assert_eq!(open(&day, "2026-10-25T08:00:00Z").as_deref(), Some("2026-10-25T20:00:00Z"));
    }

    #[test]
    fn what_is_no_window_is_refused_with_what_to_write() {
        for hours in ["", "9-21", "09:00", "9:00-21:00", "09:00-25:00", "09:00-09:00", "24:00-09:00", "a-b"] {
            let error = Window::new(hours, KUWAIT).unwrap_err();
            assert!(error.to_string().contains("00"), "{hours}: {error}");
        }
        assert!(Window::new("09:00-21:00", "Kuwait City").unwrap_err().to_string().contains("IANA"));
        let window = Window::new(" 09:00 – 21:00 ", KUWAIT).unwrap();
        assert_eq!(window.stored(), ("09:00-21:00".to_owned(), KUWAIT.to_owned()));
        assert_eq!(Window::new("18:00-24:00", KUWAIT).unwrap().to_string(), "18:00-24:00");
    }
}
