//! The table of decimal digits: made here, and held to Unicode's own properties.

use std::fmt::Write;

use kwtsms_async::{PhoneError, PhoneNumber, normalize_phone};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

fn is_decimal_digit(c: char) -> bool {
    c.general_category() == GeneralCategory::DecimalNumber
}

/// The zero of each run of ten: Unicode encodes the decimal digits of a script in a row, from zero to nine
/// (<https://www.unicode.org/policies/stability_policy.html>, "Property Value Stability", `Numeric_Type=Decimal`).
fn zeros() -> Vec<u32> {
    let digits: Vec<u32> = ('\0'..=char::MAX).filter(|c| is_decimal_digit(*c)).map(u32::from).collect();
    digits
        .chunks(10)
        .map(|run| {
            assert!(run.len() == 10 && run[9] == run[0] + 9, "U+{:04X} begins no run of ten", run[0]);
            run[0]
        })
        .collect()
}

fn generate() -> String {
    let zeros = zeros();
    let (major, minor, _) = unicode_properties::UNICODE_VERSION;
    let mut file = format!(
        "//! Decimal digits: made, not written. `tests/it/phone_digits.rs` says what is in it and makes it again:\n\
         //! `UPDATE_TABLE=1 cargo test --test it phone_digits`.\n\
         //!\n\
         //! Unicode {major}.{minor}.\n\n\
         /// The zero of each script, in order; nine more digits follow each.\n\
         pub(super) static ZEROS: [u32; {}] = [\n",
        zeros.len()
    );
    // Rows as wide as rustfmt makes them.
    let mut row = String::from("   ");
    for zero in zeros {
        let item = format!(" 0x{zero:04X},");
        if row.len() + item.len() > 110 {
            writeln!(file, "{row}").unwrap();
            row.truncate(3);
        }
        row += &item;
    }
    writeln!(file, "{row}").unwrap();
    file + "];\n"
}

#[test]
fn the_table_is_what_the_generator_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/phone/digits.rs");
    let made = generate();
    if std::env::var_os("UPDATE_TABLE").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    assert!(
        std::fs::read_to_string(path).unwrap() == made,
        "src/phone/digits.rs is out of date: UPDATE_TABLE=1 cargo test --test it phone_digits"
    );
}

#[test]
fn every_script_writes_the_same_number() {
    for zero in zeros() {
        let written: String =
            "96598765432".bytes().map(|b| char::from_u32(zero + u32::from(b - b'0')).unwrap()).collect();
        assert_eq!(normalize_phone(&written), "96598765432", "U+{zero:04X}");
        assert_eq!(PhoneNumber::parse(&written).unwrap().as_u64(), 96_598_765_432, "U+{zero:04X}");
        // A zero in front is one in every script.
        assert_eq!(
            normalize_phone(&format!("{0}{0}{written}", char::from_u32(zero).unwrap())),
            "96598765432"
        );
    }
}

#[test]
fn what_is_no_decimal_digit_is_no_digit() {
    for c in ('\0'..=char::MAX).filter(|c| !is_decimal_digit(*c)) {
        let written = format!("965{c}98765432{c}");
        assert_eq!(normalize_phone(&written), "96598765432", "U+{:04X}", u32::from(c));
        if c == '@' {
            assert_eq!(PhoneNumber::parse(&written), Err(PhoneError::Email));
        }
    }
}
