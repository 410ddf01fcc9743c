//! The API behind the page, over the campaigns' own.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use kwtsms_async::{Campaign, CampaignProgress, Evidence, Resolution, UnknownBatch};
use serde_json::{Map, Value, json};

use super::refusal::Refusal;
use super::watched::Watched;

/// Campaigns, and batches of unknown outcome, that are listed.
const LISTED: usize = 100;
/// Moments of a plot.
const MOMENTS: usize = 300;
/// Characters of a reason.
const LONGEST_REASON: usize = 200;

type Answer = Result<Json<Value>, Refusal>;

pub(super) async fn list(State(watched): State<Arc<Watched>>) -> Answer {
    let campaigns = watched.store.campaigns().await?;
    let left_out = campaigns.len().saturating_sub(LISTED);
    let mut shown = Vec::new();
    for campaign in campaigns.iter().take(LISTED) {
        shown.push(summary(campaign, &campaign.progress().await?));
    }
    let asks_balance = watched.client.is_some();
    Ok(Json(json!({ "campaigns": shown, "left_out": left_out, "asks_balance": asks_balance })))
}

fn summary(campaign: &Campaign, progress: &CampaignProgress) -> Value {
    json!({
        "key": campaign.key(),
        "over": progress.is_over(),
        "total": progress.total(),
        "progress": progress,
    })
}

pub(super) async fn one(State(watched): State<Arc<Watched>>, Path(key): Path<String>) -> Answer {
    let campaign = watched.find(&key).await?;
    let progress = campaign.progress().await?;
    let settings = campaign.settings().await?;
    let mut shown = summary(&campaign, &progress);
    shown["time_left"] = json!(progress.time_left().as_secs());
    shown["settings"] = json!({
        "text": settings.text,
        "sender": settings.sender,
        "test_mode": settings.test_mode,
        "priority": settings.priority,
        "window": settings.window,
        "not_before": settings.not_before.map(millis),
        "not_after": settings.not_after.map(millis),
        "created_at": millis(settings.created_at),
    });
    Ok(Json(shown))
}

pub(super) async fn history(State(watched): State<Arc<Watched>>, Path(key): Path<String>) -> Answer {
    let history = watched.find(&key).await?.history(MOMENTS).await?;
    let moments: Vec<_> = history
        .moments
        .iter()
        .map(|moment| (millis(moment.at), moment.accepted, moment.refused, moment.unknown))
        .collect();
    Ok(Json(json!({ "began_at": history.began_at.map(millis), "pace": history.pace, "moments": moments })))
}

pub(super) async fn unknown(State(watched): State<Arc<Watched>>, Path(key): Path<String>) -> Answer {
    let batches = watched.find(&key).await?.unknown().await?;
    let shown: Vec<_> = batches.iter().take(LISTED).map(batch).collect();
    Ok(Json(json!({ "total": batches.len(), "batches": shown })))
}

fn batch(unknown: &UnknownBatch) -> Value {
    let evidence = unknown.evidence.as_ref().map(|evidence| {
        let is = match evidence {
            Evidence::NotCharged => "not_charged",
            Evidence::Charged => "charged",
            _ => "unclear",
        };
        json!({ "is": is, "text": evidence.to_string() })
    });
    json!({
        "batch": unknown.batch.to_string(), // scripts count to 2^53 only
        "numbers": unknown.numbers,
        "sent_at": millis(unknown.sent_at),
        "reason": unknown.reason,
        "evidence": evidence,
    })
}

/// The text that a body holds, which has no other field.
fn text_of(mut body: Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    let text = match body.remove(name) {
        Some(Value::String(text)) => Some(text),
        Some(_) => return Err(unread(format!("{name} has to be a text"))),
        None => None,
    };
    body.keys()
        .next()
        .map_or(Ok(text), |other| Err(unread(format!("unknown field {other:?}, expected {name}"))))
}

fn unread(text: String) -> Refusal {
    Refusal(StatusCode::UNPROCESSABLE_ENTITY, text)
}

pub(super) async fn pause(
    State(watched): State<Arc<Watched>>,
    Path(key): Path<String>,
    body: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Answer {
    let Json(body) = body?;
    let reason = text_of(body, "reason")?.unwrap_or_default();
    let reason = reason.trim();
    if reason.chars().count() > LONGEST_REASON || reason.chars().any(char::is_control) {
        return Err(Refusal::bad(format!("a reason has at most {LONGEST_REASON} characters, in one line")));
    }
    let campaign = watched.find(&key).await?;
    if reason.is_empty() {
        campaign.pause().await?;
    } else {
        campaign.pause_because(reason).await?;
    }
    Ok(Json(json!({})))
}

pub(super) async fn resume(State(watched): State<Arc<Watched>>, Path(key): Path<String>) -> Answer {
    watched.find(&key).await?.resume().await?;
    Ok(Json(json!({})))
}

pub(super) async fn resolve(
    State(watched): State<Arc<Watched>>,
    Path((key, batch)): Path<(String, i64)>,
    body: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Answer {
    let Json(body) = body?;
    let resolution = match text_of(body, "resolution")?.as_deref() {
        Some("sent") => Resolution::Sent,
        Some("not_sent") => Resolution::NotSent,
        _ => return Err(unread("resolution has to be \"sent\" or \"not_sent\"".to_owned())),
    };
    watched.find(&key).await?.resolve(batch, resolution).await?;
    Ok(Json(json!({})))
}

pub(super) async fn evidence(State(watched): State<Arc<Watched>>, Path(key): Path<String>) -> Answer {
    let campaign = watched.find(&key).await?;
    let none = || {
        let text =
            "no user name and password are set: start 'kwtsms campaign serve' with them to ask the balance";
        Refusal(StatusCode::CONFLICT, text.to_owned())
    };
    campaign.gather_evidence(watched.client.as_ref().ok_or_else(none)?).await?;
    Ok(Json(json!({})))
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
