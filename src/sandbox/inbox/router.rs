//! The page and the routes of the API.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};

use super::page::{kept_by_nobody, show};
use super::refusal::Refusal;
use super::{account, controls, messages, requests, stream};
use crate::code::ApiCode;
use crate::sandbox::shared::Shared;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = concat!(include_str!("page/base.css"), include_str!("page/page.css"));
/// One script, in the order in which its parts need each other.
const SCRIPT: &str = concat!(
    include_str!("page/dom.js"),
    include_str!("page/card.js"),
    include_str!("page/message.js"),
    include_str!("page/request.js"),
    include_str!("page/list.js"),
    include_str!("page/tools.js"),
    include_str!("page/controls.js"),
    include_str!("page/live.js"),
);
const OPENAPI: &str = include_str!("openapi.json");
/// The longest body that the API takes; a fault may carry an answer.
const MAX_BODY: usize = 256 * 1024;

/// True for the paths of the inbox; all others are the gateway's.
pub(crate) fn is_inbox(path: &str) -> bool {
    path.starts_with("/api/") || matches!(path, "/" | "/favicon.ico")
}

/// The page and the API, for requests that the door let in.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/favicon.ico", get(StatusCode::NO_CONTENT))
        .route("/api/messages", get(messages::list).delete(messages::clear))
        .route("/api/messages.json", get(messages::export_json))
        .route("/api/messages.csv", get(messages::export_csv))
        .route("/api/messages/wait", get(messages::wait))
        .route("/api/messages/{id}", get(messages::one).delete(messages::delete))
        .route("/api/otp", get(messages::otp))
        .route("/api/requests", get(requests::list).delete(requests::clear))
        .route("/api/codes", get(requests::codes))
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
        .layer(axum::middleware::map_response(kept_by_nobody))
        .with_state(shared)
}

/// The answer of a door that does not let a request in.
pub(crate) async fn refuse(status: StatusCode, reason: String) -> Response {
    kept_by_nobody(Refusal(status, reason).into_response()).await
}

async fn page() -> Response {
    show(PAGE, STYLE, SCRIPT)
}

/// The document, with the codes of the table in it.
async fn openapi() -> impl IntoResponse {
    let codes: Vec<String> = ApiCode::known().map(|code| format!("{:?}", code.as_str())).collect();
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI.replace("\"{{codes}}\"", &codes.join(", ")))
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
