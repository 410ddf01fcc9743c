//! Metrics through the `metrics` facade: whatever recorder the program installs gets them.
//!
//! | metric | kind, unit | labels | what it counts |
//! | --- | --- | --- | --- |
//! | [`REQUESTS`] | counter | [`label::ENDPOINT`], [`label::OUTCOME`] | requests that were answered or failed, every attempt for itself |
//! | [`WAIT`] | histogram, seconds | [`label::ENDPOINT`] | the wait for a turn, a pause or a full queue before each of them |
//! | [`REQUEST`] | histogram, seconds | [`label::ENDPOINT`] | each exchange, from its start to its answer or failure |
//! | [`RETRIES`] | counter | [`label::ENDPOINT`], [`label::REASON`] | attempts that will be made again |
//! | [`POINTS`] | counter, credits | | credits charged for accepted messages, as the gateway's answers say |
//! | [`GUARDED`] | counter, numbers | [`label::GUARD`] | numbers that a guard of the client kept from being written to |
//! | [`WATCHES`] | counter | [`label::OUTCOME`] | [watches](crate::Client::watch_delivery) on a message that have ended |
//! | [`BALANCE`] | gauge, credits | | the account's balance, as last heard from the gateway |
//!
//! Names, units, labels and the labels' values are covered by semantic versioning. No label holds a number, a text
//! or a user name, so there are few series: 7 endpoints, 4 outcomes, 3 reasons, 3 guards, 5
//! ends of a watch.
//!
//! A process that works for several accounts has one balance gauge for all of them, the one heard from last; use
//! [`Client::cached_balance`](crate::Client::cached_balance) there.
//!
//! Requests refused before they were made (bad input, no turn in time) are not counted here; they are errors of their
//! calls, and the limiter's and the guards' have an event.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::credits::Credits;

/// Requests that were answered or failed.
pub const REQUESTS: &str = "kwtsms_requests_total";
/// Seconds waited before each request.
pub const WAIT: &str = "kwtsms_wait_seconds";
/// Seconds of each exchange.
pub const REQUEST: &str = "kwtsms_request_seconds";
/// Failed attempts that will be made again.
pub const RETRIES: &str = "kwtsms_retries_total";
/// Credits charged. Counters are whole numbers: fractions of a credit are kept until they make a whole one.
pub const POINTS: &str = "kwtsms_points_charged_total";
/// Numbers that a guard kept from being written to.
pub const GUARDED: &str = "kwtsms_guarded_numbers_total";
/// Watches on a message that have ended.
pub const WATCHES: &str = "kwtsms_watches_total";
/// Credits left.
pub const BALANCE: &str = "kwtsms_balance_credits";

/// Names of the labels.
pub mod label {
    /// `send`, `balance`, `senderid`, `coverage`, `validate`, `status` or `dlr`.
    pub const ENDPOINT: &str = "endpoint";
    /// `accepted`, `refused`, `not_sent` or `unknown`, as in the events' field `delivery`; of a watch its `reason`:
    /// `reported`, `no_report`, `timed_out`, `error` or `dropped`.
    pub const OUTCOME: &str = "outcome";
    /// `not_allowed`, `spend_limit` or `balance_floor`, as in the field `kind` of the guards' event.
    pub const GUARD: &str = "guard";
    /// `queue_full` (ERR013), `same_number` (ERR028) or `transport`.
    pub const REASON: &str = "reason";
}

/// Tells the installed recorder what the metrics mean, for its help texts. Call it once, after installing it.
pub fn describe() {
    describe_counter!(REQUESTS, Unit::Count, "Requests to kwtSMS that were answered or failed");
    describe_histogram!(WAIT, Unit::Seconds, "Wait before a request to kwtSMS");
    describe_histogram!(REQUEST, Unit::Seconds, "Duration of a request to kwtSMS");
    describe_counter!(RETRIES, Unit::Count, "Failed attempts that will be made again");
    describe_counter!(POINTS, "kwtSMS credits charged");
    describe_counter!(GUARDED, Unit::Count, "Numbers that a guard kept from being written to");
    describe_counter!(WATCHES, Unit::Count, "Watches on a kwtSMS message that have ended");
    describe_gauge!(BALANCE, "kwtSMS credits left");
}

/// One finished request.
pub(crate) fn request(endpoint: &'static str, outcome: &'static str, wait: Duration, took: Duration) {
    counter!(REQUESTS, label::ENDPOINT => endpoint, label::OUTCOME => outcome).increment(1);
    histogram!(WAIT, label::ENDPOINT => endpoint).record(wait);
    histogram!(REQUEST, label::ENDPOINT => endpoint).record(took);
}

/// A failed attempt that will be made again.
pub(crate) fn retry(endpoint: &'static str, reason: &'static str) {
    counter!(RETRIES, label::ENDPOINT => endpoint, label::REASON => reason).increment(1);
}

/// Credits charged for an accepted message.
pub(crate) fn charged(points: Credits) {
    static SUM: AtomicU64 = AtomicU64::new(0);
    counter!(POINTS).increment(whole_credits(&SUM, points));
}

/// A guard kept numbers from being written to.
pub(crate) fn guarded(guard: &'static str, numbers: usize) {
    counter!(GUARDED, label::GUARD => guard).increment(numbers as u64);
}

/// A watch on a message has ended.
pub(crate) fn watched(outcome: &'static str) {
    counter!(WATCHES, label::OUTCOME => outcome).increment(1);
}

/// The balance that an answer told.
pub(crate) fn balance(credits: Credits) {
    gauge!(BALANCE).set(credits.as_f64());
}

/// Adds to a sum of thousandths and gives by how many whole credits it grew.
fn whole_credits(sum: &AtomicU64, points: Credits) -> u64 {
    let thousandths = u64::try_from(points.thousandths()).unwrap_or_default(); // nobody is charged less than nothing
    let before = sum.fetch_add(thousandths, Ordering::Relaxed);
    before.wrapping_add(thousandths) / 1_000 - before / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_of_a_credit_are_kept_until_they_make_a_whole_one() {
        let sum = AtomicU64::new(0);
        let charge = |text: &str| whole_credits(&sum, text.parse().unwrap());
        assert_eq!([charge("1.5"), charge("0.2"), charge("0.3"), charge("-7"), charge("3")], [1, 0, 1, 0, 3]);
    }
}
