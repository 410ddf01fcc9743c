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
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{self, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Method, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::guard::{Guard, Stranger, Target};
use crate::sandbox::inbox;
use crate::sandbox::model::exchange::{Call, MAX_BODY, Outcome, Source};
use crate::sandbox::model::reply::Reply;
use crate::sandbox::shared::Shared;

/// How long an exchange in flight may still take when the server stops.
const GRACE: Duration = Duration::from_secs(1);
/// In so many pieces a slow body comes.
const PIECES: usize = 10;
/// So much of a request's head is read; a longer one gets 431. Browsers and proxies stay far below.
const MAX_HEAD: usize = 32 * 1024;
/// What the firewall swallowed is held open for so long at most; clients give up sooner.
const SILENCE: Duration = Duration::from_secs(600);
/// A request that may take for ever may take so long: a timer counts no further than a clock.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// So often another free port is tried, when one is free on 127.0.0.1 and not on ::1.
const PORTS: usize = 20;

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How a server listens.
#[derive(Debug, Clone)]
pub(crate) struct Listening {
    pub(crate) bind: SocketAddr,
    pub(crate) guard: Guard,
    /// How long a request may take to arrive, and how long a connection may be idle.
    pub(crate) patience: Duration,
}

/// A running server; dropping it stops it.
pub(crate) struct Server {
    base_url: String,
    /// Its end tells the tasks to stop.
    _stop: watch::Sender<()>,
}

impl Server {
    pub(crate) async fn start(listening: Listening, shared: Arc<Shared>) -> io::Result<Self> {
        let Listening { bind, guard, patience } = listening;
        let listeners = listen(bind).await?;
        let address = listeners.first().map_or(Ok(bind), TcpListener::local_addr)?;
        // "Every address" is none to connect to.
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let base_url = format!("http://{}/API/", SocketAddr::new(ip, address.port()));
        let site = Site {
            inbox: inbox::router(shared.clone()),
            shared,
            guard: Arc::new(guard),
            patience: patience.min(FOR_EVER),
        };
        let (stop, stopped) = watch::channel(());
        for listener in listeners {
            tokio::spawn(accept(listener, site.clone(), stopped.clone()));
        }
        Ok(Self { base_url, _stop: stop })
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }
}

/// Listens on an address, and beside 127.0.0.1 on ::1 where the machine has it: `localhost` may be either.
async fn listen(bind: SocketAddr) -> io::Result<Vec<TcpListener>> {
    let mut tries = 0;
    loop {
        let first = TcpListener::bind(bind).await?;
        let local = matches!(bind.ip(), IpAddr::V4(ip) if ip.is_loopback() || ip.is_unspecified());
        if !local {
            return Ok(vec![first]);
        }
        let port = first.local_addr()?.port();
        tries += 1;
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)).await {
            Ok(second) => return Ok(vec![first, second]),
            // Another program's: `localhost` would be that one or this one, as the client has it.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                if bind.port() != 0 || tries == PORTS {
                    return Err(error);
                }
            }
            // No IPv6 here.
            Err(_) => return Ok(vec![first]),
        }
    }
}

/// What stands behind every connection.
#[derive(Clone)]
struct Site {
    shared: Arc<Shared>,
    inbox: Router,
    guard: Arc<Guard>,
    patience: Duration,
}

async fn accept(listener: TcpListener, site: Site, mut stopped: watch::Receiver<()>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(serve(stream, machine(peer.ip()), site.clone(), stopped.clone()));
            }
            // Out of descriptors, or the peer is gone already: the next one may do better.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// One address for one machine: the firewall counts 127.0.0.1 and ::1 together.
fn machine(peer: IpAddr) -> IpAddr {
    let peer = peer.to_canonical();
    if peer.is_loopback() { Ipv4Addr::LOCALHOST.into() } else { peer }
}

