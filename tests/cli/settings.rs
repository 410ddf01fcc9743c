//! Where settings and credentials come from.

use super::{PASSWORD, World, kwtsms, run};

#[test]
fn without_credentials_the_missing_keys_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["balance"][..], &["send", "96598765432", "hi"], &["validate", "96598765432"]] {
        let ran = run(&mut kwtsms(folder.path(), command)).exits(5);
        assert!(ran.err.contains("KWTSMS_USERNAME and KWTSMS_PASSWORD not set"), "{}", ran.err);
        assert!(ran.err.contains("kwtsms setup"), "{}", ran.err);
    }
    let ran = run(kwtsms(folder.path(), &["balance"]).env("KWTSMS_USERNAME", "user")).exits(5);
    assert!(ran.err.contains("KWTSMS_PASSWORD not set") && !ran.err.contains("USERNAME"), "{}", ran.err);
    assert!(ran.err.contains("run 'kwtsms setup', set it in the environment"), "{}", ran.err);
}

#[test]
fn settings_come_from_the_file_and_the_environment_wins() {
    let world = World::new();
    let env = format!(
        "KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='{PASSWORD}'\nKWTSMS_SENDER_ID=KWT-TEST\nKWTSMS_TEST_MODE=1\nKWTSMS_BASE_URL={}\n",
        world.sandbox.base_url()
    );
    world.write(".env", &env);
    world.write("other.env", env.replace("KWT-TEST", "KWT-SMS"));
    let send = ["send", "96598765432", "hi"];
    run(&mut kwtsms(world.folder.path(), &send)).exits(0);
    let last = || world.sandbox.messages().last().unwrap().clone();
    assert_eq!((last().sender(), last().is_test()), ("KWT-TEST", true));
    run(kwtsms(world.folder.path(), &send).args(["--env-file", "other.env"])).exits(0);
    assert_eq!(last().sender(), "KWT-SMS");
    run(kwtsms(world.folder.path(), &send)
        .args(["--env-file", "other.env"])
        .env("KWTSMS_SENDER_ID", "KWT-TEST"))
    .exits(0);
    assert_eq!(last().sender(), "KWT-TEST");
    let ran = run(kwtsms(world.folder.path(), &send).args(["--env-file", "nowhere.env"])).exits(2);
    assert!(ran.err.contains("nowhere.env cannot be read"), "{}", ran.err);
}

#[test]
fn the_password_may_stand_in_a_file_and_is_never_an_argument() {
    let world = World::new();
    world.write("pw", format!("{PASSWORD}\n"));
    world.write("two", "a\nb\n");
    run(world.kwtsms(&["balance", "--password-file", "pw"]).env("KWTSMS_PASSWORD", "wrong")).exits(0);
    run(world.kwtsms(&["balance", "--password-file", "pw"]).env_remove("KWTSMS_PASSWORD")).exits(0);
    let ran = world.run(&["balance", "--password-file", "two"]).exits(2);
    assert!(ran.err.contains("on one line"), "{}", ran.err);
    world.run(&["balance", "--password-file", "nowhere"]).exits(2);
    world.run(&["balance", "--password", "x"]).exits(2);
}

#[test]
fn an_env_that_is_a_folder_or_cannot_be_read_is_an_error() {
    let world = World::new();
    std::fs::create_dir(world.path(".env")).unwrap();
    let ran = world.run(&["balance"]).exits(2);
    assert!(ran.err.contains(".env cannot be read"), "{}", ran.err);
    std::fs::remove_dir(world.path(".env")).unwrap();
    world.write(".env", "KWTSMS_PASSWORD=hunter2-$ecret\n");
    let ran = world.run(&["balance"]).exits(2);
    assert!(
        ran.err.contains(".env line 1: put the value of KWTSMS_PASSWORD in single quotes"),
        "{}",
        ran.err
    );
    assert_eq!(world.sandbox.requests().len(), 0);
}

#[test]
fn an_empty_base_url_is_refused_and_does_not_mean_the_real_gateway() {
    let world = World::new();
    let ran = world.run(&["send", "96598765432", "hi", "--base-url", ""]).exits(2);
    assert!(ran.err.contains("--base-url"), "{}", ran.err);
    assert_eq!(world.sends(), 0);
}

#[test]
fn a_password_does_not_travel_in_clear() {
    let world = World::new();
    let ran = world.run(&["balance", "--base-url", "http://example.com/API/"]).exits(2);
    assert!(ran.err.contains("https://"), "{}", ran.err);
}

