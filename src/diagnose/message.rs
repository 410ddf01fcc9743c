//! One message: where it is, and what was reported of it.

use super::ask::Asked;
use super::check::{Check, few};
use super::names;
use super::number::shown;
use crate::code::{ApiCode, CodeClass};
use crate::endpoint::{DeliveryReport, Listed, MessageStatus};
use crate::wire::state;

pub(super) fn message(asked: &Asked<MessageStatus>) -> Check {
    const NAME: &str = names::MESSAGE;
    if let Asked::Failed(error) = asked
        && let Some(code) = error.code().filter(|code| [ApiCode::ERR029, ApiCode::ERR030].contains(code))
    {
        let mut seen = format!("{code} ({})", code.meaning());
        if *code == ApiCode::ERR030 {
            seen += ", as one of test mode is, or one with an emoji";
        }
        return Check::failed(NAME, seen, code.action());
    }
    asked.check(NAME, |status| {
        let word = state(status.as_str());
        if status.is_sent() {
            Check::ok(NAME, format!("{word}: handed to the operator, which does not mean delivered"))
        } else {
            Check::warning(
                NAME,
                format!("{word}: not handed to the operator yet"),
                "ask again in some minutes; if it stays, look at the queue at kwtsms.com",
            )
        }
    })
}

pub(super) fn report(asked: &Asked<Listed<DeliveryReport>>, in_full: bool) -> Check {
    const NAME: &str = names::REPORT;
    if let Asked::Failed(error) = asked
        && let Some(code) = error.code()
    {
        return match code.class() {
            _ if *code == ApiCode::ERR021 => Check::skipped(
                NAME,
                "ERR021: there is none. The operators in Kuwait report no delivery, so that `sent` is the last that can \
                 be known of a message there",
            ),
            CodeClass::ReportNotReady { .. } => {
                Check::skipped(NAME, format!("{code}: {}. {}", code.meaning(), code.action()))
            }
            _ => Check::failed(NAME, format!("{code} ({})", code.meaning()), code.action()),
        };
    }
    asked.check(NAME, |reports| {
        let told: Vec<_> = reports
            .iter()
            .map(|report| {
                let number = report.number().map_or("a number".to_owned(), |number| shown(number, in_full));
                format!("{number}: {}", state(report.status()))
            })
            .collect();
        let arrived = |report: &DeliveryReport| {
            let status = report.status().to_ascii_lowercase();
            status.starts_with("received") || status.starts_with("delivered")
        };
        match told.as_slice() {
            [] => Check::skipped(NAME, "there is none yet"),
            told if reports.iter().all(arrived) => Check::ok(NAME, few(told, 5)),
            told => Check::warning(
                NAME,
                few(told, 5),
                "of a number that is blacklisted or off the operator has the last word; kwtSMS support can tell more \
                 by the message id",
            ),
        }
    })
}
