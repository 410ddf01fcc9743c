//! Observes the connections that the HTTP transport sets up, and drives an exchange that waits for one.

use std::any::Any;
use std::cell::Cell;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use pin_project_lite::pin_project;
use tokio::task::JoinSet;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Instrument;

use super::connections::Connections;
use crate::clock::wall_now;

/// The exchange that is being polled on this thread: connections are asked for while it is.
struct Polled {
    connections: Option<Arc<Connections>>,
    below: Arc<Below>,
}

thread_local! {
    static POLLED: Cell<Option<Polled>> = const { Cell::new(None) };
    /// True once the set-up of a connection began in the poll of the exchange.
    static CONNECTS: Cell<bool> = const { Cell::new(false) };
}

pin_project! {
    /// An exchange, and what its connections are told of.
    struct ObservedExchange<F> {
        polled: Option<Polled>,
        #[pin]
        exchange: F,
    }
}

impl<F: Future> Future for ObservedExchange<F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _polling = Polling::begin(this.polled);
        this.exchange.poll(cx)
    }
}

/// An exchange is being polled while this lives.
struct Polling<'a> {
    polled: &'a mut Option<Polled>,
    /// The one around it: a caller's future may drive another within its own poll.
    around: Option<Polled>,
}

impl<'a> Polling<'a> {
    #[inline]
    fn begin(polled: &'a mut Option<Polled>) -> Self {
        let around = POLLED.replace(polled.take());
        Self { polled, around }
    }
}

impl Drop for Polling<'_> {
    #[inline]
    fn drop(&mut self) {
        *self.polled = POLLED.replace(self.around.take());
    }
}

/// What makes the connections of a client, below the observed connector.
#[derive(Debug)]
struct Below {
    connector: OnceLock<Box<dyn Any + Send + Sync>>,
    /// After so long reqwest gives a set-up up.
    most: Duration,
}

/// Tells of each set-up of a client's connections from its beginning to its end, DNS, proxies and TLS included, also of
/// one that goes on in the background after its request took another connection.
#[derive(Debug, Clone)]
pub(super) struct ObserveSetUps(Arc<Below>);

impl ObserveSetUps {
    /// `most` is the time-out of a set-up.
    pub(super) fn new(most: Duration) -> Self {
        Self(Arc::new(Below { connector: OnceLock::new(), most }))
    }

    /// An exchange of the client, whose set-ups are told of where a limiter wants to know.
    #[inline]
    pub(super) fn exchange<T: Send + 'static>(
        self,
        connections: Option<Arc<Connections>>,
        exchange: impl Future<Output = T> + Send + 'static,
    ) -> BoxFuture<'static, T> {
        Box::pin(ObservedExchange { polled: Some(Polled { connections, below: self.0 }), exchange })
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConnection {
    /// By the clock on the wall the set-up took longer than it may, as where the machine slept meanwhile: what was to
    /// leave over it is not wanted any more.
    #[error("the connection came about only after its time-out, by the clock on the wall")]
    TooLate,
    /// hyper connects in the poll of the request that asks for it; elsewhere nobody would count it.
    #[error("a connection was asked for outside of a request")]
    Unasked,
}

/// A connector whose set-ups are observed.
///
/// reqwest boxes it and clones the box six times a request, also where a kept connection is used. So it has no size, and
/// its box takes no memory; what is below it stands with the exchange.
pub(super) struct Observed<S>(PhantomData<fn() -> S>);

impl<S> Clone for Observed<S> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<S: Send + Sync + 'static> Layer<S> for ObserveSetUps {
    type Service = Observed<S>;

    fn layer(&self, connector: S) -> Observed<S> {
        self.0.connector.set(Box::new(connector)).expect("one client has one connector");
        Observed(PhantomData)
    }
}

