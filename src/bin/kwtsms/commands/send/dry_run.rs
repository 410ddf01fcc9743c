//! What would be sent, and nothing is.

use kwtsms_async::{MessageText, config};
use serde_json::json;

use super::arguments::Args;
use super::entry::{Entry, RowOutcome};
use super::measure::measure;
use crate::exit::{Ended, Exit, Failure};
use crate::numbers::Source;
use crate::options::Global;
use crate::output::{Out, counted, note};
use crate::{settings, text as texts};

pub(super) async fn show(
    args: &Args,
    global: &Global,
    source: &Source,
    original: &str,
    text: &MessageText,
    out: &mut Out,
) -> Ended {
    let (sender, test) = sender_and_mode(args, global).await?;
    let only_to = args.guards.only_to(global).await?;
    let rows = source.open(args.rules.of_phones())?; // what cannot be read is said first
    out.line("DRY RUN — nothing is sent.");
    out.line("");
    out.line(format_args!("  Text: {}", texts::on_one_line(text.as_str())));
    texts::describe(original, text, out);
    out.line(format_args!("  Sender: {}  |  Mode: {}", sender, if test { "TEST" } else { "LIVE" }));
    out.line("");

    let json = out.is_json();
    let (mut invalid, mut duplicates) = (Vec::new(), Vec::new());
    let unit = source.unit();
    let measured = measure(rows, text, args.rules, only_to.as_deref(), |entries: &[Entry]| {
        for entry in entries {
            let line = entry.row.line;
            match (entry.end, entry.number) {
                (RowOutcome::Invalid, _) if json => {
                    invalid.push(json!({ "line": line, "input": entry.row.input, "reason": entry.reason }));
                }
                (RowOutcome::Invalid, _) => {
                    let input = &entry.row.input;
                    out.line(format_args!("  {unit} {line}: refused: {input} — {}", entry.reason));
                }
                (RowOutcome::Duplicate, Some(number)) if json => {
                    duplicates.push(json!({ "line": line, "number": number.to_string() }));
                }
                (RowOutcome::Duplicate, Some(number)) => {
                    out.line(format_args!("  {unit} {line}: duplicate of {number}"));
                }
                _ => {}
            }
        }
    })
    .await?;

    let points = text.points(usize::try_from(measured.numbers).unwrap_or(usize::MAX));
    if let Some(column) = &measured.column {
        out.line(format_args!("  {column}"));
    }
    out.line(format_args!(
        "  Would send to {} in {}  |  refused {}  |  duplicates {}",
        counted(measured.numbers, "number"),
        if measured.batches == 1 { "1 batch".to_owned() } else { format!("{} batches", measured.batches) },
        measured.refused,
        measured.duplicates
    ));
    out.line(format_args!(
        "  About {} at Kuwait's price; other countries cost other amounts",
        counted(points, "credit")
    ));
    let exit = match (measured.numbers, measured.refused) {
        (0, _) => Exit::Refused,
        (_, 0) => Exit::Accepted,
        _ => Exit::Partly,
    };
    if json {
        let mut document = texts::document(text);
        document["result"] = json!(exit.result());
        document["dry_run"] = json!(true);
        document["sender"] = json!(sender);
        document["test"] = json!(test);
        document["column"] = json!(measured.column.as_ref().and_then(|column| column.name.as_ref()));
        document["numbers"] = json!(measured.numbers);
        document["batches"] = json!(measured.batches);
        document["points"] = json!(points);
        document["invalid"] = json!(invalid);
        document["duplicates"] = json!(duplicates);
        out.document(&document);
    }
    Ok(exit)
}

/// What a send would use; no account is needed to look.
async fn sender_and_mode(args: &Args, global: &Global) -> Result<(String, bool), Failure> {
    let found = if global.sandbox { config::Environment::default() } else { settings::read(global).await? };
    let sender = args.sender.as_deref().or(found.get(config::SENDER_ID)).unwrap_or(config::DEFAULT_SENDER_ID);
    if let Some(other) = settings::other_gateway(global, &found)? {
        note(other);
    }
    Ok((sender.trim().to_owned(), !args.live && (args.test || found.test_mode()?)))
}
