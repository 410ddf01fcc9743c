//! A request, or how it ended, as one line.

use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::mask::{self, HIDDEN, Sent};
use super::options::Bodies;
use crate::events::Facts;
use crate::events::transcript::Transcript;

/// As the Python client writes it.
const STAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]+00:00");

#[derive(Serialize)]
struct Line<'a> {
    ts: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    endpoint: &'static str,
    request: Posted<'a>,
    #[serde(flatten)]
    end: Option<End>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// How a request ended.
#[derive(Serialize)]
struct End {
    response: Option<Map<String, Value>>,
    ok: bool,
    error: Option<String>,
}

/// What was posted, in the order that the gateway's document has it.
#[derive(Serialize)]
struct Posted<'a> {
    username: String,
    password: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msgid: Option<&'a str>,
}

/// Writes the line, with its end. `run` names the log among those that wrote to the same file, where requests have
/// their ids.
pub(super) fn write(transcript: &Transcript, at: SystemTime, bodies: Bodies, run: Option<&str>) -> Vec<u8> {
    let line = Line {
        ts: OffsetDateTime::from(at).format(STAMP).unwrap_or_default(),
        event: transcript.result.is_none().then_some(crate::events::event::SENDING),
        endpoint: transcript.endpoint.name(),
        request: posted(transcript, bodies),
        end: transcript.result.as_ref().map(|result| End {
            response: result.as_ref().map_or_else(|error| error.raw(), Some).map(|reply| match bodies {
                Bodies::Masked => mask::reply(reply.as_object(), &Sent::new(transcript)),
                Bodies::Full => mask::without_password(reply.as_object(), &transcript.credentials),
            }),
            ok: result.is_ok(),
            error: result.as_ref().err().map(|error| format!("{error:#}")),
        }),
        request_id: run.map(|run| format!("{run}-{}", transcript.id)),
    };
    let mut bytes = serde_json::to_vec(&line).unwrap_or_default(); // strings and numbers always serialise
    bytes.push(b'\n');
    bytes
}

fn posted(transcript: &Transcript, bodies: Bodies) -> Posted<'_> {
    let Facts { numbers, message, message_id } = &transcript.facts;
    let username = transcript.credentials.username();
    let is_masked = bodies == Bodies::Masked;
    let mobile = || {
        let numbers =
            numbers.iter().map(|number| if is_masked { number.masked() } else { number.to_string() });
        numbers.collect::<Vec<_>>().join(",")
    };
    Posted {
        username: if is_masked { mask::username(username) } else { username.to_owned() },
        password: HIDDEN,
        sender: message.as_ref().map(|message| message.sender.as_str()),
        mobile: (!numbers.is_empty()).then(mobile),
        message: message.as_ref().map(|message| match bodies {
            Bodies::Masked => {
                let (pages, characters) = (message.text.pages(), message.text_chars());
                let plural = if pages == 1 { "" } else { "s" };
                format!("{HIDDEN} ({characters} characters, {pages} page{plural})")
            }
            Bodies::Full => message.text.as_str().to_owned(),
        }),
        test: message.as_ref().map(|message| if message.test { "1" } else { "0" }),
        msgid: message_id.as_ref().map(|id| id.as_str()),
    }
}
