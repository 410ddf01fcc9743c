//! A store as the service holds it.

use std::fmt;
use std::sync::Arc;

use super::Operations;
use super::memory::Memory;

/// Where challenges and counts lie. Cloning is cheap, and clones are the same store.
#[derive(Clone)]
pub struct OtpStore(pub(in crate::otp) Arc<dyn Operations>);

impl OtpStore {
    /// A store in this process: for tests, and for a service that is one process and may forget at its end whom it
    /// sent codes to. Time is Tokio's. What has no meaning any more is forgotten by itself.
    pub fn memory() -> Self {
        Self(Arc::new(Memory::default()))
    }
}

impl fmt::Debug for OtpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OtpStore({})", self.0.name())
    }
}
