//! CSV as spreadsheets write it, or one number on each line.
//!
//! Records are cut here and not by the csv crate, whose count of lines is off after blank lines and CRLF.

use super::lines::{Head, LOOKED_AT, Lines};
use super::list::is_blank;
use super::record::Record;
use crate::exit::Failure;

/// Excel writes `;` where the comma is the decimal mark, and tabs on copying; databases write `|`.
const DELIMITERS: [u8; 4] = [b'\t', b';', b'|', b','];

/// Rows of cells being read.
pub(super) struct Csv {
    lines: Lines,
    /// `None` where nothing divides the lines: each is one cell.
    delimiter: Option<u8>,
    bytes: Vec<u8>,
}

impl Csv {
    pub(super) fn open(mut lines: Lines, head: &Head) -> Result<Self, Failure> {
        let mut bytes = Vec::new();
        let named = sep_line(head);
        if named.is_some() {
            lines.append(&mut bytes)?;
        }
        let delimiter = named.or_else(|| delimiter(head));
        Ok(Self { lines, delimiter, bytes })
    }

    pub(super) fn name(&self) -> &str {
        self.lines.name()
    }

    /// True if the rows have more than one cell.
    pub(super) fn is_divided(&self) -> bool {
        self.delimiter.is_some()
    }

    /// What nothing divided has a header, so that a delimiter in a row is one cell too many.
    pub(super) fn divide_by_commas(&mut self) {
        self.delimiter.get_or_insert(b',');
    }

    /// Reads the next record in which there is something.
    pub(super) fn read(&mut self) -> Result<Option<Record>, Failure> {
        loop {
            self.bytes.clear();
            let line = self.lines.count() + 1;
            let mut quoted = false;
            loop {
                let from = self.bytes.len();
                if !self.lines.append(&mut self.bytes)? {
                    if quoted {
                        let name = self.lines.name();
                        return Err(Failure::usage(format!("{name} line {line}: a quote is not closed")));
                    }
                    break;
                }
                quoted = ends_in_quotes(self.bytes.get(from..).unwrap_or_default(), self.delimiter, quoted);
                if !quoted {
                    break;
                }
            }
            if self.bytes.is_empty() {
                return Ok(None);
            }
            let cells = cells(&self.bytes, self.delimiter);
            if !cells.iter().all(|cell| is_blank(cell)) {
                let is_text = std::str::from_utf8(&self.bytes).is_ok();
                return Ok(Some(Record { is_text, ..Record::new(line, cells) }));
            }
        }
    }
}

/// The delimiter that Excel's first line names: `sep=;`.
fn sep_line(head: &Head) -> Option<u8> {
    let line = head.bytes.split(|byte| *byte == head.end).next()?.trim_ascii();
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    let (key, value) = line.split_at_checked(4)?;
    match value {
        [delimiter] if key.eq_ignore_ascii_case(b"sep=") && delimiter.is_ascii() => Some(*delimiter),
        [] if key.eq_ignore_ascii_case(b"sep=") => Some(b'\t'), // it was trimmed
        _ => None,
    }
}

/// What divides the cells: what stands as often in most rows as in the first.
fn delimiter(head: &Head) -> Option<u8> {
    let score = |delimiter: u8| {
        let counts = counts(head, delimiter);
        let first = counts.first().copied().filter(|count| *count > 0)?;
        Some((counts.iter().filter(|count| **count == first).count(), first))
    };
    let scores = DELIMITERS.iter().filter_map(|&delimiter| Some((score(delimiter)?, delimiter)));
    scores.rev().max_by_key(|(score, _)| *score).map(|(_, delimiter)| delimiter)
}

/// How often a delimiter stands in each of the first records.
fn counts(head: &Head, delimiter: u8) -> Vec<usize> {
    let (mut counts, mut count, mut quoted) = (Vec::new(), 0, false);
    let mut lines: Vec<&[u8]> = head.bytes.split_inclusive(|byte| *byte == head.end).collect();
    if !head.whole && lines.len() > 1 {
        lines.pop(); // it may be cut off
    }
    for line in lines {
        if !quoted && line.trim_ascii().is_empty() {
            continue;
        }
        let after = ends_in_quotes(line, Some(delimiter), quoted);
        if quoted || after || line.contains(&b'"') {
            count += outside_quotes(line, delimiter, quoted);
        } else {
            count += line.iter().filter(|byte| **byte == delimiter).count();
        }
        quoted = after;
        if !quoted {
            counts.push(std::mem::take(&mut count));
            if counts.len() == LOOKED_AT {
                break;
            }
        }
    }
    counts
}

