//! What is known of a request: before it leaves, and of how it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::error::Error;
use crate::ids::{MessageId, SenderId};
use crate::message::MessageText;
use crate::phone::PhoneNumber;
use crate::transport::Endpoint;
use crate::wire::{Credentials, RawReply};

/// What a call asks, for whoever writes it down: nothing is read back out of a request's body.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) numbers: Arc<[PhoneNumber]>,
    /// Of a send.
    pub(crate) message: Option<Arc<MessageFacts>>,
    /// The message that is asked about.
    pub(crate) message_id: Option<MessageId>,
}

/// What a send says to its numbers, the same for all batches of a run.
#[derive(Debug)]
pub(crate) struct MessageFacts {
    pub(crate) sender: Arc<SenderId>,
    pub(crate) text: MessageText,
    pub(crate) test: bool,
}

impl MessageFacts {
    /// Characters of the text: counted where somebody writes them down.
    pub(crate) fn text_chars(&self) -> usize {
        self.text.as_str().chars().count()
    }
}

/// One request of a call, from just before it leaves.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    /// Its number among the requests of this process.
    pub(crate) id: u64,
    pub(crate) endpoint: Endpoint,
    #[cfg_attr(not(feature = "jsonl"), allow(dead_code))] // for the log layer
    pub(crate) credentials: &'a Credentials,
    pub(crate) facts: &'a Facts,
    /// Which attempt of its call it is, from 1.
    pub(crate) number: u32,
}

impl<'a> Attempt<'a> {
    #[inline]
    pub(crate) fn new(
        endpoint: Endpoint,
        credentials: &'a Credentials,
        facts: &'a Facts,
        number: u32,
    ) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self { id: IDS.fetch_add(1, Ordering::Relaxed) + 1, endpoint, credentials, facts, number }
    }
}

/// How a request ended.
pub(crate) struct Finished<'a> {
    pub(crate) wait: Duration,
    pub(crate) took: Duration,
    pub(crate) http_status: Option<u16>,
    pub(crate) result: Result<&'a RawReply, &'a Error>,
}
