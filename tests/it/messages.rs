//! Message texts: the Python client's answers and where we leave them, and what holds for every text.

use std::borrow::Cow;

use kwtsms_async::{Change, ChangeKind, Encoding, MessageText, TextError, clean_message};
use proptest::prelude::*;

/// `fixtures/messages.json`: inputs, and what `clean_message` of kwtsms 0.7.3 for Python (the Python client) returned for
/// each when it was run.
fn seed_cases() -> Vec<(String, String)> {
    let file: serde_json::Value = serde_json::from_str(include_str!("../fixtures/messages.json")).unwrap();
    let text = |case: &serde_json::Value, key: &str| case[key].as_str().unwrap().to_owned();
    file["cases"].as_array().unwrap().iter().map(|case| (text(case, "in"), text(case, "seed"))).collect()
}

/// Where we leave the Python client: input, our answer, why.
const DEVIATIONS: [(&str, &str, &str); 10] = [
    ("Flag 🇰🇼 done", "Flag  done", "flags are emoji: the message would stay in the queue"),
    ("1\u{FE0F}\u{20E3} first", "1 first", "the keycap is part of an emoji, the digit is text"),
    ("🂡 ace", " ace", "cards are pictures, as later clients have it"),
    ("⭐ ⌚ ⏰ ▶ ⬆", "    ", "whatever Unicode lets be shown as an emoji, but for © ® ™"),
    ("a < b and c > d", "a < b and c > d", "`<` before a space opens no tag: text is not eaten"),
    ("<<b>>", "<>", "the first `<` stands before a `<`, so it opens no tag; `<b>` goes"),
    ("< b >", "< b >", "`<` before a space opens no tag"),
    ("line<br/>break", "line\nbreak", "a line break is one"),
    ("vt\u{b}ff\u{c}", "vt\nff\n", "VT and FF stand between lines"),
    ("🯰 seg", "0 seg", "styled digits are digits"),
];

