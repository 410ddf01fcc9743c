//! A message that is being asked for.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;

use super::caller::Caller;
use super::engine::{Ask, Inner, Wishes};
use super::error::StartError;
use super::reply::Started;
use super::text::Language;

/// A code that is being asked for; a future: await it or spawn it.
///
/// # Cancellation
///
/// Dropped before it was polled, or while the store is asked for room, nothing is sent. From then on the message is
/// sent and its outcome stored in a task of its own, which goes on without the call. Where the process ends in between,
/// the outcome counts as unknown: the code is valid if it arrives, the one before stays valid, the limits stay taken.
#[must_use = "no code is sent until the call is awaited or spawned"]
pub struct StartCall {
    set: Option<(Arc<Inner>, Ask, Wishes)>,
    running: Option<BoxFuture<'static, Result<Started, StartError>>>,
}

impl StartCall {
    pub(super) fn new(inner: &Arc<Inner>, ask: Ask, caller: &Caller) -> Self {
        let wishes = Wishes { caller: caller.clone(), language: None, android: None, background: false };
        Self { set: Some((Arc::clone(inner), ask, wishes)), running: None }
    }

    fn with(mut self, change: impl FnOnce(&mut Wishes)) -> Self {
        if let Some((_, _, wishes)) = &mut self.set {
            change(wishes);
        }
        self
    }

    /// The language of the text. Default: English, and for another message of a challenge its first one's.
    pub fn language(self, language: Language) -> Self {
        self.with(|wishes| wishes.language = Some(language))
    }

    /// Ends the text with the 11 characters by which Android hands it to your app (SMS Retriever), in place of the
    /// last line for browsers.
    pub fn android_hash(self, hash: impl Into<String>) -> Self {
        self.with(|wishes| wishes.android = Some(hash.into()))
    }

    /// Replies as soon as the limits are taken and the code is stored, and sends in a task: the reply takes the same
    /// time for every number, and for [decoys](super::Otp::decoy) too.
    pub fn in_background(self) -> Self {
        self.with(|wishes| wishes.background = true)
    }
}

impl Future for StartCall {
    type Output = Result<Started, StartError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some((inner, ask, wishes)) = self.set.take() {
            self.running = Some(Box::pin(inner.ask(ask, wishes)));
        }
        match &mut self.running {
            Some(running) => {
                let output = std::task::ready!(running.as_mut().poll(cx));
                self.running = None;
                Poll::Ready(output)
            }
            None => panic!("a finished call was polled again"),
        }
    }
}

impl fmt::Debug for StartCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StartCall")
    }
}
