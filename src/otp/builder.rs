//! Setting the service up, and what it refuses.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::code::Code;
use super::engine::Inner;
use super::events;
use super::keys::OtpKeys;
use super::limits::{
    ANOTHER, Breaker, Budget, HumanCheck, LEAST_COOLDOWN, LONGEST_EXPIRY, Limits, VENDORS_COOLDOWN,
};
use super::service::Otp;
use super::store::OtpStore;
use super::text::{self, Texts};
use crate::client::Client;
use crate::error::Error;
use crate::ids::SenderId;
use crate::phone::{PhoneNumber, Region};

/// The most attempts that a challenge may have.
const MOST_ATTEMPTS: u32 = 10;
/// The shortest expiry: a message takes some seconds, and typing it some more.
const LEAST_EXPIRY: Duration = Duration::from_secs(60);

/// What another message of a challenge brings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnResend {
    /// A new code; the one before dies when the gateway has accepted the new one. What the vendor's README asks for.
    #[default]
    NewCode,
    /// The same code, valid 10 minutes in all: nobody is locked out by two messages that arrive in the wrong order.
    SameCode,
}

/// The country code of a country that the service sends to unless told otherwise, and of others by name.
const COUNTRY_CODES: [(Region, &str); 6] = [
    (Region::KW, "965"),
    (Region::SA, "966"),
    (Region::AE, "971"),
    (Region::BH, "973"),
    (Region::QA, "974"),
    (Region::OM, "968"),
];

/// Settings of a service to be. Nothing is checked before [`build`](Self::build).
#[must_use = "a builder does nothing until build() is called"]
pub struct OtpBuilder {
    client: Client,
    store: OtpStore,
    keys: OtpKeys,
    namespace: Option<String>,
    apps: [Option<String>; 2],
    templates: [String; 2],
    origin: Option<String>,
    sender: Option<String>,
    regions: Vec<Region>,
    prefixes: Vec<String>,
    limits: Limits,
    digits: u32,
    expiry: Duration,
    attempts: u32,
    on_resend: OnResend,
    send_deadline: Duration,
    without_addresses: bool,
    test_numbers: Vec<(String, String, SystemTime)>,
}

impl Otp {
    /// Starts setting a service up.
    pub fn builder(client: Client, store: impl Into<OtpStore>, keys: OtpKeys) -> OtpBuilder {
        OtpBuilder::new(client, store.into(), keys)
    }
}

impl OtpBuilder {
    fn new(client: Client, store: OtpStore, keys: OtpKeys) -> Self {
        Self {
            client,
            store,
            keys,
            namespace: None,
            apps: [None, None],
            templates: [text::ENGLISH.to_owned(), text::ARABIC.to_owned()],
            origin: None,
            sender: None,
            regions: vec![Region::KW],
            prefixes: Vec::new(),
            limits: Limits::default(),
            digits: 6,
            expiry: Duration::from_secs(5 * 60),
            attempts: 5,
            on_resend: OnResend::default(),
            send_deadline: Duration::from_secs(30),
            without_addresses: false,
            test_numbers: Vec::new(),
        }
    }

    /// The application's or the company's name, in every text: a telecom rule in Kuwait. Must be set.
    pub fn app_name(mut self, name: impl Into<String>) -> Self {
        self.apps[0] = Some(name.into());
        self
    }

    /// The name in Arabic texts, where it is another.
    pub fn app_name_arabic(mut self, name: impl Into<String>) -> Self {
        self.apps[1] = Some(name.into());
        self
    }

    /// Another English text. `{code}` and `{app}` must be in it, `{minutes}` may; one page of 160 characters holds
    /// it with the last line, or 70 where a character is outside the GSM alphabet.
    pub fn english(mut self, template: impl Into<String>) -> Self {
        self.templates[0] = template.into();
        self
    }

    /// Another Arabic text: one page of 70 characters with the last line.
    pub fn arabic(mut self, template: impl Into<String>) -> Self {
        self.templates[1] = template.into();
        self
    }

    /// The host name of the page that takes the code, such as `example.com`: the text's last line becomes
    /// `@example.com #123456`, by which browsers and phones fill in the code there and on no other page (WebOTP).
    pub fn origin(mut self, host: impl Into<String>) -> Self {
        self.origin = Some(host.into());
        self
    }

    /// The sender id, in place of the client's: a transactional one, which also reaches numbers that want no
    /// advertising.
    pub fn sender(mut self, sender: impl Into<String>) -> Self {
        self.sender = Some(sender.into());
        self
    }

    /// The countries that codes are sent to, of the six of the Gulf. Default: Kuwait alone.
    pub fn countries(mut self, countries: impl IntoIterator<Item = Region>) -> Self {
        self.regions = countries.into_iter().collect();
        self
    }

    /// Sends to numbers that begin with these digits, too: the country code of another country, such as `20`.
    pub fn prefix(mut self, digits: impl Into<String>) -> Self {
        self.prefixes.push(digits.into());
        self
    }

