//! The commands that only ask, and those that need no gateway.

use kwtsms_async::sandbox::Fault;
use serde_json::json;

use super::{World, kwtsms, run};

#[test]
fn the_account_is_told_in_the_seeds_words() {
    let world = World::new();
    world.sandbox.account("user").set_balance(150);
    world.sandbox.account("user").set_coverage(["965", "971", "1"]);
    world.sandbox.account("user").set_sender_ids(["KWT-SMS", "MY APP"]);
    for (args, out, json) in [
        (
            "verify",
            "  Credentials valid  |  Available: 150  |  Purchased: 1000\n",
            json!({ "result": "OK", "available": 150, "purchased": 1000 }),
        ),
        (
            "balance",
            "  Available: 150  |  Purchased: 1000\n",
            json!({ "result": "OK", "available": 150, "purchased": 1000 }),
        ),
        (
            "senderid",
            "Sender IDs on this account:\n  KWT-SMS\n  MY APP\n",
            json!({ "result": "OK", "senderid": ["KWT-SMS", "MY APP"] }),
        ),
    ] {
        assert_eq!(world.run(&[args]).exits(0).out, out);
        assert_eq!(world.run(&[args, "--json"]).exits(0).json(), json);
    }
    let ran = world.run(&["coverage"]).exits(0);
    assert!(ran.out.starts_with("Active country prefixes (3):\n  +1     US, "), "{}", ran.out);
    assert!(ran.out.ends_with("  +965   Kuwait\n  +971   United Arab Emirates\n"), "{}", ran.out);
    let json = world.run(&["coverage", "--json"]).exits(0).json();
    assert_eq!(json["prefixes"][1], json!({ "prefix": "965", "countries": ["Kuwait"] }));
}

#[test]
fn wrong_credentials_are_the_accounts_problem_and_other_failures_are_not() {
    let world = World::new();
    for command in ["verify", "balance", "senderid", "coverage"] {
        let ran = run(world.kwtsms(&[command]).env("KWTSMS_PASSWORD", "wrong")).exits(5);
        assert_eq!(ran.out, "");
        assert!(ran.err.contains("ERR003") && ran.err.contains("not the mobile number"), "{}", ran.err);
        let ran = run(world.kwtsms(&[command, "--json"]).env("KWTSMS_PASSWORD", "wrong")).exits(5);
        assert_eq!(ran.json()["code"], "ERR003");
    }
    world.sandbox.faults().push(Fault::html_502().times(3));
    let ran = world.run(&["balance"]).exits(1);
    assert!(ran.err.contains("HTTP status 502") && !ran.err.contains("blindly"), "{}", ran.err);
}

#[test]
fn numbers_are_validated_by_the_gateway_or_offline() {
    let world = World::new();
    let ran = world.run(&["validate", "96598765432,abc", "99220322", "+14155550100"]).exits(3);
    assert_eq!(
        ran.out,
        "Valid    (OK): 96598765432\nBad form (ER): none\nNo route (NR): 14155550100\n  \
         Invalid: abc — no digits: a number with its country code is needed\n  Invalid: 99220322 — 8 digits that look \
         like a mobile number of Kuwait without its country code: add 965 in front?\n"
    );
    let ran = world.run(&["validate", "99220322", "--country-check", "off"]).exits(1);
    assert!(ran.out.contains("Bad form (ER): 99220322\n"), "{}", ran.out);
    let ran = world.run(&["validate", "99220322", "--country", "965"]).exits(0);
    assert!(ran.out.contains("Valid    (OK): 96599220322\n"), "{}", ran.out);
    for (check, number, code) in [
        ("off", "96512345", 0),
        ("gulf", "965123", 1),
        ("gulf", "4915112345678", 0),
        ("strict", "4912345678901", 1),
    ] {
        let ran = world.run(&["validate", number, "--offline", "--country-check", check]);
        assert_eq!(ran.code, code, "{check} {number}: {}", ran.out);
    }
    world.run(&["validate", "99220322", "--country", "44"]).exits(2);
    let json = world.run(&["validate", "96598765432,abc", "--json"]).exits(3).json();
    assert_eq!(json["ok"], json!(["96598765432"]));
    assert_eq!(json["invalid"][0]["line"], 1);
    world.run(&["validate", "96598765432"]).exits(0);
    world.run(&["validate", "abc"]).exits(1);
    let requests = world.sandbox.requests().len();

    world.write("n.csv", "phone\n96598765432\n99220322\n96598765432.0\n");
    let offline = |args: &[&str]| run(&mut kwtsms(world.folder.path(), args));
    let ran = offline(&["validate", "--offline", "--country-check", "off", "--file", "n.csv"]).exits(3);
    assert!(ran.out.contains("Valid    (OK): 96598765432, 99220322\n"), "{}", ran.out);
    assert!(
        ran.out.contains("Invalid: line 4: 96598765432.0 — it was written as a decimal number"),
        "{}",
        ran.out
    );
    let ran = offline(&["validate", "--offline", "--file", "n.csv"]).exits(3);
    assert!(ran.out.contains("Invalid: line 3: 99220322 — 8 digits"), "{}", ran.out);
    assert_eq!(world.sandbox.requests().len(), requests);
}

