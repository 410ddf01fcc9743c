//! The door over HTTP/1.1.
//!
//! Connections are served one by one on hyper, not through a framework, since the faults have to close them without
//! an answer: a service that fails does that. Only the inbox, which has no faults, is a router.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::pending;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LOCATION};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::sandbox::inbox;
use crate::sandbox::model::exchange::{Call, MAX_BODY, Outcome, Source};
use crate::sandbox::model::reply::Reply;
use crate::sandbox::shared::Shared;

/// How long an exchange in flight may still take when the server stops.
const GRACE: Duration = Duration::from_secs(1);
/// In so many pieces a slow body comes.
const PIECES: usize = 10;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A running server; dropping it stops it.
pub(crate) struct Server {
    base_url: String,
    /// Its end tells the tasks to stop.
    _stop: watch::Sender<()>,
}

impl Server {
    /// Starts one; its inbox may be called by the names `hosts`, besides addresses and `localhost`.
    pub(crate) async fn start(bind: SocketAddr, hosts: Vec<String>, shared: Arc<Shared>) -> io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let site = Site { inbox: inbox::router(shared.clone(), hosts.into()), shared };
        let mut address = listener.local_addr()?;
        // "Every address" is none to connect to.
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let base_url = format!("http://{address}/API/");
        let (stop, stopped) = watch::channel(());
        tokio::spawn(accept(listener, site, stopped));
        Ok(Self { base_url, _stop: stop })
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }
}

/// What stands behind every connection.
#[derive(Clone)]
struct Site {
    shared: Arc<Shared>,
    inbox: Router,
}

async fn accept(listener: TcpListener, site: Site, mut stopped: watch::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(serve(stream, peer.ip(), site.clone(), stopped.clone()));
            }
            // Out of descriptors, or the peer is gone already: the next one may do better.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, peer: IpAddr, site: Site, mut stopped: watch::Receiver<()>) {
    // Answers are small and written at once; waiting for more only adds 40 ms.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, peer, site.clone()));
    let mut connection =
        std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = timeout(GRACE, connection).await;
        }
    }
}

/// Answers one request; an error closes the connection without an answer.
async fn answer(
    request: hyper::Request<Incoming>,
    peer: IpAddr,
    site: Site,
) -> io::Result<hyper::Response<Body>> {
    if inbox::is_inbox(request.method().as_str(), request.uri().path()) {
        let Ok(response) = TowerToHyperService::new(site.inbox).call(request).await;
        return Ok(response.map(|body| body.map_err(io::Error::other).boxed_unsync()));
    }
    let shared = site.shared;
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return whole(Reply::html(413, "Request Entity Too Large"));
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    let header = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    let answer = shared.answer(&Call {
        method: head.method.as_str(),
        path: head.uri.path(),
        content_type: header(CONTENT_TYPE),
        accept: header(ACCEPT),
        body: &body,
        source: Source::Address(peer),
    });
    drop(body);
    if !answer.after.is_zero() {
        sleep(answer.after).await;
    }
    match answer.outcome {
        Outcome::Reply(reply) => whole(reply),
        Outcome::Truncated(reply, keep) => truncated(reply, keep),
        Outcome::Slow(reply, over) => slow(reply, over),
        Outcome::Cut | Outcome::Refused => Err(io::ErrorKind::ConnectionAborted.into()),
        Outcome::Silence => pending().await,
    }
}

fn respond(reply: &Reply, body: Body) -> io::Result<hyper::Response<Body>> {
    let mut response = hyper::Response::builder()
        .status(reply.status)
        .header(CONTENT_TYPE, reply.content_type.as_ref())
        .header(CONTENT_LENGTH, reply.body.len());
    if let Some(location) = &reply.location {
        response = response.header(LOCATION, location);
    }
    response.body(body).map_err(io::Error::other)
}

fn whole(reply: Reply) -> io::Result<hyper::Response<Body>> {
    let body = Full::new(reply.body.clone()).map_err(|never: Infallible| match never {});
    respond(&reply, body.boxed_unsync())
}

/// Announces the whole body, gives a part of it, and then fails, which cuts the connection.
fn truncated(reply: Reply, keep: usize) -> io::Result<hyper::Response<Body>> {
    let part = reply.body.slice(..keep);
    let first = stream::iter([Ok(Frame::data(part))]);
    let cut = stream::once(async {
        // The part has to be on its way before the connection goes.
        sleep(Duration::from_millis(5)).await;
        Err(io::ErrorKind::ConnectionAborted.into())
    });
    respond(&reply, StreamBody::new(first.chain(cut)).boxed_unsync())
}

fn slow(reply: Reply, over: Duration) -> io::Result<hyper::Response<Body>> {
    let size = reply.body.len().div_ceil(PIECES).max(1);
    let pieces: Vec<Bytes> = reply.body.chunks(size).map(Bytes::copy_from_slice).collect();
    let pause = over / u32::try_from(pieces.len().max(1)).unwrap_or(u32::MAX);
    let body = stream::iter(pieces).then(move |piece| async move {
        sleep(pause).await;
        Ok(Frame::data(piece))
    });
    respond(&reply, StreamBody::new(body).boxed_unsync())
}