    /// The most that may be spent, over everything. Must be set.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.limits.budget = budget;
        self
    }

    /// When [`Caller::human`](super::Caller::human) must be true. Default: after one challenge of the hour to the
    /// number or from the address.
    pub fn human_check(mut self, check: HumanCheck) -> Self {
        self.limits.human = check;
        self
    }

    /// The circuit breaker against pumping. Default: 20 unverified messages of a country a day, or 30 % of its verified
    /// ones.
    pub fn breaker(mut self, breaker: Breaker) -> Self {
        self.limits.breaker = breaker;
        self
    }

    /// How long after a message a number may get another. Default: 4 minutes, KNET's; the vendor asks for 3 at least,
    /// and below 16 seconds the gateway refuses.
    pub fn resend_after(mut self, pause: Duration) -> Self {
        self.limits.cooldown = pause;
        self
    }

    /// Messages to a number in an hour and in a day. Default: 3 and 6.
    pub fn per_number(mut self, hour: u32, day: u32) -> Self {
        (self.limits.number_hour, self.limits.number_day) = (hour, day);
        self
    }

    /// Messages for one address in an hour; IPv6 addresses count by their first 64 bits. Default: 10. Many people may
    /// share the address of an office or of a mobile network.
    pub fn per_address(mut self, hour: u32) -> Self {
        self.limits.address_hour = hour;
        self
    }

    /// Messages in an hour to the 10,000 numbers that differ in the last four digits. Default: 30.
    pub fn per_prefix(mut self, hour: u32) -> Self {
        self.limits.prefix_hour = hour;
        self
    }

    /// Messages to a country in an hour. Default: 600.
    pub fn per_country(mut self, hour: u32) -> Self {
        self.limits.country_hour = hour;
        self
    }

    /// Wrong codes for a number in an hour, over all its challenges. Default: 10.
    pub fn failures(mut self, hour: u32) -> Self {
        self.limits.failures_hour = hour;
        self
    }

    /// How often a challenge takes a code. Default: 5; 1 to 10.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// How many digits a code has. Default: 6; 6 to 10.
    pub fn digits(mut self, digits: u32) -> Self {
        self.digits = digits;
        self
    }

    /// How long a code is valid. Default: 5 minutes; 1 to 10.
    pub fn expiry(mut self, expiry: Duration) -> Self {
        self.expiry = expiry;
        self
    }

    /// What another message of a challenge brings. Default: a new code.
    pub fn on_resend(mut self, policy: OnResend) -> Self {
        self.on_resend = policy;
        self
    }

    /// How long a message may take to be accepted, its wait for a turn included. Default: 30 s. What had no turn by then
    /// was not sent.
    pub fn send_deadline(mut self, deadline: Duration) -> Self {
        self.send_deadline = deadline;
        self
    }

    /// Takes callers without an address, where there is none to be had; the limit of addresses does not hold for them.
    pub fn without_addresses(mut self) -> Self {
        self.without_addresses = true;
        self
    }

    /// Keeps this service's challenges and counts apart from those of others in the same store under the same key.
    /// Default: the application's name.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }

    /// A number that gets no message and whose code is always this one, until a date: for the reviewers of an app
    /// store, say. Expiry, attempts and single use hold for it, too. Refused by `build()` unless the gateway is a
    /// sandbox or the client is in test mode.
    pub fn test_number(
        mut self,
        number: impl Into<String>,
        code: impl Into<String>,
        until: SystemTime,
    ) -> Self {
        self.test_numbers.push((number.into(), code.into(), until));
        self
    }

    /// Checks the settings and makes the service. No request is made.
    ///
    /// # Errors
    ///
    /// Of kind `Config`, naming what is wrong and what to do: a key that is empty, under 32 bytes or no random one; no
    /// application name or no budget; a text over one page with the real names; an expiry above 10 minutes, fewer than
    /// 6 digits, a limit of nothing; and, unless the gateway is a sandbox, the shared sender id `KWT-SMS`, test mode
    /// and test numbers.
    pub fn build(self) -> Result<Otp, Error> {
        let refuse = |why: String| Err(Error::config(why));
        if !(6..=10).contains(&self.digits) {
            return refuse(format!(
                "a code of {} digits is refused: it takes 6 to 10, since fewer are guessed too easily",
                self.digits
            ));
        }
        if !(LEAST_EXPIRY..=LONGEST_EXPIRY).contains(&self.expiry) {
            return refuse(
                "a code is valid for 1 to 10 minutes: NIST SP 800-63B-4 allows no more".to_owned(),
            );
        }
        if !(1..=MOST_ATTEMPTS).contains(&self.attempts) {
            return refuse(format!("a challenge takes 1 to {MOST_ATTEMPTS} attempts"));
        }
        if self.limits.cooldown < LEAST_COOLDOWN {
            return refuse(format!(
                "the pause between messages to a number must be at least {} s: the gateway refuses earlier ones",
                LEAST_COOLDOWN.as_secs()
            ));
        }
        let limits = &self.limits;
        let none = [
            limits.number_hour,
            limits.number_day,
            limits.address_hour,
            limits.prefix_hour,
            limits.country_hour,
            limits.failures_hour,
        ]
        .contains(&0);
        if none || limits.breaker.is_empty() {
            return refuse("a limit of 0 lets no code be sent or checked: set at least 1".to_owned());
        }
        if limits.budget == Budget::default() || limits.budget.is_empty() {
            return refuse(
                "the budget is not set: say what codes may cost at most, such as \
                 budget(Budget::credits(200).per_hour().and_credits(1_000).per_day())"
                    .to_owned(),
            );
        }
        let [english, arabic] = self.apps;
        let english = english.unwrap_or_default();
        let arabic = arabic.unwrap_or_else(|| english.clone());
        let namespace = self.namespace.unwrap_or_else(|| english.clone());
        let texts = Texts::new(self.templates, [english, arabic], self.origin, self.expiry, self.digits)?;
        let ring = self.keys.check(&namespace)?;
        let sender = match &self.sender {
            Some(sender) => SenderId::parse(sender)
                .map_err(|error| Error::config_from("the sender id of codes cannot be used", error))?,
            None => self.client.sender_id().clone(),
        };
        let local = self.client.core.transport.is_local();
        if !local && sender.is_shared_test_sender() {
            return refuse(
                "KWT-SMS is the shared test sender, slow on purpose and not delivered by every carrier: register a \
                 transactional sender id and set it with sender() or KWTSMS_SENDER_ID"
                    .to_owned(),
            );
        }
        let test_mode = self.client.test_mode();
        if !self.test_numbers.is_empty() && !local && !test_mode {
            return refuse(
                "test numbers are doors that need no phone: leave them out where the gateway is a real one"
                    .to_owned(),
            );
        }
        if !local && test_mode {
            return refuse(
                "in test mode no code is delivered: set KWTSMS_TEST_MODE=0, or use a sandbox to try things out"
                    .to_owned(),
            );
        }
        let countries = countries(&self.regions, &self.prefixes)?;
        let mut test_numbers = HashMap::new();
        for (number, code, until) in &self.test_numbers {
            let number = PhoneNumber::parse(number)
                .map_err(|error| Error::config_from("a test number is no phone number", error))?;
            let Some(code) = Code::fixed(code, self.digits) else {
                return refuse(format!("the code of a test number must have {} digits", self.digits));
            };
            test_numbers.insert(number, (code, *until));
        }
        if self.limits.cooldown < VENDORS_COOLDOWN {
            events::short_cooldown(self.limits.cooldown);
        }
        Ok(Otp(Arc::new(Inner {
            client: self.client,
            store: self.store,
            ring,
            namespace,
            texts,
            sender,
            countries,
            limits: self.limits,
            digits: self.digits,
            expiry: self.expiry,
            attempts: self.attempts,
            another: match self.on_resend {
                OnResend::NewCode => ANOTHER,
                OnResend::SameCode => LONGEST_EXPIRY,
            },
            same_code: self.on_resend == OnResend::SameCode,
            send_deadline: self.send_deadline,
            without_addresses: self.without_addresses,
            test_numbers,
            under_way: watch::Sender::new(0),
        })))
    }
}

