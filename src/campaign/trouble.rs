//! What keeps a worker from taking the next batch: a full queue, an outage, a network that is not there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::events;
use crate::code::{ApiCode, CodeClass};
use crate::error::{Delivery, Error, ErrorKind};

/// Unknown batches in a row after which a worker asks before it posts another.
const OUTAGE: u32 = 3;
/// Longest pause between two looks.
const LONGEST: Duration = Duration::from_secs(60);
/// The waits while the queue is full (ERR013), the last one again and again.
const QUEUE_FULL: [Duration; 3] =
    [Duration::from_secs(30), Duration::from_secs(60), Duration::from_secs(120)];

const AT_REST: &str = "numbers that were written to a moment ago: the gateway refuses them for 15 s";

/// What an error means for its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdicts {
    /// It may have arrived.
    Unknown,
    /// Nothing was queued: planned again, after a wait.
    Again(Duration),
    /// Refused, and so would every batch of the account be: planned again, and all of them paused.
    PausesAccount,
    /// Nothing was queued, as one of the client's guards forbids it: planned again, and the campaign paused.
    HoldsCampaign,
    /// Refused, and so would every batch of this campaign be.
    PausesCampaign,
    /// Refused, this batch alone.
    Refused,
}

impl Verdicts {
    pub(super) fn of(error: &Error, attempt: i64) -> Self {
        match error.delivery() {
            Delivery::Unknown => Self::Unknown,
            Delivery::NotSent => match error.kind() {
                // What is wrong with the text or the sender id stays wrong.
                ErrorKind::InvalidInput | ErrorKind::Config => Self::PausesCampaign,
                ErrorKind::NotAllowed => Self::HoldsCampaign,
                ErrorKind::BalanceFloor => Self::PausesAccount,
                ErrorKind::SpendLimit if error.retry_after().is_none() => Self::HoldsCampaign,
                _ => Self::Again(error.retry_after().unwrap_or_else(|| growing(attempt))),
            },
            Delivery::Refused => match error.code().map(ApiCode::class) {
                Some(CodeClass::QueueFull) => Self::Again(Duration::ZERO), // the worker waits, not the batch
                Some(class @ CodeClass::SameNumber) => Self::Again(class.retry_after().unwrap_or(LONGEST)),
                Some(CodeClass::AccountRefused) => Self::PausesAccount,
                Some(CodeClass::TextRefused | CodeClass::SenderRefused) => Self::PausesCampaign,
                _ => Self::Refused,
            },
        }
    }
}

/// A second, then twice as long each time, at most a minute.
fn growing(times: i64) -> Duration {
    let doubled = u32::try_from(times.clamp(1, 7)).unwrap_or(7) - 1;
    Duration::from_secs(1 << doubled).min(LONGEST)
}

/// A worker's trouble.
#[derive(Default)]
pub(super) struct Trouble(Mutex<State>);

#[derive(Default)]
struct State {
    unknown: u32,
    /// Looks since the outage began, or failures to connect.
    looks: u32,
    full: usize,
    not_before: Option<Instant>,
    says: Option<&'static str>,
    quiet: bool,
    /// Until when numbers of a batch rest.
    rest_until: Option<Instant>,
}

