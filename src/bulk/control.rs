//! What a run, its handles and its reader share: the account, the switch, and the outcomes that wait to be read.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::outage::{News, Outage};
use super::progress::{Progress, Waiting};
use crate::core::Core;
use crate::engine::Flow;
use crate::error::{Delivery, Error};
use crate::events::{self, StopReason};
use crate::recipients::PendingBatch;
use crate::report::{Accepted, Account, Batch};

/// Outcomes that wait to be read before no further batch starts: 32 batches are 6,400 numbers, 100 KB.
const WAITING_OUTCOMES: usize = 32;

pub(super) type OnProgress = Box<dyn Fn(&Progress) + Send + Sync>;

/// What a panic was raised with.
pub(super) type Panic = Box<dyn Any + Send>;

pub(super) struct Control {
    pub(super) core: Arc<Core>,
    state: Mutex<State>,
    /// Tells that something in the state changed.
    changes: watch::Sender<()>,
    flow: watch::Sender<Flow>,
    reader: AtomicWaker,
    /// Its lock makes the calls one after the other, and their account grow.
    on_progress: Mutex<Option<OnProgress>>,
}

#[derive(Default)]
pub(super) struct State {
    account: Account,
    requests: u64,
    total: Option<u64>,
    started: Option<Instant>,
    ended: Option<Instant>,
    /// Nothing starts any more.
    over: bool,
    stopped: bool,
    paused: bool,
    /// Nobody reads the outcomes any more.
    abandoned: bool,
    cause: Option<Error>,
    resting: bool,
    /// What a guard makes the run wait for.
    waits: Option<Waiting>,
    pub(super) outage: Outage,
    /// By their index, each with how many numbers it holds, and whether its request has left.
    in_flight: BTreeMap<u64, (u64, Arc<AtomicBool>)>,
    unread: BTreeMap<u64, Batch>,
    next_to_read: u64,
    panic: Option<Panic>,
}

impl State {
    fn flow(&self) -> Flow {
        match (self.stopped, self.paused || self.outage.is_on()) {
            (true, _) => Flow::Stopped,
            (false, true) => Flow::Paused,
            (false, false) => Flow::Open,
        }
    }

    fn numbers_in_flight(&self) -> u64 {
        let left = |(_, left): &&(u64, Arc<AtomicBool>)| left.load(Ordering::Acquire);
        self.in_flight.values().filter(left).map(|(numbers, _)| numbers).sum()
    }
}

impl Control {
    pub(super) fn new(core: Arc<Core>, total: Option<u64>) -> Self {
        Self {
            core,
            state: Mutex::new(State { total, ..State::default() }),
            changes: watch::Sender::new(()),
            flow: watch::Sender::new(Flow::Open),
            reader: AtomicWaker::new(),
            on_progress: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and tells whoever waits for it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = {
            let mut state = self.state();
            let changed = change(&mut state);
            let now = state.flow();
            self.flow.send_if_modified(|flow| std::mem::replace(flow, now) != now);
            changed
        };
        self.changes.send_replace(());
        changed
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.state())
    }

    /// Waits until the state is so.
    pub(super) async fn until(&self, is: impl Fn(&State) -> bool + Send) {
        let mut changes = self.changes.subscribe();
        while !self.look(&is) {
            let _ = changes.changed().await; // the sender is ours
        }
    }

    pub(super) fn set_total(&self, inputs: u64) {
        self.state().total = Some(inputs);
    }

    pub(super) fn start(&self, on_progress: Option<OnProgress>) {
        *self.on_progress.lock().unwrap_or_else(PoisonError::into_inner) = on_progress;
        self.state().started = Some(Instant::now());
    }

