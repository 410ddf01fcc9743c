//! The table of emoji and hidden characters: made here, and held to Unicode's own properties.

use std::fmt::Write;
use std::ops::RangeInclusive;

use kwtsms_async::clean_message;
use unicode_properties::{EmojiStatus, GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};

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

/// What cleaning has to do with a character, as the table names it.
fn kind(c: char) -> Option<&'static str> {
    use EmojiStatus as E;
    let shown_as_emoji = matches!(
        c.emoji_status(),
        E::EmojiPresentation
            | E::EmojiPresentationAndModifierBase
            | E::EmojiPresentationAndEmojiComponent
            | E::EmojiPresentationAndModifierAndEmojiComponent
    );
    // U+20E3 is the keycap around a digit; the digit stays.
    if shown_as_emoji || c == '\u{20E3}' || SEED_EMOJI.iter().any(|range| range.contains(&u32::from(c))) {
        return Some("Emoji");
    }
    let control = matches!(c.general_category(), GeneralCategory::Control | GeneralCategory::Format);
    let variation_selector = ('\u{FE00}'..='\u{FE0F}').contains(&c);
    let object_replacement = c == '\u{FFFC}';
    (control && !matches!(c, '\n' | '\t') || variation_selector || object_replacement).then_some("Hidden")
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
        "//! Emoji and hidden characters: made, not written. `tests/it/message_table.rs` says what is in it and makes\n\
         //! it again: `UPDATE_TABLE=1 cargo test --test it message_table`.\n\
         //!\n\
         //! Unicode {major}.{minor}.\n\n\
         use super::ChangeKind::{{self, Emoji, Hidden}};\n\n\
         /// First and last code point and what they are, in order.\n\
         pub(super) static TABLE: [(u32, u32, ChangeKind); {}] = [\n",
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

#[test]
fn every_character_is_cleaned_as_its_unicode_properties_say() {
    for c in every_char() {
        // Beside plain text of each speed: ASCII, Arabic, longer.
        let text = format!("ab{c}م{c}€{c}");
        let kept = match c {
            '٠'..='٩' => char::from_digit(u32::from(c) - u32::from('٠'), 10),
            '۰'..='۹' => char::from_digit(u32::from(c) - u32::from('۰'), 10),
            _ => kind(c).is_none().then_some(c),
        };
        let kept = kept.map(String::from).unwrap_or_default();
        assert_eq!(clean_message(&text), format!("ab{kept}م{kept}€{kept}"), "U+{:04X}", u32::from(c));
    }
}

#[test]
fn signs_of_trade_and_digits_are_no_emoji() {
    let text = "© ® ™ 0123456789 # *";
    assert_eq!(clean_message(text), text);
}
