//! Events of campaigns, target `kwtsms_async::campaign`. They name batches and reasons, never a number or a text.

use crate::error::Error;

const TARGET: &str = "kwtsms_async::campaign";

/// A batch was taken: what the store took for it, commit and all.
pub(super) fn claimed(batch: i64, numbers: usize, took: std::time::Duration) {
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(target: TARGET, event = "claimed", batch, numbers, took_us, "a batch was taken");
}

/// A code stops every further batch of a campaign, or of the account.
pub(super) fn paused(reason: &str) {
    tracing::warn!(target: TARGET, event = "paused", reason, "a code paused what every further batch would meet too");
}

/// Three batches in a row were not answered.
pub(super) fn outage(error: &Error) {
    tracing::warn!(target: TARGET, event = "outage", reason = %error, "the gateway does not answer: nothing further \
        is posted until it does");
}

/// The store does not answer: nothing is claimed until it does.
pub(super) fn store_away(error: &Error) {
    tracing::warn!(target: TARGET, event = "store_away", reason = format_args!("{error:#}"), "no batch is claimed \
        until the store answers");
}

/// An answer came after the claim of its batch had run out, or after it was settled otherwise.
pub(super) fn late_answer(batch: i64) {
    tracing::warn!(target: TARGET, event = "late_answer", batch, "an answer came too late to change its batch");
}

/// A worker took over a journal with batches that were in flight.
pub(super) fn replayed(batches: usize, unknown: usize) {
    tracing::warn!(target: TARGET, event = "replayed", batches, unknown, "an earlier worker ended with batches in \
        flight");
}
