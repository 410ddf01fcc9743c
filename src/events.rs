//! What leaves the process as tracing events. The only file with tracing's macros.
//!
//! Names of targets, events and fields are the constants below and are covered by semantic versioning. Events
//! never hold a password, a text, a full number or a URL.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing::field::Empty;
use tracing::{Level, Span};

use crate::credits::Credits;
use crate::error::{Delivery, Error};
use crate::phone::PhoneNumber;
use crate::retry::{Retry, RetryReason};
use crate::transport::{Endpoint, Request};
use crate::wire::RawReply;

/// The target of all events and spans of the SDK.
pub const TARGET: &str = "kwtsms_async::api";

/// Names of the events, in their field [`EVENT`](field::EVENT).
pub mod event {
    /// One request was answered or failed; level INFO if accepted, WARN if not.
    pub const REQUEST: &str = "request";
    /// A failed attempt will be made again.
    pub const RETRY: &str = "retry";
    /// A bulk run was stopped before its end.
    pub const STOP: &str = "stop";
    /// A bulk run has ended.
    pub const RUN: &str = "run";
    /// A call was refused because too many wait already.
    pub const QUEUE_FULL: &str = "limiter_full";
    /// The balance fell below the client's threshold; once per crossing.
    pub const LOW_BALANCE: &str = "low_balance";
    /// The shared test sender id is used for live messages; once per client.
    pub const SHARED_SENDER: &str = "shared_sender";
}

/// Names of the fields.
pub mod field {
    /// Which event it is.
    pub const EVENT: &str = "event";
    /// The endpoint: `send`, `balance`, …
    pub const ENDPOINT: &str = "endpoint";
    /// True if the gateway accepted the request.
    pub const OK: &str = "ok";
    /// The gateway's code.
    pub const CODE: &str = "code";
    /// `accepted`, `rejected`, `not_sent` or `unknown`.
    pub const DELIVERY: &str = "delivery";
    /// The kind of error, as in `ErrorKind`.
    pub const KIND: &str = "kind";
    /// Which attempt of the call it was, from 1.
    pub const ATTEMPT: &str = "attempt";
    /// How many numbers the request held.
    pub const NUMBERS: &str = "numbers";
    /// The numbers, masked (`965****432`), at most 5 of them.
    pub const RECIPIENTS: &str = "recipients";
    /// Pages of the text.
    pub const PAGES: &str = "pages";
    /// Characters of the text.
    pub const TEXT_CHARS: &str = "text_chars";
    /// True in test mode.
    pub const TEST: &str = "test";
    /// Credits charged.
    pub const POINTS: &str = "points";
    /// Credits left.
    pub const BALANCE: &str = "balance_after";
    /// The gateway's message id.
    pub const MESSAGE_ID: &str = "message_id";
    /// Milliseconds waited for a turn, a pause or a full queue.
    pub const WAIT_MS: &str = "wait_ms";
    /// Milliseconds of the exchange.
    pub const REQUEST_MS: &str = "request_ms";
    /// The HTTP status.
    pub const HTTP_STATUS: &str = "http_status";
    /// Milliseconds until the next attempt.
    pub const AFTER_MS: &str = "after_ms";
    /// Why it is tried again, or why it stopped.
    pub const REASON: &str = "reason";
}

/// What events may say of a call's input.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) numbers: Arc<[PhoneNumber]>,
    pub(crate) text_chars: Option<usize>,
    pub(crate) pages: Option<usize>,
    pub(crate) test: Option<bool>,
}

/// One finished exchange.
pub(crate) struct Finished<'a> {
    #[allow(dead_code)] // its body is for the log layer
    pub(crate) request: &'a Request,
    pub(crate) endpoint: Endpoint,
    pub(crate) facts: &'a Facts,
    pub(crate) attempt: u32,
    pub(crate) wait: Duration,
    pub(crate) took: Duration,
    pub(crate) http_status: Option<u16>,
    pub(crate) result: Result<&'a RawReply, &'a Error>,
}

/// Masks of the first numbers; the rest are counted by the field beside it.
struct Masks<'a>(&'a [PhoneNumber]);

impl fmt::Display for Masks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, number) in self.0.iter().take(5).enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{}", number.masked())?;
        }
        if self.0.len() > 5 { f.write_str(",…") } else { Ok(()) }
    }
}

fn delivery(result: Result<&RawReply, &Error>) -> &'static str {
    match result.map_err(Error::delivery) {
        Ok(_) => "accepted",
        Err(Delivery::NotSent) => "not_sent",
        Err(Delivery::Rejected) => "rejected",
        Err(Delivery::Unknown) => "unknown",
    }
}

