//! Request bodies and the reply envelope: where bytes become a verdict, once.

mod body;
mod fields;
mod lenient;
mod reply;

use std::borrow::Cow;

use bytes::Bytes;

use crate::code::ApiCode;

pub(crate) use body::{Credentials, RequestBody};
use fields::Key;
pub(crate) use lenient::message_id_in;
pub(crate) use reply::text;
pub use reply::{RawReply, Repair};

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
    /// An object without a verdict, or with two; the text says which.
    Unusable(&'static str, RawReply),
    /// No JSON object: a proxy's or server's page, or a reply cut short.
    Unreadable(Vec<u8>),
}

/// Reads a reply. The body decides, on 200 and on 4xx alike.
#[inline]
pub(crate) fn read(body: Bytes) -> Verdict {
    let raw = match String::from_utf8(body.into()) {
        Ok(text) => RawReply::read(text, None).map_err(String::into_bytes),
        Err(error) => Err(error.into_bytes()),
    };
    match raw.or_else(|bytes| lenient::read(&bytes).ok_or(bytes)) {
        Ok(raw) => decide(raw),
        Err(bytes) => Verdict::Unreadable(bytes),
    }
}

/// What an object says. One that contradicts itself says nothing: taken for an acceptance it may lose a message, taken
/// for a refusal it may send one twice.
#[inline]
fn decide(raw: RawReply) -> Verdict {
    if raw.is_ambiguous() {
        return Verdict::Unusable("the reply has a field twice, with different values", raw);
    }
    let result = raw.text(Key::Result);
    let is_ok = result.as_ref().is_some_and(|result| result.eq_ignore_ascii_case("OK"));
    let code = raw.text(Key::Code).filter(|code| !code.is_empty());
    let is_error_code = code.as_ref().is_some_and(|code| starts_with_err(code));
    if is_ok && is_error_code {
        return Verdict::Unusable("the reply says OK and gives an error code", raw);
    }
    if is_ok {
        return Verdict::Ok(raw);
    }
    // Without a code nothing says that nothing was queued.
    let refuses = match result {
        Some(result) => code.is_some() && result.eq_ignore_ascii_case("ERROR"),
        None => is_error_code,
    };
    let code = code.map(|code| ApiCode::new(&code));
    match code.filter(|_| refuses) {
        None => Verdict::Unusable("the reply says neither OK nor ERROR with a code", raw),
        Some(_) if raw.names_a_message() => {
            Verdict::Unusable("the reply refuses the message and gives an id for it", raw)
        }
        Some(code) => {
            let description = raw.text(Key::Description).map(Cow::into_owned);
            Verdict::Refused { code, description, raw }
        }
    }
}

fn starts_with_err(code: &str) -> bool {
    code.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("ERR"))
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

    fn reply(body: impl Into<Vec<u8>>) -> Verdict {
        read(body.into().into())
    }

    #[test]
    fn what_is_not_a_json_object_is_no_verdict() {
        for body in ["", "<html>502</html>", "[1,2]", "\"OK\"", "null", r#"{"result":"OK""#] {
            assert!(matches!(reply(body), Verdict::Unreadable(_)), "{body}");
        }
        for body in
            ["{}", r#"{"result":"MAYBE"}"#, r#"{"result":true}"#, r#"{"result":"MAYBE","code":"ERR003"}"#]
        {
            assert!(matches!(reply(body), Verdict::Unusable(..)), "{body}");
        }
    }

    #[test]
    fn only_an_error_with_a_code_is_a_refusal() {
        for body in
            [r#"{"result":"ERROR"}"#, r#"{"result":"ERROR","code":" "}"#, r#"{"result":"ERROR","code":null}"#]
        {
            assert!(matches!(reply(body), Verdict::Unusable(..)), "{body}");
        }
        for body in [
            r#"{"code":"ERR010"}"#,
            r#"{"result":"error","code":"ERR010"}"#,
            r#"{"result":"ERROR","code":"ERR010","msg-id":null}"#,
            r#"{"result":"ERROR","code":"ERR010","msgid":"echoes what was asked about"}"#,
        ] {
            assert!(
                matches!(reply(body), Verdict::Refused { code, .. } if code == ApiCode::ERR010),
                "{body}"
            );
        }
    }

    #[test]
    fn a_reply_that_contradicts_itself_says_nothing() {
        for body in [
            r#"{"result":"OK","msg-id":"abc1","code":"ERR003"}"#,
            r#"{"result":"OK","msg-id":"abc1","code":"err999"}"#,
            r#"{"result":"OK","result":"ERROR","code":"ERR003"}"#,
            r#"{"result":"ERROR","code":"ERR003","result":"OK","msg-id":"abc1"}"#,
            r#"{"result":"OK","msg-id":"abc1","msg-id":"abc2"}"#,
            r#"{"result":"ERROR","code":"ERR003","code":"ERR013"}"#,
            r#"{"result":"ERROR","code":"ERR013","msg-id":"abc1"}"#,
        ] {
            assert!(matches!(reply(body), Verdict::Unusable(..)), "{body}");
        }
        for body in [
            r#"{"result":"OK","result":"OK","msg-id":"abc1"}"#,
            r#"{"result":"OK","msg-id":"abc1","code":null}"#,
            r#"{"result":"OK","msg-id":"abc1","code":""}"#,
            r#"{"result":"OK","msg-id":"abc1","code":200}"#,
        ] {
            assert!(matches!(reply(body), Verdict::Ok(_)), "{body}");
        }
    }

    #[test]
    fn marks_and_padding_at_the_ends_do_not_hide_the_verdict() {
        for body in [
            "\u{feff}{\"result\":\"OK\"}".to_owned(),
            "\u{feff}\u{feff}\r\n{\"result\":\"OK\"}\0\0".to_owned(),
            format!("{{\"result\":\"OK\"}}{}", " ".repeat(100_000)),
        ] {
            match reply(body) {
                Verdict::Ok(raw) => assert_eq!((raw.repair(), raw.as_json()), (None, r#"{"result":"OK"}"#)),
                other => panic!("{other:?}"),
            }
        }
    }
}
