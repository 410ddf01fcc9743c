//! What one process holds of a shared pace: the start that each lane was given, and whether it is being asked for.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::mapping::{Clock, Mapping};
use super::schedule::{AHEAD, Answer};
use super::source::{Begun, Source};
use super::told::Told;
use crate::clock::wall_now;
use crate::error::Error;
use crate::limit::local::Cells;
use crate::limit::rates::{CEILING, Lane, Rates, Spacing};
use crate::store::{Failure, StoreError};

/// A start that is met later than this is thrown away: the next one could come too close.
pub(crate) const LATE: Duration = Duration::from_millis(15);

/// So long a store may fail before calls without a deadline fail with it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Who asks and has no answer for so long is passed over: its runtime may stand still. Longer than any store's own
/// limit.
const ASKING: Duration = Duration::from_secs(12);

/// Between two questions while the store fails: the shortest, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Between two starts of a share, at the least: never two of one replica in a second, though the network closes them up
/// by a tenth.
const SHARE: Duration = Duration::from_millis(1_100);

/// A store whose answers take so long cannot say when something is.
const EXACT: Duration = Duration::from_millis(250);

/// What is known of a lane's next start.
#[derive(Debug)]
pub(crate) enum Due {
    At(Instant),
    /// The store is being asked, or has to be.
    Unknown,
    /// The store fails for longer than calls are to wait for it.
    Failed(StoreError),
}

/// What whoever asks the store does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// There is a start; see that somebody takes it.
    Start(Instant),
    AskAt(Instant),
    /// All that wait in the lane are to hear of it.
    Fail,
    /// Nothing: the start is not needed any more, or somebody else asks.
    End,
}

#[derive(Default)]
struct Slot {
    start: Option<Start>,
    /// Who asks, and until when nobody else does.
    asking: Option<(u64, Instant)>,
    asked: u64,
    /// A start that was given and not used, by the store's clock.
    unused: Option<i64>,
}

impl Slot {
    fn drop_late(&mut self, now: Instant) {
        if let Some(late) = self.start.take_if(|start| start.is_late(now)) {
            self.unused = Some(late.stores);
        }
    }
}

struct Start {
    at: Instant,
    /// The same by the store's clock.
    stores: i64,
    /// When it was given, by both clocks: a machine that slept is told by the difference.
    given: (Instant, SystemTime),
}

impl Start {
    fn is_late(&self, now: Instant) -> bool {
        let slept = || {
            let wall = wall_now().duration_since(self.given.1).unwrap_or_default();
            wall.saturating_sub(now.saturating_duration_since(self.given.0)) > Duration::from_secs(1)
        };
        now > self.at + LATE || slept()
    }
}

struct Outage {
    since: Instant,
    last: Instant,
    tries: u32,
    error: StoreError,
}

/// The pace of one process, given by a store.
pub(crate) struct Shared {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) rates: Rates,
    slots: [Slot; 2],
    mapping: Mapping,
    granted: i64,
    /// No start before this is used: others may hold starts of which the store knows nothing.
    hold: Option<Instant>,
    outage: Option<Outage>,
    /// A fixed part of the rate, for single requests while the store is gone.
    share: Option<Cells>,
    pub(crate) told: Told,
}

fn index(lane: Lane) -> usize {
    match lane {
        Lane::Single => 0,
        Lane::Bulk => 1,
    }
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(micros.unsigned_abs())
}

impl Shared {
    pub(crate) fn new(source: Arc<dyn Source>, rates: Rates) -> Self {
        Self {
            source,
            rates,
            slots: Default::default(),
            mapping: Mapping::new(),
            granted: 0,
            hold: None,
            outage: None,
            share: None,
            told: Told::new(),
        }
    }

