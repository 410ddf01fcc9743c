//! The gateway's rules for numbers and texts, written a second time.
//!
//! Nothing here is shared with the client but the table of what gets stuck: a wrong page count or a wrong idea of a
//! number would otherwise pass on both sides.

use crate::message::{Stuck, stuck};

/// At most this many numbers in one request (API document v4.1).
pub(crate) const MAX_NUMBERS: usize = 200;
/// At most this many characters in `mobile` (API document v4.1).
pub(crate) const MAX_MOBILE: usize = 2500;
/// At most this many pages; the document says 6, but 7 were seen to pass and 8 to fail.
pub(crate) const MAX_PAGES: usize = 7;
/// At most this many messages in the queue of an account (API document v4.1).
pub(crate) const MAX_QUEUED: usize = 1000;
/// Shown instead of a sender id that is not the account's (FAQ of the API document v4.1).
pub(crate) const FALLBACK_SENDER: &str = "KWT-SMS";
/// The digits of the shortest number: with fewer, none carries a country code and a mobile of a country with active
/// routes. The gateway's own bound is unknown.
pub(crate) const SHORTEST: usize = 9;
/// Kuwait's dial code.
pub(crate) const KUWAIT: &str = "965";

/// What the gateway thinks of one number; the names of the groups are those of `validate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// `OK`
    Good,
    /// `NR`: well formed, but its country is not active.
    NoRoute,
    /// `ER`: malformed or not a mobile.
    Malformed,
}

/// Sorts a number. The server does not normalise: `+`, `00`, spaces, local numbers and non-Latin digits are malformed.
///
/// That Kuwaiti mobiles begin with 4, 5, 6 or 9 is what clients hold; the gateway's own rule is unknown.
pub(crate) fn classify(number: &str, coverage: &[String]) -> Group {
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    if !digits || number.starts_with('0') || !(SHORTEST..=15).contains(&number.len()) {
        return Group::Malformed;
    }
    if let Some(local) = number.strip_prefix(KUWAIT)
        && (local.len() != 8 || !local.starts_with(['4', '5', '6', '9']))
    {
        return Group::Malformed;
    }
    if coverage.iter().any(|prefix| number.starts_with(prefix.as_str())) {
        Group::Good
    } else {
        Group::NoRoute
    }
}

/// How a text travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// The 7-bit alphabet: 160 characters on a single page, 153 on each of several.
    Gsm7,
    /// UCS-2, as soon as one character is outside that alphabet: 70 on a single page, 67 on each of several.
    Ucs2,
}

const GSM_BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡\
                         ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const GSM_EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// Counts the pages of a text that is not empty.
///
/// Extension characters count two, as GSM 03.38 has it; whether the gateway counts so is unknown.
pub(crate) fn pages(text: &str) -> (Encoding, usize) {
    let mut septets = 0_usize;
    for c in text.chars() {
        if GSM_BASIC.contains(c) {
            septets += 1;
        } else if GSM_EXTENSION.contains(c) {
            septets += 2;
        } else {
            let units = text.encode_utf16().count();
            return (Encoding::Ucs2, if units <= 70 { 1 } else { units.div_ceil(67) });
        }
    }
    (Encoding::Gsm7, if septets <= 160 { 1 } else { septets.div_ceil(153) })
}

/// True if the text holds something that opens an HTML tag by the HTML standard: `<` and then a letter, `/`, `!`
/// or `?`. The gateway's own rule is unknown; this is the stricter reading, closed tag or not.
pub(crate) fn has_html_tag(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| pair[0] == b'<' && (pair[1].is_ascii_alphabetic() || b"/!?".contains(&pair[1])))
}

/// A character and where it stands in its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) character: char,
    /// Characters before it.
    pub(crate) position: usize,
    /// UTF-16 units before it, which is how JavaScript counts.
    pub(crate) utf16: usize,
}

fn places(text: &str, matches: impl Fn(char) -> bool) -> Vec<Place> {
    let mut utf16 = 0;
    let mut found = Vec::new();
    for (position, character) in text.chars().enumerate() {
        if matches(character) {
            found.push(Place { character, position, utf16 });
        }
        utf16 += character.len_utf16();
    }
    found
}

/// The characters outside the 7-bit alphabet, each of which turns the whole text into UCS-2.
pub(crate) fn forces_ucs2(text: &str) -> Vec<Place> {
    places(text, |c| !GSM_BASIC.contains(c) && !GSM_EXTENSION.contains(c))
}

/// The emoji and hidden characters of a text, with which the gateway accepts a message and then keeps it in the
/// queue for ever. The exact set is unknown; the table is the one that the client cleans by, and all that the two
/// share.
pub(crate) fn emoji(text: &str) -> Vec<Place> {
    places(text, |c| matches!(stuck(c), Some(Stuck::Emoji | Stuck::Hidden)))
}

/// Characters that a phone has no shape for.
pub(crate) fn is_hidden(c: char) -> bool {
    matches!(stuck(c), Some(Stuck::Hidden))
}

