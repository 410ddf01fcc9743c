//! From settings to a client.

use std::time::Duration;

use kwtsms_async::config::{self, Environment};
use kwtsms_async::jsonl::{self, Bodies, JsonlGuard};
use kwtsms_async::sandbox::{Message, Sandbox};
use kwtsms_async::{CEILING, Client, ClientBuilder, DEFAULT_RATE, Limiter, Rates, Store};
use tracing_subscriber::layer::SubscriberExt;

use crate::exit::{Exit, Failure};
use crate::numbers::Rules;
use crate::options::Global;
use crate::output::warn;
use crate::{guards, store};

/// Longest and default time for DNS, TCP and TLS; a shorter time-out leaves less.
const CONNECT: Duration = Duration::from_secs(5);

/// A client, and the gateway on this machine if it goes there.
pub(crate) struct Gateway {
    pub(crate) client: Client,
    sandbox: Option<Sandbox>,
    _log: Option<Log>,
}

/// Writes what it still holds when it is dropped, and tells what was lost.
pub(crate) struct Log {
    path: String,
    guard: Option<JsonlGuard>,
}

impl Log {
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let lost = self.guard.take().map_or(0, JsonlGuard::finish);
        if lost > 0 {
            let lines = if lost == 1 { "line is" } else { "lines are" };
            warn(format_args!("{lost} {lines} missing in the log {}: is its disk full?", self.path));
        }
    }
}

/// What only some verbs ask of the client.
#[derive(Debug, Default)]
pub(crate) struct ClientOptions {
    /// How numbers are read.
    pub(crate) rules: Rules,
    /// Requests a second of a bulk run.
    pub(crate) rate: Option<f64>,
    /// The store of the settings, where the verb has opened it.
    pub(crate) store: Option<Store>,
    /// The guards that stand above those of the settings.
    pub(crate) guards: guards::Set,
}

impl Gateway {
    pub(crate) fn is_sandbox(&self) -> bool {
        self.sandbox.is_some()
    }

    /// What the gateway of this call accepted.
    pub(crate) fn sandbox_messages(&self) -> Option<Vec<Message>> {
        self.sandbox.as_ref().map(Sandbox::messages)
    }

    /// The real gateway, or what the settings name in its place.
    pub(crate) async fn open(
        settings: &Environment,
        global: &Global,
        options: &ClientOptions,
    ) -> Result<Self, Failure> {
        let log = open_log(settings)?;
        let builder = ClientBuilder::from_environment(&guards::above(settings, &options.guards))?;
        let limiter = store::shared_pace(settings, options.store.as_ref(), rates(options)?).await?;
        Ok(Self { client: build(builder, global, options, limiter)?, sandbox: None, _log: log })
    }

    /// A gateway on this machine, made for this call.
    pub(crate) async fn sandbox(global: &Global, options: &ClientOptions) -> Result<Self, Failure> {
        let sandbox = start_sandbox().await?;
        let settings = guards::of_the_sandbox(global, sandbox.base_url(), &options.guards).await?;
        let builder = ClientBuilder::from_environment(&settings)?;
        Ok(Self { client: build(builder, global, options, None)?, sandbox: Some(sandbox), _log: None })
    }

    /// The gateway for a user name and a password that are not in the settings yet, and no log.
    pub(crate) async fn try_out(settings: &Environment, global: &Global) -> Result<Self, Failure> {
        let mut builder = ClientBuilder::from_environment(settings)?;
        let sandbox = if global.sandbox { Some(start_sandbox().await?) } else { None };
        if let Some(sandbox) = &sandbox {
            builder = builder.base_url(sandbox.base_url());
        }
        let options = ClientOptions::default();
        let mut shared = settings.clone();
        for key in [config::STORE, config::SCOPE] {
            if let Some(value) = std::env::var(key).ok().filter(|value| !value.is_empty()) {
                shared.set(key, value); // the file's, unless the environment names another
            }
        }
        let limiter = match sandbox {
            Some(_) => None,
            None => store::shared_pace(&shared, None, None).await?,
        };
        Ok(Self { client: build(builder, global, &options, limiter)?, sandbox, _log: None })
    }
}

/// The rates that were asked for: the other lane gets what is left under the ceiling, at most its default.
fn rates(options: &ClientOptions) -> Result<Option<Rates>, Failure> {
    let rates = |rate: f64| Rates::new((CEILING - rate.ceil()).min(DEFAULT_RATE), rate);
    Ok(options.rate.map(rates).transpose()?)
}

/// A client with what the options say, paced with the other runs or by itself.
pub(crate) fn prepared(
    builder: ClientBuilder,
    global: &Global,
    options: &ClientOptions,
    limiter: Option<Limiter>,
) -> Result<ClientBuilder, Failure> {
    let mut builder = options.rules.of_client(builder);
    if let Some(timeout) = global.timeout {
        // What runs out while connecting is known not to be sent, so connecting must run out first.
        builder = builder.timeout(timeout).connect_timeout(CONNECT.min(timeout.mul_f64(0.6)));
    }
    match (limiter, rates(options)?) {
        (Some(limiter), _) => builder = builder.limiter(limiter),
        (None, Some(rates)) => builder = builder.rates(rates.single(), rates.bulk()),
        (None, None) => {}
    }
    Ok(builder)
}

fn build(
    builder: ClientBuilder,
    global: &Global,
    options: &ClientOptions,
    limiter: Option<Limiter>,
) -> Result<Client, Failure> {
    Ok(prepared(builder, global, options, limiter)?.build()?)
}

/// Opens the log that the settings name: the Python client's lines, with numbers and texts masked.
pub(crate) fn open_log(settings: &Environment) -> Result<Option<Log>, Failure> {
    let Some(path) = settings.confirmed(config::LOG_FILE)? else { return Ok(None) };
    let (log, guard) = jsonl::to_file(path, Bodies::Masked)?;
    let set = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(log));
    set.map_err(|error| Failure::new(Exit::Refused, "the log cannot be opened").because(Some(&error)))?;
    Ok(Some(Log { path: path.to_owned(), guard: Some(guard) }))
}

async fn start_sandbox() -> Result<Sandbox, Failure> {
    let sandbox = Sandbox::start()
        .await
        .map_err(|error| Failure::new(Exit::Refused, "the sandbox cannot start").because(Some(&error)))?;
    warn(format_args!("SANDBOX at {} — nothing is delivered, nothing is charged.", sandbox.base_url()));
    Ok(sandbox)
}
