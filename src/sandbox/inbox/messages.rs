//! `/api/messages`, `/api/otp` and `/api/requests`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::refusal::Refusal;
use super::search::{Filter, arrival};
use super::view::{MessageView, RequestView};
use crate::sandbox::model::digits::digits;
use crate::sandbox::model::message::Message;
use crate::sandbox::shared::Shared;

/// How long `wait` waits unless told.
const WAIT: f64 = 30.0;
/// How long it waits at most, below what proxies and test runners give up at.
const MAX_WAIT: f64 = 300.0;
/// How many messages or requests a list has unless told.
const LIMIT: usize = 200;

type Shape<T> = Result<Query<T>, QueryRejection>;

/// What may stand behind the `?`. A value that is empty is as good as none: `?to=&q=`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    user: Option<String>,
    to: Option<String>,
    q: Option<String>,
    since: Option<String>,
    after: Option<String>,
    limit: Option<String>,
    timeout: Option<String>,
}

impl Asked {
    /// The filter, if besides it nothing was asked but what is `also` taken.
    fn filter(&self, shared: &Shared, also: &[&str]) -> Result<Filter, Refusal> {
        for (name, value) in [("limit", &self.limit), ("timeout", &self.timeout)] {
            if given(value).is_some() && !also.contains(&name) {
                return Err(Refusal::bad(format!("{name} means nothing here: leave it out")));
            }
        }
        let to = match given(&self.to) {
            None => None,
            Some(number) => match digits(number) {
                digits if digits.is_empty() => {
                    return Err(Refusal::bad(format!(
                        "to={number:?} holds no digits: give a number, as 96598765432"
                    )));
                }
                digits => Some(digits),
            },
        };
        let since_ms = parsed(&self.since, "since", "milliseconds since 1970, as in a message's `at`")?;
        // Between 1970 and 1973, were they milliseconds.
        if since_ms.is_some_and(|since| (100_000_000..100_000_000_000).contains(&since)) {
            return Err(Refusal::bad("since is in milliseconds since 1970: multiply seconds by 1000"));
        }
        Ok(Filter {
            user: given(&self.user).map(str::to_owned),
            to,
            q: given(&self.q).map(str::to_lowercase),
            after: given(&self.after).map(|after| place(after, shared)).transpose()?,
            since_ms,
        })
    }

    fn matching(&self, shared: &Shared) -> Result<Vec<Arc<Message>>, Refusal> {
        let filter = self.filter(shared, &[])?;
        let mut gateway = shared.lock();
        gateway.settle(Instant::now());
        Ok(filter.all(&gateway))
    }

    fn limit(&self) -> Result<usize, Refusal> {
        Ok(parsed(&self.limit, "limit", "a count")?.unwrap_or(LIMIT))
    }

    fn timeout(&self, unless_set: f64) -> Result<Duration, Refusal> {
        let seconds = parsed(&self.timeout, "timeout", "seconds")?.unwrap_or(unless_set);
        if !(0.0..=MAX_WAIT).contains(&seconds) {
            return Err(Refusal::bad(format!(
                "timeout has to be 0 to {MAX_WAIT} seconds: wait again after a 204"
            )));
        }
        Ok(Duration::from_secs_f64(seconds))
    }
}

fn given(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|value| !value.is_empty())
}

fn parsed<T: std::str::FromStr>(
    value: &Option<String>,
    name: &str,
    what: &str,
) -> Result<Option<T>, Refusal> {
    let Some(value) = given(value) else { return Ok(None) };
    value.parse().map(Some).map_err(|_| Refusal::bad(format!("{name}={value:?} has to be {what}")))
}

/// A place, given as one or by the id of the message there.
fn place(after: &str, shared: &Shared) -> Result<u64, Refusal> {
    // An id may be digits only, but never as few as a place has.
    if after.len() < 20
        && let Ok(seq) = after.parse()
    {
        return Ok(seq);
    }
    let gateway = shared.lock();
    let message = gateway.history.message(after);
    message.map(|message| message.seq).ok_or_else(|| {
        Refusal::bad(format!(
            "after={after:?} is neither a place (a message's `seq`) nor the id of a message here"
        ))
    })
}

