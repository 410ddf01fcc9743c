//! `validate/`: what the gateway thinks of numbers, without sending.

use std::collections::HashMap;

use serde_json::Value;

use crate::call::Query;
use crate::client::Client;
use crate::core::Core;
use crate::engine::{self, Answer, Call};
use crate::error::Error;
use crate::phone::PhoneNumber;
use crate::recipients::{Batcher, Recipients};
use crate::report::{Duplicate, Invalid};
use crate::transport::Endpoint;
use crate::wire::{RawReply, RequestBody, text};

/// What became of each number that was asked about: each is in exactly one of the groups.
#[derive(Clone, Default)]
pub struct Validation {
    ok: Vec<PhoneNumber>,
    er: Vec<PhoneNumber>,
    nr: Vec<PhoneNumber>,
    missing: Vec<PhoneNumber>,
    invalid: Vec<Invalid>,
    duplicates: Vec<Duplicate>,
    raw: Vec<RawReply>,
}

impl Validation {
    /// Numbers that the gateway can send to.
    pub fn ok(&self) -> &[PhoneNumber] {
        &self.ok
    }

    /// Numbers that the gateway calls malformed or not a mobile.
    pub fn er(&self) -> &[PhoneNumber] {
        &self.er
    }

    /// Numbers without a route: their country is not switched on for the account.
    pub fn nr(&self) -> &[PhoneNumber] {
        &self.nr
    }

    /// Numbers that were asked about and that the gateway's answer does not mention.
    pub fn missing(&self) -> &[PhoneNumber] {
        &self.missing
    }

    /// Inputs that were refused before any request.
    pub fn invalid(&self) -> &[Invalid] {
        &self.invalid
    }

    /// Repeats, which were asked about once.
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// The gateway's replies as they came, one a request; empty if no request was made.
    pub fn raw(&self) -> &[RawReply] {
        &self.raw
    }

    fn take(&mut self, asked: &[PhoneNumber], groups: Groups) {
        for number in asked {
            let group = match groups.of.get(number) {
                Some(Group::Ok) => &mut self.ok,
                Some(Group::Er) => &mut self.er,
                Some(Group::Nr) => &mut self.nr,
                None => &mut self.missing,
            };
            group.push(*number);
        }
        self.raw.push(groups.raw);
    }
}

#[derive(Debug, Clone, Copy)]
enum Group {
    Ok,
    Er,
    Nr,
}

/// One reply: the group of each number it names.
struct Groups {
    of: HashMap<PhoneNumber, Group>,
    raw: RawReply,
}

impl Groups {
    /// Whether an empty group is [] or missing is not documented: both are empty.
    fn in_reply(raw: &RawReply) -> Option<Self> {
        let Value::Object(named) = raw.field(&["mobile", "mobiles"])? else { return None };
        let mut groups = HashMap::new();
        for (group, name, small) in
            [(Group::Ok, "OK", "ok"), (Group::Er, "ER", "er"), (Group::Nr, "NR", "nr")]
        {
            let entries = match named.get(name).or_else(|| named.get(small)) {
                Some(Value::Array(entries)) => entries.iter().filter_map(text).collect::<Vec<_>>().join(","),
                Some(list) => text(list).unwrap_or_default(),
                None => String::new(),
            };
            // The first group stands: the document's sample has a number under OK and, with 00 before it, under ER.
            for number in entries.split(',').filter_map(PhoneNumber::as_digits) {
                groups.entry(number).or_insert(group);
            }
        }
        Some(Self { of: groups, raw: raw.clone() })
    }
}

impl Answer for Groups {
    fn read(raw: &RawReply) -> Result<Self, Error> {
        Self::in_reply(raw)
            .ok_or_else(|| Error::bad_reply("the reply holds no groups of numbers", raw.clone()))
    }
}

impl std::fmt::Debug for Validation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Validation")
            .field("ok", &self.ok)
            .field("er", &self.er)
            .field("nr", &self.nr)
            .field("missing", &self.missing)
            .field("invalid", &self.invalid)
            .field("duplicates", &self.duplicates)
            .finish()
    }
}

impl Client {
    /// Asks the gateway which numbers it can send to. Costs nothing.
    ///
    /// What is not a phone number is refused here and never reaches the wire. More than one request is made
    /// when the list is longer than 2,500 characters or 200 numbers; if one of them fails, the call fails.
    ///
    /// # Errors
    ///
    /// See [`Error`]; an empty list is refused.
    pub fn validate(&self, numbers: impl Into<Recipients>) -> Query<Validation> {
        let numbers = numbers.into();
        Query::new(&self.core, move |core, options| async move {
            if numbers.is_empty() {
                return Err(Error::input("no number was given"));
            }
            let until = options.until();
            let mut validation = Validation::default();
            for draft in Batcher::all(&numbers, core.phone_rules) {
                validation.invalid.extend(draft.invalid);
                validation.duplicates.extend(draft.duplicates);
                if !draft.numbers.is_empty() {
                    let answer = ask(&core, &draft.numbers, until, &options).await?;
                    validation.take(&draft.numbers, answer);
                }
            }
            Ok(validation)
        })
    }
}

async fn ask(
    core: &std::sync::Arc<Core>,
    numbers: &[PhoneNumber],
    until: Option<tokio::time::Instant>,
    options: &crate::call::QueryOptions,
) -> Result<Groups, Error> {
    let body = RequestBody::new(&core.credentials).numbers("mobile", numbers).finish();
    let mut call = Call::reading(Endpoint::Validate, body);
    call.facts.numbers = numbers.into();
    call.deadline = until;
    call.on_retry = options.on_retry.clone();
    engine::ask(std::sync::Arc::clone(core), call).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::ok;

    fn numbers(list: &[&str]) -> Vec<PhoneNumber> {
        list.iter().map(|number| PhoneNumber::as_digits(number).unwrap()).collect()
    }

    #[test]
    fn the_documented_groups_are_read() {
        let asked =
            numbers(&["9651800555", "96599153258", "99220322", "96524817066", "96599220322", "966558724477"]);
        let mut validation = Validation::default();
        let answer = Groups::in_reply(&ok(include_str!("../../tests/fixtures/validate.json"))).unwrap();
        validation.take(&asked, answer);
        assert_eq!(validation.ok(), numbers(&["96599153258", "96599220322"]));
        assert_eq!(validation.nr(), numbers(&["966558724477"]));
        assert_eq!(validation.er(), numbers(&["9651800555", "99220322", "96524817066"]));
        assert_eq!(validation.missing(), []);
    }

    #[test]
    fn missing_and_empty_groups_are_alike_and_a_number_left_out_is_told() {
        for body in [
            r#"{"result":"OK","mobile":{"OK":["96599153258"]}}"#,
            r#"{"result":"OK","mobile":{"OK":[96599153258],"ER":[],"NR":null}}"#,
            r#"{"result":"OK","mobile":{"ok":"96599153258,96599153258","er":""}}"#,
            r#"{"result":"OK","mobile":{"OK":["96599153258"],"ER":["0096599153258"],"NR":["9715551234"]}}"#,
        ] {
            let mut validation = Validation::default();
            validation.take(&numbers(&["96599153258", "96599220322"]), Groups::in_reply(&ok(body)).unwrap());
            assert_eq!(validation.ok(), numbers(&["96599153258"]), "{body}");
            assert_eq!(validation.missing(), numbers(&["96599220322"]), "{body}");
            assert_eq!((validation.er().len(), validation.nr().len()), (0, 0), "{body}");
        }
        assert!(Groups::in_reply(&ok(r#"{"result":"OK"}"#)).is_none());
    }
}
