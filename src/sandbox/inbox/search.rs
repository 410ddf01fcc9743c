//! Which messages are meant, for the handle and for the API.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::sandbox::model::gateway::Gateway;
use crate::sandbox::model::history::History;
use crate::sandbox::model::message::Message;
use crate::sandbox::model::request::{SeenRequest, Unsent};
use crate::sandbox::model::rules::SHORTEST;
use crate::sandbox::shared::Shared;

/// What a message has to be; what is not set does not matter.
#[derive(Debug, Clone, Default)]
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

/// What a request has to be.
#[derive(Debug, Clone, Default)]
pub(super) struct RequestFilter {
    /// Its numbers, words, account and time; the place is the request's number.
    pub(super) sent: Filter,
    pub(super) after: Option<u64>,
    pub(super) refused: Option<bool>,
}

impl RequestFilter {
    /// A request that became a message is found by that, as long as the inbox holds it.
    pub(super) fn matches(&self, request: &SeenRequest, history: &History) -> bool {
        let Filter { user, to, q, since_ms, .. } = &self.sent;
        self.after.is_none_or(|after| request.number > after)
            && self.refused.is_none_or(|refused| refused == request.is_refused())
            && since_ms.is_none_or(|since| request.unix_ms >= since)
            && user.as_ref().is_none_or(|user| *user == request.user)
            && ((to.is_none() && q.is_none()) || {
                let message = request.message.as_ref().and_then(|id| history.message(id));
                to.as_ref().is_none_or(|to| {
                    request.unsent.iter().flat_map(Unsent::numbers).any(|number| is_number(number, to))
                        || message
                            .is_some_and(|message| message.numbers.iter().any(|number| is_number(number, to)))
                }) && q
                    .as_ref()
                    .is_none_or(|q| says(request, q) || message.is_some_and(|message| contains(message, q)))
            })
    }
}

/// True if what was to be sent, the account, the endpoint or the code answered holds `q`.
fn says(request: &SeenRequest, q: &str) -> bool {
    let SeenRequest { endpoint, user, code, unsent, .. } = request;
    let unsent = unsent.iter().flat_map(|unsent| {
        let Unsent { sender, mobile, text } = unsent;
        sender.iter().chain([mobile]).chain(text)
    });
    [endpoint, user].into_iter().chain(code).chain(unsent).any(|field| holds(field, q))
}

fn holds(field: &str, q: &str) -> bool {
    field.contains(q) || field.to_lowercase().contains(q)
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
    id.eq_ignore_ascii_case(q) || fields.any(|field| holds(field, q))
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