async fn serve(stream: TcpStream, peer: IpAddr, site: Site, mut stopped: watch::Receiver<()>) {
    // Answers are small and written at once; waiting for more only adds 40 ms.
    let _ = stream.set_nodelay(true);
    let patience = site.patience;
    let service = service_fn(move |request| answer(request, peer, site.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
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
    let (head, body) = request.into_parts();
    let target = match head.uri.path() {
        "/" => Target::Page,
        path if inbox::is_inbox(path) => Target::Inbox,
        _ => Target::Gateway,
    };
    let origin = match site.guard.check(&head.headers, target) {
        Ok(origin) => origin,
        Err(stranger) => {
            return Ok(boxed(inbox::refuse(StatusCode::FORBIDDEN, turned_away(&stranger)).await));
        }
    };
    let asks_leave =
        head.method == Method::OPTIONS && head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if origin.is_some() && asks_leave {
        leave()?
    } else {
        match timeout(site.patience, collect(body)).await {
            Ok(body) => exchange(head, body?, peer, site).await?,
            Err(_) => whole(&Reply::html(408, "Request Timeout"))?,
        }
    };
    if let Some(origin) = origin {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    Ok(response)
}

/// Why it is not let in, and how to let it in.
fn turned_away(stranger: &Stranger) -> String {
    match stranger {
        Stranger::Host(host) => format!(
            "the sandbox is not called {host:?}: use an IP address or localhost, or allow the name with \
             SandboxBuilder::allow_host or --host"
        ),
        Stranger::Origin(origin) => format!(
            "the sandbox answers its own page and clients that are no browsers, not a page of {origin:?}: allow it \
             with SandboxBuilder::allow_origin or --allow-origin"
        ),
        Stranger::Site => "the sandbox does not answer pages of other sites".to_owned(),
    }
}

/// A request that is there as a whole.
async fn exchange(
    head: hyper::http::request::Parts,
    body: Bytes,
    peer: IpAddr,
    site: Site,
) -> io::Result<hyper::Response<Body>> {
    if inbox::is_inbox(head.uri.path()) {
        let request = hyper::Request::from_parts(head, Full::new(body));
        let Ok(response) = TowerToHyperService::new(site.inbox).call(request).await;
        return Ok(boxed(response));
    }
    let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
    let answer = site.shared.answer(&Call {
        method: head.method.as_str(),
        path: head.uri.path(),
        content_type: text(CONTENT_TYPE),
        accept: text(header::ACCEPT),
        body: &body,
        source: Source::Address(peer),
    });
    drop(body);
    if !answer.after.is_zero() {
        sleep(answer.after).await;
    }
    match answer.outcome {
        Outcome::Reply(reply) => whole(&reply),
        Outcome::Truncated(reply, keep) => truncated(reply, keep),
        Outcome::Slow(reply, over) => slow(reply, over),
        Outcome::Cut | Outcome::Refused => Err(io::ErrorKind::ConnectionAborted.into()),
        Outcome::Silence => {
            sleep(SILENCE).await;
            Err(io::ErrorKind::ConnectionAborted.into())
        }
    }
}

/// The body, or as much of it as shows that it is too long.
async fn collect(mut body: Incoming) -> io::Result<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            whole.extend_from_slice(&data);
        }
        if whole.len() > MAX_BODY {
            break;
        }
    }
    Ok(whole.freeze())
}

/// The answer to a browser that asks what a page of an allowed origin may do: all of it.
fn leave() -> io::Result<hyper::Response<Body>> {
    let body = Empty::new().map_err(|never: Infallible| match never {}).boxed_unsync();
    hyper::Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE")
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, Accept")
        .body(body)
        .map_err(io::Error::other)
}

fn boxed(response: axum::response::Response) -> hyper::Response<Body> {
    response.map(|body| body.map_err(io::Error::other).boxed_unsync())
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

fn whole(reply: &Reply) -> io::Result<hyper::Response<Body>> {
    let body = Full::new(reply.body.clone()).map_err(|never: Infallible| match never {});
    respond(reply, body.boxed_unsync())
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
