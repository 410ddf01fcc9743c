//! The one-time code in a text.
//!
//! A guess by rules, in English and Arabic: which run of 4 to 8 digits is announced as a code, and is none of the
//! other things that digits are (prices, dates, telephone and order numbers, links). When in doubt there is none: a
//! test that finds no code is looked at, one that types an order number is not.

mod candidates;
mod find;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use find::find;
