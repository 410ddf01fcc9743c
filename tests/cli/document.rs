//! `docs/command.md`: its examples are run and show what they say, and it names every option.
//!
//! After a change of words, `KWTSMS_WRITE_DOCS=1 cargo test --features full --test cli document` writes them anew.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{PASSWORD, World, kwtsms, run};

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/command.md")
}

/// The command in a shell of a user who has done the setup; both outputs as a terminal shows them.
fn shown(world: &World, script: &str) -> (String, i32) {
    let mut command = Command::new("sh");
    let bin = Path::new(env!("CARGO_BIN_EXE_kwtsms")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    command.args(["-c", &format!("exec 2>&1\n{script}")]).env_clear().env("PATH", path);
    let output = command.current_dir(world.folder.path()).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// A line without what is another in every run: ids, ports, times, how long something took.
fn alike(line: &str) -> String {
    let mut parts = line.trim_end().rsplit(" ms");
    let mut line = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        line = format!("{}… ms{line}", part.trim_end_matches(|c: char| c.is_ascii_digit()));
    }
    let mut alike = String::new();
    for word in line.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let core = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_id = core.len() == 32 && core.bytes().all(|byte| byte.is_ascii_hexdigit());
        let before = alike.clone();
        let is_port = before.ends_with("127.0.0.1:") && core.parse::<u16>().is_ok();
        let is_time = before.ends_with("\"unix_timestamp\":");
        alike.push_str(if is_id || is_port || is_time { "…" } else { core });
        alike.push_str(&word[core.len()..]);
    }
    alike
}

#[test]
fn the_examples_show_what_happens() {
    let world = World::new();
    let url = world.sandbox.base_url().to_owned();
    world.write(
        ".env",
        format!("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='{PASSWORD}'\nKWTSMS_SENDER_ID=KWT-TEST\nKWTSMS_BASE_URL={url}\n"),
    );
    std::fs::set_permissions(world.path(".env"), std::fs::Permissions::from_mode(0o600)).unwrap();
    world.write(
        "customers.csv",
        "name,mobile\nAli,+965 9876 5433\nSara,٩٦٥٥١٢٣٤٥٦٨\nOmar,not a number\nAli,96598765433\nMona,9.65988E+10\n",
    );
    world.write("two.csv", "name,phone,mobile\nAli,96598765432,96551234567\n");
    let campaign: String = (0..400).map(|i| format!("{}\n", 96_551_000_000u64 + i)).collect();
    world.write("campaign.csv", campaign);
    let document = std::fs::read_to_string(path()).unwrap();
    let (mut written, mut wrong, mut ran) = (String::new(), Vec::new(), 0);
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        written.push_str(&format!("{line}\n"));
        if let Some(balance) = line.strip_prefix("<!-- balance ").and_then(|rest| rest.strip_suffix(" -->")) {
            world.sandbox.account("user").set_balance(balance.parse::<u64>().unwrap());
        }
        let stays =
            |command: &str| command.starts_with("$ kwtsms setup") || command.starts_with("$ kwtsms sandbox");
        if line != "```text" || lines.peek().is_none_or(|first| !first.starts_with("$ ") || stays(first)) {
            continue;
        }
        let mut code = 0;
        while let Some(command) = lines.next_if(|line| line.starts_with("$ ")) {
            let mut expected = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ") && *line != "```") {
                expected.push(line);
            }
            let mut script = command[2..].replace("$?", &code.to_string());
            if let Some(message) = world.sandbox.messages().iter().find(|message| !message.is_test()) {
                for word in command.split(' ').filter(|word| alike(word) == "…") {
                    script = script.replace(word, message.id());
                }
            }
            let (mut output, mut exit) = shown(&world, &script);
            super::interrupt::until("the end of the queue", || {
                if output.contains("Status: queued") {
                    (output, exit) = shown(&world, &script);
                }
                !output.contains("Status: queued")
            });
            code = exit;
            ran += 1;
            // It is shown once; every other example would say it too.
            let tells = expected.iter().any(|line| line.starts_with("Gateway: "));
            let output: Vec<_> =
                output.lines().filter(|line| tells || !line.starts_with("Gateway: ")).collect();
            let same = |lines: &[&str]| lines.iter().map(|line| alike(line)).collect::<Vec<_>>();
            if same(&output) != same(&expected) {
                wrong.push(format!("{command}\n{}", output.join("\n")));
            }
            written.push_str(&format!("{command}\n"));
            output.iter().for_each(|line| written.push_str(&format!("{line}\n")));
        }
    }
    if std::env::var_os("KWTSMS_WRITE_DOCS").is_some() {
        std::fs::write(path(), written).unwrap();
    } else {
        assert!(wrong.is_empty(), "docs/command.md shows something else than\n{}", wrong.join("\n\n"));
    }
    assert!(ran > 20, "the examples are not where they were");
}

#[test]
fn every_verb_option_and_exit_code_is_in_the_document() {
    let folder = tempfile::tempdir().unwrap();
    let help = |args: &[&str]| run(&mut kwtsms(folder.path(), args)).exits(0).out;
    let document = std::fs::read_to_string(path()).unwrap();
    let main = help(&["--help"]);
    let verbs =
        main.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs = verbs.filter(|line| !line.starts_with("   ")); // a line that goes on
    let verbs: Vec<_> = verbs.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(verbs.len() > 12, "{verbs:?}");
    for verb in verbs {
        // Those two have verbs of their own, and documents of their own.
        let help =
            |args: &[&str]| if ["campaign", "outbox"].contains(&verb) { String::new() } else { help(args) };
        assert!(document.contains(&format!("kwtsms {verb}")) || verb == "help", "{verb}");
        let help = if verb == "help" { main.clone() } else { help(&[verb, "--help"]) };
        let options: BTreeSet<_> = help
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .filter(|word| {
                word.starts_with("--") && word.len() > 2 && !["--help", "--version"].contains(word)
            })
            .collect();
        for option in options {
            assert!(document.contains(option), "{verb} {option}");
        }
    }
    let codes =
        main.lines().skip_while(|line| *line != "Exit codes:").skip(1).take_while(|line| !line.is_empty());
    for line in codes {
        let (code, meaning) = line.trim().split_once("  ").unwrap();
        assert!(document.contains(&format!("| {code} | {} |", meaning.trim())), "{line}");
    }
}
