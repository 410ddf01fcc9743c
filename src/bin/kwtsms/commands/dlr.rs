//! dlr: the delivery reports of a message.

use kwtsms_async::{DeliveryReport, MessageId};
use serde_json::{Value, json};

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
    let reports = gateway.client.dlr(&id).await?;
    if out.is_json() {
        out.document(&json!({ "result": "OK", "message_id": id, "report": documents(&reports) }));
    }
    show(&reports, out);
    Ok(Exit::Accepted)
}

pub(super) fn documents(reports: &[DeliveryReport]) -> Vec<Value> {
    reports
        .iter()
        .map(|report| json!({ "number": report.number_as_it_came(), "status": report.status() }))
        .collect()
}

pub(super) fn show(reports: &[DeliveryReport], out: &mut Out) {
    out.line(format_args!("Delivery reports ({}):", reports.len()));
    for report in reports {
        out.line(format_args!("  {}  {}", report.number_as_it_came(), report.status()));
    }
}
