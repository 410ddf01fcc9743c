//! Why an input is no phone number, and what to do about it.

use std::fmt;

use super::number::PhoneNumber;

/// Why an input was refused as a phone number, and what to do.
///
/// It never holds the input: neither `Display` nor `Debug` shows more than a masked number, so it can be logged
/// as it is. The first five are the Python client's refusals; [`NotMobile`](Self::NotMobile) is the answer of a strict
/// check only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PhoneError {
    /// Nothing, or nothing but white space.
    Empty,
    /// An `@` is in it.
    Email,
    /// No digit is in it, or none but zeros.
    NoDigits,
    /// Fewer than 7 digits.
    TooShort {
        /// How many there are, without the zeros in front.
        digits: usize,
    },
    /// More than 15 digits.
    TooLong {
        /// How many there are, without the zeros in front.
        digits: usize,
    },
    /// Shortened by a spreadsheet, `9.65988E+10`: its last digits are lost. The Python client would read 96598810.
    Shortened,
    /// Written as a decimal number, `96598765432.0`. The Python client would read 965987654320, a stranger's number.
    Decimal,
    /// Letters, or numerals that are no digits, stand between the digits or touch them: `96598O65432`, `Ali2 965…`.
    Letters,
    /// A sign that no phone number has stands between the digits or touches them: `|`, `/`, `#`, `%`, `\`, `=`, …
    #[non_exhaustive]
    Sign {
        /// The sign.
        sign: char,
    },
    /// Digits of something else stand beside the number: of an extension, a note, a place in a list.
    OtherDigits,
    /// Several numbers in one input. Lists are split at commas, semicolons, tabs and line breaks where they are taken
    /// ([`split_numbers`](crate::split_numbers)); a single number is not.
    Several,
    /// It cannot be a mobile number of its country.
    #[non_exhaustive]
    NotMobile {
        /// The country that its first digits stand for; `None` if they stand for none.
        region: Option<Region>,
        /// What speaks against it.
        reason: NotMobileReason,
        /// See [`PhoneError::suggestion`].
        suggestion: Option<PhoneNumber>,
    },
    /// A number, and not one of those that the client may write to: see [`only_to`](crate::ClientBuilder::only_to).
    NotAllowed,
}

/// What speaks against a number, by the plans of the Gulf states or, in a strict check, by libphonenumber's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotMobileReason {
    /// Eight digits: in all likelihood a number of Kuwait without 965.
    ///
    /// Refused even if some island's mobile numbers have eight digits with the country code (Falkland Islands,
    /// Tokelau, …), because a message to a stranger abroad hurts more than a refusal.
    NoCountryCode,
    /// Written as it is dialled inside a country.
    ///
    /// A single zero in front says so, and not which country: without the zero, a Turkish 0535… would be a mobile
    /// number of Cuba. After a country code of the Gulf a zero says so, after any other one in brackets (Italy's
    /// belongs to the number, Britain's does not), and Argentina's 15.
    NationalForm,
    /// The country code stands there twice: 965 965….
    CodeTwice,
    /// No country's numbers begin like this.
    UnknownCountry,
    /// No mobile number of the country has so many digits.
    Length {
        /// How many there are after the country code.
        digits: usize,
    },
    /// No number of the country looks like this, as far as the data knows.
    Unassigned,
    /// A fixed line.
    FixedLine,
    /// Neither mobile nor fixed line: toll-free, premium rate, voice over IP, a pager, …
    OtherService,
}

/// A country, by its two letters in ISO 3166: `KW`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(pub(super) [u8; 2]);

impl Region {
    /// Kuwait.
    pub const KW: Self = Self(*b"KW");
    /// Saudi Arabia.
    pub const SA: Self = Self(*b"SA");
    /// United Arab Emirates.
    pub const AE: Self = Self(*b"AE");
    /// Bahrain.
    pub const BH: Self = Self(*b"BH");
    /// Qatar.
    pub const QA: Self = Self(*b"QA");
    /// Oman.
    pub const OM: Self = Self(*b"OM");

