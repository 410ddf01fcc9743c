//! status: where a message is, once or until nothing more can become known.

use std::time::Duration;

use futures::StreamExt;
use kwtsms_async::{DeliveryUpdate, MessageId, MessageStatus};
use serde_json::json;

use super::dlr;
use crate::connect::connect;
use crate::exit::{Ended, Exit};
use crate::gateway::{ClientOptions, Gateway};
use crate::options::Global;
use crate::output::Out;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The message id that the send gave
    id: String,
    /// Follow it until nothing more can become known: a line for each change, its delivery reports too
    #[arg(long)]
    watch: bool,
    /// End the watch after so many minutes, with exit code 3 [default: 2880, which is 48 hours]
    #[arg(long, value_name = "MINUTES", requires = "watch", value_parser = minutes)]
    give_up_after: Option<Duration>,
}

fn minutes(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(minutes) if (0.0..=100_000.0).contains(&minutes) => Ok(Duration::from_secs_f64(minutes * 60.0)),
        _ => Err("give minutes, from 0 to 100000".to_owned()),
    }
}

pub(crate) async fn run(args: &Args, global: &Global, out: &mut Out) -> Ended {
    let id = MessageId::parse(&args.id)?;
    let gateway = connect(global, &ClientOptions::default(), out).await?;
    if args.watch {
        return watch(&gateway, &id, args.give_up_after, out).await;
    }
    let status = gateway.client.status(&id).await?;
    if out.is_json() {
        let mut document = document(&status);
        document["result"] = json!("OK");
        document["message_id"] = json!(id);
        out.document(&document);
    }
    show(&status, out);
    Ok(Exit::Accepted)
}

fn document(status: &MessageStatus) -> serde_json::Value {
    json!({ "status": status.as_str(), "description": status.description() })
}

fn show(status: &MessageStatus, out: &mut Out) {
    let description = status.description().map(|text| format!("  |  {}", text)).unwrap_or_default();
    out.line(format_args!("  Status: {}{description}", status.as_str()));
    if status.is_sent() {
        out.line("  (handed to the operator, which does not mean delivered)");
    }
}

/// With `--json` a line for each change, and the last one with the result.
async fn watch(gateway: &Gateway, id: &MessageId, patience: Option<Duration>, out: &mut Out) -> Ended {
    let mut watch = gateway.client.watch_delivery(id);
    if let Some(patience) = patience {
        watch = watch.give_up_after(patience);
    }
    let mut exit = Exit::Accepted;
    while let Some(update) = watch.next().await {
        let event = match update? {
            DeliveryUpdate::Status(status) => {
                show(&status, out);
                let mut event = document(&status);
                event["event"] = json!("status");
                event
            }
            DeliveryUpdate::Reports(reports) => {
                dlr::show(&reports, out);
                json!({ "event": "report", "report": dlr::documents(&reports) })
            }
            DeliveryUpdate::NoReport => {
                out.line("  No delivery report will come: operators in Kuwait give none");
                json!({ "event": "no_report" })
            }
            DeliveryUpdate::Unanswered(error) => {
                out.note(format_args!("  Not answered, and asked again: {error:#}"));
                json!({ "event": "unanswered", "error": format!("{error:#}") })
            }
            DeliveryUpdate::TimedOut { .. } => {
                exit = Exit::Partly;
                out.line("  Given up: what is told above is all that is known");
                json!({ "event": "timed_out" })
            }
            _ => continue,
        };
        if out.is_json() {
            let mut event = event;
            event["message_id"] = json!(id);
            out.document(&event);
        }
    }
    if out.is_json() {
        out.document(&json!({ "event": "end", "result": exit.result(), "message_id": id }));
    }
    Ok(exit)
}
