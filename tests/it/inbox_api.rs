//! The inbox's API over HTTP: messages, waiting, codes, deleting, exports, and who may ask.

use std::time::Duration;

use kwtsms_async::sandbox::Sandbox;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::lateness::Lateness;
use crate::sandbox_doors::plain_client;

pub(crate) const NUMBER: &str = "96598765432";

/// A sandbox with its HTTP server and a client.
pub(crate) struct Site {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: reqwest::Client,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::of(Sandbox::start().await.unwrap())
    }

    pub(crate) fn of(sandbox: Sandbox) -> Self {
        Self { sandbox, client: plain_client() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{}", self.sandbox.inbox_url(), path.trim_start_matches('/'))
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), self.url(path))
    }

    /// A status and a body, `null` if it has none.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        (status, serde_json::from_slice(&reply.bytes().await.unwrap()).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Sends as a client of the gateway does; the message id.
    pub(crate) async fn send(&self, user: &str, number: &str, text: &str) -> String {
        let body = json!({"username": user, "password": "s3cret", "sender": "KWT-TEST", "mobile": number,
            "message": text, "test": "1"});
        let (status, reply) = self.ask("POST", "/API/send/", Some(body)).await;
        assert_eq!(status, 200, "{reply}");
        reply["msg-id"].as_str().unwrap().to_owned()
    }
}

