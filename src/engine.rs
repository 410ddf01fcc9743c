//! The engine of every call: deadline → (turn → transport → envelope → decide)* → events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Either, ready};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument;

use crate::clock::{before, misses, sleep};
use crate::code::{ApiCode, CodeClass};
use crate::core::Core;
use crate::error::{Delivery, Error};
use crate::events::{self, Attempt, Facts, Finished};
use crate::exchange::Exchange;
use crate::guard::Hold;
use crate::limit::{Lane, Limiter, Turn};
use crate::queue_gate::GateHold;
use crate::retry::{Decision, OnRetry, Policy, Retried, Retry, RetryReason, decide};
use crate::same_number::Claim;
use crate::transport::{Endpoint, Request, Response};
use crate::wire::{self, RawReply, Verdict};

/// How much longer than its pause a batch may take to find out whether a full queue has drained: its turn and its
/// answer.
const TO_FIND_OUT: Duration = Duration::from_secs(60);

/// A time-out beyond the clock's range.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Takes what an endpoint gives out of an accepted reply.
pub(crate) type Read<T> = fn(&RawReply) -> Result<T, Error>;

/// Whether the requests of a run may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Open,
    Paused,
    Stopped,
}

/// One call, ready to go.
pub(crate) struct Call {
    pub(crate) endpoint: Endpoint,
    pub(crate) body: Bytes,
    pub(crate) facts: Facts,
    pub(crate) lane: Lane,
    pub(crate) policy: Policy,
    pub(crate) deadline: Option<Instant>,
    pub(crate) on_retry: Option<OnRetry>,
    /// Boxed: single calls do not carry its size.
    pub(crate) run: Option<Box<OfRun>>,
}

/// What ties a batch to its run.
#[derive(Debug)]
pub(crate) struct OfRun {
    pub(crate) flow: watch::Receiver<Flow>,
    /// True while a request is under way, and after one that was accepted or is of unknown outcome.
    pub(crate) left: Arc<AtomicBool>,
}

impl Call {
    fn flow(&self) -> Option<&watch::Receiver<Flow>> {
        self.run.as_ref().map(|run| &run.flow)
    }

    /// A query with default options.
    pub(crate) fn reading(endpoint: Endpoint, body: Bytes) -> Self {
        Self {
            endpoint,
            body,
            facts: Facts::default(),
            lane: Lane::Single,
            policy: Policy { reading: true, ..Policy::NONE },
            deadline: None,
            on_retry: None,
            run: None,
        }
    }
}

/// What a call awaits between its turn and its request.
pub(crate) trait Prepare: Send {
    /// The turn of the first attempt, where it was taken before.
    fn taken_turn(&mut self) -> Option<Turn> {
        None
    }

    /// Passes the guards, if there are any: says how long the request has to wait. Asked before it is prepared.
    fn guarded<'a>(&'a mut self, _: &'a Arc<Core>, _: &'a Call) -> Option<Passing<'a>> {
        None
    }

    /// What the request holds of the guards since it passed them. Left there till it leaves: every call would carry it.
    fn hold(&mut self) -> Option<Box<Hold>> {
        None
    }

    /// An error keeps the request from leaving and ends the call; the turn is given back.
    fn prepare(
        &mut self,
        core: &Core,
        call: &Call,
        attempt: u32,
    ) -> impl Future<Output = Result<Prepared, Error>> + Send;
}

/// On its way through the guards. Boxed: few clients have any.
pub(crate) type Passing<'a> = BoxFuture<'a, Result<Option<Duration>, Error>>;

pub(crate) enum Prepared {
    /// The request may leave, with the claim on its numbers.
    Ready(Option<Claim>),
    /// Not before so long: the turn is given back, and another one taken then.
    NotYet(Duration),
}

/// Nothing to await.
struct Nothing;

impl Prepare for Nothing {
    async fn prepare(&mut self, _: &Core, _: &Call, _: u32) -> Result<Prepared, Error> {
        Ok(Prepared::Ready(None))
    }
}

/// What an endpoint answers to a question.
pub(crate) trait Answer: Sized + Send {
    /// What cannot be read is a failed attempt.
    fn read(raw: &RawReply) -> Result<Self, Error>;
}

