//! Reading a request, with no help from the client's side of the crate.

use std::collections::HashMap;

use serde_json::{Number, Value};

use super::entries::Entries;
use super::reply::Protocol;

/// The value of one posted field.
#[derive(Debug, PartialEq)]
pub(crate) enum Field {
    Text(String),
    Number(Number),
    /// What it is instead.
    Other(&'static str),
}

/// The fields of a body: a flat JSON object, or a form in the plain-text protocol.
#[derive(Default)]
pub(crate) struct Posted {
    fields: HashMap<String, Field>,
    /// Keys that stand there more than once; the last one counts.
    twice: Vec<String>,
}

/// Which protocol answers: JSON as soon as one of the two headers says so, the plain-text one otherwise
/// (API document v4.1).
pub(crate) fn negotiate(content_type: Option<&str>, accept: Option<&str>) -> Protocol {
    if is_json(content_type) || is_json(accept) { Protocol::Json } else { Protocol::Text }
}

fn is_json(header: Option<&str>) -> bool {
    header.unwrap_or_default().split(',').any(|kind| {
        kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
    })
}

/// True if a body is JSON by its header or by its looks, and a form otherwise.
pub(crate) fn is_json_body(content_type: Option<&str>, body: &[u8]) -> bool {
    is_json(content_type) || body.trim_ascii_start().starts_with(b"{")
}

impl Posted {
    /// Reads a body. What cannot be read has no fields, and the answer is then ERR002: what the real gateway says
    /// to a malformed body is unknown, but it can have found no user name in it.
    pub(crate) fn read(content_type: Option<&str>, body: &[u8]) -> Self {
        if is_json_body(content_type, body) { Self::read_json(body) } else { Self::read_form(body) }
    }

    fn read_json(body: &[u8]) -> Self {
        let Ok(Entries(entries)) = serde_json::from_slice::<Entries<Value>>(body) else {
            return Self::default();
        };
        Self::of(entries.into_iter().map(|(key, value)| {
            let field = match value {
                Value::String(text) => Field::Text(text),
                Value::Number(number) => Field::Number(number),
                Value::Null => Field::Other("null"),
                Value::Bool(_) => Field::Other("true or false"),
                Value::Array(_) => Field::Other("a list"),
                Value::Object(_) => Field::Other("an object"),
            };
            (key, field)
        }))
    }

    fn read_form(body: &[u8]) -> Self {
        let pairs = body.split(|&b| b == b'&').filter(|pair| !pair.is_empty());
        Self::of(pairs.map(|pair| {
            let at = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
            let value = pair.get(at + 1..).unwrap_or_default();
            (percent_decode(&pair[..at]), Field::Text(percent_decode(value)))
        }))
    }

    fn of(entries: impl Iterator<Item = (String, Field)>) -> Self {
        let mut posted = Self::default();
        for (key, field) in entries {
            if posted.fields.insert(key.clone(), field).is_some() && !posted.twice.contains(&key) {
                posted.twice.push(key);
            }
        }
        posted
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    pub(crate) fn twice(&self) -> &[String] {
        &self.twice
    }

    pub(crate) fn field(&self, key: &str) -> Option<&Field> {
        self.fields.get(key)
    }

    /// A field that is a string; any other type is as good as missing, so that a client which posts a number where
    /// the document has text is found out.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        match self.field(key) {
            Some(Field::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The `test` field: `1` or `0`, as text or number (both were seen to be accepted); absent is a live send.
    /// What anything else does is unknown; `None` here, so that nobody comes to rely on it.
    pub(crate) fn test(&self) -> Option<bool> {
        match self.field("test") {
            None => Some(false),
            Some(Field::Text(text)) if text == "1" => Some(true),
            Some(Field::Text(text)) if text == "0" => Some(false),
            Some(Field::Number(number)) if number.as_i64() == Some(1) => Some(true),
            Some(Field::Number(number)) if number.as_i64() == Some(0) => Some(false),
            Some(_) => None,
        }
    }

    /// How many numbers `mobile` lists.
    pub(crate) fn numbers(&self) -> usize {
        numbers(self.text("mobile").unwrap_or_default()).count()
    }
}

/// The numbers of a comma-separated list; an empty piece (a trailing comma) is none.
pub(crate) fn numbers(mobile: &str) -> impl Iterator<Item = &str> {
    mobile.split(',').filter(|piece| !piece.is_empty())
}

pub(crate) fn percent_decode(raw: &[u8]) -> String {
    let hex = |b: Option<&u8>| b.and_then(|&b| char::from(b).to_digit(16));
    let mut out = Vec::with_capacity(raw.len());
    let mut i = 0;
    while let Some(&b) = raw.get(i) {
        i += 1;
        match b {
            b'+' => out.push(b' '),
            b'%' => match (hex(raw.get(i)), hex(raw.get(i + 1))) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    i += 2;
                }
                _ => out.push(b),
            },
            _ => out.push(b),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_json_header_is_enough_for_json() {
        let json = Some("application/json");
        for (content_type, accept, protocol) in [
            (json, None, Protocol::Json),
            (None, json, Protocol::Json),
            (Some("text/html"), json, Protocol::Json),
            (Some("application/json; charset=utf-8"), None, Protocol::Json),
            (None, Some("text/html, application/json;q=0.9"), Protocol::Json),
            (Some("text/html"), Some("text/html"), Protocol::Text),
            (None, Some("*/*"), Protocol::Text),
            (Some("application/jsonp"), None, Protocol::Text),
            (None, None, Protocol::Text),
        ] {
            assert_eq!(negotiate(content_type, accept), protocol, "{content_type:?} {accept:?}");
        }
    }

    #[test]
    fn a_form_is_decoded() {
        let posted = Posted::read(Some("text/html"), b"username=a%26b&message=1+%2B+1%0a&x&mobile=965%2");
        assert_eq!(posted.text("username"), Some("a&b"));
        assert_eq!(posted.text("message"), Some("1 + 1\n"));
        assert_eq!(posted.text("x"), Some(""));
        assert_eq!(posted.text("mobile"), Some("965%2"));
    }

    #[test]
    fn json_that_is_no_flat_object_has_no_fields() {
        for body in ["", "[]", "{", "null", "\"username\"", "username=a"] {
            assert!(Posted::read(Some("application/json"), body.as_bytes()).is_empty(), "{body}");
        }
        let posted = Posted::read(None, br#"{"username":7,"mobile":["96598765432"],"test":true}"#);
        assert_eq!(posted.text("username"), None);
        assert_eq!(posted.text("mobile"), None);
        assert_eq!(posted.test(), None);
    }
}