fn texts(list: &Value) -> Vec<&str> {
    list["messages"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn messages_are_listed_by_number_words_account_time_and_place() {
    let site = Site::start().await;
    let first = site.send("alice", NUMBER, "Your OTP is 123456").await;
    site.send("bob", "96541234567", "Good morning").await;
    site.send("alice", "96541234567,96598765432", "رمز التحقق ١٢٣٤").await;
    let all = site.get("/api/messages").await;
    assert_eq!(texts(&all), ["Your OTP is 123456", "Good morning", "رمز التحقق ١٢٣٤"]);
    assert_eq!(all["last"], 3);
    let at = all["messages"][1]["at"].as_u64().unwrap();
    for (query, seen) in [
        ("to=96598765432", vec![1, 3]),
        ("to=%2B965+9876+5432", vec![1, 3]),
        ("to=%D9%A9%D9%A6%D9%A5%D9%A9%D9%A8%D9%A7%D9%A6%D9%A5%D9%A4%D9%A3%D9%A2", vec![1, 3]),
        ("to=98765432", vec![1, 3]),
        ("to=00", vec![]),
        ("user=bob", vec![2]),
        ("q=MORNING", vec![2]),
        ("q=9654123&user=alice", vec![3]),
        (&format!("q={first}"), vec![1]),
        ("q=nothing", vec![]),
        ("after=1", vec![2, 3]),
        (&format!("after={first}&to=96598765432"), vec![3]),
        ("limit=1", vec![3]),
        ("limit=0", vec![]),
        (&format!("since={at}&to=96541234567"), vec![2, 3]),
        (&format!("since={}", at + 60_000), vec![]),
    ] {
        let list = site.get(&format!("/api/messages?{query}")).await;
        let places: Vec<_> = list["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| message["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(places, seen, "{query}");
    }
    assert_eq!(site.get("/api/messages?limit=1").await["matched"], 3);
    assert_eq!(site.get(&format!("/api/messages/{first}")).await["seq"], 1);
}

#[tokio::test]
async fn a_bad_question_is_told_what_to_do() {
    let site = Site::start().await;
    for (method, path, status, hint) in [
        ("GET", "/api/messages?too=1", 400, "expected one of `user`, `to`"),
        ("GET", "/api/messages?to=abc", 400, "is no number"),
        ("GET", "/api/otp?to=", 400, "to is empty"),
        ("GET", "/api/messages?q=&user=alice", 400, "q is empty"),
        ("GET", "/api/messages?to=9659876x5432", 400, "is no number"),
        ("GET", "/api/messages?after=00000000000000000000000000000000", 404, "list's `last`"),
        ("GET", "/api/messages?limit=10001", 400, "messages.json has all"),
        ("GET", "/api/messages?since=yesterday", 400, "milliseconds since 1970"),
        ("GET", "/api/messages?since=1795570000", 400, "multiply seconds by 1000"),
        ("GET", "/api/messages?after=ffff", 400, "neither a place"),
        ("GET", "/api/messages?limit=-1", 400, "a number"),
        ("GET", "/api/messages/wait?timeout=301", 400, "0 to 300 seconds"),
        ("GET", "/api/messages/wait?timeout=NaN", 400, "0 to 300 seconds"),
        ("GET", "/api/messages?timeout=3", 400, "timeout means nothing here"),
        ("GET", "/api/messages.csv?limit=3", 400, "limit means nothing here"),
        ("GET", "/api/requests?refused=yes", 400, "true or false"),
        ("GET", "/api/requests?timeout=3", 400, "timeout means nothing here"),
        ("GET", "/api/messages?refused=true", 400, "refused means nothing here"),
        ("DELETE", "/api/requests?limit=3", 400, "limit means nothing here"),
        ("GET", "/api/messages/ffff", 404, "no message \"ffff\""),
        ("DELETE", "/api/messages/ffff", 404, "no message \"ffff\""),
        ("GET", "/api/otp?to=96598765432", 404, "timeout=10 waits"),
        ("GET", "/api/send/", 404, "begin with /API/"),
        ("GET", "/api/messages/wait/for/me", 404, "openapi.json"),
        ("PUT", "/api/messages", 405, "openapi.json"),
        ("GET", "/api/account", 400, "user"),
        ("GET", "/api/account?user=nobody", 404, "a PUT, makes it"),
    ] {
        let (seen, body) = site.ask(method, path, None).await;
        let error = body["error"].as_str().unwrap_or_default();
        assert!(seen == status && error.contains(hint), "{method} {path}: {seen} {body}");
    }
}

#[tokio::test]
async fn a_wait_is_answered_within_100_ms_of_the_arrival() {
    let (site, late) = (Site::start().await, Lateness::default());
    let mut quick = 0;
    let rounds = 10;
    let all = async {
        for round in 1..=rounds {
            let path = format!("/api/messages/wait?to={NUMBER}&after={}&timeout=20", round - 1);
            let mut wait = Box::pin(site.get(&path));
            // It is still waiting: nothing has come yet.
            assert!(timeout(Duration::from_millis(20), &mut wait).await.is_err());
            let (message, _) = tokio::join!(wait, site.send("alice", NUMBER, "x"));
            let answered = Instant::now();
            assert_eq!(message["seq"], round);
            let arrived = site.sandbox.messages().last().unwrap().accepted_at();
            // On its way through a client, a server and the sandbox a busy machine may be late again and again.
            quick += u32::from(answered - arrived <= Duration::from_millis(100) + late.of(3));
        }
    };
    tokio::select! {
        () = all => {}
        _ = late.measure() => {}
    }
    assert!(quick >= rounds / 2, "{quick} of {rounds}, {late:?}");
}

#[tokio::test]
async fn a_wait_for_nothing_is_204_at_its_time_and_a_message_to_another_number_does_not_end_it() {
    let site = Site::start().await;
    let started = Instant::now();
    let path = format!("/api/messages/wait?to={NUMBER}&timeout=0.3");
    let (waited, _) = tokio::join!(site.ask("GET", &path, None), site.send("alice", "96541234567", "x"));
    assert_eq!(waited, (204, Value::Null));
    assert!(started.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_wait_takes_the_newest_that_is_there_or_the_oldest_behind_a_place() {
    let site = Site::start().await;
    for text in ["one", "two", "three"] {
        site.send("alice", NUMBER, text).await;
    }
    assert_eq!(site.get("/api/messages/wait?to=96598765432").await["text"], "three");
    assert_eq!(site.get("/api/messages/wait?to=96598765432&after=1").await["text"], "two");
    assert_eq!(site.get("/api/messages/wait?to=96598765432&since=1").await["text"], "one");
    assert_eq!(site.get("/api/messages/wait").await["text"], "three");
    assert_eq!(site.ask("GET", "/api/messages/wait?after=3&timeout=0", None).await.0, 204);
    assert_eq!(site.ask("GET", "/api/messages/wait?user=bob&timeout=0", None).await.0, 204);
}

#[tokio::test]
async fn a_code_is_given_for_the_newest_message_that_has_one_or_waited_for() {
    let site = Site::start().await;
    site.send("alice", NUMBER, "Your code is 1111").await;
    let id = site.send("alice", NUMBER, "Your code is 2222").await;
    site.send("alice", NUMBER, "Welcome!").await;
    let otp = site.get(&format!("/api/otp?to={NUMBER}")).await;
    assert_eq!((&otp["otp"], &otp["id"], &otp["to"][0]), (&json!("2222"), &json!(id), &json!(NUMBER)));
    let path = format!("/api/otp?to={NUMBER}&after=3&timeout=20");
    let (otp, _, _) = tokio::join!(
        site.get(&path),
        site.send("alice", NUMBER, "No number here"),
        site.send("alice", NUMBER, "رمز التحقق ٣٣٣٣")
    );
    assert_eq!(otp["otp"], "3333");
}

#[tokio::test]
async fn a_message_is_deleted_from_the_queue_once_and_its_credits_come_back() {
    let site = Site::start().await;
    let id = site.send("alice", "96598765432,96541234567", "x").await;
    assert_eq!(site.sandbox.account("alice").balance(), 998);
    let path = format!("/api/messages/{id}");
    assert_eq!(site.ask("DELETE", &path, None).await, (200, json!({"id": id, "credits": 2})));
    assert_eq!(site.sandbox.account("alice").balance(), 1000);
    assert_eq!(site.get(&path).await["state"], "deleted");
    let (status, body) = site.ask("DELETE", &path, None).await;
    assert_eq!(status, 409, "{body}");
}

#[tokio::test]
async fn clearing_takes_out_what_matches() {
    let site = Site::start().await;
    for (user, number) in [("alice", NUMBER), ("alice", "96541234567"), ("bob", NUMBER)] {
        site.send(user, number, "x").await;
    }
    let clear = async |query: &str| {
        site.ask("DELETE", &format!("/api/messages{query}"), None).await.1["deleted"].clone()
    };
    assert_eq!(clear("?user=alice&to=96598765432").await, 1);
    assert_eq!(site.get("/api/messages").await["remembered"], 2);
    assert_eq!(clear("").await, 2);
    let list = site.get("/api/messages").await;
    assert_eq!((&list["remembered"], &list["forgotten"], &list["last"]), (&json!(0), &json!(0), &json!(3)));
}

#[tokio::test]
async fn an_unusual_message_says_what_is_unusual() {
    let site = Site::start().await;
    let post = async |fields: Value| {
        let mut body =
            json!({"username": "alice", "password": "s3cret", "sender": "KWT-TEST", "mobile": NUMBER});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        site.ask("POST", "/API/send/", Some(body)).await;
        site.get("/api/messages?limit=1").await["messages"][0].take()
    };
    let message =
        post(json!({"message": "plain", "mobile": "96550000001,+96550000001,96550000001,4912345678901"}))
            .await;
    assert_eq!(
        (&message["encoding"], &message["stuck"], &message["pages"]),
        (&json!("GSM-7"), &Value::Null, &json!(1))
    );
    assert_eq!(message["phone"], json!({"text": "plain", "arrives": true}));
    assert_eq!(message["to"], json!(["96550000001"]));
    let why: Vec<_> = message["dropped"].as_array().unwrap().iter().map(|dropped| &dropped["why"]).collect();
    assert_eq!(why, ["malformed", "duplicate", "no_route"]);
    let reply: Value = serde_json::from_str(message["reply"]["body"].as_str().unwrap()).unwrap();
    assert_eq!(reply["msg-id"], message["id"]);

    let message =
        post(json!({"message": "it’s 5 o’clock", "sender": "MY-SHOP", "mobile": "96550000002"})).await;
    assert_eq!(
        message["forced_ucs2"][1],
        json!({"character": "’", "code": "U+2019", "position": 8, "utf16": 8})
    );
    assert_eq!((&message["sender_asked"], &message["sender"]), (&json!("MY-SHOP"), &json!("KWT-SMS")));

    let message = post(json!({"message": "hi\u{200B} 🎉🎉", "mobile": "96550000003"})).await;
    assert_eq!((&message["state"], &message["stuck"]["why"]), (&json!("stuck"), &json!("emoji")));
    assert_eq!(message["stuck"]["characters"][2]["utf16"], 6);
    assert_eq!(message["phone"], json!({"text": "hi 🎉🎉", "arrives": false}));

    let message = post(json!({"message": "test", "test": 1, "mobile": "96550000004"})).await;
    assert_eq!(
        (&message["test"], &message["stuck"]),
        (&json!(true), &json!({"why": "test", "characters": []}))
    );

    site.sandbox.faults().push(kwtsms_async::sandbox::Fault::drop_after_accepting());
    let body = json!({"username": "alice", "password": "s3cret", "sender": "KWT-TEST", "mobile": NUMBER, "message": "x"});
    let cut =
        site.request("POST", "/API/send/").header("content-type", "application/json").body(body.to_string());
    assert!(cut.send().await.is_err());
    let message = site.get("/api/messages?limit=1").await["messages"][0].take();
    assert_eq!(message["reply"], json!({"status": null, "body": "", "fault": "drop_after_accepting"}));
}

#[tokio::test]
async fn a_form_in_the_plain_text_protocol_is_shown_with_its_password_masked() {
    let site = Site::start().await;
    let form = "username=alice&password=s3cret&sender=KWT-TEST&mobile=96598765432&message=a+%26+b";
    let reply = site.request("POST", "/API/send/").body(form).send().await.unwrap();
    assert!(reply.text().await.unwrap().starts_with("OK:"));
    let message = site.get("/api/messages").await["messages"][0].take();
    assert_eq!(message["text"], "a & b");
    assert!(message["request"].as_str().unwrap().ends_with(&form.replace("s3cret", "***")), "{message}");
}

#[tokio::test]
async fn exports_hold_every_message_that_matches_and_no_formula() {
    let site = Site::of(Sandbox::start().await.unwrap());
    site.send("alice", NUMBER, "=1+1, \"quoted\"\nرمز التحقق 4455").await;
    for i in 0..250 {
        site.send("bob", &format!("9655{i:07}"), "x").await;
    }
    let reply = site.request("GET", "/api/messages.csv?user=alice").send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(reply.headers()["content-disposition"], "attachment; filename=\"messages.csv\"");
    let csv = String::from_utf8(reply.bytes().await.unwrap().to_vec()).unwrap();
    let (head, row) = csv.split_once("\r\n").unwrap();
    assert_eq!(
        head,
        "\u{FEFF}seq,id,at,user,sender_asked,sender,to,text,encoding,pages,points,test,state,otp"
    );
    let row = row.strip_suffix("\r\n").unwrap();
    assert!(
        row.starts_with("1,") && row.contains(",\"alice\",\"KWT-TEST\",\"KWT-TEST\",96598765432,"),
        "{row}"
    );
    assert!(row.ends_with("\"'=1+1, \"\"quoted\"\"\nرمز التحقق 4455\",UCS-2,1,1,true,stuck,4455"), "{row}");
    assert_eq!(site.get("/api/messages.json").await.as_array().unwrap().len(), 251);
    assert_eq!(site.get("/api/messages").await["messages"].as_array().unwrap().len(), 200);
}

#[tokio::test]
async fn the_page_is_whole_by_itself_and_kept_by_nobody() {
    let site = Site::start().await;
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let reply = site.request("GET", "/").send().await.unwrap();
        assert_eq!(reply.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(reply.headers()["cache-control"], "no-store");
        assert_eq!(reply.headers()["x-content-type-options"], "nosniff");
        let policy = reply.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; script-src 'nonce-"), "{policy}");
        assert!(!policy.contains("http"), "{policy}");
        let page = reply.text().await.unwrap();
        let nonce = policy.split('\'').find_map(|part| part.strip_prefix("nonce-")).unwrap().to_owned();
        assert_eq!(
            page.matches("<script").count(),
            page.matches(&format!("<script nonce=\"{nonce}\"")).count()
        );
        assert!(!page.contains("{{nonce}}"));
        for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
    // A browser that asks for an icon is no client of the gateway.
    assert_eq!(site.ask("GET", "/favicon.ico", None).await.0, 204);
    assert!(site.sandbox.requests().is_empty());
}

#[tokio::test]
async fn another_origin_or_name_is_refused_and_changes_nothing() {
    let site = Site::of(Sandbox::builder().allow_host("sandbox").start().await.unwrap());
    site.send("alice", NUMBER, "x").await;
    let own = site.sandbox.inbox_url().trim_end_matches('/').to_owned();
    let status = async |method: &str, path: &str, name: &'static str, value: &str| {
        site.request(method, path).header(name, value).send().await.unwrap().status().as_u16()
    };
    for origin in ["http://evil.example", "null", "http://localhost:3000"] {
        assert_eq!(status("DELETE", "/api/messages", "origin", origin).await, 403, "{origin}");
        assert_eq!(status("GET", "/api/messages", "origin", origin).await, 403, "{origin}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example:80"] {
        assert_eq!(status("DELETE", "/api/messages", "host", host).await, 403, "{host}");
        assert_eq!(status("GET", "/", "host", host).await, 403, "{host}");
    }
    assert_eq!(status("GET", "/api/events", "sec-fetch-site", "cross-site").await, 403);
    assert_eq!(site.sandbox.messages().len(), 1);
    assert_eq!(status("GET", "/api/messages", "host", "sandbox:8080").await, 200);
    assert_eq!(status("DELETE", "/api/messages", "origin", &own).await, 200);
    assert!(site.sandbox.messages().is_empty());
    // The gateway answers to any name, as its clients call it.
    let gateway = |origin: Option<&str>| {
        let request = site.request("POST", "/API/balance/").header("host", "www.kwtsms.com");
        let request = request.body("username=a&password=b");
        origin.map_or_else(
            || request.try_clone().unwrap(),
            |origin| request.try_clone().unwrap().header("origin", origin),
        )
    };
    assert_eq!(gateway(None).send().await.unwrap().status().as_u16(), 200);
    // But no page under one, whoever it says it is.
    for origin in ["http://www.kwtsms.com", "http://evil.example", "null"] {
        assert_eq!(gateway(Some(origin)).send().await.unwrap().status().as_u16(), 403, "{origin}");
    }
    assert_eq!(site.sandbox.requests().len(), 2);
}

#[tokio::test]
async fn a_page_that_is_allowed_sends_and_reads_its_code_and_its_browser_is_told_so() {
    let origin = "http://localhost:3000";
    let site = Site::of(Sandbox::builder().allow_origin(origin).start().await.unwrap());
    let plant = async |origin: &str| {
        let body = json!({"username": "a", "password": "b", "sender": "KWT-TEST", "mobile": NUMBER,
            "message": "Your code is 123456"});
        // As a form of another site can: without asking for leave.
        let request = site.request("POST", "/API/send/").header("origin", origin);
        let request = request.header("content-type", "text/plain").body(body.to_string());
        let reply = request.send().await.unwrap();
        let allowed = reply.headers().get("access-control-allow-origin").cloned();
        (reply.status().as_u16(), allowed, reply.text().await.unwrap())
    };
    let (status, allowed, reason) = plant("https://evil.example").await;
    assert_eq!((status, allowed), (403, None));
    assert!(reason.contains("--allow-origin"), "{reason}");
    assert_eq!(site.ask("GET", "/api/otp?to=96598765432", None).await.0, 404);

    let (status, allowed, _) = plant(origin).await;
    assert_eq!((status, allowed.unwrap().to_str().unwrap()), (200, origin));
    let code = site.request("GET", "/api/otp?to=96598765432").header("origin", origin).send().await.unwrap();
    assert_eq!(code.headers()["access-control-allow-origin"], origin);
    assert!(code.text().await.unwrap().contains("123456"));
    for (path, origin, status) in [
        ("/api/faults", origin, 204),
        ("/API/send/", origin, 204),
        ("/API/send/", "https://evil.example", 403),
        ("/api/faults", "https://evil.example", 403),
    ] {
        let request = site.request("OPTIONS", path).header("origin", origin);
        let leave = request.header("access-control-request-method", "POST").send().await.unwrap();
        assert_eq!(leave.status().as_u16(), status, "{path} {origin}");
        let methods = leave.headers().get("access-control-allow-methods");
        assert_eq!(methods.is_some(), status == 204, "{path} {origin}");
    }
}

#[tokio::test]
async fn localhost_is_the_same_sandbox_whichever_address_it_resolves_to() {
    if tokio::net::TcpListener::bind("[::1]:0").await.is_err() {
        return; // no IPv6 on this machine
    }
    let site = Site::of(Sandbox::builder().firewall(Duration::from_secs(600)).start().await.unwrap());
    let port = site.sandbox.inbox_url().trim_end_matches('/').rsplit_once(':').unwrap().1.to_owned();
    let base = |host: &str| format!("http://{host}:{port}/API/");
    let balance = async |host: &str| {
        let body = r#"{"username":"a","password":"b"}"#;
        let url = format!("{}balance/", base(host));
        let request = site.client.post(url).header("content-type", "application/json").body(body);
        request.timeout(Duration::from_millis(500)).send().await.map(|reply| reply.status().as_u16())
    };
    for host in ["127.0.0.1", "[::1]", "127.0.0.1", "[::1]", "127.0.0.1"] {
        assert_eq!(balance(host).await.unwrap(), 200, "{host}");
    }
    // And one address to the firewall.
    assert!(balance("[::1]").await.unwrap_err().is_timeout());
    // A port that is taken on one of them is not taken by halves.
    let other = tokio::net::TcpListener::bind("[::1]:0").await.unwrap();
    let taken = Sandbox::builder().bind(([127, 0, 0, 1], other.local_addr().unwrap().port())).start().await;
    assert_eq!(taken.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn bound_to_every_address_it_names_one_that_can_be_called() {
    let site = Site::of(Sandbox::builder().bind(([0, 0, 0, 0], 0)).start().await.unwrap());
    assert!(site.sandbox.inbox_url().starts_with("http://127.0.0.1:"), "{}", site.sandbox.inbox_url());
    site.send("alice", NUMBER, "x").await;
    assert_eq!(site.get("/api/messages").await["remembered"], 1);
}

#[tokio::test]
async fn requests_are_listed_also_those_that_went_astray() {
    let site = Site::start().await;
    site.send("alice", NUMBER, "x").await;
    for path in ["/API/balance", "/balance/", "/API/report/"] {
        site.ask("POST", path, Some(json!({"username": "alice", "password": "s3cret"}))).await;
    }
    let list = site.get("/api/requests").await;
    let seen: Vec<_> = list["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| (request["endpoint"].as_str().unwrap(), request["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(seen, [("send", 200), ("/API/balance", 301), ("/balance/", 404), ("/API/report/", 404)]);
    assert_eq!(site.get("/api/requests?limit=1").await["requests"][0]["number"], 4);
}
