//! What goes wrong on the wire, and what is then known of the message; see `raw_server`.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use kwtsms_async::{Client, Delivery, Error, ErrorKind, UserMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
#[cfg(target_os = "linux")]
use tokio::net::TcpStream;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::raw_server::{
    ACCEPTED, NUMBER, PASSWORD, RawServer, TEXT, Then, USER, chunked, reply, shown, tells_no_secret,
};

fn is(error: &Error, kind: ErrorKind, delivery: Delivery, attempts: u32) {
    assert_eq!((error.kind(), error.delivery(), error.attempts()), (kind, delivery, attempts), "{error:?}");
    assert!(error.code().is_none());
    tells_no_secret(error);
}

/// A send that may have arrived: asked once, and its number is of unknown outcome.
async fn is_unknown(server: &RawServer, kind: ErrorKind) -> Error {
    let error = server.client().send(NUMBER, TEXT).await.unwrap_err();
    is(&error, kind, Delivery::Unknown, 1);
    assert_eq!(error.report().unwrap().account().unknown(), 1);
    assert!(!error.is_retryable() && error.action().contains("do not send again"), "{}", error.action());
    assert_eq!(error.user_message(), UserMessage::Unconfirmed);
    assert_eq!(server.seen().len(), 1);
    error
}

fn client(base_url: String) -> Client {
    Client::builder(USER, PASSWORD)
        .base_url(base_url)
        .sender_id("MY-APP")
        .connect_timeout(Duration::from_millis(200))
        .timeout(Duration::from_secs(10))
        .unpaced()
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_refused_connection_is_tried_three_times_and_nothing_was_sent() {
    let unused = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = client(format!("http://{unused}/API/"));
    let error = client.send(NUMBER, TEXT).await.unwrap_err();
    is(&error, ErrorKind::Connect, Delivery::NotSent, 3);
    assert_eq!(error.report().unwrap().account().not_attempted(), 1);
    assert!(error.is_retryable());
    assert!(error.action().contains("firewall"), "{}", error.action());
    is(&client.balance().await.unwrap_err(), ErrorKind::Connect, Delivery::NotSent, 3);
}

#[tokio::test]
async fn a_connection_that_recovers_sends_once() {
    let reserved = TcpSocket::new_v4().unwrap();
    reserved.set_reuseaddr(true).unwrap();
    reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap(); // bound and not listening: refused
    let address = reserved.local_addr().unwrap();
    let client = client(format!("http://{address}/API/"));
    let refused = Arc::new(Notify::new());
    let tell = Arc::clone(&refused);
    let call = tokio::spawn(client.send(NUMBER, TEXT).on_retry(move |retry| {
        assert_eq!((retry.attempts, retry.error.delivery()), (1, Delivery::NotSent));
        tell.notify_one();
        ControlFlow::Continue(())
    }));
    refused.notified().await;
    let listener = reserved.listen(16).unwrap();
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\"test\":\"0\"}") {
        assert!(socket.read_buf(&mut request).await.unwrap() > 0);
    }
    socket.write_all(&reply(200, ACCEPTED)).await.unwrap();
    assert_eq!(call.await.unwrap().unwrap().accepted(), 1);
}

