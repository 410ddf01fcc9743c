//! How much a number, an address, a country and all together may ask for, and what gives room again.

use std::time::Duration;

use kwtsms_async::otp::{Breaker, HumanCheck, Purpose, Scope, StartError};
use kwtsms_async::sandbox::Fault;
use kwtsms_async::{PhoneError, Region};

use super::world::*;

over_every_store! {
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
