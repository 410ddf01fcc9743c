//! Phone numbers: read, normalised, checked.

mod digits;
mod error;
mod number;
mod parse;
#[cfg(feature = "strict-numbers")]
mod strict;

pub use error::{NotMobileReason, PhoneError, Region};
pub use number::PhoneNumber;
#[cfg(feature = "otp")]
pub(crate) use parse::decimal_digit;
pub use parse::{CountryCheck, normalize_phone, validate_phone_input};
