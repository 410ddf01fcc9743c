//! A reply's JSON object.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::credits::Credits;
use crate::ids::MessageId;

/// The gateway's own JSON object, for support and for fields this crate does not know.
///
/// It may hold phone numbers (`validate`, `dlr`), so `Debug` shows only how many fields it has.
#[derive(Clone)]
pub struct RawReply(Arc<Reply>);

/// The fields of one value that the SDK asks for are at hand; a map is made when somebody asks for one.
struct Reply {
    body: String,
    repair: Option<Repair>,
    fields: Fields,
    object: OnceLock<Map<String, Value>>,
}

/// What had to be done to a gateway's answer before it could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Repair {
    /// Bytes that are not UTF-8 were replaced by U+FFFD, and control characters by blanks. JSON's own characters are
    /// ASCII, so the structure is as it came; a text may have lost letters.
    Decoded,
    /// The object was taken out of what stood around it: markup, warnings of the server's scripts.
    Extracted,
}

impl Repair {
    /// The name in events: `decoded` or `extracted`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Decoded => "decoded",
            Self::Extracted => "extracted",
        }
    }
}

/// A field of one value, whichever of its names the reply gives it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
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

    /// The field of a name, and the rank of the spelling: 0 is the document's, which counts before all others.
    #[inline]
    fn named(name: &str) -> Option<(Self, u8)> {
        Some(match name {
            "result" => (Self::Result, 0),
            "code" => (Self::Code, 0),
            "description" => (Self::Description, 0),
            "Description" => (Self::Description, 1),
            "msg-id" => (Self::MessageId, 0),
            "msgid" => (Self::MessageId, 1),
            "msg_id" => (Self::MessageId, 2),
            "numbers" => (Self::Numbers, 0),
            "points-charged" => (Self::PointsCharged, 0),
            "balance-after" => (Self::BalanceAfter, 0),
            "unix-timestamp" => (Self::UnixTimestamp, 0),
            "available" => (Self::Available, 0),
            "purchased" => (Self::Purchased, 0),
            "status" => (Self::Status, 0),
            "Status" => (Self::Status, 1),
            _ => return None,
        })
    }
}

/// Where in the body the values stand, as they are written there.
#[derive(Default)]
struct Fields {
    known: [Option<Field>; Key::COUNT],
    /// A name stands there twice, with two values.
    ambiguous: bool,
}

struct Field {
    rank: u8,
    place: Range<usize>,
}

impl RawReply {
    /// Reads a body; gives it back if it is not a JSON object.
    #[inline]
    pub(super) fn read(body: String, repair: Option<Repair>) -> Result<Self, String> {
        let mut reply = Reply { body, repair, fields: Fields::default(), object: OnceLock::new() };
        match reply.fields.read(&reply.body) {
            Ok(()) => Ok(Self(Arc::new(reply))),
            Err(_) => Err(reply.body),
        }
    }

    /// The object. Of a name that stands there twice it holds the last value; a value that is too deep or too odd for
    /// a [`Value`] stands there as the text that it is written with.
    pub fn as_object(&self) -> &Map<String, Value> {
        let Reply { body, object, .. } = &*self.0;
        object.get_or_init(|| {
            serde_json::from_str(object_text(body)).unwrap_or_else(|_| {
                let values: std::collections::BTreeMap<String, &RawValue> =
                    serde_json::from_str(object_text(body)).expect("it was read before");
                values.into_iter().map(|(name, value)| (name, held(value.get()))).collect()
            })
        })
    }

    /// The object as text: as it came, or what was taken out of the answer.
    pub fn as_json(&self) -> &str {
        object_text(&self.0.body)
    }

    /// What had to be done to read it; `None` for an answer that was a JSON object as it came.
    pub fn repair(&self) -> Option<Repair> {
        self.0.repair
    }

    /// True if a name stands there twice with different values, so that nobody knows which holds.
    #[inline]
    pub(super) fn is_ambiguous(&self) -> bool {
        self.0.fields.ambiguous
    }

