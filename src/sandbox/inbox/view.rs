//! What the model holds, in the JSON of the API.

use serde::Serialize;
use tokio::time::Instant;

use crate::code::ApiCode;
use crate::sandbox::model::gateway::Gateway;
use crate::sandbox::model::message::{Message, MessageState};
use crate::sandbox::model::request::{SeenRequest, SentReply};
use crate::sandbox::model::rules::{self, Encoding, Place};
use crate::sandbox::model::traffic::CEILING;
use crate::sandbox::shared::Shared;

/// So many characters are listed.
const LISTED: usize = 50;

#[derive(Serialize)]
pub(super) struct MessageView<'a> {
    pub(super) seq: u64,
    id: &'a str,
    pub(super) user: &'a str,
    pub(super) sender_asked: &'a str,
    pub(super) sender: &'a str,
    to: &'a [String],
    dropped: Vec<DroppedView<'a>>,
    text: &'a str,
    phone: Phone,
    pub(super) encoding: &'static str,
    characters: usize,
    pages: usize,
    forced_ucs2: Vec<Character>,
    stuck: Option<Stuck>,
    points: u64,
    test: bool,
    pub(super) state: &'static str,
    pub(super) otp: Option<&'a str>,
    at: u64,
    request_number: u64,
    request: &'a str,
    reply: Reply<'a>,
}

#[derive(Serialize)]
struct DroppedView<'a> {
    number: &'a str,
    why: &'static str,
}

#[derive(Serialize)]
struct Phone {
    text: String,
    arrives: bool,
}

#[derive(Serialize)]
struct Stuck {
    why: &'static str,
    characters: Vec<Character>,
}

#[derive(Serialize)]
struct Character {
    character: char,
    code: String,
    position: usize,
    utf16: usize,
}

#[derive(Serialize)]
struct Reply<'a> {
    status: Option<u16>,
    body: &'a str,
    fault: Option<&'static str>,
}

impl<'a> From<&'a SentReply> for Reply<'a> {
    fn from(told: &'a SentReply) -> Self {
        Self { status: told.status, body: &told.body, fault: told.fault }
    }
}

impl<'a> From<&'a Message> for MessageView<'a> {
    fn from(message: &'a Message) -> Self {
        let emoji = rules::emoji(&message.text);
        let stays = message.test || !emoji.is_empty();
        Self {
            seq: message.seq,
            id: &message.id,
            user: &message.user,
            sender_asked: &message.asked_sender,
            sender: &message.sender,
            to: &message.numbers,
            dropped: message
                .dropped
                .iter()
                .map(|dropped| DroppedView { number: &dropped.number, why: dropped.why })
                .collect(),
            text: &message.text,
            phone: Phone { text: message.on_a_phone(), arrives: !stays },
            encoding: match message.encoding {
                Encoding::Gsm7 => "GSM-7",
                Encoding::Ucs2 => "UCS-2",
            },
            characters: message.text.chars().count(),
            pages: message.pages,
            forced_ucs2: characters(&rules::forces_ucs2(&message.text)),
            stuck: stays.then(|| Stuck {
                why: if emoji.is_empty() { "test" } else { "emoji" },
                characters: characters(&emoji),
            }),
            points: message.points,
            test: message.test,
            state: state(message.state),
            otp: message.otp(),
            at: message.unix_ms,
            request_number: message.request_number,
            request: &message.request,
            reply: Reply::from(&*message.told),
        }
    }
}

fn characters(places: &[Place]) -> Vec<Character> {
    places
        .iter()
        .take(LISTED)
        .map(|place| Character {
            character: place.character,
            code: format!("U+{:04X}", u32::from(place.character)),
            position: place.position,
            utf16: place.utf16,
        })
        .collect()
}

fn state(state: MessageState) -> &'static str {
    match state {
        MessageState::Queued => "queued",
        MessageState::Stuck => "stuck",
        MessageState::Sent => "sent",
        MessageState::Delivered => "delivered",
        MessageState::Deleted => "deleted",
    }
}

/// What was asked of the gateway, what it said, and for what was refused what to do.
#[derive(Serialize)]
pub(super) struct RequestView<'a> {
    number: u64,
    at: u64,
    endpoint: &'a str,
    user: &'a str,
    numbers: usize,
    processed: bool,
    refused: bool,
    status: Option<u16>,
    code: Option<&'a str>,
    meaning: Option<&'static str>,
    action: Option<&'static str>,
    problems: &'a [String],
    message: Option<&'a str>,
    sender_asked: Option<&'a str>,
    to: Vec<&'a str>,
    text: Option<&'a str>,
    request: &'a str,
    reply: Reply<'a>,
}

impl<'a> From<&'a SeenRequest> for RequestView<'a> {
    fn from(request: &'a SeenRequest) -> Self {
        let known = request.code.as_deref().and_then(known);
        let unsent = request.unsent.as_ref();
        Self {
            number: request.number,
            at: request.unix_ms,
            endpoint: &request.endpoint,
            user: &request.user,
            numbers: request.numbers,
            processed: request.processed,
            refused: request.is_refused(),
            status: request.status,
            code: request.code.as_deref(),
            meaning: known.as_ref().map(ApiCode::meaning),
            action: known.as_ref().map(ApiCode::action),
            problems: &request.problems,
            message: request.message.as_deref(),
            sender_asked: unsent.and_then(|unsent| unsent.sender.as_deref()),
            to: unsent.map(|unsent| unsent.numbers().collect()).unwrap_or_default(),
            text: unsent.and_then(|unsent| unsent.text.as_deref()),
            request: &request.request,
            reply: Reply::from(&*request.told),
        }
    }
}

/// A code of the table, as it is written there; none for a code that is not in it.
pub(super) fn known(code: &str) -> Option<ApiCode> {
    ApiCode::known().find(|known| known.as_str() == code)
}

#[derive(Serialize)]
pub(super) struct Stats {
    ceiling: usize,
    at: u64,
    seconds: Vec<SecondView>,
    requests: u64,
    accepted: u64,
    remembered: usize,
    forgotten: u64,
    swallowed: u64,
    pending_faults: usize,
}

#[derive(Serialize)]
struct SecondView {
    requests: u64,
    peak: u64,
}

impl Stats {
    pub(super) fn now(shared: &Shared) -> Self {
        let now = Instant::now();
        let at = shared.unix_ms(now);
        let mut gateway = shared.lock();
        // Whoever watches wants to see what leaves the queues meanwhile.
        gateway.settle(now);
        let Gateway { traffic, history, faults, .. } = &*gateway;
        let (remembered, accepted) = history.count();
        Self {
            ceiling: CEILING,
            at,
            seconds: traffic
                .last_seconds(at / 1000)
                .iter()
                .map(|second| SecondView { requests: second.requests, peak: second.peak })
                .collect(),
            requests: traffic.requests,
            accepted,
            remembered,
            forgotten: history.forgotten_messages,
            swallowed: traffic.swallowed,
            pending_faults: faults.pending(),
        }
    }
}
