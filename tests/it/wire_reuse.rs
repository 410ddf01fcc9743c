//! Connections are kept for reuse, and dropped before the server would; see `raw_server`.

use std::time::Duration;

use kwtsms_async::ErrorKind;
use tokio::time::Instant;

use crate::raw_server::{ACCEPTED, BALANCE, RawServer, TEXT, Then, chunked, reply};

const ERROR: &str = include_str!("../fixtures/error.json");

/// Makes 100 sends in a row and gives how many connections they took.
async fn connections(answers: impl Fn(usize) -> Then + Send + Sync + 'static) -> usize {
    let server = RawServer::start(answers).await;
    let client = server.client();
    for n in 0..100u64 {
        if let Err(error) = client.send((96_550_000_000 + n).to_string(), TEXT).await {
            assert!(matches!(error.kind(), ErrorKind::Api | ErrorKind::BadReply), "{error}");
        }
    }
    assert_eq!(server.seen().len(), 100);
    server.accepted()
}

#[tokio::test]
async fn a_hundred_sends_in_a_row_use_one_connection() {
    assert_eq!(connections(|_| Then::Answer(reply(200, ACCEPTED))).await, 1);
}

#[tokio::test]
async fn large_chunked_replies_are_read_to_their_end_and_keep_the_connection() {
    let padded = format!("{}{ACCEPTED}", " ".repeat(200_000));
    assert_eq!(connections(move |_| Then::Answer(chunked(200, &padded))).await, 1);
}

#[tokio::test]
async fn replies_that_are_errors_keep_the_connection() {
    let answers = [
        reply(403, ERROR),
        chunked(400, ERROR),
        reply(502, &"<html>".repeat(20_000)),
        chunked(200, "not JSON"),
        reply(307, "moved"),
        reply(200, ""),
        chunked(200, ""),
    ];
    assert_eq!(connections(move |n| Then::Answer(answers[n % answers.len()].clone())).await, 1);
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_replaced_without_a_failure() {
    let farewell =
        String::from_utf8(reply(200, ACCEPTED)).unwrap().replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let server = RawServer::always(Then::Close(farewell.into_bytes())).await;
    let client = server.client();
    for n in 0..10u64 {
        client.send((96_550_000_000 + n).to_string(), TEXT).await.unwrap();
    }
    assert_eq!(server.accepted(), 10);
}

#[tokio::test]
async fn concurrent_calls_share_what_connections_there_are() {
    let server = RawServer::always(Then::Answer(reply(200, BALANCE))).await;
    let client = server.client();
    for _ in 0..5 {
        futures::future::try_join_all((0..4).map(|_| client.balance())).await.unwrap();
    }
    assert!(server.accepted() <= 4, "{}", server.accepted());
}

#[tokio::test]
async fn an_idle_connection_is_closed_before_a_server_would_close_it() {
    let server = RawServer::always(Then::Answer(reply(200, BALANCE))).await;
    let client = server.client();
    client.balance().await.unwrap();
    let idle = Instant::now();
    server.closed(1).await;
    let after = idle.elapsed();
    assert!(after > Duration::from_secs(3) && after < Duration::from_secs(5), "{after:?}");
    client.balance().await.unwrap();
    assert_eq!(server.accepted(), 2);
}

/// A connection is looked after only every so often: one that is too old must not be used in between.
#[tokio::test]
async fn a_connection_that_is_idle_for_too_long_is_not_used_again() {
    let server = RawServer::always(Then::Answer(reply(200, BALANCE))).await;
    let client = server.client();
    for (pause, connection) in [(0, 0), (2_000, 0), (4_300, 1)] {
        tokio::time::sleep(Duration::from_millis(pause)).await; // the pause is what is tested
        client.balance().await.unwrap();
        assert_eq!(server.seen().last().unwrap().connection, connection);
    }
}
