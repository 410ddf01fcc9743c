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
    /// Wait for the 15-second rule (ERR028), where a message of this client explains it.
    pub(crate) same_number: bool,
    /// Wait for it where nothing of this client explains it, too.
    pub(crate) others: bool,
    /// Wait for the end of quiet hours.
    pub(crate) quiet_hours: bool,
    /// Wait until a spend limit opens again.
    pub(crate) spend_limit: bool,
}

impl Policy {
    /// Waits for nothing but its turn.
    pub(crate) const NONE: Self = Self {
        reading: false,
        queue_full: false,
        same_number: false,
        others: false,
        quiet_hours: false,
        spend_limit: false,
    };
}

/// How often a call was retried, for each reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Retried {
    // Small, since every send carries them: at most three each.
    queue_full: u8,
    same_number: u8,
    transport: u8,
}

impl Retried {
    pub(crate) fn count(&mut self, reason: RetryReason) {
        match reason {
            RetryReason::QueueFull => self.queue_full += 1,
            RetryReason::SameNumber => self.same_number += 1,
            RetryReason::Transport => self.transport += 1,
        }
    }
}

/// Why an attempt is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RetryReason {
    /// 1,000 messages are queued (ERR013).
    QueueFull,
    /// A number was written to within 15 s (ERR028).
    SameNumber,
    /// Nothing left this machine, or a call that only reads got no usable answer.
    Transport,
}

impl RetryReason {
    /// The name in JSON, events and metrics: that of the variant in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::SameNumber => "same_number",
            Self::Transport => "transport",
        }
    }
}

serialize_by_name!(RetryReason);

/// What to do after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Make it again after the wait.
    Again { after: Duration, reason: RetryReason },
    /// It failed.
    GiveUp,
}

