//! A run: drafts in, batches started in order and on time, outcomes out.

use std::collections::{HashSet, VecDeque};
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{Instrument, Span};

use super::control::{Control, InFlight, OnProgress};
use super::progress::Waiting;
use super::source::{Inputs, Numbers};
use crate::clock::{late, sleep};
use crate::core::Core;
use crate::dispatch::{self, Attempt, BeforeRequest, Options, Taken, Terms, dispatch};
use crate::endpoint::balance;
use crate::endpoint::send::Message;
use crate::error::{Error, ErrorKind};
use crate::events::StopReason;
use crate::guard::Hold;
use crate::limit::{Lane, Turn};
use crate::phone::PhoneNumber;
use crate::recipients::{Batcher, PendingBatch};
use crate::report::Accepted;
use crate::retry::{OnRetry, Retry, RetryReason};
use crate::same_number::{Claim, Refusal, Resting};
use crate::task::spawn;

/// A run over only refused or repeated inputs gives way to other tasks after so many.
const INPUTS_A_TURN: u32 = 1_000;

pub(super) type OnRequest = Arc<dyn Fn(&[PhoneNumber]) -> ControlFlow<()> + Send + Sync>;

/// What a run is made of.
pub(super) struct Setup {
    pub(super) control: Arc<Control>,
    pub(super) numbers: Numbers,
    pub(super) text: String,
    pub(super) options: Options,
    pub(super) max_in_flight: usize,
    pub(super) on_request: Option<OnRequest>,
    pub(super) on_progress: Option<OnProgress>,
}

/// The caller's look at a request before it leaves.
struct Look {
    look: Option<OnRequest>,
    control: Arc<Control>,
}

impl BeforeRequest for Look {
    async fn before_request(&mut self, attempt: Attempt<'_>) -> Result<(), Error> {
        if self.look.as_ref().is_some_and(|look| look(attempt.numbers).is_break()) {
            self.control.stop(&StopReason::Asked);
            return Err(self.control.not_attempted());
        }
        Ok(())
    }
}

/// What a batch has that may leave.
type Through = (OwnedSemaphorePermit, Turn, Option<Box<Hold>>);

/// A run, from its inputs to the last outcome.
pub(super) struct Run {
    core: Arc<Core>,
    pub(super) control: Arc<Control>,
    /// `None` if text or sender id are not usable.
    message: Option<Message>,
    terms: Terms,
    /// How long it waits for a gateway that does not answer.
    give_up_after: Duration,
    inputs: Inputs,
    exhausted: bool,
    batcher: Batcher,
    /// Good numbers that have not found a draft yet, with their positions.
    parsed: VecDeque<(PhoneNumber, u64)>,
    /// Numbers that rest: this client wrote to them less than 16 s ago.
    held: VecDeque<(PhoneNumber, u64)>,
    /// The draft that waits for its turn.
    draft: PendingBatch,
    places: Arc<Semaphore>,
    on_request: Option<OnRequest>,
    index: u64,
}

impl Run {
    pub(super) fn new(setup: Setup) -> Self {
        let Setup { control, numbers, text, mut options, max_in_flight, on_request, on_progress } = setup;
        let core = Arc::clone(&control.core);
        control.start(on_progress);
        let message = match options.message(&core, text) {
            Ok(message) => Some(message),
            Err(error) => {
                control.stop(&StopReason::Error(&error));
                None
            }
        };
        options.on_retry = Some(watch_the_queue(&control, options.on_retry.take()));
        Self {
            batcher: Batcher::new(core.phone_rules, core.guards.only_to.clone()),
            terms: options.terms(Lane::Bulk, Some(control.flow())),
            core,
            control,
            message,
            give_up_after: options.give_up_after,
            inputs: numbers.inputs,
            exhausted: false,
            parsed: VecDeque::new(),
            held: VecDeque::new(),
            draft: PendingBatch::default(),
            places: Arc::new(Semaphore::new(max_in_flight.min(Semaphore::MAX_PERMITS))),
            on_request,
            index: 0,
        }
    }

    pub(super) async fn go(&mut self) {
        self.core.guards.ask_the_balance();
        // A draft is there already where another task left it.
        while !self.draft.is_empty() || self.next_draft().await {
            self.control.room().await;
            self.begin().await;
        }
        loop {
            tokio::select! {
                biased;
                () = self.control.idle() => return,
                // A batch that waits for its next attempt waits for the gateway's answer too.
                () = self.control.outage() => self.sit_out().await,
            }
        }
    }

