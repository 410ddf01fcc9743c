//! limits: the pace that all runs share.

use std::time::Duration;

use kwtsms_async::config;
use kwtsms_async::{PaceProcess, PaceStatus};
use serde_json::{Value, json};

use crate::exit::{Ended, Exit};
use crate::options::Global;
use crate::output::{Out, counted};
use crate::{settings, store};

const ABOUT: &str = "\
KWTSMS_STORE names the store and KWTSMS_SCOPE what is shared in it, one name for each public address (default: default).
All runs with the same two share one pace, whether or not they are on one machine.";

#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Args {
    /// Forget the pace, so that the next run begins it with its own rates, 5 s later
    #[arg(long)]
    forget: bool,
}

pub(crate) async fn run(args: &Args, global: &Global, out: &mut Out) -> Ended {
    let settings = settings::read(global).await?;
    let at = store::named(global, &settings)?;
    let scope = store::scope(&settings, at, None).await?;
    let name = store::scope_name(&settings);
    if args.forget {
        let forgotten = scope.forget().await?;
        if out.is_json() {
            out.document(&json!({ "result": "OK", "scope": name, "forgotten": forgotten }));
        }
        let said = if forgotten { "forgotten: the next run begins it" } else { "not there" };
        out.line(format_args!("  The pace {name} is {said}."));
        return Ok(Exit::Accepted);
    }
    let status = scope.status().await?;
    let username = settings.get(config::USERNAME);
    let full = match username {
        Some(username) => Some(scope.full_queue(username).await?),
        None => None,
    };
    if out.is_json() {
        out.document(&json!({
            "result": "OK",
            "scope": name,
            "pace": status.as_ref().map(document),
            "full_queue": full.map(|wait| json!({ "username": username, "wait_ms": millis(wait) })),
        }));
    }
    match &status {
        None => out.line(format_args!(
            "  Scope: {name}  |  nobody has asked yet: the first run begins it, and its first request waits for 5 s"
        )),
        Some(status) => show(name, status, out),
    }
    match full {
        Some(Duration::ZERO) => out.line("  Full queue: no batch waits for one (ERR013)"),
        Some(wait) => out.line(format_args!(
            "  Full queue: batches wait for one (ERR013) that is tried again, for {} s at the most",
            seconds(wait)
        )),
        None => {}
    }
    Ok(Exit::Accepted)
}

fn show(name: &str, status: &PaceStatus, out: &mut Out) {
    out.line(format_args!("  Scope: {name}  |  Starts given: {}", status.granted));
    let lanes = [
        ("Single requests", status.rates.single(), status.single_wait),
        ("Bulk batches", status.rates.bulk(), status.bulk_wait),
    ];
    for (lane, rate, wait) in lanes {
        let next = if wait.is_zero() {
            "one may start now".to_owned()
        } else {
            format!("one that asks now starts in {} s", seconds(wait))
        };
        out.line(format_args!("  {lane}: {rate} a second  |  {next}"));
    }
    for process in &status.waiting {
        let PaceProcess { host, single, bulk, heard, .. } = process;
        let id = process.id.map(|id| id.to_string()).unwrap_or_default();
        out.line(format_args!(
            "  Waiting: process {id} on {host}: {} and {}, {} s ago",
            counted(*single, "single request"),
            if *bulk == 1 { "1 bulk batch".to_owned() } else { format!("{bulk} bulk batches") },
            seconds(*heard)
        ));
    }
    if status.waiting.is_empty() {
        out.line("  Waiting: nobody");
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn document(status: &PaceStatus) -> Value {
    let waiting: Vec<_> = status
        .waiting
        .iter()
        .map(|process| {
            json!({
                "host": process.host,
                "process": process.id,
                "single": process.single,
                "bulk": process.bulk,
                "heard_ms_ago": millis(process.heard),
            })
        })
        .collect();
    json!({
        "single": { "rate": status.rates.single(), "wait_ms": millis(status.single_wait) },
        "bulk": { "rate": status.rates.bulk(), "wait_ms": millis(status.bulk_wait) },
        "granted": status.granted,
        "waiting": waiting,
    })
}
