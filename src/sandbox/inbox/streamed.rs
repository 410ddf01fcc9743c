//! Lists of any length, written piece by piece as they are read.
//!
//! A reader that is slow, and eight that export everything at once, take the memory of a few messages each.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Serialize;

use super::search::{Filter, RequestFilter};
use crate::sandbox::model::message::Message;
use crate::sandbox::model::request::SeenRequest;
use crate::sandbox::shared::Shared;

/// So many are looked up and written at a time.
const PIECE: usize = 16;

/// The messages that match behind a place, up to and with `last`; those that are taken out meanwhile are left out.
pub(super) fn messages(
    shared: Arc<Shared>,
    mut filter: Filter,
    last: u64,
) -> impl Iterator<Item = Vec<Arc<Message>>> {
    std::iter::from_fn(move || {
        let piece: Vec<_> = {
            let gateway = shared.lock();
            let behind = gateway.history.after(filter.after.unwrap_or(0));
            let behind = behind.take_while(|message| message.seq <= last);
            behind.filter(|message| filter.matches(message)).take(PIECE).cloned().collect()
        };
        filter.after = Some(piece.last()?.seq);
        Some(piece)
    })
}

/// The same of requests.
pub(super) fn requests(
    shared: Arc<Shared>,
    mut filter: RequestFilter,
    last: u64,
) -> impl Iterator<Item = Vec<Arc<SeenRequest>>> {
    std::iter::from_fn(move || {
        let piece: Vec<_> = {
            let history = &shared.lock().history;
            let behind = history.requests_after(filter.after.unwrap_or(0));
            let behind = behind.take_while(|request| request.number <= last);
            behind.filter(|request| filter.matches(request, history)).take(PIECE).cloned().collect()
        };
        filter.after = Some(piece.last()?.number);
        Some(piece)
    })
}

/// A JSON array between `head` and `tail`.
pub(super) fn array<T>(
    head: String,
    pieces: impl Iterator<Item = Vec<T>> + Send + 'static,
    write: impl Fn(&T) -> Vec<u8> + Send + 'static,
    tail: &'static str,
) -> Body {
    let mut first = true;
    let pieces = pieces.map(move |piece| {
        let mut out = Vec::new();
        for item in &piece {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.append(&mut write(item));
        }
        out
    });
    body(head.into_bytes(), pieces, tail)
}

/// A body of pieces.
pub(super) fn body(
    head: Vec<u8>,
    pieces: impl Iterator<Item = Vec<u8>> + Send + 'static,
    tail: &'static str,
) -> Body {
    let whole = std::iter::once(head).chain(pieces).chain(std::iter::once(tail.as_bytes().to_vec()));
    Body::from_stream(stream::iter(whole.map(|piece| Ok::<_, Infallible>(Bytes::from(piece)))))
}

/// Strings and numbers always serialise.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

pub(super) fn as_json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
