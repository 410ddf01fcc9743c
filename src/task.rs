//! Tasks that the crate starts.

use futures::future::BoxFuture;
use tokio::runtime::Handle;

/// Starts a task on a runtime.
///
/// Boxed: Tokio's part of a task is compiled anew for each type of future, some 10 KB of a program.
pub(crate) fn spawn(runtime: &Handle, task: BoxFuture<'static, ()>) {
    runtime.spawn(task);
}
