//! Phone numbers: the Python client's answers and where we leave them, and what holds for every input.

use std::collections::{BTreeMap, HashSet};

use kwtsms_async::{CountryCheck, PhoneError, PhoneNumber, normalize_phone, validate_phone_input};
use proptest::prelude::*;
use serde::Deserialize;

/// `fixtures/phones.json`: inputs, what kwtsms 0.7.3 for Python (the Python client) answered for each when it was run, and
/// what the vendor's later clients answer with their table of countries.
#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) r#in: String,
    seed_ok: bool,
    seed_error: Option<String>,
    seed_normalized: String,
    #[cfg(feature = "strict-numbers")]
    pub(crate) country_rules: CountryRules,
}

#[cfg(feature = "strict-numbers")]
#[derive(Deserialize)]
pub(crate) struct CountryRules {
    pub(crate) accept: bool,
    pub(crate) out: Option<String>,
}

pub(crate) fn cases() -> Vec<Case> {
    let vectors: Vectors = serde_json::from_str(include_str!("../fixtures/phones.json")).unwrap();
    assert_eq!(vectors.cases.len(), 81);
    vectors.cases
}

fn off(text: &str) -> Result<PhoneNumber, PhoneError> {
    PhoneNumber::parse_with(text, CountryCheck::Off)
}

pub(crate) fn number(digits: &str) -> PhoneNumber {
    let number = off(digits).unwrap();
    assert_eq!(number.to_string(), digits);
    number
}

/// Digits of other scripts than Arabic: input, our answer, why.
pub(crate) const DEVIATIONS: [(&str, &str, &str); 2] = [
    (
        "९६५९८७६५४३२",
        "96598765432",
        "Devanagari: the Python client accepts it and posts digits that the gateway refuses",
    ),
    ("９６５９８７６５４３２", "96598765432", "full width: the same"),
];

/// What is not one run of digits: the Python client drops what stands between. Input, our refusal.
const REFUSED: [(&str, Option<PhoneError>); 5] = [
    ("96598765432;96541234567", Some(PhoneError::Several)),
    ("96598765432ext12", Some(PhoneError::OtherDigits)),
    ("9659876543²", Some(PhoneError::Letters)),
    ("1e10", Some(PhoneError::Shortened)),
    ("965/9876/5432", None), // PhoneError::Sign
];

