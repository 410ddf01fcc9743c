//! The transport over reqwest: HTTP/1.1, no redirects, no retries of its own.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
#[cfg(feature = "rustls")]
use std::{error::Error, io};

use bytes::Bytes;
use futures::future::BoxFuture;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER,
    USER_AGENT,
};
use reqwest::{Method, Url, redirect, retry};
use tokio::runtime::{Handle, RuntimeFlavor};

use super::connector::{ObserveSetUps, drive};
use super::pools::{Pools, Taken};
#[cfg(feature = "rustls")]
use super::tls;
use super::way::{ByProxy, Proxy, WayError, named_certificates};
use super::{Endpoint, MAX_REPLY, Request, Response, Transport, TransportError, TransportFailure};

use crate::clock::wall_now;

/// Idle connections are dropped after this: common servers close theirs from 5 s on, and a request that
/// meets the server's close is of unknown outcome.
const IDLE: Duration = Duration::from_secs(4);

/// So many idle connections are kept under a pace. While the way to the server is silent, each takes one more request, and all of
/// these arrive together when it speaks again; the next one has to connect, and holds up the others until then. A
/// steady pace needs no more, since a connection that becomes idle is the next request's.
pub(crate) const KEPT: usize = 3;

/// So long after a request was begun it is looked whether the server has closed its connection.
const LOOK_AFTER: Duration = Duration::from_millis(5);

const AGENT: &str = concat!("kwtsms-async/", env!("CARGO_PKG_VERSION"));

