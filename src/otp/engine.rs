//! A code is reserved, sent, settled, and compared once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;
use tracing::Instrument;
use zeroize::Zeroizing;

use super::caller::{Caller, Purpose};
use super::challenge::Ticket;
use super::code::Code;
use super::error::{StartError, VerifyError};
use super::events;
use super::keys::{Key, Mac, Ring, Use};
use super::limits::{Asked, Class, KEEP, LEAST_COOLDOWN, Limits, Scope};
use super::random::random;
use super::reply::{CodeDelivery, Started, Verified};
use super::store::{
    Attempt, Attempted, Change, Count, Full, OtpStore, Reserve, Reserved, Settle, StoreError, duration,
    millis,
};
use super::text::{Language, Texts};
use crate::client::Client;
use crate::clock::wall_now;
use crate::code::ApiCode;
use crate::credits::Credits;
use crate::error::{Delivery, Error, ErrorKind};
use crate::ids::SenderId;
use crate::phone::PhoneNumber;
use crate::report::Accepted;

/// What all clones share.
pub(super) struct Inner {
    pub(super) client: Client,
    pub(super) store: OtpStore,
    pub(super) ring: Ring,
    pub(super) namespace: String,
    pub(super) texts: Texts,
    pub(super) sender: SenderId,
    /// Digits, the longest first.
    pub(super) countries: Vec<String>,
    pub(super) limits: Limits,
    pub(super) digits: u32,
    pub(super) expiry: Duration,
    pub(super) attempts: u32,
    pub(super) another: Duration,
    pub(super) same_code: bool,
    pub(super) send_deadline: Duration,
    pub(super) without_addresses: bool,
    pub(super) test_numbers: HashMap<PhoneNumber, (Code, SystemTime)>,
    /// Messages whose outcome is still to be stored.
    pub(super) under_way: watch::Sender<usize>,
}

/// What is asked for.
#[derive(Clone)]
pub(super) enum Ask {
    /// A new challenge.
    Begin { number: String, purpose: Purpose, decoy: bool },
    /// Another message of one.
    Another { challenge: String },
}

/// How it is asked for.
#[derive(Clone)]
pub(super) struct Wishes {
    pub(super) caller: Caller,
    pub(super) language: Option<Language>,
    pub(super) android: Option<String>,
    pub(super) background: bool,
}

/// A message whose room is taken.
struct Sending {
    ticket: Ticket,
    country: String,
    serial: i64,
    counts: Vec<Count>,
    cost: Credits,
    /// Nothing where none is sent: for a decoy and a test number.
    text: Option<Zeroizing<String>>,
}

/// What became of it.
enum Outcome {
    Accepted { charged: Option<Credits> },
    Unknown,
    Failed(Error),
}

/// Counts a message as under way while it lives.
struct UnderWay(Arc<Inner>);

impl UnderWay {
    fn new(inner: &Arc<Inner>) -> Self {
        inner.under_way.send_modify(|messages| *messages += 1);
        Self(Arc::clone(inner))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|messages| *messages -= 1);
    }
}

/// What a challenge is bound to, besides its id.
fn binding(caller: &Caller) -> Vec<u8> {
    match &caller.session {
        None => vec![0],
        Some(session) => [&[1], session.as_bytes()].concat(),
    }
}

fn no_random() -> StartError {
    StartError::Store(StoreError::new("the operating system gave no random bytes"))
}

impl Inner {
    /// The digits by which a number's country is known, if it is one that codes are sent to.
    fn country(&self, number: PhoneNumber) -> Option<&str> {
        let digits = number.to_string();
        self.countries.iter().map(String::as_str).find(|country| digits.starts_with(country))
    }

    fn context(key: &Key, ticket: &Ticket, binding: &[u8]) -> Mac {
        let number = ticket.number.as_u64().to_be_bytes();
        key.mac(
            Use::Context,
            &[ticket.purpose.as_bytes(), &number, &ticket.id, &[ticket.lane as u8], binding],
        )
    }

    fn code_mac(key: &Key, ticket: &Ticket, binding: &[u8], code: &Code) -> Mac {
        let number = ticket.number.as_u64().to_be_bytes();
        key.mac(
            Use::Code,
            &[ticket.purpose.as_bytes(), &number, &ticket.id, binding, code.as_str().as_bytes()],
        )
    }

