//! Files: CSV as spreadsheets write it, or one number on each line.
//!
//! Lines are counted here and not by the csv crate, whose count is off after blank lines and CRLF: a refused
//! number is looked for by its line.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use super::header::{self, Header};
use super::list::Row;
use crate::exit::Failure;

/// The longest record: what is longer is no list of numbers, or a quote that is never closed.
const LONGEST: u64 = 64 * 1024;

/// A table being read, row by row, in constant memory.
pub(super) struct Table {
    name: String,
    input: BufReader<Box<dyn Read + Send>>,
    delimiter: u8,
    /// Lines read so far.
    lines: u64,
    record: Vec<u8>,
    header: Header,
    /// The first row, if it is no header.
    first: Option<Row>,
}

impl Table {
    /// Looks into a file: how it is written, where its numbers are.
    pub(super) fn open(
        input: Box<dyn Read + Send>,
        name: &str,
        column: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut table = Self {
            name: name.to_owned(),
            input: BufReader::with_capacity(64 * 1024, input),
            delimiter: b',',
            lines: 0,
            record: Vec::new(),
            header: Header { column: 0, name: None },
            first: None,
        };
        let Some(line) = table.read()? else {
            return Err(Failure::usage(format!("{name} is empty: there is no number in it")));
        };
        table.delimiter = delimiter(&table.record);
        let cells = fields(&table.record, table.delimiter);
        table.header = header::read(&cells, column, name)?;
        if table.header.name.is_none() {
            table.first = Some(table.row(line));
        }
        Ok(table)
    }

    /// The name of the column that is read, if there is a header.
    pub(super) fn column(&self) -> Option<&str> {
        self.header.name.as_deref()
    }

    /// Reads the next record that is not blank, and gives the line it begins on.
    fn read(&mut self) -> Result<Option<u64>, Failure> {
        loop {
            self.record.clear();
            let begins = self.lines + 1;
            let mut quoted = false;
            loop {
                let from = self.record.len();
                let room = LONGEST + 1 - from as u64;
                let read = self.input.by_ref().take(room).read_until(b'\n', &mut self.record);
                let read = read.map_err(|error| self.cannot_read(&error))?;
                if self.record.len() as u64 > LONGEST {
                    return Err(Failure::usage(format!(
                        "{} line {begins}: over 64 KiB without an end; is a quote not closed?",
                        self.name
                    )));
                }
                if read == 0 {
                    if quoted {
                        return Err(Failure::usage(format!(
                            "{} line {begins}: a quote is not closed",
                            self.name
                        )));
                    }
                    break;
                }
                self.lines += 1;
                if self.lines == 1 {
                    self.look_at_the_encoding()?;
                }
                quoted = ends_in_quotes(self.record.get(from..).unwrap_or_default(), self.delimiter, quoted);
                if !quoted {
                    break;
                }
            }
            if self.record.is_empty() {
                return Ok(None);
            }
            if !self.record.trim_ascii().is_empty() {
                return Ok(Some(begins));
            }
        }
    }

    fn look_at_the_encoding(&mut self) -> Result<(), Failure> {
        if self.record.starts_with(b"\xff\xfe")
            || self.record.starts_with(b"\xfe\xff")
            || self.record.contains(&0)
        {
            return Err(Failure::usage(format!("{} is not a text in UTF-8", self.name))
                .action("save it as CSV UTF-8, not as Unicode text and not as a spreadsheet"));
        }
        if self.record.starts_with(b"\xef\xbb\xbf") {
            self.record.drain(..3);
        }
        Ok(())
    }

    fn cannot_read(&self, error: &io::Error) -> Failure {
        Failure::usage_from(format!("{} cannot be read", self.name), error)
    }

    fn row(&self, line: u64) -> Row {
        let input = fields(&self.record, self.delimiter).into_iter().nth(self.header.column);
        Row { line, input: input.unwrap_or_default().trim().to_owned() }
    }
}

