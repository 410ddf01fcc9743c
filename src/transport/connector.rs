//! What the HTTP transport tells of the connections that it sets up, and who drives an exchange that waits for one.

use std::cell::Cell;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::JoinSet;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument;

use super::connections::Connections;

/// The exchange that is being polled on this thread: connections are asked for while it is.
struct Polled {
    connections: Arc<Connections>,
    connects: Cell<bool>,
}

tokio::task_local! {
    static POLLED: Polled;
}

/// Tells of each set-up from its beginning to its end, DNS, proxies and TLS included, also of one that goes on in the
/// background after its request took another connection.
#[derive(Debug, Clone)]
pub(super) struct TellSetUps {
    /// After so long reqwest gives a set-up up.
    pub(super) most: Duration,
}

/// A connector whose set-ups are told.
#[derive(Debug, Clone)]
pub(super) struct Told<S> {
    connector: S,
    most: Duration,
}

impl<S> Layer<S> for TellSetUps {
    type Service = Told<S>;

    fn layer(&self, connector: S) -> Told<S> {
        Told { connector, most: self.most }
    }
}

impl<R, S> Service<R> for Told<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, to: R) -> Self::Future {
        // Here and not in the future, or it would begin with its first poll only.
        let connecting = POLLED.try_with(|polled| {
            polled.connects.set(true);
            polled.connections.begin(self.most)
        });
        let set_up = self.connector.call(to);
        Box::pin(async move {
            let made = set_up.await;
            drop(connecting); // the whole of it, so that the future holds it until here
            made
        })
    }
}

/// Drives an exchange. One that has to connect goes on in a task of its own from there: no request may start while a
/// connection is being set up, so that a caller that is not polled in the middle of it would hold up all others.
///
/// It is the whole exchange, since a request whose connection stands should leave at once, and not together with a
/// later one. Dropped, the exchange ends, as it does without the task. `None` if the task's runtime went away.
pub(super) async fn drive<T: Send + 'static>(
    exchange: BoxFuture<'static, T>,
    connections: Arc<Connections>,
) -> Option<T> {
    let mut exchange = Telling { exchange, connections };
    let done = std::future::poll_fn(|cx| match exchange.poll_telling(cx) {
        (Poll::Ready(done), _) => Poll::Ready(Some(done)),
        (Poll::Pending, true) => Poll::Ready(None),
        (Poll::Pending, false) => Poll::Pending,
    });
    if let Some(done) = done.await {
        return Some(done);
    }
    let mut task = JoinSet::new(); // which ends its task when it is dropped
    task.spawn(exchange.in_current_span());
    match task.join_next().await? {
        Ok(done) => Some(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

/// An exchange whose connections are told while it is polled.
struct Telling<T> {
    exchange: BoxFuture<'static, T>,
    connections: Arc<Connections>,
}

impl<T> Telling<T> {
    /// Tells too whether the set-up of a connection began.
    fn poll_telling(&mut self, cx: &mut Context<'_>) -> (Poll<T>, bool) {
        let polled = Polled { connections: Arc::clone(&self.connections), connects: Cell::new(false) };
        POLLED.sync_scope(polled, || {
            let polled = self.exchange.as_mut().poll(cx);
            (polled, POLLED.with(|polled| polled.connects.get()))
        })
    }
}

impl<T> Future for Telling<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.poll_telling(cx).0
    }
}
