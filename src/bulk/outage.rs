//! When a run holds back because the gateway does not answer, or its queue does not drain: pure decisions.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Delivery, Error, ErrorKind};

/// Batches in a row that get no verdict before a run pauses: numbers of unknown outcome may not be sent to again, so
/// they must not become many.
const UNANSWERED: u32 = 3;

/// The wait before the gateway is first asked whether it answers again; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long after a full queue it is called stuck, if it is full again and nothing was accepted: the first pause of a
/// retry.
const QUEUE_STUCK: Duration = Duration::from_secs(30);

/// What is known of the gateway's answers.
#[derive(Debug, Default)]
pub(super) struct Outage {
    unanswered: u32,
    on: bool,
    /// It was on since a batch was answered.
    was_on: bool,
    /// Since when no batch was answered.
    since: Option<Instant>,
    wait: Option<Duration>,
    last: Option<Error>,
    /// A batch met a full queue, and none was accepted since.
    queue_full_since: Option<Instant>,
    queue_stuck: bool,
}

/// What a change of state means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    None,
    /// The gateway does not answer: the run pauses.
    NoAnswer,
    /// The gateway's queue does not drain.
    QueueStuck,
}

impl Outage {
    pub(super) fn is_on(&self) -> bool {
        self.on
    }

    pub(super) fn queue_is_stuck(&self) -> bool {
        self.queue_stuck
    }

    /// A batch has ended.
    pub(super) fn note(&mut self, result: Result<(), &Error>) -> News {
        match result {
            Err(error) if error.delivery() == Delivery::Unknown || error.kind() == ErrorKind::Connect => {
                self.unanswered += 1;
                self.last = Some(error.clone());
                self.since.get_or_insert_with(Instant::now);
                if self.unanswered >= UNANSWERED && !self.on {
                    (self.on, self.was_on) = (true, true);
                    return News::NoAnswer;
                }
            }
            // Whatever it says, the gateway answers.
            Ok(()) => *self = Self::default(),
            Err(error) if error.delivery() == Delivery::Refused => {
                let Self { queue_full_since, queue_stuck, .. } = *self;
                *self = Self { queue_full_since, queue_stuck, ..Self::default() };
            }
            Err(_) => {} // no request left
        }
        News::None
    }

    /// A batch met a full queue.
    pub(super) fn queue_full(&mut self, error: &Error) -> News {
        self.last = Some(error.clone());
        let since = *self.queue_full_since.get_or_insert_with(Instant::now);
        if !self.queue_stuck && since.elapsed() >= QUEUE_STUCK {
            self.queue_stuck = true;
            return News::QueueStuck;
        }
        News::None
    }

    /// How long to wait before the gateway is asked again; `hint` is what it asked for itself.
    pub(super) fn next_wait(&mut self) -> Duration {
        let wait = self.wait.unwrap_or(FIRST_WAIT);
        self.wait = Some((wait * 2).min(LONGEST_WAIT));
        let asked_for = self.last.as_ref().and_then(Error::retry_after).unwrap_or_default();
        wait.max(asked_for).min(LONGEST_WAIT)
    }

    /// The gateway was asked and did not answer.
    pub(super) fn still(&mut self, error: Error) {
        self.last = Some(error);
    }

    /// It answered a question. Whether it answers messages too is for one batch to find out: until then, one that is
    /// not answered is enough, and neither the time nor the waits start anew.
    pub(super) fn answered(&mut self) {
        self.on = false;
        self.unanswered = UNANSWERED - 1;
    }

    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    /// Since when the run waits in vain, and for what.
    pub(super) fn since(&self) -> Option<(Instant, Error)> {
        let stuck = self.queue_full_since.filter(|_| self.queue_stuck);
        let unanswered = self.since.filter(|_| self.was_on);
        let since = unanswered.into_iter().chain(stuck).min()?;
        Some((since, self.last.clone()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::ApiCode;
    use crate::transport::{TransportError, TransportFailure};
    use crate::wire::tests::ok;

    fn unknown() -> Error {
        Error::transport(TransportError::new(TransportFailure::Interrupted))
    }

    fn refused(code: &str) -> Error {
        Error::api(ApiCode::new(code), None, ok(r#"{"result":"OK"}"#))
    }

    #[tokio::test(start_paused = true)]
    async fn three_batches_in_a_row_without_an_answer_are_an_outage_and_two_are_not() {
        let connect = Error::transport(TransportError::new(TransportFailure::Connect));
        let mut outage = Outage::default();
        for answer in [Ok(()), Err(&refused("ERR026")), Err(&refused("ERR013"))] {
            assert_eq!(outage.note(Err(&unknown())), News::None);
            assert_eq!(outage.note(Err(&connect)), News::None);
            assert_eq!(outage.note(answer), News::None);
        }
        outage.note(Err(&unknown()));
        outage.note(Err(&Error::deadline())); // no request left: it says nothing about the gateway
        outage.note(Err(&connect));
        assert!(!outage.is_on());
        assert_eq!(outage.note(Err(&unknown())), News::NoAnswer);
        assert!(outage.is_on());
        assert_eq!(outage.note(Err(&unknown())), News::None, "told once");
    }

    #[tokio::test(start_paused = true)]
    async fn the_waits_double_up_to_a_minute_and_one_more_silence_goes_on_with_them() {
        let mut outage = Outage::default();
        (0..3).for_each(|_| _ = outage.note(Err(&unknown())));
        let waits: Vec<u64> = (0..5).map(|_| outage.next_wait().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16]);
        let since = outage.since().unwrap().0;
        tokio::time::advance(Duration::from_secs(5)).await;
        outage.answered();
        assert!(!outage.is_on());
        assert_eq!(outage.note(Err(&unknown())), News::NoAnswer);
        assert_eq!((outage.next_wait().as_secs(), outage.since().unwrap().0), (32, since));
        assert_eq!([outage.next_wait().as_secs(), outage.next_wait().as_secs()], [60, 60]);
        outage.answered();
        outage.note(Ok(()));
        assert!(outage.since().is_none());
        assert_eq!(outage.next_wait().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_is_full_again_after_a_pause_is_stuck_unless_something_was_accepted() {
        let full = refused("ERR013");
        let mut outage = Outage::default();
        assert_eq!(outage.queue_full(&full), News::None);
        tokio::time::advance(Duration::from_secs(20)).await;
        outage.note(Ok(()));
        assert_eq!(outage.queue_full(&full), News::None);
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(outage.queue_full(&full), News::None, "another batch, not after a pause");
        assert!(outage.since().is_none());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(outage.queue_full(&full), News::QueueStuck);
        assert_eq!(outage.since().unwrap().0.elapsed().as_secs(), 30);
        outage.note(Err(&full));
        assert!(outage.queue_is_stuck());
        outage.note(Ok(()));
        assert!(!outage.queue_is_stuck());
    }
}