/// A listener that takes no further connection: its queue is full and nobody accepts.
#[cfg(target_os = "linux")] // other systems answer a full queue with a reset or not at all
async fn deaf() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        queued.push(stream.unwrap());
        assert!(queued.len() < 10, "the queue does not fill");
    }
    (listener, queued)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connect_time_out_is_known_not_to_be_sent() {
    let (listener, _queued) = deaf().await;
    let client = client(format!("http://{}/API/", listener.local_addr().unwrap()));
    let before = Instant::now();
    let error = client.send(NUMBER, TEXT).await.unwrap_err();
    is(&error, ErrorKind::Connect, Delivery::NotSent, 3);
    let took = before.elapsed();
    assert!(took >= Duration::from_millis(600) && took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_server_that_reads_the_request_and_closes_has_been_asked_once() {
    let server = RawServer::always(Then::Close(Vec::new())).await;
    is_unknown(&server, ErrorKind::Interrupted).await;
    assert!(server.only().body.ends_with("\"test\":\"0\"}"), "it had the whole request");
}

#[tokio::test]
async fn a_reset_after_the_body_left_is_of_unknown_outcome() {
    let server = RawServer::always(Then::Reset(Vec::new())).await;
    is_unknown(&server, ErrorKind::Interrupted).await;
}

#[tokio::test]
async fn what_only_reads_is_asked_three_times() {
    let server = RawServer::always(Then::Close(Vec::new())).await;
    let error = server.client().balance().await.unwrap_err();
    is(&error, ErrorKind::Interrupted, Delivery::Unknown, 3);
    assert!(error.is_retryable() && error.action().contains("ask again"), "{}", error.action());
    assert_eq!(error.user_message(), UserMessage::Unavailable, "there is no message to be unsure about");
    assert_eq!(server.seen().len(), 3);
    let server = RawServer::start(|order| match order {
        0 => Then::Reset(Vec::new()),
        1 => Then::Answer(reply(502, "<html>")),
        _ => Then::Answer(reply(200, include_str!("../fixtures/balance.json"))),
    })
    .await;
    assert_eq!(server.client().balance().await.unwrap().available().to_string(), "150");
}

#[tokio::test]
async fn a_reply_cut_short_is_of_unknown_outcome_even_if_what_came_reads_well() {
    let whole = reply(200, ACCEPTED);
    let longer = String::from_utf8(whole.clone()).unwrap().replace("Length: ", "Length: 1");
    let chunks = chunked(200, ACCEPTED);
    for cut in [
        whole[..whole.len() - 10].to_vec(),
        whole[..40].to_vec(),                // in the middle of the head
        longer.into_bytes(),                 // all the JSON, but more was promised
        chunks[..chunks.len() - 5].to_vec(), // all the JSON, but no last chunk
    ] {
        for then in [Then::Close(cut.clone()), Then::Reset(cut)] {
            is_unknown(&RawServer::always(then).await, ErrorKind::Interrupted).await;
        }
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = RawServer::always(Then::Answer(reply(200, ACCEPTED))).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://{}/API/send/", elsewhere.authority);
        let redirect =
            format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 4\r\n\r\nBODY");
        let server = RawServer::always(Then::Answer(redirect.into_bytes())).await;
        let error = is_unknown(&server, ErrorKind::BadReply).await;
        assert_eq!(error.gateway_status(), Some(status));
        assert!(!shown(&error).contains(&elsewhere.authority));
    }
    assert_eq!(elsewhere.accepted(), 0);
}

#[tokio::test]
async fn a_reply_of_100_mb_is_cut_off_at_16_mib() {
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend([b' '; 0x10000]);
    chunk.extend(b"\r\n");
    for (head, piece) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", vec![b' '; 0x10000]),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", vec![b' '; 0x10000]),
    ] {
        let server = RawServer::always(Then::Flood(head.as_bytes().to_vec(), piece)).await;
        let error = is_unknown(&server, ErrorKind::BadReply).await;
        assert!(shown(&error).contains("longer than 16 MiB"), "{}", shown(&error));
        // What is above 16 MiB lies in the sockets' buffers, which Linux lets grow to 10 MB for both ends.
        let sent = server.flooded().await;
        assert!(sent > 16 << 20 && sent < 40_000_000, "{sent} bytes");
    }
}

#[tokio::test]
async fn a_reply_of_just_under_16_mib_is_read() {
    let padded = |length: usize| format!("{}{}", " ".repeat(length - ACCEPTED.len()), ACCEPTED);
    let server = RawServer::always(Then::Answer(reply(200, &padded(16 << 20)))).await;
    assert_eq!(server.client().send(NUMBER, TEXT).await.unwrap().accepted(), 1);
    let server = RawServer::always(Then::Answer(reply(200, &padded((16 << 20) + 1)))).await;
    is_unknown(&server, ErrorKind::BadReply).await;
}

