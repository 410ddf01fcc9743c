//! What an attacker tries who has the page, the source, and the database without the key. Above each test stands the guard
//! without which it fails.

use std::time::Duration;

use futures::future::join_all;
use kwtsms_async::otp::{Breaker, Budget, Caller, Challenge, Otp, Purpose, Scope, StartError, VerifyError};

use super::world::*;

over_every_store! {
    two_hundred_guesses_at_once_are_five_comparisons
    the_right_code_at_once_a_hundred_times_is_verified_once
    the_right_code_on_the_last_attempt_is_verified
    a_right_code_among_wrong_ones_is_verified_if_its_turn_comes
    another_message_gives_no_new_attempts
    fresh_challenges_do_not_buy_guesses
    failures_are_counted_again_when_their_hour_is_over
    guesses_at_many_challenges_of_a_number_at_once_are_counted_together
    a_success_gives_the_number_its_guesses_back
    a_code_of_another_purpose_challenge_session_or_number_is_worth_nothing
    every_spelling_of_a_number_shares_one_pause
    a_hundred_starts_at_once_are_one_message
    a_hundred_resends_at_once_are_one_message
    what_is_refused_takes_nothing_of_any_limit
    a_flood_costs_the_budget_and_no_more
    at_expiry_a_right_code_is_expired
    a_verified_code_is_used_on_every_replica
    starts_resends_and_guesses_at_once_stay_within_every_limit
}

fn count(words: &[String], word: &str) -> usize {
    words.iter().filter(|seen| seen.starts_with(word)).count()
}

