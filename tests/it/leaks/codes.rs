//! The service of one-time codes: neither a code nor a key, a session, an address or a number leaves it.

use kwtsms_async::otp::*;
use kwtsms_async::sandbox::Fault;

use super::*;

const KEY: &str = "4bf0c1a2e1f4d3b7a6958473625140ff0e1d2c3b4a5968778695a4b3c2d1e0f9";
const SESSION: &str = "Sitzung-4711";

/// Formats what the service gives.
fn told<T: Debug, E: std::error::Error + 'static>(
    shown: &mut Shown,
    name: &'static str,
    result: Result<T, E>,
) -> Option<T> {
    match result {
        Ok(value) => {
            shown.debug(name, &value);
            Some(value)
        }
        Err(error) => {
            shown.error(name, &error);
            None
        }
    }
}

#[tokio::test]
async fn nothing_leaks_from_the_service_of_one_time_codes() {
    let ears = Ears::open();
    let mut shown = Shown::default();
    let sandbox = Sandbox::in_process();
    let client =
        || Client::builder("leak_user", PASSWORD).transport(sandbox.transport()).unpaced().build().unwrap();
    let keys = OtpKeys::new(KEY).accept(KEY.chars().rev().collect::<String>());
    shown.debug("OtpKeys", &keys);
    let memory = OtpStore::memory();
    shown.debug("OtpStore", &memory);
    let caller = Caller::at([203, 0, 113, 77]).session(SESSION);
    shown.debug("Caller", &caller);
    let budget = Budget::credits(4).per_hour().and_credits(100).per_day();
    shown.debug("Budget", &budget);
    shown.debug("BudgetAmount", &Budget::credits(4));
    shown.debug("HumanCheck", &HumanCheck::never());
    shown.debug("Breaker", &Breaker::off());
    shown.debug("OnResend", &OnResend::default());
    shown.debug("Language", &Language::default());
    shown.debug("Scope", &Scope::Number);
    shown.both("Purpose", &Purpose::LOGIN);
    let settings = Otp::builder(client(), memory, keys.clone())
        .app_name("MYAPP")
        .origin("example.com")
        .human_check(HumanCheck::never())
        .budget(budget)
        .test_number(
            OTHER,
            "77441166",
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1 << 33),
        );
    shown.debug("OtpBuilder", &settings);
    let otp = settings.digits(8).build().unwrap();
    shown.debug("Otp", &otp);
    shown.debug("Sweeper", &otp.sweeper(std::time::Duration::from_secs(3_600)));

    let call = otp.start(SPELLED, Purpose::LOGIN, &caller);
    shown.debug("StartCall", &call);
    let started = told(&mut shown, "Started", call.await).unwrap();
    shown.json("Started", &started);
    shown.debug("CodeDelivery", &started.delivery);
    shown.debug("Challenge", &started.challenge);
    let code = sandbox.otp(NUMBER).unwrap();
    for typed in ["00000000", "no code", &code, &code] {
        let verified = otp.verify(&started.challenge, Purpose::LOGIN, typed, &caller).await;
        let name = if verified.is_ok() { "Verified" } else { "VerifyError" };
        told(&mut shown, name, verified);
    }
    // Refused: no number, too soon, by the gateway, by the budget; and a store that is gone.
    for number in [REFUSED, SPELLED] {
        told(&mut shown, "StartError", otp.start(number, Purpose::LOGIN, &caller).await);
    }
    sandbox.faults().push(Fault::code("ERR003"));
    told(&mut shown, "StartError", otp.start("96550000001", Purpose::LOGIN, &caller).await);
    sandbox.faults().push(Fault::drop_after_accepting());
    told(&mut shown, "Started", otp.start("96550000002", Purpose::LOGIN, &caller).await);
    for n in 0..5 {
        told(&mut shown, "StartError", otp.start(format!("9656000000{n}"), Purpose::LOGIN, &caller).await);
    }
    told(&mut shown, "Started", otp.start(OTHER, Purpose::LOGIN, &caller).await);
    told(&mut shown, "Started", otp.decoy(SPELLED, Purpose::LOGIN, &caller).await);
    #[cfg(feature = "store")]
    told(&mut shown, "StoreError", with_a_store_that_is_gone(client(), keys, &caller).await);

    let codes: Vec<_> =
        sandbox.messages().iter().filter_map(|message| message.otp().map(str::to_owned)).collect();
    assert!(codes.len() >= 3 && codes.iter().all(|code| code.len() == 8), "{codes:?}");
    let heard = ears.capture.text();
    assert!(heard.contains("compared"), "{heard}");
    for (name, text) in shown.0.iter().map(|(name, text)| (*name, text)).chain([("an event", &heard)]) {
        assert_clean(name, text);
        for secret in
            codes.iter().map(String::as_str).chain([&KEY[..16], SESSION, "203.0.113", "203, 0, 113"])
        {
            assert!(!text.contains(secret), "{name} shows {secret}: {text}");
        }
    }
    ears.assert_nothing_leaked(3);
}

#[cfg(feature = "store")]
async fn with_a_store_that_is_gone(
    client: Client,
    keys: OtpKeys,
    caller: &Caller,
) -> Result<u64, StoreError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kwtsms.db");
    let store = Store::open(&path).await.unwrap();
    let otp = Otp::builder(client, store, keys).app_name("MYAPP").origin("example.com");
    let otp = otp.budget(Budget::credits(4).per_hour().and_credits(100).per_day()).build().unwrap();
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch("DROP TABLE kwtsms_otp; DROP TABLE kwtsms_otp_count").unwrap();
    assert!(matches!(otp.start(SPELLED, Purpose::LOGIN, caller).await, Err(StartError::Store(_))));
    otp.sweep().await
}
