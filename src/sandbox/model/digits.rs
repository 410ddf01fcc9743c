//! Digits as people write them.

/// The digits of a number as a person writes it: `+965 9876 5432`, `00965…`, `٩٦٥…`.
pub(crate) fn digits(number: &str) -> String {
    let digits: String = number.chars().filter_map(digit).collect();
    digits.strip_prefix("00").filter(|rest| !rest.is_empty()).map_or_else(|| digits.clone(), str::to_owned)
}

/// The zeros of all scripts (Unicode 17, general category Nd); the nine digits follow each.
const ZEROS: &[u32] = &[
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50,
    0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
    0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x10D40,
    0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x116D0, 0x116DA,
    0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50, 0x11DA0, 0x11DE0, 0x11F50, 0x16130, 0x16A60,
    0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0,
    0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

/// The value of a decimal digit of any script, in ASCII.
pub(crate) fn digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let place = ZEROS.partition_point(|&zero| zero <= u32::from(c)).checked_sub(1)?;
    char::from_digit(u32::from(c) - ZEROS.get(place)?, 10)
}

#[cfg(test)]
mod tests {
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

    use super::*;

    #[test]
    fn every_decimal_digit_of_unicode_is_one_and_nothing_else_is() {
        let mut seen = 0;
        for c in ('\0'..=char::MAX).filter(|c| c.is_ascii() || digit(*c).is_some() || is_decimal(*c)) {
            assert_eq!(digit(c).is_some(), is_decimal(c), "U+{:04X}", u32::from(c));
            seen += usize::from(digit(c).is_some());
        }
        assert_eq!(seen, ZEROS.len() * 10);
        assert_eq!("٣۷９𝟗".chars().filter_map(digit).collect::<String>(), "3799");
    }

    fn is_decimal(c: char) -> bool {
        c.general_category() == GeneralCategory::DecimalNumber
    }
}
