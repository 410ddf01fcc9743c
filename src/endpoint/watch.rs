//! One message followed to its end: `status/` and `dlr/` asked again and again, ever more seldom.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::time::Instant;

use crate::client::Client;
use crate::clock::sleep_until;
use crate::code::{ApiCode, CodeClass};
use crate::endpoint::{DeliveryReport, Listed, MessageStatus};
use crate::error::Error;
use crate::events::{self, WatchEnd};
use crate::ids::MessageId;
use crate::phone::{GulfCountry, PhoneNumber};

/// The gateway hands a message on within seconds; one that stays in the queue is asked for less and less.
const STATUS_FIRST: Duration = Duration::from_secs(2);
const STATUS_MOST: Duration = Duration::from_secs(15 * 60);
/// "Wait at least 5 minutes", and the gateway blocks who asks too often (API document v4.1).
const REPORTS_FIRST: Duration = Duration::from_secs(5 * 60);
const REPORTS_MOST: Duration = Duration::from_secs(6 * 60 * 60);
/// Reports are there within 24 hours (API document v4.1), or hardly ever.
const GIVE_UP_AFTER: Duration = Duration::from_secs(48 * 60 * 60);

/// What a watch has found out, see [`Client::watch_delivery`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DeliveryUpdate {
    /// Its place in the gateway's queue, where it is another than before. After `sent` it is asked for no more.
    Status(MessageStatus),
    /// There will be no delivery report: the numbers are Kuwaiti, whose operators give none, or the gateway says so
    /// (ERR021). `sent` is then the last that can be known.
    NoReport,
    /// The delivery reports, where they are others than before.
    Reports(Listed<DeliveryReport>),
    /// A question was not answered, for a reason that passes: no connection, no answer in time, no turn. It is asked
    /// again.
    Unanswered(Error),
    /// [`give_up_after`](WatchDelivery::give_up_after) has passed; the last item.
    #[non_exhaustive]
    TimedOut {
        /// The last status that was told, if any was.
        status: Option<MessageStatus>,
        /// The last reports that were told: some numbers have none.
        reports: Option<Listed<DeliveryReport>>,
    },
}

/// A watch on one message: a `Stream` of what changes, with an end.
///
/// It starts when it is first polled. The status is asked for at once, then after 2, 4, 8 … s and at most every 15
/// minutes, until it is `sent`; the delivery reports at once, then after 5, 10, 20 … minutes and at most every 6 hours.
/// The first of these questions is early for a report, and is what tells of one that will never come. Each question is a
/// single request like any other: it takes its turn in the limiter's lane of single calls, is tried three times over a
/// failure of the network, and has the events and metrics of `status` and `dlr`. A watch that is polled late asks late;
/// it never catches up.
///
/// # The end
///
/// The stream ends after
///
/// - `sent`, where there will be no report: [`NoReport`](DeliveryUpdate::NoReport) has told so;
/// - [`Reports`](DeliveryUpdate::Reports) that hold every number outside Kuwait of [`numbers`](Self::numbers), or, where
///   those were not given, any number;
/// - [`TimedOut`](DeliveryUpdate::TimedOut), after [`give_up_after`](Self::give_up_after);
/// - an error that asking again does not mend: the message is stuck (ERR030), unknown (ERR020, ERR029), or the account
///   is refused. ERR019, ERR022 and ERR023 mean that a report is not there yet, and so do a list without a report.
///
/// # Cancellation
///
/// Dropped between two questions, or while one waits for its turn, nothing more is asked. A question that has left is
/// finished for the record.
#[must_use = "a watch does nothing until it is polled"]
pub struct WatchDelivery(Stage);

enum Stage {
    Set(Box<Setup>),
    Running(Pin<Box<dyn Stream<Item = Update> + Send>>),
    Ended,
}

type Update = Result<DeliveryUpdate, Error>;

struct Setup {
    client: Client,
    message_id: MessageId,
    numbers: Vec<PhoneNumber>,
    give_up_after: Duration,
}

