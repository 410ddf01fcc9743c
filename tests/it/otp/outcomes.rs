//! The table of outcomes, line by line: what a message's fate does to the new code, to the one before, and to the
//! limits.

use std::time::Duration;

use kwtsms_async::otp::{Budget, Challenge, CodeDelivery, Otp, Purpose, Scope, StartError, Started};
use kwtsms_async::sandbox::Fault;
use kwtsms_async::{Delivery, UserMessage};

use super::world::*;

over_every_store! {
    an_accepted_code_is_valid_and_the_one_before_is_superseded
    a_code_whose_answer_was_lost_is_valid_and_so_is_the_one_before
    a_code_that_was_not_sent_is_dropped_and_the_one_before_is_valid
    a_refused_code_is_dropped_and_the_one_before_is_valid
    what_was_not_sent_gives_all_limits_back
    what_may_have_been_sent_keeps_all_limits
    a_number_that_the_gateway_refuses_keeps_paying_with_its_address
    the_gateways_own_pause_is_told_and_kept
    a_first_message_that_was_not_sent_leaves_nothing_to_guess
    an_outcome_that_comes_late_changes_no_newer_code
    a_call_dropped_while_the_message_is_under_way_is_settled_all_the_same
    the_reply_in_the_background_comes_before_the_message
    a_dearer_message_takes_more_of_the_budget
}

/// A challenge with a code that was accepted, and the same after another message of this fate.
async fn second_message(
    world: &World,
    otp: &Otp,
    fault: Option<Fault>,
) -> (Challenge, String, String, Result<Started, StartError>) {
    let (challenge, before) = world.start(otp, NUMBER).await;
    if let Some(fault) = fault {
        world.sandbox.faults().push(fault.on("send"));
    }
    let result = world.resend(otp, &challenge).await;
    (challenge, before, world.code(NUMBER), result)
}

async fn an_accepted_code_is_valid_and_the_one_before_is_superseded(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let (challenge, before, new, result) = second_message(&world, &otp, None).await;
    let started = result.unwrap();
    assert_eq!((started.delivery, started.attempts_left), (CodeDelivery::Accepted, 5));
    assert_eq!(started.challenge, challenge, "it stays the same challenge");
    assert_ne!(before, new);
    assert_eq!(tries(&otp, &challenge, [&before, &new]).await, ["superseded 4", "verified"]);
}

async fn a_code_whose_answer_was_lost_is_valid_and_so_is_the_one_before(place: Place) {
    for newest in [true, false] {
        let world = World::new(place.clone());
        let otp = world.otp().await;
        let (challenge, before, new, result) =
            second_message(&world, &otp, Some(Fault::drop_after_accepting())).await;
        assert_eq!(result.unwrap().delivery, CodeDelivery::Unknown);
        assert_eq!(world.messages(), 2, "it is not sent again by itself");
        assert_eq!(tries(&otp, &challenge, [if newest { &new } else { &before }]).await, ["verified"]);
        assert_eq!(tries(&otp, &challenge, [&new, &before]).await, ["used", "used"]);
    }
}

async fn a_code_that_was_not_sent_is_dropped_and_the_one_before_is_valid(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let fault = Fault::refuse_connection().times(3);
    let (challenge, before, _, result) = second_message(&world, &otp, Some(fault)).await;
    match result.unwrap_err() {
        StartError::Failed(error) => assert_eq!(error.delivery(), Delivery::NotSent),
        other => panic!("{other:?}"),
    }
    assert_eq!(tries(&otp, &challenge, [&before]).await, ["verified"]);
}

async fn a_refused_code_is_dropped_and_the_one_before_is_valid(place: Place) {
    for code in ["ERR003", "ERR006", "ERR010", "ERR013", "ERR028", "ERR031", "ERR099"] {
        let world = World::new(place.clone());
        let otp = world.otp().await;
        let (challenge, before, _, result) = second_message(&world, &otp, Some(Fault::code(code))).await;
        match result.unwrap_err() {
            StartError::Failed(error) => assert_eq!(error.code().unwrap(), code),
            StartError::TooSoon(_) => assert_eq!(code, "ERR028"),
            other => panic!("{code}: {other:?}"),
        }
        let refused = world.posted_code();
        assert_ne!(refused, before);
        assert_eq!(tries(&otp, &challenge, [&refused, &before]).await, ["wrong 4", "verified"], "{code}");
    }
}

/// A service with room for one message of each kind, so that what stays taken is seen.
async fn tight(world: &World) -> Otp {
    world
        .builder()
        .await
        .per_number(1, 1)
        .per_address(1)
        .per_prefix(1)
        .per_country(1)
        .budget(Budget::credits(1).per_hour().and_credits(1).per_day())
        .build()
        .unwrap()
}

