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
const DEVIATIONS: [(&str, &str, &str); 6] = [
    ("Flag 🇰🇼 done", "Flag  done", "flags are emoji: the message would stay in the queue"),
    ("1\u{FE0F}\u{20E3} first", "1 first", "the keycap is part of an emoji, the digit is text"),
    ("⭐ ⌚ ⏰ ▶ ⬆", "   ▶ ⬆", "Emoji_Presentation: the first three; the arrows are text symbols"),
    ("a < b and c > d", "a < b and c > d", "`<` before a space opens no tag: text is not eaten"),
    ("<<b>>", "<>", "the first `<` stands before a `<`, so it opens no tag; `<b>` goes"),
    ("< b >", "< b >", "`<` before a space opens no tag"),
];

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
        ("<\u{645}>", "<\u{645}>"),
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
        ("\tone\ttab", "\tone\ttab"),
    ] {
        assert_eq!(clean_message(input), kept, "{input:?}");
    }
}

fn changes(original: &str) -> Vec<(ChangeKind, &str, usize)> {
    let text = MessageText::new(original).unwrap();
    text.changes().iter().map(|c| (c.kind(), &original[c.range()], c.characters())).collect()
}

#[test]
fn changes_name_what_went_and_where() {
    use ChangeKind::{Digit, Emoji, Hidden, HtmlTag};
    assert_eq!(changes("nothing"), []);
    assert_eq!(changes("if a <b and c> d"), [(HtmlTag, "<b and c>", 9)]);
    assert_eq!(
        changes("١٢ x ۳\r\n<b>\u{200B}"),
        [(Digit, "١٢", 2), (Digit, "۳", 1), (Hidden, "\r", 1), (HtmlTag, "<b>", 3), (Hidden, "\u{200B}", 1)]
    );
    assert_eq!(changes("a 👨\u{200D}👩\u{FE0F} b"), [(Emoji, "👨\u{200D}👩\u{FE0F}", 4)]);
    // A tag's change takes in the changes inside it and none beside it.
    assert_eq!(
        changes("٣😀<\u{200B}b ١٢ <i>>😀x"),
        [(Digit, "٣", 1), (Emoji, "😀", 1), (HtmlTag, "<\u{200B}b ١٢ <i>>", 11), (Emoji, "😀", 1)]
    );
}

/// The rules written plainly, without care for speed.
fn clean_plainly(text: &str) -> String {
    let mut kept: Vec<char> = Vec::new();
    for c in text.chars() {
        match c {
            '٠'..='٩' => kept.push(char::from_digit(u32::from(c) - u32::from('٠'), 10).unwrap()),
            '۰'..='۹' => kept.push(char::from_digit(u32::from(c) - u32::from('۰'), 10).unwrap()),
            // Single characters are compared with Unicode's properties in `message_table`.
            _ => kept.extend(clean_message(&c.to_string()).chars()),
        }
    }
    let opens = |kept: &[char], at: usize| {
        kept[at] == '<' && kept.get(at + 1).is_some_and(|c| c.is_ascii_alphabetic() || "/!?".contains(*c))
    };
    while let Some((open, close)) = (0..kept.len()).filter(|&at| kept[at] == '>').find_map(|close| {
        let open = (0..close).rev().find(|&open| opens(&kept, open))?;
        Some((open, close))
    }) {
        kept.drain(open..=close);
    }
    kept.into_iter().collect()
}

/// The cleaned text as it follows from the original and the changes alone.
fn apply(original: &str, changes: &[Change]) -> String {
    let mut text = String::new();
    let mut at = 0;
    for change in changes {
        let range = change.range();
        assert_eq!(original[range.clone()].chars().count(), change.characters());
        text += &original[at..range.start];
        if change.kind() == ChangeKind::Digit {
            text += &clean_message(&original[range.clone()]);
        }
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
            prop_assert_eq!(message.as_str(), apply(&text, message.changes()));
        }
    }

    #[test]
    fn a_message_text_is_refused_or_fits(text in any_text()) {
        let cleaned = clean_message(&text);
        match MessageText::new(text.as_str()) {
            Ok(message) => {
                prop_assert!((1..=7).contains(&message.pages()));
                prop_assert_eq!(message.warning().is_some(), message.pages() == 7);
                prop_assert_eq!(message.forced_ucs2().next().is_some(), message.encoding() == Encoding::Ucs2);
                prop_assert!(message.forced_ucs2().all(|(at, c)| message.as_str()[at..].starts_with(c)));
            }
            Err(TextError::Empty) => prop_assert!(cleaned.trim().is_empty()),
            Err(TextError::TooManyPages { pages }) => prop_assert!(pages > 7),
            Err(_) => prop_assert!(false, "another refusal"),
        }
    }
}

/// None of these ends in the lifetime of a test run if cleaning takes quadratic time.
#[test]
fn a_megabyte_of_angles_is_cleaned_in_linear_time() {
    const N: usize = 1 << 20;
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
        ("<a٣😀".repeat(N / 8) + &">".repeat(N / 8), String::new()),
    ] {
        let start: String = input.chars().take(8).collect();
        assert!(clean_message(&input) == kept, "{start}…");
        // Here the changes are taken down too. What is left is nothing or far too long.
        assert!(MessageText::new(input).is_err(), "{start}…");
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
    let text = MessageText::new("It’s 5€ — don’t\twait 🂡").unwrap();
    assert_eq!(text.forced_ucs2().collect::<Vec<_>>(), [(2, '’'), (12, '—'), (23, '\t'), (29, '🂡')]);
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
