//! What the settings may have to do with an answer: an error's action names the likeliest mistake.

use crate::code::ApiCode;
use crate::error::{Error, ErrorKind};
use crate::secret::Secret;
use crate::transport::Endpoint;

/// What was seen of the settings when the client was built.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Hints {
    /// The user name or the password begins or ends with a quote: a shell takes it away, others keep it.
    quote: bool,
    /// One of them begins or ends with a blank, or with what is not seen.
    blank: bool,
    /// The base URL does not end in `/API/`.
    pub(crate) not_in_api: bool,
}

impl Hints {
    pub(crate) fn of(username: &str, password: &Secret) -> Self {
        let quote = |c: char| matches!(c, '\'' | '"' | '`' | '\u{2018}'..='\u{201f}');
        let blank =
            |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
        let user = username.trim(); // as it is sent
        Self {
            quote: user.starts_with(quote) || user.ends_with(quote) || password.begins_or_ends_with(quote),
            blank: user.starts_with(blank) || user.ends_with(blank) || password.begins_or_ends_with(blank),
            not_in_api: false,
        }
    }

    /// The error of an answer, with what the settings may have to do with it.
    pub(crate) fn to(self, error: Error, endpoint: Endpoint) -> Error {
        let action = match error.kind() {
            ErrorKind::Api if error.code() == Some(&ApiCode::ERR003) => match (self.quote, self.blank) {
                (false, false) => return error,
                (true, false) => {
                    "Take the quotes away with which the user name or the password begins or ends, unless they belong \
                     to it: a shell takes them away, and Docker's --env-file keeps them. If they do belong to it, \
                     check KWTSMS_USERNAME and KWTSMS_PASSWORD: they are the credentials of the API user, which is not \
                     the mobile number of the account."
                }
                (false, true) => {
                    "Take the blank away with which the user name or the password begins or ends, unless it belongs to \
                     it; it may be one that is not seen. If it does belong to it, check KWTSMS_USERNAME and \
                     KWTSMS_PASSWORD: they are the credentials of the API user, which is not the mobile number of the \
                     account."
                }
                (true, true) => {
                    "Take the quotes and the blanks away with which the user name or the password begins or ends, \
                     unless they belong to it. If they do, check KWTSMS_USERNAME and KWTSMS_PASSWORD: they are the \
                     credentials of the API user, which is not the mobile number of the account."
                }
            },
            ErrorKind::BadReply if self.not_in_api && endpoint.is_read_only() => {
                "check the base URL: it does not end in /API/, as kwtSMS and the sandbox have it"
            }
            ErrorKind::BadReply if self.not_in_api => {
                "do not send again blindly: look in the account's queue or archive whether it was accepted; and check the \
                 base URL: it does not end in /API/, as kwtSMS and the sandbox have it"
            }
            _ => return error,
        };
        error.with_action(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tests::ok;

    fn refused(username: &str, password: &str) -> String {
        let error = Error::api(ApiCode::ERR003, None, ok(r#"{"result":"OK"}"#));
        Hints::of(username, &Secret::new(password)).to(error, Endpoint::Send).action().to_owned()
    }

    #[test]
    fn wrong_credentials_that_have_quotes_or_blanks_are_told_so() {
        for (username, password) in
            [("'user'", "pass"), ("user", "\"pass\""), ("user", "pass'"), ("\u{201c}user\u{201d}", "pass")]
        {
            let action = refused(username, password);
            assert!(
                action.contains("quotes") && !action.contains("blank"),
                "{username} {password}: {action}"
            );
        }
        for (username, password) in
            [("user", " pass"), ("user", "pass "), ("user", "\u{feff}pass"), ("\u{200b}user", "pass")]
        {
            let action = refused(username, password);
            assert!(
                action.contains("blank") && !action.contains("quotes"),
                "{username} {password}: {action}"
            );
        }
        let both = refused("user", " 'pass'");
        assert!(both.contains("quotes and the blanks"), "{both}");
        for (username, password) in [("user", "pass"), (" user ", "pa'ss"), ("user", "pa ss")] {
            assert_eq!(refused(username, password), ApiCode::ERR003.action());
        }
    }

    #[test]
    fn an_answer_of_another_page_is_put_down_to_the_base_url_and_a_send_stays_unknown() {
        let hints = Hints { not_in_api: true, ..Hints::default() };
        let action = |endpoint| hints.to(Error::unreadable(404, b"<html>"), endpoint).action();
        assert!(action(Endpoint::Balance).starts_with("check the base URL"));
        assert!(action(Endpoint::Send).starts_with("do not send again blindly"));
        assert!(action(Endpoint::Send).contains("does not end in /API/"));
        let plain = Hints::default().to(Error::unreadable(404, b"<html>"), Endpoint::Send);
        assert!(!plain.action().contains("/API/"));
    }
}
