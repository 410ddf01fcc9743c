//! `send/`: one request, at most 200 numbers.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::Error;
use crate::events::{self, Facts, MessageFacts};
use crate::ids::SenderId;
use crate::limit::Lane;
use crate::message::MessageText;
use crate::phone::PhoneNumber;
use crate::pipeline::{Call, Core};
use crate::recent::Reservation;
use crate::recipients::Mobile;
use crate::report::Accepted;
use crate::retry::{OnRetry, Policy, Retry};
use crate::transport::Endpoint;
use crate::wire::{RawReply, RequestBody};

/// What a call may say of a message beyond numbers and text.
#[derive(Debug, Clone, Default)]
pub(crate) struct MessageOptions {
    pub(crate) sender: Option<String>,
    pub(crate) test_mode: Option<bool>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) on_retry: Option<OnRetry>,
}

impl MessageOptions {
    pub(crate) fn look(look: impl Fn(&Retry) -> ControlFlow<()> + Send + Sync + 'static) -> Option<OnRetry> {
        Some(OnRetry::new(look))
    }
}

/// A message that passed every local check, for any number of requests.
#[derive(Debug)]
pub(crate) struct Outgoing {
    message: Arc<MessageFacts>,
    pub(crate) test: bool,
    pub(crate) until: Option<Instant>,
    on_retry: Option<OnRetry>,
}

impl Outgoing {
    /// Checks text and sender id. The deadline counts from here; one beyond the clock's range is none.
    #[inline]
    pub(crate) fn new(core: &Core, text: String, options: &MessageOptions) -> Result<Self, Error> {
        let until = options.deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        let text = MessageText::new(text).map_err(Error::text)?;
        let sender = options.sender.as_deref().map(SenderId::parse).transpose();
        let sender = sender.map_err(|error| Error::input_from("the sender id is not usable", error))?;
        let test = options.test_mode.unwrap_or(core.test_mode);
        let sender = sender.unwrap_or_else(|| core.sender_id.clone());
        if !test && sender.is_shared_test_sender() && !core.shared_sender_told.swap(true, Ordering::AcqRel) {
            events::shared_sender();
        }
        let message = Arc::new(MessageFacts::new(sender, text, test));
        Ok(Self { message, test, until, on_retry: options.on_retry.clone() })
    }

    /// A call for these numbers.
    #[inline]
    pub(crate) fn call(
        &self,
        core: &Core,
        numbers: &[PhoneNumber],
        lane: Lane,
        policy: Policy,
        reservation: Option<Arc<Reservation>>,
        stop: Option<watch::Receiver<bool>>,
    ) -> Call {
        let body = RequestBody::new(&core.credentials)
            .field("sender", &self.message.sender)
            .field("mobile", &Mobile(numbers))
            .field("message", self.message.text.as_str())
            // A string, as in the document's sample; absent would mean a live send.
            .field("test", if self.test { "1" } else { "0" })
            .finish();
        Call {
            endpoint: Endpoint::Send,
            body,
            facts: Facts {
                numbers: match &reservation {
                    Some(reservation) => Arc::clone(reservation.numbers()),
                    None => numbers.into(),
                },
                message: Some(Arc::clone(&self.message)),
                message_id: None,
            },
            lane,
            turn: None,
            policy,
            deadline: self.until,
            on_retry: self.on_retry.clone(),
            reservation,
            stop,
        }
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
