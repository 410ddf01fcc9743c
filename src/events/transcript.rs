//! The bodies of an exchange on their way to the log layer, beside its event and not in it.
//!
//! An event's fields are seen by every subscriber, so bodies must not be among them. They lie in a thread-local that
//! only this crate can read, and only while the event is handed to the subscribers of this thread. Without a log
//! layer nothing is put there: one relaxed load.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::emit::{Facts, Finished};
use crate::error::Error;
use crate::transport::Request;
use crate::wire::RawReply;

/// What the log layer is told of an exchange. Handles only: nothing is copied.
#[derive(Debug, Clone)]
pub(crate) struct Transcript {
    pub(crate) request: Request,
    pub(crate) facts: Facts,
    pub(crate) result: Result<RawReply, Error>,
}

static LISTENERS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static CURRENT: RefCell<Option<Transcript>> = const { RefCell::new(None) };
}

/// As long as one lives, exchanges are laid out.
#[derive(Debug)]
pub(crate) struct Listener(());

impl Listener {
    pub(crate) fn new() -> Self {
        LISTENERS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes the exchange away again, also when a subscriber panics.
pub(super) struct LaidOut;

impl Drop for LaidOut {
    fn drop(&mut self) {
        CURRENT.with(|current| current.take());
    }
}

/// Lays an exchange out while the guard lives, if anybody listens.
pub(super) fn lay_out(done: &Finished<'_>) -> Option<LaidOut> {
    if LISTENERS.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let transcript = Transcript {
        request: done.request.clone(),
        facts: done.facts.clone(),
        result: done.result.cloned().map_err(Clone::clone),
    };
    CURRENT.with(|current| current.replace(Some(transcript)));
    Some(LaidOut)
}

/// The exchange whose event is being handed out on this thread.
pub(crate) fn current() -> Option<Transcript> {
    CURRENT.with(|current| current.borrow().clone())
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::time::Duration;

    use super::*;
    use crate::transport::Endpoint;
    use crate::wire::tests::ok;

    #[test]
    fn bodies_are_laid_out_only_while_somebody_listens_and_only_for_the_event() {
        let request = Request::new(Endpoint::Send, "{}".into());
        let reply = ok(r#"{"result":"OK"}"#);
        let done = Finished {
            request: &request,
            facts: &Facts::default(),
            attempt: 1,
            wait: Duration::ZERO,
            took: Duration::ZERO,
            http_status: Some(200),
            result: Ok(&reply),
        };
        assert!(lay_out(&done).is_none(), "nobody listens");
        let listener = Listener::new();
        let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let _laid_out = lay_out(&done);
            assert!(current().is_some());
            assert!(std::thread::spawn(|| current().is_none()).join().unwrap(), "other threads see nothing");
            panic!("as a subscriber may");
        }));
        assert!(panicked.is_err());
        assert!(current().is_none());
        drop(listener);
        assert!(lay_out(&done).is_none());
    }
}
