//! Bulk runs: any number of recipients, in constant memory, each accounted for.

mod control;
mod handle;
mod outage;
mod progress;
mod run;
mod running;
mod source;
mod stream;

pub use handle::BulkHandle;
pub use progress::{Progress, Waiting};
pub use source::IntoNumbers;
pub use stream::Bulk;

#[cfg(test)]
#[cfg(all(feature = "quiet-hours", feature = "sandbox"))]
mod tests;
