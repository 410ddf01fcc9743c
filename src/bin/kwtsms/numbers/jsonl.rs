//! JSON lines: an object on each line, its fields the columns.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::lines::Lines;
use super::list::short;
use super::record::Record;
use crate::exit::Failure;

/// Objects being read.
pub(super) struct JsonLines {
    lines: Lines,
    fields: Vec<String>,
    bytes: Vec<u8>,
}

impl JsonLines {
    pub(super) fn open(lines: Lines) -> Self {
        Self { lines, fields: Vec::new(), bytes: Vec::new() }
    }

    pub(super) fn name(&self) -> &str {
        self.lines.name()
    }

    /// The fields that were met, in their order.
    pub(super) fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Reads the next object. Fields that were not met before are taken in as long as `all` of them are looked at.
    pub(super) fn read(&mut self, all: bool) -> Result<Option<Record>, Failure> {
        loop {
            self.bytes.clear();
            if !self.lines.append(&mut self.bytes)? {
                return Ok(None);
            }
            let line = self.lines.count();
            let text = String::from_utf8_lossy(&self.bytes);
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            let mut record = Record::new(line, vec![String::new(); self.fields.len()]);
            let Some(members) = members(text) else {
                record.cells = vec![short(text, 80)];
                record.problem = Some("no JSON object stands on the line");
                return Ok(Some(record));
            };
            let mut given = vec![false; self.fields.len()];
            for (name, value) in members {
                let place = match self.fields.iter().position(|field| *field == name) {
                    Some(place) => place,
                    None if all => {
                        self.fields.push(name);
                        record.cells.push(String::new());
                        given.push(false);
                        self.fields.len() - 1
                    }
                    None => continue,
                };
                if given[place] && record.cells[place] != value {
                    record.problem = Some("a field stands twice in the object, with different values");
                }
                given[place] = true;
                record.cells[place] = value;
            }
            return Ok(Some(record));
        }
    }
}

/// The members of an object, numbers as they are written; `None` if it is none.
fn members(text: &str) -> Option<Vec<(String, String)>> {
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                members.push((name, as_cell(value.get())));
            }
            Ok(members)
        }
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Members).ok()?;
    reader.end().is_ok().then_some(members)
}

/// A text as it is, a list of texts as a list, nothing for null, no more than a sign for an object; all else as it is
/// written.
fn as_cell(value: &str) -> String {
    if value == "null" {
        return String::new();
    }
    if let Ok(text) = serde_json::from_str::<String>(value) {
        return text;
    }
    if value.starts_with('{') {
        return "{…}".to_owned(); // which of its numbers is meant, nobody can tell
    }
    match serde_json::from_str::<Vec<&RawValue>>(value) {
        Ok(list) => list.into_iter().map(|item| as_cell(item.get())).collect::<Vec<_>>().join(", "),
        Err(_) => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_form() {
        let owned = |list: &[(&str, &str)]| {
            Some(
                list.iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            members(
                r#"{"a":"9\u0036","b":96598765432,"c":96598765432.0,"d":9.65988E+10,"e":null,"f":["1",2],"g":{"h":1}}"#
            ),
            owned(&[
                ("a", "96"),
                ("b", "96598765432"),
                ("c", "96598765432.0"),
                ("d", "9.65988E+10"),
                ("e", ""),
                ("f", "1, 2"),
                ("g", "{…}")
            ])
        );
        for text in ["", "1", "\"a\"", "[1]", "{\"a\":}", "{\"a\":1} x", "{\"a\":1}{\"b\":2}"] {
            assert_eq!(members(text), None, "{text}");
        }
    }
}
