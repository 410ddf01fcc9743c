//! An exchange with the gateway, which ends by itself even if nobody waits for it any more.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::{Instrument, Span};

use crate::clock::before;
use crate::error::Error;
use crate::task::spawn;

/// An exchange with the gateway. Dropped before its end, it goes on in a task of its own, if it was begun.
///
/// Its socket and its timers belong to the runtime on which it was begun. Polled on another one, it goes on in a task
/// there, and here its end is waited for.
pub(crate) struct Exchange<T: Send + 'static> {
    under_way: Option<BoxFuture<'static, Result<T, Error>>>,
    /// Once it was begun.
    runtime: Option<Handle>,
    /// It ends within this, where its runtime is driven.
    timeout: Duration,
}

impl<T: Send> Exchange<T> {
    #[inline]
    pub(crate) fn new(
        exchange: impl Future<Output = Result<T, Error>> + Send + 'static,
        timeout: Duration,
    ) -> Self {
        Self { under_way: Some(Box::pin(exchange)), runtime: None, timeout }
    }

    fn go_on_there(
        &self,
        runtime: &Handle,
        exchange: BoxFuture<'static, Result<T, Error>>,
    ) -> BoxFuture<'static, Result<T, Error>> {
        let (tell, end) = oneshot::channel();
        let there = async move { drop(tell.send(exchange.await)) }; // nobody may wait for it any more
        spawn(runtime, Box::pin(there.instrument(Span::current())));
        let timeout = self.timeout;
        Box::pin(async move {
            match before(Instant::now().checked_add(timeout), end).await {
                Some(Ok(end)) => end,
                Some(Err(_)) => Err(Error::answer_not_awaited()),
                None => Err(Error::timeout(timeout)),
            }
        })
    }
}

impl<T: Send> Future for Exchange<T> {
    type Output = Result<T, Error>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out while it is polled, so that one which panics is not polled again by a task.
        let mut exchange = self.under_way.take().expect("an exchange is not polled after its end");
        match (Handle::try_current(), &self.runtime) {
            (Ok(here), Some(runtime)) if here.id() != runtime.id() => {
                exchange = self.go_on_there(runtime, exchange);
                self.runtime = Some(here);
            }
            // Without a runtime this panics in Tokio's words.
            (here, None) => self.runtime = Some(here.unwrap_or_else(|_| Handle::current())),
            _ => {}
        }
        let polled = exchange.as_mut().poll(cx);
        if polled.is_pending() {
            self.under_way = Some(exchange);
        }
        polled
    }
}

impl<T: Send> Drop for Exchange<T> {
    #[inline]
    fn drop(&mut self) {
        if let (Some(exchange), Some(runtime)) = (self.under_way.take(), &self.runtime) {
            // Dropped inside its call's span, as it was polled.
            let for_the_record = async { drop(exchange.await) };
            spawn(runtime, Box::pin(for_the_record.instrument(Span::current())));
        }
    }
}
