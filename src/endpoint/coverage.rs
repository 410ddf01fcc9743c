//! `coverage/`: the countries that are switched on for the account.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::call::Query;
use crate::client::Client;
use crate::engine::{Answer, Call, ask};
use crate::error::Error;
use crate::phone::PhoneNumber;
use crate::transport::Endpoint;
use crate::wire::{RawReply, RequestBody, text};

/// The prefixes that the account can send to.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    prefixes: BTreeSet<String>,
    raw: RawReply,
}

impl Coverage {
    /// The prefixes in order, digits only: `965`, `971`, …
    pub fn prefixes(&self) -> Vec<&str> {
        self.prefixes.iter().map(String::as_str).collect()
    }

    /// True if a prefix covers the number; see [`prefix_of`](Self::prefix_of).
    pub fn covers(&self, number: &PhoneNumber) -> bool {
        self.prefix_of(number).is_some()
    }

    /// The longest prefix that the number begins with.
    pub fn prefix_of(&self, number: &PhoneNumber) -> Option<&str> {
        let digits = number.to_string();
        (1..=digits.len()).rev().find_map(|end| self.prefixes.get(&digits[..end])).map(String::as_str)
    }

    /// The gateway's reply as it came.
    pub fn raw(&self) -> &RawReply {
        &self.raw
    }
}

impl Client {
    /// Asks for the prefixes that the account can send to. Keep the answer: it changes rarely.
    ///
    /// # Errors
    ///
    /// See [`Error`]; ERR033 means that no country is switched on.
    pub fn coverage(&self) -> Query<Coverage> {
        Query::new(&self.core, |core, options| async move {
            let body = RequestBody::new(&core.credentials).finish();
            let mut call = Call::reading(Endpoint::Coverage, body);
            options.apply(&mut call);
            ask(core, call).await
        })
    }
}

impl Answer for Coverage {
    fn read(raw: &RawReply) -> Result<Self, Error> {
        read(raw).ok_or_else(|| Error::bad_reply("the reply holds no list of prefixes", raw.clone()))
    }
}

/// Documented is `prefixes`, a list of strings. Clients also read `coverage`, `list` and `countries`, lists of
/// numbers or of objects with `prefix`, maps by prefix, and prefixes as keys at the root: all are taken.
fn read(raw: &RawReply) -> Option<Coverage> {
    let prefixes: BTreeSet<String> = match raw.field(&["prefixes", "coverage", "list", "countries"]) {
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(|item| match item {
                Value::Object(object) => ["prefix", "code"].iter().find_map(|key| text(object.get(*key)?)),
                scalar => text(scalar),
            })
            .filter_map(|item| digits(&item))
            .collect(),
        Some(Value::Object(map)) => map.keys().filter_map(|key| digits(key)).collect(),
        Some(Value::Null) => BTreeSet::new(),
        Some(scalar) => text(scalar)?.split(',').filter_map(digits).collect(),
        None => {
            let keys: BTreeSet<_> = raw.as_object().keys().filter_map(|key| digits(key)).collect();
            if keys.is_empty() {
                return None;
            }
            keys
        }
    };
    Some(Coverage { prefixes, raw: raw.clone() })
}

fn digits(prefix: &str) -> Option<String> {
    let prefix = prefix.trim().trim_start_matches('+').trim_start_matches('0');
    (!prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit())).then(|| prefix.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::ok;

    #[test]
    fn every_form_seen_of_the_list_is_read() {
        for body in [
            include_str!("../../tests/fixtures/coverage.json"),
            r#"{"result":"OK","prefixes":[965,971]}"#,
            r#"{"result":"OK","coverage":["+965","00971"]}"#,
            r#"{"result":"OK","coverage":[{"prefix":"965","country":"Kuwait"},{"prefix":971}]}"#,
            r#"{"result":"OK","coverage":{"965":"Kuwait","971":"UAE"}}"#,
            r#"{"result":"OK","list":["965","971"]}"#,
            r#"{"result":"OK","countries":["965","971"]}"#,
            r#"{"result":"OK","965":"Kuwait","971":"UAE"}"#,
        ] {
            assert_eq!(read(&ok(body)).unwrap().prefixes(), ["965", "971"], "{body}");
        }
        assert!(read(&ok(r#"{"result":"OK"}"#)).is_none());
        assert_eq!(read(&ok(r#"{"result":"OK","prefixes":[]}"#)).unwrap().prefixes().len(), 0);
    }

    #[test]
    fn the_longest_prefix_wins() {
        let coverage = read(&ok(r#"{"result":"OK","prefixes":["1","1242","965"]}"#)).unwrap();
        let number = |text: &str| PhoneNumber::parse(text).unwrap();
        assert_eq!(coverage.prefix_of(&number("12425551234")), Some("1242"));
        assert_eq!(coverage.prefix_of(&number("12125551234")), Some("1"));
        assert!(coverage.covers(&number("96598765432")));
        assert!(!coverage.covers(&number("966559876543")));
    }
}
