//! What holds for every reply, however odd: no panic, no acceptance without a message id, no number lost.

use bytes::Bytes;
use futures::future::BoxFuture;
use kwtsms_async::transport::{Request, Response, Transport, TransportError};
use kwtsms_async::{Client, Delivery, Error, ErrorKind, MessageId, PhoneNumber, SendReport, Status};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Answers every request alike.
#[derive(Debug)]
struct Says(u16, Bytes);

impl Transport for Says {
    fn post(&self, _: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let response = Response::new(self.0, self.1.clone());
        Box::pin(async move { Ok(response) })
    }

    fn is_local(&self) -> bool {
        true
    }
}

fn client(status: u16, body: impl Into<Bytes>) -> Client {
    Client::builder("user", "s3cret").transport(Says(status, body.into())).unpaced().build().unwrap()
}

/// Pauses between retries take no time.
fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

const KEYS: &[&str] = &[
    "result",
    "code",
    "description",
    "available",
    "purchased",
    "senderid",
    "prefixes",
    "coverage",
    "list",
    "countries",
    "prefix",
    "mobile",
    "OK",
    "ER",
    "NR",
    "ok",
    "msg-id",
    "numbers",
    "points-charged",
    "balance-after",
    "unix-timestamp",
    "status",
    "report",
    "Number",
    "Status",
    "965",
    "x",
];

const WORDS: &[&str] = &[
    "OK",
    "ok",
    "ERROR",
    "ERR003",
    "ERR013",
    "ERR028",
    "ERR999",
    "",
    " ",
    "f4c841adee210f31307633ceaebff2ec",
    "sent",
    "965",
    "96598765432",
    "96598765432,96551234567",
    "0096598765432",
    "-1",
    "1e400",
    "150.5",
    "NaN",
    "9999999999999999999999",
];

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(WORDS).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop_oneof![proptest::sample::select(KEYS).prop_map(str::to_owned), any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// A reply of known keys with any values, most often an OK.
fn reply() -> impl Strategy<Value = Value> {
    let field = (proptest::sample::select(KEYS), json());
    (prop::collection::vec(field, 0..6), 0..4u8).prop_map(|(fields, ok)| {
        let mut object: Map<String, Value> =
            fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        if ok > 0 {
            object.insert("result".to_owned(), "OK".into());
        }
        Value::Object(object)
    })
}

/// Any bytes, any JSON, or a reply cut short somewhere.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        json().prop_map(|value| value.to_string().into_bytes()),
        reply().prop_map(|value| value.to_string().into_bytes()),
        (reply(), any::<prop::sample::Index>()).prop_map(|(value, cut)| {
            let mut bytes = value.to_string().into_bytes();
            bytes.truncate(cut.index(bytes.len() + 1));
            bytes
        }),
    ]
}

/// What an answer means to a person who sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Accepted,
    Refused,
    /// Nobody can tell.
    Open,
}

fn meaning_of(sent: &Result<SendReport, Error>) -> Meaning {
    match sent {
        Ok(_) => Meaning::Accepted,
        Err(error) => match error.delivery() {
            Delivery::Refused => Meaning::Refused,
            Delivery::Unknown => Meaning::Open,
            other => panic!("the request left: {other:?}"),
        },
    }
}