/// Why no transport could be made for a URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpSetupError {
    #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
    #[error("this build has no TLS: switch on the feature `rustls` or `native-tls` of kwtsms-async")]
    NoTls,
    #[cfg(feature = "rustls")]
    #[error(
        "TLS could not be set up: this machine seems to have no CA certificates; install them (Debian: \
         ca-certificates) or switch on the feature `webpki-roots` of kwtsms-async"
    )]
    Certificates(#[source] rustls::Error),
    #[error("the HTTP client could not be set up")]
    Client(#[source] reqwest::Error),
    #[error(transparent)]
    Way(#[from] WayError),
}

/// Posts requests over HTTP/1.1, and keeps up to 3 connections for reuse, for 4 s.
///
/// TLS is made by rustls if its feature is on, and else by the system's library (`native-tls`).
///
/// It is what a client has unless it is given another transport. An application makes one to wrap it: to record
/// requests, to divert them, or to try another address where no connection came about.
///
/// ```
/// # #[cfg(feature = "sandbox")]
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use std::time::Duration;
///
/// use futures::future::BoxFuture;
/// use kwtsms_async::Client;
/// use kwtsms_async::transport::{HttpTransport, Request, Response, Transport, TransportError};
///
/// /// Counts what is posted.
/// #[derive(Debug)]
/// struct Counting {
///     http: HttpTransport,
///     posted: Arc<AtomicU64>,
/// }
///
/// impl Transport for Counting {
///     fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
///         self.posted.fetch_add(1, Ordering::Relaxed);
///         self.http.post(request)
///     }
///
///     fn is_local(&self) -> bool {
///         self.http.is_local()
///     }
/// }
///
/// let sandbox = kwtsms_async::sandbox::Sandbox::start().await?;
/// let posted = Arc::<AtomicU64>::default();
/// let http = HttpTransport::new(&sandbox.base_url(), Duration::from_secs(5))?;
/// let counting = Counting { http, posted: posted.clone() };
/// let client = Client::builder("api_user", "api_pass").transport(counting).build()?;
/// client.balance().await?;
/// assert_eq!(posted.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "sandbox"))]
/// # fn main() {}
/// ```
pub struct HttpTransport {
    clients: Pools<Observed>,
    /// Made once: each endpoint's own URL, in the order of [`Endpoint::ALL`].
    urls: Vec<Url>,
    /// Of every request, made once: put in one by one, and the last two by hyper, they would be allocated anew.
    headers: HeaderMap,
    local: bool,
    /// The library that makes TLS.
    tls: Option<&'static str>,
    /// What is told of the proxy of the environment, if it is asked.
    proxy: Option<Arc<str>>,
}

impl HttpTransport {
    /// `base` ends with a slash; `local` says that its host is this machine, `native` asks for the system's TLS. At most
    /// `kept` connections are kept while they are idle.
    pub(crate) fn open(
        base: Url,
        local: bool,
        connect: Duration,
        native: bool,
        kept: usize,
    ) -> Result<Self, HttpSetupError> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let host = HeaderValue::from_maybe_shared(Bytes::from(authority(&base)))
            .expect("host and port of a URL are visible ASCII");
        // With room: in a full map hyper's look for a further header makes it grow.
        let mut headers = HeaderMap::with_capacity(12);
        headers.extend([
            (HOST, host),
            (CONTENT_TYPE, JSON),
            (CONTENT_LENGTH, HeaderValue::from_static("0")), // the request's own takes its place
            (ACCEPT, JSON),
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")), // a server may compress unless told not to
            (USER_AGENT, HeaderValue::from_static(AGENT)),
        ]);
        let secure = base.scheme() == "https";
        if secure {
            named_certificates()?;
        }
        // A proxy of the environment would get what is meant for this machine, password in clear.
        let proxy = if local { None } else { Proxy::of_environment(&base)? };
        let told = proxy.as_ref().map(|proxy| Arc::clone(&proxy.told));
        let tls = Tls::new(secure, native)?;
        let library = tls.name();
        let make = move || {
            let observe = ObserveSetUps::new(connect);
            let builder = reqwest::Client::builder()
                .redirect(redirect::Policy::none()) // a followed 307 posts the password to another host
                .retry(retry::never().max_retries_per_request(0)) // nor is a copy kept for one
                .referer(false)
                .http1_only()
                .connect_timeout(connect)
                .connector_layer(observe.clone())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(kept);
            let builder = match &proxy {
                // It is told the agent, too; requests have theirs, and would be looked through for it.
                Some(proxy) => builder.user_agent(AGENT).proxy(reqwest::Proxy::all(proxy.url.clone())?),
                None if local => builder.no_proxy(),
                None => builder, // which may know of a proxy from the system's settings
            };
            Ok(Observed { client: tls.of(builder).build()?, observe })
        };
        let first = make().map_err(|error: reqwest::Error| HttpSetupError::Client(error.without_url()))?;
        let clients = Pools::new(first, Box::new(move || make().ok()));
        let urls = Endpoint::ALL.iter().map(|endpoint| {
            let mut url = base.clone();
            url.set_path(&format!("{}{}/", base.path(), endpoint.name()));
            url
        });
        let urls = urls.collect();
        Ok(Self { clients, urls, headers, local, tls: library, proxy: told })
    }
}

impl HttpTransport {
    /// What is told of the proxy of the environment, if it is asked.
    pub(crate) fn proxy(&self) -> Option<&Arc<str>> {
        self.proxy.as_ref()
    }
}

/// A client, and what observes its connections.
#[derive(Clone)]
struct Observed {
    client: reqwest::Client,
    observe: ObserveSetUps,
}

/// Host and, if it is not the scheme's own, port.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The library that makes connections safe, made ready once, since trust stores are read from the disk.
enum Tls {
    #[cfg(feature = "rustls")]
    Rustls(Box<rustls::ClientConfig>),
    #[cfg(feature = "native-tls")]
    Native,
    #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
    None,
}

impl Tls {
    /// rustls wherever it is compiled in, unless the system's library is asked for. `needed` says that the scheme is
    /// HTTPS.
    #[cfg(feature = "rustls")]
    fn new(needed: bool, native: bool) -> Result<Self, HttpSetupError> {
        #[cfg(feature = "native-tls")]
        if native {
            return Ok(Self::Native);
        }
        debug_assert!(!native, "nobody can ask for what is not compiled in");
        let config = if needed {
            tls::trusted()
        } else {
            // reqwest asks for a provider even if no connection will use it; certificates are not looked for.
            tls::builder().map(|config| {
                config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
            })
        };
        Ok(Self::Rustls(Box::new(config.map_err(HttpSetupError::Certificates)?)))
    }

    #[cfg(all(feature = "native-tls", not(feature = "rustls")))]
    fn new(_: bool, _: bool) -> Result<Self, HttpSetupError> {
        Ok(Self::Native)
    }

    #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
    fn new(needed: bool, _: bool) -> Result<Self, HttpSetupError> {
        if needed { Err(HttpSetupError::NoTls) } else { Ok(Self::None) }
    }

    fn of(&self, builder: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        match self {
            #[cfg(feature = "rustls")]
            Self::Rustls(config) => builder.tls_backend_preconfigured((**config).clone()),
            #[cfg(feature = "native-tls")]
            Self::Native => builder.tls_backend_native(),
            #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
            Self::None => builder,
        }
    }

    fn name(&self) -> Option<&'static str> {
        match self {
            #[cfg(feature = "rustls")]
            Self::Rustls(_) => Some("rustls"),
            #[cfg(feature = "native-tls")]
            Self::Native => Some("native-tls"),
            #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
            Self::None => None,
        }
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport")
            .field("host", &self.urls[0].host_str())
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl Transport for HttpTransport {
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let url = self.urls[request.endpoint() as usize].clone();
        let mut post = reqwest::Request::new(Method::POST, url);
        *post.headers_mut() = self.headers.clone();
        if let Some(place) = post.headers_mut().get_mut(CONTENT_LENGTH) {
            *place = length(request.body().len());
        }
        *post.body_mut() = Some(request.body().clone().into());
        let runtime = Handle::try_current().ok();
        let Taken { client: Observed { client, observe }, begun_before } =
            self.clients.take(runtime.as_ref().map(Handle::id), wall_now());
        let proxy = self.proxy.clone();
        let on_one_thread = runtime.is_some_and(|at| at.runtime_flavor() == RuntimeFlavor::CurrentThread);
        let connections = request.connections().cloned();
        let is_paced = connections.is_some();
        let pending = client.execute(post); // nothing of it happens before it is polled
        let exchange = observe.exchange(connections, async move {
            if begun_before > LOOK_AFTER && on_one_thread {
                // Such a runtime stands still between two calls of `block_on`: let it see what was closed meanwhile.
                // The first time it looks at its sockets, the second time it goes through those that something was
                // seen of.
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            }
            let mut reply = pending.await.map_err(|error| classify(error, proxy.as_ref()))?;
            let status = reply.status().as_u16();
            let (retry_after, date) = (retry_after(reply.headers()), date(reply.headers()));
            let mut body = Vec::new();
            // To its end, or the connection is lost for reuse; never further than the cap.
            let failed = loop {
                match reply.chunk().await {
                    Ok(Some(chunk)) if body.len() + chunk.len() > MAX_REPLY => {
                        break TransportError::new(TransportFailure::ReplyTooLong);
                    }
                    Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                    Ok(None) => {
                        let mut response = Response::new(status, body);
                        if let Some(wait) = retry_after {
                            response = response.with_retry_after(wait);
                        }
                        if let Some(date) = date {
                            response = response.with_date(date);
                        }
                        return Ok(response);
                    }
                    Err(error) => break classify(error, proxy.as_ref()),
                }
            };
            Err(failed.with_reply(status, body))
        });
        if !is_paced {
            return exchange;
        }
        let exchange = drive(exchange);
        // Its runtime is gone, and its connection with it.
        let gone = || Err(TransportError::new(TransportFailure::Interrupted));
        Box::pin(async move { exchange.await.unwrap_or_else(gone) })
    }

    fn is_local(&self) -> bool {
        self.local
    }
}

/// The length of a body as a header. Nearly all have three digits, and theirs are at hand: one that is made is allocated
/// twice, since reqwest keeps copies of it.
fn length(bytes: usize) -> HeaderValue {
    static THREE_DIGITS: [[u8; 3]; 1_000] = {
        let (mut digits, mut number) = ([[0; 3]; 1_000], 0);
        while number < 1_000 {
            digits[number][0] = b'0' + (number / 100) as u8;
            digits[number][1] = b'0' + (number / 10 % 10) as u8;
            digits[number][2] = b'0' + (number % 10) as u8;
            number += 1;
        }
        digits
    };

    match THREE_DIGITS.get(bytes).and_then(|digits| std::str::from_utf8(digits).ok()) {
        Some(digits) if bytes >= 100 => HeaderValue::from_static(digits),
        _ => bytes.into(),
    }
}

/// In seconds (RFC 9110, section 10.2.3); a date is left alone, since clocks differ.
#[inline]
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// When the reply was made: only the diagnosis asks.
#[cfg(feature = "diagnose")]
fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(reqwest::header::DATE)?.to_str().ok()?).ok()
}

