//! The sandbox through both of its doors: whatever holds in process has to hold over HTTP.

use std::time::Duration;

use kwtsms_async::sandbox::{Encoding, Fault, MessageState, Sandbox, SandboxTransport};
use kwtsms_async::transport::{Endpoint, Request, Transport};
use serde_json::{Value, json};
use tokio::time::Instant;

/// One way into a sandbox.
pub(crate) enum Door {
    InProcess(SandboxTransport),
    Http(reqwest::Client, String),
}

/// A status and a body, or `None` if no whole answer came.
pub(crate) type Answer = Option<(u16, String)>;

impl Door {
    pub(crate) async fn post(&self, endpoint: Endpoint, body: &Value) -> Answer {
        let body = body.to_string();
        match self {
            Self::InProcess(transport) => {
                let response = transport.post(Request::new(endpoint, body.into())).await.ok()?;
                Some((response.status(), String::from_utf8(response.body().to_vec()).unwrap()))
            }
            Self::Http(client, base) => {
                let request = client
                    .post(format!("{base}{}/", endpoint.name()))
                    .header("content-type", "application/json")
                    .body(body);
                let response = request.send().await.ok()?;
                let status = response.status().as_u16();
                Some((status, response.text().await.ok()?))
            }
        }
    }

    /// The verdict: "OK" or the error code.
    pub(crate) async fn verdict(&self, endpoint: Endpoint, body: &Value) -> Option<String> {
        let (_, body) = self.post(endpoint, body).await?;
        let body: Value = serde_json::from_str(&body).ok()?;
        Some(body.get("code").unwrap_or(&body["result"]).as_str()?.to_owned())
    }
}

/// A client without the SDK's settings. It speaks plain HTTP only; where TLS is compiled in it is given a provider,
/// since none may be installed for the whole process.
pub(crate) fn plain_client() -> reqwest::Client {
    let builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy();
    #[cfg(feature = "rustls")]
    let builder = builder.tls_backend_preconfigured(
        rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth(),
    );
    builder.build().unwrap()
}

/// The same gateway once behind each door.
pub(crate) async fn both() -> [(Sandbox, Door); 2] {
    let inside = Sandbox::in_process();
    let door = Door::InProcess(inside.transport());
    let outside = Sandbox::start().await.unwrap();
    let client = plain_client();
    let http = Door::Http(client, outside.base_url().to_owned());
    [(inside, door), (outside, http)]
}

pub(crate) fn message(mobile: &str) -> Value {
    json!({"username": "alice", "password": "s3cret", "sender": "KWT-TEST", "mobile": mobile, "message": "Hello"})
}

fn credentials() -> Value {
    json!({"username": "alice", "password": "s3cret"})
}

fn with(key: &str, value: &str) -> Value {
    let mut body = credentials();
    body[key] = value.into();
    body
}

#[tokio::test]
async fn a_message_is_sent_charged_and_remembered() {
    for (sandbox, door) in both().await {
        let (status, body) = door.post(Endpoint::Send, &message("96598765432,96541234567")).await.unwrap();
        assert_eq!(status, 200);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["numbers"], 2);
        assert_eq!(body["balance-after"], 998);
        assert!(body["unix-timestamp"].as_u64().unwrap() > 1_700_000_000);

        let messages = sandbox.messages();
        let sent = &messages[0];
        assert_eq!(messages.len(), 1);
        assert_eq!(body["msg-id"], sent.id());
        assert_eq!((sent.user(), sent.sender(), sent.text()), ("alice", "KWT-TEST", "Hello"));
        assert_eq!(sent.numbers(), ["96598765432", "96541234567"]);
        assert_eq!((sent.pages(), sent.encoding(), sent.points()), (1, Encoding::Gsm7, 2));
        assert_eq!((sent.is_test(), sandbox.account("alice").balance()), (false, 998));

        let requests = sandbox.requests();
        let seen = &requests[0];
        assert_eq!((seen.endpoint(), seen.user(), seen.numbers()), ("send", "alice", 2));
        assert_eq!((seen.status(), seen.code(), seen.is_processed()), (Some(200), None, true));
    }
}

