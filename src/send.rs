//! `send`: one number or many, one request or a bulk run.

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::bulk::Bulk;
use crate::call::{Lazy, Running};
use crate::client::Client;
use crate::core::Core;
use crate::dispatch::{self, Options, dispatch, rested};
use crate::engine::Call;
use crate::error::{Delivery, Error, ErrorKind};
use crate::events;
use crate::limit::Lane;
use crate::phone::PhoneError;
use crate::recipients::{Batcher, PendingBatch, Recipients};
use crate::report::{Accepted, Invalid, SendReport, Status};
use crate::retry::{OnRetry, Retry};

/// A send as it was set up.
struct Setup {
    core: Arc<Core>,
    to: Recipients,
    text: String,
    options: Options,
}

/// A send that is being set up; a future: await it or spawn it.
///
/// `Ok` means that at least one number was accepted, and the report says what became of each. If none was, it
/// is an [`Error`], whose [`delivery`](Error::delivery) says whether sending again can send twice (of several
/// requests, the one of unknown outcome decides), and whose [`report`](Error::report) says what became of each.
///
/// # Cancellation
///
/// Dropped while it waits for its turn, no request was made and its place is given back. Dropped after its
/// request left, the exchange goes on in its own task until it is answered or times out: the message may have
/// been sent, and the event and the cached balance still tell.
#[must_use = "a send does nothing until it is awaited or spawned"]
pub struct SendCall(Lazy<Setup, Result<SendReport, Error>>);

impl Client {
    /// Sends a text to one number, a comma-separated string of numbers, or any collection of them.
    ///
    /// Numbers are normalised, repeats are sent once, and what is not a phone number is reported. The text is
    /// cleaned, see [`clean_message`](crate::clean_message). Up to 200 numbers and 2,500 characters are one
    /// request; more become a bulk run, see [`Client::bulk`].
    ///
    /// # Errors
    ///
    /// See [`SendCall`] and [`Error`]. Bad input costs nothing: an unusable text or sender id, or a list
    /// without a phone number, is refused before any request.
    pub fn send(&self, to: impl Into<Recipients>, text: impl Into<String>) -> SendCall {
        let setup = Setup {
            core: Arc::clone(&self.core),
            to: to.into(),
            text: text.into(),
            options: Options::of_a_send(),
        };
        SendCall(Lazy::Set(setup, start))
    }
}

impl SendCall {
    fn set(mut self, change: impl FnOnce(&mut Setup)) -> Self {
        self.0.set(change);
        self
    }

    /// The sender id of this message, in place of the client's.
    pub fn sender(self, sender: impl Into<String>) -> Self {
        let sender = sender.into();
        self.set(|setup| setup.options.sender = Some(sender))
    }

    /// Test mode of this message, in place of the client's: it is queued and not delivered, and its credits
    /// are held until it is deleted from the queue.
    pub fn test_mode(self, test: bool) -> Self {
        self.set(|setup| setup.options.test_mode = Some(test))
    }

    /// Bounds the whole call from its start: waiting for its turn, every attempt and the pauses between them.
    ///
    /// If it passes before the request left, nothing was sent; if it passes before the answer came, the
    /// outcome is unknown. Without it a call waits as long as its turn takes, and then 15 s for the answer.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.set(|setup| setup.options.deadline = Some(deadline))
    }

    /// Waits where this client wrote to one of the numbers less than 16 s ago, instead of failing at once, and tries
    /// again where the gateway says so of a message of this client (ERR028): 16 s, at most 3 times.
    pub fn wait(self) -> Self {
        self.set(|setup| setup.options.policy.same_number = true)
    }

    /// Like [`wait`](Self::wait), also where the gateway says so and this client knows of no message to the numbers.
    ///
    /// Then somebody else just wrote to one of them: another process of this account, or an earlier run of this one
    /// that was ended and started again. What it sent may have been this very message, which then goes out twice. So
    /// without this, such a refusal stands, with an [`action`](Error::action) that says what it means.
    pub fn wait_for_others(self) -> Self {
        self.wait().set(|setup| setup.options.policy.others = true)
    }

    /// Tries again when the gateway's queue is full (ERR013): after 30, 60 and 120 s. Bulk runs always do.
    pub fn wait_for_queue(self) -> Self {
        self.set(|setup| setup.options.policy.queue_full = true)
    }

    /// Looks at each retry before its pause; `ControlFlow::Break` ends the call with the error at hand.
    pub fn on_retry(self, look: impl Fn(&Retry) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        self.set(|setup| setup.options.on_retry = Some(OnRetry::new(look)))
    }
}

