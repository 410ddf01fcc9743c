//! --resume: what an earlier run did not reach is sent to, and nothing twice.

use std::collections::BTreeSet;
use std::io::Read;
use std::process::Command;
use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};

use super::World;
use super::files::{count, report};
use super::interrupt::{interrupt, reads, start, until};

/// Every number that a message was accepted for, each once.
#[track_caller]
fn arrived(world: &World) -> BTreeSet<String> {
    let all: Vec<_> =
        world.sandbox.messages().iter().flat_map(|message| message.numbers().to_vec()).collect();
    let distinct: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!(distinct.len(), all.len(), "nothing is sent twice");
    distinct
}

fn list(numbers: u64) -> String {
    (0..numbers).map(|i| format!("{}\n", 96_551_000_000u64 + i)).collect()
}

#[test]
fn a_run_that_the_account_stopped_goes_on_where_it_was() {
    let world = World::new();
    world.sandbox.account("user").set_balance(200);
    world.write("n.txt", list(600) + "abc\n96551000000\n");
    world.run(&["send", "-f", "n.txt", "hi", "--yes", "--report", "r.csv"]).exits(3);
    world.sandbox.account("user").set_balance(1_000);
    let ran = world.run(&["send", "--resume", "r.csv", "hi", "--dry-run"]).exits(0);
    assert!(ran.out.contains("Would send to 400 numbers in 2 batches"), "{}", ran.out);
    let ran = world.run(&["send", "--resume", "r.csv", "hi", "--yes", "--report", "r2.csv"]).exits(0);
    assert!(ran.err.contains("r.csv: 200 numbers were accepted, and are left out"), "{}", ran.err);
    assert!(ran.out.contains("Accepted 400 of 400"), "{}", ran.out);
    assert_eq!(arrived(&world).len(), 600);
    let rows = report(&world, "r2.csv");
    assert_eq!(
        (rows.keys().next(), rows.keys().last()),
        (Some(&201), Some(&600)),
        "lines of the list itself"
    );
    assert!(!world.path("r.csv.sending").exists() && !world.path("r2.csv.sending").exists());

    // With the list the same comes out, and it asks as any run does.
    let ran = world.run(&["send", "-f", "n.txt", "--resume", "r.csv", "hi"]).exits(2);
    assert!(ran.err.contains("a live message to 400 numbers needs --yes"), "{}", ran.err);
    let ran = world.run(&["send", "--resume", "r2.csv", "hi"]).exits(2);
    assert!(ran.err.contains("nothing is left to be sent to"), "{}", ran.err);
}

#[test]
fn what_is_unknown_is_not_sent_again_unless_told() {
    let world = World::new();
    world.write("n.txt", list(600));
    world.sandbox.faults().push(Fault::delay(Duration::ZERO).on("send"));
    world.sandbox.faults().push(Fault::drop_after_accepting().on("send"));
    world.sandbox.faults().push(Fault::code("ERR031").on("send"));
    world.run(&["send", "-f", "n.txt", "hi", "--yes", "--report", "r.csv"]).exits(4);
    let rows = report(&world, "r.csv");
    assert_eq!((count(&rows, "unknown"), count(&rows, "accepted"), count(&rows, "refused")), (200, 200, 200));
    let ran = world.run(&["send", "--resume", "r.csv", "hi", "--yes", "--report", "r2.csv"]).exits(0);
    assert!(ran.err.contains("200 of unknown outcome are left out, too"), "{}", ran.err);
    assert!(ran.err.contains("--include-unknown"), "{}", ran.err);
    assert_eq!(arrived(&world).len(), 600, "those of unknown outcome had arrived once");
    let ran = world.run(&["send", "--resume", "r.csv", "--include-unknown", "hi", "--dry-run"]).exits(0);
    assert!(ran.out.contains("Would send to 400 numbers"), "{}", ran.out);
    let ran = world.run(&["send", "-f", "n.txt", "--resume", "r.csv", "hi", "--dry-run"]).exits(0);
    assert!(ran.out.contains("Would send to 200 numbers"), "{}", ran.out);
    world.run(&["send", "96598765432", "--include-unknown", "hi"]).exits(2);
}