#[tokio::test]
async fn every_endpoint_answers() {
    for (sandbox, door) in both().await {
        let id = {
            assert_eq!(door.verdict(Endpoint::Send, &message("96598765432")).await.unwrap(), "OK");
            sandbox.messages()[0].id().to_owned()
        };
        for (endpoint, body, verdict) in [
            (Endpoint::Balance, credentials(), "OK"),
            (Endpoint::SenderId, credentials(), "OK"),
            (Endpoint::Coverage, credentials(), "OK"),
            (Endpoint::Validate, with("mobile", "96598765432"), "OK"),
            (Endpoint::Status, with("msgid", &id), "OK"),
            (Endpoint::Dlr, with("msgid", &id), "ERR021"),
        ] {
            assert_eq!(door.verdict(endpoint, &body).await.unwrap(), verdict, "{endpoint:?}");
        }
    }
}

/// The rules in the order in which a careless sender meets them, each with its verdict through either door.
#[tokio::test]
async fn every_rule_of_a_send_holds_through_both_doors() {
    let list =
        |count: u64| (0..count).map(|i| (96_550_000_000 + i).to_string()).collect::<Vec<_>>().join(",");
    for (sandbox, door) in both().await {
        let account = sandbox.account("alice");
        account.set_bad_words(["damn"]);
        account.set_spam_words(["casino"]);
        account.set_banned_senders(["BANNED"]);
        account.set_coverage(["965"]);
        let send = async |changes: Value| {
            let mut body = message("96598765432");
            body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            door.verdict(Endpoint::Send, &body).await.unwrap()
        };
        for (changes, verdict) in [
            (json!({"sender": ""}), "ERR002"),
            (json!({"test": true}), "ERR002"),
            (json!({"sender": "BANNED"}), "ERR008"),
            (json!({"mobile": "+96598765432"}), "ERR025"),
            (json!({"mobile": "12345"}), "ERR006"),
            (json!({"mobile": list(201)}), "ERR007"),
            (json!({"mobile": "971501234567"}), "ERR026"),
            (json!({"message": ""}), "ERR009"),
            (json!({"message": "<b>x</b>"}), "ERR027"),
            (json!({"message": "a".repeat(1072)}), "ERR012"),
            (json!({"message": "ع".repeat(470)}), "ERR012"),
            (json!({"message": "damn"}), "ERR031"),
            (json!({"message": "casino"}), "ERR032"),
            (json!({"message": "a".repeat(161), "mobile": list(100)}), "OK"), // 2 pages × 100 numbers
            (json!({"mobile": "96550000000"}), "ERR028"),
            (json!({"message": "hi 🎉", "mobile": "96560000000"}), "OK"),
            (json!({"test": "1", "mobile": "96560000001"}), "OK"),
            (json!({"sender": "NOT-MINE", "mobile": "96560000002"}), "OK"),
        ] {
            assert_eq!(send(changes.clone()).await, verdict, "{changes}");
        }
        assert_eq!(account.balance(), 1000 - 200 - 3);
        let messages = sandbox.messages();
        let states: Vec<_> = messages[1..3].iter().map(|message| message.state()).collect();
        assert_eq!(states, [MessageState::Stuck; 2]);
        assert_eq!((messages[3].asked_sender(), messages[3].sender()), ("NOT-MINE", "KWT-SMS"));
        for message in &messages[1..3] {
            let verdict = door.verdict(Endpoint::Status, &with("msgid", message.id())).await.unwrap();
            assert_eq!(verdict, "ERR030");
        }
        account.set_balance(1);
        assert_eq!(send(json!({"mobile": list(2)})).await, "ERR011");
        account.set_balance(0);
        assert_eq!(send(json!({"mobile": "96560000003"})).await, "ERR010");
        account.set_coverage::<&str>([]);
        assert_eq!(door.verdict(Endpoint::Coverage, &credentials()).await.unwrap(), "ERR033");
    }
}

