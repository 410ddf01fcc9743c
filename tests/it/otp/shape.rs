//! What the service gives and refuses, apart from what a message's fate does.

use std::time::Duration;

use kwtsms_async::otp::{
    Breaker, Budget, Caller, CodeDelivery, HumanCheck, Language, OnResend, OtpKeys, Purpose, Scope,
    StartError, VerifyError,
};
use kwtsms_async::sandbox::Fault;
use kwtsms_async::{PhoneError, Region};

use super::world::*;

over_every_store! {
    a_code_is_sent_typed_and_verified_once
    a_code_is_typed_in_any_script_and_a_malformed_one_costs_nothing
    a_code_expires_and_the_challenge_is_forgotten_later
    a_number_rests_after_a_message
    a_number_has_so_many_messages_an_hour_and_a_day
    an_address_has_so_many_messages_an_hour_whatever_the_number
    a_block_of_numbers_and_a_country_have_their_limits
    the_longest_wait_is_told_where_several_limits_are_reached
    a_person_is_asked_for_a_proof_after_so_many_challenges
    a_known_device_is_not_locked_out_by_strangers
    a_country_stops_where_nobody_verifies_and_goes_on_where_they_do
    a_country_where_nobody_verifies_begins_its_day_with_half
    a_country_goes_on_up_to_a_share_of_what_is_verified
    only_messages_that_may_have_gone_out_are_taken_off_when_a_code_is_verified
    a_message_that_is_refused_late_is_not_taken_off_either
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

async fn a_number_rests_after_a_message(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let (challenge, _) = world.start(&otp, NUMBER).await;
    for call in [otp.start("00965-98765432", Purpose::SIGN_UP, &caller()), otp.resend(&challenge, &caller())]
    {
        let left = too_soon(call).await;
        assert!(left <= 4 * MINUTE && left > 3 * MINUTE, "{left:?}");
    }
    world.place.pass(4 * MINUTE - Duration::from_secs(5)).await;
    too_soon(otp.resend(&challenge, &caller())).await;
    world.place.pass(Duration::from_secs(5)).await;
    otp.resend(&challenge, &caller()).await.unwrap();
}

async fn a_number_has_so_many_messages_an_hour_and_a_day(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let start = || async { otp.start(NUMBER, Purpose::LOGIN, &caller()).await };
    for _ in 0..3 {
        start().await.unwrap();
        world.place.pass(PAUSE).await;
    }
    match start().await.unwrap_err() {
        StartError::Limited { scope: Scope::Number, retry_after } => {
            assert!(retry_after > 40 * MINUTE && retry_after < 50 * MINUTE, "{retry_after:?}");
        }
        other => panic!("{other:?}"),
    }
    world.place.pass(HOUR).await;
    for _ in 0..3 {
        start().await.unwrap();
        world.place.pass(PAUSE).await;
    }
    world.place.pass(HOUR).await;
    match start().await.unwrap_err() {
        StartError::Limited { scope: Scope::Number, retry_after } => {
            assert!(retry_after > 20 * HOUR && retry_after < 24 * HOUR, "{retry_after:?}");
        }
        other => panic!("{other:?}"),
    }
    world.place.pass(24 * HOUR).await;
    start().await.unwrap();
}

async fn an_address_has_so_many_messages_an_hour_whatever_the_number(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    for i in 0..10 {
        let number = format!("965{}0000000", 50 + i);
        otp.start(&number[..11], Purpose::LOGIN, &at([203, 0, 113, 7])).await.unwrap();
    }
    let mapped: std::net::IpAddr = "::ffff:203.0.113.7".parse().unwrap();
    for address in [[203, 0, 113, 7].into(), mapped] {
        let error = otp.start("96569999999", Purpose::LOGIN, &at(address)).await.unwrap_err();
        assert!(matches!(error, StartError::Limited { scope: Scope::Address, .. }), "{error:?}");
    }
    otp.start("96569999999", Purpose::LOGIN, &at([203, 0, 113, 8])).await.unwrap();
}

async fn a_block_of_numbers_and_a_country_have_their_limits(place: Place) {
    let world = World::new(place);
    let otp = world
        .builder()
        .await
        .countries([Region::KW, Region::SA])
        .per_address(100)
        .per_prefix(2)
        .per_country(3)
        .build()
        .unwrap();
    let start = async |number: &str| otp.start(number, Purpose::LOGIN, &caller()).await;
    start("96598765432").await.unwrap();
    start("96598769999").await.unwrap();
    let error = start("96598760000").await.unwrap_err();
    assert!(matches!(error, StartError::Limited { scope: Scope::Prefix, .. }), "{error:?}");
    start("96551112222").await.unwrap();
    let error = start("96553334444").await.unwrap_err();
    assert!(matches!(error, StartError::Limited { scope: Scope::Country, .. }), "{error:?}");
    start("966551234567").await.unwrap();
    // A part of a country that is named has its own.
    let part = world.builder().await.namespace("part").prefix("9655").per_country(1).build().unwrap();
    part.start("96551112222", Purpose::LOGIN, &caller()).await.unwrap();
    part.start("96598765432", Purpose::LOGIN, &caller()).await.unwrap();
    part.start("96553334444", Purpose::LOGIN, &caller()).await.unwrap_err();
    // What is no number, or of another country, takes nothing.
    let error = start("98").await.unwrap_err();
    assert!(matches!(error, StartError::Number(PhoneError::TooShort { .. })), "{error:?}");
    assert!(matches!(start("971551234567").await, Err(StartError::Country)));
}

async fn the_longest_wait_is_told_where_several_limits_are_reached(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.per_number(1, 6).build().unwrap();
    world.start(&otp, NUMBER).await;
    // The pause of 4 minutes would be told too early.
    let error = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::Limited { scope: Scope::Number, .. }), "{error:?}");
}

