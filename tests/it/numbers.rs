//! Numbers as they really arrive: one run of digits, or a refusal that names its kind.

use kwtsms_async::{
    CountryCheck, GulfCountry, NotMobileReason, PhoneError, PhoneNumber, PhoneRules, split_numbers,
};
use serde::Deserialize;

use crate::phones::{number, shows_no_number};

/// `fixtures/numbers.json`: inputs of contact lists, forms and exports, with what is right for each.
#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    r#in: String,
    want: Option<String>,
    why: String,
}

fn cases() -> Vec<Case> {
    let fixture: Fixture = serde_json::from_str(include_str!("../fixtures/numbers.json")).unwrap();
    assert_eq!(fixture.cases.len(), 40);
    fixture.cases
}

fn checks() -> Vec<CountryCheck> {
    vec![
        CountryCheck::Off,
        CountryCheck::Gulf,
        #[cfg(feature = "strict-numbers")]
        CountryCheck::Strict,
    ]
}

pub(crate) fn off(text: &str) -> Result<PhoneNumber, PhoneError> {
    PhoneNumber::parse_with(text, CountryCheck::Off)
}

#[test]
fn each_case_is_right_on_the_default_check() {
    for Case { r#in: input, want, why } in cases() {
        match want.as_deref() {
            Some("list") => {
                let parts: Vec<_> = split_numbers(&input).map(PhoneNumber::parse).collect();
                assert_eq!(parts, [Ok(number("96598765432")), Ok(number("96551234567"))], "{why}");
                assert_eq!(PhoneNumber::parse(&input), Err(PhoneError::Several), "one number is no list");
            }
            Some(digits) => assert_eq!(PhoneNumber::parse(&input), Ok(number(digits)), "{input:?}: {why}"),
            None => {
                let refused = PhoneNumber::parse(&input).expect_err(&input);
                shows_no_number(&format!("{refused} {refused:?}"));
                assert_eq!(split_numbers(&input).count(), 1, "{input:?} is refused once");
            }
        }
    }
}

