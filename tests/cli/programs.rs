//! The command beside other programs: signals that are ignored, full disks, pipes, manuals.

#![cfg_attr(not(target_os = "linux"), allow(unused_imports))] // two of the tests are for Linux

use std::io::Read;
use std::process::Command;
use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use serde_json::json;

use super::files::{count, report};
use super::interrupt::{end, pause, until};
use super::owned::Owned;
use super::{PASSWORD, World, kwtsms, run};

/// The command by a shell that does something first, with the account's credentials.
fn by_shell(world: &World, script: &str) -> Command {
    let mut command = Command::new("sh");
    world.alone(command.args(["-c", script]));
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("KWTSMS", env!("CARGO_BIN_EXE_kwtsms"));
    command
}

fn list(numbers: u64) -> String {
    (0..numbers).map(|i| format!("{}\n", 96_551_000_000u64 + i)).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn signals_that_are_ignored_at_the_start_stay_ignored() {
    let world = World::with(Sandbox::builder().latency(Duration::from_millis(300)));
    world.write("n.txt", list(600));
    let script = "trap '' HUP INT; exec \"$KWTSMS\" send -f n.txt hi --yes --report r.csv";
    let child = Owned::spawn(&mut by_shell(&world, script));
    until("a first message", || !world.sandbox.messages().is_empty());
    for signal in ["-HUP", "-INT", "-HUP"] {
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    }
    let (status, out, err) = end(child);
    assert_eq!(status.code(), Some(0), "{out}{err}");
    assert_eq!(count(&report(&world, "r.csv"), "accepted"), 600);

    // And one that is not ignored is still heard.
    let script = "trap '' HUP; exec \"$KWTSMS\" send -f n.txt hi --yes --report r2.csv --no-wait";
    let child = Owned::spawn(&mut by_shell(&world, script));
    let requests = world.sends();
    until("another request", || world.sends() > requests);
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(end(child).0.code(), Some(130));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_exit_code_and_message_ids_reach_standard_error() {
    let world = World::new();
    let full = |script: &str| {
        let child = Owned::spawn(&mut by_shell(&world, &format!("exec \"$KWTSMS\" {script} > /dev/full")));
        let (status, _, err) = end(child);
        (status.code().unwrap(), err)
    };
    for script in ["balance", "balance --json", "pages hi", "man", "completions bash", "--help"] {
        let (code, err) = full(script);
        if script != "--help" {
            assert_eq!(code, 6, "{script}: {err}");
            assert!(err.contains("standard output cannot be written: No space left on device"), "{err}");
        }
    }
    let sends = [
        ("send 96598765432 hi", 0),
        ("--json send 96598765433 hi", 1),
        ("send -f n.txt hi --yes", 2),
        ("--json send -f m.txt hi --yes", 4),
    ];
    world.write("n.txt", list(250));
    world.write("m.txt", (0..250).map(|i| format!("{}\n", 96_561_000_000u64 + i)).collect::<String>());
    for (script, before) in sends {
        let (code, err) = full(script);
        assert_eq!(code, 6, "{script}: {err}");
        let messages = world.sandbox.messages();
        assert!(messages.len() > before);
        for message in &messages[before..] {
            assert!(err.contains(&format!("Sent  |  msg-id: {}", message.id())), "{script}: {err}");
        }
    }
    // What matters more than the disk stays the exit code.
    world.sandbox.faults().push(Fault::drop_after_accepting().on("send"));
    assert_eq!(full("send 96598765434 hi").0, 4);
    assert_eq!(full("send abc@d.e hi").0, 1);
}

#[test]
fn json_agrees_with_the_exit_code_and_a_refusal_stands_at_the_top() {
    let world = World::new();
    for (args, code, result) in [
        (&["validate", "96598765432,abc"][..], 3, "PARTIAL"),
        (&["validate", "96598765432,abc", "--offline"], 3, "PARTIAL"),
        (&["validate", "abc", "--offline"], 1, "ERROR"),
        (&["validate", "96598765432"], 0, "OK"),
        (&["send", "96598765432,abc", "hi", "--dry-run"], 3, "PARTIAL"),
        (&["send", "abc@d.e", "hi", "--dry-run"], 1, "ERROR"),
        (&["send", "96598765432", "hi", "--dry-run"], 0, "OK"),
        (&["send", "96598765432,abc", "hi", "--test"], 3, "PARTIAL"),
        (&["send", "abc@d.e", "hi", "--test"], 1, "ERROR"),
    ] {
        let mut args = args.to_vec();
        args.push("--json");
        let ran = world.run(&args).exits(code);
        assert_eq!(ran.json()["result"], result, "{args:?}");
    }
    world
        .sandbox
        .faults()
        .push(Fault::reply(200, r#"{"result":"ERROR","code":"ERR010","description":"No credit"}"#));
    let json = world.run(&["send", "96598765432", "hi", "--json"]).exits(5).json();
    assert_eq!((&json["result"], &json["code"]), (&json!("ERROR"), &json!("ERR010")));
    assert!(json["error"].as_str().unwrap().contains("ERR010"), "{json}");
    assert!(json["action"].as_str().is_some_and(|action| !action.is_empty()), "{json}");
    assert_eq!(json["description"], "No credit");
    // A file with a quote that never closes, after a batch was accepted.
    world.write("n.txt", list(450) + "\"\n");
    let ran = run(world
        .kwtsms(&["send", "--json", "-f", "-", "hi", "--yes", "--test"])
        .write_stdin(list(450) + "\"\n"));
    let ran = ran.exits(3);
    assert_eq!(ran.json_lines().last().unwrap()["result"], "PARTIAL");
}

#[test]
fn the_manual_has_a_page_for_each_verb_and_help_shows_what_is_meant_for_it() {
    let world = World::new();
    let out = |args: &[&str]| run(&mut kwtsms(world.folder.path(), args)).exits(0).out;
    let main = out(&["man"]);
    assert!(main.contains("kwtsms\\-send(1)") && main.matches(".SH NAME").count() == 1, "{main}");
    let page = out(&["man", "send"]);
    assert!(page.contains(".TH kwtsms-send 1") && page.contains("\\-\\-report"), "{page}");
    assert_eq!((page.matches(".SH NAME").count(), page.matches(".TH ").count()), (1, 1));
    assert!(out(&["man", "campaign", "create"]).contains(".TH kwtsms-campaign-create 1"));
    run(&mut kwtsms(world.folder.path(), &["man", "bogus"])).exits(2);
    std::fs::create_dir(world.path("man1")).unwrap();
    run(&mut kwtsms(world.folder.path(), &["man", "--folder", "man1"])).exits(0);
    run(&mut kwtsms(world.folder.path(), &["man", "--folder", "nowhere"])).exits(2);
    for verb in [
        "setup",
        "verify",
        "balance",
        "senderid",
        "coverage",
        "validate",
        "send",
        "status",
        "dlr",
        "pages",
        "clean",
        "sandbox",
        "completions",
        "man",
    ] {
        assert!(world.path("man1").join(format!("kwtsms-{verb}.1")).exists(), "{verb}");
        let help = out(&[verb, "--help"]);
        let asks = !["pages", "clean", "sandbox", "completions", "man"].contains(&verb);
        let page = std::fs::read_to_string(world.path("man1").join(format!("kwtsms-{verb}.1"))).unwrap();
        let page = page.replace('\\', "");
        for option in ["--base-url", "--env-file", "--password-file", "--timeout"] {
            assert_eq!(
                (help.contains(option), page.contains(option)),
                (asks, asks),
                "{verb} {option}\n{help}"
            );
        }
        assert!(help.contains("--json"), "{verb}");
    }
    // A script may give them always.
    assert_eq!(out(&["--timeout", "5", "clean", "--base-url", "http://127.0.0.1:1/", "hi"]), "hi\n");
}

#[test]
fn settings_from_a_pipe_end_by_a_signal_and_lose_their_byte_order_mark() {
    let world = World::new();
    for pipe in ["env.pipe", "pw.pipe"] {
        assert!(Command::new("mkfifo").arg(world.path(pipe)).status().unwrap().success());
    }
    for script in [
        "balance --env-file env.pipe",
        "balance --password-file pw.pipe",
        "send 96598765432 hi --dry-run --env-file env.pipe",
    ] {
        let mut child = Owned::spawn(&mut by_shell(&world, &format!("exec \"$KWTSMS\" {script}")));
        (0..30).for_each(|_| pause()); // it says nothing while it waits
        assert!(child.try_wait().unwrap().is_none(), "{script} waits");
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        until("the end", || child.try_wait().unwrap().is_some());
    }
    let writer = std::thread::spawn({
        let pipe = world.path("pw.pipe");
        move || std::fs::write(pipe, format!("\u{feff}{PASSWORD}\r\n")).unwrap()
    });
    run(world.kwtsms(&["balance", "--password-file", "pw.pipe"]).env_remove("KWTSMS_PASSWORD")).exits(0);
    writer.join().unwrap();
    // Verbs that read the settings more than once have them from the pipe once.
    let writer = std::thread::spawn({
        let (pipe, url) = (world.path("env.pipe"), world.sandbox.base_url().to_owned());
        let settings = format!("\u{feff}KWTSMS_BASE_URL={url}\nKWTSMS_STORE=pipe.db\n");
        move || std::fs::write(pipe, settings).unwrap()
    });
    let run_campaigns = ["campaign", "run", "--env-file", "env.pipe"];
    run(world.kwtsms(&run_campaigns).env_remove("KWTSMS_BASE_URL")).exits(0);
    writer.join().unwrap();
    world.write("long", "x".repeat(100_000));
    let ran = world.run(&["balance", "--password-file", "long"]).exits(2);
    assert!(ran.err.contains("over 4096 bytes"), "{}", ran.err);
    world.write("long.env", "#".repeat(1_100_000));
    let ran = world.run(&["balance", "--env-file", "long.env"]).exits(2);
    assert!(ran.err.contains("over 1 MiB"), "{}", ran.err);
    if cfg!(target_os = "linux") {
        let ran = world.run(&["balance", "--password-file", "/dev/zero"]).exits(2);
        assert!(ran.err.contains("over 4096 bytes"), "{}", ran.err);
        let ran = world.run(&["balance", "--env-file", "/dev/zero"]).exits(2);
        assert!(ran.err.contains("over 1 MiB"), "{}", ran.err);
    }
}

#[test]
fn ids_are_not_lost_with_a_reader_that_goes_away() {
    let world = World::new();
    let mut child = Owned::spawn(&mut by_shell(&world, "exec \"$KWTSMS\" send 96598765432 hi"));
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{err}");
    assert!(err.contains(&format!("msg-id: {}", world.sandbox.messages()[0].id())), "{err}");
}
