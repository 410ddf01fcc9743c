//! One input, and lists of several.

use kwtsms_async::split_numbers;

/// One input, and where it stood: its line in the file, or its place among the arguments, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) input: String,
    /// Why it goes to no run, where the file itself says so: what stands in it may be two numbers, or a stranger's.
    pub(crate) refused: Option<String>,
    /// What its other columns hold, where that was asked for.
    pub(crate) values: Vec<(String, String)>,
}

impl Row {
    pub(crate) fn new(line: u64, input: impl Into<String>) -> Self {
        Self { line, input: input.into(), refused: None, values: Vec::new() }
    }

    pub(super) fn refused(line: u64, input: impl Into<String>, why: impl Into<String>) -> Self {
        Self { refused: Some(why.into()), ..Self::new(line, input) }
    }
}

/// The parts of a list, also of one as Google's contacts write it: `a ::: b`.
pub(super) fn parts(list: &str) -> impl Iterator<Item = &str> {
    list.split(":::").flat_map(split_numbers)
}

/// Text in short, for a line that shows several: what cannot be seen does not count.
pub(super) fn short(text: &str, length: usize) -> String {
    let text: String = text.chars().filter(|c| !is_mark(*c) && !c.is_control()).collect();
    let text = text.trim();
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default().trim_end()),
        None => text.to_owned(),
    }
}

/// True for a cell with nothing to see in it.
pub(super) fn is_blank(cell: &str) -> bool {
    cell.chars().all(|c| c.is_whitespace() || is_mark(c))
}

/// True for marks without a shape of their own, as phones and spreadsheets put around text.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