impl<R, S> Service<R> for Observed<S>
where
    R: Send + 'static,
    S: Service<R> + Clone + Send + 'static,
    S::Error: From<NoConnection>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(())) // each set-up has a connector of its own, which it waits for
    }

    fn call(&mut self, to: R) -> Self::Future {
        // Here and not in the future, or it would begin with its first poll only.
        let polled = POLLED.take();
        let asked = polled.as_ref().and_then(|Polled { connections, below }| {
            let connector: S = below.connector.get()?.downcast_ref().cloned()?;
            let connecting = connections.as_ref().map(|connections| connections.begin(below.most));
            Some((connecting, connector, below.most))
        });
        POLLED.set(polled);
        let Some((connecting, mut connector, most)) = asked else {
            return Box::pin(async { Err(NoConnection::Unasked.into()) });
        };
        CONNECTS.set(true);
        let begun = wall_now();
        Box::pin(async move {
            poll_fn(|cx| connector.poll_ready(cx)).await?;
            let made = connector.call(to).await;
            // The clock of the time-outs stands still while the machine sleeps.
            let took = wall_now().duration_since(begun).unwrap_or_default();
            let made = if took <= most { made } else { Err(NoConnection::TooLate.into()) };
            // The whole of it, so that the future holds it until here.
            match (connecting, &made) {
                (Some(connecting), Ok(_)) => connecting.made(),
                (connecting, _) => drop(connecting),
            }
            made
        })
    }
}

