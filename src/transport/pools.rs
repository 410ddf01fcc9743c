//! A pool of connections for each runtime: a connection is served only while the runtime on which it was made is
//! driven, so one of another runtime may hang, or end with it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::runtime;
use tokio::time::Instant;

use crate::clock::wall_now;

/// The most runtimes that keep their connections. Beyond it, the one that was used longest ago connects anew.
const MOST: usize = 128;

/// A machine that was suspended for longer between two requests connects anew: its connections are older than its clock
/// says, by which idle ones are dropped after 4 s, and common servers close theirs from 5 s on.
const SLEPT: Duration = Duration::from_millis(500);

/// Makes a client with an empty pool.
type Make<C> = Box<dyn Fn() -> Option<C> + Send + Sync>;

/// Clients of one server, each with a pool of its own.
pub(super) struct Pools<C> {
    make: Make<C>,
    pools: Mutex<Vec<Pool<C>>>,
}

struct Pool<C> {
    /// `None` until somebody uses it.
    runtime: Option<runtime::Id>,
    client: C,
    /// When the last request was begun, on the clock that stands still while the machine is suspended, and on the wall.
    begun: (Instant, SystemTime),
}

/// A client to post one request with.
pub(super) struct Taken<C> {
    pub(super) client: C,
    /// How long ago the request before it was begun: a server that closes an idle connection has not had it for longer.
    /// When the reply was read says less, since a busy thread reads late.
    pub(super) begun_before: Duration,
}

impl<C> Pool<C> {
    fn new(client: C) -> Self {
        Self { runtime: None, client, begun: (Instant::now(), wall_now()) }
    }
}

impl<C: Clone> Pools<C> {
    /// `first` is the client of the first runtime, made to see whether one can be made.
    pub(super) fn new(first: C, make: Make<C>) -> Self {
        Self { make, pools: Mutex::new(vec![Pool::new(first)]) }
    }

    /// The client of a runtime.
    #[inline]
    pub(super) fn take(&self, runtime: Option<runtime::Id>, wall: SystemTime) -> Taken<C> {
        let now = Instant::now();
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let place = pools.iter().position(|pool| pool.runtime == runtime || pool.runtime.is_none());
        let place = place.unwrap_or_else(|| self.another(&mut pools));
        let pool = &mut pools[place];
        pool.runtime = runtime;
        let (at, on_the_wall) = std::mem::replace(&mut pool.begun, (now, wall));
        let begun_before = now.saturating_duration_since(at);
        let slept = wall.duration_since(on_the_wall).unwrap_or_default().saturating_sub(begun_before);
        if slept > SLEPT
            && let Some(client) = (self.make)()
        {
            pool.client = client;
        }
        Taken { client: pool.client.clone(), begun_before }
    }

    /// Makes room for a runtime that is new here.
    #[cold]
    fn another(&self, pools: &mut Vec<Pool<C>>) -> usize {
        let oldest = || pools.iter().enumerate().min_by_key(|(_, pool)| pool.begun.0).map_or(0, |(at, _)| at);
        match (self.make)() {
            Some(client) if pools.len() < MOST => {
                pools.push(Pool::new(client));
                pools.len() - 1
            }
            Some(client) => {
                let oldest = oldest();
                pools[oldest] = Pool::new(client);
                oldest
            }
            None => oldest(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Clients are numbered as they are made.
    fn pools() -> Pools<usize> {
        let made = AtomicUsize::new(1);
        Pools::new(0, Box::new(move || Some(made.fetch_add(1, Ordering::SeqCst))))
    }

    fn runtimes(count: usize) -> Vec<runtime::Runtime> {
        let runtime = || runtime::Builder::new_current_thread().build().unwrap();
        (0..count).map(|_| runtime()).collect()
    }

    #[test]
    fn each_runtime_has_connections_of_its_own_and_the_oldest_makes_room() {
        let (pools, runtimes) = (pools(), runtimes(MOST + 1));
        let take = |runtime: &runtime::Runtime| pools.take(Some(runtime.handle().id()), wall_now()).client;
        let clients: Vec<_> = runtimes.iter().map(take).collect();
        assert_eq!(clients[..MOST], (0..MOST).collect::<Vec<_>>());
        assert_eq!(take(&runtimes[5]), 5, "it is kept");
        assert_eq!(clients[MOST], MOST);
        assert_eq!(take(&runtimes[0]), MOST + 1, "it was used longest ago");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_is_read_late_makes_its_connection_no_younger() {
        let (pools, here) = (pools(), Some(runtime::Handle::current().id()));
        let take = || pools.take(here, wall_now());
        take();
        tokio::time::advance(Duration::from_millis(11)).await; // the server answered at once, and closes 10 ms later
        assert_eq!(take().begun_before, Duration::from_millis(11));
        assert_eq!(take().begun_before, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_the_machine_slept_through_are_not_used() {
        let (pools, here) = (pools(), Some(runtime::Handle::current().id()));
        let mut wall = wall_now();
        for (clock, slept, client) in
            [(0, 0, 0), (3, 0, 0), (3, 600, 1), (3, 0, 1), (60, 0, 1), (0, 5, 2), (9, 1, 3)]
        {
            tokio::time::advance(Duration::from_secs(clock)).await;
            wall += Duration::from_secs(clock + slept);
            // What is older by the machine's own clock the pool drops by itself.
            assert_eq!(pools.take(here, wall).client, client, "{clock} s, {slept} s asleep");
        }
        // A wall clock that is set back says nothing.
        assert_eq!(pools.take(here, wall - Duration::from_secs(3_600)).client, 3);
    }
}
