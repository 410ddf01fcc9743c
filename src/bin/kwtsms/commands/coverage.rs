//! coverage: where the account can send to.

use serde_json::json;

use crate::connect::connect;
use crate::countries;
use crate::exit::{Ended, Exit};
use crate::gateway::ClientOptions;
use crate::options::Global;
use crate::output::Out;

pub(crate) async fn run(global: &Global, out: &mut Out) -> Ended {
    let gateway = connect(global, &ClientOptions::default(), out).await?;
    let coverage = gateway.client.coverage().await?;
    let prefixes: Vec<_> =
        coverage.prefixes().into_iter().map(|prefix| (prefix, countries::of_prefix(prefix))).collect();
    if out.is_json() {
        let prefixes: Vec<_> = prefixes
            .iter()
            .map(|(prefix, countries)| json!({ "prefix": prefix, "countries": countries }))
            .collect();
        out.document(&json!({ "result": "OK", "prefixes": prefixes }));
    }
    out.line(format_args!("Active country prefixes ({}):", prefixes.len()));
    for (prefix, countries) in &prefixes {
        out.line(format!("  +{prefix:<5} {}", in_short(countries)).trim_end());
    }
    Ok(Exit::Accepted)
}

/// A prefix such as 1 is shared by many.
fn in_short(countries: &[&str]) -> String {
    match countries {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        few => few.join(", "),
    }
}
