//! The connections that are being set up: while one is, no request may start, since both would arrive together.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A set-up that takes so much longer than the fastest one says that the way to the gateway was silent: requests that
/// left on kept connections meanwhile arrive together with the one that waited for it. Less than this the gap between
/// starts makes up for.
const SILENT: Duration = Duration::from_millis(375);

/// After such a silence no request starts for so long, so that none is counted together with those.
const PAUSE: Duration = Duration::from_secs(1);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is known of the set-ups of connections to the gateway.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<SetUps>);

#[derive(Debug, Default)]
struct SetUps {
    /// Those under way, each with its latest end.
    open: Vec<(u64, Instant)>,
    begun: u64,
    /// The shortest that brought a connection about.
    fastest: Option<Duration>,
    /// When the last one ended.
    ended: Option<Instant>,
    /// No start before this, since the way was silent.
    silent: Option<Instant>,
}

impl Connections {
    /// Tells of a set-up that has begun; it lasts until what is returned is dropped, `most` at the most.
    pub(crate) fn begin(self: &Arc<Self>, most: Duration) -> Connecting {
        let begun = Instant::now();
        let latest = begun + most.min(DAY); // "never" is a time-out too
        let mut set_ups = self.lock();
        let id = set_ups.begun;
        set_ups.begun += 1;
        set_ups.open.push((id, latest));
        Connecting { connections: Arc::clone(self), id, begun }
    }

    /// The earliest start of a request that stays `gap` behind what waited for a connection.
    ///
    /// While one is being set up it moves on with the time: what is said then is a lower bound.
    pub(crate) fn clear(&self, now: Instant, gap: Duration) -> Option<Instant> {
        let set_ups = self.lock();
        let open = set_ups.open.iter().map(|(_, latest)| now.min(*latest)).max();
        open.max(set_ups.ended).map(|end| end + gap).max(set_ups.silent)
    }

    fn lock(&self) -> MutexGuard<'_, SetUps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection is being set up while this lives.
#[must_use = "a set-up ends when this is dropped"]
#[derive(Debug)]
pub(crate) struct Connecting {
    connections: Arc<Connections>,
    id: u64,
    begun: Instant,
}

impl Connecting {
    /// The connection stands.
    pub(crate) fn made(self) {
        let took = self.begun.elapsed();
        let fastest = &mut self.connections.lock().fastest;
        *fastest = Some(fastest.map_or(took, |fastest| fastest.min(took)));
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        let mut set_ups = self.connections.lock();
        set_ups.open.retain(|(id, _)| *id != self.id);
        let now = Instant::now();
        set_ups.ended = set_ups.ended.max(Some(now));
        // Before the first connection stood none was kept.
        if set_ups.fastest.is_some_and(|fastest| now - self.begun > fastest + SILENT) {
            set_ups.silent = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_millis(250);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn a_set_up_holds_until_a_gap_after_its_end_and_one_that_hangs_until_its_latest_end() {
        let connections = Arc::new(Connections::default());
        let begin = Instant::now();
        assert_eq!(connections.clear(begin, GAP), None);
        let hangs = connections.begin(ms(2_000));
        let stands = connections.begin(ms(5_000));
        tokio::time::advance(ms(300)).await;
        assert_eq!(connections.clear(Instant::now(), GAP), Some(begin + ms(300) + GAP), "it is under way");
        drop(stands);
        tokio::time::advance(ms(100)).await;
        assert_eq!(connections.clear(Instant::now(), GAP), Some(begin + ms(400) + GAP), "the other one is");
        tokio::time::advance(ms(5_000)).await;
        assert_eq!(
            connections.clear(Instant::now(), GAP),
            Some(begin + ms(2_000) + GAP),
            "it came to nothing"
        );
        drop(connections.begin(Duration::MAX));
        drop(hangs);
        assert_eq!(connections.lock().silent, None, "none ever stood");
        assert_eq!(connections.clear(Instant::now(), GAP), Some(begin + ms(5_400) + GAP), "or so it seemed");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_set_up_that_took_much_longer_than_the_fastest_nothing_starts_for_a_second() {
        let connections = Arc::new(Connections::default());
        for (takes, made, waits) in [
            (900, true, GAP), // the first one
            (200, true, GAP),
            (575, true, GAP),
            (576, true, PAUSE),
            (576, false, PAUSE), // given up
            (150, true, GAP),
            (526, true, PAUSE),
        ] {
            let connecting = connections.begin(ms(5_000));
            tokio::time::advance(ms(takes)).await;
            if made {
                connecting.made();
            } else {
                drop(connecting);
            }
            let now = Instant::now();
            assert_eq!(connections.clear(now, GAP), Some(now + waits), "{takes} {made}");
            tokio::time::advance(ms(2_000)).await;
        }
    }
}
