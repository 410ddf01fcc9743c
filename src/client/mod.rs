//! `Client` and its builder; they know no endpoint.

mod build;
mod builder;
mod handle;

pub use builder::ClientBuilder;
pub use handle::Client;