/// Drives an exchange. One that has to connect goes on in a task of its own from there: no request may start while a
/// connection is being set up, so that a caller that is not polled in the middle of it would hold up all others.
///
/// It is the whole exchange, since a request whose connection stands should leave at once, and not together with a
/// later one. Dropped, the exchange ends, as it does without the task. `None` if the task's runtime went away.
pub(super) async fn drive<T: Send + 'static>(mut exchange: BoxFuture<'static, T>) -> Option<T> {
    let done = poll_fn(|cx| {
        CONNECTS.set(false);
        match exchange.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if CONNECTS.get() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
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

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::time::SystemTime;

    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::clock::testing::set_wall_clock;

    const GAP: Duration = Duration::from_millis(250);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Connects within a second.
    #[derive(Clone)]
    struct Slow;

    impl Service<()> for Slow {
        type Response = ();
        type Error = Box<dyn Error + Send + Sync>;
        type Future = BoxFuture<'static, Result<(), Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            Box::pin(async {
                sleep(ms(1_000)).await;
                Ok(())
            })
        }
    }

    fn connector() -> Observed<Slow> {
        Observed(PhantomData)
    }

    /// Polls once.
    async fn poll(exchange: &mut BoxFuture<'static, Option<&'static str>>) -> Poll<Option<&'static str>> {
        futures::poll!(exchange)
    }

    fn driven(
        connections: &Arc<Connections>,
        exchange: impl Future<Output = &'static str> + Send + 'static,
    ) -> BoxFuture<'static, Option<&'static str>> {
        let observe = ObserveSetUps::new(ms(5_000));
        let above = observe.layer(Slow);
        assert_eq!(size_of_val(&above), 0, "its box allocates nothing");
        Box::pin(drive(observe.exchange(Some(Arc::clone(connections)), exchange)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_is_not_polled_does_not_stop_a_set_up_nor_the_request_behind_it() {
        let connections = Arc::new(Connections::default());
        let begin = Instant::now();
        let (left, leaves) = tokio::sync::oneshot::channel();
        let mut exchange = driven(&connections, async {
            connector().call(()).await.unwrap();
            left.send(Instant::now()).unwrap();
            "answer"
        });
        assert!(poll(&mut exchange).await.is_pending());
        assert_eq!(connections.clear(begin, GAP), Some(begin + GAP), "it is under way");
        assert_eq!(leaves.await.unwrap(), begin + ms(1_000));
        assert_eq!(connections.clear(Instant::now() + ms(9_000), GAP), Some(begin + ms(1_000) + GAP));
        assert_eq!(poll(&mut exchange).await, Poll::Ready(Some("answer")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_no_exchange_asks_for_is_refused() {
        let refused = connector().call(()).await.unwrap_err();
        assert!(matches!(refused.downcast_ref(), Some(NoConnection::Unasked)), "{refused}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_came_about_after_the_machine_slept_is_not_used() {
        for (slept, used) in [(ms(0), true), (ms(3_900), true), (ms(4_100), false), (ms(3_600_000), false)] {
            let begin = SystemTime::UNIX_EPOCH + ms(1_000_000_000);
            set_wall_clock(begin);
            let mut exchange = driven(&Arc::default(), async {
                if connector().call(()).await.is_ok() { "posted" } else { "not posted" }
            });
            assert!(poll(&mut exchange).await.is_pending());
            set_wall_clock(begin + slept);
            assert_eq!(exchange.await == Some("posted"), used, "{slept:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_set_up_that_goes_on_in_the_background_is_observed_to_its_end() {
        let connections = Arc::new(Connections::default());
        let begin = Instant::now();
        let mut exchange = driven(&connections, async {
            let mut set_up = connector().call(());
            tokio::select! {
                _ = &mut set_up => "on its own connection",
                () = sleep(ms(300)) => {
                    tokio::spawn(set_up);
                    "on another one"
                }
            }
        });
        assert_eq!((&mut exchange).await, Some("on another one"));
        assert_eq!(begin.elapsed(), ms(300));
        sleep(ms(600)).await;
        assert_eq!(connections.clear(Instant::now(), GAP), Some(begin + ms(900) + GAP), "it goes on");
        sleep(ms(600)).await;
        assert_eq!(connections.clear(Instant::now(), GAP), Some(begin + ms(1_000) + GAP));
    }

    #[tokio::test(start_paused = true)]
    async fn a_set_up_in_a_later_poll_is_observed_and_goes_on_too() {
        let connections = Arc::new(Connections::default());
        let begin = Instant::now();
        let mut exchange = driven(&connections, async {
            sleep(ms(100)).await; // the kept connection turns out to be closed
            connector().call(()).await.unwrap();
            "answer"
        });
        assert!(poll(&mut exchange).await.is_pending());
        assert_eq!(connections.clear(begin, GAP), None);
        sleep(ms(101)).await;
        assert!(poll(&mut exchange).await.is_pending());
        sleep(ms(2_000)).await;
        let ended = connections.clear(Instant::now(), GAP).unwrap() - GAP - begin;
        assert_eq!(ended.as_millis(), 1_101);
    }

    #[tokio::test(start_paused = true)]
    async fn an_exchange_that_is_dropped_while_it_connects_ends() {
        let connections = Arc::new(Connections::default());
        let begin = Instant::now();
        let mut exchange = driven(&connections, async {
            connector().call(()).await.unwrap();
            panic!("it goes on")
        });
        assert!(poll(&mut exchange).await.is_pending());
        sleep(ms(500)).await;
        drop(exchange);
        sleep(ms(2_000)).await;
        assert_eq!(connections.clear(Instant::now(), GAP), Some(begin + ms(500) + GAP));
    }

    #[tokio::test(start_paused = true)]
    async fn an_exchange_on_a_kept_connection_stays_with_its_caller() {
        let connections = Arc::new(Connections::default());
        let task = tokio::task::try_id();
        let exchange = driven(&connections, async move {
            sleep(ms(100)).await;
            assert_eq!(tokio::task::try_id(), task);
            "answer"
        });
        assert_eq!(exchange.await, Some("answer"));
        assert_eq!(connections.clear(Instant::now(), GAP), None);
    }

    #[test]
    fn an_exchange_whose_runtime_goes_away_while_it_connects_is_told_to_be_gone() {
        let connections = Arc::new(Connections::default());
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ends = runtime();
        let mut exchange = driven(&connections, async {
            connector().call(()).await.unwrap();
            "answer"
        });
        assert!(ends.block_on(poll(&mut exchange)).is_pending());
        drop(ends);
        assert_eq!(runtime().block_on(exchange), None);
    }
}
