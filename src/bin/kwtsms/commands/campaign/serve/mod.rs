//! campaign serve: a page for whoever watches.

mod site;

use std::net::Ipv4Addr;

use serde_json::json;
use tokio::net::TcpListener;

use crate::connect::connect;
use crate::exit::{Ended, Exit, Failure};
use crate::gateway::ClientOptions;
use crate::interrupt::{Interrupts, or_interrupted};
use crate::options::Global;
use crate::output::{Out, note};
use crate::{settings, store};

/// Beside that of the sandbox.
const DEFAULT_PORT: u16 = 4020;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The port on 127.0.0.1; a free one if it is 0
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
}

pub(crate) async fn run(args: &Args, global: &Global, out: &mut Out) -> Ended {
    let mut interrupts = Interrupts::listen();
    let begun = or_interrupted(async {
        let store = store::open(global).await?;
        let settings = settings::read(global).await?;
        // Without an account all but a look at its balance works; the balance of a sandbox of this call tells nothing.
        let gateway = if settings.missing_credentials().is_empty() && !global.sandbox {
            Some(connect(global, &ClientOptions::default(), out).await?)
        } else {
            None
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(|error| {
            Failure::new(Exit::Refused, format!("port {} of 127.0.0.1 cannot be listened on", args.port))
                .because(Some(&error))
                .action("choose another port with --port, or --port 0 for a free one")
        })?;
        Ok((store, gateway, listener))
    });
    let (store, gateway, listener) = begun.await?;
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Refused, "the page cannot be served").because(Some(&error))
    };
    let url = format!("http://{}/", listener.local_addr().map_err(failed)?);
    if out.is_json() {
        out.document(&json!({ "result": "OK", "url": url }));
    }
    out.line(format_args!("Campaigns: {url}"));
    if gateway.is_none() {
        note("Without user name and password it cannot ask the balance for evidence.");
    }
    note("Press Ctrl-C to stop; campaigns go on as they are.");
    let client = gateway.as_ref().map(|gateway| gateway.client.clone());
    tokio::select! {
        served = site::serve(listener, store, client) => served.map_err(failed)?,
        () = interrupts.next() => {}
    }
    Ok(Exit::Accepted)
}
