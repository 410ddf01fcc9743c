//! A request as the inbox shows it: as it was posted, but for the password.

use serde_json::value::RawValue;

use super::entries::Entries;
use super::exchange::Call;
use super::flaws::repaired;
use super::posted::{is_json_body, percent_decode};

/// What stands for the password, whatever its length.
const MASK: &str = "***";
/// So much of a body is kept; 200 numbers and 7 pages take a quarter of it.
const KEPT: usize = 16 * 1024;

/// The request line, the two headers that decide the protocol, and the body with the password masked.
pub(crate) fn masked(call: &Call<'_>) -> String {
    let mut head = format!("{} {} HTTP/1.1\n", call.method, call.path);
    for (name, value) in [("Content-Type", call.content_type), ("Accept", call.accept)] {
        if let Some(value) = value {
            head.push_str(&format!("{name}: {}\n", cut(value, 200)));
        }
    }
    let (text, _) = repaired(call.body);
    let body = if is_json_body(call.content_type, call.body) || text.trim_start().starts_with('{') {
        mask_json(call.body)
    } else {
        mask_form(call.body)
    };
    // What cannot be read may hold the password anywhere.
    let body = body.unwrap_or_else(|| match call.body.len() {
        0 => "(no body)".to_owned(),
        bytes => format!("({bytes} bytes, not shown: the password may stand anywhere in them)"),
    });
    format!("{head}\n{}", cut(&body, KEPT))
}

/// The first `bytes` of a text, marked if that is not all.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let end = (0..=bytes).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}… ({} bytes more)", &text[..end], text.len() - end)
}

/// Also what a client calls `password_again` or `pass`, since nobody misses it here.
fn is_password(key: &str) -> bool {
    key.to_ascii_lowercase().contains("pass")
}

/// Every value of a key that is a password's, found by its place, so that the rest stays as posted.
fn mask_json(body: &[u8]) -> Option<String> {
    let (read, _) = repaired(body);
    // Places in what could be read are places in what was posted; what is not UTF-8 is not shown.
    let body = str::from_utf8(body).unwrap_or(&read);
    let whole: &RawValue = serde_json::from_str(&read).ok()?;
    if !whole.get().starts_with('{') {
        return None;
    }
    let mut values = Vec::new();
    passwords(whole, &mut values)?;
    let mut out = String::with_capacity(body.len());
    let mut done = 0;
    for value in values {
        // The value is a slice of what was read.
        let start = value.as_ptr().addr() - read.as_ptr().addr();
        out.push_str(body.get(done..start)?);
        out.push('"');
        out.push_str(MASK);
        out.push('"');
        done = start + value.len();
    }
    out.push_str(body.get(done..)?);
    Some(out)
}

/// Collects the passwords' values, in their order. A body that the gateway has read is at most 128 values deep.
fn passwords<'a>(value: &'a RawValue, found: &mut Vec<&'a str>) -> Option<()> {
    match value.get().as_bytes().first() {
        Some(b'{') => {
            let Entries(entries) = serde_json::from_str::<Entries<&RawValue>>(value.get()).ok()?;
            for (key, value) in entries {
                if is_password(&key) {
                    found.push(value.get());
                } else {
                    passwords(value, found)?;
                }
            }
        }
        Some(b'[') => {
            for item in serde_json::from_str::<Vec<&RawValue>>(value.get()).ok()? {
                passwords(item, found)?;
            }
        }
        _ => {}
    }
    Some(())
}

