//! Any text as a number and as a list: no panic, and what is taken for a number is one and stays it.

#![no_main]

use kwtsms_async::{
    CountryCheck, Credits, PhoneNumber, PhoneRules, normalize_phone, split_numbers, validate_phone_input,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = normalize_phone(text);
    let _ = validate_phone_input(text);
    let _ = text.parse::<Credits>().map(|credits| assert_eq!(credits.to_string().parse(), Ok(credits)));
    for check in [CountryCheck::Off, CountryCheck::Gulf, CountryCheck::Strict] {
        let rules = PhoneRules::from(check);
        for part in std::iter::once(text).chain(split_numbers(text)) {
            match PhoneNumber::parse_with(part, rules) {
                Ok(number) => {
                    let digits = number.to_string();
                    assert!(
                        (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
                    );
                    assert_eq!(
                        PhoneNumber::parse_with(&digits, rules),
                        Ok(number),
                        "a number is its own normal form"
                    );
                    assert!(!format!("{number:?}").contains(&digits));
                }
                Err(error) => assert!(!error.to_string().contains('\n')),
            }
        }
    }
});
