//! Any answer to any call: no panic, no number lost, no acceptance without an OK and an id, no refusal without a code,
//! and nothing of the answer in what an error shows.

#![no_main]

use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use kwtsms_async::transport::{Request, Response, Transport, TransportError};
use kwtsms_async::{Client, Delivery, Error, MessageId};
use libfuzzer_sys::fuzz_target;

/// Answers every request alike.
#[derive(Debug, Clone, Default)]
struct Says(Arc<Mutex<Bytes>>);

impl Transport for Says {
    fn post(&self, _: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let response = Response::new(200, self.0.lock().unwrap().clone());
        Box::pin(async move { Ok(response) })
    }

    fn is_local(&self) -> bool {
        true
    }
}

static SAYS: LazyLock<Says> = LazyLock::new(Says::default);
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    Client::builder("user", "pass").transport(SAYS.clone()).unpaced().test_mode(true).build().unwrap()
});

fn shows_nothing_of(error: &Error, answer: &str) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains('\n'));
    // Codes are shown; nothing else is, and no code looks like this.
    assert!(!answer.contains("~7~") || !shown.contains("~7~"), "{shown}");
}

fuzz_target!(|answer: &[u8]| {
    thread_local! {
        // Pauses between retries take no time.
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    }
    *SAYS.0.lock().unwrap() = Bytes::copy_from_slice(answer);
    let text = String::from_utf8_lossy(answer);
    let id = MessageId::parse("abc1").unwrap();
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            match CLIENT.send("96598765432", "Hello").await {
                Ok(report) => {
                    assert_eq!(report.account().total(), 1);
                    assert_eq!(report.accepted(), 1);
                    assert!(report.message_id().is_some());
                    let json = report.batches()[0].result().unwrap().raw().as_json().to_owned();
                    assert!(json.starts_with('{') && json.ends_with('}'));
                    // An escape may stand for a letter of it.
                    assert!(json.to_ascii_lowercase().contains("ok") || json.contains('\\'));
                    let _ = format!("{report:?}"); // builds the reply's map
                }
                Err(error) => {
                    let report = error.report().unwrap();
                    assert_eq!((report.account().total(), report.accepted()), (1, 0));
                    assert_eq!(error.delivery() == Delivery::Refused, error.code().is_some());
                    assert_ne!(error.delivery(), Delivery::NotSent, "the request left");
                    shows_nothing_of(&error, &text);
                }
            }
            let errors = [
                CLIENT.balance().await.err(),
                CLIENT.sender_ids().await.err(),
                CLIENT.coverage().await.err(),
                CLIENT.validate(["96598765432"]).await.err(),
                CLIENT.status(&id).await.err(),
                CLIENT.dlr(&id).await.err(),
            ];
            errors.iter().flatten().for_each(|error| shows_nothing_of(error, &text));
        });
    });
});
