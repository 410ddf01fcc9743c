//! The report of `--report`: one row for each number, written as soon as it is known.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use crate::exit::Failure;
use crate::numbers::COLUMNS;
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
        report.row(COLUMNS)?;
        report.flush()?;
        Ok(report)
    }

    pub(super) fn write(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        for entry in entries {
            let line = entry.row.line.to_string();
            let number = entry.number.map(|number| number.to_string()).unwrap_or_default();
            self.row([
                &line,
                &entry.row.input,
                &number,
                entry.end.word(),
                entry.message_id.as_deref().unwrap_or_default(),
                entry.code.as_deref().unwrap_or_default(),
                &entry.reason,
            ])?;
        }
        self.flush()
    }

    pub(crate) fn row(&mut self, cells: [&str; 7]) -> Result<(), Failure> {
        self.writer.write_record(cells.map(as_text)).map_err(|error| self.cannot(&error))
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.writer.flush().map_err(|error| self.cannot(&error))
    }

    fn cannot(&self, error: &dyn std::error::Error) -> Failure {
        Failure::usage_from(format!("the report {} cannot be written", self.path.display()), error)
    }
}

/// A cell as text: no spreadsheet computes it and no terminal obeys it. Inputs, descriptions and ids come from outside.
///
/// A number with a plus in front stays as it is, but for `+965-9876`, which is a subtraction.
fn as_text(cell: &str) -> String {
    let cell = plain(cell);
    let begins = cell.trim_start().chars().next();
    // The wide ones are what Japanese and Chinese keyboards type.
    let computed = begins.is_some_and(|c| "=+-@＝＋－＠|%".contains(c));
    let number = cell.strip_prefix('+').is_some_and(|rest| rest.chars().all(|c| c.is_numeric() || c == ' '));
    if computed && !number { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::as_text;

    #[test]
    fn no_cell_from_outside_is_computed() {
        for cell in [
            "=1+1",
            "@SUM(A1)",
            "+cmd|' /C calc'!A0",
            "-2+3",
            " =1",
            "+965+A1",
            "+965-9876-5432",
            "＝1+1",
            "+965(1)",
        ] {
            assert_eq!(as_text(cell), format!("'{cell}"));
        }
        assert_eq!(as_text("\t=1\r"), "\u{fffd}=1\u{fffd}", "it begins with a sign now");
        for cell in ["+965 9876 5432", "96598765432", "abc", "", "(965) 1", "٩٦٥", "+٩٦٥ ٩٨٧٦", "a=b"]
        {
            assert_eq!(as_text(cell), cell);
        }
    }
}
