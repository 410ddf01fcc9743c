//! The account: its credentials, its sender ids, its balance and its countries.

use super::ask::{Asked, Asker};
use super::check::{Check, few};
use super::names;
use crate::balance::Balance;
use crate::code::ApiCode;
use crate::core::Core;
use crate::credits::Credits;
use crate::endpoint::{Coverage, Listed};
use crate::error::Error;
use crate::ids::{SenderId, SenderIdError};
use crate::phone::PhoneNumber;
use crate::secret::oddities;

/// The longest user name (API document v4.1), in characters.
const MOST_OF_A_USER_NAME: usize = 15;

pub(super) fn credentials(core: &Core, missing: Option<&Error>, asker: &Asker) -> Check {
    const NAME: &str = names::CREDENTIALS;
    if let Some(error) = missing {
        return Check::failed(
            NAME,
            error.to_string(),
            "give the API user and its password: KWTSMS_USERNAME and KWTSMS_PASSWORD, which `kwtsms setup` writes",
        );
    }
    let odd = odd(core);
    let with_odd = |seen: &str| match odd.is_empty() {
        true => seen.to_owned(),
        false => format!("{seen}; {}", odd.join("; ")),
    };
    match &asker.refused {
        Some(code) if [ApiCode::ERR002, ApiCode::ERR003].contains(code) => {
            Check::failed(NAME, with_odd(&format!("{code} ({})", code.meaning())), code.action())
        }
        Some(code) => Check::failed(NAME, format!("{code} ({})", code.meaning()), code.action()),
        None if asker.accepted => Check::ok(NAME, "the gateway accepts them"),
        None if odd.is_empty() => Check::skipped(NAME, "the gateway could not be asked"),
        None => Check::warning(
            NAME,
            with_odd("the gateway could not be asked"),
            "compare both with the API settings of the account at kwtsms.com",
        ),
    }
}

/// The usual mistakes.
fn odd(core: &Core) -> Vec<String> {
    let user = core.credentials.username();
    let mut odd = Vec::new();
    if PhoneNumber::of_user_name(user).is_some() {
        odd.push(
            "the user name is a phone number, and the account's mobile number is not its API user".to_owned(),
        );
    }
    odd.extend(oddities(user, MOST_OF_A_USER_NAME).iter().map(|what| format!("the user name {what}")));
    odd.extend(core.credentials.oddities_of_the_password().iter().map(|what| format!("the password {what}")));
    odd
}

pub(super) fn test_mode(is_on: bool) -> Check {
    if !is_on {
        return Check::ok(names::TEST_MODE, "off: messages are delivered");
    }
    Check::warning(
        names::TEST_MODE,
        "on: messages stay in the gateway's queue and reach nobody, and their credits are held",
        "for messages that arrive set KWTSMS_TEST_MODE=0; delete those of tests from the queue at kwtsms.com to get \
         their credits back",
    )
}

pub(super) fn sender_id(
    own: &SenderId,
    wrong: Option<SenderIdError>,
    asked: &Asked<Listed<SenderId>>,
) -> Check {
    const NAME: &str = names::SENDER_ID;
    let accounts: Vec<_> = match asked {
        Asked::Answered(ids) => {
            ids.iter().filter(|id| !id.is_shared_test_sender()).map(SenderId::as_str).collect()
        }
        _ => Vec::new(),
    };
    let take_one = match accounts.as_slice() {
        [] => "register one at kwtsms.com, and set KWTSMS_SENDER_ID to it".to_owned(),
        ids => format!("set KWTSMS_SENDER_ID to one of the account's: {}", few(ids, 8)),
    };
    if let Some(error) = wrong {
        return Check::failed(NAME, error.to_string(), take_one);
    }
    if own.is_shared_test_sender() {
        return Check::warning(
            NAME,
            "KWT-SMS is the test sender that all accounts share: it is slow on purpose, and reaches neither Virgin nor \
             blacklisted numbers",
            format!(
                "{take_one}; for one-time codes a transactional one, or numbers that block advertisements get none"
            ),
        );
    }
    asked.check(NAME, |ids| {
        let alike = |id: &&SenderId| id.as_str().to_lowercase() == own.as_str().to_lowercase();
        if ids.contains(own) {
            return Check::ok(NAME, format!("{own} is the account's"));
        }
        match ids.iter().find(alike) {
            Some(id) => Check::failed(
                NAME,
                format!("{own} is not the account's, {id} is: upper and lower case count"),
                format!("set KWTSMS_SENDER_ID to {id}: under another name messages go out as KWT-SMS, or not at all"),
            ),
            None => Check::failed(
                NAME,
                format!("{own} is not the account's: messages go out as KWT-SMS, or not at all"),
                take_one,
            ),
        }
    })
}

/// `pages` are those of the text that is looked at.
pub(super) fn balance(asked: &Asked<Balance>, threshold: Option<Credits>, pages: Option<usize>) -> Check {
    const NAME: &str = names::BALANCE;
    const BUY: &str = "buy credits at kwtsms.com";
    asked.check(NAME, |balance| {
        let available = balance.available();
        let whole = u64::try_from(available.thousandths() / 1_000).unwrap_or(0);
        let mut seen = format!("{available} credits");
        if let Some(purchased) = balance.purchased() {
            seen += &format!(" of {purchased} bought");
        }
        seen += &match pages {
            Some(pages) => format!(": enough for this text to {} numbers in Kuwait", whole / pages as u64),
            None => format!(": enough for a text of one page to {whole} numbers in Kuwait"),
        };
        if whole < pages.unwrap_or(1) as u64 {
            return Check::failed(NAME, seen, BUY);
        }
        match threshold.filter(|threshold| available < *threshold) {
            Some(threshold) => {
                Check::warning(NAME, format!("{seen}; that is below the {threshold} of low_balance"), BUY)
            }
            None => Check::ok(NAME, seen),
        }
    })
}

pub(super) fn countries(asked: &Asked<Coverage>) -> Check {
    const NAME: &str = names::COUNTRIES;
    const ASK: &str = "open Kuwait (965) in the account at kwtsms.com, or ask kwtSMS support to";
    if let Asked::Failed(error) = asked
        && error.code() == Some(&ApiCode::ERR033)
    {
        return Check::failed(NAME, error.to_string(), ApiCode::ERR033.action());
    }
    asked.check(NAME, |coverage| {
        let prefixes: Vec<_> = coverage.prefixes().iter().map(|prefix| format!("+{prefix}")).collect();
        match (prefixes.as_slice(), coverage.prefixes().contains(&"965")) {
            ([], _) => Check::failed(NAME, "none is open", ASK),
            (open, true) => Check::ok(NAME, format!("open are {}", few(open, 12))),
            (open, false) => Check::warning(NAME, format!("open are {}, and not Kuwait", few(open, 12)), ASK),
        }
    })
}
