//! The reading of a `.env` file: by dotenvy, with the raw line beside each entry.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use super::keys::KEYS;
use super::line::{meant, split};
use crate::error::Error;

/// The longest file, in bytes.
const LONGEST: u64 = 1024 * 1024;

/// Reads the values of our keys; none from a file that does not exist, unless it is `required`.
pub(super) fn read(file: &Path, required: bool) -> Result<HashMap<&'static str, String>, Error> {
    match bounded(file) {
        Ok(bytes) => values(&bytes).map_err(|why| Error::config(format!("{} {why}", file.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => Ok(HashMap::new()),
        Err(error) => Err(Error::config_from(format!("{} cannot be read", file.display()), error)),
    }
}

fn bounded(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(file)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The values of our keys, or what is wrong, to be put behind the file's name.
fn values(bytes: &[u8]) -> Result<HashMap<&'static str, String>, String> {
    if bytes.len() as u64 > LONGEST {
        return Err("cannot be read: it holds over 1 MiB".to_owned());
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("cannot be read: it is UTF-16; save it as UTF-8".to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes); // as Windows editors write it
    let mut text = std::str::from_utf8(bytes)
        .map_err(|error| {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            format!("line {line}: it is not UTF-8; save the file as UTF-8")
        })?
        .to_owned();
    text.push('\n'); // or the reader takes a blank or a backslash at the end for an open value
    let lines: Vec<_> = text.split_terminator('\n').map(|line| line.trim_end_matches('\r')).collect();
    let handed = Rc::new(Cell::new(0));
    let entries = dotenvy::from_read_iter(LineByLine { rest: text.as_bytes(), handed: Rc::clone(&handed) });
    let mut values = HashMap::new();
    let mut before = 0;
    for entry in entries {
        // The lines of the entry, the first of them behind blank ones and comments.
        let end = handed.get();
        let is_empty = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
        let first = (before..end).find(|line| !is_empty(lines[*line])).unwrap_or(before);
        before = end;
        // The reader's error is left out: it holds the line, and the line may hold the password.
        let ours = split(lines[first]);
        let entry = entry.map_err(|_| ());
        match (ours, entry) {
            (Some((key, written)), entry) => {
                let value = meant(key, written).map_err(|how| format!("line {}: {how}", first + 1))?;
                if first + 1 != end || entry != Ok((key.to_owned(), value.clone())) {
                    return Err(format!("line {}: {}", first + 1, in_double_quotes(key)));
                }
                match values.entry(key) {
                    Entry::Vacant(place) => _ = place.insert((value, first + 1)),
                    // Which of them is meant, nobody can tell: dotenvy takes the first, a shell the last.
                    Entry::Occupied(before) if before.get().0 != value => {
                        return Err(format!(
                            "line {}: {key} stands on line {} already, with another value: leave one of them",
                            first + 1,
                            before.get().1
                        ));
                    }
                    Entry::Occupied(_) => {}
                }
            }
            (None, Ok((key, _))) if !KEYS.contains(&key.as_str()) => {
                // A key that nobody reads: a test mode that is off, a live message.
                if let Some(meant) = KEYS.into_iter().find(|known| are_alike(known, &key)) {
                    return Err(format!("line {}: {key} is not read: write {meant}", first + 1));
                }
                // A value of several lines, unless a quote was left open.
                if let Some(inside) = (first + 1..end).find(|line| split(lines[*line]).is_some()) {
                    return Err(format!(
                        "line {}: it stands within the value that begins on line {}: close the quote there",
                        inside + 1,
                        first + 1
                    ));
                }
            }
            (None, _) => {
                let key = KEYS.into_iter().find(|key| lines[first].contains(key)).unwrap_or("KEY");
                return Err(format!(
                    "line {}: it cannot be read; write {key}='value', with single quotes around a value that holds \
                     spaces or any of # $ \" \\",
                    first + 1
                ));
            }
        }
    }
    Ok(values.into_iter().map(|(key, (value, _))| (key, value)).collect())
}

/// True for keys that differ in case and underscores only: `kwtsms_test_mode`, `KWTSMS_TESTMODE`.
fn are_alike(known: &str, key: &str) -> bool {
    let letters = |key: &str| key.replace(['_', '.'], "").to_ascii_lowercase();
    letters(known) == letters(key)
}

/// For a value that the reader would take for another one than it says.
fn in_double_quotes(key: &str) -> String {
    format!(
        "put the value of {key} in double quotes, with a \\ in front of each \\, \" and $: else it would change"
    )
}

/// Hands out a line at a time, so that it is known which ones the reader took for an entry.
struct LineByLine<'a> {
    rest: &'a [u8],
    handed: Rc<Cell<usize>>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |end| end + 1);
        let length = line.min(into.len());
        let (part, rest) = self.rest.split_at(length);
        into[..length].copy_from_slice(part);
        self.rest = rest;
        if part.ends_with(b"\n") {
            self.handed.set(self.handed.get() + 1);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::keys::{LOG_FILE, PASSWORD, SENDER_ID, TEST_MODE, USERNAME};
    use super::*;

    fn file(text: &str) -> Result<HashMap<&'static str, String>, String> {
        values(text.as_bytes())
    }

    #[test]
    fn a_file_is_read_with_quotes_comments_and_a_byte_order_mark() {
        let values = file(
            "\u{feff}# account\nKWTSMS_USERNAME=user\nexport KWTSMS_PASSWORD='pa$s #1'\nOTHER=x\nKWTSMS_LOG_FILE=\n",
        )
        .unwrap();
        assert_eq!(values[USERNAME], "user");
        assert_eq!(values[PASSWORD], "pa$s #1");
        assert_eq!(values[LOG_FILE], "");
        assert!(!values.contains_key("OTHER"));
    }

    #[test]
    fn what_the_reader_would_change_is_refused_with_line_and_key_and_is_not_shown() {
        for written in [
            "KWTSMS_PASSWORD=sec$ret",
            "KWTSMS_PASSWORD = \"sec$ret\"",
            "export KWTSMS_PASSWORD=sec\\$r$et",
            "export\tKWTSMS_PASSWORD=sec$ret",
            "KWTSMS_PASSWORD\u{a0}=sec$ret",
            "KWTSMS_PASSWORD='sec'$ret",
            "KWTSMS_PASSWORD=sec\\\\$ret",
            "KWTSMS_PASSWORD=sec\\nret",
            "KWTSMS_PASSWORD=\"sec\\nret\"",
            "KWTSMS_PASSWORD=sec\\ ret",
            "KWTSMS_PASSWORD=sec #ret",
            "KWTSMS_PASSWORD=#sec",
            "KWTSMS_PASSWORD=sec\u{a0}#ret",
            "KWTSMS_PASSWORD=\u{a0}sec",
            "KWTSMS_PASSWORD=sec\u{b}",
            "KWTSMS_PASSWORD=sec\\",
            "KWTSMS_PASSWORD='sec\\'",
            "KWTSMS_PASSWORD='sec'ret",
            "KWTSMS_PASSWORD=s'e'c",
            "KWTSMS_PASSWORD=sec'ret",
            "KWTSMS_PASSWORD=sec ret",
            "KWTSMS_PASSWORD='sec",
            "KWTSMS_PASSWORD sec",
            "KWTSMS_PASSWORD: sec",
        ] {
            for rest in ["", "\n", "\r\n", "\nB=2\n", "\nB='2'\n", " \n"] {
                let error = file(&format!("A=1\n{written}{rest}")).expect_err(written);
                assert!(error.starts_with("line 2: ") && error.contains(PASSWORD), "{written:?}: {error}");
                assert!(error.contains(" quotes") && !error.contains("sec"), "{written:?}: {error}");
            }
        }
    }

    #[test]
    fn every_key_is_looked_at() {
        for key in KEYS {
            for written in ["MY$b", "a\\b", "'a'b", "a b", "'a"] {
                let error = file(&format!("{key}={written}\n")).expect_err(written);
                assert!(error.starts_with("line 1: ") && error.contains(key), "{written:?}: {error}");
            }
        }
        assert_eq!(file("KWTSMS_TEST_MODE=1 # not live\n").unwrap()[TEST_MODE], "1");
        assert!(file("KWTSMS_SENDER_ID=MY #1\n").is_err());
    }

    #[test]
    fn a_line_within_an_open_quote_is_not_lost_silently() {
        let error = file("OTHER='it is\nKWTSMS_PASSWORD=secret\nLAST='\n").unwrap_err();
        assert_eq!(error, "line 2: it stands within the value that begins on line 1: close the quote there");
        let error = file("\n# x\nOTHER='it is\nKWTSMS_PASSWORD=secret\n").unwrap_err();
        assert!(error.starts_with("line 3: it cannot be read"), "{error}");
        let values = file("OTHER=\"two\nlines\"\n\n# x\nKWTSMS_PASSWORD=secret\n").unwrap();
        assert_eq!(values[PASSWORD], "secret");
        let long = format!("OTHER='{}'\nKWTSMS_PASSWORD=a$b\n", "x".repeat(20_000));
        assert!(file(&long).unwrap_err().starts_with("line 2: "));
    }

    #[test]
    fn a_key_that_stands_there_twice_is_refused_unless_it_says_the_same() {
        let error =
            file("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD=hunter2\n# x\nexport KWTSMS_PASSWORD='hunter3'\n");
        let error = error.unwrap_err();
        assert!(error.starts_with("line 4: KWTSMS_PASSWORD stands on line 2 already"), "{error}");
        assert!(!error.contains("hunter"), "{error}");
        assert!(file("KWTSMS_TEST_MODE=1\nKWTSMS_TEST_MODE=\n").is_err(), "nothing is another value, too");
        let values = file("KWTSMS_TEST_MODE=1\nOTHER=1\nOTHER=2\nKWTSMS_TEST_MODE=\"1\" # again\n").unwrap();
        assert_eq!(values[TEST_MODE], "1");
    }

    #[test]
    fn a_key_that_is_written_otherwise_is_refused_and_one_of_others_is_not() {
        for (key, meant) in
            [("kwtsms_test_mode", TEST_MODE), ("KWTSMS_TESTMODE", TEST_MODE), ("Kwtsms.Sender_Id", SENDER_ID)]
        {
            let error = file(&format!("A=1\n{key}=1\n")).unwrap_err();
            assert_eq!(error, format!("line 2: {key} is not read: write {meant}"));
        }
        assert!(file("KWTSMS_WEBHOOK=1\nTEST_MODE=1\nkwtsms=1\n").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_text_is_refused_by_its_kind() {
        assert!(
            values(b"A=1\nKWTSMS_PASSWORD=s3cret\xff\n").unwrap_err().contains("line 2: it is not UTF-8")
        );
        assert!(values(b"\xff\xfeK\0").unwrap_err().contains("UTF-16"));
        let large = vec![b'#'; LONGEST as usize + 1];
        assert!(values(&large).unwrap_err().contains("over 1 MiB"));
    }

    #[test]
    fn a_missing_file_is_no_error_unless_it_was_asked_for() {
        let nowhere = Path::new("/nonexistent/.env");
        assert!(read(nowhere, false).unwrap().is_empty());
        assert!(read(nowhere, true).is_err());
        assert!(read(Path::new("/"), false).is_err(), "a folder is not a file");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_an_end_is_read_to_its_bound() {
        assert!(read(Path::new("/dev/zero"), true).unwrap_err().to_string().contains("over 1 MiB"));
    }

    /// What is read is what stands there, in one of three ways to write it.
    fn is_written_as(value: &str, written: &str) -> bool {
        let escaped: String = value
            .chars()
            .flat_map(|c| ['\\', '"', '$'].contains(&c).then_some('\\').into_iter().chain([c]))
            .collect();
        let quoted = [format!("'{value}'"), format!("\"{escaped}\"")];
        let written = written.trim_matches([' ', '\t']);
        written == value
            || quoted.iter().any(|quoted| {
                written.strip_prefix(quoted.as_str()).is_some_and(|rest| {
                    rest.is_empty() || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')
                })
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn a_value_is_had_exactly_or_refused(
            written in r#"[ab$#"'\\ {}\t\u{a0}\u{b}nH=é`]{0,9}"#,
            blank in prop::sample::select(vec!["", " ", "\t", "\u{a0}"]),
            export in prop::sample::select(vec!["", "export ", "export\t", "\u{a0}"]),
            key in prop::sample::select(vec![USERNAME, PASSWORD, SENDER_ID, LOG_FILE]),
            above in prop::sample::select(vec!["", "A=1\n", "# it's\n\n", "A='1\n2'\n"]),
            below in prop::sample::select(vec!["", "\n", "\r\n", "\nB=2\n", "\nB='2'\n", "\nB=\"2\"\n"]),
        ) {
            let text = format!("{above}{export}{key}{blank}={written}{below}");
            match file(&text) {
                Ok(values) => {
                    let value = values.get(key).ok_or_else(|| TestCaseError::fail(format!("{text:?} is lost")))?;
                    prop_assert!(is_written_as(value, &written), "{:?} became {:?}", text, value);
                    prop_assert_eq!(values.len(), 1);
                }
                Err(error) => {
                    let line = 1 + above.matches('\n').count();
                    prop_assert!(error.starts_with(&format!("line {line}: ")), "{:?}: {}", text, error);
                    prop_assert!(error.contains(key) && error.contains(" quotes"), "{:?}: {}", text, error);
                }
            }
        }
    }
}
