//! One number: is it one, is its country open, and what the gateway says of it.

use super::ask::Asked;
use super::check::Check;
use super::names;
use crate::code::ApiCode;
use crate::endpoint::{Coverage, Validation};
use crate::phone::{PhoneError, PhoneNumber};

type Parsed = Result<PhoneNumber, PhoneError>;

/// A number as it may be shown.
pub(super) fn shown(number: PhoneNumber, in_full: bool) -> String {
    if in_full { number.to_string() } else { number.masked() }
}

pub(super) fn number(number: &Parsed, in_full: bool) -> Check {
    match number {
        Ok(number) => {
            Check::ok(names::NUMBER, format!("{}, {} digits", shown(*number, in_full), number.digits()))
        }
        Err(error) => Check::failed(
            names::NUMBER,
            error.to_string(),
            "give it with its country code: +965 and 8 digits in Kuwait",
        ),
    }
}

/// What is said where there is no number.
fn of_a_number(name: &'static str, number: &Parsed, look: impl FnOnce(PhoneNumber) -> Check) -> Check {
    match number {
        Ok(number) => look(*number),
        Err(_) => Check::skipped(name, "it is no number"),
    }
}

pub(super) fn country(number: &Parsed, asked: &Asked<Coverage>) -> Check {
    const NAME: &str = names::COUNTRY;
    let closed =
        || Check::failed(NAME, "the account has no prefix that it begins with", ApiCode::ERR026.action());
    of_a_number(NAME, number, |number| match asked {
        Asked::Failed(error) if error.code() == Some(&ApiCode::ERR033) => closed(),
        _ => asked.check(NAME, |coverage| match coverage.prefix_of(&number) {
            Some(prefix) => Check::ok(NAME, format!("+{prefix} is open")),
            None => closed(),
        }),
    })
}

pub(super) fn route(number: &Parsed, asked: &Asked<Validation>) -> Check {
    const NAME: &str = names::ROUTE;
    of_a_number(NAME, number, |_| {
        asked.check(NAME, |told| {
            let has = |group: &[PhoneNumber]| !group.is_empty();
            if has(told.ok()) {
                Check::ok(NAME, "the gateway can send to it (OK)")
            } else if has(told.nr()) {
                Check::failed(NAME, "the gateway has no route to it (NR)", ApiCode::ERR026.action())
            } else if has(told.er()) {
                Check::failed(
                    NAME,
                    "the gateway takes it for no mobile number (ER)",
                    "check its digits: a landline or a hotline gets no messages",
                )
            } else {
                Check::warning(
                    NAME,
                    "the gateway's answer does not mention it",
                    "ask again, or try it in test mode",
                )
            }
        })
    })
}
