//! `dlr/`: delivery reports, for numbers outside Kuwait.

use serde_json::Value;

use crate::call::Query;
use crate::client::Client;
use crate::endpoint::Listed;
use crate::endpoint::status::message_body;
use crate::engine::{Answer, Call, ask};
use crate::error::Error;
use crate::ids::MessageId;
use crate::phone::PhoneNumber;
use crate::transport::Endpoint;
use crate::wire::{RawReply, text};

/// What the operator reported of one number.
#[derive(Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    number: String,
    status: String,
}

impl DeliveryReport {
    /// The number, if what came is one.
    pub fn number(&self) -> Option<PhoneNumber> {
        PhoneNumber::as_digits(&self.number)
    }

    /// What came in the number's place.
    pub fn number_as_it_came(&self) -> &str {
        &self.number
    }

    /// The gateway's text as it came: "Received by recipient", "Blacklisted", …
    pub fn status(&self) -> &str {
        &self.status
    }
}

impl std::fmt::Debug for DeliveryReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeliveryReport")
            .field("number", &self.number())
            .field("status", &crate::wire::state(&self.status))
            .finish()
    }
}

impl Client {
    /// Asks for the delivery reports of a message to numbers outside Kuwait.
    ///
    /// Kuwaiti operators give none (ERR021). Wait at least 5 minutes after the send, and expect reports within
    /// 24 hours; the gateway blocks who asks too often (API document v4.1).
    ///
    /// # Errors
    ///
    /// See [`Error`]; ERR019 to ERR023 are about reports, and ERR022 (not ready) has a
    /// [`retry_after`](Error::retry_after).
    pub fn dlr(&self, message_id: &MessageId) -> Query<Listed<DeliveryReport>> {
        let message_id = message_id.clone();
        Query::new(&self.core, |core, options| async move {
            let body = message_body(&core, &message_id);
            let mut call = Call::reading(Endpoint::Dlr, body);
            call.facts.message_id = Some(message_id);
            options.apply(&mut call);
            ask(core, call).await
        })
    }
}

impl Answer for Listed<DeliveryReport> {
    fn read(raw: &RawReply) -> Result<Self, Error> {
        read(raw).ok_or_else(|| Error::bad_reply("the reply holds no reports", raw.clone()))
    }
}

/// Documented are capitalised keys; small ones are taken too, and one object in the list's place.
fn read(raw: &RawReply) -> Option<Listed<DeliveryReport>> {
    let rows = match raw.field(&["report", "Report", "reports"])? {
        Value::Array(rows) => rows.as_slice(),
        Value::Null => &[],
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => return None,
    };
    let key = |row: &Value, names: [&str; 3]| names.iter().find_map(|name| text(row.get(*name)?));
    let reports = rows.iter().filter_map(|row| {
        Some(DeliveryReport {
            number: key(row, ["Number", "number", "mobile"])?,
            status: key(row, ["Status", "status", "STATUS"])?,
        })
    });
    Some(Listed::new(reports.collect(), raw))
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::wire::tests::ok;

    #[test]
    fn capitalised_and_small_keys_are_read_and_unknown_texts_kept() {
        for body in [
            r#"{"result":"OK","report":[{"Number":"971504496677","Status":"Received by recipient"}]}"#,
            r#"{"result":"OK","report":[{"number":971504496677,"status":"Received by recipient"}]}"#,
            r#"{"result":"OK","report":{"Number":"971504496677","Status":"Received by recipient"}}"#,
        ] {
            let reports = read(&ok(body)).unwrap();
            assert_eq!(reports[0].number().unwrap().to_string(), "971504496677", "{body}");
            assert_eq!(reports[0].status(), "Received by recipient");
        }
        let documented = read(&ok(include_str!("../../tests/fixtures/dlr.json"))).unwrap();
        assert_eq!((documented[0].number(), documented[0].number_as_it_came()), (None, "xxxxxxxx"));
        assert!(read(&ok(r#"{"result":"OK"}"#)).is_none());
    }
}
