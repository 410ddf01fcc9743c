//! `/api/messages`, its exports, and `/api/otp`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::asked::Question;
use super::refusal::Refusal;
use super::search::arrival;
use super::streamed::{self, array, as_json};
use super::view::MessageView;
use crate::sandbox::model::message::Message;
use crate::sandbox::shared::Shared;

/// How long `wait` waits unless told.
const WAIT: f64 = 30.0;

fn written(message: &Arc<Message>) -> Vec<u8> {
    streamed::json(&MessageView::from(&**message))
}

/// The newest that match, oldest first.
pub(super) async fn list(State(shared): State<Arc<Shared>>, asked: Question) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    let (mut filter, limit) = (asked.filter(&shared, &["limit"])?, asked.limit()?);
    // In one look, so that nothing comes between the count and the place of the last.
    let (matched, remembered, last, forgotten) = {
        let mut gateway = shared.lock();
        gateway.settle(Instant::now());
        let history = &gateway.history;
        let (remembered, last) = history.count();
        let mut matched = 0;
        let mut first = last + 1;
        for message in history.after(filter.after.unwrap_or(0)).rev() {
            if filter.matches(message) {
                matched += 1;
                if matched <= limit {
                    first = message.seq;
                }
            }
        }
        filter.after = Some(first - 1);
        (matched, remembered, last, history.forgotten_messages)
    };
    let head = format!(
        "{{\"matched\":{matched},\"last\":{last},\"remembered\":{remembered},\"forgotten\":{forgotten},\"messages\":["
    );
    Ok(as_json(array(head, streamed::messages(shared, filter, last), written, "]}")))
}

pub(super) async fn one(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let message = {
        let mut gateway = shared.lock();
        gateway.settle(Instant::now());
        gateway.history.message(&id).cloned()
    };
    message.map(|message| Json(MessageView::from(&*message)).into_response()).ok_or_else(|| unknown(&id))
}

fn unknown(id: &str) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("there is no message {id:?} in the inbox"))
}

/// With a place or a time, the oldest message behind it; with neither, the newest that is there. Else the next.
pub(super) async fn wait(State(shared): State<Arc<Shared>>, asked: Question) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    let (filter, limit) = (asked.filter(&shared, &["timeout"])?, asked.timeout(WAIT)?);
    let newest = filter.after.is_none() && filter.since_ms.is_none();
    let found = arrival(&shared, |gateway, seen| {
        let mut behind = gateway.history.after(seen.max(filter.after.unwrap_or(0)));
        let matches = |message: &&Arc<Message>| filter.matches(message);
        if newest { behind.rev().find(matches) } else { behind.find(matches) }.cloned()
    });
    let found = timeout(limit, found);
    Ok(match found.await {
        Ok(message) => Json(MessageView::from(&*message)).into_response(),
        Err(_) => StatusCode::NO_CONTENT.into_response(),
    })
}

#[derive(Serialize)]
struct Otp<'a> {
    otp: Option<&'a str>,
    id: &'a str,
    to: &'a [String],
    at: u64,
}

pub(super) async fn otp(State(shared): State<Arc<Shared>>, asked: Question) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    let (filter, limit) = (asked.filter(&shared, &["timeout"])?, asked.timeout(0.0)?);
    let found = arrival(&shared, |gateway, seen| {
        let mut newest_first = gateway.history.after(seen.max(filter.after.unwrap_or(0))).rev();
        newest_first.find(|message| message.otp.is_some() && filter.matches(message)).cloned()
    });
    let found = timeout(limit, found);
    match found.await {
        Ok(message) => {
            let (otp, id, to, at) = (message.otp(), message.id(), message.numbers(), message.unix_ms);
            Ok(Json(Otp { otp, id, to, at }).into_response())
        }
        Err(_) => Err(Refusal(
            StatusCode::NOT_FOUND,
            "no message with a one-time code is here: timeout=10 waits 10 seconds for one".to_owned(),
        )),
    }
}

pub(super) async fn clear(State(shared): State<Arc<Shared>>, asked: Question) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    let filter = asked.filter(&shared, &[])?;
    let deleted = shared.lock().clear(|message| filter.matches(message));
    Ok(Json(json!({ "deleted": deleted })).into_response())
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let mut gateway = shared.lock();
    if let Some(credits) = gateway.delete(&id, Instant::now()) {
        return Ok(Json(json!({ "id": id, "credits": credits })).into_response());
    }
    Err(match gateway.history.message(&id) {
        Some(_) => Refusal(StatusCode::CONFLICT, format!("message {id:?} is not in the queue any more")),
        None => unknown(&id),
    })
}

/// The messages that match, as a download.
pub(super) async fn export_json(
    State(shared): State<Arc<Shared>>,
    asked: Question,
) -> Result<Response, Refusal> {
    let pieces = exported(shared, asked)?;
    Ok((download("json"), as_json(array("[".to_owned(), pieces, written, "]"))).into_response())
}

/// Columns as in the JSON. It begins with a byte order mark, without which spreadsheets garble Arabic.
pub(super) async fn export_csv(
    State(shared): State<Arc<Shared>>,
    asked: Question,
) -> Result<Response, Refusal> {
    const HEAD: &str =
        "\u{FEFF}seq,id,at,user,sender_asked,sender,to,text,encoding,pages,points,test,state,otp\r\n";
    let lines =
        exported(shared, asked)?.map(|piece| piece.iter().flat_map(|message| line(message)).collect());
    let body = streamed::body(HEAD.into(), lines, "");
    Ok((download("csv"), [(header::CONTENT_TYPE, "text/csv; charset=utf-8")], body).into_response())
}

fn exported(
    shared: Arc<Shared>,
    asked: Question,
) -> Result<impl Iterator<Item = Vec<Arc<Message>>>, Refusal> {
    let Query(asked) = asked?;
    let filter = asked.filter(&shared, &[])?;
    let (_, last) = {
        let mut gateway = shared.lock();
        gateway.settle(Instant::now());
        gateway.history.count()
    };
    Ok(streamed::messages(shared, filter, last))
}

fn download(kind: &str) -> [(header::HeaderName, String); 1] {
    [(header::CONTENT_DISPOSITION, format!("attachment; filename=\"messages.{kind}\""))]
}

fn line(message: &Message) -> Vec<u8> {
    let view = MessageView::from(message);
    let cells = [
        view.seq.to_string(),
        message.id.clone(),
        message.unix_ms.to_string(),
        cell(view.user),
        cell(view.sender_asked),
        cell(view.sender),
        message.numbers.join(" "),
        cell(&message.text),
        view.encoding.to_owned(),
        message.pages.to_string(),
        message.points.to_string(),
        message.test.to_string(),
        view.state.to_owned(),
        view.otp.unwrap_or_default().to_owned(),
    ];
    format!("{}\r\n", cells.join(",")).into_bytes()
}

/// A quoted cell. A text that a spreadsheet would take for a formula gets an apostrophe in front.
fn cell(text: &str) -> String {
    let formula = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{formula}{}\"", text.replace('"', "\"\""))
}
