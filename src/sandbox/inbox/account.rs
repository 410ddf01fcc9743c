//! `/api/account` and `/api/accounts`.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tokio::time::Instant;

use super::body::{MAX_WORD, Object, at_most, code, given, whole, word};
use super::refusal::Refusal;
use crate::sandbox::model::account::{Account, MAX_USER, Maker};
use crate::sandbox::shared::Shared;

/// More than any account has, and no more than JavaScript counts.
const MAX_CREDITS: u64 = 1_000_000_000_000;
/// So many sender ids, and so many words of each kind.
const MAX_WORDS: u64 = 100;
/// The world has fewer country codes.
const MAX_PREFIXES: u64 = 300;

/// An account as it is shown: whether there is a password, and not which.
#[derive(Serialize)]
struct AccountView<'a> {
    user: &'a str,
    balance: u64,
    purchased: u64,
    password_set: bool,
    sender_ids: &'a [String],
    coverage: &'a [String],
    blocked: Option<&'a str>,
    bad_words: &'a [String],
    spam_words: &'a [String],
    banned_senders: &'a [String],
    queued: usize,
}

impl<'a> AccountView<'a> {
    fn new(user: &'a str, account: &'a Account) -> Self {
        Self {
            user,
            balance: account.available,
            purchased: account.purchased,
            password_set: account.password.is_some(),
            sender_ids: &account.sender_ids,
            coverage: &account.coverage,
            blocked: account.blocked.as_deref(),
            bad_words: &account.bad_words,
            spam_words: &account.spam_words,
            banned_senders: &account.banned_senders,
            queued: account.queued(true),
        }
    }
}

#[derive(Serialize)]
struct Accounts<'a> {
    accounts: Vec<AccountView<'a>>,
}

/// What `PUT` changes; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    user: String,
    #[serde(default, deserialize_with = "whole")]
    balance: Option<u64>,
    #[serde(default, deserialize_with = "whole")]
    purchased: Option<u64>,
    #[serde(default, deserialize_with = "password")]
    password: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    sender_ids: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    coverage: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    blocked: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    bad_words: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    spam_words: Option<Vec<String>>,
    #[serde(default, deserialize_with = "given")]
    banned_senders: Option<Vec<String>>,
}

impl Changes {
    /// Refuses what is out of bounds, so that an account stays small.
    fn check(&self) -> Result<(), Refusal> {
        let Self { user, balance, purchased, password, coverage, blocked, .. } = self;
        word("user", user, MAX_USER)?;
        for (name, credits) in [("balance", balance), ("purchased", purchased)] {
            credits.map_or(Ok(()), |credits| at_most(name, credits, MAX_CREDITS))?;
        }
        if let Some(Some(password)) = password {
            word("password", password, MAX_WORD)?;
        }
        if let Some(Some(blocked)) = blocked {
            code(blocked)?;
        }
        for (name, words) in [
            ("sender_ids", &self.sender_ids),
            ("bad_words", &self.bad_words),
            ("spam_words", &self.spam_words),
            ("banned_senders", &self.banned_senders),
        ] {
            let words = words.as_deref().unwrap_or_default();
            at_most(&format!("the length of {name}"), words.len() as u64, MAX_WORDS)?;
            words.iter().try_for_each(|one| word(&format!("each of {name}"), one, MAX_WORD))?;
        }
        let coverage = coverage.as_deref().unwrap_or_default();
        at_most("the length of coverage", coverage.len() as u64, MAX_PREFIXES)?;
        let is_prefix = |prefix: &String| {
            (1..=15).contains(&prefix.len())
                && prefix.bytes().all(|b| b.is_ascii_digit())
                && !prefix.starts_with('0')
        };
        if coverage.iter().all(is_prefix) {
            return Ok(());
        }
        Err(Refusal::bad("each of coverage has to be 1 to 15 digits that begin with none that is 0, as 965"))
    }
}

/// What is no text is refused without being repeated.
fn password<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(Some(None)),
        Value::String(password) => Ok(Some(Some(password))),
        _ => Err(serde::de::Error::custom("password has to be a string, or null to take any")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    user: String,
}

pub(super) async fn list(State(shared): State<Arc<Shared>>) -> Response {
    let mut gateway = shared.lock();
    gateway.settle(Instant::now());
    let mut accounts: Vec<_> =
        gateway.accounts.iter().map(|(user, account)| AccountView::new(user, account)).collect();
    accounts.sort_by_key(|account| account.user);
    Json(Accounts { accounts }).into_response()
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Whose { user }) = whose?;
    let mut gateway = shared.lock();
    gateway.settle(Instant::now());
    let account = gateway.accounts.get(&user).ok_or_else(|| {
        let reason = format!("there is no account {user:?} yet: its first request, or a PUT, makes it");
        Refusal(StatusCode::NOT_FOUND, reason)
    })?;
    Ok(Json(AccountView::new(&user, account)).into_response())
}

pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    changes: Result<Json<Object<Changes>>, JsonRejection>,
) -> Result<Response, Refusal> {
    let Json(Object(changes)) = changes?;
    changes.check()?;
    let user = changes.user;
    let mut gateway = shared.lock();
    gateway.settle(Instant::now());
    let account = gateway.account(&user, Maker::Api);
    set(&mut account.available, changes.balance);
    set(&mut account.purchased, changes.purchased);
    set(&mut account.password, changes.password);
    set(&mut account.sender_ids, changes.sender_ids);
    set(&mut account.coverage, changes.coverage);
    set(&mut account.blocked, changes.blocked);
    set(&mut account.bad_words, changes.bad_words);
    set(&mut account.spam_words, changes.spam_words);
    set(&mut account.banned_senders, changes.banned_senders);
    Ok(Json(AccountView::new(&user, account)).into_response())
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
