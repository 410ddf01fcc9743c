//! From what people type to digits.

use super::error::PhoneError;
use super::gulf;
use super::number::PhoneNumber;
use super::rules::{CountryCheck, PhoneRules};
use super::shape::{Groups, Written, examine};
use super::sign::{Sign, decimal_digit, sign};

/// What one pass over an input finds.
#[derive(Default)]
struct Found {
    /// The digits as a number, if there are no more than [`EXACT_DIGITS`](Self::EXACT_DIGITS).
    value: u64,
    /// How many digits there are from the first that is not zero.
    digits: usize,
    /// How many zeros stand before it.
    zeros: usize,
    at_sign: bool,
    /// A `+` stands before the first digit.
    plus: bool,
    /// The first digits stand in a group of their own; how many they are.
    first_group: usize,
    /// Something else is in it than digits, blanks, hyphens, and `+` or brackets in front.
    odd: bool,
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
    fn in_text(text: &str) -> Self {
        let mut found = Self::default();
        for (i, byte) in text.bytes().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                found.push(digit);
            } else if byte.is_ascii() {
                found.other(byte);
            } else {
                found.any_script(&text[i..]);
                break;
            }
        }
        found
    }

    /// True if nothing is in it but a number, groups or not, with its country code from abroad.
    #[inline]
    fn is_plain(&self) -> bool {
        !self.odd && !self.at_sign && self.zeros != 1
    }

    /// Takes an ASCII character that is no digit.
    #[inline]
    fn other(&mut self, byte: u8) {
        let before = self.zeros + self.digits;
        if self.first_group == 0 {
            self.first_group = before;
        }
        match byte {
            b' ' | b'-' | b')' => {}
            b'+' if before == 0 => self.plus = true,
            b'(' if before == 0 => {}
            b'@' => self.at_sign = true,
            _ => self.odd = true,
        }
    }

    fn any_script(&mut self, text: &str) {
        for c in text.chars() {
            if let '٠'..='٩' | '۰'..='۹' = c {
                // The last four bits of these are the digit.
                self.push((u32::from(c) & 0xF) as u8);
                continue;
            }
            match sign(c) {
                Sign::Digit(digit) => self.push(digit),
                _ if c.is_ascii() => self.other(c as u8),
                Sign::Mark => {}
                Sign::Between => self.other(b' '),
                Sign::Plus => self.other(b'+'),
                _ => self.odd = true,
            }
        }
    }
}

impl PhoneNumber {
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

    /// A number as a machine wrote it, of whatever country.
    pub(crate) fn as_digits(text: &str) -> Option<Self> {
        Self::parse_with(text, CountryCheck::Off).ok()
    }

    /// The account's mobile number, put by mistake where the API user name belongs.
    pub(crate) fn of_user_name(username: &str) -> Option<Self> {
        let like_a_number = |c: char| c.is_ascii_digit() || "+- ".contains(c);
        username.chars().all(like_a_number).then(|| Self::as_digits(username))?
    }

    /// A number that is an integer already.
    pub(super) fn of_integer(value: u64, rules: PhoneRules) -> Result<Self, PhoneError> {
        let digits = value.checked_ilog10().map_or(0, |power| power as usize + 1);
        rules.hold(Self::counted(value, digits)?, Written::default())
    }

    /// Reads a number as people write it, by the default check, [`CountryCheck::Gulf`].
    ///
    /// An input holds **one run of digits**, of any script: groups with blanks, hyphens, dots and brackets between
    /// them, a `+` or `00` in front. Text without digits may stand before or behind it (a name, "mobile", `tel:`), and
    /// direction marks and other characters without a shape are taken away. Anything else between digits or touching
    /// them, and any other digits, are refused with their kind: what drops them sends to a stranger.
    ///
    /// The country code must be there: nothing is guessed. Allocates nothing.
    ///
    /// # Errors
    ///
    /// Each kind of [`PhoneError`]; it never holds the input.
    ///
    /// ```
    /// use kwtsms_async::{PhoneError, PhoneNumber};
    ///
    /// for written in ["96598765432", "+965 9876-5432", "0096598765432", "٩٦٥ ٩٨٧٦ ٥٤٣٢", "Ali <96598765432>"] {
    ///     assert_eq!(PhoneNumber::parse(written)?.to_string(), "96598765432");
    /// }
    /// assert_eq!(PhoneNumber::parse("+965 9876 5432 ext. 12"), Err(PhoneError::OtherDigits));
    /// assert_eq!(PhoneNumber::parse("96598765432.0"), Err(PhoneError::Decimal));
    /// let bare = PhoneNumber::parse("9876 5432").unwrap_err(); // Kuwait was meant; nothing is guessed
    /// assert_eq!(bare.suggestion(), Some(PhoneNumber::parse("96598765432")?));
    /// # Ok::<_, PhoneError>(())
    /// ```
    #[inline]
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        Self::parse_with(text, PhoneRules::default())
    }

    /// [`parse`](Self::parse), with a choice of how strictly the country is looked at, and of whose numbers those
    /// without a country code are.
    ///
    /// # Errors
    ///
    /// As `parse`; [`PhoneError::NotMobile`] by the checks `Gulf` and `Strict` only.
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
    #[inline]
    pub fn parse_with(text: &str, rules: impl Into<PhoneRules>) -> Result<Self, PhoneError> {
        let rules = rules.into();
        let found = Found::in_text(text);
        let number = Self::counted(found.value, found.digits);
        match number {
            // Most numbers of a Kuwaiti list: nothing odd, and right by every plan.
            Ok(number)
                if rules.check == CountryCheck::Gulf && gulf::is_kuwaiti(number) && found.is_plain() =>
            {
                Ok(number)
            }
            number => rules.judge(number, &found, text),
        }
    }
}

impl PhoneRules {
    fn judge(
        self,
        number: Result<PhoneNumber, PhoneError>,
        found: &Found,
        text: &str,
    ) -> Result<PhoneNumber, PhoneError> {
        if found.at_sign {
            return Err(PhoneError::Email);
        }
        let groups = match number {
            Err(PhoneError::NoDigits) if text.trim().is_empty() => return Err(PhoneError::Empty),
            Err(PhoneError::NoDigits) => return Err(PhoneError::NoDigits),
            // A plain run of digits has no groups.
            _ if found.odd || number.is_ok() && found.first_group > 0 => examine(text),
            _ => Ok(Groups::default()),
        };
        match (number, groups) {
            (_, Err(PhoneError::Shortened)) => Err(PhoneError::Shortened),
            (Err(short @ PhoneError::TooShort { .. }), _) => Err(short),
            (_, Err(broken)) => Err(broken),
            (Err(long), Ok(_)) => Err(long),
            (Ok(number), Ok(groups)) => {
                self.hold(number, Written { zeros: found.zeros, plus: found.plus, groups })
            }
        }
    }

    /// Holds a number against its country.
    fn hold(self, number: PhoneNumber, written: Written) -> Result<PhoneNumber, PhoneError> {
        let home = self.country.filter(|_| !written.plus);
        let (number, written) = match home.and_then(|country| gulf::at_home(number, written.zeros, country)) {
            Some(whole) => (whole, Written::default()),
            None => (number, written),
        };
        match self.check {
            CountryCheck::Off => Ok(number),
            CountryCheck::Gulf => gulf::check(number, written),
            #[cfg(feature = "strict-numbers")]
            CountryCheck::Strict => super::strict::check(number, written),
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