/// What is refused for how it is written is refused by every check.
#[test]
fn a_shape_that_is_no_number_has_its_kind_at_every_check() {
    use PhoneError::{Decimal, Letters, OtherDigits, Several, Shortened};
    let sign = |sign| move |error: PhoneError| matches!(error, PhoneError::Sign { sign: s, .. } if s == sign);
    for check in checks() {
        for (kind, inputs) in [
            (
                Shortened,
                &[
                    "9.65988E+10",
                    "9,65988e+10",
                    "965988E5",
                    "9.6598876e-3",
                    " 9.65988E+10 ",
                    "'9.65988E+10'",
                    "9.65988E+10 home",
                    "Ali: 9.65988E+10",
                    "mobile 9.65988e10, Ali",
                    "9.66E+10",
                    "1e10",
                    "\u{202a}9.65988E+10\u{202c}",
                    "٩٫٦٥٩٨٨E+١٠",
                    "9.65988\u{200b}E+10",
                    "9.65988E\u{2212}3",
                ][..],
            ),
            (
                Decimal,
                &[
                    "96598765432.0",
                    "96598765432.00",
                    "96598765432.000",
                    " 96598765432.0\n",
                    "+96598765432.0",
                    "+965 98765432.0",
                    "٩٦٥٩٨٧٦٥٤٣٢٫٠",
                    "٩٦٥٩٨٧٦٥٤٣٢٫٥",
                    "\u{feff}96598765432.0",
                    "96598765432.5",
                    "\u{2068}96598765432.0\u{2069}",
                    "96598765432,0",
                    "96598765432,00",
                    "96598765432．0",
                    "1234567.89 KD",
                    "965\u{200f}98765432\u{200f}.\u{200f}0",
                    "965.9876.5432.0",
                ],
            ),
            (
                Letters,
                &[
                    "Ahmed2 96598765432",
                    "965987654\u{417}2",
                    "9659876543O",
                    "O0965 98765432",
                    "KW81CBKU0000000000001234560101",
                    "965E98765432",
                    "9659876543²",
                    "²96598765432",
                    "96598765432½",
                    "x96598765432",
                    "و96598765432",
                    "965ـ98765432",
                    "965 call 98765432",
                    "0x5A96598765",
                    "2026-01-25T14:30:00",
                    "12 May 1990 12",
                    "\\u002B96598765432",
                    "③96598765432",
                ],
            ),
            (
                OtherDigits,
                &[
                    "+965 9876 5432 x12",
                    "+965 9876 5432 ext. 12",
                    "+965 9876 5432 تحويلة ١٢",
                    "96598765432ext12",
                    "tel:+96598765432;ext=12",
                    "96598765432 (Ali 2)",
                    "96598765432 Durchwahl 4",
                    "96598765432 доб. 12",
                    "96598765432 p12",
                    "447712345678 (2)",
                    "447712345678 (0)",
                    "96598765432 and 2 more",
                    "96598765432 رقم ٢",
                ],
            ),
            (
                Several,
                &[
                    "+96598765432+96551234567",
                    "96598765432,96551234567",
                    "96598765432;96551234567",
                    "96598765432\n96551234567",
                    "96598765432\t96551234567",
                    "96598765432،96551234567",
                    "96598765432\u{2028}96551234567",
                    "+965 9876 5432 | +965 5123 4567",
                    "96598765432 ::: 96551234567",
                    "2222111/9876543",
                    "96598765432 or 96551234567",
                    "965,98765432",
                    "00965+98765432",
                ],
            ),
        ] {
            for input in inputs {
                let refused = PhoneNumber::parse_with(input, check).expect_err(input);
                assert_eq!(refused, kind, "{input:?} at {check:?}");
                assert!(!refused.to_string().contains(*input));
            }
        }
        for (input, is_sign) in [
            ("22221111 / 555", sign('/')),
            ("965/9876/5432", sign('/')),
            ("+965-9876-5432 / 5433", sign('/')),
            ("25/01/2026 1", sign('/')),
            ("14:30 96598765432", sign(':')),
            ("%2B96598765432", sign('%')),
            ("=2B96598765432", sign('=')),
            ("#96598765432", sign('#')),
            ("96598765432#12", sign('#')),
            ("965%98765432", sign('%')),
            ("96598765432%", sign('%')),
            ("+965\\-9876\\-5432", sign('\\')),
            ("=96598765432", sign('=')),
            ("phone=96598765432", sign('=')),
            ("|96598765432", sign('|')),
            ("965_9876_5432", sign('_')),
            ("965'987'654'32", sign('\'')),
            ("$1234567", sign('$')),
            ("٩٦٬٥٩٨٬٧٦٥٬٤٣٢", sign('\u{66c}')),
            ("965📞98765432", sign('📞')),
            ("9\u{336}6\u{336}5\u{336}98765432", sign('\u{336}')),
            ("965\0 98765432", sign('\0')),
            ("5432 9876 965+", sign('+')),
        ] {
            let refused = PhoneNumber::parse_with(input, check).expect_err(input);
            assert!(is_sign(refused), "{input:?} at {check:?}: {refused:?}");
            assert!(!refused.to_string().chars().any(char::is_control), "{refused}");
        }
        for input in
            ["https://wa.me/96598765432?text=1", "https://wa.me/96598765432", "wa.me/+965?phone=98765432"]
        {
            assert!(PhoneNumber::parse_with(input, check).is_err(), "{input}");
        }
    }
}

