//! `KWTSMS_STORE`: all runs share one pace, one memory of numbers and one wait for a full queue; `limits` shows it.

#![allow(clippy::print_stdout, clippy::print_stderr)] // the figures, for whoever runs it

use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use tokio::time::Instant;

use super::interrupt::{interrupt, pause, until};
use super::owned::Owned;
use super::{PASSWORD, Ran, World, run, testing};

/// Between two starts of a lane at 2 a second.
const PERIOD: Duration = Duration::from_millis(510);

/// True where the exact figures are wanted, over all stores: as in `tests/it/replicas`.
fn exactly() -> bool {
    let exactly = std::env::var_os("KWTSMS_REPLICA_SECONDS").is_some();
    if !exactly {
        eprintln!("skipped: KWTSMS_REPLICA_SECONDS is not set");
    }
    exactly
}

fn world() -> World {
    let world = World::with(Sandbox::builder().drain_per_second(1_000_000));
    world.sandbox.account("user").set_balance(1_000_000);
    world
}

/// A run of `send --file` with so many batches, which names itself in its text.
struct Run(Owned);

impl Run {
    fn start(world: &World, store: &str, name: &str, batches: u64) -> Self {
        let first = 96_550_000_000 + u64::from(name.as_bytes()[0]) * 10_000;
        let list: String = (0..batches * 200).map(|i| format!("{}\n", first + i)).collect();
        world.write(name, list);
        let send = ["send", "--yes", "--sender", "KWT-TEST", "--file", name, name];
        Self(Owned::spawn(world.beside(&send).env("KWTSMS_STORE", store)))
    }

    /// Waits for its end, which has to be a good one.
    fn ends(self) {
        let output = self.0.output();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// SIGKILL.
    fn kill(self) {
        drop(self);
    }
}

/// When requests to send arrived; of the run of that name, or of all.
fn sends(world: &World, name: Option<&str>) -> Vec<Instant> {
    let mut at: Vec<_> = match name {
        Some(name) => world
            .sandbox
            .messages()
            .iter()
            .filter(|message| message.text() == name)
            .map(|message| message.accepted_at())
            .collect(),
        None => world
            .sandbox
            .requests()
            .iter()
            .filter(|request| request.endpoint() == "send")
            .map(|request| request.at())
            .collect(),
    };
    at.sort();
    at
}

fn most_in_a_second(at: &[Instant]) -> usize {
    let within = |i: usize| at[i..].iter().take_while(|then| **then < at[i] + Duration::from_secs(1)).count();
    (0..at.len()).map(within).max().unwrap_or(0)
}

/// Two runs together make two requests a second; one that is killed holds the other up by no more than its slot.
fn two_runs(store: &str) {
    let batches = if exactly() { 12 } else { 4 };
    let both = world();
    let runs = ["a", "b"].map(|name| Run::start(&both, store, name, batches));
    runs.into_iter().for_each(Run::ends);
    let at = sends(&both, None);
    assert_eq!(at.len() as u64, 2 * batches);
    let (took, ideal) = (at[at.len() - 1] - at[0], PERIOD * u32::try_from(at.len() - 1).unwrap());
    let most = most_in_a_second(&at);
    println!("two runs over {store}: {} requests in {took:?}, at most {most} in a second", at.len());
    // Alone, each would take half as long. A busy machine may have made the first late, and the last not.
    assert!(took + PERIOD >= ideal, "{took:?} of {ideal:?}");
    assert!(most <= 5, "{most}");
    let both_ran = ["a", "b"].map(|name| sends(&both, Some(name)));
    assert!(
        both_ran[0][0] < both_ran[1][batches as usize - 1]
            && both_ran[1][0] < both_ran[0][batches as usize - 1]
    );

    let world = world();
    let [killed, left] = ["c", "d"].map(|name| Run::start(&world, store, name, 100));
    until("sends of both", || ["c", "d"].iter().all(|name| sends(&world, Some(name)).len() >= 2));
    let before = sends(&world, None).len();
    killed.kill();
    until("sends of the one that is left", || sends(&world, None).len() >= before + 5);
    left.kill();
    let at = sends(&world, None);
    let longest = at[before - 1..].windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    println!("one run over {store} was killed: at most {longest:?} without a request");
    // The slot that it held is lost. What nobody knows would wait for 5 s.
    let lost = 2 * PERIOD + Duration::from_millis(2_500);
    assert!(longest <= lost, "{longest:?}");
}

#[test]
fn two_runs_over_one_file_make_two_requests_a_second_and_a_killed_one_holds_up_nobody() {
    let world = World::new();
    two_runs(world.aged_store((2.0, 2.0)).to_str().unwrap());
}

#[test]
fn two_runs_over_one_postgres_make_two_requests_a_second_and_a_killed_one_holds_up_nobody() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if exactly()
        && let Some(server) = runtime.block_on(testing::postgres())
    {
        two_runs(&server.url);
    }
}

