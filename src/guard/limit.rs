//! The amounts that may be spent.

use crate::credits::Credits;
use crate::error::Error;

/// How many credits live messages may cost in an hour and in a day.
///
/// Both windows slide: an amount counts until it is an hour, or a day, and up to a minute old. At least one of them has
/// to be set.
///
/// ```
/// use kwtsms_async::{Credits, SpendLimit};
///
/// let limit = SpendLimit::new().per_hour(Credits::from_int(500)).per_day(Credits::from_int(2_000));
/// # let _ = limit;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "a limit does nothing until it is given to ClientBuilder::spend_limit"]
pub struct SpendLimit {
    pub(super) per_hour: Option<Credits>,
    pub(super) per_day: Option<Credits>,
}

impl SpendLimit {
    /// No limit yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many credits within any hour.
    pub fn per_hour(mut self, credits: Credits) -> Self {
        self.per_hour = Some(credits);
        self
    }

    /// At most so many credits within any 24 hours.
    pub fn per_day(mut self, credits: Credits) -> Self {
        self.per_day = Some(credits);
        self
    }

    pub(crate) fn check(self) -> Result<Self, Error> {
        let limits = [self.per_hour, self.per_day];
        if limits.iter().all(Option::is_none) {
            return Err(Error::config("a spend limit needs an amount: per hour, per day or both"));
        }
        if limits.into_iter().flatten().any(|limit| limit <= Credits::ZERO) {
            return Err(Error::config("a spend limit has to be above 0 credits"));
        }
        Ok(self)
    }
}
