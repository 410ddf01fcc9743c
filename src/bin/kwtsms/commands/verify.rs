//! verify: are the credentials right.

use super::balance::{amounts, document};
use crate::connect::connect;
use crate::exit::{Ended, Exit};
use crate::gateway::ClientOptions;
use crate::options::Global;
use crate::output::Out;

pub(crate) async fn run(global: &Global, out: &mut Out) -> Ended {
    let gateway = connect(global, &ClientOptions::default(), out).await?;
    let balance = gateway.client.verify().await?;
    if out.is_json() {
        out.document(&document(&balance));
    }
    out.line(format_args!("  Credentials valid  |  {}", amounts(&balance)));
    Ok(Exit::Accepted)
}
