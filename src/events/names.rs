//! The names of events and fields.

/// The target of all events and spans of the SDK.
pub const TARGET: &str = "kwtsms_async::api";

/// Names of the events, in their field [`EVENT`](field::EVENT).
pub mod event {
    /// One request was answered or failed; level INFO if accepted, WARN if not.
    pub const REQUEST: &str = "request";
    /// A request is about to leave; level DEBUG. After a kill of the process, requests that have this event and no
    /// [`REQUEST`] were in flight.
    pub const SENDING: &str = "sending";
    /// A failed attempt will be made again.
    pub const RETRY: &str = "retry";
    /// A bulk run was stopped before its end.
    pub const STOP: &str = "stop";
    /// A guard of the client kept a request, or numbers of a call, from leaving.
    pub const GUARD: &str = "guard";
    /// A bulk run waits: the gateway does not answer, its full queue does not drain, it is in quiet hours, or a spend
    /// limit is reached.
    pub const RUN_WAITS: &str = "run_waits";
    /// What a bulk run waited for is over, and it goes on.
    pub const RUN_GOES_ON: &str = "run_goes_on";
    /// A bulk run has ended.
    pub const RUN: &str = "run";
    /// A watch on a message has ended, see [`Client::watch_delivery`](crate::Client::watch_delivery).
    pub const WATCH: &str = "watch";
    /// A call got no turn and made no request: too many wait in its lane, or its deadline comes before its turn.
    pub const LIMITER: &str = "limiter";
    /// The balance fell below the client's threshold; once per crossing.
    pub const LOW_BALANCE: &str = "low_balance";
    /// The shared test sender id is used for live messages; once per client.
    pub const SHARED_SENDER: &str = "shared_sender";
    /// A client was built that sends its credentials in clear to another machine, because
    /// [`allow_http`](crate::ClientBuilder::allow_http) lets it.
    pub const CLEAR_TEXT: &str = "clear_text";
}

/// Names of the fields.
pub mod field {
    /// Which event it is.
    pub const EVENT: &str = "event";
    /// The endpoint: `send`, `balance`, …
    pub const ENDPOINT: &str = "endpoint";
    /// True if the gateway accepted the request.
    pub const OK: &str = "ok";
    /// The gateway's code.
    pub const CODE: &str = "code";
    /// `accepted`, `refused`, `not_sent` or `unknown`.
    pub const DELIVERY: &str = "delivery";
    /// The kind of error, see [`ErrorKind::as_str`](crate::ErrorKind::as_str).
    pub const KIND: &str = "kind";
    /// The request's number in this process, from 1: the same in its [`SENDING`](super::event::SENDING) and
    /// [`REQUEST`](super::event::REQUEST).
    pub const REQUEST_ID: &str = "request_id";
    /// Which attempt of the call it was, from 1.
    pub const ATTEMPT: &str = "attempt";
    /// How many numbers the request held.
    pub const NUMBERS: &str = "numbers";
    /// The numbers, masked (`965****432`), at most 5 of them.
    pub const RECIPIENTS: &str = "recipients";
    /// Pages of the text.
    pub const PAGES: &str = "pages";
    /// Characters of the text.
    pub const TEXT_CHARS: &str = "text_chars";
    /// True in test mode.
    pub const TEST: &str = "test";
    /// Credits charged.
    pub const POINTS: &str = "points";
    /// Credits left.
    pub const BALANCE: &str = "balance_after";
    /// The gateway's message id: of an accepted message, of one of unknown outcome if the answer holds one, and of one
    /// that was watched.
    pub const MESSAGE_ID: &str = "message_id";
    /// What had to be done to the answer before it could be read, see [`Repair`](crate::Repair): `decoded` or
    /// `extracted`.
    pub const REPAIR: &str = "repair";
    /// Milliseconds from the call's start, or from the failure of the attempt before, to this request: waiting for a
    /// turn, a pause or a full queue.
    pub const WAIT_MS: &str = "wait_ms";
    /// Milliseconds of the exchange, from its start to its answer or failure.
    pub const REQUEST_MS: &str = "request_ms";
    /// The HTTP status.
    pub const HTTP_STATUS: &str = "http_status";
    /// Milliseconds until the next attempt.
    pub const AFTER_MS: &str = "after_ms";
    /// Why: of a retry `queue_full`, `same_number` or `transport`; of the limiter `queue_full` or `deadline`; of a stop
    /// `error`, `asked`, `dropped`, `panicked` or `runtime_ended`; of a run that waits `no_answer`,
    /// `queue_stuck`, `quiet_hours` or `spend_limit`; of a watch `reported`, `no_report`, `timed_out`, `error` or
    /// `dropped`.
    pub const REASON: &str = "reason";
    /// Which of the limiter's lanes: `single` or `bulk`.
    pub const LANE: &str = "lane";
    /// Calls that wait in the lane.
    pub const WAITING: &str = "waiting";
    /// Batches of a run that were asked or left out, whatever their result.
    pub const REQUESTS: &str = "requests";
    /// Numbers of a run that were accepted.
    pub const ACCEPTED: &str = "accepted";
    /// Numbers of a run that the gateway refused.
    pub const REFUSED: &str = "refused";
    /// Numbers of a run of unknown outcome.
    pub const UNKNOWN: &str = "unknown";
    /// Numbers of a run that were not attempted.
    pub const NOT_ATTEMPTED: &str = "not_attempted";
    /// Inputs of a run that are no usable phone number.
    pub const INVALID: &str = "invalid";
    /// Inputs of a run that were there before.
    pub const DUPLICATES: &str = "duplicates";
}