/// Serialises while the messages are at hand.
fn views(messages: &[Arc<Message>]) -> Vec<MessageView<'_>> {
    messages.iter().map(|message| MessageView::from(&**message)).collect()
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    asked: Shape<Asked>,
) -> Result<Response, Refusal> {
    #[derive(Serialize)]
    struct List<'a> {
        messages: Vec<MessageView<'a>>,
        matched: usize,
        last: u64,
        remembered: usize,
        forgotten: u64,
    }

    let Query(asked) = asked?;
    let (filter, limit) = (asked.filter(&shared, &["limit"])?, asked.limit()?);
    // In one look, so that nothing comes between the messages and the place of the last.
    let (messages, (remembered, last), forgotten) = {
        let mut gateway = shared.lock();
        gateway.settle(Instant::now());
        let history = &gateway.history;
        (filter.all(&gateway), history.count(), history.forgotten_messages)
    };
    let matched = messages.len();
    let newest = messages.get(matched.saturating_sub(limit)..).unwrap_or_default();
    Ok(Json(List { messages: views(newest), matched, last, remembered, forgotten }).into_response())
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
pub(super) async fn wait(
    State(shared): State<Arc<Shared>>,
    asked: Shape<Asked>,
) -> Result<Response, Refusal> {
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

pub(super) async fn otp(State(shared): State<Arc<Shared>>, asked: Shape<Asked>) -> Result<Response, Refusal> {
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

pub(super) async fn clear(
    State(shared): State<Arc<Shared>>,
    asked: Shape<Asked>,
) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    let filter = asked.filter(&shared, &[])?;
    let deleted = shared.lock().history.clear(|message| filter.matches(message));
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

pub(super) async fn export_json(
    State(shared): State<Arc<Shared>>,
    asked: Shape<Asked>,
) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    let messages = asked.matching(&shared)?;
    Ok((download("json"), Json(views(&messages))).into_response())
}

/// Columns as in the JSON. It begins with a byte order mark, without which spreadsheets garble Arabic.
pub(super) async fn export_csv(
    State(shared): State<Arc<Shared>>,
    asked: Shape<Asked>,
) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    let mut csv =
        "\u{FEFF}seq,id,at,user,sender_asked,sender,to,text,encoding,pages,points,test,state,otp\r\n"
            .to_owned();
    for message in asked.matching(&shared)? {
        let view = MessageView::from(&*message);
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
        csv.push_str(&cells.join(","));
        csv.push_str("\r\n");
    }
    Ok((download("csv"), [(header::CONTENT_TYPE, "text/csv; charset=utf-8")], csv).into_response())
}

fn download(kind: &str) -> [(header::HeaderName, String); 1] {
    [(header::CONTENT_DISPOSITION, format!("attachment; filename=\"messages.{kind}\""))]
}

/// A quoted cell. A text that a spreadsheet would take for a formula gets an apostrophe in front.
fn cell(text: &str) -> String {
    let formula = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{formula}{}\"", text.replace('"', "\"\""))
}

#[derive(Serialize)]
struct Requests {
    requests: Vec<RequestView>,
    forgotten: u64,
}

pub(super) async fn requests(
    State(shared): State<Arc<Shared>>,
    asked: Shape<Asked>,
) -> Result<Response, Refusal> {
    let Query(asked) = asked?;
    let limit = asked.limit()?;
    let Asked { user, to, q, since, after, timeout, .. } = &asked;
    if [user, to, q, since, after, timeout].into_iter().any(|value| given(value).is_some()) {
        return Err(Refusal::bad("only limit means something here: leave the rest out"));
    }
    let gateway = shared.lock();
    let (seen, forgotten) = (gateway.history.seen(), gateway.history.forgotten_requests);
    let first = forgotten.max(seen.saturating_sub(limit as u64)) + 1;
    let requests = (first..=seen)
        .filter_map(|number| Some(RequestView::new(number, gateway.history.request(number)?)))
        .collect();
    Ok(Json(Requests { requests, forgotten }).into_response())
}
