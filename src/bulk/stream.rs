//! The stream of a run's outcomes, and how the run is set up.

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;

use super::control::Control;
use super::handle::BulkHandle;
use super::progress::Progress;
use super::run::Setup;
use super::running::Running;
use super::source::{IntoNumbers, Numbers};
use crate::client::Client;
use crate::core::Core;
use crate::dispatch::Options;
use crate::phone::PhoneNumber;
use crate::report::{Batch, SendReport};
use crate::retry::{OnRetry, Retry};

/// Requests under way at once, unless the call says otherwise: at 2 starts a second they hide up to 2 s of
/// the gateway's latency.
const DEFAULT_MAX_IN_FLIGHT: usize = 4;

/// A bulk run: a `Stream` of [`Batch`]es in order, each with its numbers and its own result.
///
/// It starts when it is first polled, in a task of its own, so that a slow reader does not slow the sending
/// (until 32 outcomes wait to be read: then no further batch starts). At most 200 numbers and 2,500 characters
/// make a request; numbers repeated in the run are sent once; a number that this client wrote to less than
/// 16 s ago is held back until it may be written to, and the rest goes out before it.
///
/// Memory does not grow with the input, but for the repeats: up to 10,000,000 distinct numbers are remembered
/// in blocks of neighbours (a few MB for a million numbers of one country). Beyond that, a number is still
/// compared with the remembered ones.
///
/// # What stops a run
///
/// A code that every further request would meet too (wrong password, blocked, no or not enough balance, IP not
/// allowed, banned sender, refused text) stops it at once: what is in flight is answered, and all the rest
/// comes out as not attempted. So do [`BulkHandle::stop`], a deadline, and a text or sender id that is not
/// usable: then nothing is attempted.
///
/// # Guards of the client
///
/// In [`quiet_hours`](crate::ClientBuilder#method.quiet_hours) the run waits and goes on after them. It stops, with the
/// rest not attempted, where the next batch would take the balance below the
/// [`balance_floor`](crate::ClientBuilder::balance_floor) or is more than the
/// [`spend_limit`](crate::ClientBuilder::spend_limit) leaves (or waits, see
/// [`wait_for_spend_limit`](Self::wait_for_spend_limit)). Batches are not cut to what is left. Numbers that are none of
/// [`only_to`](crate::ClientBuilder::only_to) come out as invalid.
///
/// # When the gateway does not answer
///
/// After 3 batches in a row without an answer (a reset, a 502, a page of a firewall, silence), whose numbers are of
/// unknown outcome and must not be sent to again blindly, the run pauses: [`Progress::waiting`] says so, and an event.
/// It asks for the balance after 1, 2, 4 … and at most 60 s, or as the gateway's `Retry-After` says, goes on when that
/// is answered, and stops after [`give_up_after`](Self::give_up_after) with the rest not attempted. In the same way it
/// says early that a full queue (ERR013) does not drain, and stops then.
///
/// # Cancellation
///
/// Dropping the stream starts no further request. What is in flight is answered and counted in
/// [`BulkHandle::finished`].
///
/// The run lives on the runtime on which it was first polled. If that ends before it, what was in flight is of unknown
/// outcome and the rest is not attempted; whoever still reads the stream, on another runtime, is told so of each input.
/// In actix-web, `tokio::spawn` in a handler starts a task on the runtime of that worker, which ends with the server at
/// the first SIGINT: keep the [`Handle`](tokio::runtime::Handle) of the runtime in `main`, spawn runs on it, and wait
/// for them (and for [`Client::idle`]) after the server has stopped.
///
/// # Panics
///
/// A panic in the source of the numbers or in a callback stops the run: what is in flight is answered, all outcomes are
/// told, and then the panic goes on in whoever reads the stream.
#[must_use = "a bulk run does nothing until it is polled or collected"]
pub struct Bulk {
    handle: BulkHandle,
    stage: Stage,
}

enum Stage {
    Set(Box<Setup>),
    Running(Running),
    Ended,
}

impl Client {
    /// Sends a text to any number of recipients: any iterator or `Stream` of numbers.
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")] {
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use futures::StreamExt;
    /// use kwtsms_async::{Client, sandbox::Sandbox};
    ///
    /// let sandbox = Sandbox::in_process();
    /// let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).unpaced().build()?;
    /// let mut batches = client.bulk((0..500).map(|i| (96_550_000_000u64 + i).to_string()), "Hello");
    /// let mut numbers = 0;
    /// while let Some(batch) = batches.next().await {
    ///     match batch.result() {
    ///         Ok(accepted) => println!("{}: {} numbers", accepted.message_id(), batch.numbers().len()),
    ///         Err(error) => println!("batch {}: {error}; {}", batch.index(), error.action()),
    ///     }
    ///     numbers += batch.numbers().len();
    /// }
    /// assert_eq!(numbers, 500);
    /// # Ok::<_, kwtsms_async::Error>(()) }).unwrap(); }
    /// ```
    pub fn bulk<M>(&self, numbers: impl IntoNumbers<M>, text: impl Into<String>) -> Bulk {
        Bulk::new(&self.core, numbers.into_numbers(), text.into(), Options::of_a_run())
    }
}

impl Bulk {
    pub(crate) fn new(core: &Arc<Core>, numbers: Numbers, text: String, options: Options) -> Self {
        let control = Arc::new(Control::new(Arc::clone(core), numbers.total));
        Self {
            handle: BulkHandle { control: Arc::clone(&control) },
            stage: Stage::Set(Box::new(Setup {
                numbers,
                text,
                options,
                max_in_flight: DEFAULT_MAX_IN_FLIGHT,
                on_request: None,
                on_progress: None,
                control,
            })),
        }
    }

