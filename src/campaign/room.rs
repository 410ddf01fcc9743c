//! What a worker and its batches share: how a claimed batch is sent, and how its outcome is stored, however long the
//! store is away.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::events;
use super::journal::{Claim, Journal};
use super::outbox::OUTBOX;
use super::rows::{Claimed, Learned};
use super::state::Verdict;
use super::trouble::{Trouble, Verdicts};
use crate::clock::wall_now;
use crate::code::CodeClass;
use crate::core::Core;
use crate::dispatch::{self, Attempt, BeforeRequest, Taken, Terms};
use crate::endpoint::send::Message;
use crate::error::{Delivery, Error};
use crate::report::Accepted;
use crate::store::{Bell, Store, StoreError};

/// How old a claim may be when its request leaves, on both clocks: a machine that slept meanwhile posts nothing.
const FRESH: Duration = Duration::from_secs(2);
/// Longest pause between two tries to reach the store.
const STORE_AWAY: Duration = Duration::from_secs(10);

/// A place at which a test kills the process.
macro_rules! may_die {
    ($point:literal) => {
        #[cfg(all(test, feature = "sandbox"))]
        super::tests::kills::may_die($point);
    };
}
pub(super) use may_die;

/// What a worker sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Campaigns,
    Outbox,
}

/// What a worker and its batches share.
pub(super) struct Room {
    pub(super) core: Arc<Core>,
    pub(super) account: String,
    pub(super) store: Store,
    pub(super) source: Source,
    pub(super) worker: i64,
    pub(super) journal: Arc<Mutex<Journal>>,
    pub(super) terms: Terms,
    pub(super) trouble: Trouble,
    /// Claims that this process knows it has.
    pub(super) held: Mutex<BTreeSet<Claim>>,
    /// Batches whose outcome is known and could not be stored yet.
    pub(super) unsettled: AtomicUsize,
    /// Rings when there may be something to send.
    pub(super) bell: Option<Bell>,
    /// Between looks for something to send, where there was nothing and nothing rang.
    pub(super) idle: Duration,
}

