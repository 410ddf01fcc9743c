//! A phone number.

use std::fmt;

/// A phone number with its country code: 7 to 15 digits, the first of them not zero.
///
/// `Display` writes the digits, as the gateway wants them. `Debug` and [`masked`](Self::masked) hide the middle,
/// so a number can be part of a log line. With serde it is a string of digits; reading takes everything that
/// [`parse`](Self::parse) does, and integers, by the default check.
///
/// ```
/// use kwtsms_async::PhoneNumber;
///
/// let number: PhoneNumber = "+965 9876 5432".parse()?;
/// assert_eq!(format!("{number} {number:?}"), "96598765432 965****432");
/// # Ok::<_, kwtsms_async::PhoneError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(pub(super) u64);

impl PhoneNumber {
    /// Fewest digits, with the country code.
    pub const MIN_DIGITS: usize = 7;
    /// Most digits, with the country code (E.164).
    pub const MAX_DIGITS: usize = 15;

    /// The digits as an integer.
    pub fn as_u64(self) -> u64 {
        self.0
    }

    /// A number that was one of these before: no country is asked, so that what any check let through is read again.
    #[cfg(any(feature = "otp", feature = "store", feature = "redis"))]
    pub(crate) fn read_back(digits: u64) -> Option<Self> {
        (10_u64.pow(Self::MIN_DIGITS as u32 - 1)..10_u64.pow(Self::MAX_DIGITS as u32))
            .contains(&digits)
            .then_some(Self(digits))
    }

    /// How many digits it has.
    #[inline]
    pub fn digits(self) -> usize {
        self.0.ilog10() as usize + 1
    }

    /// The digits, written into room for the longest number.
    #[inline]
    pub(crate) fn write_digits(self, room: &mut [u8; Self::MAX_DIGITS]) -> &str {
        let mut rest = self.0;
        let mut start = room.len();
        while rest > 0 {
            start -= 1;
            room[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        std::str::from_utf8(&room[start..]).unwrap_or_default()
    }

    /// The first three and the last three digits: `965****432`.
    ///
    /// At least four digits are hidden, so fewer are shown of a number of less than ten; there are always four
    /// asterisks.
    pub fn masked(self) -> String {
        format!("{self:?}")
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.write_digits(&mut [0; PhoneNumber::MAX_DIGITS]))
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.digits().saturating_sub(4);
        let last = (shown / 2).min(3);
        let first = (shown - last).min(3);
        let power = |digits: usize| 10_u64.pow(digits as u32);
        write!(f, "{}****{:0last$}", self.0 / power(self.digits() - first), self.0 % power(last))
    }
}
