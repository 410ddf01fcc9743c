//! The one error type: what failed, whether the message may have gone out, and what to do.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use super::kind::{Delivery, ErrorKind};
use crate::code::{ApiCode, UserMessage};
use crate::credits::Credits;
use crate::ids::{MessageId, MessageIdError, SenderIdError};
use crate::message::TextError;
use crate::phone::PhoneError;
use crate::report::SendReport;
use crate::transport::{TransportError, TransportFailure};
use crate::wire::{self, RawReply};

/// A failed call.
///
/// Neither `Display` nor `Debug` nor JSON shows a password, a text or a full phone number, so an error can be logged as
/// it is: `{error}` says what failed, `{error:#}` also why, cause after cause; `{error:?}`, which `unwrap` and a `main`
/// that returns it write, also what to do. Cloning is cheap. The errors of numbers, texts and ids become one by `?`.
///
/// # As JSON
///
/// An object with the fields `kind`, `message` (as `{error:#}`), `delivery`, `code`, `action`, `user_message`,
/// `is_retryable`, `retry_after_s` (whole seconds, rounded up), `attempts`, `message_id`, `http_status` and
/// `gateway_status`; what is not known is `null`. Fields may be added, and none goes.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    code: Option<ApiCode>,
    delivery: Delivery,
    attempts: u32,
    /// The call changes nothing, so that it may be made again whatever became of it.
    reading: bool,
    /// A refusal for the same number (ERR028), of which this client's own memory knows nothing.
    by_others: bool,
    retry_after: Option<Duration>,
    gateway_status: Option<u16>,
    action: Option<&'static str>,
    user_message: Option<UserMessage>,
    description: Option<String>,
    raw: Option<RawReply>,
    /// What came and could not be read.
    raw_bytes: Option<Arc<[u8]>>,
    message_id: Option<MessageId>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    report: Option<Arc<SendReport>>,
}

impl Error {
    /// What failed.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code, if the gateway refused; local refusals of a text carry the code that the gateway would give
    /// (ERR009 for an empty one, ERR012 for one of too many pages, ERR027 for one with a placeholder).
    pub fn code(&self) -> Option<&ApiCode> {
        self.0.code.as_ref()
    }

