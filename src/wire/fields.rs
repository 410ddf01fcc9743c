//! The fields of a reply's object that the SDK asks for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

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
    #[inline(always)]
    pub(super) fn named(name: &str) -> Option<(Self, u8)> {
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

/// The values of the fields that the SDK asks for.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) known: [Option<Held>; Key::COUNT],
    /// By which spelling of its name each was read, see [`Key::named`].
    pub(super) ranks: [u8; Key::COUNT],
    /// A name stands there twice, with two values.
    pub(super) ambiguous: bool,
}

#[derive(Clone, Copy)]
pub(super) enum Held {
    /// A whole number.
    Whole(i64),
    /// Where in the body it stands, as it is written there.
    Written(Place),
}

/// Where in a body a part of it stands: half of a range of `usize`, since each report keeps those of its replies.
#[derive(Clone, Copy)]
pub(super) struct Place {
    start: u32,
    end: u32,
}

impl Place {
    /// Fails in a body of 4 GiB and more; [`HttpTransport`](crate::transport::HttpTransport) reads 16 MiB at most.
    #[inline]
    fn of<E: de::Error>(part: &str, body: &str) -> Result<Self, E> {
        let start = part.as_ptr().addr() - body.as_ptr().addr();
        let end = u32::try_from(start + part.len()).map_err(E::custom)?;
        Ok(Self { start: end - part.len() as u32, end })
    }

    #[inline]
    pub(super) fn in_body(self, body: &str) -> &str {
        &body[self.start as usize..self.end as usize]
    }
}

impl Fields {
    /// Reads the object that a body is.
    ///
    /// What the gateway documents is whole numbers and plain texts, each under a name of its own: those are taken as they
    /// are read. Anything else, which may be repeated, odd or deep, is compared and kept as it is written.
    #[inline]
    pub(super) fn read(&mut self, body: &str) -> serde_json::Result<()> {
        self.read_plain(body).or_else(|_| self.read_any(body))
    }

    #[inline]
    pub(super) fn read_plain(&mut self, body: &str) -> serde_json::Result<()> {
        let mut json = serde_json::Deserializer::from_str(object_text(body));
        json.deserialize_map(Plain { body, fields: self })?;
        json.end()
    }

    pub(super) fn read_any(&mut self, body: &str) -> serde_json::Result<()> {
        *self = Self::default();
        let mut json = serde_json::Deserializer::from_str(object_text(body));
        json.deserialize_map(AsWritten { body, fields: self })?;
        json.end()
    }
}

/// Reads an object of nothing but whole numbers and texts without escapes, under names of their own; fails for any
/// other.
struct Plain<'a> {
    body: &'a str,
    fields: &'a mut Fields,
}

impl<'de> Visitor<'de> for Plain<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whole numbers and texts")
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { body, fields } = self;
        while let Some(name) = map.next_key::<&'de str>()? {
            let (key, rank) = Key::named(name).ok_or_else(|| A::Error::custom("another name"))?;
            let known = &mut fields.known[key as usize];
            if known.is_some() {
                return Err(A::Error::custom("a second value"));
            }
            let held = match map.next_value()? {
                PlainValue::Whole(number) => Held::Whole(number),
                PlainValue::Text(text) => {
                    let Place { start, end } = Place::of(text, body)?;
                    Held::Written(Place { start: start - 1, end: end + 1 }) // its quotes belong to it
                }
            };
            *known = Some(held);
            fields.ranks[key as usize] = rank;
        }
        Ok(())
    }
}

enum PlainValue<'a> {
    Whole(i64),
    Text(&'a str),
}

impl<'de> Deserialize<'de> for PlainValue<'de> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = PlainValue<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or a text without escapes")
            }

            #[inline]
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(PlainValue::Whole(number))
            }

            #[inline]
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                i64::try_from(number).map(PlainValue::Whole).map_err(E::custom)
            }

            #[inline]
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(PlainValue::Text(text))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// Reads any object, and keeps its values as they are written.
struct AsWritten<'a> {
    body: &'a str,
    fields: &'a mut Fields,
}

impl<'de> Visitor<'de> for AsWritten<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { body, fields } = self;
        // A field whose name is not the document's may lose its place above, and is compared all the same.
        let mut others: Vec<(Cow<'de, str>, &str)> = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            let written = map.next_value::<&'de RawValue>()?.get();
            let (key, rank) = match Key::named(&name) {
                Some((key, rank)) => (key, rank),
                None => {
                    others.push((name, written));
                    continue;
                }
            };
            let (known, first) = (&mut fields.known[key as usize], &mut fields.ranks[key as usize]);
            match known {
                Some(Held::Written(place)) if *first == rank => {
                    fields.ambiguous |= differ(place.in_body(body), written);
                }
                Some(_) if *first < rank => {}
                _ => (*known, *first) = (Some(Held::Written(Place::of(written, body)?)), rank),
            }
            if rank > 0 {
                others.push((name, written));
            }
        }
        others.sort_by(|(one, _), (other, _)| one.cmp(other));
        fields.ambiguous |= others.windows(2).any(|two| two[0].0 == two[1].0 && differ(two[0].1, two[1].1));
        Ok(())
    }
}

/// A body without what means nothing at its ends: blanks, the padding of a fixed buffer, and the byte order marks that
/// files of a script leave there, one each.
#[inline]
pub(super) fn object_text(body: &str) -> &str {
    if body.starts_with('{') && body.ends_with('}') {
        return body;
    }
    body.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}' || c == '\0')
}

pub(super) fn value(written: &str) -> Value {
    serde_json::from_str(written).unwrap_or_else(|_| Value::from(written))
}

/// True for two values that are not the same however they are written.
fn differ(one: &str, other: &str) -> bool {
    one != other && value(one) != value(other)
}

/// A name as it is read: borrowed where it is written without escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