#[test]
fn the_seeds_answers_are_ours_but_for_the_deviations() {
    let cases = cases();
    for case in &cases {
        let input = case.r#in.as_str();
        let normalized = match DEVIATIONS.iter().find(|(deviating, ..)| *deviating == input) {
            Some((_, ours, why)) => {
                assert_ne!(case.seed_normalized, *ours, "no deviation: {why}");
                ours
            }
            None => case.seed_normalized.as_str(),
        };
        let digits = normalized.len();
        if let Some((_, refusal)) = REFUSED.iter().find(|(refused, _)| *refused == input) {
            assert_eq!(normalize_phone(input), normalized, "{input:?}");
            match off(input).unwrap_err() {
                PhoneError::Sign { sign: '/', .. } => assert_eq!(*refusal, None, "{input:?}"),
                error => assert_eq!(Some(error), *refusal, "{input:?}"),
            }
            continue;
        }
        let expected = match case.seed_error.as_deref() {
            None => Ok(number(normalized)),
            Some("empty") => Err(PhoneError::Empty),
            Some("email") => Err(PhoneError::Email),
            Some("no_digits") => Err(PhoneError::NoDigits),
            Some("too_short") => Err(PhoneError::TooShort { digits }),
            Some("too_long") => Err(PhoneError::TooLong { digits }),
            Some(other) => panic!("{other}"),
        };
        assert_eq!(case.seed_ok, expected.is_ok());
        assert_eq!(normalize_phone(input), normalized, "{input:?}");
        assert_eq!(off(input), expected, "{input:?}");
        let checked = PhoneNumber::parse(input);
        if !matches!(checked, Err(PhoneError::NotMobile { .. })) {
            assert_eq!(checked, expected, "{input:?}");
        }
        assert_eq!(validate_phone_input(input), checked, "{input:?}");
        assert_eq!(input.parse(), checked, "{input:?}");
        assert_eq!(PhoneNumber::try_from(input), checked, "{input:?}");
        assert_eq!(PhoneNumber::try_from(input.to_owned()), checked, "{input:?}");
    }
    for (deviating, ..) in DEVIATIONS {
        assert!(cases.iter().any(|case| case.r#in == deviating), "{deviating:?} is not in the fixture");
    }
}

#[test]
fn a_number_is_understood_however_it_is_written() {
    for written in [
        "+965 9876-5432",
        "00 965 (9876) 5432",
        "+965.9876.5432",
        "٠٠٩٦٥٩٨٧٦٥٤٣٢",
        "۹۶۵۹۸۷۶۵۴۳۲",
        "৯৬৫৯৮৭৬৫৪৩২",
        "𝟗𝟔𝟓𝟗𝟖𝟕𝟔𝟓𝟒𝟑𝟐",
        "9६5９8٧6۵4৩2",
        "\u{202a}+965 9876 5432\u{202c}",
        "tel:+96598765432",
    ] {
        assert_eq!(PhoneNumber::parse(written), Ok(number("96598765432")), "{written:?}");
    }
}

#[test]
fn a_refusal_says_what_to_do() {
    for (input, says) in [
        ("", "no number was given: a number with its country code is needed"),
        (" \u{a0}\n", "no number was given: a number with its country code is needed"),
        ("test123@example.com", "an e-mail address: a phone number is needed"),
        ("٩٦٥ 98765432 @home", "an e-mail address: a phone number is needed"),
        ("call me", "no digits: a number with its country code is needed"),
        ("000", "no digits: a number with its country code is needed"),
        ("987654", "too short: 6 digits, and at least 7 are needed; is the country code in front?"),
        (
            "96598765432 96541234567",
            "too long: 22 digits, and at most 15 are allowed; if these are several numbers, separate them by commas",
        ),
        ("96598765432;96541234567", "several numbers in one: give each on its own, or a list with commas"),
        ("96598O65432", "letters stand between its digits or touch them: write the number alone"),
        ("965|98765432", "the sign | stands between its digits or touches them: write the number alone"),
        (
            "965\u{7}98765432",
            "a control character stands between its digits or touches them: write the number alone",
        ),
        (
            "96598765432 ext 12",
            "digits of something else stand beside it, as of an extension or a note: leave them out",
        ),
        ("96598765432.0", "it was written as a decimal number: export the column as text"),
        (
            "98765432",
            "8 digits that look like a mobile number of Kuwait without its country code: add 965 in front?",
        ),
        ("9660559876543", "written with a zero that is dialled only inside SA: leave the zero out?"),
        ("96596598765432", "the country code of KW stands there twice: write it once"),
    ] {
        assert_eq!(PhoneNumber::parse(input).unwrap_err().to_string(), says, "{input:?}");
    }
}

#[test]
fn debug_hides_four_digits_or_more() {
    for (digits, masked) in [
        ("1234567", "12****7"),
        ("12345678", "12****78"),
        ("123456789", "123****89"),
        ("1234567890", "123****890"),
        ("96598765432", "965****432"),
        ("96598765002", "965****002"),
        ("123456789012345", "123****345"),
    ] {
        assert_eq!(number(digits).masked(), masked);
        assert_eq!(format!("{:?}", number(digits)), masked);
        let shown = masked.len() - 4;
        assert!(digits.len() - shown >= 4, "{masked}");
    }
}

#[test]
fn display_fills_a_column() {
    let number = number("96598765432");
    assert_eq!(
        format!("{number:15}|{number:>15}|{number:*^15}"),
        "96598765432    |    96598765432|**96598765432**"
    );
}

#[test]
fn numbers_are_sorted_and_found() {
    let (short, long) = (number("9998887"), number("96598765432"));
    assert!(short < long);
    assert_eq!(HashSet::from([long, PhoneNumber::parse("+96598765432").unwrap()]).len(), 1);
    assert_eq!((long.as_u64(), long.digits(), short.digits()), (96_598_765_432, 11, 7));
}

#[test]
fn json_holds_a_string_and_gives_strings_and_integers_back() {
    let expected = number("96598765432");
    assert_eq!(serde_json::to_string(&expected).unwrap(), r#""96598765432""#);
    for json in [r#""96598765432""#, r#""+965 9876 5432""#, "96598765432"] {
        assert_eq!(serde_json::from_str::<PhoneNumber>(json).unwrap(), expected, "{json}");
    }
    let by_number = BTreeMap::from([(expected, 1)]);
    let json = serde_json::to_string(&by_number).unwrap();
    assert_eq!(json, r#"{"96598765432":1}"#);
    assert_eq!(serde_json::from_str::<BTreeMap<PhoneNumber, i32>>(&json).unwrap(), by_number);
}

#[test]
fn json_that_is_no_number_is_refused_without_repeating_it() {
    for (json, says) in [
        (r#""98765""#, "too short: 5 digits, and at least 7 are needed; is the country code in front?"),
        ("98765", "too short: 5 digits, and at least 7 are needed; is the country code in front?"),
        ("0", "no digits: a number with its country code is needed"),
        ("9659876543296541", "too long: 16 digits, and at most 15 are allowed"),
        (
            "-96598765432",
            "invalid type: a negative integer, expected a phone number as a string or an integer",
        ),
        ("96598765432.0", "invalid type: a number with a decimal point, expected a phone number"),
        ("null", "invalid type: null, expected a phone number as a string or an integer"),
    ] {
        let error = serde_json::from_str::<PhoneNumber>(json).unwrap_err().to_string();
        assert!(error.starts_with(says), "{json}: {error}");
        shows_no_number(&error);
    }
}

#[test]
fn parsing_allocates_nothing() {
    for input in [
        "96598765432",
        "+965 9876-5432",
        "٩٦٥٩٨٧٦٥٤٣٢",
        "9.65988E+10",
        "Ali <96598765432> x",
        "96598765432 ext. 12",
        "98765432",
        "+966 055 987 6543",
        "abc",
        "someone@example.com",
        "12345",
        "",
    ] {
        let allocated = allocation_counter::measure(|| {
            let _ = PhoneNumber::parse(std::hint::black_box(input));
        });
        assert_eq!(allocated.count_total, 0, "{input:?}");
    }
}

#[cfg(feature = "sandbox")]
#[tokio::test(start_paused = true)]
async fn an_error_about_numbers_carries_the_reason_and_a_sentence_for_the_end_user() {
    use std::error::Error;

    use kwtsms_async::{Client, Delivery, ErrorKind, UserMessage, sandbox::Sandbox};

    let sandbox = Sandbox::in_process();
    let client = Client::builder("api_user", "api_pass").transport(sandbox.transport()).build().unwrap();
    let too_many: Vec<_> = (0..1_500).map(|_| "someone@example.com").collect();
    for (inputs, says) in [
        (&["someone@example.com"][..], "the phone number is not usable"),
        (
            &["someone@example.com", "12345"],
            "none of the 2 inputs is a usable phone number; the cause is the first one's",
        ),
        (&too_many, "none of the 1500 inputs is a usable phone number; the cause is the first one's"),
    ] {
        let error = client.send(inputs, "Hello").await.unwrap_err();
        assert_eq!(error.to_string(), says);
        assert_eq!(error.source().unwrap().to_string(), PhoneError::Email.to_string());
        assert_eq!(error.user_message(), UserMessage::InvalidNumber);
        assert_eq!((error.kind(), error.delivery()), (ErrorKind::InvalidInput, Delivery::NotSent));
        assert_eq!(error.report().unwrap().invalid().len(), inputs.len());
    }
    assert!(sandbox.messages().is_empty());
}

/// No more than the three digits that a mask shows or a count has.
pub(crate) fn shows_no_number(text: &str) {
    let longest = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    assert!(longest <= Some(3), "{text}");
}

/// Strings as they come: anything, and things much like numbers.
pub(crate) fn inputs() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[+0]{0,3}[0-9 ()-]{0,20}",
        "(965|966|971|44|54|225|1)?[0-9]{6,12}",
        "[0-9٠-٩۰-۹०-९]{0,18}",
        "[0-9@;,ext²]{0,30}",
    ]
}

proptest! {
    #[test]
    fn what_is_parsed_is_7_to_15_digits_and_parses_to_itself(input in inputs()) {
        let normalized = normalize_phone(&input);
        prop_assert!(normalized.bytes().all(|b| b.is_ascii_digit()) && !normalized.starts_with('0'));
        prop_assert_eq!(normalize_phone(&normalized), normalized.as_str());
        match off(&input) {
            Ok(number) => {
                let digits = number.to_string();
                prop_assert!(!input.contains('@'));
                prop_assert_eq!(&digits, &normalized);
                prop_assert!((7..=15).contains(&digits.len()));
                prop_assert_eq!(number.digits(), digits.len());
                prop_assert_eq!(off(&digits), Ok(number));
                shows_no_number(&format!("{number:?} {}", number.masked()));
            }
            Err(error) => {
                shows_no_number(&format!("{error} {error:?}"));
            }
        }
        if let Ok(number) = PhoneNumber::parse(&input) {
            prop_assert_eq!(off(&input), Ok(number));
            prop_assert_eq!(PhoneNumber::try_from(number.as_u64()), Ok(number));
            let json = serde_json::to_string(&number).unwrap();
            prop_assert_eq!(serde_json::from_str::<PhoneNumber>(&json).unwrap(), number);
        }
    }

    #[test]
    fn every_integer_of_7_to_15_digits_is_a_number(integer in 1_000_000_u64..=999_999_999_999_999) {
        let number = off(&integer.to_string()).unwrap();
        prop_assert_eq!(number.to_string(), integer.to_string());
        prop_assert_eq!(PhoneNumber::try_from(integer), PhoneNumber::parse(&integer.to_string()));
    }
}
