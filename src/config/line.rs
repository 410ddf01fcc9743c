//! What a line of a `.env` file means for whoever wrote it.
//!
//! The reader knows variables, escapes and comments that few who write a password down think of. So the line is looked
//! at beside it: where the two do not agree, or where it cannot be told what is meant, the line is refused.

use super::keys::{KEYS, WITHOUT_HASH};

/// The key of ours that a line sets, and what stands behind its `=`; the reader's rules, blanks of all kinds and
/// `export` included.
pub(super) fn split(line: &str) -> Option<(&'static str, &str)> {
    let (mut key, mut rest) = key(line.trim_start())?;
    if key == "export" && !rest.starts_with('=') {
        (key, rest) = self::key(rest)?;
    }
    let value = rest.strip_prefix('=')?;
    Some((KEYS.into_iter().find(|known| *known == key)?, value))
}

fn key(line: &str) -> Option<(&str, &str)> {
    line.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some(())?;
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'));
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    Some((key, rest.trim_start()))
}

const BLANK: [char; 2] = [' ', '\t'];

/// The value that is meant, if it can be told, or else what to write.
pub(super) fn meant(key: &str, written: &str) -> Result<String, String> {
    let written = written.trim_matches(BLANK);
    match written.chars().next() {
        None => Ok(String::new()),
        Some('\'') => match written[1..].split_once('\'') {
            Some((value, rest)) if is_nothing(rest) => Ok(value.to_owned()),
            Some(_) => Err(instead(key, written, "something stands behind its closing quote")),
            None => Err(instead(key, written, "its quote is not closed on its line")),
        },
        Some('"') => double_quoted(key, written),
        Some(_) => bare(key, written),
    }
}

/// True for what may stand behind a closing quote: nothing, or a comment.
fn is_nothing(rest: &str) -> bool {
    let comment = rest.trim_start_matches(BLANK);
    rest.is_empty() || (comment.len() < rest.len() && comment.starts_with('#'))
}

fn double_quoted(key: &str, written: &str) -> Result<String, String> {
    let mut value = String::new();
    let mut rest = written[1..].chars();
    while let Some(c) = rest.next() {
        match c {
            '"' if is_nothing(rest.as_str()) => return Ok(value),
            '"' => return Err(instead(key, written, "something stands behind its closing quote")),
            '$' => return Err(instead(key, written, "it holds a $, which would be taken for a variable")),
            '\\' => match rest.next() {
                Some(escaped @ ('\\' | '"' | '$')) => value.push(escaped),
                _ => return Err(instead(key, written, "it holds a \\, which would change what follows")),
            },
            c => value.push(c),
        }
    }
    Err(instead(key, written, "its quote is not closed on its line"))
}

fn bare(key: &str, written: &str) -> Result<String, String> {
    let mut value = written;
    if WITHOUT_HASH.contains(&key) {
        let comment = written.char_indices().find(|(at, c)| {
            *c == '#' && written[..*at].chars().next_back().is_none_or(|before| BLANK.contains(&before))
        });
        value = comment.map_or(written, |(at, _)| written[..at].trim_end_matches(BLANK));
    }
    let why = if value.contains('$') {
        "it holds a $, which would be taken for a variable"
    } else if value.contains('\\') {
        "it holds a \\, which would change what follows"
    } else if value.contains(['\'', '"']) {
        "it holds a quote, which would be taken away"
    } else if value.starts_with('#') || value.contains([' ', '\t']) && value.contains('#') {
        "what stands behind a # would be taken for a comment; comments have lines of their own"
    } else if value.contains(char::is_whitespace) {
        "it holds spaces"
    } else {
        return Ok(value.to_owned());
    };
    Err(instead(key, value, why))
}

/// What to write instead. The reader looks for the end of single quotes as if a backslash could escape it.
fn instead(key: &str, written: &str, why: &str) -> String {
    let value = written.trim_matches(['\'', '"']);
    if value.contains('\'') || value.ends_with('\\') {
        format!(
            "put the value of {key} in double quotes, with a \\ in front of each \\, \" and $, since {why}"
        )
    } else {
        format!("put the value of {key} in single quotes, since {why}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{BASE_URL, PASSWORD, SENDER_ID, TEST_MODE};
    use super::*;

    #[test]
    fn the_key_is_found_however_it_is_written() {
        for line in [
            "KWTSMS_PASSWORD=x",
            " \tKWTSMS_PASSWORD\u{a0}=x",
            "export KWTSMS_PASSWORD=x",
            "export\tKWTSMS_PASSWORD =x",
            "\u{a0}export\u{2003}KWTSMS_PASSWORD=x",
        ] {
            assert_eq!(split(line), Some((PASSWORD, "x")), "{line:?}");
        }
        for line in [
            "",
            "#KWTSMS_PASSWORD=x",
            "KWTSMS_PASSWORD",
            "KWTSMS_PASSWORD.x=y",
            "export=KWTSMS_PASSWORD=x",
            "exportKWTSMS_PASSWORD=x",
            "KWTSMS_PASSWORD2=x",
            "kwtsms_password=x",
            "OTHER=KWTSMS_PASSWORD=x",
        ] {
            assert_eq!(split(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_value_is_had_as_it_is_or_refused_with_what_to_write() {
        for (written, value) in [
            ("", ""),
            ("plain", "plain"),
            (" \tplain\t ", "plain"),
            ("a#b&c?d=e", "a#b&c?d=e"),
            ("''", ""),
            ("'a $b \\ \"c\" #d' # a comment", "a $b \\ \"c\" #d"),
            ("\"a \\$b \\\\ \\\" 'c' #d\"", "a $b \\ \" 'c' #d"),
            ("كلمة", "كلمة"),
        ] {
            assert_eq!(meant(PASSWORD, written).as_deref(), Ok(value), "{written:?}");
        }
        for (written, says) in [
            ("a$b", "single quotes, since it holds a $"),
            ("\"a$b\"", "single quotes, since it holds a $"),
            ("a\\$b", "single quotes, since it holds a $"),
            ("a\\\\$b", "single quotes, since it holds a $"),
            ("a\\nb", "single quotes, since it holds a \\"),
            ("\"a\\nb\"", "single quotes, since it holds a \\"),
            (
                "'a'$b",
                "double quotes, with a \\ in front of each \\, \" and $, since something stands behind",
            ),
            ("'a'b", "something stands behind"),
            ("'a'#b", "something stands behind"),
            ("\"a\"b", "something stands behind"),
            ("it's", "double quotes, with"),
            ("a\"b", "holds a quote"),
            ("a b", "holds spaces"),
            ("a\u{a0}b", "holds spaces"),
            ("\u{a0}a", "holds spaces"),
            ("abc #def", "behind a #"),
            ("#def", "behind a #"),
            ("abc\\", "double quotes, with"),
            ("'abc", "not closed"),
            ("\"abc", "not closed"),
            ("\"abc\\\"", "not closed"),
        ] {
            let error = meant(PASSWORD, written).expect_err(written);
            assert!(error.contains(says) && error.contains(PASSWORD), "{written:?}: {error}");
        }
    }

    #[test]
    fn a_comment_stands_behind_what_can_hold_none() {
        assert_eq!(meant(TEST_MODE, "0 # live").as_deref(), Ok("0"));
        assert_eq!(meant(TEST_MODE, "# live").as_deref(), Ok(""));
        assert_eq!(meant(BASE_URL, "https://x/#y").as_deref(), Ok("https://x/#y"));
        assert!(meant(SENDER_ID, "MY #1").is_err());
    }
}
