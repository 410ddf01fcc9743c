//! send with numbers and a text on the command line.

use kwtsms_async::sandbox::Fault;
use serde_json::json;

use super::{World, kwtsms, run};

const NUMBER: &str = "96598765432";

#[test]
fn one_message_is_sent_and_told_in_the_seeds_words() {
    let world = World::new();
    let ran = world.run(&["send", NUMBER, "Your OTP for MYAPP is: 123456", "--sender", "KWT-TEST"]).exits(0);
    let messages = world.sandbox.messages();
    let [message] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(message.numbers(), [NUMBER]);
    assert_eq!(message.text(), "Your OTP for MYAPP is: 123456");
    assert_eq!((message.sender(), message.is_test()), ("KWT-TEST", false));
    let told =
        format!("  Sent  |  msg-id: {}  |  1 number  |  cost: 1  |  balance-after: 999\n", message.id());
    assert_eq!(ran.out, told);
    let gateway =
        format!("Gateway: {} (from KWTSMS_BASE_URL in the environment)\n", world.sandbox.base_url());
    assert_eq!(ran.err, gateway, "a gateway that is not kwtSMS is told");
}

#[test]
fn lists_and_repeated_arguments_are_one_request_and_repeats_are_sent_once() {
    let world = World::new();
    let ran = world
        .run(&["send", "96598765432, +965 5123 4567", "0096551234568،96598765432", "96551234569", "hi there"])
        .exits(0);
    assert_eq!(
        world.sandbox.messages()[0].numbers(),
        ["96598765432", "96551234567", "96551234568", "96551234569"]
    );
    assert!(ran.out.contains("Accepted 4 of 5") && ran.out.contains("duplicates 1"), "{}", ran.out);
}

#[test]
fn the_text_may_come_from_standard_input_or_from_a_file() {
    let world = World::new();
    let file = world.write("text.txt", "\u{feff}line one\r\nline two\r\n");
    let file = file.to_str().unwrap();
    for (args, stdin, text) in [
        (&["send", "96551230001"][..], "from a pipe\n", "from a pipe"),
        (&["send", "96551230002", "-"], "from a pipe", "from a pipe"),
        (&["send", "96551230003", "--message-file", "-"], "from a pipe\r\n", "from a pipe"),
        (&["send", "96551230004", "--message-file", file], "", "line one\nline two"),
    ] {
        run(world.kwtsms(args).write_stdin(stdin)).exits(0);
        assert_eq!(world.sandbox.messages().last().unwrap().text(), text, "{args:?}");
    }
    let ran = run(world.kwtsms(&["send", NUMBER]).write_stdin("")).exits(1);
    assert!(ran.err.contains("empty"), "{}", ran.err);
    assert_eq!(world.sends(), 4);
}

#[test]
fn test_mode_says_loudly_that_nothing_is_delivered_and_what_becomes_of_the_credits() {
    let world = World::new();
    for (setting, option, test) in
        [("1", None, true), ("0", Some("--test"), true), ("1", Some("--live"), false)]
    {
        let mut args = vec!["send", NUMBER, "hi", "--sender", "KWT-TEST", "--no-wait"];
        args.extend(option);
        let ran = run(world.kwtsms(&args).env("KWTSMS_TEST_MODE", setting)).exits(0);
        assert_eq!(world.sandbox.messages().last().unwrap().is_test(), test);
        assert_eq!(
            ran.err.contains("TEST MODE — message will be queued but NOT delivered"),
            test,
            "{}",
            ran.err
        );
        assert_eq!(ran.err.contains("credits are held until the message is deleted"), test);
        assert_eq!(ran.out.contains("delete to recover credits"), test, "{}", ran.out);
    }
    assert!(
        world.run(&["send", NUMBER, "hi", "--test", "--live"]).exits(2).err.contains("cannot be used with")
    );
}

