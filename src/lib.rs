//! Async, Tokio-native SDK for kwtSMS, the Kuwaiti SMS gateway.

pub(crate) mod clock;
pub mod secret;
pub mod transport;