    /// Stops the run; the first reason stands.
    pub(super) fn stop(&self, reason: &StopReason<'_>) {
        let stops = self.change(|state| {
            let stops = !state.stopped && !state.over;
            if stops {
                state.stopped = true;
                state.outage.end();
                state.cause = match reason {
                    StopReason::Error(error) => Some((*error).clone()),
                    StopReason::Panicked => {
                        Some(Error::run_ended("the source of the numbers or a callback panicked"))
                    }
                    StopReason::RuntimeEnded => {
                        Some(Error::run_ended("the runtime on which the run was started has ended"))
                    }
                    StopReason::Asked | StopReason::Dropped => None,
                };
            }
            stops
        });
        if stops {
            events::run_stopped(reason);
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.flow.borrow() == Flow::Stopped
    }

    pub(super) async fn stopped(&self) {
        let _ = self.flow.subscribe().wait_for(|flow| *flow == Flow::Stopped).await; // the sender is ours
    }

    pub(super) fn flow(&self) -> watch::Receiver<Flow> {
        self.flow.subscribe()
    }

    pub(super) fn pause(&self, paused: bool) {
        self.change(|state| state.paused = paused);
    }

    pub(super) async fn resumed(&self) {
        self.until(|state| !state.paused).await;
    }

    pub(super) async fn paused(&self) {
        self.until(|state| state.paused).await;
    }

    /// The error of what was not attempted after a stop.
    pub(super) fn not_attempted(&self) -> Error {
        Error::stopped(self.state().cause.clone())
    }

    /// Nobody reads the outcomes any more.
    pub(super) fn abandon(&self) {
        self.change(|state| {
            state.abandoned = true;
            state.unread.clear();
        });
        self.stop(&StopReason::Dropped);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.state().abandoned
    }

    pub(super) async fn abandoned(&self) {
        self.until(|state| state.abandoned).await;
    }

    /// Waits until the reader has room for another outcome.
    pub(super) async fn room(&self) {
        self.until(|state| state.abandoned || state.unread.len() < WAITING_OUTCOMES).await;
    }

    /// Waits until nothing is in flight.
    pub(super) async fn idle(&self) {
        self.until(|state| state.in_flight.is_empty()).await;
    }

    /// A guard makes the run wait, or does not any more.
    pub(super) fn waits_for(&self, what: Option<Waiting>) {
        self.change(|state| state.waits = what);
        match what {
            Some(waiting) => events::run_waits(waiting.as_str()),
            None if self.is_stopped() => {}
            None => events::run_goes_on(),
        }
        self.tell();
    }

    pub(super) fn resting(&self, resting: bool) {
        self.change(|state| state.resting = resting);
    }

    /// A panic of the caller's code: the run stops, and its reader sees the panic at the end.
    pub(super) fn panicked(&self, panic: Panic) {
        self.change(|state| {
            state.panic.get_or_insert(panic);
        });
        self.stop(&StopReason::Panicked);
    }

    /// An outcome: counted, told, and kept until it is read.
    pub(super) fn settle(&self, batch: Batch) {
        self.settle_and(batch, true);
    }

    fn settle_and(&self, batch: Batch, tell: bool) {
        {
            let mut state = self.state();
            state.account += batch.account();
            state.requests += u64::from(!batch.numbers.is_empty());
        }
        events::tell_not_allowed(&batch.invalid);
        if tell {
            self.tell();
        }
        self.change(|state| {
            state.in_flight.remove(&batch.index);
            if !state.abandoned {
                state.unread.insert(batch.index, batch);
            }
        });
        self.end_if_over();
    }

    /// Tells the caller how far the run is.
    pub(super) fn tell(&self) {
        let told = {
            let look = self.on_progress.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(look) = &*look else { return };
            let progress = self.progress();
            catch_unwind(AssertUnwindSafe(|| look(&progress)))
        };
        if let Err(panic) = told {
            self.panicked(panic);
        }
    }

    /// A batch has ended.
    pub(super) fn heard(&self, result: Result<(), &Error>) {
        let news = self.change(|state| if state.stopped { News::None } else { state.outage.note(result) });
        self.tell_news(news);
    }

    /// A batch met a full queue and will be tried again.
    pub(super) fn queue_full(&self, error: &Error) {
        let news = self.change(|state| state.outage.queue_full(error));
        self.tell_news(news);
    }

    fn tell_news(&self, news: News) {
        let reason = match news {
            News::None => return,
            News::NoAnswer => Waiting::NoAnswer,
            News::QueueStuck => Waiting::QueueStuck,
        };
        events::run_waits(reason.as_str());
        self.tell();
    }

    /// Waits until the gateway does not answer.
    pub(super) async fn outage(&self) {
        self.until(|state| state.outage.is_on()).await;
    }

    /// The gateway has answered a question.
    pub(super) fn answers_again(&self) {
        self.change(|state| state.outage.answered());
        events::run_goes_on();
        self.tell();
    }

    /// Stops the run if nothing has been accepted for so long.
    pub(super) fn give_up_after(&self, patience: Duration) {
        let since = self.look(|state| state.outage.since());
        if let Some((since, error)) = since
            && since.elapsed() >= patience
        {
            self.stop(&StopReason::Error(&error));
        }
    }

    /// Nothing starts any more. The run has ended once all that is in flight has.
    pub(super) fn over(&self) {
        self.change(|state| state.over = true);
        self.end_if_over();
    }

    /// A run that was never started has ended too: its handles wait for it.
    pub(super) fn never_started(&self) {
        self.change(|state| state.ended = Some(Instant::now()));
    }

    fn end_if_over(&self) {
        let ended = self.change(|state| {
            let ends = state.over && state.in_flight.is_empty() && state.ended.is_none();
            if ends {
                state.ended = Some(Instant::now());
            }
            ends.then_some((state.account, state.requests))
        });
        if let Some((account, requests)) = ended {
            events::run_ended(&account, requests);
        }
        self.reader.wake();
    }

    pub(super) async fn ended(&self) -> Account {
        self.until(|state| state.ended.is_some()).await;
        self.state().account
    }

    /// The next outcome in order, or `None` at the end of the run.
    pub(super) fn poll_outcome(&self, cx: &mut Context<'_>) -> Poll<Option<Batch>> {
        self.reader.register(cx.waker());
        let mut state = self.state();
        let next = state.next_to_read;
        if let Some(batch) = state.unread.remove(&next) {
            state.next_to_read += 1;
            drop(state);
            self.changes.send_replace(()); // there is room for another one
            return Poll::Ready(Some(batch));
        }
        if state.ended.is_none() {
            return Poll::Pending;
        }
        let panic = state.panic.take();
        drop(state);
        if let Some(panic) = panic {
            std::panic::resume_unwind(panic);
        }
        Poll::Ready(None)
    }

    pub(super) fn wake_reader(&self) {
        self.reader.wake();
    }

    pub(super) fn progress(&self) -> Progress {
        let state = self.state();
        let until = state.ended.unwrap_or_else(Instant::now);
        let waiting = if state.ended.is_some() || state.stopped {
            Waiting::Nothing
        } else if state.paused {
            Waiting::Paused
        } else if let Some(waiting) = state.waits {
            waiting
        } else if self.core.guards.quiet().is_some() {
            Waiting::QuietHours
        } else if state.outage.is_on() {
            Waiting::NoAnswer
        } else if state.outage.queue_is_stuck() {
            Waiting::QueueStuck
        } else if self.core.messages.queue.is_shut() {
            Waiting::QueueFull
        } else if state.resting {
            Waiting::SameNumber
        } else {
            Waiting::Nothing
        };
        Progress {
            account: state.account,
            total: state.total,
            requests: state.requests,
            in_flight: state.numbers_in_flight(),
            elapsed: state.started.map_or_else(Default::default, |started| until - started),
            waiting,
        }
    }
}

/// A batch on its way. Dropped without an end, as when its runtime ends, it is of unknown outcome if its request has
/// left, and was not attempted if not.
pub(super) struct InFlight {
    control: Arc<Control>,
    index: u64,
    draft: PendingBatch,
    left: Arc<AtomicBool>,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

impl InFlight {
    pub(super) fn new(
        control: Arc<Control>,
        index: u64,
        draft: PendingBatch,
        left: Arc<AtomicBool>,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let numbers = draft.numbers.len() as u64;
        control.change(|state| state.in_flight.insert(index, (numbers, Arc::clone(&left))));
        Self { control, index, draft, left, ended: false, _place: place }
    }

    pub(super) fn end(mut self, result: Result<Accepted, Error>) {
        self.settle(result, true);
    }

    fn settle(&mut self, result: Result<Accepted, Error>, tell: bool) {
        self.ended = true;
        self.left.store(false, Ordering::Release);
        let batch = std::mem::take(&mut self.draft).into_batch(self.index, result);
        self.control.settle_and(batch, tell);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let error = if self.left.load(Ordering::Acquire) {
            Error::answer_not_awaited()
        } else {
            self.control.not_attempted()
        };
        debug_assert_ne!(error.delivery(), Delivery::Refused);
        self.settle(Err(error), false);
    }
}