#[test]
fn a_message_is_followed_by_its_id() {
    let world = World::new();
    world.run(&["send", "96598765432", "hi", "--test"]).exits(0);
    let id = world.sandbox.messages()[0].id().to_owned();
    let ran = world.run(&["status", &id]).exits(1);
    assert!(ran.err.contains("ERR030"), "test messages are stuck: {}", ran.err);
    let ran = world.run(&["dlr", &id]).exits(1);
    assert!(ran.err.contains("ERR0"), "{}", ran.err);
    world.sandbox.faults().push(
        Fault::reply(200, r#"{"result":"OK","status":"sent","description":"on \u001b[31mits way"}"#).times(2),
    );
    let ran = world.run(&["status", &id]).exits(0);
    assert!(ran.out.contains("Status: sent") && !ran.out.contains('\u{1b}'), "{}", ran.out);
    assert_eq!(world.run(&["status", &id, "--json"]).exits(0).json()["status"], "sent");
    world.sandbox.faults().push(Fault::reply(
        200,
        r#"{"result":"OK","report":[{"Number":"971504496677","Status":"Received by recipient"}]}"#,
    ));
    let ran = world.run(&["dlr", &id]).exits(0);
    assert_eq!(ran.out, "Delivery reports (1):\n  971504496677  Received by recipient\n");
    world.run(&["status", "no id!"]).exits(2);
}

#[test]
fn texts_are_cleaned_and_counted_without_a_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let run_it = |args: &[&str]| run(&mut kwtsms(folder.path(), args));
    assert_eq!(run_it(&["clean", "رمزك: ١٢٣٤ 🎉<br>"]).exits(0).out, "رمزك: 1234 \n");
    let ran = run_it(&["pages", &"a".repeat(161)]).exits(0);
    assert!(ran.out.contains("Pages: 2  |  Encoding: GSM-7  |  8 of 153 on the last page"), "{}", ran.out);
    let json = run_it(&["pages", "Don’t", "--json"]).exits(0).json();
    assert_eq!((&json["encoding"], &json["forced_ucs2"]), (&json!("UCS-2"), &json!(["’"])));
    let ran = run(kwtsms(folder.path(), &["clean"]).write_stdin("a🎉b\n")).exits(0);
    assert_eq!(ran.out, "a b\n");
    run_it(&["pages", "🎉"]).exits(1);
}

#[test]
fn completions_and_the_manual_page_know_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let out = |args: &[&str]| run(&mut kwtsms(folder.path(), args)).exits(0).out;
    let help = out(&["--help"]);
    for command in [
        "setup", "verify", "balance", "senderid", "coverage", "validate", "send", "status", "dlr", "pages",
        "clean", "sandbox",
    ] {
        for text in [&help, &out(&["completions", "bash"]), &out(&["completions", "zsh"]), &out(&["man"])] {
            assert!(text.contains(command), "{command}");
        }
    }
    for code in ["0  ", "1  ", "2  ", "3  ", "4  ", "5  ", "130"] {
        assert!(help.contains(&format!("\n  {code}  ")), "{code} is documented");
    }
}