#[test]
fn no_colour_reaches_a_pipe() {
    let world = World::new();
    for args in [&["send", "96598765432,abc", "hi", "--test"][..], &["--help"], &["bogus"]] {
        let ran = world.run(args);
        assert!(!ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'), "{args:?}");
    }
}

#[test]
fn the_log_of_the_settings_has_the_seeds_lines_and_shows_no_secret() {
    let world = World::new();
    let send = ["send", "96598765432", "the code is 47114711", "--test"];
    run(world.kwtsms(&send).env("KWTSMS_LOG_FILE", "kwtsms.log")).exits(0);
    run(world.kwtsms(&["balance"]).env("KWTSMS_LOG_FILE", "kwtsms.log")).exits(0);
    let log = std::fs::read_to_string(world.path("kwtsms.log")).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "a line for each request, and none for what is only measured: {log}");
    for key in ["ts", "endpoint", "request", "response", "ok", "error"] {
        assert!(lines[0].get(key).is_some(), "{key}");
    }
    assert_eq!((&lines[0]["endpoint"], &lines[1]["endpoint"]), (&"send".into(), &"balance".into()));
    assert_eq!(lines[0]["request"]["password"], "***");
    assert_eq!(lines[0]["response"]["msg-id"], world.sandbox.messages()[0].id());
    assert!(!log.contains(PASSWORD) && !log.contains("96598765432") && !log.contains("47114711"), "{log}");

    if cfg!(target_os = "linux") {
        let ran = run(world.kwtsms(&["balance"]).env("KWTSMS_LOG_FILE", "/dev/full")).exits(0);
        assert!(ran.err.contains("1 line is missing in the log /dev/full: is its disk full?"), "{}", ran.err);
    }

    std::fs::create_dir(world.path("folder")).unwrap();
    let requests = world.sandbox.requests().len();
    let ran = run(world.kwtsms(&send).env("KWTSMS_LOG_FILE", "folder")).exits(2);
    assert!(ran.err.contains("folder"), "{}", ran.err);
    assert_eq!(world.sandbox.requests().len(), requests);
    world.run(&["balance"]).exits(0);
    assert_eq!(std::fs::read_dir(world.folder.path()).unwrap().count(), 2, "no log that nobody asked for");
}

#[test]
fn a_gateway_that_is_not_kwtsms_is_told_with_where_it_was_set() {
    let world = World::new();
    let url = world.sandbox.base_url().to_owned();
    let told =
        |ran: &super::Ran| ran.err.lines().find(|line| line.starts_with("Gateway:")).map(str::to_owned);
    let env = format!("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='{PASSWORD}'\nKWTSMS_BASE_URL={url}\n");
    world.write(".env", &env);
    world.write("other.env", &env);
    for (args, from) in [
        (&["balance"][..], ".env"),
        (&["balance", "--json"], ".env"),
        (&["send", "96598765432", "hi", "--dry-run"], ".env"),
        (&["balance", "--env-file", "other.env"], "other.env"),
        (&["balance", "--base-url", &url], "--base-url"),
    ] {
        let ran = run(&mut kwtsms(world.folder.path(), args)).exits(0);
        assert_eq!(told(&ran), Some(format!("Gateway: {url} (from {from})")), "{args:?}");
    }
    let ran = world.run(&["balance"]).exits(0);
    assert_eq!(told(&ran), Some(format!("Gateway: {url} (from KWTSMS_BASE_URL in the environment)")));
    let bare = url.trim_end_matches("API/");
    let ran = world.run(&["balance", "--base-url", bare]);
    assert!(ran.err.contains("it does not end in /API/"), "{}", ran.err);
    let ran = run(world.kwtsms(&["send", "96598765432", "hi", "--dry-run"]).env_remove("KWTSMS_BASE_URL"));
    assert!(told(&ran).is_some(), "the file has it, and the same credentials");
    std::fs::remove_file(world.path(".env")).unwrap();
    for default in ["https://www.kwtsms.com/API/", "https://www.kwtsms.com/API"] {
        let ran =
            run(world.kwtsms(&["send", "96598765432", "hi", "--dry-run"]).env("KWTSMS_BASE_URL", default));
        assert_eq!(told(&ran), None);
    }
    let clear = |allow| {
        let mut command = world.kwtsms(&["send", "96598765432", "hi", "--dry-run"]);
        run(command.env("KWTSMS_BASE_URL", "http://sandbox:4010/API/").env("KWTSMS_ALLOW_HTTP", allow))
    };
    assert!(told(&clear("1")).unwrap().ends_with("; the password, numbers and texts travel in clear"));
    let ran = run(world.kwtsms(&["balance"]).env("KWTSMS_ALLOW_HTTP", "1")).exits(0);
    assert!(!ran.err.contains("in clear"), "it stays on this machine: {}", ran.err);
}

