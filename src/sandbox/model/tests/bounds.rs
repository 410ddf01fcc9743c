//! Memory stays bounded, whatever comes and however long.

use std::time::Duration;

use serde_json::json;

use super::{Bench, kuwaiti, message};
use crate::sandbox::model::account::Maker;
use crate::sandbox::model::exchange::Outcome;
use crate::sandbox::model::gateway::MAX_BY_API;
use crate::sandbox::model::history::MAX_BYTES;
use crate::sandbox::model::settings::Settings;
use crate::sandbox::{Fault, MessageState};

#[test]
fn the_history_is_bounded_and_counts_what_it_forgets() {
    let mut bench = Bench::with(Settings { history: 2, ..Settings::default() });
    for i in 0..5 {
        assert_eq!(bench.send(&kuwaiti(i..i + 1), &i.to_string()), "OK");
    }
    let messages = bench.gateway.messages(bench.now);
    assert_eq!(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["3", "4"]);
    assert_eq!(bench.gateway.history.requests().len(), 2);
    assert_eq!((bench.gateway.history.forgotten_messages, bench.gateway.history.forgotten_requests), (3, 3));
    assert_eq!(bench.alice().queued(true), 5);
    bench.pass(1.0);
    assert!(bench.post("status", json!({"msgid": messages[1].id})).contains("\"sent\""));
}

#[test]
fn long_messages_are_forgotten_by_their_bytes() {
    let mut bench =
        Bench::with(Settings { stuck_fill_queue: false, history: usize::MAX, ..Settings::default() });
    bench.alice().available = u64::MAX;
    // 200 numbers and a field that nobody reads, so that the request is longer than what is kept of it.
    let mut fields = message(&kuwaiti(0..200), &"ع".repeat(469), true);
    fields["padding"] = "x".repeat(20_000).into();
    for _ in 0..10_000 {
        assert_eq!(bench.verdict("send", fields.clone()), "OK");
        if bench.gateway.history.forgotten_messages > 0 {
            break;
        }
    }
    let kept = bench.gateway.messages(bench.now);
    let bytes: usize = kept.iter().map(|message| message.bytes()).sum();
    assert!(bytes <= MAX_BYTES, "{bytes}");
    assert!(kept.iter().all(|message| message.request.len() < 17_000));
    assert!(kept.len() > 1000, "{}", kept.len());
    assert_eq!(bench.gateway.history.forgotten_messages, 1);
}

#[test]
fn accounts_that_requests_made_are_forgotten_when_there_are_too_many_and_others_are_not() {
    let mut bench = Bench::new();
    bench.alice().available = 3;
    for i in 0..10_100 {
        assert_eq!(bench.verdict("balance", json!({"username": format!("user{i}")})), "OK");
    }
    assert_eq!(bench.gateway.accounts.len(), 10_000 + 1);
    assert_eq!(bench.alice().available, 3);
    assert!(bench.gateway.accounts.contains_key("user10099"));
    assert!(!bench.gateway.accounts.contains_key("user0"));
    assert_eq!(bench.verdict("balance", json!({"username": "x".repeat(101)})), "ERR003");
}

#[test]
fn accounts_that_the_api_made_are_forgotten_when_there_are_too_many_and_those_of_requests_do_not_push_them_out()
 {
    let mut bench = Bench::new();
    for i in 0..MAX_BY_API {
        bench.gateway.account(&format!("set{i}"), Maker::Api).available = 7;
    }
    for i in 0..10_100 {
        assert_eq!(bench.verdict("balance", json!({"username": format!("user{i}")})), "OK");
    }
    assert_eq!(bench.verdict("balance", json!({"username": "set0"})), "OK");
    // One that a request made is set up.
    bench.gateway.account("user10099", Maker::Api).available = 7;
    let set_up = bench.gateway.accounts.iter().filter(|(_, account)| account.made == Maker::Api);
    assert_eq!(set_up.count(), MAX_BY_API);
    assert!(bench.gateway.accounts.contains_key("set0"));
    let sevens = bench.gateway.accounts.values().filter(|account| account.available == 7).count();
    assert_eq!(sevens, MAX_BY_API);
}

#[test]
fn stuck_messages_that_are_forgotten_or_cleared_leave_the_queue_and_keep_their_credits() {
    let settings = Settings { history: 500, stuck_fill_queue: true, ..Settings::default() };
    let mut bench = Bench::with(settings);
    bench.alice().available = 5000;
    for i in 0..1500 {
        assert_eq!(bench.send_test(&kuwaiti(i..i + 1), "x"), "OK", "{i}");
    }
    assert_eq!((bench.alice().queued(true), bench.alice().available), (500, 3500));
    let id = bench.last().id;
    assert_eq!(bench.gateway.delete(&id, bench.now), Some(1));
    assert_eq!((bench.alice().queued(true), bench.alice().available), (499, 3501));
    assert_eq!(bench.gateway.clear(|_| true), 500);
    assert_eq!((bench.alice().queued(true), bench.alice().available), (0, 3501));
    assert_eq!(bench.gateway.delete(&id, bench.now), None);
}

#[test]
fn never_is_a_value() {
    let mut bench = Bench::with(Settings {
        latency: Duration::MAX,
        report_after: Duration::MAX,
        firewall: Some(Duration::MAX),
        history: usize::MAX,
        drain_per_second: u32::MAX,
        ..Settings::default()
    });
    let late = Fault::delay(Duration::MAX).times(usize::MAX).on("balance");
    bench.gateway.faults.push(late);
    assert_eq!(bench.send("971501234567", "x"), "OK");
    bench.pass(1_000_000.0);
    assert_eq!(bench.last().state, MessageState::Sent);
    for _ in 0..4 {
        let answer = bench.call("POST", "/API/balance/", true, "{}");
        assert_eq!(answer.after, Duration::MAX);
    }
    assert_eq!(bench.gateway.faults.pending(), usize::MAX);
    for _ in 0..2 {
        bench.call("POST", "/API/balance/", true, "{}");
    }
    assert_eq!(bench.gateway.traffic.swallowed, 1);
    bench.pass(1_000_000_000.0);
    assert!(matches!(bench.call("POST", "/API/status/", true, "{}").outcome, Outcome::Silence));
}

#[test]
fn what_nobody_waits_for_any_more_is_forgotten() {
    let mut bench = Bench::with(Settings { history: 1, ..Settings::default() });
    assert_eq!(bench.send("96598765432", "x"), "OK");
    for i in 0..25_000 {
        bench.gateway.hand_out((None, i.to_string()), 1);
        if i == 15_000 {
            assert_eq!(bench.send("96541234567", "x"), "OK");
        }
    }
    assert!(bench.gateway.handed_out.len() < 20_000, "{}", bench.gateway.handed_out.len());
}

#[test]
fn forgotten_messages_wait_for_no_reports() {
    let mut bench = Bench::with(Settings { history: 2, ..Settings::default() });
    for i in 0..10 {
        assert_eq!(bench.send(&format!("97150{i:07}"), "x"), "OK");
        bench.pass(1.0);
    }
    bench.gateway.settle(bench.now);
    assert_eq!(bench.gateway.history.awaited_reports(), 2);
}
