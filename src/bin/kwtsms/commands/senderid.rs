//! senderid: the sender ids of the account.

use serde_json::json;

use crate::connect::connect;
use crate::exit::{Ended, Exit};
use crate::gateway::ClientOptions;
use crate::options::Global;
use crate::output::Out;

pub(crate) async fn run(global: &Global, out: &mut Out) -> Ended {
    let gateway = connect(global, &ClientOptions::default(), out).await?;
    let ids = gateway.client.sender_ids().await?;
    if out.is_json() {
        out.document(&json!({ "result": "OK", "senderid": *ids }));
    }
    out.line("Sender IDs on this account:");
    for id in &ids {
        out.line(format_args!("  {id}"));
    }
    Ok(Exit::Accepted)
}
