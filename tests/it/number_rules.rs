//! What holds for every number that arrives: it is exactly its one run of digits, or refused.

use kwtsms_async::{CountryCheck, GulfCountry, PhoneNumber, split_numbers};
use proptest::prelude::*;

use crate::numbers::off;
use crate::phones::{number, shows_no_number};

/// What may stand between the digits of one number, once marks are taken away.
fn joins(c: char) -> bool {
    c.is_whitespace() && !"\t\n\u{b}\u{c}\r\u{85}\u{2028}\u{2029}".contains(c)
        || "-.()\u{ff0e}\u{ff08}\u{ff09}\u{2212}\u{fe58}\u{fe63}\u{ff0d}".contains(c)
        || ('\u{2010}'..='\u{2015}').contains(&c)
}

fn is_mark(c: char) -> bool {
    use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
    matches!(c, '\u{20e3}' | '\u{fe00}'..='\u{fe0f}' | '\u{34f}' | '\u{180b}'..='\u{180f}' | '\u{e0100}'..='\u{e01ef}')
        || c.general_category() == GeneralCategory::Format
        || ('\u{2060}'..='\u{206f}').contains(&c)
        || ('\u{e0001}'..='\u{e01ef}').contains(&c)
}

fn digit(c: char) -> Option<u64> {
    kwtsms_async::normalize_phone(&format!("1{c}")).strip_prefix('1')?.parse().ok()
}

/// The digits of an input, if they are of one run.
fn one_run(input: &str) -> Option<String> {
    let shown: Vec<char> = input.chars().filter(|c| !is_mark(*c)).collect();
    let first = shown.iter().position(|c| digit(*c).is_some())?;
    let last = shown.iter().rposition(|c| digit(*c).is_some())?;
    let inside = &shown[first..=last];
    inside.iter().all(|c| digit(*c).is_some() || joins(*c)).then(|| {
        let digits: String = inside.iter().filter_map(|c| digit(*c)).map(|digit| digit.to_string()).collect();
        digits.trim_start_matches('0').to_owned()
    })
}

/// Anything, and what is much like a number with something in it.
fn arriving() -> impl Strategy<Value = String> {
    let junk = prop_oneof![
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            " ",
            "-",
            ".",
            "(",
            ")",
            "+",
            "/",
            "|",
            "#",
            "%",
            "\\",
            "=",
            ",",
            ";",
            "،",
            "\n",
            "\t",
            "x",
            "ext",
            "تحويلة",
            "E+",
            "e",
            "٫",
            "٬",
            "\u{200f}",
            "\u{202a}",
            "\u{feff}",
            "\u{20e3}",
            "\u{fe0f}",
            "²",
            "O",
            "З",
            " / ",
            " (2)",
            "00",
            "+965",
            "Ali 2",
            ":",
            "@",
        ])
        .prop_map(str::to_owned),
    ];
    let digits = prop_oneof!["[0-9]{1,9}", "965[0-9]{8}", "[٠-٩]{1,8}", "[۰-۹０-９]{1,4}"];
    prop::collection::vec(prop_oneof![junk, digits], 0..7).prop_map(|parts| parts.concat())
}

/// Text without digits, and without what says that a number begins or that digits are hidden.
fn words() -> impl Strategy<Value = String> {
    let says = |c: char| "@+＋*?_·؟٭•…∗∙█＊？\u{fffd}".contains(c) || ('■'..='●').contains(&c);
    let c = any::<char>()
        .prop_map(move |c| if c.is_numeric() || says(c) || digit(c).is_some() { ' ' } else { c });
    prop::collection::vec(c, 0..12).prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_arrives_is_refused_or_exactly_its_one_run(input in prop_oneof![any::<String>(), arriving()]) {
        for check in [CountryCheck::Off, CountryCheck::Gulf] {
            match PhoneNumber::parse_with(&input, check) {
                Ok(number) => prop_assert_eq!(one_run(&input), Some(number.to_string()), "{:?}", input),
                Err(error) => shows_no_number(&error.to_string()),
            }
        }
    }

    #[test]
    fn two_numbers_with_anything_between_are_never_one(
        a in 1_000_000_u64..=99_999_999_999, b in 1_000_000_u64..=99_999_999_999, between in any::<char>(),
    ) {
        let input = format!("{a}{between}{b}");
        match off(&input) {
            Ok(number) => {
                prop_assert!(joins(between) || is_mark(between) || digit(between).is_some(), "{:?}", input);
                prop_assert_eq!(Some(number.to_string()), one_run(&input));
            }
            Err(error) => shows_no_number(&error.to_string()),
        }
    }

    #[test]
    fn text_without_digits_beside_a_number_changes_nothing(
        local in 41_000_000_u64..=69_999_999, before in words(), after in words(),
    ) {
        let input = format!("{before} 965{local} {after}");
        prop_assert_eq!(PhoneNumber::parse(&input), Ok(number(&format!("965{local}"))), "{:?}", input);
    }

    #[test]
    fn one_character_inside_a_number_never_makes_another_one(
        local in 41_000_000_u64..=69_999_999, at in 0_usize..=11, c in any::<char>(),
    ) {
        let digits = format!("965{local}");
        let input = format!("{}{c}{}", &digits[..at], &digits[at..]);
        if let Ok(read) = PhoneNumber::parse(&input) {
            prop_assert!(read.to_string() == digits || digit(c).is_some(), "{:?}", input);
        }
    }

    #[test]
    fn what_the_gulf_check_suggests_it_accepts(input in prop_oneof![
        "(00|[+])?(965|966|968|971|973|974)0?(965|966|971)?[0-9]{6,10}", "0?[0-9]{7,10}", arriving(),
    ]) {
        match PhoneNumber::parse(&input) {
            Ok(number) => {
                prop_assert_eq!(off(&input), Ok(number));
                prop_assert_eq!(PhoneNumber::parse(&number.to_string()), Ok(number));
                for country in GulfCountry::ALL {
                    if let Some(national) = number.to_string().strip_prefix(&country.dial_code().to_string()) {
                        let longest = if matches!(country, GulfCountry::SaudiArabia | GulfCountry::Emirates) { 9 } else { 8 };
                        prop_assert!(!national.starts_with('0') && (8..=longest).contains(&national.len()), "{}", national);
                    }
                }
            }
            Err(error) => {
                if let Some(suggestion) = error.suggestion() {
                    prop_assert_eq!(PhoneNumber::parse(&suggestion.to_string()), Ok(suggestion));
                }
            }
        }
    }

    #[cfg(feature = "strict-numbers")]
    #[test]
    fn what_strict_accepts_the_gulf_check_accepts(input in arriving()) {
        if let Ok(number) = PhoneNumber::parse_with(&input, CountryCheck::Strict) {
            prop_assert_eq!(PhoneNumber::parse(&number.to_string()), Ok(number));
        }
    }

    #[test]
    fn a_list_loses_no_digit(list in arriving()) {
        let joined: String = split_numbers(&list).collect();
        let digits = |text: &str| text.chars().filter_map(digit).collect::<Vec<_>>();
        prop_assert_eq!(digits(&joined), digits(&list));
        for part in split_numbers(&list) {
            prop_assert_eq!(part.trim(), part);
            prop_assert_eq!(split_numbers(part).collect::<Vec<_>>(), [part]);
        }
    }
}
