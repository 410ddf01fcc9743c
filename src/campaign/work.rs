//! A worker: takes a turn, then a batch, posts it, and stores what became of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::events;
use super::journal::Journal;
use super::outbox::OUTBOX;
use super::rows::{Claimed, Learned, micros};
use super::state::Verdict;
use super::trouble::{Trouble, Verdicts};
use super::window::Window;
use crate::client::Client;
use crate::clock::wall_now;
use crate::code::CodeClass;
use crate::core::Core;
use crate::dispatch::{self, Attempt, BeforeRequest, Taken, Terms};
use crate::endpoint::send::Message;
use crate::error::{Delivery, Error, ErrorKind};
use crate::limit::{Lane, Turn};
use crate::report::Accepted;
use crate::retry::Policy;
use crate::store::{Backend, Store, StoreError};

/// Requests under way at once, as in a bulk run.
const MAX_IN_FLIGHT: usize = 4;
/// How old a claim may be when its request leaves, on both clocks: a machine that slept meanwhile posts nothing.
const FRESH: Duration = Duration::from_secs(2);
/// Between looks at what the store says of windows, claims that ran out and new campaigns.
const UPKEEP: Duration = Duration::from_secs(5);
/// Between looks for something to send, where there was nothing.
const IDLE: Duration = Duration::from_millis(500);
/// Longest pause between two tries to reach the store.
const STORE_AWAY: Duration = Duration::from_secs(10);
/// A start that was missed by more than this pauses instead of sending.
const MISSED: Duration = Duration::from_secs(60 * 60);

/// A place at which a test kills the process.
macro_rules! may_die {
    ($point:literal) => {
        #[cfg(all(test, feature = "sandbox"))]
        super::tests::kills::may_die($point);
    };
}

/// What a worker sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Campaigns,
    Outbox,
}

/// A worker that is being set up.
#[derive(Debug)]
#[must_use = "a worker does nothing until start() is awaited"]
pub struct Work {
    client: Client,
    store: Store,
    source: Source,
    journal: Option<PathBuf>,
    max_in_flight: usize,
    until_done: bool,
}

impl Client {
    /// Sends the running campaigns of this client's account that stand in a store: by priority, then by age. Any
    /// number of workers share them, in one process or in many, on one machine or on many.
    pub fn work(&self, store: &Store) -> Work {
        self.worker_of(store, Source::Campaigns)
    }

    /// Sends the messages of a store's outbox, by priority, then in the order in which they were inserted, in the lane
    /// of single requests: a request a text, messages of the same text together. Any number of workers share them.
    pub fn work_outbox(&self, store: &Store) -> Work {
        self.worker_of(store, Source::Outbox)
    }

    fn worker_of(&self, store: &Store, source: Source) -> Work {
        Work {
            client: self.clone(),
            store: store.clone(),
            source,
            journal: None,
            max_in_flight: MAX_IN_FLIGHT,
            until_done: false,
        }
    }
}

impl Work {
    /// The folder of the workers' journals, which is made if it is not there; several workers may share it. It has to
    /// be on a disk of this machine, and the same after a restart: what was in flight is found in it. Default: beside
    /// the file of an SQLite store; a worker on PostgreSQL has to name one.
    pub fn journal(mut self, folder: impl AsRef<Path>) -> Self {
        self.journal = Some(folder.as_ref().to_owned());
        self
    }