#[test]
fn two_runs_over_one_redis_make_two_requests_a_second_and_a_killed_one_holds_up_nobody() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if exactly()
        && let Some(server) = runtime.block_on(testing::redis())
    {
        two_runs(&server.url);
    }
}

impl World {
    /// Runs the command with the store of all runs.
    fn paced(&self, rates: (f64, f64), args: &[&str]) -> Ran {
        let store = self.aged_store(rates);
        run(self.kwtsms(args).env("KWTSMS_STORE", store))
    }
}

#[test]
fn every_verb_that_asks_the_gateway_passes_the_shared_pace_and_the_rates_are_the_stores() {
    let world = World::new();
    let rates = (2.0, 1.0);
    let granted = || world.paced(rates, &["limits", "--json"]).exits(0).json()["pace"]["granted"].as_u64();
    assert_eq!(granted(), Some(0));
    let sent = world.paced(rates, &["send", "96598765432", "hi", "--json"]).exits(0);
    let id = sent.json_lines()[0]["message_id"].as_str().map(str::to_owned);
    let id = id.unwrap_or_else(|| world.sandbox.messages()[0].id().to_owned());
    for (args, code) in [
        (&["balance"][..], 0),
        (&["verify"], 0),
        (&["senderid"], 0),
        (&["coverage"], 0),
        (&["validate", "96598765432"], 0),
        (&["status", &id], 0),
        (&["dlr", &id], 1),
    ] {
        let before = granted();
        world.paced(rates, args).exits(code);
        assert!(granted() > before, "{args:?}"); // by more than one where a start came too late
    }
    let ran = world.paced(rates, &["send", "96551234567", "hi", "--rate", "2"]).exits(2);
    assert!(
        ran.err.contains("rates of 2 and 1") && ran.err.contains("2 and 2 were asked for"),
        "{}",
        ran.err
    );
    world.paced(rates, &["send", "96551234567", "hi", "--rate", "1"]).exits(0);
    let ran = world.paced(rates, &["limits"]).exits(0);
    for line in [
        "Scope: default  |  Starts given: ",
        "Single requests: 2 a second",
        "Bulk batches: 1 a second",
        "Waiting: nobody",
        "Full queue: no batch waits for one (ERR013)",
    ] {
        assert!(ran.out.contains(line), "{}", ran.out);
    }
    // Another name is another pace.
    let store = world.aged_store(rates);
    let other =
        run(world.kwtsms(&["limits", "--json"]).env("KWTSMS_STORE", &store).env("KWTSMS_SCOPE", "home"));
    assert_eq!((&other.json()["scope"], other.json()["pace"].is_null()), (&"home".into(), true));
    // A gateway on this machine of the call's own shares nothing.
    let before = granted();
    let sandbox = ["send", "96598765432", "hi", "--sandbox"];
    run(super::kwtsms(world.folder.path(), &sandbox).env("KWTSMS_STORE", &store)).exits(0);
    assert_eq!(granted(), before);
}

#[test]
fn a_number_that_another_run_wrote_to_rests_for_this_one_too() {
    let world = World::new();
    world.paced((2.0, 2.0), &["send", "96598765432", "hi"]).exits(0);
    let ran = world.paced((2.0, 2.0), &["send", "96598765432", "hi", "--no-wait"]).exits(1);
    assert!(ran.out.contains("written to less than 16 s ago"), "{} {}", ran.out, ran.err);
    assert!(ran.out.contains("--wait-for-others"), "{}", ran.out);
    // What was sent may have been this very message: without a word it is not sent a second time.
    world.paced((2.0, 2.0), &["send", "96598765432", "hi"]).exits(1);
    assert_eq!(world.sends(), 1);
}