    /// True if this process wrote to the number too recently and the run waits for it. After a stop nothing is held
    /// back.
    fn rests(&self, number: PhoneNumber) -> bool {
        let waits = self.terms.policy.same_number && self.message.as_ref().is_some_and(Message::is_live);
        let memory = &self.core.messages.same_number;
        waits && !self.control.is_stopped() && !memory.longest_rest(&[number]).is_zero()
    }

    /// Makes the next request's draft, or one of what was met on the way; false at the end.
    async fn next_draft(&mut self) -> bool {
        let mut inputs = 0u32;
        let until = self.terms.deadline;
        loop {
            if !self.fill() {
                self.draft = std::mem::take(&mut self.batcher.draft);
                return true;
            }
            if self.batcher.draft.is_heavy() {
                self.draft = self.batcher.draft.take_skipped();
                return true;
            }
            if self.exhausted || self.control.is_abandoned() {
                if !self.batcher.draft.numbers.is_empty() || self.held.is_empty() {
                    self.draft = std::mem::take(&mut self.batcher.draft);
                    return !self.draft.is_empty();
                }
                self.rest().await;
                continue;
            }
            inputs += 1;
            if inputs.is_multiple_of(INPUTS_A_TURN) {
                tokio::task::yield_now().await;
            }
            tokio::select! {
                biased;
                () = self.control.abandoned() => {}
                input = AssertUnwindSafe(self.inputs.next()).catch_unwind() => match input {
                    Ok(Some(recipient)) => self.batcher.add(&recipient, |_, number, position| {
                        self.parsed.push_back((number, position));
                    }),
                    Ok(None) => self.exhausted = true,
                    // Asked again it could panic again, or give what it gave before.
                    Err(panic) => {
                        self.exhausted = true;
                        self.control.panicked(panic);
                    }
                },
                // The source keeps the run waiting: what it has given is told now if it will not be sent.
                () = self.control.stopped(), if !self.batcher.draft.is_empty() || !self.held.is_empty() => {
                    self.fill();
                    self.draft = std::mem::take(&mut self.batcher.draft);
                    return true;
                }
                () = late(until), if !self.control.is_stopped() => self.too_late(),
            }
        }
    }

    fn too_late(&self) {
        self.control.stop(&StopReason::Error(&Error::deadline()));
    }

    /// Moves what is ready into the draft; false when the draft is full.
    fn fill(&mut self) -> bool {
        while let Some(&(number, position)) = self.held.front()
            && !self.rests(number)
        {
            if !self.batcher.draft.push(number, position) {
                return false;
            }
            self.held.pop_front();
        }
        while let Some(&(number, position)) = self.parsed.front() {
            if self.rests(number) {
                self.held.push_back((number, position));
            } else if !self.batcher.draft.push(number, position) {
                return false;
            }
            self.parsed.pop_front();
        }
        true
    }

    /// Waits until the first held number may be written to.
    async fn rest(&mut self) {
        let Some(&(number, _)) = self.held.front() else { return };
        let wait = self.core.messages.same_number.longest_rest(&[number]);
        self.control.resting(true);
        self.wait(wait).await;
        self.control.resting(false);
    }

    /// Starts the draft when its turn has come; all of it may have to rest after all.
    async fn begin(&mut self) {
        if self.draft.numbers.is_empty() {
            return self.settle(Error::input("no number of this part of the input can be sent to"));
        }
        let (place, turn, hold) = match self.let_through().await {
            Ok(Some(through)) => through,
            Ok(None) => {
                let error = self.control.not_attempted();
                return self.settle(error);
            }
            Err(error) => {
                self.control.stop(&StopReason::Error(&error));
                return self.settle(error);
            }
        };
        let (numbers, claim) = match self.claim().await {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return,
            Err(error) => {
                if error.stops_run() {
                    self.control.stop(&StopReason::Error(&error));
                }
                return self.settle(error);
            }
        };
        let Some(message) = &self.message else { return };
        let batch = dispatch::batch(&self.core, message, numbers, self.terms.clone());
        let left = batch.run.as_ref().map_or_else(Arc::default, |run| Arc::clone(&run.left));
        let look = Look { look: self.on_request.clone(), control: Arc::clone(&self.control) };
        let taken = Taken { turn: Some(turn), claim: Some(claim), hold };
        let sending = dispatch(Arc::clone(&self.core), batch, Some(Box::new(taken)), look);
        let (draft, index) = (std::mem::take(&mut self.draft), self.next_index());
        let in_flight = InFlight::new(Arc::clone(&self.control), index, draft, left, place);
        let mut task: BoxFuture<'static, ()> =
            Box::pin(end(sending, in_flight, Arc::clone(&self.control)).instrument(Span::current()));
        // Its first poll is here, where it got its turn: the request leaves now, and before the run goes on.
        if poll_fn(|cx| Poll::Ready(task.as_mut().poll(cx))).await.is_pending() {
            spawn(&Handle::current(), task);
        }
    }