    /// How many requests may be under way at once. Default: 4; at least 1.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests.max(1);
        self
    }

    /// Ends when no running campaign of the account has anything left to send. Without it a worker waits for more.
    pub fn until_done(mut self) -> Self {
        self.until_done = true;
        self
    }

    /// Starts the worker in a task of its own, after what an earlier one left in its journal is settled.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if the journal cannot be kept, of kind `Store` if the store does not answer.
    pub async fn start(self) -> Result<Worker, Error> {
        let folder = match (&self.journal, self.store.backend()) {
            (Some(folder), _) => folder.clone(),
            (None, Backend::Sqlite(db)) => {
                let mut beside = db.path().as_os_str().to_owned();
                beside.push("-workers");
                beside.into()
            }
            #[cfg(feature = "postgres")]
            (None, Backend::Postgres(_)) => {
                return Err(Error::config(
                    "a worker on PostgreSQL needs a folder for its journal, on a disk of this machine that is there \
                     after a restart: call .journal(folder)",
                ));
            }
        };
        let shown = folder.display().to_string();
        let journal = blocking(move || Journal::open(&folder))
            .await
            .map_err(|error| Error::config_from(format!("the journal in {shown} cannot be kept"), error))?;
        let core = Arc::clone(&self.client.core);
        let terms = Terms {
            lane: match self.source {
                Source::Campaigns => Lane::Bulk,
                Source::Outbox => Lane::Single,
            },
            policy: Policy { reading: false, queue_full: false, same_number: false, others: false },
            deadline: None,
            on_retry: None,
            flow: None,
        };
        let room = Arc::new(Room {
            account: core.messages.account.to_string(),
            core,
            store: self.store,
            source: self.source,
            worker: journal.worker(),
            journal: Arc::new(Mutex::new(journal)),
            terms,
            trouble: Trouble::default(),
            unsettled: AtomicUsize::new(0),
        });
        room.replay().await?;
        room.upkeep().await?;
        let (stop, stopped) = watch::channel(false);
        let run = Arc::clone(&room).run(self.client, stopped, self.max_in_flight, self.until_done);
        Ok(Worker { stop, task: tokio::spawn(run) })
    }
}

/// A worker under way. Dropped, it stops as after [`stop`](Self::stop).
#[derive(Debug)]
#[must_use = "a worker that is dropped stops"]
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), Error>>,
}

impl Worker {
    /// Takes no further batch. What is in flight is answered and stored: wait for it by [`finished`](Self::finished).
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until the worker has ended by itself; [`finished`](Self::finished) then says how. Dropped, nothing is lost.
    pub async fn ended(&mut self) {
        while !self.task.is_finished() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for the end of the worker: of the work with [`Work::until_done`], or after [`stop`](Self::stop).
    ///
    /// # Errors
    ///
    /// What ended it before: a journal that cannot be written, or a store that is an older copy of itself.
    ///
    /// # Cancellation
    ///
    /// Dropped, the worker stops as after [`stop`](Self::stop).
    pub async fn finished(mut self) -> Result<(), Error> {
        match (&mut self.task).await {
            Ok(ended) => ended,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::stopped(None)),
            },
        }
    }
}

/// What a worker and its batches share.
struct Room {
    core: Arc<Core>,
    account: String,
    store: Store,
    source: Source,
    worker: i64,
    journal: Arc<Mutex<Journal>>,
    terms: Terms,
    trouble: Trouble,
    /// Batches whose outcome is known and could not be stored yet.
    unsettled: AtomicUsize,
}

/// What a worker does next.
enum Next {
    /// Looks again.
    Look,
    /// Takes a batch: it has its turn.
    Take(Turn),
    End,
}

