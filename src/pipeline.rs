//! The engine of every call: deadline → (gate → limiter → transport → envelope → decide)* → events.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use crate::balance::Cached;
use crate::clock::{before, misses};
use crate::error::{Delivery, Error};
use crate::events::{self, Attempt, Facts, Finished};
use crate::ids::SenderId;
use crate::limit::{Lane, Limiter, Turn};
use crate::phone::PhoneRules;
use crate::recent::{Recent, Reservation};
use crate::retry::{Decision, Met, OnRetry, Policy, Retry, RetryReason, decide};
use crate::transport::{Endpoint, Request, Response, Transport};
use crate::wire::{self, Credentials, RawReply, Verdict};

/// What all clones of a client share.
pub(crate) struct Core {
    pub(crate) credentials: Credentials,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) host: Option<String>,
    /// `None` only for a transport that does not leave this machine.
    pub(crate) limiter: Option<Limiter>,
    pub(crate) recent: Arc<Recent>,
    pub(crate) queue: QueueGate,
    pub(crate) attempt_timeout: Duration,
    pub(crate) cached: Cached,
    pub(crate) sender_id: SenderId,
    pub(crate) test_mode: bool,
    pub(crate) phone_rules: PhoneRules,
    pub(crate) shared_sender_told: AtomicBool,
}

/// Takes what an endpoint gives out of an accepted reply.
pub(crate) type Read<T> = fn(&RawReply) -> Result<T, Error>;

/// One call, ready to go.
pub(crate) struct Call {
    pub(crate) endpoint: Endpoint,
    pub(crate) body: Bytes,
    pub(crate) facts: Facts,
    pub(crate) lane: Lane,
    /// That of the first attempt, where it was waited for before.
    pub(crate) turn: Option<Turn>,
    pub(crate) policy: Policy,
    pub(crate) deadline: Option<Instant>,
    pub(crate) on_retry: Option<OnRetry>,
    /// The numbers of a live send.
    pub(crate) reservation: Option<Arc<Reservation>>,
    /// Ends waits between attempts when it turns true.
    pub(crate) stop: Option<watch::Receiver<bool>>,
}

impl Call {
    /// A reading call without further wishes.
    pub(crate) fn reading(endpoint: Endpoint, body: Bytes) -> Self {
        Self {
            endpoint,
            body,
            facts: Facts::default(),
            lane: Lane::Single,
            turn: None,
            policy: Policy { reading: true, queue_full: false, same_number: false },
            deadline: None,
            on_retry: None,
            reservation: None,
            stop: None,
        }
    }
}

/// Lets one batch at a time find out whether the gateway's full queue has drained; the others wait for it.
#[derive(Default)]
pub(crate) struct QueueGate {
    holder: tokio::sync::Mutex<()>,
    closed: watch::Sender<bool>,
}

/// The gate is closed while this lives.
struct GateHold<'a> {
    _holder: tokio::sync::MutexGuard<'a, ()>,
    closed: &'a watch::Sender<bool>,
}

impl Drop for GateHold<'_> {
    fn drop(&mut self) {
        self.closed.send_replace(false);
    }
}

impl QueueGate {
    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    pub(crate) async fn opened(&self) {
        let mut closed = self.closed.subscribe();
        // The sender lives as long as the gate.
        let _ = closed.wait_for(|closed| !closed).await;
    }

    async fn close(&self) -> GateHold<'_> {
        let holder = self.holder.lock().await;
        self.closed.send_replace(true);
        GateHold { _holder: holder, closed: &self.closed }
    }
}

impl Core {
    /// Waits for a turn in a lane.
    pub(crate) async fn turn(
        &self,
        endpoint: Endpoint,
        lane: Lane,
        deadline: Option<Instant>,
    ) -> Result<Turn, Error> {
        let Some(limiter) = &self.limiter else {
            return if misses(deadline, Duration::ZERO) {
                Err(Error::deadline())
            } else {
                Ok(Turn::unpaced())
            };
        };
        let turn = limiter.turn(lane, deadline).await;
        if let Err(error) = &turn {
            events::limiter_refused(endpoint, lane, limiter.waiting_in(lane), error);
        }
        turn
    }

