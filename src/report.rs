//! What became of each number: batches, their results and the account over all of them.

use std::fmt;
use std::ops::AddAssign;

use crate::credits::Credits;
use crate::error::{Delivery, Error};
use crate::ids::MessageId;
use crate::phone::{PhoneError, PhoneNumber};
use crate::wire::RawReply;

/// What the gateway said when it accepted a request.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub(crate) message_id: MessageId,
    pub(crate) counted: Option<u64>,
    pub(crate) points_charged: Option<Credits>,
    pub(crate) balance_after: Option<Credits>,
    pub(crate) unix_timestamp: Option<i64>,
    pub(crate) raw: RawReply,
}

impl Accepted {
    /// The message id: one for the whole request, whatever the count of its numbers. Keep it: `status` and
    /// `dlr` ask for it.
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// How many numbers the gateway counted. Fewer than were sent means that it dropped some: it does not say
    /// which.
    pub fn counted(&self) -> Option<u64> {
        self.counted
    }

    /// Credits charged for the whole request.
    pub fn points_charged(&self) -> Option<Credits> {
        self.points_charged
    }

    /// Credits left after it.
    pub fn balance_after(&self) -> Option<Credits> {
        self.balance_after
    }

    /// The gateway's `unix-timestamp` as it came, in seconds.
    ///
    /// The gateway's zone is Asia/Kuwait (GMT+3). Whether the value is a true epoch or one shifted by three
    /// hours is not documented, so it is neither converted nor interpreted here.
    pub fn unix_timestamp(&self) -> Option<i64> {
        self.unix_timestamp
    }

    /// The gateway's reply as it came.
    pub fn raw(&self) -> &RawReply {
        &self.raw
    }
}

/// An input that is not usable; no request was made for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Invalid {
    pub(crate) position: u64,
    pub(crate) input: String,
    pub(crate) reason: PhoneError,
}

impl Invalid {
    /// Where it stood in the input, counted from 0. The parts of a comma-separated string share a position.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What was handed in. It may be a phone number or an e-mail address: do not log it.
    pub fn input(&self) -> &str {
        &self.input
    }

    /// Why it is not usable, and what to do.
    pub fn reason(&self) -> &PhoneError {
        &self.reason
    }
}

impl fmt::Debug for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalid")
            .field("position", &self.position)
            .field("input_chars", &self.input.chars().count())
            .field("reason", &self.reason)
            .finish()
    }
}

/// A number that stood in the input before; it is sent once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicate {
    pub(crate) position: u64,
    pub(crate) number: PhoneNumber,
}

impl Duplicate {
    /// Where the repeated one stood in the input, counted from 0.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The number.
    pub fn number(&self) -> PhoneNumber {
        self.number
    }
}

/// Where the numbers of a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Accepted by the gateway, under a message id.
    Accepted,
    /// Refused by the gateway with a code: not queued, not charged.
    Refused,
    /// The request may have arrived and no verdict came back: do not send again blindly.
    Unknown,
    /// No request reached the gateway: safe to send again.
    NotAttempted,
}

/// One request's worth of numbers and what became of them.
///
/// Invalid and repeated inputs stand in the batch during which they were met; a batch of only
/// those has no numbers, made no request, and its result is an error of kind `InvalidInput`.
#[derive(Clone)]
pub struct Batch {
    pub(crate) index: u64,
    pub(crate) numbers: Vec<PhoneNumber>,
    pub(crate) positions: Vec<u64>,
    pub(crate) result: Result<Accepted, Error>,
    pub(crate) invalid: Vec<Invalid>,
    pub(crate) duplicates: Vec<Duplicate>,
}

impl Batch {
    /// Its place in the run, counted from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The numbers of its request, at most 200.
    pub fn numbers(&self) -> &[PhoneNumber] {
        &self.numbers
    }

    /// Where each of [`numbers`](Self::numbers) stood in the input, counted from 0.
    pub fn positions(&self) -> &[u64] {
        &self.positions
    }

