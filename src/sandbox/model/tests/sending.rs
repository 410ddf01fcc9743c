//! What `send` takes, refuses and charges, the 15 seconds, the queue and the held credits.

use serde_json::{Value, json};

use super::{Bench, kuwaiti, message};
use crate::sandbox::model::settings::Settings;
use crate::sandbox::{Encoding, MessageState};

#[test]
fn each_bad_send_gets_its_code_and_costs_nothing() {
    let mut bench = Bench::new();
    bench.alice().banned_senders = vec!["BANNED".into()];
    bench.alice().bad_words = vec!["damn".into()];
    bench.alice().spam_words = vec!["casino".into()];
    bench.alice().coverage = vec!["965".into()];
    let good = "96598765432";
    let many = kuwaiti(0..201);
    let long_text = "a".repeat(1072);
    let long_mobile = format!("{good},{}", "9".repeat(2500));
    let table = [
        (json!({"mobile": good, "message": "x"}), "ERR002"),
        (json!({"sender": "KWT-TEST", "message": "x"}), "ERR002"),
        (json!({"sender": "KWT-TEST", "mobile": good}), "ERR002"),
        (json!({"sender": "KWT-TEST", "mobile": 96_598_765_432_u64, "message": "x"}), "ERR002"),
        (json!({"sender": "KWT-TEST", "mobile": good, "message": "x", "test": true}), "ERR002"),
        (json!({"sender": "", "mobile": good, "message": "x"}), "ERR002"),
        (json!({"sender": "BANNED", "mobile": good, "message": "x"}), "ERR008"),
        (message("", "x", false), "ERR006"),
        (message("12345", "x", false), "ERR006"),
        (message("+96598765432", "x", false), "ERR025"),
        (message("965 98765432", "x", false), "ERR025"),
        (message("971501234567", "x", false), "ERR026"),
        (message(&many, "x", false), "ERR007"),
        (message(&long_mobile, "x", false), "ERR025"),
        (message(good, "", false), "ERR009"),
        (message(good, " \n", false), "ERR009"),
        (message(good, "<b>x</b>", false), "ERR027"),
        (message(good, &long_text, false), "ERR012"),
        (message(good, "Damn it", false), "ERR031"),
        (message(good, "CASINO", false), "ERR032"),
    ];
    for (fields, code) in table {
        assert_eq!(bench.verdict("send", fields.clone()), code, "{fields}");
    }
    assert!(bench.gateway.messages(bench.now).is_empty());
    assert_eq!(bench.alice().available, 1000);
    // Nor did any of them start the 15 seconds.
    assert_eq!(bench.send(good, "x"), "OK");
}

#[test]
fn a_mobile_over_2500_characters_can_be_let_through() {
    let mut bench = Bench::with(Settings { long_mobile: None, ..Settings::default() });
    let mobile = (0..200).map(|i| format!("9715{i:08}")).collect::<Vec<_>>().join(",");
    assert_eq!(mobile.len(), 2599);
    assert_eq!(bench.send(&mobile, "x"), "OK");
    assert_eq!(bench.last().numbers.len(), 200);
}

#[test]
fn bad_numbers_and_duplicates_are_dropped_and_the_rest_is_charged() {
    let mut bench = Bench::new();
    let reply = bench.post(
        "send",
        message("96598765432,abc,96598765432,4915112345678,96541234567,", &"a".repeat(161), false),
    );
    let reply: Value = serde_json::from_str(&reply).unwrap();
    assert_eq!((&reply["numbers"], &reply["points-charged"]), (&json!(2), &json!(4)));
    assert_eq!(reply["balance-after"], 996);
    let message = bench.last();
    assert_eq!(message.numbers, ["96598765432", "96541234567"]);
    assert_eq!((message.pages, message.encoding, message.points), (2, Encoding::Gsm7, 4));
}

#[test]
fn a_sender_id_that_is_not_the_accounts_falls_back() {
    let mut bench = Bench::new();
    let mut shown = |number: &str, sender: &str| {
        let fields = json!({"sender": sender, "mobile": number, "message": "x"});
        assert_eq!(bench.verdict("send", fields), "OK");
        bench.last().sender
    };
    assert_eq!(shown("96550000001", "KWT-TEST"), "KWT-TEST");
    assert_eq!(shown("96550000002", "kwt-test"), "KWT-SMS");
    assert_eq!(shown("96550000003", "EIGHTEEN-CHARACTER"), "KWT-SMS");
}

#[test]
fn the_same_number_waits_15_seconds_and_the_whole_batch_is_refused() {
    let mut bench = Bench::new();
    assert_eq!(bench.send("96598765432", "x"), "OK");
    bench.pass(14.9);
    assert_eq!(bench.send("96541234567,96598765432", "x"), "ERR028");
    assert_eq!(bench.alice().available, 999);
    // The refusal started nothing: the other number is free, and so is the first after its own 15 seconds.
    assert_eq!(bench.send("96541234567", "x"), "OK");
    bench.pass(0.1);
    assert_eq!(bench.send("96598765432", "x"), "OK");
    assert_eq!(bench.send("96541234567", "x"), "ERR028"); // its own are not over
    // Accounts do not see each other.
    let mut fields = message("96598765432", "x", false);
    fields["username"] = "bob".into();
    assert_eq!(bench.verdict("send", fields), "OK");
}

