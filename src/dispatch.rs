//! The one room where a batch is sent: checks → turn → guards → same-number claim → hook → exchange → verdict.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::{misses, sleep};
use crate::core::Core;
use crate::endpoint::balance;
use crate::endpoint::send::{Message, accepted};
use crate::engine::{self, Call, Flow, OfRun, Passing, Prepare, Prepared};
use crate::error::{Error, ErrorKind};
use crate::events::{self, Facts};
use crate::guard::{Hold, Short};
use crate::limit::{Lane, Turn};
use crate::phone::PhoneNumber;
use crate::report::Accepted;
use crate::retry::{OnRetry, Policy};
use crate::same_number::{Claim, Refusal, Resting};
use crate::transport::Endpoint;

/// A batch on its way, for whoever awaits something between its turn and its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    /// Of this dispatch, counted from 1.
    #[allow(dead_code)] // for what outlives a process
    pub(crate) attempt: u32,
    pub(crate) numbers: &'a [PhoneNumber],
}

/// What is awaited after the turn and just before each request leaves.
///
/// An error keeps the request from leaving: the turn and the numbers are given back, and the dispatch ends with
/// that error, whose delivery has to be `NotSent`. After an `Ok` the request leaves at once, unless the run is
/// stopped or paused in that moment or the hook took longer than the numbers are held for. With a policy that
/// retries, it is awaited again before each attempt.
pub(crate) trait BeforeRequest: Send {
    fn before_request(&mut self, attempt: Attempt<'_>) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Nothing is awaited.
impl BeforeRequest for () {
    async fn before_request(&mut self, _: Attempt<'_>) -> Result<(), Error> {
        Ok(())
    }
}

/// How long a run goes on without an answer, unless the call says otherwise: long enough for a restart or a change of
/// address, short enough for somebody to hear of it.
const DEFAULT_GIVE_UP_AFTER: Duration = Duration::from_secs(10 * 60);

/// How long a wait for the wall clock lasts before it is looked at again.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// What a call may say of a message beyond numbers and text.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) sender: Option<String>,
    pub(crate) test_mode: Option<bool>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) policy: Policy,
    /// How long a run goes on without an answer or with a full queue that does not drain.
    pub(crate) give_up_after: Duration,
    pub(crate) on_retry: Option<OnRetry>,
}

impl Options {
    /// Waits for nothing but its turn.
    pub(crate) fn of_a_send() -> Self {
        Self {
            sender: None,
            test_mode: None,
            deadline: None,
            policy: Policy::NONE,
            give_up_after: Duration::ZERO,
            on_retry: None,
        }
    }

    /// Waits for a full queue, for numbers at rest, and for a gateway that does not answer.
    pub(crate) fn of_a_run() -> Self {
        let policy = Policy { queue_full: true, same_number: true, quiet_hours: true, ..Policy::NONE };
        Self { policy, give_up_after: DEFAULT_GIVE_UP_AFTER, ..Self::of_a_send() }
    }

    #[inline]
    pub(crate) fn message(&self, core: &Core, text: String) -> Result<Message, Error> {
        Message::new(core, text, self.sender.as_deref(), self.test_mode)
    }

    /// The deadline counts from here; one beyond the clock's range is none.
    #[inline]
    pub(crate) fn terms(&mut self, lane: Lane, flow: Option<watch::Receiver<Flow>>) -> Terms {
        let deadline = self.deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        Terms { lane, policy: self.policy, deadline, on_retry: self.on_retry.take(), flow }
    }
}

/// How the requests of a message leave.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) lane: Lane,
    pub(crate) policy: Policy,
    pub(crate) deadline: Option<Instant>,
    pub(crate) on_retry: Option<OnRetry>,
    /// Of a run: may pause and stop it.
    pub(crate) flow: Option<watch::Receiver<Flow>>,
}

/// What a batch may have already when it is dispatched, for its first attempt.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) turn: Option<Turn>,
    pub(crate) claim: Option<Claim>,
    /// What it holds of the guards, where it was let through before.
    pub(crate) hold: Option<Box<Hold>>,
}

