//! Calls that are set up by their methods and start when they are first polled.

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;

use crate::core::Core;
use crate::engine::Call;
use crate::error::Error;
use crate::retry::{OnRetry, Retry};

pub(crate) type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future that can be changed until it is first polled.
pub(crate) enum Lazy<C, T> {
    Set(C, fn(C) -> Running<T>),
    Running(Running<T>),
    Done,
}

impl<C, T> Lazy<C, T> {
    /// Changes the call; once started it stays as it is.
    pub(crate) fn set(&mut self, change: impl FnOnce(&mut C)) {
        if let Self::Set(call, _) = self {
            change(call);
        }
    }

    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        loop {
            match self {
                Self::Running(future) => {
                    let output = std::task::ready!(future.as_mut().poll(cx));
                    *self = Self::Done;
                    return Poll::Ready(output);
                }
                Self::Set(..) => {
                    if let Self::Set(call, start) = std::mem::replace(self, Self::Done) {
                        *self = Self::Running(start(call));
                    }
                }
                Self::Done => panic!("a finished call was polled again"),
            }
        }
    }
}

/// The options of a call that only reads.
#[derive(Debug, Default)]
pub(crate) struct QueryOptions {
    pub(crate) deadline: Option<Duration>,
    pub(crate) on_retry: Option<OnRetry>,
}

impl QueryOptions {
    /// Hands them to a call of one request.
    pub(crate) fn apply(self, call: &mut Call) {
        call.deadline = self.until();
        call.on_retry = self.on_retry;
    }

    /// The deadline, counted from now: the call has just started. One beyond the clock's range is none.
    pub(crate) fn until(&self) -> Option<Instant> {
        Instant::now().checked_add(self.deadline?)
    }
}

/// A call that only reads: it changes nothing, costs nothing and may be asked again.
///
/// A future: await it or spawn it. It is retried after any transport failure, 3 tries in all. Dropped while it
/// waits for its turn, no request was made.
#[must_use = "a call does nothing until it is awaited or spawned"]
pub struct Query<T>(Lazy<(QueryOptions, StartQuery<T>), Result<T, Error>>);

type StartQuery<T> = Box<dyn FnOnce(QueryOptions) -> Running<Result<T, Error>> + Send>;

impl<T> Query<T> {
    pub(crate) fn new<F>(
        core: &Arc<Core>,
        start: impl FnOnce(Arc<Core>, QueryOptions) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let core = Arc::clone(core);
        let start: StartQuery<T> = Box::new(move |options| Box::pin(start(core, options)));
        Self(Lazy::Set((QueryOptions::default(), start), |(options, start)| start(options)))
    }

    /// Bounds the whole call from its start: waiting for a turn, every attempt and the pauses between them.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.0.set(|(options, _)| options.deadline = Some(deadline));
        self
    }

    /// Looks at each retry before its pause; `ControlFlow::Break` ends the call with the error at hand.
    pub fn on_retry(mut self, look: impl Fn(&Retry) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        self.0.set(|(options, _)| options.on_retry = Some(OnRetry::new(look)));
        self
    }
}

impl<T> Future for Query<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(cx)
    }
}

impl<T> fmt::Debug for Query<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Query")
    }
}