#[allow(clippy::cast_possible_truncation)] // 584 million years
fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// The span of one call; its attempts are inside it even when they run in their own task.
pub(crate) fn call_span(endpoint: Endpoint) -> Span {
    tracing::info_span!(target: TARGET, "kwtsms", { field::ENDPOINT } = endpoint.name(), { field::MESSAGE_ID } = Empty)
}

/// One event per finished request.
pub(crate) fn request_finished(done: &Finished<'_>) {
    macro_rules! emit {
        ($level:expr) => {
            tracing::event!(
                target: TARGET,
                $level,
                { field::EVENT } = event::REQUEST,
                { field::ENDPOINT } = done.endpoint.name(),
                { field::OK } = done.result.is_ok(),
                { field::CODE } = done.result.err().and_then(Error::code).map(tracing::field::display),
                { field::KIND } = done.result.err().map(|error| tracing::field::debug(error.kind())),
                { field::DELIVERY } = delivery(done.result),
                { field::ATTEMPT } = done.attempt,
                { field::NUMBERS } = (!done.facts.numbers.is_empty()).then_some(done.facts.numbers.len()),
                { field::RECIPIENTS } = (!done.facts.numbers.is_empty())
                    .then_some(tracing::field::display(Masks(&done.facts.numbers))),
                { field::PAGES } = done.facts.pages,
                { field::TEXT_CHARS } = done.facts.text_chars,
                { field::TEST } = done.facts.test,
                { field::POINTS } = done.result.ok().and_then(|raw| raw.credits(&["points-charged"])).map(Credits::as_f64),
                { field::BALANCE } = done.result.ok().and_then(balance).map(Credits::as_f64),
                { field::MESSAGE_ID } = done.result.ok().and_then(|raw| raw.text(&["msg-id"])),
                { field::WAIT_MS } = millis(done.wait),
                { field::REQUEST_MS } = millis(done.took),
                { field::HTTP_STATUS } = done.http_status,
            )
        };
    }
    // Fields are built only for who listens: 600 ns a call otherwise.
    if done.result.is_ok() {
        if tracing::enabled!(target: TARGET, Level::INFO) {
            emit!(Level::INFO);
        }
    } else if tracing::enabled!(target: TARGET, Level::WARN) {
        emit!(Level::WARN);
    }
}

fn balance(raw: &RawReply) -> Option<Credits> {
    raw.credits(&["balance-after", "available"])
}

/// A failed attempt will be made again.
pub(crate) fn retrying(endpoint: Endpoint, retry: &Retry) {
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::RETRY,
        { field::ENDPOINT } = endpoint.name(),
        { field::ATTEMPT } = retry.attempts,
        { field::REASON } = match retry.reason {
            RetryReason::QueueFull => "queue_full",
            RetryReason::SameNumber => "same_number",
            RetryReason::Transport => "transport",
        },
        { field::CODE } = retry.error.code().map(tracing::field::display),
        { field::AFTER_MS } = millis(retry.after),
    );
}

/// A bulk run stops before its end.
pub(crate) fn run_stopped(cause: Option<&Error>) {
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::STOP,
        { field::CODE } = cause.and_then(Error::code).map(tracing::field::display),
        { field::REASON } = cause.map_or_else(|| "asked to stop".to_owned(), ToString::to_string),
    );
}

/// A bulk run has ended.
pub(crate) fn run_ended(account: &crate::report::Account, requests: u64) {
    tracing::event!(
        target: TARGET,
        Level::INFO,
        { field::EVENT } = event::RUN,
        requests,
        accepted = account.accepted(),
        refused = account.refused(),
        unknown = account.unknown(),
        not_attempted = account.not_attempted(),
        refused_locally = account.refused_locally(),
        duplicates = account.duplicates(),
    );
}

/// A call was refused because too many wait already.
pub(crate) fn limiter_full(endpoint: Endpoint) {
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::QUEUE_FULL,
        { field::ENDPOINT } = endpoint.name(),
    );
}

/// The balance fell below the threshold.
pub(crate) fn low_balance(balance: Credits) {
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::LOW_BALANCE,
        { field::BALANCE } = balance.as_f64(),
    );
}

/// Live messages go out under the shared test sender id.
pub(crate) fn shared_sender() {
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::SHARED_SENDER,
        "KWT-SMS is the gateway's shared test sender: slow on purpose, not delivered by every carrier, not for \
         production",
    );
}
