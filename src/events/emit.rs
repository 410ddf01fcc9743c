//! The only file with tracing's macros.

use std::fmt;
use std::time::Duration;

use tracing::{Level, Span};

use super::facts::{Attempt, Finished, MessageFacts};
use super::names::{TARGET, event, field};
use crate::credits::Credits;
use crate::error::{Error, ErrorKind};
use crate::ids::MessageId;
use crate::phone::{PhoneError, PhoneNumber};
use crate::retry::Retry;
use crate::transport::Endpoint;
use crate::wire::{RawReply, Repair};

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

fn masks(numbers: &[PhoneNumber]) -> Option<tracing::field::DisplayValue<Masks<'_>>> {
    (!numbers.is_empty()).then_some(tracing::field::display(Masks(numbers)))
}

/// The name of what became of the request.
fn delivery(result: Result<&RawReply, &Error>) -> &'static str {
    result.map_or_else(|error| error.delivery().as_str(), |_| "accepted")
}

#[allow(clippy::cast_possible_truncation)] // 584 million years
fn millis(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// The span of one call; its attempts are inside it even when they run in their own task.
#[inline]
pub(crate) fn call_span(endpoint: Endpoint) -> Span {
    tracing::info_span!(target: TARGET, "kwtsms", { field::ENDPOINT } = endpoint.name())
}

/// A request leaves. Emitted just before, so that whoever writes it down knows after a kill what was in flight.
#[inline]
pub(crate) fn request_leaves(attempt: &Attempt<'_>) {
    #[cfg(feature = "jsonl")]
    let _provided = super::transcript::provide(attempt, None);
    let facts = attempt.facts;
    let message = facts.message.as_deref();
    tracing::event!(
        target: TARGET,
        Level::DEBUG,
        { field::EVENT } = event::SENDING,
        { field::ENDPOINT } = attempt.endpoint.name(),
        { field::REQUEST_ID } = attempt.id,
        { field::ATTEMPT } = attempt.number,
        { field::NUMBERS } = (!facts.numbers.is_empty()).then_some(facts.numbers.len()),
        { field::RECIPIENTS } = masks(&facts.numbers),
        { field::PAGES } = message.map(|message| message.text.pages()),
        { field::TEXT_CHARS } = message.map(MessageFacts::text_chars),
        { field::TEST } = message.map(|message| message.test),
    );
}

/// One event per finished request. Fields that nobody listens for are not built: the macro asks first.
#[inline]
pub(crate) fn request_finished(attempt: &Attempt<'_>, done: &Finished<'_>) {
    #[cfg(feature = "jsonl")]
    let _provided = super::transcript::provide(attempt, Some(done));
    let delivery = delivery(done.result);
    #[cfg(feature = "metrics")]
    {
        crate::metrics::request(attempt.endpoint.name(), delivery, done.wait, done.took);
        if let Some(points) = done.result.ok().and_then(RawReply::points_charged) {
            crate::metrics::charged(points);
        }
    }
    let facts = attempt.facts;
    let message = facts.message.as_deref();
    macro_rules! emit {
        ($level:expr) => {
            tracing::event!(
                target: TARGET,
                $level,
                { field::EVENT } = event::REQUEST,
                { field::ENDPOINT } = attempt.endpoint.name(),
                { field::OK } = done.result.is_ok(),
                { field::CODE } = done.result.err().and_then(Error::code).map(tracing::field::display),
                { field::KIND } = done.result.err().map(|error| error.kind().as_str()),
                { field::DELIVERY } = delivery,
                { field::REQUEST_ID } = attempt.id,
                { field::ATTEMPT } = attempt.number,
                { field::NUMBERS } = (!facts.numbers.is_empty()).then_some(facts.numbers.len()),
                { field::RECIPIENTS } = masks(&facts.numbers),
                { field::PAGES } = message.map(|message| message.text.pages()),
                { field::TEXT_CHARS } = message.map(MessageFacts::text_chars),
                { field::TEST } = message.map(|message| message.test),
                { field::POINTS } = done.result.ok().and_then(RawReply::points_charged).map(Credits::as_f64),
                { field::BALANCE } = done.result.ok().and_then(RawReply::balance).map(Credits::as_f64),
                { field::MESSAGE_ID } = message_id(done.result).map(tracing::field::display),
                { field::REPAIR } = done.result.map_or_else(Error::raw, Some).and_then(RawReply::repair).map(Repair::as_str),
                { field::WAIT_MS } = millis(done.wait),
                { field::REQUEST_MS } = millis(done.took),
                { field::HTTP_STATUS } = done.http_status,
            )
        };
    }
    if done.result.is_ok() {
        emit!(Level::INFO);
    } else {
        emit!(Level::WARN);
    }
}

/// The id of an accepted message; of one of unknown outcome the id that stands in what came.
fn message_id(result: Result<&RawReply, &Error>) -> Option<MessageId> {
    result.map_or_else(|error| error.message_id().cloned(), RawReply::message_id)
}

/// A failed attempt will be made again.
pub(crate) fn retrying(endpoint: Endpoint, retry: &Retry) {
    let reason = retry.reason.as_str();
    #[cfg(feature = "metrics")]
    crate::metrics::retry(endpoint.name(), reason);
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::RETRY,
        { field::ENDPOINT } = endpoint.name(),
        { field::ATTEMPT } = retry.attempts,
        { field::REASON } = reason,
        { field::CODE } = retry.error.code().map(tracing::field::display),
        { field::AFTER_MS } = millis(retry.after),
    );
}