impl Trouble {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long nothing may be taken yet.
    pub(super) fn wait(&self) -> Option<Duration> {
        let until = self.state().not_before?;
        let wait = until.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    /// The client's quiet hours have begun, or are over; told when it changes.
    pub(super) fn quiet(&self, quiet: bool) {
        let mut state = self.state();
        if std::mem::replace(&mut state.quiet, quiet) == quiet {
            return;
        }
        state.says = quiet.then_some("the quiet hours to end");
        drop(state);
        if quiet {
            crate::events::run_waits("quiet_hours");
        } else {
            crate::events::run_goes_on();
        }
    }

    /// What a worker tells those who ask why nothing moves.
    pub(super) fn says(&self) -> Option<String> {
        let state = self.state();
        let rests = state.rest_until.is_some_and(|until| Instant::now() < until);
        state.says.or(rests.then_some(AT_REST)).map(str::to_owned)
    }

    /// True while an outage lasts: a query has to be answered first.
    pub(super) fn asks_first(&self) -> bool {
        self.state().unknown >= OUTAGE
    }

    /// The gateway answered a batch with a verdict.
    pub(super) fn answered(&self) {
        *self.state() = State::default();
    }

    pub(super) fn unknown(&self, error: &Error) {
        let mut state = self.state();
        state.unknown += 1;
        if state.unknown == OUTAGE {
            state.says = Some("the gateway does not answer: asking until it does");
            state.looks = 0;
            events::outage(error);
        }
        if state.unknown >= OUTAGE {
            let wait = error.retry_after().unwrap_or_else(|| growing(1)).min(LONGEST);
            state.not_before = Some(Instant::now() + wait);
        }
    }

    /// What a query heard during an outage.
    pub(super) fn asked(&self, failed: Option<Error>) {
        let mut state = self.state();
        match failed {
            // An answer with a code is an answer.
            Some(error) if error.delivery() != Delivery::Refused => {
                state.looks += 1;
                let wait = error.retry_after().unwrap_or_else(|| growing(state.looks.into())).min(LONGEST);
                state.not_before = Some(Instant::now() + wait);
            }
            _ => *state = State::default(),
        }
    }

    /// The account is refused, and so would every further message be.
    pub(super) fn account_refused(&self) {
        let mut state = self.state();
        state.looks += 1;
        state.not_before = Some(Instant::now() + growing((state.looks + 3).into()));
        state.says = Some("the gateway refuses the account: see the reason of the last message");
    }

    pub(super) fn queue_full(&self) {
        let mut state = self.state();
        let wait = QUEUE_FULL[state.full.min(QUEUE_FULL.len() - 1)];
        (state.full, state.unknown, state.looks) = (state.full + 1, 0, 0);
        state.not_before = Some(Instant::now() + wait);
        state.says = Some("the gateway's queue is full (ERR013): waiting until it has drained");
    }

    /// Nothing left this machine.
    pub(super) fn not_sent(&self, error: &Error) {
        let mut state = self.state();
        if error.kind() == ErrorKind::RecentNumber {
            // Of one batch alone: others are taken.
            state.rest_until = state.rest_until.max(error.retry_after().map(|wait| Instant::now() + wait));
            return;
        }
        if error.kind() == ErrorKind::QuietHours {
            return;
        }
        if error.kind() == ErrorKind::SpendLimit {
            let wait = error.retry_after().unwrap_or(LONGEST).min(LONGEST);
            state.not_before = Some(Instant::now() + wait);
            state.says = Some("the spend limit is reached: waiting until it opens again");
            return;
        }
        state.looks += 1;
        state.not_before = Some(Instant::now() + growing(state.looks.into()));
        state.says = Some(if error.kind() == ErrorKind::Store {
            "the store of the pace does not answer"
        } else {
            "the gateway cannot be reached"
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::ok;

    fn api(code: &str) -> Error {
        Error::api(ApiCode::new(code), None, ok(r#"{"result":"OK"}"#))
    }

    #[test]
    fn an_error_is_read_by_what_it_proves() {
        use Verdicts::{Again, HoldsCampaign, PausesAccount, PausesCampaign, Refused, Unknown};
        const ONE: crate::credits::Credits = crate::credits::Credits::from_int(1);
        let seconds = Duration::from_secs;
        for (error, verdict) in [
            (Error::timeout(seconds(15)), Unknown),
            (Error::deadline(), Again(seconds(4))),
            (Error::not_allowed(1), HoldsCampaign),
            (Error::spend_limit(ONE, ONE, "an hour", Some(seconds(9))), Again(seconds(9))),
            (Error::spend_limit(ONE, ONE, "an hour", None), HoldsCampaign),
            (Error::balance_floor(ONE, ONE, ONE), PausesAccount),
            (Error::recent_number(seconds(9)), Again(seconds(9))),
            (api("ERR013"), Again(Duration::ZERO)),
            (api("ERR028"), Again(seconds(16))),
            (api("ERR003"), PausesAccount),
            (api("ERR010"), PausesAccount),
            (api("ERR012"), PausesCampaign),
            (api("ERR008"), PausesCampaign),
            (api("ERR026"), Refused),
            (api("ERR099"), Refused),
            (Error::input("bad"), PausesCampaign),
        ] {
            assert_eq!(Verdicts::of(&error, 3), verdict, "{error:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn numbers_at_rest_are_told_until_they_may_be_written_to_and_hold_up_no_other() {
        let trouble = Trouble::default();
        trouble.not_sent(&Error::recent_number(Duration::from_secs(9)));
        assert_eq!((trouble.wait(), trouble.says().as_deref()), (None, Some(AT_REST)));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(trouble.says(), None);
        trouble.not_sent(&Error::recent_number(Duration::from_secs(9)));
        trouble.queue_full();
        assert_ne!(trouble.says().as_deref(), Some(AT_REST), "what holds up all is told first");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_is_waited_for_and_the_third_unknown_in_a_row_asks_first() {
        let trouble = Trouble::default();
        for wait in [30, 60, 120, 120] {
            trouble.queue_full();
            assert_eq!(trouble.wait(), Some(Duration::from_secs(wait)));
        }
        trouble.answered();
        assert_eq!((trouble.wait(), trouble.says()), (None, None));
        let lost = Error::timeout(Duration::from_secs(15));
        trouble.unknown(&lost);
        trouble.unknown(&lost);
        assert!(!trouble.asks_first());
        trouble.unknown(&lost);
        assert!(trouble.asks_first() && trouble.says().is_some());
        let mut waits = Vec::new();
        for _ in 0..8 {
            trouble.asked(Some(Error::timeout(Duration::from_secs(15))));
            waits.push(trouble.wait().unwrap().as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        trouble.asked(None);
        assert!(!trouble.asks_first() && trouble.wait().is_none());
    }
}
