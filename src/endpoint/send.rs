//! `send/`: one request, at most 200 numbers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use crate::core::Core;
use crate::error::Error;
use crate::events::{self, Facts, MessageFacts};
use crate::ids::SenderId;
use crate::message::MessageText;
use crate::phone::PhoneNumber;
use crate::report::Accepted;
use crate::wire::{RawReply, RequestBody};

/// A message that passed every local check, for any number of requests.
#[derive(Debug)]
pub(crate) struct Message(Arc<MessageFacts>);

impl Message {
    /// Checks text and sender id; what is not given is the client's.
    #[inline]
    pub(crate) fn new(
        core: &Core,
        text: String,
        sender: Option<&str>,
        test: Option<bool>,
    ) -> Result<Self, Error> {
        let text = MessageText::new(text).map_err(Error::text)?;
        let sender = sender.map(SenderId::parse).transpose();
        let sender = sender.map_err(|error| Error::input_from("the sender id is not usable", error))?;
        Ok(Self::checked(core, text, sender, test.unwrap_or(core.messages.test_mode)))
    }

    /// A message of parts that were checked before.
    #[inline]
    pub(crate) fn checked(core: &Core, text: MessageText, sender: Option<SenderId>, test: bool) -> Self {
        let sender = sender.map_or_else(|| Arc::clone(&core.messages.sender_id), Arc::new);
        let shared = sender.is_shared_test_sender();
        if !test && shared && !core.messages.shared_sender_told.swap(true, Ordering::AcqRel) {
            events::shared_sender();
        }
        Self(Arc::new(MessageFacts { sender, text, test }))
    }

    pub(crate) fn is_live(&self) -> bool {
        !self.0.test
    }

    /// The body of a request to these numbers.
    #[inline]
    pub(crate) fn body(&self, core: &Core, numbers: &[PhoneNumber]) -> Bytes {
        RequestBody::new(&core.credentials)
            .field("sender", &*self.0.sender)
            .numbers("mobile", numbers)
            .field("message", self.0.text.as_str())
            .switch("test", self.0.test) // absent would mean a live send
            .finish()
    }

    pub(crate) fn facts(&self, numbers: Arc<[PhoneNumber]>) -> Facts {
        Facts { numbers, message: Some(Arc::clone(&self.0)), message_id: None }
    }
}

/// Reads the answer to a request that was accepted.
#[inline]
pub(crate) fn accepted(raw: &RawReply) -> Result<Accepted, Error> {
    let Some(message_id) = raw.message_id() else {
        return Err(Error::bad_reply("the gateway said OK and gave no readable message id", raw.clone()));
    };
    let counted = raw.counted();
    if counted == Some(0) {
        // Not a success: Ok never means that nothing was accepted. Not a refusal either: there is an id.
        return Err(Error::bad_reply("the gateway said OK and counted no number", raw.clone()));
    }
    Ok(Accepted {
        message_id,
        counted,
        points_charged: raw.points_charged(),
        balance_after: raw.balance(),
        unix_timestamp: raw.unix_timestamp(),
        raw: raw.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credits::Credits;
    use crate::error::Delivery;
    use crate::wire::tests::ok;

    #[test]
    fn the_documented_answer_is_read_and_the_timestamp_kept_as_it_came() {
        let accepted = accepted(&ok(include_str!("../../tests/fixtures/send.json"))).unwrap();
        assert_eq!(accepted.message_id().as_str(), "f4c841adee210f31307633ceaebff2ec");
        assert_eq!(accepted.counted(), Some(1));
        assert_eq!(accepted.points_charged(), Some(Credits::from_int(1)));
        assert_eq!(accepted.balance_after(), Some(Credits::from_int(180)));
        assert_eq!(accepted.unix_timestamp(), Some(1_684_763_355));
    }

    #[test]
    fn floats_and_strings_are_read_and_what_is_missing_is_not_made_up() {
        let reply =
            r#"{"result":"OK","msg-id":"abc1","numbers":"2","points-charged":3.0,"balance-after":"180.50"}"#;
        let accepted = accepted(&ok(reply)).unwrap();
        assert_eq!(accepted.counted(), Some(2));
        assert_eq!(accepted.points_charged(), Some(Credits::from_int(3)));
        assert_eq!(accepted.balance_after().unwrap().to_string(), "180.5");
        assert_eq!(accepted.unix_timestamp(), None);
    }

    #[test]
    fn an_ok_without_a_message_id_or_without_a_number_is_of_unknown_outcome() {
        for body in [
            r#"{"result":"OK"}"#,
            r#"{"result":"OK","msg-id":""}"#,
            r#"{"result":"OK","msg-id":{}}"#,
            r#"{"result":"OK","msg-id":"abc1","numbers":0}"#,
            r#"{"result":"OK","msg-id":"abc1","numbers":"0","points-charged":0}"#,
        ] {
            assert_eq!(accepted(&ok(body)).unwrap_err().delivery(), Delivery::Unknown, "{body}");
        }
    }
}