async fn a_person_is_asked_for_a_proof_after_so_many_challenges(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.human_check(HumanCheck::required_after(1)).build().unwrap();
    let (challenge, _) = world.start(&otp, NUMBER).await;
    // From the same address, and for the same number from another one.
    let error = otp.start("96551112222", Purpose::LOGIN, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::NeedsHuman), "{error:?}");
    world.place.pass(PAUSE).await;
    let error = otp.start(NUMBER, Purpose::LOGIN, &at([203, 0, 113, 8])).await.unwrap_err();
    assert!(matches!(error, StartError::NeedsHuman), "{error:?}");
    otp.start("96551112222", Purpose::LOGIN, &caller().human(true)).await.unwrap();
    // Another message of a challenge needs none: the number's own limits hold for it.
    otp.resend(&challenge, &caller()).await.unwrap();

    let otp = world.builder().await.namespace("always").human_check(HumanCheck::always()).build().unwrap();
    let error = otp.start("96553334444", Purpose::LOGIN, &at([203, 0, 113, 9])).await.unwrap_err();
    assert!(matches!(error, StartError::NeedsHuman), "{error:?}");
    otp.start("96553334444", Purpose::LOGIN, &at([203, 0, 113, 9]).human(true)).await.unwrap();
}

async fn a_known_device_is_not_locked_out_by_strangers(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.failures(5).build().unwrap();
    let (stranger, code) = world.start(&otp, NUMBER).await;
    for _ in 0..2 {
        world.resend(&otp, &stranger).await.unwrap();
    }
    tries(&otp, &stranger, (0..5).map(|nth| other_than(&code, nth))).await;
    let known = at([198, 51, 100, 1]).known(true);
    otp.start(NUMBER, Purpose::LOGIN, &at([198, 51, 100, 1])).await.unwrap_err();
    let started = otp.start(NUMBER, Purpose::LOGIN, &known).await.unwrap();
    // The lane is the challenge's: it is not asked again for another message, nor when the code is typed.
    let elsewhere = at([198, 51, 100, 2]);
    world.place.pass(PAUSE).await;
    otp.resend(&started.challenge, &elsewhere).await.unwrap();
    let verified = otp.verify(&started.challenge, Purpose::LOGIN, world.code(NUMBER), &elsewhere).await;
    assert!(verified.is_ok());
}

async fn a_country_stops_where_nobody_verifies_and_goes_on_where_they_do(place: Place) {
    let world = World::new(place);
    let otp = world
        .builder()
        .await
        .countries([Region::KW, Region::SA])
        .breaker(Breaker::unverified(4).share(50))
        .per_address(1_000)
        .build()
        .unwrap();
    let start = async |i: u32| otp.start(format!("9655{i:07}"), Purpose::LOGIN, &caller()).await;
    let (capture, guard) = crate::capture::Capture::start();
    let mut challenges = Vec::new();
    for i in 0..4 {
        challenges.push((
            start(i * 10_000).await.unwrap().challenge,
            world.code(&format!("9655{:07}", i * 10_000)),
        ));
    }
    let error = start(40_000).await.unwrap_err();
    assert!(matches!(error, StartError::Limited { scope: Scope::Breaker, .. }), "{error:?}");
    drop(guard);
    let told = capture.all().into_iter().find(|seen| seen.get("event") == Some("breaker")).unwrap();
    assert_eq!((told.get("country"), told.level), (Some("965"), tracing::Level::ERROR));
    // Another country goes on, and so does this one when codes are verified.
    otp.start("966551234567", Purpose::LOGIN, &caller()).await.unwrap();
    for (challenge, code) in &challenges {
        assert_eq!(tries(&otp, challenge, [code]).await, ["verified"]);
    }
    for i in 5..9 {
        start(i * 10_000).await.unwrap();
    }
    start(90_000).await.unwrap_err();
    // On a new day half of the counts is left: two unverified ones.
    world.place.pass(25 * HOUR).await;
    for i in 10..12 {
        start(i * 10_000).await.unwrap();
    }
    start(120_000).await.unwrap_err();
}

