//! A transport that notes what its requests meet.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::clock::wall_now;
use crate::transport::{Request, Response, Transport, TransportError, TransportFailure};

/// What became of one request. One that was given up has no end.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchange {
    pub(super) end: Option<End>,
}

/// An answer, or how it failed.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) took: Duration,
    pub(super) status: Result<u16, TransportFailure>,
    /// When it was answered, by the server's clock and by this one.
    pub(super) date: Option<(SystemTime, SystemTime)>,
}

/// The requests so far, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Exchanges(Arc<Mutex<Vec<Exchange>>>);

impl Exchanges {
    pub(super) fn list(&self) -> Vec<Exchange> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct Watched {
    pub(super) transport: Arc<dyn Transport>,
    pub(super) exchanges: Exchanges,
}

impl Transport for Watched {
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let (exchanges, begin) = (self.exchanges.clone(), Instant::now());
        let place = {
            let mut list = exchanges.lock();
            list.push(Exchange::default());
            list.len() - 1
        };
        let answer = self.transport.post(request);
        Box::pin(async move {
            let answer = answer.await;
            let end = End {
                took: begin.elapsed(),
                status: answer.as_ref().map(Response::status).map_err(TransportError::failure),
                date: answer.as_ref().ok().and_then(Response::date).map(|date| (date, wall_now())),
            };
            exchanges.lock()[place].end = Some(end);
            answer
        })
    }

    fn is_local(&self) -> bool {
        self.transport.is_local()
    }
}
