//! What became of a whole send.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::account::{Account, Status};
use super::batch::{Accepted, Batch, Duplicate, Invalid, Outcome};
use crate::credits::Credits;
use crate::error::Error;
use crate::ids::MessageId;
use crate::phone::PhoneNumber;

/// What became of a send: the account, the ids, the cost. Iterated, it gives its batches.
///
/// # As JSON
///
/// An object with the fields `status`, `account` (see [`Account`]), `message_ids`, `points_charged`, `balance_after`,
/// `uncounted`, `batches` (see [`Batch`]), `invalid` and `duplicates`. It holds no number and no text: positions say
/// which of the input is meant. Fields may be added, and none goes.
///
/// ```
/// # #[cfg(feature = "sandbox")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
/// use kwtsms_async::{Client, sandbox::Sandbox};
///
/// let sandbox = Sandbox::in_process();
/// let client = Client::builder("user", "password").transport(sandbox.transport()).build()?;
/// let report = client.send(["96598765432", "abc"], "Hello").await?;
/// let json = serde_json::to_value(&report).unwrap();
/// assert_eq!(json["status"], "PARTIAL");
/// assert_eq!(json["account"]["accepted"], 1);
/// assert_eq!(json["batches"][0]["outcome"], "accepted");
/// assert_eq!(json["invalid"][0]["position"], 1);
/// # Ok::<(), kwtsms_async::Error>(())
/// # }).unwrap();
/// ```
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
    /// let mut rest = report.with_outcome(Outcome::Refused);
    /// rest.extend(report.with_outcome(Outcome::NotAttempted));
    /// let report = client.bulk(rest, "Hello").collect_report().await;
    /// assert_eq!(report.with_outcome(Outcome::Accepted).len(), 300);
    /// # Ok::<(), kwtsms_async::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn with_outcome(&self, outcome: Outcome) -> Vec<PhoneNumber> {
        let batches = self.batches.iter().filter(|batch| batch.outcome() == outcome);
        batches.flat_map(|batch| batch.numbers.iter().copied()).collect()
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
    pub fn errors(&self) -> Vec<(&Batch, &Error)> {
        self.batches
            .iter()
            .filter(|batch| !batch.numbers.is_empty())
            .filter_map(|batch| batch.result.as_ref().err().map(|error| (batch, error)))
            .collect()
    }
}

impl IntoIterator for SendReport {
    type Item = Batch;
    type IntoIter = std::vec::IntoIter<Batch>;

    fn into_iter(self) -> Self::IntoIter {
        self.batches.into_iter()
    }
}

impl<'a> IntoIterator for &'a SendReport {
    type Item = &'a Batch;
    type IntoIter = std::slice::Iter<'a, Batch>;

    fn into_iter(self) -> Self::IntoIter {
        self.batches.iter()
    }
}

impl Serialize for SendReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("SendReport", 9)?;
        fields.serialize_field("status", &self.status())?;
        fields.serialize_field("account", &self.account)?;
        fields.serialize_field("message_ids", &self.message_ids())?;
        fields.serialize_field("points_charged", &self.points_charged())?;
        fields.serialize_field("balance_after", &self.balance_after())?;
        fields.serialize_field("uncounted", &self.uncounted())?;
        fields.serialize_field("batches", &self.batches)?;
        fields.serialize_field("invalid", &self.invalid())?;
        fields.serialize_field("duplicates", &self.duplicates())?;
        fields.end()
    }
}