/// So many numbers, no two of one block.
fn neighbourless(from: u32, count: u32) -> impl Iterator<Item = String> {
    (from..from + count).map(|i| format!("9655{:03}0000", i))
}

// Guard: a count with a share is remembered for another window, also where nothing of it was verified.
async fn a_country_where_nobody_verifies_begins_its_day_with_half(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.breaker(Breaker::unverified(4)).per_address(1_000).build().unwrap();
    let mut numbers = neighbourless(0, 9);
    let mut next = || numbers.next().unwrap();
    for _ in 0..4 {
        world.start(&otp, &next()).await;
    }
    world.place.pass(25 * HOUR).await;
    otp.sweep().await.unwrap();
    for _ in 0..2 {
        world.start(&otp, &next()).await;
    }
    let error = otp.start(next(), Purpose::LOGIN, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::Limited { scope: Scope::Breaker, .. }), "{error:?}");
}

// Guard: the share in the condition of the count's update, and what is verified being counted.
async fn a_country_goes_on_up_to_a_share_of_what_is_verified(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.breaker(Breaker::unverified(1).share(50)).per_address(1_000);
    let otp = otp.build().unwrap();
    for number in neighbourless(0, 6) {
        let (challenge, code) = world.start(&otp, &number).await;
        assert_eq!(tries(&otp, &challenge, [code]).await, ["verified"]);
    }
    // Half of six, where the number alone would be one.
    for number in neighbourless(10, 3) {
        world.start(&otp, &number).await;
    }
    let error = otp.start("96559990000", Purpose::LOGIN, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::Limited { scope: Scope::Breaker, .. }), "{error:?}");
}

// Guard: what was not sent is no message of its challenge either.
async fn only_messages_that_may_have_gone_out_are_taken_off_when_a_code_is_verified(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.breaker(Breaker::unverified(3)).per_address(1_000).build().unwrap();
    let mut numbers = neighbourless(0, 9);
    let mut next = || numbers.next().unwrap();
    let (verified, _) = world.start(&otp, &next()).await;
    world.resend(&otp, &verified).await.unwrap();
    let code = world.posted_code();
    world.place.pass(PAUSE).await;
    world.sandbox.faults().push(Fault::code("ERR013").on("send"));
    otp.resend(&verified, &caller()).await.unwrap_err();
    world.start(&otp, &next()).await;
    otp.start(next(), Purpose::LOGIN, &caller()).await.unwrap_err(); // three are out: two of one challenge
    assert_eq!(tries(&otp, &verified, [code]).await, ["verified"]);
    // Two are off, and not the third, which nobody got.
    world.start(&otp, &next()).await;
    world.start(&otp, &next()).await;
    otp.start(next(), Purpose::LOGIN, &caller()).await.unwrap_err();
}

async fn a_message_that_is_refused_late_is_not_taken_off_either(place: Place) {
    let pause = Duration::from_secs(17);
    let slow = place.longer_than(pause);
    let world = World::new(place);
    let otp = world.builder().await.breaker(Breaker::unverified(3)).resend_after(pause).build().unwrap();
    let mut numbers = neighbourless(0, 9);
    let mut next = || numbers.next().unwrap();
    world.start(&otp, &next()).await;
    world.sandbox.faults().push(Fault::code("ERR013").after(slow).on("send"));
    let number = next();
    let started = otp.start_in_background(&number, Purpose::LOGIN, &caller()).await.unwrap();
    until(|| world.sandbox.requests().len() == 2).await;
    world.place.pass(pause).await;
    otp.resend(&started.challenge, &caller()).await.unwrap();
    otp.settled().await;
    assert_eq!(tries(&otp, &started.challenge, [world.code(&number)]).await, ["verified"]);
    // One is left, the first number's.
    world.start(&otp, &next()).await;
    world.start(&otp, &next()).await;
    otp.start(next(), Purpose::LOGIN, &caller()).await.unwrap_err();
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
