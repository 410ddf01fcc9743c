//! What a worker knows and the store may not: on disk before each request leaves and after each answer.
//!
//! One file a worker, locked by it, of mode 0600, one JSON object a line: batch, fence, outcome, message id, points; no
//! number and no text. Its name holds the worker's id, by which the store knows what it claimed: a claim that the
//! journal does not know of was never posted. Each beginning names the store by its number: a journal of another store, as of
//! one that was deleted and begun anew at the same place, is left alone.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rows::Learned;
use super::state::Verdict;

/// Closed entries are thrown away above this size.
const COMPACT: u64 = 64 * 1024;

/// The batch and the fence of a claim.
pub(crate) type Claim = (i64, i64);

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// A request of this claim is about to leave.
    Begin {
        batch: i64,
        fence: i64,
        granted: i64,
        #[serde(default)]
        store: i64,
    },
    /// It is over.
    End { batch: i64, fence: i64, verdict: Word, learned: Answer },
    /// The store knows it.
    Done { batch: i64, fence: i64 },
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Word {
    Accepted,
    Refused,
    Unknown,
    NothingQueued,
}

#[derive(Serialize, Deserialize, Clone)]
struct Answer {
    code: Option<String>,
    reason: Option<String>,
    message_id: Option<String>,
    points: Option<i64>,
    balance: Option<i64>,
    wait_ms: u64,
    invalid: bool,
    alone: bool,
}

/// A worker's journal, held by this process alone.
pub(crate) struct Journal {
    file: File,
    worker: i64,
    /// The store that it belongs to.
    store: i64,
    /// Begun and not known to the store: with the outcome, where it was heard.
    open: BTreeMap<Claim, Option<(Verdict, Learned)>>,
    /// The highest count of granted claims that was seen.
    granted: i64,
    /// How often a line was waited for until it was on the disk.
    #[cfg(test)]
    synced: u32,
}

