//! campaign and outbox: runs that are killed, share their work, and account for every row.

use std::process::Stdio;
use std::time::Duration;

use kwtsms_async::sandbox::Sandbox;

use super::owned::Owned;
use super::{Ran, World};

fn world() -> World {
    let world = World::with(Sandbox::builder().drain_per_second(100_000));
    world.sandbox.account("user").set_balance(1_000_000);
    world
}

impl World {
    pub(crate) fn store(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kwtsms"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("KWTSMS_USERNAME", "user")
            .env("KWTSMS_PASSWORD", super::PASSWORD)
            .env("KWTSMS_SENDER_ID", "KWT-TEST")
            .env("KWTSMS_BASE_URL", self.sandbox.base_url())
            .env("KWTSMS_STORE", self.aged_store((2.0, 2.0)))
            .stdin(std::process::Stdio::null());
        command
    }

    pub(crate) fn stored(&self, args: &[&str]) -> Ran {
        let output = self.store(args).output().unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn numbers(&self, count: u64) {
        let rows: String = (0..count).map(|i| format!("{},N{}\n", 96_550_000_000 + i, i % 2)).collect();
        self.write("list.csv", format!("phone,name\n{rows}"));
    }

    /// How often the numbers were written to: distinct, and at most.
    fn written(&self) -> (usize, usize) {
        let mut written = std::collections::HashMap::new();
        for message in self.sandbox.messages() {
            for number in message.numbers() {
                *written.entry(number.clone()).or_insert(0) += 1;
            }
        }
        (written.len(), written.values().copied().max().unwrap_or(0))
    }
}

#[test]
fn a_campaign_is_created_approved_sent_and_exported() {
    let world = world();
    world.numbers(450);
    let create = ["campaign", "create", "eid", "--file", "list.csv", "Dear {{ name }}"];
    let ran = world.stored(&create);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("not approved") && ran.out.contains("450 numbers in 4 requests"), "{ran:?}");
    assert_eq!(world.sends(), 0);
    let ran = world.stored(&[&create[..], &["--yes"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = world.stored(&["campaign", "run", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, before) = lines.split_last().unwrap();
    assert_eq!((last["event"].as_str(), last["result"].as_str()), (Some("end"), Some("OK")));
    assert_eq!(last["campaigns"][0]["progress"]["accepted"], 450);
    assert!(!before.is_empty() && before.iter().all(|line| line["event"] == "progress"), "a line an event");
    assert_eq!(world.written(), (450, 1));
    let ran = world.stored(&["campaign", "export", "eid", "--output", "out.csv"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let report = std::fs::read_to_string(world.path("out.csv")).unwrap();
    assert_eq!(report.lines().next(), Some("line,input,number,outcome,message_id,code,reason"));
    assert_eq!(report.lines().filter(|line| line.contains(",accepted,")).count(), 450);
    assert!(world.stored(&["campaign", "run"]).out.contains("No campaign"), "nothing is left");
    assert_eq!(world.stored(&["campaign", "forget", "eid"]).code, 0);
}

#[test]
fn a_campaign_that_is_sent_before_the_run_looks_again_is_told_all_the_same() {
    let world = world();
    world.numbers(1);
    world.sandbox.faults().push(kwtsms_async::sandbox::Fault::drop_before_reading().on("send"));
    let create = ["campaign", "create", "eid", "--file", "list.csv", "Hello", "--yes"];
    assert_eq!(world.stored(&create).code, 0);
    // So many that a look at all of them takes longer than a request.
    let store = rusqlite::Connection::open(world.path("kwtsms.db")).unwrap();
    store
        .execute_batch(
            "INSERT INTO kwtsms_campaign (id, key, test, state, priority, open_from, open_until, loader, settings, created_at)
             WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 900)
             SELECT 1000 + n, 'old-' || n, 0, 4, 0, 0, 0, 0, '', 0 FROM s",
        )
        .unwrap();
    drop(store);
    let ran = world.stored(&["campaign", "run", "--json"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.out.lines().last().unwrap().contains("\"unknown\":1"), "{ran:?}");
}

#[test]
fn a_missing_column_is_refused_with_its_line_before_anything_is_sent() {
    let world = world();
    world.numbers(3);
    let ran = world.stored(&["campaign", "create", "eid", "--file", "list.csv", "Dear {{ nome }}", "--yes"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.contains("line 2"), "{ran:?}");
    assert_eq!(world.sends(), 0);
}

#[test]
fn a_file_that_breaks_off_leaves_nothing_that_can_be_sent_and_its_key_free() {
    let world = world();
    let rows: String = (0..5_000).map(|i| format!("{},N\n", 96_550_000_000u64 + i)).collect();
    world.write("list.csv", format!("phone,name\n{rows}96551111111,\"open\n"));
    let create = ["campaign", "create", "eid", "--file", "list.csv", "Dear {{ name }}", "--yes"];
    let ran = world.stored(&create);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("quote") && ran.err.contains("same command again"), "{ran:?}");
    assert!(world.stored(&["campaign", "status", "eid"]).out.contains("loading"));
    assert!(world.stored(&["campaign", "run"]).out.contains("No campaign"));
    world.write("list.csv", format!("phone,name\n{rows}"));
    let ran = world.stored(&create);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("5000 numbers"), "{ran:?}");
}

#[test]
fn two_creates_of_one_key_at_once_make_one_campaign() {
    let world = world();
    world.numbers(3_000);
    let create = ["campaign", "create", "eid", "--file", "list.csv", "Hello", "--yes"];
    let mut both = [(); 2].map(|()| {
        let mut command = world.store(&create);
        Owned::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
    });
    let ended = both.each_mut().map(|create| create.wait().unwrap().success());
    // One may end with an error: it was overtaken.
    assert!(ended.contains(&true), "{ended:?}");
    assert_eq!(world.stored(&create).code, 0);
    let ran = world.stored(&["campaign", "list", "--json"]);
    assert_eq!(ran.out.matches("\"key\"").count(), 1, "{ran:?}");
    world.stored(&["campaign", "export", "eid", "--output", "out.csv"]);
    let report = std::fs::read_to_string(world.path("out.csv")).unwrap();
    assert_eq!(report.lines().count(), 3_001, "each row once");
    assert_eq!(world.sends(), 0);
}

#[test]
fn without_a_store_it_says_what_to_set() {
    let world = world();
    let output = world.store(&["campaign", "list"]).env_remove("KWTSMS_STORE").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("KWTSMS_STORE is not set"));
}

#[allow(clippy::disallowed_methods)] // a test of processes has no runtime
fn wait_for(world: &World, what: impl Fn(&World) -> bool) {
    for _ in 0..600 {
        if what(world) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it did not come about");
}

fn spawn(world: &World) -> Owned {
    let mut command = world.store(&["campaign", "run"]);
    Owned::spawn(command.stdout(Stdio::null()).stderr(Stdio::null()))
}

#[test]
fn a_run_that_is_killed_again_and_again_sends_nothing_twice_and_loses_nothing() {
    let world = world();
    world.numbers(2_000);
    let create = ["campaign", "create", "eid", "--file", "list.csv", "Hello", "--yes"];
    assert_eq!(world.stored(&create).code, 0);
    for kill in 1..=5 {
        let mut run = spawn(&world);
        wait_for(&world, |world| world.sends() >= kill);
        run.kill().unwrap(); // SIGKILL
        run.wait().unwrap();
    }
    let ran = world.stored(&["campaign", "run", "--json"]);
    let last = ran.out.lines().last().unwrap_or_else(|| panic!("{ran:?}"));
    let last: serde_json::Value = serde_json::from_str(last).unwrap();
    let of = |what: &str| last["campaigns"][0]["progress"][what].as_u64().unwrap();
    assert_eq!(of("accepted") + of("unknown"), 2_000, "{last}");
    assert_eq!((of("planned"), of("sending")), (0, 0));
    let (numbers, most) = world.written();
    assert_eq!(most, 1, "nothing twice");
    assert!(numbers as u64 >= of("accepted"), "{numbers} {last}");
    assert_eq!(ran.code, if of("unknown") > 0 { 4 } else { 0 });
}

#[test]
fn a_run_without_a_terminal_says_why_it_waits() {
    let world = world();
    world.numbers(1);
    world.sandbox.set_latency(Duration::from_secs(10));
    let create = ["campaign", "create", "eid", "--file", "list.csv", "Hello", "--yes"];
    assert_eq!(world.stored(&create).code, 0);
    let mut run = spawn(&world);
    wait_for(&world, |world| world.sends() == 1);
    run.kill().unwrap();
    run.wait().unwrap();
    world.sandbox.set_latency(Duration::ZERO);
    assert_eq!(world.stored(&["campaign", "run"]).code, 4);
    let ran = world.stored(&["campaign", "resolve", "eid", "--json"]);
    let unknown: serde_json::Value = serde_json::from_str(ran.out.trim()).unwrap();
    let batch = unknown["unknown"][0]["batch"].to_string();
    assert_eq!(world.stored(&["campaign", "resolve", "eid", &batch, "--not-sent"]).code, 0);
    // The number rests for 15 s.
    let ran = world.stored(&["campaign", "run"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.err.matches("Waits for numbers that were written to a moment ago").count(), 1, "{ran:?}");
    let ran = world.stored(&["campaign", "run"]);
    assert!(!ran.err.contains("Waits for"), "{ran:?}");
}

#[test]
fn two_runs_share_the_work_and_a_pause_stops_both() {
    let world = world();
    world.numbers(4_000);
    let create = ["campaign", "create", "eid", "--file", "list.csv", "Hello", "--yes"];
    assert_eq!(world.stored(&create).code, 0);
    let (mut one, mut two) = (spawn(&world), spawn(&world));
    wait_for(&world, |world| world.sends() >= 3);
    let ran = world.stored(&["campaign", "pause", "eid"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let sends = world.sends();
    assert!(!one.wait().unwrap().success() || !two.wait().unwrap().success(), "not all was sent");
    let _ = two.wait();
    assert_eq!(world.sends(), sends, "nothing left after the pause returned");
    let ran = world.stored(&["campaign", "status", "eid"]);
    assert!(ran.out.contains("paused"), "{ran:?}");
    let ran = world.stored(&["campaign", "cancel", "eid"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(world.written(), (sends * 200, 1));
}

#[test]
fn an_interrupted_run_ends_with_nothing_in_flight() {
    for signal in ["-INT", "-TERM"] {
        let world = world();
        world.numbers(4_000);
        world.sandbox.set_latency(Duration::from_millis(400));
        let create = ["campaign", "create", "eid", "--file", "list.csv", "Hello", "--yes"];
        assert_eq!(world.stored(&create).code, 0);
        let mut run = spawn(&world);
        wait_for(&world, |world| world.sends() >= 2);
        let told = std::process::Command::new("kill").args([signal, &run.id().to_string()]).status().unwrap();
        assert!(told.success());
        assert_eq!(run.wait().unwrap().code(), Some(130), "{signal}");
        let ran = world.stored(&["campaign", "status", "eid", "--json"]);
        let status: serde_json::Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
        let of = |what: &str| status["progress"][what].as_u64().unwrap();
        assert_eq!((of("sending"), of("unknown"), of("workers")), (0, 0, 0), "{signal} {ran:?}");
        let (numbers, most) = world.written();
        assert_eq!((numbers as u64, most), (of("accepted"), 1), "{signal}");
        assert!(of("planned") > 0, "{signal} {ran:?}");
    }
}

#[test]
fn the_outbox_is_sent_and_tells_what_became_of_a_message() {
    let world = world();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = kwtsms_async::Store::open(world.path("kwtsms.db")).await.unwrap();
        for (key, number) in [("order-1", "96598765432"), ("order-2", "abc")] {
            let message = kwtsms_async::OutboxMessage::new(key, number, "Your order is shipped");
            assert!(store.enqueue(message).await.unwrap());
        }
    });
    let ran = world.stored(&["outbox", "run", "--until-done"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(world.written(), (1, 1));
    let ran = world.stored(&["outbox", "status", "order-1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("accepted"), "{ran:?}");
    let ran = world.stored(&["outbox", "status", "order-2"]);
    assert!(ran.out.contains("invalid") && ran.code == 1, "{ran:?}");
    assert_eq!(world.stored(&["outbox", "retry", "order-2"]).code, 0);
    assert_eq!(world.stored(&["outbox", "retry", "order-1"]).code, 1, "it was sent");
}
