//! The sandbox as a server of its own.

use std::net::SocketAddr;

use kwtsms_async::sandbox::Sandbox;
use serde_json::json;

use crate::exit::{Exit, Failure, Outcome};
use crate::interrupt::Interrupts;
use crate::output::{Out, counted, note};

pub(crate) async fn run(bind: SocketAddr, hosts: Vec<String>, out: &mut Out) -> Outcome {
    let mut interrupts = Interrupts::listen();
    let builder =
        hosts.into_iter().fold(Sandbox::builder().bind(bind), |builder, host| builder.allow_host(host));
    let sandbox = builder.start().await.map_err(|error| {
        Failure::new(Exit::Refused, format!("{bind} cannot be listened on"))
            .because(Some(&error))
            .action("choose another port with --port, or --port 0 for a free one")
    })?;
    let url = sandbox.base_url();
    if out.is_json() {
        out.document(&json!({ "result": "OK", "base_url": url, "inbox_url": sandbox.inbox_url() }));
    }
    out.line(format_args!("Sandbox:   {url} — nothing is delivered, nothing is charged."));
    out.line(format_args!("Inbox:     {}", sandbox.inbox_url()));
    out.line("Any user name and password work; each user name has 1000 credits.");
    out.line(format_args!("  kwtsms --base-url {url} send 96598765432 \"hi\""));
    note("Press Ctrl-C to stop.");
    interrupts.next().await;
    let accepted = sandbox.messages().len() as u64 + sandbox.forgotten_messages();
    note(format_args!("Stopped. It accepted {}.", counted(accepted, "message")));
    Ok(Exit::Accepted)
}
