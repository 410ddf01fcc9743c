//! Scripted faults through both doors.

use std::time::Duration;

use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::transport::{Endpoint, Request, Transport, TransportFailure};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::sandbox_doors::{Door, both, message, plain_client};

const NUMBER: &str = "96598765432";

#[tokio::test]
async fn a_code_is_answered_so_many_times_and_changes_nothing() {
    for (sandbox, door) in both().await {
        sandbox.faults().push(Fault::code("ERR013").times(2));
        sandbox.faults().push(Fault::code("ERR003").status(200));
        for (status, verdict) in [(400, "ERR013"), (400, "ERR013"), (200, "ERR003"), (200, "OK")] {
            let (seen, body) = door.post(Endpoint::Send, &message(NUMBER)).await.unwrap();
            assert_eq!(seen, status);
            assert!(body.contains(verdict), "{body}");
        }
        let requests = sandbox.requests();
        let processed: Vec<_> = requests.iter().map(|request| request.is_processed()).collect();
        assert_eq!(processed, [false, false, false, true]);
        assert_eq!(requests[0].code(), Some("ERR013"));
        assert_eq!(sandbox.account("alice").balance(), 999);
    }
}

#[tokio::test]
async fn a_fault_waits_for_its_endpoint_and_its_account() {
    for (sandbox, door) in both().await {
        sandbox.faults().push(Fault::code("ERR001").on("send"));
        sandbox.faults().push(Fault::code("ERR004").for_user("bob"));
        let body = |user: &str| json!({"username": user, "password": "x"});
        assert_eq!(door.verdict(Endpoint::Balance, &body("alice")).await.unwrap(), "OK");
        assert_eq!(door.verdict(Endpoint::Balance, &body("bob")).await.unwrap(), "ERR004");
        assert_eq!(door.verdict(Endpoint::Balance, &body("bob")).await.unwrap(), "OK");
        assert_eq!(sandbox.faults().pending(), 1);
        assert_eq!(door.verdict(Endpoint::Send, &message(NUMBER)).await.unwrap(), "ERR001");
        sandbox.faults().push(Fault::code("ERR001").times(usize::MAX));
        sandbox.faults().push(Fault::code("ERR001").times(usize::MAX));
        assert_eq!(sandbox.faults().pending(), usize::MAX);
        sandbox.faults().clear();
        assert_eq!(sandbox.faults().pending(), 0);
        assert_eq!(door.verdict(Endpoint::Send, &message(NUMBER)).await.unwrap(), "OK");
    }
}

#[tokio::test]
async fn a_drop_before_reading_accepts_nothing_and_one_after_accepting_does() {
    for (sandbox, door) in both().await {
        sandbox.faults().push(Fault::drop_before_reading());
        assert_eq!(door.post(Endpoint::Send, &message(NUMBER)).await, None);
        assert!(sandbox.messages().is_empty());

        sandbox.faults().push(Fault::drop_after_accepting());
        assert_eq!(door.post(Endpoint::Send, &message(NUMBER)).await, None);
        assert_eq!(sandbox.messages().len(), 1);
        // Whoever tries again learns from the 15 seconds that the first try was accepted.
        assert_eq!(door.verdict(Endpoint::Send, &message(NUMBER)).await.unwrap(), "ERR028");

        let seen: Vec<_> =
            sandbox.requests().iter().map(|request| (request.is_processed(), request.status())).collect();
        assert_eq!(seen, [(false, None), (true, None), (true, Some(400))]);
    }
}

#[tokio::test]
async fn a_truncated_body_is_no_whole_answer_though_the_message_was_accepted() {
    for (sandbox, door) in both().await {
        // However much is to be kept, something is missing.
        for (keep, number) in [(0, "96550000001"), (20, "96550000002"), (100_000, "96550000003")] {
            sandbox.faults().push(Fault::truncated_body(keep));
            assert_eq!(door.post(Endpoint::Send, &message(number)).await, None, "{keep}");
        }
        assert_eq!(sandbox.messages().len(), 3);
    }
}

#[tokio::test]
async fn any_reply_can_be_given_before_or_after_accepting() {
    for (sandbox, door) in both().await {
        sandbox.faults().push(Fault::html_502());
        let (status, body) = door.post(Endpoint::Send, &message(NUMBER)).await.unwrap();
        assert!(status == 502 && body.starts_with("<html>"), "{status} {body}");
        assert!(sandbox.messages().is_empty());

        sandbox.faults().push(Fault::reply(299, "{\"result\":\"OK\",\"msg-").after_accepting());
        let (status, body) = door.post(Endpoint::Send, &message(NUMBER)).await.unwrap();
        assert_eq!((status, body.as_str()), (299, "{\"result\":\"OK\",\"msg-"));
        assert_eq!(sandbox.messages().len(), 1);

        sandbox.faults().push(Fault::reply(200, ""));
        assert_eq!(door.post(Endpoint::Balance, &json!({})).await.unwrap(), (200, String::new()));
    }
}