#[test]
fn a_file_that_was_found_does_not_redirect_or_write_for_credentials_that_it_does_not_hold() {
    let world = World::new();
    let url = world.sandbox.base_url().to_owned();
    let log = world.path("of-others");
    let send = ["send", "96598765432", "hi"];
    let kwtsms = |file: &str, args: &[&str]| {
        world.write(".env", file);
        let mut command = world.kwtsms(args);
        command.env_remove("KWTSMS_BASE_URL");
        command
    };
    for file in [
        format!("KWTSMS_BASE_URL={url}\n"),
        format!("KWTSMS_BASE_URL={url}\nKWTSMS_USERNAME=user\n"),
        format!("KWTSMS_BASE_URL={url}\nKWTSMS_USERNAME=other\nKWTSMS_PASSWORD=other\n"),
    ] {
        for args in [&send[..], &["balance"], &["send", "96598765432", "hi", "--dry-run"]] {
            let ran = run(&mut kwtsms(&file, args)).exits(2);
            assert!(ran.err.contains(".env sets KWTSMS_BASE_URL for credentials"), "{}", ran.err);
            assert!(ran.err.contains("--env-file") && !ran.err.contains("Gateway:"), "{}", ran.err);
        }
        let ran = run(&mut kwtsms(&file, &["balance", "--env-file", ".env"])).exits(0);
        assert!(ran.err.contains("(from .env)"), "it was named: {}", ran.err);
        run(&mut kwtsms(&file, &["balance", "--base-url", &url])).exits(0);
    }
    assert_eq!(world.sends(), 0);
    let mut command = kwtsms(&format!("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='{PASSWORD}'\n"), &["balance"]);
    world.write("pw", "other");
    run(command.env_clear().env("KWTSMS_BASE_URL", &url)).exits(0);
    let whole = format!("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='{PASSWORD}'\nKWTSMS_BASE_URL={url}\n");
    let ran = run(kwtsms(&whole, &["balance", "--password-file", "pw"]).env_clear()).exits(2);
    assert!(ran.err.contains(".env sets KWTSMS_BASE_URL"), "another password: {}", ran.err);

    let file = format!("KWTSMS_LOG_FILE='{}'\n", log.display());
    let ran = run(kwtsms(&file, &["balance"]).env("KWTSMS_BASE_URL", &url)).exits(2);
    assert!(ran.err.contains(".env sets KWTSMS_LOG_FILE"), "{}", ran.err);
    let file = format!("KWTSMS_STORE='{}'\n", log.display());
    let ran = run(&mut kwtsms(&file, &["campaign", "list"])).exits(2);
    assert!(ran.err.contains(".env sets KWTSMS_STORE"), "{}", ran.err);
    let ran = run(kwtsms(&file, &["campaign", "list"]).env_clear()).exits(2);
    assert!(ran.err.contains(".env sets KWTSMS_STORE"), "{}", ran.err);
    assert!(!log.exists(), "nothing was written");
}

#[test]
fn a_line_break_in_a_password_is_named_by_its_place() {
    let world = World::new();
    let ran = run(world.kwtsms(&["balance"]).env("KWTSMS_PASSWORD", "hunter2-xyz\n")).exits(2);
    assert!(
        ran.err.contains("KWTSMS_PASSWORD has a line break at position 12, its last character"),
        "{}",
        ran.err
    );
    world.write("pw", "hunter2\tx\n");
    let ran = world.run(&["balance", "--password-file", "pw"]).exits(2);
    assert!(ran.err.contains("KWTSMS_PASSWORD has a tab at position 8"), "{}", ran.err);
    let ran = run(world.kwtsms(&["balance"]).env("KWTSMS_PASSWORD", format!("'{PASSWORD}'"))).exits(5);
    assert!(ran.err.contains("ERR003") && ran.err.contains("Take the quotes away"), "{}", ran.err);
}
