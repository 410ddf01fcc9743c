//! campaign list, campaign status: how far it is.

use kwtsms_async::{CampaignProgress, CampaignState, WaitsFor};
use serde_json::json;

use super::find::find;
use crate::exit::{Ended, Exit};
use crate::options::Global;
use crate::output::{Out, counted};
use crate::store;

pub(super) async fn list(global: &Global, out: &mut Out) -> Ended {
    let mut documents = Vec::new();
    for campaign in store::open(global).await?.campaigns().await? {
        let progress = campaign.progress().await?;
        out.line(format_args!("  {}: {}", campaign.key(), shown(&progress)));
        documents.push(json!({ "key": campaign.key(), "progress": progress }));
    }
    if documents.is_empty() {
        out.line("  The store holds no campaign.");
    }
    if out.is_json() {
        out.document(&json!({ "result": "OK", "campaigns": documents }));
    }
    Ok(Exit::Accepted)
}

pub(super) async fn status(key: &str, global: &Global, out: &mut Out) -> Ended {
    let campaign = find(&store::open(global).await?, key).await?;
    let progress = campaign.progress().await?;
    if out.is_json() {
        let result = exit(&progress).result();
        out.document(&json!({ "result": result, "key": campaign.key(), "progress": progress }));
    }
    out.line(format_args!("  {}", shown(&progress)));
    out.line(format_args!(
        "  Requests left: {}  |  cost: {}  |  workers: {}",
        progress.requests_left, progress.points_charged, progress.workers
    ));
    if let Some(waits) = &progress.waits_for {
        out.line(format_args!("  Waits for {}", why(waits)));
    }
    if progress.unknown > 0 {
        out.line(format_args!(
            "  {} may have been sent: kwtsms campaign resolve {key}",
            counted(progress.unknown, "number")
        ));
    }
    Ok(exit(&progress))
}

/// One line of the account.
pub(super) fn shown(progress: &CampaignProgress) -> String {
    let parts = [
        ("accepted", progress.accepted),
        ("refused", progress.refused),
        ("unknown", progress.unknown),
        ("not attempted", progress.not_attempted),
        ("invalid", progress.invalid),
        ("duplicates", progress.duplicates),
        ("sending", progress.sending),
        ("planned", progress.planned),
    ];
    let parts = parts.iter().filter(|(word, count)| *count > 0 || *word == "accepted");
    let parts: Vec<_> = parts.map(|(word, count)| format!("{word} {count}")).collect();
    let state = match progress.state {
        CampaignState::Running if progress.is_over() => "done",
        state => state.as_str(),
    };
    format!("{state}  |  {} of {}", parts.join("  |  "), progress.total())
}

pub(super) fn why(waits: &WaitsFor) -> String {
    match waits {
        WaitsFor::Approval => "its approval: run create with --yes".to_owned(),
        WaitsFor::Loading => "its recipients to be loaded; if that broke off, create it again".to_owned(),
        WaitsFor::Pause(Some(reason)) => format!("'kwtsms campaign resume': paused, {reason}"),
        WaitsFor::Pause(None) => "'kwtsms campaign resume': paused".to_owned(),
        WaitsFor::Until(seconds) => {
            let time =
                i64::try_from(*seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
            let zone = jiff::tz::TimeZone::get("Asia/Kuwait").unwrap_or(jiff::tz::TimeZone::UTC);
            match time {
                Some(time) => format!("{} in Kuwait", zone.to_datetime(time).strftime("%Y-%m-%d %H:%M")),
                None => "its time".to_owned(),
            }
        }
        WaitsFor::Workers => "'kwtsms campaign run': nobody sends it".to_owned(),
        WaitsFor::Worker(says) => says.clone(),
        other => format!("{other:?}"),
    }
}

/// The exit code of an account; as that of send.
pub(super) fn exit(progress: &CampaignProgress) -> Exit {
    let lost = progress.refused + progress.not_attempted + progress.invalid;
    if progress.unknown > 0 {
        Exit::Unknown
    } else if lost == 0 {
        Exit::Accepted
    } else if progress.accepted > 0 {
        Exit::Partly
    } else {
        Exit::Refused
    }
}
