//! How an input is read as a number.

use super::gulf::GulfCountry;

/// How strictly a number is held against its country.
///
/// Whatever is chosen, an input holds one run of digits, or it is refused: see [`PhoneNumber::parse`].
///
/// [`PhoneNumber::parse`]: crate::PhoneNumber::parse
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CountryCheck {
    /// 7 to 15 digits, whatever they are: the Python client's rule.
    Off,
    /// What no numbering plan of the six Gulf states allows is refused, and what is written as it is dialled at home;
    /// numbers of all other countries are taken as they are. The default.
    ///
    /// - After 965, 968, 973 and 974 stand 8 digits, after 966 nine, after 971 nine (a mobile's, from 5 on) or eight,
    ///   and none of them begins with 0; the code does not stand there twice.
    /// - Eight digits alone are a number of Kuwait without 965, as far as anybody can tell. A single zero in front, or
    ///   one in brackets, belongs to how a number is dialled inside a country.
    /// - A whole number of the Gulf behind other digits (`2 965…`) is no number of elsewhere.
    ///
    /// Nothing is guessed: where it is clear what was meant, the error has a
    /// [`suggestion`](crate::PhoneError::suggestion). It takes no longer than reading the digits.
    #[default]
    Gulf,
    /// What cannot be a mobile number of its country is refused, by libphonenumber's data, which is compiled in.
    ///
    /// - Only numbers that are mobile, or mobile or fixed line (North America, Mexico, …), are accepted.
    /// - A national prefix after the country code goes where the data knows it: 966 **0**55 987 6543 is
    ///   966559876543, +44 **(0)**7712… is 447712…, and the zero of Côte d'Ivoire's 225 07… stays. Digits are
    ///   taken away in no other place and never put in.
    /// - Eight digits are never taken for a number from abroad, and neither is what has a single zero in front;
    ///   see [`NotMobileReason`](crate::NotMobileReason). Where Kuwait was probably meant, the error has a
    ///   [`suggestion`](crate::PhoneError::suggestion).
    ///
    /// The data knows the blocks that are in use: in Kuwait parts of 4, 5, 6 and 9, so a number from a block
    /// that was opened after the data was made is refused. A [`PhoneNumber`](crate::PhoneNumber) that you made
    /// yourself, with [`PhoneNumber::parse`](crate::PhoneNumber::parse), is sent to as it is.
    ///
    /// A check takes about 1 µs, without waiting for anything; but the first of the process loads the data, in
    /// 10 to 20 ms, and the first of each country makes its patterns, in a few more.
    #[cfg(feature = "strict-numbers")]
    Strict,
}

/// How inputs are read: how strictly, and whose numbers those without a country code are.
///
/// ```
/// use kwtsms_async::{CountryCheck, GulfCountry, PhoneNumber, PhoneRules};
///
/// let rules = PhoneRules::from(CountryCheck::Gulf).default_country(GulfCountry::Kuwait);
/// assert_eq!(PhoneNumber::parse_with("9876 5432", rules)?.to_string(), "96598765432");
/// assert_eq!(PhoneNumber::parse_with("+966 55 987 6543", rules)?.to_string(), "966559876543");
/// # Ok::<_, kwtsms_async::PhoneError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct PhoneRules {
    pub(super) check: CountryCheck,
    pub(super) country: Option<GulfCountry>,
}

impl PhoneRules {
    /// Takes numbers without a country code for this country's: those without `+` or `00` that have as many digits as
    /// its numbers, counted without the zero in front that Saudi Arabia and the Emirates dial at home. Default: none,
    /// so that they are refused.
    #[must_use]
    pub fn default_country(self, country: GulfCountry) -> Self {
        Self { country: Some(country), ..self }
    }

    /// Sets how strictly a number is held against its country.
    #[must_use]
    pub fn check(self, check: CountryCheck) -> Self {
        Self { check, ..self }
    }
}

impl From<CountryCheck> for PhoneRules {
    fn from(check: CountryCheck) -> Self {
        Self { check, country: None }
    }
}