/// Types codes all at once, on several replicas in turn.
async fn at_once(replicas: &[Otp], challenge: &Challenge, codes: Vec<String>) -> Vec<String> {
    let tasks = codes.into_iter().enumerate().map(|(i, code)| {
        let (otp, challenge) = (replicas[i % replicas.len()].clone(), challenge.clone());
        tokio::spawn(async move { word(&verify(&otp, &challenge, &code).await) })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

// Guard: the comparison of `attempts` with `max_attempts` in the step that counts.
async fn two_hundred_guesses_at_once_are_five_comparisons(place: Place) {
    let world = World::new(place);
    let replicas = [world.otp().await, world.otp().await];
    let (challenge, code) = world.start(&replicas[0], NUMBER).await;
    let words = at_once(&replicas, &challenge, (0..200).map(|nth| other_than(&code, nth)).collect()).await;
    assert_eq!((count(&words, "wrong"), count(&words, "spent")), (5, 195), "{words:?}");
    for left in 0..5 {
        assert_eq!(words.iter().filter(|word| **word == format!("wrong {left}")).count(), 1);
    }
    assert_eq!(tries(&replicas[0], &challenge, [code]).await, ["spent"]);
}

// Guard: `used_at` in the step that compares.
async fn the_right_code_at_once_a_hundred_times_is_verified_once(place: Place) {
    let world = World::new(place);
    let replicas = [world.otp().await, world.otp().await];
    let (challenge, code) = world.start(&replicas[0], NUMBER).await;
    let words = at_once(&replicas, &challenge, vec![code; 104]).await;
    assert_eq!((count(&words, "verified"), count(&words, "used")), (1, 103), "{words:?}");
}

// Guard: the attempt is compared when it is the last, and not only counted.
async fn the_right_code_on_the_last_attempt_is_verified(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    let mut codes: Vec<String> = (0..4).map(|nth| other_than(&code, nth)).collect();
    codes.push(code);
    assert_eq!(
        tries(&otp, &challenge, codes).await,
        ["wrong 4", "wrong 3", "wrong 2", "wrong 1", "verified"]
    );
}

async fn a_right_code_among_wrong_ones_is_verified_if_its_turn_comes(place: Place) {
    let world = World::new(place);
    let replicas = [world.otp().await, world.otp().await];
    for round in 0..6 {
        let number = format!("9655000000{round}");
        let (challenge, code) = world.start(&replicas[0], &number).await;
        let mut codes: Vec<String> = (0..20).map(|nth| other_than(&code, nth)).collect();
        codes.insert(round * 3, code.clone());
        let words = at_once(&replicas, &challenge, codes).await;
        let (verified, wrong) = (count(&words, "verified"), count(&words, "wrong"));
        assert!(verified <= 1 && verified + wrong <= 5, "{words:?}");
        // Its turn came exactly where it found the challenge neither spent nor used.
        assert_eq!(verified == 1, words[round * 3] == "verified", "{words:?}");
        assert!(verified == 1 || (wrong == 5 && words[round * 3] == "spent"), "{words:?}");
    }
}

// Guard: `attempts` is kept where a new code is written.
async fn another_message_gives_no_new_attempts(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    tries(&otp, &challenge, (0..4).map(|nth| other_than(&code, nth))).await;
    let again = world.resend(&otp, &challenge).await.unwrap();
    assert_eq!(again.attempts_left, 1);
    let code = world.code(NUMBER);
    assert_eq!(tries(&otp, &challenge, [other_than(&code, 9), code]).await, ["wrong 0", "spent"]);
}

// Guard: the count of the number's failures.
async fn fresh_challenges_do_not_buy_guesses(place: Place) {
    let world = World::new(place);
    let otp = world.generous().await;
    let mut compared = 0;
    for round in 0..2 {
        let (challenge, code) = world.start(&otp, NUMBER).await;
        compared += count(&tries(&otp, &challenge, (0..5).map(|nth| other_than(&code, nth))).await, "wrong");
        assert_eq!(compared, 5 * (round + 1));
        world.place.pass(PAUSE).await;
    }
    // No further code is sent, and one that was sent is not compared.
    let error = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap_err();
    assert!(matches!(error, StartError::Limited { scope: Scope::Failures, .. }), "{error:?}");
    world.place.pass(HOUR).await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    assert_eq!(tries(&otp, &challenge, [code]).await, ["verified"]);
}

// Guard: a guess begins the window anew where the one before is over, and not only a message does.
async fn failures_are_counted_again_when_their_hour_is_over(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.failures(3).build().unwrap();
    let (first, code) = world.start(&otp, NUMBER).await;
    let wrong = |code: &str| (0..4).map(|nth| other_than(code, nth)).collect::<Vec<_>>();
    assert_eq!(tries(&otp, &first, &wrong(&code)[..2]).await, ["wrong 4", "wrong 3"]);
    world.place.pass(58 * MINUTE).await;
    let (second, code) = world.start(&otp, NUMBER).await;
    world.place.pass(3 * MINUTE).await; // the hour ends, and the code lives
    let words = tries(&otp, &second, &wrong(&code)).await;
    assert_eq!(words, ["wrong 4", "wrong 3", "wrong 2", "limited"]);
    assert!(
        matches!(verify(&otp, &second, &code).await, Err(VerifyError::Limited(after)) if after > 59 * MINUTE)
    );
}

// Guard: in PostgreSQL, the lock of the challenge before the count of the number's failures.
async fn guesses_at_many_challenges_of_a_number_at_once_are_counted_together(place: Place) {
    let world = World::new(place);
    // In eight purposes, so that eight challenges of one number live at the same time.
    let otp =
        world.builder().await.resend_after(Duration::from_secs(16)).per_number(100, 100).per_address(100);
    let otp = otp.expiry(10 * MINUTE).build().unwrap();
    let other = world.builder().await.per_number(100, 100).per_address(100).build().unwrap();
    let mut challenges = Vec::new();
    for _ in 0..8 {
        challenges.push(world.start(&otp, NUMBER).await);
        world.place.pass(Duration::from_secs(17)).await;
    }
    let tasks = challenges.iter().flat_map(|(challenge, code)| {
        (0..5).map(|nth| {
            let otp = if nth % 2 == 0 { otp.clone() } else { other.clone() };
            let (challenge, code) = (challenge.clone(), other_than(code, nth));
            tokio::spawn(async move { word(&verify(&otp, &challenge, &code).await) })
        })
    });
    let words: Vec<String> =
        join_all(tasks.collect::<Vec<_>>()).await.into_iter().map(Result::unwrap).collect();
    assert_eq!((count(&words, "wrong"), count(&words, "limited")), (10, 30), "{words:?}");
    let (challenge, code) = &challenges[7];
    match verify(&otp, challenge, code).await {
        Err(VerifyError::Limited(after)) => assert!(after > 50 * MINUTE && after <= HOUR, "{after:?}"),
        other => panic!("{other:?}"),
    }
}

async fn a_success_gives_the_number_its_guesses_back(place: Place) {
    let world = World::new(place);
    let otp = world.generous().await;
    for _ in 0..4 {
        let (challenge, code) = world.start(&otp, NUMBER).await;
        let mut codes: Vec<String> = (0..4).map(|nth| other_than(&code, nth)).collect();
        codes.push(code);
        assert_eq!(count(&tries(&otp, &challenge, codes).await, "verified"), 1);
        world.place.pass(PAUSE).await;
    }
}

// Guard: each of the fields that the context and the code's HMAC are made over.
async fn a_code_of_another_purpose_challenge_session_or_number_is_worth_nothing(place: Place) {
    let world = World::new(place);
    let brief = Duration::from_secs(16);
    let otp = world.builder().await.resend_after(brief).per_address(100).build().unwrap();
    let session = caller().session("one");
    let start = async |number: &str, purpose| {
        let started = otp.start(number, purpose, &session).await.unwrap();
        world.place.pass(brief).await;
        (started.challenge, world.code(number))
    };
    let (challenge, code) = start(NUMBER, Purpose::LOGIN).await;
    let (same_number, other_code) = start(NUMBER, Purpose::LOGIN).await;
    let (other_number, third_code) = start("96551112222", Purpose::LOGIN).await;
    let verify = async |challenge: &Challenge, purpose, code: &str, caller: Caller| {
        word(&otp.verify(challenge, purpose, code, &caller).await)
    };
    assert_eq!(verify(&challenge, Purpose::RESET_PASSWORD, &code, session.clone()).await, "notfound");
    assert_eq!(verify(&challenge, Purpose::LOGIN, &code, caller().session("two")).await, "notfound");
    assert_eq!(verify(&challenge, Purpose::LOGIN, &code, caller()).await, "notfound");
    for (challenge, wrong) in [(&same_number, &code), (&other_number, &code), (&same_number, &third_code)] {
        if *wrong != other_code && *wrong != third_code {
            assert!(verify(challenge, Purpose::LOGIN, wrong, session.clone()).await.starts_with("wrong"));
        }
    }
    // A session may not be left out at the start and named later, nor the other way round.
    let bare = otp.start("96553334444", Purpose::LOGIN, &caller()).await.unwrap();
    let bare_code = world.code("96553334444");
    assert_eq!(verify(&bare.challenge, Purpose::LOGIN, &bare_code, caller().session("")).await, "notfound");
    assert_eq!(verify(&bare.challenge, Purpose::LOGIN, &bare_code, caller()).await, "verified");
    // None of it has used anything up but attempts.
    world.place.pass(Duration::from_secs(1)).await;
    assert_eq!(verify(&same_number, Purpose::LOGIN, &other_code, session.clone()).await, "verified");
}

// Guard: the number is read before it becomes a key.
async fn every_spelling_of_a_number_shares_one_pause(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.per_address(1_000).build().unwrap();
    world.start(&otp, NUMBER).await;
    let spellings = spellings();
    assert!(spellings.len() >= 50, "{}", spellings.len());
    for spelling in &spellings {
        too_soon(otp.start(spelling.as_str(), Purpose::LOGIN, &caller())).await;
    }
    assert_eq!(world.messages(), 1);
}

/// 965 9876 5432 as people write it.
fn spellings() -> Vec<String> {
    let digits = |zero: char| -> String {
        NUMBER.chars().map(|c| char::from_u32(zero as u32 + c as u32 - '0' as u32).unwrap()).collect()
    };
    let mut spellings = Vec::new();
    for number in ['0', '٠', '۰', '０', '०'].map(digits) {
        let part = |from: usize, to: usize| number.chars().skip(from).take(to - from).collect::<String>();
        let (country, first, last) = (part(0, 3), part(3, 7), part(7, 11));
        for sign in ["", "+", "00"] {
            for between in ["", " ", "-", "\u{a0}"] {
                spellings.push(format!("{sign}{country}{between}{first}{between}{last}"));
            }
        }
        spellings.push(format!("(+{country}) {first} {last}"));
        spellings.push(format!("  \u{200f}+{country}{first}{last}\n"));
    }
    spellings
}

// Guard: the limit in the condition of the count's update.
async fn a_hundred_starts_at_once_are_one_message(place: Place) {
    let world = World::new(place);
    let replicas = [world.otp().await, world.otp().await];
    let starts = (0..100).map(|i| {
        let otp = replicas[i % 2].clone();
        tokio::spawn(async move { otp.start(NUMBER, Purpose::LOGIN, &caller()).await })
    });
    let results: Vec<_> = join_all(starts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(matches!(error, StartError::TooSoon(_)) || is_late(error), "{error:?}");
    }
    assert_eq!(world.messages(), 1);
}

async fn a_hundred_resends_at_once_are_one_message(place: Place) {
    let world = World::new(place);
    let replicas = [world.otp().await, world.otp().await];
    let (challenge, _) = world.start(&replicas[0], NUMBER).await;
    world.place.pass(PAUSE).await;
    let resends = (0..100).map(|i| {
        let (otp, challenge) = (replicas[i % 2].clone(), challenge.clone());
        tokio::spawn(async move { otp.resend(&challenge, &caller()).await.is_ok() })
    });
    let sent = join_all(resends).await.into_iter().filter(|result| *result.as_ref().unwrap()).count();
    assert_eq!((sent, world.messages()), (1, 2));
    assert_eq!(tries(&replicas[1], &challenge, [world.code(NUMBER)]).await, ["verified"]);
}

// Guard: all limits are taken or none.
async fn what_is_refused_takes_nothing_of_any_limit(place: Place) {
    let world = World::new(place);
    let otp = world.builder().await.per_address(2).per_prefix(2).per_country(2).build().unwrap();
    let (challenge, _) = world.start(&otp, NUMBER).await;
    for _ in 0..3 {
        too_soon(otp.start(NUMBER, Purpose::LOGIN, &caller())).await;
        too_soon(otp.resend(&challenge, &caller())).await;
    }
    world.start(&otp, "96598760000").await;
}

// Guard: the budget's counts.
async fn a_flood_costs_the_budget_and_no_more(place: Place) {
    let world = World::new(place);
    let otp = world
        .builder()
        .await
        .budget(Budget::credits(20).per_hour().and_credits(30).per_day())
        .breaker(Breaker::off())
        .build()
        .unwrap();
    // Every number and every address is another one.
    let flood = async |round: u32| {
        let starts = (0..150u32).map(|i| {
            let otp = otp.clone();
            let (number, from) = (format!("9655{:03}{:04}", i, round), [203, 0, round as u8, i as u8]);
            tokio::spawn(async move { otp.start(number, Purpose::LOGIN, &at(from)).await.is_ok() })
        });
        join_all(starts).await.into_iter().filter(|result| *result.as_ref().unwrap()).count()
    };
    assert_eq!(flood(1).await, 20);
    world.place.pass(HOUR).await;
    assert_eq!(flood(2).await, 10, "the day's");
    world.place.pass(HOUR).await;
    assert_eq!(flood(3).await, 0);
    assert_eq!(world.messages(), 30);
}

// Guard: the comparison of the code's expiry with the store's clock.
async fn at_expiry_a_right_code_is_expired(place: Place) {
    let world = World::new(place);
    let otp = world.otp().await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    world.place.pass(5 * MINUTE).await;
    assert_eq!(tries(&otp, &challenge, [&code, &code]).await, ["expired", "expired"]);
    // Where another message is of unknown outcome, the code before lives no longer than it would have.
    world.sandbox.faults().push(kwtsms_async::sandbox::Fault::drop_after_accepting().on("send"));
    otp.resend(&challenge, &caller()).await.unwrap();
    assert_eq!(tries(&otp, &challenge, [&code]).await, ["superseded 4"]);
    world.place.pass(5 * MINUTE).await;
    assert_eq!(tries(&otp, &challenge, [world.code(NUMBER)]).await, ["expired"]);
}

async fn a_verified_code_is_used_on_every_replica(place: Place) {
    let world = World::new(place);
    let (one, other) = (world.otp().await, world.otp().await);
    let (challenge, code) = world.start(&one, NUMBER).await;
    assert_eq!(tries(&other, &challenge, [&code]).await, ["verified"]);
    for otp in [&one, &other] {
        assert_eq!(tries(otp, &challenge, [&code]).await, ["used"]);
        world.place.pass(PAUSE).await;
        let result = otp.resend(&challenge, &caller()).await;
        assert!(matches!(result, Err(StartError::Ended)), "{result:?}");
    }
}

// No deadlock, no refusal without a reason, and at most what the limits allow.
async fn starts_resends_and_guesses_at_once_stay_within_every_limit(place: Place) {
    let world = World::new(place);
    let otp = world
        .builder()
        .await
        .resend_after(Duration::from_secs(16))
        .per_number(20, 20)
        .per_address(60)
        .per_prefix(60)
        .attempts(10)
        .failures(10)
        .breaker(Breaker::off())
        .build()
        .unwrap();
    let mut challenges = Vec::new();
    for i in 0..4 {
        challenges.push(world.start(&otp, &format!("9655000000{i}")).await);
    }
    for _ in 0..6 {
        world.place.pass(Duration::from_secs(17)).await;
        let tasks = challenges.iter().enumerate().flat_map(|(i, (challenge, code))| {
            let resend = {
                let (otp, challenge) = (otp.clone(), challenge.clone());
                tokio::spawn(async move {
                    match otp.resend(&challenge, &caller()).await {
                        Ok(_)
                        | Err(StartError::TooSoon(_) | StartError::Limited { .. } | StartError::Ended) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                })
            };
            let start = {
                let otp = otp.clone();
                tokio::spawn(async move {
                    match otp.start(format!("9655000000{i}"), Purpose::SIGN_UP, &caller()).await {
                        Ok(_) | Err(StartError::TooSoon(_) | StartError::Limited { .. }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                })
            };
            let guess = {
                let (otp, challenge, code) = (otp.clone(), challenge.clone(), other_than(code, 7));
                tokio::spawn(async move {
                    if let Err(VerifyError::Store(error)) = verify(&otp, &challenge, &code).await {
                        panic!("{error:?}");
                    }
                })
            };
            [resend, start, guess]
        });
        for done in join_all(tasks.collect::<Vec<_>>()).await {
            done.unwrap();
        }
    }
    // One message a number in each round, by a start or a resend.
    assert_eq!(world.messages(), 4 + 4 * 6);
}

// Guard: the isolation is said with every statement; under the server's own a third of the guesses failed.
#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_serializable_by_default_compares_as_many_guesses() {
    let Some(place) = Place::postgres().await else { return };
    let url = format!("{}&options=-c%20default_transaction_isolation%3Dserializable", place.url());
    let world = World::new(place);
    let store = kwtsms_async::Store::open(&url).await.unwrap();
    let otp = world.builder_over((&store).into()).build().unwrap();
    let (challenge, code) = world.start(&otp, NUMBER).await;
    let codes = (0..200).map(|nth| other_than(&code, nth)).collect();
    let words = at_once(&[otp.clone(), otp.clone()], &challenge, codes).await;
    assert_eq!((count(&words, "wrong"), count(&words, "spent")), (5, 195), "{words:?}");
    let replicas = [otp.clone(), otp];
    let starts = (0..40).map(|i| {
        let otp = replicas[i % 2].clone();
        tokio::spawn(async move { otp.start("96551112222", Purpose::LOGIN, &caller()).await })
    });
    let results: Vec<_> = join_all(starts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(!results.iter().any(|result| matches!(result, Err(StartError::Store(_)))), "{results:?}");
}

// Guard: `src/otp/random.rs`. What a code looks like does not tell where it comes from, so the sources are read.
#[test]
fn what_is_random_comes_from_the_operating_system_alone() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/otp");
    let mut random = 0;
    for folder in [folder.clone(), folder.join("store")] {
        for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            random += usize::from(text.contains("SystemRandom::new().fill(&mut bytes)"));
            for other in
                ["fastrand", "thread_rng", "rand::random", "RandomState", "math.random", "random()::"]
            {
                assert!(!text.contains(other), "{} in {}", other, file.display());
            }
        }
    }
    assert_eq!(random, 1, "one place asks for it");
}