    fn set(mut self, change: impl FnOnce(&mut Setup)) -> Self {
        if let Stage::Set(setup) = &mut self.stage {
            change(setup);
        }
        self
    }

    /// The sender id of this run, in place of the client's.
    pub fn sender(self, sender: impl Into<String>) -> Self {
        self.set(|setup| setup.options.sender = Some(sender.into()))
    }

    /// Test mode of this run, in place of the client's.
    pub fn test_mode(self, test: bool) -> Self {
        self.set(|setup| setup.options.test_mode = Some(test))
    }

    /// Bounds the whole run from its start. What has not been started by then is not attempted; the source is
    /// still read to its end, to account for it.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.set(|setup| setup.options.deadline = Some(deadline))
    }

    /// Requests under way at once, at least 1. Default: 4. Their starts are paced by the limiter in any case.
    pub fn max_in_flight(self, requests: usize) -> Self {
        self.set(|setup| setup.max_in_flight = requests.max(1))
    }

    /// How many inputs there are, where the iterator does not know itself; for [`Progress`] only.
    pub fn total(self, inputs: u64) -> Self {
        self.set(|setup| setup.control.set_total(inputs))
    }

    /// How long the run goes on while no batch is accepted because the gateway does not answer, or because its queue is
    /// full and does not drain; then it stops, and the rest is not attempted. Default: 10 minutes.
    pub fn give_up_after(self, patience: Duration) -> Self {
        self.set(|setup| setup.options.give_up_after = patience)
    }

    /// Waits and tries again (ERR028: 16 s, at most 3 times) also where the gateway says that a number was just written
    /// to and this client knows of no such message.
    ///
    /// Then somebody else wrote to it: another process of this account, or an earlier run of this one that was ended
    /// and started again. What it sent may have been this very message, which then goes out twice. So without this
    /// the batch is refused, with an [`action`](crate::Error::action) that says what it means.
    pub fn wait_for_others(self) -> Self {
        self.set(|setup| setup.options.policy.others = true)
    }

    /// Waits for no number that was written to less than 16 s ago, by this client or by whoever shares its store: a
    /// batch that holds one fails as a whole, with kind [`RecentNumber`](crate::ErrorKind::RecentNumber), and was not
    /// sent. For whoever starts a run again that was ended: what it sent may have been this very message.
    pub fn no_wait_for_numbers(self) -> Self {
        self.set(|setup| setup.options.policy.same_number = false)
    }

    /// Waits where the client's [`spend_limit`](crate::ClientBuilder::spend_limit) is reached, and goes on when it opens
    /// again: [`Progress::waiting`] says so, and an event. Without this the run stops there, and the rest is not
    /// attempted, since a limit that is reached mostly means that something went wrong.
    ///
    /// A batch that alone costs more than the limit, and a wait beyond the deadline, stop the run in any case.
    pub fn wait_for_spend_limit(self) -> Self {
        self.set(|setup| setup.options.policy.spend_limit = true)
    }

    /// Looks at each retry of a batch before its pause; `ControlFlow::Break` ends the batch with the error at
    /// hand.
    pub fn on_retry(self, look: impl Fn(&Retry) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        self.set(|setup| setup.options.on_retry = Some(OnRetry::new(look)))
    }

    /// Looks at the numbers of each request just before it leaves, a retry's too; `ControlFlow::Break` keeps it from
    /// leaving and stops the run.
    ///
    /// What outlives the process can be written here: after a kill or a crash, the numbers that were seen here and
    /// whose batch did not come out are of unknown outcome, and all others were not attempted. It holds up the run
    /// while it writes. A request that was seen here may still not leave, when the run is stopped in that moment.
    pub fn on_request(
        self,
        look: impl Fn(&[PhoneNumber]) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.set(|setup| setup.on_request = Some(Arc::new(look)))
    }

    /// Tells how far the run is, after every batch.
    pub fn on_progress(self, look: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.set(|setup| setup.on_progress = Some(Box::new(look)))
    }

    /// A handle that pauses, resumes, stops and watches the run, also when the stream is read elsewhere.
    pub fn handle(&self) -> BulkHandle {
        self.handle.clone()
    }

    /// Runs to the end and gives the totals, with every batch in them.
    ///
    /// It never fails as a whole: its `status()` is OK, PARTIAL or ERROR, and each batch has its own result.
    pub async fn collect_report(mut self) -> SendReport {
        let mut report = SendReport::default();
        while let Some(batch) = futures::StreamExt::next(&mut self).await {
            report.push(batch);
        }
        report
    }
}

impl Stream for Bulk {
    type Item = Batch;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Batch>> {
        if let Stage::Set(_) = self.stage
            && let Stage::Set(setup) = std::mem::replace(&mut self.stage, Stage::Ended)
        {
            self.stage = Stage::Running(Running::start(*setup));
        }
        let this = &mut *self;
        let Stage::Running(running) = &mut this.stage else { return Poll::Ready(None) };
        let mut outcome = this.handle.control.poll_outcome(cx);
        if outcome.is_pending() {
            running.poll_wind_up(cx);
            outcome = this.handle.control.poll_outcome(cx);
        }
        if let Poll::Ready(None) = outcome {
            this.stage = Stage::Ended;
        }
        outcome
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        if let Stage::Set(_) = self.stage {
            self.handle.control.never_started();
        }
    }
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk").field("handle", &self.handle).finish_non_exhaustive()
    }
}