/// Asks a question that changes nothing.
pub(crate) fn ask<T: Answer>(core: Arc<Core>, call: Call) -> impl Future<Output = Result<T, Error>> + Send {
    let reply = reply(core, call, |raw| T::read(raw).map(|_| raw.clone()));
    async { T::read(&reply.await?) }
}

/// Asks for a reply. The answer is read out of it a second time, so that the engine is compiled once for all of them.
fn reply(core: Arc<Core>, call: Call, check: Read<RawReply>) -> BoxFuture<'static, Result<RawReply, Error>> {
    Box::pin(run(core, call, Nothing, check))
}

/// Runs a call to its end.
///
/// Dropped while it waits, it has taken nothing. Dropped after its request left, the exchange goes on in its own
/// task until it is answered or times out, so that its outcome is still recorded.
///
/// `read` takes what the endpoint gives out of an accepted reply; what it cannot read is a failed attempt.
#[inline]
pub(crate) fn run<T: Send + 'static>(
    core: Arc<Core>,
    call: Call,
    mut first: impl Prepare,
    read: Read<T>,
) -> impl Future<Output = Result<T, Error>> + Send {
    let span = events::call_span(call.endpoint);
    let attempts = async move {
        let mut retried = Retried::default();
        let mut attempts = 0u32;
        let mut hold: Option<GateHold> = None;
        let mut since = Instant::now();
        let mut last: Option<Error> = None;
        loop {
            let turn = match first.taken_turn() {
                Some(turn) => Either::Left(ready(Ok(turn))),
                None => Either::Right(take_turn(&core, call.endpoint, call.lane, call.deadline, call.flow())),
            };
            let turn = match turn.await {
                Ok(turn) => turn,
                Err(error) => return Err(last.unwrap_or(error)), // what the gateway said tells more
            };
            let wait = match first.guarded(&core, &call) {
                None => None,
                Some(passing) => passing.await?,
            };
            let prepared = match wait {
                Some(wait) => Prepared::NotYet(wait),
                None => first.prepare(&core, &call, attempts + 1).await?,
            };
            let claim = match prepared {
                Prepared::Ready(claim) => claim,
                Prepared::NotYet(wait) => {
                    drop(turn);
                    if Box::pin(wait_for(&call, sleep(wait))).await.is_none() {
                        return Err(last.unwrap_or_else(|| ended(&call)));
                    }
                    continue;
                }
            };
            // After everything that is awaited: the request leaves in the poll in which its slot is taken.
            if let Err(error) = start(turn, &call).await {
                return Err(last.unwrap_or(error));
            }
            if !may_leave(&call) {
                drop(first.hold());
                continue; // for another turn after the pause, or to its end; what it held is given back
            }
            let begin = Instant::now();
            if claim.as_ref().is_some_and(|claim| claim.is_late(begin)) {
                return Err(Error::prepared_too_late());
            }
            attempts += 1;
            let times = Times { since, begin };
            let failure = match attempt(&core, &call, claim, first.hold(), read, attempts, times).await {
                Ok(read) => return Ok(read),
                Err(failure) => failure.attempted(attempts, call.policy.reading),
            };
            since = Instant::now();
            let Decision::Again { after, reason } = decide(call.policy, retried, &failure, fastrand::f64())
            else {
                return Err(failure);
            };
            retried.count(reason);
            let mut retry = Retry { attempts, reason, after, error: failure };
            // Boxed: it is rare, and every call would carry its size.
            let waited = Box::pin(wait_to_retry(&core, &mut retry, &call, since, &mut hold)).await;
            if !waited {
                return Err(retry.error);
            }
            last = Some(retry.error);
        }
    };
    attempts.instrument(span)
}

/// Waits for a turn. Of a run's batch: after the end of a pause, and until the run is stopped.
#[inline]
pub(crate) fn take_turn<'a>(
    core: &'a Core,
    endpoint: Endpoint,
    lane: Lane,
    deadline: Option<Instant>,
    flow: Option<&'a watch::Receiver<Flow>>,
) -> impl Future<Output = Result<Turn, Error>> + Send {
    match flow {
        None => Either::Left(core.turn(endpoint, lane, deadline)),
        // Boxed: single calls do not carry its size.
        Some(flow) => Either::Right(Box::pin(turn_in_a_run(core, endpoint, lane, deadline, flow))),
    }
}

