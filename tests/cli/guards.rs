//! The guards as options and settings: what they keep back, what is said of it, and how it goes on afterwards.

use std::collections::BTreeSet;
use std::time::Duration;

use kwtsms_async::sandbox::Sandbox;

use super::files::{count, report};
use super::interrupt::{end, interrupt, reads, start, until};
use super::owned::Owned;
use super::{World, kwtsms, run, testing};

const KUWAIT: &str = "96598765432";
const OTHER: &str = "96551234567";

fn list(first: u64, numbers: u64) -> String {
    (0..numbers).map(|i| format!("{}\n", first + i)).collect()
}

/// Whom messages were accepted for; nobody twice.
#[track_caller]
fn arrived(world: &World) -> usize {
    let all: Vec<_> = world.sandbox.messages().iter().flat_map(|sent| sent.numbers().to_vec()).collect();
    let distinct: BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "nothing is sent twice");
    all.len()
}

#[test]
fn values_that_are_none_are_refused_before_any_request() {
    let world = World::new();
    let store = world.aged_store((2.0, 2.0));
    let key = "a key of more than thirty-two characters";
    let verbs: [&[&str]; 4] = [
        &["send", KUWAIT, "hi"],
        &["otp", "send", KUWAIT, "--app", "MYAPP"],
        &["outbox", "run", "--until-done"],
        &["campaign", "run"],
    ];
    let of_all: [&[&str]; 5] = [
        &["--only-to", ""],
        &["--only-to", "12"],
        &["--spend-per-hour", "0"],
        &["--spend-per-day=-5"],
        &["--spend-per-day", "much"],
    ];
    let of_bulk: [&[&str]; 4] = [
        &["--balance-floor=-1"],
        &["--quiet-hours", "25:00-09:00"],
        &["--quiet-hours", "21:00-09:00 Nowhere/City"],
        &["--quiet-hours", ""],
    ];
    for (place, verb) in verbs.iter().enumerate() {
        let is_bulk = [0, 3].contains(&place);
        for bad in of_all.iter().chain(of_bulk.iter().filter(|_| is_bulk)) {
            let mut command = world.kwtsms(verb);
            command.args(*bad).env("KWTSMS_STORE", &store).env("KWTSMS_OTP_KEY", key);
            let ran = run(&mut command).exits(2);
            assert!(!ran.err.is_empty() && ran.out.is_empty(), "{verb:?} {bad:?}: {}", ran.err);
        }
    }
    let settings = [
        ("KWTSMS_ONLY_TO", "12", "only_to"),
        ("KWTSMS_SPEND_PER_HOUR", "x", "KWTSMS_SPEND_PER_HOUR"),
        ("KWTSMS_BALANCE_FLOOR", "x", "KWTSMS_BALANCE_FLOOR"),
        ("KWTSMS_QUIET_HOURS", "night", "the hours \"night\" cannot be read"),
    ];
    for (key, value, says) in settings {
        let ran = run(world.kwtsms(verbs[0]).env(key, value)).exits(2);
        assert!(ran.err.contains(says), "{key}: {}", ran.err);
    }
    assert_eq!(world.sandbox.requests().len(), 0);
}

#[test]
fn an_option_stands_above_its_setting_and_a_look_knows_who_is_left_out() {
    let world = World::new();
    let send = |args: &[&str]| {
        let mut command = world.kwtsms(&["send", KUWAIT, "hi"]);
        run(command.args(args).env("KWTSMS_ONLY_TO", OTHER))
    };
    let ran = send(&[]).exits(1);
    assert!(ran.out.contains("only_to"), "{}", ran.out);
    let ran = send(&["--dry-run"]).exits(1);
    assert!(ran.out.contains("Would send to 0 numbers") && ran.out.contains("refused 1"), "{}", ran.out);
    assert_eq!(world.sends(), 0);
    send(&["--only-to", &format!("{OTHER},+965 9876 5432")]).exits(0);
    assert_eq!(world.sends(), 1);
    let floor = |args: &[&str]| {
        run(world.kwtsms(&["send", OTHER, "hi"]).args(args).env("KWTSMS_BALANCE_FLOOR", "5000"))
    };
    let ran = floor(&[]).exits(1);
    assert!(ran.out.contains("below the floor of 5000"), "{}", ran.out);
    floor(&["--balance-floor", "5"]).exits(0);
}

