//! No code, key, session or address and no full number is to be found in anything but the message itself: not in events
//! at TRACE, the log, `Debug`, errors, rows and keys of stores.

use std::fmt::Debug;

use kwtsms_async::otp::{Caller, Purpose, StartError, VerifyError};
use kwtsms_async::sandbox::Fault;
use tracing_subscriber::layer::SubscriberExt;

use super::world::*;
use crate::capture::{Capture, listen};

const KEY: &str = "Geheimschluessel-von-32-Zeichen-0123456789";
const SESSION: &str = "Sitzung-4711";
const OTHER: &str = "96551234567";

/// What must not be found, with the codes of all messages.
fn secrets(world: &World) -> Vec<String> {
    let codes = world.sandbox.messages().into_iter().filter_map(|message| message.otp().map(str::to_owned));
    let codes: Vec<_> = codes.collect();
    assert!(codes.len() >= 4, "there was something to find");
    let arabic = |text: &String| -> String {
        text.chars().map(|c| char::from_u32(c as u32 - 0x30 + 0x660).unwrap()).collect()
    };
    let also: Vec<_> = codes.iter().map(arabic).collect();
    let others =
        ["Geheimschluessel", SESSION, "98765432", "51234567", "9876 5432", "203.0.113.7", "42424242"];
    codes.into_iter().chain(also).chain(others.map(str::to_owned)).collect()
}

/// The same as bytes of a store, where numbers and addresses are no text.
fn secret_bytes(world: &World) -> Vec<Vec<u8>> {
    let numbers = [NUMBER, OTHER].map(|number| number.parse::<u64>().unwrap());
    let numbers = numbers.iter().flat_map(|n| [n.to_be_bytes()[3..].to_vec(), n.to_le_bytes()[..5].to_vec()]);
    let bytes = numbers.chain([vec![203, 0, 113, 7]]);
    let bytes: Vec<_> = secrets(world).into_iter().map(String::into_bytes).chain(bytes).collect();
    // Keys of Redis are written in hexadecimal digits.
    let hex = bytes.iter().map(|secret| data_encoding::HEXLOWER.encode(secret).into_bytes());
    hex.chain(bytes.iter().cloned()).collect()
}

#[track_caller]
fn assert_clean(what: &str, text: &str, secrets: &[String]) {
    for secret in secrets {
        if let Some(at) = text.find(secret.as_str()) {
            let around: String =
                text.chars().skip(text[..at].chars().count().saturating_sub(150)).take(400).collect();
            panic!("{what} shows {secret:?}: …{around}…");
        }
    }
}

/// What formatting gave.
#[derive(Default)]
struct Shown(Vec<String>);

impl Shown {
    fn debug(&mut self, value: &impl Debug) {
        self.0.push(format!("{value:?} {value:#?}"));
    }

    fn error(&mut self, error: &(dyn std::error::Error + 'static)) {
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.0.push(format!("{error} {error:?} {error:#?}"));
            cause = error.source();
        }
    }

    fn start<T: Debug>(&mut self, result: Result<T, StartError>) -> Option<T> {
        match result {
            Ok(value) => {
                self.debug(&value);
                Some(value)
            }
            Err(error) => {
                self.error(&error);
                self.0.push(format!("{:?}", error.user_message()));
                None
            }
        }
    }

    fn verify<T: Debug>(&mut self, result: Result<T, VerifyError>) {
        match result {
            Ok(value) => self.debug(&value),
            Err(error) => self.error(&error),
        }
    }
}

/// Everything once: what is sent, typed, refused and lost.
async fn everything(world: &World, shown: &mut Shown) {
    let caller = at([203, 0, 113, 7]).session(SESSION);
    let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
    let builder =
        world.builder().await.digits(8).per_address(5).test_number("96550000000", "42424242", later);
    shown.debug(&builder);
    let otp = builder.build().unwrap();
    shown.debug(&(&otp, &caller, &world.keys, Caller::without_address()));
    let start = async |number: &str| otp.start(number, Purpose::LOGIN, &caller).await;

    let started = shown.start(start("+965 9876 5432").await).unwrap();
    let code = world.code(NUMBER);
    for typed in ["12345", &format!("{code}0"), &another(&code)] {
        shown.verify(otp.verify(&started.challenge, Purpose::LOGIN, typed, &caller).await);
    }
    shown.verify(otp.verify(&started.challenge, Purpose::SIGN_UP, &code, &caller).await);
    shown.verify(otp.verify("nonsense", Purpose::LOGIN, &code, &caller).await);
    shown.start(start("0096598765432").await); // too soon
    world.place.pass(PAUSE).await;
    world.sandbox.faults().push(Fault::drop_after_accepting().on("send"));
    shown.start(otp.resend(&started.challenge, &caller).await);
    world.place.pass(PAUSE).await;
    shown.start(otp.resend(&started.challenge, &caller).await);
    shown.verify(otp.verify(&started.challenge, Purpose::LOGIN, &code, &caller).await); // wrong by now
    let arabic: String =
        world.code(NUMBER).chars().map(|c| char::from_u32(c as u32 - 0x30 + 0x660).unwrap()).collect();
    shown.verify(otp.verify(&started.challenge, Purpose::LOGIN, &arabic, &caller).await);
    shown.verify(otp.verify(&started.challenge, Purpose::LOGIN, &arabic, &caller).await); // used
    for number in ["9876-54", "98765432@example.com", "971501234567", "96598765432,96551234567"] {
        shown.start(start(number).await);
    }
    for fault in [
        Fault::code("ERR003"),
        Fault::code("ERR025"),
        Fault::code("ERR028"),
        Fault::refuse_connection().times(3),
    ] {
        world.sandbox.faults().push(fault.on("send"));
        shown.start(start(OTHER).await);
        world.place.pass(PAUSE).await;
    }
    let spent = shown.start(start(OTHER).await).unwrap();
    for _ in 0..6 {
        shown
            .verify(otp.verify(&spent.challenge, Purpose::LOGIN, another(&world.code(OTHER)), &caller).await);
    }
    shown.start(otp.resend(&spent.challenge, &caller).await); // ended
    shown.start(start(OTHER).await); // the address
    let elsewhere = at([203, 0, 114, 7]).session(SESSION);
    shown.start(otp.decoy("96552223333", Purpose::LOGIN, &elsewhere).await);
    shown.start(otp.start("96550000000", Purpose::LOGIN, &elsewhere).await);
    shown.start(otp.start_in_background("96553334444", Purpose::LOGIN, &elsewhere).await);
    otp.settled().await;
    otp.sweep().await.unwrap();
}