/// The request of a batch of at most 200 numbers, ready to be dispatched.
#[inline]
pub(crate) fn batch(core: &Core, message: &Message, numbers: Arc<[PhoneNumber]>, terms: Terms) -> Call {
    let Terms { lane, policy, deadline, on_retry, flow } = terms;
    let body = message.body(core, &numbers);
    let facts = message.facts(numbers);
    let run = flow.map(|flow| Box::new(OfRun { flow, left: Arc::default() }));
    Call { endpoint: Endpoint::Send, body, facts, lane, policy, deadline, on_retry, run }
}

/// Sends a batch to its verdict.
///
/// The message passed every local check when it was made. Dropped while it waits, nothing left; dropped after its
/// request left, the exchange goes on in a task of its own until it is answered or times out.
#[inline]
pub(crate) fn dispatch<H: BeforeRequest>(
    core: Arc<Core>,
    batch: Call,
    taken: Option<Box<Taken>>,
    hook: H,
) -> impl Future<Output = Result<Accepted, Error>> + Send {
    engine::run(core, batch, First { taken, hook }, accepted)
}

/// Waits for the turn of a batch, once no pause and no full queue keep it.
pub(crate) async fn turn(core: &Core, terms: &Terms) -> Result<Turn, Error> {
    loop {
        // A run that is stopped does not wait for it: it is asked in the turn, and drops this.
        if terms.lane == Lane::Bulk {
            core.messages.queue.opened().await;
        }
        let turn =
            engine::take_turn(core, Endpoint::Send, terms.lane, terms.deadline, terms.flow.as_ref()).await?;
        // A turn that cannot be used now is given back: used later, it would stand too close to the next.
        if terms.lane != Lane::Bulk || !core.messages.queue.is_shut_anywhere().await {
            return Ok(turn);
        }
    }
}

/// Claims the numbers of a batch that has its turn.
pub(crate) async fn claim(
    core: &Core,
    message: &Message,
    numbers: &Arc<[PhoneNumber]>,
    deadline: Option<Instant>,
) -> Result<Claim, Refusal> {
    core.messages.same_number.claim(numbers, message.is_live(), core.attempt_timeout, deadline).await
}

/// Waits until the numbers of a live message may be written to, as far as this process knows, or fails at once where
/// they may not be waited for.
pub(crate) async fn rested(
    core: &Core,
    message: &Message,
    numbers: &[PhoneNumber],
    terms: &Terms,
) -> Result<(), Error> {
    while message.is_live() {
        let rest = core.messages.same_number.longest_rest(numbers);
        if rest.is_zero() {
            break;
        }
        if !terms.policy.same_number || misses(terms.deadline, rest) {
            return Err(Error::recent_number(rest));
        }
        sleep(rest).await;
    }
    Ok(())
}

/// Lets a batch through the guards: none of its numbers is another's than `only_to` names, the balance stays above its
/// floor, the spend limit has room. What it holds is given back unless its request leaves.
///
/// A bulk batch waits here for answers that decide whether the balance is enough, and asks for the balance where it is
/// not known.
///
/// # Errors
///
/// Of kind `NotAllowed` or `BalanceFloor`, with its event, or of kind `SpendLimit`.
pub(crate) async fn admit(
    core: &Arc<Core>,
    lane: Lane,
    facts: &Facts,
    deadline: Option<Instant>,
) -> Result<Option<Box<Hold>>, Error> {
    let numbers = facts.numbers.len();
    let refused = core.guards.only_to.refused(&facts.numbers);
    if refused > 0 {
        let error = Error::not_allowed(refused);
        events::guard_refused(error.kind(), numbers);
        return Err(error);
    }
    if core.guards.count_nothing() {
        return Ok(None);
    }
    let mut asked = false;
    let hold = loop {
        match core.guards.count(lane, facts) {
            Ok(hold) => break hold,
            Err(Short::InFlight) => core.guards.landed().await,
            Err(Short::Below(error)) if asked => {
                events::guard_refused(error.kind(), numbers);
                return Err(error);
            }
            // Somebody may have topped up meanwhile.
            Err(Short::Unknown | Short::Below(_)) => {
                let balance = balance::ask_in(Arc::clone(core), lane, deadline).await;
                let balance = balance.map_err(Error::balance_not_known)?;
                core.guards.heard_the_balance(balance.available());
                asked = true;
            }
        }
    };
    let Some(hold) = hold else { return Ok(None) };
    hold.spend(deadline).await.map(Some)
}