impl Room {
    async fn run(
        self: Arc<Self>,
        client: Client,
        mut stop: watch::Receiver<bool>,
        max_in_flight: usize,
        until_done: bool,
    ) -> Result<(), Error> {
        let mut flight: JoinSet<Result<(), Error>> = JoinSet::new();
        let mut ended = Ok(());
        let mut last_upkeep = Instant::now();
        let mut away = Away::default();
        while ended.is_ok() && !is_stopped(&stop) {
            while let Some(done) = flight.try_join_next() {
                ended = ended.and(landed(done));
            }
            let next = self.next(&client, &mut last_upkeep, &mut flight, max_in_flight, until_done);
            let next = tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                next = next => next,
            };
            let done = match next {
                Ok(Next::Look) => Ok(()),
                // Never given up half-way: a claim that nobody knows of would stand until it has run out.
                Ok(Next::Take(turn)) => self.take(turn, &mut flight).await,
                Ok(Next::End) => break,
                Err(error) => Err(error),
            };
            match done {
                Ok(()) => away = Away::default(),
                Err(error) if error.kind() == ErrorKind::Store => {
                    if away.0.is_zero() {
                        events::store_away(&error);
                    }
                    tokio::select! {
                        () = stopped(&mut stop) => {}
                        () = away.pause() => {}
                    }
                }
                Err(error) => ended = Err(error),
            }
        }
        while let Some(done) = flight.join_next().await {
            ended = ended.and(landed(done));
        }
        let _ = self
            .store
            .run_one("DELETE FROM kwtsms_worker WHERE id = $1 RETURNING id", vec![self.worker.into()])
            .await;
        ended
    }

    /// Waits for something to do. Dropped, it has taken nothing.
    async fn next(
        &self,
        client: &Client,
        last_upkeep: &mut Instant,
        flight: &mut JoinSet<Result<(), Error>>,
        max_in_flight: usize,
        until_done: bool,
    ) -> Result<Next, Error> {
        if last_upkeep.elapsed() >= UPKEEP {
            self.upkeep().await?;
            *last_upkeep = Instant::now();
        }
        // What the store does not know yet comes first, and so does a place in flight.
        if self.unsettled.load(Ordering::Acquire) > 0 || flight.len() >= max_in_flight {
            tokio::select! {
                Some(done) = flight.join_next() => landed(done)?,
                () = tokio::time::sleep(UPKEEP) => {}
            }
            return Ok(Next::Look);
        }
        if let Some(wait) = self.trouble.wait() {
            tokio::time::sleep(wait.min(UPKEEP)).await;
            return Ok(Next::Look);
        }
        if self.trouble.asks_first() {
            // An outage: a call that only reads finds out whether it is over.
            self.trouble.asked(client.balance().await.err());
            return Ok(Next::Look);
        }
        if !self.has_work().await? {
            if until_done && flight.is_empty() && self.is_done().await? {
                return Ok(Next::End);
            }
            tokio::select! {
                Some(done) = flight.join_next(), if !flight.is_empty() => landed(done)?,
                () = tokio::time::sleep(IDLE) => {}
            }
            return Ok(Next::Look);
        }
        // The turn first, holding nothing; then a batch.
        match dispatch::turn(&self.core, &self.terms).await {
            Ok(turn) => Ok(Next::Take(turn)),
            Err(error) if error.delivery() == Delivery::NotSent => {
                self.trouble.not_sent(&error);
                Ok(Next::Look)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a batch, if there still is one, and puts it on its way.
    async fn take(
        self: &Arc<Self>,
        turn: Turn,
        flight: &mut JoinSet<Result<(), Error>>,
    ) -> Result<(), Error> {
        may_die!("before the claim");
        let taken_at = Clocks::now();
        let claimed = match self.source {
            Source::Campaigns => self.store.claim_batch(&self.account, self.worker).await?,
            Source::Outbox => self.store.claim_messages(self.worker, self.core.phone_rules).await?,
        };
        let Some(claimed) = claimed else { return Ok(()) };
        may_die!("after the claim");
        self.check_copy(&claimed).await?;
        let room = Arc::clone(self);
        let taken = Taken { turn: Some(turn), claim: None };
        flight.spawn(async move { room.send(claimed, taken, taken_at).await });
        Ok(())
    }

    /// A store that has granted fewer claims than it had is an older copy: what was sent since then stands in it as
    /// planned.
    async fn check_copy(&self, claimed: &Claimed) -> Result<(), Error> {
        let seen = {
            let mut journal = self.journal();
            let seen = journal.granted();
            journal.saw(claimed.granted);
            seen
        };
        if claimed.granted > seen {
            return Ok(());
        }
        let why = "the store is an older copy of itself: compare it with what the gateway's archive shows";
        let claim = (claimed.batch, claimed.fence);
        self.store_outcome(claim, Verdict::NothingQueued, &Learned::default()).await?;
        self.store.pause_for_code(Some(&self.account), claimed.campaign, why).await?;
        Err(Error::config(format!("{why}; all campaigns of the account are paused")))
    }

    fn journal(&self) -> std::sync::MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs what writes to the journal's disk on a thread for what blocks.
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Journal) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let journal = Arc::clone(&self.journal);
        blocking(move || job(&mut journal.lock().unwrap_or_else(PoisonError::into_inner)))
            .await
            .map_err(|error| Error::config_from("the worker's journal cannot be written", error))
    }

    /// Stores what became of a claim; false if it is not the worker's any more.
    async fn store_outcome(
        &self,
        (batch, fence): (i64, i64),
        verdict: Verdict,
        learned: &Learned,
    ) -> Result<bool, StoreError> {
        if batch == OUTBOX {
            self.store.settle_messages(fence, verdict, learned).await
        } else {
            self.store.settle_batch(batch, fence, verdict, learned).await
        }
    }

    /// Sends a claimed batch, and stores what became of it.
    async fn send(self: Arc<Self>, claimed: Claimed, taken: Taken, taken_at: Clocks) -> Result<(), Error> {
        let claim = (claimed.batch, claimed.fence);
        let granted = claimed.granted;
        if let Err(error) = self.write(move |journal| journal.begin(claim, granted)).await {
            // Nothing is posted that a restart would not know of.
            let learned = Learned { wait: UPKEEP, ..Learned::default() };
            self.settle(claim, Verdict::NothingQueued, learned).await;
            return Err(error);
        }
        let result = self.post(&claimed, taken, taken_at).await;
        may_die!("after the answer");
        let (verdict, learned, consequence) = self.judge(&claimed, &result);
        let written = {
            let learned = learned.clone();
            self.write(move |journal| journal.end(claim, verdict, &learned)).await
        };
        self.settle(claim, verdict, learned).await;
        if let Some((account, reason)) = consequence {
            let account = account.then_some(self.account.as_str());
            let mut away = Away::default();
            while self.store.pause_for_code(account, claimed.campaign, &reason).await.is_err() {
                away.pause().await;
            }
            events::paused(&reason);
        }
        written
    }

    async fn post(&self, claimed: &Claimed, taken: Taken, taken_at: Clocks) -> Result<Accepted, Error> {
        let message =
            Message::new(&self.core, claimed.text.clone(), claimed.sender.as_deref(), Some(claimed.test))?;
        let batch = dispatch::batch(&self.core, &message, claimed.numbers.clone().into(), self.terms.clone());
        dispatch::dispatch(Arc::clone(&self.core), batch, Some(Box::new(taken)), Fresh { taken_at }).await
    }

    /// What an answer means for its batch, and whether it pauses the campaign or all of the account.
    fn judge(
        &self,
        claimed: &Claimed,
        result: &Result<Accepted, Error>,
    ) -> (Verdict, Learned, Option<(bool, String)>) {
        let mut learned = Learned::default();
        let error = match result {
            Ok(accepted) => {
                self.trouble.answered();
                if accepted.counted().is_some_and(|counted| counted < claimed.numbers.len() as u64) {
                    learned.reason = Some("the gateway counted fewer numbers than it was given".to_owned());
                }
                learned.message_id = Some(accepted.message_id().as_str().to_owned());
                learned.points = accepted.points_charged().map(|points| points.thousandths());
                learned.balance = accepted.balance_after().map(|balance| balance.thousandths());
                return (Verdict::Accepted, learned, None);
            }
            Err(error) => error,
        };
        learned.code = error.code().map(|code| code.as_str().to_owned());
        learned.reason = Some(format!("{error:#}"));
        match Verdicts::of(error, claimed.attempt) {
            Verdicts::Unknown => {
                self.trouble.unknown(error);
                (Verdict::Unknown, learned, None)
            }
            Verdicts::Again(wait) => {
                if error.delivery() == Delivery::Refused {
                    self.trouble.answered();
                    if error.code().map(|code| code.class()) == Some(CodeClass::QueueFull) {
                        self.trouble.queue_full();
                    }
                } else {
                    self.trouble.not_sent(error);
                }
                learned.wait = wait;
                (Verdict::NothingQueued, learned, None)
            }
            Verdicts::PausesAccount => {
                let reason = format!("{error:#}; {}", error.action());
                if self.source == Source::Outbox {
                    // There is nothing to pause and to resume: it is tried again, at most once a minute.
                    self.trouble.account_refused();
                    return (Verdict::NothingQueued, learned, None);
                }
                self.trouble.answered();
                (Verdict::NothingQueued, learned, Some((true, reason)))
            }
            Verdicts::PausesCampaign => {
                self.trouble.answered();
                learned.invalid = error.delivery() == Delivery::NotSent;
                let reason = format!("{error:#}; {}", error.action());
                let pauses = (self.source == Source::Campaigns).then_some((false, reason));
                (Verdict::Refused, learned, pauses)
            }
            Verdicts::Refused => {
                self.trouble.answered();
                if self.source == Source::Outbox && claimed.numbers.len() > 1 {
                    // One number's refusal must not stop the others': each goes in a request of its own.
                    learned.alone = true;
                    return (Verdict::NothingQueued, learned, None);
                }
                (Verdict::Refused, learned, None)
            }
        }
    }

    /// Stores an outcome, however long the store is away: the journal knows it meanwhile.
    async fn settle(&self, claim: (i64, i64), verdict: Verdict, learned: Learned) {
        self.unsettled.fetch_add(1, Ordering::AcqRel);
        may_die!("while storing");
        let mut away = Away::default();
        let settled = loop {
            match self.store_outcome(claim, verdict, &learned).await {
                Ok(settled) => break settled,
                Err(_) => away.pause().await,
            }
        };
        self.unsettled.fetch_sub(1, Ordering::AcqRel);
        if !settled {
            events::late_answer(claim.0);
        }
        let _ = self.write(move |journal| journal.done(claim)).await; // its loss costs a look at the store
    }

    /// Settles what an earlier worker of this journal left.
    async fn replay(&self) -> Result<(), Error> {
        let left = self.journal().left_over();
        if !left.is_empty() {
            events::replayed(left.len(), left.iter().filter(|(_, outcome)| outcome.is_none()).count());
        }
        for ((batch, fence), outcome) in left {
            let (verdict, learned) = outcome.unwrap_or_else(|| {
                let reason =
                    "the worker ended after its request was about to leave and before an answer was written";
                (Verdict::Unknown, Learned { reason: Some(reason.to_owned()), ..Learned::default() })
            });
            self.store_outcome((batch, fence), verdict, &learned).await?;
            self.write(move |journal| journal.done((batch, fence))).await?;
        }
        let mut held = self.store.held_by(self.worker).await?;
        held.extend(self.store.messages_held_by(self.worker).await?);
        for claim in held {
            // Claimed and never begun: nothing was posted.
            self.store_outcome(claim, Verdict::NothingQueued, &Learned::default()).await?;
        }
        Ok(())
    }

    async fn has_work(&self) -> Result<bool, Error> {
        if self.source == Source::Outbox {
            return Ok(self.store.outbox_has_work().await?);
        }
        let rows = self
            .store
            .select(
                "SELECT 1 FROM kwtsms_campaign c
                 WHERE c.account = $1 AND c.state = 2 AND c.open_from <= {now} AND {now} < c.open_until
                   AND (c.not_before IS NULL OR c.not_before <= {now})
                   AND (c.not_after IS NULL OR {now} < c.not_after)
                   AND EXISTS (SELECT 1 FROM kwtsms_batch b
                               WHERE b.campaign = c.id AND b.state = 0 AND b.not_before <= {now})
                 LIMIT 1",
                vec![self.account.as_str().into()],
            )
            .await?;
        Ok(!rows.is_empty())
    }

    async fn is_done(&self) -> Result<bool, Error> {
        self.upkeep().await?;
        if self.source == Source::Outbox {
            return Ok(!self.store.outbox_is_open().await?);
        }
        let rows = self
            .store
            .select(
                "SELECT 1 FROM kwtsms_campaign c
                 WHERE c.account = $1 AND c.state = 2
                   AND EXISTS (SELECT 1 FROM kwtsms_batch b WHERE b.campaign = c.id AND b.state IN (0, 1))
                 LIMIT 1",
                vec![self.account.as_str().into()],
            )
            .await?;
        Ok(rows.is_empty())
    }

    /// Says that it lives, takes up new campaigns, opens the next windows, ends what its time has ended.
    async fn upkeep(&self) -> Result<(), Error> {
        let place = format!("process {}", std::process::id());
        self.store
            .run_one(
                "INSERT INTO kwtsms_worker (id, account, place, seen_at, waits) VALUES ($1, $2, $3, {now}, $4)
                 ON CONFLICT (id) DO UPDATE SET account = excluded.account, place = excluded.place,
                     seen_at = excluded.seen_at, waits = excluded.waits
                 RETURNING id",
                vec![
                    self.worker.into(),
                    self.account.as_str().into(),
                    place.into(),
                    self.trouble.says().into(),
                ],
            )
            .await?;
        if self.source == Source::Outbox {
            return Ok(self.store.sweep_messages().await?);
        }
        self.store
            .run_one(
                "UPDATE kwtsms_campaign SET account = $1 WHERE account IS NULL AND state = 2 RETURNING id",
                vec![self.account.as_str().into()],
            )
            .await?;
        self.store
            .run_one(
                "UPDATE kwtsms_campaign SET state = 3, reason = 'its start was missed: resume it to send it now'
                 WHERE account = $1 AND state = 2 AND not_before < {now} - $2 AND approved_at <= not_before
                   AND NOT EXISTS (SELECT 1 FROM kwtsms_batch b
                                   WHERE b.campaign = kwtsms_campaign.id AND b.attempt > 0)
                 RETURNING id",
                vec![self.account.as_str().into(), micros(MISSED).into()],
            )
            .await?;
        let closed = self
            .store
            .headers(
                "WHERE account = $1 AND state = 2 AND open_until <= {now}",
                vec![self.account.as_str().into()],
            )
            .await?;
        for header in closed {
            let Some((hours, zone)) = &header.hours else { continue };
            let (from, until) =
                super::load::open_micros(&Window::new(hours, zone)?, self.store.clock().await?);
            self.store
                .run_one(
                    "UPDATE kwtsms_campaign SET open_from = $2, open_until = $3
                     WHERE id = $1 AND open_until < $3 RETURNING id",
                    vec![header.id.into(), from.into(), until.into()],
                )
                .await?;
        }
        while self.store.sweep_batches().await? {}
        Ok(())
    }
}