#[test]
fn one_run_is_read_however_it_is_written_and_whatever_text_stands_beside_it() {
    for written in [
        "+965 9876-5432",
        "00 965 (9876) 5432",
        "(+965) 9876 5432",
        "(00965) 98765432",
        "+965 (98765432)",
        "+965.9876.5432",
        "965.98765432",
        "+0096598765432",
        "+965\u{a0}9876\u{2011}5432",
        "+965 – 9876 – 5432",
        "\u{202a}+965 9876 5432\u{202c}",
        "\u{feff}96598765432",
        "965\u{200b}98765432",
        "9\u{fe0f}\u{20e3}6\u{fe0f}\u{20e3}5\u{fe0f}\u{20e3}98765432",
        "＋９６５　９８７６－５４３２",
        "（９６５）98765432",
        "٠٠٩٦٥ ٩٨٧٦ ٥٤٣٢",
        "٩٦٥٩٨٧٦٥٤٣٢+",
        "tel:+965-9876-5432",
        "Tel. 96598765432",
        "Tel.+96598765432",
        "'96598765432",
        "\"96598765432\"",
        "Ali <96598765432>",
        "Ali: 96598765432",
        "Ali - 96598765432",
        "الجوال: ٩٦٥٩٨٧٦٥٤٣٢",
        "☎ 96598765432",
        "📞96598765432",
        "96598765432 (mobile)",
        "96598765432(mobile)",
        "96598765432 Ali",
        "96598765432.",
        "96598765432,",
        "\t96598765432\r\n",
        "*96598765432*",
        "TEL;TYPE=CELL:+96598765432",
    ] {
        for check in checks() {
            let read = PhoneNumber::parse_with(written, check);
            assert_eq!(read, Ok(number("96598765432")), "{written:?} at {check:?}");
        }
        let parts: Vec<_> = split_numbers(written).map(PhoneNumber::parse).collect();
        assert_eq!(parts, [Ok(number("96598765432"))], "{written:?}");
    }
    for (written, digits) in [
        ("+33.6.12.34.56.78", "33612345678"),
        ("+33.6.12.34.56.00", "33612345600"),
        ("1.800.555.0000", "18005550000"),
        ("+965 9988.0000", "96599880000"),
        ("7 912 345 67 89", "79123456789"),
        ("+1 (212) 555-1234", "12125551234"),
        ("+55 96 98765-4321", "5596987654321"),
    ] {
        assert_eq!(PhoneNumber::parse(written), Ok(number(digits)), "{written}");
    }
}

fn refused(input: &str, check: CountryCheck) -> (NotMobileReason, Option<String>) {
    match PhoneNumber::parse_with(input, check) {
        Err(PhoneError::NotMobile { reason, suggestion, .. }) => {
            (reason, suggestion.map(|it| it.to_string()))
        }
        other => panic!("{input:?}: {other:?}"),
    }
}

