//! The file, and lines that stay whole in it.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

/// Writes each line by one write, and counts those that failed instead of passing the failure on.
pub(super) struct Appender {
    writer: Box<dyn Write + Send>,
    /// Where the file was opened; `None` of a writer of the caller's.
    place: Option<Place>,
    /// The last line in the file has no end: the next one must not be glued to it.
    torn: bool,
    failed: Arc<AtomicU64>,
}

impl Appender {
    pub(super) fn new(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Box::new(writer), place: None, torn: false, failed: Arc::default() }
    }

    /// Opens a file for appending, or makes it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        #[cfg(unix)]
        if std::fs::metadata(path)
            .is_ok_and(|file| std::os::unix::fs::FileTypeExt::is_fifo(&file.file_type()))
        {
            // Opening it would wait for a reader, for ever if none comes.
            return Err(Error::config(format!(
                "the log file {} cannot be opened: it is a pipe: name a file",
                path.display()
            )));
        }
        let file = append_to(path).map_err(|error| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let why = if path.is_dir() {
                "it is a folder: name a file"
            } else if folder.is_some_and(|folder| !folder.is_dir()) {
                "its folder does not exist: make it first"
            } else if error.kind() == ErrorKind::PermissionDenied {
                "this user may not write there"
            } else {
                "name a file that can be written"
            };
            Error::config_from(format!("the log file {} cannot be opened: {why}", path.display()), error)
        })?;
        let place = Place::of(path, &file);
        Ok(Self { place, torn: ends_torn(path), ..Self::new(file) })
    }

    /// How many lines could not be written whole.
    pub(super) fn failed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.failed)
    }

    /// Goes over to a new file of the name if another program took the old one away. Where none can be made, lines go on
    /// to the old one.
    fn follow(&mut self) {
        if let Some(place) = &self.place
            && place.is_left()
            && let Ok(file) = append_to(&place.path)
        {
            self.torn = ends_torn(&place.path);
            self.place = Place::of(&place.path, &file);
            self.writer = Box::new(file);
        }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        self.follow();
        let line = if self.torn { Cow::Owned([b"\n", line].concat()) } else { Cow::Borrowed(line) };
        let mut rest = &line[..];
        while !rest.is_empty() {
            match self.writer.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    rest = &rest[written..];
                    self.torn = !rest.is_empty(); // a disk that fills up takes a part
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.writer.flush()
    }
}

impl Write for Appender {
    /// Takes a whole line, always: one that failed is not tried again, or it would hold up those behind it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.append(line).is_err() {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600); // it may hold numbers
    options.open(path)
}

/// Where a regular file was opened, and which file it was.
struct Place {
    path: PathBuf,
    id: FileId,
}

impl Place {
    /// `None` for what is no regular file: a device stays the one that was opened.
    fn of(path: &Path, file: &File) -> Option<Self> {
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        // The program may change its working directory.
        let path = std::path::absolute(path).ok()?;
        Some(Self { path, id: id(&metadata) })
    }

    /// True if the name is gone or belongs to another file now, as after a rename.
    fn is_left(&self) -> bool {
        match std::fs::metadata(&self.path) {
            Ok(metadata) => id(&metadata) != self.id,
            Err(error) => error.kind() == ErrorKind::NotFound,
        }
    }
}

#[cfg(unix)]
type FileId = (u64, u64);

#[cfg(unix)]
fn id(metadata: &std::fs::Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Where files have no numbers, only a name that is gone is seen.
#[cfg(not(unix))]
#[derive(PartialEq, Eq)]
struct FileId;

#[cfg(not(unix))]
fn id(_: &std::fs::Metadata) -> FileId {
    FileId
}

/// True if a file's last line has no end, as a full disk leaves it; what cannot be read counts as whole.
fn ends_torn(path: &Path) -> bool {
    let last = || {
        let mut file = File::open(path).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None; // reading a device or a pipe would take its data away
        }
        file.seek(SeekFrom::End(-1)).ok()?;
        let mut last = [0];
        file.read_exact(&mut last).ok()?;
        Some(last[0])
    };
    last().is_some_and(|last| last != b'\n')
}
