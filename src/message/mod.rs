//! Message texts: cleaning, pages, encoding.

mod change;
mod clean;
mod element;
mod gaps;
mod link;
mod pages;
mod special;
mod stuck;
mod table;
mod text;
mod unfilled;

pub use change::{Change, ChangeKind};
pub use clean::clean_message;
pub use pages::Encoding;
#[cfg(feature = "sandbox")]
pub(crate) use stuck::{Stuck, stuck};
pub use text::{MessageText, TextError};
