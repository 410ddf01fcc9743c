//! What a web handler answers when a call failed.

use super::failure::Error;
use super::kind::ErrorKind;
use crate::code::{ApiCode, CodeClass, CodeSource, UserMessage};

impl Error {
    /// The HTTP status that a web handler should answer with when this failed, beside
    /// [`user_message`](Self::user_message).
    ///
    /// | status | when |
    /// | --- | --- |
    /// | 400 | the number, the text or an id is not usable, or the gateway refused the number or the text: the caller has to change it |
    /// | 403 | this client may not write to the number: it is none of `only_to` |
    /// | 404 | the gateway knows no message under this id (ERR020, ERR029) |
    /// | 409 | the message's state gives no answer: reports that are not there yet (ERR019, ERR022, ERR023, with their wait) or never come (ERR021), a message that is stuck (ERR030); also what was not attempted because its run was stopped |
    /// | 429 | this number was written to less than 16 s ago (ERR028 too); [`retry_after`](Self::retry_after) is the wait |
    /// | 500 | the settings are not usable |
    /// | 502 | the connection broke off, or the answer is not usable or has a code that this version does not know |
    /// | 503 | nothing was sent, and it is not the caller's fault: no connection, too many calls waiting, no turn before the deadline, a store that cannot be reached, a spend limit (with its wait), a balance floor or quiet hours, a full queue (ERR013, with its wait), a problem of the account or the sender id |
    /// | 504 | no answer came in time |
    ///
    /// Where [`retry_after`](Self::retry_after) gives a wait, it belongs in `Retry-After`, in whole seconds. After a send,
    /// 502 and 504 mostly mean that the message may have gone out ([`delivery`](Self::delivery) says it): whatever stands
    /// between the user and the handler must not repeat the request by itself.
    ///
    /// ```
    /// # #[cfg(feature = "sandbox")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
    /// use kwtsms_async::{Client, sandbox::Sandbox};
    ///
    /// let sandbox = Sandbox::in_process();
    /// let client = Client::builder("user", "password").transport(sandbox.transport()).build()?;
    /// client.send("96598765432", "Your code is 123456").await?;
    ///
    /// let error = client.send("96598765432", "Your code is 654321").await.unwrap_err();
    /// assert_eq!((error.http_status(), error.retry_after().unwrap().as_secs()), (429, 16));
    /// assert_eq!(error.user_message().english(), "Please wait a little before you ask for another message.");
    /// # Ok::<(), kwtsms_async::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn http_status(&self) -> u16 {
        match self.kind() {
            ErrorKind::InvalidInput => 400,
            ErrorKind::NotAllowed => 403,
            ErrorKind::Stopped => 409,
            ErrorKind::RecentNumber => 429,
            ErrorKind::Config => 500,
            ErrorKind::Interrupted | ErrorKind::BadReply => 502,
            ErrorKind::TooManyWaiting
            | ErrorKind::Deadline
            | ErrorKind::SpendLimit
            | ErrorKind::BalanceFloor
            | ErrorKind::QuietHours
            | ErrorKind::Store
            | ErrorKind::Connect => 503,
            ErrorKind::Timeout => 504,
            ErrorKind::Api => self.code().map_or(502, of_code),
        }
    }
}

fn of_code(code: &ApiCode) -> u16 {
    use UserMessage::{EmptyText, InvalidNumber, MessageNotFound, NotServed, TextRefused, TextTooLong};
    match (code.class(), code.user_message()) {
        _ if code.source() == CodeSource::Unknown => 502,
        (CodeClass::SameNumber, _) => 429,
        (CodeClass::ReportFinal, MessageNotFound) => 404,
        (CodeClass::ReportFinal | CodeClass::ReportNotReady { .. }, _) => 409,
        (_, InvalidNumber | NotServed | EmptyText | TextTooLong | TextRefused) => 400,
        _ => 503,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::message::TextError;
    use crate::phone::PhoneError;
    use crate::transport::{TransportError, TransportFailure};
    use crate::wire::tests::ok;

    /// The rows of the table in the documentation: each status with the codes that it names.
    fn documented() -> Vec<(u16, Vec<String>)> {
        let rows = include_str!("handler.rs").lines().filter_map(|line| line.trim().strip_prefix("/// | "));
        rows.filter_map(|row| {
            let (status, when) = row.split_once(" | ")?;
            let codes =
                when.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.starts_with("ERR"));
            Some((status.parse().ok()?, codes.map(str::to_owned).collect()))
        })
        .collect()
    }

    fn api(code: ApiCode) -> Error {
        Error::api(code, None, ok(r#"{"result":"OK"}"#))
    }

    #[test]
    fn every_code_has_a_status_of_the_table_and_the_one_that_names_it() {
        let table = documented();
        assert_eq!(
            table.iter().map(|(status, _)| *status).collect::<Vec<_>>(),
            [400, 403, 404, 409, 429, 500, 502, 503, 504]
        );
        for code in ApiCode::known() {
            let status = api(code.clone()).http_status();
            assert!(table.iter().any(|(known, _)| *known == status), "{code}: {status}");
            let named = table.iter().find(|(_, codes)| codes.iter().any(|named| code == named.as_str()));
            assert!(named.is_none_or(|(named, _)| *named == status), "{code}: {status}");
        }
        for (code, status) in [
            ("ERR003", 503),
            ("ERR006", 400),
            ("ERR008", 503),
            ("ERR009", 400),
            ("ERR010", 503),
            ("ERR013", 503),
            ("ERR026", 400),
            ("ERR028", 429),
            ("ERR029", 404),
            ("ERR033", 503),
            ("ERR099", 502),
        ] {
            assert_eq!(api(ApiCode::new(code)).http_status(), status, "{code}");
        }
    }

    #[test]
    fn every_kind_has_its_status() {
        let transport = |failure| Error::transport(TransportError::new(failure));
        let credits = crate::credits::Credits::from_int;
        for (error, status) in [
            (Error::number(&PhoneError::Empty), 400),
            (Error::text(TextError::Empty), 400),
            (Error::number(&PhoneError::NotAllowed), 403),
            (Error::spend_limit(credits(2), credits(1), "an hour", None), 503),
            (Error::balance_floor(credits(2), credits(1), credits(1)), 503),
            (Error::stopped(None), 409),
            (Error::recent_number(Duration::from_secs(3)), 429),
            (Error::config("bad"), 500),
            (transport(TransportFailure::Interrupted), 502),
            (Error::unreadable(200, b""), 502),
            (transport(TransportFailure::Connect), 503),
            (Error::too_many_waiting(1), 503),
            (Error::deadline(), 503),
            (Error::timeout(Duration::from_secs(15)), 504),
        ] {
            assert_eq!(error.http_status(), status, "{error:?}");
        }
    }
}
