//! Amounts of credits, exact to the thousandth.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// Decimals that are kept. The API document v4.1 shows two at most; one more leaves room.
const DECIMALS: i64 = 3;
/// Thousandths in a credit.
const SCALE: i64 = 1_000;

/// Counts credits, the gateway's money: one credit is one page to one Kuwaiti number.
///
/// The gateway writes amounts as `150`, `150.0`, `"150.5"` or `181.00`, and a bulk run adds up thousands of
/// them. Credits are therefore whole thousandths inside, so sums are exact and equal amounts are equal. Arithmetic
/// stops at the ends of the range (about 9.2 thousand million million credits) instead of wrapping.
///
/// ```
/// use kwtsms_async::Credits;
///
/// let balance: Credits = "150.50".parse()?;
/// assert_eq!(balance.to_string(), "150.5");
/// assert_eq!((balance - Credits::from_int(1)).to_string(), "149.5");
/// assert_eq!(Credits::from_json(&serde_json::json!(150.0)), Some(Credits::from_int(150)));
/// # Ok::<(), kwtsms_async::CreditsError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Credits(i64);

/// Says why a text is not an amount of credits. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CreditsError {
    /// The text is not a decimal number.
    #[error("not an amount of credits: write a decimal number such as 150 or 150.5")]
    NotANumber,
    /// The number is beyond what [`Credits`] holds.
    #[error("the amount of credits is too large: at most 9223372036854775 can be counted")]
    OutOfRange,
}

impl Credits {
    /// No credits.
    pub const ZERO: Self = Self(0);

    /// Gives a whole number of credits.
    pub const fn from_int(credits: i64) -> Self {
        Self(credits.saturating_mul(SCALE))
    }

    /// A whole number of credits, if they can be counted.
    #[inline]
    pub(crate) fn from_whole(credits: i64) -> Option<Self> {
        credits.checked_mul(SCALE).map(Self)
    }

    /// Gives an amount in thousandths of a credit.
    pub const fn from_thousandths(thousandths: i64) -> Self {
        Self(thousandths)
    }

    /// Reads an amount out of a reply: an integer, a float or a text that holds one, blanks around it allowed.
    ///
    /// Gives nothing for anything else, and for a number out of range.
    #[inline]
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Self::from_whole(whole),
                // Its text is the shortest that stands for the float, and exact whatever serde_json's features are.
                None => number.to_string().parse().ok(),
            },
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Gives the amount in thousandths of a credit.
    pub const fn thousandths(self) -> i64 {
        self.0
    }

    /// Gives the nearest float, for charts and metrics; sums belong in `Credits`.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / SCALE as f64
    }

    /// Tells whether there are none.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Tells whether the amount is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// Writes the shortest decimal number: `150`, `150.5`, `-0.125`.
impl fmt::Display for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = self.0.unsigned_abs();
        let (whole, part) = (thousandths / SCALE.unsigned_abs(), thousandths % SCALE.unsigned_abs());
        let text = if part == 0 { whole.to_string() } else { format!("{whole}.{part:03}") };
        let text = if part == 0 { text.as_str() } else { text.trim_end_matches('0') };
        // Not `pad`, for a column of numbers is aligned to the right.
        f.pad_integral(!self.is_negative(), "", text)
    }
}

impl fmt::Debug for Credits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credits({self})")
    }
}

/// Reads a decimal number, with or without an exponent (`150`, `150.5`, `1e3`) and with blanks around it.
///
/// What is beyond the third decimal is rounded to the nearest thousandth, and a half away from zero. Text that
/// is not a number (`NaN` and `inf` included) and numbers out of range are refused.
impl FromStr for Credits {
    type Err = CreditsError;

    #[inline]
    fn from_str(text: &str) -> Result<Self, CreditsError> {
        // Whole amounts first, as nearly all of the gateway's are.
        match text.parse::<i64>() {
            Ok(whole) => Self::from_whole(whole).ok_or(CreditsError::OutOfRange),
            Err(_) => Self::from_decimal(text.trim()),
        }
    }
}