#[tokio::test]
async fn a_queue_of_1000_numbers_is_full_through_both_doors_until_something_leaves_it() {
    let stopped = || Sandbox::builder().drain_per_second(0);
    let inside = stopped().in_process();
    let outside = stopped().start().await.unwrap();
    let doors =
        [Door::InProcess(inside.transport()), Door::Http(plain_client(), outside.base_url().to_owned())];
    for (sandbox, door) in [inside, outside].iter().zip(doors) {
        sandbox.account("alice").set_balance(2000);
        for batch in 0..5_u64 {
            let mobile = (0..200)
                .map(|i| (96_550_000_000 + batch * 200 + i).to_string())
                .collect::<Vec<_>>()
                .join(",");
            assert_eq!(door.verdict(Endpoint::Send, &message(&mobile)).await.unwrap(), "OK");
        }
        assert_eq!(door.verdict(Endpoint::Send, &message("96598765432")).await.unwrap(), "ERR013");
        assert_eq!(sandbox.account("alice").balance(), 1000);
        assert_eq!(sandbox.delete_message(sandbox.messages()[0].id()), Some(200));
        assert_eq!(door.verdict(Endpoint::Send, &message("96598765432")).await.unwrap(), "OK");
        assert_eq!(sandbox.account("alice").queued(), 801);
    }
}

#[tokio::test]
async fn a_wrong_password_is_403_with_a_json_body() {
    for (sandbox, door) in both().await {
        sandbox.account("alice").set_password(Some("other"));
        let (status, body) = door.post(Endpoint::Balance, &credentials()).await.unwrap();
        assert_eq!(status, 403);
        assert_eq!(body, include_str!("../fixtures/error.json").trim_end());
        assert_eq!(sandbox.requests()[0].code(), Some("ERR003"));
    }
}

#[tokio::test]
async fn accounts_do_not_see_each_other() {
    for (sandbox, door) in both().await {
        sandbox.account("bob").set_balance(0);
        sandbox.account("carol").block_with("ERR005");
        let mut body = message("96598765432");
        for (user, verdict) in [("alice", "OK"), ("bob", "ERR010"), ("carol", "ERR005"), ("dave", "OK")] {
            body["username"] = user.into();
            assert_eq!(door.verdict(Endpoint::Send, &body).await.unwrap(), verdict, "{user}");
        }
    }
}

#[tokio::test]
async fn a_deleted_test_message_gives_its_credits_back() {
    for (sandbox, door) in both().await {
        let mut body = message("96598765432");
        body["test"] = "1".into();
        assert_eq!(door.verdict(Endpoint::Send, &body).await.unwrap(), "OK");
        let account = sandbox.account("alice");
        assert_eq!((account.balance(), account.queued()), (999, 1));
        let id = sandbox.messages()[0].id().to_owned();
        assert_eq!(door.verdict(Endpoint::Status, &with("msgid", &id)).await.unwrap(), "ERR030");
        assert_eq!(sandbox.delete_message(&id), Some(1));
        assert_eq!((account.balance(), account.queued()), (1000, 0));
        assert_eq!(sandbox.messages()[0].state(), MessageState::Deleted);
    }
}

