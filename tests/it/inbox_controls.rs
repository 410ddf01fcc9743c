//! The inbox's API over HTTP: faults, accounts, settings, figures, events, and the document that describes it all.

use std::collections::BTreeSet;
use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::inbox_api::{NUMBER, Site};

fn credentials() -> Value {
    json!({"username": "alice", "password": "s3cret"})
}

impl Site {
    /// The status and the body of a balance request, `None` if no whole answer came.
    async fn balance(&self) -> Option<(u16, String)> {
        let request = self.request("POST", "/API/balance/").header("content-type", "application/json");
        let reply = request.body(credentials().to_string()).send().await.ok()?;
        let status = reply.status().as_u16();
        Some((status, reply.text().await.ok()?))
    }

    async fn fault(&self, fault: Value) -> Value {
        let (status, script) = self.ask("POST", "/api/faults", Some(fault)).await;
        assert_eq!(status, 201, "{script}");
        script
    }
}

#[tokio::test]
async fn every_kind_of_fault_is_scripted_over_the_api() {
    let site = Site::start().await;
    let ok = r#"{"result":"OK","available":1000,"purchased":1000}"#;
    for (fault, status, begins) in [
        (json!({"kind": "code", "code": "ERR013"}), Some(400), r#"{"result":"ERROR","code":"ERR013""#),
        (json!({"kind": "code", "code": "ERR013", "status": 200}), Some(200), r#"{"result":"ERROR""#),
        (json!({"kind": "delay", "delay_ms": 30}), Some(200), ok),
        (json!({"kind": "slow_body", "delay_ms": 30}), Some(200), ok),
        (json!({"kind": "html_502"}), Some(502), "<html>"),
        (json!({"kind": "reply", "status": 418, "body": "teapot"}), Some(418), "teapot"),
        (json!({"kind": "redirect", "location": "http://127.0.0.1:9/"}), Some(307), "<html>"),
        (json!({"kind": "drop_before_reading"}), None, ""),
        (json!({"kind": "drop_after_accepting"}), None, ""),
        (json!({"kind": "truncated_body", "keep": 5}), None, ""),
        (json!({"kind": "refuse_connection"}), None, ""),
    ] {
        let script = site.fault(fault.clone()).await;
        assert_eq!((&script["pending"], &script["faults"][0]["kind"]), (&json!(1), &fault["kind"]));
        let started = Instant::now();
        let seen = site.balance().await;
        assert_eq!(seen.as_ref().map(|seen| seen.0), status, "{fault}");
        assert!(seen.unwrap_or_default().1.starts_with(begins), "{fault}");
        assert!(started.elapsed() >= Duration::from_millis(fault["delay_ms"].as_u64().unwrap_or(0)));
        assert_eq!(site.balance().await.unwrap().1, ok, "after {fault}");
    }
}

#[tokio::test]
async fn a_fault_hits_so_many_requests_of_its_endpoint_and_account_and_can_be_taken_back() {
    let site = Site::start().await;
    let script = site
        .fault(json!({"kind": "code", "code": "ERR001", "times": 2, "on": "balance", "user": "alice"}))
        .await;
    assert_eq!(
        script["faults"][0],
        json!({"id": 1, "kind": "code", "code": "ERR001", "status": null, "delay_ms": 0, "times": 2, "always": false,
            "on": "balance", "user": "alice", "accepting": false})
    );
    site.send("alice", NUMBER, "x").await; // not what the fault is for
    for status in [400, 400, 200] {
        assert_eq!(site.balance().await.unwrap().0, status);
    }
    let script = site.fault(json!({"kind": "html_502", "always": true, "accepting": true})).await;
    assert_eq!((&script["faults"][0]["times"], &script["faults"][0]["always"]), (&Value::Null, &json!(true)));
    for _ in 0..3 {
        assert_eq!(site.balance().await.unwrap().0, 502);
    }
    let path = format!("/api/faults/{}", script["faults"][0]["id"]);
    assert_eq!(site.ask("DELETE", &path, None).await.1["pending"], 0);
    assert_eq!(site.ask("DELETE", &path, None).await.0, 404);
    assert_eq!(site.balance().await.unwrap().0, 200);

    site.fault(json!({"kind": "code_status", "code": "ERR003", "status": 418})).await;
    site.sandbox.account("alice").set_password(Some("other"));
    assert_eq!(site.balance().await.unwrap().0, 418);
    site.sandbox.faults().push(Fault::html_502());
    assert_eq!(site.get("/api/faults").await["code_status"], json!({"ERR003": 418}));
    let (_, script) = site.ask("DELETE", "/api/faults", None).await;
    assert_eq!(script, json!({"pending": 0, "faults": [], "code_status": {}}));
    assert_eq!(site.balance().await.unwrap().0, 403);
}

#[tokio::test]
async fn a_fault_or_change_that_makes_no_sense_is_refused_and_changes_nothing() {
    let site = Site::start().await;
    for (method, path, body, status, hint) in [
        ("POST", "/api/faults", json!({"kind": "boom"}), 422, "expected one of `code`, `delay`"),
        ("POST", "/api/faults", json!({"kind": "code"}), 400, "needs \"code\""),
        ("POST", "/api/faults", json!({"kind": "delay"}), 400, "needs \"delay_ms\""),
        ("POST", "/api/faults", json!({"kind": "redirect"}), 400, "needs \"location\""),
        ("POST", "/api/faults", json!({"kind": "code_status", "code": "ERR003"}), 400, "\"status\""),
        ("POST", "/api/faults", json!({"kind": "html_502", "times": 0}), 400, "1 or more"),
        ("POST", "/api/faults", json!({"kind": "html_502", "on": "report"}), 400, "balance, senderid"),
        ("POST", "/api/faults", json!({"kind": "reply", "status": 99}), 400, "200 to 599"),
        ("POST", "/api/faults", json!({"kind": "delay", "delay_ms": 600_001}), 400, "at most 600000"),
        ("POST", "/api/faults", json!({"kind": "html_502", "tiems": 2}), 422, "unknown field `tiems`"),
        ("PUT", "/api/account", json!({"balance": 3}), 422, "missing field `user`"),
        ("PUT", "/api/account", json!({"user": "", "balance": 3}), 400, "1 to 100 characters"),
        ("PUT", "/api/account", json!({"user": "alice", "balance": -3}), 422, "balance"),
        ("PUT", "/api/account", json!({"user": "alice", "sender": []}), 422, "unknown field `sender`"),
        (
            "PUT",
            "/api/account",
            json!({"user": "alice", "password": 98_765}),
            422,
            "password has to be a string",
        ),
        ("PUT", "/api/settings", json!({"latency_ms": 600_001}), 400, "at most 600000"),
        // An object is no list of its values, and a name no object.
        ("PUT", "/api/settings", json!([]), 422, "expected an object"),
        ("PUT", "/api/settings", json!([5, 5, 5, true]), 422, "expected an object"),
        ("PUT", "/api/settings", json!(null), 422, "expected an object"),
        ("PUT", "/api/account", json!(["alice"]), 422, "expected an object"),
        ("POST", "/api/faults", json!(["html_502"]), 422, "expected an object"),
        ("POST", "/api/faults", json!({"kind": {"html_502": null}}), 422, "expected a string"),
        // Codes are those of the table.
        ("POST", "/api/faults", json!({"kind": "code", "code": "ERR999"}), 400, "GET /api/codes"),
        ("POST", "/api/faults", json!({"kind": "code", "code": ""}), 400, "GET /api/codes"),
        (
            "POST",
            "/api/faults",
            json!({"kind": "code_status", "code": "x", "status": 400}),
            400,
            "GET /api/codes",
        ),
        ("PUT", "/api/account", json!({"user": "alice", "blocked": "ERR05"}), 400, "GET /api/codes"),
        // What is left out is not null, and what means nothing is no field.
        ("POST", "/api/faults", json!({"kind": "code", "code": null}), 422, "expected a string"),
        ("POST", "/api/faults", json!({"kind": "html_502", "times": null}), 422, "null"),
        ("PUT", "/api/account", json!({"user": "alice", "balance": null}), 422, "null"),
        ("PUT", "/api/settings", json!({"latency_ms": null}), 422, "null"),
        ("PUT", "/api/settings", json!({"latency_ms": 1.5}), 422, "no whole number"),
        ("PUT", "/api/settings", json!({"drain_per_second": 5_000_000_000_u64}), 422, "that fits here"),
        (
            "POST",
            "/api/faults",
            json!({"kind": "delay", "delay_ms": 1, "code": "ERR013"}),
            400,
            "code means nothing",
        ),
        ("POST", "/api/faults", json!({"kind": "delay", "delay_ms": 0}), 400, "1 or more"),
        // Bounds.
        (
            "POST",
            "/api/faults",
            json!({"kind": "redirect", "location": "/a b\r\nx: y"}),
            400,
            "without blanks",
        ),
        ("POST", "/api/faults", json!({"kind": "reply", "body": "x".repeat(30_001)}), 400, "at most 30000"),
        ("POST", "/api/faults", json!({"kind": "reply", "body": "x".repeat(300_000)}), 413, "length limit"),
        ("POST", "/api/faults", json!({"kind": "html_502", "user": ""}), 400, "1 to 100 characters"),
        ("PUT", "/api/account", json!({"user": "alice", "coverage": ["+965"]}), 400, "1 to 15 digits"),
        ("PUT", "/api/account", json!({"user": "alice", "sender_ids": [""]}), 400, "each of sender_ids"),
        ("PUT", "/api/account", json!({"user": "alice", "bad_words": vec!["x"; 101]}), 400, "at most 100"),
        ("PUT", "/api/account", json!({"user": "alice", "password": "98765".repeat(21)}), 400, "1 to 100"),
    ] {
        let (seen, answer) = site.ask(method, path, Some(body.clone())).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(seen == status && error.contains(hint), "{body}: {seen} {answer}");
        assert!(!error.contains("98765"), "{answer}");
    }
    for _ in 0..1_000 {
        site.sandbox.faults().push(Fault::html_502());
    }
    let (status, answer) = site.ask("POST", "/api/faults", Some(json!({"kind": "html_502"}))).await;
    assert_eq!((status, site.sandbox.faults().pending()), (400, 1_000), "{answer}");
    site.sandbox.faults().clear();
    let (status, answer) = site.ask("POST", "/api/faults", None).await;
    assert_eq!(status, 415, "{answer}");
    assert_eq!(site.sandbox.faults().pending(), 0);
    assert_eq!(site.get("/api/accounts").await, json!({"accounts": []}));
}

#[tokio::test]
async fn an_account_is_changed_field_by_field() {
    let site = Site::start().await;
    let put = async |changes: Value| site.ask("PUT", "/api/account", Some(changes)).await;
    let (status, account) = put(json!({"user": "alice"})).await;
    assert_eq!(status, 200);
    assert_eq!(
        account,
        json!({"user": "alice", "balance": 1000, "purchased": 1000, "password_set": false,
            "sender_ids": ["KWT-SMS", "KWT-TEST"], "coverage": ["965", "966", "968", "971", "973", "974"],
            "blocked": null, "bad_words": [], "spam_words": [], "banned_senders": [], "queued": 0})
    );
    let changes = json!({"user": "alice", "balance": 1, "purchased": 2, "sender_ids": ["MY-SHOP"], "coverage": ["965"],
        "bad_words": ["damn"], "spam_words": ["casino"], "banned_senders": ["BANNED"]});
    let (_, account) = put(changes.clone()).await;
    for (field, value) in changes.as_object().unwrap() {
        assert_eq!(&account[field], value, "{field}");
    }
    // What is left out stays, and null is something else than left out.
    let (_, account) = put(json!({"user": "alice", "password": "right", "blocked": "ERR005"})).await;
    assert_eq!(
        (&account["balance"], &account["password_set"], &account["blocked"]),
        (&json!(1), &json!(true), &json!("ERR005"))
    );
    let (_, account) = put(json!({"user": "alice", "blocked": null})).await;
    assert_eq!((&account["password_set"], &account["blocked"]), (&json!(true), &Value::Null));
    assert_eq!(site.balance().await.unwrap().0, 403);
    put(json!({"user": "alice", "password": null})).await;
    assert_eq!(site.balance().await.unwrap().1, r#"{"result":"OK","available":1,"purchased":2}"#);
    assert_eq!(site.get("/api/account?user=alice").await["coverage"], json!(["965"]));
    assert_eq!(site.get("/api/accounts").await["accounts"][0]["user"], "alice");
}

#[tokio::test]
async fn no_answer_of_the_api_shows_a_password() {
    let site = Site::start().await;
    site.ask("PUT", "/api/account", Some(json!({"user": "alice", "password": "s3cret"}))).await;
    let id = site.send("alice", NUMBER, "Your code is 1234").await;
    for path in site.get("/api/openapi.json").await["paths"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|path| *path != "/api/events")
    {
        let path = path.replace("{id}", &id);
        for query in ["", "?user=alice"] {
            let reply = site.request("GET", &format!("{path}{query}")).send().await.unwrap();
            let body = reply.text().await.unwrap();
            assert!(!body.contains("s3cret"), "{path}: {body}");
        }
    }
    let mut events = Events::of(&site).await;
    site.send("alice", "96541234567", "x").await;
    assert!(!events.until("request").await.to_string().contains("s3cret"));
}

#[tokio::test]
async fn settings_slow_answers_stop_the_queue_and_raise_the_firewall() {
    let site = Site::start().await;
    assert_eq!(
        site.get("/api/settings").await,
        json!({"latency_ms": 0, "drain_per_second": 50, "firewall_seconds": 0, "stuck_fill_queue": false})
    );
    let changes =
        json!({"latency_ms": 30, "drain_per_second": 0, "firewall_seconds": 60, "stuck_fill_queue": true});
    assert_eq!(site.ask("PUT", "/api/settings", Some(changes.clone())).await, (200, changes));
    let started = Instant::now();
    let requests = (0..6).map(|_| timeout(Duration::from_secs(1), site.balance()));
    let answered = futures::future::join_all(requests).await;
    assert_eq!(answered.iter().filter(|answer| answer.is_ok()).count(), 5);
    assert!(started.elapsed() >= Duration::from_millis(30));
    // The inbox is behind no firewall.
    let stats = site.get("/api/stats").await;
    assert_eq!(
        (&stats["swallowed"], &stats["requests"], &stats["ceiling"]),
        (&json!(1), &json!(6), &json!(5))
    );
    // JSON may write a whole number so.
    let (_, settings) = site.ask("PUT", "/api/settings", Some(json!({"firewall_seconds": 0.0}))).await;
    assert_eq!(
        settings,
        json!({"latency_ms": 30, "drain_per_second": 0, "firewall_seconds": 0, "stuck_fill_queue": true})
    );
    assert_eq!(site.balance().await.unwrap().0, 200);
}

#[tokio::test]
async fn the_graph_has_60_seconds_and_every_request_is_in_it() {
    let site = Site::start().await;
    for _ in 0..7 {
        site.balance().await.unwrap();
    }
    let stats = site.get("/api/stats").await;
    let seconds = stats["seconds"].as_array().unwrap();
    assert_eq!(seconds.len(), 60);
    assert_eq!(seconds.iter().map(|second| second["requests"].as_u64().unwrap()).sum::<u64>(), 7);
    assert!(seconds.iter().any(|second| second["peak"].as_u64().unwrap() > 0));
}

#[tokio::test]
async fn a_bounded_history_counts_what_it_forgets() {
    let site = Site::of(Sandbox::builder().history(3).start().await.unwrap());
    for i in 0..5 {
        site.send("alice", &format!("9655{i:07}"), &format!("text {i}")).await;
    }
    let list = site.get("/api/messages").await;
    assert_eq!((&list["remembered"], &list["forgotten"], &list["last"]), (&json!(3), &json!(2), &json!(5)));
    assert_eq!(list["messages"][0]["text"], "text 2");
    assert_eq!(site.get("/api/requests").await["forgotten"], 2);
    assert_eq!(site.get("/api/stats").await["forgotten"], 2);
}

/// The events of one listener.
struct Events {
    reply: reqwest::Response,
    read: String,
}

impl Events {
    async fn of(site: &Site) -> Self {
        let reply = site.request("GET", "/api/events").send().await.unwrap();
        assert_eq!(reply.headers()["content-type"], "text/event-stream");
        let mut events = Self { reply, read: String::new() };
        assert_eq!(events.next().await.0, "reset");
        events
    }

    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some(end) = self.read.find("\n\n") {
                let block: String = self.read.drain(..end + 2).collect();
                let field =
                    |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let (Some(event), Some(data)) = (field("event:"), field("data:")) {
                    return (event.to_owned(), serde_json::from_str(data).unwrap());
                }
                continue;
            }
            let chunk = timeout(Duration::from_secs(20), self.reply.chunk()).await.expect("no event came");
            self.read.push_str(str::from_utf8(&chunk.unwrap().unwrap()).unwrap());
        }
    }

    /// The next event of this name; others are passed over.
    async fn until(&mut self, name: &str) -> Value {
        let wanted = async {
            loop {
                let (event, data) = self.next().await;
                if event == name {
                    return data;
                }
            }
        };
        timeout(Duration::from_secs(30), wanted).await.expect("the event did not come")
    }
}

#[tokio::test]
async fn events_tell_of_messages_requests_changes_and_clearing() {
    let site = Site::start().await;
    let mut events = Events::of(&site).await;
    let id = site.send("alice", NUMBER, "Your code is 1234").await;
    let message = events.until("message").await;
    // The same as everywhere else.
    assert_eq!(message, site.get(&format!("/api/messages/{id}")).await);
    let request = events.until("request").await;
    assert_eq!(
        (&request["endpoint"], &request["status"], &request["user"]),
        (&json!("send"), &json!(200), &json!("alice"))
    );
    assert_eq!(request, site.get("/api/requests").await["requests"][0]);

    site.sandbox.delete_message(&id).unwrap();
    assert_eq!(events.until("changed").await["state"], "deleted");
    site.sandbox.inbox().clear();
    assert_eq!(events.until("cleared").await, json!({}));
    let stats = events.until("stats").await;
    assert_eq!((&stats["accepted"], &stats["remembered"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn events_tell_when_a_message_leaves_the_queue_though_nobody_asks() {
    let site = Site::of(Sandbox::builder().drain_per_second(5).start().await.unwrap());
    let mut events = Events::of(&site).await;
    let body =
        json!({"username": "alice", "password": "x", "sender": "KWT-TEST", "mobile": NUMBER, "message": "x"});
    site.ask("POST", "/API/send/", Some(body)).await;
    assert_eq!(events.until("message").await["state"], "queued");
    assert_eq!(events.until("changed").await["state"], "sent");
}

#[tokio::test]
async fn a_listener_that_lies_behind_is_told_to_look_again() {
    let site = Site::start().await;
    let mut events = Events::of(&site).await;
    // More than the buffers between the two hold and the script of changes keeps; the listener reads nothing of it.
    let door = crate::sandbox_doors::Door::InProcess(site.sandbox.transport());
    let text = "x".repeat(1000);
    let body = json!({"username": "alice", "password": "x", "sender": "KWT-TEST", "mobile": NUMBER, "message": text,
        "test": "1"});
    site.sandbox.account("alice").set_balance(1_000_000);
    for _ in 0..900 {
        door.post(kwtsms_async::transport::Endpoint::Send, &body).await.unwrap();
    }
    for _ in 0..5_000 {
        door.post(kwtsms_async::transport::Endpoint::Balance, &credentials()).await.unwrap();
    }
    let last = events.until("reset").await["last"].as_u64().unwrap();
    assert_eq!(last, 900);
    // And goes on from there.
    site.send("bob", NUMBER, "after all that").await;
    while events.until("message").await["text"] != "after all that" {}
}

#[tokio::test]
async fn the_document_names_every_path_and_method_and_no_other() {
    let site = Site::start().await;
    let document = site.get("/api/openapi.json").await;
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let concrete = path.replace("{id}", "none").replace("/wait", "/wait?timeout=0");
            let reply = site.request(method, &concrete).send().await.unwrap();
            let status = reply.status().as_u16();
            let documented = item.get(method.to_lowercase());
            assert_eq!(status == 405, documented.is_none(), "{method} {path}: {status}");
            if let Some(operation) = documented {
                operations += 1;
                assert!(
                    operation["responses"].get(status.to_string()).is_some(),
                    "{method} {path}: {status}"
                );
            }
        }
    }
    assert_eq!(operations, 24);
    // Nor has the server a path that the document has not.
    let source = include_str!("../../src/sandbox/inbox/router.rs");
    let paths = source.split(".route(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0));
    let served: BTreeSet<_> = paths.filter(|path| *path != "/favicon.ico").collect();
    assert_eq!(served, document["paths"].as_object().unwrap().keys().map(String::as_str).collect());
}

/// What of a value is not as its schema says, for the few words of JSON Schema that the document uses.
fn differences(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return differences(document, document.pointer(&reference[1..]).unwrap(), value, at);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let all: Vec<_> = choices.iter().map(|choice| differences(document, choice, value, at)).collect();
        return if all.iter().any(Vec::is_empty) { Vec::new() } else { all.concat() };
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let mut wrong = Vec::new();
    if schema["type"] != kind && !schema["type"].as_array().is_some_and(|kinds| kinds.contains(&kind.into()))
    {
        wrong.push(format!("{at} is {kind} and not {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|choices| !choices.contains(value)) {
        wrong.push(format!("{at} is {value}"));
    }
    for (place, item) in value.as_array().into_iter().flatten().enumerate() {
        wrong.extend(differences(document, &schema["items"], item, &format!("{at}[{place}]")));
    }
    if let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
        let names = |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<BTreeSet<_>>();
        wrong.extend(
            names(fields).symmetric_difference(&names(properties)).map(|name| format!("{at}.{name}")),
        );
        for (name, field) in fields {
            if let Some(property) = properties.get(name) {
                wrong.extend(differences(document, property, field, &format!("{at}.{name}")));
            }
        }
    }
    wrong
}

#[tokio::test]
async fn answers_are_as_the_document_says() {
    let site = Site::start().await;
    let document = site.get("/api/openapi.json").await;
    // Nowhere else are the codes written down.
    let table: Vec<_> = kwtsms_async::ApiCode::known().map(|code| code.as_str().to_owned()).collect();
    assert_eq!(document["components"]["schemas"]["Code"]["enum"], json!(table));
    for (number, text) in [("96598765432,abc", "Your code ’ is 1234 🎉"), ("96541234567", "plain")] {
        site.send("alice", number, text).await;
    }
    site.fault(json!({"kind": "code", "code": "ERR013", "on": "dlr"})).await;
    site.fault(json!({"kind": "code_status", "code": "ERR013", "status": 429})).await;
    let id = site.sandbox.messages()[0].id().to_owned();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(schema) = item.pointer("/get/responses/200/content/application~1json/schema") else {
            continue;
        };
        if path == "/api/openapi.json" {
            continue;
        }
        let query = if path == "/api/account" { "?user=alice" } else { "" };
        let answer = site.get(&format!("{}{query}", path.replace("{id}", &id))).await;
        assert_eq!(differences(&document, schema, &answer, path), Vec::<String>::new());
        seen += 1;
    }
    assert_eq!(seen, 12);
    let (_, error) = site.ask("GET", "/api/messages/none", None).await;
    let schema = &document["components"]["schemas"]["Error"];
    assert_eq!(differences(&document, schema, &error, "error"), Vec::<String>::new());
    // The check can fail.
    assert_eq!(differences(&document, schema, &json!({"error": 1, "more": 2}), "error").len(), 2);
}