#[test]
fn a_run_at_the_sandbox_of_its_own_heeds_the_guards() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = |args: &[&str]| run(kwtsms(folder.path(), &["--sandbox"]).args(args));
    let ran = sandbox(&["send", KUWAIT, "hi", "--only-to", OTHER]).exits(1);
    assert!(ran.out.contains("only_to"), "{}", ran.out);
    std::fs::write(folder.path().join("n.txt"), list(96_551_000_000, 400)).unwrap();
    let ran = sandbox(&["send", "-f", "n.txt", "hi", "--spend-per-hour", "250"]).exits(3);
    assert!(ran.out.contains("Accepted 200 of 400"), "{}", ran.out);
    let ran = sandbox(&["send", "-f", "n.txt", "hi", "--balance-floor", "700"]).exits(3);
    assert!(ran.out.contains("below the floor of 700"), "{}", ran.out);
    // The settings' too, and an option stands above them.
    std::fs::write(folder.path().join(".env"), format!("KWTSMS_ONLY_TO={OTHER}\n")).unwrap();
    sandbox(&["send", KUWAIT, "hi"]).exits(1);
    sandbox(&["send", KUWAIT, "hi", "--only-to", KUWAIT]).exits(0);
    let ran = sandbox(&["otp", "send", KUWAIT]).exits(1);
    assert!(ran.err.contains("only_to"), "{}", ran.err);
    sandbox(&["otp", "send", OTHER]).exits(0);
    let ran = sandbox(&["doctor"]);
    assert!(ran.out.contains("1 number is written to, and nobody else"), "{}", ran.out);
}

#[test]
fn a_run_stops_at_the_spend_limit_says_when_it_opens_and_is_resumed() {
    let world = World::new();
    world.write("n.txt", list(96_551_000_000, 600));
    let limit = ["--spend-per-hour", "450"];
    let send = ["send", "-f", "n.txt", "hi", "--yes", "--report", "r.csv"];
    let ran = world.run(&[&send[..], &limit].concat()).exits(3);
    assert!(ran.out.contains("the limit of 450 credits an hour leaves less than the 200"), "{}", ran.out);
    assert!(ran.out.contains("Accepted 400 of 600  |  not attempted 200"), "{}", ran.out);
    let says = ran.err.lines().find(|line| line.contains("The spend limit opens again at")).unwrap();
    assert!(says.ends_with("To go on then: kwtsms send --resume r.csv"), "{says}");
    assert!(says.contains(", in 59 min ") || says.contains(", in 1 h 0 min"), "{says}");
    let rows = report(&world, "r.csv");
    assert_eq!((count(&rows, "accepted"), count(&rows, "not_attempted")), (400, 200));
    let ran = world.run(&["send", "--resume", "r.csv", "hi", "--yes", "--report", "r2.csv"]).exits(0);
    assert!(ran.out.contains("Accepted 200 of 200") || ran.out.contains("200 numbers"), "{}", ran.out);
    assert_eq!(arrived(&world), 600);

    let ran = world.run(&["send", OTHER, "hi", "--spend-per-hour", "0.5", "--json"]).exits(1);
    let document = ran.json();
    assert!(document["error"].as_str().unwrap().contains("more than the limit of 0.5"), "{document}");
    assert!(document["retry_after_s"].is_null() && document["action"].as_str().unwrap().contains("raise"));
    world.write("m.txt", list(96_550_000_000, 400));
    let ran = world.run(&["send", "-f", "m.txt", "hi", "--yes", "--json", "--spend-per-day", "200"]).exits(3);
    let lines = ran.json_lines();
    for line in [&lines[1], lines.last().unwrap()] {
        let seconds = line["retry_after_s"].as_u64().unwrap();
        assert!((86_000..=86_460).contains(&seconds), "{line}");
    }
}

