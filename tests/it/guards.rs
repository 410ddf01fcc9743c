//! Guards around a live account. All under paused time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kwtsms_async::events::{event, field};
use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{
    Client, ClientBuilder, Credits, Delivery, ErrorKind, Outcome, PhoneError, SpendLimit, Status, Waiting,
};
use tokio::time::Instant;

use crate::capture::Capture;
use crate::gateway::{builder, gateway, numbers, parts, sends};

fn credits(credits: i64) -> Credits {
    Credits::from_int(credits)
}

fn guarded(sandbox: &Sandbox, guards: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
    guards(builder(sandbox)).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn only_to_keeps_every_other_number_from_being_written_to_and_accounts_for_it() {
    let (capture, _guard) = Capture::start();
    let sandbox = gateway();
    let client = guarded(&sandbox, |client| client.only_to("+965 9876 5432, 96598765433"));

    let error = client.send("96550000000", "Hello").await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::NotAllowed, Delivery::NotSent));
    assert_eq!(
        (error.kind().as_str(), error.http_status(), error.is_retryable()),
        ("not_allowed", 403, false)
    );
    assert!(error.action().contains("only_to"), "{}", error.action());
    assert_eq!(parts(error.report().unwrap().account()), [0, 0, 0, 0, 1, 0]);
    let error = client.clone().send(["96550000000", "96550000001"], "Hello").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().contains("2 numbers")),
        (ErrorKind::NotAllowed, true),
        "{error}"
    );
    assert_eq!(sandbox.requests().len(), 0);

    let report = client.send(["96550000000", "96598765432"], "Hello").await.unwrap();
    assert_eq!((report.status(), report.accepted()), (Status::Partial, 1));
    let invalid = report.invalid();
    assert_eq!((invalid[0].position(), *invalid[0].reason()), (0, PhoneError::NotAllowed));
    assert!(invalid[0].reason().to_string().contains("only_to"));

    let mut many = numbers(1_000);
    many.insert(500, "96598765433".to_owned());
    let run = client.bulk(many, "Hello again");
    let handle = run.handle();
    let report = run.collect_report().await;
    assert_eq!(parts(report.account()), [1, 0, 0, 0, 1_000, 0]);
    assert_eq!(parts(handle.progress().account()), [1, 0, 0, 0, 1_000, 0]);
    assert_eq!(report.invalid()[0].input(), "96550000000", "what was handed in is told");

    let told = capture.named(event::GUARD);
    assert!(told.iter().all(|told| told.get(field::KIND) == Some("not_allowed")), "{told:?}");
    let told: f64 = told.iter().map(|told| told.number(field::NUMBERS)).sum();
    assert_eq!((told, sends(&sandbox).len()), (1_004.0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_list_of_only_to_that_cannot_be_read_is_refused_and_an_empty_one_is_nobody() {
    let sandbox = gateway();
    let error = builder(&sandbox).only_to("96598765432, 12").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(format!("{error:#}").contains("input 1 of only_to") && !format!("{error:?}").contains("9876"));
    let nobody = guarded(&sandbox, |client| client.only_to(Vec::<String>::new()));
    assert_eq!(nobody.send("96598765432", "Hello").await.unwrap_err().kind(), ErrorKind::NotAllowed);
    assert_eq!(nobody.validate("96598765432").await.unwrap().ok().len(), 1, "to ask costs nobody anything");
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_senders_at_once_exactly_as_many_go_out_as_the_limit_pays_for() {
    let (capture, _guard) = Capture::start();
    let sandbox = gateway();
    let client = guarded(&sandbox, |client| {
        client.spend_limit(SpendLimit::new().per_hour(credits(10)).per_day(credits(15)))
    });
    let calls = numbers(100).into_iter().map(|number| {
        let client = client.clone();
        tokio::spawn(async move { client.send(number, "Hello").await })
    });
    let sent = futures::future::join_all(calls).await;
    let refused: Vec<_> = sent.into_iter().filter_map(|sent| sent.unwrap().err()).collect();
    assert_eq!((sends(&sandbox).len(), refused.len()), (10, 90));
    for error in &refused {
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::SpendLimit, Delivery::NotSent));
        let opens = error.retry_after().unwrap();
        assert!(opens <= Duration::from_secs(3_660) && opens > Duration::from_secs(3_500), "{opens:?}");
        assert!(error.is_retryable() && error.http_status() == 503);
        assert!(error.to_string().contains("10 credits an hour"), "{error}");
    }
    assert_eq!(capture.named(event::GUARD).len(), 90);

    // In test mode nothing is spent; two pages to a number cost 2.
    client.send(numbers(50), "Hello").test_mode(true).await.unwrap();
    let opens = refused.iter().filter_map(|error| error.retry_after()).max().unwrap();
    tokio::time::sleep(opens).await;
    client.send("96551000000", "é".repeat(161)).await.unwrap();
    client.send(["96551000001", "96551000002", "96551000003"], "Hello").await.unwrap();
    let day = client.send("96551000004", "Hello").await.unwrap_err();
    assert!(day.to_string().contains("15 credits a day"), "{day}");
    assert!(day.retry_after().unwrap() > Duration::from_secs(22 * 3_600), "{:?}", day.retry_after());
    let never = client.send(numbers(16), "Hello").await.unwrap_err();
    assert_eq!(
        (never.kind(), never.retry_after(), never.is_retryable()),
        (ErrorKind::SpendLimit, None, false)
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_or_not_sent_is_not_spent_and_what_is_unknown_is() {
    let sandbox = gateway();
    let client = guarded(&sandbox, |client| client.spend_limit(SpendLimit::new().per_day(credits(2))));
    sandbox.faults().push(Fault::code("ERR026").times(3));
    for number in numbers(3) {
        assert_eq!(client.send(number, "Hello").await.unwrap_err().delivery(), Delivery::Refused);
    }
    sandbox.faults().push(Fault::refuse_connection().times(3));
    assert_eq!(client.send("96551000000", "Hello").await.unwrap_err().delivery(), Delivery::NotSent);
    sandbox.faults().push(Fault::html_502());
    assert_eq!(client.send("96551000001", "Hello").await.unwrap_err().delivery(), Delivery::Unknown);
    client.send("96551000002", "Hello").await.unwrap();
    assert_eq!(client.send("96551000003", "Hello").await.unwrap_err().kind(), ErrorKind::SpendLimit);
    // A call that is dropped while it waits has spent nothing.
    let other = guarded(&sandbox, |client| client.spend_limit(SpendLimit::new().per_day(credits(1))));
    let waits = other.send("96551000004", "Hello");
    assert!(tokio::time::timeout(Duration::ZERO, waits).await.is_err() || sends(&sandbox).len() == 6);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_meets_the_spend_limit_stops_with_the_rest_not_attempted_or_waits_for_it() {
    let (capture, _guard) = Capture::start();
    let sandbox = gateway();
    let limit = SpendLimit::new().per_hour(credits(500));
    let client = guarded(&sandbox, |client| client.spend_limit(limit));
    let report = client.bulk(numbers(1_000), "Hello").collect_report().await;
    assert_eq!(parts(report.account()), [400, 0, 0, 600, 0, 0]);
    let (_, error) = report.errors()[0];
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::SpendLimit, Delivery::NotSent));
    assert_eq!(capture.named(event::STOP)[0].get(field::KIND), Some("spend_limit"));

    let rest = report.with_outcome(Outcome::NotAttempted);
    let client = guarded(&sandbox, |client| client.spend_limit(limit));
    let seen: Arc<Mutex<Vec<Waiting>>> = Arc::default();
    let keep = Arc::clone(&seen);
    let run = client
        .bulk(rest, "Hello")
        .wait_for_spend_limit()
        .on_progress(move |progress| keep.lock().unwrap().push(progress.waiting()));
    let begin = Instant::now();
    let report = run.collect_report().await;
    assert_eq!(report.accepted(), 600);
    assert!(begin.elapsed() > Duration::from_secs(3_600), "{:?}", begin.elapsed());
    assert!(seen.lock().unwrap().contains(&Waiting::SpendLimit));
    let waits = capture.named(event::RUN_WAITS);
    assert_eq!((waits.len(), waits[0].get(field::REASON)), (1, Some("spend_limit")));
    assert_eq!(capture.named(event::RUN_GOES_ON).len(), 1);

    // A batch that never fits is not waited for, nor one whose deadline comes first.
    let small = guarded(&sandbox, |client| client.spend_limit(SpendLimit::new().per_hour(credits(199))));
    let report = small.bulk(numbers(300), "Hello").wait_for_spend_limit().collect_report().await;
    assert_eq!(parts(report.account()), [0, 0, 0, 300, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_run_that_waits_for_the_spend_limit() {
    let sandbox = gateway();
    let client = guarded(&sandbox, |client| client.spend_limit(SpendLimit::new().per_hour(credits(200))));
    let run = client.bulk(numbers(600), "Hello").wait_for_spend_limit();
    let handle = run.handle();
    let report = tokio::spawn(run.collect_report());
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(handle.progress().waiting(), Waiting::SpendLimit);
    handle.stop();
    assert_eq!(parts(report.await.unwrap().account()), [200, 0, 0, 400, 0, 0]);
    assert_eq!(sends(&sandbox).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_stops_before_the_batch_that_would_take_the_balance_below_the_floor() {
    let (capture, _guard) = Capture::start();
    let sandbox = gateway();
    sandbox.account("user").set_balance(1_000);
    let client = guarded(&sandbox, |client| client.balance_floor(credits(350)));
    let report = client.bulk(numbers(2_000), "Hello").collect_report().await;
    assert_eq!(parts(report.account()), [600, 0, 0, 1_400, 0, 0]);
    assert_eq!(report.balance_after(), Some(credits(400)));
    let (_, error) = report.errors()[0];
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::BalanceFloor, Delivery::NotSent));
    assert!(error.to_string().contains("balance of 400 below the floor of 350"), "{error}");
    assert_eq!(capture.named(event::GUARD)[0].get(field::KIND), Some("balance_floor"));
    let asked = sandbox.requests().iter().filter(|seen| seen.endpoint() == "balance").count();
    assert_eq!(asked, 2, "at the start, and before the run is stopped");
    // Single messages still go out.
    client.send("96551000000", "Your code is 123456").await.unwrap();
    // Topped up, the rest goes out too.
    sandbox.account("user").set_balance(1_000);
    let report = client.bulk(report.with_outcome(Outcome::NotAttempted), "Hello").collect_report().await;
    assert_eq!(parts(report.account()), [600, 0, 0, 800, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_floor_holds_over_runs_side_by_side_and_slow_answers() {
    let sandbox = Sandbox::builder().drain_per_second(1_000_000).latency(Duration::from_secs(9)).in_process();
    sandbox.account("user").set_balance(1_000);
    let client = guarded(&sandbox, |client| client.balance_floor(credits(100)));
    let mut lists = numbers(2_000);
    let other = lists.split_off(1_000);
    let runs = [lists, other].map(|list| tokio::spawn(client.bulk(list, "Hello").collect_report()));
    let [one, two] = runs;
    let accepted = one.await.unwrap().accepted() + two.await.unwrap().accepted();
    assert_eq!(accepted, 800);
    assert_eq!(client.cached_balance().unwrap().available(), credits(200));
}

#[tokio::test(start_paused = true)]
async fn a_balance_that_cannot_be_asked_for_sends_nothing() {
    let sandbox = gateway();
    let client = guarded(&sandbox, |client| client.balance_floor(credits(100)));
    sandbox.faults().push(Fault::html_502().on("balance").times(3));
    let report = client.bulk(numbers(300), "Hello").collect_report().await;
    assert_eq!(parts(report.account()), [0, 0, 0, 300, 0, 0]);
    let (_, error) = report.errors()[0];
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::BalanceFloor, Delivery::NotSent));
    assert_eq!(sends(&sandbox).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn limits_that_limit_nothing_are_refused() {
    let sandbox = gateway();
    for limit in
        [SpendLimit::new(), SpendLimit::new().per_hour(credits(0)), SpendLimit::new().per_day(credits(-1))]
    {
        assert_eq!(builder(&sandbox).spend_limit(limit).build().unwrap_err().kind(), ErrorKind::Config);
    }
}

#[tokio::test(start_paused = true)]
async fn the_environment_sets_guards_and_what_it_cannot_mean_is_refused() {
    use kwtsms_async::config::{self, Environment};

    let sandbox = gateway();
    let with = |values: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings");
        std::fs::write(&file, "").unwrap();
        let mut env = Environment::from_file(file).unwrap();
        for (key, value) in [(config::USERNAME, "user"), (config::PASSWORD, "password")].iter().chain(values)
        {
            env.set(key, *value);
        }
        let client = ClientBuilder::from_environment(&env)?;
        client.sender_id("KWT-TEST").transport(sandbox.transport()).build()
    };
    let only_to = (config::ONLY_TO, "96598765432, +965 9876 5433");
    let client = with(&[only_to, (config::SPEND_PER_DAY, "1")]).unwrap();
    client.send("96598765433", "Hello").await.unwrap();
    assert_eq!(client.send("96550000000", "Hello").await.unwrap_err().kind(), ErrorKind::NotAllowed);
    assert_eq!(client.send("96598765432", "Hello").await.unwrap_err().kind(), ErrorKind::SpendLimit);
    let client = with(&[(config::BALANCE_FLOOR, "2000000000")]).unwrap();
    let report = client.bulk(numbers(1), "Hello").collect_report().await;
    assert_eq!(report.errors()[0].1.kind(), ErrorKind::BalanceFloor);
    for (key, value) in [
        (config::ONLY_TO, "12"),
        (config::SPEND_PER_HOUR, "much"),
        (config::SPEND_PER_DAY, "0"),
        (config::BALANCE_FLOOR, "1,5"),
        (config::QUIET_HOURS, "night"),
        (config::QUIET_HOURS, "21:00-09:00 Mars"),
    ] {
        assert_eq!(with(&[(key, value)]).unwrap_err().kind(), ErrorKind::Config, "{key}={value}");
    }
}
