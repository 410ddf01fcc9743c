//! The page's server: the page, the API behind it, and the guard before both.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /` | the page, put together from `page/` |
//! | `GET /api/campaigns` | `{campaigns: [{key, over, total, progress}], left_out, asks_balance}`: the newest 100 |
//! | `GET /api/campaigns/{key}` | `{key, over, total, time_left, progress, settings}` |
//! | `GET /api/campaigns/{key}/history` | `{began_at, pace, moments: [[at, accepted, refused, unknown]]}` |
//! | `GET /api/campaigns/{key}/unknown` | `{total, batches: [{batch, numbers, sent_at, reason, evidence: null \| {is, text}}]}`: the oldest 100 |
//! | `POST /api/campaigns/{key}/unknown/{batch}` `{resolution: "sent" \| "not_sent"}` | `{}` |
//! | `POST /api/campaigns/{key}/pause` `{reason}` | `{}`, when nothing is in flight |
//! | `POST /api/campaigns/{key}/resume` | `{}` |
//! | `POST /api/campaigns/{key}/evidence` | `{}`, after one request to the gateway |
//!
//! Times are milliseconds since 1970, but for `until` in a progress and `time_left`, in seconds. An error is
//! `{error: "what is wrong and what to do"}`.

mod api;
#[allow(dead_code)] // the sandbox's, whose other doors are not here
#[path = "../../../../../../sandbox/doors/guard.rs"]
mod guard;
#[path = "../../../../../../sandbox/inbox/page.rs"]
mod page;
#[allow(dead_code)]
#[path = "../../../../../../sandbox/inbox/refusal.rs"]
mod refusal;
mod watched;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use kwtsms_async::{Client, Store};
use tokio::net::TcpListener;

use guard::{Guard, Stranger, Target};
use refusal::Refusal;
use watched::Watched;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str =
    concat!(include_str!("../../../../../../sandbox/inbox/page/base.css"), include_str!("page/page.css"),);
/// One script, in the order in which its parts need each other.
const SCRIPT: &str = concat!(
    include_str!("../../../../../../sandbox/inbox/page/dom.js"),
    include_str!("page/words.js"),
    include_str!("page/plot.js"),
    include_str!("page/unknown.js"),
    include_str!("page/campaign.js"),
    include_str!("page/live.js"),
);
/// The longest body that the API takes: a reason.
const MAX_BODY: usize = 4 * 1024;

/// Serves until it is dropped; what was asked for then goes on in the store.
pub(crate) async fn serve(
    listener: TcpListener,
    store: Store,
    client: Option<Client>,
) -> std::io::Result<()> {
    axum::serve(listener, router(Arc::new(Watched { store, client }))).await
}

fn router(watched: Arc<Watched>) -> Router {
    Router::new()
        .route("/", get(async || page::show(PAGE, STYLE, SCRIPT)))
        .route("/favicon.ico", get(StatusCode::NO_CONTENT))
        .route("/api/campaigns", get(api::list))
        .route("/api/campaigns/{key}", get(api::one))
        .route("/api/campaigns/{key}/history", get(api::history))
        .route("/api/campaigns/{key}/unknown", get(api::unknown))
        .route("/api/campaigns/{key}/unknown/{batch}", post(api::resolve))
        .route("/api/campaigns/{key}/pause", post(api::pause))
        .route("/api/campaigns/{key}/resume", post(api::resume))
        .route("/api/campaigns/{key}/evidence", post(api::evidence))
        .fallback(async || Refusal(StatusCode::NOT_FOUND, "there is nothing here".to_owned()))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::new(Guard::default()), guarded))
        .layer(map_response(page::kept_by_nobody))
        .with_state(watched)
}

/// Lets in this machine and the page itself.
async fn guarded(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let target = if request.uri().path() == "/" { Target::Page } else { Target::Inbox };
    match guard.check(request.headers(), target) {
        Ok(_) => next.run(request).await,
        Err(stranger) => Refusal(StatusCode::FORBIDDEN, turned_away(&stranger)).into_response(),
    }
}

fn turned_away(stranger: &Stranger) -> String {
    match stranger {
        Stranger::Host(host) => format!("this page is not called {host:?}: use 127.0.0.1 or localhost"),
        Stranger::Origin(origin) => format!("a page of {origin:?} may not look at campaigns"),
        Stranger::Site => "pages of other sites may not look at campaigns".to_owned(),
    }
}
