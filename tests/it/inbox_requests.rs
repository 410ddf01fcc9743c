//! Requests that were refused, as visible as messages: what was asked, what was answered, and what to do.

use kwtsms_async::ApiCode;
use kwtsms_async::sandbox::Sandbox;
use serde_json::{Value, json};

use crate::inbox_api::{NUMBER, Site};

impl Site {
    /// Posts to the gateway as it is told; the newest request then.
    async fn seen(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Value {
        let request = self.request(method, path).header("content-type", content_type).body(body.to_vec());
        request.send().await.unwrap();
        self.get("/api/requests?limit=1").await["requests"][0].take()
    }
}

fn send(fields: Value) -> Vec<u8> {
    let mut body = json!({"username": "alice", "password": "s3cret", "sender": "KWT-TEST", "mobile": NUMBER,
        "message": "Hello"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body.to_string().into_bytes()
}

#[tokio::test]
async fn a_refused_request_shows_its_number_text_code_meaning_reply_and_what_to_do() {
    let site = Site::start().await;
    let body =
        send(json!({"mobile": "12345,+96598765432", "message": "Your code is 123456", "sender": "SHOP"}));
    let seen = site.seen("POST", "/API/send/", "application/json", &body).await;
    let table = ApiCode::new("ERR025");
    for (field, want) in [
        ("refused", json!(true)),
        ("endpoint", json!("send")),
        ("user", json!("alice")),
        ("to", json!(["12345", "+96598765432"])),
        ("text", json!("Your code is 123456")),
        ("sender_asked", json!("SHOP")),
        ("numbers", json!(2)),
        ("status", json!(400)),
        ("code", json!("ERR025")),
        ("meaning", json!(table.meaning())),
        ("action", json!(table.action())),
        ("message", Value::Null),
        ("problems", json!([])),
    ] {
        assert_eq!(seen[field], want, "{field}");
    }
    assert_eq!(seen["reply"]["status"], 400);
    assert!(seen["reply"]["body"].as_str().unwrap().contains("ERR025"));
    let request = seen["request"].as_str().unwrap();
    assert!(
        request.starts_with("POST /API/send/ HTTP/1.1\n") && request.contains(r#""password":"***""#),
        "{request}"
    );

    // One that became a message leads there and repeats nothing.
    let id = site.send("alice", NUMBER, "Hello").await;
    let seen = site.get("/api/requests?limit=1").await["requests"][0].take();
    assert_eq!((&seen["refused"], &seen["message"]), (&json!(false), &json!(id)));
    assert_eq!((&seen["to"], &seen["text"]), (&json!([]), &Value::Null));
    assert_eq!(site.get(&format!("/api/messages/{id}")).await["request_number"], seen["number"]);
}

#[tokio::test]
async fn what_of_a_request_could_not_be_read_is_said() {
    let site = Site::start().await;
    let plain = String::from_utf8(send(json!({}))).unwrap();
    let json = "application/json";
    let cut_emoji = plain.replace("Hello", "Hi \\ud83c!");
    let pair_turned = plain.replace("Hello", "\\udf89\\ud83c");
    let mut windows_1256 = plain.clone().into_bytes();
    let hello = windows_1256.windows(5).position(|window| window == b"Hello").unwrap();
    windows_1256[hello] = 0xC7;
    let marked = format!("\u{FEFF}{plain}");
    let utf16: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let multipart = "--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\ns3cret\r\n--B--\r\n";
    let twice = plain.replace("{", "{\"mobile\":\"1\",");
    let typed = |field: &str, value: Value| String::from_utf8(send(json!({ field: value }))).unwrap();
    let renamed = |old: &str, new: &str| plain.replace(old, new);
    for (method, path, content_type, body, problem) in [
        ("POST", "/API/send/", json, cut_emoji.as_bytes(), "\\ud83c after "),
        ("POST", "/API/send/", json, pair_turned.as_bytes(), "half of a character"),
        ("POST", "/API/send/", json, marked.as_bytes(), "byte order mark"),
        ("POST", "/API/send/", "text/plain", marked.as_bytes(), "byte order mark"),
        ("POST", "/API/send/", json, &windows_1256, "byte 0xC7 after "),
        ("POST", "/API/send/", json, &utf16, "UTF-16"),
        ("POST", "/API/send/", "multipart/form-data; boundary=B", multipart.as_bytes(), "multipart"),
        ("POST", "/API/send/", json, b"username=alice&password=s3cret", "the body is a form"),
        ("POST", "/API/send/", json, b"", "the body is empty"),
        ("POST", "/API/send/", json, b"{}", "the JSON object is empty"),
        ("POST", "/API/send/", json, b"[1]", "no object"),
        ("POST", "/API/send/", json, &plain.as_bytes()[..40], "no JSON (EOF"),
        ("POST", "/API/send/", json, plain.replace(",", ";").as_bytes(), "no JSON (expected"),
        (
            "POST",
            "/API/send/",
            json,
            typed("mobile", json!(96_598_765_432_u64)).as_bytes(),
            "mobile is a number",
        ),
        ("POST", "/API/send/", json, typed("mobile", json!([NUMBER])).as_bytes(), "mobile is a list"),
        ("POST", "/API/send/", json, typed("message", json!(123_456)).as_bytes(), "message is a number"),
        ("POST", "/API/send/", json, typed("message", Value::Null).as_bytes(), "message is null"),
        ("POST", "/API/send/", json, typed("password", json!("")).as_bytes(), "password is empty"),
        ("POST", "/API/send/", json, typed("test", json!(true)).as_bytes(), "test has to be 1 or 0"),
        (
            "POST",
            "/API/send/",
            json,
            renamed("mobile", "Mobile").as_bytes(),
            "mobile is missing: \"Mobile\" stands",
        ),
        (
            "POST",
            "/API/send/",
            json,
            renamed("\"message\"", "\"text\"").as_bytes(),
            "message is missing: \"text\"",
        ),
        ("POST", "/API/send/", json, renamed("username", "name").as_bytes(), "username is missing"),
        (
            "POST",
            "/API/status/",
            json,
            renamed("message", "msg-id").as_bytes(),
            "msgid is missing: \"msg-id\"",
        ),
        ("POST", "/API/send/", json, twice.replace(NUMBER, "1").as_bytes(), "\"mobile\" stands there twice"),
        (
            "POST",
            "/API/send/",
            "text/html",
            b"username=alice&password=s3cret&to=965",
            "mobile is missing: \"to\"",
        ),
        ("GET", "/API/send/", json, b"", "POST the fields"),
        ("POST", "/API/send", json, plain.as_bytes(), "/API/send/"),
        ("POST", "/API/Send/", json, plain.as_bytes(), "/API/send/"),
        ("POST", "/send/", json, plain.as_bytes(), "/API/send/"),
        ("POST", "/API/report/", json, plain.as_bytes(), "no such path"),
    ] {
        let seen = site.seen(method, path, content_type, body).await;
        let said = seen["problems"].to_string();
        assert!(
            seen["refused"] == true && said.contains(&problem.replace('\\', "\\\\").replace('"', "\\\"")),
            "{problem}: {seen}"
        );
        assert!(!seen.to_string().contains("s3cret"), "{problem}: {seen}");
    }
    assert!(site.sandbox.messages().is_empty());
    let all = site.get("/api/requests?refused=false").await;
    assert_eq!(all["matched"], 0);
    assert_eq!(site.sandbox.requests()[0].problems().len(), 1);
}

#[tokio::test]
async fn requests_are_found_by_what_they_asked_and_what_they_were_answered() {
    let site = Site::start().await;
    let json = "application/json";
    site.seen("POST", "/API/send/", json, &send(json!({"username": "bob", "message": ""}))).await;
    site.seen("POST", "/API/send/", json, &send(json!({"message": "<b>Sale</b>"}))).await;
    site.seen("POST", "/API/balance/", json, &send(json!({}))).await;
    site.send("alice", "96541234567", "Good morning").await;
    let numbers = async |query: &str| {
        let list = site.get(&format!("/api/requests?{query}")).await;
        let requests = list["requests"].as_array().unwrap();
        requests.iter().map(|request| request["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    for (query, found) in [
        ("", vec![1, 2, 3, 4]),
        ("refused=true", vec![1, 2]),
        ("refused=false", vec![3, 4]),
        ("user=bob", vec![1]),
        ("to=%2B965+9876+5432", vec![1, 2]),
        ("to=41234567", vec![4]),
        ("q=err027", vec![2]),
        ("q=sale", vec![2]),
        ("q=morning", vec![4]),
        ("q=balance", vec![3]),
        ("after=2", vec![3, 4]),
        ("limit=1", vec![4]),
        ("limit=1&refused=true", vec![2]),
        ("limit=0", vec![]),
    ] {
        assert_eq!(numbers(query).await, found, "{query}");
    }
    let list = site.get("/api/requests?refused=true&limit=1").await;
    assert_eq!((&list["matched"], &list["last"], &list["forgotten"]), (&json!(2), &json!(4), &json!(0)));
    assert_eq!(site.ask("DELETE", "/api/requests?refused=true", None).await.1, json!({"deleted": 2}));
    assert_eq!(numbers("").await, [3, 4]);
    assert_eq!(site.sandbox.messages().len(), 1);
}

#[tokio::test]
async fn requests_take_bounded_memory_and_the_oldest_go() {
    let site = Site::of(Sandbox::builder().history(3).start().await.unwrap());
    for _ in 0..5 {
        site.seen("POST", "/API/send/", "application/json", &send(json!({"message": ""}))).await;
    }
    let list = site.get("/api/requests").await;
    assert_eq!((&list["matched"], &list["last"], &list["forgotten"]), (&json!(3), &json!(5), &json!(2)));
    assert_eq!(site.sandbox.forgotten_requests(), 2);
}

#[tokio::test]
async fn the_codes_are_those_of_the_table() {
    let site = Site::start().await;
    let codes = site.get("/api/codes").await;
    let table: Vec<_> = ApiCode::known()
        .map(|code| json!({"code": code.as_str(), "meaning": code.meaning(), "action": code.action()}))
        .collect();
    assert_eq!(codes["codes"], json!(table));
}