impl Journal {
    /// Takes over a journal of the folder and the store that no living worker holds, or begins one. Blocks.
    pub(crate) fn open(folder: &Path, store: i64) -> io::Result<Self> {
        create_folder(folder)?;
        let mut names: Vec<PathBuf> =
            std::fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        names.sort();
        for path in names {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let id = name.strip_prefix("worker-").and_then(|rest| rest.strip_suffix(".journal"));
            let Some(worker) = id.and_then(|id| id.parse().ok()) else { continue };
            let Some(file) = lock(&path, false)? else { continue };
            if let Some(journal) = Self::read(file, worker, store)? {
                return Ok(journal);
            }
        }
        let worker = fastrand::i64(1..);
        let path = folder.join(format!("worker-{worker}.journal"));
        let file = lock(&path, true)?.ok_or_else(|| io::Error::from(io::ErrorKind::WouldBlock))?;
        sync_folder(folder)?;
        Self::read(file, worker, store)?.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    /// `None` if it is another store's.
    fn read(mut file: File, worker: i64, store: i64) -> io::Result<Option<Self>> {
        let mut text = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut text)?;
        let mut journal = Self {
            file,
            worker,
            store,
            open: BTreeMap::new(),
            granted: 0,
            #[cfg(test)]
            synced: 0,
        };
        // A last line without its end was cut off by a crash: its write never returned, so that no request left.
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        for line in text[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let line: Line = serde_json::from_slice(line).map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, "a line of the journal cannot be read")
            })?;
            match line {
                Line::Begin { store: other, .. } if other != store && other != 0 => return Ok(None),
                Line::Begin { batch, fence, granted, .. } => {
                    journal.open.insert((batch, fence), None);
                    journal.granted = journal.granted.max(granted);
                }
                Line::End { batch, fence, verdict, learned } => {
                    journal.open.insert((batch, fence), Some((verdict.into(), learned.into())));
                }
                Line::Done { batch, fence } => {
                    journal.open.remove(&(batch, fence));
                }
            }
        }
        if whole < text.len() {
            journal.file.set_len(whole as u64)?;
        }
        journal.file.seek(SeekFrom::End(0))?;
        Ok(Some(journal))
    }

    /// By which the store knows the worker.
    pub(crate) fn worker(&self) -> i64 {
        self.worker
    }

    /// The highest count of granted claims that was seen. A store that tells a lower one is an older copy.
    pub(crate) fn granted(&self) -> i64 {
        self.granted
    }

    pub(crate) fn saw(&mut self, granted: i64) {
        self.granted = self.granted.max(granted);
    }

    /// What was begun and is not known to the store.
    pub(crate) fn left_over(&self) -> Vec<(Claim, Option<(Verdict, Learned)>)> {
        self.open.iter().map(|(claim, outcome)| (*claim, outcome.clone())).collect()
    }

    #[cfg(test)]
    fn knows(&self, claim: Claim) -> bool {
        self.open.contains_key(&claim)
    }

    /// On the disk when it returns. Blocks.
    pub(crate) fn begin(&mut self, (batch, fence): Claim, granted: i64) -> io::Result<()> {
        self.append(&Line::Begin { batch, fence, granted, store: self.store }, true)?;
        self.saw(granted);
        self.open.insert((batch, fence), None);
        Ok(())
    }

    /// On the disk when it returns. Blocks.
    pub(crate) fn end(
        &mut self,
        (batch, fence): Claim,
        verdict: Verdict,
        learned: &Learned,
    ) -> io::Result<()> {
        self.open.insert((batch, fence), Some((verdict, learned.clone())));
        let line = Line::End { batch, fence, verdict: verdict.into(), learned: learned.clone().into() };
        self.append(&line, true)
    }

    /// The store knows it. Blocks for a write; its loss costs only a look at the store.
    pub(crate) fn done(&mut self, (batch, fence): Claim) -> io::Result<()> {
        self.open.remove(&(batch, fence));
        self.append(&Line::Done { batch, fence }, false)?;
        if self.open.is_empty() && self.file.stream_position()? > COMPACT {
            let (granted, store) = (self.granted, self.store);
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))?;
            // Keeps the count: batch 0 does not exist, and is known to be done.
            self.append(&Line::Begin { batch: 0, fence: 0, granted, store }, false)?;
            self.append(&Line::Done { batch: 0, fence: 0 }, true)?;
        }
        Ok(())
    }

    fn append(&mut self, line: &Line, sync: bool) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let before = self.file.stream_position()?;
        let written = self.file.write_all(&text).and_then(|()| if sync { self.sync() } else { Ok(()) });
        if written.is_err() {
            // A full disk takes half a line: what comes after it must not stand on the same one.
            self.file.set_len(before)?;
            self.file.seek(SeekFrom::Start(before))?;
        }
        written
    }

    fn sync(&mut self) -> io::Result<()> {
        #[cfg(test)]
        {
            self.synced += 1;
        }
        self.file.sync_data()
    }
}

/// A process that was just begun by this one has the file too, until it runs its own program: closing the file alone would
/// leave it locked, and whoever comes next would begin another.
#[cfg(unix)]
impl Drop for Journal {
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.file, rustix::fs::FlockOperation::Unlock);
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("worker", &self.worker).field("open", &self.open.len()).finish()
    }
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Opens a journal and locks it; `None` if another process holds it.
fn lock(path: &Path, new: bool) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(new);
    #[cfg(unix)]
    {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
    #[cfg(windows)]
    {
        const SHARING_VIOLATION: i32 = 32;
        std::os::windows::fs::OpenOptionsExt::share_mode(&mut options, 0); // nobody else may open it
        match options.open(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Ok(None),
            Err(error) => Err(error),
        }
    }
    #[cfg(not(any(unix, windows)))]
    options.open(path).map(Some)
}

impl From<Word> for Verdict {
    fn from(word: Word) -> Self {
        match word {
            Word::Accepted => Self::Accepted,
            Word::Refused => Self::Refused,
            Word::Unknown => Self::Unknown,
            Word::NothingQueued => Self::NothingQueued,
        }
    }
}

