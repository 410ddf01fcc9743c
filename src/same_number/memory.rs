//! The memory that clients are given, and a batch's claim on its numbers.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::local::Local;
use super::{Resting, SharedNumbers};
use crate::error::Error;
use crate::phone::PhoneNumber;
use crate::task::spawn;

/// How long after the claim a request may leave, at least.
const LATEST: Duration = Duration::from_secs(16);

/// So long a shared memory that fails is asked again, less where the call's deadline comes first.
const PATIENCE: Duration = Duration::from_secs(10);

/// Remembers the numbers that were written to, so that no message meets the gateway's 15-second rule (ERR028).
///
/// A client and its clones have one. Two clients of one account meet the same rule, so give the second one the
/// first one's:
///
/// ```
/// # #[cfg(feature = "sandbox")] {
/// # use kwtsms_async::{Client, sandbox::Sandbox};
/// # let sandbox = Sandbox::in_process();
/// let first = Client::builder("user", "pass").transport(sandbox.transport()).build()?;
/// let second = Client::builder("user", "pass")
///     .transport(sandbox.transport())
///     .same_number_memory(first.same_number_memory())
///     .build()?;
/// # }
/// # Ok::<_, kwtsms_async::Error>(())
/// ```
#[derive(Clone)]
pub struct SameNumberMemory(Arc<Inner>);

struct Inner {
    local: Local,
    shared: Option<Arc<dyn SharedNumbers>>,
    /// Owners are counted from a random number: those of another process are others.
    owners: AtomicU64,
}

/// Why numbers could not be claimed.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Some of them rest; the others are free.
    Resting(Vec<Resting>),
    /// A shared memory could not be asked.
    Failed(Error),
}

impl SameNumberMemory {
    /// Makes a memory of this process, in which a number rests so long after a live message to it.
    ///
    /// Zero leaves the rule to the gateway. The gateway's own wait is 15 s; clients have 16 s by default.
    pub fn new(wait: Duration) -> Self {
        Self::with(wait, None)
    }

    /// Makes a memory that processes share.
    #[cfg_attr(not(any(feature = "store", feature = "redis")), allow(dead_code))]
    pub(crate) fn shared(wait: Duration, shared: Arc<dyn SharedNumbers>) -> Self {
        Self::with(wait, Some(shared))
    }

    fn with(wait: Duration, shared: Option<Arc<dyn SharedNumbers>>) -> Self {
        let owners = AtomicU64::new(RandomState::new().build_hasher().finish());
        Self(Arc::new(Inner { local: Local::new(wait), shared, owners }))
    }

    /// How long until all of the numbers may be written to, as far as this process knows; zero if they may be now.
    #[inline]
    pub(crate) fn longest_rest(&self, numbers: &[PhoneNumber]) -> Duration {
        self.0.local.longest_rest(numbers)
    }

    /// Takes all of the numbers for a request that ends after at most so long, or none.
    ///
    /// Test messages are left to the gateway and never refused; they are remembered, to know whose message the
    /// gateway speaks of.
    #[inline]
    pub(crate) async fn claim(
        &self,
        numbers: &Arc<[PhoneNumber]>,
        live: bool,
        hold: Duration,
        deadline: Option<Instant>,
    ) -> Result<Claim, Refusal> {
        let claim = self.claim_here(numbers, live, hold).map_err(Refusal::Resting)?;
        match &self.0.shared {
            // Boxed: most memories are of one process.
            Some(shared) if live => Box::pin(claim.share(Arc::clone(shared), hold, deadline)).await,
            _ => Ok(claim),
        }
    }

    /// Takes the numbers as far as this process knows.
    #[inline]
    fn claim_here(
        &self,
        numbers: &Arc<[PhoneNumber]>,
        live: bool,
        hold: Duration,
    ) -> Result<Claim, Vec<Resting>> {
        let owner = self.0.owners.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let known = self.0.local.take(owner, numbers, live, hold, now)?;
        Ok(Claim {
            memory: self.clone(),
            numbers: Arc::clone(numbers),
            owner,
            live,
            known,
            leave_by: now + self.0.local.wait.max(LATEST),
            stage: Stage::Taken,
        })
    }
}

impl fmt::Debug for SameNumberMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SameNumberMemory")
            .field("wait", &self.0.local.wait)
            .field("shared", &self.0.shared)
            .finish()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Taken,
    Left,
    Ended,
}

