//! A reply's JSON object.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::credits::Credits;
use crate::ids::MessageId;

/// The gateway's own JSON object, as it came, for support and for fields this crate does not know.
///
/// It may hold phone numbers (`validate`, `dlr`), so `Debug` shows only how many fields it has.
#[derive(Clone)]
pub struct RawReply(Arc<Reply>);

/// The fields of one value that the SDK asks for are at hand; a map is made when somebody asks for one.
struct Reply {
    body: String,
    fields: [Option<Field>; Key::COUNT],
    object: OnceLock<Map<String, Value>>,
}

/// A field of one value, whichever of its names the reply gives it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Key {
    Result,
    Code,
    Description,
    MessageId,
    Numbers,
    PointsCharged,
    BalanceAfter,
    UnixTimestamp,
    Available,
    Purchased,
    Status,
}

impl Key {
    const COUNT: usize = Self::Status as usize + 1;

    #[inline]
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "result" => Self::Result,
            "code" => Self::Code,
            "description" | "Description" => Self::Description,
            "msg-id" | "msgid" | "msg_id" => Self::MessageId,
            "numbers" => Self::Numbers,
            "points-charged" => Self::PointsCharged,
            "balance-after" => Self::BalanceAfter,
            "unix-timestamp" => Self::UnixTimestamp,
            "available" => Self::Available,
            "purchased" => Self::Purchased,
            "status" | "Status" => Self::Status,
            _ => return None,
        })
    }
}

enum Field {
    /// The part of the body that a string is.
    Part(Range<usize>),
    /// What a string says that the body writes with escapes.
    Escaped(String),
    Other(Value),
}

impl RawReply {
    /// Reads a body; `None` if it is not a JSON object.
    #[inline]
    pub(super) fn read(body: Vec<u8>) -> Option<Self> {
        let body = String::from_utf8(body).ok()?;
        let fields = [const { None }; Key::COUNT];
        let mut reply = Arc::new(Reply { body, fields, object: OnceLock::new() });
        let Reply { body, fields, .. } = Arc::get_mut(&mut reply)?;
        let mut reader = serde_json::Deserializer::from_str(json(body));
        reader.deserialize_map(Fields(body, fields)).ok()?;
        reader.end().ok()?;
        Some(Self(reply))
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

    /// A field without the map: the text of a string, or any other value.
    #[inline]
    fn lookup(&self, key: Key) -> Option<Result<&str, &Value>> {
        Some(match self.0.fields[key as usize].as_ref()? {
            Field::Part(place) => Ok(&self.0.body[place.clone()]),
            Field::Escaped(text) => Ok(text),
            Field::Other(value) => Err(value),
        })
    }

    /// A field as text; a number is written out.
    #[inline]
    pub(crate) fn text(&self, key: Key) -> Option<Cow<'_, str>> {
        match self.lookup(key)? {
            Ok(text) => Some(text.trim().into()),
            Err(value) => text(value).map(Cow::Owned),
        }
    }

    /// A field as credits, whether integer, float or string.
    #[inline]
    pub(crate) fn credits(&self, key: Key) -> Option<Credits> {
        match self.lookup(key)? {
            Ok(text) => text.parse().ok(),
            Err(value) => Credits::from_json(value),
        }
    }

    /// A field as a whole number, whether integer, float or string.
    #[inline]
    pub(crate) fn whole(&self, key: Key) -> Option<i64> {
        match self.lookup(key)? {
            Ok(text) => text.trim().parse().ok().or_else(|| whole(text.trim().parse().ok()?)),
            Err(Value::Number(n)) => n.as_i64().or_else(|| whole(n.as_f64()?)),
            Err(_) => None,
        }
    }

