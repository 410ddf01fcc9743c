//! Who tells a store how many calls wait in this process: one word after the other, and only the latest.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::pace::Pace;
use super::shared::{Shared, Source, Word};
use super::wait::{Lanes, State};
use crate::task;

/// Between two batches of a run nobody waits either: only after so long it is told.
const MOMENT: Duration = Duration::from_millis(200);

/// Tells in a moment that nobody waits, if that is still so.
///
/// Outside of a runtime nobody can: the note in the store runs out by itself.
pub(super) fn spawn_last(lanes: &Arc<Lanes>) {
    let Ok(runtime) = Handle::try_current() else { return };
    let lanes = Arc::downgrade(lanes); // its sleep keeps no limiter alive
    let last = async move {
        tokio::time::sleep(MOMENT).await;
        if let Some(lanes) = lanes.upgrade() {
            tell_if_nobody_waits(&lanes);
        }
    };
    task::spawn(&runtime, Box::pin(last));
}

fn tell_if_nobody_waits(lanes: &Arc<Lanes>) {
    let mut state = lanes.lock();
    if state.calls() == [0, 0]
        && let Some(shared) = shared(&mut state)
    {
        shared.told.nobody_waits();
    }
    drop(state);
    spawn(lanes);
}

/// Tells what there is to tell, unless somebody does.
pub(super) fn spawn(lanes: &Arc<Lanes>) {
    let Ok(runtime) = Handle::try_current() else { return };
    if shared(&mut lanes.lock()).is_some_and(|shared| shared.told.begin()) {
        task::spawn(&runtime, Box::pin(Teller { lanes: Arc::clone(lanes), done: false }.run()));
    }
}

/// Waits until there is nothing to tell, and all is told.
pub(super) async fn idle(lanes: &Arc<Lanes>) {
    tell_if_nobody_waits(lanes);
    let ended = match shared(&mut lanes.lock()) {
        Some(shared) => shared.told.ended(),
        None => return,
    };
    loop {
        let end = ended.notified(); // before the look, so that no end is missed
        if !shared(&mut lanes.lock()).is_some_and(|shared| shared.told.is_telling()) {
            return;
        }
        end.await;
    }
}

fn shared(state: &mut State) -> Option<&mut Shared> {
    match &mut state.pace {
        Pace::Shared(shared) => Some(shared),
        Pace::Local(_) => None,
    }
}

struct Teller {
    lanes: Arc<Lanes>,
    done: bool,
}

impl Teller {
    async fn run(mut self) {
        while let Some((source, Word { process, calls, lasts })) = self.next() {
            let _ = source.tell(process, calls, lasts).await; // lost, nobody misses it
        }
    }

    fn next(&mut self) -> Option<(Arc<dyn Source>, Word)> {
        let mut state = self.lanes.lock();
        let shared = shared(&mut state)?;
        let word = shared.told.next();
        self.done = word.is_none();
        word.map(|word| (Arc::clone(&shared.source), word))
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if !self.done {
            // Its runtime went away: somebody else may tell.
            if let Some(shared) = shared(&mut self.lanes.lock()) {
                shared.told.end();
            }
        }
    }
}
