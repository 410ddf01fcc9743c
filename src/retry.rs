//! Whether and when a failed attempt is made again: one pure decision.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use crate::code::{ApiCode, CodeClass};
use crate::error::{Delivery, Error, ErrorKind};

/// Tries for a connection that did not come about, the first one included.
const CONNECT_TRIES: u32 = 3;
const CONNECT_WAIT: Duration = Duration::from_millis(200);

/// What a call allows to be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The endpoint changes nothing, so that any transport failure may be retried.
    pub(crate) reading: bool,
    /// Wait for a full queue (ERR013).
    pub(crate) queue_full: bool,
    /// Wait for the 15-second rule (ERR028).
    pub(crate) same_number: bool,
}

/// How often each reason was met in this call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) queue_full: u32,
    pub(crate) same_number: u32,
    pub(crate) transport: u32,
}

/// Why an attempt is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryReason {
    /// 1,000 messages are queued (ERR013).
    QueueFull,
    /// A number was written to within 15 s (ERR028).
    SameNumber,
    /// Nothing left this machine, or a reading call got no usable answer.
    Transport,
}

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Make it again after the wait.
    Again { after: Duration, reason: RetryReason },
    /// It failed.
    GiveUp,
}

/// Decides over a failure. `met` counts what was met before it; `jitter` in 0..1 spreads the short waits.
pub(crate) fn decide(policy: Policy, met: Met, failure: &Error, jitter: f64) -> Decision {
    let again = |after, reason| Decision::Again { after, reason };
    match failure.kind() {
        ErrorKind::Api => {
            let class = failure.code().map(ApiCode::class);
            let (met, reason) = match class {
                Some(CodeClass::QueueFull) if policy.queue_full => (met.queue_full, RetryReason::QueueFull),
                Some(CodeClass::SameNumber) if policy.same_number => {
                    (met.same_number, RetryReason::SameNumber)
                }
                _ => return Decision::GiveUp,
            };
            let wait = class.and_then(|class| class.retry_waits().get(met as usize));
            wait.map_or(Decision::GiveUp, |wait| again(*wait, reason))
        }
        // Nothing left: as good as never tried. A reading call may be asked again after any failure.
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::BadReply
            if (policy.reading || failure.delivery() == Delivery::NotSent)
                && met.transport + 1 < CONNECT_TRIES =>
        {
            // 200 and 400 ms, half of it fixed and half jittered.
            let wait = CONNECT_WAIT * 2u32.pow(met.transport);
            again(wait.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0)), RetryReason::Transport)
        }
        _ => Decision::GiveUp,
    }
}

/// A retry that is about to be waited for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Retry {
    /// How many attempts were made so far.
    pub attempts: u32,
    /// Why it is made again.
    pub reason: RetryReason,
    /// How long it will be waited, the limiter's queue not counted.
    pub after: Duration,
    /// What failed.
    pub error: Error,
}

/// A caller's look at each retry, which may stop it.
#[derive(Clone)]
pub(crate) struct OnRetry(Arc<Look>);

type Look = dyn Fn(&Retry) -> ControlFlow<()> + Send + Sync;

impl OnRetry {
    pub(crate) fn new(look: impl Fn(&Retry) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(look))
    }

    pub(crate) fn look(&self, retry: &Retry) -> ControlFlow<()> {
        (self.0)(retry)
    }
}

impl fmt::Debug for OnRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRetry")
    }
}