    /// `None` for what is not two ASCII letters.
    #[cfg(feature = "strict-numbers")]
    pub(super) fn new(letters: &str) -> Option<Self> {
        let letters: [u8; 2] = letters.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_alphabetic).then_some(Self(letters))
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PhoneError {
    /// The number that was probably meant: a mobile number of Kuwait written without 965, or a number of the Gulf with a
    /// zero too many or its country code twice.
    ///
    /// Ask before you send to it.
    pub fn suggestion(&self) -> Option<PhoneNumber> {
        match self {
            Self::NotMobile { suggestion, .. } => *suggestion,
            _ => None,
        }
    }
}

impl std::error::Error for PhoneError {}

impl fmt::Display for PhoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no number was given: a number with its country code is needed"),
            Self::Email => f.write_str("an e-mail address: a phone number is needed"),
            Self::NoDigits => f.write_str("no digits: a number with its country code is needed"),
            Self::TooShort { digits } => {
                write!(
                    f,
                    "too short: {digits} digits, and at least 7 are needed; is the country code in front?"
                )
            }
            Self::TooLong { digits } => write!(
                f,
                "too long: {digits} digits, and at most 15 are allowed; if these are several numbers, separate them by commas"
            ),
            Self::Shortened => {
                f.write_str("a spreadsheet has shortened it: format the column as text, and export it again")
            }
            Self::Decimal => f.write_str("it was written as a decimal number: export the column as text"),
            Self::Letters => {
                f.write_str("letters stand between its digits or touch them: write the number alone")
            }
            Self::Sign { sign } if sign.is_control() => f.write_str(
                "a control character stands between its digits or touches them: write the number alone",
            ),
            Self::Sign { sign } => {
                write!(f, "the sign {sign} stands between its digits or touches them: write the number alone")
            }
            Self::OtherDigits => f.write_str(
                "digits of something else stand beside it, as of an extension or a note: leave them out",
            ),
            Self::Several => {
                f.write_str("several numbers in one: give each on its own, or a list with commas")
            }
            Self::NotAllowed => f.write_str(
                "not among the numbers of only_to, and no other is written to: nothing was sent to it",
            ),
            Self::NotMobile { region, reason, suggestion } => {
                let country = region.as_ref().map_or("this country code", Region::as_str);
                match (reason, suggestion) {
                    (NotMobileReason::NoCountryCode, Some(_)) => f.write_str(
                        "8 digits that look like a mobile number of Kuwait without its country code: add 965 in front?",
                    ),
                    (NotMobileReason::NoCountryCode, None) => f.write_str(
                        "8 digits look like a number without its country code: put it in front (965 for Kuwait)",
                    ),
                    (NotMobileReason::NationalForm, Some(_)) => {
                        write!(f, "written with a zero that is dialled only inside {country}: leave the zero out?")
                    }
                    (NotMobileReason::CodeTwice, _) => {
                        write!(f, "the country code of {country} stands there twice: write it once")
                    }
                    (NotMobileReason::NationalForm, None) if region.is_none() => f.write_str(
                        "written as it is dialled inside a country: put the country code in place of the zero",
                    ),
                    (NotMobileReason::NationalForm, None) => {
                        write!(f, "written as it is dialled inside {country}: write it as it is dialled from abroad")
                    }
                    (NotMobileReason::UnknownCountry, _) => f.write_str(
                        "no country's numbers begin like this: is the country code in front (965 for Kuwait)?",
                    ),
                    (NotMobileReason::Length { digits }, _) => {
                        write!(f, "no mobile number of {country} has {digits} digits after the country code: check the digits")
                    }
                    (NotMobileReason::Unassigned, _) => {
                        write!(f, "no number known to be in use in {country} looks like this: check the digits")
                    }
                    (NotMobileReason::FixedLine, _) => {
                        write!(f, "a fixed line of {country}: a mobile number is needed")
                    }
                    (NotMobileReason::OtherService, _) => write!(
                        f,
                        "a number of {country} for another service (toll-free, premium rate, …): a mobile number is needed"
                    ),
                }
            }
        }
    }
}