/// The digits by which the countries are known, the longest first.
fn countries(regions: &[Region], prefixes: &[String]) -> Result<Vec<String>, Error> {
    let mut countries: Vec<String> = Vec::new();
    for region in regions {
        let Some((_, code)) = COUNTRY_CODES.iter().find(|(known, _)| known == region) else {
            return Err(Error::config(format!(
                "{region} is none of the six countries of the Gulf: name its country code with prefix()"
            )));
        };
        countries.push((*code).to_owned());
    }
    for prefix in prefixes {
        let digits = prefix.strip_prefix('+').unwrap_or(prefix);
        let good = (1..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !good || digits.starts_with('0') {
            return Err(Error::config(
                "a prefix is a country code in digits, such as 20, without zeros in front",
            ));
        }
        countries.push(digits.to_owned());
    }
    if countries.is_empty() {
        return Err(Error::config("no country is left to send codes to: leave countries() out for Kuwait"));
    }
    countries.sort_by_key(|digits| std::cmp::Reverse(digits.len()));
    Ok(countries)
}

impl fmt::Debug for OtpBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtpBuilder")
            .field("store", &self.store)
            .field("keys", &self.keys)
            .field("app_name", &self.apps[0])
            .field("origin", &self.origin)
            .field("limits", &self.limits)
            .field("digits", &self.digits)
            .field("expiry", &self.expiry)
            .field("attempts", &self.attempts)
            .field("on_resend", &self.on_resend)
            .field("test_numbers", &self.test_numbers.len())
            .finish_non_exhaustive()
    }
}
