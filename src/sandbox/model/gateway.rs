//! The model: a request and the time in, an answer out. No I/O and no clock of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::account::{Account, MAX_USER, Maker};
use super::endpoints::{self, endpoint_of};
use super::exchange::{Answer, Call, MAX_BODY, Outcome};
use super::faults::{Fault, Kind, Script};
use super::history::History;
use super::masked::{cut, masked};
use super::message::{Message, MessageState};
use super::posted::{Posted, negotiate};
use super::problems::problems;
use super::reply::{Code, Payload, Protocol, Reply};
use super::request::{SeenRequest, SentReply, Unsent};
use super::send;
use super::settings::Settings;
use super::traffic::Traffic;

/// So much of an answer is kept; the gateway's own are far shorter.
const KEPT_REPLY: usize = 4 * 1024;
/// So many accounts that requests made are remembered.
const MAX_BY_REQUEST: usize = 10_000;
/// So many that the inbox's API made: it gives each up to about 50 KB of words and sender ids.
pub(crate) const MAX_BY_API: usize = 1_000;
/// So many numbers are waited for before those of forgotten messages are forgotten too.
const MAX_WAITERS: usize = 10_000;

pub(crate) struct Gateway {
    pub(crate) settings: Settings,
    pub(crate) faults: Script,
    pub(crate) history: History,
    pub(crate) traffic: Traffic,
    pub(crate) accounts: HashMap<String, Account>,
    /// Up to which message whoever waits for a number (of a user) has been served.
    pub(crate) handed_out: HashMap<(Option<String>, String), u64>,
    seed: u64,
    ids: u64,
}

impl Gateway {
    /// A gateway; the seed makes its message ids differ from another's.
    pub(crate) fn new(settings: Settings, seed: u64) -> Self {
        Self {
            history: History::new(settings.history),
            settings,
            faults: Script::default(),
            traffic: Traffic::default(),
            accounts: HashMap::new(),
            handed_out: HashMap::new(),
            seed,
            ids: 0,
        }
    }

    /// Takes a request that arrived at `now`, at the wall time `unix_ms` in milliseconds.
    pub(crate) fn answer(&mut self, call: &Call<'_>, now: Instant, unix_ms: u64) -> Answer {
        if self.traffic.arrive(call.source, now, unix_ms, self.settings.firewall) {
            return Answer { after: Duration::ZERO, outcome: Outcome::Silence };
        }
        let posted = if call.body.len() > MAX_BODY {
            Posted::default()
        } else {
            Posted::read(call.content_type, call.body)
        };
        let endpoint = endpoint_of(call.path);
        let user = posted.text("username").unwrap_or_default();
        let fault = self.faults.take(endpoint.unwrap_or_default(), user);
        let fault = fault.unwrap_or_else(|| Fault::delay(Duration::ZERO));
        if matches!(fault.kind, Kind::Refuse) {
            return Answer { after: fault.after, outcome: Outcome::Refused };
        }

        let protocol = negotiate(call.content_type, call.accept);
        let processed = fault.process;
        let name = (!fault.is_none()).then_some(fault.label);
        let mut accepted = None;
        let worked =
            processed.then(|| self.work(call, endpoint, &posted, protocol, now, unix_ms, &mut accepted));
        let outcome = self.outcome(fault.kind, worked, protocol);
        let (status, code) = match &outcome {
            Outcome::Reply(reply) | Outcome::Slow(reply, _) => {
                (Some(reply.status), reply.code.as_deref().map(str::to_owned))
            }
            _ => (None, None),
        };
        let good = status == Some(200) && code.is_none();
        let refused = accepted.is_none() && (!good || endpoint == Some("send"));
        let seen = SeenRequest {
            number: 0, // given by the history
            endpoint: endpoint.map_or_else(|| cut(call.path, 100), str::to_owned),
            user: cut(user, 4 * MAX_USER),
            at: now,
            unix_ms,
            processed,
            status,
            code,
            numbers: posted.numbers(),
            message: accepted.as_ref().map(|message| message.id.clone()),
            unsent: refused.then(|| Unsent::of(&posted)),
            problems: if refused && processed { problems(call, &posted) } else { Vec::new() },
            request: masked(call).into(),
            told: Arc::new(sent_reply(&outcome, name)),
        };
        if let Some(mut message) = accepted {
            message.request_number = self.history.seen() + 1;
            (message.request, message.told) = (seen.request.clone(), seen.told.clone());
            let forgotten = self.history.accept(message);
            self.release(&forgotten);
        }
        self.history.see(seen);
        Answer { after: self.settings.latency.saturating_add(fault.after), outcome }
    }