/// Numbers of a request under way.
///
/// Dropped before the request left they are free again at once; dropped after it, without an end, they rest: what
/// became of it is unknown.
pub(crate) struct Claim {
    memory: SameNumberMemory,
    numbers: Arc<[PhoneNumber]>,
    owner: u64,
    live: bool,
    /// One of the numbers had been written to a short time before.
    known: bool,
    /// A request that leaves later could end after the claim.
    leave_by: Instant,
    stage: Stage,
}

impl Claim {
    /// Takes the numbers in a shared memory, too.
    async fn share(
        self,
        shared: Arc<dyn SharedNumbers>,
        hold: Duration,
        deadline: Option<Instant>,
    ) -> Result<Self, Refusal> {
        let (memory, owner) = (self.memory.clone(), self.owner);
        let hold = hold.saturating_add(memory.0.local.wait.max(LATEST));
        let patience = Instant::now() + PATIENCE;
        let until = deadline.map_or(patience, |deadline| deadline.min(patience));
        let taken = shared.take(owner, Arc::clone(&self.numbers), hold, until).await;
        let resting = taken.map_err(Refusal::Failed)?;
        if resting.is_empty() {
            return Ok(self);
        }
        drop(self);
        memory.0.local.heard(owner, &resting);
        Err(Refusal::Resting(resting))
    }

    /// True if it is too late for the request to leave: the numbers may be free before it ends.
    #[inline]
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        now > self.leave_by
    }

    /// The request leaves now.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.stage = Stage::Left;
    }

    /// The request has ended, now. `wrote` if the gateway accepted it, or may have.
    #[inline]
    pub(crate) fn end(mut self, wrote: bool, now: Instant) {
        self.settle(wrote, now);
    }

    /// True if this process wrote to one of the numbers a short time ago, beside this claim.
    pub(crate) fn explains_the_rule(&self) -> bool {
        self.known || self.memory.0.local.knows_of_others(self.owner, &self.numbers)
    }

    #[inline]
    fn settle(&mut self, wrote: bool, now: Instant) {
        self.stage = Stage::Ended;
        let memory = &self.memory.0;
        if wrote {
            memory.local.wrote(self.owner, &self.numbers, self.live, now);
        } else {
            memory.local.free(self.owner, &self.numbers);
        }
        if let Some(shared) = memory.shared.as_ref().filter(|_| self.live)
            && let Ok(runtime) = Handle::try_current()
        {
            // Beside the call, which a store that does not answer must not hold up. If it is lost, the numbers rest
            // for as long as they were taken.
            let numbers = Arc::clone(&self.numbers);
            if wrote {
                let rests = shared.take(self.owner, numbers, memory.local.wait, now + PATIENCE);
                spawn(&runtime, Box::pin(async move { drop(rests.await) }));
            } else {
                spawn(&runtime, Box::pin(shared.give_back(self.owner, numbers)));
            }
        }
    }
}

impl Drop for Claim {
    #[inline]
    fn drop(&mut self) {
        if self.stage != Stage::Ended {
            self.settle(self.stage == Stage::Left, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use futures::future::BoxFuture;

    use super::*;

    /// A memory that two processes share, as a store would keep it.
    #[derive(Debug, Default)]
    struct Store {
        held: Mutex<HashMap<PhoneNumber, (u64, Instant)>>,
        asked: AtomicU64,
        down: std::sync::atomic::AtomicBool,
    }

    impl SharedNumbers for Arc<Store> {
        fn take(
            &self,
            owner: u64,
            numbers: Arc<[PhoneNumber]>,
            hold: Duration,
            _: Instant,
        ) -> BoxFuture<'static, Result<Vec<Resting>, Error>> {
            let store = Arc::clone(self);
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(2)).await;
                store.asked.fetch_add(1, Ordering::SeqCst);
                if store.down.load(Ordering::SeqCst) {
                    return Err(Error::config("the store cannot be reached"));
                }
                let mut held = store.held.lock().unwrap();
                let now = Instant::now();
                let rests = |number: &PhoneNumber| {
                    let (other, until) = held.get(number)?;
                    let wait = until.saturating_duration_since(now);
                    (*other != owner && !wait.is_zero()).then_some(Resting { number: *number, wait })
                };
                let resting: Vec<_> = numbers.iter().filter_map(rests).collect();
                if resting.is_empty() {
                    held.extend(numbers.iter().map(|number| (*number, (owner, now + hold))));
                }
                Ok(resting)
            })
        }

