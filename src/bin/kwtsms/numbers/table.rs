//! A table being read, row by row, in constant memory: its column of numbers, whatever the cells are written in.

use std::collections::VecDeque;
use std::fmt;

use kwtsms_async::PhoneRules;

use super::column::{Sample, is_header};
use super::csv::Csv;
use super::jsonl::JsonLines;
use super::lines::LOOKED_AT;
use super::list::{Row, is_blank, short};
use super::record::Record;
use crate::exit::Failure;

/// Where records come from.
enum Records {
    Csv(Csv),
    Json(JsonLines),
}

impl Records {
    fn name(&self) -> &str {
        match self {
            Self::Csv(csv) => csv.name(),
            Self::Json(json) => json.name(),
        }
    }

    fn read(&mut self, looking: bool) -> Result<Option<Record>, Failure> {
        match self {
            Self::Csv(csv) => csv.read(),
            Self::Json(json) => json.read(looking),
        }
    }
}

/// The column that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Counted from 1.
    pub(crate) place: usize,
    pub(crate) name: Option<String>,
    /// The line of the header, if there is one.
    pub(crate) header: Option<u64>,
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.header) {
            (Some(name), Some(line)) => {
                write!(f, "Numbers from the column {name:?}; line {line} is the header.")
            }
            (Some(name), None) => write!(f, "Numbers from the field {name:?}."),
            (None, _) => write!(f, "Numbers from column {}; there is no header.", self.place),
        }
    }
}

/// The table.
pub(super) struct Table {
    records: Records,
    /// Records that were looked at.
    ahead: VecDeque<Record>,
    column: Column,
    /// Cells of a row; more are a row that is shifted.
    width: usize,
    /// It has one column and no need to be told which.
    is_list: bool,
    /// The names of all columns, where their values are wanted too.
    names: Vec<String>,
    with_values: bool,
}

impl Table {
    /// Opens rows of cells.
    pub(super) fn of_csv(csv: Csv, wanted: Option<&str>, rules: PhoneRules) -> Result<Self, Failure> {
        Self::open(Records::Csv(csv), wanted, rules)
    }

    /// Opens JSON lines.
    pub(super) fn of_json(json: JsonLines, wanted: Option<&str>, rules: PhoneRules) -> Result<Self, Failure> {
        Self::open(Records::Json(json), wanted, rules)
    }

    fn open(mut records: Records, wanted: Option<&str>, rules: PhoneRules) -> Result<Self, Failure> {
        let file = records.name().to_owned();
        let Some(first) = records.read(true)? else {
            return Err(Failure::usage(format!("{file} is empty: there is no number in it")));
        };
        if !first.is_text {
            return Err(Failure::usage(format!("{file} line {} is no text in UTF-8", first.line)).action(
                "name its encoding, --encoding windows-1256 as Excel writes it in Kuwait, or save it as CSV UTF-8",
            ));
        }
        let mut ahead = VecDeque::new();
        let mut names = None;
        match &mut records {
            Records::Csv(csv) if is_header(&first.cells) => {
                csv.divide_by_commas();
                names = Some((first.line, first.cells));
            }
            _ => ahead.push_back(first),
        }
        while ahead.len() < LOOKED_AT {
            match records.read(true)? {
                Some(record) => ahead.push_back(record),
                None => break,
            }
        }
        if ahead.is_empty() {
            return Err(Failure::usage(format!("{file} has a header and no row: there is no number in it")));
        }
        let (header, names) = match (&records, names) {
            (Records::Json(json), _) => (None, Some(json.fields().to_vec())),
            (Records::Csv(_), names) => names.unzip(),
        };
        let rows = ahead.make_contiguous();
        let sample = Sample { file: &file, names: names.as_deref(), rows, rules };
        let place = sample.choose(wanted)?;
        let is_divided = match &records {
            Records::Csv(csv) => csv.is_divided(),
            Records::Json(_) => true,
        };
        let width = match &names {
            Some(names) => names.len(),
            None => usual_width(rows).max(place + 1),
        };
        let name = names.as_ref().and_then(|names| names.get(place)).map(|name| name.trim().to_owned());
        let column = Column { place: place + 1, name, header };
        let names = names.unwrap_or_default().into_iter().map(|name| name.trim().to_owned()).collect();
        Ok(Self { records, ahead, column, width, is_list: !is_divided, names, with_values: false })
    }

    /// Gives the values of all columns with each row from now on.
    pub(super) fn give_values(&mut self) {
        self.with_values = true;
    }

    /// The column that is read; `None` for one number on each line.
    pub(super) fn column(&self) -> Option<&Column> {
        Some(&self.column).filter(|_| !self.is_list)
    }

    fn row(&self, record: &Record) -> Row {
        let column = self.column.place - 1;
        let all = || short(&record.cells.join(" | "), 80);
        if let Some(problem) = record.problem {
            return Row::refused(record.line, all(), problem);
        }
        let filled = record.cells.iter().rposition(|cell| !is_blank(cell)).map_or(0, |last| last + 1);
        if filled > self.width && !self.is_list {
            let than = if self.column.header.is_some() { "the header has" } else { "other rows have" };
            let why = format!("{filled} cells where {than} {}: is one without its quotes?", self.width);
            return Row::refused(record.line, all(), why);
        }
        let cell = record.cell(column);
        // Whether a line break in a cell stands between two numbers or inside one, nobody can tell.
        if cell.contains(['\n', '\r']) {
            let why = "a line break stands in the cell: give each number a row of its own";
            return Row::refused(record.line, cell, why);
        }
        let mut row = Row::new(record.line, cell);
        if self.with_values {
            let cells =
                self.names.iter().enumerate().map(|(at, name)| (name.clone(), record.cell(at).to_owned()));
            row.values = cells.collect();
        }
        row
    }
}

/// The number of cells that most rows have.
fn usual_width(rows: &[Record]) -> usize {
    let mut counts = std::collections::BTreeMap::new();
    for row in rows {
        *counts.entry(row.cells.len()).or_insert(0) += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(1, |(width, _)| width)
}

impl Iterator for Table {
    type Item = Result<Row, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = match self.ahead.pop_front() {
            Some(record) => record,
            None => match self.records.read(false) {
                Ok(record) => record?,
                Err(failure) => return Some(Err(failure)),
            },
        };
        Some(Ok(self.row(&record)))
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("column", &self.column).finish_non_exhaustive()
    }
}