impl Client {
    /// Follows a message until nothing more can become known of it: a stream of changes of its status and of its
    /// delivery reports.
    ///
    /// Give it the numbers of the message where they are known: then nothing is asked to find out that Kuwait reports
    /// no delivery, and reports that come one by one are waited for.
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")] {
    /// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
    /// use futures::StreamExt;
    /// use kwtsms_async::{Client, DeliveryUpdate, sandbox::Sandbox};
    ///
    /// let sandbox = Sandbox::in_process(); // reports of numbers abroad are there 5 minutes after the message was sent
    /// let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build()?;
    /// let report = client.send("+971 50 449 6677", "Your parcel is on its way").await?;
    /// let batch = &report.batches()[0];
    /// let message_id = batch.result().map_err(Clone::clone)?.message_id();
    ///
    /// let mut watch = client.watch_delivery(message_id).numbers(batch.numbers());
    /// let mut told = Vec::new();
    /// while let Some(update) = watch.next().await {
    ///     told.push(match update? {
    ///         DeliveryUpdate::Status(status) => status.as_str().to_owned(),
    ///         DeliveryUpdate::Reports(reports) => reports[0].status().to_owned(),
    ///         DeliveryUpdate::NoReport => "no report: Kuwait gives none".to_owned(),
    ///         DeliveryUpdate::TimedOut { .. } => "no report so far".to_owned(),
    ///         _ => continue,
    ///     });
    /// }
    /// assert_eq!(told, ["sent", "Received by recipient"]);
    /// # Ok::<_, kwtsms_async::Error>(()) }).unwrap(); }
    /// ```
    pub fn watch_delivery(&self, message_id: &MessageId) -> WatchDelivery {
        WatchDelivery(Stage::Set(Box::new(Setup {
            client: self.clone(),
            message_id: message_id.clone(),
            numbers: Vec::new(),
            give_up_after: GIVE_UP_AFTER,
        })))
    }
}

impl WatchDelivery {
    fn set(mut self, change: impl FnOnce(&mut Setup)) -> Self {
        if let Stage::Set(setup) = &mut self.0 {
            change(setup);
        }
        self
    }

    /// The numbers of the message, such as [`Batch::numbers`](crate::Batch::numbers). If all are Kuwaiti, the first item
    /// is [`NoReport`](DeliveryUpdate::NoReport) and no report is asked for.
    pub fn numbers(self, numbers: &[PhoneNumber]) -> Self {
        let numbers = numbers.to_vec();
        self.set(|setup| setup.numbers = numbers)
    }

    /// Ends the watch so long after its start, with [`TimedOut`](DeliveryUpdate::TimedOut). What is still open is asked
    /// for a last time then, so that the end comes by that question later. Default: 48 hours.
    pub fn give_up_after(self, patience: Duration) -> Self {
        self.set(|setup| setup.give_up_after = patience)
    }
}

impl Stream for WatchDelivery {
    type Item = Update;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Update>> {
        if let Stage::Set(_) = self.0
            && let Stage::Set(setup) = std::mem::replace(&mut self.0, Stage::Ended)
        {
            let watch = stream::unfold(Watch::start(*setup), |mut watch| async {
                watch.next().await.map(|update| (update, watch))
            });
            self.0 = Stage::Running(Box::pin(watch));
        }
        let Stage::Running(watch) = &mut self.0 else { return Poll::Ready(None) };
        let update = std::task::ready!(watch.poll_next_unpin(cx));
        if update.is_none() {
            self.0 = Stage::Ended;
        }
        Poll::Ready(update)
    }
}

impl fmt::Debug for WatchDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchDelivery")
    }
}

/// Operators in Kuwait report no delivery (API document v4.1).
fn is_kuwaiti(number: &PhoneNumber) -> bool {
    GulfCountry::of(*number) == Some(GulfCountry::Kuwait)
}

/// A question that is asked ever more seldom.
struct Question {
    /// `None` once it is settled, or was asked for the last time.
    due: Option<Instant>,
    wait: Duration,
    most: Duration,
}

impl Question {
    fn new(now: Instant, wait: Duration, most: Duration) -> Self {
        Self { due: Some(now), wait, most }
    }

    fn is_open(&self) -> bool {
        self.due.is_some()
    }

    fn settle(&mut self) {
        self.due = None;
    }

    /// Asks again later, but for the last time at the end. False if this was the last time.
    fn again(&mut self, end: Option<Instant>, at_least: Duration) -> bool {
        let now = Instant::now();
        let next = now.checked_add(self.wait.max(at_least));
        self.wait = (self.wait * 2).min(self.most);
        self.due = match (next, end) {
            (_, Some(end)) if end <= now => None,
            (Some(next), Some(end)) => Some(next.min(end)),
            (next, end) => next.or(end),
        };
        self.is_open()
    }
}

struct Watch {
    client: Client,
    message_id: MessageId,
    /// Those that reports are waited for, where the numbers are known.
    abroad: Vec<PhoneNumber>,
    /// `None` beyond the clock's range.
    end: Option<Instant>,
    status: Question,
    reports: Question,
    last_status: Option<MessageStatus>,
    last_reports: Option<Listed<DeliveryReport>>,
    /// To be told before anything is asked: all numbers are Kuwaiti.
    no_report: bool,
    timed_out: bool,
    told: bool,
}

