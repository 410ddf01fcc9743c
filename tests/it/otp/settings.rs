//! What the builder refuses, each with what to do.

use std::time::Duration;

use kwtsms_async::otp::{Breaker, Budget, Otp, OtpBuilder, OtpKeys, OtpStore};
use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, ClientBuilder, ErrorKind, Region};

use super::world::*;

const KEY: &str = "4bf0c1a2e1f4d3b7a6958473625140ff0e1d2c3b4a5968778695a4b3c2d1e0f9";

fn budget() -> Budget {
    Budget::credits(200).per_hour().and_credits(1_000).per_day()
}

fn over(client: ClientBuilder, keys: OtpKeys) -> OtpBuilder {
    Otp::builder(client.build().unwrap(), OtpStore::memory(), keys).app_name("MYAPP").budget(budget())
}

/// The settings of a service in a sandbox.
fn good() -> OtpBuilder {
    let sandbox = Sandbox::in_process();
    over(Client::builder("user", "password").transport(sandbox.transport()), OtpKeys::new(KEY))
}

#[track_caller]
fn refused(builder: OtpBuilder, said: &str) {
    let error = builder.build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn what_makes_codes_easy_to_guess_is_refused() {
    good().build().unwrap();
    refused(good().digits(5), "6 to 10");
    refused(good().digits(11), "6 to 10");
    refused(good().attempts(0), "1 to 10 attempts");
    refused(good().attempts(11), "1 to 10 attempts");
    refused(good().expiry(10 * MINUTE + Duration::from_secs(1)), "NIST");
    refused(good().expiry(Duration::from_secs(59)), "1 to 10 minutes");
    for digits in 6..=10 {
        good().digits(digits).build().unwrap();
    }
}

#[test]
fn a_key_that_is_none_is_refused() {
    let sandbox = Sandbox::in_process();
    for key in ["", "short", &"a".repeat(64)] {
        let client = Client::builder("user", "password").transport(sandbox.transport());
        refused(over(client, OtpKeys::new(key)), "openssl rand");
    }
}

#[test]
fn what_has_no_safe_default_must_be_named() {
    let client = || Client::builder("u", "p").transport(Sandbox::in_process().transport()).build().unwrap();
    let builder = || Otp::builder(client(), OtpStore::memory(), OtpKeys::new(KEY));
    refused(builder().app_name("A"), "budget");
    refused(builder().app_name("A").budget(Budget::credits(0).per_hour()), "budget");
    refused(builder().budget(budget()), "app_name()");
}

#[test]
fn a_limit_of_nothing_and_a_pause_below_the_gateways_are_refused() {
    for builder in [
        good().per_number(0, 6),
        good().per_number(3, 0),
        good().per_address(0),
        good().per_prefix(0),
        good().per_country(0),
        good().failures(0),
        good().breaker(Breaker::unverified(0)),
    ] {
        refused(builder, "limit of 0");
    }
    refused(good().resend_after(Duration::from_secs(15)), "at least 16 s");
    let (capture, guard) = crate::capture::Capture::start();
    good().resend_after(Duration::from_secs(16)).build().unwrap();
    good().resend_after(3 * MINUTE).build().unwrap();
    drop(guard);
    let told = capture.all();
    assert_eq!(told.len(), 1, "only below the vendor's 3 minutes: {told:?}");
    assert_eq!((told[0].get("event"), told[0].get("seconds")), (Some("short_cooldown"), Some("16")));
}

#[test]
fn a_country_that_is_none_is_refused() {
    refused(good().countries([]), "no country");
    for prefix in ["", "0020", "2O", "+", "12345678901"] {
        refused(good().prefix(prefix), "country code in digits");
    }
    good().countries([]).prefix("+20").build().unwrap();
    good()
        .countries([Region::KW, Region::SA, Region::AE, Region::BH, Region::QA, Region::OM])
        .build()
        .unwrap();
}

#[cfg(any(feature = "rustls", feature = "native-tls"))] // a client of the real gateway needs TLS
#[test]
fn a_real_gateway_takes_no_shared_sender_no_test_mode_and_no_test_numbers() {
    let real = || Client::builder("user", "password");
    let over = |client| over(client, OtpKeys::new(KEY));
    let later = std::time::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    refused(over(real()), "KWT-SMS");
    refused(over(real().sender_id("MY-APP")).sender("KWT-SMS"), "KWT-SMS");
    refused(over(real().sender_id("MY-APP").test_mode(true)), "test mode");
    refused(over(real().sender_id("MY-APP")).test_number("96550000000", "123456", later), "test numbers");
    over(real().sender_id("MY-APP")).build().unwrap();
    over(real()).sender("MY-APP").build().unwrap();
    // A sandbox takes all three, in this process or on this machine.
    good().test_number("96550000000", "123456", later).build().unwrap();
    let local = Client::builder("user", "password").base_url("http://127.0.0.1:1/API/").test_mode(true);
    over(local).build().unwrap();
    refused(good().test_number("96550000000", "12345", later), "6 digits");
    refused(good().test_number("nobody", "123456", later), "test number");
}

#[test]
fn a_sender_id_that_cannot_be_is_refused() {
    refused(good().sender("A-FAR-TOO-LONG-NAME"), "sender id");
}

#[test]
fn debug_shows_no_secret() {
    let builder = good().test_number("96598765432", "424242", std::time::UNIX_EPOCH);
    let shown = format!("{builder:?}");
    let shown = format!("{shown} {:?}", builder.build().unwrap());
    for secret in [&KEY[..8], "424242", "98765432", "password"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
