//! From settings to a client: all checks, and the parts that clones will share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::builder::{ClientBuilder, Pace};
use super::handle::Client;
use crate::balance::Cached;
use crate::config::{self, BaseUrl};
use crate::core::{Core, Destination, Messages, UnderWay};
use crate::error::Error;
use crate::events;
#[cfg(feature = "quiet-hours")]
use crate::guard::QuietHours;
use crate::guard::{Guards, SpendLimit, Spending};
use crate::hints::Hints;
use crate::ids::SenderId;
use crate::limit::Limiter;
use crate::queue_gate::QueueGate;
use crate::recipients::only_to;
use crate::same_number::{DEFAULT_WAIT, SameNumberMemory};
use crate::transport::http::{KEPT, authority};
use crate::transport::{HttpTransport, Transport};
use crate::wire::Credentials;

impl ClientBuilder {
    /// Checks the settings and makes the client. No request is made.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, naming what is wrong: empty credentials, a control character in them (such as the line break at
    /// the end of a mounted secret), a sender id that cannot be, a base URL that is refused, rates above the ceiling,
    /// time-outs in the wrong order, a proxy of the environment that cannot be used, an `SSL_CERT_FILE` that is not
    /// there, no TLS in this build.
    pub fn build(self) -> Result<Client, Error> {
        match self.missing() {
            Some(error) => Err(error),
            None => self.assemble(),
        }
    }

    /// Why credentials are not even worth a try, if they are not.
    pub(crate) fn missing(&self) -> Option<Error> {
        let missing: Vec<_> =
            [("user name", self.username.trim().is_empty()), ("password", self.password.is_empty())]
                .into_iter()
                .filter_map(|(name, empty)| empty.then_some(name))
                .collect();
        let message = format!("the {} must not be empty", missing.join(" and the "));
        if !missing.is_empty() {
            return Some(Error::config(message));
        }
        let names = if self.from_environment {
            [config::USERNAME, config::PASSWORD]
        } else {
            ["the user name", "the password"]
        };
        let username = config::no_control_character(names[0], &self.username);
        let password = || self.password.check(|password| config::no_control_character(names[1], password));
        username.and_then(|()| password()).err()
    }

    /// Builds, with whatever credentials there are.
    pub(crate) fn assemble(self) -> Result<Client, Error> {
        let sender_id = SenderId::parse(&self.sender_id)
            .map_err(|error| Error::config_from("the sender id cannot be used", error))?;
        if self.timeout <= self.connect_timeout {
            return Err(Error::config(
                "the connect time-out must be shorter than the time-out of an attempt",
            ));
        }
        let mut hints = Hints::of(&self.username, &self.password);
        let (transport, destination): (Arc<dyn Transport>, _) = match self.transport {
            Some(transport) => (transport, None),
            None => {
                let base = config::base_url(&self.base_url, self.allow_http)?;
                hints.not_in_api = !base.ends_in_api();
                if base.is_in_clear() {
                    events::clear_text();
                }
                let host = authority(&base.url);
                #[cfg(feature = "diagnose")]
                let is_https = base.url.scheme() == "https";
                let kept = if matches!(self.pace, Pace::Unpaced) { usize::MAX } else { KEPT };
                let http = http(base, self.connect_timeout, self.native_tls, kept)?;
                let destination = Destination {
                    host,
                    #[cfg(feature = "diagnose")]
                    is_https,
                    proxy: http.proxy().cloned(),
                };
                (Arc::new(http), Some(destination))
            }
        };
        let limiter = match self.pace {
            Pace::Rates { single, bulk, max_waiting } => {
                Some(Limiter::with_max_waiting(single, bulk, max_waiting)?)
            }
            Pace::Shared(limiter) => Some(limiter),
            Pace::Both => {
                return Err(Error::config(
                    "another client's limiter has its own rates and queue: leave out rates() and max_waiting(), \
                     or both clients together would ask more than the gateway allows",
                ));
            }
            Pace::Unpaced if transport.is_local() => None,
            Pace::Unpaced => {
                return Err(Error::config(
                    "the limiter can be switched off only for a gateway on this machine: over 5 requests in a \
                     second, the real one's firewall blocks the address",
                ));
            }
        };
        let account = self.username.trim();
        let same_number = match (self.same_number_memory, self.same_number_wait) {
            (Some(memory), None) => memory,
            (None, wait) => numbers(&limiter, account, wait.unwrap_or(DEFAULT_WAIT)),
            (Some(_), Some(_)) => {
                return Err(Error::config(
                    "another client's memory of numbers has its own wait: leave out same_number_wait()",
                ));
            }
        };
        let queue = queue_gate(&limiter, account);
        let only_to = self.only_to.map(|numbers| only_to(&numbers, self.phone_rules)).transpose()?;
        let spend_limit = self.spend_limit.map(SpendLimit::check).transpose()?;
        let spending = spend_limit.map(|limit| spending(&limiter, account, limit));
        let guards = Guards::new(only_to.unwrap_or_default(), spending, self.balance_floor);
        #[cfg(feature = "quiet-hours")]
        let guards = {
            let quiet = self.quiet_hours.map(|(hours, zone)| QuietHours::new(&hours, &zone));
            guards.with_quiet_hours(quiet.transpose()?)
        };
        Ok(Client {
            core: Arc::new(Core {
                credentials: Credentials::new(self.username.trim(), &self.password),
                hints,
                transport,
                destination,
                limiter,
                attempt_timeout: self.timeout,
                cached: Cached::new(self.low_balance),
                under_way: UnderWay::default(),
                phone_rules: self.phone_rules,
                messages: Messages {
                    account: self.username.trim().into(),
                    same_number,
                    queue,
                    sender_id: Arc::new(sender_id),
                    test_mode: self.test_mode,
                    shared_sender_told: AtomicBool::new(false),
                },
                guards,
            }),
        })
    }
}