    /// What the gateway said, or why nothing is known.
    ///
    /// # Errors
    ///
    /// The batch's own error; its [`Delivery`] says what may be sent again.
    pub fn result(&self) -> Result<&Accepted, &Error> {
        self.result.as_ref()
    }

    /// Where all of its numbers ended.
    pub fn outcome(&self) -> Outcome {
        match &self.result {
            Ok(_) => Outcome::Accepted,
            Err(error) => match error.delivery() {
                Delivery::Refused => Outcome::Refused,
                Delivery::Unknown => Outcome::Unknown,
                Delivery::NotSent => Outcome::NotAttempted,
            },
        }
    }

    /// Inputs that are not usable, met since the batch before.
    pub fn invalid(&self) -> &[Invalid] {
        &self.invalid
    }

    /// Repeated numbers met since the batch before.
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// How many of its accepted numbers the gateway did not count; it does not say which.
    ///
    /// The gateway is thought to drop numbers that it finds bad and to send to the rest.
    /// [`Client::validate`](crate::Client::validate) tells which they are.
    pub fn uncounted(&self) -> u64 {
        let counted = self.result.as_ref().ok().and_then(Accepted::counted);
        counted.map_or(0, |counted| (self.numbers.len() as u64).saturating_sub(counted))
    }

    /// The account of this batch alone.
    pub fn account(&self) -> Account {
        let mut account = Account {
            invalid: self.invalid.len() as u64,
            duplicates: self.duplicates.len() as u64,
            ..Account::default()
        };
        let numbers = self.numbers.len() as u64;
        match self.outcome() {
            Outcome::Accepted => account.accepted = numbers,
            Outcome::Refused => account.refused = numbers,
            Outcome::Unknown => account.unknown = numbers,
            Outcome::NotAttempted => account.not_attempted = numbers,
        }
        account
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("index", &self.index)
            .field("numbers", &self.numbers.len())
            .field("result", &self.result)
            .field("invalid", &self.invalid.len())
            .field("duplicates", &self.duplicates.len())
            .finish()
    }
}

/// How many of the numbers handed in ended where; the parts add up to the input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) unknown: u64,
    pub(crate) not_attempted: u64,
    pub(crate) invalid: u64,
    pub(crate) duplicates: u64,
}

impl Account {
    /// Accepted by the gateway.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Refused by the gateway with a code.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Of unknown outcome: may have been accepted and charged.
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Never sent: safe to send again.
    pub fn not_attempted(&self) -> u64 {
        self.not_attempted
    }

    /// Inputs that are not usable; no request was made for them.
    pub fn invalid(&self) -> u64 {
        self.invalid
    }

    /// Repeats of a number of the same call.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// The sum of the parts: all that was handed in.
    pub fn total(&self) -> u64 {
        self.accepted + self.refused + self.unknown + self.not_attempted + self.invalid + self.duplicates
    }
}

impl AddAssign for Account {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.unknown += other.unknown;
        self.not_attempted += other.not_attempted;
        self.invalid += other.invalid;
        self.duplicates += other.duplicates;
    }
}

/// The verdict over a whole send, in the Python client's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Every number was accepted and counted by the gateway; repeats and nothing else were left out.
    Ok,
    /// Some numbers were accepted and some were not, or the gateway counted fewer than it was given.
    Partial,
    /// No number was accepted.
    Error,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Partial => "PARTIAL",
            Self::Error => "ERROR",
        })
    }
}

/// What became of a send: the account, the ids, the cost.
#[derive(Debug, Clone, Default)]
pub struct SendReport {
    account: Account,
    batches: Vec<Batch>,
}

impl SendReport {
    #[inline]
    pub(crate) fn of_one(batch: Batch) -> Self {
        Self { account: batch.account(), batches: vec![batch] }
    }

    pub(crate) fn push(&mut self, batch: Batch) {
        self.account += batch.account();
        self.batches.push(batch);
    }

