//! What leaves the process as tracing events.
//!
//! The target of all of them is [`TARGET`]; which one it is stands in the field [`field::EVENT`]:
//!
//! | event | level | when | fields |
//! | --- | --- | --- | --- |
//! | [`event::REQUEST`] | INFO if accepted, else WARN | a request was answered or failed, every attempt for itself | `endpoint` `ok` `delivery` `request_id` `attempt` `wait_ms` `request_ms`, where known `http_status` `code` `kind` `message_id` `points` `balance_after` `repair`; of a message `numbers` `recipients` `pages` `text_chars` `test` |
//! | [`event::SENDING`] | DEBUG | a request is about to leave | `endpoint` `request_id` `attempt`; of a message `numbers` `recipients` `pages` `text_chars` `test` |
//! | [`event::RETRY`] | WARN | a failed attempt will be made again | `endpoint` `attempt` `reason` `after_ms` `code` |
//! | [`event::LIMITER`] | WARN | a call got no turn and made no request | `endpoint` `lane` `reason` `waiting` |
//! | [`event::GUARD`] | WARN | a guard kept a request, or numbers of a call, from leaving: `kind` is `not_allowed`, `spend_limit` or `balance_floor` | `kind` `numbers` |
//! | [`event::STOP`] | WARN | a bulk run stops before its end | `reason` `code` `kind` |
//! | [`event::RUN_WAITS`] | WARN | a bulk run waits: 3 batches in a row were not answered, a full queue does not drain, in quiet hours, or for a spend limit | `reason` |
//! | [`event::RUN_GOES_ON`] | INFO | what a bulk run waited for is over, and it goes on | |
//! | [`event::RUN`] | INFO | a bulk run has ended | `requests` `accepted` `refused` `unknown` `not_attempted` `invalid` `duplicates` |
//! | [`event::WATCH`] | INFO | a [watch](crate::Client::watch_delivery) on a message has ended | `message_id` `reason` `code` `kind` |
//! | [`event::LOW_BALANCE`] | WARN | the balance fell below [`low_balance`](crate::ClientBuilder::low_balance), once per crossing | `balance_after` |
//! | [`event::SHARED_SENDER`] | WARN | live messages go out under `KWT-SMS`, once per client | |
//! | [`event::CLEAR_TEXT`] | WARN | a client is built whose base URL begins with `http://` and leads to another machine | |
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
mod facts;
mod names;
#[cfg(feature = "jsonl")]
pub(crate) mod transcript;

pub(crate) use emit::*;
pub(crate) use facts::{Attempt, Facts, Finished, MessageFacts};
pub use names::{TARGET, event, field};
