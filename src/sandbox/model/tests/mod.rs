//! The rules of the model, with a clock that only moves when told to.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::account::{Account, Maker};
use super::exchange::{Answer, Call, Outcome, Source};
use super::gateway::Gateway;
use super::message::Message;
use super::settings::Settings;

mod bounds;
mod protocol;
mod sending;

/// The time stamp of the document's sample.
const UNIX: u64 = 1_684_763_355;

struct Bench {
    gateway: Gateway,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        Self { gateway: Gateway::new(settings, 7), now: Instant::now() }
    }

    fn pass(&mut self, seconds: f64) {
        self.now += Duration::from_secs_f64(seconds);
    }

    fn call(&mut self, method: &str, path: &str, json: bool, body: &str) -> Answer {
        let kind = Some(if json { "application/json" } else { "text/html" });
        let call = Call {
            method,
            path,
            content_type: kind,
            accept: kind,
            body: body.as_bytes(),
            source: Source::Door(0),
        };
        self.gateway.answer(&call, self.now, UNIX * 1000)
    }

    fn raw(&mut self, method: &str, path: &str, json: bool, body: &str) -> (u16, String) {
        match self.call(method, path, json, body).outcome {
            Outcome::Reply(reply) => (reply.status, String::from_utf8(reply.body.to_vec()).unwrap()),
            _ => panic!("no whole reply"),
        }
    }

    /// Posts JSON for the account "alice".
    fn post(&mut self, endpoint: &str, mut fields: Value) -> String {
        let object = fields.as_object_mut().unwrap();
        object.entry("username").or_insert("alice".into());
        object.entry("password").or_insert("any".into());
        self.raw("POST", &format!("/API/{endpoint}/"), true, &fields.to_string()).1
    }

    /// "OK" or the error code.
    fn verdict(&mut self, endpoint: &str, fields: Value) -> String {
        let reply: Value = serde_json::from_str(&self.post(endpoint, fields)).unwrap();
        reply.get("code").unwrap_or(&reply["result"]).as_str().unwrap().to_owned()
    }

    fn send(&mut self, mobile: &str, text: &str) -> String {
        self.verdict("send", message(mobile, text, false))
    }

    fn send_test(&mut self, mobile: &str, text: &str) -> String {
        self.verdict("send", message(mobile, text, true))
    }

    fn last(&mut self) -> Message {
        self.gateway.messages(self.now).pop().unwrap()
    }

    fn alice(&mut self) -> &mut Account {
        self.gateway.account("alice", Maker::Owner)
    }
}

fn message(mobile: &str, text: &str, test: bool) -> Value {
    json!({"sender": "KWT-TEST", "mobile": mobile, "message": text, "test": if test { "1" } else { "0" }})
}

fn kuwaiti(range: std::ops::Range<usize>) -> String {
    range.map(|i| format!("9655{i:07}")).collect::<Vec<_>>().join(",")
}