    /// Waits for a turn and for the guards; `None` when stopped.
    async fn let_through(&mut self) -> Result<Option<Through>, Error> {
        loop {
            self.quiet_hours().await?;
            let Some((place, turn)) = self.turn().await else { return Ok(None) };
            if self.core.guards.quiet().is_some() {
                continue;
            }
            let guarded = self.message.as_ref().filter(|_| self.core.guards.are_any());
            let Some(message) = guarded else { return Ok(Some((place, turn, None))) };
            let facts = message.facts(self.draft.numbers[..].into());
            let admitted = tokio::select! {
                biased;
                () = self.control.stopped() => return Ok(None),
                admitted = dispatch::admit(&self.core, Lane::Bulk, &facts, self.terms.deadline) => admitted,
            };
            let error = match admitted {
                Ok(hold) => return Ok(Some((place, turn, hold))),
                Err(error) => error,
            };
            let numbers = self.draft.numbers.len();
            let wait = dispatch::opens_in(self.terms.policy, self.terms.deadline, numbers, error)?;
            drop((place, turn));
            self.control.waits_for(Some(Waiting::SpendLimit));
            self.wait(wait).await;
            self.control.waits_for(None);
        }
    }

    /// Waits for the end of quiet hours, if the run may.
    async fn quiet_hours(&mut self) -> Result<(), Error> {
        let mut told = false;
        while !self.control.is_stopped()
            && let Some(left) = self.core.guards.quiet()
        {
            if !self.terms.policy.quiet_hours {
                return Err(Error::quiet_hours(left));
            }
            if !std::mem::replace(&mut told, true) {
                self.control.waits_for(Some(Waiting::QuietHours));
            }
            self.wait(left.min(dispatch::LOOK_AGAIN)).await;
        }
        if told {
            self.control.waits_for(None);
        }
        Ok(())
    }

    /// Waits so long, unless the run is stopped or too late first.
    async fn wait(&mut self, wait: Duration) {
        tokio::select! {
            biased;
            () = self.control.stopped() => {}
            () = sleep(wait) => {}
            () = late(self.terms.deadline) => self.too_late(),
        }
    }

    /// Waits for a place in flight, the end of a pause, of an outage and of a full queue, and a turn; `None` when
    /// stopped.
    async fn turn(&mut self) -> Option<(OwnedSemaphorePermit, Turn)> {
        loop {
            self.control.give_up_after(self.give_up_after);
            let wait = async {
                let place = Arc::clone(&self.places).acquire_owned().await.ok()?; // never closed
                Some((place, dispatch::turn(&self.core, &self.terms).await))
            };
            tokio::select! {
                biased;
                () = self.control.stopped() => return None,
                () = self.control.outage() => self.sit_out().await,
                turn = wait => match turn? {
                    (place, Ok(turn)) => return Some((place, turn)),
                    (_, Err(error)) => self.control.stop(&StopReason::Error(&error)),
                },
                () = late(self.terms.deadline) => self.too_late(),
            }
        }
    }

    /// Asks a question that changes nothing, after a wait that grows, and goes on if the gateway answers.
    async fn sit_out(&mut self) {
        let control = Arc::clone(&self.control);
        let (core, deadline, give_up_after) =
            (Arc::clone(&self.core), self.terms.deadline, self.give_up_after);
        let Some(left) =
            control.look(|state| Some(give_up_after.saturating_sub(state.outage.since()?.0.elapsed())))
        else {
            return;
        };
        let wait = control.change(|state| state.outage.next_wait()).min(left);
        let ask = async {
            sleep(wait).await;
            control.resumed().await;
            control.give_up_after(give_up_after);
            tokio::select! {
                biased;
                () = control.stopped() => None,
                () = control.paused() => None,
                balance = balance::ask_once(core, Lane::Bulk, deadline) => Some(balance),
            }
        };
        let answer = tokio::select! {
            biased;
            () = control.stopped() => return,
            answer = ask => answer,
            () = late(deadline) => return self.too_late(),
        };
        match answer {
            None => {}
            Some(Err(error)) if error.kind() != ErrorKind::Api => {
                control.change(|state| state.outage.still(error))
            }
            // A refusal is an answer too: if it is about the account, the next batch will meet it.
            Some(_) => control.answers_again(),
        }
    }

