//! `kwtsms doctor`: its exit codes, that it goes on where settings are missing, and that it can be shown to others.

use kwtsms_async::sandbox::Fault;
use serde_json::Value;

use super::{PASSWORD, Ran, World, kwtsms, run};

/// The status of a check.
#[track_caller]
fn status(document: &Value, name: &str) -> String {
    let checks = document["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    check.unwrap_or_else(|| panic!("no {name} in {document:#}"))["status"].as_str().unwrap().to_owned()
}

/// The line of a check, and those that go on with it.
#[track_caller]
fn lines<'a>(ran: &'a Ran, name: &str) -> &'a str {
    let at = ran.out.find(&format!("  {name}  ")).unwrap_or_else(|| panic!("no {name} in\n{}", ran.out));
    let rest = &ran.out[at..];
    let end = rest.match_indices("\n  ").find(|(at, _)| !rest[at + 3..].starts_with(' '));
    &rest[..end.map_or(rest.len(), |(at, _)| at)]
}

/// By an argument the gateway is meant to be another.
fn at_the_sandbox(world: &World, args: &[&str]) -> assert_cmd::Command {
    let mut command = world.kwtsms(args);
    command.args(["--base-url", world.sandbox.base_url()]).env("KWTSMS_SENDER_ID", "KWT-TEST");
    command
}

#[test]
fn nothing_wrong_is_exit_0_warnings_are_3_and_failures_1_or_5() {
    let world = World::new();
    let ran = run(&mut at_the_sandbox(&world, &["doctor"])).exits(0);
    let settings = lines(&ran, "settings");
    assert!(
        settings.contains("from the environment: KWTSMS_USERNAME, KWTSMS_PASSWORD, KWTSMS_SENDER_ID;"),
        "{}",
        ran.out
    );
    assert!(settings.contains("from the command line: KWTSMS_BASE_URL; there is no .env"), "{}", ran.out);
    assert!(ran.out.ends_with("skipped  |  3 requests, nothing was sent\n"), "{}", ran.out);
    assert!(ran.out.contains("\n  Nothing wrong was found  |"), "{}", ran.out);
    assert_eq!(world.sandbox.requests().len(), 3);

    let ran = world.run(&["doctor"]).exits(3);
    assert!(lines(&ran, "sender id").contains("share"), "{}", ran.out);
    assert!(lines(&ran, "base url").contains("KWTSMS_BASE_URL in the environment"), "{}", ran.out);
    assert!(ran.out.contains("\n  2 warnings  |"), "{}", ran.out);

    let ran = run(at_the_sandbox(&world, &["doctor"]).env("KWTSMS_SENDER_ID", "kwt-test")).exits(1);
    assert!(lines(&ran, "sender id").contains("KWT-TEST is: upper and lower case count"), "{}", ran.out);
    assert!(ran.out.contains("\n  1 failed  |"), "{}", ran.out);

    let ran = run(at_the_sandbox(&world, &["doctor"]).env("KWTSMS_PASSWORD", "\"wrong\"")).exits(5);
    let credentials = lines(&ran, "credentials");
    assert!(credentials.contains("ERR003") && credentials.contains("quotation mark"), "{}", ran.out);
    world.sandbox.account("user").set_balance(0);
    run(&mut at_the_sandbox(&world, &["doctor"])).exits(5);
}

