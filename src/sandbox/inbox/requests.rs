//! `/api/requests`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::asked::Question;
use super::refusal::Refusal;
use super::search::Filter;
use super::view::RequestView;
use crate::sandbox::shared::Shared;

#[derive(Serialize)]
struct Requests {
    requests: Vec<RequestView>,
    forgotten: u64,
}

pub(super) async fn list(State(shared): State<Arc<Shared>>, asked: Question) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    if asked.filter(&shared, &["limit"])? != Filter::default() {
        return Err(Refusal::bad("only limit means something here: leave the rest out"));
    }
    let limit = asked.limit()?;
    let gateway = shared.lock();
    let (seen, forgotten) = (gateway.history.seen(), gateway.history.forgotten_requests);
    let first = forgotten.max(seen.saturating_sub(limit as u64)) + 1;
    let requests = (first..=seen)
        .filter_map(|number| Some(RequestView::new(number, gateway.history.request(number)?)))
        .collect();
    Ok(Json(Requests { requests, forgotten }).into_response())
}
