//! Which messages are meant, for the handle and for the API.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::sandbox::model::gateway::Gateway;
use crate::sandbox::model::message::Message;
use crate::sandbox::model::rules::SHORTEST;
use crate::sandbox::shared::Shared;

/// What a message has to be; what is not set does not matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Filter {
    pub(super) user: Option<String>,
    /// A number, digits only.
    pub(super) to: Option<String>,
    /// Lower-case.
    pub(super) q: Option<String>,
    /// Behind this place.
    pub(super) after: Option<u64>,
    /// Accepted at this time or later, in milliseconds since 1970.
    pub(super) since_ms: Option<u64>,
}

impl Filter {
    pub(super) fn matches(&self, message: &Message) -> bool {
        self.after.is_none_or(|after| message.seq > after)
            && self.since_ms.is_none_or(|since| message.unix_ms >= since)
            && self.user.as_ref().is_none_or(|user| *user == message.user)
            && self.to.as_ref().is_none_or(|to| message.numbers.iter().any(|number| is_number(number, to)))
            && self.q.as_ref().is_none_or(|q| contains(message, q))
    }

    /// The matching messages, oldest first.
    pub(super) fn all(&self, gateway: &Gateway) -> Vec<Arc<Message>> {
        gateway
            .history
            .after(self.after.unwrap_or(0))
            .filter(|message| self.matches(message))
            .cloned()
            .collect()
    }
}

/// A number without its country code is found by its last digits: none that the gateway accepts is that short.
fn is_number(number: &str, to: &str) -> bool {
    number == to || (!to.is_empty() && to.len() < SHORTEST && number.ends_with(to))
}

/// True if the text, a number, a sender id or the user name holds `q`, or if it is the message id: only as a whole,
/// since some random id holds any four digits in about one of 2,000 messages.
fn contains(message: &Message, q: &str) -> bool {
    let Message { text, asked_sender, sender, user, id, numbers, .. } = message;
    let mut fields = [text, asked_sender, sender, user].into_iter().chain(numbers);
    id.eq_ignore_ascii_case(q) || fields.any(|field| field.contains(q) || field.to_lowercase().contains(q))
}

/// Waits for a message that `find` finds. It is asked at once, and after every arrival again about what lies behind
/// the place that it is given.
pub(super) async fn arrival<T>(shared: &Shared, mut find: impl FnMut(&mut Gateway, u64) -> Option<T>) -> T {
    let mut arrived: watch::Receiver<u64> = {
        let mut gateway = shared.lock();
        gateway.settle(Instant::now());
        gateway.history.arrived.subscribe()
    };
    let mut seen = 0;
    loop {
        {
            let mut gateway = shared.lock();
            // Under the lock, so that nothing arrives between looking and waiting.
            arrived.mark_unchanged();
            if let Some(found) = find(&mut gateway, seen) {
                return found;
            }
            (_, seen) = gateway.history.count();
        }
        if arrived.changed().await.is_err() {
            // The sender lives in `shared`, so this is never.
            std::future::pending::<()>().await;
        }
    }
}