async fn turn_in_a_run(
    core: &Core,
    endpoint: Endpoint,
    lane: Lane,
    deadline: Option<Instant>,
    flow: &watch::Receiver<Flow>,
) -> Result<Turn, Error> {
    loop {
        let mut changes = flow.clone();
        // Its sender gone means that nobody can stop or pause it any more.
        let going_on = before(deadline, changes.wait_for(|flow| *flow != Flow::Paused)).await;
        if going_on.ok_or_else(Error::deadline)?.is_ok_and(|flow| *flow == Flow::Stopped) {
            return Err(Error::stopped(None));
        }
        let turn = tokio::select! {
            biased;
            () = stopped(flow) => return Err(Error::stopped(None)),
            turn = core.turn(endpoint, lane, deadline) => turn?,
        };
        if *flow.borrow() != Flow::Paused {
            return Ok(turn);
        }
    }
}

/// Takes the slot of a turn, unless the run is stopped first.
#[inline]
fn start(turn: Turn, call: &Call) -> impl Future<Output = Result<(), Error>> + Send {
    match call.flow() {
        None => Either::Left(turn.start()),
        Some(flow) => Either::Right(Box::pin(async {
            tokio::select! {
                biased;
                () = stopped(flow) => Err(Error::stopped(None)),
                started = turn.start() => started,
            }
        })),
    }
}

/// False if a pause or a stop came meanwhile.
#[inline]
fn may_leave(call: &Call) -> bool {
    call.flow().is_none_or(|flow| *flow.borrow() == Flow::Open)
}

async fn stopped(flow: &watch::Receiver<Flow>) {
    if flow.clone().wait_for(|flow| *flow == Flow::Stopped).await.is_err() {
        std::future::pending::<()>().await; // the sender gone means that nobody can stop it any more
    }
}

/// What ended a wait of a call that made no request.
fn ended(call: &Call) -> Error {
    match call.flow() {
        Some(flow) if *flow.borrow() == Flow::Stopped => Error::stopped(None),
        _ => Error::deadline(),
    }
}

