//! The inbox: what a person and a test see of the sandbox, as a page, as an HTTP API, and from Rust.
//!
//! `openapi.json` beside this file is the API's full description, served at `GET /api/openapi.json`; a test holds the
//! two together. In short (times are milliseconds since 1970, UTF-8 JSON throughout):
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /` | the page, put together from `page/` |
//! | `GET /api/messages?user=&to=&q=&since=&after=&limit=` | `{messages: [Message], matched, last, remembered, forgotten}`: the newest `limit` (200), oldest first |
//! | `GET /api/messages/wait?user=&to=&q=&since=&after=&timeout=` | a Message, or 204 |
//! | `GET /api/messages.json`, `GET /api/messages.csv`, same filters | all of them, as a download |
//! | `DELETE /api/messages`, same filters | `{deleted}`: taken out of the inbox |
//! | `GET /api/messages/{id}` | a Message |
//! | `DELETE /api/messages/{id}` | `{id, credits}`: deleted from the gateway's queue, credits given back |
//! | `GET /api/otp?user=&to=&since=&after=&timeout=` | `{otp, id, to, at}`, or 404 |
//! | `GET /api/requests?user=&to=&q=&since=&after=&refused=&limit=` | `{requests: [Request], matched, last, forgotten}` |
//! | `DELETE /api/requests`, same filters | `{deleted}` |
//! | `GET /api/codes` | `{codes: [{code, meaning, action}]}`: the SDK's table |
//! | `GET`, `POST`, `DELETE /api/faults`, `DELETE /api/faults/{id}` | `{pending, faults: [Fault], code_status}` |
//! | `GET /api/accounts`, `GET /api/account?user=`, `PUT /api/account` | `{accounts: [Account]}`, Account |
//! | `GET`, `PUT /api/settings` | `{latency_ms, drain_per_second, firewall_seconds, stuck_fill_queue}` |
//! | `GET /api/stats` | Stats |
//! | `GET /api/events` | server-sent events |
//!
//! An error is `{error: "what is wrong and what to do"}`. A place (`seq`, `after`, `last`) counts the messages ever
//! accepted, from 1; `after` takes a message id too. `q` is looked for in the text, numbers, sender ids and user name,
//! and is a message id as a whole.
//!
//! - Message: `{seq, id, user, sender_asked, sender, to: [number], dropped: [{number, why: "malformed" | "no_route" |
//!   "duplicate"}], text, phone: {text, arrives}, encoding: "GSM-7" | "UCS-2", characters, pages, forced_ucs2:
//!   [Character], stuck: null | {why: "test" | "emoji", characters: [Character]}, points, test, state: "queued" |
//!   "stuck" | "sent" | "delivered" | "deleted", otp: null | "123456", at, request_number, request, reply: {status,
//!   body, fault}}`
//! - Character: `{character, code: "U+1F389", position, utf16}`; at most 50 are listed.
//! - Request: `{number, at, endpoint, user, numbers, processed, refused, status, code, meaning, action, problems: [what
//!   could not be read], message: null | id, sender_asked, to, text, request, reply}`; what was to be sent stands in those
//!   that were refused, a message has its own.
//! - Fault: `{id, kind, code, status, delay_ms, times, always, on, user, accepting}`
//! - Account: `{user, balance, purchased, password_set, sender_ids, coverage, blocked, bad_words, spam_words,
//!   banned_senders, queued}`; in `PUT`, what is left out stays, and `password` sets one (`null`: any is taken).
//! - Stats: `{ceiling: 5, at, seconds: [{requests, peak}] (60, oldest first), requests, accepted, remembered,
//!   forgotten, swallowed, pending_faults}`; `peak` is the most within any one second, which is what the firewall minds.
//!
//! Events: `reset` `{last}` comes first, and whenever something was missed: fetch `/api/messages` and start from that.
//! `message` and `changed` carry a Message (insert or replace it by `seq`), `cleared` `{}` (fetch again), `request` a
//! Request, `stats` Stats once a second.

mod account;
mod asked;
mod body;
mod controls;
mod handle;
mod messages;
mod page;
mod refusal;
mod requests;
mod router;
mod search;
mod stream;
mod streamed;
mod view;

pub use handle::Inbox;
pub(super) use router::{is_inbox, refuse, router};
