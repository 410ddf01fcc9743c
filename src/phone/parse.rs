//! From what people type to digits.

use super::digits::ZEROS;
use super::error::PhoneError;
use super::number::PhoneNumber;

/// How strictly [`PhoneNumber::parse_with`] looks at a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CountryCheck {
    /// 7 to 15 digits, whatever they are: the Python client's rule. Nothing is guessed and nothing is added.
    #[default]
    Off,
    /// What cannot be a mobile number of its country is refused, by libphonenumber's data, which is compiled in.
    ///
    /// - Only numbers that are mobile, or mobile or fixed line (North America, Mexico, …), are accepted.
    /// - A national prefix after the country code goes where the data knows it: 966 **0**55 987 6543 is
    ///   966559876543, +44 **(0)**7712… is 447712…, and the zero of Côte d'Ivoire's 225 07… stays. Digits are
    ///   taken away in no other place and never put in.
    /// - Eight digits are never taken for a number from abroad, and neither is what has a single zero in front;
    ///   see [`NotMobileReason`](crate::NotMobileReason). Where Kuwait was probably meant, the error has a
    ///   [`suggestion`](PhoneError::suggestion).
    ///
    /// The data knows the blocks that are in use: in Kuwait parts of 4, 5, 6 and 9, so a number from a block
    /// that was opened after the data was made is refused. A [`PhoneNumber`] that you made yourself, with
    /// [`PhoneNumber::parse`], is sent to as it is.
    ///
    /// A check takes about 1 µs, without waiting for anything; but the first of the process loads the data, in
    /// 10 to 20 ms, and the first of each country makes its patterns, in a few more.
    #[cfg(feature = "strict-numbers")]
    Strict,
}

/// What one pass over an input finds.
#[derive(Default)]
pub(super) struct Found {
    /// The digits as a number, if there are no more than [`EXACT_DIGITS`](Self::EXACT_DIGITS).
    value: u64,
    /// How many digits there are from the first that is not zero.
    digits: usize,
    /// How many zeros stand before it.
    pub(super) zeros: usize,
    at_sign: bool,
    /// An ASCII `e`, `E` or `.` is in it, as in a number that is no longer what it was.
    suspect: bool,
}

impl Found {
    /// What fits into a `u64` whatever the digits are.
    const EXACT_DIGITS: usize = 19;

    #[inline]
    fn push(&mut self, digit: u8) {
        self.value = self.value.wrapping_mul(10).wrapping_add(u64::from(digit));
        if self.digits > 0 || digit > 0 {
            self.digits += 1;
        } else {
            self.zeros += 1;
        }
    }

    #[inline]
    pub(super) fn in_text(text: &str) -> Self {
        let mut found = Self::default();
        for (i, byte) in text.bytes().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                found.push(digit);
            } else if byte == b'@' {
                found.at_sign = true;
            } else if matches!(byte, b'e' | b'E' | b'.') {
                found.suspect = true;
            } else if !byte.is_ascii() {
                found.any_script(&text[i..]);
                break;
            }
        }
        found
    }

    fn any_script(&mut self, text: &str) {
        for c in text.chars() {
            match decimal_digit(c) {
                Some(digit) => self.push(digit),
                None => self.at_sign |= c == '@',
            }
        }
    }

    #[inline]
    pub(super) fn number(&self) -> Result<PhoneNumber, PhoneError> {
        if self.at_sign { Err(PhoneError::Email) } else { PhoneNumber::counted(self.value, self.digits) }
    }
}

/// The value of a decimal digit of any script.
pub(crate) fn decimal_digit(c: char) -> Option<u8> {
    let code = u32::from(c);
    let zero = match c {
        '0'..='9' => u32::from('0'),
        '٠'..='٩' => u32::from('٠'),
        '۰'..='۹' => u32::from('۰'),
        _ => *ZEROS.get(ZEROS.partition_point(|zero| *zero <= code).checked_sub(1)?)?,
    };
    u8::try_from(code - zero).ok().filter(|digit| *digit < 10)
}

/// What a spreadsheet or a script did to a number: `9.65988E+10` and `96598765432.0`.
#[cold]
fn damage(text: &str) -> Option<PhoneError> {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    // Wherever it stands, as a name may stand beside it; a longer run of digits is no exponent.
    let exponent = text.match_indices(['e', 'E']).any(|(at, _)| {
        let after = text[at + 1..].trim_start_matches(['+', '-']);
        text.as_bytes()[..at].last().is_some_and(is_digit)
            && (1..=3).contains(&after.bytes().take_while(u8::is_ascii_digit).count())
    });
    if exponent {
        return Some(PhoneError::Shortened);
    }
    let (whole, decimals) = text.trim_matches(|c: char| !c.is_ascii_alphanumeric()).split_once('.')?;
    let float = !whole.is_empty() && whole.as_bytes().iter().all(is_digit);
    (float && matches!(decimals, "0" | "00")).then_some(PhoneError::Decimal)
}

