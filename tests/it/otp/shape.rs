//! What the service gives and refuses, apart from what a message's fate does.

use std::time::Duration;

use kwtsms_async::otp::{
    Breaker, Budget, Caller, CodeDelivery, Language, OnResend, OtpKeys, Purpose, Scope, StartError,
    VerifyError,
};
use kwtsms_async::sandbox::Fault;

use super::world::*;

over_every_store! {
    a_code_is_sent_typed_and_verified_once
    a_code_is_typed_in_any_script_and_a_malformed_one_costs_nothing
    a_code_expires_and_the_challenge_is_forgotten_later
    a_decoy_looks_like_a_number_with_an_account
    the_same_code_is_sent_again_where_it_is_so_set
    a_challenge_that_is_over_takes_no_other_code
    a_test_number_gets_no_message_and_obeys_the_rules
    keys_are_rotated_without_losing_a_code
    another_message_of_an_old_key_is_counted_with_all_others
    services_with_other_names_or_keys_do_not_meet
    what_has_no_meaning_any_more_is_swept
}

async fn a_code_is_sent_typed_and_verified_once(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let started = otp.start("+965 9876 5432", Purpose::LOGIN, &caller()).await.unwrap();
    assert_eq!(started.delivery, CodeDelivery::Accepted);
    assert_eq!((started.expires_in, started.resend_in), (5 * MINUTE, 4 * MINUTE));
    assert_eq!((started.attempts_left, started.pages), (5, 1));
    let message = &world.sandbox.messages()[0];
    let code = message.otp().unwrap();
    assert_eq!(
        message.text(),
        format!(
            "{code} is your MYAPP code, valid for 5 minutes. Do not share it with anyone.\n@example.com #{code}"
        )
    );
    assert_eq!((message.numbers(), message.pages()), (&[NUMBER.to_owned()][..], 1));
    let verified = verify(&otp, &started.challenge, code).await.unwrap();
    assert_eq!((verified.number().to_string().as_str(), verified.purpose()), (NUMBER, Purpose::LOGIN));
    assert_eq!(tries(&otp, &started.challenge, [code, "000000"]).await, ["used", "used"]);
    // The reply as JSON, for an API.
    let json = serde_json::to_value(&started).unwrap();
    assert_eq!(json["challenge"], started.challenge.as_str());
    assert_eq!((&json["expires_in"], &json["resend_in"]), (&300.into(), &240.into()));
    assert_eq!((&json["delivery"], &json["attempts_left"]), (&"accepted".into(), &5.into()));
}

async fn a_code_is_typed_in_any_script_and_a_malformed_one_costs_nothing(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    for typed in ["", "12345", "1234567", "code 123456", "12345a"] {
        assert!(matches!(verify(&otp, &challenge, typed).await, Err(VerifyError::Malformed)), "{typed}");
    }
    assert_eq!(tries(&otp, &challenge, [other_than(&code, 0)]).await, ["wrong 4"], "none was counted");
    let arabic: String = code.chars().map(|c| char::from_u32(c as u32 - 0x30 + 0x660).unwrap()).collect();
    let (left, right) = arabic.split_at(arabic.len() / 2);
    assert_eq!(tries(&otp, &challenge, [format!(" \u{200f}{left} {right}\n")]).await, ["verified"]);
}

async fn a_code_expires_and_the_challenge_is_forgotten_later(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    world.place.pass(5 * MINUTE - Duration::from_secs(5)).await;
    assert_eq!(tries(&otp, &challenge, [other_than(&code, 0)]).await, ["wrong 4"]);
    world.place.pass(Duration::from_secs(5)).await;
    assert_eq!(tries(&otp, &challenge, [&code]).await, ["expired"]);
    world.place.pass(HOUR).await;
    assert_eq!(tries(&otp, &challenge, [&code]).await, ["notfound"]);
}

