//! What of a request could not be read, and what to do, for whoever wonders why it was refused.

use super::endpoints::{ENDPOINTS, endpoint_of};
use super::exchange::{Call, MAX_BODY};
use super::flaws::repaired;
use super::posted::{Field, Posted, is_json_body};

/// The fields that an endpoint needs, besides the credentials.
fn required(endpoint: &str) -> &'static [&'static str] {
    match endpoint {
        "send" => &["sender", "mobile", "message"],
        "validate" => &["mobile"],
        "status" | "dlr" => &["msgid"],
        _ => &[],
    }
}

/// What other gateways and other documents call a field.
fn other_names(field: &str) -> &'static [&'static str] {
    match field {
        "username" => &["user", "login", "apiusername"],
        "password" => &["pass", "apipassword"],
        "sender" => &["senderid", "from", "source"],
        "mobile" => &["to", "number", "numbers", "phone", "recipient", "recipients", "destination"],
        "message" => &["text", "msg", "body", "content"],
        "msgid" => &["messageid", "id"],
        _ => &[],
    }
}

/// Says what is wrong; nothing if the request could be read as it was meant.
pub(crate) fn problems(call: &Call<'_>, posted: &Posted) -> Vec<String> {
    let Some(endpoint) = endpoint_of(call.path) else { return vec![path(call.path)] };
    if call.method != "POST" {
        return vec![format!("the method is {}: POST the fields in the body", shown(call.method))];
    }
    if call.body.len() > MAX_BODY {
        return vec![format!("the body is longer than {MAX_BODY} bytes")];
    }
    if let Some(unread) = unread(call, posted) {
        return vec![unread];
    }
    let mut problems = Vec::new();
    for twice in posted.twice() {
        problems.push(format!("{} stands there twice: the last one counts", shown(twice)));
    }
    for field in ["username", "password"].iter().chain(required(endpoint)) {
        problems.extend(missing(posted, field));
    }
    if posted.test().is_none() {
        problems.push("test has to be 1 or 0, as a text or as a number".to_owned());
    }
    problems
}

fn path(path: &str) -> String {
    let slash = format!("{}/", path.trim_end_matches('/'));
    if endpoint_of(&slash).is_some() {
        return format!("the path has to end with one slash: {slash}");
    }
    let name = path.trim_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    match ENDPOINTS.iter().find(|endpoint| **endpoint == name) {
        Some(endpoint) => format!("the path is written /API/{endpoint}/, with API in capitals"),
        None => format!("there is no such path: the gateway has /API/{{{}}}/", ENDPOINTS.join(",")),
    }
}

/// Why no field was read.
fn unread(call: &Call<'_>, posted: &Posted) -> Option<String> {
    let content_type = call.content_type.unwrap_or_default();
    if call.body.trim_ascii().is_empty() {
        return Some("the body is empty: post the fields as one JSON object".to_owned());
    }
    let parts = call.body.starts_with(b"--") && contains(call.body, b"Content-Disposition");
    if parts || content_type.trim_start().to_ascii_lowercase().starts_with("multipart/") {
        return Some("the body is multipart, of which nothing was read: post one JSON object".to_owned());
    }
    let (text, flaw) = repaired(call.body);
    let starts_as_json = text.trim_start().starts_with('{');
    if !is_json_body(call.content_type, call.body) && !starts_as_json {
        return None; // a form, whose fields are looked at one by one
    }
    if let Some(flaw) = flaw {
        return Some(format!("nothing was read: {flaw}"));
    }
    if !posted.is_empty() {
        return None;
    }
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) if value.is_object() => {
            Some("the JSON object is empty: the fields belong there".to_owned())
        }
        Ok(_) => Some("nothing was read: the body is JSON, but no object".to_owned()),
        Err(_) if !starts_as_json && text.contains('=') => Some(
            "nothing was read: Content-Type says JSON, and the body is a form; post one JSON object"
                .to_owned(),
        ),
        Err(error) => Some(format!("nothing was read: the body is no JSON ({error})")),
    }
}

fn contains(body: &[u8], words: &[u8]) -> bool {
    body.windows(words.len()).any(|window| window.eq_ignore_ascii_case(words))
}

/// What is wrong with a field that has to be there.
fn missing(posted: &Posted, field: &str) -> Option<String> {
    match posted.field(field) {
        Some(Field::Text(text)) if text.is_empty() && field != "message" => Some(format!("{field} is empty")),
        Some(Field::Text(_)) => None,
        Some(Field::Number(_)) => {
            Some(format!("{field} is a number, and has to be a text: put it in quotes"))
        }
        Some(Field::Other(kind)) => Some(format!("{field} is {kind}, and has to be a text")),
        None => Some(match posted.keys().find(|key| is_like(key, field)) {
            Some(key) => format!("{field} is missing: {} stands there instead", shown(key)),
            None => format!("{field} is missing"),
        }),
    }
}

fn is_like(key: &str, field: &str) -> bool {
    let plain: String =
        key.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_ascii_lowercase();
    plain == field || other_names(field).contains(&plain.as_str())
}

/// A stranger's words, short enough to be read in a line.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    format!("{short:?}")
}
