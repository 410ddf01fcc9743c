//! The control handle of a run.

use std::fmt;
use std::sync::Arc;

use super::control::Control;
use super::progress::Progress;
use crate::events::StopReason;
use crate::report::Account;

/// Control handle of a bulk run; cheap to clone, and usable while the stream is read elsewhere.
#[derive(Clone)]
pub struct BulkHandle {
    pub(super) control: Arc<Control>,
}

impl BulkHandle {
    /// Starts no further request until [`resume`](Self::resume); what is in flight is answered.
    pub fn pause(&self) {
        self.control.pause(true);
    }

    /// Goes on after a pause.
    pub fn resume(&self) {
        self.control.pause(false);
    }

    /// Ends the run between requests: what is in flight is answered, the rest is not attempted.
    ///
    /// No request starts after it returned, whatever it was waiting for: a batch that the gateway refused and that
    /// waits for another try is not tried again. The source is still read to its end, to account for it: where it has
    /// none, or keeps one waiting, drop the stream instead.
    pub fn stop(&self) {
        self.control.stop(&StopReason::Asked);
    }

    /// How far the run is.
    pub fn progress(&self) -> Progress {
        self.control.progress()
    }

    /// Waits for the end of the run, also of one whose stream was dropped, and gives its account.
    ///
    /// A run whose stream was dropped before it was polled has ended, with nothing in its account; one that is kept
    /// and never polled does not end.
    pub async fn finished(&self) -> Account {
        self.control.ended().await
    }
}

impl fmt::Debug for BulkHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkHandle").field("progress", &self.progress()).finish()
    }
}
