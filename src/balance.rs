//! The account's balance, and the last one seen.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::credits::Credits;
use crate::events;
use crate::wire::RawReply;

/// Credits of an account. Two balances are equal if their credits are, whatever reply they came in.
#[derive(Debug, Clone)]
pub struct Balance {
    available: Credits,
    purchased: Option<Credits>,
    raw: Option<RawReply>,
}

impl PartialEq for Balance {
    fn eq(&self, other: &Self) -> bool {
        (self.available, self.purchased) == (other.available, other.purchased)
    }
}

impl Eq for Balance {}

impl Balance {
    /// The balance that a reply tells, if it does.
    #[inline]
    pub(crate) fn in_reply(raw: &RawReply) -> Option<Self> {
        Some(Self { available: raw.available()?, purchased: raw.purchased(), raw: Some(raw.clone()) })
    }

    /// Credits that can be spent.
    pub fn available(&self) -> Credits {
        self.available
    }

    /// Credits bought in all; `None` if no balance call has been answered yet (the reply to a send holds only what is left).
    pub fn purchased(&self) -> Option<Credits> {
        self.purchased
    }

    /// The gateway's reply as it came; `None` if it came in the reply to a send, which is in the send's report.
    pub fn raw(&self) -> Option<&RawReply> {
        self.raw.as_ref()
    }
}

/// The newest balance seen, and the threshold it is watched by.
#[derive(Debug, Default)]
pub(crate) struct Cached {
    newest: Mutex<Newest>,
    orders: AtomicU64,
    threshold: Option<Credits>,
}

#[derive(Debug, Default)]
struct Newest {
    order: u64,
    balance: Option<Balance>,
    below: bool,
}

impl Cached {
    pub(crate) fn new(threshold: Option<Credits>) -> Self {
        Self { threshold, ..Self::default() }
    }

    /// Numbers an exchange, so that answers that overtake each other do not bring back an old balance.
    #[inline]
    pub(crate) fn next(&self) -> u64 {
        self.orders.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Learns from a reply, if it tells a balance.
    #[inline]
    pub(crate) fn learn(&self, order: u64, raw: &RawReply) {
        let told = Balance::in_reply(raw);
        let available = told.as_ref().map(|balance| balance.available).or_else(|| raw.balance());
        let Some(available) = available else { return };
        let crossed = {
            let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
            if order < newest.order {
                return;
            }
            newest.order = order;
            let purchased = told.as_ref().or(newest.balance.as_ref()).and_then(|b| b.purchased);
            newest.balance = Some(Balance { available, purchased, raw: told.and_then(|b| b.raw) });
            events::balance_heard(available);
            let below = self.threshold.is_some_and(|threshold| available < threshold);
            let was_below = std::mem::replace(&mut newest.below, below);
            below && !was_below
        };
        if crossed {
            events::low_balance(available); // unlocked: a subscriber may ask for the balance
        }
    }

    /// Below so many credits somebody wants to be told.
    #[cfg(feature = "diagnose")]
    pub(crate) fn threshold(&self) -> Option<Credits> {
        self.threshold
    }

    pub(crate) fn get(&self) -> Option<Balance> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).balance.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::ok;

    #[test]
    fn an_answer_that_was_overtaken_does_not_bring_back_an_old_balance() {
        let cached = Cached::new(None);
        let (first, second) = (cached.next(), cached.next());
        cached.learn(second, &ok(r#"{"result":"OK","msg-id":"b","balance-after":98}"#));
        cached.learn(first, &ok(r#"{"result":"OK","msg-id":"a","balance-after":99}"#));
        assert_eq!(cached.get().unwrap().available(), Credits::from_int(98));
        assert_eq!(cached.get().unwrap().purchased(), None);
        cached.learn(cached.next(), &ok(r#"{"result":"OK","available":90,"purchased":100}"#));
        cached.learn(cached.next(), &ok(r#"{"result":"OK","balance-after":80}"#));
        assert_eq!(cached.get().unwrap().available(), Credits::from_int(80));
        assert_eq!(cached.get().unwrap().purchased(), Some(Credits::from_int(100)));
    }
}
