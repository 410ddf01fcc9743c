//! `otp send` and `otp verify`.

use super::{World, kwtsms, run};

/// The line that begins so, without what it begins with.
fn line(out: &str, begins: &str) -> String {
    let line = out.lines().find_map(|line| line.trim().strip_prefix(begins));
    line.unwrap_or_else(|| panic!("no {begins} in {out}")).trim().to_owned()
}

#[test]
fn a_code_is_sent_and_verified_without_an_account() {
    let folder = tempfile::tempdir().unwrap();
    let kwtsms = |args: &[&str]| run(&mut kwtsms(folder.path(), args));
    let sent = kwtsms(&["otp", "send", "+965 9876 5432", "--sandbox"]).exits(0);
    let text = line(&sent.out, "On the phone:");
    let (code, challenge) = (&text[..6], line(&sent.out, "Challenge:"));
    assert!(
        text.ends_with("is your MYAPP code, valid for 5 minutes. Do not share it with anyone."),
        "{text}"
    );
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = kwtsms(&["otp", "verify", &challenge, wrong, "--sandbox"]).exits(1);
    assert!(refused.err.contains("the code is wrong; attempts left: 4"), "{}", refused.err);
    let too_soon = kwtsms(&["otp", "send", "96598765432", "--sandbox"]).exits(1);
    assert!(
        too_soon.err.contains("wait 2") && too_soon.err.contains("Action: try again in"),
        "{}",
        too_soon.err
    );
    // Typed in Arabic, in another process: the file remembers.
    let arabic: String = code.chars().map(|c| char::from_u32(c as u32 - 0x30 + 0x660).unwrap()).collect();
    let verified = kwtsms(&["otp", "verify", &challenge, &arabic, "--sandbox"]).exits(0);
    assert_eq!(line(&verified.out, "Verified:"), "96598765432");
    let used = kwtsms(&["--json", "otp", "verify", &challenge, code, "--sandbox"]).exits(1);
    assert_eq!(used.json()["error"], "used");
    let arabic = kwtsms(&[
        "--json",
        "otp",
        "send",
        "96551234567",
        "--language",
        "arabic",
        "--origin",
        "example.com",
        "--sandbox",
    ]);
    let sent = arabic.exits(0).json();
    let text = sent["sandbox_text"].as_str().unwrap();
    assert!(text.contains("رمز") && text.contains("\n@example.com #"), "{text}");
    assert_eq!((&sent["result"], &sent["delivery"]), (&"OK".into(), &"accepted".into()));
}

#[test]
fn another_gateway_needs_a_key_and_codes_go_where_the_store_says() {
    let world = World::new();
    let refused = world.run(&["otp", "send", "96598765432"]).exits(2);
    assert!(
        refused.err.contains("KWTSMS_OTP_KEY not set") && refused.err.contains("openssl"),
        "{}",
        refused.err
    );
    let with_key = |args: &[&str]| {
        let mut command = world.kwtsms(args);
        command
            .env("KWTSMS_OTP_KEY", "4bf0c1a2e1f4d3b7a6958473625140ff0e1d2c3b")
            .env("KWTSMS_STORE", world.aged_store((2.0, 2.0)));
        run(&mut command)
    };
    let sent = with_key(&["--json", "otp", "send", "96598765432", "--app", "Shop"]).exits(0);
    let challenge = sent.json()["challenge"].as_str().unwrap().to_owned();
    assert!(sent.json()["sandbox_text"].is_null());
    let message = &world.sandbox.messages()[0];
    assert!(message.text().contains("is your Shop code"), "{}", message.text());
    with_key(&["otp", "verify", &challenge, message.otp().unwrap()]).exits(0);
    assert!(world.path("kwtsms.db").exists() && !world.path("kwtsms-sandbox.db").exists());
    let refused = with_key(&["otp", "send", "abc"]).exits(1);
    assert!(refused.err.contains("the phone number is not usable"), "{}", refused.err);
}

#[test]
fn a_challenge_that_begins_with_a_hyphen_is_no_option() {
    let folder = tempfile::tempdir().unwrap();
    let kwtsms = |args: &[&str]| {
        let mut command = kwtsms(folder.path(), args);
        command.env("KWTSMS_OTP_KEY", "key 26 of at least thirty-two bytes 0123456789abcdef");
        run(&mut command)
    };
    let sent = kwtsms(&["--json", "otp", "send", "96598765432", "--sandbox"]).exits(0).json();
    let (challenge, text) = (sent["challenge"].as_str().unwrap(), sent["sandbox_text"].as_str().unwrap());
    assert!(challenge.starts_with('-'), "the key was chosen for it: {challenge}");
    let refused = kwtsms(&["otp", "verify", challenge, "12345", "--sandbox"]).exits(1);
    assert!(refused.err.contains("no attempt was counted"), "{}", refused.err);
    kwtsms(&["otp", "verify", challenge, &text[..6], "--sandbox"]).exits(0);
    kwtsms(&["otp", "verify", "--help"]).exits(0);
}
