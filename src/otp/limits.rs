//! How much may be asked for, by whom: data, and the counts of one request.

use std::time::Duration;

use super::caller::{Caller, Lane};
use super::keys::{Key, Use};
use super::store::{Count, CountKey, millis};
use crate::credits::Credits;
use crate::phone::PhoneNumber;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest pause between messages to a number: the gateway refuses a second one within 15 s (ERR028).
pub(super) const LEAST_COOLDOWN: Duration = Duration::from_secs(16);
/// The shortest pause that the vendor recommends (README of its Python client, "OTP messages").
pub(super) const VENDORS_COOLDOWN: Duration = Duration::from_secs(3 * 60);
/// The longest that a code may be valid (NIST SP 800-63B-4, 3.1.3.2).
pub(super) const LONGEST_EXPIRY: Duration = Duration::from_secs(10 * 60);
/// How long after its beginning a challenge takes another code.
pub(super) const ANOTHER: Duration = HOUR;
/// How long a challenge is remembered after its last code, so that it is told from one that never was.
pub(super) const KEEP: Duration = HOUR;

/// The most that may be spent on codes, over all numbers and callers: what an attacker can cost at worst.
///
/// There is no default, since no figure is right for everybody: take several times what a busy hour and day cost. A
/// message to Kuwait is one credit. Windows begin with the first message in them.
///
/// ```
/// use kwtsms_async::otp::Budget;
///
/// let budget = Budget::credits(200).per_hour().and_credits(1_000).per_day();
/// # let _ = budget;
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    hour: Option<Credits>,
    day: Option<Credits>,
}

/// An amount of a [`Budget`], before it is said for how long.
#[derive(Debug, Clone, Copy)]
#[must_use = "say how long the credits are for: per_hour() or per_day()"]
pub struct BudgetAmount {
    budget: Budget,
    credits: Credits,
}

impl Budget {
    /// So many whole credits.
    pub fn credits(credits: u32) -> BudgetAmount {
        Self::default().and_credits(credits)
    }

    /// And so many more for another time.
    pub fn and_credits(self, credits: u32) -> BudgetAmount {
        BudgetAmount { budget: self, credits: Credits::from_int(credits.into()) }
    }

    /// True if it allows nothing.
    pub(super) fn is_empty(&self) -> bool {
        [self.hour, self.day].iter().flatten().any(|credits| credits.is_zero())
    }
}

impl BudgetAmount {
    /// In an hour.
    pub fn per_hour(self) -> Budget {
        Budget { hour: Some(self.credits), ..self.budget }
    }

    /// In a day.
    pub fn per_day(self) -> Budget {
        Budget { day: Some(self.credits), ..self.budget }
    }
}

/// When a person has to prove that they are one, by [`Caller::human`].
///
/// A CAPTCHA is the application's: this only says when it must have been passed. It is asked for where a challenge
/// begins, not for another message of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HumanCheck(Option<u32>);

impl HumanCheck {
    /// After so many challenges of the hour to the same number or from the same address.
    pub fn required_after(challenges: u32) -> Self {
        Self(Some(challenges))
    }

    /// For every challenge, as the vendor's checklist asks.
    pub fn always() -> Self {
        Self(Some(0))
    }

    /// Never: the address limits and the budget alone stand against a script.
    pub fn never() -> Self {
        Self(None)
    }

    pub(super) fn is_always(self) -> bool {
        self.0 == Some(0)
    }
}

/// Stops a country to which many messages go that nobody verifies, as where somebody earns by each message
/// ("pumping").
///
/// A country is stopped while more messages of its day are unverified than the greater of a number and a share of the
/// verified ones. Each verified code takes its messages off again. A new day begins with half of the counts of the day
/// before, so that a busy morning does not begin at nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breaker(Option<(u32, u32)>);

impl Breaker {
    /// So many unverified messages a day, or 30 % of the verified ones.
    pub fn unverified(messages: u32) -> Self {
        Self(Some((messages, 30)))
    }

    /// Another share of the verified ones, in percent.
    pub fn share(self, percent: u32) -> Self {
        Self(self.0.map(|(messages, _)| (messages, percent)))
    }

    /// True if it lets nothing through.
    pub(super) fn is_empty(self) -> bool {
        self.0.is_some_and(|(messages, _)| messages == 0)
    }

    /// No breaker: the budget alone stands against pumping.
    pub fn off() -> Self {
        Self(None)
    }
}

