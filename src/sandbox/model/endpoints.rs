//! The endpoints that change nothing: balance, senderid, coverage, validate, status, dlr.

use tokio::time::Instant;

use super::account::Account;
use super::history::History;
use super::message::{Message, MessageState};
use super::posted::{Posted, numbers};

use super::reply::{Code, Payload};
use super::rules::{Group, KUWAIT, MAX_MOBILE, classify};

/// The gateway's paths, spelled here and not taken from the client.
pub(crate) const ENDPOINTS: [&str; 7] =
    ["balance", "senderid", "coverage", "validate", "send", "status", "dlr"];

/// The endpoint of a path with its slash, case-sensitive.
pub(crate) fn endpoint_of(path: &str) -> Option<&'static str> {
    let name = path.strip_prefix("/API/")?.strip_suffix('/')?;
    ENDPOINTS.into_iter().find(|&endpoint| endpoint == name)
}

pub(crate) fn balance(account: &Account) -> Payload {
    Payload::Balance { available: account.available, purchased: account.purchased }
}

pub(crate) fn sender_ids(account: &Account) -> Payload {
    Payload::SenderIds(account.sender_ids.clone())
}

pub(crate) fn coverage(account: &Account) -> Result<Payload, Code> {
    if account.coverage.is_empty() {
        return Err("ERR033".into());
    }
    Ok(Payload::Coverage(account.coverage.clone()))
}

/// `validate`: no limit of 200 is documented for it, only the 2,500 characters. What it says to an empty list is
/// unknown; ERR006 here.
pub(crate) fn validate(
    account: &Account,
    posted: &Posted,
    long_mobile: Option<&str>,
) -> Result<Payload, Code> {
    let mobile = posted.text("mobile").ok_or("ERR002")?;
    check_length(mobile, long_mobile)?;
    let (mut er, mut nr, mut ok) = (Vec::new(), Vec::new(), Vec::new());
    for number in numbers(mobile) {
        let group = match classify(number, &account.coverage) {
            Group::Malformed => &mut er,
            Group::NoRoute => &mut nr,
            Group::Good => &mut ok,
        };
        group.push(number.to_owned());
    }
    if er.len() + nr.len() + ok.len() == 0 {
        return Err("ERR006".into());
    }
    Ok(Payload::Validate { er, nr, ok })
}

/// Holds `mobile` to 2,500 characters. Whether the gateway enforces this, and with which code, is unknown.
pub(crate) fn check_length(mobile: &str, code: Option<&str>) -> Result<(), Code> {
    match code {
        Some(code) if mobile.chars().count() > MAX_MOBILE => Err(code.to_owned().into()),
        _ => Ok(()),
    }
}

/// `status`. Only "sent" is a documented value; "queued" and its description come from another client's document.
pub(crate) fn status(user: &str, posted: &Posted, history: &History) -> Result<Payload, Code> {
    match find(user, posted, history)?.map(|message| message.state) {
        None | Some(MessageState::Deleted) => Err("ERR029".into()),
        Some(MessageState::Stuck) => Err("ERR030".into()),
        Some(MessageState::Queued) => {
            Ok(Payload::Status { status: "queued", description: "Message accepted and in delivery queue" })
        }
        Some(MessageState::Sent | MessageState::Delivered) => {
            Ok(Payload::Status { status: "sent", description: "Message successfully sent to gateway" })
        }
    }
}

/// `dlr`: no reports for Kuwait (ERR021), none yet before their time (ERR022), none ever for what is never sent (ERR019).
pub(crate) fn dlr(user: &str, posted: &Posted, history: &History, now: Instant) -> Result<Payload, Code> {
    let message = match find(user, posted, history)? {
        None => return Err("ERR020".into()),
        Some(message) if message.state == MessageState::Deleted => return Err("ERR020".into()),
        Some(message) => message,
    };
    let abroad: Vec<_> =
        message.numbers.iter().filter(|number| !number.starts_with(KUWAIT)).cloned().collect();
    if abroad.is_empty() {
        return Err("ERR021".into());
    }
    match message.reports_at {
        _ if message.state == MessageState::Stuck => Err("ERR019".into()),
        Some(due) if due <= now => {
            Ok(Payload::Dlr(abroad.into_iter().map(|number| (number, "Received by recipient")).collect()))
        }
        _ => Err("ERR022".into()),
    }
}

/// The message asked for, if the account has one of this id. The key is `msgid`, without the hyphen of `send`.
fn find<'a>(user: &str, posted: &Posted, history: &'a History) -> Result<Option<&'a Message>, Code> {
    let id = posted.text("msgid").filter(|id| !id.is_empty()).ok_or("ERR002")?;
    Ok(history.message(id).map(AsRef::as_ref).filter(|message| message.user == user))
}
