//! Where challenges and counts lie: four operations, each whole or not at all.

mod handle;
mod memory;
mod operations;
mod rules;

pub use handle::OtpStore;
pub use operations::StoreError;
pub(super) use operations::{
    Attempt, Attempted, Change, Count, CountKey, Full, Operations, Reserve, Reserved, Settle, duration,
    millis,
};