/// What ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Wrong codes for the number.
    Failures,
    /// Messages to the number.
    Number,
    /// Messages for the address of the caller.
    Address,
    /// Messages to the 10,000 numbers that differ in the last four digits.
    Prefix,
    /// Messages to the country.
    Country,
    /// Unverified messages to the country: see [`Breaker`].
    Breaker,
}

impl Scope {
    /// Its name in events and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Number => "number",
            Self::Address => "address",
            Self::Prefix => "prefix",
            Self::Country => "country",
            Self::Breaker => "breaker",
        }
    }
}

/// What a count counts. The order is that in which a store takes them: what many ask for comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Class {
    Failures = b'a',
    Cooldown,
    NumberHour,
    NumberDay,
    HumanNumber,
    HumanAddress,
    AddressHour,
    PrefixHour,
    CountryHour,
    Unverified,
    BudgetHour,
    BudgetDay,
}

impl Class {
    const ALL: [Self; 12] = [
        Self::Failures,
        Self::Cooldown,
        Self::NumberHour,
        Self::NumberDay,
        Self::HumanNumber,
        Self::HumanAddress,
        Self::AddressHour,
        Self::PrefixHour,
        Self::CountryHour,
        Self::Unverified,
        Self::BudgetHour,
        Self::BudgetDay,
    ];

    /// What the key of a count counts.
    pub(super) fn of(key: &CountKey) -> Option<Self> {
        Self::ALL.into_iter().find(|class| *class as u8 == key[0])
    }

    pub(super) fn is_budget(self) -> bool {
        matches!(self, Self::BudgetHour | Self::BudgetDay)
    }
}

/// All limits, as they were set.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) cooldown: Duration,
    pub(super) number_hour: u32,
    pub(super) number_day: u32,
    pub(super) address_hour: u32,
    pub(super) prefix_hour: u32,
    pub(super) country_hour: u32,
    pub(super) failures_hour: u32,
    pub(super) human: HumanCheck,
    pub(super) breaker: Breaker,
    pub(super) budget: Budget,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cooldown: Duration::from_secs(4 * 60), // KNET's, by the vendor's API document v4.1
            number_hour: 3, // "max 3–5 requests/hour", README of the vendor's Python client
            number_day: 6,
            address_hour: 10, // "max 10–20 requests/hour", the same
            prefix_hour: 30,
            country_hour: 600,
            failures_hour: 10,
            human: HumanCheck::required_after(1),
            breaker: Breaker::unverified(20),
            budget: Budget::default(),
        }
    }
}

/// What one message is counted by.
pub(super) struct Asked<'a> {
    pub(super) number: PhoneNumber,
    /// The digits by which its country is known.
    pub(super) country: &'a str,
    pub(super) lane: Lane,
    pub(super) caller: &'a Caller,
    /// False for another message of a challenge.
    pub(super) begins: bool,
    pub(super) cost: Credits,
}

impl Limits {
    fn key(key: &Key, class: Class, whom: &[&[u8]]) -> CountKey {
        let mac = key.mac(Use::Counter, &[&[&[class as u8][..]], whom].concat());
        let mut all = CountKey::default();
        all[0] = class as u8;
        all[1..].copy_from_slice(&mac[..16]);
        all
    }

    /// The number's failures, of known and of other devices apart.
    pub(super) fn failures(&self, key: &Key, number: PhoneNumber, lane: Lane) -> Count {
        Count {
            key: Self::key(key, Class::Failures, &[&number.as_u64().to_be_bytes(), &[lane as u8]]),
            cost: 1,
            cap: self.failures_hour.into(),
            share: 0,
            window_ms: millis(HOUR),
        }
    }

    /// The messages of a country that nobody verified.
    pub(super) fn unverified(key: &Key, country: &str) -> CountKey {
        Self::key(key, Class::Unverified, &[country.as_bytes()])
    }

