//! Stores in memory, and the way to one.

use std::fmt;
use std::sync::Mutex;
use std::time::SystemTime;

use futures::future::BoxFuture;

use super::*;
use crate::clock::testing::set_wall_clock;
use crate::limit::shared::{Answer, Begun, Scope, Seen, Source, Waits};
use crate::store::{Failure, StoreError, StoreKind};

/// A store with a clock that can be set, and that can be slow, lose an answer, forget, or be gone.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) state: Mutex<Held>,
}

#[derive(Default)]
pub(super) struct Held {
    pub(super) scope: Option<Scope>,
    /// When it was asked first, by the clock of its test: that of another test may be ahead.
    origin: Option<Instant>,
    pub(super) server: i64,
    pub(super) clock: i64,
    pub(super) latency: Duration,
    pub(super) gone: bool,
    pub(super) reserved: u64,
    /// What was told of those who wait: who, how many, when.
    pub(super) told: Vec<Waits>,
}

impl Memory {
    pub(super) fn set(&self, change: impl FnOnce(&mut Held)) {
        change(&mut self.state.lock().unwrap());
    }

    async fn answer<T>(&self, answer: impl FnOnce(&mut Held, i64) -> T) -> Result<T, StoreError> {
        let latency = self.state.lock().unwrap().latency;
        tokio::time::sleep(latency / 2).await;
        let answer = {
            let mut held = self.state.lock().unwrap();
            if held.gone {
                return Err(StoreError::new(StoreKind::Sqlite, Failure::Unreachable, "gone"));
            }
            let origin = held.origin.get_or_insert_with(|| {
                // Beside virtual time that of the wall would tell of a machine that slept where it is only busy.
                set_wall_clock(SystemTime::UNIX_EPOCH);
                Instant::now()
            });
            let now = origin.elapsed().as_micros();
            let now = i64::try_from(now).unwrap() + held.clock + 1_000_000_000_000;
            answer(&mut held, now)
        };
        tokio::time::sleep(latency / 2).await;
        Ok(answer)
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Memory")
    }
}

impl Source for Arc<Memory> {
    fn kind(&self) -> StoreKind {
        StoreKind::Sqlite
    }

    fn kept(&self) -> crate::store::Kept {
        unimplemented!("it is in memory")
    }

    fn begin(&self, rates: Rates) -> BoxFuture<'_, Result<Begun, StoreError>> {
        Box::pin(self.answer(move |held, now| {
            let server = held.server;
            let scope = held.scope.get_or_insert_with(|| Scope::new(rates, now, server));
            Begun { rates: scope.rates, now }
        }))
    }

    fn reserve(&self, lane: Lane, unused: Option<i64>) -> BoxFuture<'_, Result<Option<Answer>, StoreError>> {
        Box::pin(self.answer(move |held, now| {
            let server = held.server;
            let answer = held.scope.as_mut().map(|scope| scope.reserve(lane, unused, now, server));
            held.reserved += u64::from(answer.is_some_and(|answer| answer.given));
            answer
        }))
    }

    fn tell(&self, process: String, calls: [i64; 2], _: i64) -> BoxFuture<'static, Result<(), StoreError>> {
        let store = Arc::clone(self);
        Box::pin(
            async move { store.answer(|held, seen| held.told.push(Waits { process, calls, seen })).await },
        )
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Seen>, StoreError>> {
        Box::pin(self.answer(|held, now| {
            held.scope.map(|scope| Seen { scope, now, server: held.server, waiting: held.told.clone() })
        }))
    }

    fn forget(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.answer(|held, _| held.scope.take().is_some()))
    }
}

/// The way of one process to the store, which can be cut.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) store: Arc<Memory>,
    pub(super) cut: std::sync::atomic::AtomicBool,
}

impl Line {
    async fn over<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if self.cut.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(StoreError::new(StoreKind::Sqlite, Failure::Unreachable, "cut"));
        }
        answer.await
    }
}

impl Source for Arc<Line> {
    fn kind(&self) -> StoreKind {
        self.store.kind()
    }

    fn kept(&self) -> crate::store::Kept {
        self.store.kept()
    }

    fn begin(&self, rates: Rates) -> BoxFuture<'_, Result<Begun, StoreError>> {
        Box::pin(self.over(self.store.begin(rates)))
    }

    fn reserve(&self, lane: Lane, unused: Option<i64>) -> BoxFuture<'_, Result<Option<Answer>, StoreError>> {
        Box::pin(self.over(self.store.reserve(lane, unused)))
    }

    fn tell(
        &self,
        process: String,
        calls: [i64; 2],
        lasts: i64,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        self.store.tell(process, calls, lasts)
    }

    fn read(&self) -> BoxFuture<'_, Result<Option<Seen>, StoreError>> {
        self.store.read()
    }

    fn forget(&self) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.store.forget()
    }
}
