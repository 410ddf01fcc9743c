//! Request bodies and the reply envelope: where bytes become a verdict, once.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::code::ApiCode;
use crate::credits::Credits;
use crate::secret::Secret;
use crate::transport::Response;

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

/// The gateway's own JSON object, as it came, for support and for fields this crate does not know.
///
/// It may hold phone numbers (`validate`, `dlr`), so `Debug` shows only how many fields it has.
#[derive(Clone, PartialEq)]
pub struct RawReply(Arc<Map<String, Value>>);

impl RawReply {
    /// The object.
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.0
    }

    /// A field by the first of the names that is there.
    pub(crate) fn field(&self, names: &[&str]) -> Option<&Value> {
        names.iter().find_map(|name| self.0.get(*name))
    }

    /// A field as text; a number is written out.
    pub(crate) fn text(&self, names: &[&str]) -> Option<String> {
        self.field(names).and_then(text)
    }

    /// A field as credits, whether integer, float or string.
    pub(crate) fn credits(&self, names: &[&str]) -> Option<Credits> {
        self.field(names).and_then(Credits::from_json)
    }

    /// A field as a whole number, whether integer, float or string.
    pub(crate) fn whole(&self, names: &[&str]) -> Option<i64> {
        match self.field(names)? {
            Value::Number(n) => n.as_i64().or_else(|| whole(n.as_f64()?)),
            Value::String(s) => s.trim().parse().ok().or_else(|| whole(s.trim().parse().ok()?)),
            _ => None,
        }
    }
}

impl fmt::Debug for RawReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not even their names: they come from outside, like the rest.
        write!(f, "RawReply({} fields)", self.0.len())
    }
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

/// A scalar as text.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.trim().to_owned()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    }
}

#[allow(clippy::cast_possible_truncation)] // checked against the range of exact integers
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
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
pub(crate) fn read(response: &Response) -> Verdict {
    let body = response.body();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return Verdict::NotJson;
    };
    let raw = RawReply(Arc::new(object));
    let code = raw.text(&["code"]).filter(|code| !code.is_empty());
    match (raw.text(&["result"]), code) {
        (Some(result), _) if result.eq_ignore_ascii_case("OK") => Verdict::Ok(raw),
        // Without a code nothing says that nothing was queued.
        (Some(result), Some(code)) if result.eq_ignore_ascii_case("ERROR") => {
            Verdict::Refused { code: ApiCode::new(&code), description: raw.text(&["description"]), raw }
        }
        (None, Some(code)) if code.starts_with("ERR") => {
            Verdict::Refused { code: ApiCode::new(&code), description: raw.text(&["description"]), raw }
        }
        _ => Verdict::Undecided(raw),
    }
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
        read(&Response::new(200, body.to_owned()))
    }

    #[test]
    fn the_body_decides_whatever_the_status() {
        for status in [200, 400, 403, 406, 500] {
            let ok = read(&Response::new(status, r#"{"result":"OK","available":1}"#));
            assert!(matches!(ok, Verdict::Ok(_)), "{status}");
            let refused = read(&Response::new(status, r#"{"result":"ERROR","code":"ERR003"}"#));
            assert!(matches!(refused, Verdict::Refused { code, .. } if code == ApiCode::ERR003), "{status}");
        }
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
    fn numbers_are_read_from_integers_floats_and_strings() {
        for body in [
            r#"{"result":"OK","n":5}"#,
            r#"{"result":"OK","n":5.0}"#,
            r#"{"result":"OK","n":" 5 "}"#,
            r#"{"result":"ok","n":"5.0"}"#,
        ] {
            let Verdict::Ok(raw) = reply(body) else { panic!("{body}") };
            assert_eq!(raw.whole(&["n"]), Some(5), "{body}");
            assert_eq!(raw.credits(&["n"]), Some(Credits::from_int(5)), "{body}");
        }
        let Verdict::Ok(raw) = reply(r#"{"result":"OK","n":"five","m":1.5,"l":[1]}"#) else { panic!() };
        assert_eq!((raw.whole(&["n"]), raw.whole(&["m"]), raw.whole(&["l"])), (None, None, None));
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
