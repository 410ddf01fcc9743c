//! Where numbers come from, and the inputs one by one.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};

use super::list::{Row, has_line_break, parts};
use super::table::Table;
use crate::exit::Failure;

/// Where numbers come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Arguments(Vec<String>),
    File { path: PathBuf, column: Option<String> },
    Stdin { column: Option<String> },
}

impl Source {
    /// Takes numbers or a file, as the command line gives one or the other.
    pub(crate) fn new(
        numbers: Vec<String>,
        file: Option<PathBuf>,
        column: Option<String>,
    ) -> Result<Self, Failure> {
        let from_stdin = numbers.iter().any(|number| number == "-");
        match file {
            Some(path) if path == Path::new("-") => Ok(Self::Stdin { column }),
            Some(path) => Ok(Self::File { path, column }),
            None if from_stdin && numbers.len() == 1 => Ok(Self::Stdin { column }),
            None if from_stdin => {
                Err(Failure::usage("give the numbers as arguments or by standard input (-), not both"))
            }
            None if column.is_some() => {
                Err(Failure::usage("--column names a column of a file: give the file with --file"))
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
    pub(crate) fn open(&self) -> Result<Rows, Failure> {
        let table = match self {
            Self::Arguments(arguments) => {
                let rows: Vec<_> =
                    (1..).zip(arguments.clone()).map(|(line, input)| Row { line, input }).collect();
                return Ok(Rows { cells: Cells::Arguments(rows.into_iter()), parts: VecDeque::new() });
            }
            Self::File { path, column } => {
                let file = File::open(path).map_err(|error| {
                    Failure::usage_from(format!("{} cannot be read", path.display()), &error)
                })?;
                Table::open(Box::new(file), &path.display().to_string(), column.as_deref())?
            }
            Self::Stdin { column } => {
                Table::open(Box::new(std::io::stdin()), "standard input", column.as_deref())?
            }
        };
        Ok(Rows { cells: Cells::Table(Box::new(table)), parts: VecDeque::new() })
    }
}

#[derive(Debug)]
enum Cells {
    Arguments(std::vec::IntoIter<Row>),
    Table(Box<Table>),
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

    /// The name of the column that is read, if the file has a header.
    pub(crate) fn column(&self) -> Option<&str> {
        match &self.cells {
            Cells::Arguments(_) => None,
            Cells::Table(table) => table.column(),
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
        };
        // Whether a line break in a cell stands between two numbers or inside one, nobody can tell: half a number may
        // be a stranger's. An argument is a list as it was pasted.
        if matches!(self.cells, Cells::Table(_)) && has_line_break(&cell.input) {
            return Some(Ok(cell));
        }
        let line = cell.line;
        self.parts = parts(&cell.input).map(|part| Row { line, input: part.to_owned() }).collect();
        // Nothing but blanks and commas is a bad number, and not none.
        Some(Ok(self.parts.pop_front().unwrap_or(cell)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(source: &Source) -> Vec<(u64, String)> {
        source.open().unwrap().map(|row| row.map(|row| (row.line, row.input)).unwrap()).collect()
    }

    fn arguments(list: &[&str]) -> Vec<(u64, String)> {
        rows(&Source::new(list.iter().map(|&text| text.to_owned()).collect(), None, None).unwrap())
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
            let mut rows = Source::Arguments(list.clone()).open().unwrap();
            assert_eq!(rows.are_over(count).unwrap(), count < 6);
            let inputs: Vec<_> = rows.map(|row| row.unwrap().input).collect();
            assert_eq!(inputs, ["1", "2", "3", "4", "5", "6"]);
        }
    }

    #[test]
    fn numbers_come_from_one_place_only() {
        assert!(Source::new(vec!["-".into(), "965".into()], None, None).is_err());
        assert!(Source::new(vec!["965".into()], None, Some("phone".into())).is_err());
        assert!(Source::new(vec!["-".into()], None, None).unwrap().is_stream());
        assert!(Source::new(vec![], Some("-".into()), None).unwrap().is_stream());
    }
}