    /// The code that the next message of a challenge carries, and whether it is a test number's.
    fn code(&self, key: &Key, ticket: &Ticket) -> Result<(Code, bool), StartError> {
        if let Some((code, until)) = self.test_numbers.get(&ticket.number)
            && wall_now() < *until
        {
            return Ok((code.clone(), true));
        }
        let code = if self.same_code {
            let number = ticket.number.as_u64().to_be_bytes();
            Code::derive(key, &[&ticket.id, &number, ticket.purpose.as_bytes()], self.digits)
        } else {
            Code::draw(self.digits).map_err(|_| no_random())?
        };
        Ok((code, false))
    }

    pub(super) async fn ask(self: Arc<Self>, ask: Ask, wishes: Wishes) -> Result<Started, StartError> {
        let begins = matches!(ask, Ask::Begin { .. });
        let asked = self.reserve(ask, &wishes).await;
        let (sending, started) = match asked {
            Ok(reserved) => reserved,
            Err(error) => {
                events::refused(begins, &error);
                return Err(error);
            }
        };
        // In a task of its own: its outcome is stored also where nobody waits for the reply any more.
        let under_way = UnderWay::new(&self);
        let task = tokio::spawn(
            async move {
                let delivery = under_way.0.deliver(sending).await;
                drop(under_way);
                delivery
            }
            .in_current_span(),
        );
        if wishes.background {
            return Ok(started);
        }
        match task.await {
            Ok(delivery) => Ok(Started { delivery: delivery?, ..started }),
            // It panicked, or the runtime ends.
            Err(_) => Ok(Started { delivery: CodeDelivery::Unknown, ..started }),
        }
    }

    /// Checks what is asked for, takes the room for it and stores its code.
    async fn reserve(&self, ask: Ask, wishes: &Wishes) -> Result<(Sending, Started), StartError> {
        let caller = &wishes.caller;
        if caller.address.is_none() && !self.without_addresses {
            return Err(StartError::Failed(Error::input(
                "the caller has no address: give it with Caller::at(), or build the service without_addresses()",
            )));
        }
        let (ticket, key, begin) = match ask {
            Ask::Begin { number, purpose, decoy } => {
                let number = PhoneNumber::parse_with(&number, self.client.core.phone_rules)
                    .map_err(StartError::Number)?;
                if self.limits.human.is_always() && !caller.human {
                    return Err(StartError::NeedsHuman);
                }
                let language = wishes.language.unwrap_or_default();
                let ticket = Ticket::new(number, purpose.as_str(), caller.lane(), decoy, language);
                (ticket.map_err(|_| no_random())?, self.ring.current(), Some(self.attempts.into()))
            }
            Ask::Another { challenge } => {
                let (ticket, key) = Ticket::open(&challenge, &self.ring).ok_or(StartError::Ended)?;
                (ticket, key, None)
            }
        };
        let country = self.country(ticket.number).ok_or(StartError::Country)?.to_owned();
        let (code, is_test) = self.code(key, &ticket)?;
        let language = wishes.language.unwrap_or(ticket.language);
        let text =
            self.texts.write(language, &code, wishes.android.as_deref()).map_err(StartError::Failed)?;
        let binding = binding(caller);
        let cost = Credits::from_int(1); // one page, one credit; what is charged is corrected when it is known
        let counts = self.limits.counts(
            self.ring.current(),
            &Asked {
                number: ticket.number,
                country: &country,
                lane: ticket.lane,
                caller,
                begins: begin.is_some(),
                cost,
            },
        );
        let reserve = Reserve {
            id: ticket.id,
            context: Self::context(key, &ticket, &binding),
            // No code has this one: it is no HMAC of anything.
            code: if ticket.decoy {
                random().map_err(|_| no_random())?
            } else {
                Self::code_mac(key, &ticket, &binding, &code)
            },
            begin,
            counts: counts.clone(),
            expiry_ms: millis(self.expiry),
            another_ms: millis(self.another),
            same_code: self.same_code,
            keep_ms: millis(KEEP),
        };
        match self.store.0.reserve(reserve).await.map_err(StartError::Store)? {
            Reserved::Ended => Err(StartError::Ended),
            Reserved::Limited { full } => Err(self.limited(&ticket, &country, &counts, &full)),
            Reserved::Taken { serial, expires_in_ms, attempts_left } => {
                let started = Started {
                    challenge: ticket.seal(key),
                    delivery: CodeDelivery::Pending,
                    expires_in: duration(expires_in_ms),
                    resend_in: self.limits.cooldown,
                    attempts_left: u32::try_from(attempts_left).unwrap_or_default(),
                    pages: 1,
                };
                let text = (!ticket.decoy && !is_test).then_some(Zeroizing::new(text));
                Ok((Sending { ticket, country, serial, counts, cost, text }, started))
            }
        }
    }