    /// What a fault makes of the gateway's own answer; there is one if the fault let the gateway work.
    fn outcome(&self, kind: Kind, worked: Option<Reply>, protocol: Protocol) -> Outcome {
        let own = || worked.unwrap_or_else(|| Reply::html(500, "Internal Server Error"));
        match kind {
            Kind::Delay => Outcome::Reply(own()),
            Kind::Code { code, status } => {
                let status = status.unwrap_or_else(|| self.settings.status_of(&code));
                Outcome::Reply(Reply::error(protocol, status, code))
            }
            Kind::Reply(reply) => Outcome::Reply(reply),
            Kind::Drop => Outcome::Cut,
            Kind::Truncate(keep) => {
                let reply = own();
                let keep = keep.min(reply.body.len().saturating_sub(1));
                Outcome::Truncated(reply, keep)
            }
            Kind::SlowBody(over) => Outcome::Slow(own(), over),
            Kind::Refuse => Outcome::Refused,
        }
    }

    /// The gateway's own answer; a message that it accepts is left in `accepted`.
    #[allow(clippy::too_many_arguments)]
    fn work(
        &mut self,
        call: &Call<'_>,
        endpoint: Option<&'static str>,
        posted: &Posted,
        protocol: Protocol,
        now: Instant,
        unix_ms: u64,
        accepted: &mut Option<Message>,
    ) -> Reply {
        let Some(endpoint) = endpoint else {
            // Without the slash: nowhere recorded. A redirect is what web servers do, and it must not be followed.
            if endpoint_of(&format!("{}/", call.path)).is_some() {
                let mut reply = Reply::html(301, "Moved Permanently");
                reply.location = Some(format!("{}/", call.path));
                return reply;
            }
            return Reply::html(404, "Not Found");
        };
        // The real gateway still answers GET, undocumented and with the password in its logs; this one does not.
        if call.method != "POST" {
            return Reply::html(405, "Method Not Allowed");
        }
        if call.body.len() > MAX_BODY {
            return Reply::html(413, "Request Entity Too Large");
        }
        match self.endpoint(endpoint, posted, now, unix_ms, accepted) {
            Ok(payload) => Reply::ok(protocol, &payload, self.settings.credit_style),
            Err(code) => Reply::error(protocol, self.settings.status_of(&code), code),
        }
    }

    fn endpoint(
        &mut self,
        endpoint: &str,
        posted: &Posted,
        now: Instant,
        unix_ms: u64,
        accepted: &mut Option<Message>,
    ) -> Result<Payload, Code> {
        let user = self.log_in(posted)?.to_owned();
        let id = self.next_id();
        let Self { settings, history, accounts, .. } = self;
        let account = accounts.entry(user.clone()).or_insert_with(Account::new);
        account.settle(now, settings, history);
        match endpoint {
            "balance" => Ok(endpoints::balance(account)),
            "senderid" => Ok(endpoints::sender_ids(account)),
            "coverage" => endpoints::coverage(account),
            "validate" => endpoints::validate(account, posted, settings.long_mobile.as_deref()),
            "status" => endpoints::status(&user, posted, history),
            "dlr" => endpoints::dlr(&user, posted, history, now),
            _ => {
                let message = send::send(account, &user, posted, settings, id, now, unix_ms)?;
                let payload = Payload::Send {
                    id: message.id.clone(),
                    numbers: message.numbers.len(),
                    points: message.points,
                    balance: account.available,
                    unix: unix_ms / 1000,
                };
                *accepted = Some(message);
                Ok(payload)
            }
        }
    }

