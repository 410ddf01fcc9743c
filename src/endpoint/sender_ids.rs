//! `senderid/`: the sender ids of the account.

use serde_json::Value;

use crate::call::Query;
use crate::client::Client;
use crate::endpoint::Listed;
use crate::engine::{Answer, Call, ask};
use crate::error::Error;
use crate::ids::SenderId;
use crate::transport::Endpoint;
use crate::wire::{RawReply, RequestBody, text};

impl Client {
    /// Asks for the sender ids registered on the account. They are case-sensitive.
    ///
    /// # Errors
    ///
    /// See [`Error`]; the gateway may answer ERR001 to ERR005 and ERR024.
    pub fn sender_ids(&self) -> Query<Listed<SenderId>> {
        Query::new(&self.core, |core, options| async move {
            let body = RequestBody::new(&core.credentials).finish();
            let mut call = Call::reading(Endpoint::SenderId, body);
            options.apply(&mut call);
            ask(core, call).await
        })
    }
}

impl Answer for Listed<SenderId> {
    fn read(raw: &RawReply) -> Result<Self, Error> {
        read(raw).ok_or_else(|| Error::bad_reply("the reply holds no list of sender ids", raw.clone()))
    }
}

/// Documented is a list of strings under `senderid`; a single string and the plural are taken too.
fn read(raw: &RawReply) -> Option<Listed<SenderId>> {
    let ids: Vec<_> = match raw.field(&["senderid", "senderids", "sender_ids"])? {
        Value::Array(ids) => ids.iter().filter_map(text).collect(),
        Value::Null => Vec::new(),
        one => vec![text(one)?],
    };
    Some(Listed::new(ids.iter().filter_map(|id| SenderId::parse(id).ok()).collect(), raw))
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::ids::SenderId;
    use crate::wire::tests::ok;

    #[test]
    fn the_key_is_singular_and_holds_a_list() {
        let ids = read(&ok(include_str!("../../tests/fixtures/senderid.json"))).unwrap();
        assert_eq!(ids.iter().map(SenderId::as_str).collect::<Vec<_>>(), ["KWT-SMS", "KWT-TEST"]);
        assert_eq!(read(&ok(r#"{"result":"OK","senderid":"My App"}"#)).unwrap()[0].as_str(), "My App");
        assert_eq!(read(&ok(r#"{"result":"OK","senderid":[]}"#)).unwrap().len(), 0);
        assert!(read(&ok(r#"{"result":"OK"}"#)).is_none());
    }
}
