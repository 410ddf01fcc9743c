//! One binary for all integration tests, one module per concern.

#![allow(clippy::unwrap_used)] // a helper of a test may panic like the test

mod message_table;
mod messages;
#[cfg(feature = "sandbox")]
mod sandbox_doors;
#[cfg(feature = "sandbox")]
mod sandbox_faults;
mod values;