async fn a_decoy_looks_like_a_number_with_an_account(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let real = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap();
    let decoy = otp.decoy("96551112222", Purpose::LOGIN, &caller()).await.unwrap();
    assert_eq!(world.messages(), 1, "no message");
    let shown = |started: &kwtsms_async::otp::Started| {
        let mut json = serde_json::to_value(started).unwrap();
        json["challenge"] = json["challenge"].as_str().unwrap().len().into();
        json
    };
    assert_eq!(shown(&real), shown(&decoy));
    let wrong = other_than(&world.code(NUMBER), 0);
    for started in [&real, &decoy] {
        let words = tries(&otp, &started.challenge, [&wrong; 3]).await;
        assert_eq!(words, ["wrong 4", "wrong 3", "wrong 2"]);
    }
    too_soon(otp.start("96551112222", Purpose::LOGIN, &caller())).await;
    world.place.pass(PAUSE).await;
    let (real, decoy) =
        (otp.resend(&real.challenge, &caller()).await, otp.resend(&decoy.challenge, &caller()).await);
    assert_eq!(shown(&real.unwrap()), shown(&decoy.unwrap()));
    assert_eq!(world.messages(), 2, "and no other message");
    // In the background both reply before anything is sent.
    let other = at([203, 0, 113, 9]);
    let real = otp.start_in_background("96553334444", Purpose::LOGIN, &other).await.unwrap();
    let decoy = otp.decoy("96555556666", Purpose::LOGIN, &other).in_background().await.unwrap();
    assert_eq!(shown(&real), shown(&decoy));
    // Not even a test number's code, which needs no message, is right where there is no account.
    let later = std::time::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let otp =
        world.builder().await.namespace("t").test_number("96557777777", "123456", later).build().unwrap();
    let decoy = otp.decoy("96557777777", Purpose::LOGIN, &caller()).await.unwrap();
    assert_eq!(tries(&otp, &decoy.challenge, ["123456"]).await, ["wrong 4"]);
    // Decoys neither cost anything nor stop a country, but meet an empty budget and a stopped country as others do.
    let otp = world
        .builder()
        .await
        .namespace("d")
        .breaker(Breaker::unverified(2))
        .per_address(100)
        .build()
        .unwrap();
    for i in 0..5 {
        otp.decoy(format!("9655{i}111111"), Purpose::LOGIN, &caller()).await.unwrap();
    }
    let poor = world.builder().await.namespace("p").budget(Budget::credits(1).per_hour()).build().unwrap();
    for i in 0..3 {
        poor.decoy(format!("9655{i}111111"), Purpose::LOGIN, &caller()).await.unwrap();
    }
    poor.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap();
    let error = poor.decoy("96562000000", Purpose::LOGIN, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::Budget), "{error:?}");
    otp.start("96560000000", Purpose::LOGIN, &caller()).await.unwrap();
    otp.start("96561000000", Purpose::LOGIN, &caller()).await.unwrap();
    let error = otp.decoy("96562000000", Purpose::LOGIN, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::Limited { scope: Scope::Breaker, .. }), "{error:?}");
}

async fn the_same_code_is_sent_again_where_it_is_so_set(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.on_resend(OnResend::SameCode).build().unwrap();
    let (challenge, code) = world.start(&otp, NUMBER).await;
    let again = world.resend(&otp, &challenge).await.unwrap();
    assert_eq!(world.code(NUMBER), code);
    assert_eq!(again.expires_in, 5 * MINUTE);
    let again = world.resend(&otp, &challenge).await.unwrap();
    assert_eq!(world.code(NUMBER), code);
    assert!(again.expires_in < 2 * MINUTE, "10 minutes in all: {:?}", again.expires_in);
    assert_eq!(tries(&otp, &challenge, [&code]).await, ["verified"]);
    // A new challenge has another one; and after 10 minutes there is no other message.
    let (challenge, other) = {
        world.place.pass(HOUR).await;
        world.start(&otp, NUMBER).await
    };
    assert_ne!(other, code);
    world.place.pass(10 * MINUTE).await;
    assert!(matches!(otp.resend(&challenge, &caller()).await, Err(StartError::Ended)));
    // Not sent, the code is still the one that was sent before.
    let (challenge, code) = {
        world.place.pass(HOUR).await;
        world.start(&otp, NUMBER).await
    };
    world.sandbox.faults().push(Fault::code("ERR013").on("send"));
    world.resend(&otp, &challenge).await.unwrap_err();
    assert_eq!(tries(&otp, &challenge, [&code]).await, ["verified"]);
}

