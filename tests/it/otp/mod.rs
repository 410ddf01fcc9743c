//! One-time codes.

mod outcomes;
mod settings;
mod shape;
pub(crate) mod world;
