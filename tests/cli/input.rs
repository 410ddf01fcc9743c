//! Files, texts and settings that are not clean, as the command meets them.

use std::net::TcpListener;

use super::{PASSWORD, World, kwtsms, run};

#[test]
fn columns_that_are_not_divided_and_files_that_are_no_list_are_refused_before_anything_is_sent() {
    let world = World::new();
    for (name, text, says) in [
        ("arabic.csv", "رقم الطلب،الهاتف\n96551234567،96598765432\n", "columns with ، between them"),
        ("semicolon.csv", "order؛phone\n96551234567؛96598765432\n", "columns with ؛ between them"),
        ("a.yml", "- order: 96551234567\n  phone: 96598765432\n", "a YAML document"),
        ("b.yml", "orders:\n  - id: 96551234567\n", "a YAML document"),
    ] {
        world.write(name, text);
        let ran = world.run(&["send", "--file", name, "Hi"]).exits(2);
        assert!(ran.err.contains(says), "{}", ran.err);
    }
    assert_eq!(world.sends(), 0);
}

#[test]
fn a_text_that_nobody_filled_in_is_sent_with_yes_only() {
    let world = World::new();
    for text in ["Dear {{name}}, hello", "Tom &amp; Jerry", "Dear undefined"] {
        let ran = world.run(&["send", "96598765432", text]).exits(2);
        assert!(ran.err.contains("needs --yes") && ran.err.contains(text), "{}", ran.err);
    }
    assert_eq!(world.sends(), 0);
    world.run(&["send", "96598765432", "Dear {{name}}, hello", "--yes"]).exits(0);
    assert_eq!(world.sends(), 1);
}

#[test]
fn a_key_that_stands_twice_in_the_file_is_refused_with_both_lines() {
    let world = World::new();
    let other = PASSWORD.replace('2', "3");
    world.write(
        "twice.env",
        format!("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='{PASSWORD}'\nKWTSMS_PASSWORD='{other}'\n"),
    );
    let ran = run(&mut kwtsms(world.folder.path(), &["balance", "--env-file", "twice.env"])).exits(2);
    assert!(ran.err.contains("twice.env line 3: KWTSMS_PASSWORD stands on line 2 already"), "{}", ran.err);
    assert!(!ran.err.contains("hunter"), "{}", ran.err);
}

/// A proxy that takes every connection and never says a word.
#[test]
fn a_proxy_that_does_not_answer_is_named_by_the_time_out() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let world = World::new();
    let ran = run(world
        .kwtsms(&["balance", "--timeout", "1", "--base-url", "http://gateway.example/API/"])
        .env("KWTSMS_ALLOW_HTTP", "1")
        .env("HTTP_PROXY", format!("http://me:hunter2@{address}")))
    .exits(1);
    assert!(ran.err.contains(&format!("the proxy http://{address} that HTTP_PROXY names")), "{}", ran.err);
    assert!(ran.err.contains("no answer within 1000 ms") && !ran.err.contains("hunter2"), "{}", ran.err);
}
