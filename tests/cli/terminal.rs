//! Control characters from outside reach no terminal raw, whatever they stand in and whatever prints them.

use kwtsms_async::sandbox::Fault;

use super::{PASSWORD, Ran, World, run};

/// Red, a line that looks like ours, the same by a single character of C1, a delete, reversed text, a new line of
/// Unicode.
const HOSTILE: &str = "\u{1b}[31m\u{7}\u{9b}31m\u{7f}\u{202e}\u{2028}\u{2067}";

/// True for what steers a terminal or turns its text around; ends of lines are ours to write.
fn steers(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[track_caller]
fn is_clean(ran: &Ran, what: &str) {
    for text in [&ran.out, &ran.err] {
        assert!(!text.contains(steers), "{what}: {text:?}");
        for line in text.lines() {
            assert!(!line.starts_with("  Sent  |  msg-id: forged"), "{what}: a line was forged: {text}");
        }
    }
}

/// Runs it with and without `--json`.
#[track_caller]
fn both(world: &World, args: &[&str], what: &str) -> (Ran, Ran) {
    let plain = world.run(args);
    is_clean(&plain, what);
    let mut args = args.to_vec();
    args.insert(0, "--json");
    let json = world.run(&args);
    is_clean(&json, what);
    (plain, json)
}

#[test]
fn what_files_hold_and_how_they_are_called() {
    let world = World::new();
    let name = format!("n{HOSTILE}.csv");
    let forged = "\"a\n  Sent  |  msg-id: forged\"";
    world.write(
        &name,
        format!("{HOSTILE}phone,name{HOSTILE}\n{HOSTILE}abc,x\n96598765432,y\n{forged},z\n9{HOSTILE},w\n"),
    );
    let (ran, json) = both(&world, &["send", "-f", &name, "hi", "--dry-run"], "a dry run");
    assert!(ran.out.contains("abc") && json.out.contains("abc"), "{}", ran.out);
    let json = json.json();
    assert!(
        json["column"].as_str().unwrap().contains(HOSTILE),
        "a program gets what stands in the file: {json}"
    );
    both(&world, &["validate", "-f", &name, "--offline"], "validate");
    both(&world, &["validate", "-f", &name], "validate by the gateway");
    both(&world, &["send", "-f", &name, "hi", "--test", "--report", "r.csv"], "a send");
    let report = std::fs::read_to_string(world.path("r.csv")).unwrap();
    assert!(!report.contains(steers) && report.contains("abc"), "{report:?}");

    world.write(&name, format!("{HOSTILE}a,{HOSTILE}b\n{}", "some,text\n".repeat(9)));
    let (ran, _) = both(&world, &["send", "-f", &name, "hi"], "columns that are shown");
    assert!(ran.err.contains("--column"), "{}", ran.err);
    both(&world, &["send", "-f", &name, "hi", "--column", HOSTILE], "a column that is not there");
    world.write(&name, "phone\n\"never closed\n");
    both(&world, &["send", "-f", &name, "hi"], "a file that cannot be read");
    let nowhere = format!("nowhere{HOSTILE}");
    for args in [
        ["send", "--file", &nowhere, "hi"],
        ["send", "96598765432", "--message-file", &nowhere],
        ["balance", "--json", "--env-file", &nowhere],
        ["balance", "--json", "--password-file", &nowhere],
    ] {
        let ran = world.run(&args);
        is_clean(&ran, &args.join(" "));
        assert!(ran.err.contains("nowhere") || ran.out.contains("nowhere"), "{args:?}: {}", ran.err);
    }
    both(&world, &["send", "96598765432", "hi", "--test", "--report", &format!("{HOSTILE}/r")], "--report");
}

#[test]
fn what_the_gateway_says() {
    let world = World::new();
    let escaped: String = HOSTILE.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let reply = |world: &World, body: &str| {
        let body = body.replace('@', &escaped);
        world.sandbox.faults().push(Fault::reply(200, body).times(2));
    };
    for (args, body) in [
        (
            &["send", "96598765432", "hi", "--no-wait"][..],
            r#"{"result":"ERROR","code":"ERR9@","description":"no @"}"#,
        ),
        (
            &["send", "96598765432", "hi", "--no-wait"],
            r#"{"result":"ERROR","code":"ERR010","description":"no @"}"#,
        ),
        (
            &["send", "96551234567", "hi", "--test"],
            r#"{"result":"OK","msg-id":"a@","numbers":"1@","points-charged":"1@"}"#,
        ),
        (&["send", "96551234567", "hi", "--test"], r#"{"result":"@","code":"@"}"#),
        (&["balance"], r#"{"result":"ERROR","code":"ERR@","description":"no @"}"#),
        (&["balance"], r#"{"result":"OK","available":"@","purchased":"@"}"#),
        (&["verify"], r#"{"result":"ERROR","description":"no @"}"#),
        (&["senderid"], r#"{"result":"OK","senderid":["A@","KWT-SMS"]}"#),
        (&["coverage"], r#"{"result":"OK","prefixes":["965@","@"]}"#),
        (&["validate", "96598765432"], r#"{"result":"OK","mobile":{"OK":["@"],"ER":["9@"],"NR":["@"]}}"#),
        (&["status", "a1"], r#"{"result":"OK","status":"@sent","description":"on @ its way"}"#),
        (&["dlr", "a1"], r#"{"result":"OK","report":[{"Number":"9@","Status":"Received @"}]}"#),
    ] {
        reply(&world, body);
        both(&world, args, body);
    }
}

#[test]
fn what_settings_and_arguments_hold() {
    let world = World::new();
    for (key, value) in [
        ("KWTSMS_SENDER_ID", format!("A{HOSTILE}")),
        ("KWTSMS_TEST_MODE", HOSTILE.to_owned()),
        ("KWTSMS_LOG_FILE", format!("nowhere{HOSTILE}/log")),
        ("KWTSMS_BASE_URL", format!("http://127.0.0.1/{HOSTILE}")),
        ("KWTSMS_USERNAME", format!("user{HOSTILE}")),
    ] {
        for args in
            [&["send", "96598765432", "hi", "--dry-run"][..], &["send", "96598765432", "hi"], &["balance"]]
        {
            is_clean(&run(world.kwtsms(args).env(key, &value)), key);
            is_clean(&run(world.kwtsms(args).arg("--json").env(key, &value)), key);
        }
    }
    world.write(".env", format!("KWTSMS_USERNAME=a{HOSTILE}\nKWTSMS_PASSWORD='{PASSWORD}\n"));
    is_clean(&run(world.kwtsms(&["balance"]).env_remove("KWTSMS_USERNAME")), ".env");
    std::fs::remove_file(world.path(".env")).unwrap();
    for args in [
        &["send", HOSTILE, "hi", "--dry-run"][..],
        &["send", "96598765432", HOSTILE, "--dry-run"],
        &["send", "96598765432", "hi", "--dry-run", "--sender", HOSTILE],
        &["send", &format!("96598765432,9{HOSTILE}"), "hi", "--test"],
        &["send", &format!("{HOSTILE}x"), "y", "z"],
        &["send", "96598765432", "hi", "--rate", HOSTILE],
        &["send", "96598765432", "hi", &format!("--{HOSTILE}")],
        &[HOSTILE],
        &["validate", HOSTILE, "--offline"],
        &["status", HOSTILE],
        &["balance", "--base-url", HOSTILE],
        &["sandbox", "--host", HOSTILE, "--port", "99999"],
        &["pages", HOSTILE],
        &["clean", &format!("a{HOSTILE}b")],
    ] {
        both(&world, args, &format!("{args:?}"));
    }
}
