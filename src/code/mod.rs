//! The gateway's error codes: one table, and what each code means for the call that met it.

mod api_code;
mod class;
mod table;
mod user_message;

pub use api_code::ApiCode;
pub use class::{CodeClass, CodeSource};
pub use user_message::UserMessage;
