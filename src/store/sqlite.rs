//! The store in an SQLite file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

use super::error::{Failure, StoreError, StoreKind};
use super::schema::{self, Newer};
use crate::error::Error;

/// SQLite's own clock in microseconds since 1970, for use in a statement of a write transaction, so that it is
/// read while the lock is held. Its resolution is a millisecond.
#[allow(dead_code)] // for the modules that keep times
pub(crate) const NOW_US: &str = "(CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000)";

/// Longest wait for another process's lock, in steps of a millisecond or a little more.
const BUSY_STEPS: i32 = 10_000;

/// One connection that writes, and others for reading.
#[derive(Clone)]
pub(crate) struct Sqlite(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// Idle ones; dropped before the writer, so that the writer is the last to close.
    readers: Mutex<Vec<Connection>>,
    writer: Arc<tokio::sync::Mutex<Writer>>,
}

/// Closes its connection under the lock, where there has to be one.
struct Writer {
    connection: Option<Connection>,
    guard: FileLock,
}

impl Sqlite {
    pub(crate) async fn open(path: &Path) -> Result<Self, Error> {
        let path = path.to_owned();
        blocking(move || open(&path, schema::MODULES, rusqlite::version_number()))
            .await
            .map(|inner| Self(Arc::new(inner)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Runs a transaction on the connection that writes, from `BEGIN IMMEDIATE` to `COMMIT`.
    ///
    /// It is rolled back if the job fails. Calls are served in the order in which they came.
    #[allow(dead_code)] // for the modules that keep something
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut writer = Arc::clone(&self.0.writer).lock_owned().await;
        blocking(move || writer.write(job)).await
    }

    /// Runs statements that only read, on one snapshot and beside the connection that writes.
    #[allow(dead_code)] // for the modules that keep something
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        blocking(move || {
            let idle = lock(&inner.readers).pop();
            let mut connection = idle.map_or_else(|| connect(&inner.path), Ok)?;
            let value = read(&mut connection, job)?;
            lock(&inner.readers).push(connection);
            Ok(value)
        })
        .await
    }
}

/// Runs what blocks beside the async threads. Under paused time Tokio's clock stands still meanwhile.
async fn blocking<T, E>(job: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    match tokio::task::spawn_blocking(job).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => {
                let detail = "the runtime is shutting down";
                Err(StoreError::new(StoreKind::Sqlite, Failure::Unreachable, detail).into())
            }
        },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    fn write<T>(
        &mut self,
        job: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let _held = self.guard.hold()?;
        let connection = self.connection.as_mut().expect("it is there until the writer is dropped");
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let value = job(&transaction)?; // dropped, it is rolled back
        transaction.commit()?;
        Ok(value)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _held = self.guard.hold(); // at its worst not held, and closed all the same
        self.connection = None;
    }
}

fn read<T>(
    connection: &mut Connection,
    job: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    Ok(job(&transaction)?)
}

fn open(path: &Path, modules: &[&'static schema::Module], version: i32) -> Result<Inner, Error> {
    if path.as_os_str().is_empty() || path == Path::new(":memory:") {
        return Err(Error::config("the store needs the path of a file: what is in memory outlives nothing"));
    }
    let name = path.display();
    // Relative to where the process is now: it may change its folder later.
    let path = std::path::absolute(path)
        .map_err(|error| Error::config_from(format!("the path {name} cannot be resolved"), error))?;
    let folder = path.parent().unwrap_or(&path);
    if !folder.is_dir() {
        return Err(Error::config(format!("there is no folder {} for the store", folder.display())));
    }
    refuse_network(folder)?;
    create(&path)?;
    let guard = FileLock::for_version(&path, version)?;
    let mut writer = Writer { connection: None, guard };
    {
        let _held = writer.guard.hold()?;
        let connection = connect(&path)?;
        wal(&connection)?;
        writer.connection = Some(connection);
    }
    migrate(&mut writer, modules)?;
    let reader = checked(&mut writer, &path)?;
    Ok(Inner { path, readers: Mutex::new(vec![reader]), writer: Arc::new(tokio::sync::Mutex::new(writer)) })
}

/// Creates the file, readable by nobody else, if it is not there. SQLite gives its mode to the files beside it.
fn create(path: &Path) -> Result<(), Error> {
    // A file that SQLite has open in this process must never be opened beside it: closing it would drop the
    // locks of all connections to it. So only a new one is, and by one thread at a time.
    static CREATING: Mutex<()> = Mutex::new(());
    let _one = lock(&CREATING);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            Err(Error::config_from(format!("the store {} cannot be created", path.display()), error))
        }
    }
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    // Not SQLITE_OPEN_URI: a path is a path. Not CREATE: it is there, with the right mode.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    #[allow(unused_mut)] // rusqlite takes it mutably from 0.43 on
    let mut connection = Connection::open_with_flags(path, flags)?;
    // The built-in time-out sleeps longer each time: under load it gave BUSY, and some processes got 11 times
    // the share of others; this gave shares within 9 %.
    connection.busy_handler(Some(|step| {
        pause();
        step < BUSY_STEPS
    }))?;
    connection.execute_batch("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")?;
    Ok(connection)
}