    /// Lets single requests start at a part of their rate while the store is gone.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if the parts of all replicas find no room under the ceiling beside the whole pace.
    pub(crate) fn share(&mut self, replicas: u32) -> Result<(), Error> {
        let most = self.rates.most() + f64::from(replicas);
        if replicas == 0 || (replicas > 1 && most > CEILING) {
            return Err(Error::config(format!(
                "a fixed share without the store for {replicas} replicas at rates of {} and {} is refused: there must be \
                 one replica, or the rates, each rounded up to a whole number, and the number of replicas must be at \
                 most {CEILING} together, since those that lost the store start beside those that have it",
                self.rates.single(),
                self.rates.bulk(),
            )));
        }
        let Spacing { periods: [period, _], .. } = Spacing::of(self.rates);
        let period = micros(period) * replicas;
        self.share = Some(Cells::new(if replicas > 1 { period.max(SHARE) } else { period }));
        Ok(())
    }

    /// Learns from a question and its answer what the store's clock is.
    pub(crate) fn learn(&mut self, asked: Instant, answered: Instant, now: i64) {
        if self.mapping.learn(asked, answered, now) == Clock::SetForth {
            self.hold = Some(answered + micros(AHEAD));
        }
    }

    /// The share, while it is what counts: from when no start is to come that others may hold, until the store has
    /// not been asked for a while.
    fn share_of(&mut self, lane: Lane, now: Instant) -> Option<&mut Cells> {
        let outage =
            self.outage.as_ref().filter(|outage| lane == Lane::Single && outage.last + PATIENCE > now)?;
        let share = self.share.as_mut()?;
        share.due = share.due.max(outage.since + micros(AHEAD));
        Some(share)
    }

    /// When the next start of a lane is due.
    pub(crate) fn due(&mut self, lane: Lane, now: Instant) -> Due {
        let slot = &mut self.slots[index(lane)];
        slot.drop_late(now);
        if let Some(start) = &slot.start {
            return Due::At(start.at);
        }
        let asks = slot.asking.is_some_and(|(_, until)| until > now);
        if let Some(share) = self.share_of(lane, now) {
            return Due::At(share.due);
        }
        match &self.outage {
            Some(outage) if !asks && now >= outage.since + PATIENCE && now < outage.last + RETRY.1 => {
                Due::Failed(outage.error.clone())
            }
            _ => Due::Unknown,
        }
    }

    /// Takes the start that is due.
    pub(crate) fn take(&mut self, lane: Lane, now: Instant) -> bool {
        let slot = &mut self.slots[index(lane)];
        slot.drop_late(now);
        match slot.start.take_if(|start| start.at <= now) {
            Some(_) => {
                slot.asking = None;
                true
            }
            None => self.share_of(lane, now).is_some_and(Cells::check),
        }
    }

    /// Why the store gives no start, if it fails.
    pub(crate) fn failure(&self) -> Option<&StoreError> {
        self.outage.as_ref().map(|outage| &outage.error)
    }

    /// A number for whoever is to ask the store for a start of the lane, if nobody does.
    pub(crate) fn ask(&mut self, lane: Lane, now: Instant) -> Option<u64> {
        let slot = &mut self.slots[index(lane)];
        if slot.start.is_some() || slot.asking.is_some_and(|(_, until)| until > now) {
            return None;
        }
        slot.asked += 1;
        slot.asking = Some((slot.asked, now + ASKING));
        Some(slot.asked)
    }

    /// A start of the lane to be given back.
    pub(crate) fn unused(&mut self, lane: Lane) -> Option<i64> {
        let slot = &mut self.slots[index(lane)];
        slot.drop_late(Instant::now());
        slot.unused.take()
    }

    /// True while this asker is the one that asks for the lane.
    pub(crate) fn asks(&self, lane: Lane, number: u64) -> bool {
        self.slots[index(lane)].asking.is_some_and(|(asking, _)| asking == number)
    }

    /// An asker goes away.
    pub(crate) fn stop_asking(&mut self, lane: Lane, number: u64) {
        self.slots[index(lane)].asking.take_if(|(asking, _)| *asking == number);
    }

