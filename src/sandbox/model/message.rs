//! One accepted message, with all that the inbox shows of it.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::request::SentReply;
use super::rules::{self, Encoding, KUWAIT};

/// Where an accepted message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageState {
    /// In the queue, at least one of its numbers still to be sent.
    Queued,
    /// Handed on for every number.
    Sent,
    /// Handed on, and the delivery reports of its numbers abroad are there; for Kuwait there are none.
    Delivered,
    /// In the queue until it is deleted: a test message, or one with an emoji. Its credits are held.
    Stuck,
    /// Deleted from the queue; the credits of what was not sent came back.
    Deleted,
}

/// A number that was posted and is none of the message's.
#[derive(Clone)]
pub(crate) struct Dropped {
    pub(crate) number: String,
    pub(crate) why: &'static str,
}

/// A message that the sandbox accepted: one per request, whatever the count of numbers.
#[derive(Clone)]
pub struct Message {
    /// Its place among all messages ever accepted, from 1.
    pub(crate) seq: u64,
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) asked_sender: String,
    pub(crate) sender: String,
    pub(crate) numbers: Vec<String>,
    pub(crate) dropped: Vec<Dropped>,
    pub(crate) text: String,
    pub(crate) otp: Option<String>,
    pub(crate) encoding: Encoding,
    pub(crate) pages: usize,
    pub(crate) points: u64,
    pub(crate) test: bool,
    pub(crate) state: MessageState,
    pub(crate) accepted_at: Instant,
    /// Milliseconds since 1970.
    pub(crate) unix_ms: u64,
    /// When its delivery reports are there; `None` before it is sent, and for Kuwait for ever.
    pub(crate) reports_at: Option<Instant>,
    /// The number of the request that it came by.
    pub(crate) request_number: u64,
    /// Both shared with that.
    pub(crate) request: Arc<str>,
    pub(crate) told: Arc<SentReply>,
}

impl Message {
    /// The message id, 32 lower-case hex digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The account that sent it.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The sender id the recipient sees: `KWT-SMS` if the one asked for is not the account's.
    pub fn sender(&self) -> &str {
        &self.sender
    }

    /// The sender id posted, its first 100 characters.
    pub fn asked_sender(&self) -> &str {
        &self.asked_sender
    }

    /// The good numbers, each once, in the order posted.
    pub fn numbers(&self) -> &[String] {
        &self.numbers
    }

    /// The text as posted.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The one-time code in the text, in ASCII digits, if one is found there.
    ///
    /// 4 to 8 digits that a word such as "code", "OTP" or رمز announces; the numbers of orders, requests and cards,
    /// prices, dates, times and telephone numbers are none. In doubt there is none.
    pub fn otp(&self) -> Option<&str> {
        self.otp.as_deref()
    }

    /// How the text travels.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The number of pages, 1 to 7.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// The credits taken: pages × numbers.
    pub fn points(&self) -> u64 {
        self.points
    }

    /// True for a test-mode message, which is never delivered.
    pub fn is_test(&self) -> bool {
        self.test
    }

    /// Where it is.
    pub fn state(&self) -> MessageState {
        self.state
    }

    /// When it was accepted, on Tokio's clock.
    pub fn accepted_at(&self) -> Instant {
        self.accepted_at
    }

    /// The request as it was posted, with the password masked: method, path, the two headers that decide the
    /// protocol, and the first 16 KiB of the body.
    pub fn request(&self) -> &str {
        &self.request
    }

    pub(crate) fn is_abroad(&self) -> bool {
        self.numbers.iter().any(|number| !number.starts_with(KUWAIT))
    }

    /// What a phone shows of it: hidden characters have no shape.
    pub(crate) fn on_a_phone(&self) -> String {
        self.text.replace("\r\n", "\n").chars().filter(|&c| c == '\n' || !rules::is_hidden(c)).collect()
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        let numbers = self.numbers.iter().map(String::len).chain(self.dropped.iter().map(|d| d.number.len()));
        let strings = self.numbers.len() + self.dropped.len();
        size_of::<Self>()
            + numbers.sum::<usize>()
            + strings * size_of::<Dropped>()
            + self.text.len()
            + self.request.len()
            + self.told.body.len()
            + self.user.len()
            + self.asked_sender.len()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("sender", &self.sender)
            .field("numbers", &self.numbers.len())
            .field("text_chars", &self.text.chars().count())
            .field("encoding", &self.encoding)
            .field("pages", &self.pages)
            .field("points", &self.points)
            .field("test", &self.test)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
