//! `/api/requests`, and the codes that they are answered with.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Serialize;

use super::asked::Question;
use super::refusal::Refusal;
use super::search::RequestFilter;
use super::streamed::{self, array, as_json};
use super::view::RequestView;
use crate::code::ApiCode;
use crate::sandbox::model::request::SeenRequest;
use crate::sandbox::shared::Shared;

fn written(request: &Arc<SeenRequest>) -> Vec<u8> {
    streamed::json(&RequestView::from(&**request))
}

/// The newest that match, oldest first.
pub(super) async fn list(State(shared): State<Arc<Shared>>, asked: Question) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    let (mut filter, limit) = (asked.request_filter(&["limit"])?, asked.limit()?);
    let (matched, last, forgotten) = {
        let history = &shared.lock().history;
        let last = history.seen();
        let mut matched = 0;
        let mut first = last + 1;
        for request in history.requests_after(filter.after.unwrap_or(0)).rev() {
            if filter.matches(request, history) {
                matched += 1;
                if matched <= limit {
                    first = request.number;
                }
            }
        }
        filter.after = Some(first - 1);
        (matched, last, history.forgotten_requests)
    };
    let head = format!("{{\"matched\":{matched},\"last\":{last},\"forgotten\":{forgotten},\"requests\":[");
    Ok(as_json(array(head, streamed::requests(shared, filter, last), written, "]}")))
}

#[derive(Serialize)]
pub(super) struct Cleared {
    deleted: usize,
}

pub(super) async fn clear(
    State(shared): State<Arc<Shared>>,
    asked: Question,
) -> Result<Json<Cleared>, Refusal> {
    let Query(asked) = asked?;
    let filter: RequestFilter = asked.request_filter(&[])?;
    let deleted = {
        let history = &mut shared.lock().history;
        let matching: Vec<u64> = history
            .requests_after(0)
            .filter(|request| filter.matches(request, history))
            .map(|request| request.number)
            .collect();
        history.clear_requests(&matching);
        matching.len()
    };
    Ok(Json(Cleared { deleted }))
}

#[derive(Serialize)]
pub(super) struct Codes {
    codes: Vec<CodeView>,
}

#[derive(Serialize)]
struct CodeView {
    code: String,
    meaning: &'static str,
    action: &'static str,
}

/// Every code of the table, with what it means and what to do.
pub(super) async fn codes() -> Json<Codes> {
    let codes = ApiCode::known().map(|code| CodeView {
        meaning: code.meaning(),
        action: code.action(),
        code: code.as_str().to_owned(),
    });
    Json(Codes { codes: codes.collect() })
}