/// A batch's end, with its panic if it had one.
fn landed(done: Result<Result<(), Error>, tokio::task::JoinError>) -> Result<(), Error> {
    match done {
        Ok(ended) => ended,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::stopped(None)), // the runtime is going down
        },
    }
}

/// True also when the worker was dropped.
fn is_stopped(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await; // its sender gone: the worker was dropped
}

/// Pauses between tries to reach the store, each twice as long as the one before.
#[derive(Default)]
struct Away(Duration);

impl Away {
    async fn pause(&mut self) {
        self.0 = (self.0 * 2).clamp(Duration::from_millis(50), STORE_AWAY);
        tokio::time::sleep(self.0).await;
    }
}

/// The same moment on both clocks.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    monotonic: Instant,
    wall: SystemTime,
}

impl Clocks {
    fn now() -> Self {
        Self { monotonic: Instant::now(), wall: wall_now() }
    }

    /// True while little time has passed on both: the monotonic one stands still while a machine is suspended.
    fn is_fresh(&self) -> bool {
        let wall = wall_now().duration_since(self.wall).unwrap_or(Duration::MAX);
        self.monotonic.elapsed() <= FRESH && wall <= FRESH
    }
}

/// Keeps a request from leaving long after its claim.
struct Fresh {
    taken_at: Clocks,
}

impl BeforeRequest for Fresh {
    async fn before_request(&mut self, _: Attempt<'_>) -> Result<(), Error> {
        if self.taken_at.is_fresh() { Ok(()) } else { Err(Error::prepared_too_late()) }
    }
}

async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    match tokio::task::spawn_blocking(job).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(std::io::Error::other("the runtime is shutting down")),
        },
    }
}
