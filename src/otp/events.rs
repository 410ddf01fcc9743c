//! What the service tells the operator: tracing events, and metrics with the feature `metrics`.
//!
//! The target is [`TARGET`]; which event it is stands in the field `event`:
//!
//! | event | level | when | fields |
//! | --- | --- | --- | --- |
//! | `sent` | INFO; WARN if unknown or failed | a code's message was accepted, is of unknown outcome, or was not sent | `purpose` `country` `recipient` `delivery`, where it failed `code` `kind`; `unsent` for decoys and test numbers |
//! | `operator` | ERROR | no code can be sent until the operator acts: credentials, balance, a blocked account, the sender id | `code` `action` |
//! | `refused` | INFO | no code was sent, for another reason than a limit | `resend` `reason` |
//! | `limited` | WARN | a limit was reached | `scope` `recipient` `retry_after_s` |
//! | `budget` | ERROR | the budget is used up | `retry_after_s` |
//! | `breaker` | ERROR | a country is stopped, since too many messages to it are not verified | `country` `retry_after_s` |
//! | `compared` | INFO | a typed code was taken or not | `purpose` `result` `left`, and `recipient` of a verified number |
//! | `store` | ERROR | the store did not answer | `operation` `error` |
//! | `swept` | DEBUG | what has no meaning any more was forgotten | `forgotten` |
//! | `short_cooldown` | WARN | the pause between messages to a number is set below the vendor's 3 minutes | `seconds` |
//!
//! No event holds a code, a key, an address or a full number: `recipient` is masked (`965****432`).
//!
//! | metric | labels | counts |
//! | --- | --- | --- |
//! | [`SENT`] | `outcome`: `accepted`, `unknown`, `not_sent`, `refused`, `unsent` | messages with codes |
//! | [`COMPARED`] | `result`: `verified`, `wrong`, `superseded`, `malformed`, `spent`, `expired`, `used`, `not_found`, `limited`, `store` | typed codes |
//! | [`LIMITED`] | `scope`: `cooldown`, `number`, `address`, `prefix`, `country`, `breaker`, `failures`, `human`, `budget` | what a limit refused |
//!
//! Names and values are covered by semantic versioning; new ones may come.

use std::time::Duration;

use tracing::Level;

use super::caller::Purpose;
use super::error::{StartError, VerifyError, seconds};
use super::limits::Class;
use super::reply::Verified;
use super::store::StoreError;
use crate::error::{Delivery, Error};
use crate::phone::PhoneNumber;

/// The target of all events of this service.
pub const TARGET: &str = "kwtsms_async::otp";

/// Messages with codes.
pub const SENT: &str = "kwtsms_otp_sent_total";
/// Typed codes.
pub const COMPARED: &str = "kwtsms_otp_compared_total";
/// What a limit refused.
pub const LIMITED: &str = "kwtsms_otp_limited_total";

/// Tells the installed recorder what the metrics of one-time codes mean, for its help texts. Call it once, after
/// installing it, beside [`metrics::describe`](crate::metrics::describe).
#[cfg(feature = "metrics")]
pub fn describe() {
    use ::metrics::{Unit, describe_counter};

    describe_counter!(SENT, Unit::Count, "Messages with one-time codes, by what became of them");
    describe_counter!(COMPARED, Unit::Count, "One-time codes that were typed, by what came of it");
    describe_counter!(LIMITED, Unit::Count, "What a limit of one-time codes refused");
}

fn count(metric: &'static str, label: &'static str, value: &'static str) {
    #[cfg(feature = "metrics")]
    ::metrics::counter!(metric, label => value).increment(1);
    #[cfg(not(feature = "metrics"))]
    let _ = (metric, label, value);
}

