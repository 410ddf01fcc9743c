//! What became of each number: batches, their results and the account over all of them.

mod account;
mod batch;
mod send_report;

pub use account::{Account, Status};
pub use batch::{Accepted, Batch, Duplicate, Invalid, Outcome};
pub use send_report::SendReport;
