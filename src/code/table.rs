//! The one table of codes. A new code is one entry here; `tests/fixtures/codes.json` holds those of the document, read
//! from it independently.
//!
//! Meanings, marks and classes follow the API document v4.1, section error codes; what that document leaves open
//! (waits, the three codes of a single source) is said beside the entry.

use std::borrow::Cow;
use std::time::Duration;

use super::{ApiCode, CodeClass, CodeSource, UserMessage};

/// What is known of a code.
pub(super) struct Row {
    pub(super) code: ApiCode,
    pub(super) source: CodeSource,
    pub(super) class: CodeClass,
    pub(super) account: bool,
    pub(super) user: UserMessage,
    pub(super) meaning: &'static str,
    pub(super) action: &'static str,
}

/// Finds the entry of a code, in any letter case.
pub(super) fn find(text: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.code.as_str().eq_ignore_ascii_case(text))
}

/// "Wait at least 5 minutes" before a delivery report is asked for (API document v4.1).
const REPORT_SOON: CodeClass = CodeClass::ReportNotReady { after: Duration::from_secs(5 * 60) };
/// "Try again after 24 hours" (API document v4.1).
const REPORT_NEXT_DAY: CodeClass = CodeClass::ReportNotReady { after: Duration::from_secs(24 * 60 * 60) };

macro_rules! codes {
    ($($code:ident $source:ident $owner:ident $class:expr, $user:ident, $meaning:literal, $action:literal;)+) => {
        impl ApiCode {
            $(
                #[doc = concat!("`", stringify!($code), "`: ", $meaning, ".")]
                pub const $code: ApiCode = ApiCode(Cow::Borrowed(stringify!($code)));
            )+
        }

        /// Every known code, in order.
        pub(super) static ROWS: &[Row] = &[$(Row {
            code: ApiCode::$code,
            source: CodeSource::$source,
            class: $class,
            account: codes!(@account $owner),
            user: UserMessage::$user,
            meaning: $meaning,
            action: $action,
        }),+];
    };
    (@account account) => { true };
    (@account call) => { false };
}

