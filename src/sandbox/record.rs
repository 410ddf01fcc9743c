//! What the sandbox remembers: accepted messages and seen requests, both bounded.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use tokio::time::Instant;

use super::rules::Encoding;

/// Where an accepted message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageState {
    /// In the queue, at least one of its numbers still to be sent.
    Queued,
    /// Handed on for every number.
    Sent,
    /// In the queue until it is deleted: a test message, or one with an emoji. Its credits are held.
    Stuck,
    /// Deleted from the queue; the credits of what was not sent came back.
    Deleted,
}

/// A message that the sandbox accepted: one per request, whatever the count of numbers.
#[derive(Clone)]
pub struct Message {
    pub(super) id: String,
    pub(super) user: String,
    pub(super) sender: String,
    pub(super) numbers: Vec<String>,
    pub(super) text: String,
    pub(super) encoding: Encoding,
    pub(super) pages: usize,
    pub(super) points: u64,
    pub(super) test: bool,
    pub(super) state: MessageState,
    pub(super) accepted_at: Instant,
    pub(super) sent_at: Option<Instant>,
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

    /// The good numbers, each once, in the order posted.
    pub fn numbers(&self) -> &[String] {
        &self.numbers
    }

    /// The text as posted.
    pub fn text(&self) -> &str {
        &self.text
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

/// A request that arrived. It holds neither password nor text nor numbers.
#[derive(Debug, Clone)]
pub struct SeenRequest {
    pub(super) endpoint: String,
    pub(super) user: String,
    pub(super) at: Instant,
    pub(super) processed: bool,
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
    pub(super) numbers: usize,
}

impl SeenRequest {
    /// The endpoint's name, as `send`; the whole path if it is none of the seven.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The user name posted, empty if there was none.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// When it arrived, on Tokio's clock.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// True if the gateway worked on it; false if a fault answered or cut the connection before.
    pub fn is_processed(&self) -> bool {
        self.processed
    }

    /// The HTTP status answered; `None` if a fault cut the connection, so that no whole answer went back.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// The error code answered, if it was one.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// How many numbers were posted, good and bad.
    pub fn numbers(&self) -> usize {
        self.numbers
    }
}

/// The newest `bound` messages, found by id, and as many requests.
pub(super) struct History {
    bound: usize,
    messages: VecDeque<Message>,
    /// Message id to its place, counted from the first message ever.
    places: HashMap<String, u64>,
    pub(super) forgotten_messages: u64,
    requests: VecDeque<SeenRequest>,
    pub(super) forgotten_requests: u64,
}

impl History {
    pub(super) fn new(bound: usize) -> Self {
        Self {
            bound: bound.max(1),
            messages: VecDeque::new(),
            places: HashMap::new(),
            forgotten_messages: 0,
            requests: VecDeque::new(),
            forgotten_requests: 0,
        }
    }

    pub(super) fn accept(&mut self, message: Message) {
        if self.messages.len() == self.bound
            && let Some(oldest) = self.messages.pop_front()
        {
            self.places.remove(&oldest.id);
            self.forgotten_messages += 1;
        }
        let place = self.forgotten_messages + self.messages.len() as u64;
        self.places.insert(message.id.clone(), place);
        self.messages.push_back(message);
    }

    pub(super) fn message(&mut self, id: &str) -> Option<&mut Message> {
        let place = self.places.get(id)? - self.forgotten_messages;
        self.messages.get_mut(usize::try_from(place).ok()?)
    }

    pub(super) fn messages(&self) -> Vec<Message> {
        self.messages.iter().cloned().collect()
    }

    pub(super) fn see(&mut self, request: SeenRequest) {
        if self.requests.len() == self.bound {
            self.requests.pop_front();
            self.forgotten_requests += 1;
        }
        self.requests.push_back(request);
    }

    pub(super) fn requests(&self) -> Vec<SeenRequest> {
        self.requests.iter().cloned().collect()
    }
}
