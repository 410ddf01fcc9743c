//! status: where a message is.

use kwtsms_async::MessageId;
use serde_json::json;

use crate::connect::connect;
use crate::exit::{Ended, Exit};
use crate::gateway::ClientOptions;
use crate::options::Global;
use crate::output::Out;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The message id that the send gave
    id: String,
}

pub(crate) async fn run(args: &Args, global: &Global, out: &mut Out) -> Ended {
    let id = MessageId::parse(&args.id)?;
    let gateway = connect(global, &ClientOptions::default(), out).await?;
    let status = gateway.client.status(&id).await?;
    if out.is_json() {
        out.document(&json!({
            "result": "OK",
            "message_id": id,
            "status": status.as_str(),
            "description": status.description(),
        }));
    }
    let description = status.description().map(|text| format!("  |  {}", text)).unwrap_or_default();
    out.line(format_args!("  Status: {}{description}", status.as_str()));
    if status.is_sent() {
        out.line("  (handed to the operator, which does not mean delivered)");
    }
    Ok(Exit::Accepted)
}
