//! What a code means for the call, the run and the next try.

use std::time::Duration;

/// Says where the meaning of a code comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeSource {
    /// One of the codes of the gateway's API document v4.1.
    Documented,
    /// Known from one third-party source only and absent from the API document v4.1: `ERR034` to `ERR036`.
    SingleSource,
    /// Not in the table: what it means has to be read in the gateway's own description.
    Unknown,
}

/// Sorts the codes by what has to happen next.
///
/// All that a retry or a bulk run has to decide follows from the class: [`stops_run`](Self::stops_run),
/// [`retry_waits`](Self::retry_waits) and [`retry_after`](Self::retry_after) look at nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeClass {
    /// The account or the request as such is refused, so every later batch would be too. Never retried.
    AccountRefused,
    /// The text is refused, so every later batch with the same text would be too. Never retried.
    TextRefused,
    /// The sender id is refused, so every later batch under the same sender id would be too. Never retried.
    SenderRefused,
    /// The numbers of this request are refused; other batches may pass. Never retried.
    ///
    /// Unknown codes are of this class: a refusal, as every answer with a code. Nothing says that a wait helps, so
    /// they are not retried; and nothing says that they hold for the whole account, so one does not give up a run.
    NumbersRefused,
    /// The account has 1,000 messages queued (`ERR013`). Retried after 30, 60 and 120 seconds.
    QueueFull,
    /// One of the numbers got a message less than 15 seconds ago and the whole request is refused (`ERR028`).
    /// Retried after 16 seconds, at most three times, where a message of this client explains it or the call says so.
    ///
    /// After an answer that was lost, this code is evidence that the first try was accepted.
    SameNumber,
    /// The delivery report is not there yet. Not retried by the SDK, for the wait is longer than a call.
    ReportNotReady {
        /// How long to wait before asking again.
        after: Duration,
    },
    /// A status or report call got a final answer: unknown id, no report, stuck in the queue. Never retried.
    ReportFinal,
    /// No country is active for the account (`ERR033`, a reply of the coverage call). Never retried.
    NoCoverage,
}

impl CodeClass {
    /// Tells whether every later batch of the same run (same account, text and sender id) would fail as well.
    pub const fn stops_run(self) -> bool {
        matches!(self, Self::AccountRefused | Self::TextRefused | Self::SenderRefused)
    }

    /// Gives the waits before the second, third and fourth try; empty for a class that is not retried.
    ///
    /// Only codes known to queue nothing have any, so that a retry cannot send a message twice. The waits are
    /// those of the vendor's own clients; the API document v4.1 says only to wait, and 15 seconds for
    /// `ERR028`.
    pub const fn retry_waits(self) -> &'static [Duration] {
        const QUEUE_FULL: &[Duration] =
            &[Duration::from_secs(30), Duration::from_secs(60), Duration::from_secs(120)];
        const SAME_NUMBER: &[Duration] = &[Duration::from_secs(16); 3];
        match self {
            Self::QueueFull => QUEUE_FULL,
            Self::SameNumber => SAME_NUMBER,
            _ => &[],
        }
    }

    /// Gives the time after which the same call may pass, if waiting helps at all.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::ReportNotReady { after } => Some(after),
            _ => self.retry_waits().first().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_a_run_is_never_waited_for() {
        for class in [CodeClass::AccountRefused, CodeClass::TextRefused, CodeClass::SenderRefused] {
            assert!(class.stops_run());
            assert!(class.retry_waits().is_empty());
            assert_eq!(class.retry_after(), None);
        }
    }

    #[test]
    fn a_full_queue_is_waited_for_30_60_and_120_seconds() {
        assert_eq!(CodeClass::QueueFull.retry_waits(), [30, 60, 120].map(Duration::from_secs));
        assert!(!CodeClass::QueueFull.stops_run());
    }

    #[test]
    fn the_same_number_is_waited_for_16_seconds_at_most_three_times() {
        assert_eq!(CodeClass::SameNumber.retry_waits(), [16; 3].map(Duration::from_secs));
        assert!(!CodeClass::SameNumber.stops_run());
    }

    #[test]
    fn a_late_report_is_a_hint_to_the_caller_and_no_retry_of_ours() {
        let class = CodeClass::ReportNotReady { after: Duration::from_secs(86_400) };
        assert_eq!(class.retry_after(), Some(Duration::from_secs(86_400)));
        assert!(class.retry_waits().is_empty());
    }
}