    /// What became of the message, and with it whether sending again can send twice.
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// How many requests were made for this call.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// What to do about it.
    pub fn action(&self) -> &'static str {
        if let Some(action) = self.0.action {
            return action;
        }
        match self.0.kind {
            ErrorKind::Api => self.code().map_or("ask kwtSMS support", |code| code.action()),
            ErrorKind::InvalidInput => "correct the input; no request was made",
            ErrorKind::Config => "correct the settings; no request was made",
            ErrorKind::TooManyWaiting => "send later, or spread the calls: too many wait for their turn",
            ErrorKind::Deadline => "send again with a longer deadline; no request was made",
            ErrorKind::RecentNumber => "wait as long as retry_after() says, or call .wait()",
            ErrorKind::NotAllowed => {
                "this client writes only to the numbers of only_to (KWTSMS_ONLY_TO), as staging does: add the number, \
                 or take the setting away where everybody may be written to"
            }
            ErrorKind::SpendLimit if self.0.retry_after.is_none() => {
                "raise the spend limit, or send to fewer numbers at once: this request alone is above it"
            }
            ErrorKind::SpendLimit => {
                "send again when it opens, as retry_after() says; if so much was meant to be sent, raise the limit"
            }
            ErrorKind::BalanceFloor => {
                "top up the account, or lower the balance floor, then send what was not attempted"
            }
            ErrorKind::QuietHours => "send again when the quiet hours end, as retry_after() says",
            ErrorKind::Store => "see that the store can be reached and written, then send again",
            ErrorKind::Stopped => "see what stopped the run, correct it, and send what was not attempted",
            ErrorKind::Connect => {
                "check the network; if it works for others, ask kwtSMS support whether their firewall blocked \
                 this machine's public IP (over 5 requests in a second)"
            }
            ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::BadReply if self.0.reading => {
                "ask again later; the call changes nothing and costs nothing"
            }
            ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::BadReply => {
                "do not send again blindly: look in the account's queue or archive whether it was accepted"
            }
        }
    }

    /// A sentence that is safe to show to an end user, in English and Arabic.
    pub fn user_message(&self) -> UserMessage {
        if let Some(message) = self.0.user_message {
            return message;
        }
        match self.0.kind {
            ErrorKind::Api => self.code().map_or(UserMessage::Unavailable, ApiCode::user_message),
            ErrorKind::RecentNumber => UserMessage::PleaseWait,
            ErrorKind::TooManyWaiting | ErrorKind::Deadline => UserMessage::Busy,
            ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::BadReply if !self.0.reading => {
                UserMessage::Unconfirmed
            }
            _ => UserMessage::Unavailable,
        }
    }

    /// True if the same call may succeed later and cannot send twice: nothing left, the gateway asked to wait,
    /// or the call only reads. Never true after a send of unknown outcome, nor where somebody else just wrote to the
    /// numbers (ERR028 without a message of this client's), since it may have been the same message.
    pub fn is_retryable(&self) -> bool {
        match self.0.kind {
            ErrorKind::Connect
            | ErrorKind::TooManyWaiting
            | ErrorKind::Deadline
            | ErrorKind::RecentNumber
            | ErrorKind::QuietHours
            | ErrorKind::Store => true,
            ErrorKind::SpendLimit => self.0.retry_after.is_some(),
            ErrorKind::Api => self.retry_after().is_some() && !self.0.by_others,
            ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::BadReply => self.0.reading,
            _ => false,
        }
    }

    /// How long to wait before trying again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after.or_else(|| self.code().and_then(ApiCode::retry_after))
    }

    /// The HTTP status of the gateway's last answer, if one came; only a hint, since the body decides. What a handler
    /// should answer is [`http_status`](Self::http_status).
    pub fn gateway_status(&self) -> Option<u16> {
        self.0.gateway_status
    }

    /// The gateway's own description, for support. It is not part of `Display`: it is free text.
    pub fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    /// The gateway's reply, if it could be read.
    pub fn raw(&self) -> Option<&RawReply> {
        self.0.raw.as_ref()
    }

    /// What came in the place of a reply, if anything did: the first [`MAX_RAW_BYTES`](Self::MAX_RAW_BYTES) of it, for
    /// whoever looks into the matter. Of a reply that could be read it is the object's text.
    ///
    /// It may hold a number, a text or a password that a server repeats: no output of this crate shows it, and it does
    /// not belong in a log.
    pub fn raw_bytes(&self) -> Option<&[u8]> {
        let read = self.0.raw.as_ref().map(|raw| raw.as_json().as_bytes());
        self.0
            .raw_bytes
            .as_deref()
            .or_else(|| read.map(|bytes| &bytes[..bytes.len().min(Self::MAX_RAW_BYTES)]))
    }

    /// The message id that stands in an answer of unknown outcome, if one and only one does.
    ///
    /// It does not mean that the message was accepted: the answer is cut short, contradicts itself or is no reply at
    /// all. [`Client::status`](crate::Client::status) asks the gateway about it.
    pub fn message_id(&self) -> Option<&MessageId> {
        self.0.message_id.as_ref()
    }

    /// What became of each number, if the call was a send that nothing was accepted of.
    pub fn report(&self) -> Option<&SendReport> {
        self.0.report.as_deref()
    }

    /// True for what every further request would meet too: a code of the account, the sender or the text, a guard that
    /// is shut, or a store that fails.
    pub(crate) fn stops_run(&self) -> bool {
        matches!(self.kind(), ErrorKind::Store | ErrorKind::SpendLimit | ErrorKind::BalanceFloor)
            || self.code().is_some_and(|code| code.class().stops_run())
    }

    /// How many bytes of an answer that cannot be read are kept: a page of an error is a few thousand.
    pub const MAX_RAW_BYTES: usize = 8 * 1024;

    /// What failed, without its cause.
    pub(super) fn message(&self) -> &str {
        &self.0.message
    }

    /// True for a call that changes nothing.
    pub(super) fn is_read_only(&self) -> bool {
        self.0.reading
    }

    fn new(kind: ErrorKind, delivery: Delivery, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            code: None,
            delivery,
            attempts: 0,
            reading: false,
            by_others: false,
            retry_after: None,
            gateway_status: None,
            action: None,
            user_message: None,
            description: None,
            raw: None,
            raw_bytes: None,
            message_id: None,
            source: None,
            report: None,
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, Delivery::NotSent, message)
    }

    pub(crate) fn config_from(
        message: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::config(message).with(|e| e.source = Some(Arc::new(source)))
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, Delivery::NotSent, message)
    }

    pub(crate) fn input_from(
        message: impl Into<String>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self::input(message).with(|e| e.source = Some(Arc::new(source)))
    }

    pub(crate) fn number(reason: &PhoneError) -> Self {
        if *reason == PhoneError::NotAllowed {
            return Self::not_allowed(1);
        }
        Self::input_from("the phone number is not usable", *reason)
            .with(|e| e.user_message = Some(UserMessage::InvalidNumber))
    }

    /// Of a call with several numbers and none that is usable; `first` tells of the first.
    pub(crate) fn no_number(inputs: usize, first: &PhoneError) -> Self {
        let message =
            format!("none of the {inputs} inputs is a usable phone number; the cause is the first one's");
        Self::input_from(message, *first).with(|e| e.user_message = Some(UserMessage::InvalidNumber))
    }

    /// A guard stands before so many numbers: they are none of `only_to`.
    pub(crate) fn not_allowed(numbers: usize) -> Self {
        let which = if numbers == 1 { "the number is".to_owned() } else { format!("{numbers} numbers are") };
        Self::new(
            ErrorKind::NotAllowed,
            Delivery::NotSent,
            format!("{which} none of only_to, and nobody else is written to"),
        )
    }

    /// `window` is the hour or the day whose limit is reached; `opens_in` is known unless the request alone is above it.
    pub(crate) fn spend_limit(
        cost: Credits,
        limit: Credits,
        window: &str,
        opens_in: Option<Duration>,
    ) -> Self {
        let message = match opens_in {
            Some(wait) => format!(
                "the limit of {limit} credits {window} leaves less than the {cost} of this request; it opens again in \
                 {} s",
                wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
            ),
            None => format!("the request costs {cost} credits, more than the limit of {limit} {window}"),
        };
        Self::new(ErrorKind::SpendLimit, Delivery::NotSent, message).with(|e| e.retry_after = opens_in)
    }

    pub(crate) fn balance_floor(cost: Credits, left: Credits, floor: Credits) -> Self {
        Self::new(
            ErrorKind::BalanceFloor,
            Delivery::NotSent,
            format!(
                "the {cost} credits of the next batch would take the balance of {left} below the floor of {floor}"
            ),
        )
    }

    /// Whether the floor is kept cannot be known. Nothing was sent, whatever became of the question.
    pub(crate) fn balance_not_known(source: Self) -> Self {
        let message = "the balance could not be asked for, and with a floor nothing is sent without it";
        Self::new(ErrorKind::BalanceFloor, Delivery::NotSent, message).with(|e| {
            e.action = Some("see why the balance is not answered, then send what was not attempted");
            e.code = source.code().cloned();
            e.source = Some(Arc::new(source));
        })
    }

    pub(crate) fn quiet_hours(wait: Duration) -> Self {
        Self::new(ErrorKind::QuietHours, Delivery::NotSent, "bulk messages do not leave in the quiet hours")
            .with(|e| e.retry_after = Some(wait))
    }

    pub(crate) fn text(reason: TextError) -> Self {
        let code = match reason {
            TextError::Empty => ApiCode::ERR009,
            TextError::TooManyPages { .. } => ApiCode::ERR012,
            TextError::Placeholder { .. } => ApiCode::ERR027,
        };
        let action = match reason {
            TextError::Placeholder { .. } => {
                "fill the placeholder in, or put a blank behind a < that is meant as one; no request was made"
            }
            TextError::Empty | TextError::TooManyPages { .. } => code.action(),
        };
        Self::input_from("the text is not usable", reason).with(|e| {
            e.user_message = Some(code.user_message());
            e.action = Some(action);
            e.code = Some(code);
        })
    }

    pub(crate) fn too_many_waiting(limit: usize) -> Self {
        Self::new(
            ErrorKind::TooManyWaiting,
            Delivery::NotSent,
            format!("{limit} calls wait for their turn already"),
        )
    }

    pub(crate) fn deadline() -> Self {
        Self::new(
            ErrorKind::Deadline,
            Delivery::NotSent,
            "the deadline cannot be met, and no request was made",
        )
    }

    /// What was awaited before a request took so long that it could not leave any more.
    pub(crate) fn prepared_too_late() -> Self {
        Self::new(
            ErrorKind::Deadline,
            Delivery::NotSent,
            "what had to be done before the request took too long, and no request was made",
        )
    }

    pub(crate) fn recent_number(wait: Duration) -> Self {
        Self::new(
            ErrorKind::RecentNumber,
            Delivery::NotSent,
            "a number was written to less than 16 s ago, and the gateway would refuse it",
        )
        .with(|e| e.retry_after = Some(wait))
    }

    /// `action` names the store.
    #[cfg(any(feature = "store", feature = "redis"))]
    pub(crate) fn store(action: &'static str, source: impl StdError + Send + Sync + 'static) -> Self {
        Self::new(ErrorKind::Store, Delivery::NotSent, "the store failed, and no request was made").with(
            |e| {
                e.action = Some(action);
                e.source = Some(Arc::new(source));
            },
        )
    }

    pub(crate) fn stopped(cause: Option<Error>) -> Self {
        Self::new(ErrorKind::Stopped, Delivery::NotSent, "not attempted because the run was stopped")
            .with(|e| e.source = cause.map(|cause| Arc::new(cause) as _))
    }

    /// Why a run ended that nobody stopped.
    pub(crate) fn run_ended(why: &'static str) -> Self {
        Self::new(ErrorKind::Stopped, Delivery::NotSent, why)
    }

    pub(crate) fn answer_not_awaited() -> Self {
        Self::new(
            ErrorKind::Interrupted,
            Delivery::Unknown,
            "the exchange was given up before its answer came, as its runtime ended or a callback panicked",
        )
    }

    pub(crate) fn timeout(after: Duration) -> Self {
        Self::timed_out(after, None)
    }

    /// Where the request went by a proxy, that may be what did not answer.
    pub(crate) fn timed_out(after: Duration, proxy: Option<&str>) -> Self {
        let by = proxy.map(|proxy| format!(", which went by {proxy}")).unwrap_or_default();
        let message = format!("no answer within {} ms of the request{by}", after.as_millis());
        Self::new(ErrorKind::Timeout, Delivery::Unknown, message)
    }

    pub(crate) fn answer_after_deadline() -> Self {
        Self::new(ErrorKind::Timeout, Delivery::Unknown, "the deadline passed before the answer came")
    }

    pub(crate) fn transport(mut error: TransportError) -> Self {
        let (kind, delivery) = match error.failure() {
            TransportFailure::Connect | TransportFailure::Certificate => {
                (ErrorKind::Connect, Delivery::NotSent)
            }
            TransportFailure::Interrupted => (ErrorKind::Interrupted, Delivery::Unknown),
            TransportFailure::ReplyTooLong => (ErrorKind::BadReply, Delivery::Unknown),
        };
        Self::new(kind, delivery, "the exchange with the gateway failed").with(|e| {
            e.action = match error.failure() {
                TransportFailure::Certificate => Some(
                    "set this machine's clock and CA certificates right; if they are, something stands between it and \
                     the gateway",
                ),
                TransportFailure::Connect if error.is_by_proxy() => Some(
                    "check the proxy that the cause names, and the variable that names it; NO_PROXY with the gateway's \
                     host goes around it",
                ),
                _ => None,
            };
            e.gateway_status = error.status();
            e.keep(&error.take_received());
            e.source = Some(Arc::new(error));
        })
    }

    /// Of an answer that is no JSON object. A compressed one is not unpacked: it was asked for as it is, so something
    /// on the way is at fault, and what a stranger has packed may be larger than memory.
    pub(crate) fn unreadable(status: u16, bytes: &[u8]) -> Self {
        let length = bytes.len();
        let what = match bytes {
            [0x1f, 0x8b, ..] => "compressed with gzip, which was not asked for",
            [0x28, 0xb5, 0x2f, 0xfd, ..] => "compressed with zstd, which was not asked for",
            _ => "not a JSON object",
        };
        let message = format!("the reply is {what} (HTTP status {status}, {length} bytes)");
        Self::new(ErrorKind::BadReply, Delivery::Unknown, message).with(|e| e.keep(bytes))
    }

    pub(crate) fn bad_reply(message: &'static str, raw: RawReply) -> Self {
        Self::new(ErrorKind::BadReply, Delivery::Unknown, message).with(|e| {
            e.message_id = raw.message_id().or_else(|| wire::message_id_in(raw.as_json().as_bytes()));
            e.raw = Some(raw);
        })
    }

    pub(crate) fn api(code: ApiCode, description: Option<String>, raw: RawReply) -> Self {
        Self::new(ErrorKind::Api, Delivery::Refused, "the gateway refused the request").with(|e| {
            e.code = Some(code);
            e.description = description;
            e.raw = Some(raw);
        })
    }

    /// A refusal for the same number that no message of this client explains.
    pub(crate) fn written_by_others(self) -> Self {
        self.with(|e| {
            e.by_others = true;
            e.action = Some(
                "somebody else just wrote to one of these numbers, most often an earlier process of this application: \
                 see what it sent before you send again; .wait_for_others() sends all the same",
            );
        })
    }

    pub(crate) fn is_by_others(&self) -> bool {
        self.0.by_others
    }

    pub(crate) fn with_action(self, action: &'static str) -> Self {
        self.with(|e| e.action = Some(action))
    }

    pub(crate) fn answered(self, status: u16, retry_after: Option<Duration>) -> Self {
        self.with(|e| {
            e.gateway_status = Some(status);
            e.retry_after = e.retry_after.or(retry_after);
        })
    }

    pub(crate) fn attempted(self, attempts: u32, reading: bool) -> Self {
        self.with(|e| {
            e.attempts = attempts;
            e.reading = reading;
        })
    }

    pub(crate) fn with_report(self, report: SendReport) -> Self {
        self.with(|e| e.report = Some(Arc::new(report)))
    }
}

impl Inner {
    /// Keeps what came and could not be read: its beginning, and the message id wherever it stands.
    fn keep(&mut self, received: &[u8]) {
        if !received.is_empty() {
            self.message_id = wire::message_id_in(received);
            self.raw_bytes = Some(received[..received.len().min(Error::MAX_RAW_BYTES)].into());
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<PhoneError> for Error {
    fn from(reason: PhoneError) -> Self {
        Self::number(&reason)
    }
}

impl From<TextError> for Error {
    fn from(reason: TextError) -> Self {
        Self::text(reason)
    }
}

impl From<SenderIdError> for Error {
    fn from(reason: SenderIdError) -> Self {
        Self::input_from("the sender id is not usable", reason)
    }
}

impl From<MessageIdError> for Error {
    fn from(reason: MessageIdError) -> Self {
        Self::input_from("the message id is not usable", reason)
    }
}
