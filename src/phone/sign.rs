//! What each character of an input is to a phone number.

use super::digits::ZEROS;

/// A character, as far as a number is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Digit(u8),
    /// Has no shape of its own, or only adorns the digit before it: taken away.
    Mark,
    /// Stands between the groups of a number: a blank, a hyphen.
    Between,
    Dot,
    Open,
    Close,
    Plus,
    /// Stands between two numbers of a list.
    Separator,
    /// The decimal separator of Arabic digits.
    DecimalSeparator,
    /// A letter, or a numeral that is no decimal digit: `²`, `½`, `Ⅳ`.
    Letter,
    Other(char),
}

/// Sorts a character.
#[inline]
pub(super) fn sign(c: char) -> Sign {
    match c {
        '0'..='9' => Sign::Digit(c as u8 - b'0'),
        '\0'..='\x7f' => ASCII[c as usize],
        _ => beyond_ascii(c),
    }
}

static ASCII: [Sign; 128] = {
    let mut table = [Sign::Letter; 128];
    let mut byte = 0;
    while byte < 128 {
        let c = byte as u8 as char;
        table[byte] = match c {
            ' ' | '-' => Sign::Between,
            '.' => Sign::Dot,
            '(' => Sign::Open,
            ')' => Sign::Close,
            '+' => Sign::Plus,
            _ if is_separator(c) => Sign::Separator,
            _ if c.is_ascii_alphabetic() => Sign::Letter,
            _ => Sign::Other(c),
        };
        byte += 1;
    }
    table
};

fn beyond_ascii(c: char) -> Sign {
    match c {
        '\u{ff0e}' => Sign::Dot,
        '\u{ff08}' => Sign::Open,
        '\u{ff09}' => Sign::Close,
        '\u{ff0b}' => Sign::Plus,
        _ if is_separator(c) => Sign::Separator,
        '\u{66b}' => Sign::DecimalSeparator,
        // Hyphens and dashes of all lengths, the minus sign, and those of small and full width.
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => Sign::Between,
        _ if is_mark(c) => Sign::Mark,
        _ if c.is_whitespace() => Sign::Between,
        _ => match decimal_digit(c) {
            Some(digit) => Sign::Digit(digit),
            None if c.is_alphabetic() || c.is_numeric() => Sign::Letter,
            None => Sign::Other(c),
        },
    }
}

/// True for what stands between two numbers of a list: commas, semicolons, tabs and line breaks. A blank stands
/// inside numbers.
pub(super) const fn is_separator(c: char) -> bool {
    matches!(
        c,
        ',' | ';' | '\t'
            ..='\r'
                | '\u{85}'
                | '\u{60c}'
                | '\u{61b}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{3001}'
                | '\u{ff0c}'
                | '\u{ff1b}'
    )
}

/// Zero-width characters, direction marks, soft hyphens, variation selectors, and the keycap around a digit.
const fn is_mark(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{e0001}'..='\u{e01ef}'
    )
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

/// True for signs that stand in place of digits which are hidden, cut off or lost.
pub(super) const fn hides_digits(c: char) -> bool {
    matches!(
        c,
        '*' | '?'
            | '_'
            | '\u{b7}'
            | '\u{61f}'
            | '\u{66d}'
            | '\u{2022}'
            | '\u{2026}'
            | '\u{2217}'
            | '\u{2219}'
            | '\u{2588}'
            | '\u{25a0}'..='\u{25cf}' | '\u{ff0a}' | '\u{ff1f}' | '\u{fffd}'
    )
}

/// False for signs that touch the digits of something else: a path, an escape, a percentage, a price. Text of other
/// kinds may stand beside a number.
pub(super) const fn may_touch(c: char) -> bool {
    !matches!(
        c,
        '|' | '/' | '#' | '%' | '\\' | '=' | '^' | '$' | '\u{a2}'..='\u{a5}' | '\u{58f}' | '\u{60b}' | '\u{66a}'
            | '\u{66c}' | '\u{20a0}'..='\u{20cf}' | '\u{2044}' | '\u{2215}' | '\u{fdfc}' | '\u{ff03}'
            | '\u{ff04}' | '\u{ff05}' | '\u{ff0f}' | '\u{ff1d}' | '\u{ff3c}' | '\u{ff5c}'
    )
}
