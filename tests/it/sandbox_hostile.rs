//! The sandbox's HTTP door and clients that are broken or mean harm: whatever they do, it goes on answering.

use std::time::Duration;

use kwtsms_async::sandbox::Sandbox;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::inbox_api::Site;

/// Short, so that the tests are; what is under way takes a fraction of it even on a busy machine.
const PATIENCE: Duration = Duration::from_millis(300);

async fn impatient() -> Site {
    Site::of(Sandbox::builder().request_timeout(PATIENCE).start().await.unwrap())
}

async fn connect(site: &Site) -> TcpStream {
    let address = site.sandbox.inbox_url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    TcpStream::connect(address).await.unwrap()
}

/// What comes back until the server closes the connection; it has to.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end too.
    let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes))
        .await
        .expect("the connection stands open");
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn still_answers(site: &Site) {
    assert_eq!(site.get("/api/stats").await["ceiling"], 5);
    site.send("alice", "96598765432", "x").await;
}

#[tokio::test]
async fn what_is_half_sent_does_not_stand_open() {
    let site = impatient().await;
    let head = "POST /API/send/ HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    for (half, answer) in [
        (String::new(), ""),
        ("POST /API/se".to_owned(), ""),
        (head.to_owned(), ""),
        (format!("{head}content-length: 200\r\n\r\n{{\"username\":"), "HTTP/1.1 408"),
        (format!("{head}transfer-encoding: chunked\r\n\r\n5\r\n{{\"use\r\n"), "HTTP/1.1 408"),
        (format!("{head}content-length: 200\r\n\r\n").replace("/API/send/", "/api/faults"), "HTTP/1.1 408"),
    ] {
        let mut many = Vec::new();
        for _ in 0..20 {
            let mut stream = connect(&site).await;
            stream.write_all(half.as_bytes()).await.unwrap();
            many.push(stream);
        }
        for stream in &mut many {
            let said = rest(stream).await;
            assert!(said.starts_with(answer), "{half:?}: {said:?}");
            assert_eq!(said.is_empty(), answer.is_empty(), "{half:?}: {said:?}");
        }
    }
    assert!(site.sandbox.requests().is_empty());
    still_answers(&site).await;
}

#[tokio::test]
async fn a_body_that_trickles_in_for_ever_is_given_up() {
    let site = impatient().await;
    let mut stream = connect(&site).await;
    let head = "POST /API/send/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let trickle = async {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut said = vec![0; 100];
    let (read, ()) = tokio::join!(reading.read(&mut said), trickle);
    // Whether the answer gets through to a client that is still writing is the network's affair.
    if let Ok(bytes) = read {
        assert!(bytes == 0 || said.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&said));
    }
    still_answers(&site).await;
}

#[tokio::test]
async fn a_head_that_is_huge_is_refused_and_one_that_is_large_is_not() {
    let site = Site::start().await;
    for (filler, status) in [
        (format!("x-filler: {}\r\n", "x".repeat(16 << 10)), "200"),
        (format!("x-filler: {}\r\n", "x".repeat(1 << 20)), "431"),
        ("x-filler: x\r\n".repeat(50_000), "431"),
    ] {
        let mut stream = connect(&site).await;
        let head = "GET /api/stats HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
        let (mut reading, mut writing) = stream.split();
        let request = format!("{head}{filler}\r\n");
        let (said, _) = tokio::join!(
            async {
                let mut said = [0; 12];
                reading.read_exact(&mut said).await.map(|_| String::from_utf8_lossy(&said).into_owned())
            },
            writing.write_all(request.as_bytes())
        );
        match said {
            Ok(said) => assert_eq!(said, format!("HTTP/1.1 {status}")),
            // Reset while it still writes.
            Err(_) => assert_ne!(status, "200"),
        }
    }
    still_answers(&site).await;
}

#[tokio::test]
async fn a_body_that_is_too_long_is_seen_as_a_request_that_was_refused() {
    let site = Site::start().await;
    let head = format!(
        "POST /API/send/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        1 << 30
    );
    let mut stream = connect(&site).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let flood = async {
        let piece = vec![b'x'; 64 << 10];
        while writing.write_all(&piece).await.is_ok() {}
    };
    let mut said = vec![0; 12];
    let (read, ()) = tokio::join!(reading.read(&mut said), flood);
    if read.is_ok_and(|bytes| bytes == 12) {
        assert_eq!(String::from_utf8_lossy(&said), "HTTP/1.1 413");
    }
    assert_eq!(site.sandbox.requests()[0].status(), Some(413));
    still_answers(&site).await;
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let site = Site::start().await;
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], // a TLS client hello
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"POST /API/send/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /API/send/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nab",
    ] {
        let mut stream = connect(&site).await;
        stream.write_all(noise).await.unwrap();
        let said = rest(&mut stream).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{said:?}");
    }
    still_answers(&site).await;
}
