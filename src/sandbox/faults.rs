//! Scripted faults: what goes wrong next, and for whom.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::reply::{Code, Reply};

#[derive(Clone)]
pub(super) enum Kind {
    /// Nothing but the delay of the fault.
    Delay,
    /// An error code, with this status or the one its code comes with.
    Code { code: Code, status: Option<u16> },
    /// A fixed answer.
    Reply(Reply),
    /// The connection closes without an answer.
    Drop,
    /// The connection closes after this many bytes of the body.
    Truncate(usize),
    /// The head comes at once, the body spread over this time.
    SlowBody(Duration),
    /// No connection.
    Refuse,
}

/// Something that goes wrong with the next requests.
///
/// A fault is pushed with [`Faults::push`](super::Faults::push) and consumed by the requests it matches, in the
/// order pushed, one fault a request. Unless said otherwise it hits the next request only, whatever endpoint and
/// account it is for.
///
/// ```
/// use kwtsms_async::sandbox::{Fault, Sandbox};
///
/// let sandbox = Sandbox::in_process();
/// // The queue is full for two sends, then one is accepted and its answer is lost.
/// sandbox.faults().push(Fault::code("ERR013").times(2).on("send"));
/// sandbox.faults().push(Fault::drop_after_accepting().on("send"));
/// assert_eq!(sandbox.faults().pending(), 3);
/// ```
#[derive(Clone)]
#[must_use = "a fault does nothing until it is pushed"]
pub struct Fault {
    pub(super) kind: Kind,
    /// The gateway works on the request before the fault hides its answer.
    pub(super) process: bool,
    pub(super) after: Duration,
    times: usize,
    endpoint: Option<String>,
    user: Option<String>,
}

impl Fault {
    fn new(kind: Kind, process: bool) -> Self {
        Self { kind, process, after: Duration::ZERO, times: 1, endpoint: None, user: None }
    }

    /// Answers an error code instead of working on the request.
    pub fn code(code: impl Into<String>) -> Self {
        Self::new(Kind::Code { code: Code::Owned(code.into()), status: None }, false)
    }

    /// Works on the request at once and answers after `delay`.
    pub fn delay(delay: Duration) -> Self {
        Self::new(Kind::Delay, true).after(delay)
    }

    /// Answers this status and JSON body, whatever they are, instead of working on the request.
    pub fn reply(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(Kind::Reply(Reply::raw(status, "application/json", body.into())), false)
    }

    /// Answers a 502 page of a web server instead of working on the request.
    pub fn html_502() -> Self {
        Self::new(Kind::Reply(Reply::html(502, "Bad Gateway")), false)
    }

    /// Answers a redirect; the location is only seen over HTTP.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        let mut reply = Reply::html(status, "Redirect");
        reply.location = Some(location.into());
        Self::new(Kind::Reply(reply), false)
    }

    /// Closes the connection without an answer; the gateway never works on the request.
    pub fn drop_before_reading() -> Self {
        Self::new(Kind::Drop, false)
    }

    /// Works on the request and closes the connection without an answer: a message is accepted, its id is lost.
    pub fn drop_after_accepting() -> Self {
        Self::new(Kind::Drop, true)
    }

    /// Works on the request and closes the connection after `keep` bytes of the answer's body.
    pub fn truncated_body(keep: usize) -> Self {
        Self::new(Kind::Truncate(keep), true)
    }

    /// Works on the request and answers its body bit by bit over `duration`.
    pub fn slow_body(duration: Duration) -> Self {
        Self::new(Kind::SlowBody(duration), true)
    }

    /// Refuses the connection.
    ///
    /// Only the in-process door can: the transport then fails with
    /// [`TransportFailure::Connect`](crate::transport::TransportFailure::Connect). A server cannot take back an
    /// accepted connection, so the HTTP door closes it, as [`drop_before_reading`](Self::drop_before_reading) does.
    pub fn refuse_connection() -> Self {
        Self::new(Kind::Refuse, false)
    }

    /// Hits the next `n` requests that match instead of one; `usize::MAX` is for ever.
    pub fn times(mut self, n: usize) -> Self {
        self.times = n;
        self
    }

    /// Hits requests for one endpoint only, by the gateway's name for it: `send`, `senderid`, ...
    pub fn on(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Hits requests of one account only.
    pub fn for_user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Lets the fault show only after a delay.
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }

    /// Lets the gateway work on the request before the fault hides its answer.
    ///
    /// So `Fault::html_502().after_accepting()` accepts a message and answers 502. A refused connection has no
    /// request to work on and stays what it is.
    pub fn after_accepting(mut self) -> Self {
        self.process = !matches!(self.kind, Kind::Refuse);
        self
    }

    /// Sets the HTTP status of a [`code`](Self::code) or [`reply`](Self::reply).
    pub fn status(mut self, status: u16) -> Self {
        match &mut self.kind {
            Kind::Code { status: own, .. } => *own = Some(status),
            Kind::Reply(reply) => reply.status = status,
            _ => {}
        }
        self
    }

    fn matches(&self, endpoint: &str, user: &str) -> bool {
        self.endpoint.as_deref().is_none_or(|own| own == endpoint)
            && self.user.as_deref().is_none_or(|own| own == user)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::Delay => "delay".to_owned(),
            Kind::Code { code, .. } => format!("code {code}"),
            Kind::Reply(reply) => format!("reply {} of {} bytes", reply.status, reply.body.len()),
            Kind::Drop => "drop".to_owned(),
            Kind::Truncate(keep) => format!("truncate after {keep} bytes"),
            Kind::SlowBody(over) => format!("body over {over:?}"),
            Kind::Refuse => "refuse".to_owned(),
        };
        f.debug_struct("Fault")
            .field("kind", &kind)
            .field("process", &self.process)
            .field("after", &self.after)
            .field("times", &self.times)
            .field("endpoint", &self.endpoint)
            .field("user", &self.user)
            .finish()
    }
}

/// The faults still to come.
#[derive(Debug, Default)]
pub(super) struct Script(Vec<Fault>);

impl Script {
    pub(super) fn push(&mut self, fault: Fault) {
        if fault.times > 0 {
            self.0.push(fault);
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn pending(&self) -> usize {
        self.0.iter().fold(0, |sum, fault| sum.saturating_add(fault.times))
    }

    /// The fault for a request, consumed.
    pub(super) fn take(&mut self, endpoint: &str, user: &str) -> Option<Fault> {
        let place = self.0.iter().position(|fault| fault.matches(endpoint, user))?;
        let fault = self.0.get_mut(place)?;
        fault.times -= 1;
        Some(if fault.times == 0 { self.0.remove(place) } else { fault.clone() })
    }
}