async fn what_was_not_sent_gives_all_limits_back(place: Place) {
    for fault in [Fault::refuse_connection().times(3), Fault::code("ERR003"), Fault::code("ERR013")] {
        let world = World::new(place.clone());
        let otp = tight(&world).await;
        world.sandbox.faults().push(fault.on("send"));
        assert!(matches!(otp.start(NUMBER, Purpose::LOGIN, &caller()).await, Err(StartError::Failed(_))));
        world.start(&otp, NUMBER).await; // at once, and with all the room there is
        assert!(matches!(
            otp.start(NUMBER, Purpose::LOGIN, &caller()).await,
            Err(StartError::Limited { .. } | StartError::Budget)
        ));
    }
}

async fn what_may_have_been_sent_keeps_all_limits(place: Place) {
    for fault in [Fault::drop_after_accepting(), Fault::drop_before_reading(), Fault::html_502()] {
        let world = World::new(place.clone());
        let otp = tight(&world).await;
        world.sandbox.faults().push(fault.on("send"));
        let started = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap();
        assert_eq!(started.delivery, CodeDelivery::Unknown);
        let again = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap_err();
        assert!(matches!(again, StartError::Limited { .. } | StartError::Budget), "{again:?}");
        // Another number meets what all numbers share.
        let again = otp.start("96551112222", Purpose::LOGIN, &at([203, 0, 113, 8])).await.unwrap_err();
        assert!(matches!(again, StartError::Budget), "{again:?}");
    }
}

async fn a_number_that_the_gateway_refuses_keeps_paying_with_its_address(place: Place) {
    for code in ["ERR006", "ERR025", "ERR026"] {
        let world = World::new(place.clone());
        let otp = world.builder().await.per_address(1).build().unwrap();
        world.sandbox.faults().push(Fault::code(code).on("send"));
        let error = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap_err();
        assert!(matches!(error, StartError::Failed(_)), "{error:?}");
        let shown = if code == "ERR026" { UserMessage::NotServed } else { UserMessage::InvalidNumber };
        assert_eq!(error.user_message(), shown);
        let error = otp.start("96551112222", Purpose::LOGIN, &caller()).await.unwrap_err();
        assert!(matches!(error, StartError::Limited { scope: Scope::Address, .. }), "{error:?}");
        // The number itself is free again: from another address it gets its message.
        otp.start(NUMBER, Purpose::LOGIN, &at([203, 0, 113, 8])).await.unwrap();
    }
    let world = World::new(place);
    let otp = world.builder().await.per_prefix(1).build().unwrap();
    world.sandbox.faults().push(Fault::code("ERR025").on("send"));
    otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap_err();
    let error = otp.start("96598760000", Purpose::LOGIN, &at([203, 0, 113, 8])).await.unwrap_err();
    assert!(matches!(error, StartError::Limited { scope: Scope::Prefix, .. }), "{error:?}");
}

async fn the_gateways_own_pause_is_told_and_kept(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    world.sandbox.faults().push(Fault::code("ERR028").on("send"));
    assert_eq!(too_soon(otp.start(NUMBER, Purpose::LOGIN, &caller())).await, Duration::from_secs(16));
    let left = too_soon(otp.start(NUMBER, Purpose::LOGIN, &caller())).await;
    assert!(left <= Duration::from_secs(16) && left > Duration::from_secs(10), "{left:?}");
    assert_eq!(world.sandbox.requests().len(), 1, "the gateway is not asked before");
    world.place.pass(Duration::from_secs(17)).await;
    world.start(&otp, NUMBER).await;
}

#[tokio::test(start_paused = true)]
async fn an_account_problem_is_told_to_the_operator_and_not_to_the_person() {
    let world = World::new(Place::memory().await.unwrap());
    let otp = world.otp().await;
    for code in ["ERR003", "ERR010", "ERR011", "ERR001", "ERR008", "ERR031"] {
        world.sandbox.faults().push(Fault::code(code).on("send"));
        let (capture, guard) = crate::capture::Capture::start();
        let error = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap_err();
        drop(guard);
        assert_eq!(error.user_message(), UserMessage::Unavailable, "{code}");
        let told = capture.all().into_iter().find(|seen| seen.get("event") == Some("operator"));
        let told = told.unwrap_or_else(|| panic!("{code} is told to nobody"));
        assert_eq!((told.get("code"), told.level), (Some(code), tracing::Level::ERROR));
    }
}

async fn a_first_message_that_was_not_sent_leaves_nothing_to_guess(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    world.sandbox.faults().push(Fault::code("ERR013").on("send"));
    let started = otp.start_in_background(NUMBER, Purpose::LOGIN, &caller()).await.unwrap();
    otp.settled().await;
    assert_eq!(world.sandbox.requests().len(), 1);
    assert_eq!(tries(&otp, &started.challenge, ["123456"]).await, ["expired"]);
}