    /// The batches in order, each with its numbers and its own result.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    fn answers(&self) -> impl Iterator<Item = &Accepted> {
        self.batches.iter().filter_map(|batch| batch.result.as_ref().ok())
    }

    /// How many of the numbers ended where.
    pub fn account(&self) -> Account {
        self.account
    }

    /// The numbers that ended so, in the order of their batches. Those that were not attempted may be sent to again,
    /// which resumes a run that was stopped.
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
    /// use kwtsms_async::sandbox::{Fault, Sandbox};
    /// use kwtsms_async::{Client, Outcome};
    ///
    /// let sandbox = Sandbox::in_process();
    /// let client = Client::builder("user", "password").transport(sandbox.transport()).build()?;
    /// sandbox.faults().push(Fault::code("ERR010").on("send")); // an empty balance
    /// let numbers: Vec<String> = (0..300).map(|i| format!("965500{i:05}")).collect();
    /// let report = client.bulk(numbers, "Hello").collect_report().await;
    ///
    /// // Refused is safe to send again too, once its cause is gone; Outcome::Unknown is not.
    /// let rest = report.with_outcome(Outcome::Refused).chain(report.with_outcome(Outcome::NotAttempted));
    /// let report = client.bulk(rest.collect::<Vec<_>>(), "Hello").collect_report().await;
    /// assert_eq!(report.with_outcome(Outcome::Accepted).count(), 300);
    /// # Ok::<(), kwtsms_async::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn with_outcome(&self, outcome: Outcome) -> impl Iterator<Item = PhoneNumber> + '_ {
        let batches = self.batches.iter().filter(move |batch| batch.outcome() == outcome);
        batches.flat_map(|batch| batch.numbers.iter().copied())
    }

    /// OK if all were accepted and counted, PARTIAL if some were, ERROR if none was.
    pub fn status(&self) -> Status {
        let account = self.account;
        match (account.accepted, account.total() - account.duplicates) {
            (0, _) => Status::Error,
            (accepted, wanted) if accepted == wanted && self.uncounted() == 0 => Status::Ok,
            _ => Status::Partial,
        }
    }

    /// The first message id; the only one for up to 200 numbers. `None` if nothing was accepted.
    pub fn message_id(&self) -> Option<&MessageId> {
        self.answers().next().map(Accepted::message_id)
    }

    /// All message ids in order, one a request.
    pub fn message_ids(&self) -> Vec<&MessageId> {
        self.answers().map(Accepted::message_id).collect()
    }

    /// How many numbers were accepted.
    pub fn accepted(&self) -> u64 {
        self.account.accepted
    }

    /// How many numbers of accepted batches the gateway did not count, see [`Batch::uncounted`].
    pub fn uncounted(&self) -> u64 {
        self.batches.iter().map(Batch::uncounted).sum()
    }

    /// Credits charged, over all accepted batches. In test mode they are held until the message is deleted
    /// from the queue. Batches of unknown outcome may have cost more.
    pub fn points_charged(&self) -> Credits {
        self.answers().filter_map(Accepted::points_charged).sum()
    }

    /// Credits left after the last accepted batch.
    pub fn balance_after(&self) -> Option<Credits> {
        self.answers().filter_map(Accepted::balance_after).last()
    }

    /// Inputs that are not usable, with their reasons; no request was made for them.
    pub fn invalid(&self) -> Vec<&Invalid> {
        self.batches.iter().flat_map(|batch| &batch.invalid).collect()
    }

    /// Repeats, which were sent once.
    pub fn duplicates(&self) -> Vec<&Duplicate> {
        self.batches.iter().flat_map(|batch| &batch.duplicates).collect()
    }

    /// The batches that were not accepted, each with its error.
    pub fn errors(&self) -> impl Iterator<Item = (&Batch, &Error)> {
        self.batches
            .iter()
            .filter(|batch| !batch.numbers.is_empty())
            .filter_map(|batch| batch.result.as_ref().err().map(|error| (batch, error)))
    }
}