impl Credits {
    /// Reads what is not a whole number.
    fn from_decimal(text: &str) -> Result<Self, CreditsError> {
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(part.bytes());
        if digits().next().is_none() || !digits().all(|byte| byte.is_ascii_digit()) {
            return Err(CreditsError::NotANumber);
        }

        // The decimal point of the thousandths stands after this many digits; past their end they are zeros.
        let kept = whole.len() as i64 + exponent + DECIMALS;
        let mut thousandths: i128 = 0;
        for byte in digits().take(usize::try_from(kept).unwrap_or(0)) {
            thousandths = thousandths * 10 + i128::from(byte - b'0');
            if thousandths > i128::from(i64::MAX) + 1 {
                return Err(CreditsError::OutOfRange);
            }
        }
        let given = (whole.len() + part.len()) as i64;
        if thousandths != 0 {
            for _ in given..kept {
                thousandths *= 10;
                if thousandths > i128::from(i64::MAX) + 1 {
                    return Err(CreditsError::OutOfRange);
                }
            }
        }
        // Only the first digit left out decides, for a half goes up whatever follows it.
        if let Ok(next) = usize::try_from(kept)
            && digits().nth(next).is_some_and(|byte| byte >= b'5')
        {
            thousandths += 1;
        }
        let signed = if negative { -thousandths } else { thousandths };
        i64::try_from(signed).map(Self).map_err(|_| CreditsError::OutOfRange)
    }
}

/// Reads an exponent, cut to where a longer one makes no difference to any text that fits in memory.
fn parse_exponent(text: &str) -> Result<i64, CreditsError> {
    const FAR: i64 = i64::MAX / 4;
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CreditsError::NotANumber);
    }
    let size = digits
        .bytes()
        .fold(0_i64, |size, byte| size.saturating_mul(10).saturating_add(i64::from(byte - b'0')).min(FAR));
    Ok(sign * size)
}

impl From<Credits> for f64 {
    fn from(credits: Credits) -> Self {
        credits.as_f64()
    }
}

impl Add for Credits {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Credits {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Credits {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Credits {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl Sum for Credits {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl<'a> Sum<&'a Credits> for Credits {
    fn sum<I: Iterator<Item = &'a Self>>(amounts: I) -> Self {
        amounts.copied().sum()
    }
}

/// Writes a number: an integer when the amount is whole, a float otherwise.
///
/// A float holds 15 digits, so amounts with a fraction come back exactly up to a million million credits.
impl Serialize for Credits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % SCALE == 0 {
            serializer.serialize_i64(self.0 / SCALE)
        } else {
            serializer.serialize_f64(self.as_f64())
        }
    }
}

/// Reads what [`Credits::from_json`] reads.
impl<'de> Deserialize<'de> for Credits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value).ok_or_else(|| de::Error::custom(CreditsError::NotANumber))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn thousandths(text: &str) -> Result<i64, CreditsError> {
        text.parse::<Credits>().map(Credits::thousandths)
    }

    #[test]
    fn the_forms_the_gateway_writes_are_one_amount() {
        for value in
            [json!(150), json!(150.0), json!("150"), json!("150.0"), json!(" 150.00 "), json!("1.5e2")]
        {
            assert_eq!(Credits::from_json(&value), Some(Credits::from_int(150)), "{value}");
        }
        assert_eq!(Credits::from_json(&json!("150.5")), Some(Credits::from_thousandths(150_500)));
        assert_eq!(Credits::from_json(&json!(150.5)), Some(Credits::from_thousandths(150_500)));
        assert_eq!(Credits::from_json(&json!(-1.25)), Some(Credits::from_thousandths(-1_250)));
    }

    #[test]
    fn what_is_not_a_number_is_no_amount() {
        for value in
            [json!(null), json!(true), json!([1]), json!({"a": 1}), json!(""), json!("many"), json!("1,000")]
        {
            assert_eq!(Credits::from_json(&value), None, "{value}");
        }
        for text in [
            "", " ", "-", "+", ".", "e3", "-.e1", "1e", "1e+", "1e1.5", "1.2.3", "--1", "+-1", "1 0", "NaN",
            "nan",
        ] {
            assert_eq!(thousandths(text), Err(CreditsError::NotANumber), "{text}");
        }
        for text in ["inf", "-inf", "Infinity", "0x10", "1_000", "١٢", "1€"] {
            assert_eq!(thousandths(text), Err(CreditsError::NotANumber), "{text}");
        }
    }

