//! The run: batches out, fates in, Ctrl-C between them.

use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use kwtsms_async::{Batch, Client, MessageText, SenderId};

use super::fate::{self, End, Fate, Tally};
use super::feed::Feed;
use super::progress;
use super::report::Report;
use super::told::Told;
use crate::exit::{Exit, Failure, Outcome, is_account_problem};
use crate::interrupt::Interrupts;
use crate::numbers::{Rows, Source};
use crate::output::Out;

/// How often the bar is drawn.
const TICK: Duration = Duration::from_millis(200);
/// Fewer numbers than this need no bar.
const BAR_FROM: u64 = 201;

/// A run that has been agreed on.
pub(super) struct Plan<'a> {
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

/// How a run came to its end.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) tally: Tally,
    report: Option<Report>,
    account_problem: bool,
    pub(super) interrupted: bool,
    /// Numbers that never went to the run.
    aside: u64,
    /// What ended it before its time, but for an interruption.
    pub(super) failure: Option<Failure>,
}

impl State {
    /// Counts fates and writes them down; false when they cannot be written down.
    fn record(&mut self, fates: &[Fate]) -> bool {
        fates.iter().for_each(|fate| self.tally.add(fate.end));
        let Some(report) = &mut self.report else { return true };
        match report.write(fates) {
            Ok(()) => true,
            Err(failure) => {
                self.report = None;
                self.failure = Some(failure);
                false
            }
        }
    }
}

pub(super) async fn run(client: &Client, plan: Plan<'_>, out: &mut Out) -> Outcome {
    let mut state = State { report: plan.report.map(Report::create).transpose()?, ..State::default() };
    let mut interrupts = Interrupts::listen();
    let bar = if plan.inputs.is_none_or(|inputs| inputs >= BAR_FROM) {
        progress::bar(plan.inputs)
    } else {
        indicatif::ProgressBar::hidden()
    };
    out.set_bar(bar.clone());

    let mut told = Told::new(&plan);
    let (feed, inputs) = Feed::start(plan.rows);
    let mut batches = client
        .bulk(inputs, plan.text.as_str())
        .sender(plan.sender.as_str())
        .test_mode(plan.test)
        .on_retry(progress::on_retry(bar.clone(), plan.no_wait));
    if let Some(inputs) = plan.inputs {
        batches = batches.total(inputs);
    }
    let handle = batches.handle();
    let mut tick = tokio::time::interval(TICK);
    let mut stopped_at = None;
    loop {
        tokio::select! {
            batch = batches.next() => {
                let Some(batch) = batch else { break };
                if !take(&batch, &feed, &mut state, &mut told, out) {
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
    let rest = fate::of_damaged(&feed);
    state.record(&rest);
    told.fates(&rest, out);
    bar.finish_and_clear();
    out.set_bar(indicatif::ProgressBar::hidden());
    state.failure = state.failure.or_else(|| feed.failure());
    told.end(&state, &rest, out);
    Ok(exit(&state))
}

/// Takes a batch in: counts, writes down, tells. False if the run has to stop.
fn take(batch: &Batch, feed: &Feed, state: &mut State, told: &mut Told, out: &mut Out) -> bool {
    let fates = fate::of_batch(batch, feed);
    let known = fates.iter().filter(|fate| fate.number.is_none()).count() as u64;
    state.aside += known.saturating_sub(batch.invalid().len() as u64);
    state.account_problem |= batch.result().is_err_and(is_account_problem);
    state.tally.uncounted += batch.uncounted();
    let written = state.record(&fates);
    told.batch(batch, &fates, out);
    written
}

/// The end without waiting for answers.
///
/// What was handed to the run before it was stopped may be on its way; what came after it was not started.
fn abort(stopped_at: u64, feed: &Feed, state: &mut State, out: &Out) {
    let fates: Vec<_> = feed
        .take_rest()
        .into_iter()
        .map(|(position, row)| {
            let end = if position < stopped_at { End::Unknown } else { End::NotAttempted };
            Fate::new(row, end, "the run was aborted")
        })
        .collect();
    state.record(&fates);
    out.note("  Aborted: what was not read yet was not attempted, and stands in no account.");
}

fn exit(state: &State) -> Exit {
    let exit = Exit::of_send(state.tally, state.account_problem, state.interrupted);
    // All that was read was accepted, and yet it was not all that there was.
    if exit == Exit::Accepted && state.failure.is_some() { Exit::Partly } else { exit }
}