/// A form as it was posted, unless it may be something else: then the password may stand in what looks like a value.
fn mask_form(body: &[u8]) -> Option<String> {
    let mut pairs = Vec::new();
    for pair in body.split(|&b| b == b'&') {
        let at = pair.iter().position(|&b| b == b'=')?;
        let (key, value) = (&pair[..at], pair.get(at + 1..)?);
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-.%+*~!'()[],".contains(b);
        // What is not encoded is as likely no form: `username=me password=secret`, JSON behind a sign, lines.
        let sloppy = !value.iter().all(plain) && is_password(&String::from_utf8_lossy(value));
        if key.is_empty() || !key.iter().all(plain) || sloppy {
            return None;
        }
        let key = String::from_utf8_lossy(key);
        if is_password(&percent_decode(key.as_bytes())) {
            pairs.push(format!("{key}={MASK}"));
        } else {
            pairs.push(format!("{key}={}", String::from_utf8_lossy(value)));
        }
    }
    Some(pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: &str) -> String {
        mask_json(body.as_bytes()).unwrap()
    }

    #[test]
    fn only_the_password_is_masked_and_the_rest_is_as_posted() {
        assert_eq!(
            json(r#"{ "username":"a" , "password" : "s3\"cret","message":"s3cret a" }"#),
            r#"{ "username":"a" , "password" : "***","message":"s3cret a" }"#
        );
        assert_eq!(
            mask_form(b"username=a&password=s3%26cret&message=x").unwrap(),
            "username=a&password=***&message=x"
        );
    }

    #[test]
    fn a_password_that_is_given_twice_or_written_otherwise_is_masked_each_time() {
        assert_eq!(
            json(r#"{"password":"one","Password":["two"],"p\u0061ssword":3}"#),
            r#"{"password":"***","Password":"***","p\u0061ssword":"***"}"#
        );
        assert_eq!(
            json(r#"{"password":"x","again":{"user":"a","password":"x"},"list":[1,{"passwd":"x"}]}"#),
            r#"{"password":"***","again":{"user":"a","password":"***"},"list":[1,{"passwd":"***"}]}"#
        );
        assert_eq!(mask_form(b"pass%77ord=one&PASSWORD=two").unwrap(), "pass%77ord=***&PASSWORD=***");
    }

    #[test]
    fn a_body_with_a_flaw_is_shown_as_posted_and_its_password_is_masked() {
        for (body, want) in [
            (&b"\xEF\xBB\xBF{\"password\":\"s3cret\",\"a\":1}"[..], "\u{FEFF}{\"password\":\"***\",\"a\":1}"),
            (br#"{"message":"\ud83d","password":"s3cret"}"#, r#"{"message":"\ud83d","password":"***"}"#),
            (b"{\"message\":\"\xC7\",\"password\":\"s3cret\"}", r#"{"message":"?","password":"***"}"#),
        ] {
            assert_eq!(mask_json(body).unwrap(), want);
        }
    }

    /// However a body is broken, and whatever it says it is.
    #[test]
    fn no_body_shows_its_password() {
        let json = r#"{"username":"a","password":"s3cret","message":"x"}"#;
        let form = "username=a&password=s3cret&message=x";
        let multipart = "--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\ns3cret\r\n--B--\r\n";
        let lines = "username: a\npassword: s3cret\n";
        for body in [json, form, multipart, lines, "username=a password=s3cret", "username=a;password=s3cret"]
        {
            let mut broken: Vec<Vec<u8>> =
                (0..body.len()).map(|end| body.as_bytes()[..end].to_vec()).collect();
            broken.extend((0..body.len()).map(|start| body.as_bytes()[start..].to_vec()));
            for junk in [&b"\xEF\xBB\xBF"[..], b"\xFF\xFE", b" ", b"\"", b"{", b"&", b"\\ud83d", b"x=", b"\0"]
            {
                for at in 0..=body.len() {
                    broken.push([&body.as_bytes()[..at], junk, &body.as_bytes()[at..]].concat());
                }
            }
            for body in broken {
                for content_type in [
                    None,
                    Some("application/json"),
                    Some("multipart/form-data; boundary=B"),
                    Some("text/plain"),
                ] {
                    let call = Call {
                        method: "POST",
                        path: "/API/send/",
                        content_type,
                        accept: None,
                        body: &body,
                        source: crate::sandbox::model::exchange::Source::Door(0),
                    };
                    let shown = masked(&call);
                    // A key that was cut is no key of a password: `word=s3cret`.
                    let key_is_whole = String::from_utf8_lossy(&body).contains("password");
                    assert!(
                        !key_is_whole || !shown.contains("s3cret"),
                        "{}: {shown}",
                        String::from_utf8_lossy(&body)
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_object_is_not_shown() {
        for body in ["", "[\"s3cret\"]", "{\"password\":\"s3cret\"", "\"s3cret\""] {
            assert_eq!(mask_json(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_long_body_is_cut_at_a_character() {
        assert_eq!(cut("مرحبا", 3), "م… (8 bytes more)");
        assert_eq!(cut("abc", 3), "abc");
    }
}
