//! From settings to a client.

use std::time::Duration;

use kwtsms_async::config::{self, Environment};
use kwtsms_async::jsonl::{self, Bodies, JsonlGuard};
use kwtsms_async::sandbox::{Message, Sandbox};
use kwtsms_async::{Client, ClientBuilder};
use tracing_subscriber::layer::SubscriberExt;

use crate::exit::{Exit, Failure};
use crate::numbers::Rules;
use crate::options::Global;
use crate::output::warn;

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
    pub(crate) fn open(
        settings: &Environment,
        global: &Global,
        options: &ClientOptions,
    ) -> Result<Self, Failure> {
        let log = open_log(settings)?;
        let builder = ClientBuilder::from_environment(settings)?;
        Ok(Self { client: build(builder, global, options)?, sandbox: None, _log: log })
    }

    /// A gateway on this machine, made for this call.
    pub(crate) async fn sandbox(global: &Global, options: &ClientOptions) -> Result<Self, Failure> {
        let sandbox = start_sandbox().await?;
        let builder = Client::builder("sandbox", "sandbox").base_url(sandbox.base_url());
        Ok(Self { client: build(builder, global, options)?, sandbox: Some(sandbox), _log: None })
    }

    /// The gateway for a user name and a password that are not in the settings yet, and no log.
    pub(crate) async fn try_out(settings: &Environment, global: &Global) -> Result<Self, Failure> {
        let mut builder = ClientBuilder::from_environment(settings)?;
        let sandbox = if global.sandbox { Some(start_sandbox().await?) } else { None };
        if let Some(sandbox) = &sandbox {
            builder = builder.base_url(sandbox.base_url());
        }
        Ok(Self { client: build(builder, global, &ClientOptions::default())?, sandbox, _log: None })
    }
}

/// A client with what the options say.
pub(crate) fn prepared(builder: ClientBuilder, global: &Global, options: &ClientOptions) -> ClientBuilder {
    let mut builder = options.rules.of_client(builder);
    if let Some(timeout) = global.timeout {
        // What runs out while connecting is known not to be sent, so connecting must run out first.
        builder = builder.timeout(timeout).connect_timeout(CONNECT.min(timeout.mul_f64(0.6)));
    }
    if let Some(rate) = options.rate {
        // The other lane gets what is left under the ceiling of 5, at most its default.
        builder = builder.rates((kwtsms_async::CEILING - rate.ceil()).min(kwtsms_async::DEFAULT_RATE), rate);
    }
    builder
}

fn build(builder: ClientBuilder, global: &Global, options: &ClientOptions) -> Result<Client, Failure> {
    Ok(prepared(builder, global, options).build()?)
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
