//! The settings of a client to be.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::handle::Client;
use crate::config::{self, Environment};
use crate::credits::Credits;
use crate::error::Error;
#[cfg(feature = "quiet-hours")]
use crate::guard::KUWAIT;
use crate::guard::SpendLimit;
use crate::ids::SenderId;
#[cfg(feature = "diagnose")]
use crate::ids::SenderIdError;
use crate::limit::{DEFAULT_MAX_WAITING, DEFAULT_RATE, Limiter};
use crate::phone::{CountryCheck, GulfCountry, PhoneNumber, PhoneRules};
use crate::recipients::Recipients;
use crate::same_number::SameNumberMemory;
use crate::secret::Secret;
use crate::transport::Transport;

impl Client {
    /// Starts a client for an API user. The user name is not the account's mobile number.
    pub fn builder(username: impl Into<String>, password: impl Into<Secret>) -> ClientBuilder {
        ClientBuilder::new(username.into(), password.into())
    }

    /// Makes a client from the `KWTSMS_*` variables: the process environment, completed from `.env` in the
    /// working directory. See [`config`] for the keys.
    ///
    /// # Errors
    ///
    /// Of kind `Config`: a missing credential (every missing key is named), or a value that cannot be used.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }
}

/// How the client's pace is set.
#[derive(Debug)]
pub(super) enum Pace {
    Rates {
        single: f64,
        bulk: f64,
        max_waiting: usize,
    },
    Shared(Limiter),
    /// Another client's limiter and rates of one's own: refused by `build()`.
    Both,
    Unpaced,
}

/// Settings of a client to be. Nothing is checked before [`build`](Self::build).
#[must_use = "a builder does nothing until build() is called"]
pub struct ClientBuilder {
    pub(super) username: String,
    pub(super) password: Secret,
    pub(super) sender_id: String,
    pub(super) test_mode: bool,
    pub(super) base_url: String,
    pub(super) allow_http: bool,
    /// The credentials go by the names of their variables.
    pub(super) from_environment: bool,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) pace: Pace,
    pub(super) same_number_wait: Option<Duration>,
    pub(super) same_number_memory: Option<SameNumberMemory>,
    pub(super) low_balance: Option<Credits>,
    pub(super) phone_rules: PhoneRules,
    pub(super) native_tls: bool,
    pub(super) only_to: Option<Recipients>,
    pub(super) spend_limit: Option<SpendLimit>,
    pub(super) balance_floor: Option<Credits>,
    #[cfg(feature = "quiet-hours")]
    pub(super) quiet_hours: Option<(String, String)>,
    pub(super) transport: Option<Arc<dyn Transport>>,
}