    /// A field by the first of the names that is there.
    pub(crate) fn field(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.as_object().get(*name))
    }

    /// A value as it is written.
    #[inline]
    fn written(&self, key: Key) -> Option<&str> {
        let field = self.0.fields.known[key as usize].as_ref()?;
        Some(&self.0.body[field.place.clone()])
    }

    /// A field as text; a number is what its digits are.
    #[inline]
    pub(super) fn text(&self, key: Key) -> Option<Cow<'_, str>> {
        let written = self.written(key)?;
        match written.as_bytes()[0] {
            b'"' if !written.contains('\\') => Some(written[1..written.len() - 1].trim().into()),
            b'"' => {
                let text: String = serde_json::from_str(written).ok()?;
                Some(Cow::Owned(text.trim().to_owned()))
            }
            b'-' | b'0'..=b'9' => Some(written.into()),
            _ => None,
        }
    }

    /// A number, as it is written or as a string.
    #[inline]
    fn number<T: FromStr>(&self, key: Key) -> Option<T> {
        self.written(key)?.parse().ok().or_else(|| self.text(key)?.parse().ok())
    }

    /// A field as credits, whether integer, float or string.
    #[inline]
    fn credits(&self, key: Key) -> Option<Credits> {
        self.number(key)
    }

    /// A field as a whole number, whether integer, float or string.
    #[inline]
    fn whole(&self, key: Key) -> Option<i64> {
        self.number(key).or_else(|| whole(self.number(key)?))
    }

    /// The message id, if it is one: whatever else stands in its place is the gateway's free text.
    #[inline]
    pub(crate) fn message_id(&self) -> Option<MessageId> {
        MessageId::parse(&self.text(Key::MessageId)?).ok()
    }

    /// How many numbers the gateway counted.
    #[inline]
    pub(crate) fn counted(&self) -> Option<u64> {
        self.whole(Key::Numbers)?.try_into().ok()
    }

    /// Credits charged for the request.
    #[inline]
    pub(crate) fn points_charged(&self) -> Option<Credits> {
        self.credits(Key::PointsCharged)
    }

    /// Credits left: after a send, or asked for.
    #[inline]
    pub(crate) fn balance(&self) -> Option<Credits> {
        self.credits(Key::BalanceAfter).or_else(|| self.available())
    }

    /// Credits left, as the answer to `balance/` names them.
    #[inline]
    pub(crate) fn available(&self) -> Option<Credits> {
        self.credits(Key::Available)
    }

    /// Credits bought in all.
    #[inline]
    pub(crate) fn purchased(&self) -> Option<Credits> {
        self.credits(Key::Purchased)
    }

    /// The gateway's clock.
    #[inline]
    pub(crate) fn unix_timestamp(&self) -> Option<i64> {
        self.whole(Key::UnixTimestamp)
    }

    /// A message's state, and the gateway's words for it.
    pub(crate) fn status(&self) -> Option<Cow<'_, str>> {
        self.text(Key::Status)
    }

    /// The gateway's own words.
    pub(crate) fn description(&self) -> Option<Cow<'_, str>> {
        self.text(Key::Description)
    }

    /// True if a message id stands there under the name that the answer to a send has for it.
    #[inline]
    pub(super) fn names_a_message(&self) -> bool {
        let field = self.0.fields.known[Key::MessageId as usize].as_ref();
        field.is_some_and(|field| field.rank == 0) && self.message_id().is_some()
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

/// A body without what means nothing at its ends: blanks, the padding of a fixed buffer, and the byte order marks that
/// files of a script leave there, one each.
#[inline]
pub(super) fn object_text(body: &str) -> &str {
    body.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}' || c == '\0')
}

fn held(written: &str) -> Value {
    serde_json::from_str(written).unwrap_or_else(|_| Value::from(written))
}

impl Fields {
    /// Finds those of the object that a body is.
    #[inline]
    fn read(&mut self, body: &str) -> serde_json::Result<()> {
        let mut reader = serde_json::Deserializer::from_str(object_text(body));
        reader.deserialize_map(InBody { body, fields: self })?;
        reader.end()
    }
}

/// Takes the fields of an object that stands in this body.
struct InBody<'a> {
    body: &'a str,
    fields: &'a mut Fields,
}

impl<'de> Visitor<'de> for InBody<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { body, fields } = self;
        // A field whose name is not the document's may lose its place above, and is compared all the same.
        let mut others: Vec<(Cow<'de, str>, &str)> = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            let value = map.next_value::<&'de RawValue>()?.get();
            let (key, rank) = match Key::named(&name) {
                Some((key, rank)) => (key, rank),
                None => {
                    others.push((name, value));
                    continue;
                }
            };
            let known = &mut fields.known[key as usize];
            match known {
                Some(field) if field.rank == rank => {
                    fields.ambiguous |= differ(&body[field.place.clone()], value);
                }
                Some(field) if field.rank < rank => {}
                _ => {
                    let start = value.as_ptr().addr() - body.as_ptr().addr();
                    *known = Some(Field { rank, place: start..start + value.len() });
                }
            }
            if rank > 0 {
                others.push((name, value));
            }
        }
        others.sort_by(|(one, _), (other, _)| one.cmp(other));
        fields.ambiguous |= others.windows(2).any(|two| two[0].0 == two[1].0 && differ(two[0].1, two[1].1));
        Ok(())
    }
}

/// True for two values that are not the same however they are written.
fn differ(one: &str, other: &str) -> bool {
    one != other && held(one) != held(other)
}

