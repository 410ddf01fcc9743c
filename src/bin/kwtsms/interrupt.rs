//! Ctrl-C and its relatives.

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{Exit, Failure};

/// Requests to stop: Ctrl-C, `kill`, a closed terminal.
///
/// From `listen` on they no longer end the process by themselves.
#[derive(Debug)]
pub(crate) struct Interrupts {
    #[cfg(unix)]
    signals: Vec<Signal>,
}

impl Interrupts {
    #[cfg(unix)]
    pub(crate) fn listen() -> Self {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        // Where a handler cannot be installed, the signal ends the process as it always did.
        let heard = kinds.into_iter().filter(|kind| !is_ignored(*kind));
        Self { signals: heard.filter_map(|kind| signal(kind).ok()).collect() }
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> Self {
        Self {}
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        {
            if self.signals.is_empty() {
                return std::future::pending().await;
            }
            let waits = self.signals.iter_mut().map(|signal| Box::pin(signal.recv()));
            futures::future::select_all(waits).await;
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// True for a signal that the process was started to ignore, by `nohup` or as a script's background job: it stays so.
///
/// The system is asked where it says so without a call that is unsafe, which is on Linux.
#[cfg(unix)]
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}

/// Reads what may keep one waiting for ever, a pipe or standard input, on a thread of its own: Ctrl-C and `kill` end it
/// although they no longer end the process by themselves.
pub(crate) async fn on_a_thread<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let read = tokio::task::spawn_blocking(read);
    or_interrupted(async {
        read.await.unwrap_or_else(|error| Err(Failure::usage_from("it cannot be read", &error)))
    })
    .await
}

/// Does a piece of work that nothing is lost of when Ctrl-C ends it.
pub(crate) async fn or_interrupted<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut interrupts = Interrupts::listen();
    tokio::select! {
        biased; // the work may have something to put back
        result = work => result,
        () = interrupts.next() => Err(Failure::new(Exit::Interrupted, "interrupted")),
    }
}
