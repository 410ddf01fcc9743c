//! What a run says on standard output, for people and for programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use console::style;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kwtsms_async::{Batch, Credits, Delivery, Error, ErrorKind};
use serde_json::{Value, json};

use super::entry::{Entry, RowOutcome};
use super::progress::short;
use super::state::RunState;
use crate::numbers::Source;
use crate::output::{Out, counted, warn};

/// So many skipped numbers are listed; a report holds all.
const LISTED: u64 = 20;

/// Prints batch by batch, and remembers what the end needs.
#[derive(Debug)]
pub(super) struct Printer {
    /// Numbers were given as arguments: few, and shown in one document.
    few: bool,
    unit: &'static str,
    test: bool,
    report: Option<PathBuf>,
    /// When the spend limit that stopped the run opens again: how long from now, and at what time.
    opens: Option<(Duration, String)>,
    batches: Vec<Value>,
    /// What was sent and stands in a document that is still to be printed.
    unprinted: Vec<String>,
    requests: u64,
    listed: u64,
    points: Credits,
    balance: Option<Credits>,
    first_not_attempted: Option<u64>,
}

impl Printer {
    pub(super) fn new(source: &Source, test: bool, report: Option<&Path>) -> Self {
        Self {
            few: source.is_arguments(),
            unit: source.unit(),
            test,
            report: report.map(Path::to_owned),
            opens: None,
            batches: Vec::new(),
            unprinted: Vec::new(),
            requests: 0,
            listed: 0,
            points: Credits::ZERO,
            balance: None,
            first_not_attempted: None,
        }
    }

    pub(super) fn batch(&mut self, batch: &Batch, entries: &[Entry], out: &mut Out) {
        if let Ok(accepted) = batch.result() {
            self.points += accepted.points_charged().unwrap_or_default();
            self.balance = accepted.balance_after().or(self.balance);
        }
        if out.is_json() {
            let document = self.document(batch, entries);
            if self.few { self.batches.push(document) } else { out.document(&document) }
        }
        self.entries(entries, out);
        if batch.numbers().is_empty() {
            return;
        }
        self.requests += 1;
        let count = counted(batch.numbers().len() as u64, "number");
        match batch.result() {
            Ok(accepted) => {
                let balance = accepted.balance_after().map(|left| format!("  |  balance-after: {left}"));
                let cost = accepted.points_charged().map(|points| format!("  |  cost: {points}"));
                let sent = format!(
                    "  |  msg-id: {}  |  {count}{}{}",
                    accepted.message_id(),
                    cost.unwrap_or_default(),
                    balance.unwrap_or_default(),
                );
                out.labelled(style("Sent").green(), &sent);
                // The id was paid for, and is the only way to ask what became of the message.
                if out.is_gone() {
                    out.note(format_args!("  Sent{sent}"));
                } else if out.is_json() && self.few {
                    self.unprinted.push(sent);
                }
                if batch.uncounted() > 0 {
                    out.line(format_args!(
                        "  The gateway left out {} of them and does not say which; 'kwtsms validate' tells.",
                        batch.uncounted()
                    ));
                }
            }
            Err(error) => {
                if let Some(wait) = error.retry_after().filter(|_| error.kind() == ErrorKind::SpendLimit) {
                    self.opens = Some((wait, clock_after(wait)));
                }
                self.failed(error, &count, entries, out);
            }
        }
    }

