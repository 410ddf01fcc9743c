//! The `send` endpoint, the only one that costs anything.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::account::Account;
use super::endpoints::check_length;
use super::masked::cut;
use super::message::{Dropped, Message, MessageState};
use super::otp;
use super::posted::{Posted, numbers};
use super::reply::Code;
use super::request::SentReply;
use super::rules::{
    FALLBACK_SENDER, Group, MAX_NUMBERS, MAX_PAGES, MAX_QUEUED, classify, emoji, has_html_tag, has_word,
    pages,
};
use super::settings::Settings;

/// Accepts a message or says why not; nothing changes unless it is accepted.
///
/// The order in which the gateway looks at things is unknown. Here: parameters, sender, numbers, text, credits,
/// the 15 seconds, the queue.
pub(crate) fn send(
    account: &mut Account,
    user: &str,
    posted: &Posted,
    settings: &Settings,
    id: String,
    now: Instant,
    unix_ms: u64,
) -> Result<Message, Code> {
    let sender = posted.text("sender").ok_or("ERR002")?;
    let mobile = posted.text("mobile").ok_or("ERR002")?;
    let text = posted.text("message").ok_or("ERR002")?;
    let test = posted.test().ok_or("ERR002")?;

    // An empty sender is refused on the live gateway, with ERR002 or ERR008.
    if sender.trim().is_empty() {
        return Err("ERR002".into());
    }
    if account.banned_senders.iter().any(|banned| banned == sender) {
        return Err("ERR008".into());
    }
    // Case matters, and what is not the account's falls back silently, however long it is.
    let asked_sender = cut(sender, 100);
    let sender = if account.sender_ids.iter().any(|id| id == sender) { sender } else { FALLBACK_SENDER };

    check_length(mobile, settings.long_mobile.as_deref())?;
    let (good, dropped) = sort_numbers(mobile, &account.coverage)?;

    let (encoding, pages) = check_text(text, account)?;
    let points_each = pages as u64;
    let points = points_each * good.len() as u64;

    if account.available == 0 {
        return Err("ERR010".into());
    }
    if account.available < points {
        return Err("ERR011".into());
    }
    let same_number = !test || settings.same_number_in_test_mode;
    if same_number && account.sent_lately(&good, now) {
        return Err("ERR028".into());
    }
    if account.queued(settings.stuck_fill_queue) + good.len() > MAX_QUEUED {
        return Err("ERR013".into());
    }

    account.available -= points;
    if same_number {
        account.mark_sent(&good, now);
    }
    let stuck = test || !emoji(text).is_empty();
    if stuck {
        account.hold(good.len());
    } else {
        account.enqueue(id.clone(), good.len(), points_each);
    }
    Ok(Message {
        seq: 0, // given by the history
        id,
        user: user.to_owned(),
        asked_sender,
        sender: sender.to_owned(),
        numbers: good,
        dropped,
        text: text.to_owned(),
        otp: otp::find(text),
        encoding,
        pages,
        points,
        test,
        state: if stuck { MessageState::Stuck } else { MessageState::Queued },
        accepted_at: now,
        unix_ms,
        reports_at: None,
        // What follows is given by whoever has the whole request and the answer.
        request_number: 0,
        request: Arc::from(""),
        told: Arc::new(SentReply { status: None, body: String::new(), fault: None }),
    })
}

/// The good numbers, each once, and those dropped. No field of the answer names the dropped ones: an inference from
/// the wording of the codes ("no valid numbers").
fn sort_numbers(mobile: &str, coverage: &[String]) -> Result<(Vec<String>, Vec<Dropped>), Code> {
    let posted: Vec<&str> = numbers(mobile).collect();
    if posted.len() > MAX_NUMBERS {
        return Err("ERR007".into());
    }
    let mut seen = HashSet::new();
    let mut good = Vec::new();
    let mut dropped = Vec::new();
    for &number in &posted {
        let why = match classify(number, coverage) {
            Group::Good if seen.insert(number) => {
                good.push(number.to_owned());
                continue;
            }
            Group::Good => "duplicate",
            Group::Malformed => "malformed",
            Group::NoRoute => "no_route",
        };
        dropped.push(Dropped { number: cut(number, 40), why });
    }
    if !good.is_empty() {
        return Ok((good, dropped));
    }
    // Which of ERR006 and ERR025 comes when is not documented; the live gateway gave either for "12345".
    let digits_only = posted.iter().all(|number| number.bytes().all(|b| b.is_ascii_digit()));
    Err(if dropped.iter().any(|number| number.why == "no_route") {
        "ERR026"
    } else if digits_only {
        "ERR006"
    } else {
        "ERR025"
    }
    .into())
}

fn check_text(text: &str, account: &Account) -> Result<(super::rules::Encoding, usize), Code> {
    // ERR002 and ERR009 were both seen for an empty text. What a text of spaces gives is unknown.
    if text.trim().is_empty() {
        return Err("ERR009".into());
    }
    if has_html_tag(text) {
        return Err("ERR027".into());
    }
    let (encoding, pages) = pages(text);
    if pages > MAX_PAGES {
        return Err("ERR012".into());
    }
    if has_word(text, &account.bad_words) {
        return Err("ERR031".into());
    }
    if has_word(text, &account.spam_words) {
        return Err("ERR032".into());
    }
    Ok((encoding, pages))
}