#[allow(clippy::disallowed_methods)] // on a thread for what blocks
fn pause() {
    std::thread::sleep(Duration::from_millis(1));
}

/// Switches the file to a write-ahead log, which it remembers.
fn wal(connection: &Connection) -> Result<(), Error> {
    for step in 0.. {
        // Processes that switch at the same time see BUSY at once: SQLite asks no busy handler here.
        match connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => break,
            Ok(_) => return Err(Error::config("the store's file system allows no write-ahead log")),
            Err(error) => {
                let error = StoreError::from(error);
                if error.failure() != Failure::Busy || step >= BUSY_STEPS {
                    return Err(error.into());
                }
            }
        }
        pause();
    }
    Ok(())
}

fn migrate(writer: &mut Writer, modules: &[&'static schema::Module]) -> Result<(), Error> {
    let newer = writer.write(|tx| {
        tx.execute(schema::CREATE, [])?;
        let seen: Vec<(String, i64)> = tx
            .prepare(schema::VERSIONS)?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let steps = match schema::pending(modules, &seen, |module| module.sqlite) {
            Ok(steps) => steps,
            Err(newer) => return Ok(Err(newer)),
        };
        for step in steps {
            tx.execute_batch(step.sql)?;
            tx.execute(
                "INSERT INTO kwtsms_schema VALUES (?1, ?2)
                 ON CONFLICT (module) DO UPDATE SET version = excluded.version",
                (step.module, step.version),
            )?;
        }
        Ok(Ok(()))
    })?;
    newer.map_err(Newer::into)
}

/// Writes a row and reads it back over another connection: a lock test passes where writes are lost.
///
/// The row is this opening's own: openings at the same time in one process, or in containers whose process ids are
/// the same, leave each other's alone.
fn checked(writer: &mut Writer, path: &Path) -> Result<Connection, Error> {
    let mut reader = connect(path)?;
    let (id, token) = (fastrand::i64(..), fastrand::i64(..));
    writer.write(|tx| tx.execute("INSERT OR REPLACE INTO kwtsms_check VALUES (?1, ?2)", (id, token)))?;
    let found = read(&mut reader, |tx| {
        tx.query_row("SELECT token FROM kwtsms_check WHERE id = ?1", [id], |row| row.get::<_, i64>(0))
            .optional()
    })?;
    writer.write(|tx| tx.execute("DELETE FROM kwtsms_check WHERE id = ?1", [id]))?;
    if found == Some(token) {
        Ok(reader)
    } else {
        Err(Error::config("the store's file system loses writes: put the file on a disk of this machine"))
    }
}

/// A lock beside the database, for versions of SQLite that can corrupt a write-ahead log which several processes
/// reset at the same time (<https://sqlite.org/wal.html>, "the WAL-reset bug"; mended in 3.51.3, 3.50.7, 3.44.6).
struct FileLock(#[cfg(unix)] Option<std::fs::File>);

impl FileLock {
    fn needed(version: i32) -> bool {
        version < 3_051_003 && version != 3_050_007 && version != 3_044_006
    }

    #[cfg(unix)]
    fn for_version(path: &Path, version: i32) -> Result<Self, Error> {
        if !Self::needed(version) {
            return Ok(Self(None));
        }
        let mut beside = path.to_owned().into_os_string();
        beside.push("-lock");
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .open(beside)
            .map_err(|error| Error::config_from("the lock beside the store cannot be created", error))?;
        Ok(Self(Some(file)))
    }

    #[cfg(not(unix))]
    fn for_version(_: &Path, version: i32) -> Result<Self, Error> {
        if Self::needed(version) {
            return Err(Error::config(
                "this version of SQLite can corrupt a file that several processes write: build with rusqlite 0.40 \
                 or later",
            ));
        }
        Ok(Self())
    }

    /// Waits for the lock and holds it until what it returns is dropped.
    fn hold(&self) -> Result<Held<'_>, StoreError> {
        #[cfg(unix)]
        if let Some(file) = &self.0 {
            use rustix::fs::{FlockOperation, flock};

            for _ in 0..BUSY_STEPS {
                match flock(file, FlockOperation::NonBlockingLockExclusive) {
                    Ok(()) => return Ok(Held(self)),
                    Err(rustix::io::Errno::WOULDBLOCK) => pause(),
                    Err(error) => {
                        return Err(StoreError::new(StoreKind::Sqlite, Failure::Refused, error.to_string()));
                    }
                }
            }
            return Err(StoreError::new(StoreKind::Sqlite, Failure::Busy, "the lock beside it is held"));
        }
        Ok(Held(self))
    }
}

struct Held<'a>(#[cfg_attr(not(unix), allow(dead_code))] &'a FileLock);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(file) = &self.0.0 {
            let _ = rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock);
        }
    }
}

