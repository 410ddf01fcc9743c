//! From what people type to digits.

use super::error::PhoneError;
use super::gulf;
use super::number::PhoneNumber;
use super::rules::{CountryCheck, PhoneRules};
use super::shape::{Written, examine};
use super::sign::{Sign, decimal_digit, sign};

/// What one pass over an input finds.
#[derive(Default)]
struct Found {
    /// The digits as a number, if there are no more than [`EXACT_DIGITS`](Self::EXACT_DIGITS).
    value: u64,
    /// How many digits there are, zeros in front included.
    all: usize,
    /// What else is in it: a set of the bits below.
    seen: u8,
}

/// A `+` stands before the first digit.
const PLUS: u8 = 1;
/// A blank, a hyphen or a closing bracket stands behind a digit.
const GROUPS: u8 = 2;
const AT_SIGN: u8 = 4;
/// Something else is in it, and it has to be looked at.
const ODD: u8 = 8;

/// What a byte that is no digit is in front of the first digit, and behind it.
static IN_FRONT: [u8; 256] = {
    let mut table = [ODD; 256];
    table[b' ' as usize] = 0;
    table[b'-' as usize] = 0;
    table[b'(' as usize] = 0;
    table[b')' as usize] = 0;
    table[b'+' as usize] = PLUS;
    table[b'@' as usize] = AT_SIGN;
    table
};
static BEHIND: [u8; 256] = {
    let mut table = [ODD; 256];
    table[b' ' as usize] = GROUPS;
    table[b'-' as usize] = GROUPS;
    table[b')' as usize] = GROUPS;
    table[b'@' as usize] = AT_SIGN;
    table
};

impl Found {
    /// What fits into a `u64` whatever the digits are.
    const EXACT_DIGITS: usize = 19;

    #[inline]
    fn in_text(text: &str) -> Self {
        let mut found = Self::default();
        let mut rest = text.as_bytes();
        while let [byte, behind @ ..] = rest
            && !byte.is_ascii_digit()
        {
            if !byte.is_ascii() {
                return found.any_script(&text[text.len() - rest.len()..]);
            }
            found.seen |= IN_FRONT[usize::from(*byte)];
            rest = behind;
        }
        if let [first @ .., _, _, _] = rest
            && let Some(eight) = first.first_chunk()
            && let Some(value) = eight_digits(*eight)
        {
            (found.value, found.all) = (value, 8);
            rest = &rest[8..];
        }
        let Self { mut value, mut all, mut seen } = found;
        while let [byte, behind @ ..] = rest {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
                all += 1;
                rest = behind;
            } else if byte.is_ascii() {
                seen |= BEHIND[usize::from(*byte)];
                rest = behind;
            } else {
                return Self { value, all, seen }.any_script(&text[text.len() - rest.len()..]);
            }
        }
        Self { value, all, seen }
    }

    #[inline(never)]
    fn any_script(mut self, text: &str) -> Self {
        let mut rest = text;
        loop {
            let Self { mut value, mut all, .. } = self;
            // The digits of Arabic and Persian take two bytes, the last four bits of which are the digit.
            while let [0xD9, digit @ 0xA0..=0xA9, ..] | [0xDB, digit @ 0xB0..=0xB9, ..] = rest.as_bytes() {
                value = value.wrapping_mul(10).wrapping_add(u64::from(digit & 0xF));
                all += 1;
                rest = &rest[2..];
            }
            (self.value, self.all) = (value, all);
            let mut chars = rest.chars();
            let Some(c) = chars.next() else { return self };
            rest = chars.as_str();
            match sign(c) {
                Sign::Digit(digit) => {
                    self.value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
                    self.all += 1;
                }
                Sign::Mark => {}
                Sign::Between => self.other(b' '),
                Sign::Plus => self.other(b'+'),
                _ if c.is_ascii() => self.other(c as u8),
                _ => self.seen |= ODD,
            }
        }
    }

    /// Takes an ASCII character that is no digit.
    fn other(&mut self, byte: u8) {
        let table = if self.all == 0 { &IN_FRONT } else { &BEHIND };
        self.seen |= table[usize::from(byte)];
    }

    fn has(&self, what: u8) -> bool {
        self.seen & what != 0
    }

    /// How many digits there are from the first that is not zero, and how many zeros stand before it.
    fn counted(&self, text: &str) -> (usize, usize) {
        let zeros = match (self.value.checked_ilog10(), self.all) {
            (Some(power), 0..=Self::EXACT_DIGITS) => self.all - power as usize - 1,
            (None, 0..=Self::EXACT_DIGITS) => self.all,
            _ => text.chars().filter_map(decimal_digit).take_while(|digit| *digit == 0).count(),
        };
        (self.all - zeros, zeros)
    }

    /// A number of Kuwait with its country code, in groups or not and with nothing else beside it: most numbers here,
    /// and right by every plan. A single zero in front of it is not.
    #[inline]
    fn kuwaiti(&self) -> Option<PhoneNumber> {
        const DIGITS: usize = 11;
        let plain = self.seen <= (PLUS | GROUPS) && self.all != DIGITS + 1 && self.all <= Self::EXACT_DIGITS;
        (plain && (965_1000_0000..=965_9999_9999).contains(&self.value)).then_some(PhoneNumber(self.value))
    }
}

