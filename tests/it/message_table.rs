//! The table of emoji and hidden characters: made here, and held to Unicode's own properties.

use std::fmt::Write;
use std::ops::RangeInclusive;

use kwtsms_async::clean_message;
use unicode_properties::{GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

/// The ranges that the Python client, kwtsms 0.7.3 for Python, removes as emoji, without its variation selectors.
const SEED_EMOJI: [RangeInclusive<u32>; 11] = [
    0x1F600..=0x1F64F,
    0x1F300..=0x1F5FF,
    0x1F680..=0x1F6FF,
    0x1F700..=0x1F77F,
    0x1F780..=0x1F7FF,
    0x1F800..=0x1F8FF,
    0x1F900..=0x1F9FF,
    0x1FA00..=0x1FA6F,
    0x1FA70..=0x1FAFF,
    0x2600..=0x26FF,
    0x2700..=0x27BF,
];

/// Characters without a shape of their own (Default_Ignorable_Code_Point) that are no format characters.
const IGNORABLE: [RangeInclusive<u32>; 8] = [
    0x34F..=0x34F,
    0x115F..=0x1160,
    0x17B4..=0x17B5,
    0x180B..=0x180F,
    0x2065..=0x2065,
    0x3164..=0x3164,
    0xFFA0..=0xFFA0,
    0xE0000..=0xE0FFF,
];

/// What a character is, as the table names it.
pub(crate) fn kind(c: char) -> Option<&'static str> {
    let code = u32::from(c);
    let within = |ranges: &[RangeInclusive<u32>]| ranges.iter().any(|range| range.contains(&code));
    // Whatever Unicode lets be shown as an emoji, but for signs of writing and trade; and with the ranges of the
    // Python client the blocks of pictures, cards and tiles. U+20E3 is the keycap around a digit; the digit stays.
    let sign = c.is_ascii() || matches!(c, '©' | '®' | '™');
    if c.is_emoji_char() && !sign
        || c == '\u{20E3}'
        || within(&SEED_EMOJI)
        || (0x1F000..=0x1FAFF).contains(&code)
    {
        return Some("Emoji");
    }
    let hidden = c.general_category() == GeneralCategory::Format
        || ('\u{FE00}'..='\u{FE0F}').contains(&c)
        || c == '\u{FFFC}'
        || within(&IGNORABLE);
    if hidden {
        return Some("Hidden");
    }
    (c.general_category() == GeneralCategory::Control && !matches!(c, '\n' | '\t')).then_some("Control")
}

fn every_char() -> impl Iterator<Item = char> {
    '\0'..=char::MAX
}

fn generate() -> String {
    let mut rows: Vec<(u32, u32, &str)> = Vec::new();
    for c in every_char() {
        let Some(kind) = kind(c) else { continue };
        let code = u32::from(c);
        match rows.last_mut() {
            Some((_, last, before)) if *last + 1 == code && *before == kind => *last = code,
            _ => rows.push((code, code, kind)),
        }
    }
    let (major, minor, _) = unicode_properties::UNICODE_VERSION;
    let mut file = format!(
        "//! What gets a message stuck: made, not written. `tests/it/message_table.rs` says what is in it and makes\n\
         //! it again: `UPDATE_TABLE=1 cargo test --test it message_table`.\n\
         //!\n\
         //! Unicode {major}.{minor}.\n\n\
         use Stuck::{{Control, Emoji, Hidden}};\n\n\
         /// What a character is that the gateway accepts and then does not send, or that has no shape in a text.\n\
         #[derive(Clone, Copy, Debug, PartialEq, Eq)]\n\
         pub(crate) enum Stuck {{\n    \
             /// An emoji, or what makes one of the characters around it.\n    \
             Emoji,\n    \
             /// A character without a shape: zero-width, a direction mark, a variation selector.\n    \
             Hidden,\n    \
             /// A control character. It gets nothing stuck, but no phone has a shape for it.\n    \
             Control,\n\
         }}\n\n\
         /// First and last code point and what they are, in order.\n\
         pub(super) static TABLE: [(u32, u32, Stuck); {}] = [\n",
        rows.len()
    );
    for (first, last, kind) in rows {
        writeln!(file, "    (0x{first:04X}, 0x{last:04X}, {kind}),").unwrap();
    }
    file + "];\n"
}

#[test]
fn the_table_is_what_the_generator_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/message/table.rs");
    let made = generate();
    if std::env::var_os("UPDATE_TABLE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == made,
        "src/message/table.rs is out of date: UPDATE_TABLE=1 cargo test --test it message_table"
    );
}

/// What a character becomes between plain text.
pub(crate) fn becomes(c: char) -> String {
    let digit = |zero: char| char::from_digit(u32::from(c) - u32::from(zero), 10).unwrap().to_string();
    match c {
        '٠'..='٩' => digit('٠'),
        '۰'..='۹' => digit('۰'),
        '０'..='９' => digit('０'),
        '\u{1CCF0}'..='\u{1CCF9}' => digit('\u{1CCF0}'),
        '\u{1D7CE}'..='\u{1D7FF}' => ((u32::from(c) - 0x1D7CE) % 10).to_string(),
        '\u{1FBF0}'..='\u{1FBF9}' => digit('\u{1FBF0}'),
        '\u{66B}' => ".".to_owned(),
        '\u{66C}' => ",".to_owned(),
        '\u{B}' | '\u{C}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => "\n".to_owned(),
        '\u{80}'..='\u{9F}' => {
            WINDOWS_1252[usize::try_from(u32::from(c)).unwrap() - 0x80].to_string().replace('\0', "")
        }
        _ if kind(c).is_some() => String::new(),
        _ => c.to_string(),
    }
}

/// <https://encoding.spec.whatwg.org/index-windows-1252.txt>; NUL where the standard leaves the control character.
#[rustfmt::skip]
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0',
    '\0', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

#[test]
fn every_character_is_cleaned_as_its_unicode_properties_say() {
    for c in every_char() {
        // Beside plain text of each speed: ASCII, Arabic, longer.
        let text = format!("ab{c}؟م{c}€{c}");
        let becomes = becomes(c);
        assert_eq!(
            clean_message(&text),
            format!("ab{becomes}؟م{becomes}€{becomes}"),
            "U+{:04X}",
            u32::from(c)
        );
    }
}

#[test]
fn what_is_taken_from_between_two_digits_leaves_a_blank() {
    for c in every_char().filter(|c| becomes(*c).is_empty()) {
        assert_eq!(clean_message(&format!("1{c}2")), "1 2", "U+{:04X}", u32::from(c));
        assert_eq!(clean_message(&format!("1{c}{c}<b>{c}2")), "1 2", "U+{:04X}", u32::from(c));
    }
}

#[test]
fn signs_of_trade_and_digits_are_no_emoji() {
    let text = "© ® ™ 0123456789 # *";
    assert_eq!(clean_message(text), text);
}