    fn failed(&self, error: &Error, count: &str, entries: &[Entry], out: &mut Out) {
        match error.delivery() {
            Delivery::Unknown => {
                out.loud(format_args!("OUTCOME UNKNOWN — {count} may have been sent and charged: {error:#}"));
                let lines = || {
                    entries
                        .iter()
                        .filter(|entry| entry.end == RowOutcome::Unknown)
                        .map(|entry| entry.row.line)
                };
                if let (Some(first), Some(last), false) = (lines().min(), lines().max(), self.few) {
                    out.line(format_args!("  They stand in the lines {first} to {last}."));
                }
                out.line(
                    "  Do NOT send again blindly: look in the queue and the archive at kwtsms.com first.",
                );
            }
            // The end tells how many; each by each they would fill the screen after a stop.
            Delivery::NotSent if error.kind() == ErrorKind::Stopped => {}
            _ => {
                let what = error
                    .code()
                    .map_or_else(|| format!("{error:#}"), |code| format!("{code} — {}", code.meaning()));
                out.labelled(style("Failed").red(), format_args!(": {what}  |  {count} not sent"));
                if let Some(description) = error.description() {
                    out.line(format_args!("  The gateway says: {}", description));
                }
                let action = match error.kind() {
                    ErrorKind::RecentNumber => {
                        "If another run has not sent this very message, send it again in 16 s, or use --wait-for-others."
                    }
                    ErrorKind::SpendLimit if error.retry_after().is_some() => {
                        "Go on when it opens again; if so much was meant to be sent, raise the limit."
                    }
                    _ => error.action(),
                };
                out.line(format_args!("  Action: {action}"));
            }
        }
    }

    /// Lists what is not sent to, up to a limit.
    pub(super) fn entries(&mut self, entries: &[Entry], out: &mut Out) {
        for entry in entries {
            if entry.end == RowOutcome::NotAttempted {
                let first = self.first_not_attempted.get_or_insert(entry.row.line);
                *first = entry.row.line.min(*first);
            }
            if entry.end != RowOutcome::Invalid {
                continue;
            }
            self.listed += 1;
            if self.listed <= LISTED {
                out.labelled(
                    style("Skipped").yellow(),
                    format_args!(
                        ": {}{} — {}",
                        if self.few { String::new() } else { format!("{} {}: ", self.unit, entry.row.line) },
                        entry.row.input,
                        entry.reason
                    ),
                );
            }
        }
    }

    /// `rest` is what no batch came after.
    pub(super) fn end(&self, state: &RunState, rest: &[Entry], out: &mut Out) {
        if out.is_json() {
            out.document(&self.summary(state, rest));
            if out.is_gone() {
                self.unprinted.iter().for_each(|sent| out.note(format_args!("  Sent{sent}")));
            }
        } else {
            self.totals(state, out);
        }
        if let Some(failure) = &state.failure {
            warn(format_args!("  The run was stopped: {}", failure.reasons.join(": ")));
        }
    }

    fn totals(&self, state: &RunState, out: &mut Out) {
        let tally = state.tally;
        if self.listed > LISTED {
            let more = self.listed - LISTED;
            let hint = if self.report.is_some() { "the report lists them" } else { "--report lists them" };
            out.line(format_args!("  … and {more} more skipped; {hint}"));
        }
        if self.requests != 1 || !tally.is_clean() || tally.duplicates > 0 {
            let parts = [
                ("refused", tally.refused),
                ("unknown", tally.unknown),
                ("not attempted", tally.not_attempted),
                ("skipped", tally.invalid),
                ("duplicates", tally.duplicates),
                ("of the accepted, left out by the gateway", tally.uncounted),
            ];
            let mut line = format!("  Accepted {} of {}", tally.accepted, tally.total());
            for (what, count) in parts.into_iter().filter(|(_, count)| *count > 0) {
                line.push_str(&format!("  |  {what} {count}"));
            }
            out.line(line);
        }
        if self.requests > 1 && tally.accepted > 0 {
            let balance = self.balance.map(|left| format!("  |  balance-after: {left}")).unwrap_or_default();
            out.line(format_args!("  Cost: {}{balance}", self.points));
        }
        if tally.unknown > 0 {
            warn(format_args!(
                "  {} of UNKNOWN outcome: do NOT send to them again before you looked at kwtsms.com.",
                counted(tally.unknown, "number")
            ));
        }
        if let Some(first) = self.first_not_attempted {
            let why = if state.interrupted { "Interrupted: " } else { "" };
            warn(format_args!(
                "  {why}{} not attempted, from {} {first} on; they can be sent to.",
                counted(tally.not_attempted, "number"),
                self.unit
            ));
        }
        if let Some((wait, at)) = &self.opens {
            let how = match &self.report {
                Some(report) => format!("kwtsms send --resume {}", report.display()),
                None => "send to those again; a run with --report FILE can be resumed by it".to_owned(),
            };
            warn(format_args!(
                "  The spend limit opens again at {at}, in {}. To go on then: {how}",
                short(*wait)
            ));
        }
        if self.test && tally.accepted > 0 {
            out.line("  (test send — check kwtsms.com Queue to confirm; delete to recover credits)");
        }
    }