impl ClientBuilder {
    fn new(username: String, password: Secret) -> Self {
        Self {
            username,
            password,
            sender_id: config::DEFAULT_SENDER_ID.to_owned(),
            test_mode: false,
            base_url: config::DEFAULT_BASE_URL.to_owned(),
            allow_http: false,
            from_environment: false,
            // Measured: a total time-out below the connect time-out hides that nothing was sent.
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15), // what most of the vendor's clients use
            pace: Pace::Rates { single: DEFAULT_RATE, bulk: DEFAULT_RATE, max_waiting: DEFAULT_MAX_WAITING },
            same_number_wait: None,
            same_number_memory: None,
            low_balance: None,
            phone_rules: PhoneRules::default(),
            native_tls: false,
            only_to: None,
            spend_limit: None,
            balance_floor: None,
            #[cfg(feature = "quiet-hours")]
            quiet_hours: None,
            transport: None,
        }
    }

    /// Starts from the `KWTSMS_*` variables: the process environment, completed from `.env` in the working
    /// directory. The process environment is not changed.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, as for [`Client::from_env`].
    pub fn from_env() -> Result<Self, Error> {
        Self::from_environment(&Environment::from_env()?)
    }

    /// Like [`from_env`](Self::from_env), completed from another file, which must exist.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, as for [`Client::from_env`], and if the file cannot be read.
    pub fn from_env_file(file: impl AsRef<Path>) -> Result<Self, Error> {
        Self::from_environment(&Environment::from_env_file(file)?)
    }

    /// Starts from values that were read before, and perhaps changed.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, as for [`Client::from_env`].
    pub fn from_environment(env: &Environment) -> Result<Self, Error> {
        let (Some(username), Some(password)) = (env.get(config::USERNAME), env.get(config::PASSWORD)) else {
            let missing = env.missing_credentials();
            return Err(Error::config(format!(
                "{} not set: set {} in the environment or in {}",
                missing.join(" and "),
                if missing.len() == 1 { "it" } else { "them" },
                env.file().display()
            )));
        };
        let mut builder = Self::new(username.to_owned(), Secret::new(password));
        builder.from_environment = true;
        if let Some(sender_id) = env.get(config::SENDER_ID) {
            builder.sender_id = sender_id.to_owned();
        }
        builder.test_mode = env.test_mode()?;
        if let Some(url) = env.confirmed(config::BASE_URL)? {
            builder.base_url = url.to_owned();
        }
        if let Some(allow) = env.confirmed(config::ALLOW_HTTP)? {
            builder.allow_http = config::switch(config::ALLOW_HTTP, allow)?;
        }
        builder.guarded_by(env)
    }

    fn guarded_by(mut self, env: &Environment) -> Result<Self, Error> {
        let credits = |key: &str| {
            let amount = env.get(key).map(|amount| amount.trim().parse::<Credits>()).transpose();
            amount.map_err(|error| Error::config_from(format!("{key} cannot be read"), error))
        };
        self.only_to = env.get(config::ONLY_TO).map(Recipients::from);
        let (hour, day) = (credits(config::SPEND_PER_HOUR)?, credits(config::SPEND_PER_DAY)?);
        let limit = hour.map_or(SpendLimit::new(), |hour| SpendLimit::new().per_hour(hour));
        let limit = day.map_or(limit, |day| limit.per_day(day));
        self.spend_limit = (hour.is_some() || day.is_some()).then_some(limit);
        self.balance_floor = credits(config::BALANCE_FLOOR)?;
        if let Some(quiet) = env.get(config::QUIET_HOURS) {
            #[cfg(feature = "quiet-hours")]
            {
                let quiet = quiet.trim();
                let (hours, zone) = quiet.split_once(' ').unwrap_or((quiet, KUWAIT));
                self.quiet_hours = Some((hours.to_owned(), zone.trim().to_owned()));
            }
            #[cfg(not(feature = "quiet-hours"))]
            {
                let _ = quiet;
                let key = config::QUIET_HOURS;
                return Err(Error::config(format!(
                    "{key} is set, and this build lacks the feature quiet-hours"
                )));
            }
        }
        Ok(self)
    }

    /// The sender id of messages that name none; at most 11 characters, case-sensitive. Default: `KWT-SMS`,
    /// the gateway's shared test sender.
    pub fn sender_id(mut self, sender_id: impl Into<String>) -> Self {
        self.sender_id = sender_id.into();
        self
    }

    /// In test mode messages go into the queue and are not delivered. Their credits are held until the
    /// message is deleted from the queue. Default: off.
    pub fn test_mode(mut self, test: bool) -> Self {
        self.test_mode = test;
        self
    }

    /// Another base URL, such as a sandbox's. `http://` is refused unless the host is this machine, or
    /// [`allow_http`](Self::allow_http) says that it may be another one.
    ///
    /// A proxy that `HTTPS_PROXY`, `ALL_PROXY` or, for `http://`, `HTTP_PROXY` names (in either case) is asked unless
    /// the host is this machine or `NO_PROXY` names it.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Lets the base URL begin with `http://` although its host is another machine, such as a sandbox in a network of
    /// containers: `http://sandbox:4010/API/`. Never for kwtSMS itself.
    ///
    /// User name, password, numbers and texts then travel in clear, and whoever is on the way can read and change them:
    /// the event [`clear_text`](crate::events::event::CLEAR_TEXT) warns of it. `KWTSMS_ALLOW_HTTP=1` does the same.
    /// Default: no.
    pub fn allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// How long DNS, TCP and TLS may take, in all. Default: 5 s. Must be shorter than
    /// [`timeout`](Self::timeout): what runs out while connecting is known not to be sent.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one attempt may take, from the first byte out to the last byte in. Default: 15 s. It bounds an
    /// attempt, not a call: see `deadline` on the call.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Starts per second of the lanes of single requests and of bulk batches. Default: 2 and 2, the vendor's
    /// recommendation; a sum above 5, the firewall's limit, is refused by `build()`. Fractions count as the next
    /// whole number: 2.5 a second are up to 3 starts in one second.
    pub fn rates(mut self, single: f64, bulk: f64) -> Self {
        self.pace = match self.pace {
            Pace::Rates { max_waiting, .. } => Pace::Rates { single, bulk, max_waiting },
            Pace::Unpaced => Pace::Rates { single, bulk, max_waiting: DEFAULT_MAX_WAITING },
            Pace::Shared(_) | Pace::Both => Pace::Both,
        };
        self
    }

    /// How many calls may wait for their turn in each lane before further ones are refused. Default: 1,000,
    /// which is over 8 minutes at 2 a second.
    pub fn max_waiting(mut self, calls: usize) -> Self {
        self.pace = match self.pace {
            Pace::Rates { single, bulk, .. } => Pace::Rates { single, bulk, max_waiting: calls },
            Pace::Unpaced => Pace::Rates { single: DEFAULT_RATE, bulk: DEFAULT_RATE, max_waiting: calls },
            Pace::Shared(_) | Pace::Both => Pace::Both,
        };
        self
    }

    /// Shares another client's limiter: two clients on one machine have one public address. Its rates and its
    /// queue come with it: `rates` or `max_waiting` after this are refused by `build()`.
    pub fn limiter(mut self, limiter: Limiter) -> Self {
        self.pace = Pace::Shared(limiter);
        self
    }

    /// Switches the limiter off, for tests and benchmarks; refused by `build()` unless the gateway is on this
    /// machine.
    pub fn unpaced(mut self) -> Self {
        self.pace = Pace::Unpaced;
        self
    }

    /// How long a number rests after a live message to it. Default: 16 s, one more than the gateway's rule
    /// (ERR028); zero leaves the rule to the gateway. Test mode is left to the gateway in any case.
    pub fn same_number_wait(mut self, wait: Duration) -> Self {
        self.same_number_wait = Some(wait);
        self
    }

    /// Shares another client's memory of the numbers that were written to: clients of one account meet one
    /// 15-second rule. Its wait comes with it: `same_number_wait` beside this is refused by `build()`.
    pub fn same_number_memory(mut self, memory: SameNumberMemory) -> Self {
        self.same_number_memory = Some(memory);
        self
    }

    /// Emits an event when the balance falls below so many credits, once per crossing. Default: never.
    pub fn low_balance(mut self, threshold: Credits) -> Self {
        self.low_balance = Some(threshold);
        self
    }

    /// How strings are checked before anything is sent to them. Default: [`CountryCheck::Gulf`], which refuses what no
    /// plan of the Gulf states allows; `CountryCheck::Off` is 7 to 15 digits; with the feature `strict-numbers`,
    /// `CountryCheck::Strict` refuses what cannot be a mobile number of its country. A
    /// [`PhoneNumber`] is taken as it is.
    pub fn country_check(mut self, check: CountryCheck) -> Self {
        self.phone_rules = self.phone_rules.check(check);
        self
    }

    /// Takes strings that are numbers without a country code for this country's. Default: none, so that they are
    /// refused. See [`PhoneRules::default_country`].
    pub fn default_country(mut self, country: GulfCountry) -> Self {
        self.phone_rules = self.phone_rules.default_country(country);
        self
    }

    /// Makes TLS with the operating system's library also in a build that has rustls. Default: rustls wherever it is
    /// compiled in, so that another crate that switches `native-tls` on changes nothing here.
    #[cfg(feature = "native-tls")]
    pub fn native_tls(mut self) -> Self {
        self.native_tls = true;
        self
    }

    /// Writes to nobody but these numbers, as a staging build should: a list of them, checked like any recipients.
    ///
    /// All others end as invalid with the reason [`PhoneError::NotAllowed`](crate::PhoneError::NotAllowed), in reports,
    /// events and progress, and no request is made for them; a call with none of these numbers fails with the kind
    /// [`NotAllowed`](crate::ErrorKind::NotAllowed). It holds for all that this client and its clones send: calls, bulk
    /// runs, codes, the outbox. A campaign that was loaded with others is paused, with the reason. Set again, the last
    /// list counts; an empty one is nobody. Default: everybody.
    ///
    /// Messages are not diverted to these numbers: each would cost a credit, and they would meet the 15-second rule.
    /// To look at all of them, use the sandbox.
    pub fn only_to(mut self, numbers: impl Into<Recipients>) -> Self {
        self.only_to = Some(numbers.into());
        self
    }

    /// Spends no more on live messages than this, within an hour and within a day. Default: no limit.
    ///
    /// Each request takes what it will cost before it leaves, so that concurrent senders cannot cross the limit, and is
    /// settled by what the gateway charged; one of unknown outcome counts as spent. Estimated are a credit a page a
    /// number, Kuwait's price, or what numbers of a country cost this client before: the first request to a dearer
    /// country may cross the limit by the difference. Messages in test mode are not counted.
    ///
    /// A request for which there is no room fails with the kind [`SpendLimit`](crate::ErrorKind::SpendLimit) and was not
    /// sent; [`retry_after`](Error::retry_after) says when there is. A bulk run stops there or waits, see
    /// [`Bulk::wait_for_spend_limit`](crate::Bulk::wait_for_spend_limit); workers of campaigns and the outbox wait.
    ///
    /// It holds over this client and its clones; with a limiter that shares a store, over all processes of the account
    /// that share it, each by the limits that it was given.
    pub fn spend_limit(mut self, limit: SpendLimit) -> Self {
        self.spend_limit = Some(limit);
        self
    }

    /// Stops a bulk run before the batch that would take the balance below so many credits, and leaves the rest not
    /// attempted, so that single messages such as login codes still go out. Default: no floor.
    ///
    /// The balance is asked for at the start of a run, then known from the answers; what is on its way is taken off it,
    /// and before a run is stopped it is asked for once more. Costs are estimated as for
    /// [`spend_limit`](Self::spend_limit). What other processes spend is seen with the next answer. A worker of
    /// campaigns pauses them with this reason.
    pub fn balance_floor(mut self, credits: Credits) -> Self {
        self.balance_floor = Some(credits);
        self
    }

    /// Sends no bulk message in these hours of a day, `21:00-09:00`, in a time zone such as `Asia/Kuwait`. Default: none.
    ///
    /// A bulk run waits for their end and goes on; pause, stop and deadline work meanwhile. Campaigns wait too. Single
    /// messages, such as login codes, and the outbox are not held. A `send` to more numbers than one request takes is
    /// bulk, and fails with the kind [`QuietHours`](crate::ErrorKind::QuietHours) instead of waiting.
    ///
    /// They go by this machine's clock.
    #[cfg(feature = "quiet-hours")]
    pub fn quiet_hours(mut self, hours: impl Into<String>, zone: impl Into<String>) -> Self {
        self.quiet_hours = Some((hours.into(), zone.into()));
        self
    }

    /// Another transport, such as the in-process sandbox's, or one of your own round
    /// [`HttpTransport`](crate::transport::HttpTransport). The base URL and the connect time-out set here are then not
    /// used.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Leaves out credentials, which the gateway then asks for.
    #[cfg(feature = "diagnose")]
    pub(crate) fn without_credentials(mut self) -> Self {
        (self.username, self.password) = (String::new(), Secret::new(""));
        self
    }

    /// Replaces a sender id that cannot be one, and says why it cannot.
    #[cfg(feature = "diagnose")]
    pub(crate) fn with_a_usable_sender_id(mut self) -> (Self, Option<SenderIdError>) {
        let error = SenderId::parse(&self.sender_id).err();
        if error.is_some() {
            self.sender_id = config::DEFAULT_SENDER_ID.to_owned();
        }
        (self, error)
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not checked yet: an address may hold a password, and a sender id may be anything.
        let sender_id = SenderId::parse(&self.sender_id).ok();
        let user_name = PhoneNumber::of_user_name(&self.username).map(PhoneNumber::masked);
        let user_name = user_name.as_deref().unwrap_or(&self.username);
        let base_url = config::base_url(&self.base_url, true).ok().map(|base| base.url.to_string());
        f.debug_struct("ClientBuilder")
            .field("username", &user_name)
            .field("password", &self.password)
            .field("sender_id", &sender_id)
            .field("test_mode", &self.test_mode)
            .field("base_url", &base_url)
            .field("allow_http", &self.allow_http)
            .field("connect_timeout", &self.connect_timeout)
            .field("timeout", &self.timeout)
            .field("pace", &self.pace)
            .field("same_number_wait", &self.same_number_wait)
            .field("same_number_memory", &self.same_number_memory)
            .field("low_balance", &self.low_balance)
            .field("phone_rules", &self.phone_rules)
            .field("native_tls", &self.native_tls)
            .field("only_to", &self.only_to.as_ref().map(Recipients::len))
            .field("spend_limit", &self.spend_limit)
            .field("balance_floor", &self.balance_floor)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
