//! What is asked about the account: verify, balance, senderid, coverage.

use kwtsms_async::{Balance, Client, Credits};
use serde_json::{Value, json};

use crate::countries;
use crate::exit::{Exit, Outcome};
use crate::output::{Out, plain};

/// Credits as a JSON number, whole where they are whole.
pub(crate) fn number(credits: Credits) -> Value {
    let thousandths = credits.thousandths();
    if thousandths % 1_000 == 0 { json!(thousandths / 1_000) } else { json!(credits.as_f64()) }
}

fn amounts(balance: &Balance) -> String {
    let purchased = balance.purchased().map_or_else(|| "unknown".to_owned(), |credits| credits.to_string());
    format!("Available: {}  |  Purchased: {purchased}", balance.available())
}

fn document(balance: &Balance) -> Value {
    json!({
        "result": "OK",
        "available": number(balance.available()),
        "purchased": balance.purchased().map(number),
    })
}

pub(crate) async fn verify(client: &Client, out: &mut Out) -> Outcome {
    let balance = client.verify().await?;
    if out.is_json() {
        out.document(&document(&balance));
    }
    out.line(format_args!("  Credentials valid  |  {}", amounts(&balance)));
    Ok(Exit::Accepted)
}

pub(crate) async fn balance(client: &Client, out: &mut Out) -> Outcome {
    let balance = client.balance().await?;
    if out.is_json() {
        out.document(&document(&balance));
    }
    out.line(format_args!("  {}", amounts(&balance)));
    Ok(Exit::Accepted)
}

pub(crate) async fn sender_ids(client: &Client, out: &mut Out) -> Outcome {
    let ids = client.sender_ids().await?;
    if out.is_json() {
        out.document(&json!({ "result": "OK", "senderid": *ids }));
    }
    out.line("Sender IDs on this account:");
    for id in &ids {
        out.line(format_args!("  {}", plain(id.as_str())));
    }
    Ok(Exit::Accepted)
}

pub(crate) async fn coverage(client: &Client, out: &mut Out) -> Outcome {
    let coverage = client.coverage().await?;
    let prefixes: Vec<_> = coverage.prefixes().map(|prefix| (prefix, countries::of_prefix(prefix))).collect();
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