impl Iterator for Table {
    type Item = Result<Row, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        match self.read() {
            Ok(line) => line.map(|line| Ok(self.row(line))),
            Err(failure) => Some(Err(failure)),
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("lines", &self.lines)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// True if a line leaves a quoted cell open, by the rules of the csv crate: a quote opens at the start of a cell
/// only, and a doubled one stands for itself.
fn ends_in_quotes(line: &[u8], delimiter: u8, mut quoted: bool) -> bool {
    let mut at_start = !quoted;
    let mut closing = false;
    for &byte in line {
        if quoted && !closing {
            closing = byte == b'"';
            continue;
        }
        if closing {
            closing = false;
            if byte == b'"' {
                continue;
            }
            quoted = false;
        }
        if at_start && byte == b'"' {
            quoted = true;
        }
        at_start = byte == delimiter;
    }
    quoted && !closing
}

/// Excel writes `;` where the comma is the decimal mark, and tabs on copying: the first row tells.
fn delimiter(first: &[u8]) -> u8 {
    let count = |delimiter| {
        let mut quoted = false;
        let outside = |byte: &&u8| {
            quoted ^= **byte == b'"';
            !quoted && **byte == delimiter
        };
        first.iter().filter(outside).count()
    };
    let most = [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter));
    most.filter(|delimiter| count(*delimiter) > 0).unwrap_or(b',')
}

/// The cells of a record. Other columns may be in any encoding; what is a number is ASCII or UTF-8.
fn fields(record: &[u8], delimiter: u8) -> Vec<String> {
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
    if !record.contains(&b'"') {
        return record.trim_ascii_end().split(|byte| *byte == delimiter).map(text).collect();
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter)
        .buffer_capacity(record.len())
        .from_reader(record);
    let mut cells = csv::ByteRecord::new();
    match reader.read_byte_record(&mut cells) {
        Ok(_) => cells.iter().map(text).collect(),
        Err(_) => vec![text(record)], // reading from memory does not fail
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], column: Option<&str>) -> Result<Vec<(u64, String)>, Failure> {
        let input = Box::new(io::Cursor::new(bytes.to_vec()));
        Table::open(input, "x.csv", column)?.map(|row| row.map(|row| (row.line, row.input))).collect()
    }

    fn owned<const N: usize>(rows: [(u64, &str); N]) -> Vec<(u64, String)> {
        rows.map(|(line, input)| (line, input.to_owned())).into()
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let text = "\u{feff}name,phone\r\n\r\n\"Ali, the first\",96598765432\r\n\"two\r\nlines\",\"965 5123\r\n4567\"\r\n   \r\nx,abc\r\nshort\r\n";
        assert_eq!(
            read(text.as_bytes(), None).unwrap(),
            owned([(3, "96598765432"), (4, "965 5123\r\n4567"), (8, "abc"), (9, "")])
        );
    }

    #[test]
    fn one_number_a_line_needs_no_header_and_no_last_line_break() {
        assert_eq!(
            read("96598765432\n\n+965 5123 4567\n٩٦٥٩٩٢٢٠٣٢٢\n12".as_bytes(), None).unwrap(),
            owned([(1, "96598765432"), (3, "+965 5123 4567"), (4, "٩٦٥٩٩٢٢٠٣٢٢"), (5, "12")])
        );
    }

    #[test]
    fn semicolons_tabs_and_other_encodings_are_read() {
        assert_eq!(read(b"name;phone\nAli;96598765432\n", None).unwrap(), owned([(2, "96598765432")]));
        assert_eq!(read(b"phone\tname\n96598765432\tAli, B\n", None).unwrap(), owned([(2, "96598765432")]));
        assert_eq!(read(b"\"a;b\",phone\nx,96598765432\n", None).unwrap(), owned([(2, "96598765432")]));
        assert_eq!(read(b"phone,name\n96598765432,\xc7\xe1\n", None).unwrap(), owned([(2, "96598765432")]));
    }

    #[test]
    fn a_quote_inside_a_cell_opens_nothing_and_one_that_never_closes_is_an_error() {
        assert_eq!(
            read(b"size,phone\n5\" pipe,96598765432\n\"6\"\" pipe\",96551234567\n", None).unwrap(),
            owned([(2, "96598765432"), (3, "96551234567")])
        );
        let failure = read(b"name,phone\n\"Ali,96598765432\nx,96551234567\n", None).unwrap_err();
        assert!(failure.reasons[0].contains("line 2") && failure.reasons[0].contains("quote"), "{failure:?}");
        let mut endless = b"phone\n\"".to_vec();
        endless.resize(200_000, b'9');
        assert!(read(&endless, None).unwrap_err().reasons[0].contains("64 KiB"));
    }

    #[test]
    fn what_is_no_utf8_text_is_refused_with_a_hint() {
        for bytes in [&b"\xff\xfe9\x006\x00\n\x00"[..], b"PK\x03\x04\0\0\n", b"\xfe\xff\x009"] {
            let failure = read(bytes, None).unwrap_err();
            assert!(failure.action.unwrap().contains("CSV UTF-8"));
        }
        assert!(read(b"", None).is_err());
        assert!(read(b"\n \n\n", None).unwrap_err().reasons[0].contains("empty"));
    }
}
