//! The report of `--report`: one row for each number, written as soon as it is known.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use crate::exit::Failure;
use crate::output::plain;

/// A CSV file that grows with the run. After every batch all that is known has left the process, so that a crash
/// loses none of it.
#[derive(Debug)]
pub(crate) struct Report {
    path: PathBuf,
    writer: csv::Writer<File>,
}

impl Report {
    /// Makes the file. One that is there is left alone: it may be the only account of an earlier run.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600); // it holds numbers
        let file = options.open(path).map_err(|error| {
            let failure =
                Failure::usage_from(format!("the report {} cannot be made", path.display()), &error);
            match error.kind() {
                std::io::ErrorKind::AlreadyExists => failure.action("choose another name for the report"),
                _ => failure,
            }
        })?;
        let mut report = Self { path: path.to_owned(), writer: csv::Writer::from_writer(file) };
        report.row(["line", "input", "number", "outcome", "message_id", "code", "reason"])?;
        report.flush()?;
        Ok(report)
    }

    pub(crate) fn write(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        for entry in entries {
            let (line, input) = (entry.row.line.to_string(), harmless(&entry.row.input));
            let number = entry.number.map(|number| number.to_string()).unwrap_or_default();
            self.row([
                &line,
                &input,
                &number,
                entry.end.word(),
                entry.message_id.as_deref().unwrap_or_default(),
                entry.code.as_deref().unwrap_or_default(),
                &entry.reason,
            ])?;
        }
        self.flush()
    }

    fn row(&mut self, cells: [&str; 7]) -> Result<(), Failure> {
        self.writer.write_record(cells.map(plain)).map_err(|error| self.cannot(&error))
    }

    fn flush(&mut self) -> Result<(), Failure> {
        self.writer.flush().map_err(|error| self.cannot(&error))
    }

    fn cannot(&self, error: &dyn std::error::Error) -> Failure {
        Failure::usage_from(format!("the report {} cannot be written", self.path.display()), error)
    }
}

/// A cell that a spreadsheet does not take for a formula: the input comes from outside. A number with a plus in
/// front is no formula and stays as it is.
fn harmless(input: &str) -> String {
    let suspicious = input.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let number = input.starts_with('+')
        && input.chars().skip(1).all(|c| c.is_numeric() || matches!(c, ' ' | '(' | ')' | '.' | '/' | '-'));
    if suspicious && !number { format!("'{input}") } else { input.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn no_cell_of_the_input_becomes_a_formula() {
        for input in ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1", "+965+A1"] {
            assert_eq!(harmless(input), format!("'{input}"));
        }
        for input in ["+965 9876-5432", "96598765432", "abc", "", "(965) 1", "٩٦٥"] {
            assert_eq!(harmless(input), input);
        }
    }
}
