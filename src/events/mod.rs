//! What leaves the process as tracing events.
//!
//! The target of all of them is [`TARGET`]; which one it is stands in the field [`field::EVENT`]:
//!
//! | event | level | when | fields |
//! | --- | --- | --- | --- |
//! | [`event::REQUEST`] | INFO if accepted, else WARN | a request was answered or failed, every attempt for itself | `endpoint` `ok` `delivery` `attempt` `wait_ms` `request_ms`, where known `http_status` `code` `kind` `message_id` `points` `balance_after` `repair`; of a message `numbers` `recipients` `pages` `text_chars` `test` |
//! | [`event::RETRY`] | WARN | a failed attempt will be made again | `endpoint` `attempt` `reason` `after_ms` `code` |
//! | [`event::LIMITER`] | WARN | a call got no turn and made no request | `endpoint` `lane` `reason` `waiting` |
//! | [`event::STOP`] | WARN | a bulk run stops before its end | `reason` `code` `kind` |
//! | [`event::RUN`] | INFO | a bulk run has ended | `requests` `accepted` `refused` `unknown` `not_attempted` `invalid` `duplicates` |
//! | [`event::LOW_BALANCE`] | WARN | the balance fell below [`low_balance`](crate::ClientBuilder::low_balance), once per crossing | `balance_after` |
//! | [`event::SHARED_SENDER`] | WARN | live messages go out under `KWT-SMS`, once per client | |
//!
//! Each call has a span, `kwtsms` with the field `endpoint`, at level INFO: a child of the span in which the call was
//! first polled. The events of its attempts are inside it, also of those that go on in their own task after the
//! call's future was dropped.
//!
//! Names of targets, spans, events, fields and their values are covered by semantic versioning; new ones may come.
//! Events never hold a password, a text, a full number or a URL: numbers are masked (`965****432`), texts are
//! counted. Code and message id are shown only if they have the form of one. For bodies, see the feature `jsonl`.
//!
//! ```
//! # #[cfg(feature = "sandbox")] {
//! # use tracing_subscriber::prelude::*;
//! // Only what went wrong, with `tracing_subscriber`'s filter over targets:
//! use kwtsms_async::events;
//! use tracing_subscriber::filter::{LevelFilter, Targets};
//!
//! let failures = Targets::new().with_target(events::TARGET, LevelFilter::WARN);
//! # let _ = tracing_subscriber::registry().with(failures);
//! # }
//! ```

mod emit;
#[cfg(feature = "jsonl")]
pub(crate) mod transcript;

pub(crate) use emit::*;

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
    /// A call got no turn and made no request: too many wait in its lane, or its deadline comes before its turn.
    pub const LIMITER: &str = "limiter";
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
    /// `accepted`, `refused`, `not_sent` or `unknown`.
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
    /// The gateway's message id: of an accepted message, and of one of unknown outcome if the answer holds one.
    pub const MESSAGE_ID: &str = "message_id";
    /// What had to be done to the answer before it could be read, see [`Repair`](crate::Repair): `decoded` or
    /// `extracted`.
    pub const REPAIR: &str = "repair";
    /// Milliseconds from the call's start, or from the failure of the attempt before, to this request: waiting for a
    /// turn, a pause or a full queue.
    pub const WAIT_MS: &str = "wait_ms";
    /// Milliseconds of the exchange, from its start to its answer or failure.
    pub const REQUEST_MS: &str = "request_ms";
    /// The HTTP status.
    pub const HTTP_STATUS: &str = "http_status";
    /// Milliseconds until the next attempt.
    pub const AFTER_MS: &str = "after_ms";
    /// Why: of a retry `queue_full`, `same_number` or `transport`; of the limiter `queue_full` or `deadline`; of a stop
    /// `error`, `asked` or `dropped`.
    pub const REASON: &str = "reason";
    /// Which of the limiter's lanes: `single` or `bulk`.
    pub const LANE: &str = "lane";
    /// Calls that wait in the lane.
    pub const WAITING: &str = "waiting";
    /// Batches of a run that were asked or left out, whatever their result.
    pub const REQUESTS: &str = "requests";
    /// Numbers of a run that were accepted.
    pub const ACCEPTED: &str = "accepted";
    /// Numbers of a run that the gateway refused.
    pub const REFUSED: &str = "refused";
    /// Numbers of a run of unknown outcome.
    pub const UNKNOWN: &str = "unknown";
    /// Numbers of a run that were not attempted.
    pub const NOT_ATTEMPTED: &str = "not_attempted";
    /// Inputs of a run that are no usable phone number.
    pub const INVALID: &str = "invalid";
    /// Inputs of a run that were there before.
    pub const DUPLICATES: &str = "duplicates";
}
