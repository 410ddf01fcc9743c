//! Digits as people write them.

/// The digits of a number as a person writes it: `+965 9876 5432`, `00965…`, `٩٦٥…`.
pub(crate) fn digits(number: &str) -> String {
    let digits: String = number.chars().filter_map(digit).collect();
    digits.strip_prefix("00").map_or_else(|| digits.clone(), str::to_owned)
}

/// The value of an ASCII, Arabic or Persian digit, in ASCII.
pub(crate) fn digit(c: char) -> Option<char> {
    let value = match c {
        '0'..='9' => return Some(c),
        '\u{660}'..='\u{669}' => u32::from(c) - 0x660,
        '\u{6F0}'..='\u{6F9}' => u32::from(c) - 0x6F0,
        _ => return None,
    };
    char::from_digit(value, 10)
}
