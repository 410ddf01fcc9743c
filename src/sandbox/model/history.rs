//! What the sandbox remembers: accepted messages and seen requests, both bounded, and who hears of changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::message::{Message, MessageState};
use super::request::SeenRequest;

/// Beyond so many bytes the oldest messages go, however few they are; and so the oldest requests.
pub(crate) const MAX_BYTES: usize = 64 << 20;
/// So many changes a slow listener may lie behind; beyond, it is told to look again.
const CHANGES: usize = 1024;

/// Something that whoever watches the inbox wants to hear of; the number leads to what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A message was accepted.
    Arrived(u64),
    /// The state of a message is another one.
    Changed(u64),
    /// A request was seen.
    Seen(u64),
    /// Messages or requests were taken out of the inbox.
    Cleared,
}

/// The newest messages, found by their place or their id, and as many requests.
pub(crate) struct History {
    bound: usize,
    messages: BTreeMap<u64, Arc<Message>>,
    places: HashMap<String, u64>,
    bytes: usize,
    accepted: u64,
    pub(crate) forgotten_messages: u64,
    requests: BTreeMap<u64, Arc<SeenRequest>>,
    request_bytes: usize,
    seen: u64,
    pub(crate) forgotten_requests: u64,
    /// When the reports of a sent message are there.
    reports: BTreeSet<(Instant, u64)>,
    /// The place of the newest message.
    pub(crate) arrived: watch::Sender<u64>,
    pub(crate) changes: broadcast::Sender<Change>,
}

impl History {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            bound: bound.max(1),
            messages: BTreeMap::new(),
            places: HashMap::new(),
            bytes: 0,
            accepted: 0,
            forgotten_messages: 0,
            requests: BTreeMap::new(),
            request_bytes: 0,
            seen: 0,
            forgotten_requests: 0,
            reports: BTreeSet::new(),
            arrived: watch::Sender::new(0),
            changes: broadcast::Sender::new(CHANGES),
        }
    }

    /// Remembers a message, and gives those that are forgotten for it.
    pub(crate) fn accept(&mut self, mut message: Message) -> Vec<Arc<Message>> {
        self.accepted += 1;
        let seq = self.accepted;
        message.seq = seq;
        self.bytes += message.bytes();
        self.places.insert(message.id.clone(), seq);
        self.messages.insert(seq, Arc::new(message));
        let mut gone = Vec::new();
        while self.messages.len() > self.bound || (self.bytes > MAX_BYTES && self.messages.len() > 1) {
            let Some((&oldest, _)) = self.messages.first_key_value() else { break };
            gone.extend(self.remove(oldest));
            self.forgotten_messages += 1;
        }
        self.arrived.send_replace(seq);
        self.tell(Change::Arrived(seq));
        gone
    }

    fn remove(&mut self, seq: u64) -> Option<Arc<Message>> {
        let message = self.messages.remove(&seq)?;
        self.bytes -= message.bytes();
        self.places.remove(&message.id);
        if let Some(due) = message.reports_at {
            self.reports.remove(&(due, seq));
        }
        Some(message)
    }

    /// Takes out the messages that match, and gives them.
    pub(crate) fn clear(&mut self, matches: impl Fn(&Message) -> bool) -> Vec<Arc<Message>> {
        let gone: Vec<u64> =
            self.messages.iter().filter(|(_, message)| matches(message)).map(|(&seq, _)| seq).collect();
        let gone = gone.into_iter().filter_map(|seq| self.remove(seq)).collect();
        self.tell(Change::Cleared);
        gone
    }

    /// Puts a message into another state.
    pub(crate) fn set_state(&mut self, id: &str, state: MessageState) {
        let Some(&seq) = self.places.get(id) else { return };
        let Some(message) = self.messages.get_mut(&seq) else { return };
        Arc::make_mut(message).state = state;
        self.tell(Change::Changed(seq));
    }

    /// Marks a message as sent; those abroad have their reports at `reports_at`.
    pub(crate) fn set_sent(&mut self, id: &str, reports_at: Instant) {
        self.set_state(id, MessageState::Sent);
        let Some(&seq) = self.places.get(id) else { return };
        if let Some(message) = self.messages.get_mut(&seq)
            && message.is_abroad()
        {
            Arc::make_mut(message).reports_at = Some(reports_at);
            self.reports.insert((reports_at, seq));
        }
    }

    /// Marks as delivered what has its reports by `now`.
    pub(crate) fn deliver(&mut self, now: Instant) {
        while let Some(&(due, seq)) = self.reports.first()
            && due <= now
        {
            self.reports.pop_first();
            if let Some(message) = self.messages.get_mut(&seq) {
                Arc::make_mut(message).state = MessageState::Delivered;
                self.tell(Change::Changed(seq));
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn awaited_reports(&self) -> usize {
        self.reports.len()
    }

    pub(crate) fn message(&self, id: &str) -> Option<&Arc<Message>> {
        self.at(*self.places.get(id)?)
    }

    pub(crate) fn at(&self, seq: u64) -> Option<&Arc<Message>> {
        self.messages.get(&seq)
    }

    /// The messages behind the place `after`, oldest first.
    pub(crate) fn after(&self, after: u64) -> impl DoubleEndedIterator<Item = &Arc<Message>> {
        self.messages.range(after.saturating_add(1)..).map(|(_, message)| message)
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages.values().map(|message| Message::clone(message)).collect()
    }

    /// How many messages are remembered, and the place of the newest one ever.
    pub(crate) fn count(&self) -> (usize, u64) {
        (self.messages.len(), self.accepted)
    }

    pub(crate) fn see(&mut self, mut request: SeenRequest) {
        self.seen += 1;
        request.number = self.seen;
        self.request_bytes += request.bytes();
        self.requests.insert(self.seen, Arc::new(request));
        while self.requests.len() > self.bound || (self.request_bytes > MAX_BYTES && self.requests.len() > 1)
        {
            let Some((&oldest, _)) = self.requests.first_key_value() else { break };
            self.forget_request(oldest);
            self.forgotten_requests += 1;
        }
        self.tell(Change::Seen(self.seen));
    }

    fn forget_request(&mut self, number: u64) {
        if let Some(request) = self.requests.remove(&number) {
            self.request_bytes -= request.bytes();
        }
    }

    /// Takes out the requests of these numbers.
    pub(crate) fn clear_requests(&mut self, numbers: &[u64]) {
        for &number in numbers {
            self.forget_request(number);
        }
        self.tell(Change::Cleared);
    }

    /// How many requests were seen so far, which is the number of the newest.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// The request of a number, from 1.
    pub(crate) fn request(&self, number: u64) -> Option<&Arc<SeenRequest>> {
        self.requests.get(&number)
    }

    /// The requests behind a number, oldest first.
    pub(crate) fn requests_after(&self, number: u64) -> impl DoubleEndedIterator<Item = &Arc<SeenRequest>> {
        self.requests.range(number.saturating_add(1)..).map(|(_, request)| request)
    }

    pub(crate) fn requests(&self) -> Vec<SeenRequest> {
        self.requests.values().map(|request| SeenRequest::clone(request)).collect()
    }

    /// Nobody may be listening, which is no error.
    fn tell(&self, change: Change) {
        let _ = self.changes.send(change);
    }
}
