//! One endpoint, one file: its request body, its reply, its outcome type, its part of `Client`.

pub(crate) mod balance;
mod coverage;
mod dlr;
mod listed;
pub(crate) mod send;
mod sender_ids;
mod status;
mod validate;
mod watch;

pub use coverage::Coverage;
pub use dlr::DeliveryReport;
pub use listed::Listed;
pub use status::MessageStatus;
pub use validate::Validation;
pub use watch::{DeliveryUpdate, WatchDelivery};
