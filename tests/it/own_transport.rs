//! An application's own transport round the one over HTTP: it records, diverts, and fails over.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use kwtsms_async::transport::{
    Endpoint, HttpTransport, Request, Response, Transport, TransportError, TransportFailure,
};
use kwtsms_async::{Client, ErrorKind};

use crate::raw_server::{ACCEPTED, NUMBER, PASSWORD, RawServer, TEXT, Then, USER, reply};

const CONNECT: Duration = Duration::from_secs(2);

/// Asks the second address where no connection to the first came about.
#[derive(Debug)]
struct FailOver {
    first: HttpTransport,
    second: Arc<HttpTransport>,
    recorded: Arc<Mutex<Vec<(Endpoint, bool)>>>,
}

impl Transport for FailOver {
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let (again, second) = (request.clone(), Arc::clone(&self.second));
        let (endpoint, recorded) = (request.endpoint(), Arc::clone(&self.recorded));
        let first = self.first.post(request);
        async move {
            let answer = match first.await {
                Err(error) if error.failure() == TransportFailure::Connect => second.post(again).await,
                answer => answer,
            };
            recorded.lock().unwrap().push((endpoint, answer.is_ok()));
            answer
        }
        .boxed()
    }

    fn is_local(&self) -> bool {
        self.first.is_local() && self.second.is_local()
    }
}

/// An address at which nobody listens.
async fn closed() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/API/", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_transport_round_the_one_over_http_fails_over_and_sends_once() {
    let server = RawServer::always(Then::Answer(reply(200, ACCEPTED))).await;
    let recorded = Arc::<Mutex<Vec<_>>>::default();
    let transport = FailOver {
        first: HttpTransport::new(&closed().await, CONNECT).unwrap(),
        second: Arc::new(HttpTransport::new(&server.base_url(), CONNECT).unwrap()),
        recorded: Arc::clone(&recorded),
    };
    assert!(transport.is_local());
    let client = Client::builder(USER, PASSWORD).sender_id("MY-APP").transport(transport).build().unwrap();
    let report = client.send(NUMBER, TEXT).await.unwrap();
    assert_eq!(report.accepted(), 1);
    assert!(server.only().body.contains(NUMBER));
    assert_eq!(*recorded.lock().unwrap(), [(Endpoint::Send, true)]);
}

#[test]
fn the_transport_over_http_refuses_what_a_client_would_refuse() {
    for url in ["http://192.0.2.1/API/", "https://user:pass@www.kwtsms.com/API/", "no address", ""] {
        let error = HttpTransport::new(url, CONNECT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
    }
    let transport = HttpTransport::new("http://127.0.0.1:9/API/", Duration::MAX).unwrap();
    assert!(transport.is_local());
    assert!(!format!("{transport:?}").contains("API"), "{transport:?}");
}
