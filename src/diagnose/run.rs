//! The order of things: what is looked at here, what the gateway is asked, and what is said of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ask::{Asked, Asker};
use super::check::{Check, Diagnosis};
use super::watch::{Exchanges, Watched};
use super::{account, message, network, number, text};
use crate::client::Client;
use crate::core::Core;
use crate::error::Error;
use crate::ids::{MessageId, SenderIdError};
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

pub(super) async fn run(found: Found, questions: Questions) -> Diagnosis {
    let Found { core, credentials, sender_id } = found;
    let core = match core {
        Ok(core) => core,
        Err(error) => return without_a_client(&error, &questions),
    };
    let _under_way = core.under_way.begin();
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

    let exchanges = exchanges.list();
    let pages = questions.message.as_deref().and_then(text::pages_of);
    let mut checks = vec![
        network::client(&core),
        network::pace(&core, &asker),
        name,
        network::proxy(&core),
        network::connection(&core, &asker, exchanges.first()),
        network::certificate(&core, &asker, exchanges.first()),
        network::gateway(&asker),
        network::clock(&exchanges),
        account::credentials(&core, credentials.as_ref(), &asker),
        account::test_mode(core.messages.test_mode),
        account::sender_id(&core.messages.sender_id, sender_id, &senders),
        account::balance(&balance, core.cached.threshold(), pages),
        account::countries(&coverage),
    ];
    if let Some(number) = &number {
        checks.push(number::number(number, questions.show_numbers));
        checks.push(number::country(number, &coverage));
        checks.push(number::route(number, &validation));
    }
    if let Some(message) = &questions.message {
        checks.extend(text::checks(message));
    }
    if let Some((status, reports)) = &followed {
        checks.push(message::message(status));
        checks.push(message::report(reports, questions.show_numbers));
    }
    Diagnosis::new(checks, exchanges.len())
}

/// What can be looked at without a client.
fn without_a_client(error: &Error, questions: &Questions) -> Diagnosis {
    const WHY: &str = "no client can be made of these settings";
    let mut checks = vec![Check::failed("client", format!("{error:#}"), error.action())];
    let names = [
        "pace",
        "name",
        "proxy",
        "connection",
        "certificate",
        "gateway",
        "clock",
        "credentials",
        "test_mode",
        "sender_id",
        "balance",
        "countries",
    ];
    checks.extend(names.map(|name| Check::skipped(name, WHY)));
    if let Some(text) = &questions.number {
        let number = PhoneNumber::parse_with(text, PhoneRules::default());
        checks.push(number::number(&number, questions.show_numbers));
        checks.extend(["country", "route"].map(|name| Check::skipped(name, WHY)));
    }
    if let Some(message) = &questions.message {
        checks.extend(text::checks(message));
    }
    if questions.message_id.is_some() {
        checks.extend(["message", "report"].map(|name| Check::skipped(name, WHY)));
    }
    Diagnosis::new(checks, 0)
}