/// Decides over a failure. `retried` counts the retries before it; `jitter` in 0..1 spreads the short waits.
pub(crate) fn decide(policy: Policy, retried: Retried, failure: &Error, jitter: f64) -> Decision {
    let again = |after, reason| Decision::Again { after, reason };
    match failure.kind() {
        ErrorKind::Api => {
            let class = failure.code().map(ApiCode::class);
            let (times, reason) = match class {
                Some(CodeClass::QueueFull) if policy.queue_full => {
                    (retried.queue_full, RetryReason::QueueFull)
                }
                // Somebody else's message may be this one, of an earlier process: sent again, it would go out twice.
                Some(CodeClass::SameNumber)
                    if policy.same_number && (policy.others || !failure.is_by_others()) =>
                {
                    (retried.same_number, RetryReason::SameNumber)
                }
                _ => return Decision::GiveUp,
            };
            let wait = class.and_then(|class| class.retry_waits().get(times as usize));
            wait.map_or(Decision::GiveUp, |wait| again(*wait, reason))
        }
        // Nothing left: as good as never tried. A call that only reads may be made again after any failure.
        ErrorKind::Connect | ErrorKind::Timeout | ErrorKind::Interrupted | ErrorKind::BadReply
            if (policy.reading || failure.delivery() == Delivery::NotSent)
                && u32::from(retried.transport) + 1 < CONNECT_TRIES =>
        {
            // 200 and 400 ms, half of it fixed and half jittered.
            let wait = CONNECT_WAIT * 2u32.pow(retried.transport.into());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::TextError;
    use crate::phone::PhoneError;
    use crate::transport::{TransportError, TransportFailure};
    use crate::wire::tests::ok;

    const READING: Policy = Policy { reading: true, ..Policy::NONE };
    const SENDING: Policy = Policy::NONE;
    const BULK: Policy = Policy { queue_full: true, same_number: true, ..Policy::NONE };
    const POLICIES: [Policy; 3] = [READING, SENDING, BULK];

    fn api(code: &str) -> Error {
        Error::api(ApiCode::new(code), None, ok(r#"{"result":"OK"}"#))
    }

    fn transport(failure: TransportFailure) -> Error {
        Error::transport(TransportError::new(failure))
    }

    /// The waits of a call that meets the same failure every time, until it is given up.
    fn waits(policy: Policy, failure: &Error, jitter: f64) -> Vec<(u128, RetryReason)> {
        let mut retried = Retried::default();
        let mut waits = Vec::new();
        while let Decision::Again { after, reason } = decide(policy, retried, failure, jitter) {
            waits.push((after.as_millis(), reason));
            assert!(waits.len() < 10, "{failure:?} is retried for ever");
            retried.count(reason);
        }
        waits
    }

    #[test]
    fn a_full_queue_and_the_same_number_are_waited_for_where_that_was_asked_for() {
        use RetryReason::{QueueFull, SameNumber};
        let queue = vec![(30_000, QueueFull), (60_000, QueueFull), (120_000, QueueFull)];
        let same = vec![(16_000, SameNumber); 3];
        let only_queue = Policy { queue_full: true, ..SENDING };
        let only_same = Policy { same_number: true, ..SENDING };
        for (policy, code, expected) in [
            (BULK, "ERR013", &queue),
            (BULK, "ERR028", &same),
            (only_queue, "ERR013", &queue),
            (only_queue, "ERR028", &vec![]),
            (only_same, "ERR013", &vec![]),
            (only_same, "ERR028", &same),
            (SENDING, "ERR013", &vec![]),
            (SENDING, "ERR028", &vec![]),
            (READING, "ERR013", &vec![]),
            (READING, "ERR028", &vec![]),
        ] {
            assert_eq!(&waits(policy, &api(code), 0.5), expected, "{code} {policy:?}");
        }
    }

    #[test]
    fn a_rule_that_nothing_of_this_client_explains_is_waited_for_only_where_the_call_says_so() {
        let by_others = api("ERR028").written_by_others();
        let ours_too = Policy { others: true, ..BULK };
        for policy in POLICIES {
            assert_eq!(waits(policy, &by_others, 0.5), [], "{policy:?}");
        }
        assert_eq!(waits(ours_too, &by_others, 0.5), [(16_000, RetryReason::SameNumber); 3]);
        assert!(!by_others.is_retryable() && api("ERR028").is_retryable());
    }

    #[test]
    fn no_other_code_is_ever_retried() {
        let unknown = ["ERR014", "ERR099", "", "MAINTENANCE"].map(ApiCode::new);
        for code in ApiCode::known().chain(unknown) {
            if code == ApiCode::ERR013 || code == ApiCode::ERR028 {
                continue;
            }
            for policy in POLICIES {
                assert_eq!(waits(policy, &api(code.as_str()), 0.5), [], "{code} {policy:?}");
            }
        }
    }

    #[test]
    fn a_connection_that_did_not_come_about_is_tried_three_times_by_every_call() {
        for failure in [TransportFailure::Connect, TransportFailure::Certificate].map(transport) {
            assert_eq!(failure.delivery(), Delivery::NotSent, "{failure:?}");
            for policy in POLICIES {
                for (jitter, expected) in [(0.0, [100, 200]), (0.5, [150, 300]), (1.0, [200, 400])] {
                    let expected = expected.map(|wait| (wait, RetryReason::Transport));
                    assert_eq!(waits(policy, &failure, jitter), expected, "{failure:?} {policy:?} {jitter}");
                }
            }
        }
    }

    #[test]
    fn what_may_have_been_sent_is_asked_again_by_reading_calls_only() {
        for failure in [
            transport(TransportFailure::Interrupted),
            transport(TransportFailure::ReplyTooLong),
            Error::timeout(Duration::from_secs(15)),
            Error::unreadable(502, b"<html>"),
            Error::bad_reply("no verdict", ok(r#"{"result":"OK"}"#)),
        ] {
            assert_eq!(failure.delivery(), Delivery::Unknown, "{failure:?}");
            assert_eq!(waits(READING, &failure, 0.5).len(), 2, "{failure:?}");
            for policy in [SENDING, BULK] {
                assert_eq!(waits(policy, &failure, 0.5), [], "{failure:?} {policy:?}");
            }
        }
    }

    #[test]
    fn what_never_became_a_request_is_not_retried() {
        for failure in [
            Error::input("bad"),
            Error::number(&PhoneError::Empty),
            Error::text(TextError::Empty),
            Error::config("bad"),
            Error::too_many_waiting(1),
            Error::deadline(),
            Error::recent_number(Duration::from_secs(3)),
            Error::stopped(None),
        ] {
            assert_eq!(failure.delivery(), Delivery::NotSent, "{failure:?}");
            for policy in POLICIES {
                assert_eq!(waits(policy, &failure, 0.5), [], "{failure:?} {policy:?}");
            }
        }
    }

    #[test]
    fn one_reason_does_not_use_up_the_tries_of_another() {
        let retried = Retried { queue_full: 3, same_number: 0, transport: 2 };
        let again = |millis, reason| Decision::Again { after: Duration::from_millis(millis), reason };
        assert_eq!(decide(BULK, retried, &api("ERR028"), 0.5), again(16_000, RetryReason::SameNumber));
        assert_eq!(decide(BULK, retried, &api("ERR013"), 0.5), Decision::GiveUp);
        assert_eq!(decide(BULK, retried, &transport(TransportFailure::Connect), 0.5), Decision::GiveUp);
        let retried = Retried { same_number: 3, ..Retried::default() };
        assert_eq!(decide(BULK, retried, &api("ERR028"), 0.5), Decision::GiveUp);
        assert_eq!(decide(BULK, retried, &api("ERR013"), 0.5), again(30_000, RetryReason::QueueFull));
    }
}
