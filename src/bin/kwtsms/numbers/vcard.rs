//! vCards: the TEL lines of address books, versions 2.1 to 4.0 (RFC 6350).

use std::fmt;

use super::lines::Lines;
use super::list::{Row, is_blank};
use crate::exit::Failure;

/// vCards being read.
pub(super) struct Vcards {
    lines: Lines,
    /// A line that was read to see whether it goes on with the one before.
    next: Option<Vec<u8>>,
}

impl Vcards {
    pub(super) fn open(lines: Lines) -> Self {
        Self { lines, next: None }
    }

    fn line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if let Some(line) = self.next.take() {
            return Ok(Some(line));
        }
        let mut bytes = Vec::new();
        Ok(self.lines.append(&mut bytes)?.then(|| {
            bytes.truncate(bytes.trim_ascii_end().len());
            bytes
        }))
    }

    /// The next number.
    pub(super) fn read(&mut self) -> Result<Option<Row>, Failure> {
        loop {
            let Some(mut line) = self.line()? else { return Ok(None) };
            let place = self.lines.count();
            // A line that begins with a blank belongs to the one before (section 3.2), and so does what follows a
            // quoted-printable line that ends in `=` (version 2.1).
            loop {
                let is_soft = line.ends_with(b"=")
                    && line.to_ascii_lowercase().windows(9).any(|part| part == b"printable");
                match self.line()? {
                    Some(next) if is_soft => {
                        line.pop();
                        line.extend_from_slice(&next);
                    }
                    Some(next) if next.starts_with(b" ") || next.starts_with(b"\t") => {
                        line.extend_from_slice(next.get(1..).unwrap_or_default());
                    }
                    next => {
                        self.next = next;
                        break;
                    }
                }
            }
            if let Some(row) = number(place, &String::from_utf8_lossy(&line)) {
                return Ok(Some(row));
            }
        }
    }
}

/// The number of a TEL line that holds one.
fn number(place: u64, line: &str) -> Option<Row> {
    let (property, value) = property(line)?;
    let mut parameters = property.split(';');
    let name = parameters.next()?;
    let name = name.rsplit_once('.').map_or(name, |(_, name)| name); // item1.TEL
    if !name.trim().eq_ignore_ascii_case("tel") {
        return None;
    }
    let parameters = parameters.collect::<Vec<_>>().join(";").to_lowercase();
    let has =
        |word: &str| parameters.split(|c: char| !c.is_alphanumeric() && c != '-').any(|other| other == word);
    let value = if has("quoted-printable") { quoted_printable(value)? } else { value.to_owned() };
    let value = value.replace("\\,", ",").replace("\\;", ";");
    if is_blank(&value) {
        return None;
    }
    let kinds = [
        ("fax", "a fax number"),
        ("pager", "a pager's number"),
        ("modem", "a modem's number"),
        ("bbs", "a modem's number"),
    ];
    Some(match kinds.into_iter().find(|(kind, _)| has(kind)) {
        // One that is a fax and a mobile, too, is no fax.
        Some((_, why)) if !has("cell") => Row::refused(place, value.trim(), why),
        _ => Row::new(place, value.trim()),
    })
}

/// A line's property with its parameters, and the value behind the first colon outside quotes.
fn property(line: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let colon = line.find(|c| {
        quoted ^= c == '"';
        c == ':' && !quoted
    })?;
    Some((line.get(..colon)?, line.get(colon + 1..)?))
}

/// `=2B965` is `+965`; `None` if it is not ASCII.
fn quoted_printable(value: &str) -> Option<String> {
    let mut text = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('=') {
        text.push_str(before);
        let Some(code) = after.get(..2) else {
            rest = ""; // a soft line break
            break;
        };
        text.push(char::from(u8::from_str_radix(code, 16).ok().filter(u8::is_ascii)?));
        rest = after.get(2..)?;
    }
    text.push_str(rest);
    Some(text)
}

impl fmt::Debug for Vcards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vcards").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u64, String, Option<String>)> {
        let (lines, _) = Lines::open(Box::new(std::io::Cursor::new(text.to_owned())), "x.vcf", None).unwrap();
        let mut cards = Vcards::open(lines);
        std::iter::from_fn(|| cards.read().unwrap()).map(|row| (row.line, row.input, row.refused)).collect()
    }

    #[test]
    fn tel_lines_are_read_and_no_other() {
        let text = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ali\r\nTEL;TYPE=CELL:+96598765432\r\nBDAY:19930102\r\nNOTE:TEL:96500000000\r\n\
            item1.TEL;type=\"voice,home:x\":+965 2222\r\n  3333\r\nTEL:\r\nX-TEL:96511111111\r\nTEL;FAX;WORK:+96522224444\r\nEND:VCARD\r\n\
            BEGIN:VCARD\nVERSION:4.0\ntel;VALUE=uri;TYPE=cell:tel:+965-5123-4567\nTEL;CELL;ENCODING=QUOTED-PRINTABLE:=2B96551234568\nTEL;ENCODING=QUOTED-PRINTABLE:=2B965=\n51234569\nREV:20240120T213632Z\nEND:VCARD";
        let row = |line, input: &str| (line, input.to_owned(), None);
        assert_eq!(
            read(text),
            [
                row(4, "+96598765432"),
                row(7, "+965 2222 3333"),
                (11, "+96522224444".to_owned(), Some("a fax number".to_owned())),
                row(15, "tel:+965-5123-4567"),
                row(16, "+96551234568"),
                row(17, "+96551234569"),
            ]
        );
    }
}
