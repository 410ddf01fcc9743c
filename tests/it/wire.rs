//! What goes over the wire, byte for byte, and what a reply becomes; see `raw_server`.

use kwtsms_async::{ApiCode, Delivery, Error, ErrorKind, MessageId};

use crate::raw_server::{
    ACCEPTED, BALANCE, NUMBER, RawServer, Seen, TEXT, Then, chunked, reply, shown, tells_no_secret,
};

/// The whole head, whatever the order of its lines: nothing more is sent than this.
fn assert_head(server: &RawServer, seen: &Seen, endpoint: &str) {
    let mut lines = seen.head.lines();
    assert_eq!(lines.next().unwrap(), format!("POST /API/{endpoint}/ HTTP/1.1"));
    let mut headers: Vec<_> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            format!("{}: {value}", name.to_lowercase())
        })
        .collect();
    headers.sort();
    assert_eq!(
        headers,
        [
            "accept-encoding: identity".to_owned(),
            "accept: application/json".to_owned(),
            format!("content-length: {}", seen.body.len()),
            "content-type: application/json".to_owned(),
            format!("host: {}", server.authority),
            format!("user-agent: kwtsms-async/{}", env!("CARGO_PKG_VERSION")),
        ]
    );
}

const CREDENTIALS: &str = r##""username":"api_user","password":"p#a&s?s=\"w\\örd""##;