/// Why a bulk run stops before its end.
pub(crate) enum StopReason<'a> {
    Error(&'a Error),
    /// The caller said so.
    Asked,
    /// Nobody reads the outcomes any more.
    Dropped,
    /// The source of the numbers or a callback panicked.
    Panicked,
    /// The runtime on which the run was started has ended.
    RuntimeEnded,
}

/// A bulk run stops before its end.
pub(crate) fn run_stopped(reason: &StopReason<'_>) {
    let (word, error) = match reason {
        StopReason::Error(error) => ("error", Some(error)),
        StopReason::Asked => ("asked", None),
        StopReason::Dropped => ("dropped", None),
        StopReason::Panicked => ("panicked", None),
        StopReason::RuntimeEnded => ("runtime_ended", None),
    };
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::STOP,
        { field::REASON } = word,
        { field::CODE } = error.and_then(|error| error.code()).map(tracing::field::display),
        { field::KIND } = error.map(|error| error.kind().as_str()),
    );
}

/// A bulk run waits, and not for its turn.
pub(crate) fn run_waits(reason: &'static str) {
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::RUN_WAITS,
        { field::REASON } = reason,
    );
}

/// The gateway answers a bulk run again.
pub(crate) fn run_goes_on() {
    tracing::event!(target: TARGET, Level::INFO, { field::EVENT } = event::RUN_GOES_ON);
}

/// A guard kept a request, or numbers of a call, from leaving.
pub(crate) fn guard_refused(kind: ErrorKind, numbers: usize) {
    #[cfg(feature = "metrics")]
    crate::metrics::guarded(kind.as_str(), numbers);
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::GUARD,
        { field::KIND } = kind.as_str(),
        { field::NUMBERS } = numbers,
    );
}

/// How many of the inputs may not be written to.
pub(crate) fn tell_not_allowed(invalid: &[crate::report::Invalid]) {
    let numbers = invalid.iter().filter(|invalid| invalid.reason == PhoneError::NotAllowed).count();
    if numbers > 0 {
        guard_refused(ErrorKind::NotAllowed, numbers);
    }
}

/// A bulk run has ended.
pub(crate) fn run_ended(account: &crate::report::Account, requests: u64) {
    tracing::event!(
        target: TARGET,
        Level::INFO,
        { field::EVENT } = event::RUN,
        { field::REQUESTS } = requests,
        { field::ACCEPTED } = account.accepted(),
        { field::REFUSED } = account.refused(),
        { field::UNKNOWN } = account.unknown(),
        { field::NOT_ATTEMPTED } = account.not_attempted(),
        { field::INVALID } = account.invalid(),
        { field::DUPLICATES } = account.duplicates(),
    );
}

/// How a watch on a message ended.
pub(crate) enum WatchEnd<'a> {
    /// By its delivery reports.
    Reported,
    /// It was sent, and there is no report.
    NoReport,
    TimedOut,
    Error(&'a Error),
    /// Nobody reads it any more.
    Dropped,
}

/// A watch on a message has ended.
pub(crate) fn watch_ended(message_id: &MessageId, end: &WatchEnd<'_>) {
    let (word, error) = match end {
        WatchEnd::Reported => ("reported", None),
        WatchEnd::NoReport => ("no_report", None),
        WatchEnd::TimedOut => ("timed_out", None),
        WatchEnd::Error(error) => ("error", Some(error)),
        WatchEnd::Dropped => ("dropped", None),
    };
    #[cfg(feature = "metrics")]
    crate::metrics::watched(word);
    tracing::event!(
        target: TARGET,
        Level::INFO,
        { field::EVENT } = event::WATCH,
        { field::MESSAGE_ID } = tracing::field::display(message_id),
        { field::REASON } = word,
        { field::CODE } = error.and_then(|error| error.code()).map(tracing::field::display),
        { field::KIND } = error.map(|error| error.kind().as_str()),
    );
}

/// A call got no turn: too many wait in its lane, or its deadline comes before its turn.
pub(crate) fn limiter_refused(endpoint: Endpoint, lane: &'static str, waiting: usize, why: &Error) {
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::LIMITER,
        { field::ENDPOINT } = endpoint.name(),
        { field::LANE } = lane,
        { field::REASON } = if why.kind() == ErrorKind::Deadline { "deadline" } else { "queue_full" },
        { field::WAITING } = waiting,
    );
}

/// An answer told the balance. Called under the cache's lock, so that an older one cannot come last.
pub(crate) fn balance_heard(_credits: Credits) {
    #[cfg(feature = "metrics")]
    crate::metrics::balance(_credits);
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

/// Credentials and messages of a client travel in clear.
pub(crate) fn clear_text() {
    tracing::event!(
        target: TARGET,
        Level::WARN,
        { field::EVENT } = event::CLEAR_TEXT,
        "the gateway's base URL begins with http://: user name, password, numbers and texts travel in clear",
    );
}
