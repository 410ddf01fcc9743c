//! What a process says of those who wait in it, for whoever looks at the scope. Nothing depends on it.

use std::time::Duration;

use tokio::time::Instant;

use super::schedule::AHEAD;

/// Who waits for less is not worth a word.
const WORTH: Duration = Duration::from_millis(500);

/// Between two words.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest name of a host that is told.
const LONGEST_HOST: usize = 64;

/// Names a limiter of this process: host, process id and a random number.
pub(super) fn process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::env::var("HOSTNAME"))
        .or_else(|_| std::env::var("COMPUTERNAME"))
        .unwrap_or_default();
    let host: String = host.trim().chars().filter(|c| !c.is_control()).take(LONGEST_HOST).collect();
    format!("{host}/{}/{:08x}", std::process::id(), fastrand::u32(..))
}

/// Host and process id of such a name.
pub(crate) fn host_and_id(process: &str) -> (&str, Option<u32>) {
    let mut parts = process.rsplitn(3, '/').skip(1);
    let id = parts.next().and_then(|id| id.parse().ok());
    (parts.next().unwrap_or_default(), id)
}

/// What a process says, and for how many microseconds it is true.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) process: String,
    /// How many calls wait: single requests, bulk batches.
    pub(crate) calls: [i64; 2],
    pub(crate) lasts: i64,
}

/// When this process said something last.
#[derive(Debug, Default)]
pub(super) struct Told(Option<Instant>);

impl Told {
    /// For how long to say that somebody waits until then, in microseconds, if it is time to say it.
    pub(super) fn lasts(&mut self, at: Instant, now: Instant) -> Option<i64> {
        if self.0.map_or(at < now + WORTH, |told| now < told + PAUSE) {
            return None;
        }
        self.0 = Some(now);
        // The next word comes at the latest with the question after this start, or after one that is further ahead.
        let until = i64::try_from(at.saturating_duration_since(now).as_micros()).unwrap_or(i64::MAX / 4);
        Some(until + AHEAD + 3_000_000)
    }

    /// True if there is something to take back.
    pub(super) fn take_back(&mut self) -> bool {
        self.0.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_named_by_its_host_and_id() {
        assert_eq!(host_and_id("web-1/4711/0badcafe"), ("web-1", Some(4711)));
        assert_eq!(host_and_id("a/b/4711/0"), ("a/b", Some(4711)), "a host may be called anything");
        assert_eq!(host_and_id("/1/2"), ("", Some(1)));
        assert_eq!(host_and_id("nonsense"), ("", None));
        let own = process();
        assert_eq!(host_and_id(&own).1, Some(std::process::id()), "{own}");
    }
}
