//! One input, and lists of several.

/// One input, and where it stood: its line in the file, or its place among the arguments, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) line: u64,
    pub(crate) input: String,
}

/// The parts of a list. A blank separates nothing: it stands inside numbers.
pub(super) fn parts(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', '\u{60c}', ';', '\n', '\r', '\t']).map(str::trim).filter(|part| !part.is_empty())
}

pub(super) fn has_line_break(input: &str) -> bool {
    input.trim().contains(['\n', '\r'])
}

/// Why a cell goes to no run: what stands in it may be two numbers, or a stranger's.
pub(crate) fn damage(input: &str) -> Option<&'static str> {
    has_line_break(input).then_some("a line break stands in the cell: give each number a row of its own")
}
