//! The only numbers that may be written to.

use std::fmt;
use std::sync::Arc;

use super::error::PhoneError;
use super::number::PhoneNumber;

/// The only numbers that may be written to: everybody unless they are named. Cloning is cheap.
#[derive(Clone, Default)]
pub(crate) struct OnlyTo(Option<Arc<[PhoneNumber]>>);

impl OnlyTo {
    /// Nobody but these.
    pub(crate) fn these(mut numbers: Vec<PhoneNumber>) -> Self {
        numbers.sort_unstable_by_key(|number| number.as_u64());
        Self(Some(numbers.into()))
    }

    #[inline]
    pub(crate) fn is_everybody(&self) -> bool {
        self.0.is_none()
    }

    #[inline]
    pub(crate) fn allows(&self, number: PhoneNumber) -> bool {
        let among = |numbers: &Arc<[PhoneNumber]>| {
            numbers.binary_search_by_key(&number.as_u64(), |number| number.as_u64()).is_ok()
        };
        self.0.as_ref().is_none_or(among)
    }

    /// How many there are, if not everybody may be written to.
    #[cfg(feature = "diagnose")]
    pub(crate) fn count(&self) -> Option<usize> {
        self.0.as_ref().map(|numbers| numbers.len())
    }

    /// The number, if it may be written to.
    #[inline]
    pub(crate) fn check(&self, number: PhoneNumber) -> Result<PhoneNumber, PhoneError> {
        if self.allows(number) { Ok(number) } else { Err(PhoneError::NotAllowed) }
    }

    /// How many of the numbers may not be written to.
    #[inline]
    pub(crate) fn refused(&self, numbers: &[PhoneNumber]) -> usize {
        match self.0 {
            None => 0,
            Some(_) => numbers.iter().filter(|number| !self.allows(**number)).count(),
        }
    }
}

impl fmt::Debug for OnlyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("everybody"),
            Some(numbers) => write!(f, "{} numbers", numbers.len()),
        }
    }
}
