//! What the operations do to a challenge and to a count, without where those lie. The stores in this process (memory,
//! SQLite) apply it; PostgreSQL and Redis have it in their own languages, and one suite of tests compares them.

use super::{Attempt, Attempted, Count, Full, Reserve, Settle};
use crate::otp::keys::Mac;

/// A code and when it dies; 0 for one that is dead already and only known as the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) code: Mac,
    pub(super) expires: i64,
}

impl Slot {
    fn lives(self, now: i64) -> bool {
        self.expires > now
    }
}

/// A challenge as it lies in the store. Times are the store's, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) context: Mac,
    pub(super) attempts: i64,
    pub(super) max_attempts: i64,
    /// 0 if it is not used.
    pub(super) used_at: i64,
    /// How many codes it has had.
    pub(super) serial: i64,
    /// How many messages may have gone out for it.
    pub(super) sent: i64,
    /// The newest code's sending is not settled.
    pub(super) pending: bool,
    pub(super) newest: Option<Slot>,
    pub(super) before: Option<Slot>,
    pub(super) begun: i64,
    pub(super) forgotten_at: i64,
}

/// What was counted, in which window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) n: i64,
    /// What of it was verified, where that counts.
    pub(super) verified: i64,
    pub(super) expires: i64,
    /// From when on it says nothing about a window to come.
    pub(super) forgotten_at: i64,
}

impl Counter {
    /// The counter as it stands now: in a new window if its own is over.
    fn now(self, count: &Count, now: i64) -> Self {
        let next = if count.share > 0 { count.window_ms } else { 0 };
        if self.expires > now {
            return self;
        }
        if self.expires + next > now {
            let expires = self.expires + next;
            return Self {
                n: self.n / 2,
                verified: self.verified / 2,
                expires,
                forgotten_at: expires + next,
            };
        }
        let expires = now + count.window_ms;
        Self { n: 0, verified: 0, expires, forgotten_at: expires + next }
    }

    /// Takes what a count costs; `None` without room.
    pub(super) fn take(self, count: &Count, now: i64) -> Option<Self> {
        let counter = self.now(count, now);
        let most = count.cap.max(counter.verified * count.share / 100);
        (counter.n + count.cost.max(1) <= most).then_some(Self { n: counter.n + count.cost, ..counter })
    }

    /// Gives back.
    pub(super) fn change(self, give_back: i64, ends_in_ms: Option<i64>, now: i64) -> Self {
        if self.expires <= now {
            return self;
        }
        let expires = ends_in_ms.map_or(self.expires, |ends| self.expires.min(now + ends));
        let forgotten_at = if expires < self.expires { expires } else { self.forgotten_at };
        Self { n: (self.n - give_back).max(0), expires, forgotten_at, ..self }
    }

    /// Messages of its country were verified.
    pub(super) fn verify(self, messages: i64) -> Self {
        Self { n: (self.n - messages).max(0), verified: self.verified + messages, ..self }
    }
}

/// Takes room in all counts, or says which have none.
pub(super) fn take_all(
    counts: &[Count],
    now: i64,
    mut counter: impl FnMut(&Count) -> Counter,
) -> Result<Vec<Counter>, Vec<Full>> {
    let (mut taken, mut full) = (Vec::with_capacity(counts.len()), Vec::new());
    for (place, count) in counts.iter().enumerate() {
        let counter = counter(count);
        match counter.take(count, now) {
            Some(counter) => taken.push(counter),
            None => full.push(Full { place, retry_after_ms: counter.now(count, now).expires - now }),
        }
    }
    if full.is_empty() { Ok(taken) } else { Err(full) }
}

impl Row {
    /// A new challenge, without a code yet.
    pub(super) fn begin(reserve: &Reserve, max_attempts: i64, now: i64) -> Self {
        Self {
            context: reserve.context,
            attempts: 0,
            max_attempts,
            used_at: 0,
            serial: 0,
            sent: 0,
            pending: false,
            newest: None,
            before: None,
            begun: now,
            forgotten_at: now,
        }
    }

    /// True if another code may be sent for it.
    pub(super) fn takes_another(&self, reserve: &Reserve, now: i64) -> bool {
        self.context == reserve.context
            && self.used_at == 0
            && self.attempts < self.max_attempts
            && self.forgotten_at > now
            && self.begun + reserve.another_ms > now
    }

    /// Writes the newest code; gives how long it is valid.
    pub(super) fn push(&mut self, reserve: &Reserve, now: i64) -> i64 {
        let end = if reserve.same_code { self.begun + reserve.another_ms } else { i64::MAX };
        let expires = (now + reserve.expiry_ms).min(end);
        self.before = self.newest;
        self.newest = Some(Slot { code: reserve.code, expires });
        self.serial += 1;
        self.sent += 1;
        self.pending = true;
        self.forgotten_at = now + reserve.keep_ms;
        expires - now
    }

    /// The outcome of a message came. Only that of the newest or the one before changes anything.
    pub(super) fn settle(&mut self, settle: &Settle) {
        if settle.serial == self.serial && self.pending {
            self.pending = false;
            if settle.accepted {
                self.before = self.before.map(|before| Slot { expires: 0, ..before });
            } else {
                self.newest = self.before.take();
                self.sent -= 1;
            }
        } else if settle.serial == self.serial - 1 && !settle.accepted && self.before.is_some() {
            // A newer one is under way: what it was meant to replace was never sent.
            self.before = None;
            self.sent -= 1;
        }
    }

    /// Compares a code and counts it.
    pub(super) fn attempt(&mut self, failures: &mut Counter, attempt: &Attempt, now: i64) -> Attempted {
        if self.context != attempt.context || self.forgotten_at <= now {
            return Attempted::NotFound;
        }
        if self.used_at != 0 {
            return Attempted::Used;
        }
        if self.attempts >= self.max_attempts {
            return Attempted::Spent;
        }
        let lives = |slot: Option<Slot>| slot.is_some_and(|slot| slot.lives(now));
        if !lives(self.newest) && !lives(self.before) {
            return Attempted::Expired;
        }
        let Some(failed) = failures.take(&attempt.failures, now) else {
            return Attempted::Limited { retry_after_ms: failures.now(&attempt.failures, now).expires - now };
        };
        self.attempts += 1;
        let left = self.max_attempts - self.attempts;
        let is = |slot: Option<Slot>| slot.is_some_and(|slot| slot.code == attempt.code);
        let matches = |slot: Option<Slot>| lives(slot) && is(slot);
        if matches(self.newest) || matches(self.before) {
            self.used_at = now;
            *failures = Counter::default();
            return Attempted::Right;
        }
        *failures = failed;
        if is(self.before) { Attempted::Superseded { left } } else { Attempted::Wrong { left } }
    }
}
