//! One record of a table: the cells of a line, or the fields of an object.

/// A record, and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) line: u64,
    pub(super) cells: Vec<String>,
    /// It is UTF-8 throughout.
    pub(super) is_text: bool,
    /// Why it is none.
    pub(super) problem: Option<&'static str>,
}

impl Record {
    pub(super) fn new(line: u64, cells: Vec<String>) -> Self {
        Self { line, cells, is_text: true, problem: None }
    }

    pub(super) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str).trim()
    }
}
