//! The task of a run: drafts in, batches started in order and on time, outcomes out in order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use super::control::Control;
use super::source::Inputs;
use super::{OnProgress, Setup};
use crate::clock::late;
use crate::endpoint::send::{Outgoing, accepted};
use crate::error::Error;
use crate::limit::{Lane, Turn};
use crate::phone::PhoneNumber;
use crate::pipeline::Core;
use crate::recent::Reservation;
use crate::recipients::{Draft, Plan};
use crate::report::Batch;
use crate::retry::Policy;
use crate::transport::Endpoint;

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

pub(super) struct Run {
    core: Arc<Core>,
    control: Arc<Control>,
    outgoing: Option<Arc<Outgoing>>,
    inputs: Mutex<Inputs>,
    exhausted: bool,
    plan: Plan,
    /// Good numbers that have not found a draft yet, with their positions.
    parsed: VecDeque<(PhoneNumber, u64)>,
    /// Numbers that rest: this client wrote to them less than 16 s ago.
    held: VecDeque<(PhoneNumber, u64)>,
    slots: Arc<Semaphore>,
    index: u64,
}

impl Run {
    pub(super) fn start(setup: Setup) -> (mpsc::Receiver<Batch>, JoinHandle<()>) {
        let Setup { core, numbers, text, options, max_in_flight, on_progress, control } = setup;
        let (outcomes, reader) = mpsc::channel(1);
        let (started, in_order) = mpsc::channel(WAITING_OUTCOMES);
        let outgoing = match Outgoing::new(&core, text, &options) {
            Ok(outgoing) => Some(Arc::new(outgoing)),
            Err(error) => {
                control.stop(Some(error));
                None
            }
        };
        let run = Self {
            plan: Plan::new(core.phone_rules),
            core: Arc::clone(&core),
            control: Arc::clone(&control),
            outgoing,
            inputs: numbers.inputs,
            exhausted: false,
            parsed: VecDeque::new(),
            held: VecDeque::new(),
            slots: Arc::new(Semaphore::new(max_in_flight)),
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

    fn until(&self) -> Option<Instant> {
        self.outgoing.as_ref().and_then(|outgoing| outgoing.until)
    }

    /// True if this client wrote to the number too recently. After a stop nothing is held back.
    fn rests(&self, number: PhoneNumber) -> bool {
        let live = self.outgoing.as_ref().is_some_and(|outgoing| !outgoing.test);
        live && !self.control.is_stopped() && !self.core.recent.wait_for(number).is_zero()
    }

    /// The next request's worth of numbers, or what was met on the way; `None` at the end.
    async fn next_draft(&mut self) -> Option<Draft> {
        let mut inputs = 0u32;
        let until = self.until();
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
                input = self.inputs.get_mut().unwrap_or_else(PoisonError::into_inner).next() => match input {
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
    async fn rest(&self) {
        let Some(&(number, _)) = self.held.front() else { return };
        let wait = self.core.recent.wait_for(number);
        self.control.resting(true);
        tokio::select! {
            () = self.control.stopped() => {}
            () = tokio::time::sleep(wait) => {}
            () = late(self.until()) => self.control.stop(Some(Error::deadline())),
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
        let outgoing = self.outgoing.clone();
        let (Some(outgoing), Some((turn, slot))) = (outgoing, self.turn().await) else {
            let error = self.control.not_attempted();
            return Some(self.ready(draft, error));
        };
        let reservation = if outgoing.test { None } else { Some(Arc::new(self.reserve(&mut draft)?)) };
        let policy = Policy { reading: false, queue_full: true, same_number: true };
        let stop = Some(self.control.stop_signal());
        let mut call = outgoing.call(&self.core, &draft.numbers, Lane::Bulk, policy, reservation, stop);
        call.turn = Some(turn);
        let index = self.next_index();
        let (core, control) = (Arc::clone(&self.core), Arc::clone(&self.control));
        let task = async move {
            let result = core.run(call, accepted).await;
            if let Err(error) = &result
                && error.stops_run()
            {
                control.stop(Some(error.clone()));
            }
            drop(slot);
            draft.into_batch(index, result)
        };
        Some(Started::Task(tokio::spawn(task.instrument(Span::current()))))
    }

    /// Waits for a place in flight, the end of a pause and of a full queue, and a turn; `None` when stopped.
    async fn turn(&self) -> Option<(Turn, OwnedSemaphorePermit)> {
        let until = self.until();
        let wait = async {
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return None };
            loop {
                self.control.resumed().await;
                self.core.queue.opened().await;
                let turn = match self.core.turn(Endpoint::Send, Lane::Bulk, until).await {
                    Ok(turn) => turn,
                    Err(error) => {
                        self.control.stop(Some(error));
                        return None;
                    }
                };
                if !self.control.is_paused() && !self.core.queue.is_closed() {
                    return Some((turn, slot));
                }
            }
        };
        tokio::select! {
            biased;
            () = self.control.stopped() => None,
            turn = wait => turn,
            () = late(until) => {
                self.control.stop(Some(Error::deadline()));
                None
            }
        }
    }

    /// Takes the draft's numbers; those that came to rest meanwhile are held back.
    fn reserve(&mut self, draft: &mut Draft) -> Option<Reservation> {
        loop {
            match self.core.recent.reserve(&draft.numbers) {
                Ok(reservation) if !draft.numbers.is_empty() => return Some(reservation),
                Err(_) if !draft.numbers.is_empty() => {
                    let drafted = std::mem::take(draft);
                    for (number, position) in drafted.numbers.into_iter().zip(drafted.positions) {
                        if !self.core.recent.wait_for(number).is_zero() {
                            self.held.push_back((number, position));
                        } else {
                            draft.push(number, position);
                        }
                    }
                    draft.invalid = drafted.invalid;
                    draft.duplicates = drafted.duplicates;
                }
                _ => {
                    // Nothing is left to send now; what was met on the way goes with the next draft.
                    self.plan.draft.invalid.splice(0..0, draft.invalid.drain(..));
                    self.plan.draft.duplicates.splice(0..0, draft.duplicates.drain(..));
                    return None;
                }
            }
        }
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
