//! One-time codes.

mod attacks;
mod outcomes;
mod settings;
mod shape;
pub(crate) mod world;
