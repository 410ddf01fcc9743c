//! A bare socket in the gateway's place: what exactly is sent, and what is made of answers no gateway gives.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use super::{kwtsms, run};

/// Reads one request whole.
fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ").map(str::to_owned)
            });
            if body.len() >= length.unwrap().parse().unwrap() {
                return text;
            }
        }
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "the request broke off");
        bytes.extend_from_slice(&piece[..read]);
    }
}

/// Serves connections one after the other with these answers, and gives the requests.
fn serve(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/API/", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        answers
            .iter()
            .map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let request = request(&mut stream);
                stream.write_all(answer.as_bytes()).unwrap();
                request
            })
            .collect()
    });
    (url, served)
}

fn send(url: &str, more: &[&str]) -> super::Ran {
    let folder = tempfile::tempdir().unwrap();
    let mut command =
        kwtsms(folder.path(), &["send", "96598765432,+965 5123 4567", "hi ١٢", "--base-url", url]);
    run(command.args(more).env("KWTSMS_USERNAME", "user").env("KWTSMS_PASSWORD", "pa\"ss"))
}

#[test]
fn the_request_is_what_the_gateways_document_says() {
    let (url, served) = serve(&[
        "HTTP/1.1 200 OK\r\ncontent-length: 112\r\nconnection: close\r\n\r\n{\"result\":\"OK\",\"msg-id\":\"f4c841adee210f31307633ceaebff2ec\",\"numbers\":2,\"points-charged\":2.5,\"balance-after\":\"9\"}",
    ]);
    let ran = send(&url, &["--test"]).exits(0);
    assert!(
        ran.out.contains(
            "msg-id: f4c841adee210f31307633ceaebff2ec  |  2 numbers  |  cost: 2.5  |  balance-after: 9"
        ),
        "{}",
        ran.out
    );
    let requests = served.join().unwrap();
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /API/send/ HTTP/1.1\r\n"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({ "username": "user", "password": "pa\"ss", "sender": "KWT-SMS", "mobile": "96598765432,96551234567", "message": "hi 12", "test": "1" })
    );
}

#[test]
fn an_answer_that_cannot_be_read_leaves_the_outcome_unknown_and_nothing_is_sent_again() {
    for answer in [
        &[""][..],
        &["HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"result\":\"OK\""],
        &["garbage\r\n\r\n"],
        &["HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]"],
        &[
            "HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ],
    ] {
        let answer: &'static [&'static str] = answer;
        let (url, served) = serve(answer);
        let ran = send(&url, &[]).exits(4);
        assert!(
            ran.out.contains("OUTCOME UNKNOWN — 2 numbers may have been sent and charged"),
            "{}",
            ran.out
        );
        assert!(ran.err.contains("2 numbers of UNKNOWN outcome: do NOT send to them again"), "{}", ran.err);
        assert_eq!(served.join().unwrap().len(), 1);
    }
}

#[test]
fn no_connection_means_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/API/", listener.local_addr().unwrap());
    drop(listener);
    let ran = send(&url, &[]).exits(1);
    assert!(ran.out.contains("2 numbers not sent"), "{}", ran.out);
    assert!(
        ran.err.contains("2 numbers not attempted") && ran.err.contains("they can be sent to"),
        "{}",
        ran.err
    );
}

#[test]
fn a_gateway_that_does_not_answer_is_given_up_after_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/API/", listener.local_addr().unwrap());
    let held = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        request(&mut stream);
        let _ = stream.read(&mut [0; 1]); // until the client hangs up
    });
    let ran = send(&url, &["--timeout", "0.5"]).exits(4);
    assert!(ran.out.contains("no answer within 500 ms"), "{}", ran.out);
    held.join().unwrap();
}