    /// Which of the limits without room to tell: what takes longest, and a proof that helps at once last.
    fn limited(&self, ticket: &Ticket, country: &str, counts: &[Count], full: &[Full]) -> StartError {
        let class = |full: &Full| counts.get(full.place).and_then(|count| Class::of(&count.key));
        let longest = full.iter().filter_map(|full| Some((class(full)?, full.retry_after_ms))).max_by_key(
            |(class, after)| (!matches!(class, Class::HumanNumber | Class::HumanAddress), *after),
        );
        let Some((class, after)) = longest else {
            return StartError::Store(StoreError::new("the store of codes named a limit that there is not"));
        };
        let retry_after = duration(after);
        let limited = |scope| StartError::Limited { scope, retry_after };
        if class == Class::Unverified {
            events::breaker(country, retry_after);
        }
        if class.is_budget() {
            events::budget(retry_after);
        }
        events::limited(class, ticket.number, retry_after);
        match class {
            Class::Failures => limited(Scope::Failures),
            Class::Cooldown => StartError::TooSoon(retry_after),
            Class::NumberHour | Class::NumberDay => limited(Scope::Number),
            Class::HumanNumber | Class::HumanAddress => StartError::NeedsHuman,
            Class::AddressHour => limited(Scope::Address),
            Class::PrefixHour => limited(Scope::Prefix),
            Class::CountryHour => limited(Scope::Country),
            Class::Unverified => limited(Scope::Breaker),
            Class::BudgetHour | Class::BudgetDay => StartError::Budget,
        }
    }

    /// Sends a message whose room is taken, and stores what became of it.
    async fn deliver(&self, sending: Sending) -> Result<CodeDelivery, StartError> {
        let outcome = match &sending.text {
            Some(text) => self.send(&sending, text).await,
            None => Outcome::Accepted { charged: None },
        };
        events::sent(
            &sending.ticket.purpose,
            &sending.country,
            sending.ticket.number,
            sending.text.is_none(),
            match &outcome {
                Outcome::Accepted { .. } => Ok("accepted"),
                Outcome::Unknown => Ok("unknown"),
                Outcome::Failed(error) => Err(error),
            },
        );
        let (accepted, changes, reply) = match outcome {
            Outcome::Unknown => return Ok(CodeDelivery::Unknown),
            Outcome::Accepted { charged } => {
                let changes = accepted_changes(&sending, charged);
                (true, changes, Ok(CodeDelivery::Accepted))
            }
            Outcome::Failed(error) => {
                let wait = same_number_wait(&error);
                let changes = failed_changes(&sending.counts, &error, wait);
                (false, changes, Err(wait.map_or(StartError::Failed(error), StartError::TooSoon)))
            }
        };
        let settle = Settle { id: sending.ticket.id, serial: sending.serial, accepted, changes };
        if let Err(error) = self.store.0.settle(settle).await {
            // As if the process had ended here: the outcome counts as unknown.
            events::store_failed("settle", &error);
        }
        reply
    }

    async fn send(&self, sending: &Sending, text: &str) -> Outcome {
        let call = self.client.send(sending.ticket.number, text).sender(self.sender.as_str());
        match call.deadline(self.send_deadline).await {
            Ok(report) => {
                let accepted = report.batches().first().and_then(|batch| batch.result().ok());
                Outcome::Accepted { charged: accepted.and_then(Accepted::points_charged) }
            }
            Err(error) if error.delivery() == Delivery::Unknown => Outcome::Unknown,
            Err(error) => Outcome::Failed(error),
        }
    }