impl PhoneNumber {
    /// Fewest digits, with the country code.
    pub const MIN_DIGITS: usize = 7;
    /// Most digits, with the country code (E.164).
    pub const MAX_DIGITS: usize = 15;

    /// The Python client's rule.
    #[inline]
    pub(super) fn counted(value: u64, digits: usize) -> Result<Self, PhoneError> {
        match digits {
            Self::MIN_DIGITS..=Self::MAX_DIGITS => Ok(Self(value)),
            0 => Err(PhoneError::NoDigits),
            1..Self::MIN_DIGITS => Err(PhoneError::TooShort { digits }),
            _ => Err(PhoneError::TooLong { digits }),
        }
    }

    /// Reads a number as people write it: digits of any script, with `+`, `00`, spaces, dashes and whatever
    /// else in between.
    ///
    /// The country code must be there: nothing is guessed. Allocates nothing.
    ///
    /// # Errors
    ///
    /// What is empty, has an `@`, has no digits, or has fewer than 7 or more than 15 of them. What a spreadsheet or a
    /// script has damaged, `9.65988E+10` and `96598765432.0`: the Python client would send to a stranger.
    ///
    /// ```
    /// use kwtsms_async::{PhoneError, PhoneNumber};
    ///
    /// for written in ["96598765432", "+965 9876-5432", "0096598765432", "٩٦٥ ٩٨٧٦ ٥٤٣٢"] {
    ///     assert_eq!(PhoneNumber::parse(written)?.to_string(), "96598765432");
    /// }
    /// assert_eq!(PhoneNumber::parse("someone@example.com"), Err(PhoneError::Email));
    /// # Ok::<_, PhoneError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        Self::parse_with(text, CountryCheck::Off)
    }

    /// [`parse`](Self::parse), with a choice of how strictly the country is looked at.
    ///
    /// # Errors
    ///
    /// As `parse`, and [`PhoneError::NotMobile`] by a strict check.
    #[cfg_attr(
        feature = "strict-numbers",
        doc = r#"
```
use kwtsms_async::{CountryCheck, PhoneError, PhoneNumber};

let strict = |text| PhoneNumber::parse_with(text, CountryCheck::Strict);
assert_eq!(strict("+966 055 987 6543")?.to_string(), "966559876543");
let refused = strict("98765432").unwrap_err(); // 98 is Iran; Kuwait was meant
assert_eq!(refused.suggestion(), Some(PhoneNumber::parse("96598765432")?));
# Ok::<_, PhoneError>(())
```"#
    )]
    pub fn parse_with(text: &str, check: CountryCheck) -> Result<Self, PhoneError> {
        let found = Found::in_text(text);
        let number = found.number().map_err(|error| match error {
            PhoneError::NoDigits if text.trim().is_empty() => PhoneError::Empty,
            error => error,
        })?;
        if found.suspect
            && let Some(damage) = damage(text)
        {
            return Err(damage);
        }
        match check {
            CountryCheck::Off => Ok(number),
            #[cfg(feature = "strict-numbers")]
            CountryCheck::Strict => super::strict::check(number, found.zeros),
        }
    }
}

/// The digits of an input: those of every script become ASCII, all else goes, and so do zeros in front.
///
/// Nothing is checked: use [`PhoneNumber::parse`] for a number to send to.
///
/// ```
/// assert_eq!(kwtsms_async::normalize_phone("+٩٦٥ 9876-5432"), "96598765432");
/// ```
pub fn normalize_phone(phone: &str) -> String {
    let found = Found::in_text(phone);
    match found.digits {
        0 => String::new(),
        1..=Found::EXACT_DIGITS => found.value.to_string(),
        _ => {
            let digits = phone.chars().filter_map(decimal_digit).skip_while(|digit| *digit == 0);
            digits.map(|digit| char::from(b'0' + digit)).collect()
        }
    }
}

/// [`PhoneNumber::parse`] by the name that it has in the Python client.
///
/// # Errors
///
/// As `parse`.
pub fn validate_phone_input(phone: &str) -> Result<PhoneNumber, PhoneError> {
    PhoneNumber::parse(phone)
}
