//! What may become of a batch: one pure function. The SQL of each transition is guarded by the same states and the
//! same fence, and a test compares the two row by row.
//!
//! The gateway judges a request, so the state of a number is the state of its batch.

/// Where a batch stands. Stored as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum State {
    /// No request was made for it, or one that provably queued nothing.
    Planned = 0,
    /// A worker holds it, and its request may have left.
    Sending = 1,
    /// The gateway took it.
    Accepted = 2,
    /// The gateway refused it with a code: nothing queued, nothing charged.
    Refused = 3,
    /// Its request may have arrived, and no verdict came back.
    Unknown = 4,
    /// It never will be sent: the campaign was cancelled, or its time is over.
    NotAttempted = 5,
}

impl State {
    pub(crate) const ALL: [Self; 6] =
        [Self::Planned, Self::Sending, Self::Accepted, Self::Refused, Self::Unknown, Self::NotAttempted];

    pub(crate) const fn stored(self) -> i64 {
        self as i64
    }

    pub(crate) fn read(stored: i64) -> Option<Self> {
        usize::try_from(stored).ok().and_then(|stored| Self::ALL.get(stored).copied())
    }
}

/// What a worker knows of the request that it made under a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// The gateway took it.
    Accepted,
    /// The gateway refused it with a code that holds.
    Refused,
    /// It may have arrived.
    Unknown,
    /// Proof that nothing was queued: no byte left, or a code that asks to come again (ERR013, ERR028).
    NothingQueued,
}

impl Verdict {
    #[cfg(test)]
    pub(crate) const ALL: [Self; 4] = [Self::Accepted, Self::Refused, Self::Unknown, Self::NothingQueued];
}

/// What a person says of a batch of unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resolution {
    /// It was sent: it ends accepted, without a message id.
    Sent,
    /// It was not sent: it is planned again, and will be sent.
    NotSent,
}

/// What happens to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(not(test), allow(dead_code))] // some happen in SQL alone, which is compared with the function
pub(crate) enum Event {
    /// A worker takes it. Only while its campaign runs and its window is open.
    Claim,
    /// A worker settles what it claimed under this fence.
    Settle { fence: i64, verdict: Verdict },
    /// The time of the claim is over, by the store's clock.
    Expire,
    /// A person looked at the account.
    Resolve(Resolution),
    /// The campaign was cancelled, or its last moment has passed.
    Close,
}

/// A batch as far as its state machine goes. The fence is raised at every claim, so that a worker that lost its claim
/// settles nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) fence: i64,
}

/// Where a batch stands after an event; `None` if the event changes nothing.
pub(crate) fn after(batch: Standing, event: Event) -> Option<Standing> {
    let to = |state| Some(Standing { state, ..batch });
    match (batch.state, event) {
        (State::Planned, Event::Claim) => Some(Standing { state: State::Sending, fence: batch.fence + 1 }),
        (State::Planned, Event::Close) => to(State::NotAttempted),
        (State::Sending, Event::Settle { fence, verdict }) if fence == batch.fence => to(match verdict {
            Verdict::Accepted => State::Accepted,
            Verdict::Refused => State::Refused,
            Verdict::Unknown => State::Unknown,
            Verdict::NothingQueued => State::Planned,
        }),
        (State::Sending, Event::Expire) => to(State::Unknown),
        // A late answer. Proof that nothing was queued does not count here: only a person sends again.
        (State::Unknown, Event::Settle { fence, verdict }) if fence == batch.fence => match verdict {
            Verdict::Accepted => to(State::Accepted),
            Verdict::Refused => to(State::Refused),
            Verdict::Unknown | Verdict::NothingQueued => None,
        },
        (State::Unknown, Event::Resolve(Resolution::NotSent)) => {
            Some(Standing { state: State::Planned, fence: batch.fence + 1 })
        }
        (State::Unknown, Event::Resolve(Resolution::Sent)) => to(State::Accepted),
        _ => None,
    }
}

