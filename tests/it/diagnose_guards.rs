//! `diagnose()` of the guards that are set: what each holds now.

use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{CheckStatus, Client, ClientBuilder, Credits, Diagnosis, SpendLimit};

use crate::gateway::{builder, gateway, numbers};

fn credits(credits: i64) -> Credits {
    Credits::from_int(credits)
}

fn guarded(sandbox: &Sandbox, guards: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    guards(builder(sandbox).unpaced()).build().unwrap()
}

/// Checks a status and words of what was seen, and that there is something to do where there has to be.
#[track_caller]
fn says(found: &Diagnosis, name: &str, status: CheckStatus, words: &str) {
    let check = found.check(name).unwrap_or_else(|| panic!("no {name} in\n{found}"));
    assert_eq!(check.status(), status, "{check:?}");
    assert!(check.seen().contains(words), "{check:?}");
    let is_bad = matches!(status, CheckStatus::Warning | CheckStatus::Failed);
    assert_eq!(check.action().is_some(), is_bad, "{check:?}");
}

use CheckStatus::{Failed, Ok as Good, Skipped, Warning};

#[tokio::test(start_paused = true)]
async fn a_guard_that_is_not_set_is_not_named() {
    let found = guarded(&gateway(), |client| client).diagnose().number("96598765432").await;
    for name in ["only_to", "spend_limit", "balance_floor", "quiet_hours"] {
        assert!(found.check(name).is_none(), "{found}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_to_says_how_many_and_whether_the_number_is_among_them() {
    let sandbox = gateway();
    let client = guarded(&sandbox, |client| client.only_to(["96598765432", "96551234567"]));
    let found = client.diagnose().await;
    says(&found, "only_to", Warning, "2 numbers are written to, and nobody else");
    let found = client.diagnose().number("+965 9876 5432").await;
    says(&found, "only_to", Good, "2 numbers are written to, and nobody else; 965****432 is among them");
    let found = client.diagnose().number("96598765433").show_numbers().await;
    says(&found, "only_to", Failed, "96598765433 is not among them");
    says(&client.diagnose().number("12").await, "only_to", Warning, "2 numbers");
    let nobody = guarded(&sandbox, |client| client.only_to(Vec::<String>::new()));
    says(&nobody.diagnose().await, "only_to", Failed, "names nobody");
}

#[tokio::test(start_paused = true)]
async fn the_spend_limit_says_what_is_spent_and_when_it_is_free_again() {
    let sandbox = gateway();
    let limit = SpendLimit::new().per_hour(credits(10)).per_day(credits(12));
    let client = guarded(&sandbox, |client| client.spend_limit(limit));
    let found = client.diagnose().await;
    says(
        &found,
        "spend_limit",
        Good,
        "0 of 10 credits spent within an hour; 0 of 12 credits spent within a day",
    );
    client.send(numbers(9), "Hello").await.unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let found = client.diagnose().await;
    let seen = "9 of 10 credits spent within an hour, the oldest of them free again in 51 min; 9 of 12 credits spent \
                within a day, the oldest of them free again in 23 h 51 min; counted by this process alone";
    says(&found, "spend_limit", Good, seen);
    let found = client.diagnose().message("é".repeat(161)).await; // of two pages
    says(&found, "spend_limit", Failed, "there is no room for 2 more, but in 51 min");
    let found = client.diagnose().message("ب".repeat(69 * 12)).await;
    says(&found, "text", Failed, "pages");
    let small =
        guarded(&sandbox, |client| client.spend_limit(SpendLimit::new().per_day("0.5".parse().unwrap())));
    says(&small.diagnose().await, "spend_limit", Failed, "a message of 1 alone is above it");
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let found = client.diagnose().await;
    says(
        &found,
        "spend_limit",
        Good,
        "0 of 10 credits spent within an hour; 9 of 12 credits spent within a day",
    );
}

#[tokio::test(start_paused = true)]
async fn the_floor_is_held_against_the_balance() {
    let sandbox = gateway();
    let client = guarded(&sandbox, |client| client.balance_floor(credits(350)));
    sandbox.account("user").set_balance(351);
    says(&client.diagnose().await, "balance_floor", Good, "leave 350 credits; the balance is 351");
    sandbox.account("user").set_balance(350);
    says(
        &client.diagnose().await,
        "balance_floor",
        Warning,
        "runs and campaigns stop; single messages still go out",
    );
    sandbox.faults().push(Fault::code("ERR003"));
    let found = client.diagnose().await;
    assert_eq!(found.check("balance_floor").unwrap().status(), Skipped, "{found}");
}

#[tokio::test]
async fn quiet_hours_are_now_or_not() {
    let sandbox = gateway();
    let client = |hours: &str| {
        let hours = hours.to_owned();
        guarded(&sandbox, |client| client.quiet_hours(hours, "Asia/Kuwait"))
    };
    let found = client("00:00-24:00").diagnose().await;
    says(&found, "quiet_hours", Warning, "00:00-24:00 Asia/Kuwait, and so now: bulk messages wait for ");
    // Of these three at least one is not now, whatever the time, and even if it changes meanwhile.
    let mut later = 0;
    for hours in ["00:00-08:00", "08:00-16:00", "16:00-24:00"] {
        let found = client(hours).diagnose().await;
        let check = found.check("quiet_hours").unwrap();
        if check.status() == Good {
            assert!(check.seen().contains(", not now: they begin in "), "{check:?}");
            later += 1;
        }
    }
    assert!(later >= 1);
}
