//! `/api/faults`, `/api/settings` and `/api/stats`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::view::Stats;
use crate::sandbox::model::endpoints::ENDPOINTS;
use crate::sandbox::model::faults::{Fault, Kind};
use crate::sandbox::model::gateway::Gateway;
use crate::sandbox::shared::Shared;

/// No delay is longer; what never answers is a firewall.
const MAX_DELAY_MS: u64 = 600_000;
/// A script that is longer was made by mistake.
const MAX_FAULTS: usize = 1_000;

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum FaultKind {
    Code,
    Delay,
    DropBeforeReading,
    DropAfterAccepting,
    TruncatedBody,
    #[serde(rename = "html_502")]
    Html502,
    Reply,
    Redirect,
    SlowBody,
    RefuseConnection,
    CodeStatus,
}

/// A fault as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    kind: FaultKind,
    code: Option<String>,
    status: Option<u16>,
    body: Option<String>,
    location: Option<String>,
    keep: Option<usize>,
    delay_ms: Option<u64>,
    times: Option<usize>,
    #[serde(default)]
    always: bool,
    on: Option<String>,
    user: Option<String>,
    #[serde(default)]
    accepting: bool,
}

impl Wanted {
    /// The fault, or what is missing.
    fn fault(self) -> Result<Fault, Refusal> {
        let delay = self.delay_ms.unwrap_or(0);
        if delay > MAX_DELAY_MS {
            return Err(Refusal::bad(format!("delay_ms has to be at most {MAX_DELAY_MS}")));
        }
        let delay = Duration::from_millis(delay);
        let missing = |field: &str| Refusal::bad(format!("this kind of fault needs {field:?}"));
        let mut fault = match self.kind {
            FaultKind::Code => Fault::code(self.code.ok_or_else(|| missing("code"))?),
            FaultKind::Delay | FaultKind::SlowBody if delay.is_zero() => return Err(missing("delay_ms")),
            FaultKind::Delay => Fault::delay(Duration::ZERO),
            FaultKind::SlowBody => Fault::slow_body(delay),
            FaultKind::DropBeforeReading => Fault::drop_before_reading(),
            FaultKind::DropAfterAccepting => Fault::drop_after_accepting(),
            FaultKind::TruncatedBody => Fault::truncated_body(self.keep.unwrap_or(20)),
            FaultKind::Html502 => Fault::html_502(),
            FaultKind::Reply => Fault::reply(200, self.body.unwrap_or_default()),
            FaultKind::Redirect => Fault::redirect(307, self.location.ok_or_else(|| missing("location"))?),
            FaultKind::RefuseConnection => Fault::refuse_connection(),
            FaultKind::CodeStatus => return Err(missing("code")),
        };
        if let Some(status) = self.status {
            fault = fault.status(checked_status(status)?);
        }
        if !matches!(self.kind, FaultKind::SlowBody) {
            fault = fault.after(delay);
        }
        if self.accepting {
            fault = fault.after_accepting();
        }
        if let Some(endpoint) = self.on {
            if !ENDPOINTS.contains(&endpoint.as_str()) {
                return Err(Refusal::bad(format!(
                    "on={endpoint:?} has to be one of {}",
                    ENDPOINTS.join(", ")
                )));
            }
            fault = fault.on(endpoint);
        }
        if let Some(user) = self.user {
            fault = fault.for_user(user);
        }
        match self.times {
            Some(0) => Err(Refusal::bad("times has to be 1 or more; always: true is for ever")),
            _ if self.always => Ok(fault.times(usize::MAX)),
            times => Ok(fault.times(times.unwrap_or(1))),
        }
    }
}

fn checked_status(status: u16) -> Result<u16, Refusal> {
    if (200..=599).contains(&status) {
        return Ok(status);
    }
    Err(Refusal::bad("status has to be an HTTP status from 200 to 599"))
}

#[derive(Serialize)]
struct FaultView<'a> {
    id: u64,
    kind: &'static str,
    code: Option<&'a str>,
    status: Option<u16>,
    delay_ms: u64,
    times: Option<usize>,
    always: bool,
    on: Option<&'a str>,
    user: Option<&'a str>,
    accepting: bool,
}

impl<'a> From<&'a Fault> for FaultView<'a> {
    fn from(fault: &'a Fault) -> Self {
        let (code, status, over) = match &fault.kind {
            Kind::Code { code, status } => (Some(code.as_ref()), *status, Duration::ZERO),
            Kind::Reply(reply) => (None, Some(reply.status), Duration::ZERO),
            Kind::SlowBody(over) => (None, None, *over),
            _ => (None, None, Duration::ZERO),
        };
        let always = fault.times == usize::MAX;
        Self {
            id: fault.id,
            kind: fault.label,
            code,
            status,
            delay_ms: u64::try_from((fault.after + over).as_millis()).unwrap_or(u64::MAX),
            times: (!always).then_some(fault.times),
            always,
            on: fault.endpoint.as_deref(),
            user: fault.user.as_deref(),
            accepting: fault.process,
        }
    }
}