    /// Runs a call to its end. A bulk run has the turn of its batch's first attempt.
    ///
    /// Dropped while it waits, it has taken nothing. Dropped after its request left, the exchange goes on in
    /// its own task until it is answered or times out, so that its outcome is still recorded.
    ///
    /// `read` takes what the endpoint gives out of an accepted reply; what it cannot read is a failed attempt.
    pub(crate) fn run<T: Send + 'static>(
        self: Arc<Self>,
        mut call: Call,
        read: Read<T>,
    ) -> impl Future<Output = Result<T, Error>> + Send + Sync {
        let span = events::call_span(call.endpoint);
        let attempts = async move {
            let mut met = Met::default();
            let mut attempts = 0u32;
            let mut hold: Option<GateHold<'_>> = None;
            let mut since = Instant::now();
            let mut last: Option<Error> = None;
            loop {
                let turn = match call.turn.take() {
                    Some(turn) => Ok(turn),
                    None => self.turn(call.endpoint, call.lane, call.deadline).await,
                };
                let started = match turn {
                    Ok(turn) => turn.start().await,
                    Err(error) => Err(error),
                };
                if let Err(error) = started {
                    return Err(last.unwrap_or(error)); // what the gateway said tells more
                }
                attempts += 1;
                let failure = match self.attempt(&call, read, attempts, since).await {
                    Ok(read) => return Ok(read),
                    Err(failure) => failure.attempted(attempts, call.policy.reading),
                };
                since = Instant::now();
                let Decision::Again { after, reason } = decide(call.policy, met, &failure, fastrand::f64())
                else {
                    return Err(failure);
                };
                match reason {
                    RetryReason::QueueFull => met.queue_full += 1,
                    RetryReason::SameNumber => met.same_number += 1,
                    RetryReason::Transport => met.transport += 1,
                }
                let mut retry = Retry { attempts, reason, after, error: failure };
                // Boxed: it is rare, and every call would carry its size.
                let waited = Box::pin(self.wait_for(&mut retry, &call, since, &mut hold)).await;
                if !waited {
                    return Err(retry.error);
                }
                last = Some(retry.error);
            }
        };
        attempts.instrument(span)
    }

    /// Waits before the next attempt; false if there is to be none.
    async fn wait_for<'a>(
        &'a self,
        retry: &mut Retry,
        call: &Call,
        since: Instant,
        hold: &mut Option<GateHold<'a>>,
    ) -> bool {
        let wait = Wait { deadline: call.deadline, stop: call.stop.clone() };
        if retry.reason == RetryReason::QueueFull && call.lane == Lane::Bulk && hold.is_none() {
            // Another batch may be finding out already; what was waited for it counts.
            *hold = wait.until(self.queue.close()).await;
            if hold.is_none() {
                return false;
            }
            retry.after = retry.after.saturating_sub(since.elapsed());
        }
        if misses(call.deadline, retry.after) {
            return false; // now, not after the sleep
        }
        if call.on_retry.as_ref().is_some_and(|look| look.look(retry).is_break()) {
            return false;
        }
        events::retrying(call.endpoint, retry);
        wait.until(tokio::time::sleep(retry.after)).await.is_some()
    }

    /// One exchange, which ends by itself even if nobody waits for it any more.
    async fn attempt<T: Send + 'static>(
        self: &Arc<Self>,
        call: &Call,
        read: Read<T>,
        attempt: u32,
        since: Instant,
    ) -> Result<T, Error> {
        let core = Arc::clone(self);
        let facts = call.facts.clone();
        let endpoint = call.endpoint;
        let connections = self.limiter.as_ref().map(Limiter::connections);
        let request = Request::new(endpoint, call.body.clone()).telling(connections);
        let reservation = call.reservation.clone();
        let exchange = async move {
            let begin = Instant::now();
            let order = core.cached.next();
            let attempt = Attempt::new(endpoint, &core.credentials, &facts, attempt);
            events::request_leaves(&attempt);
            let answer = tokio::time::timeout(core.attempt_timeout, core.transport.post(request)).await;
            let (http_status, result) = match answer {
                Err(_) => (None, Err(Error::timeout(core.attempt_timeout))),
                Ok(Err(error)) => (None, Err(Error::transport(error))),
                Ok(Ok(response)) => {
                    let status = response.status();
                    let result = verdict(response).and_then(|raw| read(&raw).map(|read| (raw, read)));
                    (Some(status), result.map_err(|error| error.answered(status)))
                }
            };
            if let Some(reservation) = reservation {
                let written = match &result {
                    Ok(_) => true,
                    Err(error) => error.delivery() == Delivery::Unknown,
                };
                if written {
                    reservation.written();
                }
            }
            if let Ok((raw, _)) = &result {
                core.cached.learn(order, raw);
            }
            let finished = Finished {
                wait: begin - since,
                took: begin.elapsed(),
                http_status,
                result: result.as_ref().map(|(raw, _)| raw),
            };
            events::request_finished(&attempt, &finished);
            result.map(|(_, read)| read)
        };
        let exchange = Exchange::new(exchange);
        // Too late, the exchange goes on for the record; the caller is told that its outcome is open.
        before(call.deadline, exchange).await.unwrap_or_else(|| Err(Error::answer_after_deadline()))
    }
}

/// An exchange with the gateway. Dropped before its end, it goes on in a task of its own.
struct Exchange<T: Send + 'static> {
    // Never locked: a Mutex makes what is only Send shareable, so that the futures that hold it are Sync.
    under_way: Option<Mutex<BoxFuture<'static, T>>>,
    runtime: Handle,
}

impl<T: Send> Exchange<T> {
    fn new(exchange: impl Future<Output = T> + Send + 'static) -> Self {
        Self { under_way: Some(Mutex::new(Box::pin(exchange))), runtime: Handle::current() }
    }
}

impl<T: Send> Future for Exchange<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        // Taken out while it is polled, so that one which panics is not polled again by a task.
        let mut exchange = self.under_way.take().expect("an exchange is not polled after its end");
        let polled = exchange.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx);
        if polled.is_pending() {
            self.under_way = Some(exchange);
        }
        polled
    }
}

impl<T: Send> Drop for Exchange<T> {
    fn drop(&mut self) {
        if let Some(exchange) = self.under_way.take() {
            let exchange = exchange.into_inner().unwrap_or_else(PoisonError::into_inner);
            // Dropped inside its call's span, as it was polled.
            self.runtime.spawn(exchange.instrument(Span::current()));
        }
    }
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

/// A wait that a stopped run or a deadline ends early.
struct Wait {
    deadline: Option<Instant>,
    stop: Option<watch::Receiver<bool>>,
}

impl Wait {
    async fn until<T>(&self, done: impl Future<Output = T>) -> Option<T> {
        let stopped = async {
            if let Some(mut stop) = self.stop.clone()
                && stop.wait_for(|stop| *stop).await.is_ok()
            {
                return;
            }
            std::future::pending().await // the sender gone means that nobody can stop it any more
        };
        tokio::select! {
            biased;
            done = before(self.deadline, done) => done,
            () = stopped => None,
        }
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("transport", &self.transport)
            .field("limiter", &self.limiter)
            .field("cached_balance", &self.cached.get())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::ApiCode;

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