#[test]
fn what_no_plan_of_the_gulf_allows_is_refused_with_what_was_meant() {
    use NotMobileReason::{CodeTwice, Length, NationalForm, NoCountryCode};
    for (input, reason, suggestion) in [
        ("9876 5432", NoCountryCode, Some("96598765432")),
        ("51096468", NoCountryCode, Some("96551096468")),
        ("٩٨٧٦٥٤٣٢", NoCountryCode, Some("96598765432")),
        ("+98765432", NoCountryCode, Some("96598765432")),
        ("22221111", NoCountryCode, None),
        ("20260125", NoCountryCode, None),
        ("22221111 555", NoCountryCode, None),
        ("22221111-555", NoCountryCode, None),
        ("098765432", NoCountryCode, Some("96598765432")),
        ("0559876543", NationalForm, None),
        ("096598765432", NationalForm, Some("96598765432")),
        ("+965 (0) 9876 5432", NationalForm, Some("96598765432")),
        ("+974 055 123 456", NationalForm, Some("97455123456")),
        ("+966 055 987 6543", NationalForm, Some("966559876543")),
        ("9710501234567", NationalForm, Some("971501234567")),
        ("+965 00 98765432", NationalForm, Some("96598765432")),
        ("+44 (0)7712 345678", NationalForm, None),
        ("+39 (0) 6 1234 5678", NationalForm, None),
        ("96596598765432", CodeTwice, Some("96598765432")),
        ("965 0965 9876 5432", CodeTwice, Some("96598765432")),
        ("971 971 50 123 4567", CodeTwice, Some("971501234567")),
        ("9659876543", Length { digits: 7 }, None),
        ("965987654321", Length { digits: 9 }, None),
        ("96598765432 12", Length { digits: 10 }, None),
        ("9651800555", Length { digits: 7 }, None),
        ("96655123456", Length { digits: 8 }, None),
        ("97150123456", Length { digits: 8 }, None),
        ("9689123456", Length { digits: 7 }, None),
        ("973391234567", Length { digits: 9 }, None),
        ("9741234567", Length { digits: 7 }, None),
    ] {
        let (why, meant) = refused(input, CountryCheck::Gulf);
        assert_eq!((why, meant.as_deref()), (reason, suggestion), "{input}");
        let error = PhoneNumber::parse(input).unwrap_err();
        shows_no_number(&format!("{error} {error:?}"));
    }
    for input in
        ["2 96598765432", "1. 96598765432", "Ahmed 2 96598765432", "(2) 96598765432", "12 00965 98765432"]
    {
        assert_eq!(PhoneNumber::parse(input), Err(PhoneError::OtherDigits), "{input}");
        #[cfg(feature = "strict-numbers")]
        assert_eq!(
            PhoneNumber::parse_with(input, CountryCheck::Strict),
            Err(PhoneError::OtherDigits),
            "{input}"
        );
    }
    for digits in [
        "96598765432",
        "96522334455",
        "966559876543",
        "966112345678",
        "96871234567",
        "971501234567",
        "97142345678",
        "97339123456",
        "97455123456",
        "9613123456",
        "447712345678",
        "12125551234",
        "2250707123456",
        "390612345678",
        "5491123456789",
        "919876543210",
        "201012345678",
        "1234567",
        "999123456789012",
        "196598765432",
    ] {
        assert_eq!(PhoneNumber::parse(digits), Ok(number(digits)), "{digits}");
    }
}

#[test]
fn off_is_the_python_clients_rule() {
    for (input, digits) in [
        ("9876 5432", "98765432"),
        ("+965 (0) 9876 5432", "965098765432"),
        ("096598765432", "96598765432"),
        ("965987654321", "965987654321"),
        ("2 96598765432", "296598765432"),
        ("+44 (0)7712 345678", "4407712345678"),
    ] {
        assert_eq!(off(input), Ok(number(digits)), "{input}");
    }
}

#[test]
fn a_default_country_takes_numbers_without_a_code_and_no_others() {
    let read = |country, check, text: &str| {
        PhoneNumber::parse_with(text, PhoneRules::from(check).default_country(country))
            .map(|it| it.to_string())
    };
    for check in checks() {
        for (country, input, digits) in [
            (GulfCountry::Kuwait, "9876 5432", "96598765432"),
            (GulfCountry::Kuwait, "٩٨٧٦٥٤٣٢", "96598765432"),
            (GulfCountry::Kuwait, "Ali: 98765432", "96598765432"),
            (GulfCountry::Kuwait, "+965 9876 5432", "96598765432"),
            (GulfCountry::Kuwait, "00966559876543", "966559876543"),
            (GulfCountry::SaudiArabia, "0559876543", "966559876543"),
            (GulfCountry::SaudiArabia, "55 987 6543", "966559876543"),
            (GulfCountry::Emirates, "050 123 4567", "971501234567"),
            (GulfCountry::Oman, "92123456", "96892123456"),
            (GulfCountry::Bahrain, "36001234", "97336001234"),
            (GulfCountry::Qatar, "33123456", "97433123456"),
        ] {
            assert_eq!(
                read(country, check, input).as_deref(),
                Ok(digits),
                "{input} in {country} at {check:?}"
            );
        }
        // Neither what says that it comes from abroad, nor what has another length.
        if check != CountryCheck::Off {
            for input in ["+98765432", "0098765432", "098765432", "9876543O", "9876 5432 x1", "98765432.0"] {
                assert!(read(GulfCountry::Kuwait, check, input).is_err(), "{input} at {check:?}");
            }
        }
    }
    assert_eq!(read(GulfCountry::Kuwait, CountryCheck::Gulf, "447712345678").as_deref(), Ok("447712345678"));
    for (text, country) in [
        ("965", Some(GulfCountry::Kuwait)),
        ("+965", Some(GulfCountry::Kuwait)),
        ("00966", Some(GulfCountry::SaudiArabia)),
        ("qa", Some(GulfCountry::Qatar)),
        ("20", None),
        ("", None),
        ("96", None),
    ] {
        assert_eq!(text.parse().ok(), country, "{text}");
    }
    assert!("20".parse::<GulfCountry>().unwrap_err().to_string().contains("965"));
}