    fn document(&self, batch: &Batch, entries: &[Entry]) -> Value {
        let numbers: Vec<_> = batch.numbers().iter().map(ToString::to_string).collect();
        let mut document = json!({
            "batch": batch.index() + 1,
            "outcome": if numbers.is_empty() { Value::Null } else { json!(outcome(batch, entries)) },
            "numbers": numbers,
            "invalid": listed(entries, RowOutcome::Invalid),
            "duplicates": listed(entries, RowOutcome::Duplicate),
        });
        match batch.result() {
            Ok(accepted) => {
                document["uncounted"] = json!(batch.uncounted());
                document["message_id"] = json!(accepted.message_id());
                document["points_charged"] = json!(accepted.points_charged());
                document["balance_after"] = json!(accepted.balance_after());
                document["unix_timestamp"] = json!(accepted.unix_timestamp());
            }
            Err(error) if !numbers.is_empty() => {
                document["code"] = json!(error.code());
                document["error"] = json!(format!("{error:#}"));
                document["action"] = json!(error.action());
                document["retry_after_s"] = json!(error.retry_after().map(seconds));
                document["description"] = json!(error.description());
            }
            Err(_) => {}
        }
        document
    }

    fn summary(&self, state: &RunState, rest: &[Entry]) -> Value {
        let mut summary = json!({
            "result": state.result(),
            "test": self.test,
            "interrupted": state.interrupted,
            "account": state.tally.json(),
            "points_charged": self.points,
            "balance_after": self.balance,
            "invalid": listed(rest, RowOutcome::Invalid),
            "retry_after_s": self.opens.as_ref().map(|(wait, _)| seconds(*wait)),
            "error": state.failure.as_ref().map(|failure| failure.reasons.join(": ")),
        });
        if self.few {
            let first = |key: &str| self.batches.iter().find_map(|batch| batch.get(key)).cloned();
            summary["message_id"] = first("message_id").unwrap_or_default();
            if state.failure.is_none() {
                for key in ["error", "code", "action", "description"] {
                    summary[key] = first(key).unwrap_or_default();
                }
            }
            summary["batches"] = json!(self.batches);
        }
        summary
    }
}

fn listed(entries: &[Entry], end: RowOutcome) -> Vec<Value> {
    let listed = entries.iter().filter(|entry| entry.end == end);
    listed
        .map(|entry| match entry.number {
            Some(number) => json!({ "line": entry.row.line, "number": number.to_string() }),
            None => json!({ "line": entry.row.line, "input": entry.row.input, "reason": entry.reason }),
        })
        .collect()
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// The time of this machine's clock then, with its day where that is another.
fn clock_after(wait: Duration) -> String {
    let (zone, now) = (TimeZone::system(), Timestamp::now());
    let then = now.checked_add(SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX));
    let (now, then) = (zone.to_datetime(now), zone.to_datetime(then.unwrap_or(Timestamp::MAX)));
    let form = if then.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    then.strftime(form).to_string()
}

fn outcome(batch: &Batch, entries: &[Entry]) -> &'static str {
    let first = batch.numbers().first();
    let entry =
        entries.iter().find(|entry| entry.number.as_ref() == first && entry.end != RowOutcome::Duplicate);
    entry.map_or(RowOutcome::Unknown, |entry| entry.end).word()
}