/// How long the spend limit is waited for, if the call may wait for it; else the refusal is told and ends the batch.
pub(crate) fn opens_in(
    policy: Policy,
    deadline: Option<Instant>,
    numbers: usize,
    error: Error,
) -> Result<Duration, Error> {
    if error.kind() == ErrorKind::SpendLimit {
        if let Some(wait) = error.retry_after().filter(|wait| policy.spend_limit && !misses(deadline, *wait))
        {
            return Ok(wait);
        }
        events::guard_refused(error.kind(), numbers);
    }
    Err(error)
}

/// What a batch needs before its request leaves.
struct First<H> {
    /// Boxed: few batches have any, and every call carries its size.
    taken: Option<Box<Taken>>,
    hook: H,
}

impl<H: BeforeRequest> First<H> {
    /// Lets the batch through, or says how long it has to wait.
    async fn pass_the_guards(&mut self, core: &Arc<Core>, call: &Call) -> Result<Option<Duration>, Error> {
        if call.lane == Lane::Bulk
            && let Some(wait) = core.guards.quiet()
        {
            self.taken = None; // given back while it waits
            return if call.policy.quiet_hours {
                Ok(Some(wait.min(LOOK_AGAIN)))
            } else {
                Err(Error::quiet_hours(wait))
            };
        }
        if self.taken.as_ref().is_some_and(|taken| taken.hold.is_some()) {
            return Ok(None);
        }
        match admit(core, call.lane, &call.facts, call.deadline).await {
            Ok(hold) => {
                self.taken.get_or_insert_default().hold = hold;
                Ok(None)
            }
            Err(error) => opens_in(call.policy, call.deadline, call.facts.numbers.len(), error).map(Some),
        }
    }
}

impl<H: BeforeRequest> Prepare for First<H> {
    fn taken_turn(&mut self) -> Option<Turn> {
        self.taken.as_mut()?.turn.take()
    }

