//! Request bodies and the reply envelope: where bytes become a verdict, once.

mod body;
mod reply;

use std::borrow::Cow;

use bytes::Bytes;

use crate::code::ApiCode;

pub(crate) use body::{Credentials, RequestBody};
pub use reply::RawReply;
pub(crate) use reply::{Key, text};

/// True for plain words, as the gateway's states of a message are. Only these are written out: anything else could
/// be a number, a text or a one-time code that the gateway repeats.
pub(crate) fn is_words(text: &str) -> bool {
    text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b' ')
}

/// A state of a message for `Debug`.
pub(crate) fn state(text: &str) -> &str {
    if is_words(text) { text } else { "(free text)" }
}

/// What a reply says.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// `result` is OK.
    Ok(RawReply),
    /// `result` is ERROR, or a code stands in its place.
    Refused { code: ApiCode, description: Option<String>, raw: RawReply },
    /// JSON, but without a verdict.
    Undecided(RawReply),
    /// Not a JSON object: a proxy's or server's page, or a reply cut short.
    NotJson,
}

/// Reads a reply. The body decides, on 200 and on 4xx alike.
#[inline]
pub(crate) fn read(body: Bytes) -> Verdict {
    let Some(raw) = RawReply::read(body.into()) else {
        return Verdict::NotJson;
    };
    if raw.text(Key::Result).is_some_and(|result| result.eq_ignore_ascii_case("OK")) {
        return Verdict::Ok(raw);
    }
    match refusal(&raw) {
        Some(code) => {
            let description = raw.text(Key::Description).map(Cow::into_owned);
            Verdict::Refused { code, description, raw }
        }
        None => Verdict::Undecided(raw),
    }
}

/// The code of a refusal. Without one nothing says that nothing was queued.
fn refusal(raw: &RawReply) -> Option<ApiCode> {
    let code = raw.text(Key::Code).filter(|code| !code.is_empty())?;
    let refused = match raw.text(Key::Result) {
        Some(result) => result.eq_ignore_ascii_case("ERROR"),
        None => code.starts_with("ERR"),
    };
    refused.then(|| ApiCode::new(&code))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An accepted reply, for the endpoints' tests.
    pub(crate) fn ok(body: &str) -> RawReply {
        match reply(body) {
            Verdict::Ok(raw) => raw,
            other => panic!("{body}: {other:?}"),
        }
    }

    fn reply(body: &str) -> Verdict {
        read(body.to_owned().into())
    }

    #[test]
    fn what_is_not_a_json_object_is_no_verdict() {
        for body in ["", "<html>502</html>", "[1,2]", "\"OK\"", "null", r#"{"result":"OK""#] {
            assert!(matches!(reply(body), Verdict::NotJson), "{body}");
        }
        for body in
            ["{}", r#"{"result":"MAYBE"}"#, r#"{"result":true}"#, r#"{"result":"MAYBE","code":"ERR003"}"#]
        {
            assert!(matches!(reply(body), Verdict::Undecided(_)), "{body}");
        }
    }

    #[test]
    fn only_an_error_with_a_code_is_a_refusal() {
        for body in
            [r#"{"result":"ERROR"}"#, r#"{"result":"ERROR","code":" "}"#, r#"{"result":"ERROR","code":null}"#]
        {
            assert!(matches!(reply(body), Verdict::Undecided(_)), "{body}");
        }
        for body in [r#"{"code":"ERR010"}"#, r#"{"result":"error","code":"ERR010"}"#] {
            assert!(
                matches!(reply(body), Verdict::Refused { code, .. } if code == ApiCode::ERR010),
                "{body}"
            );
        }
    }

    #[test]
    fn a_byte_order_mark_does_not_hide_the_verdict() {
        assert!(matches!(reply("\u{feff}{\"result\":\"OK\"}"), Verdict::Ok(_)));
    }
}
