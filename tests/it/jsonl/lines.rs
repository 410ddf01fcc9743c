//! Lines: their shape, and what they hide.

use super::*;

/// Remembers what was posted.
#[derive(Debug, Clone)]
struct Recorded(SandboxTransport, Arc<Mutex<Vec<Map<String, Value>>>>);

impl Transport for Recorded {
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        self.1.lock().unwrap().push(serde_json::from_slice(request.body()).unwrap());
        self.0.post(request)
    }

    fn is_local(&self) -> bool {
        true
    }
}

async fn ask_every_endpoint(client: &Client) {
    let id = client.send(NUMBER, OTP).await.unwrap().message_id().unwrap().clone();
    client.balance().await.unwrap();
    client.sender_ids().await.unwrap();
    client.coverage().await.unwrap();
    let of_any_country = |text| PhoneNumber::parse_with(text, CountryCheck::Off).unwrap();
    client.validate([NUMBER, "966558724477", "9651800555"].map(of_any_country)).await.unwrap();
    client.status(&id).await.unwrap();
    client.dlr(&id).await.unwrap_err(); // none for Kuwait
}

#[tokio::test(start_paused = true)]
async fn a_full_line_is_the_seeds() {
    let log = Log::start(Bodies::Full);
    let report = in_process().send(NUMBER, OTP).await.unwrap();
    let text = log.text();
    let keys =
        ["ts", "endpoint", "request", "response", "ok", "error"].map(|key| text.find(&format!("\"{key}\":")));
    assert!(keys.iter().all(Option::is_some) && keys.is_sorted(), "in the Python client's order: {text}");
    let line = &parse(&text)[0];
    assert_eq!(
        line["request"],
        json!({"username": "api_user", "password": "***", "sender": "KWT-TEST", "mobile": NUMBER, "message": OTP, "test": "0"})
    );
    assert!(
        text.contains(r#""request":{"username":"api_user","password":"***","sender":"KWT-TEST","mobile":"#)
    );
    assert_eq!(line["response"]["result"], "OK");
    assert_eq!(line["response"]["msg-id"], report.message_id().unwrap().as_str());
    assert_eq!(line["response"]["points-charged"], 1);
    assert_eq!(
        (&line["endpoint"], &line["ok"], &line["error"]),
        (&json!("send"), &json!(true), &Value::Null)
    );
    assert_eq!(line.as_object().unwrap().len(), 6);
    let ts = line["ts"].as_str().unwrap();
    assert_eq!((ts.len(), &ts[10..11], &ts[26..]), (32, "T", "+00:00"), "{ts}");
    assert!(ts > "2025-01-01", "{ts}");
}

#[tokio::test(start_paused = true)]
async fn a_text_of_several_lines_is_one_line_of_the_log() {
    let log = Log::start(Bodies::Full);
    let text = "first\nsecond \u{2028} \"third\" م";
    in_process().send(NUMBER, text).await.unwrap();
    let lines = log.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["request"]["message"], text.replace('\u{2028}', "\n"));
}

