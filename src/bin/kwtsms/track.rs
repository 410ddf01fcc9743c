//! What became of a message: status and dlr.

use kwtsms_async::{Client, MessageId};
use serde_json::json;

use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Out, plain};

pub(crate) fn message_id(text: &str) -> Result<MessageId, Failure> {
    MessageId::parse(text).map_err(|error| Failure::usage(error.to_string()))
}

pub(crate) async fn status(client: &Client, id: &MessageId, out: &mut Out) -> Outcome {
    let status = client.status(id).await?;
    if out.is_json() {
        out.document(&json!({
            "result": "OK",
            "message_id": id,
            "status": status.as_str(),
            "description": status.description(),
        }));
    }
    let description = status.description().map(|text| format!("  |  {}", plain(text))).unwrap_or_default();
    out.line(format_args!("  Status: {}{description}", plain(status.as_str())));
    if status.is_sent() {
        out.line("  (handed to the operator, which does not mean delivered)");
    }
    Ok(Exit::Accepted)
}

pub(crate) async fn reports(client: &Client, id: &MessageId, out: &mut Out) -> Outcome {
    let reports = client.dlr(id).await?;
    if out.is_json() {
        let reports: Vec<_> = reports
            .iter()
            .map(|report| json!({ "number": report.number_as_it_came(), "status": report.status() }))
            .collect();
        out.document(&json!({ "result": "OK", "message_id": id, "report": reports }));
    }
    out.line(format_args!("Delivery reports ({}):", reports.len()));
    for report in &reports {
        out.line(format_args!("  {}  {}", plain(report.number_as_it_came()), plain(report.status())));
    }
    Ok(Exit::Accepted)
}
