//! `kwtsms status --watch`: lines, JSON lines, exit codes, Ctrl-C.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use kwtsms_async::sandbox::Sandbox;

use super::World;
use super::interrupt::{end, interrupt};
use super::owned::Owned;

const KUWAIT: &str = "96598765432";
const EMIRATES: &str = "971504496677";

fn sent(world: &World, more: &[&str]) -> String {
    world.run(&[&["send", "--sender", "KWT-TEST", "--country-check", "off"], more].concat()).exits(0);
    world.sandbox.messages().last().unwrap().id().to_owned()
}

#[test]
fn kuwait_ends_with_sent_and_says_that_no_report_will_come() {
    let world = World::new();
    let id = sent(&world, &[KUWAIT, "hi"]);
    let ran = world.run(&["status", &id, "--watch"]).exits(0);
    assert!(ran.out.contains("  Status: sent"), "{}", ran.out);
    assert!(ran.out.contains("  No delivery report will come: operators in Kuwait give none"), "{}", ran.out);
    let lines = world.run(&["status", &id, "--watch", "--json"]).exits(0).json_lines();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["status", "no_report", "end"]);
    assert!(lines.iter().all(|line| line["message_id"] == id.as_str()), "{lines:?}");
    assert_eq!((&lines[0]["status"], &lines[2]["result"]), (&"sent".into(), &"OK".into()));
}

#[test]
fn a_message_abroad_ends_with_its_report_and_an_error_is_final() {
    let world = World::with(Sandbox::builder().drain_per_second(1_000_000).reports_after(Duration::ZERO));
    let id = sent(&world, &[EMIRATES, "hi"]);
    let ran = world.run(&["status", &id, "--watch"]).exits(0);
    assert!(ran.out.contains(&format!("  {EMIRATES}  Received by recipient")), "{}", ran.out);
    let lines = world.run(&["status", &id, "--watch", "--json"]).exits(0).json_lines();
    assert_eq!(lines[1]["report"][0]["status"], "Received by recipient", "{lines:?}");

    let stuck = sent(&world, &[EMIRATES, "hi", "--test"]);
    let ran = world.run(&["status", &stuck, "--watch"]).exits(1);
    assert!(ran.err.contains("ERR030"), "{}", ran.err);
    let last = world.run(&["status", &stuck, "--watch", "--json"]).exits(1).json_lines().pop().unwrap();
    assert_eq!((&last["result"], &last["code"]), (&"ERROR".into(), &"ERR030".into()));
    world.run(&["status", &id, "--give-up-after", "5"]).exits(2);
    world.run(&["status", &id, "--watch", "--give-up-after", "soon"]).exits(2);
}

#[test]
fn it_gives_up_in_time_and_ctrl_c_ends_it() {
    let world = World::with(Sandbox::builder().drain_per_second(0));
    let id = sent(&world, &[KUWAIT, "hi"]);
    let ran = world.run(&["status", &id, "--watch", "--give-up-after", "0.01"]).exits(3);
    assert!(ran.out.contains("  Status: queued") && ran.out.contains("  Given up"), "{}", ran.out);
    let lines =
        world.run(&["status", &id, "--watch", "--give-up-after", "0", "--json"]).exits(3).json_lines();
    assert_eq!(lines.last().unwrap()["result"], "PARTIAL", "{lines:?}");

    let mut child = Owned::spawn(&mut world.beside(&["status", &id, "--watch"]));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("Status: queued")));
    interrupt(&child);
    let (status, _, err) = end(child);
    assert_eq!(status.code(), Some(130), "{err}");
}
