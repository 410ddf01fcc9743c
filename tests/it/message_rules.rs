//! What holds for every message text: the rules of cleaning written plainly, and a time that is linear.

use std::borrow::Cow;

use kwtsms_async::{Encoding, MessageText, TextError, clean_message};
use proptest::prelude::*;

use crate::messages::apply;

/// What stands in a text, and what went.
#[derive(Clone, Copy)]
enum Item {
    Char(char),
    Gap(Gap),
}

/// What something that went was to its neighbours; it was nothing if it stood in a name that stays.
#[derive(Clone, Copy, Default)]
struct Gap {
    words: bool,
    emoji: bool,
    lines: bool,
    /// An address stands behind it.
    starts: bool,
    /// The address of a link stands behind it.
    leads: bool,
    /// An address stands before it.
    ends: bool,
}

const GAP: Gap = Gap { words: true, emoji: false, lines: false, starts: false, leads: false, ends: false };

impl Item {
    fn char(self) -> Option<char> {
        if let Item::Char(c) = self { Some(c) } else { None }
    }

    fn gap(self) -> Option<Gap> {
        if let Item::Gap(gap) = self { Some(gap) } else { None }
    }
}

/// The rules written plainly, without care for speed; of HTML's elements those that the texts below can hold.
fn clean_plainly(text: &str) -> String {
    let mut kept: Vec<Item> = Vec::new();
    let mut settled = 0;
    let mut link: Option<(usize, String)> = None;
    for (at, c) in text.char_indices() {
        if c == '\r' && text[at + 1..].starts_with('\n') {
            kept.push(Item::Gap(GAP));
        } else if c != '>' {
            let becomes = crate::message_table::becomes(c);
            kept.extend(becomes.chars().map(Item::Char));
            if becomes.is_empty() {
                let emoji = crate::message_table::kind(c) == Some("Emoji");
                kept.push(Item::Gap(Gap { emoji, ..GAP }));
            }
        } else {
            let next = |from: usize| kept[from + 1..].iter().find_map(|item| item.char());
            let opens = |open: &usize| {
                kept[*open].char() == Some('<')
                    && next(*open).is_some_and(|c| c.is_alphabetic() || "/!?".contains(c))
            };
            let Some(open) = (settled..kept.len()).rev().find(opens) else {
                kept.push(Item::Char('>'));
                settled = kept.len();
                continue;
            };
            let content: String = kept[open + 1..].iter().filter_map(|item| item.char()).collect();
            let nested = kept[..open].iter().rev().find_map(|item| item.char()) == Some('<')
                || (settled..open).any(|open| opens(&open));
            match plain_kind(&content, &text[at..]) {
                "address" if !nested => {
                    gone(&mut kept[open..]);
                    kept[open] = Item::Gap(Gap { starts: true, ..GAP });
                    kept.push(Item::Gap(Gap { ends: true, ..GAP }));
                    settled = kept.len();
                }
                "unknown" | "address" => {
                    let before = kept[..open].iter().rposition(|item| item.char().is_some());
                    let touching = before.filter(|before| kept[*before].char() == Some('<'));
                    let outer = touching.or_else(|| (settled..open).rev().find(opens));
                    if let Some(outer) = outer {
                        let behind = kept[outer + 1..].iter_mut().take_while(|item| item.char().is_none());
                        behind.for_each(|item| *item = Item::Gap(Gap::default()));
                    }
                    gone(&mut kept[open..]);
                    kept.push(Item::Char('>'));
                    settled = kept.len();
                }
                kind => {
                    let (mut address, mut begins, mut shown) = (None, None, false);
                    let begin = plain_link(&content);
                    if !nested && (begin.is_some() || content.to_lowercase() == "/a") {
                        let ended = link.take().filter(|(from, address)| {
                            let text: String =
                                kept[*from..open].iter().filter_map(|item| item.char()).collect();
                            shown =
                                text.contains(address.trim_start_matches("https://").trim_end_matches('/'));
                            !shown
                        });
                        address = ended.map(|(_, address)| address);
                        if begin.is_some() && text[at..].to_lowercase().contains("</a>") {
                            begins = begin;
                        } else if begin.is_some() {
                            address = begin;
                        }
                    }
                    kept.truncate(open);
                    if let Some(address) = address {
                        kept.push(Item::Gap(Gap { leads: true, ..GAP }));
                        kept.extend(address.chars().map(Item::Char));
                        kept.push(Item::Gap(Gap { ends: true, ..GAP }));
                        settled = kept.len();
                    } else {
                        kept.push(Item::Gap(Gap { ends: shown, lines: kind == "block", ..GAP }));
                    }
                    if let Some(address) = begins {
                        link = Some((kept.len(), address));
                    }
                }
            }
        }
    }
    filled_plainly(&kept)
}

/// The address of a link's tag as the texts below write them: `a href=x://y`.
fn plain_link(content: &str) -> Option<String> {
    let (name, href) = content.split_once(" href=")?;
    let address = href.replace("&amp;", "&");
    let scheme = address.starts_with("x://") || address.starts_with("https://");
    let whole = scheme && !address.contains([' ', '\n', '\t', '<', '"']) && !address.ends_with("//");
    (name.eq_ignore_ascii_case("a") && whole).then_some(address)
}