    /// The message id, if it is one: whatever else stands in its place is the gateway's free text.
    #[inline]
    pub(crate) fn message_id(&self) -> Option<MessageId> {
        MessageId::parse(&self.text(Key::MessageId)?).ok()
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
#[inline]
fn json(body: &str) -> &str {
    body.strip_prefix('\u{feff}').unwrap_or(body)
}

/// Takes the fields of an object that stands in this body.
struct Fields<'a>(&'a str, &'a mut [Option<Field>; Key::COUNT]);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self(body, fields) = self;
        while let Some(Name(key)) = map.next_key()? {
            let field = map.next_value_seed(InBody(body))?;
            // Of two fields of one name the later counts, as in the map.
            if let Some(key) = key {
                fields[key as usize] = Some(field);
            }
        }
        Ok(())
    }
}

/// A name as it is read.
struct Name(Option<Key>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;

        impl Visitor<'_> for NameVisitor {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Name, E> {
                Ok(Name(Key::named(name)))
            }
        }

        deserializer.deserialize_str(NameVisitor)
    }
}

/// Reads a value that stands in this body: a string without escapes is a part of it.
struct InBody<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for InBody<'_> {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for InBody<'_> {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field, E> {
        let start = text.as_ptr().addr() - self.0.as_ptr().addr();
        Ok(Field::Part(start..start + text.len()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Field, E> {
        Ok(Field::Escaped(text.to_owned()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field, E> {
        Ok(Field::Other(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field, E> {
        Ok(Field::Other(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Field, E> {
        Ok(Field::Other(number.into()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Field, E> {
        Ok(Field::Other(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Field, E> {
        Ok(Field::Other(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        Value::deserialize(SeqAccessDeserializer::new(list)).map(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Value::deserialize(MapAccessDeserializer::new(map)).map(Field::Other)
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
        let body = "\u{feff}{\"code\":\" one \",\"code\":\"two\",\"r\\u0065sult\":\"\\u0664\\n\",\
                    \"numbers\":[1,{\"x\":null}],\"status\":null,\"available\":true,\"unknown\":1,\
                    \"purchased\":18446744073709551615,\"points-charged\":-1,\"balance-after\":1.5e3,\
                    \"description\":\"\"}";
        let raw = reply(body);
        assert_eq!(raw.as_object().len(), 10);
        let mut met = 0;
        for (name, value) in raw.as_object() {
            let Some(key) = Key::named(name) else { continue };
            let looked_up = match raw.lookup(key) {
                Some(Ok(text)) => Value::from(text),
                Some(Err(other)) => other.clone(),
                None => panic!("{name} is missing"),
            };
            assert_eq!(&looked_up, value, "{name}");
            assert_eq!(raw.text(key).map(Cow::into_owned), text(value), "{name}");
            assert_eq!(raw.credits(key), Credits::from_json(value), "{name}");
            met += 1;
        }
        assert_eq!(met, 9);
        assert!(raw.lookup(Key::MessageId).is_none());
        assert_eq!(raw.text(Key::Code).as_deref(), Some("two"));
    }

    #[test]
    fn every_spelling_of_a_name_is_met() {
        for name in ["msg-id", "msgid", "msg_id"] {
            assert_eq!(reply(&format!(r#"{{"{name}":"abc1"}}"#)).message_id().unwrap().as_str(), "abc1");
        }
        for name in ["status", "Status"] {
            assert_eq!(reply(&format!(r#"{{"{name}":"sent"}}"#)).text(Key::Status).as_deref(), Some("sent"));
        }
        for name in ["description", "Description"] {
            let raw = reply(&format!(r#"{{"{name}":"words"}}"#));
            assert_eq!(raw.text(Key::Description).as_deref(), Some("words"));
        }
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
            r#"{"result":"OK","numbers":5}"#,
            r#"{"result":"OK","numbers":5.0}"#,
            r#"{"result":"OK","numbers":" 5 "}"#,
            r#"{"result":"ok","numbers":"5.0"}"#,
        ] {
            let raw = reply(body);
            assert_eq!(raw.whole(Key::Numbers), Some(5), "{body}");
            assert_eq!(raw.credits(Key::Numbers), Some(Credits::from_int(5)), "{body}");
        }
        for value in [r#""five""#, "1.5", "[1]"] {
            assert_eq!(reply(&format!(r#"{{"numbers":{value}}}"#)).whole(Key::Numbers), None, "{value}");
        }
    }
}
