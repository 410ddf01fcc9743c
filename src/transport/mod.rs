//! The seam between the SDK and the wire: bytes out, bytes in.

mod connections;
mod connector;
pub(crate) mod http;
mod pools;
#[cfg(any(feature = "rustls", feature = "postgres", feature = "redis"))]
pub(crate) mod tls;
mod way;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::future::BoxFuture;

pub(crate) use self::connections::Connections;
pub use self::http::HttpTransport;

/// The most bytes of a reply that are read; a longer one is cut off and is of unknown outcome.
///
/// The largest documented reply (a `validate` of 2,500 characters) is below 4 KiB. What is far longer is padding, or
/// what a script writes around its answer; the answer in it may be that of a message that was paid for.
pub const MAX_REPLY: usize = 16 * 1024 * 1024;

/// One of the seven endpoints of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `balance/`
    Balance,
    /// `senderid/`
    SenderId,
    /// `coverage/`
    Coverage,
    /// `validate/`
    Validate,
    /// `send/`
    Send,
    /// `status/`
    Status,
    /// `dlr/`
    Dlr,
}

impl Endpoint {
    /// All of them, in the order of their declaration.
    pub const ALL: &'static [Self] =
        &[Self::Balance, Self::SenderId, Self::Coverage, Self::Validate, Self::Send, Self::Status, Self::Dlr];

    /// The name as the gateway spells it, without slashes; events and metrics use it too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::SenderId => "senderid",
            Self::Coverage => "coverage",
            Self::Validate => "validate",
            Self::Send => "send",
            Self::Status => "status",
            Self::Dlr => "dlr",
        }
    }

    /// True for the endpoints that change nothing and may be asked again after any failure.
    pub const fn is_read_only(self) -> bool {
        !matches!(self, Self::Send)
    }
}

/// One POST to the gateway: a JSON body for an endpoint.
///
/// A transport that hands it on to another one hands on this one or a clone: with it goes where the set-up of a
/// connection is reported to the limiter of its client.
#[derive(Clone)]
pub struct Request {
    endpoint: Endpoint,
    body: Bytes,
    connections: Option<Arc<Connections>>,
}

impl Request {
    /// Puts a request together; the body is the whole JSON object, credentials included.
    pub fn new(endpoint: Endpoint, body: Bytes) -> Self {
        Self { endpoint, body, connections: None }
    }

    /// Reports the set-ups of its connections.
    pub(crate) fn telling(mut self, connections: Option<&Arc<Connections>>) -> Self {
        self.connections = connections.cloned();
        self
    }

    fn connections(&self) -> Option<&Arc<Connections>> {
        self.connections.as_ref()
    }

    /// The endpoint it is for.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// The JSON body. It holds the password: never log it.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("endpoint", &self.endpoint)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// What came back: the HTTP status, which is only a hint, and the body, which decides.
#[derive(Clone)]
pub struct Response {
    status: u16,
    body: Bytes,
    retry_after: Option<Duration>,
    date: Option<SystemTime>,
}

impl Response {
    /// Puts a response together.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, body: body.into(), retry_after: None, date: None }
    }

    /// With the wait that the server asked for (`Retry-After`).
    pub fn with_retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// With the time at which the server answered, by its own clock (`Date`).
    pub fn with_date(self, date: SystemTime) -> Self {
        Self { date: Some(date), ..self }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// How long the server asked to be left alone, if it did: a bulk run that is not answered heeds it.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// When the server answered, by its own clock, in whole seconds; `None` if it did not say.
    pub fn date(&self) -> Option<SystemTime> {
        self.date
    }

    /// The body, at most [`MAX_REPLY`] bytes.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    pub(crate) fn into_body(self) -> Bytes {
        self.body
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// How an exchange failed, and with it what is known of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportFailure {
    /// DNS, TCP or TLS did not come about. Nothing left: the message was not sent.
    Connect,
    /// The server's certificate was refused: of another host, of another time, or vouched for by nobody whom this
    /// machine trusts. Nothing left: the message was not sent. `native-tls` reports it as [`Connect`](Self::Connect).
    Certificate,
    /// The exchange broke off after the request may have left: the outcome is unknown.
    Interrupted,
    /// The reply was longer than [`MAX_REPLY`]; it was not read further: the outcome is unknown.
    ReplyTooLong,
}

/// A failed exchange. Shows no URL, no body and no credentials.
#[derive(thiserror::Error)]
#[error("{}", match .failure {
    TransportFailure::Connect => "no connection to the gateway came about",
    TransportFailure::Certificate => "the certificate of the gateway's server was refused",
    TransportFailure::Interrupted => "the connection broke off after the request may have left",
    TransportFailure::ReplyTooLong => "the reply was longer than 16 MiB and was cut off",
})]
pub struct TransportError {
    failure: TransportFailure,
    status: Option<u16>,
    received: Bytes,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TransportError {
    /// A failure without further cause.
    pub fn new(failure: TransportFailure) -> Self {
        Self { failure, status: None, received: Bytes::new(), source: None }
    }

    /// A failure with its cause, which must not name the URL or hold any part of a body.
    pub fn with_source(
        failure: TransportFailure,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { source: Some(source.into()), ..Self::new(failure) }
    }

    /// Adds the HTTP status and what came of the reply's body before the exchange failed. The message id that may stand
    /// in it is then given by the call's error.
    pub fn with_reply(mut self, status: u16, received: impl Into<Bytes>) -> Self {
        self.status = Some(status);
        self.received = received.into();
        self
    }

    /// What failed.
    pub fn failure(&self) -> TransportFailure {
        self.failure
    }

    /// The HTTP status, if the reply's head came.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    /// What came of the reply's body. It may hold a number or a text: do not log it.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// True if a proxy of the environment was asked, which the cause names.
    pub(crate) fn is_by_proxy(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.is::<way::ByProxy>())
    }

    pub(crate) fn take_received(&mut self) -> Bytes {
        std::mem::take(&mut self.received)
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportError")
            .field("failure", &self.failure)
            .field("status", &self.status)
            .field("received_bytes", &self.received.len())
            .field("source", &self.source)
            .finish()
    }
}

/// Carries one request to the gateway and its reply back.
///
/// An implementation sends a request **at most once**: it follows no redirect and repeats nothing. It reports
/// [`TransportFailure::Connect`] only if it knows that nothing left. The caller bounds the time and drops the
/// future when it is over.
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Posts one request.
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>>;

    /// True if nothing it carries leaves this machine; only then may a client switch its limiter off.
    fn is_local(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn each_endpoint_stands_at_its_own_place() {
        for (place, endpoint) in Endpoint::ALL.iter().enumerate() {
            assert_eq!(*endpoint as usize, place);
        }
    }
}
