//! The JSONL log: one line for every request that was answered or failed, as a layer for `tracing-subscriber`; and, if
//! that is asked for, one before each request leaves.
//!
//! ```
//! # #[cfg(feature = "sandbox")] {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use kwtsms_async::jsonl::{self, Bodies};
//! use kwtsms_async::{Client, sandbox::Sandbox};
//! use tracing_subscriber::prelude::*;
//!
//! # let path = std::env::temp_dir().join(format!("kwtsms-doc-{}.log", std::process::id()));
//! let (log, guard) = jsonl::to_file(&path, Bodies::Masked)?;
//! let _default = tracing_subscriber::registry().with(log).set_default(); // `init()` in a program
//!
//! let sandbox = Sandbox::in_process();
//! let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
//! client.send("+965 9876 5432", "Your OTP for MYAPP is: 123456").await?;
//!
//! drop(guard); // writes what is still waiting; keep it to the end of `main`
//! let line = std::fs::read_to_string(&path).unwrap();
//! assert!(line.contains(r#""mobile":"965****432""#) && !line.contains("123456"));
//! # std::fs::remove_file(&path).unwrap();
//! # Ok::<_, kwtsms_async::Error>(()) }).unwrap(); }
//! ```
//!
//! # A line
//!
//! One JSON object with the keys of the Python client's log, so that `tail -f kwtsms.log | jq` and scripts go on
//! working:
//!
//! | key | what it holds |
//! | --- | --- |
//! | `ts` | when the answer came: UTC, ISO 8601 with microseconds |
//! | `endpoint` | `send`, `balance`, … |
//! | `request` | what was posted: `username`, `"password":"***"` and, as the endpoint has it, `sender`, `mobile`, `message`, `test`, `msgid` |
//! | `response` | the gateway's object, `null` if none came that could be read |
//! | `ok` | true if the gateway said OK |
//! | `error` | `null`, or what failed, in this crate's words and with the gateway's code |
//!
//! Every attempt of a call has its line. What was refused before a request was made has none. Lines are written from
//! what the call was given, never read back out of a request's body.
//!
//! With [`Options::sending`] a line stands before each request leaves too: `ts`, `"event":"sending"`, `endpoint`,
//! `request` and `request_id`. The same `request_id` then ends the line of its answer. After a kill of the process the
//! requests without that second line were in flight, and what they asked for is of unknown outcome:
//!
//! ```sh
//! jq -s 'group_by(.request_id)[] | select(length == 1) | .[0] | select(.event == "sending")' kwtsms.log
//! ```
//!
//! # What it shows
//!
//! [`Bodies::Masked`] or [`Bodies::Full`]; the password in neither. The bodies go from the client to this layer past
//! the event: other subscribers see only what [`events`](crate::events) lists.
//!
//! # Filters
//!
//! The layer filters itself: it takes the events of this crate and does not make the process build others. A
//! filter over the whole subscriber, such as `registry().with(EnvFilter::from_default_env())`, works on this layer too
//! and with its defaults (ERROR only) leaves the log empty: give other layers their filters by
//! `with_filter`, or let `kwtsms_async=info` through.
//!
//! # The file
//!
//! It is appended to, and made with mode 0600 if it does not exist; the mode of an existing file is left alone. A
//! thread of its own writes each line by one write, so that two processes may share a file and lines stay whole.
//! A log that cannot be written never fails a call, nor holds one up unless [`Options::sending`] says so: what is lost is
//! counted, see [`JsonlGuard`]. Before each line the name is looked at: if the file was renamed or removed, as logrotate
//! does, the next line goes to a new one, with mode 0600 unless logrotate made it already. Where none can be made, lines
//! go on to the old file. Rotating by copying and truncating works too.

mod file;
mod layer;
mod line;
mod mask;
mod options;

use std::io;
use std::path::Path;

pub use layer::{JsonlGuard, JsonlLayer, Lines, Requests};
pub use options::{Bodies, Options};

use self::file::Appender;
use crate::config::{self, Environment};
use crate::error::Error;

/// Opens the log that `KWTSMS_LOG_FILE` names, masked: the process environment, completed from `.env` in the working
/// directory.
///
/// `None` if the variable is not set or empty: no file appears that nobody asked for. (The Python client writes
/// numbers and texts to `kwtsms.log` in the working directory unless the variable is set to nothing.)
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let (log, _guard) = kwtsms_async::jsonl::from_env()?.unzip();
/// let subscriber = tracing_subscriber::registry().with(log); // then `.init()`; keep the guard
/// # let _: &dyn tracing::Subscriber = &subscriber;
/// # Ok::<_, kwtsms_async::Error>(())
/// ```
///
/// # Errors
///
/// Of kind `Config`: as for [`to_file`], if `.env` is there and cannot be read, and if it names the file for credentials
/// that it does not hold itself ([`Environment::confirmed`]).
pub fn from_env<S>() -> Result<Option<(JsonlLayer<S>, JsonlGuard)>, Error> {
    from_env_with(Bodies::Masked)
}

/// Like [`from_env`], with a choice of what is shown.
///
/// # Errors
///
/// As for [`from_env`].
pub fn from_env_with<S>(options: impl Into<Options>) -> Result<Option<(JsonlLayer<S>, JsonlGuard)>, Error> {
    let env = Environment::from_env()?;
    env.confirmed(config::LOG_FILE)?.map(|path| to_file(path, options)).transpose()
}

/// Opens a log file, or makes it with mode 0600.
///
/// # Errors
///
/// Of kind `Config`, saying why: the folder does not exist, the path is a folder, this user may not write there.
pub fn to_file<S>(
    path: impl AsRef<Path>,
    options: impl Into<Options>,
) -> Result<(JsonlLayer<S>, JsonlGuard), Error> {
    Ok(layer::start(Appender::open(path.as_ref())?, options.into()))
}

/// Logs to a writer of one's own, from a thread of its own. Each line is handed over whole.
pub fn to_writer<S>(
    writer: impl io::Write + Send + 'static,
    options: impl Into<Options>,
) -> (JsonlLayer<S>, JsonlGuard) {
    layer::start(Appender::new(writer), options.into())
}