#[tokio::test]
async fn a_drip_that_never_ends_meets_the_time_out_of_the_attempt() {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"result\":\"OK\",",
        "HTTP/1.1 200 OK\r\nContent-Length: ", // the head never ends
    ] {
        let server = RawServer::always(Then::Drip(head.as_bytes().to_vec())).await;
        let client = server
            .builder()
            .connect_timeout(Duration::from_millis(200))
            .timeout(Duration::from_millis(400))
            .build()
            .unwrap();
        let before = Instant::now();
        let error = client.send(NUMBER, TEXT).await.unwrap_err();
        let took = before.elapsed();
        is(&error, ErrorKind::Timeout, Delivery::Unknown, 1);
        assert!(took >= Duration::from_millis(400) && took < Duration::from_secs(5), "{took:?}");
        assert_eq!(server.seen().len(), 1);
        server.closed(1).await; // the client lets go of the connection
    }
}

#[tokio::test]
async fn a_deadline_that_passes_before_the_answer_leaves_the_outcome_open() {
    let server = RawServer::always(Then::Drip(b"HTTP/1.1 200 OK\r\nX: ".to_vec())).await;
    let call = server.client().send(NUMBER, TEXT).deadline(Duration::from_millis(300));
    is(&call.await.unwrap_err(), ErrorKind::Timeout, Delivery::Unknown, 1);
    assert_eq!(server.seen().len(), 1);
}

/// A server that answers twice must not have the second answer taken for the next message's.
#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_nobodys() {
    const STALE: &str = r#"{"result":"OK","msg-id":"0000000000000000000000000000dead"}"#;
    let twice = [reply(200, ACCEPTED), reply(200, STALE)].concat();
    let server = RawServer::always(Then::Answer(twice)).await;
    let client = server.client();
    for n in 0..20u64 {
        match client.send((96_550_000_000 + n).to_string(), TEXT).await {
            Ok(report) => {
                assert_ne!(report.message_id().unwrap().as_str(), "0000000000000000000000000000dead")
            }
            Err(error) => is(&error, ErrorKind::Interrupted, Delivery::Unknown, 1),
        }
    }
    assert!(server.accepted() > 1, "such a connection is not used again");
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn a_name_that_does_not_resolve_is_known_not_to_be_sent() {
    let client = Client::builder(USER, PASSWORD)
        .base_url("https://gateway.invalid/API/")
        .sender_id("MY-APP")
        .connect_timeout(Duration::from_secs(1)) // where there is no name server
        .build()
        .unwrap();
    is(&client.send(NUMBER, TEXT).await.unwrap_err(), ErrorKind::Connect, Delivery::NotSent, 3);
}

/// Runs a send over https:// against a server that does not speak TLS; gives what the server was told.
#[cfg(feature = "rustls")]
async fn over_tls(answer: Option<&'static [u8]>) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut told = Vec::new();
        let mut open = Vec::new();
        for _ in 0..3 {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.read_buf(&mut told).await.unwrap();
            match answer {
                Some(answer) => socket.write_all(answer).await.unwrap(),
                None => open.push(socket),
            }
        }
        told
    });
    let client = Client::builder(USER, PASSWORD)
        .base_url(format!("https://{address}/API/"))
        .sender_id("MY-APP")
        .connect_timeout(Duration::from_millis(300))
        .unpaced()
        .build()
        .unwrap();
    let error = client.send(NUMBER, TEXT).await.unwrap_err();
    is(&error, ErrorKind::Connect, Delivery::NotSent, 3);
    server.await.unwrap()
}

#[cfg(feature = "rustls")]
#[tokio::test]
async fn tls_that_does_not_come_about_is_known_not_to_be_sent() {
    // A plain server, one that closes, one that keeps silent.
    for answer in [Some(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]), Some(b""), None] {
        let told = String::from_utf8_lossy(&over_tls(answer).await).into_owned();
        assert!(told.starts_with('\u{16}'), "a TLS handshake and nothing else");
        for secret in [USER, PASSWORD, TEXT, NUMBER, "POST", "/API/"] {
            assert!(!told.contains(secret), "{secret}");
        }
    }
}

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
#[test]
fn a_build_without_tls_says_which_feature_to_switch_on() {
    let error = Client::builder(USER, PASSWORD).build().unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Config, Delivery::NotSent));
    assert!(shown(&error).contains("feature `rustls`"), "{}", shown(&error));
}
