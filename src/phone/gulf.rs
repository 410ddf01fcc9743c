//! The numbering plans of the six Gulf states, as far as a length and a first digit go.
//!
//! From the plans that the states gave to the ITU (E.164 national numbering plans of Bahrain, Kuwait, Oman, Qatar,
//! Saudi Arabia and the United Arab Emirates). Services below the length of a subscriber's number (hotlines, toll-free
//! numbers) get no messages and are not in it.

use std::fmt;
use std::str::FromStr;

use super::error::{NotMobileReason, PhoneError, Region};
use super::number::PhoneNumber;
use super::shape::{Groups, Written};

/// A state of the Gulf, by whose numbering plan a number is read.
///
/// From text it is read by its dial code or its two letters: `965`, `+965`, `KW`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GulfCountry {
    /// 973: 8 digits.
    Bahrain,
    /// 971: 9 digits from 5 on, mobiles; 8 or 9 others.
    Emirates,
    /// 965: 8 digits.
    Kuwait,
    /// 968: 8 digits.
    Oman,
    /// 974: 8 digits.
    Qatar,
    /// 966: 9 digits.
    SaudiArabia,
}

impl GulfCountry {
    /// All six.
    pub const ALL: [Self; 6] =
        [Self::Bahrain, Self::Emirates, Self::Kuwait, Self::Oman, Self::Qatar, Self::SaudiArabia];

    /// The dial code, without `+` or zeros.
    pub const fn dial_code(self) -> u16 {
        match self {
            Self::Bahrain => 973,
            Self::Emirates => 971,
            Self::Kuwait => 965,
            Self::Oman => 968,
            Self::Qatar => 974,
            Self::SaudiArabia => 966,
        }
    }

    /// The two letters of ISO 3166.
    pub const fn region(self) -> Region {
        Region(*match self {
            Self::Bahrain => b"BH",
            Self::Emirates => b"AE",
            Self::Kuwait => b"KW",
            Self::Oman => b"OM",
            Self::Qatar => b"QA",
            Self::SaudiArabia => b"SA",
        })
    }

    /// The one whose code stands at the beginning of a number.
    pub(crate) fn of(number: PhoneNumber) -> Option<Self> {
        split(number.0, count(number.0)).map(|it| it.country)
    }

    /// True where a zero is dialled in front of a number inside the country.
    const fn has_trunk_zero(self) -> bool {
        matches!(self, Self::Emirates | Self::SaudiArabia)
    }

    /// True if so many digits after the country code are a subscriber's; they do not begin with 0.
    #[inline]
    fn has(self, national: u64, digits: usize) -> bool {
        match digits {
            8 if self == Self::SaudiArabia => false,
            8 if self == Self::Emirates => national >= 10_000_000 && national / 10_000_000 != 5,
            8 => national >= 10_000_000,
            9 => national >= 100_000_000 && matches!(self, Self::SaudiArabia | Self::Emirates),
            _ => false,
        }
    }

    /// The number with this country's code in front, if its digits are a subscriber's.
    fn number(self, national: u64) -> Option<PhoneNumber> {
        let digits = count(national);
        self.has(national, digits)
            .then(|| PhoneNumber(u64::from(self.dial_code()) * POWERS[digits] + national))
    }
}

impl fmt::Display for GulfCountry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bahrain => "Bahrain",
            Self::Emirates => "United Arab Emirates",
            Self::Kuwait => "Kuwait",
            Self::Oman => "Oman",
            Self::Qatar => "Qatar",
            Self::SaudiArabia => "Saudi Arabia",
        })
    }
}

/// A text names no state of the Gulf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no country of the Gulf: give 965 (Kuwait), 966 (Saudi Arabia), 968 (Oman), 971 (Emirates), 973 (Bahrain) or 974 (Qatar)"
)]
pub struct GulfCountryError;

impl FromStr for GulfCountry {
    type Err = GulfCountryError;

    fn from_str(text: &str) -> Result<Self, GulfCountryError> {
        let text = text.trim();
        let code = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(text);
        let named = |country: &Self| {
            code == country.dial_code().to_string() || text.eq_ignore_ascii_case(country.region().as_str())
        };
        Self::ALL.into_iter().find(named).ok_or(GulfCountryError)
    }
}

/// Ten to the power of each count of digits that a number may have.
const POWERS: [u64; PhoneNumber::MAX_DIGITS + 1] = {
    let mut powers = [1; PhoneNumber::MAX_DIGITS + 1];
    let mut power = 1;
    while power < powers.len() {
        powers[power] = powers[power - 1] * 10;
        power += 1;
    }
    powers
};

/// How many digits a number has.
fn count(value: u64) -> usize {
    value.checked_ilog10().map_or(0, |power| power as usize + 1)
}

/// A number of the Gulf, taken apart.
#[derive(Clone, Copy)]
struct Split {
    country: GulfCountry,
    national: u64,
    /// How many digits stand after the code, zeros counted.
    digits: usize,
}

impl Split {
    fn is_whole(self) -> bool {
        self.country.has(self.national, self.digits)
    }
}