impl Room {
    pub(super) fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    /// Runs what writes to the journal's disk on a thread for what blocks.
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Journal) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let journal = Arc::clone(&self.journal);
        blocking(move || job(&mut lock(&journal)))
            .await
            .map_err(|error| Error::config_from("the worker's journal cannot be written", error))
    }

    /// Stores what became of a claim; false if it is not the worker's any more.
    pub(super) async fn store_outcome(
        &self,
        (batch, fence): Claim,
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
    pub(super) async fn send(
        self: Arc<Self>,
        claimed: Claimed,
        taken: Taken,
        taken_at: Clocks,
    ) -> Result<(), Error> {
        let claim = (claimed.batch, claimed.fence);
        let granted = claimed.granted;
        if let Err(error) = self.write(move |journal| journal.begin(claim, granted)).await {
            // Nothing is posted that a restart would not know of.
            self.settle(claim, Verdict::NothingQueued, Learned::default(), None).await;
            return Err(error);
        }
        let result = self.post(&claimed, taken, taken_at).await;
        may_die!("after the answer");
        let (verdict, learned, pause) = self.judge(&claimed, &result);
        let written = {
            let learned = learned.clone();
            self.write(move |journal| journal.end(claim, verdict, &learned)).await
        };
        self.settle(claim, verdict, learned, pause.map(|pause| (claimed.campaign, pause))).await;
        written
    }

    async fn post(&self, claimed: &Claimed, taken: Taken, taken_at: Clocks) -> Result<Accepted, Error> {
        let message =
            Message::new(&self.core, claimed.text.clone(), claimed.sender.as_deref(), Some(claimed.test))?;
        let batch = dispatch::batch(&self.core, &message, claimed.numbers.clone().into(), self.terms.clone());
        dispatch::dispatch(Arc::clone(&self.core), batch, Some(Box::new(taken)), Fresh { taken_at }).await
    }

    /// What an answer means for its batch, and what it pauses.
    fn judge(
        &self,
        claimed: &Claimed,
        result: &Result<Accepted, Error>,
    ) -> (Verdict, Learned, Option<Pause>) {
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
                if error.code().map(|code| code.class()) == Some(CodeClass::QueueFull) {
                    self.trouble.queue_full();
                } else if error.delivery() == Delivery::Refused {
                    self.trouble.answered();
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
                (Verdict::NothingQueued, learned, Some(Pause { account: true, reason }))
            }
            Verdicts::HoldsCampaign => {
                if self.source == Source::Campaigns {
                    let reason = format!("{error:#}; {}", error.action());
                    return (Verdict::NothingQueued, learned, Some(Pause { account: false, reason }));
                }
                learned.alone = claimed.numbers.len() > 1;
                learned.invalid = !learned.alone;
                let verdict = if learned.alone { Verdict::NothingQueued } else { Verdict::Refused };
                (verdict, learned, None)
            }
            Verdicts::PausesCampaign => {
                self.trouble.answered();
                learned.invalid = error.delivery() == Delivery::NotSent;
                let reason = format!("{error:#}; {}", error.action());
                let pauses = (self.source == Source::Campaigns).then_some(Pause { account: false, reason });
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

    /// Stores an outcome, however long the store is away: the journal knows it meanwhile. What a code pauses is paused
    /// first, so that nobody takes the batch again before.
    async fn settle(&self, claim: Claim, verdict: Verdict, learned: Learned, pause: Option<(i64, Pause)>) {
        self.unsettled.fetch_add(1, Ordering::AcqRel);
        may_die!("while storing");
        let mut away = Away::default();
        if let Some((campaign, Pause { account, reason })) = pause {
            let account = account.then_some(self.account.as_str());
            while self.store.pause_for_code(account, campaign, &reason).await.is_err() {
                away.pause().await;
            }
            events::paused(&reason);
        }
        let settled = loop {
            match self.store_outcome(claim, verdict, &learned).await {
                Ok(settled) => break settled,
                Err(_) => away.pause().await,
            }
        };
        lock(&self.held).remove(&claim);
        self.unsettled.fetch_sub(1, Ordering::AcqRel);
        if !settled {
            events::late_answer(claim.0);
        }
        let _ = self.write(move |journal| journal.done(claim)).await; // its loss costs a look at the store
    }

    /// Settles what an earlier worker of this journal left.
    pub(super) async fn replay(&self) -> Result<(), Error> {
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
        self.give_back().await
    }

    /// Plans again what the store holds for this worker and the worker does not know of: an earlier one that ended
    /// before its request, or a claim whose commit was not answered. Nothing of it was posted.
    pub(super) async fn give_back(&self) -> Result<(), Error> {
        let mut claims = self.store.held_by(self.worker).await?;
        claims.extend(self.store.messages_held_by(self.worker).await?);
        claims.retain(|claim| !lock(&self.held).contains(claim));
        for claim in claims {
            self.store_outcome(claim, Verdict::NothingQueued, &Learned::default()).await?;
        }
        Ok(())
    }
}

/// What a code pauses: the campaign of its batch, or every one of the account.
struct Pause {
    account: bool,
    reason: String,
}

/// Pauses between tries to reach the store, each twice as long as the one before.
#[derive(Default)]
pub(super) struct Away(pub(super) Duration);

impl Away {
    pub(super) async fn pause(&mut self) {
        self.0 = (self.0 * 2).clamp(Duration::from_millis(50), STORE_AWAY);
        tokio::time::sleep(self.0).await;
    }
}

/// The same moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    monotonic: Instant,
    wall: SystemTime,
}

impl Clocks {
    pub(super) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: wall_now() }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.monotonic.elapsed()
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

pub(super) async fn blocking<T: Send + 'static>(
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

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_claim_is_old_after_2_s_on_either_clock() {
        use crate::clock::testing::set_wall_clock;

        let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let seconds = Duration::from_secs;
        // By the wall alone: the machine was suspended, or its clock was set forth or back.
        for (wall, fresh) in [(0i64, true), (2, true), (3, false), (3_600, false), (-1, false)] {
            set_wall_clock(began);
            let taken_at = Clocks::now();
            let now = if wall < 0 { began - seconds(1) } else { began + seconds(wall.unsigned_abs()) };
            set_wall_clock(now);
            assert_eq!(taken_at.is_fresh(), fresh, "{wall} s on the wall");
            let said = Fresh { taken_at }.before_request(Attempt { attempt: 1, numbers: &[] }).await;
            assert_eq!(said.is_ok(), fresh);
            assert!(said.err().is_none_or(|error| error.delivery() == Delivery::NotSent));
        }
        // By the monotonic clock alone: the wall's was set back meanwhile.
        for (wait, fresh) in [(2, true), (3, false)] {
            set_wall_clock(began);
            let taken_at = Clocks::now();
            tokio::time::advance(seconds(wait)).await;
            set_wall_clock(began);
            assert_eq!(taken_at.is_fresh(), fresh, "{wait} s passed");
        }
    }
}
