//! What kind of file it is, by its beginning. What is no list of numbers holds numbers all the same: in a chat, in a
//! page, in a dump of a database.

use super::lines::Head;
use super::list::is_mark;
use crate::exit::Failure;

/// A file that numbers can be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rows of cells, or one number on each line.
    Table,
    /// One JSON object on each line.
    JsonLines,
    Vcard,
}

/// So many lines are looked at for the shape of a log.
const LINES: usize = 20;

/// The first bytes of files that are no text.
const MAGIC: [(&[u8], &str); 17] = [
    (b"PK\x03\x04", "a spreadsheet (.xlsx, .ods) or another ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls) or another Office document"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"BZh", "a compressed file (bzip2)"),
    (b"\xfd7zXZ", "a compressed file (xz)"),
    (b"\x28\xb5\x2f\xfd", "a compressed file (zstd)"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
];

/// How the first line of other texts begins, in lower case.
const BEGINNINGS: [(&str, &str); 22] = [
    ("begin:vcalendar", "a calendar (iCalendar)"),
    ("-----begin", "a key or certificate (PEM)"),
    ("insert into", "a dump of a database (SQL)"),
    ("create table", "a dump of a database (SQL)"),
    ("drop table", "a dump of a database (SQL)"),
    ("begin transaction", "a dump of a database (SQL)"),
    ("set names", "a dump of a database (SQL)"),
    ("-- ", "a dump of a database (SQL)"),
    ("/*", "a program's source or a dump of a database"),
    ("#!", "a script"),
    ("dn:", "an LDIF file"),
    ("version: 1", "an LDIF file"),
    ("%yaml", "a YAML document"),
    ("mime-version:", "an e-mail or a saved web page (MIME)"),
    ("content-type:", "an e-mail or a saved web page (MIME)"),
    ("received:", "an e-mail"),
    ("return-path:", "an e-mail"),
    ("delivered-to:", "an e-mail"),
    ("message-id:", "an e-mail"),
    ("from:", "an e-mail"),
    ("from - ", "a mailbox"),
    ("subject:", "an e-mail"),
];

/// Tells the kind, or refuses the file by it.
pub(super) fn of(head: &Head, name: &str) -> Result<Kind, Failure> {
    let refuse = |kind: &str| {
        Failure::usage(format!("{name} is {kind}, and no list of numbers")).action(
            "give a CSV file (in a spreadsheet: save as CSV UTF-8), one number on each line, a vCard or JSON lines",
        )
    };
    if let Some((_, kind)) = MAGIC.iter().find(|(magic, _)| head.bytes.starts_with(magic)) {
        return Err(refuse(kind));
    }
    if head.bytes.contains(&0) {
        return Err(match wide(&head.bytes) {
            Some(label) => Failure::usage(format!("{name} is a text in UTF-16 without the mark of it"))
                .action(format!("give --encoding {label}, or save it as CSV UTF-8")),
            None => refuse("a binary file"),
        });
    }
    let text = head.text();
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || is_mark(c));
    let (steering, all) = text.chars().take(1_000).fold((0, 0), |(steering, all), c| {
        (steering + usize::from(c.is_control() && !c.is_whitespace()), all + 1)
    });
    if steering * 5 > all {
        return Err(refuse("a binary file"));
    }
    let first = text.lines().next().unwrap_or_default().trim();
    let lower = first.to_lowercase();
    if lower.starts_with("begin:vcard") {
        return Ok(Kind::Vcard);
    }
    if let Some((_, kind)) = BEGINNINGS.iter().find(|(beginning, _)| lower.starts_with(beginning)) {
        return Err(refuse(kind));
    }
    let mut chars = first.chars();
    match (chars.next(), chars.find(|c| !c.is_whitespace())) {
        (Some('<'), Some(next)) if next.is_alphabetic() || matches!(next, '!' | '?') => {
            let kind = if lower.starts_with("<?xml") && !text.to_lowercase().contains("<html") {
                "an XML document"
            } else {
                "a web page (HTML)"
            };
            return Err(refuse(if text.contains("urn:schemas-microsoft-com:office:spreadsheet") {
                "an Excel workbook in XML"
            } else {
                kind
            }));
        }
        (Some('{'), next) => {
            return match serde_json::from_str::<serde::de::IgnoredAny>(first) {
                Ok(_) => Ok(Kind::JsonLines),
                Err(_) if next.is_none_or(|next| next == '"') => Err(Failure::usage(format!(
                    "{name} is a JSON document over several lines, which is not read"
                ))
                .action("write one object on each line, as jq -c does")),
                Err(_) => Ok(Kind::Table),
            };
        }
        (Some('['), next) if next.is_none_or(|next| matches!(next, '{' | '[' | '"' | ']')) => {
            return Err(Failure::usage(format!("{name} is a JSON array, which is not read"))
                .action("write one object on each line, as jq -c '.[]' does"));
        }
        _ => {}
    }
    if is_yaml(text) {
        return Err(refuse("a YAML document"));
    }
    if text.lines().filter(|line| !line.trim().is_empty()).take(LINES).any(is_stamped) {
        return Err(refuse("a chat export or a log"));
    }
    Ok(Kind::Table)
}

