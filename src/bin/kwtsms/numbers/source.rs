//! Where numbers come from, and the inputs one by one.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use encoding_rs::Encoding;
use kwtsms_async::{PhoneNumber, PhoneRules};

use super::csv::Csv;
use super::earlier::Earlier;
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

/// Where numbers come from, and an earlier run that reached some of them.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    origin: Origin,
    earlier: Option<Arc<Earlier>>,
}

#[derive(Debug, Clone)]
enum Origin {
    Arguments(Vec<String>),
    File {
        path: PathBuf,
        reading: Reading,
    },
    Stdin {
        reading: Reading,
    },
    /// What an earlier run left.
    Report(Arc<Earlier>),
}

impl Source {
    /// Takes numbers or a file, as the command line gives one or the other.
    pub(crate) fn new(
        numbers: Vec<String>,
        file: Option<PathBuf>,
        reading: Reading,
    ) -> Result<Self, Failure> {
        Ok(Self { origin: Origin::new(numbers, file, reading)?, earlier: None })
    }

    /// Goes on with an earlier run: with what its report says is left, or with a list without those that it reached.
    pub(crate) fn resumed(
        earlier: Earlier,
        file: Option<PathBuf>,
        reading: Reading,
    ) -> Result<Self, Failure> {
        let earlier = Arc::new(earlier);
        let origin = match file {
            Some(file) => Origin::new(Vec::new(), Some(file), reading)?,
            None if earlier.is_whole() => Origin::Report(Arc::clone(&earlier)),
            None => {
                let report = earlier.path().display();
                return Err(Failure::usage(format!(
                    "{report} is of a run that did not end: those that it did not come to have no row in it"
                ))
                .action(format!("give the list again: --file LIST --resume {report}")));
            }
        };
        Ok(Self { origin, earlier: Some(earlier) })
    }

    /// The earlier run.
    pub(crate) fn earlier(&self) -> Option<&Earlier> {
        self.earlier.as_deref()
    }

    /// True for what can be read once only: standard input, a named pipe, the shell's `<(…)`.
    pub(crate) fn is_stream(&self) -> bool {
        match &self.origin {
            Origin::Arguments(_) | Origin::Report(_) => false,
            Origin::Stdin { .. } => true,
            Origin::File { path, .. } => {
                path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir())
            }
        }
    }

    pub(crate) fn is_stdin(&self) -> bool {
        matches!(self.origin, Origin::Stdin { .. })
    }

    pub(crate) fn is_arguments(&self) -> bool {
        matches!(self.origin, Origin::Arguments(_))
    }

    /// What a row's line counts.
    pub(crate) fn unit(&self) -> &'static str {
        if self.is_arguments() { "argument" } else { "line" }
    }

    /// Where it is, for a question.
    pub(crate) fn place(&self) -> String {
        match &self.origin {
            Origin::Arguments(_) => "the arguments".to_owned(),
            Origin::File { path, .. } => path.display().to_string(),
            Origin::Stdin { .. } => "standard input".to_owned(),
            Origin::Report(earlier) => earlier.path().display().to_string(),
        }
    }

    /// Opens it: a file is looked into, so that a wrong column is found before anything is sent.
    pub(crate) fn open(&self, rules: PhoneRules) -> Result<Rows, Failure> {
        let cells = self.origin.open(rules)?;
        // The rows of its own report are chosen already.
        let earlier = self.earlier.clone().filter(|_| !matches!(self.origin, Origin::Report(_)));
        Ok(Rows { cells, parts: VecDeque::new(), earlier: earlier.map(|earlier| (earlier, rules)) })
    }
}

