//! A worker as it is set up, and as its owner holds it.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};

use super::journal::Journal;
use super::room::{Room, Source, blocking};
use super::trouble::Trouble;
use crate::client::Client;
use crate::dispatch::Terms;
use crate::error::Error;
use crate::limit::Lane;
use crate::retry::Policy;
use crate::store::{Backend, Store};

/// Requests under way at once, as in a bulk run.
const MAX_IN_FLIGHT: usize = 4;

/// Longest time-out of a request. A claim holds for 60 s, and has to be there when its request has ended, up to 2 s after
/// which that may begin: else a person could resolve a batch whose request is under way.
const LONGEST_REQUEST: Duration = Duration::from_secs(45);

/// Between looks for something to send, where there was nothing.
const IDLE: Duration = Duration::from_millis(500);

/// A worker that is being set up.
#[derive(Debug)]
#[must_use = "a worker does nothing until start() is awaited"]
pub struct Work {
    client: Client,
    store: Store,
    source: Source,
    journal: Option<PathBuf>,
    max_in_flight: usize,
    until_done: bool,
    idle: Duration,
}

impl Client {
    /// Sends the running campaigns of this client's account that stand in a store: by priority, then by age. Any
    /// number of workers share them, in one process or in many, on one machine or on many.
    pub fn work(&self, store: &Store) -> Work {
        self.worker_of(store, Source::Campaigns)
    }

    /// Sends the messages of a store's outbox, by priority, then in the order in which they were inserted, in the lane
    /// of single requests: a request a text, messages of the same text together. Any number of workers share them.
    pub fn work_outbox(&self, store: &Store) -> Work {
        self.worker_of(store, Source::Outbox)
    }

    fn worker_of(&self, store: &Store, source: Source) -> Work {
        Work {
            client: self.clone(),
            store: store.clone(),
            source,
            journal: None,
            max_in_flight: MAX_IN_FLIGHT,
            until_done: false,
            idle: IDLE,
        }
    }
}

impl Work {
    /// The folder of the workers' journals, which is made if it is not there; several workers may share it. It has to
    /// be on a disk of this machine, and the same after a restart: what was in flight is found in it. Workers of several
    /// stores may share it too: a journal knows its store, also after that was copied or moved. Default: beside
    /// the file of an SQLite store; a worker on PostgreSQL has to name one.
    pub fn journal(mut self, folder: impl AsRef<Path>) -> Self {
        self.journal = Some(folder.as_ref().to_owned());
        self
    }

    /// How many requests may be under way at once. Default: 4; at least 1.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests.max(1);
        self
    }

    /// Ends when no running campaign of the account has anything left to send. Without it a worker waits for more.
    pub fn until_done(mut self) -> Self {
        self.until_done = true;
        self
    }

    /// Looks so seldom that only a bell wakes it.
    #[cfg(test)]
    pub(crate) fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Starts the worker in a task of its own, after what an earlier one left in its journal is settled.
    ///
    /// # Errors
    ///
    /// Of kind `Config` if the journal cannot be kept, or if the client's
    /// [`timeout`](crate::ClientBuilder::timeout) is longer than 45 s: a claim lasts for 60 s, and has to outlive its
    /// request. Of kind `Store` if the store does not answer.
    pub async fn start(self) -> Result<Worker, Error> {
        if self.client.core.attempt_timeout > LONGEST_REQUEST {
            return Err(Error::config(
                "a worker's requests may take 45 s at most, as its claims last for 60 s: set a shorter timeout()",
            ));
        }
        let folder = match (&self.journal, self.store.backend()) {
            (Some(folder), _) => folder.clone(),
            (None, Backend::Sqlite(db)) => {
                let mut beside = db.path().as_os_str().to_owned();
                beside.push("-workers");
                beside.into()
            }
            #[cfg(feature = "postgres")]
            (None, Backend::Postgres(_)) => {
                return Err(Error::config(
                    "a worker on PostgreSQL needs a folder for its journal, on a disk of this machine that is there \
                     after a restart: call .journal(folder)",
                ));
            }
        };
        let shown = folder.display().to_string();
        let number = self.store.number_of_its_own().await?;
        let journal = blocking(move || Journal::open(&folder, number))
            .await
            .map_err(|error| Error::config_from(format!("the journal in {shown} cannot be kept"), error))?;
        let core = Arc::clone(&self.client.core);
        let terms = Terms {
            lane: match self.source {
                Source::Campaigns => Lane::Bulk,
                Source::Outbox => Lane::Single,
            },
            policy: Policy::NONE,
            deadline: None,
            on_retry: None,
            flow: None,
        };
        let bell = match self.source {
            Source::Campaigns => None, // nobody waits for the half second
            Source::Outbox => Some(self.store.bell("kwtsms_outbox")),
        };
        let room = Arc::new(Room {
            account: core.messages.account.to_string(),
            core,
            store: self.store,
            source: self.source,
            worker: journal.worker(),
            journal: Arc::new(Mutex::new(journal)),
            terms,
            trouble: Trouble::default(),
            held: Mutex::default(),
            unsettled: AtomicUsize::default(),
            bell,
            idle: self.idle,
        });
        room.core.guards.ask_the_balance();
        room.replay().await?;
        room.upkeep().await?;
        let (stop, stopped) = watch::channel(false);
        let run = Arc::clone(&room).run(self.client, stopped, self.max_in_flight, self.until_done);
        Ok(Worker { stop, task: tokio::spawn(run), ended: None })
    }
}

/// A worker under way. Dropped, it stops as after [`stop`](Self::stop).
#[derive(Debug)]
#[must_use = "a worker that is dropped stops"]
pub struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), Error>>,
    ended: Option<Result<Result<(), Error>, JoinError>>,
}

impl Worker {
    /// Takes no further batch. What is in flight is answered and stored: wait for it by [`finished`](Self::finished).
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
    /// Waits until the worker has ended by itself; [`finished`](Self::finished) then says how. Dropped, nothing is lost.
    pub async fn ended(&mut self) {
        if self.ended.is_none() {
            self.ended = Some((&mut self.task).await);
        }
    }

    /// Waits for the end of the worker: of the work with [`Work::until_done`], or after [`stop`](Self::stop).
    ///
    /// # Errors
    ///
    /// What ended it before: a journal that cannot be written, or a store that is an older copy of itself.
    ///
    /// # Cancellation
    ///
    /// Dropped, the worker stops as after [`stop`](Self::stop).
    pub async fn finished(mut self) -> Result<(), Error> {
        self.ended().await;
        match self.ended.take() {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::stopped(None)),
            },
            None => Ok(()),
        }
    }
}