fn is_host(host: &str) -> bool {
    host.contains('.')
        && host.split('.').all(|label| !label.is_empty() && label.chars().all(char::is_alphanumeric))
}

fn plain_kind(content: &str, behind: &str) -> &'static str {
    let name =
        content.trim_start_matches('/').split(['/', '<', ' ', '\n', '\t']).next().unwrap().to_lowercase();
    if content.starts_with('?') || content.starts_with('!') && content[1..].starts_with(char::is_alphabetic) {
        return "unknown";
    }
    if content.starts_with('!') || content.starts_with("//") || name.is_empty() {
        return "inline";
    }
    match name.as_str() {
        "code" if content == "code" && !behind.contains("</code") => "unknown",
        "a" | "b" | "i" | "q" | "s" | "u" | "code" | "bb" if name != "bb" => "inline",
        "p" | "br" => "block",
        _ if name.chars().nth(1) == Some(':')
            && name.len() > 2
            && name.bytes().enumerate().all(|(at, b)| at == 1 || b.is_ascii_alphabetic()) =>
        {
            "inline"
        }
        _ if content.split_once("://").is_some_and(|(scheme, rest)| {
            scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b)) && !rest.is_empty()
        }) && !content.contains(['<', ' ', '\n', '\t', '"']) =>
        {
            "address"
        }
        // `a.b/…`, `www.a`: the name is all before the slash.
        _ if (content.starts_with("www.")
            || content.split_once('/').is_some_and(|(host, _)| host.to_lowercase() == name))
            && is_host(name.split(['?', '#']).next().unwrap())
            && !content.contains(['<', ' ', '\n', '\t', '"'])
            // What has its colon before the path is a scheme or a port.
            && content.split_once(':').is_none_or(|(before, _)| before.contains(['/', '?'])) =>
        {
            "address"
        }
        _ => "unknown",
    }
}

/// What goes inside of brackets that stay, or around an address, was nothing to its neighbours.
fn gone(items: &mut [Item]) {
    for item in items.iter_mut().filter(|item| item.char().is_none()) {
        *item = Item::Gap(Gap::default());
    }
}

fn filled_plainly(kept: &[Item]) -> String {
    let mut text = String::new();
    let mut rest = kept;
    while let Some(item) = rest.first() {
        if let Item::Char(c) = item {
            text.push(*c);
            rest = &rest[1..];
            continue;
        }
        let group: Vec<Gap> = rest.iter().map_while(|item| item.gap()).collect();
        rest = &rest[group.len()..];
        let any = |what: fn(&Gap) -> bool| group.iter().any(what);
        let after: String = rest.iter().filter_map(|item| item.char()).collect();
        let blank: &[char] = &[' ', '\t'];
        let (line, next) = (text.trim_end_matches(blank), after.trim_start_matches(blank));
        let on_one_line =
            !(line.is_empty() || line.ends_with('\n') || next.is_empty() || next.starts_with('\n'));
        let link = ["http://", "https://", "www."].iter().any(|start| after.starts_with(start));
        let (before, after) = (text.chars().next_back(), after.chars().next());
        let both = |what: fn(char) -> bool| before.is_some_and(what) && after.is_some_and(what);
        let goes_on = after.is_some_and(|c| c.is_alphanumeric() || "/-_=&#%~+@".contains(c));
        let follows = before.is_some_and(|c| !c.is_whitespace() && !"([{<\"'".contains(c));
        // What stands apart already is kept apart by nothing more.
        if any(|gap| gap.lines) && on_one_line {
            text.push('\n');
        } else if any(|gap| gap.starts) && before.is_some_and(char::is_alphanumeric)
            || any(|gap| gap.leads) && before.is_some_and(|c| !c.is_whitespace())
            || any(|gap| gap.ends) && before.is_some_and(|c| !c.is_whitespace()) && goes_on
            || any(|gap| gap.words && gap.emoji) && follows && goes_on
            || any(|gap| gap.words) && (both(char::is_numeric) || link && both(char::is_alphanumeric))
        {
            text.push(' ');
        }
    }
    text
}

