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

use super::body::{self, Object, at_most, given, name, whole, word};
use super::refusal::Refusal;
use super::view::Stats;
use crate::sandbox::model::account::MAX_USER;
use crate::sandbox::model::endpoints::ENDPOINTS;
use crate::sandbox::model::faults::{Fault, Kind};
use crate::sandbox::model::gateway::Gateway;
use crate::sandbox::shared::Shared;

/// No delay is longer; what never answers is a firewall.
const MAX_DELAY_MS: u64 = 600_000;
/// So many characters a scripted answer may have; with what JSON makes of them they fit into the body that is taken.
const MAX_REPLY: u64 = 30_000;
/// So many requests a fault may hit, and so many bytes it may keep; `always` is for more.
const MAX_COUNT: u64 = 1_000_000;
const MAX_LOCATION: usize = 2_000;
/// A script that is longer was made by mistake.
const MAX_FAULTS: usize = 1_000;

#[derive(Debug, Deserialize, Serialize, Clone, Copy)]
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

impl FaultKind {
    /// The fields that mean something with it; the required ones first, so many of them.
    fn fields(self) -> (&'static [&'static str], usize) {
        match self {
            Self::Code => (&["code", "status", "accepting"], 1),
            Self::Delay | Self::SlowBody => (&["delay_ms"], 1),
            Self::DropBeforeReading | Self::DropAfterAccepting | Self::RefuseConnection => (&[], 0),
            Self::TruncatedBody => (&["keep"], 0),
            Self::Html502 => (&["accepting"], 0),
            Self::Reply => (&["status", "body", "accepting"], 0),
            Self::Redirect => (&["location", "status", "accepting"], 1),
            Self::CodeStatus => (&["code", "status"], 2),
        }
    }
}

/// The fields that every kind has but `code_status`, which hits no request by itself.
const OF_EVERY_KIND: &[&str] = &["delay_ms", "times", "always", "on", "user"];

/// A fault as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(deserialize_with = "name")]
    kind: FaultKind,
    #[serde(default, deserialize_with = "given")]
    code: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    status: Option<u16>,
    #[serde(default, deserialize_with = "given")]
    body: Option<String>,
    #[serde(default, deserialize_with = "given")]
    location: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    keep: Option<usize>,
    #[serde(default, deserialize_with = "whole")]
    delay_ms: Option<u64>,
    #[serde(default, deserialize_with = "whole")]
    times: Option<usize>,
    #[serde(default, deserialize_with = "given")]
    always: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    on: Option<String>,
    #[serde(default, deserialize_with = "given")]
    user: Option<String>,
    #[serde(default, deserialize_with = "given")]
    accepting: Option<bool>,
}

impl Wanted {
    /// Refuses what is missing, what means nothing, and what is out of bounds.
    fn check(&self) -> Result<(), Refusal> {
        let Self { kind, code, status, body, location, keep, delay_ms, times, always, on, user, accepting } =
            self;
        let name = serde_json::to_string(kind).unwrap_or_default();
        let (own, required) = kind.fields();
        let of_every: &[&str] = if matches!(kind, FaultKind::CodeStatus) { &[] } else { OF_EVERY_KIND };
        for (field, is_given) in [
            ("code", code.is_some()),
            ("status", status.is_some()),
            ("body", body.is_some()),
            ("location", location.is_some()),
            ("keep", keep.is_some()),
            ("delay_ms", delay_ms.is_some()),
            ("times", times.is_some()),
            ("always", always.is_some()),
            ("on", on.is_some()),
            ("user", user.is_some()),
            ("accepting", accepting.is_some()),
        ] {
            if is_given && !own.contains(&field) && !of_every.contains(&field) {
                return Err(Refusal::bad(format!("{field} means nothing with kind {name}: leave it out")));
            }
            if !is_given && own.iter().take(required).any(|own| *own == field) {
                return Err(Refusal::bad(format!("kind {name} needs {field:?}")));
            }
        }
        code.as_deref().map_or(Ok(()), body::code)?;
        status.map_or(Ok(()), checked_status)?;
        body.as_deref()
            .map_or(Ok(()), |body| at_most("the length of body", body.chars().count() as u64, MAX_REPLY))?;
        location.as_deref().map_or(Ok(()), checked_location)?;
        keep.map_or(Ok(()), |keep| at_most("keep", keep as u64, MAX_COUNT))?;
        delay_ms.map_or(Ok(()), |delay| at_most("delay_ms", delay, MAX_DELAY_MS))?;
        if *delay_ms == Some(0) && required > 0 && own.first() == Some(&"delay_ms") {
            return Err(Refusal::bad(format!("kind {name} needs a delay_ms of 1 or more")));
        }
        times.map_or(Ok(()), |times| at_most("times", times as u64, MAX_COUNT))?;
        if *times == Some(0) {
            return Err(Refusal::bad("times has to be 1 or more; always: true is for ever"));
        }
        on.as_deref().map_or(Ok(()), checked_endpoint)?;
        user.as_deref().map_or(Ok(()), |user| word("user", user, MAX_USER))
    }

