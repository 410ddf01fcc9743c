//! One account: its settings, its balance and its queue.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::history::History;
use super::settings::Settings;

/// A longer user name has no account, so that none takes much memory; the document allows 15 characters.
pub(crate) const MAX_USER: usize = 100;
/// Credits of an account that nobody set up.
const FIRST_BALANCE: u64 = 1000;
/// Its sender ids, those of the API document's sample.
const FIRST_SENDER_IDS: [&str; 2] = ["KWT-SMS", "KWT-TEST"];
/// Its active countries, those of the Gulf. The real gateway starts with Kuwait alone.
const FIRST_COVERAGE: [&str; 6] = ["965", "966", "968", "971", "973", "974"];
/// The time that must pass before the same number again (API document v4.1).
pub(crate) const SAME_NUMBER: Duration = Duration::from_secs(15);
/// Longer than any sandbox runs, and no more than a clock can count.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);
/// So often the numbers whose time is over are forgotten.
const SWEEP: Duration = Duration::from_secs(5);

/// What is in the queue of one message.
struct Queued {
    id: String,
    /// Numbers still to be sent.
    left: usize,
    points_each: u64,
}

/// Who made an account, and so which one goes when there are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Maker {
    Request,
    Api,
    /// By the program that the sandbox runs in; it is never forgotten.
    Owner,
}

pub(crate) struct Account {
    /// `None` takes any password.
    pub(crate) password: Option<String>,
    pub(crate) available: u64,
    pub(crate) purchased: u64,
    pub(crate) sender_ids: Vec<String>,
    pub(crate) coverage: Vec<String>,
    /// A code that every endpoint answers: ERR001, ERR004, ERR005, ERR024.
    pub(crate) blocked: Option<String>,
    pub(crate) bad_words: Vec<String>,
    pub(crate) spam_words: Vec<String>,
    pub(crate) banned_senders: Vec<String>,
    live: VecDeque<Queued>,
    live_numbers: usize,
    /// Numbers of stuck messages, which know by themselves what they hold.
    stuck_numbers: usize,
    /// Up to when the live queue was worked off.
    drained_to: Option<Instant>,
    /// By the number's digits, read as one figure: a million numbers are remembered for their 15 seconds.
    last_sent: HashMap<u64, Instant>,
    last_swept: Option<Instant>,
    /// When it was last used, counted in requests.
    pub(crate) used: u64,
    pub(crate) made: Maker,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self {
            password: None,
            available: FIRST_BALANCE,
            purchased: FIRST_BALANCE,
            sender_ids: FIRST_SENDER_IDS.map(String::from).to_vec(),
            coverage: FIRST_COVERAGE.map(String::from).to_vec(),
            blocked: None,
            bad_words: Vec::new(),
            spam_words: Vec::new(),
            banned_senders: Vec::new(),
            live: VecDeque::new(),
            live_numbers: 0,
            stuck_numbers: 0,
            drained_to: None,
            last_sent: HashMap::new(),
            last_swept: None,
            used: 0,
            made: Maker::Request,
        }
    }

    /// Works off the live queue up to `now`, first in first out, one number every `1 / per_second` seconds.
    pub(crate) fn settle(&mut self, now: Instant, settings: &Settings, history: &mut History) {
        let (per_second, report_after) = (settings.drain_per_second, settings.report_after);
        if self.live.is_empty() {
            self.drained_to = Some(now);
            return;
        }
        if per_second == 0 {
            return;
        }
        let step = Duration::from_secs(1) / per_second;
        let mut at = self.drained_to.unwrap_or(now);
        let passed = now.saturating_duration_since(at);
        let mut due = usize::try_from(passed.as_nanos() / step.as_nanos().max(1)).unwrap_or(usize::MAX);
        while due > 0
            && let Some(first) = self.live.front_mut()
        {
            let gone = first.left.min(due);
            first.left -= gone;
            due -= gone;
            self.live_numbers -= gone;
            at += step * u32::try_from(gone).unwrap_or(u32::MAX);
            if first.left == 0 {
                history.set_sent(&first.id, later(at, report_after));
                self.live.pop_front();
            }
        }
        self.drained_to = Some(if self.live.is_empty() { now } else { at });
    }

    /// Puts an accepted message into the queue; the account must be settled.
    pub(crate) fn enqueue(&mut self, id: String, numbers: usize, points_each: u64) {
        self.live_numbers += numbers;
        self.live.push_back(Queued { id, left: numbers, points_each });
    }

    /// Holds the numbers of an accepted message that never leaves the queue.
    pub(crate) fn hold(&mut self, numbers: usize) {
        self.stuck_numbers += numbers;
    }

    /// Takes the numbers of a stuck message that was deleted, cleared or forgotten off the queue.
    pub(crate) fn release(&mut self, numbers: usize) {
        self.stuck_numbers = self.stuck_numbers.saturating_sub(numbers);
    }

    /// Takes a message that is still to be sent out of the queue; the credits of what was not sent come back.
    pub(crate) fn delete(&mut self, id: &str) -> Option<u64> {
        let place = self.live.iter().position(|queued| queued.id == id)?;
        let queued = self.live.remove(place)?;
        self.live_numbers -= queued.left;
        let back = queued.points_each * queued.left as u64;
        self.give_back(back);
        Some(back)
    }

    pub(crate) fn give_back(&mut self, credits: u64) {
        self.available = self.available.saturating_add(credits);
    }

    /// Numbers in the queue, stuck ones included or not.
    pub(crate) fn queued(&self, with_stuck: bool) -> usize {
        self.live_numbers + if with_stuck { self.stuck_numbers } else { 0 }
    }

    /// True if one of the numbers had a message less than 15 seconds ago.
    pub(crate) fn sent_lately(&self, numbers: &[String], now: Instant) -> bool {
        figures(numbers).any(|number| {
            self.last_sent.get(&number).is_some_and(|&at| now.saturating_duration_since(at) < SAME_NUMBER)
        })
    }

    /// Starts the 15 seconds of these numbers, and forgets those of others that are over.
    pub(crate) fn mark_sent(&mut self, numbers: &[String], now: Instant) {
        let swept = *self.last_swept.get_or_insert(now);
        if now.saturating_duration_since(swept) >= SWEEP {
            self.last_sent.retain(|_, at| now.saturating_duration_since(*at) < SAME_NUMBER);
            self.last_swept = Some(now);
        }
        self.last_sent.extend(figures(numbers).map(|number| (number, now)));
    }
}

/// A time that may be never.
pub(crate) fn later(at: Instant, wait: Duration) -> Instant {
    at.checked_add(wait).unwrap_or_else(|| at + NEVER)
}

/// Good numbers have 9 to 15 digits and begin with none that is 0.
fn figures(numbers: &[String]) -> impl Iterator<Item = u64> {
    numbers.iter().filter_map(|number| number.parse().ok())
}
