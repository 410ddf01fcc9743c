//! The run: batches out, entries in, Ctrl-C between them.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use kwtsms_async::{Batch, Client, MessageText, SenderId};

use super::entry::{self, Entry, RowOutcome};
use super::feed::Feed;
use super::printer::Printer;
use super::progress;
use super::report::Report;
use super::state::RunState;
use crate::exit::{Ended, is_account_problem};
use crate::interrupt::Interrupts;
use crate::numbers::{Rows, Source};
use crate::output::Out;

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(200);
/// Fewer numbers than this need no bar.
const BAR_FROM: u64 = 201;

/// A run that has been agreed on.
pub(super) struct Job<'a> {
    pub(super) source: &'a Source,
    pub(super) rows: Rows,
    pub(super) text: &'a MessageText,
    pub(super) sender: &'a SenderId,
    pub(super) test: bool,
    pub(super) report: Option<&'a Path>,
    /// Numbers in the input, if known.
    pub(super) inputs: Option<u64>,
    pub(super) no_wait: bool,
}

pub(super) async fn execute(client: &Client, job: Job<'_>, out: &mut Out) -> Ended {
    let mut state = RunState { report: job.report.map(Report::create).transpose()?, ..RunState::default() };
    let mut interrupts = Interrupts::listen();
    let bar = if job.inputs.is_none_or(|inputs| inputs >= BAR_FROM) {
        progress::bar(job.inputs)
    } else {
        indicatif::ProgressBar::hidden()
    };
    out.set_bar(bar.clone());

    let mut printer = Printer::new(job.source, job.test, job.report.is_some());
    let (feed, inputs) = Feed::start(job.rows);
    let mut batches = client
        .bulk(inputs, job.text.as_str())
        .sender(job.sender.as_str())
        .test_mode(job.test)
        .on_retry(progress::on_retry(bar.clone(), job.no_wait));
    if let Some(inputs) = job.inputs {
        batches = batches.total(inputs);
    }
    let handle = batches.handle();
    let mut tick = tokio::time::interval(TICK);
    let mut stopped_at = None;
    loop {
        tokio::select! {
            batch = batches.next() => {
                let Some(batch) = batch else { break };
                if !take(&batch, &feed, &mut state, &mut printer, out) {
                    handle.stop();
                }
            }
            () = interrupts.next() => match stopped_at {
                None => {
                    stopped_at = Some(feed.next());
                    state.interrupted = true;
                    handle.stop();
                    out.note("  Stopping: what is in flight is finished first. Ctrl-C again aborts.");
                }
                Some(stopped_at) => {
                    abort(stopped_at, &feed, &mut state, out);
                    break;
                }
            },
            _ = tick.tick() => progress::show(&bar, &handle.progress(), state.aside, state.interrupted),
        }
    }
    let rest = entry::of_refused(&feed);
    state.record(&rest);
    printer.entries(&rest, out);
    bar.finish_and_clear();
    out.set_bar(indicatif::ProgressBar::hidden());
    state.failure = state.failure.or_else(|| feed.failure());
    printer.end(&state, &rest, out);
    Ok(state.exit())
}

/// Takes a batch in: counts, writes down, tells. False if the run has to stop.
fn take(batch: &Batch, feed: &Feed, state: &mut RunState, printer: &mut Printer, out: &mut Out) -> bool {
    let entries = entry::of_batch(batch, feed);
    let known = entries.iter().filter(|entry| entry.number.is_none()).count() as u64;
    state.aside += known.saturating_sub(batch.invalid().len() as u64);
    state.account_problem |= batch.result().is_err_and(is_account_problem);
    state.tally.uncounted += batch.uncounted();
    let written = state.record(&entries);
    printer.batch(batch, &entries, out);
    written
}

/// The end without waiting for answers.
///
/// What was handed to the run before it was stopped may be on its way; what came after it was not started.
fn abort(stopped_at: u64, feed: &Feed, state: &mut RunState, out: &Out) {
    let entries: Vec<_> = feed
        .take_rest()
        .into_iter()
        .map(|(position, row)| {
            let end = if position < stopped_at { RowOutcome::Unknown } else { RowOutcome::NotAttempted };
            Entry::new(row, end, "the run was aborted")
        })
        .collect();
    state.record(&entries);
    out.note("  Aborted: what was not read yet was not attempted, and stands in no account.");
}