async fn a_challenge_that_is_over_takes_no_other_code(place: Place) {
    let world = World::new(place);
    let otp = world.generous().await;
    let ended = async |challenge: &str| {
        world.place.pass(PAUSE).await;
        let before = world.messages();
        let result = otp.resend(challenge, &caller()).await;
        assert!(matches!(result, Err(StartError::Ended)), "{result:?}");
        assert_eq!(world.messages(), before);
    };
    let (used, code) = world.start(&otp, NUMBER).await;
    assert_eq!(tries(&otp, &used, [code]).await, ["verified"]);
    ended(used.as_str()).await;
    let (spent, code) = world.start(&otp, NUMBER).await;
    tries(&otp, &spent, (0..5).map(|nth| other_than(&code, nth))).await;
    ended(spent.as_str()).await;
    world.place.pass(HOUR).await;
    let (old, _) = world.start(&otp, NUMBER).await;
    world.place.pass(HOUR).await;
    ended(old.as_str()).await;
    for text in ["", "nonsense", &old.as_str()[1..]] {
        ended(text).await;
    }
    // In another session it is none.
    let session = caller().session("one");
    let started = otp.start(NUMBER, Purpose::LOGIN, &session).await.unwrap();
    ended(started.challenge.as_str()).await;
    otp.resend(&started.challenge, &session).await.unwrap();
}

async fn a_test_number_gets_no_message_and_obeys_the_rules(place: Place) {
    let world = World::new(place);
    let tomorrow = std::time::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let yesterday = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let otp = world
        .builder()
        .await
        .test_number("+965 5000 0000", "123456", tomorrow)
        .test_number("96551000000", "123456", yesterday)
        .attempts(2)
        .build()
        .unwrap();
    let started = otp.start("96550000000", Purpose::LOGIN, &caller()).await.unwrap();
    assert_eq!(world.messages(), 0);
    assert_eq!(
        tries(&otp, &started.challenge, ["000000", "123456", "123456"]).await,
        ["wrong 1", "verified", "used"]
    );
    too_soon(otp.start("96550000000", Purpose::LOGIN, &caller())).await;
    // After its date it is a number like others.
    world.start(&otp, "96551000000").await;
    assert_eq!(world.messages(), 1);
}

async fn keys_are_rotated_without_losing_a_code(place: Place) {
    let world = World::new(place);
    let (old, new) = ("an old key of at least 32 bytes, 0123", "a new key of at least 32 bytes, 45678");
    let with = async |keys: OtpKeys| {
        let world = World { keys, sandbox: world.sandbox.clone(), ..World::new(world.place.clone()) };
        world.generous().await
    };
    let before = with(OtpKeys::new(old)).await;
    let (challenge, code) = world.start(&before, NUMBER).await;
    let after = with(OtpKeys::new(new).accept(old)).await;
    assert_eq!(tries(&after, &challenge, [other_than(&code, 0), code]).await, ["wrong 4", "verified"]);
    let (challenge, _) = {
        world.place.pass(HOUR).await;
        world.start(&before, NUMBER).await
    };
    world.resend(&after, &challenge).await.unwrap();
    assert_eq!(tries(&after, &challenge, [world.code(NUMBER)]).await, ["verified"]);
    assert_eq!(tries(&before, &challenge, [world.code(NUMBER)]).await, ["used"]);
    let without = with(OtpKeys::new(new)).await;
    assert_eq!(tries(&without, &challenge, ["123456"]).await, ["notfound"]);
}

// Guard: counts lie under the current key, whatever key a challenge was made under.
async fn another_message_of_an_old_key_is_counted_with_all_others(place: Place) {
    let world = World::new(place);
    let (old, new) = ("an old key of at least 32 bytes, 0123", "a new key of at least 32 bytes, 45678");
    let with = async |keys: OtpKeys| {
        let world = World { keys, sandbox: world.sandbox.clone(), ..World::new(world.place.clone()) };
        world.builder().await.per_country(2).build().unwrap()
    };
    let (challenge, _) = world.start(&with(OtpKeys::new(old)).await, NUMBER).await;
    world.place.pass(PAUSE).await;
    let rotated = with(OtpKeys::new(new).accept(old)).await;
    for number in ["96551112222", "96553334444"] {
        world.start(&rotated, number).await;
    }
    let error = rotated.resend(&challenge, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::Limited { scope: Scope::Country, .. }), "{error:?}");
}

async fn services_with_other_names_or_keys_do_not_meet(place: Place) {
    let world = World::new(place.clone());
    let otp = world.otp().await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    let named = world.builder().await.namespace("other").build().unwrap();
    let keyed = World::new(place).otp().await;
    for other in [&named, &keyed] {
        assert_eq!(tries(other, &challenge, [&code]).await, ["notfound"]);
        other.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap();
    }
}

