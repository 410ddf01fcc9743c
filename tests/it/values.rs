//! Rules of the small values that hold for all inputs.

use kwtsms_async::{ApiCode, Credits, CreditsError, MessageId, SenderId};
use proptest::prelude::*;

proptest! {
    #[test]
    fn an_amount_written_and_read_is_the_same_amount(thousandths in any::<i64>()) {
        let amount = Credits::from_thousandths(thousandths);
        prop_assert_eq!(amount.to_string().parse::<Credits>(), Ok(amount));
    }

    #[test]
    fn an_amount_is_written_without_needless_zeros(thousandths in any::<i64>()) {
        let text = Credits::from_thousandths(thousandths).to_string();
        prop_assert!(!text.ends_with('.'));
        prop_assert!(!text.contains('.') || !text.ends_with('0'));
    }

    #[test]
    fn sums_are_exact(amounts in prop::collection::vec(-1_000_000_000_000_i64..1_000_000_000_000, 0..100)) {
        let total: Credits = amounts.iter().copied().map(Credits::from_thousandths).sum();
        prop_assert_eq!(i128::from(total.thousandths()), amounts.iter().copied().map(i128::from).sum::<i128>());
    }

    #[test]
    fn sums_never_wrap(a in any::<i64>(), b in any::<i64>()) {
        let (x, y) = (Credits::from_thousandths(a), Credits::from_thousandths(b));
        let clamp = |exact: i128| exact.clamp(i64::MIN.into(), i64::MAX.into());
        prop_assert_eq!(i128::from((x + y).thousandths()), clamp(i128::from(a) + i128::from(b)));
        prop_assert_eq!(i128::from((x - y).thousandths()), clamp(i128::from(a) - i128::from(b)));
    }

    #[test]
    fn json_gives_back_what_was_put_in(thousandths in -1_000_000_000_000_000_i64..1_000_000_000_000_000) {
        let amount = Credits::from_thousandths(thousandths);
        let text = serde_json::to_string(&amount).unwrap();
        prop_assert_eq!(serde_json::from_str::<Credits>(&text).unwrap(), amount);
        prop_assert_eq!(Credits::from_json(&serde_json::Value::String(format!(" {amount}\n"))), Some(amount));
    }

    /// The reference is integer division of the whole decimal, done another way than the parser does it.
    #[test]
    fn rounding_is_to_the_nearest_thousandth(whole in 0_i64..1_000_000, decimals in "[0-9]{1,12}", minus in any::<bool>()) {
        let text = format!("{}{whole}.{decimals}", if minus { "-" } else { "" });
        let unit = 10_i128.pow(decimals.len() as u32);
        let exact = i128::from(whole) * unit + decimals.parse::<i128>().unwrap();
        let nearest = (exact * 1_000 * 2 + unit) / (2 * unit);
        let expected = if minus { -nearest } else { nearest };
        prop_assert_eq!(text.parse::<Credits>().map(|amount| i128::from(amount.thousandths())), Ok(expected));
    }

    #[test]
    fn an_exponent_only_moves_the_point(digits in 1_i64..1_000_000, places in 0_usize..6) {
        let moved: Credits = format!("{digits}e-{places}").parse().unwrap();
        let padded = format!("{digits:0>width$}", width = places + 1);
        let (whole, part) = padded.split_at(padded.len() - places);
        prop_assert_eq!(Ok(moved), format!("{whole}.{part}").parse::<Credits>());
        let grown: Credits = format!("{digits}e{places}").parse().unwrap();
        prop_assert_eq!(grown, Credits::from_int(digits * 10_i64.pow(places as u32)));
    }

    #[test]
    fn any_float_is_read_to_within_half_a_thousandth_or_refused(float in any::<f64>()) {
        match float.to_string().parse::<Credits>() {
            Ok(amount) => prop_assert!((amount.as_f64() - float).abs() <= 0.0005 + float.abs() * 1e-15),
            Err(CreditsError::OutOfRange) => prop_assert!(float.abs() > 9.2e15),
            Err(_) => prop_assert!(!float.is_finite()),
        }
    }

    #[test]
    fn no_text_makes_a_value_panic(text in any::<String>()) {
        let _ = text.parse::<Credits>();
        if let Ok(id) = text.parse::<SenderId>() {
            prop_assert!((1..=SenderId::MAX_CHARACTERS).contains(&id.as_str().chars().count()));
            prop_assert_eq!(id.as_str(), text.trim());
        }
        if let Ok(id) = text.parse::<MessageId>() {
            prop_assert!((1..=MessageId::MAX_CHARACTERS).contains(&id.as_str().len()));
        }
        prop_assert!(ApiCode::new(&text).to_string().is_ascii());
    }

    #[test]
    fn nearly_numbers_are_read_as_the_standard_library_reads_them(text in "[-+]?[0-9.]{0,6}([eE][-+]?[0-9]{0,2})?") {
        let is_number = text.parse::<f64>().is_ok();
        prop_assert_eq!(text.parse::<Credits>() != Err(CreditsError::NotANumber), is_number, "{}", text);
    }
}