#[test]
fn an_integer_is_checked_as_its_digits_are() {
    assert_eq!(PhoneNumber::try_from(96_598_765_432), Ok(number("96598765432")));
    assert_eq!(PhoneNumber::try_from(98_765_432), PhoneNumber::parse("98765432"));
    assert!(serde_json::from_str::<PhoneNumber>("98765432").is_err());
    assert!(serde_json::from_str::<PhoneNumber>("\"9876 5432\"").is_err());
}

#[test]
fn a_list_ends_where_a_number_does() {
    for (list, parts) in [
        ("", &[][..]),
        (" , ;\n", &[]),
        ("1,2;3،4؛5\n6\r\n7\t8\u{2028}9", &["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
        ("Ali 96598765432 , +965 5123 4567 ,", &["Ali 96598765432", "+965 5123 4567"]),
        ("9,65988E+10", &["9,65988E+10"]),
        ("9,65988E+10;9,65988E+10", &["9,65988E+10", "9,65988E+10"]),
        ("\u{202a}9,65988E+10\u{202c},96598765432", &["\u{202a}9,65988E+10\u{202c}", "96598765432"]),
        ("96598765432,0", &["96598765432,0"]),
        ("96598765432,00\n96551234567,00", &["96598765432,00", "96551234567,00"]),
        ("96598765432,0096551234567", &["96598765432", "0096551234567"]),
        ("tel:+96598765432;ext=12", &["tel:+96598765432;ext=12"]),
        ("+965 2222 1111, ext. 12", &["+965 2222 1111, ext. 12"]),
        ("+965 2222 1111، تحويلة ١٢", &["+965 2222 1111، تحويلة ١٢"]),
        ("96598765432, 96551234567 ext 5", &["96598765432", "96551234567 ext 5"]),
        ("96598765432,abc", &["96598765432", "abc"]),
        ("TEL;TYPE=CELL:+96598765432", &["TEL;TYPE=CELL:+96598765432"]),
    ] {
        assert_eq!(split_numbers(list).collect::<Vec<_>>(), parts, "{list:?}");
    }
}

#[cfg(feature = "sandbox")]
#[tokio::test(start_paused = true)]
async fn every_separator_makes_a_list_for_a_client_and_bare_numbers_follow_its_country() {
    use kwtsms_async::{Client, sandbox::Sandbox};

    let sandbox = Sandbox::in_process();
    let builder = || Client::builder("api_user", "api_pass").transport(sandbox.transport());
    let report = builder()
        .build()
        .unwrap()
        .send("96598765432،96551234567; 96565000000\n98765432\n9,65988E+10", "Hello")
        .await
        .unwrap();
    assert_eq!(report.accepted(), 3);
    let invalid: Vec<_> = report.invalid().iter().map(|it| (it.input(), *it.reason())).collect();
    assert_eq!(invalid.len(), 2, "{invalid:?}");
    assert_eq!(invalid[0].1.suggestion(), Some(number("96598765432")));
    assert_eq!(invalid[1], ("9,65988E+10", PhoneError::Shortened));

    let client = builder().default_country(GulfCountry::Kuwait).build().unwrap();
    let report = client.send("94123456", "Hello").await.unwrap();
    assert_eq!(report.batches()[0].numbers(), [number("96594123456")]);
}
