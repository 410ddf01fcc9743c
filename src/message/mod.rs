//! Message texts: cleaning, pages, encoding.

mod clean;
mod pages;
mod table;
mod text;

pub use clean::{Change, ChangeKind, clean_message};
pub use pages::Encoding;
pub use text::{MessageText, TextError};
