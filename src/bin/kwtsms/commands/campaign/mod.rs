//! campaign: what is sent over many processes.

mod create;
mod export;
mod find;
mod run;
mod serve;
mod show;

use kwtsms_async::Resolution;
use serde_json::json;

use find::find;

use crate::connect::connect;
use crate::exit::{Ended, Exit};
use crate::gateway::ClientOptions;
use crate::interrupt::or_interrupted;
use crate::options::Global;
use crate::output::{Out, counted};
use crate::store;

const EXAMPLES: &str = "\
The store is what KWTSMS_STORE names: the path of a file, or postgres://…

Examples:
  kwtsms campaign create eid-2027 --file customers.csv \"Dear {{ name }}, Eid Mubarak\" --hours 09:00-21:00
  kwtsms campaign run
  kwtsms campaign status eid-2027";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum Verb {
    /// Load a campaign, show what it takes and costs, and approve it
    Create(Box<create::Args>),
    /// List the campaigns of the store
    List,
    /// Send what is approved, until nothing is left; several runs share the work and one pace
    Run(run::Args),
    /// Show how far a campaign is, and why it waits
    Status(Key),
    /// Send nothing further; returns when nothing is in flight
    Pause(Key),
    /// Go on after a pause
    Resume(Key),
    /// End it: what was not sent never will be
    Cancel(Key),
    /// List the batches of unknown outcome with what the balance says of them, or say what became of one
    Resolve(Resolve),
    /// Write what became of each row, as CSV
    Export(export::Args),
    /// Delete the numbers and texts of a campaign that is over, and keep what became of its batches
    Forget(Key),
    /// Show the campaigns on a page of this machine until Ctrl-C: progress as a plot, why they wait, pause, resume
    Serve(serve::Args),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Key {
    /// The campaign's key
    key: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Resolve {
    /// The campaign's key
    key: String,
    /// The batch, as the list shows it
    #[arg(requires = "said")]
    batch: Option<i64>,
    /// It was sent: it ends accepted
    #[arg(long, group = "said", requires = "batch", conflicts_with = "not_sent")]
    sent: bool,
    /// It was not sent: it is planned again, and will be sent
    #[arg(long, group = "said", requires = "batch")]
    not_sent: bool,
    /// Ask the account's balance first, in one request, and compare it with what was charged
    #[arg(long)]
    evidence: bool,
}

pub(crate) async fn run(verb: Verb, global: &Global, out: &mut Out) -> Ended {
    match verb {
        Verb::Create(args) => create::run(*args, global, out).await,
        Verb::Run(args) => run::run(args, global, out).await,
        Verb::Serve(args) => serve::run(&args, global, out).await,
        Verb::List => or_interrupted(show::list(global, out)).await,
        Verb::Status(Key { key }) => or_interrupted(show::status(&key, global, out)).await,
        Verb::Export(args) => or_interrupted(export::run(&args, global, out)).await,
        Verb::Resolve(args) => or_interrupted(resolve(&args, global, out)).await,
        Verb::Pause(Key { key }) => {
            or_interrupted(async {
                let campaign = find(&store::open(global).await?, &key).await?;
                campaign.pause().await?;
                Ok(said(out, "paused", "nothing is in flight"))
            })
            .await
        }
        Verb::Resume(Key { key }) => {
            or_interrupted(async {
                let campaign = find(&store::open(global).await?, &key).await?;
                campaign.resume().await?;
                Ok(said(out, "running", "'kwtsms campaign run' sends it"))
            })
            .await
        }
        Verb::Cancel(Key { key }) => {
            or_interrupted(async {
                let campaign = find(&store::open(global).await?, &key).await?;
                campaign.cancel().await?;
                Ok(said(out, "cancelled", "what was not sent never will be"))
            })
            .await
        }
        Verb::Forget(Key { key }) => {
            or_interrupted(async {
                let campaign = find(&store::open(global).await?, &key).await?;
                campaign.forget().await?;
                Ok(said(out, "forgotten", "its numbers and texts are deleted"))
            })
            .await
        }
    }
}

fn said(out: &mut Out, state: &str, more: &str) -> Exit {
    if out.is_json() {
        out.document(&json!({ "result": "OK", "state": state }));
    }
    out.line(format_args!("  The campaign is {state}: {more}."));
    Exit::Accepted
}

async fn resolve(args: &Resolve, global: &Global, out: &mut Out) -> Ended {
    let store = store::open(global).await?;
    let campaign = find(&store, &args.key).await?;
    if let Some(batch) = args.batch {
        let resolution = if args.sent { Resolution::Sent } else { Resolution::NotSent };
        campaign.resolve(batch, resolution).await?;
        let (state, more) = match resolution {
            Resolution::Sent => ("accepted", "it ends as it is"),
            _ => ("planned", "the next run sends it"),
        };
        if out.is_json() {
            out.document(&json!({ "result": "OK", "batch": batch, "state": state }));
        }
        out.line(format_args!("  Batch {batch} is {state}: {more}."));
        return Ok(Exit::Accepted);
    }
    let unknown = if args.evidence {
        let options = ClientOptions { store: Some(store), ..ClientOptions::default() };
        let gateway = connect(global, &options, out).await?;
        campaign.gather_evidence(&gateway.client).await?
    } else {
        campaign.unknown().await?
    };
    if out.is_json() {
        let batches: Vec<_> = unknown
            .iter()
            .map(|batch| {
                json!({ "batch": batch.batch, "numbers": batch.numbers, "reason": batch.reason, "evidence": batch.evidence })
            })
            .collect();
        out.document(
            &json!({ "result": if unknown.is_empty() { "OK" } else { "UNKNOWN" }, "unknown": batches }),
        );
    }
    for batch in &unknown {
        out.line(format_args!(
            "  Batch {}: {}  |  {}",
            batch.batch,
            counted(batch.numbers, "number"),
            batch.reason.as_deref().unwrap_or("no answer came")
        ));
        if let Some(evidence) = &batch.evidence {
            out.line(format_args!("    Evidence: {evidence}"));
        }
    }
    if unknown.is_empty() {
        out.line("  No batch is of unknown outcome.");
        return Ok(Exit::Accepted);
    }
    out.line("  A batch is what one request held. Look in the account's archive whether it was sent, then:");
    out.line(format_args!("  kwtsms campaign resolve {} BATCH --sent | --not-sent", args.key));
    Ok(Exit::Unknown)
}
