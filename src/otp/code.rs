//! Codes: drawn, derived, and read as people type them.

use std::fmt;

use zeroize::Zeroizing;

use super::keys::{Key, Use};
use super::random::{NoRandom, random};
use crate::phone::decimal_digit;

/// The longest text that is looked at for a typed code, in bytes.
const LONGEST_TYPED: usize = 128;

/// A one-time code in ASCII digits; shown by nothing, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Code(Zeroizing<String>);

impl Code {
    /// Draws a code; every one is as likely as every other.
    pub(super) fn draw(digits: u32) -> Result<Self, NoRandom> {
        loop {
            if let Some(code) = Self::evenly(u64::from_be_bytes(random()?), digits) {
                return Ok(code);
            }
        }
    }

    /// Derives a code from what the fields say, as evenly as it is drawn.
    pub(super) fn derive(key: &Key, fields: &[&[u8]], digits: u32) -> Self {
        let mut round = 0u64;
        loop {
            let counter = round.to_be_bytes();
            let mac = key.mac(Use::DerivedCode, &[fields, &[&counter[..]]].concat());
            for eight in mac.chunks_exact(8) {
                let number = eight.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
                if let Some(code) = Self::evenly(number, digits) {
                    return code;
                }
            }
            round += 1;
        }
    }

    /// Maps a random number to a code. What is left above the last whole round of codes is thrown away, or the low
    /// codes would be likelier.
    fn evenly(number: u64, digits: u32) -> Option<Self> {
        let codes = 10u64.pow(digits);
        let rounds = u64::MAX / codes;
        (number < rounds * codes)
            .then(|| Self(Zeroizing::new(format!("{:0width$}", number % codes, width = digits as usize))))
    }

    /// Takes a code of ASCII digits that was fixed beforehand.
    pub(super) fn fixed(text: &str, digits: u32) -> Option<Self> {
        let good = text.len() == digits as usize && text.bytes().all(|byte| byte.is_ascii_digit());
        good.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Reads what a person typed or pasted: digits of any script, with blanks, marks and hidden characters between
    /// and around them. `None` where there are letters, or more or fewer digits.
    pub(super) fn read(typed: &str, digits: u32) -> Option<Self> {
        if typed.len() > LONGEST_TYPED {
            return None;
        }
        let mut code = Zeroizing::new(String::with_capacity(LONGEST_TYPED));
        for c in typed.chars() {
            match decimal_digit(c) {
                Some(digit) => code.push(char::from(b'0' + digit)),
                None if c.is_alphanumeric() => return None,
                None => {}
            }
        }
        (code.len() == digits as usize).then_some(Self(code))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::OtpKeys;
    use super::*;

    fn typed(text: &str) -> Option<String> {
        Code::read(text, 6).map(|code| code.as_str().to_owned())
    }

    #[test]
    fn a_code_is_read_in_every_script_with_blanks_and_marks() {
        for text in [
            "123456",
            " 123456\n",
            "123 456",
            "1 2 3 4 5 6",
            "123-456",
            "123\u{2013}456",
            "١٢٣٤٥٦",
            "۱۲۳۴۵۶",
            "१२३४५६",
            "１２３ ４５６",
            "\u{200f}١٢٣\u{200f}٤٥٦\u{200e}",
            "\u{2068}123456\u{2069}",
            "\u{feff}123\u{200b}456",
            "123\u{a0}456",
            "\u{201c}123456\u{201d}",
            "#123456",
            "«١٢٣٤٥٦»",
            "123.456",
            "1٢3۴5６",
        ] {
            assert_eq!(typed(text).as_deref(), Some("123456"), "{text:?}");
        }
        assert_eq!(typed("000042").as_deref(), Some("000042"), "leading zeros count");
    }

    #[test]
    fn what_is_no_code_of_this_length_is_malformed() {
        for text in [
            "",
            " ",
            "12345",
            "1234567",
            "12345a",
            "code 123456",
            "123456 هو رمزك",
            "①②③④⑤⑥",
            "12345²",
            "1e5000",
            "O12345",
            &"1".repeat(200),
            &format!("123456{}", " ".repeat(200)),
        ] {
            assert_eq!(typed(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_code_is_as_likely_as_every_other() {
        let codes = 1_000_000u64;
        let whole = u64::MAX / codes * codes;
        assert_eq!(Code::evenly(0, 6).unwrap().as_str(), "000000");
        assert_eq!(Code::evenly(codes - 1, 6).unwrap().as_str(), "999999");
        assert_eq!(Code::evenly(codes, 6).unwrap().as_str(), "000000");
        assert_eq!(Code::evenly(whole - 1, 6).unwrap().as_str(), "999999", "rounds are whole");
        for number in [whole, u64::MAX] {
            assert_eq!(Code::evenly(number, 6), None, "{number} would make low codes likelier");
        }
        // Drawn: each digit at each place about 2,000 times; 5 standard deviations are 212.
        let mut seen = [[0u32; 10]; 6];
        for _ in 0..20_000 {
            let code = Code::draw(6).unwrap();
            for (place, byte) in code.as_str().bytes().enumerate() {
                seen[place][usize::from(byte - b'0')] += 1;
            }
        }
        for (place, digits) in seen.iter().enumerate() {
            for (digit, count) in digits.iter().enumerate() {
                assert!(count.abs_diff(2_000) < 212, "digit {digit} at place {place}: {count} of 2,000");
            }
        }
    }

    #[test]
    fn a_derived_code_is_the_same_again_and_another_for_everything_else() {
        let ring = OtpKeys::random().check("test").unwrap();
        let key = ring.current();
        let code = Code::derive(key, &[b"challenge"], 10);
        assert_eq!(code, Code::derive(key, &[b"challenge"], 10));
        assert_ne!(code, Code::derive(key, &[b"other"], 10));
        let other = OtpKeys::random().check("test").unwrap();
        assert_ne!(code, Code::derive(other.current(), &[b"challenge"], 10));
        assert_eq!(code.as_str().len(), 10);
    }

    #[test]
    fn a_code_is_shown_by_nothing() {
        let code = Code::fixed("424242", 6).unwrap();
        assert_eq!(format!("{code:?}"), "Code(***)");
        assert_eq!(Code::fixed("42424", 6), None);
        assert_eq!(Code::fixed("٤٢٤٢٤٢", 6), None);
    }
}