    fn guarded<'a>(&'a mut self, core: &'a Arc<Core>, call: &'a Call) -> Option<Passing<'a>> {
        core.guards.are_any().then(|| self.pass_the_guards(core, call).boxed())
    }

    fn hold(&mut self) -> Option<Box<Hold>> {
        self.taken.as_mut()?.hold.take()
    }

    async fn prepare(&mut self, core: &Core, call: &Call, attempt: u32) -> Result<Prepared, Error> {
        let numbers = &call.facts.numbers;
        let claim = match self.taken.as_mut().and_then(|taken| taken.claim.take()) {
            Some(claim) => claim,
            None => {
                let live = call.facts.message.as_ref().is_some_and(|message| !message.test);
                match core
                    .messages
                    .same_number
                    .claim(numbers, live, core.attempt_timeout, call.deadline)
                    .await
                {
                    Ok(claim) => claim,
                    Err(Refusal::Failed(error)) => return Err(error),
                    Err(Refusal::Resting(resting)) => {
                        let rest = Resting::longest(&resting);
                        if !call.policy.same_number || misses(call.deadline, rest) {
                            return Err(Error::recent_number(rest));
                        }
                        drop(self.hold()); // given back while it waits
                        return Ok(Prepared::NotYet(rest));
                    }
                }
            }
        };
        self.hook.before_request(Attempt { attempt, numbers }).await?;
        Ok(Prepared::Ready(Some(claim)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::BoxFuture;

    use super::*;
    use crate::client::Client;
    use crate::error::{Delivery, ErrorKind};
    use crate::message::MessageText;
    use crate::transport::{Request, Response, Transport, TransportError};

    /// Answers in order, the last one for ever, and counts the requests.
    #[derive(Debug, Clone)]
    struct Scripted {
        answers: &'static [&'static str],
        requests: Arc<AtomicUsize>,
    }

    const ACCEPTED: &str =
        r#"{"result":"OK","msg-id":"abc1","numbers":1,"points-charged":1,"balance-after":9}"#;
    const QUEUE_FULL: &str = r#"{"result":"ERROR","code":"ERR013"}"#;

    impl Transport for Scripted {
        fn post(&self, _: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
            let request = self.requests.fetch_add(1, Ordering::SeqCst);
            let answer = self.answers[request.min(self.answers.len() - 1)];
            Box::pin(async move { Ok(Response::new(200, answer)) })
        }
    }

    fn client(answers: &'static [&'static str]) -> (Client, Arc<AtomicUsize>) {
        let requests = Arc::new(AtomicUsize::new(0));
        let transport = Scripted { answers, requests: Arc::clone(&requests) };
        (
            Client::builder("user", "password").sender_id("MY-APP").transport(transport).build().unwrap(),
            requests,
        )
    }

    fn numbers() -> Arc<[PhoneNumber]> {
        [PhoneNumber::parse("96598765432").unwrap()].into()
    }

    async fn send(client: &Client, hook: impl BeforeRequest, options: Options) -> Result<Accepted, Error> {
        let core = &client.core;
        let message = Message::checked(core, MessageText::new("Hello").unwrap(), None, false);
        let terms = { options }.terms(Lane::Bulk, None);
        let batch = batch(core, &message, numbers(), terms);
        dispatch(Arc::clone(core), batch, None, hook).await
    }

    /// Notes what it is told; says no to one attempt.
    struct Hook<'a> {
        told: &'a mut Vec<(u32, usize)>,
        refuses: u32,
        takes: Duration,
    }

    impl BeforeRequest for Hook<'_> {
        async fn before_request(&mut self, attempt: Attempt<'_>) -> Result<(), Error> {
            tokio::time::sleep(self.takes).await;
            self.told.push((attempt.attempt, attempt.numbers.len()));
            if attempt.attempt == self.refuses { Err(Error::input("no row")) } else { Ok(()) }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_that_says_no_keeps_the_request_from_leaving_and_its_numbers_are_free() {
        let (client, requests) = client(&[ACCEPTED]);
        let mut told = Vec::new();
        let hook = Hook { told: &mut told, refuses: 1, takes: Duration::from_millis(5) };
        let error = send(&client, hook, Options::of_a_run()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidInput, Delivery::NotSent));
        assert_eq!((requests.load(Ordering::SeqCst), told), (0, vec![(1, 1)]));
        client.send("96598765432", "Hello").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn the_hook_is_awaited_again_before_each_attempt() {
        let (client, requests) = client(&[QUEUE_FULL, QUEUE_FULL, ACCEPTED]);
        let mut told = Vec::new();
        let hook = Hook { told: &mut told, refuses: 0, takes: Duration::ZERO };
        send(&client, hook, Options::of_a_run()).await.unwrap();
        assert_eq!((requests.load(Ordering::SeqCst), told), (3, vec![(1, 1), (2, 1), (3, 1)]));

        let (client, requests) = self::client(&[QUEUE_FULL, ACCEPTED]);
        let mut told = Vec::new();
        let hook = Hook { told: &mut told, refuses: 2, takes: Duration::ZERO };
        let error = send(&client, hook, Options::of_a_run()).await.unwrap_err();
        assert_eq!((error.delivery(), requests.load(Ordering::SeqCst)), (Delivery::NotSent, 1));
        assert_eq!(told, [(1, 1), (2, 1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_worker_may_retry_by_itself() {
        let (client, requests) = client(&[QUEUE_FULL]);
        let error = send(&client, (), Options::of_a_send()).await.unwrap_err();
        assert_eq!((error.delivery(), requests.load(Ordering::SeqCst)), (Delivery::Refused, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_that_takes_longer_than_the_numbers_are_held_for_sends_nothing() {
        let (client, requests) = client(&[ACCEPTED]);
        let mut told = Vec::new();
        let hook = Hook { told: &mut told, refuses: 0, takes: Duration::from_secs(17) };
        let error = send(&client, hook, Options::of_a_run()).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Deadline, Delivery::NotSent));
        assert_eq!(requests.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_that_is_dropped_while_it_is_awaited_has_taken_nothing() {
        let (client, requests) = client(&[ACCEPTED]);
        let mut told = Vec::new();
        let hook = Hook { told: &mut told, refuses: 0, takes: Duration::from_secs(3) };
        let dropped =
            tokio::time::timeout(Duration::from_secs(1), send(&client, hook, Options::of_a_run())).await;
        assert!(dropped.is_err());
        client.send("96598765432", "Hello").await.unwrap();
        assert_eq!(requests.load(Ordering::SeqCst), 1);
    }
}