/// From which states a worker's verdict leads where: what guards the SQL that settles a claim.
pub(crate) fn settled(verdict: Verdict) -> (Vec<State>, State) {
    let fence = 1;
    let next = |state| after(Standing { state, fence }, Event::Settle { fence, verdict });
    let from = State::ALL.into_iter().filter(|&state| next(state).is_some()).collect();
    (from, next(State::Sending).map_or(State::Unknown, |next| next.state))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashSet;
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    /// Every event, under the batch's own fence and under others'.
    pub(crate) fn events(fence: i64) -> Vec<Event> {
        let mut events = vec![
            Event::Claim,
            Event::Expire,
            Event::Resolve(Resolution::Sent),
            Event::Resolve(Resolution::NotSent),
            Event::Close,
        ];
        for fence in [fence - 1, fence, fence + 1] {
            events.extend(Verdict::ALL.map(|verdict| Event::Settle { fence, verdict }));
        }
        events
    }

    #[test]
    fn the_table_of_transitions_is_this_and_nothing_else() {
        use State::{Accepted, NotAttempted, Planned, Refused, Sending, Unknown};
        let settle = |verdict| Event::Settle { fence: 7, verdict };
        let table = [
            (Planned, Event::Claim, Sending, 8),
            (Planned, Event::Close, NotAttempted, 7),
            (Sending, settle(Verdict::Accepted), Accepted, 7),
            (Sending, settle(Verdict::Refused), Refused, 7),
            (Sending, settle(Verdict::Unknown), Unknown, 7),
            (Sending, settle(Verdict::NothingQueued), Planned, 7),
            (Sending, Event::Expire, Unknown, 7),
            (Unknown, settle(Verdict::Accepted), Accepted, 7),
            (Unknown, settle(Verdict::Refused), Refused, 7),
            (Unknown, Event::Resolve(Resolution::Sent), Accepted, 7),
            (Unknown, Event::Resolve(Resolution::NotSent), Planned, 8),
        ];
        let mut met = 0;
        for state in State::ALL {
            for event in events(7) {
                let row = table.iter().find(|row| (row.0, row.1) == (state, event));
                met += usize::from(row.is_some());
                let wanted = row.map(|&(_, _, state, fence)| Standing { state, fence });
                assert_eq!(after(Standing { state, fence: 7 }, event), wanted, "{state:?} {event:?}");
            }
        }
        assert_eq!(met, table.len());
    }

    #[test]
    fn states_are_stored_as_their_numbers() {
        for state in State::ALL {
            assert_eq!(State::read(state.stored()), Some(state));
        }
        assert_eq!((State::read(6), State::read(-1)), (None, None));
    }

    const BATCHES: usize = 3;
    const WORKERS: usize = 2;

    /// Where a worker is with the batch that it claimed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    enum Step {
        /// Claimed; the journal knows nothing yet.
        Claimed,
        /// The journal knows that a request is about to leave.
        Begun,
        /// The request is over, and this is what the worker heard.
        Heard(Verdict),
        /// The journal knows it too.
        Written(Verdict),
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    struct Claim {
        batch: usize,
        fence: i64,
        step: Step,
        /// More than 2 s passed since the claim, on one of the two clocks: nothing may be posted any more.
        stale: bool,
    }

    /// What stands in a worker's journal: batch, fence, and the verdict once it is known.
    type Entry = (usize, i64, Option<Verdict>);

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
    struct Worker {
        alive: bool,
        claim: Option<Claim>,
        journal: Option<Entry>,
    }

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    struct World {
        batches: [Standing; BATCHES],
        /// Whose claim the row names.
        holder: [Option<usize>; BATCHES],
        /// How often the gateway accepted each: the truth.
        sent: [u8; BATCHES],
        workers: [Worker; WORKERS],
        running: bool,
        cancelled: bool,
        /// How much went wrong: kills, sleeps, leases that ran out, answers that queued nothing, pauses, resolves.
        troubles: u8,
    }

    /// The search goes through every order of so many troubles.
    const TROUBLES: u8 = 3;

    impl World {
        fn new() -> Self {
            Self {
                batches: [Standing { state: State::Planned, fence: 0 }; BATCHES],
                holder: [None; BATCHES],
                sent: [0; BATCHES],
                workers: [Worker { alive: true, claim: None, journal: None }; WORKERS],
                running: true,
                cancelled: false,
                troubles: 0,
            }
        }

        /// Batches are alike, and so are workers: of worlds that differ in their order only one is looked at.
        fn in_order(mut self) -> Self {
            let mut order = [0, 1, 2];
            order.sort_by_key(|&b| (self.batches[b], self.sent[b], self.holder[b]));
            let place = |old: usize| order.iter().position(|&b| b == old).expect("a permutation");
            self.batches = order.map(|b| self.batches[b]);
            self.sent = order.map(|b| self.sent[b]);
            self.holder = order.map(|b| self.holder[b]);
            for worker in &mut self.workers {
                worker.claim = worker.claim.map(|claim| Claim { batch: place(claim.batch), ..claim });
                worker.journal = worker.journal.map(|(batch, fence, verdict)| (place(batch), fence, verdict));
            }
            if self.workers[0] > self.workers[1] {
                self.workers.swap(0, 1);
                self.holder = self.holder.map(|holder| holder.map(|worker| 1 - worker));
            }
            self
        }

        fn apply(&mut self, batch: usize, event: Event) {
            if let Some(next) = after(self.batches[batch], event) {
                let from = self.batches[batch].state;
                assert!(
                    !matches!(from, State::Accepted | State::Refused | State::NotAttempted),
                    "left a final state: {from:?} {event:?}"
                );
                self.batches[batch] = next;
            }
        }

        /// Everything that may happen next.
        fn steps(&self, worlds: &mut Vec<Self>) {
            let mut add = |change: &dyn Fn(&mut Self)| {
                let mut next = *self;
                change(&mut next);
                worlds.push(next);
            };
            let trouble = self.troubles < TROUBLES;
            for w in 0..WORKERS {
                let worker = self.workers[w];
                if !worker.alive {
                    // Started again with its journal: what it tells comes first, then what it does not know of.
                    add(&|next| {
                        next.workers[w].alive = true;
                        let entry = next.workers[w].journal.take();
                        if let Some((batch, fence, verdict)) = entry {
                            let verdict = verdict.unwrap_or(Verdict::Unknown);
                            next.apply(batch, Event::Settle { fence, verdict });
                        }
                        for batch in 0..BATCHES {
                            let Standing { state, fence } = next.batches[batch];
                            let known = entry.is_some_and(|entry| (entry.0, entry.1) == (batch, fence));
                            if next.holder[batch] == Some(w) && state == State::Sending && !known {
                                next.apply(batch, Event::Settle { fence, verdict: Verdict::NothingQueued });
                            }
                        }
                    });
                    continue;
                }
                if trouble && worker.claim.is_some() {
                    add(&|next| {
                        next.troubles += 1;
                        next.workers[w].alive = false;
                        next.workers[w].claim = None;
                    });
                }
                let Some(claim) = worker.claim else {
                    if self.running && !self.cancelled {
                        for batch in (0..BATCHES).filter(|&b| self.batches[b].state == State::Planned) {
                            add(&|next| {
                                next.apply(batch, Event::Claim);
                                next.holder[batch] = Some(w);
                                let fence = next.batches[batch].fence;
                                next.workers[w].claim =
                                    Some(Claim { batch, fence, step: Step::Claimed, stale: false });
                            });
                        }
                    }
                    continue;
                };
                let Claim { batch, fence, .. } = claim;
                let go = |next: &mut Self, step| next.workers[w].claim = Some(Claim { step, ..claim });
                if trouble && !claim.stale && matches!(claim.step, Step::Claimed | Step::Begun) {
                    // The machine slept, or its clock stepped.
                    add(&|next| {
                        next.troubles += 1;
                        next.workers[w].claim = Some(Claim { stale: true, ..claim });
                    });
                }
                match claim.step {
                    Step::Claimed => add(&|next| {
                        next.workers[w].journal = Some((batch, fence, None));
                        go(next, Step::Begun);
                    }),
                    Step::Begun if claim.stale => {
                        add(&|next| go(next, Step::Heard(Verdict::NothingQueued)));
                    }
                    Step::Begun => {
                        for (arrives, heard) in [
                            (1, Verdict::Accepted),
                            (1, Verdict::Unknown), // the answer is lost
                            (0, Verdict::Refused),
                            (0, Verdict::Unknown),
                            (0, Verdict::NothingQueued),
                        ] {
                            if heard == Verdict::NothingQueued && !trouble {
                                continue; // a bound to the search, not to the machine
                            }
                            add(&|next| {
                                assert!(!next.paused_for_good(), "a request left after pause() returned");
                                next.sent[batch] += arrives;
                                next.troubles += u8::from(heard == Verdict::NothingQueued);
                                go(next, Step::Heard(heard));
                            });
                        }
                    }
                    Step::Heard(verdict) => add(&|next| {
                        next.workers[w].journal = Some((batch, fence, Some(verdict)));
                        go(next, Step::Written(verdict));
                    }),
                    Step::Written(verdict) => add(&|next| {
                        next.apply(batch, Event::Settle { fence, verdict });
                        next.workers[w].journal = None;
                        next.workers[w].claim = None;
                    }),
                }
            }
            for batch in 0..BATCHES {
                if self.batches[batch].state == State::Sending && trouble {
                    // A lease of 60 s is over; a request is bounded by 15 s, so that none is under way then: who has
                    // not posted yet finds its claim too old.
                    add(&|next| {
                        next.troubles += 1;
                        next.apply(batch, Event::Expire);
                        for worker in &mut next.workers {
                            if let Some(claim) = &mut worker.claim
                                && claim.batch == batch
                            {
                                claim.stale = true;
                            }
                        }
                    });
                }
                if self.batches[batch].state == State::Unknown && trouble {
                    // A person tells the truth. No request is under way: it would have ended before the lease.
                    let resolution =
                        if self.sent[batch] > 0 { Resolution::Sent } else { Resolution::NotSent };
                    let under_way = self
                        .workers
                        .iter()
                        .filter_map(|worker| worker.claim)
                        .any(|claim| claim.batch == batch && claim.step == Step::Begun && !claim.stale);
                    if !under_way {
                        add(&|next| {
                            next.troubles += 1;
                            next.apply(batch, Event::Resolve(resolution));
                        });
                    }
                }
            }
            if trouble && self.running {
                add(&|next| {
                    next.troubles += 1;
                    next.running = false;
                });
            }
            if !self.running {
                add(&|next| next.running = true);
            }
            if !self.cancelled {
                add(&|next| next.cancelled = true);
            }
            // The sweep closes what is planned, also what comes back to planned after the cancel.
            for batch in (0..BATCHES).filter(|&b| self.cancelled && self.batches[b].state == State::Planned) {
                add(&|next| next.apply(batch, Event::Close));
            }
        }

        /// `pause()` returns when no batch is being sent.
        fn paused_for_good(&self) -> bool {
            !self.running && self.batches.iter().all(|batch| batch.state != State::Sending)
        }

        fn check(&self) {
            for batch in 0..BATCHES {
                let (state, sent) = (self.batches[batch].state, self.sent[batch]);
                assert!(sent <= 1, "sent twice: {self:?}");
                match state {
                    State::Planned | State::Refused | State::NotAttempted => {
                        assert_eq!(sent, 0, "a sent batch stands as {state:?}: {self:?}");
                    }
                    State::Accepted => assert_eq!(sent, 1, "accepted and never sent: {self:?}"),
                    State::Sending | State::Unknown => {}
                }
            }
        }
    }

    fn hash(world: &World) -> u64 {
        let mut hasher = DefaultHasher::new();
        world.hash(&mut hasher);
        hasher.finish()
    }

    /// Two workers, three batches, kills with and without a word in the journal, a suspended machine, clock steps,
    /// lost and late answers, leases that run out, a pause, a cancel and a person who resolves, in every order.
    #[test]
    fn no_order_of_events_sends_twice_or_loses_a_batch_or_leaves_a_final_state() {
        let mut seen = HashSet::new();
        let mut open = vec![World::new()];
        let mut next = Vec::new();
        while let Some(world) = open.pop() {
            world.check();
            world.steps(&mut next);
            let stuck = next.is_empty();
            assert!(
                !stuck
                    || world
                        .batches
                        .iter()
                        .all(|batch| !matches!(batch.state, State::Planned | State::Sending)),
                "nothing can happen any more: {world:?}"
            );
            // Of a world only its hash is kept: two of them alike among a million are less likely than one in 10^7.
            open.extend(next.drain(..).map(World::in_order).filter(|world| seen.insert(hash(world))));
        }
        println!("{} states", seen.len());
        assert!(seen.len() > 100_000, "{}", seen.len());
    }
}
