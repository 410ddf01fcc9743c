//! Where challenges and counts lie: four operations, each whole or not at all.

mod handle;
mod memory;
mod operations;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod rules;
#[cfg(feature = "store")]
mod sqlite;

pub use handle::OtpStore;
pub use operations::StoreError;
pub(super) use operations::{
    Attempt, Attempted, Change, Count, CountKey, Full, Operations, Reserve, Reserved, Settle, duration,
    millis,
};
