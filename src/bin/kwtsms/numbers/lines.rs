//! A file's lines, decoded, in constant memory.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use encoding_rs::Encoding;
use encoding_rs_io::DecodeReaderBytesBuilder;

use crate::exit::Failure;

/// The longest line or quoted record: what is longer is no list of numbers, or a quote that is never closed.
const LONGEST: usize = 64 * 1024;

/// So many rows are looked at before the first is used.
pub(super) const LOOKED_AT: usize = 100;

/// Lines being read. They are counted as an editor counts them, since a refused number is looked for by its line.
pub(super) struct Lines {
    name: String,
    input: BufReader<Box<dyn Read + Send>>,
    /// The byte that ends a line: `\n`, or `\r` where there is no other.
    end: u8,
    count: u64,
}

/// The beginning of a file: what tells its kind.
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    /// The byte that ends its lines.
    pub(super) end: u8,
    /// It is all that there is.
    pub(super) whole: bool,
}

impl Lines {
    /// Opens a text: UTF-8, UTF-16 where its mark says so, or the encoding that was named.
    pub(super) fn open(
        input: Box<dyn Read + Send>,
        name: &str,
        encoding: Option<&'static Encoding>,
    ) -> Result<(Self, Head), Failure> {
        let mut input = DecodeReaderBytesBuilder::new()
            .encoding(encoding)
            .utf8_passthru(true) // bytes that are no UTF-8 are seen as such
            .strip_bom(true)
            .bom_override(true)
            .build(input);
        let head = Head::read(&mut input)
            .map_err(|error| Failure::usage_from(format!("{name} cannot be read"), &error))?;
        let again = Cursor::new(head.bytes.clone()).chain(input);
        let input = BufReader::with_capacity(64 * 1024, Box::new(again) as Box<dyn Read + Send>);
        Ok((Self { name: name.to_owned(), input, end: head.end, count: 0 }, head))
    }

    /// What the file is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Lines read so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Appends the next line, with its end, to what may be the beginning of a record; false at the end of the file.
    pub(super) fn append(&mut self, record: &mut Vec<u8>) -> Result<bool, Failure> {
        let is_begun = !record.is_empty();
        let room = LONGEST + 1 - record.len();
        let read = self.input.by_ref().take(room as u64).read_until(self.end, record);
        let read =
            read.map_err(|error| Failure::usage_from(format!("{} cannot be read", self.name), &error))?;
        if record.len() > LONGEST {
            return Err(if is_begun || record.first() == Some(&b'"') {
                Failure::usage(format!("{}: over 64 KiB without an end; is a quote not closed?", self.name))
            } else {
                Failure::usage(format!(
                    "{} line {}: over 64 KiB on one line, which is no list of numbers",
                    self.name,
                    self.count + 1
                ))
            });
        }
        self.count += u64::from(read > 0);
        Ok(read > 0)
    }
}

impl Head {
    /// Reads enough lines to be looked at; no more, since a pipe may have no more for a while.
    fn read(input: &mut impl Read) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut piece = vec![0; 8 * 1024];
        let mut whole = false;
        while bytes.len() < LONGEST && bytes.iter().filter(|byte| **byte == b'\n').count() <= LOOKED_AT {
            match input.read(&mut piece) {
                Ok(0) => {
                    whole = true;
                    break;
                }
                Ok(read) => bytes.extend_from_slice(piece.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let end = if bytes.contains(&b'\r') && !bytes.contains(&b'\n') { b'\r' } else { b'\n' };
        Ok(Self { bytes, end, whole })
    }

    /// Its text, with a sign in place of what is no UTF-8.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).replace('\r', if self.end == b'\r' { "\n" } else { "" })
    }
}