#[tokio::test]
async fn delays_and_slow_bodies_take_their_time_and_are_whole() {
    for (sandbox, door) in both().await {
        for fault in [
            Fault::delay(Duration::from_millis(60)),
            Fault::slow_body(Duration::from_millis(60)),
            Fault::code("ERR013").after(Duration::from_millis(60)),
        ] {
            sandbox.faults().push(fault);
            let started = Instant::now();
            let (_, body) = door.post(Endpoint::Balance, &message(NUMBER)).await.unwrap();
            assert!(started.elapsed() >= Duration::from_millis(60));
            assert!(body.starts_with('{') && body.ends_with('}'), "{body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn in_process_the_kind_of_failure_says_what_is_known() {
    let sandbox = Sandbox::in_process();
    let transport = sandbox.transport();
    let mut failures = Vec::new();
    for fault in [
        Fault::refuse_connection(),
        Fault::refuse_connection().after_accepting(),
        Fault::drop_before_reading(),
        Fault::drop_after_accepting(),
        Fault::truncated_body(5),
        Fault::reply(200, vec![b' '; kwtsms_async::transport::MAX_REPLY + 1]),
    ] {
        sandbox.faults().push(fault);
        let request = Request::new(Endpoint::Balance, message(NUMBER).to_string().into());
        failures.push(transport.post(request).await.unwrap_err().failure());
    }
    use TransportFailure::{Connect, Interrupted, ReplyTooLong};
    assert_eq!(failures, [Connect, Connect, Interrupted, Interrupted, Interrupted, ReplyTooLong]);
    // A refused connection brings no request.
    assert_eq!(sandbox.requests().len(), 4);
}

#[tokio::test]
async fn over_http_a_redirect_names_its_location() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.faults().push(Fault::redirect(307, "http://127.0.0.1:9/API/send/"));
    let client = plain_client();
    let reply = client.post(format!("{}send/", sandbox.base_url())).body("{}").send().await.unwrap();
    assert_eq!(reply.status().as_u16(), 307);
    assert_eq!(reply.headers()["location"], "http://127.0.0.1:9/API/send/");
}

/// What a raw socket sees, so that nothing of a client's own making is tested.
async fn on_the_wire(fault: Fault) -> String {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.faults().push(fault);
    let address = sandbox.base_url().trim_start_matches("http://").trim_end_matches("/API/").to_owned();
    let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
    let body = message(NUMBER).to_string();
    let head = format!(
        "POST /API/send/ HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    // It ends only because the sandbox closes: the connection is kept alive otherwise.
    let read = socket.read_to_end(&mut seen);
    let _ = tokio::time::timeout(Duration::from_secs(5), read).await.expect("the connection was not cut");
    String::from_utf8(seen).unwrap()
}

#[tokio::test]
async fn on_the_wire_a_drop_is_no_byte_and_a_truncated_body_is_a_short_one() {
    for fault in [Fault::drop_before_reading(), Fault::drop_after_accepting(), Fault::refuse_connection()] {
        assert_eq!(on_the_wire(fault).await, "");
    }
    let seen = on_the_wire(Fault::truncated_body(15)).await;
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("content-length: 1"), "{head}");
    assert_eq!(body, "{\"result\":\"OK\",");
}

#[tokio::test]
async fn debug_of_handles_shows_no_password_text_or_number() {
    for (sandbox, door) in both().await {
        sandbox.account("alice").set_password(Some("s3cret"));
        sandbox.faults().push(Fault::reply(200, "s3cret"));
        let faults = sandbox.faults();
        let account = sandbox.account("alice");
        let before = format!("{sandbox:?} {faults:?} {account:?} {:?}", sandbox.transport());
        door.post(Endpoint::Balance, &message(NUMBER)).await.unwrap();
        door.post(Endpoint::Send, &message(NUMBER)).await.unwrap();
        let after = format!("{:?} {:?}", sandbox.messages(), sandbox.requests());
        let builder = format!("{:?}", Sandbox::builder().account("alice", "s3cret"));
        for secret in ["s3cret", "Hello", NUMBER] {
            assert!(!format!("{before}{after}{builder}").contains(secret), "{before}\n{after}\n{builder}");
        }
        if let Door::Http(..) = door {
            assert!(before.contains("http://127.0.0.1:"));
        }
    }
}
