//! Numbers as they are handed in: arguments, CSV files, files with one number on each line, standard input.

mod header;
mod list;
mod source;
mod table;

pub(crate) use list::{Row, damage};
pub(crate) use source::{Rows, Source};
