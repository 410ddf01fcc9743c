//! The layer, the filter in front of it and the guard behind it.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Filter};

use super::file::Appender;
use super::line;
use super::options::Options;
use crate::clock::wall_now;
use crate::events::TARGET;
use crate::events::transcript::{self, Listener};

/// Lines that may wait to be written before further ones are dropped: 13 minutes at the gateway's ceiling.
const QUEUE: usize = 4_096;

/// A layer of `tracing-subscriber` that writes the log: [`Lines`] behind its filter.
pub type JsonlLayer<S> = Filtered<Lines, Requests, S>;

/// Writes a line for each finished request, and for each that leaves if that is asked for.
pub struct Lines {
    queue: NonBlocking,
    file: Shared,
    options: Options,
    /// Tells the requests of this log from those of others that wrote to the same file.
    run: Option<String>,
    _listener: Listener,
}

/// The file, for the thread that writes what is queued and for those that write before a request leaves.
#[derive(Clone)]
struct Shared(Arc<Mutex<Appender>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Appender> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Shared {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lock().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lets the events of this crate through to the log, and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Requests {
    level: LevelFilter,
}

/// Writes what still waits when it is dropped, and counts what was lost.
///
/// Keep it to the end of `main`: lines that wait when the process ends without it are lost. Dropping it waits for
/// the file, for about a second at most.
#[must_use = "dropping the guard ends the log"]
pub struct JsonlGuard {
    dropped: ErrorCounter,
    failed: Arc<AtomicU64>,
    worker: WorkerGuard,
}

impl JsonlGuard {
    /// How many lines were dropped because 4,096 waited to be written already.
    pub fn dropped_lines(&self) -> u64 {
        self.dropped.dropped_lines() as u64
    }

    /// How many lines could not be written, or not whole, as on a full disk.
    pub fn write_errors(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Ends the log as dropping the guard does, and says how many lines it lost in all, dropped or not written.
    pub fn finish(self) -> u64 {
        let Self { dropped, failed, worker } = self;
        drop(worker);
        dropped.dropped_lines() as u64 + failed.load(Ordering::Relaxed)
    }
}

pub(super) fn start<S>(appender: Appender, options: Options) -> (JsonlLayer<S>, JsonlGuard) {
    let failed = appender.failed();
    let file = Shared(Arc::new(Mutex::new(appender)));
    // Lossy: a disk that hangs must not hold up those who send.
    let (queue, worker) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(QUEUE)
        .thread_name("kwtsms-jsonl")
        .finish(file.clone());
    let guard = JsonlGuard { dropped: queue.error_counter(), failed, worker };
    let run = options.sending.then(|| format!("{:08x}", fastrand::u32(..)));
    let lines = Lines { queue, file, options, run, _listener: Listener::new(options.sending) };
    let level = if options.sending { LevelFilter::DEBUG } else { LevelFilter::INFO };
    (Filtered::new(lines, Requests { level }), guard)
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
        // Other events of this crate have no transcript beside them.
        let Some(transcript) = transcript::current() else { return };
        let leaves = transcript.result.is_none();
        let line = line::write(&transcript, wall_now(), self.options.bodies, self.run.as_deref());
        // Neither fails: what finds no place is counted. A request that leaves waits for its line.
        let _ = if leaves { self.file.lock().write_all(&line) } else { self.queue.clone().write_all(&line) };
    }
}

impl<S> Filter<S> for Requests {
    fn enabled(&self, meta: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        meta.target() == TARGET && meta.is_event() && *meta.level() <= self.level
    }

    fn callsite_enabled(&self, meta: &'static Metadata<'static>) -> Interest {
        if meta.target() == TARGET && meta.is_event() && *meta.level() <= self.level {
            // Not `always`: a filter whose answer was cached can lose an event after a `log_enabled!` elsewhere
            // (tokio-rs/tracing#2519), and a line of this log must not be lost.
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for JsonlGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonlGuard")
            .field("dropped_lines", &self.dropped_lines())
            .field("write_errors", &self.write_errors())
            .finish_non_exhaustive()
    }
}