/// Texts dense in what cleaning looks at.
fn tricky() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<",
        "<",
        ">",
        ">",
        "/",
        "!",
        "?",
        "b",
        "b",
        "3",
        " ",
        "\n",
        "\r",
        "\t",
        "\0",
        "\u{200B}",
        "\u{FEFF}",
        "\u{AD}",
        "\u{FE0F}",
        "\u{20E3}",
        "😀",
        "🇰🇼",
        "⭐",
        "©",
        "م",
        "٣",
        "۴",
        "€",
        "\u{85}",
        "\u{FFFF}",
        "🂡",
        "1",
        "2",
        "br",
        "p>",
        "code>",
        "</code>",
        "<x://",
        "<a href=x://y>",
        "<A href=https://m/?b&amp;3/>",
        "</a>",
        "x://y",
        "www.",
        "\u{2028}",
        "\u{92}",
        "\u{66B}",
        "𝟗",
        "🅰\u{FE0F}",
        "plain words, longer than one of the chunks that are skipped at once",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![3 => tricky(), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cleaning_is_idempotent(text in any_text()) {
        let once = clean_message(&text).into_owned();
        let twice = clean_message(&once);
        prop_assert!(matches!(twice, Cow::Borrowed(_)));
        prop_assert_eq!(&*twice, &*once);
    }

    #[test]
    fn cleaning_follows_the_rules_written_plainly(text in any_text()) {
        prop_assert_eq!(&*clean_message(&text), clean_plainly(&text));
    }

    #[test]
    fn a_text_is_borrowed_exactly_when_nothing_changes(text in any_text()) {
        match clean_message(&text) {
            Cow::Borrowed(kept) => prop_assert_eq!(kept, &*text),
            Cow::Owned(kept) => prop_assert_ne!(kept, text),
        }
    }

    #[test]
    fn the_changes_tell_all_that_was_done(text in any_text()) {
        if let Ok(message) = MessageText::new(text.as_str()) {
            prop_assert_eq!(message.as_str(), &*clean_message(&text));
            prop_assert_eq!(message.as_str(), apply(&text, message.as_str(), message.changes()));
        }
    }

    #[test]
    fn a_message_text_is_refused_or_fits(text in any_text()) {
        let cleaned = clean_message(&text);
        match MessageText::new(text.as_str()) {
            Ok(message) => {
                prop_assert!((1..=7).contains(&message.pages()));
                prop_assert_eq!(message.warning().is_some(), message.pages() == 7 || message.is_probably_lost() || message.is_probably_unfilled());
                prop_assert_eq!(message.forced_ucs2().next().is_some(), message.encoding() == Encoding::Ucs2);
                prop_assert!(message.forced_ucs2().all(|(at, c)| message.as_str()[at..].starts_with(c)));
            }
            Err(TextError::Empty) => prop_assert!(cleaned.trim().is_empty()),
            Err(TextError::TooManyPages { pages }) => prop_assert!(pages > 7),
            Err(TextError::Placeholder { offset }) => {
                prop_assert!(text[offset..].starts_with('<') && text[offset..].contains('>'));
                prop_assert!(cleaned.contains('<') && cleaned.contains('>'));
            }
            Err(_) => prop_assert!(false, "another refusal"),
        }
    }
}

/// None of these ends in the lifetime of a test run if cleaning takes quadratic time.
#[test]
fn any_heap_of_angles_is_cleaned_in_linear_time() {
    // What took a time that grows with its square would not end here.
    const N: usize = 1 << 18;
    const L: usize = N / 2;
    for (input, kept) in [
        ("<".repeat(N), "<".repeat(N)),
        ("<a".repeat(N / 2), "<a".repeat(N / 2)),
        (">".repeat(N), ">".repeat(N)),
        ("<>".repeat(N / 2), "<>".repeat(N / 2)),
        ("< ".repeat(N / 2) + &">".repeat(N / 2), "< ".repeat(N / 2) + &">".repeat(N / 2)),
        ("😀".to_owned() + &"< ".repeat(N / 2) + &">".repeat(N / 2), "< ".repeat(N / 2) + &">".repeat(N / 2)),
        ("<<b>".repeat(N / 4), "<".repeat(N / 4)),
        ("<a".repeat(N / 3) + &">".repeat(N / 3), String::new()),
        ("<".repeat(N / 3) + &"b>".repeat(N / 3), String::new()),
        ("<\u{200B}".repeat(N / 4) + &"b>".repeat(N / 4), String::new()),
        ("<a".to_owned() + &"<".repeat(N) + ">", String::new()),
        ("<x://a".repeat(N / 6) + &">".repeat(N / 6), "<x://a".repeat(N / 6) + &">".repeat(N / 6)),
        ("<x://a>".repeat(N / 7), "x://a ".repeat(N / 7).trim_end().to_owned()),
        ("<br> ".repeat(N / 5), " ".repeat(N / 5)),
        ("<code>".repeat(N / 6), "<code>".repeat(64)),
        ("<a href=x://a>".repeat(L / 14), "x://a ".repeat(L / 14).trim_end().to_owned()),
        (
            "<a href=x://a>".repeat(L / 18) + &"</a>".repeat(L / 18),
            "x://a ".repeat(L / 18).trim_end().to_owned(),
        ),
        ("<a href=x://a>x://a".repeat(L / 19) + "</a>", "x://a ".repeat(L / 19).trim_end().to_owned()),
        ("<b ".to_owned() + &"< ".repeat(L / 4) + &"<a href=x://a>".repeat(L / 28) + ">", String::new()),
        ("<b ٣😀".repeat(N / 9) + &">".repeat(N / 9), String::new()),
    ] {
        let start: String = input.chars().take(8).collect();
        assert!(clean_message(&input) == kept, "{start}…");
        // Here the changes are taken down too. What is left is nothing or far too long.
        assert!(MessageText::new(input).is_err(), "{start}…");
    }
}
