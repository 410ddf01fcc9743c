//! What keeps a body from being read as JSON in UTF-8.

use std::borrow::Cow;
use std::fmt;

/// The first such thing in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    ByteOrderMark,
    Utf16,
    /// A byte, and how many stand before it.
    NotUtf8(u8, usize),
    /// Half of a character, and how many bytes stand before it.
    LoneSurrogate(u16, usize),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByteOrderMark => {
                f.write_str("a byte order mark stands before the JSON: write the body without one")
            }
            Self::Utf16 => f.write_str("the body is UTF-16: post UTF-8"),
            Self::NotUtf8(byte, at) => {
                write!(f, "byte 0x{byte:02X} after {at} bytes is not UTF-8: post UTF-8")
            }
            Self::LoneSurrogate(half, at) => write!(
                f,
                "\\u{half:04x} after {at} bytes is half of a character (a lone surrogate): do not cut a text within \
                 a character"
            ),
        }
    }
}

/// A body of the same length in which what is wrong is replaced, so that places in it are places in the body; and
/// the first thing that was.
pub(crate) fn repaired(body: &[u8]) -> (Cow<'_, str>, Option<Flaw>) {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    let mut flaw = None;
    let mut text = match str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut text = String::with_capacity(body.len());
            for chunk in body.utf8_chunks() {
                let invalid = chunk.invalid();
                text.push_str(chunk.valid());
                if let Some(&byte) = invalid.first() {
                    flaw.get_or_insert(match body {
                        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Flaw::Utf16,
                        _ => Flaw::NotUtf8(byte, text.len()),
                    });
                }
                text.extend(invalid.iter().map(|_| '?'));
            }
            Cow::Owned(text)
        }
    };
    if body.starts_with(MARK) {
        flaw.get_or_insert(Flaw::ByteOrderMark);
        text.to_mut().replace_range(..MARK.len(), "   ");
    }
    for (half, at) in lone_surrogates(&text) {
        flaw.get_or_insert(Flaw::LoneSurrogate(half, at));
        text.to_mut().replace_range(at..at + 6, "\\ufffd");
    }
    (text, flaw)
}

/// The `\uD800` to `\uDFFF` that are not one half of a pair, and where they stand.
fn lone_surrogates(text: &str) -> Vec<(u16, usize)> {
    let bytes = text.as_bytes();
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(escape) = bytes.get(at..).and_then(|rest| rest.iter().position(|&b| b == b'\\')) {
        at += escape;
        match unit(at) {
            Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(half @ 0xD800..=0xDFFF) => {
                found.push((half, at));
                at += 6;
            }
            // `\\u…` is a backslash and letters.
            _ => at += 2,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_flaw_is_named_and_the_length_stays() {
        for (body, want, flaw) in [
            (&br#"{"a":"\ud83d\ude00 \\ud83d"}"#[..], r#"{"a":"\ud83d\ude00 \\ud83d"}"#, None),
            (br#"{"a":"x\ud83d"}"#, r#"{"a":"x\ufffd"}"#, Some(Flaw::LoneSurrogate(0xD83D, 7))),
            (br#"{"a":"\ude00\ud83d"}"#, r#"{"a":"\ufffd\ufffd"}"#, Some(Flaw::LoneSurrogate(0xDE00, 6))),
            (b"\xEF\xBB\xBF{}", "   {}", Some(Flaw::ByteOrderMark)),
            (b"{\"a\":\"\xC7\xE1\"}", "{\"a\":\"??\"}", Some(Flaw::NotUtf8(0xC7, 6))),
            (b"\xFF\xFE{\0}\0", "??{\0}\0", Some(Flaw::Utf16)),
            (b"\\u12", "\\u12", None),
        ] {
            let (text, seen) = repaired(body);
            assert_eq!((&*text, seen), (want, flaw), "{}", String::from_utf8_lossy(body));
            assert_eq!(text.len(), body.len());
        }
    }
}
