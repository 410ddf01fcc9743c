//! The store in this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{BoxFuture, FutureExt, ready};
use tokio::time::Instant;

use super::rules::{Counter, Row, take_all};
use super::{Attempt, Attempted, CountKey, Operations, Reserve, Reserved, Settle, StoreError, millis};
use crate::otp::challenge::Id;

/// How often what has no meaning any more is forgotten by itself, in milliseconds.
const SWEEP_EVERY: i64 = 60_000;

#[derive(Default)]
struct State {
    /// When time began.
    origin: Option<Instant>,
    swept: i64,
    challenges: HashMap<Id, Row>,
    counters: HashMap<CountKey, Counter>,
}

impl State {
    /// Milliseconds from a time at which nothing was.
    fn now(&mut self) -> i64 {
        let now = Instant::now();
        1 + millis(now - *self.origin.get_or_insert(now))
    }

    fn sweep(&mut self, now: i64) -> u64 {
        let before = self.challenges.len() + self.counters.len();
        self.challenges.retain(|_, row| row.forgotten_at > now);
        self.counters.retain(|_, counter| counter.forgotten_at > now);
        self.swept = now;
        (before - self.challenges.len() - self.counters.len()) as u64
    }

    fn reserve(&mut self, reserve: &Reserve) -> Reserved {
        let now = self.now();
        if now - self.swept > SWEEP_EVERY {
            self.sweep(now);
        }
        let mut row = match (reserve.begin, self.challenges.get(&reserve.id)) {
            (Some(attempts), None) => Row::begin(reserve, attempts, now),
            (None, Some(row)) if row.takes_another(reserve, now) => row.clone(),
            _ => return Reserved::Ended,
        };
        let counter = |key: &CountKey| self.counters.get(key).copied().unwrap_or_default();
        let taken = match take_all(&reserve.counts, now, |count| counter(&count.key)) {
            Ok(taken) => taken,
            Err(full) => return Reserved::Limited { full },
        };
        self.counters.extend(reserve.counts.iter().map(|count| count.key).zip(taken));
        let expires_in_ms = row.push(reserve, now);
        let taken = Reserved::Taken {
            serial: row.serial,
            expires_in_ms,
            attempts_left: row.max_attempts - row.attempts,
        };
        self.challenges.insert(reserve.id, row);
        taken
    }

    fn settle(&mut self, settle: &Settle) {
        let now = self.now();
        for change in &settle.changes {
            if let Some(counter) = self.counters.get_mut(&change.key) {
                *counter = counter.change(change.give_back, change.ends_in_ms, now);
            }
        }
        if let Some(row) = self.challenges.get_mut(&settle.id) {
            row.settle(settle);
        }
    }

    fn attempt(&mut self, attempt: &Attempt) -> Attempted {
        let now = self.now();
        let Some(row) = self.challenges.get_mut(&attempt.id) else { return Attempted::NotFound };
        let mut failures = self.counters.get(&attempt.failures.key).copied().unwrap_or_default();
        let attempted = row.attempt(&mut failures, attempt, now);
        if attempted == Attempted::Right
            && let Some(counter) = self.counters.get_mut(&attempt.unverified)
        {
            *counter = counter.verify(row.sent);
        }
        self.counters.insert(attempt.failures.key, failures);
        attempted
    }
}

/// Challenges and counts under one lock.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<State>>);

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Operations for Memory {
    fn reserve(&self, reserve: Reserve) -> BoxFuture<'static, Result<Reserved, StoreError>> {
        let reserved = self.state().reserve(&reserve);
        ready(Ok(reserved)).boxed()
    }

    fn settle(&self, settle: Settle) -> BoxFuture<'static, Result<(), StoreError>> {
        self.state().settle(&settle);
        ready(Ok(())).boxed()
    }

    fn attempt(&self, attempt: Attempt) -> BoxFuture<'static, Result<Attempted, StoreError>> {
        let attempted = self.state().attempt(&attempt);
        ready(Ok(attempted)).boxed()
    }

    fn sweep(&self) -> BoxFuture<'static, Result<u64, StoreError>> {
        let mut state = self.state();
        let now = state.now();
        ready(Ok(state.sweep(now))).boxed()
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}
