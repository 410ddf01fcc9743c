//! Where numbers come from, and the inputs one by one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use kwtsms_async::PhoneRules;

use super::csv::Csv;
use super::jsonl::JsonLines;
use super::kind::{self, Kind};
use super::lines::Lines;
use super::list::{Row, parts};
use super::table::{Column, Table};
use super::vcard::Vcards;
use crate::exit::Failure;

/// How a file is read.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Reading {
    /// The column of the numbers: its name in the header, or its place counted from 1
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// The encoding of the file, such as windows-1256; UTF-8, and UTF-16 by its mark, need no name
    #[arg(long, value_name = "NAME", value_parser = encoding)]
    encoding: Option<&'static Encoding>,
}

fn encoding(label: &str) -> Result<&'static Encoding, &'static str> {
    Encoding::for_label(label.as_bytes())
        .ok_or("no encoding of that name is known; utf-8, utf-16le, utf-16be and windows-1256 are some")
}

/// Where numbers come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Arguments(Vec<String>),
    File { path: PathBuf, reading: Reading },
    Stdin { reading: Reading },
}

impl Source {
    /// Takes numbers or a file, as the command line gives one or the other.
    pub(crate) fn new(
        numbers: Vec<String>,
        file: Option<PathBuf>,
        reading: Reading,
    ) -> Result<Self, Failure> {
        let from_stdin = numbers.iter().any(|number| number == "-");
        match file {
            Some(path) if path == Path::new("-") => Ok(Self::Stdin { reading }),
            Some(path) => Ok(Self::File { path, reading }),
            None if from_stdin && numbers.len() == 1 => Ok(Self::Stdin { reading }),
            None if from_stdin => {
                Err(Failure::usage("give the numbers as arguments or by standard input (-), not both"))
            }
            None if reading.column.is_some() => {
                Err(Failure::usage("--column names a column of a file: give the file with --file"))
            }
            None if reading.encoding.is_some() => {
                Err(Failure::usage("--encoding is that of a file: give the file with --file"))
            }
            None => Ok(Self::Arguments(numbers)),
        }
    }

    /// True for what can be read once only: standard input, a named pipe, the shell's `<(…)`.
    pub(crate) fn is_stream(&self) -> bool {
        match self {
            Self::Arguments(_) => false,
            Self::Stdin { .. } => true,
            Self::File { path, .. } => path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()),
        }
    }

    pub(crate) fn is_stdin(&self) -> bool {
        matches!(self, Self::Stdin { .. })
    }

    pub(crate) fn is_arguments(&self) -> bool {
        matches!(self, Self::Arguments(_))
    }

    /// What a row's line counts.
    pub(crate) fn unit(&self) -> &'static str {
        if self.is_arguments() { "argument" } else { "line" }
    }

    /// Where it is, for a question.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Arguments(_) => "the arguments".to_owned(),
            Self::File { path, .. } => path.display().to_string(),
            Self::Stdin { .. } => "standard input".to_owned(),
        }
    }

    /// Opens it: a file is looked into, so that a wrong column is found before anything is sent.
    pub(crate) fn open(&self, rules: PhoneRules) -> Result<Rows, Failure> {
        let (input, name, reading): (Box<dyn Read + Send>, _, _) = match self {
            Self::Arguments(arguments) => {
                let rows: Vec<_> =
                    (1..).zip(arguments).map(|(line, input)| Row::new(line, input.as_str())).collect();
                return Ok(Rows { cells: Cells::Arguments(rows.into_iter()), parts: VecDeque::new() });
            }
            Self::File { path, reading } => {
                let name = path.display().to_string();
                let file = File::open(path)
                    .map_err(|error| Failure::usage_from(format!("{name} cannot be read"), &error))?;
                (Box::new(file), name, reading)
            }
            Self::Stdin { reading } => (Box::new(std::io::stdin()), "standard input".to_owned(), reading),
        };
        let (lines, head) = Lines::open(input, &name, reading.encoding)?;
        let wanted = reading.column.as_deref();
        let cells = match kind::of(&head, &name)? {
            Kind::Table => Cells::Table(Box::new(Table::of_csv(Csv::open(lines, &head)?, wanted, rules)?)),
            Kind::JsonLines => Cells::Table(Box::new(Table::of_json(JsonLines::open(lines), wanted, rules)?)),
            Kind::Vcard if wanted.is_some() => {
                return Err(Failure::usage(format!("{name} holds vCards, which have no columns"))
                    .action("leave out --column: their TEL lines are read"));
            }
            Kind::Vcard => Cells::Vcards(Box::new(Vcards::open(lines))),
        };
        Ok(Rows { cells, parts: VecDeque::new() })
    }
}

