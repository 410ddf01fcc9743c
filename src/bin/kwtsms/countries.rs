//! Country names by prefix.

use iso3166::Country;
use rlibphonenumber::PHONE_NUMBER_UTIL;

/// The countries that share the calling code a prefix begins with, the main one first; none if there is no such
/// code.
pub(crate) fn of_prefix(prefix: &str) -> Vec<&'static str> {
    // No calling code begins another: the first that fits is the one.
    (1..=3.min(prefix.len()))
        .filter_map(|digits| prefix.get(..digits)?.parse().ok())
        .find_map(|code: i32| PHONE_NUMBER_UTIL.get_regions_for_country_calling_code(code))
        .map(|regions| {
            regions
                .filter_map(|region| {
                    Country::from_alpha2(&region.to_string()).map(|country| country.data().name)
                })
                .collect()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_have_the_names_of_their_countries() {
        assert_eq!(of_prefix("965"), ["Kuwait"]);
        assert_eq!(of_prefix("971"), ["United Arab Emirates"]);
        assert_eq!(of_prefix("44")[0], "UK");
        assert_eq!(of_prefix("1")[0], "US");
        assert!(of_prefix("1242").contains(&"Bahamas"));
        assert!(of_prefix("999").is_empty() && of_prefix("").is_empty() && of_prefix("x").is_empty());
    }
}