        fn give_back(&self, owner: u64, numbers: Arc<[PhoneNumber]>) -> BoxFuture<'static, ()> {
            let store = Arc::clone(self);
            Box::pin(async move {
                let mut held = store.held.lock().unwrap();
                for number in &*numbers {
                    if held.get(number).is_some_and(|(other, _)| *other == owner) {
                        held.remove(number);
                    }
                }
            })
        }
    }

    const REST: Duration = Duration::from_secs(16);
    const HOLD: Duration = Duration::from_secs(15);

    fn numbers(from: u64, count: u64) -> Arc<[PhoneNumber]> {
        let number = |i: u64| PhoneNumber::parse(&(96_550_000_000 + i).to_string()).unwrap();
        (from..from + count).map(number).collect()
    }

    fn resting(refused: Result<Claim, Refusal>) -> Vec<Resting> {
        match refused {
            Err(Refusal::Resting(resting)) => resting,
            Err(Refusal::Failed(error)) => panic!("{error:?}"),
            Ok(_) => panic!("it was not refused"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn two_processes_that_share_a_memory_keep_one_rule() {
        let store = Arc::new(Store::default());
        let memory = || SameNumberMemory::shared(REST, Arc::new(Arc::clone(&store)));
        let (one, two) = (memory(), memory());
        let claim = one.claim(&numbers(0, 3), true, HOLD, None).await.unwrap();
        let refused = resting(two.claim(&numbers(2, 3), true, HOLD, None).await);
        assert_eq!(refused.iter().map(|resting| resting.number).collect::<Vec<_>>(), numbers(2, 1)[..]);
        assert_eq!(store.asked.load(Ordering::SeqCst), 2, "one question a batch");
        // What the store said is known here from now on.
        assert!(two.longest_rest(&numbers(2, 1)) > REST);
        assert_eq!(two.longest_rest(&numbers(3, 2)), Duration::ZERO);

        let mut claim = claim;
        claim.leave();
        claim.end(true, Instant::now());
        tokio::time::sleep(Duration::from_secs(10)).await;
        let three = memory();
        let refused = resting(three.claim(&numbers(0, 1), true, HOLD, None).await);
        assert!((5_900..=6_100).contains(&refused[0].wait.as_millis()), "{refused:?}");
        tokio::time::sleep(Duration::from_secs(7)).await;
        three.claim(&numbers(0, 3), true, HOLD, None).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_sent_is_free_for_the_other_process_too() {
        let store = Arc::new(Store::default());
        let memory = || SameNumberMemory::shared(REST, Arc::new(Arc::clone(&store)));
        let (one, two) = (memory(), memory());
        drop(one.claim(&numbers(0, 3), true, HOLD, None).await.unwrap());
        tokio::time::sleep(Duration::from_millis(1)).await;
        drop(two.claim(&numbers(0, 3), true, HOLD, None).await.unwrap());
        // A claim that is dropped while the store is asked leaves nothing behind in this process.
        let again = numbers(0, 3);
        let asking = one.claim(&again, true, HOLD, None);
        assert!(tokio::time::timeout(Duration::from_millis(1), asking).await.is_err());
        assert_eq!(one.longest_rest(&numbers(0, 3)), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_cannot_be_asked_refuses_and_test_messages_do_not_ask_it() {
        let store = Arc::new(Store::default());
        store.down.store(true, Ordering::SeqCst);
        let memory = SameNumberMemory::shared(REST, Arc::new(Arc::clone(&store)));
        let refused = memory.claim(&numbers(0, 1), true, HOLD, None).await;
        assert!(matches!(refused, Err(Refusal::Failed(_))));
        assert_eq!(memory.longest_rest(&numbers(0, 1)), Duration::ZERO);
        memory.claim(&numbers(0, 1), false, HOLD, None).await.unwrap();
        assert_eq!(store.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_left_and_whose_end_nobody_saw_makes_its_numbers_rest() {
        let memory = SameNumberMemory::new(REST);
        let mut claim = memory.claim(&numbers(0, 1), true, HOLD, None).await.unwrap();
        claim.leave();
        drop(claim);
        assert_eq!(memory.longest_rest(&numbers(0, 1)), REST);
        drop(memory.claim(&numbers(1, 1), true, HOLD, None).await.unwrap());
        assert_eq!(memory.longest_rest(&numbers(1, 1)), Duration::ZERO);
    }
}