    #[test]
    fn exponents_and_bare_points_are_read() {
        for (text, expected) in [
            ("1e3", 1_000_000),
            ("1E+3", 1_000_000),
            ("15e-1", 1_500),
            ("1500.0e-3", 1_500),
            ("0.00012e4", 1_200),
            (".5", 500),
            ("5.", 5_000),
            ("+5", 5_000),
            ("-0", 0),
            ("0e99999999999999999999", 0),
            ("1e-99999999999999999999", 0),
            ("000000000000000000000000000000001", 1_000),
        ] {
            assert_eq!(thousandths(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn beyond_three_decimals_the_nearest_thousandth_is_taken() {
        for (text, expected) in [
            ("0.0004", 0),
            ("0.0005", 1),
            ("-0.0005", -1),
            ("0.00049999", 0),
            ("0.30000000000000004", 300),
            ("0.9996", 1_000),
            ("5e-4", 1),
            ("5e-5", 0),
            ("99e-5", 1),
        ] {
            assert_eq!(thousandths(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn the_range_ends_where_the_thousandths_end() {
        assert_eq!(thousandths("9223372036854775.807"), Ok(i64::MAX));
        assert_eq!(thousandths("-9223372036854775.808"), Ok(i64::MIN));
        for text in [
            "9223372036854775.808",
            "9223372036854775.8075",
            "-9223372036854775.809",
            "1e16",
            "-1e16",
            "1e300",
            "1e99999999999999999999",
            "99999999999999999999999999999999999999999999999999",
        ] {
            assert_eq!(thousandths(text), Err(CreditsError::OutOfRange), "{text}");
        }
        assert_eq!(Credits::from_json(&json!(u64::MAX)), None);
        assert_eq!(Credits::from_json(&json!(1e300)), None);
    }

    #[test]
    fn display_is_the_shortest_decimal() {
        for (amount, expected) in [
            (0, "0"),
            (150_000, "150"),
            (150_500, "150.5"),
            (150_050, "150.05"),
            (150_005, "150.005"),
            (1, "0.001"),
            (-125, "-0.125"),
            (-1_000, "-1"),
            (100_000, "100"),
            (i64::MIN, "-9223372036854775.808"),
        ] {
            assert_eq!(Credits::from_thousandths(amount).to_string(), expected);
        }
        assert_eq!(
            format!("{:>8}|{:<6}|", Credits::from_thousandths(1_500), Credits::ZERO),
            "     1.5|0     |"
        );
        assert_eq!(format!("{:?}", Credits::from_thousandths(1_500)), "Credits(1.5)");
    }

    #[test]
    fn arithmetic_is_exact_and_stops_at_the_ends() {
        let tenth: Credits = "0.1".parse().unwrap();
        assert_eq!([tenth; 10].iter().sum::<Credits>(), Credits::from_int(1));
        let mut balance = Credits::from_int(3);
        balance += tenth;
        balance -= Credits::from_int(4);
        assert_eq!(balance, Credits::from_thousandths(-900));
        assert!(balance.is_negative() && !balance.is_zero());
        assert!(Credits::ZERO.is_zero() && !Credits::ZERO.is_negative());
        assert_eq!(Credits::from_int(i64::MAX).thousandths(), i64::MAX);
        assert_eq!(Credits::from_int(i64::MAX) + tenth, Credits::from_thousandths(i64::MAX));
        assert_eq!(Credits::from_int(i64::MIN) - tenth, Credits::from_thousandths(i64::MIN));
        assert_eq!(f64::from(tenth), 0.1);
    }

    #[test]
    fn serde_writes_a_number_and_reads_leniently() {
        assert_eq!(serde_json::to_string(&Credits::from_int(-150)).unwrap(), "-150");
        assert_eq!(serde_json::to_string(&Credits::from_thousandths(150_500)).unwrap(), "150.5");
        for text in ["150.5", "150.50", "\"150.5\"", "1505e-1"] {
            assert_eq!(serde_json::from_str::<Credits>(text).unwrap().thousandths(), 150_500, "{text}");
        }
        for text in ["null", "\"x\"", "[]", "1e40"] {
            assert!(serde_json::from_str::<Credits>(text).is_err(), "{text}");
        }
    }
}