#[test]
fn the_15_seconds_hold_in_test_mode_only_if_asked_for() {
    for (on, verdict) in [(false, "OK"), (true, "ERR028")] {
        let mut bench = Bench::with(Settings { same_number_in_test_mode: on, ..Settings::default() });
        assert_eq!(bench.send_test("96598765432", "x"), "OK");
        assert_eq!(bench.send_test("96598765432", "x"), verdict);
    }
}

#[test]
fn credits_run_out_as_011_and_then_as_010() {
    let mut bench = Bench::new();
    bench.alice().available = 2;
    assert_eq!(bench.send(&kuwaiti(0..3), "x"), "ERR011");
    assert_eq!(bench.send(&kuwaiti(0..2), "x"), "OK");
    assert_eq!(bench.alice().available, 0);
    assert_eq!(bench.send(&kuwaiti(5..6), "x"), "ERR010");
}

#[test]
fn the_queue_holds_1000_numbers_and_drains_first_in_first_out() {
    let mut bench = Bench::new();
    bench.alice().available = 5000;
    for i in 0..5 {
        assert_eq!(bench.send(&kuwaiti(i * 200..(i + 1) * 200), "x"), "OK");
    }
    assert_eq!(bench.send(&kuwaiti(1000..1001), "x"), "ERR013");
    assert_eq!(bench.alice().available, 4000);
    let first = bench.gateway.history.messages()[0].id.clone();
    // 50 a second: after 3.98 s 199 are gone, the 200th after 4 s.
    bench.pass(3.98);
    assert!(bench.post("status", json!({"msgid": first})).contains("\"queued\""));
    bench.pass(0.02);
    assert!(bench.post("status", json!({"msgid": first})).contains("\"sent\""));
    assert_eq!(bench.alice().queued(true), 800);
    let states: Vec<_> = bench.gateway.messages(bench.now).iter().map(|message| message.state).collect();
    assert_eq!(states, [[MessageState::Sent].as_slice(), &[MessageState::Queued; 4]].concat());
    assert_eq!(bench.send(&kuwaiti(1000..1200), "x"), "OK");
    bench.pass(20.0);
    let states = bench.gateway.messages(bench.now);
    assert!(states.iter().all(|message| message.state == MessageState::Sent));
}

#[test]
fn time_in_which_the_queue_was_empty_drains_nothing_later() {
    let mut bench = Bench::with(Settings { drain_per_second: 1, ..Settings::default() });
    bench.alice();
    bench.pass(100.0);
    assert_eq!(bench.send(&kuwaiti(0..10), "x"), "OK");
    bench.pass(3.5);
    bench.gateway.settle(bench.now);
    assert_eq!(bench.alice().queued(true), 7);
    bench.pass(0.5); // the half second before is not lost
    bench.gateway.settle(bench.now);
    assert_eq!(bench.alice().queued(true), 6);
}

#[test]
fn a_test_message_holds_its_credits_until_it_is_deleted() {
    let mut bench = Bench::new();
    assert_eq!(bench.send_test("96598765432,96541234567", &"ع".repeat(71)), "OK");
    let message = bench.last();
    assert_eq!((message.pages, message.encoding, message.test), (2, Encoding::Ucs2, true));
    assert_eq!(bench.alice().available, 996);
    bench.pass(3600.0);
    assert_eq!(bench.verdict("status", json!({"msgid": message.id})), "ERR030");
    assert_eq!(bench.alice().queued(true), 2);
    assert_eq!(bench.gateway.delete(&message.id, bench.now), Some(4));
    assert_eq!(bench.gateway.delete(&message.id, bench.now), None);
    assert_eq!(bench.alice().available, 1000);
    assert_eq!(bench.alice().queued(true), 0);
    assert_eq!(bench.last().state, MessageState::Deleted);
    assert_eq!(bench.verdict("status", json!({"msgid": message.id})), "ERR029");
}

#[test]
fn an_emoji_is_accepted_charged_and_stuck() {
    let mut bench = Bench::new();
    assert_eq!(bench.send("96598765432", "hi 🎉"), "OK");
    bench.pass(60.0);
    let message = bench.last();
    assert_eq!((message.state, message.test), (MessageState::Stuck, false));
    assert_eq!(bench.alice().available, 999);
    assert_eq!(bench.verdict("status", json!({"msgid": message.id})), "ERR030");
}

#[test]
fn stuck_messages_do_not_hold_the_queue_of_others_unless_told_to() {
    let told = Settings { stuck_fill_queue: true, ..Settings::default() };
    for (settings, verdict) in [(Settings::default(), "OK"), (told, "ERR013")] {
        let mut bench = Bench::with(settings);
        bench.alice().available = 5000;
        for i in 0..5 {
            assert_eq!(bench.send_test(&kuwaiti(i * 200..(i + 1) * 200), "x"), "OK");
        }
        assert_eq!(bench.send("96598765432", "x"), verdict);
        assert_eq!(bench.send_test("96541234567", "x"), verdict);
    }
}

#[test]
fn deleting_a_half_sent_message_gives_back_what_was_not_sent() {
    let mut bench = Bench::new();
    assert_eq!(bench.send(&kuwaiti(0..100), "x"), "OK");
    bench.pass(1.0);
    let id = bench.last().id;
    assert_eq!(bench.gateway.delete(&id, bench.now), Some(50));
    assert_eq!(bench.alice().available, 950);
}
