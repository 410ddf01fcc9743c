//! Where the numbers of a list end.

use std::iter::FusedIterator;

use super::number::PhoneNumber;
use super::sign::{Sign, is_separator, sign};

/// Splits a list of numbers as people write it: at commas, semicolons, tabs and line breaks, Arabic ones too. A blank
/// stands inside numbers. Parts of nothing but blanks are left out; a part comes without the blanks around it.
///
/// A separator that belongs to a single input does not split it, so that the input is refused as one: the decimal comma
/// of `9,65988E+10` and `1.234.567,89`, and what follows a number as its extension or the like, words with few digits
/// (`;ext=12`, `, ext. 12`, `، تحويلة ١٢`).
///
/// ```
/// let list = "+965 9876 5432, 96551234567؛ 96565000000\n9,65988E+10";
/// let parts: Vec<_> = kwtsms_async::split_numbers(list).collect();
/// assert_eq!(parts, ["+965 9876 5432", "96551234567", "96565000000", "9,65988E+10"]);
/// ```
pub fn split_numbers(list: &str) -> impl FusedIterator<Item = &str> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        loop {
            let text = rest?;
            let (part, after) = first_part(text);
            rest = after;
            let part = part.trim();
            if !part.is_empty() {
                return Some(part);
            }
        }
    })
    .fuse()
}

/// False if an input is surely no list.
#[inline]
pub(crate) fn may_be_list(text: &str) -> bool {
    text.bytes().any(|byte| matches!(byte, b',' | b';' | b'\t'..=b'\r' | 0x80..))
        && text.contains(is_separator)
}

fn first_part(text: &str) -> (&str, Option<&str>) {
    for (at, c) in text.char_indices() {
        if is_separator(c) {
            let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
            if !is_inside(before, c, after) {
                return (before, Some(after));
            }
        }
    }
    (text, None)
}

/// True if a separator stands inside one input.
fn is_inside(before: &str, separator: char, after: &str) -> bool {
    let comma = matches!(separator, ',' | '\u{60c}' | '\u{ff0c}');
    let digits = before.chars().map(sign).filter(|sign| is_digit(*sign)).count();
    let whole = digits >= PhoneNumber::MIN_DIGITS;
    let touches = before.chars().rev().map(sign).find(|it| *it != Sign::Mark).is_some_and(is_digit);
    comma && touches && is_decimals(after, whole) || is_parameter(after) || whole && is_extension(after)
}

fn is_digit(sign: Sign) -> bool {
    matches!(sign, Sign::Digit(_))
}

/// `65988E+10`, `00`, or behind what is long enough for a number `50`, and then the end of the input.
fn is_decimals(after: &str, whole: bool) -> bool {
    let mut rest = after.chars().filter(|c| sign(*c) != Sign::Mark).peekable();
    let mut zeros = 0;
    let mut digits = 0;
    while let Some(digit) = rest.next_if(|c| is_digit(sign(*c))) {
        digits += 1;
        zeros += usize::from(sign(digit) == Sign::Digit(0));
    }
    match rest.next() {
        Some('e' | 'E') => {
            digits > 0 && rest.next().is_some_and(|c| matches!(c, '+' | '-') || is_digit(sign(c)))
        }
        Some(c) if !(is_separator(c) || c.is_whitespace()) => false,
        _ => (1..=3).contains(&digits) && (whole || zeros == digits),
    }
}

/// A parameter as a `tel:` address or a vCard has it: `ext=12`, `TYPE=CELL`.
fn is_parameter(after: &str) -> bool {
    let name = after.trim_start().trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-');
    name.starts_with('=') && after.trim_start().starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Words and then too few digits for a number of their own, with nothing else between: `ext. 12`, `تحويلة 12`.
fn is_extension(after: &str) -> bool {
    let part = &after[..after.find(is_separator).unwrap_or(after.len())];
    let words = part.find(|c| is_digit(sign(c))).map_or("", |first| &part[..first]);
    let digits = part.chars().map(sign).filter(|sign| is_digit(*sign)).count();
    words.contains(char::is_alphabetic) && digits < PhoneNumber::MIN_DIGITS
}