    /// Claims the draft's numbers; those that rest are held back. `None` if all of them do.
    async fn claim(&mut self) -> Result<Option<(Arc<[PhoneNumber]>, Claim)>, Error> {
        let Some(message) = &self.message else { return Ok(None) };
        while !self.draft.numbers.is_empty() {
            let numbers: Arc<[PhoneNumber]> = self.draft.numbers[..].into();
            match dispatch::claim(&self.core, message, &numbers, self.terms.deadline).await {
                Ok(claim) => return Ok(Some((numbers, claim))),
                Err(Refusal::Failed(error)) => return Err(error),
                Err(Refusal::Resting(resting)) if self.terms.policy.same_number => {
                    let resting: HashSet<_> = resting.iter().map(|resting| resting.number).collect();
                    let drafted = std::mem::take(&mut self.draft);
                    for (number, position) in drafted.numbers.into_iter().zip(drafted.positions) {
                        if resting.contains(&number) {
                            self.held.push_back((number, position));
                        } else {
                            self.draft.push(number, position);
                        }
                    }
                    self.draft.invalid = drafted.invalid;
                    self.draft.duplicates = drafted.duplicates;
                }
                Err(Refusal::Resting(resting)) => {
                    return Err(Error::recent_number(Resting::longest(&resting)));
                }
            }
        }
        // Nothing is left to send now; what was met on the way goes with the next draft.
        self.batcher.draft.invalid.splice(0..0, self.draft.invalid.drain(..));
        self.batcher.draft.duplicates.splice(0..0, self.draft.duplicates.drain(..));
        Ok(None)
    }

    fn next_index(&mut self) -> u64 {
        self.index += 1;
        self.index - 1
    }

    /// Ends the draft without a request.
    fn settle(&mut self, error: Error) {
        let (draft, index) = (std::mem::take(&mut self.draft), self.next_index());
        self.control.settle(draft.into_batch(index, Err(error)));
    }

    /// Nobody reads the outcomes, and the run's task is gone: what it has read of its source is counted.
    pub(super) fn abandon(mut self: Box<Self>) {
        self.abandon_rest();
        self.control.over();
    }

    pub(super) fn abandon_rest(&mut self) {
        let waiting: Vec<_> = self.held.drain(..).chain(self.parsed.drain(..)).collect();
        self.settle_if_any();
        self.draft = std::mem::take(&mut self.batcher.draft);
        for (number, position) in waiting {
            if !self.draft.push(number, position) {
                self.settle_if_any();
                self.draft.push(number, position);
            }
        }
        self.settle_if_any();
    }

    fn settle_if_any(&mut self) {
        if !self.draft.is_empty() {
            let error = self.control.not_attempted();
            self.settle(error);
        }
    }
}

/// Sends a batch and tells its end.
async fn end(
    sending: impl Future<Output = Result<Accepted, Error>> + Send,
    in_flight: InFlight,
    control: Arc<Control>,
) {
    match AssertUnwindSafe(sending).catch_unwind().await {
        Ok(Err(error)) if error.kind() == ErrorKind::Stopped => in_flight.end(Err(control.not_attempted())),
        Ok(result) => {
            if let Err(error) = &result
                && error.stops_run()
            {
                control.stop(&StopReason::Error(error));
            }
            control.heard(result.as_ref().map(|_| ()));
            in_flight.end(result);
        }
        // Of the caller's look at a retry or a request, or of the transport. What became of the batch is told by
        // whether its request had left.
        Err(panic) => {
            control.panicked(panic);
            drop(in_flight);
        }
    }
}

/// Looks at the retries for the run before the caller does.
fn watch_the_queue(control: &Arc<Control>, look: Option<OnRetry>) -> OnRetry {
    let control = Arc::downgrade(control);
    OnRetry::new(move |retry: &Retry| {
        if retry.reason == RetryReason::QueueFull
            && let Some(control) = control.upgrade()
        {
            control.queue_full(&retry.error);
        }
        look.as_ref().map_or(ControlFlow::Continue(()), |look| look.look(retry))
    })
}