// Each entry: code, source, whose problem (the account's or the call's), class, sentence for the end user,
// meaning, action.
codes! {
    ERR001 Documented account CodeClass::AccountRefused, Unavailable,
        "the API is switched off for this account",
        "Switch the API on in the account's API settings at kwtsms.com.";
    // Also the answer to an empty text or sender id, as seen live; it would be a defect of ours.
    ERR002 Documented call CodeClass::AccountRefused, Unavailable,
        "the user name, the password or another required field is missing",
        "Check that the user name, the password, the sender id, the numbers and the text are all set and not blank.";
    ERR003 Documented account CodeClass::AccountRefused, Unavailable,
        "the API user name or password is wrong",
        "Check KWTSMS_USERNAME and KWTSMS_PASSWORD: they are the credentials of the API user, \
         which is not the mobile number of the account.";
    ERR004 Documented account CodeClass::AccountRefused, Unavailable,
        "this account has no API access",
        "Ask kwtSMS support to open the API for this account.";
    ERR005 Documented account CodeClass::AccountRefused, Unavailable,
        "this account is blocked",
        "Ask kwtSMS support why the account is blocked; nothing is sent until they lift it.";
    ERR006 Documented call CodeClass::NumbersRefused, InvalidNumber,
        "none of the submitted numbers is valid",
        "Give each number with its country code: a Kuwaiti mobile number is 965 and 8 digits more.";
    ERR007 Documented call CodeClass::NumbersRefused, Unavailable,
        "the request holds more than 200 numbers",
        "Split the list into requests of at most 200 numbers, as this SDK's sending calls do.";
    // "Not found" is the vendor clients' addition; the API document v4.1 says banned.
    ERR008 Documented call CodeClass::SenderRefused, Unavailable,
        "the sender id is banned or not registered for this account",
        "Compare the sender id, upper and lower case included, with those of the account at kwtsms.com; \
         register it there or send under another.";
    ERR009 Documented call CodeClass::TextRefused, EmptyText,
        "the message text is empty",
        "Give a text in which something is left after cleaning: one of emoji, tags or hidden characters alone \
         ends up empty.";
    ERR010 Documented account CodeClass::AccountRefused, Unavailable,
        "the balance of the account is zero",
        "Buy credits at kwtsms.com, then send what was not sent.";
    ERR011 Documented account CodeClass::AccountRefused, Unavailable,
        "the balance of the account does not cover this message",
        "Buy credits at kwtsms.com, then send what was not sent; fewer numbers or a shorter text may still fit.";
    // The API document v4.1 says 6 pages; 7 have been seen to pass on the live gateway.
    ERR012 Documented call CodeClass::TextRefused, TextTooLong,
        "the message text has too many pages",
        "Shorten the text to 6 pages. One character outside the GSM alphabet makes the whole text Unicode, \
         which cuts a page from 153 to 67 characters.";
    ERR013 Documented call CodeClass::QueueFull, Busy,
        "the queue of the account is full with 1,000 messages",
        "Wait until the queue has drained and send again: after 30 seconds, then 60, then 120.";
    ERR019 Documented call REPORT_SOON, ReportPending,
        "no delivery reports were found",
        "Ask again later, at least 5 minutes after sending. Only numbers outside Kuwait get delivery reports.";
    ERR020 Documented call CodeClass::ReportFinal, MessageNotFound,
        "no message with this id exists",
        "Use the message id that the send call returned, whole and unchanged, under the account that sent it.";
    ERR021 Documented call CodeClass::ReportFinal, NoReport,
        "this message has no delivery report",
        "Do not wait for one if the number is Kuwaiti, for those get none; ask for the status of the message instead.";
    ERR022 Documented call REPORT_NEXT_DAY, ReportPending,
        "the delivery reports are not ready",
        "Ask again in 24 hours.";
    ERR023 Documented call REPORT_SOON, ReportPending,
        "the delivery reports could not be fetched, for an unknown reason",
        "Ask again later; if it stays so, give kwtSMS support the message id.";
    ERR024 Documented account CodeClass::AccountRefused, Unavailable,
        "the IP address of this machine is not on the account's list",
        "Add the public IP address of this machine under IP lockdown in the account's API settings at kwtsms.com, \
         or switch the lockdown off.";
    ERR025 Documented call CodeClass::NumbersRefused, InvalidNumber,
        "no valid number was found",
        "Write each number in digits alone, country code first, without +, 00, dots or blanks.";
    ERR026 Documented call CodeClass::NumbersRefused, NotServed,
        "there is no route: the country of the number is not activated for this account",
        "Look up the active countries with the coverage call; have the missing one activated in the account \
         or by kwtSMS support.";
    ERR027 Documented call CodeClass::TextRefused, TextRefused,
        "the message text holds HTML tags",
        "Take the tags out of the text and send it plain.";
    // 16 seconds are what the vendor's clients wait, to be past the 15 of the API document v4.1.
    ERR028 Documented call CodeClass::SameNumber, PleaseWait,
        "15 seconds must pass before the same number gets another message",
        "Wait 16 seconds and send again: the whole request was refused and cost nothing. If the answer to an earlier \
         try was lost, that try has probably been accepted; do not send it again.";
    ERR029 Documented call CodeClass::ReportFinal, MessageNotFound,
        "the message does not exist or its id is wrong",
        "Use the message id that the send call returned, whole and unchanged, under the account that sent it.";
    ERR030 Documented call CodeClass::ReportFinal, NotDelivered,
        "the message is stuck in the queue with an error",
        "Delete it from the queue at kwtsms.com to get its credits back. Test messages end here, and so do texts \
         with emoji.";
    ERR031 Documented call CodeClass::TextRefused, TextRefused,
        "the message text was refused for bad language",
        "Change the wording; the same text is refused each time.";
    ERR032 Documented call CodeClass::TextRefused, TextRefused,
        "the message text was refused as spam",
        "Change the wording; the same text is refused each time. Ask kwtSMS support if the text is legitimate.";
    ERR033 Documented account CodeClass::NoCoverage, Unavailable,
        "the account has no active coverage",
        "Ask kwtSMS support to activate the countries that the account sends to.";
    ERR034 SingleSource account CodeClass::AccountRefused, Unavailable,
        "the IP address of this machine is banned as a proxy or VPN",
        "Send from an address that belongs to no proxy or VPN, or ask kwtSMS support to allow it.";
    ERR035 SingleSource call CodeClass::NumbersRefused, NotServed,
        "the daily limit of international messages is reached",
        "Send to numbers outside Kuwait again the next day.";
    ERR036 SingleSource call CodeClass::TextRefused, TextRefused,
        "the message text holds emoji, which are not supported",
        "Take the emoji out of the text.";
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn fixture() -> Vec<Value> {
        let file: Value = serde_json::from_str(include_str!("../../tests/fixtures/codes.json")).unwrap();
        file["codes"].as_array().unwrap().clone()
    }

    #[test]
    fn the_table_agrees_with_the_document_row_by_row() {
        let rows = fixture();
        for row in &rows {
            let written = row["code"].as_str().unwrap();
            let code = &find(written).unwrap_or_else(|| panic!("{written} has no row in the table")).code;
            assert_eq!(code.as_str(), written);
            let source =
                if row["documented"] == true { CodeSource::Documented } else { CodeSource::SingleSource };
            assert_eq!(code.source(), source, "{code}");
            assert_eq!(code.class().stops_run(), row["stops_run"] == true, "{code}");
            let seconds = |waits: &[Duration]| waits.iter().map(Duration::as_secs).collect::<Vec<_>>();
            assert_eq!(Value::from(seconds(code.class().retry_waits())), row["retry_waits_s"], "{code}");
            assert_eq!(
                Value::from(code.retry_after().map(|wait| wait.as_secs())),
                row["retry_after_s"],
                "{code}"
            );
            let owner = ["account", "auth", "balance"].map(Value::from).contains(&row["category"]);
            assert_eq!(code.is_account_problem(), owner, "{code}");
            for word in row["words"].as_array().unwrap() {
                assert!(code.meaning().contains(word.as_str().unwrap()), "{code}: {word}");
            }
        }
    }

    #[test]
    fn classes_follow_the_endpoint_and_the_category() {
        for row in fixture() {
            let code = ApiCode::new(row["code"].as_str().unwrap());
            let expected = match (row["where"].as_str(), row["category"].as_str().unwrap()) {
                (Some("dlr" | "status"), _) => "report",
                (Some("coverage"), _) => "coverage",
                (_, "queue") => "queue",
                (_, "rate") if row["documented"] == true => "same number",
                (_, "account" | "auth" | "balance" | "request") => "run",
                (_, "content") => "text",
                (_, "sender") => "sender",
                _ => "request",
            };
            let class = match code.class() {
                CodeClass::ReportNotReady { .. } | CodeClass::ReportFinal => "report",
                CodeClass::NoCoverage => "coverage",
                CodeClass::QueueFull => "queue",
                CodeClass::SameNumber => "same number",
                CodeClass::AccountRefused => "run",
                CodeClass::TextRefused => "text",
                CodeClass::SenderRefused => "sender",
                CodeClass::NumbersRefused => "request",
            };
            assert_eq!(class, expected, "{code}");
        }
    }

    #[test]
    fn the_rows_are_in_order_and_none_stands_there_twice() {
        assert!(ROWS.is_sorted_by(|a, b| a.code < b.code));
        let documented: Vec<_> = ApiCode::documented().collect();
        let single: Vec<_> = ApiCode::known().filter(|code| !documented.contains(code)).collect();
        assert!(single.iter().all(|code| code.source() == CodeSource::SingleSource), "{single:?}");
        assert_eq!(single.len() + documented.len(), ROWS.len());
    }

    #[test]
    fn meanings_are_phrases_and_actions_are_sentences() {
        for Row { code, meaning, action, .. } in ROWS {
            assert!(!meaning.ends_with('.') && !meaning.contains("  "), "{code}: {meaning}");
            assert!(
                meaning.starts_with(char::is_alphanumeric) && !meaning.starts_with(char::is_uppercase),
                "{code}"
            );
            assert!(action.starts_with(char::is_uppercase) && action.ends_with('.'), "{code}: {action}");
            assert!(!action.contains("  ") && !action.contains('\n'), "{code}: {action}");
        }
    }

    #[test]
    fn what_only_the_operator_can_mend_reads_as_unavailable() {
        for row in ROWS.iter().filter(|row| row.account || row.class == CodeClass::AccountRefused) {
            assert_eq!(row.user, UserMessage::Unavailable, "{}", row.code);
        }
    }

    #[test]
    fn the_end_user_hears_what_to_do_and_not_why() {
        for (code, message) in [
            (ApiCode::ERR003, UserMessage::Unavailable),
            (ApiCode::ERR006, UserMessage::InvalidNumber),
            (ApiCode::ERR010, UserMessage::Unavailable),
            (ApiCode::ERR011, UserMessage::Unavailable),
            (ApiCode::ERR025, UserMessage::InvalidNumber),
            (ApiCode::ERR028, UserMessage::PleaseWait),
        ] {
            assert_eq!(code.user_message(), message, "{code}");
        }
    }
}