#[derive(Debug)]
enum Cells {
    Arguments(std::vec::IntoIter<Row>),
    Table(Box<Table>),
    Vcards(Box<Vcards>),
}

/// The inputs one by one: a cell or an argument that holds a list gives several of the same line.
#[derive(Debug)]
pub(crate) struct Rows {
    cells: Cells,
    parts: VecDeque<Row>,
}

impl Rows {
    /// True if there are more than so many inputs still to come; those that were looked at come all the same.
    pub(crate) fn are_over(&mut self, count: u64) -> Result<bool, Failure> {
        let mut ahead = VecDeque::new();
        while ahead.len() as u64 <= count {
            match self.next() {
                Some(row) => ahead.push_back(row?),
                None => break,
            }
        }
        let over = ahead.len() as u64 > count;
        ahead.append(&mut self.parts);
        self.parts = ahead;
        Ok(over)
    }

    /// The column that is read, if the file has several or names it.
    pub(crate) fn column(&self) -> Option<&Column> {
        match &self.cells {
            Cells::Table(table) => table.column(),
            Cells::Arguments(_) | Cells::Vcards(_) => None,
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(part) = self.parts.pop_front() {
            return Some(Ok(part));
        }
        let cell = match &mut self.cells {
            Cells::Arguments(arguments) => arguments.next()?,
            Cells::Table(table) => match table.next()? {
                Ok(cell) => cell,
                Err(failure) => return Some(Err(failure)),
            },
            // A TEL line holds one number, and a semicolon begins its extension.
            Cells::Vcards(cards) => return cards.read().transpose(),
        };
        if cell.refused.is_some() {
            return Some(Ok(cell));
        }
        self.parts = parts(&cell.input).map(|part| Row::new(cell.line, part)).collect();
        // Nothing but blanks and commas is a bad number, and not none.
        Some(Ok(self.parts.pop_front().unwrap_or(cell)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(source: &Source) -> Vec<(u64, String)> {
        source
            .open(PhoneRules::default())
            .unwrap()
            .map(|row| row.map(|row| (row.line, row.input)).unwrap())
            .collect()
    }

    fn arguments(list: &[&str]) -> Vec<(u64, String)> {
        rows(
            &Source::new(list.iter().map(|&text| text.to_owned()).collect(), None, Reading::default())
                .unwrap(),
        )
    }

    #[test]
    fn arguments_and_their_lists_keep_their_place() {
        assert_eq!(
            arguments(&["96598765432, +965 5123 4567،abc", "965;966", ",", "1\n2\n"]),
            [
                (1, "96598765432"),
                (1, "+965 5123 4567"),
                (1, "abc"),
                (2, "965"),
                (2, "966"),
                (3, ","),
                (4, "1"),
                (4, "2")
            ]
            .map(|(line, input)| (line, input.to_owned()))
        );
    }

    #[test]
    fn looking_ahead_loses_nothing() {
        let list = vec!["1,2,3".to_owned(), "4".to_owned(), "5,6".to_owned()];
        for count in 0..8 {
            let mut rows = Source::Arguments(list.clone()).open(PhoneRules::default()).unwrap();
            assert_eq!(rows.are_over(count).unwrap(), count < 6);
            let inputs: Vec<_> = rows.map(|row| row.unwrap().input).collect();
            assert_eq!(inputs, ["1", "2", "3", "4", "5", "6"]);
        }
    }

    #[test]
    fn numbers_come_from_one_place_only() {
        assert!(Source::new(vec!["-".into(), "965".into()], None, Reading::default()).is_err());
        assert!(
            Source::new(
                vec!["965".into()],
                None,
                Reading { column: Some("phone".into()), ..Reading::default() }
            )
            .is_err()
        );
        assert!(Source::new(vec!["-".into()], None, Reading::default()).unwrap().is_stream());
        assert!(Source::new(vec![], Some("-".into()), Reading::default()).unwrap().is_stream());
    }
}
