//! `GET /api/events`: server-sent events.
//!
//! A listener keeps no events of its own. Those that a slow one has not read are overwritten, and it is told to fetch
//! the messages again; so is everyone who connects or comes back.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream::{self, Stream};
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::view::{MessageView, RequestView, Stats};
use crate::sandbox::model::history::Change;
use crate::sandbox::shared::Shared;

/// So often a listener is told how fast requests come; queues are worked off at the same time.
const TICK: Duration = Duration::from_secs(1);
/// A browser that lost the connection comes back after this time.
const RETRY: Duration = Duration::from_secs(1);

struct Listener {
    shared: Arc<Shared>,
    changes: broadcast::Receiver<Change>,
    ticks: Interval,
    fresh: bool,
}

pub(super) async fn events(
    State(shared): State<Arc<Shared>>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = shared.lock().history.changes.subscribe();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let listener = Listener { shared, changes, ticks, fresh: true };
    let events = stream::unfold(listener, |mut listener| async {
        let event = listener.next().await?;
        Some((Ok(event), listener))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

impl Listener {
    async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.fresh) {
            return Some(self.reset().retry(RETRY));
        }
        loop {
            let change = tokio::select! {
                change = self.changes.recv() => change,
                _ = self.ticks.tick() => return Some(event("stats", &Stats::now(&self.shared))),
            };
            match change {
                Ok(change) => {
                    // What is gone again has nothing to show.
                    if let Some(event) = self.show(change) {
                        return Some(event);
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    self.changes = self.changes.resubscribe();
                    return Some(self.reset());
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn reset(&self) -> Event {
        let (_, last) = self.shared.lock().history.count();
        event("reset", &json!({ "last": last }))
    }

    fn show(&self, change: Change) -> Option<Event> {
        match change {
            Change::Arrived(seq) => self.message("message", seq),
            Change::Changed(seq) => self.message("changed", seq),
            Change::Seen(number) => {
                let request = self.shared.lock().history.request(number)?.clone();
                Some(event("request", &RequestView::from(&*request)))
            }
            Change::Cleared => Some(event("cleared", &json!({}))),
        }
    }

    fn message(&self, name: &str, seq: u64) -> Option<Event> {
        let message = self.shared.lock().history.at(seq)?.clone();
        Some(event(name, &MessageView::from(&*message)))
    }
}

/// Strings and numbers always serialise.
fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).unwrap_or_default()
}
