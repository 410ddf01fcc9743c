//! balance: the credits.

use kwtsms_async::Balance;
use serde_json::{Value, json};

use crate::connect::connect;
use crate::exit::{Ended, Exit};
use crate::gateway::ClientOptions;
use crate::options::Global;
use crate::output::Out;

pub(crate) async fn run(global: &Global, out: &mut Out) -> Ended {
    let gateway = connect(global, &ClientOptions::default(), out).await?;
    let balance = gateway.client.balance().await?;
    if out.is_json() {
        out.document(&document(&balance));
    }
    out.line(format_args!("  {}", amounts(&balance)));
    Ok(Exit::Accepted)
}

pub(super) fn amounts(balance: &Balance) -> String {
    let purchased = balance.purchased().map_or_else(|| "unknown".to_owned(), |credits| credits.to_string());
    format!("Available: {}  |  Purchased: {purchased}", balance.available())
}

pub(super) fn document(balance: &Balance) -> Value {
    json!({ "result": "OK", "available": balance.available(), "purchased": balance.purchased() })
}
