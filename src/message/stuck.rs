//! What gets a message stuck in the gateway's queue, by the one table that the client cleans by and the sandbox
//! judges by.

pub(crate) use super::table::Stuck;
use super::table::TABLE;

/// Looks a character up.
#[cfg_attr(not(feature = "sandbox"), allow(dead_code))] // the client cleans by code points
pub(crate) fn stuck(c: char) -> Option<Stuck> {
    look_up(c as u32)
}

/// Looks a code point up.
#[inline]
pub(super) const fn look_up(code: u32) -> Option<Stuck> {
    let mut row = FIRST_ROW[code as usize / BLOCK] as usize;
    while row < TABLE.len() {
        let (first, last, kind) = TABLE[row];
        if code <= last {
            return if first <= code { Some(kind) } else { None };
        }
        row += 1;
    }
    None
}

const BLOCK: usize = 0x100;

/// For each block of code points the first row of the table that does not end before the block.
static FIRST_ROW: [u8; char::MAX as usize / BLOCK + 1] = {
    assert!(TABLE.len() < 256, "a row's number is a byte");
    let mut rows = [0; char::MAX as usize / BLOCK + 1];
    let (mut block, mut row) = (0, 0);
    while block < rows.len() {
        while row < TABLE.len() && (TABLE[row].1 as usize) < block * BLOCK {
            row += 1;
        }
        rows[block] = row as u8;
        block += 1;
    }
    rows
};
