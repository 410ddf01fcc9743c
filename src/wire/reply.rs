//! A reply's JSON object.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::credits::Credits;
use crate::ids::MessageId;

/// The gateway's own JSON object, as it came, for support and for fields this crate does not know.
///
/// It may hold phone numbers (`validate`, `dlr`), so `Debug` shows only how many fields it has.
#[derive(Clone)]
pub struct RawReply(Arc<Reply>);

/// What the SDK asks for is looked up in the body; a map is made when somebody asks for one.
struct Reply {
    body: String,
    fields: Vec<(Text, Field)>,
    object: OnceLock<Map<String, Value>>,
}

/// A string of a reply.
enum Text {
    /// The part of the body that it is.
    Part(Range<usize>),
    /// What it says, where the body writes it with escapes.
    Escaped(String),
}

enum Field {
    Text(Text),
    Other(Value),
}

impl RawReply {
    /// Reads a body; `None` if it is not a JSON object.
    pub(super) fn read(body: Vec<u8>) -> Option<Self> {
        let body = String::from_utf8(body).ok()?;
        let mut reader = serde_json::Deserializer::from_str(json(&body));
        let fields = reader.deserialize_map(Fields(&body)).ok()?;
        reader.end().ok()?;
        Some(Self(Arc::new(Reply { body, fields, object: OnceLock::new() })))
    }

    /// The object.
    pub fn as_object(&self) -> &Map<String, Value> {
        let Reply { body, object, .. } = &*self.0;
        object.get_or_init(|| serde_json::from_str(json(body)).expect("it was read before"))
    }

    /// A field by the first of the names that is there.
    pub(crate) fn field(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.as_object().get(*name))
    }

    /// The same without the map: the text of a string, or any other value.
    fn lookup(&self, names: &[&str]) -> Option<Result<&str, &Value>> {
        let Reply { body, fields, .. } = &*self.0;
        // Of two fields of one name the later counts, as in the map.
        let by_name = |name: &&str| fields.iter().rfind(|(text, _)| text.of(body) == *name);
        match &names.iter().find_map(by_name)?.1 {
            Field::Text(text) => Some(Ok(text.of(body))),
            Field::Other(value) => Some(Err(value)),
        }
    }

    /// A field as text; a number is written out.
    pub(crate) fn text(&self, names: &[&str]) -> Option<Cow<'_, str>> {
        match self.lookup(names)? {
            Ok(text) => Some(text.trim().into()),
            Err(value) => text(value).map(Cow::Owned),
        }
    }

    /// A field as credits, whether integer, float or string.
    pub(crate) fn credits(&self, names: &[&str]) -> Option<Credits> {
        match self.lookup(names)? {
            Ok(text) => text.parse().ok(),
            Err(value) => Credits::from_json(value),
        }
    }

    /// A field as a whole number, whether integer, float or string.
    pub(crate) fn whole(&self, names: &[&str]) -> Option<i64> {
        match self.lookup(names)? {
            Ok(text) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
            Err(Value::Number(n)) => n.as_i64().or_else(|| whole(n.as_f64()?)),
            Err(_) => None,
        }
    }

    /// The message id, if it is one: whatever else stands in its place is the gateway's free text.
    pub(crate) fn message_id(&self) -> Option<MessageId> {
        MessageId::parse(&self.text(&["msg-id", "msgid", "msg_id"])?).ok()
    }
}

impl PartialEq for RawReply {
    fn eq(&self, other: &Self) -> bool {
        self.as_object() == other.as_object()
    }
}

impl fmt::Debug for RawReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even their names: they come from outside, like the rest.
        write!(f, "RawReply({} fields)", self.as_object().len())
    }
}

/// A scalar as text.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.trim().to_owned()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation)] // checked against the range of exact integers
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

/// A body without the byte order mark that some servers put before it.
fn json(body: &str) -> &str {
    body.strip_prefix('\u{feff}').unwrap_or(body)
}

impl Text {
    fn new(text: Cow<'_, str>, body: &str) -> Self {
        match text {
            Cow::Borrowed(part) => {
                let start = part.as_ptr().addr() - body.as_ptr().addr();
                Self::Part(start..start + part.len())
            }
            Cow::Owned(text) => Self::Escaped(text),
        }
    }

    fn of<'a>(&'a self, body: &'a str) -> &'a str {
        match self {
            Self::Part(place) => &body[place.clone()],
            Self::Escaped(text) => text,
        }
    }
}

