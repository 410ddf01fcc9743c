//! A run's control handle and its running account.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::core::Core;
use crate::engine::Flow;
use crate::error::Error;
use crate::events::{self, StopReason};
use crate::report::{Account, Batch};

/// What a run waits for, beside its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Waiting {
    /// It sends, or has ended.
    Nothing,
    /// [`BulkHandle::resume`].
    Paused,
    /// The gateway's queue of 1,000 messages is full (ERR013).
    QueueFull,
    /// Only numbers are left that were written to less than 16 s ago.
    SameNumber,
}

impl Waiting {
    /// The name in JSON: that of the variant in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Paused => "paused",
            Self::QueueFull => "queue_full",
            Self::SameNumber => "same_number",
        }
    }
}

serialize_by_name!(Waiting);

/// How far a run is.
///
/// As JSON it is an object with `account` (see [`Account`]), `done`, `total`, `requests`, `elapsed_s`, `rate`,
/// `time_left_s` and `waiting`; what is not known is `null`.
#[derive(Debug, Clone)]
pub struct Progress {
    account: Account,
    total: Option<u64>,
    requests: u64,
    elapsed: Duration,
    waiting: Waiting,
}

impl Progress {
    /// How many numbers have ended where so far.
    pub fn account(&self) -> Account {
        self.account
    }

    /// How many numbers have ended somewhere.
    pub fn done(&self) -> u64 {
        self.account.total()
    }

    /// How many inputs there are, if that is known.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// How many batches came back, whatever their result.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Since the run started.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Numbers a second since the start, pauses included.
    #[allow(clippy::cast_precision_loss)] // a display figure
    pub fn rate(&self) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { self.done() as f64 / seconds } else { 0.0 }
    }

    /// How long it will take at that rate; `None` while unknown.
    #[allow(clippy::cast_precision_loss)] // a display figure
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.done()) as f64;
        Duration::try_from_secs_f64(left / self.rate()).ok()
    }

    /// What the run waits for.
    pub fn waiting(&self) -> Waiting {
        self.waiting
    }
}

impl Serialize for Progress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Progress", 8)?;
        fields.serialize_field("account", &self.account)?;
        fields.serialize_field("done", &self.done())?;
        fields.serialize_field("total", &self.total)?;
        fields.serialize_field("requests", &self.requests)?;
        fields.serialize_field("elapsed_s", &self.elapsed.as_secs_f64())?;
        fields.serialize_field("rate", &self.rate())?;
        fields.serialize_field("time_left_s", &self.time_left().map(|left| left.as_secs_f64()))?;
        fields.serialize_field("waiting", &self.waiting)?;
        fields.end()
    }
}

#[derive(Default)]
struct State {
    account: Account,
    requests: u64,
    total: Option<u64>,
    started: Option<Instant>,
    ended: Option<Instant>,
    cause: Option<Error>,
    resting: bool,
}

/// What a run and its handles share.
pub(super) struct Control {
    state: Mutex<State>,
    flow: watch::Sender<Flow>,
    abandoned: watch::Sender<bool>,
    ended: watch::Sender<bool>,
}

impl Control {
    pub(super) fn new(total: Option<u64>) -> Self {
        Self {
            state: Mutex::new(State { total, ..State::default() }),
            flow: watch::Sender::new(Flow::Open),
            abandoned: watch::Sender::new(false),
            ended: watch::Sender::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_total(&self, inputs: u64) {
        self.state().total = Some(inputs);
    }

    pub(super) fn start(&self) {
        self.state().started = Some(Instant::now());
    }

    /// Stops the run; the first cause stands.
    pub(super) fn stop(&self, cause: Option<Error>) {
        match &cause {
            Some(error) => self.stop_for(&StopReason::Error(error)),
            None => self.stop_for(&StopReason::Asked),
        }
    }

    fn stop_for(&self, reason: &StopReason<'_>) {
        {
            let mut state = self.state();
            if self.is_stopped() || state.ended.is_some() {
                return;
            }
            if let StopReason::Error(error) = reason {
                state.cause = Some((*error).clone()); // before the signal, so that whoever sees it knows why
            }
            self.flow.send_replace(Flow::Stopped);
        }
        events::run_stopped(reason);
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.flow.borrow() == Flow::Stopped
    }

    pub(super) fn flow(&self) -> watch::Receiver<Flow> {
        self.flow.subscribe()
    }

    fn pause(&self, paused: bool) {
        let (from, to) = if paused { (Flow::Open, Flow::Paused) } else { (Flow::Paused, Flow::Open) };
        self.flow.send_if_modified(|flow| {
            let changes = *flow == from;
            if changes {
                *flow = to;
            }
            changes
        });
    }

    /// The error of what was not attempted after a stop.
    pub(super) fn not_attempted(&self) -> Error {
        Error::stopped(self.state().cause.clone())
    }

    /// Nobody reads the outcomes any more.
    pub(super) fn abandon(&self) {
        self.abandoned.send_replace(true);
        self.stop_for(&StopReason::Dropped);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        *self.abandoned.borrow()
    }

    pub(super) async fn abandoned(&self) {
        let _ = self.abandoned.subscribe().wait_for(|abandoned| *abandoned).await;
    }

    pub(super) async fn stopped(&self) {
        let _ = self.flow.subscribe().wait_for(|flow| *flow == Flow::Stopped).await; // the sender is ours
    }

    pub(super) fn resting(&self, resting: bool) {
        self.state().resting = resting;
    }

    pub(super) fn count(&self, batch: &Batch) {
        let mut state = self.state();
        state.account += batch.account();
        state.requests += u64::from(!batch.numbers.is_empty());
    }

    pub(super) fn end(&self) {
        let (account, requests) = {
            let mut state = self.state();
            state.ended = Some(Instant::now());
            (state.account, state.requests)
        };
        events::run_ended(&account, requests);
        self.ended.send_replace(true);
    }

    pub(super) fn progress(&self, core: &Core) -> Progress {
        let state = self.state();
        let until = state.ended.unwrap_or_else(Instant::now);
        let waiting = if state.ended.is_some() || self.is_stopped() {
            Waiting::Nothing
        } else if *self.flow.borrow() == Flow::Paused {
            Waiting::Paused
        } else if core.messages.queue.is_shut() {
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
            elapsed: state.started.map_or(Duration::ZERO, |started| until - started),
            waiting,
        }
    }
}

/// Control handle of a bulk run; cheap to clone, and usable while the stream is read elsewhere.
#[derive(Clone)]
pub struct BulkHandle {
    pub(super) control: Arc<Control>,
    pub(super) core: Arc<Core>,
}

impl BulkHandle {
    /// Starts no further batch until [`resume`](Self::resume); what is in flight is answered.
    pub fn pause(&self) {
        self.control.pause(true);
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.control.pause(false);
    }

    /// Ends the run between batches: what is in flight is answered, the rest is not attempted.
    ///
    /// A batch that the gateway refused and that waits for another try is not tried again. The source is still
    /// read to its end, to account for it: where it has none, or keeps one waiting, drop the stream instead.
    pub fn stop(&self) {
        self.control.stop(None);
    }

    /// How far the run is.
    pub fn progress(&self) -> Progress {
        self.control.progress(&self.core)
    }

    /// Waits for the end of the run, also of one whose stream was dropped, and gives its account.
    ///
    /// A run that was never polled does not end.
    pub async fn finished(&self) -> Account {
        let _ = self.control.ended.subscribe().wait_for(|ended| *ended).await; // the sender is ours
        self.control.state().account
    }
}

impl fmt::Debug for BulkHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkHandle").field("progress", &self.progress()).finish()
    }
}
