//! What a door hands to the model, and what it gets back.

use std::net::IpAddr;
use std::time::Duration;

use super::reply::Reply;

/// A longer body is refused by the web server; the longest sensible request is below 64 KiB.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// Where a request comes from; the firewall counts by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    Door(u64),
    Address(IpAddr),
}

/// One HTTP request.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) accept: Option<&'a str>,
    pub(crate) body: &'a [u8],
    pub(crate) source: Source,
}

/// What a door has to do.
pub(crate) struct Answer {
    /// Wait so long first.
    pub(crate) after: Duration,
    pub(crate) outcome: Outcome,
}

pub(crate) enum Outcome {
    Reply(Reply),
    /// Cut the connection after so many bytes of the body, always fewer than it has.
    Truncated(Reply, usize),
    /// Spread the body over this time.
    Slow(Reply, Duration),
    /// Close the connection without an answer.
    Cut,
    /// Have no connection come about.
    Refused,
    /// Say nothing at all: the firewall swallowed it.
    Silence,
}
