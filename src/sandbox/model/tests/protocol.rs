//! Shapes, headers, accounts, reports, history and firewall.

use std::time::Duration;

use serde_json::json;

use super::{Bench, message};
use crate::sandbox::model::endpoints::ENDPOINTS;
use crate::sandbox::model::exchange::{MAX_BODY, Outcome};
use crate::sandbox::model::gateway::Gateway;
use crate::sandbox::model::settings::Settings;
use crate::sandbox::{CreditStyle, ErrorStatus};

fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap().trim_end().to_owned()
}

#[test]
fn every_endpoint_answers_the_documents_sample_byte_for_byte() {
    let mut bench = Bench::new();
    bench.alice().available = 150;
    bench.alice().coverage = vec!["965".into(), "971".into()];
    assert_eq!(bench.post("balance", json!({})), fixture("balance"));
    assert_eq!(bench.post("senderid", json!({})), fixture("senderid"));
    assert_eq!(bench.post("coverage", json!({})), fixture("coverage"));
    let mobile = "99220322,96599153258,0096599220322,966558724477,96599220322,96524817066,9651800555";
    assert_eq!(bench.post("validate", json!({"mobile": mobile})), fixture("validate"));

    bench.alice().available = 181;
    let sent = bench.post("send", message("971501234567,971501234567", "Hello", false));
    let id = bench.last().id;
    assert_eq!(sent.replace(&id, "f4c841adee210f31307633ceaebff2ec"), fixture("send"));
    bench.pass(1.0);
    assert_eq!(bench.post("status", json!({"msgid": id})), fixture("status"));
    bench.pass(300.0);
    let report = bench.post("dlr", json!({"msgid": id}));
    assert_eq!(report.replace("971501234567", "xxxxxxxx"), fixture("dlr"));

    bench.alice().password = Some("right".into());
    assert_eq!(bench.post("balance", json!({})), fixture("error"));
}

#[test]
fn the_plain_text_protocol_answers_without_json_headers() {
    let mut bench = Bench::new();
    let mut text = |endpoint: &str, fields: &str| {
        let body = format!("username=alice&password=any{fields}");
        bench.raw("POST", &format!("/API/{endpoint}/"), false, &body)
    };
    assert_eq!(text("balance", ""), (200, "1000.00/1000.00".into()));
    assert_eq!(text("senderid", "").1, "KWT-SMS\nKWT-TEST");
    assert_eq!(text("coverage", "").1, "965\n966\n968\n971\n973\n974");
    assert_eq!(text("validate", "&mobile=96598765432,1").1, "ER:1\nOK:96598765432");
    let sent = text("send", "&sender=KWT-TEST&mobile=971501234567&message=a+b").1;
    let parts: Vec<_> = sent.split(':').collect();
    assert_eq!((parts[0], &parts[2..]), ("OK", &["1", "1", "999", "1684763355"][..]));
    let id = parts[1].to_owned();
    assert_eq!(text("status", &format!("&msgid={id}")).1, "OK:Queued");
    let (status, body) = text("status", "&msgid=0");
    assert_eq!(status, 400);
    assert!(body.starts_with("ERR029:"), "{body}");
    bench.pass(1000.0);
    assert_eq!(bench.last().text, "a b");
    let report = bench.raw("POST", "/API/dlr/", false, &format!("username=alice&password=any&msgid={id}"));
    assert_eq!(report.1, "971501234567,Received by recipient");
}

#[test]
fn what_is_no_post_to_an_endpoint_with_its_slash_is_refused_as_html() {
    let mut bench = Bench::new();
    let body = r#"{"username":"alice","password":"any"}"#;
    for (method, path, status) in [
        ("POST", "/API/report/", 404),
        ("POST", "/API/", 404),
        ("POST", "/", 404),
        ("POST", "/api/balance/", 404),
        ("POST", "/API/Balance/", 404),
        ("POST", "/API/balance", 301),
        ("GET", "/API/balance/", 405),
    ] {
        let (seen, body) = bench.raw(method, path, true, body);
        assert_eq!(seen, status, "{method} {path}");
        assert!(body.starts_with("<html>"), "{body}");
    }
    let long = "x".repeat(MAX_BODY + 1);
    assert_eq!(bench.raw("POST", "/API/balance/", true, &long).0, 413);
}

#[test]
fn credentials_and_account_codes_come_first() {
    let mut bench = Bench::new();
    for fields in [
        "{}",
        r#"{"username":"alice"}"#,
        r#"{"username":"","password":"x"}"#,
        "[",
        r#"{"username":1,"password":"x"}"#,
    ] {
        let (status, body) = bench.raw("POST", "/API/send/", true, fields);
        assert_eq!(status, 400);
        assert!(body.contains("\"ERR002\""), "{body}");
    }
    bench.alice().password = Some("right".into());
    assert_eq!(bench.verdict("balance", json!({})), "ERR003");
    assert_eq!(bench.verdict("balance", json!({"password": "right"})), "OK");
    for code in ["ERR001", "ERR004", "ERR005", "ERR024"] {
        bench.alice().blocked = Some(code.into());
        for endpoint in ENDPOINTS {
            assert_eq!(bench.verdict(endpoint, json!({"password": "right"})), code);
        }
    }
    // Nobody else is touched.
    assert_eq!(bench.verdict("balance", json!({"username": "bob"})), "OK");
}

