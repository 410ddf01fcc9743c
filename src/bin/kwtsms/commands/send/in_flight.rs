//! Whom a request left for and whose outcome has not come yet, also for another run if this one is killed.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kwtsms_async::PhoneNumber;

use crate::exit::Failure;
use crate::numbers::sending;

/// The numbers of requests that are under way.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    numbers: HashSet<PhoneNumber>,
    journal: Option<Journal>,
    failure: Option<Failure>,
}

/// A file of them beside the report, one on each line, written before each request. It is locked as long as the run
/// goes on, and goes when the report has a row for everybody.
#[derive(Debug)]
struct Journal {
    path: PathBuf,
    file: File,
}

impl InFlight {
    /// Begins the file that goes with a report.
    pub(super) fn beside(report: &Path) -> Result<Self, Failure> {
        let path = sending(report);
        let cannot = |error: &dyn std::error::Error| {
            Failure::usage_from(format!("{} cannot be made", path.display()), error)
        };
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600); // it holds numbers
        #[cfg(windows)]
        {
            const SHARE_DELETE: u32 = 4; // whoever reads it meanwhile is refused, as by the lock below
            std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, SHARE_DELETE);
        }
        let file = options.open(&path).map_err(|error| {
            cannot(&error).action(
                "it is there while a run goes on, and after one that did not end: choose another name for the report",
            )
        })?;
        #[cfg(unix)]
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| cannot(&error))?;
        let journal = Some(Journal { path, file });
        Ok(Self(Arc::new(Mutex::new(State { journal, ..State::default() }))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whom a request is about to leave for; where that cannot be noted, it must not leave.
    pub(super) fn enter(&self, numbers: &[PhoneNumber]) -> ControlFlow<()> {
        let mut state = self.state();
        if let Some(journal) = &mut state.journal {
            let mut lines = String::new();
            for number in numbers {
                let _ = writeln!(lines, "{number}"); // writing into memory does not fail
            }
            if let Err(error) = journal.file.write_all(lines.as_bytes()) {
                let path = journal.path.display();
                state.failure = Some(Failure::usage_from(format!("{path} cannot be written"), &error));
                return ControlFlow::Break(());
            }
        }
        state.numbers.extend(numbers);
        ControlFlow::Continue(())
    }

    /// Takes out those whose outcome came.
    pub(super) fn leave(&self, numbers: &[PhoneNumber]) {
        let mut state = self.state();
        for number in numbers {
            state.numbers.remove(number);
        }
    }

    pub(super) fn holds(&self, number: PhoneNumber) -> bool {
        self.state().numbers.contains(&number)
    }

    /// Why a request was kept from leaving.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.state().failure.take()
    }

    /// The report has a row for everybody: the file beside it is not needed any more.
    pub(super) fn end(&self) {
        if let Some(journal) = self.state().journal.take() {
            let _ = std::fs::remove_file(journal.path); // then it says that the run did not end, which does no harm
        }
    }
}