#[test]
fn limits_shows_who_waits_and_the_full_queue_that_is_waited_for_and_forgets() {
    let world = world();
    let store = world.aged_store((2.0, 2.0)).to_str().unwrap().to_owned();
    let limits = || world.paced((2.0, 2.0), &["limits", "--json"]).exits(0).json();
    let sends = Run::start(&world, &store, "a", 100);
    let mut seen = limits();
    until("somebody who waits", || {
        seen = limits();
        !seen["pace"]["waiting"][0].is_null()
    });
    let waits = &seen["pace"]["waiting"][0];
    assert_eq!(waits["process"], sends.0.id());
    assert!(waits["bulk"].as_u64() >= Some(1) && waits["single"] == 0, "{seen}");
    assert!(waits["heard_ms_ago"].as_u64() < Some(60_000) && waits["host"].is_string(), "{seen}");
    assert_eq!(
        (&seen["full_queue"]["username"], &seen["full_queue"]["wait_ms"]),
        (&"user".into(), &0.into())
    );
    let ran = world.paced((2.0, 2.0), &["limits"]).exits(0);
    assert!(ran.out.contains(&format!("Waiting: process {} on ", sends.0.id())), "{}", ran.out);

    world.sandbox.faults().push(Fault::code("ERR013"));
    until("the full queue", || limits()["full_queue"]["wait_ms"].as_u64() > Some(0));
    let ran = world.paced((2.0, 2.0), &["limits"]).exits(0);
    assert!(ran.out.contains("Full queue: batches wait for one (ERR013)"), "{}", ran.out);
    sends.kill();

    let ran = world.paced((2.0, 2.0), &["limits", "--forget"]).exits(0);
    assert!(ran.out.contains("The pace default is forgotten"), "{}", ran.out);
    assert!(limits()["pace"].is_null());
    let ran = world.paced((2.0, 2.0), &["limits"]).exits(0);
    assert!(ran.out.contains("nobody has asked yet"), "{}", ran.out);
    world.paced((2.0, 2.0), &["limits", "--forget"]).exits(0);
}

#[test]
fn a_run_that_ends_in_order_or_by_ctrl_c_is_gone_from_limits_at_once() {
    let world = world();
    let store = world.aged_store((2.0, 2.0)).to_str().unwrap().to_owned();
    let waits = |id: u32| {
        let seen = world.paced((2.0, 2.0), &["limits", "--json"]).exits(0).json();
        seen["pace"]["waiting"].as_array().unwrap().iter().any(|process| process["process"] == id)
    };
    for (name, batches, code) in [("e", 20, 0), ("f", 1_000, 130)] {
        let run = Run::start(&world, &store, name, batches);
        let id = run.0.id();
        until("one that waits", || waits(id));
        if code != 0 {
            interrupt(&run.0);
        }
        let output = run.0.output();
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!waits(id), "{name}");
    }
}

#[test]
fn without_its_store_nothing_is_asked_and_no_password_is_shown() {
    let world = World::new();
    let with = |store: &str, args: &[&str]| run(world.kwtsms(args).env("KWTSMS_STORE", store));
    let refused = world.run(&["limits"]).exits(2);
    assert!(refused.err.contains("KWTSMS_STORE is not set"), "{}", refused.err);
    for store in [
        format!("postgres://user:{PASSWORD}@127.0.0.1:1/db"),
        format!("redis://user:{PASSWORD}@127.0.0.1:1/"),
    ] {
        let store = store.replace('$', "%24");
        for args in [&["balance"][..], &["send", "96598765432", "hi"], &["limits"]] {
            let ran = with(&store, args).exits(1);
            assert!(ran.err.contains("server") && !ran.err.contains("hunter2"), "{}", ran.err);
        }
    }
    let refused = with("redis://127.0.0.1:1/", &["campaign", "list"]).exits(2);
    assert!(refused.err.contains("Redis keeps a pace and codes"), "{}", refused.err);
    let refused =
        run(world.kwtsms(&["balance"]).env("KWTSMS_STORE", "k.db").env("KWTSMS_SCOPE", "a{b}")).exits(2);
    assert!(refused.err.contains("name of the scope"), "{}", refused.err);
    assert_eq!(world.sandbox.requests().len(), 0);
    pause();
}
