//! `Inbox`, the same from Rust.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::search::{Filter, arrival};
use crate::sandbox::model::digits::digits;
use crate::sandbox::model::message::Message;
use crate::sandbox::shared::Shared;

/// The messages that a [`Sandbox`](crate::sandbox::Sandbox) accepted, as a person would look for them.
///
/// It shows the messages of every account, or of one: tests that run at the same time take a user name each and do
/// not see each other. Numbers may be written as people do: `+965 9876 5432` finds `96598765432`, and so does `98765432`,
/// without the country code.
///
/// ```
/// use kwtsms_async::{Client, sandbox::Sandbox};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), kwtsms_async::Error> {
/// let sandbox = Sandbox::in_process();
/// let client = Client::builder("signup_test", "any").transport(sandbox.transport()).build()?;
/// client.send("96598765432", "Your OTP for MYAPP is: 123456").await?;
///
/// let inbox = sandbox.inbox().of("signup_test");
/// assert_eq!(inbox.otp("+965 9876 5432").as_deref(), Some("123456"));
/// assert_eq!(inbox.search("myapp").len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
    user: Option<String>,
}

impl Inbox {
    pub(in crate::sandbox) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, user: None }
    }

    /// Narrows it to the messages of one account.
    #[must_use]
    pub fn of(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    fn filter(&self) -> Filter {
        Filter { user: self.user.clone(), ..Filter::default() }
    }

    fn filter_to(&self, number: &str) -> Filter {
        Filter { to: Some(digits(number)), ..self.filter() }
    }

    fn all(&self, filter: &Filter) -> Vec<Message> {
        let messages = {
            let mut gateway = self.shared.lock();
            gateway.settle(Instant::now());
            filter.all(&gateway)
        };
        messages.iter().map(|message| Message::clone(message)).collect()
    }

    /// The messages, oldest first, as far as the history reaches.
    pub fn messages(&self) -> Vec<Message> {
        self.all(&self.filter())
    }

    /// The messages to a number, oldest first.
    pub fn to(&self, number: &str) -> Vec<Message> {
        self.all(&self.filter_to(number))
    }

    /// The messages in which the text, a number, a sender id or the user name holds `words`, whatever the case, and the
    /// one whose message id it is; oldest first.
    pub fn search(&self, words: &str) -> Vec<Message> {
        self.all(&Filter { q: Some(words.to_lowercase()), ..self.filter() })
    }

    /// The one-time code of the newest message to a number that has one; see [`Message::otp`].
    pub fn otp(&self, number: &str) -> Option<String> {
        let filter = self.filter_to(number);
        let gateway = self.shared.lock();
        let mut newest_first = gateway.history.after(0).rev();
        newest_first.find(|message| message.otp.is_some() && filter.matches(message))?.otp.clone()
    }

    /// Waits for the next message to a number.
    ///
    /// Every message is handed out once, in the order of arrival, one that is there already at once: a test may send
    /// first and wait then, and two messages are seen by two waits. [`clear`](Self::clear) or a number of its own
    /// keeps earlier ones out. Who waits for an account is apart from who waits for all.
    ///
    /// It waits for ever; under paused time too, `tokio::time::timeout` bounds it.
    ///
    /// # Cancellation
    ///
    /// A wait that is dropped has taken nothing.
    pub async fn wait_for(&self, number: &str) -> Message {
        let to = digits(number);
        let filter = Filter { to: Some(to.clone()), ..self.filter() };
        let key = (self.user.clone(), to);
        arrival(&self.shared, |gateway, seen| {
            let after = gateway.handed_out.get(&key).map_or(seen, |&served| served.max(seen));
            let message = gateway.history.after(after).find(|message| filter.matches(message))?.clone();
            gateway.hand_out(key.clone(), message.seq);
            Some(Arc::unwrap_or_clone(message))
        })
        .await
    }

    /// Takes the messages out of the inbox, and says how many they were.
    ///
    /// To the gateway they were never there, so `status` answers ERR029; what is still to be sent is sent, and credits
    /// stay as they are, also those that a stuck message held.
    pub fn clear(&self) -> usize {
        let filter = self.filter();
        self.shared.lock().clear(|message| filter.matches(message))
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("user", &self.user).finish_non_exhaustive()
    }
}