    /// All counts of one message, in the order in which a store takes them.
    pub(super) fn counts(&self, key: &Key, asked: &Asked<'_>) -> Vec<Count> {
        let number = asked.number.as_u64().to_be_bytes();
        let of_number: &[&[u8]] = &[&number, &[asked.lane as u8]];
        let prefix = (asked.number.as_u64() / 10_000).to_be_bytes();
        let country = asked.country.as_bytes();
        let address = asked.caller.counted_address();
        let address = address.as_deref();
        let failures = Count { cost: 0, ..self.failures(key, asked.number, asked.lane) };
        let mut counts = vec![failures];
        let mut add = |class, whom: &[&[u8]], cost: i64, cap: i64, window| {
            let key = Self::key(key, class, whom);
            counts.push(Count { key, cost, cap, share: 0, window_ms: millis(window) });
        };
        add(Class::Cooldown, of_number, 1, 1, self.cooldown);
        add(Class::NumberHour, of_number, 1, self.number_hour.into(), HOUR);
        add(Class::NumberDay, of_number, 1, self.number_day.into(), DAY);
        if let (HumanCheck(Some(most)), true, false) = (self.human, asked.begins, asked.caller.human) {
            add(Class::HumanNumber, of_number, 1, most.into(), HOUR);
            if let Some(address) = address {
                add(Class::HumanAddress, &[address], 1, most.into(), HOUR);
            }
        }
        if let Some(address) = address {
            add(Class::AddressHour, &[address], 1, self.address_hour.into(), HOUR);
        }
        add(Class::PrefixHour, &[&prefix], 1, self.prefix_hour.into(), HOUR);
        add(Class::CountryHour, &[country], 1, self.country_hour.into(), HOUR);
        if let Breaker(Some((messages, _))) = self.breaker {
            add(Class::Unverified, &[country], 1, messages.into(), DAY);
        }
        let cost = asked.cost.thousandths();
        for (class, most, window) in
            [(Class::BudgetHour, self.budget.hour, HOUR), (Class::BudgetDay, self.budget.day, DAY)]
        {
            if let Some(most) = most {
                add(class, &[], cost, most.thousandths(), window);
            }
        }
        if let Breaker(Some((_, share))) = self.breaker
            && let Some(count) = counts.iter_mut().find(|count| count.key[0] == Class::Unverified as u8)
        {
            count.share = share.into();
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::OtpKeys;
    use super::*;

    fn counts(number: &str, caller: &Caller, begins: bool) -> Vec<Count> {
        let ring = OtpKeys::new("a key of at least 32 bytes, 0123456789").check("test").unwrap();
        let limits =
            Limits { budget: Budget::credits(2).per_hour().and_credits(5).per_day(), ..Limits::default() };
        let asked = Asked {
            number: PhoneNumber::parse(number).unwrap(),
            country: "965",
            lane: caller.lane(),
            caller,
            begins,
            cost: Credits::from_int(1),
        };
        limits.counts(ring.current(), &asked)
    }

    #[test]
    fn counts_come_in_the_order_in_which_stores_take_them_and_each_once() {
        let caller = Caller::at([203, 0, 113, 7]);
        let counts = counts("96598765432", &caller, true);
        assert_eq!(counts.len(), 12);
        assert!(counts.is_sorted_by(|one, other| one.key < other.key));
        for (count, class) in counts.iter().zip(Class::ALL) {
            assert_eq!(Class::of(&count.key), Some(class));
        }
        assert_eq!(counts[11].cap, 5_000, "thousandths of a credit");
    }

    #[test]
    fn a_human_and_another_message_of_a_challenge_need_no_proof() {
        let caller = Caller::at([203, 0, 113, 7]);
        let asked =
            |counts: &[Count]| counts.iter().any(|count| Class::of(&count.key) == Some(Class::HumanNumber));
        assert!(asked(&counts("96598765432", &caller, true)));
        assert!(!asked(&counts("96598765432", &caller, false)));
        assert!(!asked(&counts("96598765432", &caller.human(true), true)));
    }

    #[test]
    fn a_known_device_has_its_numbers_counts_to_itself_and_shares_the_others() {
        let caller = Caller::at([203, 0, 113, 7]).human(true);
        let stranger = counts("96598765432", &caller, true);
        let known = counts("96598765432", &caller.known(true), true);
        for (one, other) in stranger.iter().zip(&known) {
            let own = Class::of(&one.key) <= Some(Class::NumberDay);
            assert_eq!(one.key != other.key, own, "{:?}", Class::of(&one.key));
        }
    }

    #[test]
    fn no_number_and_no_address_can_be_read_in_a_key() {
        for count in counts("96598765432", &Caller::at([203, 0, 113, 7]), true) {
            let number = 96_598_765_432u64.to_be_bytes();
            for secret in [&number[4..], b"9659876", &[203, 0, 113, 7]] {
                assert!(!count.key.windows(secret.len()).any(|window| window == secret));
            }
        }
    }
}
