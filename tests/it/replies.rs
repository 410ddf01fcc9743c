//! Answers that are not what the document shows, as a client of a real socket gets them; see `raw_server`.

use kwtsms_async::{Delivery, Error, ErrorKind, Repair, SendReport};

use crate::raw_server::{ACCEPTED, NUMBER, RawServer, TEXT, Then, reply, shown, tells_no_secret};

const ID: &str = "f4c841adee210f31307633ceaebff2ec";
const WARNING: &str =
    "<br />\n<b>Warning</b>:  Undefined index: lang in <b>/home/api/send.php</b> on line <b>214</b><br />\n";

/// An answer with any bytes and any further header lines.
fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

async fn sent(answer: Vec<u8>) -> Result<SendReport, Error> {
    let server = RawServer::always(Then::Answer(answer)).await;
    let sent = server.client().send(NUMBER, TEXT).await;
    assert_eq!(server.seen().len(), 1, "sent once");
    sent
}

async fn is_unknown(answer: Vec<u8>) -> Error {
    let error = sent(answer).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::BadReply, Delivery::Unknown), "{error:?}");
    assert_eq!(error.report().unwrap().account().unknown(), 1);
    tells_no_secret(&error);
    error
}

#[tokio::test]
async fn the_documented_name_of_the_message_id_wins() {
    for body in [
        format!(r#"{{"result":"OK","msg-id":"{ID}","msgid":"another","numbers":1}}"#),
        format!(r#"{{"msgid":"another","msg_id":"third","result":"OK","msg-id":"{ID}","numbers":1}}"#),
    ] {
        let report = sent(reply(200, &body)).await.unwrap();
        assert_eq!(report.message_id().unwrap().as_str(), ID, "{body}");
    }
}

#[tokio::test]
async fn a_message_id_of_another_shape_is_kept() {
    let forty = "0123456789".repeat(4);
    for (written, id) in [
        ("\"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b\"", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"),
        ("1234567", "1234567"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        (&format!("\"{forty}\""), &forty),
    ] {
        let body = format!(r#"{{"result":"OK","msg-id":{written},"numbers":1}}"#);
        let report = sent(reply(200, &body)).await.unwrap();
        assert_eq!(report.message_id().unwrap().as_str(), id, "{body}");
    }
}

#[tokio::test]
async fn a_reply_that_contradicts_itself_is_of_unknown_outcome_and_its_id_is_told() {
    for body in [
        format!(r#"{{"result":"OK","msg-id":"{ID}","numbers":1,"code":"ERR013"}}"#),
        format!(r#"{{"result":"OK","msg-id":"{ID}","result":"ERROR","code":"ERR003"}}"#),
        format!(r#"{{"result":"ERROR","code":"ERR013","msg-id":"{ID}"}}"#),
        format!(r#"{{"result":"OK","msg-id":"{ID}","numbers":1,"numbers":2}}"#),
        format!(r#"{{"result":"OK","msg-id":"{ID}","numbers":0}}"#),
        format!(r#"{{"data":{{"result":"OK","msg-id":"{ID}"}}}}"#),
    ] {
        let error = is_unknown(reply(200, &body)).await;
        assert_eq!(error.code(), None, "{body}");
        assert_eq!(error.message_id().unwrap().as_str(), ID, "{body}");
        assert_eq!(error.raw_bytes(), Some(body.as_bytes()), "{body}");
        assert!(!error.is_retryable(), "{body}");
    }
    let body = format!(r#"{{"result":"OK","msg-id":"{ID}","msg-id":"another"}}"#);
    is_unknown(reply(200, &body)).await;
}

#[tokio::test]
async fn answers_that_say_what_became_of_the_message_are_read_and_what_was_mended_is_told() {
    let described = |junk: &[u8]| [br#"{"description":""#, junk, b"\",", &ACCEPTED.as_bytes()[1..]].concat();
    let page = format!("<html><head><title>OK</title></head><body>{ACCEPTED}</body></html>");
    for (body, repair) in [
        (described(b"\xe3\xd1\xcd\xc8\xc7"), Some(Repair::Decoded)), // Windows-1256
        (described(b"caf\xe9"), Some(Repair::Decoded)),              // Latin-1
        (described(b"two\nlines"), Some(Repair::Decoded)),
        ([WARNING, ACCEPTED].concat().into(), Some(Repair::Extracted)),
        ([ACCEPTED, WARNING].concat().into(), Some(Repair::Extracted)),
        (page.into(), Some(Repair::Extracted)),
        ([vec![b' '; 10_000_000], ACCEPTED.into()].concat(), None),
        ([ACCEPTED.into(), vec![b'\n'; 10_000_000]].concat(), None),
        (described(&vec![b'x'; 10_000_000]), None),
        ([WARNING.repeat(50_000), ACCEPTED.to_owned()].concat().into(), Some(Repair::Extracted)),
    ] {
        let report = sent(answer("Content-Type: text/html\r\n", &body)).await.unwrap();
        let accepted = report.batches()[0].result().unwrap();
        assert_eq!(accepted.message_id().as_str(), ID);
        assert_eq!(accepted.balance_after().unwrap().to_string(), "180");
        assert_eq!(accepted.raw().repair(), repair);
    }
}

#[tokio::test]
async fn a_code_decides_in_an_answer_that_had_to_be_mended() {
    for body in [
        [WARNING, r#"{"result":"ERROR","code":"ERR010","description":"No balance"}"#].concat().into_bytes(),
        b"{\"result\":\"ERROR\",\"code\":\"ERR010\",\"description\":\"\xd1\xd5\xed\xcf\"}".to_vec(),
    ] {
        let error = sent(answer("", &body)).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::Api, Delivery::Refused));
        assert_eq!(error.code().unwrap().as_str(), "ERR010");
    }
}

#[tokio::test]
async fn a_page_that_quotes_an_answer_is_none_and_the_id_in_it_is_told() {
    for body in [
        format!("<html><body><h1>Our API</h1><p>It answers {ACCEPTED}</p></body></html>"),
        format!("<html><body><pre>{ACCEPTED}</pre></body></html>"),
        format!("{ACCEPTED}{ACCEPTED}"),
        format!("[{ACCEPTED}]"),
        ACCEPTED[..ACCEPTED.len() - 1].to_owned(),
    ] {
        let error = is_unknown(answer("", body.as_bytes())).await;
        assert_eq!(error.message_id().unwrap().as_str(), ID, "{body}");
        assert_eq!(error.raw_bytes(), Some(body.as_bytes()));
        assert!(!shown(&error).contains("Our API"));
    }
}

/// `gzip -n9` of an accepted reply.
const GZIP: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x2a, 0x4a, 0x2d, 0x2e, 0xcd,
    0x29,
];

#[tokio::test]
async fn an_answer_that_is_compressed_is_not_unpacked_and_its_bytes_are_kept() {
    let error = is_unknown(answer("Content-Encoding: gzip\r\n", GZIP)).await;
    assert!(error.to_string().contains("compressed with gzip, which was not asked for"), "{error}");
    assert_eq!(error.raw_bytes(), Some(GZIP));
    assert_eq!(error.message_id(), None);
}

#[tokio::test]
async fn of_a_long_answer_the_beginning_is_kept_and_the_id_wherever_it_stands() {
    let body = ["x".repeat(1_000_000), ACCEPTED.to_owned()].concat();
    let error = is_unknown(reply(200, &body)).await;
    assert_eq!(error.raw_bytes(), Some(&body.as_bytes()[..Error::MAX_RAW_BYTES]));
    assert_eq!(error.message_id().unwrap().as_str(), ID);
}

#[tokio::test]
async fn what_came_before_the_connection_broke_off_is_kept() {
    let whole = reply(200, ACCEPTED);
    let cut = whole[..whole.len() - 10].to_vec();
    let server = RawServer::always(Then::Close(cut)).await;
    let error = server.client().send(NUMBER, TEXT).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::Interrupted, Delivery::Unknown));
    assert_eq!(error.raw_bytes(), Some(&ACCEPTED.as_bytes()[..ACCEPTED.len() - 10]));
    assert_eq!(error.message_id().unwrap().as_str(), ID);
    assert_eq!(error.gateway_status(), Some(200));
    tells_no_secret(&error);
}
