//! `status/`: where in the gateway's queue a message is.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use crate::call::Query;
use crate::client::Client;
use crate::core::Core;
use crate::engine::{Answer, Call, ask};
use crate::error::Error;
use crate::ids::MessageId;
use crate::transport::Endpoint;
use crate::wire::{RawReply, RequestBody};

/// A message's place in the gateway's queue. Not a delivery report.
#[derive(Clone)]
pub struct MessageStatus {
    status: String,
    description: Option<String>,
    raw: RawReply,
}

impl MessageStatus {
    /// The gateway's word, as it came. Documented is only `sent` (handed to the operator); others may come.
    pub fn as_str(&self) -> &str {
        &self.status
    }

    /// True for `sent`: handed to the operator, which does not mean delivered.
    pub fn is_sent(&self) -> bool {
        self.status.eq_ignore_ascii_case("sent")
    }

    /// The gateway's description.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The gateway's reply as it came.
    pub fn raw(&self) -> &RawReply {
        &self.raw
    }
}

impl fmt::Debug for MessageStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageStatus")
            .field("status", &crate::wire::state(&self.status))
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Asks where in the queue a message is.
    ///
    /// # Errors
    ///
    /// See [`Error`]. ERR029: no such message. ERR030: stuck in the queue with an error; delete it there to get
    /// its credits back. Test messages answer so, since they are never delivered.
    pub fn status(&self, message_id: &MessageId) -> Query<MessageStatus> {
        let message_id = message_id.clone();
        Query::new(&self.core, |core, options| async move {
            let body = message_body(&core, &message_id);
            let mut call = Call::reading(Endpoint::Status, body);
            call.facts.message_id = Some(message_id);
            options.apply(&mut call);
            ask(core, call).await
        })
    }
}

/// The body of a question about one message.
pub(super) fn message_body(core: &Core, message_id: &MessageId) -> Bytes {
    // No hyphen here, though the send's answer writes `msg-id` (API document v4.1).
    RequestBody::new(&core.credentials).field("msgid", message_id).finish()
}

impl Answer for MessageStatus {
    fn read(raw: &RawReply) -> Result<Self, Error> {
        let Some(status) = raw.status() else {
            return Err(Error::bad_reply("the reply holds no status", raw.clone()));
        };
        let description = raw.description().map(Cow::into_owned);
        Ok(Self { status: status.into_owned(), description, raw: raw.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::ok;

    #[test]
    fn known_and_unknown_words_survive() {
        let status = MessageStatus::read(&ok(include_str!("../../tests/fixtures/status.json"))).unwrap();
        assert!(status.is_sent());
        assert_eq!(status.description(), Some("Message successfully sent to gateway"));
        let status = MessageStatus::read(&ok(r#"{"result":"OK","status":"In the oven"}"#)).unwrap();
        assert_eq!((status.as_str(), status.is_sent(), status.description()), ("In the oven", false, None));
        assert!(MessageStatus::read(&ok(r#"{"result":"OK"}"#)).is_err());
    }
}
