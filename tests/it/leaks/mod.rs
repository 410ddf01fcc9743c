//! No password, text or full number leaves by `Debug`, `Display`, JSON, an event or a panic.

mod calls;
#[cfg(feature = "campaign")]
mod campaigns;
#[cfg(feature = "otp")]
mod codes;
mod types;

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};

use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::*;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

use crate::capture::{Capture, listen};

const PASSWORD: &str = "pw\"Geheim-71";
const TEXT: &str = "Kanarienvogel: your code is 77441166, رمزك";
const NUMBER: &str = "96598765432";
const OTHER: &str = "96551234567";
const SPELLED: &str = "+965 9876-5432";
const REFUSED: &str = "8765-43"; // too short for a number, and a person's all the same

/// What must not be found, in the forms that formatting gives it.
const SECRETS: &[&str] = &[
    "Geheim",
    "Kanarien",
    "77441166",
    "رمزك",
    "\\u{631}",
    "\\u0631",
    "\\xd8\\xb1",
    "98765432",
    "51234567",
    "9876-5432",
    "8765-43",
    // Bodies as lists of bytes: `77, 44, 11` and `Geheim`, as {:?} of a slice writes them.
    "55, 55, 52, 52, 49, 49",
    "71, 101, 104, 101",
    "57, 56, 55, 54",
];

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    for secret in SECRETS {
        if let Some(at) = text.find(secret) {
            let before: String = text[..at].chars().rev().take(200).collect();
            let before: String = before.chars().rev().collect();
            let rest: String = text[at..].chars().take(200).collect();
            panic!("{what} shows {secret:?}: …{before}{rest}…");
        }
    }
}

/// Names of types, with what formatting them gives.
#[derive(Default)]
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn debug(&mut self, name: &'static str, value: &impl Debug) {
        self.0.push((name, format!("{value:?} {value:#?}")));
    }

    fn json(&mut self, name: &'static str, value: &impl serde::Serialize) {
        self.0.push((name, serde_json::to_string(value).unwrap()));
    }

    fn both(&mut self, name: &'static str, value: &(impl Debug + Display)) {
        self.0.push((name, format!("{value:?} {value:#?} {value} {value:>99}")));
    }

    fn error(&mut self, name: &'static str, error: &(impl std::error::Error + 'static)) {
        self.both(name, &error);
        let mut cause = error.source();
        while let Some(inner) = cause {
            self.both(name, &inner);
            cause = inner.source();
        }
    }
}

fn builder(sandbox: &Sandbox) -> ClientBuilder {
    Client::builder("leak_user", PASSWORD).base_url(sandbox.base_url()).unpaced()
}

/// Formats whatever a call gives.
fn outcome<T: Debug>(shown: &mut Shown, result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => {
            shown.debug("what a call gives", &value);
            Some(value)
        }
        Err(error) => {
            shown.error("Error", &error);
            shown.json("Error", &error);
            let report = error.report().cloned();
            shown.debug("SendReport", &report);
            shown.json("SendReport", &report);
            None
        }
    }
}

/// Listens to everything that this thread emits or logs, and to a log with default settings.
struct Ears {
    capture: Capture,
    default: DefaultGuard,
    #[cfg(feature = "jsonl")]
    log: (std::path::PathBuf, jsonl::JsonlGuard),
}

impl Ears {
    fn open() -> Self {
        let _ = tracing_log::LogTracer::init();
        let capture = Capture::default();
        let subscriber = tracing_subscriber::registry().with(capture.clone());
        #[cfg(feature = "jsonl")]
        let (subscriber, log) = {
            let name = format!("kwtsms-leaks-{}-{:x}.log", std::process::id(), fastrand::u64(..));
            let path = std::env::temp_dir().join(name);
            let (layer, guard) = jsonl::to_file(&path, jsonl::Options::default().sending(true)).unwrap();
            (subscriber.with(layer), (path, guard))
        };
        let default = listen(subscriber);
        Self {
            capture,
            default,
            #[cfg(feature = "jsonl")]
            log,
        }
    }

    /// Gives the targets that were heard.
    fn assert_nothing_leaked(self, requests: usize) -> BTreeSet<String> {
        drop(self.default);
        assert_clean("an event", &self.capture.text());
        assert!(self.capture.named(events::event::REQUEST).len() >= requests);
        #[cfg(feature = "jsonl")]
        {
            drop(self.log.1);
            let log = std::fs::read_to_string(&self.log.0).unwrap();
            std::fs::remove_file(self.log.0).unwrap();
            assert!(log.lines().count() >= 2 * requests);
            assert_clean("the log", &log);
        }
        self.capture.all().into_iter().map(|seen| seen.target).collect()
    }
}
