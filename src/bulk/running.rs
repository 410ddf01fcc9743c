//! The task of a run under way, and what becomes of the run if the task ends before it.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tracing::{Instrument, Span};

use super::control::Control;
use super::run::{Run, Setup};
use crate::events::StopReason;
use crate::task::spawn;

/// A run under way, for its reader.
///
/// It goes on in a task of its own. If that ends before the run, because its runtime does, what is left of the run
/// comes here, and its reader winds it up: nothing more is sent, and each input is told all the same.
pub(super) struct Running {
    control: Arc<Control>,
    left_over: Arc<Mutex<Option<Box<Run>>>>,
    winding_up: Option<BoxFuture<'static, ()>>,
}

impl Running {
    pub(super) fn start(setup: Setup) -> Self {
        let control = Arc::clone(&setup.control);
        let left_over = Arc::default();
        let run = Keeper { run: Some(Box::new(Run::new(setup))), left_over: Arc::clone(&left_over) };
        spawn(&Handle::current(), Box::pin(run.go().instrument(Span::current())));
        Self { control, left_over, winding_up: None }
    }

    /// Winds up what the run's task left behind, if it did.
    pub(super) fn poll_wind_up(&mut self, cx: &mut Context<'_>) {
        let left = self.left_over.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(run) = left {
            self.control.stop(&StopReason::RuntimeEnded);
            let run = Keeper { run: Some(run), left_over: Arc::clone(&self.left_over) };
            self.winding_up = Some(run.go().boxed());
        }
        if let Some(winding_up) = &mut self.winding_up
            && winding_up.as_mut().poll(cx).is_ready()
        {
            self.winding_up = None;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.control.abandon();
        self.winding_up = None;
        let left = self.left_over.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(run) = left {
            run.abandon();
        }
    }
}

/// Keeps what is left of a run when its task ends before it.
struct Keeper {
    run: Option<Box<Run>>,
    left_over: Arc<Mutex<Option<Box<Run>>>>,
}

impl Keeper {
    async fn go(mut self) {
        if let Some(run) = &mut self.run {
            if let Err(panic) = AssertUnwindSafe(run.go()).catch_unwind().await {
                run.control.panicked(panic);
                run.abandon_rest();
            }
            run.control.over();
        }
        self.run = None;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some(run) = self.run.take() else { return };
        let control = Arc::clone(&run.control);
        let mut left_over = self.left_over.lock().unwrap_or_else(PoisonError::into_inner);
        *left_over = Some(run);
        if control.is_abandoned() {
            // Whoever takes it out settles it: this, or the reader that is being dropped.
            let run = left_over.take();
            drop(left_over);
            if let Some(run) = run {
                run.abandon();
            }
        } else {
            drop(left_over);
            control.wake_reader();
        }
    }
}