#[test]
fn a_run_that_waits_for_the_spend_limit_or_in_quiet_hours_says_so_and_can_be_stopped() {
    for (more, says, accepted) in [
        (&["--spend-per-hour", "200", "--wait-for-spend-limit"][..], "The spend limit is reached", 200),
        (&["--quiet-hours", "00:00-24:00"], "It is in quiet hours", 0),
    ] {
        let world = World::new();
        let mut child = start(&world, 400, more);
        let seen = reads(&mut child, "waiting (Ctrl-C stops)");
        assert!(seen.contains(says), "{seen}");
        interrupt(&child);
        let (status, out, err) = end(child);
        assert_eq!(status.code(), Some(130), "{out}{err}");
        let rows = report(&world, "r.csv");
        assert_eq!((count(&rows, "accepted"), count(&rows, "not_attempted")), (accepted, 400 - accepted));
        assert_eq!(arrived(&world), accepted);
    }
}

/// Starts a run over so many numbers that may spend so much.
fn spends(world: &World, store: &str, first: u64, numbers: u64, limit: &str) -> Owned {
    let file = format!("{first}.txt");
    world.write(&file, list(first, numbers));
    let send = ["send", "--yes", "--sender", "KWT-TEST", "hi", "--spend-per-hour", limit, "--file", &file];
    Owned::spawn(world.beside(&send).env("KWTSMS_STORE", store))
}

/// Waits for the end of a run, and gives its code.
fn ended(run: Owned) -> i32 {
    run.output().status.code().unwrap()
}

/// What arrived at the gateway's door.
fn points(world: &World) -> u64 {
    world.sandbox.messages().iter().map(|message| message.points()).sum()
}

/// Four processes want 1,600 credits where an hour has 1,000; then one is killed while its request is under way.
fn one_limit_over(store: &str) {
    let world =
        World::with(Sandbox::builder().drain_per_second(1_000_000).latency(Duration::from_millis(100)));
    world.sandbox.account("user").set_balance(100_000);
    let runs: Vec<_> =
        (0..4).map(|run| spends(&world, store, 96_551_000_000 + run * 10_000, 400, "1000")).collect();
    let codes: Vec<_> = runs.into_iter().map(ended).collect();
    assert_eq!(points(&world), 1_000, "{store}: {codes:?}");
    assert!(codes.iter().all(|code| [0, 1, 3].contains(code)), "{store}: {codes:?}");
    assert!(codes.iter().any(|code| *code != 0), "{store}: {codes:?}");

    // The limit is each process's own: the next ones have 400 more. Of the one that is killed nothing is known; what it
    // took for its request stays spent.
    world.sandbox.set_latency(Duration::from_secs(3_600));
    let before = world.sends();
    let killed = spends(&world, store, 96_555_000_000, 200, "1400");
    until("the request of the one that is killed", || world.sends() > before);
    drop(killed);
    world.sandbox.set_latency(Duration::ZERO);
    let runs: Vec<_> =
        (0..3).map(|run| spends(&world, store, 96_550_000_000 + run * 10_000, 200, "1400")).collect();
    let mut codes: Vec<_> = runs.into_iter().map(ended).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 1, 1], "{store}: 200 were left");
    assert_eq!(points(&world), 1_400, "{store}");

    let mut doctor = world.kwtsms(&["doctor"]);
    let ran = run(doctor.env("KWTSMS_STORE", store).env("KWTSMS_SPEND_PER_HOUR", "1400")).exits(1);
    assert!(ran.out.contains("1400 of 1400 credits spent within an hour"), "{}", ran.out);
    assert!(ran.out.contains("there is no room for 1 more"), "{}", ran.out);
}

#[test]
fn processes_over_one_file_never_spend_more_than_the_limit_together() {
    let world = World::new();
    one_limit_over(world.aged_store((2.0, 2.0)).to_str().unwrap());
}

#[test]
fn processes_over_one_postgres_never_spend_more_than_the_limit_together() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(server) = runtime.block_on(testing::postgres()) {
        one_limit_over(&server.url);
    }
}
