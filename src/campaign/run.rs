//! A worker's loop: takes a turn, then a batch, and puts it on its way; beside it what has to be done from time to time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::events;
use super::room::{Away, Clocks, Room, Source, lock, may_die};
use super::rows::{Claimed, Learned, Look, ON_TIME};
use super::state::Verdict;
use crate::client::Client;
use crate::dispatch::{self, Taken};
use crate::error::{Delivery, Error, ErrorKind};
use crate::guard::Window;
use crate::limit::Turn;

/// Between looks at what the store says of windows, claims that ran out and new campaigns.
const UPKEEP: Duration = Duration::from_secs(5);

/// What a worker does next.
enum Next {
    /// Looks again.
    Look,
    /// Takes a batch: it has its turn.
    Take(Turn),
    End,
}

impl Room {
    pub(super) async fn run(
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
        let _ = self.give_back().await;
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
        if let Some(left) = self.quiet() {
            self.trouble.quiet(true);
            tokio::time::sleep(left.min(UPKEEP)).await;
            return Ok(Next::Look);
        }
        self.trouble.quiet(false);
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
                () = self.rung() => {}
                () = tokio::time::sleep(self.idle) => {}
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

    /// Waits until the store tells that there may be something to send; for ever where it tells nothing.
    async fn rung(&self) {
        match &self.bell {
            Some(bell) => bell.rung().await,
            None => std::future::pending().await,
        }
    }

    /// How long the client's quiet hours last, if campaigns have to wait for their end.
    fn quiet(&self) -> Option<Duration> {
        self.core.guards.quiet().filter(|_| self.source == Source::Campaigns)
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
            Source::Outbox => {
                let rules = self.core.phone_rules;
                self.store.claim_messages(self.worker, rules, &self.core.guards.only_to).await?
            }
        };
        let Some(claimed) = claimed else { return Ok(()) };
        events::claimed(claimed.batch, claimed.numbers.len(), taken_at.elapsed());
        lock(&self.held).insert((claimed.batch, claimed.fence));
        may_die!("after the claim");
        if let Err(error) = self.check_copy(&claimed).await {
            lock(&self.held).remove(&(claimed.batch, claimed.fence));
            return Err(error);
        }
        let room = Arc::clone(self);
        let taken = Taken { turn: Some(turn), claim: None, hold: None };
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
        let claim = (claimed.batch, claimed.fence);
        self.store_outcome(claim, Verdict::NothingQueued, &Learned::default()).await?;
        Err(self.is_a_copy().await?)
    }

    /// Pauses what there is to pause, and says why the worker ends.
    async fn is_a_copy(&self) -> Result<Error, Error> {
        let why = "the store is an older copy of itself: compare it with what the gateway's archive shows, then start \
                   the workers with a new folder for their journals";
        self.store.pause_for_code(Some(&self.account), 0, why).await?;
        Ok(Error::config(format!("{why}; all campaigns of the account are paused")))
    }

    /// Whether there is something to claim. A copy is noticed before: a worker that is started again and again, as the
    /// outbox's, which nobody can pause, must not claim until the count has caught up.
    async fn has_work(&self) -> Result<bool, Error> {
        let Look { granted, work } = match self.source {
            Source::Campaigns => self.store.has_work(&self.account).await?,
            Source::Outbox => self.store.outbox_has_work().await?,
        };
        if granted < self.journal().granted() {
            return Err(self.is_a_copy().await?);
        }
        Ok(work)
    }

    async fn is_done(&self) -> Result<bool, Error> {
        self.upkeep().await?;
        Ok(match self.source {
            Source::Campaigns => !self.store.is_open(&self.account).await?,
            Source::Outbox => !self.store.outbox_is_open().await?,
        })
    }

    /// Says that it lives, takes up new campaigns, opens the next windows, ends what its time has ended.
    pub(super) async fn upkeep(&self) -> Result<(), Error> {
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
        self.give_back().await?;
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
                format!(
                    "UPDATE kwtsms_campaign SET state = 3, reason = 'its start was missed: resume it to send it now'
                     WHERE state = 2 AND id IN (SELECT id FROM kwtsms_campaign c
                                                WHERE c.account = $1 AND c.state = 2 AND NOT {ON_TIME})
                     RETURNING id"
                ),
                vec![self.account.as_str().into()],
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