#[derive(Serialize)]
struct Script<'a> {
    pending: usize,
    faults: Vec<FaultView<'a>>,
    code_status: &'a BTreeMap<String, u16>,
}

fn script(gateway: &Gateway) -> Response {
    let faults = gateway.faults.list().iter().map(FaultView::from).collect();
    let code_status = &gateway.settings.code_status;
    Json(Script { pending: gateway.faults.pending(), faults, code_status }).into_response()
}

pub(super) async fn faults(State(shared): State<Arc<Shared>>) -> Response {
    script(&shared.lock())
}

pub(super) async fn add_fault(
    State(shared): State<Arc<Shared>>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<(StatusCode, Response), Refusal> {
    let Json(wanted) = wanted?;
    let mut gateway = shared.lock();
    if gateway.faults.list().len() + gateway.settings.code_status.len() >= MAX_FAULTS {
        return Err(Refusal::bad(format!(
            "{MAX_FAULTS} faults are to come: DELETE /api/faults forgets them"
        )));
    }
    // Not one of a script: from now on, a code comes with this status.
    if matches!(wanted.kind, FaultKind::CodeStatus) {
        let (Some(code), Some(status)) = (wanted.code, wanted.status) else {
            return Err(Refusal::bad("code_status needs \"code\" and \"status\""));
        };
        let status = checked_status(status)?;
        gateway.settings.code_status.insert(code, status);
        return Ok((StatusCode::CREATED, script(&gateway)));
    }
    gateway.faults.push(wanted.fault()?);
    Ok((StatusCode::CREATED, script(&gateway)))
}

pub(super) async fn clear_faults(State(shared): State<Arc<Shared>>) -> Response {
    let mut gateway = shared.lock();
    gateway.faults.clear();
    gateway.settings.code_status.clear();
    script(&gateway)
}

pub(super) async fn remove_fault(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let mut gateway = shared.lock();
    if id.parse().is_ok_and(|id| gateway.faults.remove(id)) {
        return Ok(script(&gateway));
    }
    Err(Refusal(StatusCode::NOT_FOUND, format!("there is no fault {id:?}: it may have been used up")))
}

/// What `PUT` changes; what is left out stays, and `firewall_seconds` 0 switches it off.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Changes {
    latency_ms: Option<u64>,
    drain_per_second: Option<u32>,
    firewall_seconds: Option<u32>,
    stuck_fill_queue: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct SettingsView {
    latency_ms: u64,
    drain_per_second: u32,
    firewall_seconds: u64,
    stuck_fill_queue: bool,
}

fn settings_of(gateway: &Gateway) -> Json<SettingsView> {
    let settings = &gateway.settings;
    Json(SettingsView {
        latency_ms: u64::try_from(settings.latency.as_millis()).unwrap_or(u64::MAX),
        drain_per_second: settings.drain_per_second,
        // Less than a second is on too.
        firewall_seconds: settings.firewall.map_or(0, |block| block.as_secs().max(1)),
        stuck_fill_queue: settings.stuck_fill_queue,
    })
}

pub(super) async fn settings(State(shared): State<Arc<Shared>>) -> Json<SettingsView> {
    settings_of(&shared.lock())
}

pub(super) async fn change_settings(
    State(shared): State<Arc<Shared>>,
    changes: Result<Json<Changes>, JsonRejection>,
) -> Result<Json<SettingsView>, Refusal> {
    let Json(changes) = changes?;
    if changes.latency_ms.is_some_and(|latency| latency > MAX_DELAY_MS) {
        return Err(Refusal::bad(format!("latency_ms has to be at most {MAX_DELAY_MS}")));
    }
    let mut gateway = shared.lock();
    gateway.settle(tokio::time::Instant::now());
    let settings = &mut gateway.settings;
    if let Some(latency) = changes.latency_ms {
        settings.latency = Duration::from_millis(latency);
    }
    if let Some(numbers) = changes.drain_per_second {
        settings.drain_per_second = numbers;
    }
    if let Some(seconds) = changes.firewall_seconds {
        settings.firewall = (seconds > 0).then(|| Duration::from_secs(seconds.into()));
    }
    if let Some(fill) = changes.stuck_fill_queue {
        settings.stuck_fill_queue = fill;
    }
    Ok(settings_of(&gateway))
}

pub(super) async fn stats(State(shared): State<Arc<Shared>>) -> Json<Stats> {
    Json(Stats::now(&shared))
}
