//! One-time codes.

mod attacks;
mod down;
#[cfg(feature = "redis")]
mod eviction;
mod leaks;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod outcomes;
#[cfg(feature = "store")]
mod processes;
mod settings;
mod shape;
pub(crate) mod world;