impl Watch {
    fn start(setup: Setup) -> Self {
        let Setup { client, message_id, numbers, give_up_after } = setup;
        let now = Instant::now();
        let abroad: Vec<_> = numbers.iter().copied().filter(|number| !is_kuwaiti(number)).collect();
        let no_report = abroad.is_empty() && !numbers.is_empty();
        let mut reports = Question::new(now, REPORTS_FIRST, REPORTS_MOST);
        if no_report {
            reports.settle();
        }
        Self {
            client,
            message_id,
            abroad,
            end: now.checked_add(give_up_after),
            status: Question::new(now, STATUS_FIRST, STATUS_MOST),
            reports,
            last_status: None,
            last_reports: None,
            no_report,
            timed_out: false,
            told: false,
        }
    }

    /// What changes next; after an error, nothing does.
    async fn next(&mut self) -> Option<Update> {
        if std::mem::take(&mut self.no_report) {
            return Some(Ok(DeliveryUpdate::NoReport));
        }
        loop {
            let due = match (self.status.due, self.reports.due) {
                (None, None) => return self.end(),
                (Some(one), Some(other)) => one.min(other),
                (one, other) => one.or(other)?,
            };
            sleep_until(due).await;
            let update = if self.status.due == Some(due) {
                self.ask_for_the_status().await
            } else {
                self.ask_for_reports().await
            };
            if let Some(Err(error)) = &update {
                self.status.settle();
                self.reports.settle();
                self.tell(&WatchEnd::Error(error));
            }
            if update.is_some() {
                return update;
            }
        }
    }

    /// Nothing is left to be asked.
    fn end(&mut self) -> Option<Update> {
        if self.told {
            return None;
        }
        if std::mem::take(&mut self.timed_out) {
            self.tell(&WatchEnd::TimedOut);
            let (status, reports) = (self.last_status.take(), self.last_reports.take());
            return Some(Ok(DeliveryUpdate::TimedOut { status, reports }));
        }
        let reported = self.last_reports.is_some();
        self.tell(if reported { &WatchEnd::Reported } else { &WatchEnd::NoReport });
        None
    }

    async fn ask_for_the_status(&mut self) -> Option<Update> {
        let status = match self.client.status(&self.message_id).await {
            Ok(status) => status,
            Err(error) => return self.unanswered(error, |watch| &mut watch.status),
        };
        if status.is_sent() {
            self.status.settle();
        } else {
            self.timed_out |= !self.status.again(self.end, Duration::ZERO);
        }
        let is_new = self.last_status.as_ref().is_none_or(|last| last.as_str() != status.as_str());
        self.last_status = Some(status.clone());
        is_new.then_some(Ok(DeliveryUpdate::Status(status)))
    }

    async fn ask_for_reports(&mut self) -> Option<Update> {
        let reports = match self.client.dlr(&self.message_id).await {
            Ok(reports) => reports,
            Err(error) if error.code() == Some(&ApiCode::ERR021) => {
                self.reports.settle();
                return Some(Ok(DeliveryUpdate::NoReport));
            }
            Err(error) => return self.unanswered(error, |watch| &mut watch.reports),
        };
        let has = |number: &PhoneNumber| reports.iter().any(|report| report.number() == Some(*number));
        if !reports.is_empty() && self.abroad.iter().all(has) {
            self.reports.settle();
            self.status.settle(); // what is reported of was sent
            self.timed_out = false;
        } else {
            self.timed_out |= !self.reports.again(self.end, Duration::ZERO);
        }
        let is_new = self.last_reports.as_ref().map_or(!reports.is_empty(), |last| **last != *reports);
        if is_new {
            self.last_reports = Some(reports.clone());
        }
        is_new.then_some(Ok(DeliveryUpdate::Reports(reports)))
    }

    /// An answer that is not there yet is no news; what passes is told and asked again; all else is final.
    fn unanswered(&mut self, error: Error, question: fn(&mut Self) -> &mut Question) -> Option<Update> {
        let is_not_ready =
            error.code().is_some_and(|code| matches!(code.class(), CodeClass::ReportNotReady { .. }));
        if !is_not_ready && !error.is_retryable() {
            return Some(Err(error));
        }
        // ERR022 asks for 24 hours, and ERR019 and ERR023 for 5 minutes: these are the steps of the intervals.
        let wait = if is_not_ready { None } else { error.retry_after() };
        let end = self.end;
        self.timed_out |= !question(self).again(end, wait.unwrap_or_default());
        (!is_not_ready).then_some(Ok(DeliveryUpdate::Unanswered(error)))
    }

    fn tell(&mut self, end: &WatchEnd<'_>) {
        self.told = true;
        events::watch_ended(&self.message_id, end);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.told {
            self.tell(&WatchEnd::Dropped);
        }
    }
}
