//! A reply's JSON object.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::fields::{Fields, Held, Key, object_text, value};
use crate::credits::Credits;
use crate::ids::{MessageId, trimmed};

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
                values.into_iter().map(|(name, written)| (name, value(written.get()))).collect()
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

    #[inline]
    fn held(&self, key: Key) -> Option<Held> {
        self.0.fields.known[key as usize]
    }

    /// A field as text; a number is what its digits are.
    #[inline]
    pub(super) fn text(&self, key: Key) -> Option<Cow<'_, str>> {
        match self.held(key)? {
            Held::Whole(number) => Some(number.to_string().into()),
            Held::Written(place) => written_text(place.in_body(&self.0.body)),
        }
    }

    /// A field as credits, whether integer, float or string.
    #[inline]
    fn credits(&self, key: Key) -> Option<Credits> {
        match self.held(key)? {
            Held::Whole(number) => Credits::from_whole(number),
            Held::Written(place) => number(place.in_body(&self.0.body)),
        }
    }

    /// A field as a whole number, whether integer, float or string.
    #[inline]
    fn whole(&self, key: Key) -> Option<i64> {
        match self.held(key)? {
            Held::Whole(number) => Some(number),
            Held::Written(place) => {
                let written = place.in_body(&self.0.body);
                number(written).or_else(|| whole(number(written)?))
            }
        }
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
        let by_its_name = self.0.fields.ranks[Key::MessageId as usize] == 0;
        by_its_name && self.message_id().is_some()
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

/// A value that is written so, as text; a number is what its digits are.
#[inline]
fn written_text(written: &str) -> Option<Cow<'_, str>> {
    match written.as_bytes()[0] {
        b'"' if !written.contains('\\') => Some(trimmed(&written[1..written.len() - 1]).into()),
        b'"' => {
            let text: String = serde_json::from_str(written).ok()?;
            Some(Cow::Owned(text.trim().to_owned()))
        }
        b'-' | b'0'..=b'9' => Some(written.into()),
        _ => None,
    }
}

/// A value that is written so, as a number: a string may hold one, too.
fn number<T: FromStr>(written: &str) -> Option<T> {
    written.parse().ok().or_else(|| written_text(written)?.parse().ok())
}

#[allow(clippy::cast_possible_truncation)] // checked against the range of exact integers
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

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
            if *name != "balance-after" {
                assert_eq!(raw.text(key).map(Cow::into_owned), text(value), "{name}");
            }
            assert_eq!(raw.credits(key), Credits::from_json(value), "{name}");
            compared += 1;
        }
        assert_eq!(compared, 9);
        assert!(raw.text(Key::MessageId).is_none());
        assert_eq!(raw.text(Key::BalanceAfter).as_deref(), Some("1.5e3"), "as it is written");
    }

    /// Whole numbers and plain texts are taken as they are read, which must say what their places in the body say.
    #[test]
    fn the_short_way_and_the_long_way_tell_the_same() {
        let names = [
            "result",
            "code",
            "Description",
            "msg-id",
            "msgid",
            "msg_id",
            "numbers",
            "points-charged",
            "balance-after",
            "unix-timestamp",
            "available",
            "status",
        ];
        let told = |fields: Fields, body: &str| {
            let (body, object) = (body.to_owned(), OnceLock::new());
            let raw = RawReply(Arc::new(Reply { body, repair: None, fields, object }));
            let told = |key| (raw.text(key).map(Cow::into_owned), raw.credits(key), raw.whole(key));
            let all = names.map(|name| told(Key::named(name).unwrap().0));
            (all, raw.is_ambiguous(), raw.names_a_message(), raw.message_id())
        };
        let values = [
            "0",
            "-1",
            "180",
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775",
            r#""OK""#,
            r#"" 5 ""#,
            r#""1.5""#,
            r#""""#,
            r#""é""#,
            r#""0""#,
        ];
        let odd = ["-0", "1.5", "18446744073709551616", "1e2", "null", "[]", r#""\u0041""#];
        let mut short = 0;
        for (at, first) in values.iter().chain(&odd).enumerate() {
            for (name, value) in names.iter().zip(values.iter().cycle().skip(at)) {
                for body in [
                    format!(r#"{{"{name}":{first}}}"#),
                    format!(" {{ \"{name}\" : {first} , \"purchased\":{value}}}\n"),
                    format!(r#"{{"purchased":{value},"{name}":{first},"{name}":{value}}}"#),
                    format!(r#"{{"{name}":{value},"other":{first}}}"#),
                ] {
                    let [mut plain, mut any] = [Fields::default(), Fields::default()];
                    if plain.read_plain(&body).is_err() {
                        continue;
                    }
                    any.read_any(&body).unwrap();
                    assert_eq!(told(plain, &body), told(any, &body), "{body}");
                    short += 1;
                }
            }
        }
        assert_eq!(short, 2 * names.len() * values.len());

        // What the short way had taken before it gave up is not kept.
        let (mut fields, body) = (Fields::default(), r#"{"status":"of another reply"}"#);
        fields.read_plain(body).unwrap();
        fields.read_any(r#"{"code":"ERR003"}"#).unwrap();
        assert!(fields.known[Key::Status as usize].is_none());
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