fn outside_quotes(line: &[u8], delimiter: u8, mut quoted: bool) -> usize {
    let outside = |byte: &&u8| {
        quoted ^= **byte == b'"';
        !quoted && **byte == delimiter
    };
    line.iter().filter(outside).count()
}

/// True if a line leaves a quoted cell open, by the rules of the csv crate: a quote opens at the start of a cell
/// only, and a doubled one stands for itself.
fn ends_in_quotes(line: &[u8], delimiter: Option<u8>, mut quoted: bool) -> bool {
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
        at_start = Some(byte) == delimiter;
    }
    quoted && !closing
}

/// The cells of a record, without the end of its line. What is no UTF-8 is in no number.
fn cells(record: &[u8], delimiter: Option<u8>) -> Vec<String> {
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).into_owned();
    let record = record.strip_suffix(b"\n").unwrap_or(record);
    let record = record.strip_suffix(b"\r").unwrap_or(record);
    if !record.contains(&b'"') {
        return match delimiter {
            Some(delimiter) => record.split(|byte| *byte == delimiter).map(text).collect(),
            None => vec![text(record)],
        };
    }
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .delimiter(delimiter.unwrap_or(0)) // a text holds none
        .terminator(csv::Terminator::Any(0))
        .buffer_capacity(record.len())
        .from_reader(record);
    let mut cells = csv::ByteRecord::new();
    match reader.read_byte_record(&mut cells) {
        Ok(true) => cells.iter().map(|cell| formula_text(text(cell))).collect(),
        _ => vec![text(record)], // reading from memory does not fail
    }
}

/// What a formula that is nothing but a text says: `="96598765432"` keeps a spreadsheet from reading a number.
fn formula_text(cell: String) -> String {
    match cell.trim().strip_prefix("=\"").and_then(|cell| cell.strip_suffix('"')) {
        Some(text) if !text.contains('"') => text.to_owned(),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Head {
        Head { bytes: text.as_bytes().to_vec(), end: b'\n', whole: true }
    }

    #[test]
    fn the_delimiter_is_what_divides_most_rows_as_the_first() {
        for (text, found) in [
            ("name,phone\nAli,1\n", Some(b',')),
            ("name;phone\nAl-Sabah, Ali;1\n", Some(b';')),
            ("Al-Sabah, Ali;1\nSara;2\nB, C, D;3\n", Some(b';')),
            ("phone (home, mobile);name\n1;a\n2;b\n", Some(b';')),
            ("phone\tname\n1\tAli, B\n", Some(b'\t')),
            ("7|96598765432\n8|96551234567\n", Some(b'|')),
            ("\"a;b\",phone\nx,1\n", Some(b',')),
            ("\"a\nb;c\",phone\n\"x\ny\",1\n", Some(b',')),
            ("96598765432\n96551234567,96551234568\n", None),
            ("96598765432\n", None),
            ("", None),
        ] {
            assert_eq!(delimiter(&head(text)), found, "{text}");
        }
        assert_eq!(sep_line(&head("sep=;\r\na;b\n")), Some(b';'));
        assert_eq!(sep_line(&head("\"SEP=|\"\n")), Some(b'|'));
        assert_eq!(sep_line(&head("sep=\t\na\tb\n")), Some(b'\t'));
        assert_eq!(sep_line(&head("sep=ab\n")), None);
        assert_eq!(sep_line(&head("96598765432\n")), None);
    }

    #[test]
    fn a_cell_is_cut_where_its_delimiter_stands_and_nowhere_else() {
        let cells = |text: &str| cells(text.as_bytes(), Some(b','));
        assert_eq!(cells("a,\"b,\"\"c\",d\r\n"), ["a", "b,\"c", "d"]);
        assert_eq!(cells("a,965\r0793,\"x\"\n"), ["a", "965\r0793", "x"]);
        assert_eq!(cells("a,=\"96598765432\",=A1\n"), ["a", "96598765432", "=A1"]);
        assert_eq!(super::cells(b"a,b\n", None), ["a,b"]);
        assert_eq!(super::cells(b"\"a,b\"\n", None), ["a,b"]);
    }
}