impl Origin {
    fn new(numbers: Vec<String>, file: Option<PathBuf>, reading: Reading) -> Result<Self, Failure> {
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

    fn open(&self, rules: PhoneRules) -> Result<Cells, Failure> {
        let (input, name, reading): (Box<dyn Read + Send>, _, _) = match self {
            Self::Arguments(arguments) => {
                let rows: Vec<_> =
                    (1..).zip(arguments).map(|(line, input)| Row::new(line, input.as_str())).collect();
                return Ok(Cells::Rows(Box::new(rows.into_iter().map(Ok))));
            }
            Self::File { path, reading } => {
                let name = path.display().to_string();
                let file = File::open(path)
                    .map_err(|error| Failure::usage_from(format!("{name} cannot be read"), &error))?;
                (Box::new(file), name, reading)
            }
            Self::Report(earlier) => return Ok(Cells::Rows(Box::new(earlier.rows()?))),
            Self::Stdin { reading } => (Box::new(std::io::stdin()), "standard input".to_owned(), reading),
        };
        let (lines, head) = Lines::open(input, &name, reading.encoding)?;
        let wanted = reading.column.as_deref();
        Ok(match kind::of(&head, &name)? {
            Kind::Table => Cells::Table(Box::new(Table::of_csv(Csv::open(lines, &head)?, wanted, rules)?)),
            Kind::JsonLines => Cells::Table(Box::new(Table::of_json(JsonLines::open(lines), wanted, rules)?)),
            Kind::Vcard if wanted.is_some() => {
                return Err(Failure::usage(format!("{name} holds vCards, which have no columns"))
                    .action("leave out --column: their TEL lines are read"));
            }
            Kind::Vcard => Cells::Vcards(Box::new(Vcards::open(lines))),
        })
    }
}

enum Cells {
    Rows(Box<dyn Iterator<Item = Result<Row, Failure>> + Send>),
    Table(Box<Table>),
    Vcards(Box<Vcards>),
}

/// The inputs one by one: a cell or an argument that holds a list gives several of the same line.
pub(crate) struct Rows {
    cells: Cells,
    parts: VecDeque<Row>,
    /// An earlier run, and the rules by which a number is found in it.
    earlier: Option<(Arc<Earlier>, PhoneRules)>,
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

    /// Gives with each row what its other columns hold, by their names in the header.
    pub(crate) fn with_values(mut self) -> Self {
        if let Cells::Table(table) = &mut self.cells {
            table.give_values();
        }
        self
    }

    /// The column that is read, if the file has several or names it.
    pub(crate) fn column(&self) -> Option<&Column> {
        match &self.cells {
            Cells::Table(table) => table.column(),
            Cells::Rows(_) | Cells::Vcards(_) => None,
        }
    }
}

impl Rows {
    /// The next input, whether an earlier run reached it or not.
    fn read(&mut self) -> Option<Result<Row, Failure>> {
        if let Some(part) = self.parts.pop_front() {
            return Some(Ok(part));
        }
        let cell = match &mut self.cells {
            Cells::Rows(rows) => rows.next()?,
            Cells::Table(table) => table.next()?,
            // A TEL line holds one number, and a semicolon begins its extension.
            Cells::Vcards(cards) => return cards.read().transpose(),
        };
        let cell = match cell {
            Ok(cell) if cell.refused.is_none() => cell,
            other => return Some(other),
        };
        let part = |part| Row { values: cell.values.clone(), ..Row::new(cell.line, part) };
        self.parts = parts(&cell.input).map(part).collect();
        // Nothing but blanks and commas is a bad number, and not none.
        Some(Ok(self.parts.pop_front().unwrap_or(cell)))
    }

    fn was_reached(&self, row: &Row) -> bool {
        let found = |(earlier, rules): &(Arc<Earlier>, PhoneRules)| {
            PhoneNumber::parse_with(&row.input, *rules).is_ok_and(|number| earlier.leaves_out(number))
        };
        self.earlier.as_ref().is_some_and(found)
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.read()? {
                Ok(row) if self.was_reached(&row) => {}
                row => return Some(row),
            }
        }
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
            let source = Source::new(list.clone(), None, Reading::default()).unwrap();
            let mut rows = source.open(PhoneRules::default()).unwrap();
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