#[inline]
fn split(value: u64, digits: usize) -> Option<Split> {
    let digits = digits.checked_sub(3)?;
    // By constants where it is worth it: a division by another number takes longer than all the rest.
    let (code, national) = match digits {
        8 => (value / 100_000_000, value % 100_000_000),
        9 => (value / 1_000_000_000, value % 1_000_000_000),
        10 => (value / 10_000_000_000, value % 10_000_000_000),
        _ => (value / POWERS[digits], value % POWERS[digits]),
    };
    let country = match code {
        965 => GulfCountry::Kuwait,
        966 => GulfCountry::SaudiArabia,
        968 => GulfCountry::Oman,
        971 => GulfCountry::Emirates,
        973 => GulfCountry::Bahrain,
        974 => GulfCountry::Qatar,
        _ => return None,
    };
    Some(Split { country, national, digits })
}

/// The number, if it is a whole one of the Gulf.
fn whole(value: u64) -> Option<Split> {
    match count(value) {
        digits @ 11..=12 => split(value, digits).filter(|it| it.is_whole()),
        _ => None,
    }
}

/// A number without its country code, if it can be one of this country's.
///
/// `zeros` is how many zeros stand in front of it.
pub(super) fn at_home(number: PhoneNumber, zeros: usize, country: GulfCountry) -> Option<PhoneNumber> {
    (zeros == 0 || zeros == 1 && country.has_trunk_zero()).then(|| country.number(number.0))?
}

fn refused(
    country: Option<GulfCountry>,
    reason: NotMobileReason,
    suggestion: Option<PhoneNumber>,
) -> PhoneError {
    PhoneError::NotMobile { region: country.map(GulfCountry::region), reason, suggestion }
}

/// Holds a number against the plans.
///
/// # Errors
///
/// [`PhoneError::NotMobile`], with the number that was meant where that is clear.
pub(super) fn check(number: PhoneNumber, written: Written<'_>) -> Result<PhoneNumber, PhoneError> {
    if written.digits == 8 {
        // Mobiles of Kuwait begin with 4, 5, 6 and 9: what the vendor's clients hold.
        let mobile = matches!(number.0 / 10_000_000, 4 | 5 | 6 | 9);
        let suggestion = mobile.then(|| PhoneNumber(965 * 100_000_000 + number.0));
        return Err(refused(
            suggestion.and(Some(GulfCountry::Kuwait)),
            NotMobileReason::NoCountryCode,
            suggestion,
        ));
    }
    let found = split(number.0, written.digits);
    if written.zeros == 1 {
        let country = found.map(|it| it.country);
        return Err(refused(country, NotMobileReason::NationalForm, whole(number.0).map(|_| number)));
    }
    if let Some(found) = found {
        return if found.is_whole() { Ok(number) } else { Err(amiss(found)) };
    }
    if written.groups().bracketed_zero {
        return Err(refused(None, NotMobileReason::NationalForm, None));
    }
    apart(number, written)
}

/// What is wrong with a number of the Gulf that is no whole one.
fn amiss(Split { country, national, digits }: Split) -> PhoneError {
    let real = count(national);
    match whole(national) {
        Some(again) if again.country == country => {
            refused(Some(country), NotMobileReason::CodeTwice, Some(PhoneNumber(national)))
        }
        _ if real < digits => refused(Some(country), NotMobileReason::NationalForm, country.number(national)),
        _ => refused(Some(country), NotMobileReason::Length { digits }, None),
    }
}

/// Refuses what reads as a number from abroad only because other digits stand beside a number of the Gulf: `2 965…`
/// behind a name, `22221111-555`.
pub(super) fn apart(number: PhoneNumber, written: Written<'_>) -> Result<PhoneNumber, PhoneError> {
    let Written { digits, zeros, plus, .. } = written;
    let groups = written.groups();
    if !groups.several() || whole(number.0).is_some() {
        return Ok(number);
    }
    let all = zeros + digits;
    for before in groups.borders().filter(|before| (zeros + 1..all).contains(before)) {
        let rest = all - before;
        let behind = number.0 % POWERS[rest];
        // One zero in front is none of how a country code is dialled.
        if whole(behind).is_some() && rest - count(behind) != 1 {
            return Err(PhoneError::OtherDigits);
        }
    }
    // `5-19-1990`, `1990-5-19`: with more digits it has eight, which are none of a number from abroad.
    let is_date = [[1, 3], [2, 3], [4, 5], [4, 6]].iter().any(|date| groups.borders().eq(*date));
    if is_date && !plus && zeros + digits == 7 {
        return Err(refused(None, NotMobileReason::UnknownCountry, None));
    }
    if is_behind(number, written, groups) {
        return Err(refused(None, NotMobileReason::NoCountryCode, None));
    }
    if let Some(8) = groups.borders().next()
        && !plus
        && zeros == 0
        && GulfCountry::Kuwait.number(number.0 / POWERS[all - 8]).is_some()
    {
        return Err(refused(None, NotMobileReason::NoCountryCode, None));
    }
    Ok(number)
}

/// True if a country code of the Gulf stands behind a number of it, as where Arabic text was turned round:
/// `5432 9876 00965`.
fn is_behind(number: PhoneNumber, Written { digits, zeros, plus, .. }: Written<'_>, groups: Groups) -> bool {
    let Some(before) = groups.borders().last().filter(|_| !plus && zeros == 0) else { return false };
    let code = number.0 % POWERS[digits - before];
    let country = GulfCountry::ALL.into_iter().find(|country| u64::from(country.dial_code()) == code);
    let is_whole =
        country.is_some_and(|country| country.number(number.0 / POWERS[digits - before]).is_some());
    match digits - before {
        // Groups of three end the numbers of other countries, too.
        3 => is_whole && groups.borders().all(|border| border == 4 || border == 8),
        5 => is_whole,
        _ => false,
    }
}
