//! Ctrl-C, and readers that go away.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use kwtsms_async::sandbox::Sandbox;

use super::World;
use super::files::{count, report};
use super::owned::Owned;

/// Starts a run over many numbers.
pub(crate) fn start(world: &World, numbers: u64, more: &[&str]) -> Owned {
    let list: String = (0..numbers).map(|i| format!("{}\n", 96_551_000_000u64 + i)).collect();
    world.write("n.txt", list);
    let send = ["send", "-f", "n.txt", "hi", "--yes", "--report", "r.csv", "--sender", "KWT-TEST"];
    Owned::spawn(world.beside(&send).args(more))
}

/// Waits for something that the other process brings about.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if done() {
            return;
        }
        pause();
    }
    panic!("{what} did not come about");
}

#[allow(clippy::disallowed_methods)] // no runtime here: another process is waited for
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(10));
}

pub(crate) fn interrupt(child: &Child) {
    let status = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Reads standard error until it says something, and gives what was read.
pub(crate) fn reads(child: &mut Child, what: &str) -> String {
    let err = child.stderr.as_mut().unwrap();
    let mut seen = String::new();
    while !seen.contains(what) {
        let mut piece = [0; 256];
        let read = err.read(&mut piece).unwrap();
        assert!(read > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&piece[..read]));
    }
    seen
}

pub(crate) fn end(child: Owned) -> (ExitStatus, String, String) {
    let output = child.output();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!err.contains("panicked"), "{err}");
    (output.status, String::from_utf8(output.stdout).unwrap(), err)
}

#[test]
fn ctrl_c_finishes_what_is_in_flight_and_accounts_for_the_rest() {
    let world = World::with(Sandbox::builder().latency(Duration::from_millis(300)));
    let child = start(&world, 1_000, &[]);
    until("a first message", || !world.sandbox.messages().is_empty());
    interrupt(&child);
    let (status, out, err) = end(child);
    assert_eq!(status.code(), Some(130), "{out}{err}");
    let rows = report(&world, "r.csv");
    assert_eq!(rows.len(), 1_000);
    let sent: usize = world.sandbox.messages().iter().map(|message| message.numbers().len()).sum();
    assert_eq!(count(&rows, "accepted"), sent, "what was in flight was waited for");
    assert_eq!(count(&rows, "not_attempted"), 1_000 - sent);
    assert!(sent < 1_000);
    assert!(err.contains("Stopping: what is in flight is finished first"), "{err}");
    let from = format!("Interrupted: {} numbers not attempted, from line {} on", 1_000 - sent, sent + 1);
    assert!(err.contains(&from), "{err}");
}

#[test]
fn ctrl_c_ends_a_wait_before_the_next_try_and_the_exit_code_says_so() {
    let world = World::new();
    world.sandbox.faults().push(kwtsms_async::sandbox::Fault::code("ERR013").on("send"));
    let mut child = start(&world, 1, &[]);
    reads(&mut child, "waiting 30 s");
    interrupt(&child);
    let (status, out, err) = end(child);
    assert_eq!(status.code(), Some(130), "{out}{err}");
    assert_eq!((world.sends(), count(&report(&world, "r.csv"), "refused")), (1, 1));
}

#[test]
fn a_run_that_is_killed_leaves_all_that_was_known() {
    let world = World::with(Sandbox::builder().latency(Duration::from_millis(50)));
    let mut child = start(&world, 1_000, &[]);
    let rows = || std::fs::read_to_string(world.path("r.csv")).unwrap_or_default().lines().count();
    until("the rows of two batches", || rows() > 400);
    child.kill().unwrap();
    child.wait().unwrap();
    let rows = report(&world, "r.csv");
    let accepted = count(&rows, "accepted");
    assert!(accepted >= 400 && accepted == rows.len() && accepted.is_multiple_of(200), "{accepted}");
    let known = |id: &String| world.sandbox.messages().iter().any(|message| message.id() == id);
    assert!(rows.values().all(|row| known(&row[0][3])));
}

#[test]
fn a_reader_that_goes_away_stops_neither_the_sending_nor_the_accounting() {
    let world = World::new();
    let mut child = start(&world, 450, &["--json"]);
    drop(child.stdout.take());
    let (status, _, err) = end(child);
    assert_eq!(status.code(), Some(0), "{err}");
    assert_eq!(count(&report(&world, "r.csv"), "accepted"), 450);
    assert_eq!(world.sends(), 3);
    assert_eq!(err.lines().filter(|line| line.contains("Sent  |  msg-id: ")).count(), 3, "{err}");
}

#[test]
fn a_closed_pipe_ends_other_commands_quietly() {
    let world = World::new();
    for args in [&["balance"][..], &["man"], &["completions", "zsh"], &["clean", "hi"]] {
        let mut child = Owned::spawn(&mut world.beside(args));
        drop(child.stdout.take());
        let (status, _, err) = end(child);
        let err: Vec<_> = err.lines().filter(|line| !line.starts_with("Gateway: ")).collect();
        assert_eq!((status.code(), err), (Some(0), vec![]), "{args:?}");
    }
}

#[test]
fn the_sandbox_serves_until_ctrl_c() {
    let world = World::new();
    let mut child = Owned::spawn(&mut world.beside(&["sandbox", "--port", "0", "--json"]));
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    let url = json["base_url"].as_str().unwrap();
    super::run(world.kwtsms(&["send", "96598765432", "hi"]).env("KWTSMS_BASE_URL", url)).exits(0);
    let inbox = json["inbox_url"].as_str().unwrap();
    assert_eq!(url, format!("{inbox}API/"));
    let port = url.split([':', '/']).nth(4).unwrap();
    let ran = world.run(&["sandbox", "--port", port]).exits(1);
    assert!(ran.err.contains("choose another port"), "{}", ran.err);
    interrupt(&child);
    let (status, _, err) = end(child);
    assert_eq!(status.code(), Some(0), "{err}");
    assert!(err.contains("It accepted 1 message."), "{err}");
}

#[test]
fn ctrl_c_ends_a_wait_for_standard_input() {
    for args in [&["clean"][..], &["pages"], &["validate", "-", "--offline"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kwtsms"));
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = Owned::spawn(&mut command);
        (0..20).for_each(|_| pause()); // it says nothing when it begins to wait
        interrupt(&child);
        until("the end", || child.try_wait().unwrap().is_some());
    }
}