#[tokio::test]
async fn every_reading_endpoint_posts_its_fields_after_the_credentials() {
    let id = MessageId::parse("f4c841adee210f31307633ceaebff2ec").unwrap();
    let msgid = r#","msgid":"f4c841adee210f31307633ceaebff2ec""#;
    for (endpoint, fixture, fields) in [
        ("balance", include_str!("../fixtures/balance.json"), ""),
        ("senderid", include_str!("../fixtures/senderid.json"), ""),
        ("coverage", include_str!("../fixtures/coverage.json"), ""),
        ("validate", include_str!("../fixtures/validate.json"), r#","mobile":"96598765432,96551234567""#),
        ("status", include_str!("../fixtures/status.json"), msgid),
        ("dlr", include_str!("../fixtures/dlr.json"), msgid),
    ] {
        let server = RawServer::always(Then::Answer(reply(200, fixture))).await;
        let client = server.client();
        match endpoint {
            "balance" => drop(client.balance().await.unwrap()),
            "senderid" => drop(client.sender_ids().await.unwrap()),
            "coverage" => drop(client.coverage().await.unwrap()),
            "validate" => drop(client.validate(["+965 9876 5432", "abc", "96551234567"]).await.unwrap()),
            "status" => drop(client.status(&id).await.unwrap()),
            _ => drop(client.dlr(&id).await.unwrap()),
        }
        let seen = server.only();
        assert_head(&server, &seen, endpoint);
        assert_eq!(seen.body, format!("{{{CREDENTIALS}{fields}}}"));
    }
}

#[tokio::test]
async fn verify_is_a_balance_request() {
    let server = RawServer::always(Then::Answer(reply(200, BALANCE))).await;
    let balance = server.client().verify().await.unwrap();
    assert_eq!(balance.available().to_string(), "150");
    assert_head(&server, &server.only(), "balance");
}

#[tokio::test]
async fn a_send_posts_sender_numbers_text_and_test_flag_in_the_documents_order() {
    for (test, flag) in [(false, "0"), (true, "1")] {
        let server = RawServer::always(Then::Answer(reply(200, ACCEPTED))).await;
        let report = server.client().send(NUMBER, TEXT).test_mode(test).await.unwrap();
        assert_eq!(report.message_id().unwrap().as_str(), "f4c841adee210f31307633ceaebff2ec");
        let seen = server.only();
        assert_head(&server, &seen, "send");
        let fields = r#""sender":"MY-APP","mobile":"96598765432","message":"Your OTP for MYAPP is: 123456""#;
        assert_eq!(seen.body, format!(r#"{{{CREDENTIALS},{fields},"test":"{flag}"}}"#));
    }
}

#[tokio::test]
async fn several_numbers_are_digits_with_commas_and_arabic_is_utf_8() {
    let server = RawServer::always(Then::Answer(chunked(200, ACCEPTED))).await;
    let text = "رمز التحقق: ١٢٣٤٥٦\n\"quoted\" \\ 5 < 6";
    let call = server.client().send(["+965 9876-5432", "0096551234567, ٩٦٥٦٦١٢٣٤٥٦"], text);
    call.sender("OTHER").await.unwrap();
    let seen = server.only();
    assert_head(&server, &seen, "send");
    let message = r#"رمز التحقق: 123456\n\"quoted\" \\ 5 < 6"#;
    assert_eq!(
        seen.body,
        format!(
            r#"{{{CREDENTIALS},"sender":"OTHER","mobile":"96598765432,96551234567,96566123456","message":"{message}","test":"0"}}"#
        )
    );
}

#[tokio::test]
async fn a_base_url_of_another_path_is_kept_with_or_without_its_slash() {
    for path in ["/", "", "/gate/way", "/gate/way/"] {
        let server = RawServer::always(Then::Answer(reply(200, BALANCE))).await;
        let url = format!("http://{}{path}", server.authority);
        server.builder().base_url(url).build().unwrap().balance().await.unwrap();
        let path = path.trim_end_matches('/');
        assert!(server.only().head.starts_with(&format!("POST {path}/balance/ HTTP/1.1\r\n")), "{path}");
    }
}

fn is_wrong_password(error: &Error, status: u16) {
    assert_eq!(error.kind(), ErrorKind::Api);
    assert_eq!(error.code(), Some(&ApiCode::ERR003));
    assert!(error.action().contains("not the mobile number"), "{}", error.action());
    assert_eq!(error.delivery(), Delivery::Refused);
    assert_eq!((error.attempts(), error.gateway_status()), (1, Some(status)));
    assert!(!error.is_retryable());
    assert_eq!(error.description(), Some("Authentication error, username or password are not correct."));
    assert_eq!(error.raw().unwrap().as_object()["code"], "ERR003");
    assert!(error.to_string().contains("ERR003"), "{error}");
    tells_no_secret(error);
}

#[tokio::test]
async fn a_wrong_password_is_refused_whatever_the_status_it_comes_with() {
    for status in [200, 403, 400, 406, 500] {
        let server =
            RawServer::always(Then::Answer(reply(status, include_str!("../fixtures/error.json")))).await;
        let client = server.client();
        is_wrong_password(&client.verify().await.unwrap_err(), status);
        is_wrong_password(&client.send(NUMBER, TEXT).await.unwrap_err(), status);
        assert_eq!(server.seen().len(), 2, "asked once each");
    }
}

#[tokio::test]
async fn an_ok_is_an_ok_whatever_the_status_it_comes_with() {
    for status in [200, 201, 400, 403, 500] {
        let server = RawServer::always(Then::Answer(reply(status, ACCEPTED))).await;
        let report = server.client().send(NUMBER, TEXT).await.unwrap();
        let accepted = report.batches()[0].result().unwrap();
        assert_eq!(accepted.unix_timestamp(), Some(1_684_763_355), "as it came");
        assert_eq!(accepted.raw().as_object()["balance-after"], 180);
    }
}

#[tokio::test]
async fn an_ok_that_lacks_what_it_is_for_is_counted_as_an_unusable_reply() {
    let server = RawServer::always(Then::Answer(reply(200, r#"{"result":"OK","BODY":"x"}"#))).await;
    let client = server.client();
    let error = client.send(NUMBER, TEXT).await.unwrap_err();
    assert_eq!((error.kind(), error.delivery()), (ErrorKind::BadReply, Delivery::Unknown));
    assert_eq!((error.attempts(), error.gateway_status(), server.seen().len()), (1, Some(200), 1));
    assert_eq!(error.raw().unwrap().as_object()["BODY"], "x");
    assert_eq!(error.report().unwrap().account().unknown(), 1);
    tells_no_secret(&error);
    // What only reads is asked again, as after any reply that cannot be used.
    let error = client.balance().await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), server.seen().len()), (ErrorKind::BadReply, 3, 4));
}

#[tokio::test]
async fn what_is_no_json_object_shows_status_and_length_and_never_the_body() {
    let page = "<html><body>BODY of p#a&s?s for 96598765432</body></html>";
    for (status, body) in [(502, page), (200, ""), (200, "[\"BODY\"]"), (504, "BODY"), (200, &ACCEPTED[..40])]
    {
        let server = RawServer::always(Then::Answer(reply(status, body))).await;
        let error = server.client().send(NUMBER, TEXT).await.unwrap_err();
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::BadReply, Delivery::Unknown));
        assert_eq!((error.attempts(), error.gateway_status()), (1, Some(status)));
        let text = error.to_string();
        assert!(
            text.contains(&status.to_string()) && text.contains(&format!("{} bytes", body.len())),
            "{text}"
        );
        assert!(!shown(&error).contains("html"));
        tells_no_secret(&error);
        assert_eq!(server.seen().len(), 1);
    }
}
