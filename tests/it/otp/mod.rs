//! One-time codes.

mod attacks;
mod down;
mod leaks;
mod outcomes;
#[cfg(feature = "store")]
mod processes;
mod settings;
mod shape;
pub(crate) mod world;
