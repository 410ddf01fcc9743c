//! Writing settings into a `.env` file.

use std::io::Write;
use std::path::Path;

use kwtsms_async::config::Environment;

use crate::exit::Failure;

/// Puts values into a file, which need not exist, and takes those out that are `None`; other keys, comments and the
/// order of lines stay.
///
/// The file is replaced as a whole, after the library's own reader has read every value back from the new one.
/// It is for its owner only (mode 0600), whatever it was before: it holds the password.
pub(crate) fn write(file: &Path, values: &[(&'static str, Option<&str>)]) -> Result<(), Failure> {
    let cannot =
        |error: std::io::Error| Failure::usage_from(format!("{} cannot be written", file.display()), &error);
    let before = match std::fs::read(file) {
        Ok(before) => before,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(Failure::usage_from(format!("{} cannot be read", file.display()), &error)),
    };
    let after = with_values(&before, values)?;
    // A link stays a link: what it points to is replaced.
    let target = if file.exists() { file.canonicalize().map_err(cannot)? } else { file.to_owned() };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Created with mode 0600 in the same folder, so that it can take the other's place in one step.
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
    new.write_all(&after).and_then(|()| new.as_file().sync_all()).map_err(cannot)?;
    let read = Environment::from_file(new.path()).ok();
    if !read.is_some_and(|read| {
        values.iter().all(|(key, value)| read.get(key).unwrap_or_default() == value.unwrap_or_default())
    }) {
        return Err(Failure::usage(format!(
            "{} was left as it is: with what stands in it, the new values could not be read back",
            file.display()
        ))
        .action("move the file away and run setup again"));
    }
    new.persist(&target).map_err(|error| cannot(error.error))?;
    Ok(())
}

/// The file's new text.
fn with_values(before: &[u8], values: &[(&'static str, Option<&str>)]) -> Result<Vec<u8>, Failure> {
    let mut lines = Vec::new();
    for (key, value) in values {
        let value = value.map(|value| quoted(key, value)).transpose()?;
        lines.push((key, value.map(|value| format!("{key}={value}"))));
    }
    let crlf = before.windows(2).any(|pair| pair == b"\r\n");
    let ending: &[u8] = if crlf { b"\r\n" } else { b"\n" };
    let mut after = Vec::new();
    let mut written = vec![false; lines.len()];
    for line in before.split_inclusive(|byte| *byte == b'\n') {
        match lines.iter().position(|(key, _)| sets(line, key)) {
            None => after.extend_from_slice(line),
            Some(place) => {
                // A repeat, which no reader looks at, goes; so does what is to have no value.
                if let Some(new) = lines[place].1.as_ref().filter(|_| !written[place]) {
                    after.extend_from_slice(new.as_bytes());
                    after.extend_from_slice(ending);
                }
                written[place] = true;
            }
        }
    }
    if after.last().is_some_and(|byte| *byte != b'\n') {
        after.extend_from_slice(ending);
    }
    if before.is_empty() {
        after.extend_from_slice(b"# kwtSMS settings, written by kwtsms setup\n");
    }
    let new = lines.iter().zip(written).filter(|(_, written)| !written);
    for line in new.filter_map(|((_, line), _)| line.as_ref()) {
        after.extend_from_slice(line.as_bytes());
        after.extend_from_slice(ending);
    }
    Ok(after)
}

/// True for a line that sets the key.
fn sets(line: &[u8], key: &str) -> bool {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_start();
    let line = match line.strip_prefix(b"export") {
        Some(rest) if rest.first().is_some_and(u8::is_ascii_whitespace) => rest.trim_ascii_start(),
        _ => line,
    };
    line.strip_prefix(key.as_bytes()).is_some_and(|rest| rest.trim_ascii_start().first() == Some(&b'='))
}

/// A value as the reader takes it back: in single quotes as it is, or in double quotes with escapes where it
/// holds a single quote or a backslash, which the reader's search for the end of a line stumbles over.
fn quoted(key: &str, value: &str) -> Result<String, Failure> {
    if value.chars().any(char::is_control) {
        return Err(Failure::usage(format!(
            "the value of {key} holds a line break or another control character, which a .env file cannot keep"
        )));
    }
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_.:/@%+,".contains(c);
    if value.chars().all(bare) {
        return Ok(value.to_owned());
    }
    if !value.contains(['\'', '\\']) {
        return Ok(format!("'{value}'"));
    }
    let mut quoted = String::from('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    Ok(quoted)
}

#[cfg(test)]
mod tests {
    use kwtsms_async::config::{BASE_URL, LOG_FILE, PASSWORD, SENDER_ID, USERNAME};
    use proptest::prelude::*;

    use super::*;

    fn some<'a>(values: &[(&'static str, &'a str)]) -> Vec<(&'static str, Option<&'a str>)> {
        values.iter().map(|(key, value)| (*key, Some(*value))).collect()
    }

    fn write_and_read(before: Option<&str>, values: &[(&'static str, &str)]) -> (String, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".env");
        if let Some(before) = before {
            std::fs::write(&file, before).unwrap();
        }
        write(&file, &some(values)).unwrap();
        (std::fs::read_to_string(&file).unwrap(), Environment::from_file(&file).unwrap())
    }

    #[test]
    fn passwords_of_every_kind_are_read_back_exactly() {
        for password in [
            "plain", "pa$s", "a b", " a ", "a#b", "a #b", "\"", "'", "\\", "a\\", "\\'", "'\\", "\\$x",
            "${HOME}", "$HOME", "`id`", "'\"$`\\#", "كلمة", "a=b", "=", "-", "💬", "!", "a'b\"c", "\\\\",
            "\\n", "'$'",
        ] {
            let (text, read) = write_and_read(None, &[(USERNAME, "user"), (PASSWORD, password)]);
            assert_eq!(read.get(PASSWORD), Some(password), "{text}");
            assert_eq!(read.get(USERNAME), Some("user"), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_value_without_control_characters_is_read_back_exactly(
            password in r#"[ -~$#"'\\` é٣]{1,24}"#,
            sender in r#"[A-Za-z $#"'\\]{1,11}"#,
        ) {
            let values = [(PASSWORD, password.as_str()), (SENDER_ID, sender.as_str()), (LOG_FILE, "")];
            let (text, read) = write_and_read(Some("A=1\n"), &values);
            prop_assert_eq!(read.get(PASSWORD), Some(password.as_str()), "{}", text);
            prop_assert_eq!(read.get(SENDER_ID), Some(sender.as_str()), "{}", text);
            prop_assert_eq!(read.log_file(), Some(None));
        }
    }

    #[test]
    fn other_keys_comments_and_order_stay() {
        let before = "# mine\r\nDATABASE_URL=\"postgres://x\"\r\nexport KWTSMS_PASSWORD = old\r\n\r\nKWTSMS_PASSWORD=older\r\nLAST=1";
        let (text, _) = write_and_read(Some(before), &[(USERNAME, "u"), (PASSWORD, "n w")]);
        assert_eq!(
            text,
            "# mine\r\nDATABASE_URL=\"postgres://x\"\r\nKWTSMS_PASSWORD='n w'\r\n\r\nLAST=1\r\nKWTSMS_USERNAME=u\r\n"
        );
    }

    #[test]
    fn a_value_with_a_line_break_is_refused_and_the_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".env");
        std::fs::write(&file, "A=1\n").unwrap();
        for value in ["a\nb", "a\rb", "a\0b"] {
            assert!(write(&file, &some(&[(PASSWORD, value)])).is_err());
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "A=1\n");
    }

    #[test]
    fn a_file_that_would_swallow_the_new_values_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".env");
        let before = "OTHER='never closed\n";
        std::fs::write(&file, before).unwrap();
        let failure = write(&file, &some(&[(PASSWORD, "secret")])).unwrap_err();
        assert!(!format!("{failure:?}").contains("secret"));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_for_its_owner_only_even_if_it_was_not_and_a_link_stays_one() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join(".env"));
        std::fs::write(&real, "A=1\n").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, &some(&[(PASSWORD, "x")])).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "A=1\nKWTSMS_PASSWORD=x\n");
    }

    #[test]
    fn a_folder_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        assert!(write(folder.path(), &some(&[(PASSWORD, "x")])).is_err());
    }

    #[test]
    fn a_value_is_taken_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".env");
        std::fs::write(&file, "A=1\nKWTSMS_BASE_URL=http://x/\nexport KWTSMS_BASE_URL=y\nB=2\n").unwrap();
        write(&file, &[(BASE_URL, None), (USERNAME, Some("u"))]).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "A=1\nB=2\nKWTSMS_USERNAME=u\n");
    }
}