#[cfg(not(feature = "diagnose"))]
fn date(_: &HeaderMap) -> Option<SystemTime> {
    None
}

/// Only a failed connect proves that nothing left; a reset on a reused connection looks the same whether the
/// server read the request or not.
fn classify(error: reqwest::Error, proxy: Option<&Arc<str>>) -> TransportError {
    let failure = if error.is_connect() && refuses_certificate(&error) {
        TransportFailure::Certificate
    } else if error.is_connect() || error.is_builder() {
        TransportFailure::Connect
    } else {
        TransportFailure::Interrupted
    };
    let source = error.without_url();
    match proxy {
        Some(proxy) => TransportError::with_source(failure, ByProxy { proxy: Arc::clone(proxy), source }),
        None => TransportError::with_source(failure, source),
    }
}

#[cfg(feature = "rustls")]
fn refuses_certificate(error: &reqwest::Error) -> bool {
    let mut cause = Error::source(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        cause = match error.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|held| held as _), // what it holds is not its source
            None => error.source(),
        };
    }
    false
}

#[cfg(not(feature = "rustls"))]
fn refuses_certificate(_: &reqwest::Error) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_body_is_written_in_decimal() {
        for bytes in (0..1_100).chain([10_000, 123_456]) {
            assert_eq!(length(bytes), bytes.to_string().as_str());
        }
    }

    #[test]
    fn the_host_of_any_url_is_a_header() {
        for (url, host) in [
            ("https://www.kwtsms.com/API/", "www.kwtsms.com"),
            ("https://www.kwtsms.com:443/API/", "www.kwtsms.com"),
            ("https://www.kwtsms.com:8443/API/", "www.kwtsms.com:8443"),
            ("http://127.0.0.1:8080/API/", "127.0.0.1:8080"),
            ("http://[::1]:9/API/", "[::1]:9"),
            ("https://b%C3%BCcher.example/", "xn--bcher-kva.example"),
            ("https://كويت.example/", "xn--pgb3cpi.example"),
        ] {
            let made = authority(&Url::parse(url).unwrap());
            assert_eq!(made, host, "{url}");
            assert!(HeaderValue::from_str(&made).is_ok(), "{url}");
        }
    }
}
