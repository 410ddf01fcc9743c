//! What a page to a number costs, as far as answers have told.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::credits::Credits;
use crate::phone::PhoneNumber;

/// A page to a number of Kuwait, in thousandths of a credit. Other countries' prices are not public.
const KUWAIT: i64 = 1_000;

/// The highest price that was seen, by the first three digits of the numbers.
#[derive(Debug, Default)]
pub(super) struct Prices(Mutex<HashMap<u16, i64>>);

/// The first three digits stand for the country: where its code is shorter, for a part of it.
fn prefix(number: PhoneNumber) -> u16 {
    let mut digits = number.as_u64();
    while digits >= 1_000 {
        digits /= 10;
    }
    u16::try_from(digits).unwrap_or_default()
}

impl Prices {
    /// What a text of so many pages to these numbers will cost in all likelihood.
    pub(super) fn estimate(&self, pages: usize, numbers: &[PhoneNumber]) -> Credits {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let price = |number: &PhoneNumber| seen.get(&prefix(*number)).copied().unwrap_or(KUWAIT);
        let a_page: i64 = numbers.iter().map(price).sum();
        Credits::from_thousandths(a_page.saturating_mul(i64::try_from(pages).unwrap_or(i64::MAX)))
    }

    /// Learns from what a request was charged, if its numbers are of one country and cost more than was known.
    pub(super) fn learn(&self, pages: usize, numbers: &[PhoneNumber], charged: Credits) {
        let Some((first, others)) = numbers.split_first() else { return };
        let country = prefix(*first);
        if others.iter().any(|number| prefix(*number) != country) {
            return;
        }
        let parts = i64::try_from(pages.saturating_mul(numbers.len())).unwrap_or(i64::MAX).max(1);
        let price =
            charged.thousandths().div_euclid(parts) + i64::from(charged.thousandths().rem_euclid(parts) > 0);
        if price > KUWAIT {
            let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let known = seen.entry(country).or_insert(price);
            *known = price.max(*known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_that_cost_more_is_estimated_so_from_then_on() {
        let number = |text: &str| PhoneNumber::parse(text).unwrap();
        let (kuwait, abroad) = (number("96598765432"), number("971504496677"));
        let prices = Prices::default();
        assert_eq!(prices.estimate(2, &[kuwait, abroad]), Credits::from_int(4));
        prices.learn(2, &[kuwait, abroad], Credits::from_int(10)); // whose it is, nobody knows
        prices.learn(2, &[abroad], Credits::from_int(5));
        prices.learn(2, &[abroad], Credits::from_int(1));
        assert_eq!(prices.estimate(2, &[kuwait, abroad]), Credits::from_int(7));
    }
}
