//! The order of things: what is looked at here, what the gateway is asked, and what is said of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ask::{Asked, Asker};
use super::check::{Check, Diagnosis};
use super::guards::Held;
use super::watch::{Exchange, Exchanges, Watched};
use super::{account, guards, message, names, network, number, text};
use crate::balance::Balance;
use crate::client::Client;
use crate::clock::before;
use crate::core::Core;
use crate::endpoint::{Coverage, DeliveryReport, Listed, MessageStatus, Validation};
use crate::error::Error;
use crate::guard::Spent;
use crate::ids::{MessageId, SenderId, SenderIdError};
use crate::phone::{PhoneNumber, PhoneRules};
use crate::transport::Endpoint;

/// What is known before anything is asked.
pub(super) struct Found {
    /// Or why no client can be made.
    pub(super) core: Result<Arc<Core>, Error>,
    /// Why the credentials are not tried.
    pub(super) credentials: Option<Error>,
    /// Why the sender id is none.
    pub(super) sender_id: Option<SenderIdError>,
}

/// What is to be looked at.
#[derive(Default)]
pub(super) struct Questions {
    pub(super) number: Option<String>,
    pub(super) message: Option<String>,
    pub(super) message_id: Option<MessageId>,
    pub(super) show_numbers: bool,
    pub(super) deadline: Option<Duration>,
}

/// What was looked at and answered.
struct Seen {
    core: Arc<Core>,
    credentials: Option<Error>,
    sender_id: Option<SenderIdError>,
    name: Check,
    asker: Asker,
    exchanges: Vec<Exchange>,
    balance: Asked<Balance>,
    senders: Asked<Listed<SenderId>>,
    coverage: Asked<Coverage>,
    validation: Asked<Validation>,
    followed: Option<(Asked<MessageStatus>, Asked<Listed<DeliveryReport>>)>,
    spent: Option<Result<Spent, Error>>,
}

pub(super) async fn run(found: Found, questions: Questions) -> Diagnosis {
    let Found { core, credentials, sender_id } = found;
    let seen = match core {
        Ok(core) => Ok(look(core, credentials, sender_id, &questions).await),
        Err(error) => Err(error),
    };
    let requests = seen.as_ref().map_or(0, |seen| seen.exchanges.len());
    Diagnosis::new(checks(seen.as_ref(), &questions), requests)
}

async fn look(
    core: Arc<Core>,
    credentials: Option<Error>,
    sender_id: Option<SenderIdError>,
    questions: &Questions,
) -> Seen {
    let under_way = core.under_way.begin();
    let number = questions.number.as_deref().map(|text| PhoneNumber::parse_with(text, core.phone_rules));
    let exchanges = Exchanges::default();
    let watched = Watched { transport: Arc::clone(&core.transport), exchanges: exchanges.clone() };
    let client = Client { core: Arc::new(core.querying_through(Arc::new(watched))) };

    let until = questions.deadline.and_then(|deadline| Instant::now().checked_add(deadline));
    let (name, stop) = network::name(&core, until).await;
    let mut asker = Asker { until, stop, ..Asker::default() };
    let order = core.cached.next();
    let balance = asker.ask(Endpoint::Balance, client.balance()).await;
    if let Asked::Answered(balance) = &balance
        && let Some(raw) = balance.raw()
    {
        core.cached.learn(order, raw);
    }
    let senders = asker.ask(Endpoint::SenderId, client.sender_ids()).await;
    let coverage = asker.ask(Endpoint::Coverage, client.coverage()).await;
    let validation = match &number {
        Some(Ok(number)) => asker.ask(Endpoint::Validate, client.validate(*number)).await,
        _ => Asked::Not("not asked, since it is no number".to_owned()),
    };
    let followed = match &questions.message_id {
        Some(id) => Some((
            asker.ask(Endpoint::Status, client.status(id)).await,
            asker.ask(Endpoint::Dlr, client.dlr(id)).await,
        )),
        None => None,
    };
    let spent = match core.guards.spending() {
        Some(spending) => before(until, spending.spent()).await,
        None => None,
    };
    drop(under_way);
    let exchanges = exchanges.list();
    Seen {
        core,
        credentials,
        sender_id,
        name,
        asker,
        exchanges,
        balance,
        senders,
        coverage,
        validation,
        followed,
        spent,
    }
}

/// The checks in their order; where no client can be made, those that need none, and the others skipped.
fn checks(seen: Result<&Seen, &Error>, questions: &Questions) -> Vec<Check> {
    let of = |name, look: &dyn Fn(&Seen) -> Check| match seen {
        Ok(seen) => look(seen),
        Err(_) => Check::skipped(name, "no client can be made of these settings"),
    };
    let first = |seen: &Seen| seen.exchanges.first().cloned();
    let rules = seen.map_or(PhoneRules::default(), |seen| seen.core.phone_rules);
    let number = questions.number.as_deref().map(|text| PhoneNumber::parse_with(text, rules));
    let pages = questions.message.as_deref().and_then(text::pages_of);
    let mut checks = vec![
        match seen {
            Ok(seen) => network::client(&seen.core),
            Err(error) => Check::failed(names::CLIENT, format!("{error:#}"), error.action()),
        },
        of(names::PACE, &|seen| network::pace(&seen.core, &seen.asker)),
        of(names::NAME, &|seen| seen.name.clone()),
        of(names::PROXY, &|seen| network::proxy(&seen.core)),
        of(names::CONNECTION, &|seen| network::connection(&seen.core, &seen.asker, first(seen).as_ref())),
        of(names::CERTIFICATE, &|seen| network::certificate(&seen.core, &seen.asker, first(seen).as_ref())),
        of(names::GATEWAY, &|seen| network::gateway(&seen.asker)),
        of(names::CLOCK, &|seen| network::clock(&seen.exchanges)),
        of(names::CREDENTIALS, &|seen| {
            account::credentials(&seen.core, seen.credentials.as_ref(), &seen.asker)
        }),
        of(names::TEST_MODE, &|seen| account::test_mode(seen.core.messages.test_mode)),
        of(names::SENDER_ID, &|seen| {
            account::sender_id(&seen.core.messages.sender_id, seen.sender_id, &seen.senders)
        }),
        of(names::BALANCE, &|seen| account::balance(&seen.balance, seen.core.cached.threshold(), pages)),
        of(names::COUNTRIES, &|seen| account::countries(&seen.coverage)),
    ];
    if let Ok(seen) = seen {
        let held = Held {
            spent: seen.spent.as_ref(),
            balance: &seen.balance,
            number: number.as_ref(),
            pages: pages.unwrap_or(1),
            show_numbers: questions.show_numbers,
        };
        checks.extend(guards::checks(&seen.core, &held));
    }
    if let Some(number) = &number {
        checks.push(number::number(number, questions.show_numbers));
        checks.push(of(names::COUNTRY, &|seen| number::country(number, &seen.coverage)));
        checks.push(of(names::ROUTE, &|seen| number::route(number, &seen.validation)));
    }
    if let Some(message) = &questions.message {
        checks.extend(text::checks(message));
    }
    if questions.message_id.is_some() {
        checks.push(of(names::MESSAGE, &|seen| match &seen.followed {
            Some((status, _)) => message::message(status),
            None => Check::skipped(names::MESSAGE, "not asked"),
        }));
        checks.push(of(names::REPORT, &|seen| match &seen.followed {
            Some((_, reports)) => message::report(reports, questions.show_numbers),
            None => Check::skipped(names::REPORT, "not asked"),
        }));
    }
    checks
}