/// True for keys with values below them: of a number's key and an id's, nobody asks.
fn is_yaml(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return false };
    let is_key = |line: &str| {
        let name = line.trim_start_matches("- ").split_once(':').map(|(name, _)| name);
        name.is_some_and(|name| {
            name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '"' | '\''))
                && name.contains(char::is_alphabetic)
        })
    };
    let is_below =
        second.starts_with("  ") && is_key(second.trim_start()) || second.trim_start().starts_with("- ");
    first.starts_with("---") && is_key(second)
        || is_key(first) && (first.starts_with("- ") || first.ends_with(':')) && is_below
}

/// The encoding of a text whose every other byte is zero.
fn wide(bytes: &[u8]) -> Option<&'static str> {
    let zeros = |rest: usize| bytes.iter().skip(rest).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    match bytes.len() / 4 {
        enough if odd > enough && even == 0 => Some("utf-16le"),
        enough if even > enough && odd == 0 => Some("utf-16be"),
        _ => None,
    }
}

/// True for a line that begins with a date and a time and goes on with text, as in a chat (`[15/01/2024, 10:30:12] …`,
/// `15/01/2024, 10:30 - …`) or a log. In a table a delimiter stands behind the time.
fn is_stamped(line: &str) -> bool {
    let line: String = line.chars().filter(|c| !is_mark(*c)).collect();
    let line = line.trim().trim_start_matches('[');
    let mut rest = line;
    let numeric = |rest: &mut &str, least: usize, most: usize| {
        let digits = rest.chars().take_while(|c| c.is_numeric()).count();
        let length = rest.chars().take(digits).map(char::len_utf8).sum();
        *rest = rest.get(length..).unwrap_or_default();
        (least..=most).contains(&digits)
    };
    let sign = |rest: &mut &str, signs: &[char]| {
        let found = rest.starts_with(signs);
        if found {
            *rest = rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default();
        }
        found
    };
    let date = ['/', '.', '-'];
    if !(numeric(&mut rest, 1, 4)
        && sign(&mut rest, &date)
        && numeric(&mut rest, 1, 2)
        && sign(&mut rest, &date)
        && numeric(&mut rest, 1, 4)
        && sign(&mut rest, &[',', '\u{60c}', ' ', 'T', '\u{a0}', '\u{202f}']))
    {
        return false;
    }
    rest = rest.trim_start();
    if !(numeric(&mut rest, 1, 2) && sign(&mut rest, &[':']) && numeric(&mut rest, 2, 2)) {
        return false;
    }
    let rest = rest.trim_start_matches(|c: char| c.is_numeric() || matches!(c, ':' | '.' | 'Z' | '+'));
    // Behind the time, or behind AM or the zone, a table has its delimiter.
    let blanks = [' ', '\u{a0}', '\u{202f}'];
    let next = rest.trim_start_matches(blanks).split(blanks).next().unwrap_or_default();
    !next.is_empty() && !next.contains([',', ';', '|', '\t', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8]) -> Result<Kind, String> {
        let end = if bytes.contains(&b'\n') { b'\n' } else { b'\r' };
        let head = Head { bytes: bytes.to_vec(), end, whole: true };
        of(&head, "x").map_err(|failure| failure.reasons.join(" ") + &failure.action.unwrap_or_default())
    }

    #[test]
    fn what_is_no_list_is_refused_by_its_kind() {
        for (bytes, says) in [
            (&b"PK\x03\x04\0\0"[..], "spreadsheet"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel workbook"),
            (b"%PDF-1.7", "PDF"),
            (b"<html><table><tr><td>96598765432", "web page"),
            (b"\n <!DOCTYPE html>\n<p>96598765432", "web page"),
            (b"<?xml version=\"1.0\"?>\n<a>96598765432</a>", "XML"),
            (b"<table>\n<tr><td>96598765432", "web page"),
            (b"MIME-Version: 1.0\n\n96598765432\n", "MIME"),
            (b"Received: from x\n\n96598765432\n", "e-mail"),
            (b"INSERT INTO c VALUES (1,'96598765432');\n", "SQL"),
            (b"BEGIN:VCALENDAR\nX:96598765432\n", "calendar"),
            (b"dn: cn=Ali\ntelephoneNumber: 96598765432\n", "LDIF"),
            (b"- id: 96500000001\n  phone: 96598765432\n", "YAML"),
            (b"phones:\n  - \"96598765432\"\n", "YAML"),
            (b"contacts:\n- name: Ali\n  phone: 96598765432\n", "YAML"),
            (b"---\nphone: 96598765432\n", "YAML"),
            (b"a\0b\0\0\0", "binary"),
            (b"\x01\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12", "binary"),
            (b"9\x006\x005\x00\n\x00", "--encoding utf-16le"),
            (b"\x009\x006\x005\x00\n", "--encoding utf-16be"),
            (b"[{\"phone\":\"96598765432\"}]\n", "JSON array"),
            (b"[\n\"96598765432\"\n]\n", "JSON array"),
            (b"{\n  \"phone\": \"96598765432\"\n}\n", "over several lines"),
        ] {
            let refused = kind(bytes).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn chats_and_logs_are_refused_in_every_dress() {
        for line in [
            "[15/01/2024, 10:30:12] \u{202a}+965 9876 5432\u{202c}: hello",
            "\u{200e}[15/01/2024, 10:30:12] Ali: hello",
            "15/01/2024, 10:30 - Ali: call 96598765432",
            "1/15/24, 10:30\u{202f}AM - +965 9876 5432: hi",
            "١٥/١/٢٠٢٤، ١٠:٣٠ ص - علي: اتصل 96598765432",
            "15.01.24, 10:30 - Ali: hi",
            "2024-01-15T10:30:12.123Z INFO sent to 96598765432",
            "2024-01-15 10:30:12 sent to 96598765432",
        ] {
            let refused = kind(format!("{line}\n96598765432\n").as_bytes()).unwrap_err();
            assert!(refused.contains("chat export or a log"), "{line}");
            assert!(kind(format!("Messages are encrypted.\n{line}\n").as_bytes()).is_err(), "{line}");
        }
    }

    #[test]
    fn lists_are_not_taken_for_something_else() {
        for text in [
            "96598765432\n",
            "name,phone\nAli,96598765432\n",
            "15/01/2024,96598765432\n",
            "15/01/2024 10:30,Ali,96598765432\n",
            "2024-01-15T10:30:12Z;96598765432\n",
            "created,phone\n15/01/2024 10:30 PM,96598765432\n",
            "2024-01-15 10:30:12 UTC,Ali,96598765432\n",
            "2024-01-15 10:30\tAli\t96598765432\n",
            "[96598765432]\n",
            "{96598765432}\n",
            "(965) 98765432\n",
            "<+96598765432>\n",
            "- 96598765432\n- 96551234567\n",
            "Ali: 96598765432\nSara: 96551234567\n",
            "Phones:\n96598765432\n",
            "+965 9876 5432 (Ali)\n",
            "\"name\",\"phone\"\n",
            "From,To\n96598765432,96551234567\n",
            "",
        ] {
            assert_eq!(kind(text.as_bytes()), Ok(Kind::Table), "{text}");
        }
        assert_eq!(kind(b"\nbegin:vcard\r\nTEL:1\r\n"), Ok(Kind::Vcard));
        assert_eq!(kind(b"{\"phone\":\"96598765432\"}\n"), Ok(Kind::JsonLines));
        assert_eq!(kind(b"{\"phone\":\"96598765432\"}"), Ok(Kind::JsonLines));
    }
}