impl From<Verdict> for Word {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted => Self::Accepted,
            Verdict::Refused => Self::Refused,
            Verdict::Unknown => Self::Unknown,
            Verdict::NothingQueued => Self::NothingQueued,
        }
    }
}

impl From<Answer> for Learned {
    fn from(answer: Answer) -> Self {
        let Answer { code, reason, message_id, points, balance, wait_ms, invalid, alone } = answer;
        let wait = Duration::from_millis(wait_ms);
        Self { code, reason, message_id, points, balance, wait, invalid, alone }
    }
}

impl From<Learned> for Answer {
    fn from(learned: Learned) -> Self {
        let Learned { code, reason, message_id, points, balance, wait, invalid, alone } = learned;
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self { code, reason, message_id, points, balance, wait_ms, invalid, alone }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: i64 = 7;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn accepted() -> Learned {
        Learned { message_id: Some("id".to_owned()), points: Some(1_000), ..Learned::default() }
    }

    #[test]
    fn a_worker_that_comes_back_finds_what_was_begun_and_what_was_heard() {
        let folder = folder();
        let mut journal = Journal::open(folder.path(), STORE).unwrap();
        let worker = journal.worker();
        journal.begin((1, 7), 41).unwrap();
        journal.begin((2, 3), 42).unwrap();
        journal.end((2, 3), Verdict::Accepted, &accepted()).unwrap();
        journal.begin((3, 1), 43).unwrap();
        journal.end((3, 1), Verdict::Refused, &Learned::default()).unwrap();
        journal.done((3, 1)).unwrap();
        drop(journal); // as a kill: nothing is written at the end

        let journal = Journal::open(folder.path(), STORE).unwrap();
        assert_eq!((journal.worker(), journal.granted()), (worker, 43));
        let left = journal.left_over();
        assert_eq!(left.len(), 2);
        assert!(matches!(left[0], ((1, 7), None)));
        let ((2, 3), Some((Verdict::Accepted, learned))) = &left[1] else { panic!("{left:?}") };
        assert_eq!((learned.message_id.as_deref(), learned.points), (Some("id"), Some(1_000)));
        assert!(journal.knows((1, 7)) && !journal.knows((1, 8)) && !journal.knows((3, 1)));
    }

    #[test]
    fn a_request_leaves_when_its_beginning_is_on_the_disk_and_an_answer_is_stored_when_it_is_there_too() {
        let folder = folder();
        let mut journal = Journal::open(folder.path(), STORE).unwrap();
        journal.begin((1, 1), 1).unwrap();
        assert_eq!(journal.synced, 1);
        journal.end((1, 1), Verdict::Accepted, &accepted()).unwrap();
        assert_eq!(journal.synced, 2);
        journal.done((1, 1)).unwrap();
        assert_eq!(journal.synced, 2, "its loss costs a look at the store");
    }

    #[cfg(target_os = "linux")]
    #[test]
    #[allow(clippy::print_stderr)] // where nothing can be mounted, it says so
    fn a_full_disk_leaves_no_half_line() {
        struct Mounted(tempfile::TempDir);
        impl Drop for Mounted {
            fn drop(&mut self) {
                let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
            }
        }
        let folder = folder();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "kwtsms-test"]).arg(folder.path());
        if !mount.output().is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: no file system can be mounted here");
            return;
        }
        let disk = Mounted(folder);
        let mut journal = Journal::open(disk.0.path(), STORE).unwrap();
        journal.begin((1, 1), 1).unwrap();
        let filler = disk.0.path().join("filler");
        let mut full = File::create(&filler).unwrap();
        while full.write_all(&[0; 1_024]).is_ok() {}
        // What is left of the file's last page takes some lines more, and half of the one that is refused.
        let refused = (2..1_000).find(|batch| journal.begin((*batch, 1), *batch).is_err()).unwrap();
        drop(full);
        std::fs::remove_file(filler).unwrap();
        journal.end((1, 1), Verdict::Accepted, &accepted()).unwrap();
        drop(journal);
        let journal = Journal::open(disk.0.path(), STORE).unwrap();
        assert!(matches!(journal.left_over()[0], ((1, 1), Some((Verdict::Accepted, _)))));
        assert!(journal.knows((refused - 1, 1)) && !journal.knows((refused, 1)));
    }

    #[cfg(unix)]
    #[test]
    fn a_journal_is_free_when_it_is_dropped_also_where_a_child_has_its_file() {
        let folder = folder();
        let journal = Journal::open(folder.path(), STORE).unwrap();
        let worker = journal.worker();
        // As a process has it between fork and exec.
        let _inherited = journal.file.try_clone().unwrap();
        drop(journal);
        assert_eq!(Journal::open(folder.path(), STORE).unwrap().worker(), worker);
    }

    #[test]
    fn two_workers_never_share_a_journal() {
        let folder = folder();
        let first = Journal::open(folder.path(), STORE).unwrap();
        let second = Journal::open(folder.path(), STORE).unwrap();
        assert_ne!(first.worker(), second.worker());
    }

    #[test]
    fn a_journal_of_another_store_is_left_alone() {
        let folder = folder();
        let mut journal = Journal::open(folder.path(), STORE).unwrap();
        journal.begin((1, 1), 40).unwrap();
        let worker = journal.worker();
        drop(journal);
        let mut other = Journal::open(folder.path(), STORE + 1).unwrap();
        assert_eq!((other.worker() == worker, other.granted(), other.left_over().len()), (false, 0, 0));
        other.begin((1, 1), 1).unwrap();
        drop(other);
        let journal = Journal::open(folder.path(), STORE).unwrap();
        assert_eq!((journal.worker(), journal.granted(), journal.left_over().len()), (worker, 40, 1));
    }

    #[test]
    fn a_line_that_was_cut_off_was_never_begun() {
        let folder = folder();
        let mut journal = Journal::open(folder.path(), STORE).unwrap();
        journal.begin((1, 1), 1).unwrap();
        journal.begin((2, 1), 2).unwrap();
        let length = journal.file.metadata().unwrap().len();
        for cut in 1..40 {
            journal.file.set_len(length - cut).unwrap();
            let mut copy = journal.file.try_clone().unwrap();
            copy.seek(SeekFrom::Start(0)).unwrap();
            let read = Journal::read(copy, 1, STORE).unwrap().unwrap();
            assert!(read.knows((1, 1)) && !read.knows((2, 1)), "{cut}");
            journal.file.set_len(length).unwrap();
            journal.file.seek(SeekFrom::Start(0)).unwrap();
            journal.file.set_len(0).unwrap();
            for batch in 1..=2 {
                journal
                    .append(&Line::Begin { batch, fence: 1, granted: batch, store: STORE }, false)
                    .unwrap();
            }
        }
    }

    #[test]
    fn it_does_not_grow_and_keeps_the_count() {
        let folder = folder();
        let mut journal = Journal::open(folder.path(), STORE).unwrap();
        for batch in 1..1_500 {
            journal.open.insert((batch, 1), None);
            journal.saw(batch);
            let line = Line::Begin { batch, fence: 1, granted: batch, store: STORE };
            journal.append(&line, false).unwrap();
            journal.done((batch, 1)).unwrap();
        }
        assert!(journal.file.metadata().unwrap().len() < 2 * COMPACT);
        drop(journal);
        let journal = Journal::open(folder.path(), STORE).unwrap();
        assert_eq!((journal.granted(), journal.left_over().len()), (1_499, 0));
    }

    #[cfg(unix)]
    #[test]
    fn it_is_readable_by_its_owner_alone_and_holds_no_number() {
        use std::os::unix::fs::PermissionsExt;

        let folder = folder();
        let inside = folder.path().join("journal");
        let mut journal = Journal::open(&inside, STORE).unwrap();
        journal.begin((1, 1), 1).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&inside), 0o700);
        for entry in std::fs::read_dir(&inside).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }
}
