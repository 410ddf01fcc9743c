//! `validate/`: what the gateway thinks of numbers, without sending.

use serde::Serialize;
use serde_json::Value;

use crate::call::Reading;
use crate::client::Client;
use crate::error::Error;
use crate::phone::PhoneNumber;
use crate::pipeline::{Call, Core};
use crate::recipients::{Plan, Recipients};
use crate::report::{Duplicate, Rejected};
use crate::transport::Endpoint;
use crate::wire::{RawReply, request_body, text};

#[derive(Serialize)]
struct Fields<'a> {
    mobile: &'a str,
}

/// What became of each number that was asked about.
#[derive(Clone, Default)]
pub struct Validation {
    ok: Vec<PhoneNumber>,
    er: Vec<String>,
    nr: Vec<String>,
    missing: Vec<PhoneNumber>,
    rejected: Vec<Rejected>,
    duplicates: Vec<Duplicate>,
    raw: Vec<RawReply>,
}

impl Validation {
    /// Numbers that the gateway can send to.
    pub fn ok(&self) -> &[PhoneNumber] {
        &self.ok
    }

    /// Numbers that the gateway calls malformed or not a mobile, as it wrote them.
    pub fn er(&self) -> &[String] {
        &self.er
    }

    /// Numbers without a route: their country is not switched on for the account.
    pub fn nr(&self) -> &[String] {
        &self.nr
    }

    /// Numbers that were asked about and that the gateway's answer does not mention.
    pub fn missing(&self) -> &[PhoneNumber] {
        &self.missing
    }

    /// Inputs that were refused before any request.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// Repeats, which were asked about once.
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// The gateway's replies as they came, one a request; empty if no request was made.
    pub fn raw(&self) -> &[RawReply] {
        &self.raw
    }

    fn take(&mut self, asked: &[PhoneNumber], answer: Answer) {
        let parsed = |items: &[String]| -> Vec<PhoneNumber> {
            items.iter().filter_map(|item| PhoneNumber::parse(item).ok()).collect()
        };
        let Answer { ok, er, nr, raw } = answer;
        let mut told = parsed(&ok);
        self.ok.extend(&told);
        told.extend(parsed(&er));
        told.extend(parsed(&nr));
        told.sort_unstable();
        self.missing.extend(asked.iter().filter(|number| told.binary_search(number).is_err()));
        self.er.extend(er);
        self.nr.extend(nr);
        self.raw.push(raw);
    }
}

/// One reply: the numbers of each group, as the gateway wrote them.
struct Answer {
    ok: Vec<String>,
    er: Vec<String>,
    nr: Vec<String>,
    raw: RawReply,
}

fn read(raw: &RawReply) -> Result<Answer, Error> {
    let Some(Value::Object(groups)) = raw.field(&["mobile", "mobiles"]) else {
        return Err(Error::bad_reply("the reply holds no groups of numbers", raw.clone()));
    };
    // Whether an empty group is [] or missing is not documented: both are empty.
    let group = |name: &str| -> Vec<String> {
        match groups.get(name).or_else(|| groups.get(&name.to_ascii_lowercase())) {
            Some(Value::Array(items)) => items.iter().filter_map(text).collect(),
            Some(one @ (Value::String(_) | Value::Number(_))) => {
                text(one).filter(|one| !one.is_empty()).into_iter().collect()
            }
            _ => Vec::new(),
        }
    };
    Ok(Answer { ok: group("OK"), er: group("ER"), nr: group("NR"), raw: raw.clone() })
}

impl std::fmt::Debug for Validation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Validation")
            .field("ok", &self.ok)
            .field("er", &self.er.len())
            .field("nr", &self.nr.len())
            .field("missing", &self.missing)
            .field("rejected", &self.rejected)
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
    pub fn validate(&self, numbers: impl Into<Recipients>) -> Reading<Validation> {
        let numbers = numbers.into();
        Reading::new(&self.core, move |core, options| async move {
            if numbers.is_empty() {
                return Err(Error::input("no number was given"));
            }
            let until = options.until();
            let mut validation = Validation::default();
            for draft in Plan::all(&numbers, core.country_check) {
                validation.rejected.extend(draft.rejected);
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
    options: &crate::call::ReadOptions,
) -> Result<Answer, Error> {
    let mobile = crate::endpoint::send::mobile(numbers);
    let mut call =
        Call::reading(Endpoint::Validate, request_body(&core.credentials, &Fields { mobile: &mobile }));
    call.facts.numbers = numbers.into();
    call.deadline = until;
    call.on_retry = options.on_retry.clone();
    std::sync::Arc::clone(core).run(call, read).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::ok;

    fn numbers(list: &[&str]) -> Vec<PhoneNumber> {
        list.iter().map(|number| PhoneNumber::parse(number).unwrap()).collect()
    }

    #[test]
    fn the_documented_groups_are_read() {
        let mut validation = Validation::default();
        let answer = read(&ok(include_str!("../../tests/fixtures/validate.json"))).unwrap();
        validation.take(&numbers(&["96599153258"]), answer);
        assert_eq!(validation.ok(), numbers(&["96599153258", "96599220322"]));
        assert_eq!(validation.nr(), ["966558724477"]);
        assert_eq!(validation.er(), ["99220322", "0096599220322", "96524817066", "9651800555"]);
        assert_eq!(validation.missing(), []);
    }

    #[test]
    fn missing_and_empty_groups_are_alike_and_a_number_left_out_is_told() {
        for body in [
            r#"{"result":"OK","mobile":{"OK":["96599153258"]}}"#,
            r#"{"result":"OK","mobile":{"OK":[96599153258],"ER":[],"NR":null}}"#,
            r#"{"result":"OK","mobile":{"ok":"96599153258","er":""}}"#,
        ] {
            let mut validation = Validation::default();
            validation.take(&numbers(&["96599153258", "96599220322"]), read(&ok(body)).unwrap());
            assert_eq!(validation.ok(), numbers(&["96599153258"]), "{body}");
            assert_eq!(validation.missing(), numbers(&["96599220322"]), "{body}");
            assert_eq!((validation.er().len(), validation.nr().len()), (0, 0), "{body}");
        }
        assert!(read(&ok(r#"{"result":"OK"}"#)).is_err());
    }
}