/// A name as it is read: borrowed where it is written without escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(body: &str) -> RawReply {
        RawReply::read(body.to_owned(), None).unwrap()
    }

    #[test]
    fn lookups_and_the_map_tell_the_same() {
        let body = "\u{feff}{\"code\":\" one \",\"r\\u0065sult\":\"\\u0664\\n\",\
                    \"numbers\":[1,{\"x\":null}],\"status\":null,\"available\":true,\"unknown\":1,\
                    \"purchased\":18446744073709551615,\"points-charged\":-1,\"balance-after\":1.5e3,\
                    \"description\":\"\"}\n\0";
        let raw = reply(body);
        assert_eq!(raw.as_object().len(), 10);
        let mut compared = 0;
        for (name, value) in raw.as_object() {
            let Some((key, _)) = Key::named(name) else { continue };
            assert_eq!(&held(raw.written(key).unwrap()), value, "{name}");
            if *name != "balance-after" {
                assert_eq!(raw.text(key).map(Cow::into_owned), text(value), "{name}");
            }
            assert_eq!(raw.credits(key), Credits::from_json(value), "{name}");
            compared += 1;
        }
        assert_eq!(compared, 9);
        assert!(raw.written(Key::MessageId).is_none());
        assert_eq!(raw.text(Key::BalanceAfter).as_deref(), Some("1.5e3"), "as it is written");
    }

    #[test]
    fn every_spelling_of_a_name_is_read() {
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

    #[test]
    fn the_documented_spelling_counts_wherever_it_stands() {
        for (documented, others, key) in [
            ("msg-id", &["msgid", "msg_id"][..], Key::MessageId),
            ("status", &["Status"], Key::Status),
            ("description", &["Description"], Key::Description),
        ] {
            for other in others {
                let fields = [format!(r#""{documented}":"right""#), format!(r#""{other}":"wrong""#)];
                for body in [fields.join(","), format!("{},{}", fields[1], fields[0])] {
                    let raw = reply(&format!("{{{body}}}"));
                    assert_eq!(raw.text(key).as_deref(), Some("right"), "{body}");
                    assert!(!raw.is_ambiguous(), "{body}: two names are two fields");
                }
            }
        }
        let raw = reply(r#"{"msg_id":"third","msgid":"second"}"#);
        assert_eq!(raw.text(Key::MessageId).as_deref(), Some("second"));
    }

    #[test]
    fn a_name_that_stands_there_twice_is_ambiguous_unless_its_values_are_one() {
        for body in [
            r#"{"msg-id":"a","msg-id":"b"}"#,
            r#"{"result":"OK","result":"ERROR"}"#,
            r#"{"numbers":1,"x":0,"numbers":2}"#,
            r#"{"msgid":"a","msg-id":"c","msgid":"b"}"#,
            r#"{"msgid":"a","msgid":"b","msg-id":"c"}"#,
            r#"{"x":[1],"y":0,"x":[2]}"#,
            r#"{"msg-id":"a","msg-id":null}"#,
            r#"{"r\u0065sult":"OK","result":"ERROR"}"#,
        ] {
            assert!(reply(body).is_ambiguous(), "{body}");
        }
        for body in [
            r#"{"msg-id":"a","msg-id":"a"}"#,
            r#"{"msg-id":"a","msg-id":"\u0061"}"#,
            r#"{"x":[1,2],"x":[1, 2]}"#,
            r#"{"result":"OK","Result":"ERROR"}"#,
        ] {
            assert!(!reply(body).is_ambiguous(), "{body}");
        }
    }

    #[test]
    fn an_id_keeps_its_digits_whatever_their_count() {
        for id in ["7", "12345678901234567890", "123456789012345678901234567890"] {
            for body in [format!(r#"{{"msg-id":{id}}}"#), format!(r#"{{"msg-id":"{id}"}}"#)] {
                assert_eq!(reply(&body).message_id().unwrap().as_str(), id, "{body}");
            }
        }
        for value in ["-1", "true", "null", "[\"a\"]", "{}", "\"\"", "\"a b\"", "\"\\ud800\""] {
            assert_eq!(reply(&format!(r#"{{"msg-id":{value}}}"#)).message_id(), None, "{value}");
        }
    }

    /// Whatever serde_json makes a map of is read, and the map of what is read can always be made.
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
                    let reply = RawReply::read(body.clone(), None).ok();
                    if let Some(map) = &map {
                        assert_eq!(reply.as_ref().map(RawReply::as_object), Some(map), "{body}");
                    }
                    if let Some(reply) = &reply {
                        let _ = reply.as_object();
                    }
                    *if reply.is_some() { &mut read } else { &mut refused } += 1;
                }
            }
        }
        assert!(read > 100 && refused > 100, "{read} read and {refused} refused");
        let deep = format!("{{\"a\":{}{},\"b\":1}}", "[".repeat(200), "]".repeat(200));
        let deep = reply(&deep);
        assert_eq!(deep.as_object()["b"], 1);
        assert!(deep.as_object()["a"].as_str().unwrap().starts_with("[[["));
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
