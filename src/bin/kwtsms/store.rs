//! The store that the settings name, and the pace that all runs share in it.

use std::sync::Mutex;
use std::time::Duration;

use kwtsms_async::config::{self, Environment};
use kwtsms_async::{Error, Limiter, PaceScope, Rates, Store};

use crate::exit::Failure;
use crate::options::Global;
use crate::output::note;
use crate::settings;

/// The pace by which this process goes, if it is shared.
static PACE: Mutex<Option<Limiter>> = Mutex::new(None);

/// Opens it. A URL may hold a password, and so it is no argument and is never printed.
pub(crate) async fn open(global: &Global) -> Result<Store, Failure> {
    let settings = settings::read(global).await?;
    Ok(Store::open(named(global, &settings)?).await?)
}

/// The path or the URL of the store.
pub(crate) fn named<'a>(global: &Global, settings: &'a Environment) -> Result<&'a str, Failure> {
    settings.confirmed(config::STORE)?.ok_or_else(|| {
        Failure::usage(format!("{} is not set", config::STORE)).action(format!(
            "set it in the environment or in {}: the path of a file such as kwtsms.db, or postgres://…",
            settings::env_file(global).display()
        ))
    })
}

/// True for a store that keeps codes and a pace, and nothing else.
pub(crate) fn is_redis(at: &str) -> bool {
    let scheme = at.split(':').next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("redis") || scheme.eq_ignore_ascii_case("rediss")
}

/// The name of what the runs share.
pub(crate) fn scope_name(settings: &Environment) -> &str {
    settings.get(config::SCOPE).unwrap_or(config::DEFAULT_SCOPE)
}

/// What the runs share in a store; one that is open already is not opened again.
pub(crate) async fn scope(
    settings: &Environment,
    at: &str,
    open: Option<&Store>,
) -> Result<PaceScope, Error> {
    let name = scope_name(settings);
    match open {
        Some(store) => PaceScope::in_store(store, name),
        None if is_redis(at) => PaceScope::in_redis(at, name),
        None => PaceScope::in_store(&Store::open(at).await?, name),
    }
}

/// The pace that all runs share, if the settings name a store: at the rates that it has, unless others are asked for.
pub(crate) async fn shared_pace(
    settings: &Environment,
    open: Option<&Store>,
    rates: Option<Rates>,
) -> Result<Option<Limiter>, Failure> {
    let Some(at) = settings.confirmed(config::STORE)? else { return Ok(None) };
    let scope = scope(settings, at, open).await?;
    let status = scope.status().await?;
    if status.is_none() {
        note(format_args!(
            "  The pace {} is new in its store: the first request waits for 5 s.",
            scope_name(settings)
        ));
    }
    let rates = rates.or(status.map(|status| status.rates)).unwrap_or_default();
    let limiter = scope.limiter(rates).await?;
    if let Ok(mut pace) = PACE.lock() {
        *pace = Some(limiter.clone());
    }
    Ok(Some(limiter))
}

/// At the end of the process the store is told that nobody waits here any more.
pub(crate) async fn leave() {
    const LONGEST: Duration = Duration::from_secs(1);
    let pace = PACE.lock().ok().and_then(|mut pace| pace.take());
    if let Some(limiter) = pace {
        let _ = tokio::time::timeout(LONGEST, limiter.idle()).await; // the note runs out by itself
    }
}