async fn an_outcome_that_comes_late_changes_no_newer_code(place: Place) {
    // A message's answer takes long; another is asked for meanwhile and its answer is lost; then the first one's comes.
    let slow = place.longer_than(Duration::from_secs(17));
    for (fault, first_lives) in [(Fault::code("ERR013").after(slow), false), (Fault::delay(slow), true)] {
        let world = World::new(place.clone());
        let otp = world.builder().await.resend_after(Duration::from_secs(16)).build().unwrap();
        world.sandbox.faults().push(fault.on("send"));
        let started = otp.start_in_background(NUMBER, Purpose::LOGIN, &caller()).await.unwrap();
        until(|| world.sandbox.requests().len() == 1).await;
        let first = world.posted_code();
        world.place.pass(Duration::from_secs(17)).await;
        world.sandbox.faults().push(Fault::drop_after_accepting().on("send"));
        let again = otp.resend(&started.challenge, &caller()).await.unwrap();
        assert_eq!(again.delivery, CodeDelivery::Unknown);
        let second = world.code(NUMBER);
        otp.settled().await;
        // Accepted late it says nothing of the newer one, and both live; refused late it takes its own with it.
        let words = tries(&otp, &started.challenge, [first, second]).await;
        assert_eq!(words, if first_lives { ["verified", "used"] } else { ["wrong 4", "verified"] });
    }
}

async fn a_call_dropped_while_the_message_is_under_way_is_settled_all_the_same(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    world.sandbox.faults().push(Fault::delay(Duration::from_millis(300)).on("send"));
    let call = otp.start(NUMBER, Purpose::LOGIN, &caller());
    let dropped = tokio::time::timeout(Duration::from_millis(200), call).await;
    assert!(dropped.is_err());
    otp.settled().await;
    assert_eq!(world.messages(), 1);
    too_soon(otp.start(NUMBER, Purpose::LOGIN, &caller())).await;
    // What was not sent gives its room back, though nobody waits to hear of it.
    let other = "96551112222";
    world.sandbox.faults().push(Fault::code("ERR013").after(Duration::from_millis(300)).on("send"));
    let call = otp.start(other, Purpose::LOGIN, &caller());
    assert!(tokio::time::timeout(Duration::from_millis(200), call).await.is_err());
    otp.settled().await;
    world.start(&otp, other).await;
}

async fn the_reply_in_the_background_comes_before_the_message(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    world.sandbox.faults().push(Fault::delay(Duration::from_secs(1)).on("send"));
    let started = otp.start_in_background(NUMBER, Purpose::LOGIN, &caller()).await.unwrap();
    assert_eq!(started.delivery, CodeDelivery::Pending);
    until(|| world.messages() == 1).await;
    // The code is valid before the gateway has answered.
    assert_eq!(tries(&otp, &started.challenge, [world.code(NUMBER)]).await, ["verified"]);
    otp.settled().await;
}

async fn a_dearer_message_takes_more_of_the_budget(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.budget(Budget::credits(4).per_hour()).build().unwrap();
    let reply = |points: &str| {
        let body = format!(
            r#"{{"result":"OK","msg-id":"f4c841adee210f31307633ceaebff2ec","numbers":1,"points-charged":{points},"balance-after":180,"unix-timestamp":1684763355}}"#
        );
        Fault::reply(200, body).on("send")
    };
    // 2.5 credits, then one that is said to be free and takes one all the same: half a credit is left.
    for points in ["2.5", "0"] {
        world.sandbox.faults().push(reply(points));
        otp.start(numbered(points), Purpose::LOGIN, &caller()).await.unwrap();
    }
    let error = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::Budget), "{error:?}");
    world.place.pass(HOUR).await;
    world.start(&otp, NUMBER).await;
}

fn numbered(points: &str) -> &'static str {
    if points == "0" { "96550000000" } else { "96550000001" }
}

#[tokio::test(start_paused = true)]
async fn codes_pass_the_clients_guards() {
    use kwtsms_async::ErrorKind;
    use kwtsms_async::otp::{HumanCheck, OtpKeys, OtpStore};

    let sandbox = crate::gateway::gateway();
    let client = crate::gateway::builder(&sandbox).only_to("96598765433").build().unwrap();
    let otp = Otp::builder(client, OtpStore::memory(), OtpKeys::random());
    let otp = otp
        .app_name("MYAPP")
        .human_check(HumanCheck::never())
        .budget(Budget::credits(9).per_hour().and_credits(9).per_day());
    let otp = otp.build().unwrap();
    let error = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap_err();
    let StartError::Failed(error) = error else { panic!("{error:?}") };
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::NotAllowed, Delivery::NotSent));
    otp.start("96598765433", Purpose::LOGIN, &caller()).await.unwrap();
    assert_eq!(crate::gateway::sends(&sandbox).len(), 1);
}
