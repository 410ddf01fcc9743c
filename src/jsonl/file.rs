//! The file, and lines that stay whole in it.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;

/// Writes each line by one write, and counts those that failed instead of passing the failure on.
pub(super) struct Appender<W> {
    writer: W,
    /// The last line in the file has no end: the next one must not be glued to it.
    torn: bool,
    failed: Arc<AtomicU64>,
}

impl<W> Appender<W> {
    pub(super) fn new(writer: W) -> Self {
        Self { writer, torn: false, failed: Arc::default() }
    }

    /// How many lines could not be written whole.
    pub(super) fn failed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.failed)
    }
}

impl<W: Write> Appender<W> {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
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

impl<W: Write> Write for Appender<W> {
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

/// Opens a file for appending, or makes it.
pub(super) fn open(path: &Path) -> Result<Appender<File>, Error> {
    #[cfg(unix)]
    if std::fs::metadata(path).is_ok_and(|file| std::os::unix::fs::FileTypeExt::is_fifo(&file.file_type())) {
        // Opening it would wait for a reader, for ever if none comes.
        return Err(Error::config(format!(
            "the log file {} cannot be opened: it is a pipe: name a file",
            path.display()
        )));
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600); // it may hold numbers
    let file = options.open(path).map_err(|error| {
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
    let mut appender = Appender::new(file);
    appender.torn = ends_torn(path);
    Ok(appender)
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