#[tokio::test(start_paused = true)]
async fn every_field_that_is_posted_stands_in_its_line_and_the_password_in_none() {
    for bodies in [Bodies::Full, Bodies::Masked] {
        let log = Log::start(bodies);
        let posted = Arc::default();
        ask_every_endpoint(&client(Recorded(Sandbox::in_process().transport(), Arc::clone(&posted)))).await;
        let text = log.text();
        assert!(!text.contains("ss-4711"), "{text}");
        let lines = parse(&text);
        let posted = posted.lock().unwrap();
        assert_eq!((lines.len(), posted.len()), (7, 7));
        for (line, posted) in lines.iter().zip(posted.iter()) {
            let logged = line["request"].as_object().unwrap();
            assert!(posted.keys().eq(logged.keys()), "{posted:?} {logged:?}");
            assert_eq!(posted["password"], PASSWORD);
            assert_eq!(logged["password"], "***");
            if bodies == Bodies::Full {
                assert!(posted.iter().all(|(key, value)| key == "password" || logged[key] == *value));
            }
        }
        let endpoints: Vec<_> = lines.iter().map(|line| line["endpoint"].as_str().unwrap()).collect();
        assert_eq!(endpoints, ["send", "balance", "senderid", "coverage", "validate", "status", "dlr"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_masked_line_holds_no_one_time_code_and_no_number() {
    let log = Log::start(Bodies::Masked);
    let client = in_process();
    let report = client.send(["96598700432", "96551234567"], OTP).await.unwrap();
    client.send("96550000000", "م".repeat(71)).await.unwrap();
    ask_every_endpoint(&client).await;
    let text = log.text();
    for secret in ["12345678", "Your OTP", NUMBER, "98765432", "51234567", "966558724477", "9651800555", "مم"]
    {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    let lines = parse(&text);
    assert_eq!(lines[0]["request"]["mobile"], "965****432,965****567");
    assert_eq!(lines[0]["request"]["message"], "*** (31 characters, 1 page)");
    assert_eq!(lines[1]["request"]["message"], "*** (71 characters, 2 pages)");
    assert_eq!(lines[0]["response"]["msg-id"], report.message_id().unwrap().as_str());
    assert_eq!(lines[0]["response"]["balance-after"], 998);
    assert_eq!(lines[4]["response"]["senderid"], json!(["KWT-SMS", "KWT-TEST"]));
    assert_eq!(lines[5]["response"]["prefixes"][0], "965");
    assert_eq!(lines[6]["request"]["mobile"], "965****432,966****477,965****555");
    assert_eq!(lines[6]["response"]["mobile"]["OK"], json!(["965****432", "966****477"]));
    assert_eq!(lines[6]["response"]["mobile"]["ER"], json!(["965****555"]));
    assert_eq!(lines[8]["response"]["code"], "ERR021");
    assert!(lines[8]["error"].as_str().unwrap().contains("ERR021"));
    assert_eq!(lines[8]["ok"], false);
}

#[tokio::test(start_paused = true)]
async fn a_mobile_number_in_the_user_names_place_is_masked_too() {
    let log = Log::start(Bodies::Masked);
    for user in [NUMBER, "+965 98765432", "shop965", "user.1234567"] {
        let transport = Sandbox::in_process().transport();
        Client::builder(user, PASSWORD).transport(transport).build().unwrap().balance().await.unwrap();
    }
    let lines = log.lines();
    let users: Vec<_> = lines.iter().map(|line| line["request"]["username"].as_str().unwrap()).collect();
    assert_eq!(users, ["965****432", "965****432", "shop965", "user.1234567"]);
}

#[tokio::test(start_paused = true)]
async fn delivery_reports_show_states_and_masked_numbers() {
    let log = Log::start(Bodies::Masked);
    let sandbox = Sandbox::in_process();
    sandbox.faults().push(Fault::reply(200, include_str!("../../fixtures/dlr.json")));
    let report = r#"{"result":"OK","report":[{"Number":"966558724477","Status":"Received by recipient"},{"Number":966558724478,"Status":"code 12345678","Text":"x"}]}"#;
    sandbox.faults().push(Fault::reply(200, report));
    let client = client(sandbox.transport());
    let id = "f4c841adee210f31307633ceaebff2ec".parse().unwrap();
    let _ = client.dlr(&id).await;
    let _ = client.dlr(&id).await;
    let lines = log.lines();
    assert_eq!(lines[0]["response"]["report"][0]["Status"], "Received by recipient");
    assert_eq!(
        lines[1]["response"]["report"],
        json!([
            {"Number": "966****477", "Status": "Received by recipient"},
            {"Number": "966****478", "Status": "***", "***": "***"}
        ])
    );
    assert_eq!(lines[1]["request"]["msgid"], id.as_str());
}

/// A gateway, or something between it and us, that repeats what it was told wherever it can.
fn parrots() -> Vec<String> {
    let mut replies = Vec::new();
    for secret in [OTP, "12345678", PASSWORD, NUMBER, "+965 9876 5432", "OTP for MYAPP"] {
        let said = json!(format!("the message '{secret}' was refused"));
        for verdict in ["OK", "ERROR"] {
            for value in [
                json!(secret),
                said.clone(),
                json!([secret]),
                json!({ secret: secret }),
                json!([[{"a": secret}]]),
            ] {
                for key in [
                    "code",
                    "description",
                    "msg-id",
                    "status",
                    "senderid",
                    "prefixes",
                    "mobile",
                    "report",
                    "points-charged",
                    "balance-after",
                    "available",
                    "numbers",
                    "unix-timestamp",
                    "message",
                    "password",
                    "Pass_Word",
                    "x",
                    secret,
                ] {
                    let mut reply = json!({"result": verdict});
                    reply[key] = value.clone();
                    replies.push(reply.to_string());
                }
            }
        }
        replies.push(json!({"result": secret, "code": secret}).to_string());
        replies.push(json!({"result": "OK", "mobile": {secret: [secret], "OK": [secret]}}).to_string());
        replies.push(
            json!({"result": "OK", "report": [{"Number": secret, "Status": secret, secret: 1}]}).to_string(),
        );
        replies.push(format!("<html>{secret}</html>"));
    }
    replies.push(format!(r#"{{"result":"OK","numbers":{NUMBER},"balance-after":{NUMBER}}}"#));
    replies
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_repeats_what_was_sent_adds_nothing_to_a_masked_log() {
    for reply in parrots() {
        let log = Log::start(Bodies::Masked);
        let (sandbox, user) = (Sandbox::in_process(), "api_user");
        sandbox.faults().push(Fault::reply(200, reply.clone()).for_user(user));
        let _ = client(sandbox.transport()).send(NUMBER, OTP).await;
        let text = log.text();
        let lines = parse(&text);
        assert_eq!(lines.len(), 1);
        for secret in ["MYAPP", "ss-4711", NUMBER, "98765432", "9876 5432"] {
            assert!(!text.contains(secret), "{reply}\n{text}");
        }
        // Amounts are numbers by their place; a code that is put there is an amount.
        let amount = ["points-charged", "balance-after", "available", "numbers", "unix-timestamp"];
        if !amount.iter().any(|key| reply.contains(&format!("\"{key}\":\"12345678\""))) {
            assert!(!text.contains("12345678"), "{reply}\n{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_password_is_in_no_full_log_however_a_reply_spells_it() {
    for reply in parrots() {
        let log = Log::start(Bodies::Full);
        let sandbox = Sandbox::in_process();
        sandbox.faults().push(Fault::reply(200, reply.clone()));
        let _ = client(sandbox.transport()).send(NUMBER, OTP).await;
        let text = log.text();
        assert!(!text.contains("ss-4711"), "{reply}\n{text}");
        let line = &parse(&text)[0];
        for key in ["password", "Pass_Word"] {
            let hidden = &line["response"][key];
            assert!(hidden.is_null() || hidden == "***", "{text}");
        }
        assert!(text.contains("12345678"), "the text as it was sent");
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_without_a_reply_has_a_line_that_says_so() {
    let log = Log::start(Bodies::Masked);
    let sandbox = Sandbox::in_process();
    sandbox.faults().push(Fault::html_502());
    sandbox.faults().push(Fault::drop_after_accepting());
    sandbox.faults().push(Fault::delay(Duration::from_secs(60)));
    sandbox.faults().push(Fault::code("ERR003"));
    let client = client(sandbox.transport());
    for i in 0..4 {
        client.send(format!("9655000000{i}"), OTP).await.unwrap_err();
    }
    let lines = log.lines();
    let errors: Vec<_> = lines.iter().map(|line| line["error"].as_str().unwrap()).collect();
    assert!(errors[0].starts_with("the reply is not a JSON object (HTTP status 502"), "{errors:?}");
    assert_eq!(
        errors[1..],
        [
            "the exchange with the gateway failed: the connection broke off after the request may have left",
            "no answer within 15000 ms of the request",
            "the gateway refused the request: ERR003 (the API user name or password is wrong)",
        ]
    );
    assert!(lines.iter().all(|line| line["ok"] == false));
    assert!(lines[..3].iter().all(|line| line["response"].is_null()));
    assert_eq!(lines[3]["response"]["code"], "ERR003");
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_its_line_and_what_made_no_request_has_none() {
    let log = Log::start(Bodies::Masked);
    let sandbox = Sandbox::in_process();
    sandbox.faults().push(Fault::refuse_connection().times(2));
    let client = client(sandbox.transport());
    client.send("12", OTP).await.unwrap_err();
    client.send(NUMBER, OTP).await.unwrap();
    client.send(NUMBER, OTP).await.unwrap_err(); // within 16 s
    assert_eq!(log.lines().iter().map(|line| line["ok"] == true).collect::<Vec<_>>(), [false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_dropped_after_its_request_left_still_has_its_line() {
    let log = Log::start(Bodies::Masked);
    let sandbox = Sandbox::in_process();
    sandbox.set_latency(Duration::from_secs(2));
    let client = client(sandbox.transport());
    tokio::time::timeout(Duration::from_secs(1), client.send(NUMBER, OTP)).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(log.lines()[0]["response"]["result"], "OK");
}

#[tokio::test(start_paused = true)]
async fn other_layers_with_their_own_filters_do_not_take_lines_away() {
    let buffer = Buffer::default();
    let (log, guard) = jsonl::to_writer(buffer.clone(), Bodies::Masked);
    let subscriber =
        tracing_subscriber::registry().with(Capture::default().with_filter(LevelFilter::ERROR)).with(log);
    let default = listen(subscriber);
    let client = in_process();
    client.balance().await.unwrap();
    client.send("12", OTP).await.unwrap_err();
    client.coverage().await.unwrap();
    drop((default, guard));
    assert_eq!(parse(std::str::from_utf8(&buffer.0.lock().unwrap()).unwrap()).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_question_about_something_else_between_two_events_takes_no_line_away() {
    let log = Log::start(Bodies::Masked);
    let client = in_process();
    client.balance().await.unwrap();
    // What `log_enabled!` asks: a filter whose answer was cached then loses the next event (tokio-rs/tracing#2519).
    let asked = log::Metadata::builder().target("elsewhere").level(log::Level::Info).build();
    let asked = tracing_log::AsTrace::as_trace(&asked);
    tracing::dispatcher::get_default(|dispatch| dispatch.enabled(&asked));
    client.balance().await.unwrap();
    assert_eq!(log.lines().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_off_takes_nothing_from_other_layers() {
    let capture = Capture::default();
    let off: Option<(jsonl::JsonlLayer<_>, JsonlGuard)> = None;
    let (off, _guard) = off.unzip();
    let _default = listen(tracing_subscriber::registry().with(capture.clone()).with(off));
    in_process().balance().await.unwrap();
    assert_eq!(capture.ours().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_logs_both_have_the_line() {
    let (masked, full) = (Buffer::default(), Buffer::default());
    let (first, first_guard) = jsonl::to_writer(masked.clone(), Bodies::Masked);
    let (second, second_guard) = jsonl::to_writer(full.clone(), Bodies::Full);
    let default = listen(tracing_subscriber::registry().with(first).with(second));
    in_process().send(NUMBER, OTP).await.unwrap();
    drop((default, first_guard, second_guard));
    let text = |buffer: &Buffer| String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
    assert!(!text(&masked).contains("12345678") && text(&full).contains("12345678"));
}