#[test]
fn a_run_that_was_killed_goes_on_without_what_was_in_flight() {
    let world = World::with(Sandbox::builder().latency(Duration::from_millis(700)));
    let mut child = start(&world, 1_000, &[]);
    until("the rows of a batch", || {
        std::fs::read_to_string(world.path("r.csv")).unwrap_or_default().lines().count() > 200
    });
    child.kill().unwrap();
    child.wait().unwrap();
    // What was in flight arrives although nobody waits for the answer.
    let sent = std::fs::read_to_string(world.path("r.csv.sending")).unwrap();
    let sent: BTreeSet<String> = sent.lines().map(str::to_owned).collect();
    let accepted = count(&report(&world, "r.csv"), "accepted");
    assert!(sent.len() >= accepted, "{} of {accepted}", sent.len());
    let ran = world.run(&["send", "--resume", "r.csv", "hi", "--yes"]).exits(2);
    assert!(ran.err.contains("did not end") && ran.err.contains("--file"), "{}", ran.err);
    let args = [
        "send", "-f", "n.txt", "--resume", "r.csv", "hi", "--yes", "--report", "r2.csv", "--sender",
        "KWT-TEST",
    ];
    let ran = world.run(&args).exits(0);
    let rest = 1_000 - sent.len();
    assert!(ran.out.contains(&format!("Accepted {rest} of {rest}")), "{}", ran.out);
    let unknown = sent.len() - accepted;
    if unknown > 0 {
        assert!(ran.err.contains(&format!("{unknown} of unknown outcome are left out")), "{}", ran.err);
    }
    let arrived = arrived(&world);
    let again: BTreeSet<_> =
        report(&world, "r2.csv").into_values().flatten().map(|row| row[1].clone()).collect();
    assert!(again.is_disjoint(&sent) && again.is_subset(&arrived));
}

#[test]
fn a_second_ctrl_c_calls_unknown_what_left_and_nothing_else() {
    let world = World::with(Sandbox::builder().latency(Duration::from_secs(14)));
    let mut child = start(&world, 1_000, &[]);
    until("a first message", || !world.sandbox.messages().is_empty());
    interrupt(&child);
    let mut seen = reads(&mut child, "Stopping");
    interrupt(&child);
    child.stderr.take().unwrap().read_to_string(&mut seen).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{seen}");
    let rows = report(&world, "r.csv");
    let unknown: BTreeSet<_> =
        rows.values().flatten().filter(|row| row[2] == "unknown").map(|row| row[1].clone()).collect();
    // One that had left may not have been read at the other end yet.
    let arrived = arrived(&world);
    assert!(unknown.is_superset(&arrived) && unknown.len() <= arrived.len() + 200, "{seen}");
    assert!(count(&rows, "not_attempted") > 0);
    // Whatever was not read is not in the report: the list is needed to go on.
    if rows.len() < 1_000 {
        assert!(seen.contains("--resume r.csv"), "{seen}");
        world.run(&["send", "--resume", "r.csv", "hi", "--yes"]).exits(2);
    }
    let ran = world.run(&["send", "-f", "n.txt", "--resume", "r.csv", "hi", "--dry-run"]).exits(0);
    let rest = 1_000 - unknown.len();
    assert!(ran.out.contains(&format!("Would send to {rest} numbers")), "{}", ran.out);
}

#[test]
fn what_is_no_report_or_was_spoilt_is_refused() {
    let world = World::new();
    let head = "line,input,number,outcome,message_id,code,reason\n";
    for (name, text, says) in [
        ("list.csv", "phone\n96598765432\n".to_owned(), "is no report of kwtsms"),
        (
            "spoilt.csv",
            format!(
                "{head}1,96598765432,9.65988E+10,accepted,a,,\n2,96551234567,96551234567,refused,,ERR010,x\n"
            ),
            "line 2",
        ),
        ("word.csv", format!("{head}1,96598765432,96598765432,perhaps,a,,\n"), "\"perhaps\""),
        ("cut.csv", format!("{head}1,96598765432\n"), "line 2"),
    ] {
        world.write(name, text);
        let ran = world.run(&["send", "--resume", name, "hi", "--yes"]).exits(2);
        assert!(ran.err.contains(says), "{name}: {}", ran.err);
    }
    world.run(&["send", "--resume", "nowhere.csv", "hi"]).exits(2);
    let ran = world.run(&["send", "--resume", "list.csv", "96598765432", "hi"]).exits(2);
    assert!(ran.err.contains("only argument"), "{}", ran.err);
    assert_eq!(world.sandbox.requests().len(), 0);
}

#[cfg(unix)]
#[test]
fn a_run_that_still_goes_on_is_not_resumed() {
    let world = World::with(Sandbox::builder().latency(Duration::from_millis(500)));
    let mut child = start(&world, 600, &[]);
    until("a first message", || !world.sandbox.messages().is_empty());
    let ran = world.run(&["send", "-f", "n.txt", "--resume", "r.csv", "hi", "--yes"]).exits(2);
    assert!(ran.err.contains("still going on"), "{}", ran.err);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    child.wait().unwrap();
}

#[test]
fn a_number_that_somebody_else_wrote_to_is_sent_to_when_told() {
    let world = World::new();
    world.run(&["send", "96598765432", "hi", "--sender", "KWT-TEST"]).exits(0);
    let ran = world.run(&["send", "96598765432", "again", "--sender", "KWT-TEST"]).exits(1);
    assert!(ran.out.contains("ERR028"), "{}", ran.out);
    world.sandbox.faults().push(Fault::code("ERR028").on("send"));
    let ran = world.run(&["send", "96551234567", "hi", "--sender", "KWT-TEST", "--wait-for-others"]).exits(0);
    assert!(ran.err.contains("waiting 16 s"), "{}", ran.err);
}
