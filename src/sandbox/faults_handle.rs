//! The script of faults, from outside.

use std::fmt;
use std::sync::Arc;

use super::model::faults::Fault;
use super::shared::Shared;

/// The script of faults of a [`Sandbox`](super::Sandbox).
#[derive(Clone)]
pub struct Faults {
    shared: Arc<Shared>,
}

impl Faults {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Adds a fault behind those still to come.
    pub fn push(&self, fault: Fault) {
        self.shared.lock().faults.push(fault);
    }

    /// Forgets those still to come.
    pub fn clear(&self) {
        self.shared.lock().faults.clear();
    }

    /// How many requests are still to be hit.
    pub fn pending(&self) -> usize {
        self.shared.lock().faults.pending()
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faults").field(&self.shared.lock().faults).finish()
    }
}
