//! The run: batches out, entries in, Ctrl-C between them.

use std::path::Path;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use kwtsms_async::{Batch, Client, MessageText, PhoneNumber, PhoneRules, SenderId, Waiting};

use super::entry::{self, Entry, RowOutcome};
use super::feed::Feed;
use super::in_flight::InFlight;
use super::printer::Printer;
use super::progress;
use super::report::Report;
use super::state::RunState;
use crate::exit::{Ended, is_account_problem};
use crate::interrupt::Interrupts;
use crate::numbers::{Row, Rows, Source};
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
    pub(super) wait_for_others: bool,
    pub(super) wait_for_spend_limit: bool,
    pub(super) rules: PhoneRules,
}

pub(super) async fn execute(client: &Client, job: Job<'_>, out: &mut Out) -> Ended {
    let mut state = RunState { report: job.report.map(Report::create).transpose()?, ..RunState::default() };
    let in_flight = job.report.map(InFlight::beside).transpose()?.unwrap_or_default();
    let mut interrupts = Interrupts::listen();
    let bar = if job.inputs.is_none_or(|inputs| inputs >= BAR_FROM) {
        progress::bar(job.inputs)
    } else {
        indicatif::ProgressBar::hidden()
    };
    out.set_bar(bar.clone());

    let mut printer = Printer::new(job.source, job.test, job.report);
    let (feed, inputs) = Feed::start(job.rows);
    let mut batches = client
        .bulk(inputs, job.text.as_str())
        .sender(job.sender.as_str())
        .test_mode(job.test)
        .on_request({
            let in_flight = in_flight.clone();
            move |numbers| in_flight.enter(numbers)
        })
        .on_retry(progress::on_retry(bar.clone(), job.no_wait));
    if job.wait_for_others {
        batches = batches.wait_for_others();
    }
    if job.wait_for_spend_limit {
        batches = batches.wait_for_spend_limit();
    }
    // A run has each number once: what it would wait for is what another run sent, perhaps this very message.
    if job.no_wait || !job.wait_for_others {
        batches = batches.no_wait_for_numbers();
    }
    if let Some(inputs) = job.inputs {
        batches = batches.total(inputs);
    }
    let handle = batches.handle();
    let mut tick = tokio::time::interval(TICK);
    let mut told = Waiting::Nothing;
    loop {
        tokio::select! {
            batch = batches.next() => {
                let Some(batch) = batch else { break };
                if !take(&batch, &feed, &in_flight, &mut state, &mut printer, out) {
                    handle.stop();
                }
            }
            () = interrupts.next() => {
                if state.interrupted {
                    // What was answered is known; the rest is not waited for.
                    while let Some(Some(batch)) = batches.next().now_or_never() {
                        take(&batch, &feed, &in_flight, &mut state, &mut printer, out);
                    }
                    abort(job.rules, &feed, &in_flight, &mut state);
                    break;
                }
                state.interrupted = true;
                handle.stop();
                out.note("  Stopping: what is in flight is finished first. Ctrl-C again aborts.");
            },
            _ = tick.tick() => {
                let progress = handle.progress();
                if let Some(why) = progress::why_it_waits(progress.waiting())
                    && told != progress.waiting()
                {
                    told = progress.waiting();
                    out.note(format_args!("  {why}: waiting (Ctrl-C stops)."));
                }
                progress::show(&bar, &progress, state.aside, state.interrupted);
            }
        }
    }
    let rest = entry::of_refused(&feed);
    state.record(&rest);
    printer.entries(&rest, out);
    bar.finish_and_clear();
    out.set_bar(indicatif::ProgressBar::hidden());
    let is_whole = feed.has_ended();
    state.failure = state.failure.or_else(|| in_flight.failure()).or_else(|| feed.failure());
    printer.end(&state, &rest, out);
    if is_whole && state.failure.is_none() {
        in_flight.end();
    } else {
        not_whole(job.report, out);
    }
    Ok(state.exit())
}

/// Says how to go on with a run whose report has not a row for everybody.
fn not_whole(report: Option<&Path>, out: &Out) {
    out.note("  What was not read yet was not attempted, and stands in no account.");
    if let Some(report) = report {
        let report = report.display();
        out.note(format_args!("  To go on: kwtsms send --file LIST --resume {report}, with the same list."));
    }
}

/// Takes a batch in: counts, writes down, prints. False if the run has to stop.
fn take(
    batch: &Batch,
    feed: &Feed,
    in_flight: &InFlight,
    state: &mut RunState,
    printer: &mut Printer,
    out: &mut Out,
) -> bool {
    let entries = entry::of_batch(batch, feed);
    let known = entries.iter().filter(|entry| entry.number.is_none()).count() as u64;
    state.aside += known.saturating_sub(batch.invalid().len() as u64);
    state.account_problem |= batch.result().is_err_and(is_account_problem);
    state.tally.uncounted += batch.uncounted();
    let written = state.record(&entries);
    in_flight.leave(batch.numbers());
    printer.batch(batch, &entries, out);
    written
}

/// The end without waiting for answers: of unknown outcome is whom a request left for, and nobody else.
fn abort(rules: PhoneRules, feed: &Feed, in_flight: &InFlight, state: &mut RunState) {
    let entry = |row: Row| match PhoneNumber::parse_with(&row.input, rules) {
        Err(error) => Entry::new(row, RowOutcome::Invalid, error.to_string()),
        Ok(number) => {
            let left = in_flight.holds(number);
            let end = if left { RowOutcome::Unknown } else { RowOutcome::NotAttempted };
            Entry { number: Some(number), ..Entry::new(row, end, "the run was aborted") }
        }
    };
    let entries: Vec<_> = feed.take_rest().into_iter().map(entry).collect();
    state.record(&entries);
}
