//! One request that arrived, as the inbox shows it.

use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::masked::cut;
use super::posted::{Posted, numbers};

/// So much of a text that was refused is kept; seven pages take less.
const MAX_TEXT: usize = 4 * 1024;
/// So much of a list of numbers: what the document allows.
const MAX_NUMBERS: usize = 2_600;
const MAX_SENDER: usize = 100;

/// What a client was told.
#[derive(Clone)]
pub(crate) struct SentReply {
    /// `None` if the connection was cut or never came about.
    pub(crate) status: Option<u16>,
    /// What went over the wire of the body, as far as it is kept.
    pub(crate) body: String,
    /// The fault that changed the answer.
    pub(crate) fault: Option<&'static str>,
}

/// What was to be sent by a request that was refused, as far as it could be read.
#[derive(Clone, Default)]
pub(crate) struct Unsent {
    pub(crate) sender: Option<String>,
    pub(crate) mobile: String,
    pub(crate) text: Option<String>,
}

impl Unsent {
    pub(crate) fn of(posted: &Posted) -> Self {
        let short = |key, most| posted.text(key).map(|text| cut(text, most));
        Self {
            sender: short("sender", MAX_SENDER),
            mobile: short("mobile", MAX_NUMBERS).unwrap_or_default(),
            text: short("message", MAX_TEXT),
        }
    }

    pub(crate) fn numbers(&self) -> impl Iterator<Item = &str> {
        numbers(&self.mobile)
    }

    fn bytes(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        length(&self.sender) + self.mobile.len() + length(&self.text)
    }
}

/// A request that arrived.
///
/// [`Debug`](fmt::Debug) shows neither its body nor its numbers.
#[derive(Clone)]
pub struct SeenRequest {
    /// Its place among all requests ever seen, from 1; given by the history.
    pub(crate) number: u64,
    pub(crate) endpoint: String,
    pub(crate) user: String,
    pub(crate) at: Instant,
    /// Milliseconds since 1970.
    pub(crate) unix_ms: u64,
    pub(crate) processed: bool,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) numbers: usize,
    /// The id of the message that it became.
    pub(crate) message: Option<String>,
    /// What did not become one; `None` if the request was not refused.
    pub(crate) unsent: Option<Unsent>,
    pub(crate) problems: Vec<String>,
    pub(crate) request: Arc<str>,
    pub(crate) told: Arc<SentReply>,
}

impl SeenRequest {
    /// The endpoint's name, as `send`; the path, its first 100 characters, if it is none of the seven.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The user name posted, its first 100 characters; empty if there was none.
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

    /// True if nothing came of it: a `send` that became no message, or another request that was not answered with 200
    /// and without an error code.
    pub fn is_refused(&self) -> bool {
        self.unsent.is_some()
    }

    /// What of a refused request could not be read as it was meant, each with what to do; empty if all of it was.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The request as it was posted, with the password masked: method, path, the two headers that decide the
    /// protocol, and the first 16 KiB of the body.
    pub fn request(&self) -> &str {
        &self.request
    }

    /// The body answered, its first 4 KiB; empty if the connection was cut.
    pub fn reply(&self) -> &str {
        &self.told.body
    }

    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.endpoint.len()
            + self.user.len()
            + self.unsent.as_ref().map_or(0, Unsent::bytes)
            + self.problems.iter().map(String::len).sum::<usize>()
            + self.request.len()
            + self.told.body.len()
    }
}

impl fmt::Debug for SeenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeenRequest")
            .field("endpoint", &self.endpoint)
            .field("user", &self.user)
            .field("at", &self.at)
            .field("processed", &self.processed)
            .field("status", &self.status)
            .field("code", &self.code)
            .field("numbers", &self.numbers)
            .field("refused", &self.is_refused())
            .finish_non_exhaustive()
    }
}