    /// The fault; what it needs was checked.
    fn fault(self) -> Fault {
        let delay = Duration::from_millis(self.delay_ms.unwrap_or(0));
        let mut fault = match self.kind {
            FaultKind::Code | FaultKind::CodeStatus => Fault::code(self.code.unwrap_or_default()),
            FaultKind::Delay => Fault::delay(Duration::ZERO),
            FaultKind::SlowBody => Fault::slow_body(delay),
            FaultKind::DropBeforeReading => Fault::drop_before_reading(),
            FaultKind::DropAfterAccepting => Fault::drop_after_accepting(),
            FaultKind::TruncatedBody => Fault::truncated_body(self.keep.unwrap_or(20)),
            FaultKind::Html502 => Fault::html_502(),
            FaultKind::Reply => Fault::reply(200, self.body.unwrap_or_default()),
            FaultKind::Redirect => Fault::redirect(307, self.location.unwrap_or_default()),
            FaultKind::RefuseConnection => Fault::refuse_connection(),
        };
        if let Some(status) = self.status {
            fault = fault.status(status);
        }
        if !matches!(self.kind, FaultKind::SlowBody) {
            fault = fault.after(delay);
        }
        if self.accepting == Some(true) {
            fault = fault.after_accepting();
        }
        if let Some(endpoint) = self.on {
            fault = fault.on(endpoint);
        }
        if let Some(user) = self.user {
            fault = fault.for_user(user);
        }
        let times = if self.always == Some(true) { usize::MAX } else { self.times.unwrap_or(1) };
        fault.times(times)
    }
}

fn checked_endpoint(endpoint: &str) -> Result<(), Refusal> {
    if ENDPOINTS.contains(&endpoint) {
        return Ok(());
    }
    Err(Refusal::bad(format!("on has to be one of {}", ENDPOINTS.join(", "))))
}

/// What may stand in a header.
fn checked_location(location: &str) -> Result<(), Refusal> {
    word("location", location, MAX_LOCATION)?;
    if location.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(());
    }
    Err(Refusal::bad("location has to be an address in ASCII, without blanks"))
}

fn checked_status(status: u16) -> Result<(), Refusal> {
    if (200..=599).contains(&status) {
        return Ok(());
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
    wanted: Result<Json<Object<Wanted>>, JsonRejection>,
) -> Result<(StatusCode, Response), Refusal> {
    let Json(Object(wanted)) = wanted?;
    let mut gateway = shared.lock();
    if gateway.faults.list().len() + gateway.settings.code_status.len() >= MAX_FAULTS {
        return Err(Refusal::bad(format!(
            "{MAX_FAULTS} faults are to come: DELETE /api/faults forgets them"
        )));
    }
    wanted.check()?;
    // Not one of a script: from now on, a code comes with this status.
    if let Wanted { kind: FaultKind::CodeStatus, code: Some(code), status: Some(status), .. } = wanted {
        gateway.settings.code_status.insert(code, status);
    } else {
        gateway.faults.push(wanted.fault());
    }
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
    #[serde(default, deserialize_with = "whole")]
    latency_ms: Option<u64>,
    #[serde(default, deserialize_with = "whole")]
    drain_per_second: Option<u32>,
    #[serde(default, deserialize_with = "whole")]
    firewall_seconds: Option<u32>,
    #[serde(default, deserialize_with = "given")]
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
    changes: Result<Json<Object<Changes>>, JsonRejection>,
) -> Result<Json<SettingsView>, Refusal> {
    let Json(Object(changes)) = changes?;
    changes.latency_ms.map_or(Ok(()), |latency| at_most("latency_ms", latency, MAX_DELAY_MS))?;
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
