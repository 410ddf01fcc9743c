//! What failed, and what is known of the message.

/// What is known of a message after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Delivery {
    /// Nothing left this machine: it was not sent and may be sent.
    NotSent,
    /// The gateway answered with an error code: it queued nothing and charged nothing.
    Refused,
    /// The request may have reached the gateway and no verdict came back. A message may have been accepted and
    /// charged: sending it again may send it twice. A call that only reads may be made again all the same.
    Unknown,
}

/// What failed. Each kind says whether it is retried and what became of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A phone number, text, sender id or id is not usable. Refused before any request, never retried:
    /// [`Delivery::NotSent`].
    InvalidInput,
    /// The settings are not usable (credentials missing, base URL refused, …): [`Delivery::NotSent`].
    Config,
    /// Too many calls of this client wait for their turn already. No request was made; try again later:
    /// [`Delivery::NotSent`].
    TooManyWaiting,
    /// The call's deadline passed, or could not be met, before its request was made: [`Delivery::NotSent`].
    Deadline,
    /// This client wrote to the number less than 16 s ago, and the gateway would refuse the request
    /// (ERR028). No request was made; [`Error::retry_after`](crate::Error::retry_after) says when: [`Delivery::NotSent`].
    RecentNumber,
    /// The client may not write to the number: it is none of [`only_to`](crate::ClientBuilder::only_to). No request was
    /// made, and none will be: [`Delivery::NotSent`].
    NotAllowed,
    /// The request would cost more than the [`spend_limit`](crate::ClientBuilder::spend_limit) leaves. No request was
    /// made; [`Error::retry_after`](crate::Error::retry_after) says when it opens again, unless the request alone is
    /// above it: [`Delivery::NotSent`].
    SpendLimit,
    /// A bulk request would take the balance below the [`balance_floor`](crate::ClientBuilder::balance_floor). No
    /// request was made; top up: [`Delivery::NotSent`].
    BalanceFloor,
    /// A bulk request met [`quiet_hours`](crate::ClientBuilder#method.quiet_hours) and may not wait for their end;
    /// [`Error::retry_after`](crate::Error::retry_after) says when that is: [`Delivery::NotSent`].
    QuietHours,
    /// The store that requests depend on cannot be reached or failed (see [`Error::action`](crate::Error::action)); try again when it is
    /// back: [`Delivery::NotSent`].
    Store,
    /// The run was stopped before this batch, or a campaign's load by another process that began it too:
    /// [`Delivery::NotSent`].
    Stopped,
    /// DNS, TCP or TLS failed. Tried 3 times with a short pause, since nothing left: [`Delivery::NotSent`].
    Connect,
    /// No answer came in time. Retried for calls that only read, never for a send: [`Delivery::Unknown`].
    Timeout,
    /// The connection broke off after the request may have left. Retried for calls that only read, never for a
    /// send: [`Delivery::Unknown`].
    Interrupted,
    /// The answer was no usable reply: not JSON, cut short, too long, or without a verdict. Retried for
    /// calls that only read, never for a send: [`Delivery::Unknown`].
    BadReply,
    /// The gateway refused with a code, see [`Error::code`](crate::Error::code): [`Delivery::Refused`].
    Api,
}

impl Delivery {
    /// The name in JSON and in events: `not_sent`, `refused` or `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl ErrorKind {
    /// The name in JSON and in events: that of the variant in small letters, `invalid_input`, `too_many_waiting`, …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::Config => "config",
            Self::TooManyWaiting => "too_many_waiting",
            Self::Deadline => "deadline",
            Self::RecentNumber => "recent_number",
            Self::NotAllowed => "not_allowed",
            Self::SpendLimit => "spend_limit",
            Self::BalanceFloor => "balance_floor",
            Self::QuietHours => "quiet_hours",
            Self::Store => "store",
            Self::Stopped => "stopped",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::BadReply => "bad_reply",
            Self::Api => "api",
        }
    }
}

serialize_by_name!(Delivery, ErrorKind);
