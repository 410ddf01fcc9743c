//! Whether a number can be a mobile of its country, by libphonenumber's data.

use rlibphonenumber::{PHONE_NUMBER_UTIL, ParseError, PhoneNumberType};

use super::error::{NotMobileReason, PhoneError, Region};
use super::gulf;
use super::number::PhoneNumber;
use super::shape::Written;

/// Digits of a number of Kuwait without its country code.
const LOCAL_DIGITS: usize = 8;

/// Gives the number, without a national prefix that stood after the country code.
pub(super) fn check(number: PhoneNumber, written: Written<'_>) -> Result<PhoneNumber, PhoneError> {
    if number.digits() == LOCAL_DIGITS {
        let suggestion = kuwaiti(PhoneNumber(965 * 10_u64.pow(8) + number.as_u64()));
        return Err(PhoneError::NotMobile {
            region: suggestion.and(Region::new("KW")),
            reason: NotMobileReason::NoCountryCode,
            suggestion,
        });
    }
    if written.zeros == 1 {
        let suggestion = kuwaiti(number);
        return Err(PhoneError::NotMobile {
            region: suggestion.and(Region::new("KW")),
            reason: NotMobileReason::NationalForm,
            suggestion,
        });
    }
    mobile(gulf::apart(number, written)?)
}

/// The number, if it is a mobile of Kuwait.
fn kuwaiti(number: PhoneNumber) -> Option<PhoneNumber> {
    mobile(number).ok().filter(|mobile| *mobile == number && mobile.to_string().starts_with("965"))
}

fn mobile(number: PhoneNumber) -> Result<PhoneNumber, PhoneError> {
    let refused = |region, reason| PhoneError::NotMobile { region, reason, suggestion: None };
    let written = format!("+{number}");
    let parsed = PHONE_NUMBER_UTIL.parse(&written, None).map_err(|error| match error {
        ParseError::InvalidCountryCode => refused(None, NotMobileReason::UnknownCountry),
        _ => refused(None, NotMobileReason::Unassigned),
    })?;
    let region = parsed
        .get_region_code()
        .or_else(|| PHONE_NUMBER_UTIL.get_region_for_country_code(parsed.country_code))
        .and_then(|region| Region::new(&region.as_region_str()));
    let national = parsed.get_national_significant_number();
    let reason = match parsed.get_type() {
        PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile => {
            // Of Argentina's 54 11 15… the library makes 54 9 11…: digits that nobody wrote.
            let mobile = format!("{}{national}", parsed.country_code);
            return match PhoneNumber::parse(&mobile) {
                Ok(mobile) if written.ends_with(&national) => Ok(mobile),
                _ => Err(refused(region, NotMobileReason::NationalForm)),
            };
        }
        PhoneNumberType::FixedLine => NotMobileReason::FixedLine,
        PhoneNumberType::Unknown => match PHONE_NUMBER_UTIL
            .is_possible_number_for_type_with_reason(&parsed, PhoneNumberType::Mobile)
        {
            Ok(_) => NotMobileReason::Unassigned,
            Err(_) => NotMobileReason::Length { digits: national.len() },
        },
        _ => NotMobileReason::OtherService,
    };
    Err(refused(region, reason))
}