/// True if the text holds one of the words, whatever the case.
pub(crate) fn has_word(text: &str, words: &[String]) -> bool {
    !words.is_empty() && {
        let text = text.to_lowercase();
        words.iter().any(|word| text.contains(&word.to_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage() -> Vec<String> {
        vec!["965".into(), "971".into()]
    }

    #[test]
    fn numbers_fall_into_the_groups_of_the_document() {
        for (number, group) in [
            ("96599153258", Group::Good),
            ("96541234567", Group::Good),
            ("971501234567", Group::Good),
            ("966558724477", Group::NoRoute),
            ("99220322", Group::Malformed),
            ("0096599220322", Group::Malformed),
            ("+96599220322", Group::Malformed),
            ("965 99220322", Group::Malformed),
            ("96524817066", Group::Malformed),
            ("9651800555", Group::Malformed),
            ("965992203221", Group::Malformed),
            ("٩٦٥٩٩٢٢٠٣٢٢", Group::Malformed),
            ("1234567890123456", Group::Malformed),
            ("", Group::Malformed),
        ] {
            assert_eq!(classify(number, &coverage()), group, "{number}");
        }
    }

    #[test]
    fn pages_have_the_lengths_seen_on_the_gateway() {
        let gsm = |n: usize| pages(&"a".repeat(n));
        let ucs = |n: usize| pages(&"ع".repeat(n));
        assert_eq!(gsm(160), (Encoding::Gsm7, 1));
        assert_eq!(gsm(161), (Encoding::Gsm7, 2));
        assert_eq!(gsm(306), (Encoding::Gsm7, 2));
        assert_eq!(gsm(307), (Encoding::Gsm7, 3));
        assert_eq!(gsm(1071), (Encoding::Gsm7, 7));
        assert_eq!(gsm(1072), (Encoding::Gsm7, 8));
        assert_eq!(ucs(70), (Encoding::Ucs2, 1));
        assert_eq!(ucs(71), (Encoding::Ucs2, 2));
        assert_eq!(ucs(134), (Encoding::Ucs2, 2));
        assert_eq!(ucs(469), (Encoding::Ucs2, 7));
        assert_eq!(ucs(470), (Encoding::Ucs2, 8));
    }

    #[test]
    fn the_basic_alphabet_has_127_characters_and_extension_characters_count_two() {
        assert_eq!(GSM_BASIC.chars().count(), 127); // 128 less the escape
        assert_eq!(pages(&"€".repeat(80)), (Encoding::Gsm7, 1));
        assert_eq!(pages(&"€".repeat(81)), (Encoding::Gsm7, 2));
        assert_eq!(pages("`"), (Encoding::Ucs2, 1));
        // Outside the first plane a character is two UTF-16 units.
        assert_eq!(pages(&"𝒳".repeat(35)), (Encoding::Ucs2, 1));
        assert_eq!(pages(&"𝒳".repeat(36)), (Encoding::Ucs2, 2));
    }

    #[test]
    fn only_what_opens_a_tag_is_html() {
        for text in ["<b>x</b>", "a <br/>", "</p", "<!-- x -->", "<?php"] {
            assert!(has_html_tag(text), "{text}");
        }
        for text in ["5 < 6 > 4", "<3", "a <> b", "x <", "<ع>"] {
            assert!(!has_html_tag(text), "{text}");
        }
    }

    #[test]
    fn what_forced_ucs2_is_named_with_its_place() {
        assert_eq!(forces_ucs2("plain €[]"), []);
        let places = forces_ucs2("𝒳 ‘a’");
        let seen: Vec<_> = places.iter().map(|at| (at.character, at.position, at.utf16)).collect();
        assert_eq!(seen, [('𝒳', 0, 0), ('‘', 2, 3), ('’', 4, 5)]);
    }

    /// What is called stuck here is what the client takes away: alone, as an emoji, and beside others.
    #[test]
    fn nothing_is_stuck_once_the_client_has_cleaned_it() {
        let mut stuck = 0;
        for c in '\0'..=char::MAX {
            for text in [
                format!("a{c}b"),
                format!("1{c}\u{FE0F}2"),
                format!("{c}\u{FE0F}\u{20E3}"),
                format!("\u{200D}{c}"),
            ] {
                let cleaned = crate::message::clean_message(&text);
                assert_eq!(emoji(&cleaned), [], "U+{:04X}: {cleaned:?}", u32::from(c));
            }
            stuck += emoji(&c.to_string()).len();
        }
        assert!(stuck > 4_000, "{stuck}");
    }

    #[test]
    fn emoji_and_hidden_characters_are_seen_and_plain_text_is_not() {
        for text in ["hi 🎉", "⭐", "a\u{200B}b", "⏰", "1\u{FE0F}\u{20E3}", "☎"] {
            assert!(!emoji(text).is_empty(), "{text}");
        }
        for text in ["hello", "مرحبا", "© ® ™ €", "1 + 1 = 2"] {
            assert!(emoji(text).is_empty(), "{text}");
        }
    }
}
