//! From rows to a run, and from the run's positions back to rows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::Stream;
use tokio::sync::mpsc;

use crate::exit::Failure;
use crate::numbers::{Row, Rows};

/// Rows read ahead of the run: reading must not hold up the sending.
const AHEAD: usize = 1_024;

/// What was handed to a run and has not come back yet: a few batches, however long the input is.
#[derive(Debug, Default)]
struct Ledger {
    next: u64,
    rows: BTreeMap<u64, Row>,
    refused: Vec<Row>,
    failure: Option<Failure>,
    /// All that there is was handed in.
    ended: bool,
}

/// Knows the row of every position of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Feed(Arc<Mutex<Ledger>>);

impl Feed {
    /// Starts to read, on a thread of its own: a pipe may have nothing to read for a while.
    pub(super) fn start(rows: Rows) -> (Self, impl Stream<Item = String> + Send + 'static) {
        let feed = Self::default();
        let (sender, mut receiver) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            for row in rows {
                let failed = row.is_err();
                if sender.blocking_send(row).is_err() || failed {
                    return;
                }
            }
        });
        let ledger = feed.clone();
        let inputs = futures::stream::poll_fn(move |cx| {
            loop {
                match std::task::ready!(receiver.poll_recv(cx)) {
                    None => {
                        ledger.lock().ended = true;
                        return None.into();
                    }
                    Some(row) => {
                        if let Some(input) = ledger.enter(row) {
                            return Some(input).into();
                        }
                    }
                }
            }
        });
        (feed, inputs)
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a row that goes to the run; what must not go there is kept.
    fn enter(&self, row: Result<Row, Failure>) -> Option<String> {
        let mut ledger = self.lock();
        match row {
            Err(failure) => {
                ledger.failure = Some(failure);
                None
            }
            Ok(row) => {
                if row.refused.is_some() {
                    ledger.refused.push(row);
                    return None;
                }
                let position = ledger.next;
                ledger.next += 1;
                let input = row.input.clone();
                ledger.rows.insert(position, row);
                Some(input)
            }
        }
    }

    /// The row of a position that has come back.
    pub(super) fn take(&self, position: u64) -> Row {
        // The run gives back what it was given, once.
        self.lock().rows.remove(&position).unwrap_or(Row::new(0, String::new()))
    }

    /// Rows that were kept from the run since the last call.
    pub(super) fn refused(&self) -> Vec<Row> {
        std::mem::take(&mut self.lock().refused)
    }

    /// Everything that has not come back, in its order.
    pub(super) fn take_rest(&self) -> Vec<Row> {
        std::mem::take(&mut self.lock().rows).into_values().collect()
    }

    /// True if nothing is left to be read.
    pub(super) fn has_ended(&self) -> bool {
        let ledger = self.lock();
        ledger.ended && ledger.failure.is_none()
    }

    /// Why reading ended before its end.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.lock().failure.take()
    }
}
