//! A request as the inbox shows it: as it was posted, but for the password.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::exchange::Call;
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
    let body = if is_json_body(call.content_type, call.body) {
        mask_json(call.body)
    } else {
        Some(mask_form(call.body))
    };
    // What cannot be read may hold the password anywhere.
    let body = body.unwrap_or_else(|| format!("({} bytes that cannot be read)", call.body.len()));
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
    let body = str::from_utf8(body).ok()?;
    let whole: &RawValue = serde_json::from_str(body).ok()?;
    if !whole.get().starts_with('{') {
        return None;
    }
    let mut values = Vec::new();
    passwords(whole, &mut values)?;
    let mut out = String::with_capacity(body.len());
    let mut done = 0;
    for value in values {
        // The value is a slice of the body.
        let start = value.as_ptr().addr() - body.as_ptr().addr();
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
            let Entries(entries) = serde_json::from_str(value.get()).ok()?;
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

/// The entries of an object, a key that is given twice included.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fn mask_form(body: &[u8]) -> String {
    let pairs = body.split(|&b| b == b'&').map(|pair| {
        let at = pair.iter().position(|&b| b == b'=').unwrap_or(pair.len());
        let key = &pair[..at];
        if at < pair.len() && is_password(&percent_decode(key)) {
            format!("{}={MASK}", String::from_utf8_lossy(key))
        } else {
            String::from_utf8_lossy(pair).into_owned()
        }
    });
    pairs.collect::<Vec<_>>().join("&")
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
            mask_form(b"username=a&password=s3%26cret&message=x"),
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
        assert_eq!(mask_form(b"pass%77ord=one&PASSWORD=two"), "pass%77ord=***&PASSWORD=***");
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