    /// The account that the credentials open. Lengths and alphabets of the document (15 and 30 characters,
    /// alphanumeric) are not held: what the gateway says to longer ones is unknown.
    fn log_in<'p>(&mut self, posted: &'p Posted) -> Result<&'p str, Code> {
        let field = |key| posted.text(key).filter(|value| !value.is_empty());
        let (Some(user), Some(password)) = (field("username"), field("password")) else {
            return Err("ERR002".into());
        };
        if user.chars().count() > MAX_USER {
            return Err("ERR003".into());
        }
        if self.settings.known_accounts_only && !self.accounts.contains_key(user) {
            return Err("ERR003".into());
        }
        let account = self.account(user, Maker::Request);
        if account.password.as_deref().is_some_and(|own| own != password) {
            return Err("ERR003".into());
        }
        match &account.blocked {
            Some(code) => Err(code.clone().into()),
            None => Ok(user),
        }
    }

    /// The account of this name, made if there is none. When too many were made in the same way, the one of them that
    /// was idle longest is forgotten, unless the owner made it.
    pub(crate) fn account(&mut self, user: &str, made: Maker) -> &mut Account {
        let before = self.accounts.get(user).map(|account| account.made);
        if before.is_none_or(|before| before < made) {
            self.make_room(made);
        }
        let account = self.accounts.entry(user.to_owned()).or_insert_with(Account::new);
        account.made = account.made.max(made);
        account.used = self.traffic.requests;
        account
    }

    fn make_room(&mut self, made: Maker) {
        let most = match made {
            Maker::Request => MAX_BY_REQUEST,
            Maker::Api => MAX_BY_API,
            Maker::Owner => return,
        };
        if self.accounts.len() < most {
            return;
        }
        let alike = || self.accounts.iter().filter(|(_, account)| account.made == made);
        if alike().count() >= most
            && let Some((idle, _)) = alike().min_by_key(|(_, account)| account.used)
        {
            let idle = idle.clone();
            self.accounts.remove(&idle);
        }
    }

    /// Takes stuck messages that the history does not hold any more off their queues: nobody could delete them. Their credits stay
    /// held.
    fn release(&mut self, gone: &[Arc<Message>]) {
        for message in gone.iter().filter(|message| message.state == MessageState::Stuck) {
            if let Some(account) = self.accounts.get_mut(&message.user) {
                account.release(message.numbers.len());
            }
        }
    }

    /// Takes the messages that match out of the inbox, and says how many they were.
    pub(crate) fn clear(&mut self, matches: impl Fn(&Message) -> bool) -> usize {
        let gone = self.history.clear(matches);
        self.release(&gone);
        gone.len()
    }

    /// Remembers that whoever waits for a number (of a user) was given this message.
    pub(crate) fn hand_out(&mut self, waiter: (Option<String>, String), seq: u64) {
        if self.handed_out.len() >= MAX_WAITERS {
            // Without the messages themselves there is nothing to hand out twice.
            let first = self.history.after(0).next().map_or(seq, |message| message.seq);
            self.handed_out.retain(|_, seq| *seq >= first);
        }
        self.handed_out.insert(waiter, seq);
    }

    /// Brings every queue and every delivery report up to `now`.
    pub(crate) fn settle(&mut self, now: Instant) {
        for account in self.accounts.values_mut() {
            account.settle(now, &self.settings, &mut self.history);
        }
        self.history.deliver(now);
    }

    /// Deletes a message from the queue of whoever sent it; the credits given back, if it was there.
    pub(crate) fn delete(&mut self, id: &str, now: Instant) -> Option<u64> {
        self.settle(now);
        let stuck = self.history.message(id).filter(|message| message.state == MessageState::Stuck).cloned();
        let back = if let Some(message) = stuck {
            let account = self.accounts.get_mut(&message.user)?;
            account.release(message.numbers.len());
            account.give_back(message.points);
            message.points
        } else {
            self.accounts.values_mut().find_map(|account| account.delete(id))?
        };
        self.history.set_state(id, MessageState::Deleted);
        Some(back)
    }

    pub(crate) fn messages(&mut self, now: Instant) -> Vec<Message> {
        self.settle(now);
        self.history.messages()
    }

    /// 32 lower-case hex digits: a counter, mixed. The first half alone never repeats, since the mixing can be undone.
    pub(crate) fn next_id(&mut self) -> String {
        self.ids += 1;
        let first = mix(self.seed.wrapping_add(self.ids));
        format!("{first:016x}{:016x}", mix(first ^ self.seed.rotate_left(32)))
    }
}

/// What the client hears, for the record.
fn sent_reply(outcome: &Outcome, fault: Option<&'static str>) -> SentReply {
    let (status, body) = match outcome {
        Outcome::Reply(reply) | Outcome::Slow(reply, _) => (Some(reply.status), &reply.body[..]),
        Outcome::Truncated(reply, keep) => (Some(reply.status), &reply.body[..*keep]),
        Outcome::Cut | Outcome::Refused | Outcome::Silence => (None, &[][..]),
    };
    SentReply { status, body: cut(&String::from_utf8_lossy(body), KEPT_REPLY), fault }
}

/// The finaliser of SplitMix64, a bijection.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
