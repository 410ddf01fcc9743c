//! Strict checks: what can be a mobile of its country, by libphonenumber's data.

use kwtsms_async::NotMobileReason::{self, *};
#[cfg(feature = "sandbox")]
use kwtsms_async::{Client, ErrorKind, sandbox::Sandbox};
use kwtsms_async::{CountryCheck, PhoneError, PhoneNumber, Region};
use proptest::prelude::*;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType};

use crate::phones::{DEVIATIONS, cases, inputs, number, shows_no_number};

fn strict(input: &str) -> Result<PhoneNumber, PhoneError> {
    PhoneNumber::parse_with(input, CountryCheck::Strict)
}

/// The reason of a refusal and the number it suggests.
fn refused(input: &str) -> (NotMobileReason, Option<PhoneNumber>) {
    match strict(input) {
        Err(PhoneError::NotMobile { reason, suggestion, .. }) => (reason, suggestion),
        other => panic!("{input:?}: {other:?}"),
    }
}

/// Where libphonenumber's data and the later clients' table of countries disagree: input, our answer, why.
#[rustfmt::skip]
const DIFFERENCES: [(&str, Result<&str, NotMobileReason>, &str); 8] = [
    ("2250712345678", Ok("2250712345678"), "Côte d'Ivoire: the zero belongs to the number, the table drops it"),
    ("+225 07 12 34 56 78", Ok("2250712345678"), "Côte d'Ivoire again"),
    (DEVIATIONS[0].0, Ok("96598765432"), "digits of any script are digits"),
    (DEVIATIONS[1].0, Ok("96598765432"), "digits of any script are digits"),
    ("999123456789012", Err(UnknownCountry), "999 is no country code; the table passes what it does not know"),
    ("9991234567890", Err(UnknownCountry), "the same"),
    ("96561234567", Err(Unassigned), "the data has parts of Kuwait's 61 in use only, the table all of 6"),
    ("50123456", Err(NoCountryCode), "501 is Belize, which the table does not know; Kuwait was meant"),
];