/// The memory of numbers: the account's, where the limiter shares a store, and else the client's own.
#[cfg(any(feature = "store", feature = "redis"))]
fn numbers(limiter: &Option<Limiter>, account: &str, wait: Duration) -> SameNumberMemory {
    use crate::same_number::StoredNumbers;

    match limiter.as_ref().and_then(Limiter::kept).filter(|_| !wait.is_zero()) {
        Some(kept) => {
            SameNumberMemory::shared(wait, Arc::new(StoredNumbers { kept, account: account.to_owned() }))
        }
        None => SameNumberMemory::new(wait),
    }
}

#[cfg(not(any(feature = "store", feature = "redis")))]
fn numbers(_: &Option<Limiter>, _: &str, wait: Duration) -> SameNumberMemory {
    SameNumberMemory::new(wait)
}

/// The gate of a full queue, likewise.
#[cfg(any(feature = "store", feature = "redis"))]
fn queue_gate(limiter: &Option<Limiter>, account: &str) -> QueueGate {
    use crate::queue_gate::StoredGate;

    match limiter.as_ref().and_then(Limiter::kept) {
        Some(kept) => QueueGate::shared(StoredGate { kept, account: account.to_owned() }),
        None => QueueGate::default(),
    }
}

#[cfg(not(any(feature = "store", feature = "redis")))]
fn queue_gate(_: &Option<Limiter>, _: &str) -> QueueGate {
    QueueGate::default()
}

/// What is spent, likewise.
#[cfg(any(feature = "store", feature = "redis"))]
fn spending(limiter: &Option<Limiter>, account: &str, limit: SpendLimit) -> Spending {
    use crate::guard::StoredSpending;

    match limiter.as_ref().and_then(Limiter::kept) {
        Some(kept) => Spending::stored(limit, StoredSpending { kept, account: account.to_owned() }),
        None => Spending::local(limit),
    }
}

#[cfg(not(any(feature = "store", feature = "redis")))]
fn spending(_: &Option<Limiter>, _: &str, limit: SpendLimit) -> Spending {
    Spending::local(limit)
}

fn http(base: BaseUrl, connect: Duration, native: bool, kept: usize) -> Result<HttpTransport, Error> {
    HttpTransport::open(base.url, base.local, connect, native, kept)
        .map_err(|error| Error::config_from("the connection to the gateway cannot be set up", error))
}

impl HttpTransport {
    /// Makes a transport to a base URL such as [`DEFAULT_BASE_URL`](config::DEFAULT_BASE_URL); no connection is made
    /// yet.
    ///
    /// DNS, proxies, TCP and TLS may take so long in all. It must be shorter than the client's
    /// [`timeout`](ClientBuilder::timeout): what runs out while connecting is known not to be sent.
    ///
    /// # Errors
    ///
    /// Of kind `Config`: the base URL is refused (`http://` to another machine is), a proxy of the environment cannot be
    /// used, or there is no TLS or no CA certificate for it.
    pub fn new(base_url: &str, connect_timeout: Duration) -> Result<Self, Error> {
        http(config::base_url(base_url, false)?, connect_timeout, false, KEPT)
    }
}
