//! `Client` and its builder; they know no endpoint.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::balance::Cached;
use crate::config::{self, BaseUrl, Environment};
use crate::core::{Core, Destination, Messages, UnderWay};
use crate::credits::Credits;
use crate::error::Error;
use crate::events;
use crate::guard::{Guards, SpendLimit, Spending};
#[cfg(feature = "quiet-hours")]
use crate::guard::{KUWAIT, QuietHours};
use crate::hints::Hints;
use crate::ids::SenderId;
#[cfg(feature = "diagnose")]
use crate::ids::SenderIdError;
use crate::limit::{DEFAULT_MAX_WAITING, DEFAULT_RATE, Limiter};
use crate::phone::{CountryCheck, GulfCountry, PhoneNumber, PhoneRules};
use crate::queue_gate::QueueGate;
use crate::recipients::{Recipients, only_to};
use crate::same_number::SameNumberMemory;
use crate::secret::Secret;
use crate::transport::http::{KEPT, authority};
use crate::transport::{HttpTransport, Transport};
use crate::wire::Credentials;

/// How long a number rests after a live message: one second more than the gateway's rule (ERR028, API document v4.1).
const DEFAULT_SAME_NUMBER_WAIT: Duration = Duration::from_secs(16);

/// The client of one account.
///
/// Cloning is cheap, and clones share everything: connections, pacing, the cached balance and the memory of
/// recent numbers. Make one per account and keep it.
///
/// ```
/// # #[cfg(feature = "sandbox")] {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use kwtsms_async::{Client, sandbox::Sandbox};
///
/// let sandbox = Sandbox::in_process();
/// let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
/// let balance = client.verify().await?;
/// let report = client.send("+965 9876 5432", "Your OTP for MYAPP is: 123456").await?;
/// assert_eq!(report.accepted(), 1);
/// assert!(report.balance_after() < Some(balance.available()));
/// # Ok::<_, kwtsms_async::Error>(()) }).unwrap(); }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) core: Arc<Core>,
}

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

    /// The limiter, to be given to a second client on this machine.
    ///
    /// `None` if this client was built [`unpaced`](ClientBuilder::unpaced).
    pub fn limiter(&self) -> Option<Limiter> {
        self.core.limiter.clone()
    }

    /// The memory of the numbers that were written to, to be given to a second client of the same account.
    pub fn same_number_memory(&self) -> SameNumberMemory {
        self.core.messages.same_number.clone()
    }

    /// The host of the gateway, with its port if it is not the usual one; `None` over a transport of one's own.
    pub fn host(&self) -> Option<&str> {
        self.core.destination.as_ref().map(|to| to.host.as_str())
    }

    /// The sender id that is used where a call names none.
    pub fn sender_id(&self) -> &SenderId {
        &self.core.messages.sender_id
    }

    /// Waits until no exchange with the gateway is under way, those included that go on after their callers were
    /// dropped: for a graceful stop, after everything that sends has been stopped. A store that a pace is shared
    /// through then knows too that nobody waits here.
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")] {
    /// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
    /// # use std::time::Duration;
    /// # use kwtsms_async::{Client, sandbox::Sandbox};
    /// # let sandbox = Sandbox::builder().latency(Duration::from_secs(2)).in_process();
    /// # let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
    /// let call = client.send("+965 9876 5432", "Hello");
    /// let late = tokio::time::timeout(Duration::from_secs(1), call).await; // its request has left
    /// assert!(late.is_err());
    /// client.idle().await; // answered: the log and the cached balance know of it
    /// assert!(client.cached_balance().is_some());
    /// # Ok::<_, kwtsms_async::Error>(()) }).unwrap(); }
    /// ```
    pub async fn idle(&self) {
        self.core.under_way.none().await;
        #[cfg(any(feature = "store", feature = "redis"))]
        if let Some(limiter) = &self.core.limiter {
            limiter.idle().await;
        }
    }

    /// True if messages go out in test mode where a call does not say otherwise.
    pub fn test_mode(&self) -> bool {
        self.core.messages.test_mode
    }
}

/// How the client's pace is set.
#[derive(Debug)]
enum Pace {
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
    username: String,
    password: Secret,
    sender_id: String,
    test_mode: bool,
    base_url: String,
    allow_http: bool,
    /// The credentials go by the names of their variables.
    from_environment: bool,
    connect_timeout: Duration,
    timeout: Duration,
    pace: Pace,
    same_number_wait: Option<Duration>,
    same_number_memory: Option<SameNumberMemory>,
    low_balance: Option<Credits>,
    phone_rules: PhoneRules,
    native_tls: bool,
    only_to: Option<Recipients>,
    spend_limit: Option<SpendLimit>,
    balance_floor: Option<Credits>,
    #[cfg(feature = "quiet-hours")]
    quiet_hours: Option<(String, String)>,
    transport: Option<Arc<dyn Transport>>,
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
            return Err(Error::config(format!(
                "{} not set: set it in the environment or in {}",
                env.missing_credentials().join(" and "),
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

    /// Another transport, such as the in-process sandbox's, or one of your own round [`HttpTransport`]. The base URL
    /// and the connect time-out set here are then not used.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

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
            (None, wait) => numbers(&limiter, account, wait.unwrap_or(DEFAULT_SAME_NUMBER_WAIT)),
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
                    sender_id,
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