/// What an object says, beside a description.
const OBJECTS: &[(Meaning, &str)] = &[
    (Meaning::Accepted, r#""result":"OK","msg-id":"f4c841adee210f31307633ceaebff2ec","numbers":1"#),
    (Meaning::Accepted, r#""msgid":"other","numbers":"1","result":"OK","msg-id":"0190a1b2-c3d4-7e5f""#),
    (Meaning::Accepted, r#""result":"OK","result":"OK","msg-id":123456789012345678901234567890"#),
    (Meaning::Refused, r#""result":"ERROR","code":"ERR003""#),
    (Meaning::Refused, r#""code":"ERR013""#),
    (Meaning::Refused, r#""result":"ERROR","code":"ERR999","msg-id":"""#),
    (Meaning::Open, r#""result":"OK","msg-id":"abc1","code":"ERR003""#),
    (Meaning::Open, r#""result":"ERROR","code":"ERR003","msg-id":"abc1""#),
    (Meaning::Open, r#""result":"OK","msg-id":"abc1","msg-id":"abc2""#),
    (Meaning::Open, r#""result":"OK","code":"ERR003","msg-id":"abc1","result":"ERROR""#),
    (Meaning::Open, r#""result":"OK","numbers":1"#),
    (Meaning::Open, r#""data":{"result":"OK","msg-id":"abc1"}"#),
    (Meaning::Open, r#""result":"ERROR""#),
];

/// What stands around an object without making it another's: blanks, markup, warnings.
const AROUND: &[(&str, &str)] = &[
    ("", ""),
    ("\u{feff}\r\n", "\n\0\0"),
    ("<br />\n<b>Warning</b>:  {closure} gone in <b>/a.php</b> on line <b>2</b><br />\n", ""),
    ("\nNotice: Undefined index: x in /a.php on line 1\n", "PHP Deprecated: y in b on line 33\n"),
    ("<html><head><title>OK</title></head><body>", "</body></html><!-- served {\"in\": 3} -->"),
];

/// What stands around an object that may be an example, a part or one of several.
const SUSPICIOUS: &[(&str, &str)] = &[
    ("A good answer is ", ""),
    ("", " is what you get"),
    ("<pre>", "</pre>"),
    ("<code>", "</code>"),
    ("<!--", "-->"),
    ("<script>a = ", "</script>"),
    ("[", "]"),
    ("{\"data\":", "}"),
    ("{\"a\":1}", ""),
    ("", "{\"result\":\"OK\",\"msg-id\":\"abc1\"}"),
    ("Fatal error: x in /a.php on line 1 ", ""),
    ("<p title='", "'>"),
];

/// Bytes that no JSON text may hold, and that a gateway's script writes all the same.
fn junk() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![0x80..=0xffu8, 0..0x20u8, Just(b' '), Just(b'a')];
    prop::collection::vec(byte, 0..12)
}

fn object(said: &str, junk: &[u8]) -> Vec<u8> {
    [&b"{\"description\":\""[..], junk, b"\",", said.as_bytes(), b"}"].concat()
}

fn around(before: &str, object: &[u8], after: &str) -> Vec<u8> {
    [before.as_bytes(), object, after.as_bytes()].concat()
}

fn send_to(status: u16, body: Vec<u8>) -> Result<SendReport, Error> {
    run(client(status, body).send("96598765432", "Hello").into_future())
}

fn says_that_it_accepted(body: &[u8]) -> bool {
    let Ok(reply) = serde_json::from_slice::<Value>(body) else { return false };
    let text = |key: &str| match &reply[key] {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    reply.is_object()
        && text("result").eq_ignore_ascii_case("ok")
        && MessageId::parse(&text("msg-id")).is_ok()
        && text("numbers").parse() != Ok(0.0)
        && !text("code").to_ascii_uppercase().starts_with("ERR")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn an_answer_means_what_its_object_says_whatever_harmless_stands_in_it_and_around_it(
        status in 100..600u16,
        (meaning, said) in proptest::sample::select(OBJECTS),
        (before, after) in proptest::sample::select(AROUND),
        junk in junk(),
    ) {
        let sent = send_to(status, around(before, &object(said, &junk), after));
        prop_assert_eq!(meaning_of(&sent), meaning);
    }

    #[test]
    fn an_object_that_may_be_an_example_or_a_part_means_nothing(
        (_, said) in proptest::sample::select(OBJECTS),
        (before, after) in proptest::sample::select(AROUND),
        (quoted_before, quoted_after) in proptest::sample::select(SUSPICIOUS),
        junk in junk(),
    ) {
        let quoted = around(quoted_before, &object(said, &junk), quoted_after);
        let sent = send_to(200, around(before, &quoted, after));
        prop_assert_eq!(meaning_of(&sent), Meaning::Open);
    }

    /// What a fault makes of an answer may lose its meaning and never turns it round.
    #[test]
    fn no_damage_makes_an_acceptance_of_a_refusal_or_the_other_way_round(
        (meaning, said) in proptest::sample::select(OBJECTS),
        (before, after) in proptest::sample::select(AROUND),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..4),
    ) {
        let mut body = around(before, &object(said, b""), after);
        for (place, byte, how) in damage {
            let place = place.index(body.len());
            match how {
                0 => body[place] = byte,
                1 => drop(body.remove(place)),
                _ => body.insert(place, byte),
            }
        }
        let left = meaning_of(&send_to(200, body.clone()));
        // A field whose name is damaged is gone, and with it a contradiction.
        let is_possible = left == meaning || left == Meaning::Open || meaning == Meaning::Open;
        prop_assert!(is_possible, "{:?}: {}", left, String::from_utf8_lossy(&body));
    }

    #[test]
    fn a_send_is_accepted_by_an_ok_with_a_message_id_and_not_by_one_that_counts_nobody(
        status in 100..600u16,
        body in body(),
        inputs in prop::collection::vec("(965[0-9]{8}|[a-z ]{0,3}|[0-9]{1,16}|96598765432)", 1..5),
    ) {
        let client = client(status, body.clone());
        let sent = run(client.send(&inputs, "Hello").into_future());
        let (report, accepted) = match &sent {
            Ok(report) => (report, true),
            Err(error) => (error.report().unwrap(), false),
        };
        let account = report.account();
        prop_assert_eq!(account.total(), inputs.len() as u64, "every input ends in one place");
        let good = inputs.iter().any(|input| PhoneNumber::parse(input).is_ok());
        prop_assert_eq!(accepted, good && says_that_it_accepted(&body));
        prop_assert_eq!(report.status() != Status::Error, accepted);
        prop_assert_eq!(report.message_ids().len(), usize::from(accepted));
        if let Err(error) = &sent && good {
            // The request left: whatever came back, it is refused by a code or open.
            let refused = error.kind() == ErrorKind::Api;
            prop_assert_eq!(error.delivery(), if refused { Delivery::Refused } else { Delivery::Unknown });
            prop_assert_eq!(error.attempts(), 1);
            prop_assert_eq!(account.not_attempted(), 0);
        }
    }

    #[test]
    fn no_reply_makes_a_reading_call_panic(status in 100..600u16, body in body()) {
        let client = client(status, body);
        let id = MessageId::parse("abc1").unwrap();
        run(async {
            let errors = [
                client.balance().await.err(),
                client.sender_ids().await.err(),
                client.coverage().await.map(|coverage| coverage.covers(&PhoneNumber::parse("96598765432").unwrap())).err(),
                client.status(&id).await.err(),
                client.dlr(&id).await.map(|reports| reports.iter().filter_map(|r| r.number()).count()).err(),
            ];
            for error in errors.into_iter().flatten() {
                let asked = if error.kind() == ErrorKind::Api { 1 } else { 3 };
                prop_assert_eq!(error.attempts(), asked, "{:?}", error);
                prop_assert!(!error.to_string().contains('\n'));
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_groups_of_a_validation_add_up_to_the_input(
        reply in prop_oneof![
            reply(),
            json().prop_map(|groups| serde_json::json!({"result": "OK", "mobile": groups})),
            prop::collection::vec((proptest::sample::select(KEYS), prop::collection::vec(proptest::sample::select(WORDS), 0..5)), 0..5)
                .prop_map(|groups| serde_json::json!({"result": "OK", "mobile": groups.into_iter().collect::<std::collections::HashMap<_, _>>()})),
        ],
        inputs in prop::collection::vec("(9659876543[0-3]|[0-9]{15}|abc|9655123456[0-9],96598765432)", 1..200),
    ) {
        let client = client(200, reply.to_string());
        if let Ok(check) = run(client.validate(&inputs).into_future()) {
            let parts: usize = inputs.iter().map(|input| input.split(',').count()).sum();
            let asked: Vec<_> = [check.ok(), check.er(), check.nr(), check.missing()].concat();
            prop_assert_eq!(asked.len() + check.invalid().len() + check.duplicates().len(), parts);
            let distinct: std::collections::BTreeSet<_> = asked.iter().collect();
            prop_assert_eq!(distinct.len(), asked.len(), "each in one group");
        }
    }
}

#[test]
fn an_answer_that_is_cut_off_anywhere_means_nothing() {
    for (_, said) in OBJECTS {
        for (before, after) in AROUND {
            let object = object(said, "رسالة\u{1F600}".as_bytes());
            let body = around(before, &object, after);
            for cut in 0..before.len() + object.len() {
                let sent = send_to(200, body[..cut].to_vec());
                assert_eq!(meaning_of(&sent), Meaning::Open, "{}", String::from_utf8_lossy(&body[..cut]));
            }
        }
    }
}
