//! Questions to the gateway: what came of each, and when to ask no more.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::Instant;

use super::check::Check;
use crate::call::Query;
use crate::clock::misses;
use crate::code::ApiCode;
use crate::error::{Error, ErrorKind};
use crate::transport::Endpoint;

/// What every further request would be answered, too.
const REFUSED_AT_ALL: [ApiCode; 7] = [
    ApiCode::ERR001,
    ApiCode::ERR002,
    ApiCode::ERR003,
    ApiCode::ERR004,
    ApiCode::ERR005,
    ApiCode::ERR024,
    ApiCode::ERR034,
];

/// What came of a question.
pub(super) enum Asked<T> {
    Answered(T),
    Failed(Error),
    /// With the reason.
    Not(String),
}

impl<T> Asked<T> {
    /// A check that needs the answer; without it, it is skipped.
    pub(super) fn check(&self, name: &'static str, look: impl FnOnce(&T) -> Check) -> Check {
        match self {
            Self::Answered(answer) => look(answer),
            // What is told where it belongs, under connection, gateway and pace.
            Self::Failed(error)
                if matches!(error.kind(), ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Store) =>
            {
                Check::skipped(name, "the gateway could not be asked")
            }
            Self::Failed(error) => Check::skipped(name, format!("{error:#}")),
            Self::Not(why) => Check::skipped(name, why),
        }
    }
}

/// Asks question after question, until it makes no sense any more.
#[derive(Default)]
pub(super) struct Asker {
    pub(super) until: Option<Instant>,
    /// Why nothing more is asked.
    pub(super) stop: Option<String>,
    /// How many requests the gateway answered, by a refusal or not.
    pub(super) answered: usize,
    /// The account may ask.
    pub(super) accepted: bool,
    /// The account is refused.
    pub(super) refused: Option<ApiCode>,
    /// The first call that had no answer of the gateway's.
    pub(super) failed: Option<(Endpoint, Error)>,
}

impl Asker {
    /// True once the deadline has passed.
    pub(super) fn is_over(&self) -> bool {
        misses(self.until, Duration::ZERO)
    }

    pub(super) async fn ask<T>(&mut self, endpoint: Endpoint, call: Query<T>) -> Asked<T> {
        if let Some(why) = &self.stop {
            return Asked::Not(why.clone());
        }
        let mut call = call.on_retry(|_| ControlFlow::Break(())); // each request is made once
        if let Some(until) = self.until {
            call = call.deadline(until.saturating_duration_since(Instant::now()));
        }
        let error = match call.await {
            Ok(answer) => {
                self.answered += 1;
                self.accepted = true;
                return Asked::Answered(answer);
            }
            Err(error) => error,
        };
        match error.code().filter(|_| error.kind() == ErrorKind::Api) {
            Some(code) => {
                self.answered += 1;
                if REFUSED_AT_ALL.contains(code) {
                    self.stop = Some(format!("not asked, since the gateway refused the account ({code})"));
                    self.refused = Some(code.clone());
                } else {
                    self.accepted = true;
                }
            }
            None => {
                self.stop = why_to_stop(error.kind()).map(str::to_owned);
                self.failed.get_or_insert_with(|| (endpoint, error.clone()));
            }
        }
        Asked::Failed(error)
    }
}

/// Why after such a failure nothing more is asked; an answer that cannot be read may be that of one endpoint.
fn why_to_stop(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::BadReply | ErrorKind::Interrupted => None,
        ErrorKind::Connect => Some("not asked, since no connection came about"),
        ErrorKind::Timeout => Some("not asked, since the gateway did not answer in time"),
        ErrorKind::Store => Some("not asked, since the store that keeps the pace failed"),
        _ => Some("not asked, since there was no turn for a request"),
    }
}
