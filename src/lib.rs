//! Async, Tokio-native SDK for kwtSMS, the Kuwaiti SMS gateway.

pub(crate) mod clock;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod secret;
pub mod transport;
