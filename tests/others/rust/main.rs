//! The official Rust client against a sandbox; `../run` gives it the address.

use kwtsms::KwtSms;
use serde_json::{Value, json};

fn main() {
    let client = |user: &str, test| KwtSms::new(user, "any", Some("KWT-TEST"), test, None).unwrap();
    let sms = client("rust_user", false);
    let verified = sms.verify();
    assert!(verified.ok, "{:?}", verified.error);
    assert_eq!(sms.balance(), Some(1000.0));
    assert_eq!(sms.senderids().unwrap()["senderids"], json!(["KWT-SMS", "KWT-TEST"]));
    assert_eq!(sms.coverage().unwrap()["prefixes"][0], "965");
    let checked = sms.validate(&["96598765431", "447911123456"]).unwrap();
    assert_eq!((&checked["ok"], &checked["nr"]), (&json!(["96598765431"]), &json!(["447911123456"])));

    let sent = sms.send(&["+965 9876 5431"], "Your code is 123456", None).unwrap();
    assert_eq!((&sent["result"], &sent["balance-after"]), (&json!("OK"), &json!(999)), "{sent}");
    let id = sent["msg-id"].as_str().unwrap();
    assert_eq!(sms.status(id).unwrap()["result"], "OK");
    // Kuwait has no delivery reports.
    assert_eq!(sms.dlr(id).unwrap()["code"], "ERR021");
    assert_eq!(sms.send(&["96598765431"], "too soon", None).unwrap()["code"], "ERR028");

    let numbers: Vec<String> = (0..250).map(|i| format!("9656{i:07}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let bulk: Value = sms.send(&numbers, "Hello", None).unwrap();
    assert_eq!((&bulk["result"], &bulk["numbers"]), (&json!("OK"), &json!(250)), "{bulk}");
    assert_eq!(sms.balance(), Some(749.0));

    // A message of test mode stays in the queue.
    let tested = client("rust_user", true).send(&["96551234567"], "a test", None).unwrap();
    assert_eq!(sms.status(tested["msg-id"].as_str().unwrap()).unwrap()["code"], "ERR030");
    println!("official Rust client 0.1.10: all of it answered as the gateway would");
}
