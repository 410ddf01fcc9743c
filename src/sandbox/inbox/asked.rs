//! What may stand behind the `?` of a question about messages and requests.

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use serde::Deserialize;

use super::refusal::Refusal;
use super::search::{Filter, RequestFilter};
use crate::sandbox::model::account::MAX_USER;
use crate::sandbox::model::digits::digits;
use crate::sandbox::shared::Shared;

/// How long a wait lasts at most, below what proxies and test runners give up at.
const MAX_WAIT: f64 = 300.0;
/// How many messages or requests a list has unless told.
const LIMIT: usize = 200;
/// How many it has at most; the exports have all.
const MAX_LIMIT: usize = 10_000;
/// No number, however it is written, is longer.
const MAX_NUMBER: usize = 40;
/// Nobody searches for more.
const MAX_WORDS: usize = 200;
/// Milliseconds that are seconds by mistake lie between 1970 and 1973.
const SECONDS: RangeInclusive<u64> = 100_000_000..=99_999_999_999;
/// The end of the year 9999.
const MAX_TIME: u64 = 253_402_300_799_999;

pub(super) type Question = Result<Query<Asked>, QueryRejection>;

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
    refused: Option<String>,
}

impl Asked {
    /// The filter, if besides it nothing was asked but what is `also` taken.
    pub(super) fn filter(&self, shared: &Shared, also: &[&str]) -> Result<Filter, Refusal> {
        let after = text(&self.after, "after", MAX_NUMBER)?.map(|after| place(after, shared)).transpose()?;
        Ok(Filter { after, ..self.about(also)? })
    }

    /// The same for requests, which have numbers and no ids.
    pub(super) fn request_filter(&self, also: &[&str]) -> Result<RequestFilter, Refusal> {
        Ok(RequestFilter {
            sent: self.about(&[also, &["refused"]].concat())?,
            after: parsed(&self.after, "after")?.map(request_number).transpose()?,
            refused: match text(&self.refused, "refused", MAX_NUMBER)? {
                None => None,
                Some("true") => Some(true),
                Some("false") => Some(false),
                Some(other) => {
                    return Err(Refusal::bad(format!("refused={other:?} has to be true or false")));
                }
            },
        })
    }

    /// The filter but for its place.
    fn about(&self, also: &[&str]) -> Result<Filter, Refusal> {
        let Self { user, to, q, since, limit, timeout, refused, .. } = self;
        for (name, value) in [("limit", limit), ("timeout", timeout), ("refused", refused)] {
            if value.is_some() && !also.contains(&name) {
                return Err(Refusal::bad(format!("{name} means nothing here: leave it out")));
            }
        }
        Ok(Filter {
            user: text(user, "user", MAX_USER)?.map(str::to_owned),
            to: text(to, "to", MAX_NUMBER)?.map(number).transpose()?,
            q: text(q, "q", MAX_WORDS)?.map(str::to_lowercase),
            since_ms: text(since, "since", MAX_NUMBER)?.map(time).transpose()?,
            after: None,
        })
    }

    pub(super) fn limit(&self) -> Result<usize, Refusal> {
        let limit = parsed(&self.limit, "limit")?.unwrap_or(LIMIT);
        if limit > MAX_LIMIT {
            return Err(Refusal::bad(format!(
                "limit has to be 0 to {MAX_LIMIT}: GET /api/messages.json has all messages"
            )));
        }
        Ok(limit)
    }

    pub(super) fn timeout(&self, unless_set: f64) -> Result<Duration, Refusal> {
        let seconds = parsed(&self.timeout, "timeout")?.unwrap_or(unless_set);
        if !(0.0..=MAX_WAIT).contains(&seconds) {
            return Err(Refusal::bad(format!(
                "timeout has to be 0 to {MAX_WAIT} seconds: ask again after a 204"
            )));
        }
        Ok(Duration::from_secs_f64(seconds))
    }
}

/// A value that is given. An empty one is a variable that was not set: without it the answer would be about others.
fn text<'a>(value: &'a Option<String>, name: &str, most: usize) -> Result<Option<&'a str>, Refusal> {
    match value.as_deref() {
        Some("") => Err(Refusal::bad(format!("{name} is empty: give a value, or leave it out"))),
        Some(value) if value.chars().count() > most => {
            Err(Refusal::bad(format!("{name} has to be at most {most} characters")))
        }
        value => Ok(value),
    }
}

fn parsed<T: FromStr>(value: &Option<String>, name: &str) -> Result<Option<T>, Refusal> {
    let Some(value) = text(value, name, MAX_NUMBER)? else { return Ok(None) };
    value.parse().map(Some).map_err(|_| Refusal::bad(format!("{name}={value:?} has to be a number")))
}

/// The digits of a number as people write it.
fn number(written: &str) -> Result<String, Refusal> {
    let digits = digits(written);
    // Of the digits those that the document names.
    let is_other = |c: char| {
        !(" +-().".contains(c) || matches!(c, '0'..='9' | '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}'))
    };
    if digits.is_empty() || written.contains(is_other) {
        return Err(Refusal::bad(format!(
            "to={written:?} is no number: digits, as 96598765432, with spaces and phone punctuation"
        )));
    }
    Ok(digits)
}

fn time(written: &str) -> Result<u64, Refusal> {
    match written.parse() {
        Ok(ms) if SECONDS.contains(&ms) => {
            Err(Refusal::bad("since is in milliseconds since 1970: multiply seconds by 1000"))
        }
        Ok(ms) if ms <= MAX_TIME => Ok(ms),
        _ => Err(Refusal::bad(format!(
            "since={written:?} has to be milliseconds since 1970, as in a message's `at`"
        ))),
    }
}

/// The document says how far they go: JSON has no larger integers that everybody reads.
fn request_number(number: u64) -> Result<u64, Refusal> {
    if i64::try_from(number).is_ok() {
        return Ok(number);
    }
    Err(Refusal::bad(format!("after has to be at most {}", i64::MAX)))
}

/// A place, given as one or by the id of the message there.
fn place(after: &str, shared: &Shared) -> Result<u64, Refusal> {
    let digits = after.bytes().all(|b| b.is_ascii_digit());
    // An id may be digits only, but never as few as a place has.
    if digits && after.len() < 20 {
        return Ok(after.parse().unwrap_or(u64::MAX));
    }
    let id = after.len() == 32 && after.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !id {
        return Err(Refusal::bad(format!(
            "after={after:?} is neither a place (a message's `seq`, a list's `last`) nor a message id"
        )));
    }
    shared.lock().history.message(after).map(|message| message.seq).ok_or_else(|| {
        let reason =
            format!("after={after:?} is no message that the inbox holds: a list's `last` is always known");
        Refusal(StatusCode::NOT_FOUND, reason)
    })
}