#[test]
fn a_number_a_text_and_a_message_are_looked_at_and_no_full_number_is_shown() {
    let world = World::new();
    world.run(&["send", "96598765432", "hi"]).exits(0);
    let id = world.sandbox.messages()[0].id().to_owned();
    let text = "Don’t wait 🎉 96598765432";
    let args = ["doctor", "--number", "+965 9876 5432", "--message", text, "--message-id", &id];
    let before = world.sandbox.requests().len();
    let ran = run(&mut at_the_sandbox(&world, &args)).exits(3);
    assert_eq!(world.sandbox.requests().len() - before, 6);
    assert!(lines(&ran, "number").contains("965****432"), "{}", ran.out);
    assert!(lines(&ran, "text").contains("emoji at character 12 (removed)"), "{}", ran.out);
    assert!(lines(&ran, "pages").contains("’ (U+2019) at character 4"), "{}", ran.out);
    assert!(lines(&ran, "report").contains("Kuwait"), "{}", ran.out);
    let json = run(at_the_sandbox(&world, &args).arg("--json")).exits(3);
    for shown in [&ran, &json] {
        for secret in ["98765432", "9876 5432", "Don’t", "Don't"] {
            assert!(!shown.out.contains(secret) && !shown.err.contains(secret), "{secret}: {}", shown.out);
        }
    }
    let document = json.json();
    assert_eq!((&document["result"], &document["requests"]), (&"PARTIAL".into(), &6.into()));
    assert_eq!(status(&document, "route"), "ok");
    let ran = run(at_the_sandbox(&world, &args).arg("--show-numbers"));
    assert!(lines(&ran, "number").contains("96598765432, 11 digits"), "{}", ran.out);
    run(at_the_sandbox(&world, &["doctor", "--message", "-"]).write_stdin("hi")).exits(0);
    world.run(&["doctor", "--message-id", "no id!"]).exits(2);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_looked_at() {
    let world = World::new();
    let url = world.sandbox.base_url();
    let at = |args: &[&str]| run(kwtsms(world.folder.path(), args).args(["--base-url", url]));

    let ran = at(&["doctor", "--number", "96598765432"]).exits(5);
    assert!(
        lines(&ran, "credentials").contains("the user name and the password must not be empty"),
        "{}",
        ran.out
    );
    assert!(lines(&ran, "connection").contains("HTTP status"), "{}", ran.out);
    assert!(lines(&ran, "number").contains("965****432"), "{}", ran.out);
    assert_eq!(world.sandbox.requests().len(), 1);

    world.write(".env", format!("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='{PASSWORD}\n"));
    let document = at(&["doctor", "--json"]).exits(5).json();
    assert_eq!(status(&document, "settings"), "failed");
    assert_eq!(status(&document, "gateway"), "ok");
    let ran = run(&mut at_the_sandbox(&world, &["doctor"])).exits(1);
    assert!(lines(&ran, "settings").contains(".env line 2"), "{}", ran.out);
    assert!(lines(&ran, "balance").contains("1000 credits"), "{}", ran.out);
    std::fs::remove_file(world.path(".env")).unwrap();

    let ran = run(at_the_sandbox(&world, &["doctor"]).env("KWTSMS_TEST_MODE", "maybe")).exits(1);
    assert!(lines(&ran, "settings").contains("must be 1, 0, true or false"), "{}", ran.out);
    assert!(lines(&ran, "balance").contains("1000 credits"), "{}", ran.out);

    let ran = run(at_the_sandbox(&world, &["doctor"]).env("KWTSMS_LOG_FILE", "nowhere/log")).exits(1);
    assert!(lines(&ran, "log file").contains("nowhere/log"), "{}", ran.out);
    assert!(lines(&ran, "balance").contains("1000 credits"), "{}", ran.out);

    let ran = run(at_the_sandbox(&world, &["doctor"]).env("KWTSMS_STORE", "nowhere/store.db")).exits(1);
    assert!(lines(&ran, "store").contains("nowhere"), "{}", ran.out);
    let ran = run(at_the_sandbox(&world, &["doctor"]).env("KWTSMS_STORE", "store.db")).exits(0);
    assert!(lines(&ran, "store").contains("can be opened"), "{}", ran.out);
}

#[test]
fn a_log_is_written_and_a_file_that_all_may_read_is_told() {
    let world = World::new();
    let ran = run(at_the_sandbox(&world, &["doctor"]).env("KWTSMS_LOG_FILE", "kwtsms.log")).exits(0);
    assert!(lines(&ran, "log file").contains("can be written"), "{}", ran.out);
    assert_eq!(std::fs::read_to_string(world.path("kwtsms.log")).unwrap().lines().count(), 3);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;

        let file = world.write(".env", format!("KWTSMS_PASSWORD='{PASSWORD}'\n"));
        for (mode, code) in [(0o600, 0), (0o644, 3)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let ran = run(&mut at_the_sandbox(&world, &["doctor"])).exits(code);
            assert_eq!(lines(&ran, "settings").contains("chmod 600"), code == 3, "{}", ran.out);
        }
    }
}

#[test]
fn where_nobody_listens_it_says_so_and_asks_once() {
    let url = "http://127.0.0.1:1/API/"; // a port that no system gives away
    let world = World::new();
    let ran = run(world.kwtsms(&["doctor", "--base-url", url]).env("KWTSMS_SENDER_ID", "KWT-TEST")).exits(1);
    assert!(lines(&ran, "connection").contains("efused"), "{}", ran.out);
    assert!(ran.out.contains("  1 request, nothing was sent"), "{}", ran.out);
}

#[test]
fn a_proxy_on_the_way_is_named_without_its_password() {
    let world = World::new();
    let mut command = world.kwtsms(&["doctor", "--base-url", "https://gateway.invalid/API/"]);
    let ran = run(command
        .env("HTTPS_PROXY", "http://somebody:s3cret@127.0.0.1:1")
        .env("KWTSMS_SENDER_ID", "KWT-TEST"));
    let ran = ran.exits(1);
    assert!(lines(&ran, "proxy").contains("http://127.0.0.1:1 that HTTPS_PROXY names"), "{}", ran.out);
    assert!(lines(&ran, "name").contains("the proxy looks it up"), "{}", ran.out);
    let connection = lines(&ran, "connection");
    assert!(
        connection.contains("by the proxy http://127.0.0.1:1") && connection.contains("NO_PROXY"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("s3cret") && !ran.err.contains("s3cret"), "{}", ran.out);
    assert!(ran.out.contains("  1 request, nothing was sent"), "{}", ran.out);
}

#[test]
fn it_needs_no_account_with_the_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(&mut kwtsms(folder.path(), &["--sandbox", "doctor", "--number", "96598765432"])).exits(3);
    assert!(lines(&ran, "route").contains("can send to it"), "{}", ran.out);
}

#[test]
fn what_comes_from_outside_steers_no_terminal() {
    let world = World::new();
    let hostile = "\u{1b}[31m\u{7}\u{202e}";
    world.sandbox.faults().push(
        Fault::reply(200, r#"{"result":"OK","status":"\u001b[31m","description":"\u001b[31m"}"#).on("status"),
    );
    world.sandbox.faults().push(
        Fault::reply(200, r#"{"result":"OK","report":[{"Number":"\u001b9","Status":"\u001b[31m"}]}"#)
            .on("dlr"),
    );
    world
        .sandbox
        .faults()
        .push(Fault::reply(200, r#"{"result":"OK","senderid":["A\u202e"]}"#).on("senderid"));
    let mut command =
        at_the_sandbox(&world, &["doctor", "--message-id", "a1", "--number", hostile, "--message", hostile]);
    let ran = run(command
        .env("KWTSMS_LOG_FILE", format!("nowhere{hostile}/log"))
        .env("KWTSMS_SENDER_ID", "A\u{202e}b"));
    for text in [&ran.out, &ran.err] {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{text:?}");
    }
}