async fn what_has_no_meaning_any_more_is_swept(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    otp.sweep().await.unwrap();
    assert_eq!(tries(&otp, &challenge, [code]).await, ["verified"], "what has a meaning is not");
    world.place.pass(72 * HOUR).await;
    let sweeper = otp.sweeper(HOUR);
    until_none_left(&otp, &world).await;
    drop(sweeper);
    world.start(&otp, NUMBER).await;
}

/// Waits until a sweep finds nothing, and nothing lies there: another sweep may be about to take it away.
async fn until_none_left(otp: &kwtsms_async::otp::Otp, world: &World) {
    let swept = async {
        loop {
            tokio::task::yield_now().await;
            if otp.sweep().await.unwrap() == 0 && world.place.rows().await == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(MINUTE, swept).await.expect("all is swept within a minute");
}

// Guard: the sweep with a reservation.
#[tokio::test(start_paused = true)]
async fn the_memory_forgets_by_itself() {
    let world = World::new(Place::memory().await.unwrap());
    let otp = world.otp().await;
    world.start(&otp, NUMBER).await;
    world.place.pass(72 * HOUR).await;
    world.start(&otp, "96551112222").await;
    assert_eq!(otp.sweep().await.unwrap(), 0, "nothing of three days ago is left to forget");
}

#[tokio::test(start_paused = true)]
async fn the_language_is_the_calls_and_stays_the_challenges() {
    let world = World::new(Place::memory().await.unwrap());
    let otp = world.builder().await.app_name_arabic("تطبيقي").build().unwrap();
    let start = otp.start(NUMBER, Purpose::LOGIN, &caller()).language(Language::Arabic);
    let started = start.await.unwrap();
    let newest = || world.sandbox.messages().last().unwrap().text().to_owned();
    let code = world.code(NUMBER);
    assert_eq!(newest(), format!("{code} رمز تطبيقي، 5 دقائق. لا تشاركه.\n@example.com #{code}"));
    world.resend(&otp, &started.challenge).await.unwrap();
    assert!(newest().contains("رمز"));
    world.place.pass(PAUSE).await;
    let english =
        otp.resend(&started.challenge, &caller()).language(Language::English).android_hash("FA+9qCX9VSu");
    english.await.unwrap();
    assert!(newest().contains("is your MYAPP code") && newest().ends_with("\nFA+9qCX9VSu"), "{}", newest());
    let bad = otp.start("96551112222", Purpose::LOGIN, &caller()).android_hash("short").await.unwrap_err();
    assert!(
        matches!(&bad, StartError::Failed(error) if error.to_string().contains("11 characters")),
        "{bad:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn no_address_is_an_error_unless_the_service_was_built_to_do_without() {
    let world = World::new(Place::memory().await.unwrap());
    let nowhere = Caller::without_address();
    let error = world.otp().await.start(NUMBER, Purpose::LOGIN, &nowhere).await.unwrap_err();
    assert!(
        matches!(&error, StartError::Failed(error) if error.to_string().contains("no address")),
        "{error:?}"
    );
    let otp = world.builder().await.without_addresses().build().unwrap();
    otp.start(NUMBER, Purpose::LOGIN, &nowhere).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_polled_asks_for_nothing() {
    let world = World::new(Place::memory().await.unwrap());
    let otp = world.otp().await;
    drop(otp.start(NUMBER, Purpose::LOGIN, &caller()));
    world.start(&otp, NUMBER).await;
}

/// Compiles only if all of it can be kept in a handler's state, shared between threads and spawned.
#[allow(dead_code)]
fn what_is_public_can_be_shared_and_spawned(otp: kwtsms_async::otp::Otp) {
    use kwtsms_async::otp::*;
    fn shared<T: Send + Sync + 'static>() {}
    fn spawned<F: Future + Send + 'static>(_: F) {}
    shared::<(Otp, OtpStore, OtpKeys, OtpBuilder, Started, Verified, StartError, VerifyError, StoreError)>();
    shared::<(Caller, Challenge, Purpose, Budget, HumanCheck, Breaker, Sweeper)>();
    let caller = Caller::without_address();
    spawned(otp.start("", Purpose::LOGIN, &caller));
    spawned(otp.resend("", &caller));
    spawned(otp.verify("", Purpose::LOGIN, "", &caller));
    spawned(async move { otp.settled().await });
}
