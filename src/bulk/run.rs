//! The task of a run: drafts in, batches started in order and on time, outcomes out in order.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::task::Poll;

use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tracing::{Instrument, Span};

use super::control::Control;
use super::source::Inputs;
use super::{OnProgress, OnRequest, Setup};
use crate::clock::late;
use crate::core::Core;
use crate::dispatch::{self, Attempt, BeforeRequest, Taken, Terms, dispatch};
use crate::endpoint::send::Message;
use crate::error::{Error, ErrorKind};
use crate::limit::{Lane, Turn};
use crate::phone::PhoneNumber;
use crate::recipients::{Draft, Plan};
use crate::report::Batch;
use crate::same_number::{Claim, Refusal, Resting};

/// Outcomes that wait to be read before no further batch starts: 32 batches are 6,400 numbers, 100 KB.
const WAITING_OUTCOMES: usize = 32;

/// A run over only refused or repeated inputs gives way to other tasks after so many.
const INPUTS_A_TURN: u32 = 1_000;

/// A batch under way, or one that needs no request.
enum Started {
    Task(JoinHandle<Batch>),
    Ready(Batch),
}

/// Tells the end of a run, also of one whose source or callback panics: its handles wait for it.
struct Ended(Arc<Control>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The caller's look at a request before it leaves.
struct Look {
    look: Option<OnRequest>,
    control: Arc<Control>,
}

impl BeforeRequest for Look {
    async fn before_request(&mut self, attempt: Attempt<'_>) -> Result<(), Error> {
        if self.look.as_ref().is_some_and(|look| look(attempt.numbers).is_break()) {
            self.control.stop(None);
            return Err(self.control.not_attempted());
        }
        Ok(())
    }
}

pub(super) struct Run {
    core: Arc<Core>,
    control: Arc<Control>,
    /// `None` if text or sender id are not usable.
    message: Option<Message>,
    terms: Terms,
    inputs: Inputs,
    exhausted: bool,
    plan: Plan,
    /// Good numbers that have not found a draft yet, with their positions.
    parsed: VecDeque<(PhoneNumber, u64)>,
    /// Numbers that rest: this client wrote to them less than 16 s ago.
    held: VecDeque<(PhoneNumber, u64)>,
    slots: Arc<Semaphore>,
    on_request: Option<OnRequest>,
    index: u64,
}

impl Run {
    pub(super) fn start(setup: Setup) -> (mpsc::Receiver<Batch>, JoinHandle<()>) {
        let Setup { core, numbers, text, mut options, max_in_flight, on_request, on_progress, control } =
            setup;
        let (outcomes, reader) = mpsc::channel(1);
        let (started, in_order) = mpsc::channel(WAITING_OUTCOMES);
        let message = match options.message(&core, text) {
            Ok(message) => Some(message),
            Err(error) => {
                control.stop(Some(error));
                None
            }
        };
        let run = Self {
            plan: Plan::new(core.phone_rules),
            core: Arc::clone(&core),
            control: Arc::clone(&control),
            message,
            terms: options.terms(Lane::Bulk, Some(control.flow())),
            inputs: numbers.inputs,
            exhausted: false,
            parsed: VecDeque::new(),
            held: VecDeque::new(),
            slots: Arc::new(Semaphore::new(max_in_flight)),
            on_request,
            index: 0,
        };
        let ended = Ended(Arc::clone(&control));
        let task = async move {
            let _ended = ended;
            tokio::join!(run.start_all(started), forward(in_order, outcomes, &core, &control, on_progress));
        };
        (reader, tokio::spawn(task.instrument(Span::current())))
    }

    async fn start_all(mut self, started: mpsc::Sender<Started>) {
        while let Some(draft) = self.next_draft().await {
            if let Some(batch) = self.begin(draft).await
                && started.send(batch).await.is_err()
            {
                return; // the runtime is going down
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

    /// The next request's worth of numbers, or what was met on the way; `None` at the end.
    async fn next_draft(&mut self) -> Option<Draft> {
        let mut inputs = 0u32;
        let until = self.terms.deadline;
        loop {
            if !self.fill() {
                return Some(std::mem::take(&mut self.plan.draft));
            }
            if self.plan.draft.is_heavy() {
                return Some(self.plan.draft.let_go());
            }
            if self.exhausted || self.control.is_abandoned() {
                if !self.plan.draft.numbers.is_empty() || self.held.is_empty() {
                    let last = std::mem::take(&mut self.plan.draft);
                    return (!last.is_empty()).then_some(last);
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
                input = self.inputs.next() => match input {
                    Some(recipient) => self.plan.add(&recipient, |_, number, position| {
                        self.parsed.push_back((number, position));
                    }),
                    None => self.exhausted = true,
                },
                // The source keeps the run waiting: what it has given is told now if it will not be sent.
                () = self.control.stopped(), if !self.plan.draft.is_empty() || !self.held.is_empty() => {
                    self.fill();
                    return Some(std::mem::take(&mut self.plan.draft));
                }
                () = late(until), if !self.control.is_stopped() => self.control.stop(Some(Error::deadline())),
            }
        }
    }

    /// Moves what is ready into the draft; false when the draft is full.
    fn fill(&mut self) -> bool {
        while let Some(&(number, position)) = self.held.front()
            && !self.rests(number)
        {
            if !self.plan.draft.push(number, position) {
                return false;
            }
            self.held.pop_front();
        }
        while let Some(&(number, position)) = self.parsed.front() {
            if self.rests(number) {
                self.held.push_back((number, position));
            } else if !self.plan.draft.push(number, position) {
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
        tokio::select! {
            () = self.control.stopped() => {}
            () = tokio::time::sleep(wait) => {}
            () = late(self.terms.deadline) => self.control.stop(Some(Error::deadline())),
        }
        self.control.resting(false);
    }

    /// Starts a draft when its turn has come. `None` if all of it has to rest after all.
    async fn begin(&mut self, mut draft: Draft) -> Option<Started> {
        if draft.numbers.is_empty() {
            return Some(
                self.ready(draft, Error::input("no number of this part of the input can be sent to")),
            );
        }
        let Some((slot, turn)) = self.turn().await else {
            let error = self.control.not_attempted();
            return Some(self.ready(draft, error));
        };
        let (numbers, claim) = match self.claim(&mut draft).await {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return None,
            Err(error) => return Some(self.ready(draft, error)),
        };
        let Some(message) = &self.message else { return None };
        let taken = Taken { turn: Some(turn), claim: Some(claim) };
        let batch = dispatch::batch(&self.core, message, numbers, self.terms.clone());
        let sending = dispatch(Arc::clone(&self.core), batch, Some(Box::new(taken)), self.look());
        let index = self.next_index();
        let control = Arc::clone(&self.control);
        let task = async move {
            let result = match sending.await {
                Err(error) if error.kind() == ErrorKind::Stopped => Err(control.not_attempted()),
                Err(error) if error.stops_run() => {
                    control.stop(Some(error.clone()));
                    Err(error)
                }
                result => result,
            };
            drop(slot);
            draft.into_batch(index, result)
        };
        // Its first poll is here, where it got its turn: the request leaves now, and before the run goes on.
        let mut task = Box::pin(task.instrument(Span::current()));
        Some(match futures::poll!(&mut task) {
            Poll::Ready(batch) => Started::Ready(batch),
            Poll::Pending => Started::Task(tokio::spawn(task)),
        })
    }

    /// Waits for a place in flight, the end of a pause and of a full queue, and a turn; `None` when stopped.
    async fn turn(&mut self) -> Option<(OwnedSemaphorePermit, Turn)> {
        let wait = async {
            let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?; // never closed
            match dispatch::turn(&self.core, &self.terms).await {
                Ok(turn) => Some((slot, turn)),
                Err(error) => {
                    self.control.stop(Some(error));
                    None
                }
            }
        };
        tokio::select! {
            biased;
            () = self.control.stopped() => None,
            turn = wait => turn,
            () = late(self.terms.deadline) => {
                self.control.stop(Some(Error::deadline()));
                None
            }
        }
    }

    /// Claims the draft's numbers; those that rest are held back. `None` if all of them do.
    async fn claim(&mut self, draft: &mut Draft) -> Result<Option<(Arc<[PhoneNumber]>, Claim)>, Error> {
        let Some(message) = &self.message else { return Ok(None) };
        while !draft.numbers.is_empty() {
            let numbers: Arc<[PhoneNumber]> = draft.numbers[..].into();
            match dispatch::claim(&self.core, message, &numbers).await {
                Ok(claim) => return Ok(Some((numbers, claim))),
                Err(Refusal::Failed(error)) => return Err(error),
                Err(Refusal::Resting(resting)) if self.terms.policy.same_number => {
                    let resting: HashSet<_> = resting.iter().map(|resting| resting.number).collect();
                    let drafted = std::mem::take(draft);
                    for (number, position) in drafted.numbers.into_iter().zip(drafted.positions) {
                        if resting.contains(&number) {
                            self.held.push_back((number, position));
                        } else {
                            draft.push(number, position);
                        }
                    }
                    draft.invalid = drafted.invalid;
                    draft.duplicates = drafted.duplicates;
                }
                Err(Refusal::Resting(resting)) => {
                    return Err(Error::recent_number(Resting::longest(&resting)));
                }
            }
        }
        // Nothing is left to send now; what was met on the way goes with the next draft.
        self.plan.draft.invalid.splice(0..0, draft.invalid.drain(..));
        self.plan.draft.duplicates.splice(0..0, draft.duplicates.drain(..));
        Ok(None)
    }

    fn look(&self) -> Look {
        Look { look: self.on_request.clone(), control: Arc::clone(&self.control) }
    }

    fn next_index(&mut self) -> u64 {
        self.index += 1;
        self.index - 1
    }

    fn ready(&mut self, draft: Draft, error: Error) -> Started {
        Started::Ready(draft.into_batch(self.next_index(), Err(error)))
    }
}

/// Hands outcomes on in order, counting them even when nobody reads any more.
async fn forward(
    mut in_order: mpsc::Receiver<Started>,
    outcomes: mpsc::Sender<Batch>,
    core: &Core,
    control: &Control,
    on_progress: Option<OnProgress>,
) {
    while let Some(started) = in_order.recv().await {
        let batch = match started {
            Started::Ready(batch) => batch,
            Started::Task(task) => match task.await {
                Ok(batch) => batch,
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => return, // the runtime is going down
            },
        };
        control.count(&batch);
        if let Some(look) = &on_progress {
            look(&control.progress(core));
        }
        let _ = outcomes.send(batch).await; // dropped by its reader: counted all the same
    }
}