fn another(code: &str) -> String {
    format!("{:08}", (code.parse::<u64>().unwrap() + 1) % 100_000_000)
}

async fn nothing_leaks(place: Place) {
    let capture = Capture::default();
    let _ = tracing_log::LogTracer::init();
    let subscriber = tracing_subscriber::registry().with(capture.clone());
    #[cfg(feature = "jsonl")]
    let folder = tempfile::tempdir().unwrap();
    #[cfg(feature = "jsonl")]
    let (subscriber, log) = {
        let (layer, guard) =
            kwtsms_async::jsonl::to_file(folder.path().join("log"), kwtsms_async::jsonl::Bodies::default())
                .unwrap();
        (subscriber.with(layer), guard)
    };
    let listening = listen(subscriber);
    let keys = kwtsms_async::otp::OtpKeys::new(KEY);
    let world = World { keys, ..World::new(place) };
    let mut shown = Shown::default();
    everything(&world, &mut shown).await;
    drop(listening);

    let secrets = secrets(&world);
    for text in &shown.0 {
        assert_clean("what was formatted", text, &secrets);
    }
    assert_clean("an event", &capture.text(), &secrets);
    let heard = capture.all();
    let ours = |name: &str| {
        heard
            .iter()
            .filter(|seen| seen.target == "kwtsms_async::otp" && seen.get("event") == Some(name))
            .count()
    };
    for name in ["sent", "compared", "limited", "refused", "operator"] {
        assert!(ours(name) > 0, "{name} was heard");
    }
    #[cfg(feature = "jsonl")]
    {
        drop(log);
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(log.lines().count() > 8, "{log}");
        assert_clean("the log", &log, &secrets);
    }
    let stored = world.place.bytes().await;
    if !matches!(world.place, Place::Memory(_)) {
        assert!(stored.len() > 1_000, "there is something in the store");
    }
    for secret in secret_bytes(&world) {
        let found = stored.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "the store holds {secret:?} ({})", String::from_utf8_lossy(&secret));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_leaks_over_memory() {
    nothing_leaks(Place::memory().await.unwrap()).await;
}

#[cfg(feature = "store")]
#[tokio::test]
async fn nothing_leaks_over_sqlite() {
    nothing_leaks(Place::sqlite().await.unwrap()).await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn nothing_leaks_over_postgres() {
    let Some(place) = Place::postgres().await else { return };
    nothing_leaks(place).await;
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn nothing_leaks_over_redis() {
    let Some(place) = Place::redis().await else { return };
    nothing_leaks(place).await;
}

/// Every key of Redis has a time at which it goes.
#[cfg(feature = "redis")]
#[tokio::test]
async fn no_key_of_redis_is_without_an_end() {
    let Some(place) = Place::redis().await else { return };
    let world = World::new(place);
    everything(&world, &mut Shown::default()).await;
    // A success takes the count of the number's failures away; a wrong code for another challenge makes it anew.
    let brief = std::time::Duration::from_secs(16);
    let otp = world.builder().await.namespace("two").resend_after(brief).build().unwrap();
    let (first, code) = world.start(&otp, NUMBER).await;
    world.place.pass(brief).await;
    let (second, other) = world.start(&otp, NUMBER).await;
    assert_eq!(tries(&otp, &first, [code]).await, ["verified"]);
    assert_eq!(tries(&otp, &second, [other_than(&other, 0)]).await, ["wrong 4"]);
    let Place::Redis(server) = &world.place else { unreachable!() };
    let mut connection = redis_connection(server);
    let keys = redis_keys(server);
    assert!(keys.len() > 20, "{}", keys.len());
    for key in keys {
        let left: i64 = redis::cmd("PTTL").arg(&key).query(&mut connection).unwrap();
        assert!(left > 0, "{key} has no end");
        assert!(
            key.contains("{otp}:"),
            "a cluster keeps {key} elsewhere than what its script touches besides"
        );
    }
}
