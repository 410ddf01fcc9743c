//! The report of an earlier run: whom it reached, whom it may have reached, and who is left.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use kwtsms_async::{CountryCheck, PhoneNumber};

use super::list::Row;
use crate::exit::Failure;
use crate::number_set::NumberSet;

/// The columns of a report.
pub(crate) const COLUMNS: [&str; 7] = ["line", "input", "number", "outcome", "message_id", "code", "reason"];

/// Where a run writes whom it is about to send to, for the time that it lasts: what stands there and in no row of its
/// report was in flight when the run was killed.
pub(crate) fn sending(report: &Path) -> PathBuf {
    let mut name = report.as_os_str().to_owned();
    name.push(".sending");
    name.into()
}

/// What became of whom in an earlier run.
#[derive(Debug, Clone)]
pub(crate) struct Earlier {
    path: PathBuf,
    accepted: NumberSet,
    accepted_count: u64,
    unknown: HashSet<u64>,
    /// The run ended, and its report has a row for every number that it was given.
    is_whole: bool,
    include_unknown: bool,
}

impl Earlier {
    /// Reads a report through. With `include_unknown`, those of unknown outcome are left, too.
    pub(crate) fn read(path: &Path, include_unknown: bool) -> Result<Self, Failure> {
        let (mut accepted, mut settled) = (NumberSet::default(), NumberSet::default());
        let (mut accepted_count, mut unknown) = (0, HashSet::new());
        for row in Rows::open(path)? {
            let ReportRow { number, outcome, .. } = row?;
            let Some(number) = number else { continue };
            match outcome {
                Outcome::Accepted => accepted_count += u64::from(accepted.insert(number.as_u64())),
                Outcome::Unknown => drop(unknown.insert(number.as_u64())),
                Outcome::Left => drop(settled.insert(number.as_u64())),
                Outcome::Other => {}
            }
        }
        let journal = sending(path);
        let is_whole = !journal.exists();
        if !is_whole {
            for number in in_flight(&journal)? {
                if !settled.contains(number) && !accepted.contains(number) {
                    unknown.insert(number);
                }
            }
        }
        unknown.retain(|number| !accepted.contains(*number));
        Ok(Self { path: path.to_owned(), accepted, accepted_count, unknown, is_whole, include_unknown })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// How many numbers were accepted and how many are of unknown outcome, of those that are left out.
    pub(crate) fn left_out(&self) -> (u64, u64) {
        (self.accepted_count, if self.include_unknown { 0 } else { self.unknown.len() as u64 })
    }

    /// True for a number that is not sent to again.
    pub(super) fn leaves_out(&self, number: PhoneNumber) -> bool {
        let number = number.as_u64();
        self.accepted.contains(number) || !self.include_unknown && self.unknown.contains(&number)
    }

    /// The numbers that are left, with the lines that they had in their list.
    pub(super) fn rows(&self) -> Result<impl Iterator<Item = Result<Row, Failure>> + Send + use<>, Failure> {
        let earlier = self.clone();
        Ok(Rows::open(&self.path)?.filter_map(move |row| match row {
            Err(failure) => Some(Err(failure)),
            Ok(ReportRow { line, number: Some(number), outcome }) => {
                let is_left = outcome == Outcome::Left || outcome == Outcome::Unknown;
                (is_left && !earlier.leaves_out(number)).then(|| Ok(Row::new(line, number.to_string())))
            }
            Ok(ReportRow { number: None, .. }) => None,
        }))
    }
}

/// The numbers that a run that did not end was about to send to.
fn in_flight(journal: &Path) -> Result<Vec<u64>, Failure> {
    let cannot =
        |error: std::io::Error| Failure::usage_from(format!("{} cannot be read", journal.display()), &error);
    let goes_on = || {
        Failure::usage(format!("the run that writes {} is still going on", journal.display()))
            .action("wait for its end, or stop it with Ctrl-C")
    };
    let mut file = File::open(journal).map_err(|error| {
        const SHARING_VIOLATION: i32 = 32; // the writer shares it with nobody
        if cfg!(windows) && error.raw_os_error() == Some(SHARING_VIOLATION) {
            goes_on()
        } else {
            cannot(error)
        }
    })?;
    #[cfg(unix)]
    if rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockShared).is_err() {
        return Err(goes_on());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(cannot)?;
    // A line without an end was torn: its request had not left.
    Ok(text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.parse().ok()).collect())
}

/// What a row's outcome means for another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Unknown,
    /// Refused or not attempted: it may be sent to.
    Left,
    /// No number, or one that has another row.
    Other,
}

/// A row of a report.
struct ReportRow {
    line: u64,
    number: Option<PhoneNumber>,
    outcome: Outcome,
}

/// The rows of a report.
struct Rows {
    path: PathBuf,
    records: csv::StringRecordsIntoIter<Box<dyn Read + Send>>,
    line: u64,
}

impl Rows {
    fn open(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let file = File::open(path)
            .map_err(|error| Failure::usage_from(format!("{shown} cannot be read"), &error))?;
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).from_reader(Box::new(file) as Box<dyn Read + Send>);
        let is_report = reader.headers().is_ok_and(|head| head.iter().eq(COLUMNS));
        if !is_report {
            return Err(Failure::usage(format!("{shown} is no report of kwtsms"))
                .action("give the file that --report wrote, as it was written"));
        }
        Ok(Self { path: path.to_owned(), records: reader.into_records(), line: 1 })
    }

    fn spoilt(&self, why: &str) -> Failure {
        Failure::usage(format!("{} line {}: {why}", self.path.display(), self.line))
            .action("give the file as --report wrote it; a spreadsheet that saves it may spoil it")
    }

    fn row(&self, record: &csv::StringRecord) -> Result<ReportRow, Failure> {
        if record.len() != COLUMNS.len() {
            return Err(self.spoilt("it has not the cells of a report"));
        }
        let outcome = match &record[3] {
            "accepted" => Outcome::Accepted,
            "unknown" => Outcome::Unknown,
            "refused" | "not_attempted" => Outcome::Left,
            "invalid" | "duplicate" => Outcome::Other,
            other => return Err(self.spoilt(&format!("the outcome {other:?} is none"))),
        };
        let number = PhoneNumber::parse_with(&record[2], CountryCheck::Off).ok();
        // Whoever it was must not be written to twice.
        if number.is_none() && outcome != Outcome::Other {
            return Err(self.spoilt("the number cannot be read"));
        }
        let line = record[0].parse().map_err(|_| self.spoilt("the line cannot be read"))?;
        Ok(ReportRow { line, number, outcome })
    }
}

impl Iterator for Rows {
    type Item = Result<ReportRow, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        self.line += 1;
        Some(match self.records.next()? {
            Ok(record) => self.row(&record),
            Err(error) => Err(self.spoilt(&error.to_string())),
        })
    }
}
