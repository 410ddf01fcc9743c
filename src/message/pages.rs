//! How many pages a text takes.

/// The alphabet a text is sent in, which sets how much fits on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// The GSM 7-bit alphabet: 160 septets on a single page, 153 on each of several.
    Gsm7,
    /// UTF-16 units, for Arabic and all else: 70 on a single page, 67 on each of several.
    Ucs2,
}

/// The size of a text as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) encoding: Encoding,
    /// Septets or UTF-16 units, without what a page border leaves unused.
    pub(super) units: usize,
    pub(super) pages: usize,
}

/// Measures a text; an empty one takes no page.
#[inline]
pub(super) fn measure(text: &str) -> Size {
    // 160 and 70: API document v4.1. 153 and 67 fit what the gateway took live: 1071 characters or 469 UCS-2 units
    // are 7 pages.
    match septets_of(text) {
        Some(units) => {
            let (pages, _) = pages(units, 160, 153, text.chars().filter_map(septets));
            Size { encoding: Encoding::Gsm7, units, pages }
        }
        None => {
            let units = text.chars().map(char::len_utf16).sum();
            let (pages, _) = pages(units, 70, 67, text.chars().map(char::len_utf16));
            Size { encoding: Encoding::Ucs2, units, pages }
        }
    }
}

/// Counts the units on the last page of a measured text, and how many a page of it holds.
pub(super) fn last_page(text: &str, size: Size) -> (usize, usize) {
    let (single, part) = match size.encoding {
        Encoding::Gsm7 => (160, 153),
        Encoding::Ucs2 => (70, 67),
    };
    let units =
        |c: char| if size.encoding == Encoding::Gsm7 { septets(c).unwrap_or(0) } else { c.len_utf16() };
    let (pages, last) = pages(size.units, single, part, text.chars().map(units));
    (last, if pages > 1 { part } else { single })
}

/// Counts the pages of so many units, one that holds `single` of them or several of `part`, and the units on the last.
/// No page border divides a character: an escape pair or surrogate pair moves to the next page.
#[inline]
fn pages(
    units: usize,
    single: usize,
    part: usize,
    characters: impl Iterator<Item = usize>,
) -> (usize, usize) {
    if units <= single {
        return (usize::from(units > 0), units);
    }
    let (mut pages, mut on_this_page) = (1, 0);
    for character in characters {
        on_this_page += character;
        if on_this_page > part {
            pages += 1;
            on_this_page = character;
        }
    }
    (pages, on_this_page)
}

/// The septets of a text, `None` if a character is in no table. One-time codes are ASCII, and go by a table of their own.
#[inline]
fn septets_of(text: &str) -> Option<usize> {
    /// The septets of the ASCII characters; 0 for what is in no table.
    static OF_ASCII: [u8; 128] = {
        let (mut table, mut c) = ([0; 128], 0u8);
        while c < 128 {
            if let Some(count) = septets(c as char) {
                table[c as usize] = count as u8;
            }
            c += 1;
        }
        table
    };

    if !text.is_ascii() {
        return text.chars().map(septets).sum();
    }
    let counts = text.bytes().map(|byte| OF_ASCII[usize::from(byte & 0x7f)]);
    let (sum, least) =
        counts.fold((0, 1), |(sum, least), count| (sum + usize::from(count), count.min(least)));
    (least > 0).then_some(sum)
}

