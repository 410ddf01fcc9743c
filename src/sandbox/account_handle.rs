//! The settings of one account, from outside.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::model::account::{Account, Maker};
use super::shared::Shared;

/// The settings and the state of one account of a [`Sandbox`](super::Sandbox).
#[derive(Clone)]
pub struct AccountHandle {
    shared: Arc<Shared>,
    user: String,
}

impl AccountHandle {
    pub(super) fn new(shared: Arc<Shared>, user: String) -> Self {
        Self { shared, user }
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Account) -> T) -> T {
        use_it(self.shared.lock().account(&self.user, Maker::Owner))
    }

    /// The user name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The credits left.
    pub fn balance(&self) -> u64 {
        self.with(|account| account.available)
    }

    /// Sets the credits left; 1,000 at first.
    pub fn set_balance(&self, credits: u64) {
        self.with(|account| account.available = credits);
    }

    /// Sets the credits ever bought; 1,000 at first.
    pub fn set_purchased(&self, credits: u64) {
        self.with(|account| account.purchased = credits);
    }

    /// Sets the only password taken; `None` takes any, as at first.
    pub fn set_password(&self, password: Option<&str>) {
        self.with(|account| account.password = password.map(str::to_owned));
    }

    /// The sender ids.
    pub fn sender_ids(&self) -> Vec<String> {
        self.with(|account| account.sender_ids.clone())
    }

    /// Sets the sender ids; `KWT-SMS` and `KWT-TEST` at first.
    pub fn set_sender_ids<S: Into<String>>(&self, ids: impl IntoIterator<Item = S>) {
        self.with(|account| account.sender_ids = strings(ids));
    }

    /// The active prefixes.
    pub fn coverage(&self) -> Vec<String> {
        self.with(|account| account.coverage.clone())
    }

    /// Sets the active prefixes; the six countries of the Gulf at first, and none gives ERR033.
    pub fn set_coverage<S: Into<String>>(&self, prefixes: impl IntoIterator<Item = S>) {
        self.with(|account| account.coverage = strings(prefixes));
    }

    /// Lets every endpoint answer this code: ERR001 (API off), ERR004, ERR005 (blocked), ERR024 (IP lockdown).
    pub fn block_with(&self, code: impl Into<String>) {
        self.with(|account| account.blocked = Some(code.into()));
    }

    /// Ends [`block_with`](Self::block_with).
    pub fn unblock(&self) {
        self.with(|account| account.blocked = None);
    }

    /// Sets the words that give ERR031, whatever their case; none at first.
    pub fn set_bad_words<S: Into<String>>(&self, words: impl IntoIterator<Item = S>) {
        self.with(|account| account.bad_words = strings(words));
    }

    /// Sets the words that give ERR032, whatever their case; none at first.
    pub fn set_spam_words<S: Into<String>>(&self, words: impl IntoIterator<Item = S>) {
        self.with(|account| account.spam_words = strings(words));
    }

    /// Sets the sender ids that give ERR008; none at first.
    pub fn set_banned_senders<S: Into<String>>(&self, ids: impl IntoIterator<Item = S>) {
        self.with(|account| account.banned_senders = strings(ids));
    }

    /// How many numbers are in the queue, stuck ones included.
    pub fn queued(&self) -> usize {
        let mut gateway = self.shared.lock();
        gateway.settle(Instant::now());
        gateway.account(&self.user, Maker::Owner).queued(true)
    }
}

impl fmt::Debug for AccountHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountHandle").field("user", &self.user).finish_non_exhaustive()
    }
}

fn strings<S: Into<String>>(items: impl IntoIterator<Item = S>) -> Vec<String> {
    items.into_iter().map(Into::into).collect()
}