impl Future for SendCall {
    type Output = Result<SendReport, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx)
    }
}

impl fmt::Debug for SendCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendCall")
    }
}

/// Not generic, as [`Client::send`] is: with it the whole engine would be compiled again for each kind of recipients.
fn start(setup: Setup) -> Running<Result<SendReport, Error>> {
    Box::pin(send(setup))
}

// An `async fn` would hold its argument twice.
#[allow(clippy::manual_async_fn)]
fn send(mut setup: Setup) -> impl Future<Output = Result<SendReport, Error>> + Send {
    async move {
        if setup.to.is_empty() {
            return Err(Error::input("no number was given"));
        }
        let only_to = &setup.core.guards.only_to;
        let Some(draft) = Batcher::one_request(&setup.to, setup.core.phone_rules, only_to) else {
            return Box::pin(many(setup)).await; // cut again, batch by batch
        };
        let result = one(&mut setup, &draft).await;
        let error = result.as_ref().err().cloned();
        if !draft.invalid.is_empty() {
            events::tell_not_allowed(&draft.invalid);
        }
        let report = SendReport::of_one(draft.into_batch(0, result));
        match error {
            None => Ok(report),
            Some(error) => Err(error.with_report(report)),
        }
    }
}

fn unusable(invalid: &[&Invalid]) -> Error {
    match invalid {
        [] => Error::input("no number was given"),
        [only] => Error::number(&only.reason),
        several if several.iter().all(|invalid| invalid.reason == PhoneError::NotAllowed) => {
            Error::not_allowed(several.len())
        }
        [first, ..] => Error::no_number(invalid.len(), &first.reason),
    }
}

async fn one(setup: &mut Setup, draft: &PendingBatch) -> Result<Accepted, Error> {
    let batch = begin(setup, draft).await?;
    dispatch(Arc::clone(&setup.core), batch, None, ()).await
}

/// Checks what is to be sent, and waits until its numbers may be written to.
async fn begin(setup: &mut Setup, draft: &PendingBatch) -> Result<Call, Error> {
    let Setup { core, text, options, .. } = setup;
    let message = options.message(core, std::mem::take(text))?;
    let terms = options.terms(Lane::Single, None);
    if draft.numbers.is_empty() {
        return Err(unusable(&draft.invalid.iter().collect::<Vec<_>>()));
    }
    rested(core, &message, &draft.numbers, &terms).await?;
    Ok(dispatch::batch(core, &message, draft.numbers[..].into(), terms))
}

async fn many(setup: Setup) -> Result<SendReport, Error> {
    let numbers = crate::bulk::IntoNumbers::into_numbers(setup.to.into_inner());
    let report = Bulk::new(&setup.core, numbers, setup.text, setup.options).collect_report().await;
    if report.status() != Status::Error {
        return Ok(report);
    }
    // What may have been sent comes first: whoever asks this error whether it may be sent again must hear of it.
    // Else the first refusal tells why; what was not attempted comes after it.
    let errors = report.errors();
    let unknown = errors.iter().find(|(_, error)| error.delivery() == Delivery::Unknown);
    let error = match unknown.or_else(|| errors.first()) {
        // What stopped a run that had not begun, such as a deadline, is what the caller asks about.
        Some((_, error)) if error.kind() == ErrorKind::Stopped => stop_cause(error),
        Some((_, error)) => (*error).clone(),
        None => unusable(&report.invalid()),
    };
    Err(error.with_report(report))
}

fn stop_cause(stopped: &Error) -> Error {
    let cause = std::error::Error::source(stopped).and_then(|cause| cause.downcast_ref::<Error>());
    cause.unwrap_or(stopped).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From 1,032 bytes on glibc's `malloc` is slower.
    #[test]
    fn the_future_of_a_send_stays_small() {
        let client = Client::builder("user", "password").base_url("http://127.0.0.1:1/").build().unwrap();
        let call = send(Setup {
            core: Arc::clone(&client.core),
            to: Recipients::default(),
            text: String::new(),
            options: Options::of_a_send(),
        });
        assert!(size_of_val(&call) < 1_032, "{} bytes", size_of_val(&call));
    }
}