/// Reads the fields of an object that stands in this body.
struct Fields<'a>(&'a str);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Vec<(Text, Field)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(8); // an accepted send has seven
        while let Some((Name(name), value)) = map.next_entry()? {
            let field = match value {
                Read::Text(text) => Field::Text(Text::new(text, self.0)),
                Read::Other(value) => Field::Other(value),
            };
            fields.push((Text::new(name, self.0), field));
        }
        Ok(fields)
    }
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// A value as it is read: a string without escapes is a part of the body.
enum Read<'a> {
    Text(Cow<'a, str>),
    Other(Value),
}

impl<'de> Deserialize<'de> for Read<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadVisitor)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Read<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Read::Text(text.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Read::Text(text.to_owned().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Read::Other(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Read::Other(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Read::Other(number.into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Read::Other(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Read::Other(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(list)).map(Read::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(Read::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> RawReply {
        RawReply::read(body.to_owned().into()).unwrap()
    }

    #[test]
    fn lookups_and_the_map_tell_the_same() {
        let body = "\u{feff}{\"a\":\" one \",\"a\":\"two\",\"b\\u0063\":\"\\u0664\\n\",\"n\":[1,{\"x\":null}],\"z\":null,\
                    \"t\":true,\"u\":18446744073709551615,\"i\":-1,\"f\":1.5e3,\"\":\"\"}";
        let raw = reply(body);
        assert_eq!(raw.as_object().len(), 9);
        for (name, value) in raw.as_object() {
            let looked_up = match raw.lookup(&[name]) {
                Some(Ok(text)) => Value::from(text),
                Some(Err(other)) => other.clone(),
                None => panic!("{name} is missing"),
            };
            assert_eq!(&looked_up, value, "{name}");
            assert_eq!(raw.text(&[name]).map(Cow::into_owned), text(value), "{name}");
            assert_eq!(raw.credits(&[name]), Credits::from_json(value), "{name}");
        }
        assert!(raw.lookup(&["missing"]).is_none());
        assert_eq!(raw.text(&["missing", "a", "t"]).as_deref(), Some("two"));
    }

    /// Whatever is read is an object to serde_json too, so that the map can always be made, and the other way round.
    #[test]
    fn what_is_read_is_what_a_map_can_be_made_of() {
        let whole = r#"{"a":"\ud83d\ude00 é","b":[1,{"c":"\u0041"}],"d":1e3,"a":-0,"e":{"f":null},"g":true}"#;
        let junk =
            ["", "\\", "\"", "\\ud800", "1e999", "9999999999999999999999", "}", "{", ",", "\0", "nul", "é"];
        let (mut read, mut refused) = (0, 0);
        for place in whole.char_indices().map(|(at, _)| at) {
            for junk in junk {
                for end in [place, whole.len().min(place + 1)] {
                    let Some(rest) = whole.get(end..) else { continue };
                    let body = format!("{}{junk}{rest}", &whole[..place]);
                    let map = serde_json::from_str::<Map<String, Value>>(&body).ok();
                    let reply = RawReply::read(body.clone().into());
                    assert_eq!(reply.as_ref().map(RawReply::as_object), map.as_ref(), "{body}");
                    *if map.is_some() { &mut read } else { &mut refused } += 1;
                }
            }
        }
        assert!(read > 100 && refused > 100, "{read} read and {refused} refused");
        assert!(RawReply::read(b"{\"a\":\"\xff\"}".to_vec()).is_none());
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        assert!(RawReply::read(deep.into()).is_none());
    }

    #[test]
    fn numbers_are_read_from_integers_floats_and_strings() {
        for body in [
            r#"{"result":"OK","n":5}"#,
            r#"{"result":"OK","n":5.0}"#,
            r#"{"result":"OK","n":" 5 "}"#,
            r#"{"result":"ok","n":"5.0"}"#,
        ] {
            let raw = reply(body);
            assert_eq!(raw.whole(&["n"]), Some(5), "{body}");
            assert_eq!(raw.credits(&["n"]), Some(Credits::from_int(5)), "{body}");
        }
        let raw = reply(r#"{"result":"OK","n":"five","m":1.5,"l":[1]}"#);
        assert_eq!((raw.whole(&["n"]), raw.whole(&["m"]), raw.whole(&["l"])), (None, None, None));
    }
}
