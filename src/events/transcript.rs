//! The facts of a request on their way to the log layer, beside its event and not in it.
//!
//! An event's fields are seen by every subscriber, so texts and numbers must not be among them. They lie in a thread-local
//! that only this crate can read, and only while the event is handed to the subscribers of this thread. Without a log
//! layer nothing is put there: one relaxed load.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::facts::{Attempt, Facts, Finished};
use crate::error::Error;
use crate::transport::Endpoint;
use crate::wire::{Credentials, RawReply};

/// What the log layer is told of a request. Handles only: nothing is copied.
#[derive(Debug, Clone)]
pub(crate) struct Transcript {
    pub(crate) id: u64,
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: Credentials,
    pub(crate) facts: Facts,
    /// `None` of a request that is about to leave.
    pub(crate) result: Option<Result<RawReply, Error>>,
}

static LISTENERS: AtomicUsize = AtomicUsize::new(0);
/// Those of them that are told of requests before they leave.
static AHEAD: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static CURRENT: RefCell<Option<Transcript>> = const { RefCell::new(None) };
}

/// As long as one lives, requests are provided.
#[derive(Debug)]
pub(crate) struct Listener {
    ahead: bool,
}

impl Listener {
    /// `ahead` says that it is told of requests before they leave too.
    pub(crate) fn new(ahead: bool) -> Self {
        LISTENERS.fetch_add(1, Ordering::Relaxed);
        AHEAD.fetch_add(usize::from(ahead), Ordering::Relaxed);
        Self { ahead }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
        AHEAD.fetch_sub(usize::from(self.ahead), Ordering::Relaxed);
    }
}

/// Takes the request away again, also when a subscriber panics.
pub(super) struct Provided;

impl Drop for Provided {
    fn drop(&mut self) {
        CURRENT.with(|current| current.take());
    }
}

/// Provides a request while the guard lives, if anybody listens.
pub(super) fn provide(attempt: &Attempt<'_>, done: Option<&Finished<'_>>) -> Option<Provided> {
    let listeners = if done.is_some() { &LISTENERS } else { &AHEAD };
    if listeners.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let transcript = Transcript {
        id: attempt.id,
        endpoint: attempt.endpoint,
        credentials: attempt.credentials.clone(),
        facts: attempt.facts.clone(),
        result: done.map(|done| done.result.cloned().map_err(Clone::clone)),
    };
    CURRENT.with(|current| current.replace(Some(transcript)));
    Some(Provided)
}

/// The request whose event is being handed out on this thread.
pub(crate) fn current() -> Option<Transcript> {
    CURRENT.with(|current| current.borrow().clone())
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::time::Duration;

    use super::*;
    use crate::secret::Secret;
    use crate::wire::tests::ok;

    #[test]
    fn requests_are_provided_only_while_somebody_listens_and_only_for_the_event() {
        let (credentials, facts) = (Credentials::new("user", &Secret::new("pass")), Facts::default());
        let attempt = Attempt::new(Endpoint::Send, &credentials, &facts, 1);
        let reply = ok(r#"{"result":"OK"}"#);
        let done = Finished {
            wait: Duration::ZERO,
            took: Duration::ZERO,
            http_status: Some(200),
            result: Ok(&reply),
        };
        assert!(provide(&attempt, Some(&done)).is_none(), "nobody listens");
        let listener = Listener::new(false);
        assert!(provide(&attempt, None).is_none(), "nobody wants to know before it leaves");
        let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let _provided = provide(&attempt, Some(&done));
            assert!(current().is_some());
            assert!(std::thread::spawn(|| current().is_none()).join().unwrap(), "other threads see nothing");
            panic!("as a subscriber may");
        }));
        assert!(panicked.is_err());
        assert!(current().is_none());
        drop(listener);
        let listener = Listener::new(true);
        assert!(provide(&attempt, None).is_some_and(|_| current().is_some_and(|told| told.result.is_none())));
        drop(listener);
        assert!(provide(&attempt, None).is_none() && provide(&attempt, Some(&done)).is_none());
    }
}