#[test]
fn unknown_accounts_are_refused_when_only_known_ones_are_wanted() {
    let mut bench = Bench::with(Settings { known_accounts_only: true, ..Settings::default() });
    assert_eq!(bench.verdict("balance", json!({})), "ERR003");
    bench.alice();
    assert_eq!(bench.verdict("balance", json!({})), "OK");
}

#[test]
fn the_status_of_an_error_is_a_setting() {
    let body = r#"{"username":"alice","password":"any"}"#;
    for (setting, wrong_password, missing) in [
        (ErrorStatus::AsSeen, 403, 400),
        (ErrorStatus::Always200, 200, 200),
        (ErrorStatus::Always(406), 406, 406),
    ] {
        let mut bench = Bench::with(Settings { error_status: setting, ..Settings::default() });
        assert_eq!(bench.raw("POST", "/API/status/", true, body).0, missing);
        bench.alice().password = Some("right".into());
        assert_eq!(bench.raw("POST", "/API/balance/", true, body).0, wrong_password);
    }
}

#[test]
fn credits_are_written_in_the_style_asked_for() {
    for (style, written) in
        [(CreditStyle::Integer, "1000"), (CreditStyle::Float, "1000.0"), (CreditStyle::Text, "\"1000\"")]
    {
        let mut bench = Bench::with(Settings { credit_style: style, ..Settings::default() });
        let reply = bench.post("balance", json!({}));
        assert_eq!(reply, format!(r#"{{"result":"OK","available":{written},"purchased":{written}}}"#));
    }
}

#[test]
fn status_and_dlr_know_the_accounts_own_messages_only() {
    let mut bench = Bench::new();
    assert_eq!(bench.send("96598765432", "x"), "OK");
    let id = bench.last().id;
    for (endpoint, unknown) in [("status", "ERR029"), ("dlr", "ERR020")] {
        assert_eq!(bench.verdict(endpoint, json!({})), "ERR002");
        assert_eq!(bench.verdict(endpoint, json!({"msg-id": id})), "ERR002");
        assert_eq!(bench.verdict(endpoint, json!({"msgid": "nonsense"})), unknown);
        assert_eq!(bench.verdict(endpoint, json!({"msgid": id, "username": "bob"})), unknown);
    }
}

#[test]
fn reports_exist_abroad_only_and_after_their_time() {
    let mut bench = Bench::new();
    assert_eq!(bench.send("96598765432", "x"), "OK");
    let home = bench.last().id;
    assert_eq!(bench.send("96541234567,971501234567", "x"), "OK");
    let mixed = bench.last().id;
    assert_eq!(bench.send_test("971501234567", "x"), "OK");
    let test = bench.last().id;
    assert_eq!(bench.verdict("dlr", json!({"msgid": home})), "ERR021");
    assert_eq!(bench.verdict("dlr", json!({"msgid": mixed})), "ERR022");
    bench.pass(300.0);
    assert_eq!(bench.verdict("dlr", json!({"msgid": mixed})), "ERR022"); // sent 0.06 s later
    bench.pass(1.0);
    let report = bench.post("dlr", json!({"msgid": mixed}));
    assert_eq!(
        report,
        r#"{"result":"OK","report":[{"Number":"971501234567","Status":"Received by recipient"}]}"#
    );
    assert_eq!(bench.verdict("dlr", json!({"msgid": test})), "ERR019");
}

#[test]
fn no_coverage_is_033_and_then_nothing_has_a_route() {
    let mut bench = Bench::new();
    bench.alice().coverage.clear();
    assert_eq!(bench.verdict("coverage", json!({})), "ERR033");
    assert_eq!(bench.send("96598765432", "x"), "ERR026");
}

#[test]
fn ids_are_32_lower_case_hex_digits_and_never_repeat() {
    let mut gateway = Gateway::new(Settings::default(), 1);
    let ids: std::collections::HashSet<_> = (0..1000).map(|_| gateway.next_id()).collect();
    assert_eq!(ids.len(), 1000);
    assert!(
        ids.iter().all(|id| { id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) })
    );
}

#[test]
fn the_firewall_swallows_the_sixth_request_within_a_second_and_all_after_it_for_a_while() {
    let mut bench = Bench::with(Settings { firewall: Some(Duration::from_secs(60)), ..Settings::default() });
    let body = r#"{"username":"alice","password":"any"}"#;
    let answers = |bench: &mut Bench| {
        !matches!(bench.call("POST", "/API/balance/", true, body).outcome, Outcome::Silence)
    };
    // Five in each second are fine for ever.
    for _ in 0..20 {
        assert!(answers(&mut bench));
        bench.pass(0.2);
    }
    bench.pass(1.0);
    for _ in 0..5 {
        assert!(answers(&mut bench));
    }
    bench.pass(0.99);
    assert!(!answers(&mut bench));
    bench.pass(59.9);
    assert!(!answers(&mut bench));
    bench.pass(0.2);
    assert!(answers(&mut bench));
    assert_eq!(bench.gateway.traffic.swallowed, 2);
}

#[test]
fn debug_shows_neither_text_nor_number_nor_password() {
    let mut bench = Bench::new();
    assert_eq!(bench.send("96598765432", "very private"), "OK");
    let shown = format!("{:?} {:?}", bench.gateway.history.requests(), bench.last());
    for secret in ["98765432", "private", "any"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
