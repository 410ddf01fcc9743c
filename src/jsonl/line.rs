//! One transcript as one line.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use zeroize::Zeroize;

use super::mask::{self, HIDDEN, Sent};
use crate::events::transcript::Transcript;

/// What the log shows of numbers and texts. The password it never shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bodies {
    /// Numbers masked (`965****432`), the text replaced by its length and pages, and of the reply only what the
    /// API document names, in the shape that it has there: codes, ids, credits, counts. Free text of the gateway is
    /// replaced by its length, since it may repeat the text or a number.
    #[default]
    Masked,
    /// Numbers, texts and replies as they travelled, one-time codes included: the Python client's lines. Who may
    /// read the file may read the messages.
    Full,
}

/// As the Python client writes it.
const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00");

#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    endpoint: &'static str,
    request: Option<Posted<'a>>,
    response: Option<Map<String, Value>>,
    ok: bool,
    error: Option<String>,
}

/// What was posted, in the order that the gateway's document has it.
#[derive(Serialize, Deserialize)]
struct Posted<'a> {
    #[serde(borrow)]
    username: Cow<'a, str>,
    #[serde(borrow)]
    password: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msgid: Option<String>,
}

/// Writes the line, with its end.
pub(super) fn write(transcript: &Transcript, at: SystemTime, bodies: Bodies) -> Vec<u8> {
    let mut request: Option<Posted<'_>> = serde_json::from_slice(transcript.request.body()).ok();
    let password =
        request.as_mut().map(|posted| std::mem::replace(&mut posted.password, Cow::Borrowed(HIDDEN)));
    let reply = match &transcript.result {
        Ok(raw) => Some(raw),
        Err(error) => error.raw(),
    };
    let response = reply.map(|raw| {
        let sent = Sent {
            password: password.as_deref().unwrap_or_default(),
            mobile: request.as_ref().and_then(|posted| posted.mobile.as_deref()).unwrap_or_default(),
            message: request.as_ref().and_then(|posted| posted.message.as_deref()).unwrap_or_default(),
        };
        match bodies {
            Bodies::Masked => mask::reply(raw.as_object(), &sent),
            Bodies::Full => mask::without_password(raw.as_object(), sent.password),
        }
    });
    if bodies == Bodies::Masked
        && let Some(posted) = &mut request
    {
        hide(posted, transcript);
    }
    let line = Line {
        ts: OffsetDateTime::from(at).format(STAMP).unwrap_or_default(),
        endpoint: transcript.request.endpoint().name(),
        request,
        response,
        ok: transcript.result.is_ok(),
        error: transcript.result.as_ref().err().map(|error| format!("{error:#}")),
    };
    let mut bytes = serde_json::to_vec(&line).unwrap_or_default(); // strings and numbers always serialise
    bytes.push(b'\n');
    if let Some(Cow::Owned(mut copy)) = password {
        copy.zeroize(); // it held an escape, so it was copied
    }
    bytes
}

/// Masks what was posted.
fn hide(posted: &mut Posted<'_>, transcript: &Transcript) {
    if mask::is_number(&posted.username) {
        posted.username = Cow::Owned(mask::numbers(&posted.username));
    }
    if let Some(mobile) = &mut posted.mobile {
        *mobile = mask::numbers(mobile);
    }
    if let Some(message) = &mut posted.message {
        let characters = transcript.facts.text_chars.unwrap_or_else(|| message.chars().count());
        *message = format!("{HIDDEN} ({characters} characters");
        if let Some(pages) = transcript.facts.pages {
            let _ = write!(message, ", {pages} page{}", if pages == 1 { "" } else { "s" });
        }
        message.push(')');
    }
}
