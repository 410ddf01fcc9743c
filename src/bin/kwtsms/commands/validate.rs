//! validate: which numbers can be sent to.

use std::path::PathBuf;

use kwtsms_async::{PhoneNumber, Recipient};
use serde_json::json;

use crate::connect::connect;
use crate::exit::{Ended, Exit, Failure};
use crate::gateway::ClientOptions;
use crate::interrupt::on_a_thread;
use crate::numbers::{Reading, Row, Rules, Source};
use crate::options::Global;
use crate::output::Out;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Numbers; commas make lists, `-` is standard input
    #[arg(required_unless_present = "file")]
    numbers: Vec<String>,
    /// Read the numbers from a file: CSV, one number on each line, vCards or JSON lines
    #[arg(short, long, value_name = "FILE", conflicts_with = "numbers")]
    file: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    rules: Rules,
    /// Check here only: no request, no account needed
    #[arg(long)]
    offline: bool,
}

/// A row that is not asked about, and why.
struct Invalid {
    row: Row,
    reason: String,
}

/// The numbers by what became of them.
#[derive(Default)]
struct Groups {
    ok: Vec<String>,
    er: Vec<String>,
    nr: Vec<String>,
    missing: Vec<String>,
    invalid: Vec<Invalid>,
    duplicates: usize,
}

pub(crate) async fn run(args: Args, global: &Global, out: &mut Out) -> Ended {
    let options = ClientOptions { rules: args.rules, ..ClientOptions::default() };
    let source = Source::new(args.numbers, args.file, args.reading)?;
    let mut groups = Groups::default();
    let mut rows = Vec::new();
    let read = {
        let (source, rules) = (source.clone(), args.rules.of_phones());
        on_a_thread(move || source.open(rules)?.collect::<Result<Vec<Row>, Failure>>()).await?
    };
    for mut row in read {
        match row.refused.take() {
            Some(reason) => groups.invalid.push(Invalid { row, reason }),
            None => rows.push(row),
        }
    }
    if args.offline {
        let mut seen = std::collections::HashSet::new();
        for row in rows {
            match PhoneNumber::parse_with(&row.input, args.rules.of_phones()) {
                Ok(number) if !seen.insert(number) => groups.duplicates += 1,
                Ok(number) => groups.ok.push(number.to_string()),
                Err(error) => groups.invalid.push(Invalid { row, reason: error.to_string() }),
            }
        }
    } else if !rows.is_empty() {
        let gateway = connect(global, &options, out).await?;
        let asked: Vec<Recipient> = rows.iter().map(|row| row.input.as_str().into()).collect();
        let answer = gateway.client.validate(asked).await?;
        groups.ok.extend(answer.ok().iter().map(ToString::to_string));
        groups.er.extend(answer.er().iter().map(ToString::to_string));
        groups.nr.extend(answer.nr().iter().map(ToString::to_string));
        groups.missing.extend(answer.missing().iter().map(ToString::to_string));
        groups.duplicates = answer.duplicates().len();
        for invalid in answer.invalid() {
            let row = usize::try_from(invalid.position()).ok().and_then(|position| rows.get(position));
            if let Some(row) = row {
                groups.invalid.push(Invalid { row: row.clone(), reason: invalid.reason().to_string() });
            }
        }
    }
    groups.invalid.sort_by_key(|invalid| invalid.row.line);
    print(&groups, args.offline, &source, out);
    Ok(groups.exit())
}

impl Groups {
    fn exit(&self) -> Exit {
        let bad = [&self.er, &self.nr, &self.missing].into_iter().any(|group| !group.is_empty());
        match (bad || !self.invalid.is_empty(), self.ok.is_empty()) {
            (false, _) => Exit::Accepted,
            (true, true) => Exit::Refused,
            (true, false) => Exit::Partly,
        }
    }
}

fn print(groups: &Groups, offline: bool, source: &Source, out: &mut Out) {
    if out.is_json() {
        let invalid: Vec<_> = groups
            .invalid
            .iter()
            .map(|Invalid { row, reason }| json!({ "line": row.line, "input": row.input, "reason": reason }))
            .collect();
        out.document(&json!({
            "result": groups.exit().result(),
            "offline": offline,
            "ok": groups.ok,
            "er": groups.er,
            "nr": groups.nr,
            "missing": groups.missing,
            "invalid": invalid,
            "duplicates": groups.duplicates,
        }));
    }
    let list = |numbers: &[String]| match numbers {
        [] => "none".to_owned(),
        numbers => numbers.join(", "),
    };
    out.line(format_args!("Valid    (OK): {}", list(&groups.ok)));
    if !offline {
        out.line(format_args!("Bad form (ER): {}", list(&groups.er)));
        out.line(format_args!("No route (NR): {}", list(&groups.nr)));
    }
    if !groups.missing.is_empty() {
        out.line(format_args!("Not answered : {}", list(&groups.missing)));
    }
    for Invalid { row, reason } in &groups.invalid {
        let place = if source.is_arguments() { String::new() } else { format!("line {}: ", row.line) };
        out.line(format_args!("  Invalid: {place}{} — {reason}", row.input));
    }
    if groups.duplicates > 0 {
        out.line(format_args!("  Duplicates: {}", groups.duplicates));
    }
    if offline {
        out.line("  (checked here only: whether the account can send to a country, the gateway knows)");
    }
}