/// `fixtures/texts.json`: texts as templates, web pages and shells give them, with what is right for each.
#[test]
fn each_text_that_arrives_is_sent_as_it_was_meant_or_refused() {
    let file: serde_json::Value = serde_json::from_str(include_str!("../fixtures/texts.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 17);
    for case in cases {
        let input = case["in"].as_str().unwrap();
        let text = MessageText::new(input);
        if let Some(want) = case["want"].as_str() {
            assert_eq!(text.as_ref().unwrap().as_str(), want, "{case}");
            assert_eq!(clean_message(input), want, "{case}");
        } else if let Some(never) = case["never"].as_array() {
            let text = text.unwrap();
            assert!(never.iter().all(|it| !text.as_str().contains(it.as_str().unwrap())), "{text:?}");
        } else if case["error"] == "unfilled placeholder" {
            assert_eq!(text, Err(TextError::Placeholder { offset: 5 }), "{case}");
            assert_eq!(clean_message(input), input, "nothing is lost");
        } else {
            let text = text.unwrap();
            assert!(text.is_probably_lost());
            assert_eq!(
                text.warning().unwrap().split(',').next(),
                case["warn"].as_str().unwrap().split(',').next()
            );
        }
    }
}

#[test]
fn the_seeds_answers_are_ours_but_for_the_deviations() {
    let cases = seed_cases();
    assert_eq!(cases.len(), 45);
    for (input, seed) in &cases {
        match DEVIATIONS.iter().find(|(deviating, ..)| deviating == input) {
            Some((_, ours, why)) => {
                assert_ne!(seed, ours, "no deviation: {why}");
                assert_eq!(clean_message(input), *ours, "{why}");
            }
            None => assert_eq!(clean_message(input), *seed, "{input:?}"),
        }
    }
    for (deviating, ..) in DEVIATIONS {
        assert!(cases.iter().any(|(input, _)| input == deviating), "{deviating:?} is not in the fixture");
    }
}

#[test]
fn tags_go_and_the_text_around_them_stays() {
    for (input, kept) in [
        ("5 < 6 > 4", "5 < 6 > 4"),
        ("x<y", "x<y"),
        ("a <b unclosed", "a <b unclosed"),
        ("<5>", "<5>"),
        ("I <3 you > all", "I <3 you > all"),
        ("<!-- note -->", ""),
        ("<?xml?></p></>", ""),
        ("<a title='x < y'>link</a>", "link"),
        // The nearest tag goes, not all from the first `<` on.
        ("if x<y and <b>bold</b>", "if x<y and bold"),
        // What a removed tag joins is a tag again.
        ("<<b>b>", ""),
        ("<<<i>i>i>x", "x"),
        ("<\u{202E}script>", ""),
        ("<<😀/>/b>", ""),
        ("<o:p>Word</o:p>", "Word"),
        ("<SPAN style='x'>a</SPAN>b", "ab"),
        ("\tone\ttab", "\tone\ttab"),
    ] {
        assert_eq!(clean_message(input), kept, "{input:?}");
    }
}

#[test]
fn what_is_removed_joins_nothing_that_was_apart() {
    for (input, kept) in [
        ("a<br>b", "a\nb"),
        ("a<br/><br/>b", "a\nb"),
        ("a<br>\nb\n<br>c", "a\nb\nc"),
        ("<p>a</p> <p>b</p>", "a\n b"),
        ("<div><p>a</p></div>", "a"),
        ("<ul><li>a</li><li>b</li></ul>c", "a\nb\nc"),
        ("<tr><td>Code</td><td>1234</td></tr>", "Code\n1234"),
        ("a <BR CLEAR=all> b", "a \n b"),
        ("a\r\nb\rc\n\rd", "a\nb\nc\n\nd"),
        ("12<b>34</b>", "12 34"),
        ("12\u{200B}34", "12 34"),
        ("12\u{200B}<b>😀</b>34", "12 34"),
        ("١٢📞٣٤", "12 34"),
        ("1\u{FE0F}\u{20E3}2\u{FE0F}\u{20E3}", "1 2"),
        ("12 📞34", "12 34"),
        ("Pay now👉https://pay.example", "Pay now https://pay.example"),
        ("Pay now<b>https://pay.example", "Pay now https://pay.example"),
        ("see🎉www.pay.example", "see www.pay.example"),
        ("hello🎉world", "hello world"),
        ("so🎉, yes", "so, yes"),
        (
            "Pay:<https://a.example>, or at<https://b.example>now",
            "Pay:https://a.example, or at https://b.example now",
        ),
        (
            "See <https://a.example/>now or <https://b.example/>!",
            "See https://a.example/ now or https://b.example/!",
        ),
        ("soft\u{AD}hyphen", "softhyphen"),
        ("١٬٢٣٤٫٥", "1,234.5"),
        ("\u{80}5 \u{96} \u{93}x\u{94}\u{81}", "€5 – “x”"),
        ("５ ７", "5 7"),
    ] {
        assert_eq!(clean_message(input), kept, "{input:?}");
    }
}

#[test]
fn what_a_line_break_keeps_apart_gets_no_blank_besides() {
    for (input, kept) in [
        // The address in brackets, whatever else goes between it and the tag, in each order.
        ("م<p>\0<x:///>", "م\nx:///"),
        ("م\0<p><x:///>", "م\nx:///"),
        ("م<p><b><x:///>", "م\nx:///"),
        ("م<b><p><x:///>", "م\nx:///"),
        ("Pay<br>📞<https://a.example>", "Pay\nhttps://a.example"),
        ("Pay📞<br><https://a.example>", "Pay\nhttps://a.example"),
        ("Pay<br><b><a@b.example></b><br>now", "Pay\na@b.example\nnow"),
        ("<x://a></p>\0<x://b>", "x://a\nx://b"),
        ("<x://a>\0</p><x://b>", "x://a\nx://b"),
        // The address of a link.
        ("<a href='https://a.example'><p>Pay</p></a>", "Pay\nhttps://a.example"),
        ("<a href='https://a.example'>Pay<br>📞</a>now", "Pay\nhttps://a.example now"),
        ("<a href='https://a.example'>Pay📞<br></a><br>now", "Pay\nhttps://a.example\nnow"),
        ("Pay<p><b><a href=https://a.example>now", "Pay\nhttps://a.example now"),
        ("<div><a href=https://a.example><img><p></a>", "https://a.example"),
        ("<a href='https://a.example'>https://a.example </a>now", "https://a.example now"),
        ("<a href='https://a.example'>https://a.example\u{A0}📞</a>now", "https://a.example\u{A0}now"),
        // One that begins by itself.
        ("Pay<p><b>https://a.example", "Pay\nhttps://a.example"),
        ("Pay<b>📞<p>https://a.example", "Pay\nhttps://a.example"),
        ("<x://a><b><p>now", "x://a\nnow"),
        ("<x://a>📞<p><b>now", "x://a\nnow"),
        // Where no line break comes, one blank does.
        ("م\0<x:///>", "م x:///"),
        ("Pay📞<b><https://a.example>📞<b>now", "Pay https://a.example now"),
        ("<a href='https://a.example'>Pay📞</a>📞now", "Pay https://a.example now"),
        ("<a href='https://a.example'>Pay:\u{200B}</a>", "Pay: https://a.example"),
        ("(<p>\0<x://a>)", "(\nx://a)"),
        ("<p>\0<x://a>", "x://a"),
    ] {
        let text = MessageText::new(input).unwrap();
        assert_eq!((text.as_str(), &*clean_message(input)), (kept, kept), "{input:?}");
        assert_eq!(apply(input, kept, text.changes()), kept, "{input:?}");
        assert_eq!(clean_message(kept), kept);
    }
}

#[test]
fn the_address_of_a_link_stays_behind_its_text() {
    for (input, kept) in [
        ("<a href=\"https://pay.example/abc\">Pay here</a> today", "Pay here https://pay.example/abc today"),
        (
            "Pay <A class='b' HREF = 'https://pay.example/abc' target=_blank><b>here</b></A>.",
            "Pay here https://pay.example/abc.",
        ),
        ("<a href=https://pay.example/abc/>here</a>", "here https://pay.example/abc/"),
        ("<a href='https://pay.example/?a=1&amp;b=2'>here</a>now", "here https://pay.example/?a=1&b=2 now"),
        ("<a href='https://pay.example/'>here</a>now", "here https://pay.example/ now"),
        ("<a href='https://pay.example/abc'><img src=logo.png></a>", "https://pay.example/abc"),
        // Where the text shows it, it is not said twice.
        ("<a href='https://www.pay.example/'>www.pay.example</a>", "www.pay.example"),
        ("<a href='https://pay.example/abc'>https://pay.example/abc</a>", "https://pay.example/abc"),
        ("<a href='tel:+96522223333'>+965 2222 3333</a>", "+965 2222 3333"),
        ("<a href='tel:+96522223333'>Call us</a>", "Call us +96522223333"),
        ("<a href='mailto:help@shop.example?subject=Hi'>Write to us</a>", "Write to us help@shop.example"),
        ("<a href='mailto:help@shop.example'>help@shop.example</a>", "help@shop.example"),
        // What leads nowhere outside its page goes with its tag.
        ("<a href='#top'>Up</a> <a href='/help'>Help</a> <a name=x>x</a>", "Up Help x"),
        ("<a href='javascript:pay()'>Pay</a>", "Pay"),
        ("<abbr href='https://a.example'>a</abbr>", "a"),
        // Two links, one in the other, and one without an end.
        (
            "<a href=https://a.example>A</a>, <a href=https://b.example>B</a>",
            "A https://a.example, B https://b.example",
        ),
        (
            "<a href=https://a.example>A <a href=https://b.example>B</a></a>",
            "A https://a.example B https://b.example",
        ),
        ("A</a> <a href=https://b.example>B", "A https://b.example B"),
        ("<<a href=https://b.example>B</a>", "<B"),
    ] {
        assert_eq!(clean_message(input), kept, "{input:?}");
        assert_eq!(clean_message(kept), kept);
        let text = MessageText::new(input).unwrap();
        assert_eq!(apply(input, text.as_str(), text.changes()), kept);
    }
}

#[test]
fn an_address_in_brackets_stays_and_a_placeholder_is_refused() {
    for (input, kept) in [
        ("<https://a.example>", "https://a.example"),
        ("<http://a.example/b?c=d&e>", "http://a.example/b?c=d&e"),
        ("<mailto:a@b.example>", "mailto:a@b.example"),
        ("<tel:+96598765432>", "tel:+96598765432"),
        ("<a@b.example>", "a@b.example"),
        ("<www.a.example/b>", "www.a.example/b"),
        ("<a.example/b>", "a.example/b"),
        ("<\u{200B}https://a.example📞>", "https://a.example"),
        ("<https://<b>a.example</b>>", "https://a.example"),
        ("<www.a.example/x://y>", "www.a.example/x://y"),
    ] {
        assert_eq!(clean_message(input), kept, "{input:?}");
        assert_eq!(MessageText::new(input).unwrap().as_str(), kept);
    }
    for (input, offset) in [
        ("<Name>", 0),
        ("Dear <customer name>, hello", 5),
        ("عزيزي <الاسم>", 11),
        ("😀 <b>Dear</b> <Name>", 17),
        ("<first-name>", 0),
        ("<user.name>", 0),
        ("</Name>", 0),
        ("Your code is <code>", 13),
        ("<b>Code</b> <code>1</code> <code>", 27),
        ("price <KD 5> now", 6),
        ("<a://>", 0),
        ("<<https://a.example>>", 1),
        ("<b <https://a.example> c>", 3),
        ("<x y@z.example>", 0),
        ("<Name><Name>", 0),
    ] {
        assert_eq!(MessageText::new(input), Err(TextError::Placeholder { offset }), "{input:?}");
        let cleaned = clean_message(input);
        assert!(cleaned.contains('<') && cleaned.ends_with(input.rsplit('>').next().unwrap()), "{cleaned}");
    }
    for input in ["<code>1234</code>", "see <address>here</address>", "<time datetime=x>9:00"] {
        assert!(!clean_message(input).contains('<'), "{input}");
    }
}

fn changes(original: &str) -> Vec<(ChangeKind, &str, usize)> {
    let text = MessageText::new(original).unwrap();
    text.changes().iter().map(|c| (c.kind(), &original[c.range()], c.characters())).collect()
}

#[test]
fn changes_name_what_went_and_where() {
    use ChangeKind::{Brackets, Digit, Emoji, Hidden, HtmlTag, LineBreak, Windows1252};
    assert_eq!(changes("nothing"), []);
    assert_eq!(changes("if a <b and c> d"), [(HtmlTag, "<b and c>", 9)]);
    assert_eq!(
        changes("١٢ x ۳\r\n<b>\u{200B}"),
        [(Digit, "١٢", 2), (Digit, "۳", 1), (Hidden, "\r", 1), (HtmlTag, "<b>", 3), (Hidden, "\u{200B}", 1)]
    );
    assert_eq!(changes("a 👨\u{200D}👩\u{FE0F} b"), [(Emoji, "👨\u{200D}👩\u{FE0F}", 4)]);
    assert_eq!(
        changes("it\u{92}s\u{2028}<a@b.example>"),
        [
            (Windows1252, "\u{92}", 1),
            (LineBreak, "\u{2028}", 1),
            (Brackets, "<a@b.example", 12),
            (Brackets, ">", 1)
        ]
    );
    // A tag's change takes in the changes inside it and none beside it.
    assert_eq!(
        changes("٣😀<\u{200B}b ١٢ <i>>😀x"),
        [(Digit, "٣", 1), (Emoji, "😀", 1), (HtmlTag, "<\u{200B}b ١٢ <i>>", 11), (Emoji, "😀", 1)]
    );
}

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

/// The cleaned text as it follows from the original and the changes alone.
fn apply(original: &str, cleaned: &str, changes: &[Change]) -> String {
    let mut text = String::new();
    let mut at = 0;
    for change in changes {
        let range = change.range();
        assert_eq!(original[range.clone()].chars().count(), change.characters());
        text += &original[at..range.start];
        assert_eq!(text.len(), change.cleaned_range().start, "{original:?} {change:?}");
        text += &cleaned[change.cleaned_range()];
        at = range.end;
    }
    text + &original[at..]
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

#[test]
fn a_text_of_question_marks_is_probably_lost_and_a_question_is_not() {
    let lost = |text: &str| MessageText::new(text).unwrap().is_probably_lost();
    for text in ["???? ??????? 1234", "????, ??? 1234 http", "??????", "\u{fffd}\u{fffd} 1234"] {
        assert!(lost(text), "{text}");
        assert!(MessageText::new(text).unwrap().warning().unwrap().contains("question marks"));
    }
    for text in ["What??? Now????", "Are you there?", "?", "1234", "رمزك: 1234 ??", "Ready ?? Yes"] {
        assert!(!lost(text), "{text}");
    }
}

#[test]
fn nothing_but_white_space_is_refused() {
    for text in ["", "   ", "\n\n", "\t", "\u{A0}", "😀", " <b></b> ", "\u{200B}", "🇰🇼 \u{FE0F}"] {
        assert_eq!(MessageText::new(text), Err(TextError::Empty), "{text:?}");
    }
}

#[test]
fn seven_pages_pass_with_a_warning_and_eight_do_not() {
    for (letter, six, seven) in [("a", 6 * 153, 7 * 153), ("م", 6 * 67, 7 * 67)] {
        let text = MessageText::new(letter.repeat(six)).unwrap();
        assert_eq!((text.pages(), text.warning()), (6, None));
        let text = MessageText::new(letter.repeat(seven)).unwrap();
        assert_eq!((text.pages(), text.points(200)), (7, 1400));
        assert!(text.warning().unwrap().contains("ERR012"));
        assert_eq!(MessageText::new(letter.repeat(seven + 1)), Err(TextError::TooManyPages { pages: 8 }));
    }
}

#[test]
fn each_character_that_forced_ucs2_is_named_once() {
    let text = MessageText::new("It’s 5€ — don’t\twait 𝒳").unwrap();
    assert_eq!(text.forced_ucs2().collect::<Vec<_>>(), [(2, '’'), (12, '—'), (23, '\t'), (29, '𝒳')]);
    assert_eq!((text.encoding(), text.units()), (Encoding::Ucs2, 23));
    assert_eq!(MessageText::new("5€ {é}").unwrap().forced_ucs2().count(), 0);
}

#[test]
fn debug_and_errors_never_show_the_text() {
    let text = MessageText::new("Your code is ٩٨٧٦ <b>").unwrap();
    for shown in [format!("{text:?}"), format!("{:?}", text.changes())] {
        for part in ["code", "9876", "٩", "<b>"] {
            assert!(!shown.contains(part), "{shown}");
        }
    }
    assert_eq!(format!("{text:?}"), "MessageText { encoding: Gsm7, units: 18, pages: 1, changes: 2, .. }");
    let error = MessageText::new("secret".repeat(500)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret"));
    assert!(error.to_string().contains("20 pages"));
}