#[test]
fn the_country_rules_of_later_clients_are_ours_but_for_the_differences() {
    let cases = cases();
    for case in &cases {
        let input = case.r#in.as_str();
        let table = case.country_rules.out.as_deref();
        assert_eq!(case.country_rules.accept, table.is_some());
        if input == "965/9876/5432" {
            assert!(matches!(strict(input), Err(PhoneError::Sign { sign: '/', .. })));
            continue; // one number or three, nobody can tell
        }
        let ours = strict(input).map(|number| number.to_string());
        match DIFFERENCES.iter().find(|(differing, ..)| *differing == input) {
            Some((_, expected, why)) => {
                assert_ne!(ours.as_deref().ok(), table, "no difference: {why}");
                match expected {
                    Ok(expected) => assert_eq!(ours.as_deref(), Ok(*expected), "{why}"),
                    Err(reason) => assert_eq!(refused(input).0, *reason, "{why}"),
                }
            }
            None => assert_eq!(ours.as_deref().ok(), table, "{input:?}"),
        }
    }
    for (differing, ..) in DIFFERENCES {
        assert!(cases.iter().any(|case| case.r#in == differing), "{differing:?} is not in the fixture");
    }
}

#[test]
fn mobiles_of_other_countries_are_accepted_as_they_are() {
    for (digits, country) in [
        ("2250712345678", "Côte d'Ivoire, whose numbers begin with zero"),
        ("24106123456", "Gabon, the same"),
        ("5491123456789", "Argentina, with the 9 of mobiles"),
        ("5511987654321", "Brazil, nine digits after the area code"),
        ("525512345678", "Mexico, where mobile and fixed line look alike"),
        ("12125551234", "United States, the same"),
        ("966559876543", "Saudi Arabia"),
        ("971501234567", "Emirates"),
        ("201012345678", "Egypt"),
        ("9613123456", "Lebanon, with one digit less than others"),
        ("79123456789", "Russia"),
        ("77012345678", "Kazakhstan, under the same code"),
    ] {
        assert_eq!(strict(digits), Ok(number(digits)), "{country}");
    }
}

#[test]
fn a_national_prefix_after_the_country_code_goes_where_it_is_one() {
    for (written, digits) in [
        ("9660559876543", "966559876543"),
        ("+966 (0)55 987 6543", "966559876543"),
        ("009710501234567", "971501234567"),
        ("+44 (0)7712 345678", "447712345678"),
        ("20 010 1234 5678", "201012345678"),
        // Not every country's is a zero.
        ("+7 8 912 345 67 89", "79123456789"),
        ("+36 06 20 123 4567", "36201234567"),
    ] {
        assert_eq!(strict(written), Ok(number(digits)), "{written}");
    }
    // Kuwait has none, so the zero is a wrong digit.
    assert_eq!(refused("965098765432"), (Length { digits: 9 }, None));
    // The 1 of Mexican mobiles went in 2019, and the data no longer knows it.
    assert_eq!(refused("5215512345678"), (Length { digits: 11 }, None));
}

#[test]
fn digits_are_never_put_in() {
    // libphonenumber makes 54 9 11 1234 5678 of it.
    assert_eq!(refused("54 11 15 1234 5678").0, NationalForm);
}

/// Below each first digit lie a thousand blocks of ten thousand numbers; the data says which are in use.
#[test]
fn kuwaits_mobiles_begin_with_4_5_6_or_9() {
    let blocks = |first: u64| {
        (0..1000)
            .filter(|block| {
                strict(&(96_500_000_000 + first * 10_000_000 + block * 10_000).to_string()).is_ok()
            })
            .count()
    };
    for first in [0, 1, 2, 3, 7, 8] {
        assert_eq!(blocks(first), 0, "{first}");
    }
    for first in [4, 5, 6, 9] {
        let blocks = blocks(first);
        assert!((100..=999).contains(&blocks), "{first}: {blocks}");
    }
    for digits in ["96541234567", "96550123456", "96566123456", "96598765432"] {
        assert_eq!(strict(digits), Ok(number(digits)));
    }
    // 22 to 25 are fixed lines; the data has no number at all that begins with 0, 1, 3, 7 or 8.
    assert_eq!(refused("96522334455"), (FixedLine, None));
    for first in ["0", "1", "3", "7", "8"] {
        assert_eq!(refused(&format!("965{first}2345678")), (Unassigned, None), "{first}");
    }
    assert_eq!(refused("9659876543"), (Length { digits: 7 }, None));
    assert_eq!(refused("96598765432 12"), (Length { digits: 10 }, None));
}

#[test]
fn eight_digits_are_never_a_number_abroad() {
    for (written, suggestion) in [
        ("98765432", "96598765432"),
        ("9876 5432", "96598765432"),
        ("098765432", "96598765432"),
        ("٩٨٧٦٥٤٣٢", "96598765432"),
        ("50123456", "96550123456"),
        ("66123456", "96566123456"),
        ("41234567", "96541234567"),
        // These are whole mobile numbers of the Falkland Islands and of Tokelau, too.
        ("50051234", "96550051234"),
        ("+690 72941", "96569072941"),
    ] {
        assert_eq!(refused(written), (NoCountryCode, Some(number(suggestion))), "{written}");
    }
    // A fixed line of Kuwait, or a mobile of Saint Helena.
    for written in ["22334455", "29051234"] {
        assert_eq!(refused(written), (NoCountryCode, None), "{written}");
    }
}

#[test]
fn one_zero_in_front_names_no_country() {
    // Istanbul's 0535… without its zero is a mobile of Cuba.
    assert_eq!(strict("5351234567"), Ok(number("5351234567")));
    assert_eq!(refused("0535 123 4567"), (NationalForm, None));
    assert_eq!(refused("0559876543"), (NationalForm, None));
    assert_eq!(refused("096598765432"), (NationalForm, Some(number("96598765432"))));
    for international in ["0096598765432", "00096598765432"] {
        assert_eq!(strict(international), Ok(number("96598765432")));
    }
}

#[test]
fn a_refusal_names_the_country_and_says_what_to_do() {
    for (input, region, says) in [
        (
            "98765432",
            Some("KW"),
            "8 digits that look like a mobile number of Kuwait without its country code: add 965 in front?",
        ),
        (
            "22334455",
            None,
            "8 digits look like a number without its country code: put it in front (965 for Kuwait)",
        ),
        (
            "096598765432",
            Some("KW"),
            "written with a zero that is dialled only inside KW: leave the zero out?",
        ),
        (
            "05351234567",
            None,
            "written as it is dialled inside a country: put the country code in place of the zero",
        ),
        (
            "54111512345678",
            Some("AR"),
            "written as it is dialled inside AR: write it as it is dialled from abroad",
        ),
        (
            "9991234567",
            None,
            "no country's numbers begin like this: is the country code in front (965 for Kuwait)?",
        ),
        (
            "9659876543",
            Some("KW"),
            "no mobile number of KW has 7 digits after the country code: check the digits",
        ),
        ("96532345678", Some("KW"), "no number known to be in use in KW looks like this: check the digits"),
        ("96522334455", Some("KW"), "a fixed line of KW: a mobile number is needed"),
        (
            "18002345678",
            Some("US"),
            "a number of US for another service (toll-free, premium rate, …): a mobile number is needed",
        ),
    ] {
        let error = strict(input).unwrap_err();
        assert_eq!(error.to_string(), says, "{input}");
        match error {
            PhoneError::NotMobile { region: found, .. } => {
                assert_eq!(found.as_ref().map(Region::as_str), region, "{input}");
            }
            other => panic!("{other:?}"),
        }
        shows_no_number(&format!("{error} {error:?}"));
    }
    // Without a number in it there is nothing to say about a country.
    assert_eq!(strict("someone@example.com"), Err(PhoneError::Email));
    assert_eq!(strict("12345"), Err(PhoneError::TooShort { digits: 5 }));
}

fn ascii_digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// libphonenumber has an example of each country's mobiles: each is accepted as it is, and with the country's
/// national prefix after its code.
#[test]
fn every_countrys_example_is_accepted_with_and_without_its_national_prefix() {
    let util = &*PHONE_NUMBER_UTIL;
    let (mut eight_digits, mut refusals) = (Vec::new(), Vec::new());
    let mut prefixed = 0;
    for region in util.get_supported_regions() {
        let Ok(example) = util.get_example_number_for_type_and_region(region, PhoneNumberType::Mobile) else {
            continue;
        };
        let code = example.country_code.to_string();
        let national = example.get_national_significant_number();
        let expected = number(&format!("{code}{national}"));
        if expected.digits() == 8 {
            assert_eq!(refused(&expected.to_string()).0, NoCountryCode);
            eight_digits.push(region.to_string());
            continue;
        }
        assert_eq!(strict(&expected.to_string()), Ok(expected), "{region}");
        let dialled = ascii_digits(&example.format_as(PhoneNumberFormat::National));
        if dialled != national {
            match strict(&format!("+{code} {dialled}")) {
                Ok(number) => {
                    assert_eq!(number, expected, "{region}");
                    prefixed += 1;
                }
                Err(_) => refusals.push(region.to_string()),
            }
        }
    }
    eight_digits.sort_unstable();
    assert_eq!(eight_digits, ["AC", "CK", "FK", "SH"], "islands");
    assert_eq!(refusals, ["AR"], "its 15 before the number: digits would have to be put in");
    assert!(prefixed > 100, "{prefixed}");
}

#[cfg(feature = "sandbox")]
#[tokio::test(start_paused = true)]
async fn a_strict_client_refuses_text_before_any_request_and_takes_a_number_as_it_is() {
    let sandbox = Sandbox::in_process();
    let client = Client::builder("api_user", "api_pass")
        .transport(sandbox.transport())
        .country_check(CountryCheck::Strict)
        .build()
        .unwrap();
    let error = client.send("98765432", "Hello").await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::InvalidInput, 0));
    let report = client.send(["+965 9876 5432", "98765432"], "Hello").await.unwrap();
    assert_eq!(report.accepted(), 1);
    let refused = report.invalid()[0];
    assert_eq!((refused.position(), refused.input()), (1, "98765432"));
    assert_eq!(refused.reason().suggestion(), Some(number("96598765432")));
    // From a block that the data does not know, by choice of the caller.
    assert_eq!(client.send("96561234567", "Hello").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let report = client.send(number("96561234567"), "Hello").await.unwrap();
    assert_eq!(report.batches()[0].numbers(), [number("96561234567")]);
}

proptest! {
    #[test]
    fn what_strict_accepts_off_accepts_too_and_is_itself_accepted(
        input in prop_oneof![
            inputs(),
            "[+0]{0,2}(965[4569]|966[05]{1,2}5|97105|44[0]?7[4-9]|1[1]?[2-9]|549?11|55[0]?119|7[8]?9)[0-9]{6,9}",
        ],
    ) {
        match strict(&input) {
            Ok(number) => {
                let off = PhoneNumber::parse_with(&input, CountryCheck::Off).unwrap().to_string();
                let strict_digits = number.to_string();
                // Digits went from one place.
                let same = off.bytes().zip(strict_digits.bytes()).take_while(|(a, b)| a == b).count();
                prop_assert!(off.ends_with(&strict_digits[same..]), "{} {}", off, strict_digits);
                prop_assert_eq!(strict(&strict_digits), Ok(number));
            }
            Err(error) => {
                shows_no_number(&format!("{error} {error:?}"));
                if let Some(suggestion) = error.suggestion() {
                    prop_assert_eq!(strict(&suggestion.to_string()), Ok(suggestion));
                    prop_assert!(suggestion.to_string().starts_with("965"));
                }
            }
        }
    }
}