#[tokio::test(start_paused = true)]
async fn under_paused_time_fifteen_seconds_and_a_drained_queue_take_none() {
    let sandbox = Sandbox::builder().latency(Duration::from_secs(2)).in_process();
    let door = Door::InProcess(sandbox.transport());
    let send = async || {
        let (_, body) = door.post(Endpoint::Send, &message("96598765432")).await.unwrap();
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let before = Instant::now();
    let first = send().await;
    assert_eq!(before.elapsed(), Duration::from_secs(2));
    assert_eq!(sandbox.messages()[0].state(), MessageState::Sent);
    assert_eq!(send().await["code"], "ERR028");
    tokio::time::sleep_until(before + Duration::from_secs(15)).await;
    let second = send().await;
    // The time stamp goes with Tokio's clock.
    let stamp = |reply: &Value| reply["unix-timestamp"].as_u64().unwrap();
    assert_eq!(stamp(&second) - stamp(&first), 15);
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_during_the_wait_was_accepted_all_the_same() {
    let sandbox = Sandbox::builder().latency(Duration::from_secs(60)).in_process();
    let door = Door::InProcess(sandbox.transport());
    let body = message("96598765432");
    let call = door.verdict(Endpoint::Send, &body);
    assert!(tokio::time::timeout(Duration::from_secs(5), call).await.is_err());
    assert_eq!(sandbox.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_door_that_goes_too_fast_is_not_answered_and_another_door_is() {
    let sandbox = Sandbox::builder().firewall(Duration::from_secs(600)).in_process();
    let [fast, other] = [sandbox.transport(), sandbox.transport()].map(Door::InProcess);
    for _ in 0..5 {
        assert_eq!(fast.verdict(Endpoint::Balance, &credentials()).await.unwrap(), "OK");
    }
    let body = credentials();
    let sixth = fast.verdict(Endpoint::Balance, &body);
    assert!(tokio::time::timeout(Duration::from_secs(60), sixth).await.is_err());
    assert_eq!(other.verdict(Endpoint::Balance, &credentials()).await.unwrap(), "OK");
    assert_eq!(sandbox.swallowed(), 1);
    assert_eq!(sandbox.requests().len(), 6);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(fast.verdict(Endpoint::Balance, &credentials()).await.unwrap(), "OK");
}

#[tokio::test]
async fn over_http_a_plain_form_gets_the_plain_text_protocol_and_report_is_404() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = plain_client();
    let url = |path: &str| format!("{}{path}", sandbox.base_url());
    let plain = client.post(url("balance/")).body("username=alice&password=x").send().await.unwrap();
    assert_eq!(plain.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(plain.text().await.unwrap(), "1000.00/1000.00");
    let accept = client.post(url("balance/")).header("accept", "application/json");
    let accept = accept.body("username=alice&password=x").send().await.unwrap();
    assert_eq!(accept.headers()["content-type"], "application/json");
    for (path, status) in [("report/", 404), ("../other/", 404), ("nothing/", 404)] {
        let reply = client.post(url(path)).json_body(&credentials()).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), status);
        assert!(reply.text().await.unwrap().starts_with("<html>"));
    }
    assert_eq!(client.get(url("balance/")).send().await.unwrap().status().as_u16(), 405);
    let long = client.post(url("send/")).json_body(&json!("x".repeat(2 << 20))).send().await;
    // Cut off while the client still writes, the answer may not reach it.
    assert!(long.is_err() || long.unwrap().status().as_u16() == 413);
    assert_eq!(door_still_answers(&sandbox).await, Some("OK".to_owned()));
}

async fn door_still_answers(sandbox: &Sandbox) -> Option<String> {
    let door = Door::Http(plain_client(), sandbox.base_url().to_owned());
    door.verdict(Endpoint::Balance, &credentials()).await
}

#[tokio::test]
async fn never_is_a_value_in_every_setting_of_a_server() {
    let sandbox = Sandbox::builder()
        .request_timeout(Duration::MAX)
        .reports_after(Duration::MAX)
        .firewall(Duration::MAX)
        .history(usize::MAX)
        .drain_per_second(u32::MAX)
        .start()
        .await
        .unwrap();
    let door = Door::Http(plain_client(), sandbox.base_url().to_owned());
    sandbox.faults().push(Fault::truncated_body(usize::MAX).times(usize::MAX).on("balance"));
    assert_eq!(door.verdict(Endpoint::Send, &message("971501234567")).await.unwrap(), "OK");
    assert_eq!(door.verdict(Endpoint::Balance, &credentials()).await, None);
    assert_eq!(sandbox.faults().pending(), usize::MAX);
    assert_eq!(door.verdict(Endpoint::Send, &message("96598765432")).await.unwrap(), "OK");
}

#[test]
fn the_port_of_a_sandbox_is_one_in_every_document() {
    let port = kwtsms_async::sandbox::DEFAULT_PORT;
    for document in [include_str!("../../docs/sandbox.md"), include_str!("../../.env.example")] {
        assert!(document.contains(&format!("http://127.0.0.1:{port}/API/")));
        assert!(!document.contains("8080"));
    }
}

#[tokio::test]
async fn the_server_stops_when_the_last_clone_is_dropped() {
    let sandbox = Sandbox::start().await.unwrap();
    let address = sandbox.base_url().trim_start_matches("http://").trim_end_matches("/API/").to_owned();
    let clone = sandbox.clone();
    drop(sandbox);
    assert_eq!(door_still_answers(&clone).await, Some("OK".to_owned()));
    drop(clone);
    let deadline = Instant::now() + Duration::from_secs(5);
    while tokio::net::TcpStream::connect(&address).await.is_ok() {
        assert!(Instant::now() < deadline, "still listening");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

trait JsonBody {
    fn json_body(self, body: &Value) -> Self;
}

impl JsonBody for reqwest::RequestBuilder {
    fn json_body(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }
}