/// Refuses file systems that other machines, or another mount of the same folder, can write too: locks and the
/// shared memory of the log do not reach over them, and half of the writes are lost.
#[cfg(target_os = "linux")]
fn refuse_network(folder: &Path) -> Result<(), Error> {
    let kind = rustix::fs::statfs(folder)
        .map_err(|error| {
            Error::config_from(format!("the folder {} cannot be read", folder.display()), error)
        })?
        .f_type;
    match network(kind as u64 & 0xffff_ffff) {
        Some(name) => Err(Error::config(format!(
            "the store lies on a network file system ({name}), where SQLite loses writes: put it on a disk of this \
             machine, or use PostgreSQL"
        ))),
        None => Ok(()),
    }
}

/// Whether a mount is of this machine, macOS says itself (`MNT_LOCAL` of `sys/mount.h`).
#[cfg(target_os = "macos")]
fn refuse_network(folder: &Path) -> Result<(), Error> {
    const LOCAL: u32 = 0x1000;
    let mount = rustix::fs::statfs(folder).map_err(|error| {
        Error::config_from(format!("the folder {} cannot be read", folder.display()), error)
    })?;
    if mount.f_flags & LOCAL != 0 {
        return Ok(());
    }
    Err(Error::config(
        "the store lies on a network file system, where SQLite loses writes: put it on a disk of this machine, or use \
         PostgreSQL",
    ))
}

/// Elsewhere a drive of a network is not told from one of this machine.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
#[allow(clippy::unnecessary_wraps)] // the shape of the others
fn refuse_network(_: &Path) -> Result<(), Error> {
    Ok(())
}

/// The numbers are from Linux's `magic.h` and statfs(2).
#[cfg(target_os = "linux")]
fn network(kind: u64) -> Option<&'static str> {
    Some(match kind {
        0x6969 => "NFS",
        0x517b => "SMB",
        0xff53_4d42 => "CIFS",
        0xfe53_4d42 => "SMB2",
        0x564c => "NCP",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x0102_1997 => "9P",
        0x00c3_6400 => "Ceph",
        0x0bd0_0bd0 => "Lustre",
        0x7461_636f => "OCFS2",
        0x0116_1970 => "GFS2",
        0x786f_4256 => "VirtualBox shared folder",
        0x6573_5546 => "FUSE",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
