//! What is left of bodies where they are masked.
//!
//! A reply is not ours, so nothing of it is shown because it looks harmless: only the fields that the API document
//! names, and only in the shape that they have there.

use serde_json::{Map, Value};

use crate::credits::Credits;
use crate::events::transcript::Transcript;
use crate::ids::{MessageId, SenderId};
use crate::phone::PhoneNumber;
use crate::wire::{Credentials, is_words};

/// What stands for something that is not shown.
pub(super) const HIDDEN: &str = "***";

/// What was sent, so that a reply that repeats it is caught.
pub(super) struct Sent<'a> {
    credentials: &'a Credentials,
    numbers: Vec<String>,
    text: Option<&'a str>,
}

impl<'a> Sent<'a> {
    pub(super) fn new(transcript: &'a Transcript) -> Self {
        Self {
            credentials: &transcript.credentials,
            numbers: transcript.facts.numbers.iter().map(PhoneNumber::to_string).collect(),
            text: transcript.facts.message.as_ref().map(|message| message.text.as_str()),
        }
    }

    /// True if a value repeats the password, the text or a part of it, or a number.
    fn is_repeated_by(&self, value: &str) -> bool {
        holds_password(value, self.credentials)
            || self.text.is_some_and(|text| value.contains(text) || text.contains(value))
            || self.numbers.iter().any(|number| value.contains(number))
    }
}

fn holds_password(value: &str, credentials: &Credentials) -> bool {
    credentials.without_password(value) != value
}

fn hidden() -> Value {
    Value::from(HIDDEN)
}

/// What stands in a number's place: masked, or hidden whole if it is none.
fn number(text: &str) -> String {
    PhoneNumber::as_digits(text).map_or_else(|| HIDDEN.to_owned(), PhoneNumber::masked)
}

/// An API user name; masked if it is none, but the account's mobile number, put there by mistake.
pub(super) fn username(username: &str) -> String {
    PhoneNumber::of_user_name(username).map_or_else(|| username.to_owned(), PhoneNumber::masked)
}

/// A reply, as far as it may be shown.
pub(super) fn reply(reply: &Map<String, Value>, sent: &Sent<'_>) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut others = 0usize;
    for (key, value) in reply {
        let value = match key.as_str() {
            "result" => {
                text_if(value, |text| text.eq_ignore_ascii_case("OK") || text.eq_ignore_ascii_case("ERROR"))
            }
            "code" => text_if(value, |text| is_code(text) && !sent.is_repeated_by(text)),
            "msg-id" => text_if(value, |text| MessageId::parse(text).is_ok() && !sent.is_repeated_by(text)),
            "status" => text_if(value, |text| is_words(text) && !sent.is_repeated_by(text)),
            "available" | "purchased" | "points-charged" | "balance-after" | "numbers" | "unix-timestamp" => {
                amount(value, sent)
            }
            "senderid" => each(value, |entry| {
                text_if(entry, |text| {
                    SenderId::parse(text).is_ok()
                        && text.bytes().filter(u8::is_ascii_digit).count() < 6
                        && !sent.is_repeated_by(text)
                })
            }),
            "prefixes" => each(value, prefix),
            "mobile" => groups(value),
            "report" => each(value, |entry| delivery(entry, sent)),
            "description" => match value {
                Value::String(text) => Value::from(format!("{HIDDEN} ({} characters)", text.chars().count())),
                _ => hidden(),
            },
            _ => {
                others += 1;
                continue;
            }
        };
        shown.insert(key.clone(), value);
    }
    if others > 0 {
        shown.insert(HIDDEN.to_owned(), Value::from(format!("{others} more fields")));
    }
    shown
}

fn text_if(value: &Value, may_be_shown: impl FnOnce(&str) -> bool) -> Value {
    match value {
        Value::String(text) if may_be_shown(text) => value.clone(),
        Value::Null => Value::Null,
        _ => hidden(),
    }
}

fn each(value: &Value, show: impl Fn(&Value) -> Value) -> Value {
    match value {
        Value::Array(entries) => entries.iter().map(show).collect(),
        other => show(other),
    }
}

fn is_code(text: &str) -> bool {
    let rest = text.strip_prefix("ERR").unwrap_or_default();
    (1..=4).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_digit())
}

fn amount(value: &Value, sent: &Sent<'_>) -> Value {
    let number = match Credits::from_json(value) {
        Some(number) => number.to_string(),
        None => return if value.is_null() { Value::Null } else { hidden() },
    };
    if sent.numbers.contains(&number) || sent.credentials.without_password(&number) != number {
        return hidden();
    }
    value.clone()
}

fn prefix(value: &Value) -> Value {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return hidden(),
    };
    let is_prefix = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_prefix { value.clone() } else { hidden() }
}

/// The groups of `validate`.
fn groups(value: &Value) -> Value {
    let Value::Object(groups) = value else { return hidden() };
    let mut shown = Map::new();
    for (group, entries) in groups {
        let group = if matches!(group.as_str(), "OK" | "ER" | "NR") { group } else { HIDDEN };
        shown.insert(group.to_owned(), each(entries, masked_number));
    }
    Value::Object(shown)
}

/// An entry of a delivery report.
fn delivery(entry: &Value, sent: &Sent<'_>) -> Value {
    let Value::Object(fields) = entry else { return hidden() };
    let mut shown = Map::new();
    for (key, value) in fields {
        if key.eq_ignore_ascii_case("Number") {
            shown.insert(key.clone(), masked_number(value));
        } else if key.eq_ignore_ascii_case("Status") {
            let status = text_if(value, |text| is_words(text) && !sent.is_repeated_by(text));
            shown.insert(key.clone(), status);
        } else {
            shown.insert(HIDDEN.to_owned(), hidden());
        }
    }
    Value::Object(shown)
}

/// A value that is a phone number by its place.
fn masked_number(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::from(number(text)),
        Value::Number(digits) => Value::from(number(&digits.to_string())),
        _ => hidden(),
    }
}

/// A reply as it came, but for the password, which no reply should hold.
pub(super) fn without_password(reply: &Map<String, Value>, credentials: &Credentials) -> Map<String, Value> {
    let mut shown = Map::new();
    for (key, value) in reply {
        let value = if names_password(key) { hidden() } else { value_without(value, credentials) };
        let key = if holds_password(key, credentials) { HIDDEN } else { key };
        shown.insert(key.to_owned(), value);
    }
    shown
}

fn value_without(value: &Value, credentials: &Credentials) -> Value {
    match value {
        Value::String(text) => Value::from(credentials.without_password(text)),
        Value::Number(number) if holds_password(&number.to_string(), credentials) => hidden(),
        Value::Array(entries) => entries.iter().map(|entry| value_without(entry, credentials)).collect(),
        Value::Object(fields) => Value::Object(without_password(fields, credentials)),
        other => other.clone(),
    }
}

/// True for `password` in any spelling: `Password`, `pass_word`, `passwd`, `pwd`.
fn names_password(key: &str) -> bool {
    let letters: String = key.chars().filter(char::is_ascii_alphabetic).collect();
    let letters = letters.to_ascii_lowercase();
    ["password", "passwd", "pwd"].iter().any(|name| letters.contains(name)) || letters == "pass"
}
