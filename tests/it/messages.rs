//! Message texts: the Python client's answers and where we leave them, what becomes of each kind of text, and its size.

use kwtsms_async::{Change, ChangeKind, Encoding, MessageText, TextError, clean_message};

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

/// The cleaned text as it follows from the original and the changes alone.
pub(crate) fn apply(original: &str, cleaned: &str, changes: &[Change]) -> String {
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