/// What became of a message.
pub(super) fn sent(
    purpose: &str,
    country: &str,
    number: PhoneNumber,
    unsent: bool,
    outcome: Result<&'static str, &Error>,
) {
    let delivery = outcome.unwrap_or_else(|error| match error.delivery() {
        Delivery::NotSent => "not_sent",
        _ => "refused",
    });
    count(SENT, "outcome", if unsent { "unsent" } else { delivery });
    macro_rules! emit {
        ($level:expr) => {
            tracing::event!(
                target: TARGET,
                $level,
                event = "sent",
                purpose,
                country,
                recipient = ?number,
                delivery,
                unsent,
                code = outcome.err().and_then(Error::code).map(tracing::field::display),
                kind = outcome.err().map(|error| error.kind().as_str()),
            )
        };
    }
    if matches!(outcome, Ok("accepted")) {
        emit!(Level::INFO)
    } else {
        emit!(Level::WARN)
    }
    let Some(code) = outcome.err().and_then(Error::code) else { return };
    if code.is_account_problem() || code.class().stops_run() {
        tracing::event!(target: TARGET, Level::ERROR, event = "operator", %code, action = code.action());
    }
}

/// No code was sent.
pub(super) fn refused(begins: bool, error: &StartError) {
    let reason = match error {
        StartError::TooSoon(_) | StartError::Limited { .. } | StartError::NeedsHuman | StartError::Budget => {
            return;
        }
        StartError::Number(_) => "number",
        StartError::Country => "country",
        StartError::Ended => "ended",
        StartError::Failed(_) => "input",
        StartError::Store(error) => return store_failed("reserve", error),
    };
    tracing::event!(target: TARGET, Level::INFO, event = "refused", resend = !begins, reason);
}

/// A limit was reached.
pub(super) fn limited(class: Class, number: PhoneNumber, retry_after: Duration) {
    let scope = match class {
        Class::Failures => "failures",
        Class::Cooldown => "cooldown",
        Class::NumberHour | Class::NumberDay => "number",
        Class::HumanNumber | Class::HumanAddress => "human",
        Class::AddressHour => "address",
        Class::PrefixHour => "prefix",
        Class::CountryHour => "country",
        Class::Unverified => "breaker",
        Class::BudgetHour | Class::BudgetDay => "budget",
    };
    count(LIMITED, "scope", scope);
    tracing::event!(
        target: TARGET,
        Level::WARN,
        event = "limited",
        scope,
        recipient = ?number,
        retry_after_s = seconds(retry_after),
    );
}

/// The budget is used up.
pub(super) fn budget(retry_after: Duration) {
    tracing::event!(target: TARGET, Level::ERROR, event = "budget", retry_after_s = seconds(retry_after));
}

/// A country is stopped.
pub(super) fn breaker(country: &str, retry_after: Duration) {
    tracing::event!(target: TARGET, Level::ERROR, event = "breaker", country, retry_after_s = seconds(retry_after));
}

/// A typed code was taken or not.
pub(super) fn compared(purpose: Purpose, verified: &Result<Verified, VerifyError>) {
    let result = verified.as_ref().map_or_else(VerifyError::name, |_| "verified");
    count(COMPARED, "result", result);
    tracing::event!(
        target: TARGET,
        Level::INFO,
        event = "compared",
        %purpose,
        result,
        left = verified.as_ref().err().and_then(VerifyError::attempts_left),
        recipient = verified.as_ref().ok().map(|verified| tracing::field::debug(verified.number())),
    );
    if let Err(VerifyError::Store(error)) = verified {
        store_failed("attempt", error);
    }
}

/// The store did not answer.
pub(super) fn store_failed(operation: &'static str, error: &StoreError) {
    tracing::event!(target: TARGET, Level::ERROR, event = "store", operation, %error);
}

/// The store was swept.
pub(super) fn swept(forgotten: u64) {
    tracing::event!(target: TARGET, Level::DEBUG, event = "swept", forgotten);
}

/// The pause between messages is shorter than the vendor recommends.
pub(super) fn short_cooldown(pause: Duration) {
    tracing::event!(
        target: TARGET,
        Level::WARN,
        event = "short_cooldown",
        seconds = seconds(pause),
        "kwtSMS asks for at least 3 minutes between one-time codes to a number",
    );
}
