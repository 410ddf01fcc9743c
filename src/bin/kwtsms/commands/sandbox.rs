//! sandbox: the local gateway as a server of its own.

use std::net::{IpAddr, SocketAddr};

use kwtsms_async::sandbox::{DEFAULT_PORT, Sandbox};
use serde_json::json;

use crate::exit::{Ended, Exit, Failure};
use crate::interrupt::Interrupts;
use crate::output::{Out, counted, note};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The port; a free one if it is 0
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// The address to listen on. Whoever reaches it reads the messages and changes the accounts: in a container
    /// 0.0.0.0, elsewhere best left alone
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// A host name that the inbox answers to, besides localhost and addresses; may be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// The origin of web pages that may send and read messages here, as http://localhost:3000; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
}

pub(crate) async fn run(args: Args, out: &mut Out) -> Ended {
    let mut interrupts = Interrupts::listen();
    let bind = SocketAddr::from((args.bind, args.port));
    let builder =
        args.host.into_iter().fold(Sandbox::builder().bind(bind), |builder, host| builder.allow_host(host));
    let builder = args.allow_origin.into_iter().fold(builder, |builder, origin| builder.allow_origin(origin));
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
