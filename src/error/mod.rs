//! The one error type of the SDK.

mod failure;
mod format;
mod handler;
mod kind;

pub use failure::Error;
pub use kind::{Delivery, ErrorKind};
