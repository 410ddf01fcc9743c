//! What a process says of those who wait in it, for whoever looks at the scope. Nothing depends on it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
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

/// What this process says, one word at a time: a later one takes the place of one that is not said yet.
#[derive(Debug)]
pub(crate) struct Told {
    /// How this process is named in the store.
    process: String,
    /// When it said last that somebody waits, if it has not taken that back.
    last: Option<Instant>,
    next: Option<Word>,
    telling: bool,
    ended: Arc<Notify>,
}

impl Told {
    pub(super) fn new() -> Self {
        Self { process: process(), last: None, next: None, telling: false, ended: Arc::default() }
    }

    /// Has it said that so many calls wait, until then at the least, if it is time to say it.
    pub(super) fn wait(&mut self, calls: [i64; 2], at: Instant, now: Instant) {
        if calls == [0, 0] || self.last.map_or(at < now + WORTH, |told| now < told + PAUSE) {
            return;
        }
        self.last = Some(now);
        // The next word comes at the latest with the question after this start, or after one that is further ahead.
        let until = i64::try_from(at.saturating_duration_since(now).as_micros()).unwrap_or(i64::MAX / 4);
        self.say(calls, until + AHEAD + 3_000_000);
    }

    /// True if it has said that somebody waits.
    pub(crate) fn has_told(&self) -> bool {
        self.last.is_some()
    }

    /// Has it taken back that somebody waits, if it was said.
    pub(crate) fn nobody_waits(&mut self) {
        if self.last.take().is_some() {
            self.say([0, 0], 0);
        }
    }

    fn say(&mut self, calls: [i64; 2], lasts: i64) {
        self.next = Some(Word { process: self.process.clone(), calls, lasts });
    }

    /// Somebody begins to tell it; false if there is nothing to tell, or somebody does.
    pub(crate) fn begin(&mut self) -> bool {
        let begins = self.next.is_some() && !self.telling;
        self.telling |= begins;
        begins
    }

    /// What to say next. With nothing to say, whoever tells it has ended.
    pub(crate) fn next(&mut self) -> Option<Word> {
        let next = self.next.take();
        if next.is_none() {
            self.end();
        }
        next
    }

    /// Whoever tells it goes away.
    pub(crate) fn end(&mut self) {
        self.telling = false;
        self.ended.notify_waiters();
    }

    pub(crate) fn is_telling(&self) -> bool {
        self.telling
    }

    /// Is notified when whoever tells it has ended.
    pub(crate) fn ended(&self) -> Arc<Notify> {
        Arc::clone(&self.ended)
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
