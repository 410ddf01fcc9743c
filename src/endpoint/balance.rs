//! `balance/`: credentials in, credits out.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::time::Instant;

use crate::balance::Balance;
use crate::call::Query;
use crate::client::Client;
use crate::core::Core;
use crate::engine::{Answer, Call, ask};
use crate::error::Error;
use crate::limit::Lane;
use crate::retry::OnRetry;
use crate::transport::Endpoint;
use crate::wire::{RawReply, RequestBody};

impl Client {
    /// Checks the credentials by asking for the balance.
    ///
    /// # Errors
    ///
    /// Wrong credentials are an error with the code ERR003; see [`Error`] for the rest.
    pub fn verify(&self) -> Query<Balance> {
        self.balance()
    }

    /// Asks for the balance, in credits.
    ///
    /// Every send answers with the balance after it, so this need not be polled: see
    /// [`cached_balance`](Self::cached_balance).
    ///
    /// # Errors
    ///
    /// See [`Error`]; the gateway may answer ERR001 to ERR005 and ERR024.
    pub fn balance(&self) -> Query<Balance> {
        Query::new(&self.core, |core, options| async move {
            ask_while(core, Lane::Single, options.until(), options.on_retry).await
        })
    }

    /// The balance from the last reply to a verify, balance or send of this client or a clone; no request.
    pub fn cached_balance(&self) -> Option<Balance> {
        self.core.cached.get()
    }
}

/// Asks in a lane, as often as any reading call does.
pub(crate) fn ask_in(
    core: Arc<Core>,
    lane: Lane,
    deadline: Option<Instant>,
) -> impl Future<Output = Result<Balance, Error>> + Send {
    ask_while(core, lane, deadline, None)
}

/// Asks once, in the lane of a run that wants to know whether the gateway answers.
pub(crate) fn ask_once(
    core: Arc<Core>,
    lane: Lane,
    deadline: Option<Instant>,
) -> impl Future<Output = Result<Balance, Error>> + Send {
    ask_while(core, lane, deadline, Some(OnRetry::new(|_| ControlFlow::Break(()))))
}

fn ask_while(
    core: Arc<Core>,
    lane: Lane,
    deadline: Option<Instant>,
    on_retry: Option<OnRetry>,
) -> impl Future<Output = Result<Balance, Error>> + Send {
    let body = RequestBody::new(&core.credentials).finish();
    ask(core, Call { lane, deadline, on_retry, ..Call::reading(Endpoint::Balance, body) })
}

impl Answer for Balance {
    fn read(raw: &RawReply) -> Result<Self, Error> {
        Self::in_reply(raw)
            .ok_or_else(|| Error::bad_reply("the reply holds no readable balance", raw.clone()))
    }
}

#[cfg(test)]
mod tests {
    use crate::balance::Balance;
    use crate::credits::Credits;
    use crate::wire::tests::ok;

    #[test]
    fn credits_come_as_integers_floats_or_strings() {
        for body in [
            r#"{"result":"OK","available":150,"purchased":1000}"#,
            r#"{"result":"OK","available":150.0,"purchased":1000.00}"#,
            r#"{"result":"OK","available":"150.00","purchased":"1000"}"#,
        ] {
            let balance = Balance::in_reply(&ok(body)).unwrap();
            assert_eq!(balance.available(), Credits::from_int(150));
            assert_eq!(balance.purchased(), Some(Credits::from_int(1000)));
        }
        assert_eq!(Balance::in_reply(&ok(r#"{"result":"OK","available":0.5}"#)).unwrap().purchased(), None);
        assert!(Balance::in_reply(&ok(r#"{"result":"OK","balance":150}"#)).is_none());
    }
}
