//! outbox: the messages that applications insert beside their own rows.

use std::path::PathBuf;
use std::time::Duration;

use kwtsms_async::{OutboxStatus, Resolution};
use serde_json::json;

use crate::connect::connect;
use crate::exit::{Ended, Exit};
use crate::gateway::ClientOptions;
use crate::guards::Guards;
use crate::interrupt::{Interrupts, or_interrupted};
use crate::numbers::Rules;
use crate::options::Global;
use crate::output::{Out, note};
use crate::store;

/// Between lines on how far it is.
const TELL: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Send what stands in it, and what will be inserted, until Ctrl-C
    Run(Run),
    /// Show how many messages stand where, or what became of one
    Status {
        /// The message's key
        key: Option<String>,
    },
    /// Plan a message again that was refused, invalid or late
    Retry {
        /// The message's key
        key: String,
    },
    /// Say what became of a message of unknown outcome, after a look at the account
    Resolve(Resolve),
    /// Delete messages that ended some days ago
    Forget {
        /// How long ago, in days
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        older_than: u32,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    /// The folder of the journal, on a disk of this machine; beside an SQLite store unless given
    #[arg(long, value_name = "FOLDER")]
    journal: Option<PathBuf>,
    /// End when nothing is left to send
    #[arg(long)]
    until_done: bool,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    guards: Guards,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Resolve {
    /// The message's key
    key: String,
    /// It was sent
    #[arg(long, conflicts_with = "not_sent", required_unless_present = "not_sent")]
    sent: bool,
    /// It was not sent: it is sent now
    #[arg(long)]
    not_sent: bool,
}

pub(crate) async fn run(verb: Verb, global: &Global, out: &mut Out) -> Ended {
    match verb {
        Verb::Run(args) => work(args, global, out).await,
        Verb::Status { key } => or_interrupted(status(key, global, out)).await,
        Verb::Retry { key } => {
            or_interrupted(async {
                store::open(global).await?.retry_outbox(&key).await?;
                said(out, "planned again");
                Ok(Exit::Accepted)
            })
            .await
        }
        Verb::Resolve(Resolve { key, sent, .. }) => {
            or_interrupted(async {
                let resolution = if sent { Resolution::Sent } else { Resolution::NotSent };
                store::open(global).await?.resolve_outbox(&key, resolution).await?;
                said(out, if sent { "accepted" } else { "planned again" });
                Ok(Exit::Accepted)
            })
            .await
        }
        Verb::Forget { older_than } => {
            or_interrupted(async {
                let age = Duration::from_secs(u64::from(older_than) * 86_400);
                let gone = store::open(global).await?.forget_outbox(age).await?;
                if out.is_json() {
                    out.document(&json!({ "result": "OK", "deleted": gone }));
                }
                out.line(format_args!("  Deleted: {gone}"));
                Ok(Exit::Accepted)
            })
            .await
        }
    }
}

fn said(out: &mut Out, state: &str) {
    if out.is_json() {
        out.document(&json!({ "result": "OK", "state": state }));
    }
    out.line(format_args!("  The message is {state}."));
}

fn line(status: &OutboxStatus) -> String {
    format!(
        "accepted {}  |  refused {}  |  unknown {}  |  invalid {}  |  late {}  |  planned {}  |  sending {}",
        status.accepted,
        status.refused,
        status.unknown,
        status.invalid,
        status.not_attempted,
        status.planned,
        status.sending
    )
}

fn exit(status: &OutboxStatus) -> Exit {
    match status {
        OutboxStatus { unknown: 1.., .. } => Exit::Unknown,
        OutboxStatus { refused: 0, invalid: 0, not_attempted: 0, .. } => Exit::Accepted,
        OutboxStatus { accepted: 0, .. } => Exit::Refused,
        _ => Exit::Partly,
    }
}

async fn status(key: Option<String>, global: &Global, out: &mut Out) -> Ended {
    let store = store::open(global).await?;
    let Some(key) = key else {
        let status = store.outbox_status().await?;
        if out.is_json() {
            out.document(&json!({ "result": exit(&status).result(), "outbox": status }));
        }
        out.line(format_args!("  {}", line(&status)));
        return Ok(exit(&status));
    };
    let Some(outcome) = store.outbox_outcome(&key).await? else {
        return Err(crate::exit::Failure::usage("the outbox holds no message of this key"));
    };
    if out.is_json() {
        out.document(&json!({ "result": "OK", "message": outcome }));
    }
    let id = outcome.message_id.map(|id| format!("  |  msg-id: {id}")).unwrap_or_default();
    let code = outcome.code.map(|code| format!("  |  {code}")).unwrap_or_default();
    out.line(format_args!("  {}{id}{code}  |  attempts: {}", outcome.state, outcome.attempts));
    if let Some(reason) = outcome.reason {
        out.line(format_args!("  {reason}"));
    }
    Ok(match outcome.state.as_str() {
        "unknown" => Exit::Unknown,
        "refused" | "invalid" | "not_attempted" => Exit::Refused,
        _ => Exit::Accepted,
    })
}

async fn work(args: Run, global: &Global, out: &mut Out) -> Ended {
    let mut interrupts = Interrupts::listen();
    let begun = or_interrupted(async {
        let store = store::open(global).await?;
        let options = ClientOptions {
            rules: args.rules,
            store: Some(store.clone()),
            guards: args.guards.set(),
            ..ClientOptions::default()
        };
        let gateway = connect(global, &options, out).await?;
        let mut work = gateway.client.work_outbox(&store);
        if let Some(journal) = &args.journal {
            work = work.journal(journal);
        }
        if args.until_done {
            work = work.until_done();
        }
        let worker = work.start().await?;
        Ok((store, gateway, worker))
    })
    .await;
    let (store, _gateway, mut worker) = begun?;
    let mut told = None;
    let interrupted = loop {
        tokio::select! {
            () = interrupts.next() => break true,
            () = worker.ended() => break false,
            () = tokio::time::sleep(TELL) => {}
        }
        let status = store.outbox_status().await?;
        if told != Some(status) {
            if out.is_json() {
                out.document(&json!({ "event": "progress", "outbox": status }));
            }
            out.line(format_args!("  {}", line(&status)));
            told = Some(status);
        }
    };
    if interrupted {
        note("  Stopping: finishing what is in flight.");
        worker.stop();
    }
    worker.finished().await?;
    let status = store.outbox_status().await?;
    if out.is_json() {
        out.document(&json!({ "event": "end", "result": exit(&status).result(), "outbox": status }));
    }
    out.line(format_args!("  {}", line(&status)));
    Ok(if interrupted && status.unknown == 0 { Exit::Interrupted } else { exit(&status) })
}
