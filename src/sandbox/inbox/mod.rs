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
//! | `GET /api/requests?limit=` | `{requests: [Request], forgotten}` |
//! | `GET`, `POST`, `DELETE /api/faults`, `DELETE /api/faults/{id}` | `{pending, faults: [Fault], code_status}` |
//! | `GET /api/accounts`, `GET /api/account?user=`, `PUT /api/account` | `{accounts: [Account]}`, Account |
//! | `GET`, `PUT /api/settings` | `{latency_ms, drain_per_second, firewall_seconds}` |
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
//!   "stuck" | "sent" | "delivered" | "deleted", otp: null | "123456", at, request, reply: {status, body, fault}}`
//! - Character: `{character, code: "U+1F389", position, utf16}`; at most 50 are listed.
//! - Request: `{number, at, endpoint, user, numbers, processed, status, code}`
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
mod controls;
mod guard;
mod handle;
mod messages;
mod search;
mod stream;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{delete, get};

use super::shared::Shared;

pub use handle::Inbox;
pub(super) use search::digit;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// One script, in the order in which its parts need each other.
const SCRIPT: &str = concat!(
    include_str!("page/dom.js"),
    include_str!("page/message.js"),
    include_str!("page/inbox.js"),
    include_str!("page/controls.js"),
    include_str!("page/live.js"),
);
const OPENAPI: &str = include_str!("openapi.json");
/// The longest body that the API takes; a fault may carry an answer.
const MAX_BODY: usize = 256 * 1024;

/// True for the paths of the inbox; all others are the gateway's.
pub(super) fn is_inbox(method: &str, path: &str) -> bool {
    path.starts_with("/api/") || (matches!(path, "/" | "/favicon.ico") && matches!(method, "GET" | "HEAD"))
}

/// The page and the API. `hosts` are the names it may be called by, besides addresses and `localhost`.
pub(super) fn router(shared: Arc<Shared>, hosts: Arc<[String]>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/favicon.ico", get(StatusCode::NO_CONTENT))
        .route("/api/messages", get(messages::list).delete(messages::clear))
        .route("/api/messages.json", get(messages::export_json))
        .route("/api/messages.csv", get(messages::export_csv))
        .route("/api/messages/wait", get(messages::wait))
        .route("/api/messages/{id}", get(messages::one).delete(messages::delete))
        .route("/api/otp", get(messages::otp))
        .route("/api/requests", get(messages::requests))
        .route("/api/faults", get(controls::faults).post(controls::add_fault).delete(controls::clear_faults))
        .route("/api/faults/{id}", delete(controls::remove_fault))
        .route("/api/accounts", get(account::list))
        .route("/api/account", get(account::show).put(account::change))
        .route("/api/settings", get(controls::settings).put(controls::change_settings))
        .route("/api/stats", get(controls::stats))
        .route("/api/events", get(stream::events))
        .route("/api/openapi.json", get(openapi))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::from_fn_with_state(hosts, guard::check))
        .with_state(shared)
}

/// The page. Its script runs by a nonce of this one answer, so that no text in a message can become one.
async fn page() -> Response {
    let nonce = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let page = PAGE.replace("{{nonce}}", &nonce).replace("{{style}}", STYLE).replace("{{script}}", SCRIPT);
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page)).into_response()
}

async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

async fn no_such_path(uri: Uri) -> Refusal {
    let path = uri.path();
    Refusal(
        StatusCode::NOT_FOUND,
        format!(
            "there is no {path} here: the gateway's paths begin with /API/, and GET /api/openapi.json lists the inbox's"
        ),
    )
}

async fn no_such_method(uri: Uri) -> Refusal {
    let path = uri.path();
    Refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{path} does not take this method: GET /api/openapi.json says which"),
    )
}

/// A request that the inbox does not do: a status, and what is wrong and what to do.
struct Refusal(StatusCode, String);

impl Refusal {
    fn bad(reason: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, reason.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, axum::Json(serde_json::json!({ "error": self.1 }))).into_response()
    }
}

impl From<axum::extract::rejection::QueryRejection> for Refusal {
    fn from(rejection: axum::extract::rejection::QueryRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}

impl From<axum::extract::rejection::JsonRejection> for Refusal {
    fn from(rejection: axum::extract::rejection::JsonRejection) -> Self {
        Self(rejection.status(), rejection.body_text())
    }
}