/// What a future gives, unless the deadline passes or the run is stopped first.
async fn wait_for<T>(call: &Call, done: impl Future<Output = T>) -> Option<T> {
    let stopped = async {
        match call.flow() {
            Some(flow) => stopped(flow).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = stopped => None,
        done = before(call.deadline, done) => done,
    }
}

/// Waits before the next attempt; false if there is to be none.
async fn wait_to_retry(
    core: &Core,
    retry: &mut Retry,
    call: &Call,
    since: Instant,
    hold: &mut Option<GateHold>,
) -> bool {
    if retry.reason == RetryReason::QueueFull && call.lane == Lane::Bulk {
        let lease = retry.after.saturating_add(core.attempt_timeout).saturating_add(TO_FIND_OUT);
        if !hold.as_ref().is_some_and(|hold| hold.extend(lease)) {
            // Another batch may be finding out already; what was waited for it counts.
            *hold = wait_for(call, core.messages.queue.shut(lease)).await;
            if hold.is_none() {
                return false;
            }
            retry.after = retry.after.saturating_sub(since.elapsed());
        }
    }
    if misses(call.deadline, retry.after) {
        return false; // now, not after the sleep
    }
    if call.on_retry.as_ref().is_some_and(|look| look.look(retry).is_break()) {
        return false;
    }
    events::retrying(call.endpoint, retry);
    wait_for(call, sleep(retry.after)).await.is_some()
}

/// When a request began to wait, and when it left.
struct Times {
    since: Instant,
    begin: Instant,
}

/// One exchange, which ends by itself even if nobody waits for it any more.
///
/// It is put together at once, so that its parts do not stand in the call's future beside it.
#[inline]
fn attempt<T: Send + 'static>(
    core: &Arc<Core>,
    call: &Call,
    mut claim: Option<Claim>,
    mut hold: Option<Box<Hold>>,
    read: Read<T>,
    attempt: u32,
    Times { since, begin }: Times,
) -> impl Future<Output = Result<T, Error>> + Send {
    let (core, attempt_timeout) = (Arc::clone(core), core.attempt_timeout);
    let facts = call.facts.clone();
    let connections = core.limiter.as_ref().map(Limiter::connections);
    let (endpoint, left) = (call.endpoint, call.run.as_ref().map(|run| Arc::clone(&run.left)));
    let request = Request::new(endpoint, call.body.clone()).telling(connections);
    let exchange = async move {
        let _under_way = core.under_way.begin();
        if let Some(claim) = &mut claim {
            claim.leave();
        }
        if let Some(hold) = &mut hold {
            hold.leave();
        }
        if let Some(left) = &left {
            left.store(true, Ordering::Release);
        }
        let order = core.cached.next();
        let attempt = Attempt::new(endpoint, &core.credentials, &facts, attempt);
        events::request_leaves(&attempt);
        let until = begin.checked_add(core.attempt_timeout).unwrap_or_else(|| begin + NEVER);
        let answer = tokio::time::timeout_at(until, core.transport.post(request)).await;
        let (http_status, mut result) = match answer {
            Err(_) => {
                let proxy = core.destination.as_ref().and_then(|to| to.proxy.as_deref());
                (None, Err(Error::timed_out(core.attempt_timeout, proxy)))
            }
            Ok(Err(error)) => (None, Err(Error::transport(error))),
            Ok(Ok(response)) => {
                let (status, retry_after) = (response.status(), response.retry_after());
                let result = verdict(response).and_then(|raw| read(&raw).map(|read| (raw, read)));
                (
                    Some(status),
                    result.map_err(|error| core.hints.to(error.answered(status, retry_after), endpoint)),
                )
            }
        };
        let end = Instant::now();
        if let Some(claim) = claim {
            let rule = |error: &Error| error.code().map(ApiCode::class) == Some(CodeClass::SameNumber);
            if result.as_ref().is_err_and(rule) && !claim.explains_the_rule() {
                result = result.map_err(Error::written_by_others);
            }
            claim.end(wrote(&result), end);
        }
        if let Some(left) = left {
            left.store(wrote(&result), Ordering::Release);
        }
        if let Ok((raw, _)) = &result {
            core.cached.learn(order, raw);
        }
        if let Some(hold) = hold {
            hold.end(&result);
        }
        let finished = Finished {
            wait: begin - since,
            took: end - begin,
            http_status,
            result: result.as_ref().map(|(raw, _)| raw),
        };
        events::request_finished(&attempt, &finished);
        result.map(|(_, read)| read)
    };
    let exchange = Exchange::new(exchange, attempt_timeout);
    match call.deadline {
        None => Either::Left(exchange),
        // Too late, the exchange goes on for the record; the caller is told that its outcome is open.
        Some(_) => {
            let answer = before(call.deadline, exchange);
            Either::Right(answer.map(|answer| answer.unwrap_or_else(|| Err(Error::answer_after_deadline()))))
        }
    }
}

/// True if the gateway accepted a request, or may have.
fn wrote<T>(result: &Result<T, Error>) -> bool {
    result.as_ref().err().is_none_or(|error| error.delivery() == Delivery::Unknown)
}

#[inline]
fn verdict(response: Response) -> Result<RawReply, Error> {
    let status = response.status();
    match wire::read(response.into_body()) {
        Verdict::Ok(raw) => Ok(raw),
        Verdict::Refused { code, description, raw } => Err(Error::api(code, description, raw)),
        Verdict::Unusable(why, raw) => Err(Error::bad_reply(why, raw)),
        Verdict::Unreadable(bytes) => Err(Error::unreadable(status, &bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_decides_whatever_the_status() {
        for status in [200, 400, 403, 406, 500] {
            assert!(verdict(Response::new(status, r#"{"result":"OK","available":1}"#)).is_ok(), "{status}");
            let refused =
                verdict(Response::new(status, r#"{"result":"ERROR","code":"ERR003"}"#)).unwrap_err();
            assert_eq!(refused.code(), Some(&ApiCode::ERR003), "{status}");
        }
    }
}