#[test]
fn a_slip_costs_nothing() {
    let world = World::new();
    for (args, says) in [
        (&["send", NUMBER, "96551234567"][..], "looks like a phone number"),
        (&["send", NUMBER, "Hello", "world"], "put the text in quotes"),
        (&["send", NUMBER, "hi", "--sender", "FAR-TOO-LONG-A-NAME"], "at most 11"),
        (&["send", NUMBER, "hi", "--rate", "5"], "0.01 to 4"),
        (&["send", NUMBER, "hi", "--column", "x"], "--file"),
        (&["send", NUMBER, "hi", "--pasword", "x"], "unexpected argument"),
    ] {
        let ran = world.run(args).exits(2);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
    }
    let ran = run(world.kwtsms(&["send", NUMBER, "hi"]).env("KWTSMS_TEST_MODE", "yes")).exits(2);
    assert!(ran.err.contains("KWTSMS_TEST_MODE must be 1, 0, true or false"), "{}", ran.err);
    let long = "a".repeat(1_072);
    assert!(world.run(&["send", NUMBER, &long]).exits(1).err.contains("8 pages"));
    assert_eq!(world.sandbox.requests().len(), 0);
}

#[test]
fn the_exit_code_tells_the_class_and_the_words_tell_what_to_do() {
    for (fault, args, code, says) in [
        (None, vec![NUMBER], 0, "Sent"),
        (
            Some(Fault::reply(200, r#"{"result":"OK","msg-id":"a1","numbers":1}"#)),
            vec!["96598765432,96551234567"],
            3,
            "The gateway left out 1 of them",
        ),
        (None, vec!["96598765432,abc"], 3, "Skipped: abc — no digits"),
        (None, vec!["12,abc@d.e"], 1, "Skipped: abc@d.e"),
        (Some(Fault::code("ERR031")), vec![NUMBER], 1, "Failed: ERR031"),
        (Some(Fault::code("ERR999")), vec![NUMBER], 1, "Failed: ERR999"),
        (Some(Fault::code("ERR003")), vec![NUMBER], 5, "Action: Check KWTSMS_USERNAME"),
        (Some(Fault::code("ERR010")), vec![NUMBER], 5, "Failed: ERR010"),
        (Some(Fault::code("ERR005")), vec![NUMBER], 5, "blocked"),
        (Some(Fault::code("ERR024")), vec![NUMBER], 5, "Failed: ERR024"),
        (Some(Fault::drop_after_accepting()), vec![NUMBER], 4, "Do NOT send again blindly"),
        (Some(Fault::html_502()), vec![NUMBER], 4, "OUTCOME UNKNOWN"),
        (Some(Fault::truncated_body(5)), vec!["96598765432,abc"], 4, "OUTCOME UNKNOWN"),
    ] {
        let world = World::new();
        if let Some(fault) = fault {
            world.sandbox.faults().push(fault.on("send"));
        }
        let mut line = vec!["send"];
        line.extend(args);
        line.push("hi");
        let ran = world.run(&line).exits(code);
        assert!(ran.out.contains(says), "{says}: {}", ran.out);
        assert!(world.sends() <= 1, "never sent twice");
    }
}

#[test]
fn a_full_queue_is_waited_for_unless_told_not_to() {
    let world = World::new();
    world.sandbox.faults().push(Fault::code("ERR013").on("send"));
    let ran = world.run(&["send", NUMBER, "hi", "--no-wait"]).exits(1);
    assert!(ran.out.contains("Failed: ERR013"), "{}", ran.out);
    assert_eq!(world.sends(), 1);
}

#[test]
fn a_live_message_to_over_100_numbers_needs_a_yes() {
    let world = World::new();
    let list =
        |count: u64| (0..count).map(|i| (96_551_000_000 + i).to_string()).collect::<Vec<_>>().join(",");
    let (few, many) = (list(100), list(101));
    let ran = world.run(&["send", &many, "hi"]).exits(2);
    assert!(ran.err.contains("a live message to 101 numbers needs --yes"), "{}", ran.err);
    assert_eq!(world.sandbox.requests().len(), 0);
    world.run(&["send", &few, "hi"]).exits(0);
    world.run(&["send", &many, "hi", "--test"]).exits(0);
    world.run(&["send", &many, "hi", "--yes", "--no-wait"]).exits(1); // ERR028: just written to
    assert_eq!(world.sends(), 3);
}

#[test]
fn json_is_one_document_and_nothing_else() {
    let world = World::new();
    let ran = world.run(&["--json", "send", "96598765432,abc,96598765432", "hi", "--test"]).exits(3);
    let document = ran.json();
    let message = &world.sandbox.messages()[0];
    assert_eq!(ran.out.lines().count(), 1);
    assert_eq!(document["result"], "PARTIAL");
    assert_eq!(document["message_id"], message.id());
    assert_eq!(document["test"], true);
    assert_eq!(document["points_charged"], 1);
    assert_eq!(
        document["account"],
        json!({ "accepted": 1, "refused": 0, "unknown": 0, "not_attempted": 0, "invalid": 1, "duplicates": 1, "uncounted": 0, "total": 3 })
    );
    let batch = &document["batches"][0];
    assert_eq!((&batch["outcome"], &batch["numbers"]), (&json!("accepted"), &json!([NUMBER])));
    assert_eq!(batch["invalid"][0]["input"], "abc");

    world.sandbox.faults().push(Fault::code("ERR010").on("send"));
    let ran = world.run(&["send", NUMBER, "hi", "--json"]).exits(5);
    assert_eq!(ran.json()["batches"][0]["code"], "ERR010");
    assert_eq!(ran.json()["result"], "ERROR");

    world.sandbox.faults().push(Fault::drop_after_accepting().on("send"));
    let ran = world.run(&["send", "96551234567", "hi", "--json"]).exits(4);
    assert_eq!((&ran.json()["result"], &ran.json()["account"]["unknown"]), (&json!("UNKNOWN"), &json!(1)));

    let ran = run(&mut kwtsms(world.folder.path(), &["--json", "send", NUMBER, "hi"])).exits(5);
    assert_eq!(ran.json()["result"], "ERROR");
    assert_eq!(ran.json()["exit"], 5);
}

#[test]
fn a_dry_run_shows_what_would_be_sent_and_asks_nobody() {
    let world = World::new();
    let ran = world.run(&["send", "96598765432,abc", "96598765432", "Don’t ١٢٣ 🎉<b>", "--dry-run"]).exits(3);
    for says in [
        "DRY RUN — nothing is sent.",
        "Text: Don’t 123",
        "Changed at character 7: digits written as 0 to 9: \"١٢٣\"",
        "emoji removed: \"🎉\"",
        "HTML tag removed: \"<b>\"",
        "Encoding: UCS-2",
        "UCS-2 because of: \"’\" (first at character 4)",
        "Sender: KWT-SMS  |  Mode: LIVE",
        "argument 1: refused: abc — no digits",
        "argument 2: duplicate of 96598765432",
        "Would send to 1 number in 1 batch  |  refused 1  |  duplicates 1",
        "About 1 credit",
    ] {
        assert!(ran.out.contains(says), "{says}\n{}", ran.out);
    }
    let ran = world.run(&["send", NUMBER, "hi", "--dry-run", "--json", "--test"]).exits(0);
    assert_eq!(ran.json()["numbers"], 1);
    assert_eq!(ran.json()["test"], true);
    // And no account is needed to look.
    run(&mut kwtsms(world.folder.path(), &["send", NUMBER, "hi", "--dry-run"])).exits(0);
    assert_eq!(world.sandbox.requests().len(), 0);
}

#[test]
fn the_sandbox_needs_no_account_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(&mut kwtsms(folder.path(), &["--sandbox", "send", NUMBER, "hi"])).exits(0);
    assert!(ran.err.contains("SANDBOX at http://127.0.0.1:"), "{}", ran.err);
    assert!(ran.out.contains("Sent") && ran.out.contains("balance-after: 999"), "{}", ran.out);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "and leaves nothing behind");
}
