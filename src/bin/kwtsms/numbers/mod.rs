//! Numbers as they are handed in: arguments, standard input, and files as spreadsheets, phones and databases write them.

mod column;
mod csv;
mod earlier;
mod header;
mod jsonl;
mod kind;
mod lines;
mod list;
mod record;
mod rules;
mod source;
mod table;
mod vcard;

pub(crate) use earlier::{COLUMNS, Earlier, sending};
pub(crate) use list::Row;
pub(crate) use rules::Rules;
pub(crate) use source::{Reading, Rows, Source};
pub(crate) use table::Column;