/// Eight ASCII digits at once, two by two, four by four and all; `None` if one is none.
#[inline]
fn eight_digits(bytes: [u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(bytes);
    let high = 0xF0F0_F0F0_F0F0_F0F0;
    // A digit is 3 in its upper half, and stays it when 6 is added.
    if (word & high) | ((word.wrapping_add(0x0606_0606_0606_0606) & high) >> 4) != 0x3333_3333_3333_3333 {
        return None;
    }
    let pairs = (word & 0x0F0F_0F0F_0F0F_0F0F).wrapping_mul(0x0A01) >> 8;
    let fours = (pairs & 0x00FF_00FF_00FF_00FF).wrapping_mul(0x64_0001) >> 16;
    Some((fours & 0x0000_FFFF_0000_FFFF).wrapping_mul(0x2710_0000_0001) >> 32)
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
        rules.hold(Self::counted(value, digits)?, Written { digits, ..Written::default() })
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
        match found.kuwaiti() {
            Some(number) if rules.check == CountryCheck::Gulf => Ok(number),
            _ => rules.judge(&found, text),
        }
    }
}

impl PhoneRules {
    fn judge(self, found: &Found, text: &str) -> Result<PhoneNumber, PhoneError> {
        if found.has(AT_SIGN) {
            return Err(PhoneError::Email);
        }
        let (digits, zeros) = found.counted(text);
        let number = PhoneNumber::counted(found.value, digits);
        let shape = match number {
            Err(PhoneError::NoDigits) if text.trim().is_empty() => return Err(PhoneError::Empty),
            Err(PhoneError::NoDigits) => return Err(PhoneError::NoDigits),
            _ if found.has(ODD) => examine(text).err(),
            _ => None,
        };
        match (number, shape) {
            (_, Some(PhoneError::Shortened)) => Err(PhoneError::Shortened),
            (Err(short @ PhoneError::TooShort { .. }), _) => Err(short),
            (_, Some(broken)) => Err(broken),
            (Err(long), None) => Err(long),
            (Ok(number), None) => {
                let text = found.has(GROUPS | ODD).then_some(text);
                self.hold(number, Written { digits, zeros, plus: found.has(PLUS), text })
            }
        }
    }

    /// Holds a number against its country.
    fn hold(self, number: PhoneNumber, written: Written<'_>) -> Result<PhoneNumber, PhoneError> {
        let home = self.country.filter(|_| !written.plus);
        let (number, written) = match home.and_then(|country| gulf::at_home(number, written.zeros, country)) {
            Some(whole) => (whole, Written { digits: whole.digits(), ..Written::default() }),
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
    if found.all <= Found::EXACT_DIGITS {
        return if found.value == 0 { String::new() } else { found.value.to_string() };
    }
    let digits = phone.chars().filter_map(decimal_digit).skip_while(|digit| *digit == 0);
    digits.map(|digit| char::from(b'0' + digit)).collect()
}

/// [`PhoneNumber::parse`] by the name that it has in the Python client.
///
/// # Errors
///
/// As `parse`.
pub fn validate_phone_input(phone: &str) -> Result<PhoneNumber, PhoneError> {
    PhoneNumber::parse(phone)
}
