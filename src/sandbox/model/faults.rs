//! Scripted faults: what goes wrong next, and for whom.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::reply::{Code, Reply};

#[derive(Clone)]
pub(crate) enum Kind {
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
/// A fault is pushed with [`Faults::push`](crate::sandbox::Faults::push) and consumed by the requests it matches, in the
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
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
    /// The gateway works on the request before the fault hides its answer.
    pub(crate) process: bool,
    pub(crate) after: Duration,
    pub(crate) times: usize,
    pub(crate) endpoint: Option<String>,
    pub(crate) user: Option<String>,
    /// Given by the script.
    pub(crate) id: u64,
}

impl Fault {
    fn new(label: &'static str, kind: Kind, process: bool) -> Self {
        Self { label, kind, process, after: Duration::ZERO, times: 1, endpoint: None, user: None, id: 0 }
    }

    /// Answers an error code instead of working on the request.
    pub fn code(code: impl Into<String>) -> Self {
        Self::new("code", Kind::Code { code: Code::Owned(code.into()), status: None }, false)
    }

    /// Works on the request at once and answers after `delay`.
    pub fn delay(delay: Duration) -> Self {
        Self::new("delay", Kind::Delay, true).after(delay)
    }

    /// Answers this status and JSON body, whatever they are, instead of working on the request.
    pub fn reply(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new("reply", Kind::Reply(Reply::raw(status, "application/json", body.into())), false)
    }

    /// Answers a 502 page of a web server instead of working on the request.
    pub fn html_502() -> Self {
        Self::new("html_502", Kind::Reply(Reply::html(502, "Bad Gateway")), false)
    }

    /// Answers a redirect; the location is only seen over HTTP.
    pub fn redirect(status: u16, location: impl Into<String>) -> Self {
        let mut reply = Reply::html(status, "Redirect");
        reply.location = Some(location.into());
        Self::new("redirect", Kind::Reply(reply), false)
    }

    /// Closes the connection without an answer; the gateway never works on the request.
    pub fn drop_before_reading() -> Self {
        Self::new("drop_before_reading", Kind::Drop, false)
    }

    /// Works on the request and closes the connection without an answer: a message is accepted, its id is lost.
    pub fn drop_after_accepting() -> Self {
        Self::new("drop_after_accepting", Kind::Drop, true)
    }

    /// Works on the request and closes the connection after `keep` bytes of the answer's body.
    pub fn truncated_body(keep: usize) -> Self {
        Self::new("truncated_body", Kind::Truncate(keep), true)
    }

    /// Works on the request and answers its body bit by bit over `duration`.
    pub fn slow_body(duration: Duration) -> Self {
        Self::new("slow_body", Kind::SlowBody(duration), true)
    }

    /// Refuses the connection.
    ///
    /// Only the in-process door can: the transport then fails with
    /// [`TransportFailure::Connect`](crate::transport::TransportFailure::Connect). A server cannot take back an
    /// accepted connection, so the HTTP door closes it, as [`drop_before_reading`](Self::drop_before_reading) does.
    pub fn refuse_connection() -> Self {
        Self::new("refuse_connection", Kind::Refuse, false)
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

    /// True for the fault that changes nothing.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self.kind, Kind::Delay) && self.after.is_zero()
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
pub(crate) struct Script {
    faults: Vec<Fault>,
    pushed: u64,
}

impl Script {
    /// Adds a fault and gives the number by which it can be taken back; 0 if it hits nothing.
    pub(crate) fn push(&mut self, mut fault: Fault) -> u64 {
        if fault.times == 0 {
            return 0;
        }
        self.pushed += 1;
        fault.id = self.pushed;
        self.faults.push(fault);
        self.pushed
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.faults.len();
        self.faults.retain(|fault| fault.id != id);
        self.faults.len() < before
    }

    pub(crate) fn list(&self) -> &[Fault] {
        &self.faults
    }

    pub(crate) fn clear(&mut self) {
        self.faults.clear();
    }

    pub(crate) fn pending(&self) -> usize {
        self.faults.iter().fold(0, |sum, fault| sum.saturating_add(fault.times))
    }

    /// The fault for a request, consumed.
    pub(crate) fn take(&mut self, endpoint: &str, user: &str) -> Option<Fault> {
        let place = self.faults.iter().position(|fault| fault.matches(endpoint, user))?;
        let fault = self.faults.get_mut(place)?;
        // Which is for ever.
        if fault.times != usize::MAX {
            fault.times -= 1;
        }
        Some(if fault.times == 0 { self.faults.remove(place) } else { fault.clone() })
    }
}