    pub(super) async fn verify(
        &self,
        challenge: &str,
        purpose: Purpose,
        typed: &str,
        caller: &Caller,
    ) -> Result<Verified, VerifyError> {
        let code = Code::read(typed, self.digits).ok_or(VerifyError::Malformed)?;
        let (ticket, key) = Ticket::open(challenge, &self.ring).ok_or(VerifyError::NotFound)?;
        if ticket.purpose != purpose.as_str() {
            return Err(VerifyError::NotFound);
        }
        let country = self.country(ticket.number).ok_or(VerifyError::NotFound)?;
        let binding = binding(caller);
        let attempt = Attempt {
            id: ticket.id,
            context: Self::context(key, &ticket, &binding),
            code: Self::code_mac(key, &ticket, &binding, &code),
            failures: self.limits.failures(self.ring.current(), ticket.number, ticket.lane),
            unverified: Limits::unverified(self.ring.current(), country),
        };
        let left = |left: i64| u32::try_from(left).unwrap_or_default();
        match self.store.0.attempt(attempt).await.map_err(VerifyError::Store)? {
            Attempted::Right => Ok(Verified::new(ticket.number, purpose)),
            Attempted::Wrong { left: rest } => Err(VerifyError::Wrong { left: left(rest) }),
            Attempted::Superseded { left: rest } => Err(VerifyError::Superseded { left: left(rest) }),
            Attempted::Spent => Err(VerifyError::Spent),
            Attempted::Expired => Err(VerifyError::Expired),
            Attempted::Used => Err(VerifyError::Used),
            Attempted::NotFound => Err(VerifyError::NotFound),
            Attempted::Limited { retry_after_ms } => Err(VerifyError::Limited(duration(retry_after_ms))),
        }
    }
}

/// What the budget is corrected by when it is known what a message cost. What was sent to nobody cost nothing, and is
/// no message that somebody failed to verify.
fn accepted_changes(sending: &Sending, charged: Option<Credits>) -> Vec<Change> {
    let unsent = sending.text.is_none();
    let give_back = if unsent {
        sending.cost.thousandths()
    } else {
        // A reply that names less than a credit frees no room: the budget bounds messages, too.
        charged.map_or(0, |charged| (sending.cost - charged).thousandths().min(0))
    };
    let change = |count: &Count| {
        let give_back = match Class::of(&count.key)? {
            Class::BudgetHour | Class::BudgetDay => give_back,
            Class::Unverified if unsent => count.cost,
            _ => 0,
        };
        (give_back != 0).then_some(Change { key: count.key, give_back, ends_in_ms: None })
    };
    sending.counts.iter().filter_map(change).collect()
}

/// How long the number rests where the gateway, or the client's own memory, says that it had a message just now.
fn same_number_wait(error: &Error) -> Option<Duration> {
    let same_number = error.kind() == ErrorKind::RecentNumber || error.code() == Some(&ApiCode::ERR028);
    same_number.then(|| error.retry_after().unwrap_or(LEAST_COOLDOWN))
}

/// What is given back of a message that was not sent. Whose number the gateway takes for none keeps paying with their
/// address: it may be somebody who tries out numbers.
fn failed_changes(counts: &[Count], error: &Error, wait: Option<Duration>) -> Vec<Change> {
    let number_refused =
        [ApiCode::ERR006, ApiCode::ERR025, ApiCode::ERR026].iter().any(|code| error.code() == Some(code));
    let change = |count: &Count| {
        let key = count.key;
        match Class::of(&key)? {
            Class::Failures => None,
            Class::Cooldown if wait.is_some() => {
                Some(Change { key, give_back: 0, ends_in_ms: wait.map(millis) })
            }
            Class::HumanAddress | Class::AddressHour | Class::PrefixHour if number_refused => None,
            _ => Some(Change { key, give_back: count.cost, ends_in_ms: None }),
        }
    };
    counts.iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::super::caller::Lane;
    use super::super::keys::OtpKeys;
    use super::*;

    #[test]
    fn the_hmac_of_a_code_is_over_purpose_number_challenge_session_and_code() {
        let ring = OtpKeys::random().check("test").unwrap();
        let (number, other) = (PhoneNumber::parse("96598765432"), PhoneNumber::parse("96551112222"));
        let ticket = Ticket::new(number.unwrap(), "login", Lane::Stranger, false, Language::English).unwrap();
        let code = |text| Code::read(text, 6).unwrap();
        let mac = |ticket: &Ticket, session: &[u8], typed| {
            Inner::code_mac(ring.current(), ticket, session, &code(typed))
        };
        let whole = mac(&ticket, b"session", "123456");
        assert_eq!(whole, mac(&ticket, b"session", "123456"), "the same each time");
        for (what, changed) in [
            ("challenge", mac(&Ticket { id: [7; 16], ..ticket.clone() }, b"session", "123456")),
            ("number", mac(&Ticket { number: other.unwrap(), ..ticket.clone() }, b"session", "123456")),
            ("purpose", mac(&Ticket { purpose: "pay".to_owned(), ..ticket.clone() }, b"session", "123456")),
            ("session", mac(&ticket, b"another", "123456")),
            ("code", mac(&ticket, b"session", "123457")),
        ] {
            assert_ne!(whole, changed, "{what}");
        }
    }
}