    /// An asker has an answer.
    pub(crate) fn answered(
        &mut self,
        lane: Lane,
        number: u64,
        asked: Instant,
        answer: Result<Asked, StoreError>,
    ) -> Next {
        let now = Instant::now();
        let refuse = |source: &dyn Source, failure, why| StoreError::new(source.kind(), failure, why);
        let next = match answer {
            Ok(Asked::Begun(begun)) if begun.rates == self.rates => {
                self.learn(asked, now, begun.now);
                Next::AskAt(now)
            }
            Ok(Asked::Begun(_)) => {
                let other =
                    refuse(&*self.source, Failure::Refused, "the scope was begun anew with other rates");
                self.failed(lane, asked, now, other)
            }
            Ok(Asked::Answer(answer)) => {
                self.learn(asked, now, answer.now);
                if self.mapping.exactness() > EXACT {
                    let slow = refuse(
                        &*self.source,
                        Failure::Unreachable,
                        "it answers too slowly to tell when a start is",
                    );
                    self.failed(lane, asked, now, slow)
                } else {
                    self.given(lane, number, now, answer)
                }
            }
            Err(error) => self.failed(lane, asked, now, error),
        };
        if !self.asks(lane, number) {
            return Next::End; // a start that came too late is lost
        }
        let until = match next {
            Next::AskAt(at) | Next::Start(at) => at.max(now) + ASKING,
            Next::Fail | Next::End => {
                self.stop_asking(lane, number);
                return next;
            }
        };
        self.slots[index(lane)].asking = Some((number, until));
        next
    }

    /// After an answer the store is told how many calls wait, if they wait for long.
    pub(crate) fn calls_wait(&mut self, next: &Next, calls: [i64; 2]) {
        if let Next::Start(at) | Next::AskAt(at) = *next
            && self.outage.is_none()
        {
            self.told.wait(calls, at, Instant::now());
        }
    }

    fn given(&mut self, lane: Lane, number: u64, now: Instant, answer: Answer) -> Next {
        if let (Some(_), Some(share)) = (self.outage.take(), &self.share) {
            self.hold = self.hold.max(Some(share.due)); // after the last start of the share
        }
        if answer.granted < self.granted {
            // An older state: starts that were given since may be still to come.
            self.hold = self.hold.max(Some(now + micros(AHEAD)));
        }
        self.granted = answer.granted;
        let stores = answer.now.saturating_add(answer.wait);
        let at = self.mapping.instant(stores);
        if !answer.given {
            let again = at.checked_sub(micros(AHEAD)).unwrap_or(now);
            return Next::AskAt(again.max(now + Duration::from_millis(1)));
        }
        if let Some(hold) = self.hold.filter(|hold| at < *hold) {
            self.slots[index(lane)].unused = Some(stores);
            return Next::AskAt(hold);
        }
        if self.asks(lane, number) {
            self.slots[index(lane)].start = Some(Start { at, stores, given: (now, wall_now()) });
        }
        Next::Start(at)
    }

    fn failed(&mut self, lane: Lane, asked: Instant, now: Instant, error: StoreError) -> Next {
        let (since, tries) =
            self.outage.as_ref().map_or((asked, 0), |outage| (outage.since, outage.tries + 1));
        self.outage = Some(Outage { since, last: now, tries, error });
        if now >= since + PATIENCE && self.share_of(lane, now).is_none() {
            return Next::Fail;
        }
        let retry = (RETRY.0 * (1 << tries.min(5))).min(RETRY.1);
        Next::AskAt(now + retry.mul_f64(0.5 + 0.5 * fastrand::f64()))
    }
}

/// What came of a question.
#[derive(Debug)]
pub(crate) enum Asked {
    Answer(Answer),
    /// The scope was not there, and is now.
    Begun(Begun),
}

/// Asks for the next start of a lane.
pub(crate) async fn ask(
    source: &dyn Source,
    rates: Rates,
    lane: Lane,
    unused: Option<i64>,
) -> Result<Asked, StoreError> {
    match source.reserve(lane, unused).await? {
        Some(answer) => Ok(Asked::Answer(answer)),
        None => source.begin(rates).await.map(Asked::Begun),
    }
}