/// Counts the septets of a character in the GSM 7-bit alphabet (3GPP TS 23.038, 6.2.1): 1 in the basic table, 2 with
/// the escape to the extension table, `None` for what is in neither.
pub(super) const fn septets(c: char) -> Option<usize> {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | ' '..='?' | '\n' | '\r' | '@' | '_' => Some(1),
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        '£' | '¥' | 'è' | 'é' | 'ù' | 'ì' | 'ò' | 'Ç' | 'Ø' | 'ø' | 'Å' | 'å' | 'Δ' | 'Φ' | 'Γ' | 'Λ'
        | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' | 'Æ' | 'æ' | 'ß' | 'É' | '¤' | '¡' | 'Ä' | 'Ö' | 'Ñ' | 'Ü'
        | '§' | '¿' | 'ä' | 'ö' | 'ñ' | 'ü' | 'à' => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Encoding, Size, last_page, measure, septets};

    fn gsm7(units: usize, pages: usize) -> Size {
        Size { encoding: Encoding::Gsm7, units, pages }
    }

    fn ucs2(units: usize, pages: usize) -> Size {
        Size { encoding: Encoding::Ucs2, units, pages }
    }

    #[test]
    fn pages_end_where_the_gateways_do() {
        assert_eq!(measure(""), gsm7(0, 0));
        for (characters, pages) in
            [(1, 1), (160, 1), (161, 2), (306, 2), (307, 3), (918, 6), (919, 7), (1071, 7), (1072, 8)]
        {
            assert_eq!(measure(&"a".repeat(characters)), gsm7(characters, pages));
        }
        for (characters, pages) in
            [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (402, 6), (403, 7), (469, 7), (470, 8)]
        {
            assert_eq!(measure(&"م".repeat(characters)), ucs2(characters, pages));
        }
    }

    #[test]
    fn the_last_page_holds_what_the_borders_left_for_it() {
        for (text, last) in [
            ("a".repeat(160), (160, 160)),
            ("a".repeat(161), (8, 153)),
            ("a".repeat(306), (153, 153)),
            ("a".repeat(307), (1, 153)),
            ("a".repeat(152) + "€" + &"a".repeat(8), (10, 153)),
            ("م".repeat(70), (70, 70)),
            ("م".repeat(71), (4, 67)),
        ] {
            assert_eq!(last_page(&text, measure(&text)), last, "{}", text.len());
        }
    }

    #[test]
    fn one_character_outside_the_alphabet_turns_the_whole_text() {
        assert_eq!(measure(&"a".repeat(100)), gsm7(100, 1));
        assert_eq!(measure(&("a".repeat(99) + "م")), ucs2(100, 2));
    }

    #[test]
    fn an_extension_character_takes_two_septets() {
        assert_eq!(measure("€"), gsm7(2, 1));
        assert_eq!(measure(&"€".repeat(80)), gsm7(160, 1));
        assert_eq!(measure(&("€".repeat(80) + "a")), gsm7(161, 2));
    }

    #[test]
    fn an_escape_pair_on_a_page_border_moves_to_the_next_page() {
        // On the border of a single page there is no other page to move to.
        assert_eq!(measure(&("a".repeat(158) + "€")), gsm7(160, 1));
        assert_eq!(measure(&("a".repeat(159) + "€")), gsm7(161, 2));
        // Two full pages hold 306 septets; with the pair on the first border 152 + 2 + 151 are left of them.
        let straddling = "a".repeat(152) + "€";
        assert_eq!(measure(&(straddling.clone() + &"a".repeat(151))), gsm7(305, 2));
        assert_eq!(measure(&(straddling + &"a".repeat(152))), gsm7(306, 3));
        // 76 pairs and a septet lost a page: 7 pages hold 532 pairs.
        assert_eq!(measure(&"€".repeat(532)), gsm7(1064, 7));
        assert_eq!(measure(&"€".repeat(533)), gsm7(1066, 8));
    }

    #[test]
    fn a_surrogate_pair_on_a_page_border_moves_to_the_next_page() {
        assert_eq!(measure(&("م".repeat(68) + "🂡")), ucs2(70, 1));
        assert_eq!(measure(&("م".repeat(69) + "🂡")), ucs2(71, 2));
        let straddling = "م".repeat(66) + "🂡";
        assert_eq!(measure(&(straddling.clone() + &"م".repeat(65))), ucs2(133, 2));
        assert_eq!(measure(&(straddling + &"م".repeat(66))), ucs2(134, 3));
    }

    #[test]
    fn the_alphabet_has_127_characters_and_10_more_by_escape() {
        // 128 places less the escape itself; the extension's form feed is the tenth.
        let count = |septets_each| ('\0'..=char::MAX).filter(|&c| septets(c) == Some(septets_each)).count();
        assert_eq!((count(1), count(2)), (127, 10));
        for c in ['`', '\t', 'ç', '’', '…', 'م', 'á'] {
            assert_eq!(septets(c), None, "{c:?}");
        }
    }
}
