//! campaign export: what became of each row, in the columns of `send --report`.

use std::path::PathBuf;

use futures::TryStreamExt;
use serde_json::json;

use super::super::send::Report;
use super::find::find;
use crate::exit::{Ended, Exit};
use crate::options::Global;
use crate::output::Out;
use crate::store;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign's key
    key: String,
    /// The CSV file, which must not exist; it will hold numbers, and is readable by you alone
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) async fn run(args: &Args, global: &Global, out: &mut Out) -> Ended {
    let campaign = find(&store::open(global).await?, &args.key).await?;
    let mut report = Report::create(&args.output)?;
    let mut outcomes = campaign.outcomes();
    let mut rows = 0u64;
    while let Some(outcome) = outcomes.try_next().await? {
        rows += 1;
        let number = outcome.number.map(|number| number.to_string()).unwrap_or_default();
        report.row([
            &outcome.line.to_string(),
            &outcome.input,
            &number,
            outcome.result.as_str(),
            outcome.message_id.as_deref().unwrap_or_default(),
            outcome.code.as_deref().unwrap_or_default(),
            outcome.reason.as_deref().unwrap_or_default(),
        ])?;
    }
    report.flush()?;
    if out.is_json() {
        out.document(&json!({ "result": "OK", "rows": rows, "file": args.output.display().to_string() }));
    }
    out.line(format_args!("  Wrote {rows} rows to {}", args.output.display()));
    Ok(Exit::Accepted)
}
