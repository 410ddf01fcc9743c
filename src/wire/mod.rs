//! Request bodies and the reply envelope: where bytes become a verdict, once.

mod reply;

use std::borrow::Cow;

use bytes::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::code::ApiCode;
use crate::secret::Secret;

pub use reply::RawReply;
pub(crate) use reply::text;

/// The user name and password that stand in every request body.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) username: String,
    pub(crate) password: Secret,
}

/// The fields of a request that needs nothing but the credentials.
#[derive(Serialize)]
pub(crate) struct NoFields {}

#[derive(Serialize)]
struct Login<'a> {
    username: &'a str,
    password: &'a str,
}

/// Writes a request body: one flat object, credentials first. The only place where the password is exposed: the
/// bytes are wiped when the last handle to them goes, and the buffer never grows, which would leave a copy behind.
pub(crate) fn request_body<F: Serialize>(credentials: &Credentials, fields: &F) -> Bytes {
    const PLAIN: &str = "strings and numbers always serialise";
    let fields = serde_json::to_vec(fields).expect(PLAIN);
    let login = Login { username: &credentials.username, password: credentials.password.expose() };
    // The longest escape of a byte is the six of \u0000; 64 hold the names of the two fields.
    let room = 64 + 6 * (login.username.len() + login.password.len()) + fields.len();
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    let room = body.capacity();
    serde_json::to_writer(&mut *body, &login).expect(PLAIN);
    if fields.len() > 2 {
        // {"a":1} and {"b":2} become {"a":1,"b":2}.
        body.pop();
        body.push(b',');
        body.extend_from_slice(&fields[1..]);
    }
    debug_assert_eq!(body.capacity(), room, "the buffer grew");
    Bytes::from_owner(body)
}

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
pub(crate) fn read(body: Bytes) -> Verdict {
    let Some(raw) = RawReply::read(body.into()) else {
        return Verdict::NotJson;
    };
    if raw.text(&["result"]).is_some_and(|result| result.eq_ignore_ascii_case("OK")) {
        return Verdict::Ok(raw);
    }
    match refusal(&raw) {
        Some(code) => {
            let description = raw.text(&["description"]).map(Cow::into_owned);
            Verdict::Refused { code, description, raw }
        }
        None => Verdict::Undecided(raw),
    }
}

/// The code of a refusal. Without one nothing says that nothing was queued.
fn refusal(raw: &RawReply) -> Option<ApiCode> {
    let code = raw.text(&["code"]).filter(|code| !code.is_empty())?;
    let refused = match raw.text(&["result"]) {
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

    #[test]
    fn the_body_is_one_flat_object_with_the_credentials_first() {
        let credentials = Credentials { username: "user".into(), password: Secret::new("p\"a#&ss") };
        let body = request_body(&credentials, &NoFields {});
        assert_eq!(&body[..], br#"{"username":"user","password":"p\"a#&ss"}"#);

        #[derive(Serialize)]
        struct Fields {
            mobile: &'static str,
            test: u8,
        }
        let credentials = Credentials { username: "\0".repeat(30), password: Secret::new("\0".repeat(30)) };
        let body = request_body(&credentials, &Fields { mobile: "965", test: 1 });
        let escaped = "\\u0000".repeat(30);
        let expected =
            format!(r#"{{"username":"{escaped}","password":"{escaped}","mobile":"965","test":1}}"#);
        assert_eq!(std::str::from_utf8(&body), Ok(expected.as_str()));
    }
}
