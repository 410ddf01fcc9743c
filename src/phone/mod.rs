//! Phone numbers: read, normalised, checked.

mod convert;
mod digits;
mod error;
mod gulf;
mod list;
mod number;
mod only_to;
mod parse;
mod rules;
mod shape;
mod sign;
#[cfg(feature = "strict-numbers")]
mod strict;

pub use error::{NotMobileReason, PhoneError, Region};
pub use gulf::{GulfCountry, GulfCountryError};
pub(crate) use list::may_be_list;
pub use list::split_numbers;
pub use number::PhoneNumber;
pub(crate) use only_to::OnlyTo;
pub use parse::{normalize_phone, validate_phone_input};
pub use rules::{CountryCheck, PhoneRules};
#[cfg(feature = "otp")]
pub(crate) use sign::decimal_digit;
