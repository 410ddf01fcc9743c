//! What is taken out of a text before it is sent.
//!
//! One pass, left to right, over the input; no text is looked at twice:
//!
//! - runs of plain characters are skipped, or copied whole once something has changed;
//! - hidden characters and emoji are left out, Arabic digits become ASCII digits;
//! - a `>` closes the nearest tag still open in what has been *kept* so far, so a tag that only appears once
//!   something inside it is gone is seen too, and cleaning a cleaned text changes nothing.

use std::borrow::Cow;
use std::ops::Range;

use super::table::TABLE;

/// Removes from a text what the gateway chokes on, and leaves the rest as it is.
///
/// | what | why | becomes |
/// | --- | --- | --- |
/// | Arabic-Indic and Persian digits | codes are to be read and pasted everywhere | ASCII digits |
/// | emoji, flags, keycap marks | the message stays in the queue and is not sent | nothing |
/// | hidden and control characters, but `\n` and tab | as emoji, and they make the text Unicode | nothing |
/// | HTML tags | the gateway refuses them with ERR027 | nothing; the text between them stays |
///
/// `\r\n` becomes `\n`, since `\r` is a control character. © ® ™ are no emoji here.
///
/// A tag begins with a `<` that opens one by the HTML standard (the next character is an ASCII letter, `/`, `!` or
/// `?`) and ends with the next `>`: `5 < 6 > 4`, `<>` and `price <5KD` stay, and so does a `<b` that no `>` follows.
/// `if a <b and c> d` does lose `<b and c>`: [`MessageText::changes`](crate::MessageText::changes) tells.
///
/// Nothing is allocated when nothing changes. The time is linear in the length of the text, whatever is in it, and
/// cleaning a cleaned text changes nothing.
///
/// ```
/// use kwtsms_async::clean_message;
///
/// assert_eq!(clean_message("رمزك: ١٢٣٤ 🎉<br>"), "رمزك: 1234 ");
/// assert_eq!(clean_message("5 < 6 > 4"), "5 < 6 > 4");
/// ```
#[must_use]
pub fn clean_message(text: &str) -> Cow<'_, str> {
    clean::<false>(text).map_or(Cow::Borrowed(text), |cleaned| Cow::Owned(cleaned.text))
}

/// What kind of thing cleaning changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// Emoji were removed, with the joiners and selectors among them.
    Emoji,
    /// Hidden or control characters were removed: zero-width, direction marks, byte order mark, `\r`.
    Hidden,
    /// An HTML tag was removed.
    HtmlTag,
    /// Arabic-Indic or Persian digits became ASCII digits.
    Digit,
}

/// One place where cleaning changed a text.
///
/// It holds where and how much, never the text, so that it can be logged. Neighbouring characters of one kind are
/// one change; a tag's change takes in whatever was changed inside the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    kind: ChangeKind,
    offset: usize,
    bytes: usize,
    characters: usize,
}

impl Change {
    /// Tells what was changed.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        self.kind
    }

    /// Gives the bytes of the original text that were removed or replaced; the ends are character borders.
    ///
    /// ```
    /// use kwtsms_async::MessageText;
    ///
    /// let original = "Hi <b>there";
    /// let text = MessageText::new(original)?;
    /// assert_eq!(&original[text.changes()[0].range()], "<b>");
    /// # Ok::<(), kwtsms_async::TextError>(())
    /// ```
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.offset..self.end()
    }

    /// Counts the characters (Unicode scalar values) of the original text that were removed or replaced.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.characters
    }

    fn end(&self) -> usize {
        self.offset + self.bytes
    }

    /// How many bytes stand in the cleaned text in place of this change.
    fn bytes_kept(&self) -> usize {
        match self.kind {
            ChangeKind::Digit => self.characters,
            ChangeKind::Emoji | ChangeKind::Hidden | ChangeKind::HtmlTag => 0,
        }
    }
}

/// A text that cleaning changed.
pub(super) struct Cleaned {
    pub(super) text: String,
    /// Sorted, and none touches another's bytes; empty when nobody asked.
    pub(super) changes: Vec<Change>,
}

/// Cleans a text, taking down the changes if `RECORD`; `None` when nothing changes.
#[inline]
pub(super) fn clean<const RECORD: bool>(input: &str) -> Option<Cleaned> {
    let (mut found, settled) = first_change(input)?;
    let mut output = String::with_capacity(input.len());
    output.push_str(&input[..found.at]);
    let mut pass = Pass::<RECORD> { output, changes: Vec::new(), settled };
    loop {
        match found.special {
            Special::CloseAngle => pass.close_angle(found.at),
            Special::Removed(kind) => pass.record(kind, &found),
            Special::Digit(ascii) => {
                pass.output.push(char::from(ascii));
                pass.record(ChangeKind::Digit, &found);
            }
        }
        let rest = found.at + found.len;
        let Some(next) = next_special(input, rest) else {
            pass.output.push_str(&input[rest..]);
            return Some(Cleaned { text: pass.output, changes: pass.changes });
        };
        pass.output.push_str(&input[rest..next.at]);
        found = next;
    }
}

/// Finds the first special character that changes the text, and how much before it is settled ([`Pass::settled`]).
#[inline]
fn first_change(input: &str) -> Option<(Found, usize)> {
    let (mut at, mut settled) = (0, 0);
    loop {
        let found = next_special(input, at)?;
        if !matches!(found.special, Special::CloseAngle)
            || last_open_tag(&input.as_bytes()[..found.at], settled).is_some()
        {
            return Some((found, settled));
        }
        at = found.at + found.len;
        settled = at;
    }
}

struct Pass<const RECORD: bool> {
    /// What is kept so far.
    output: String,
    changes: Vec<Change>,
    /// No tag is open in the kept text before this byte. It bounds the search for an opening `<`: every byte is
    /// searched once at most, since it is then either removed with its tag or settled.
    settled: usize,
}

impl<const RECORD: bool> Pass<RECORD> {
    /// Notes one changed character, as part of the change before it where the two belong together.
    fn record(&mut self, kind: ChangeKind, &Found { at, len, .. }: &Found) {
        if !RECORD {
            return;
        }
        if let Some(last) = self.changes.last_mut()
            && last.end() == at
            && let Some(joined) = joined(last.kind, kind)
        {
            last.kind = joined;
            last.bytes += len;
            last.characters += 1;
        } else {
            self.changes.push(Change { kind, offset: at, bytes: len, characters: 1 });
        }
    }

    /// Takes the `>` at `at`: with the tag that it ends, or as a character like any other.
    fn close_angle(&mut self, at: usize) {
        let Some(open) = last_open_tag(self.output.as_bytes(), self.settled) else {
            self.output.push('>');
            self.settled = self.output.len();
            return;
        };
        if RECORD {
            let tag = self.tag(open, at);
            self.changes.push(tag);
        }
        self.output.truncate(open);
    }

    /// The tag from byte `open` of the kept text to the `>` at byte `at` of the input; the changes inside the tag
    /// are dropped.
    fn tag(&mut self, open: usize, at: usize) -> Change {
        let mut characters = self.output[open..].chars().count() + 1;
        // Back from here to the opening `<`, in the kept text and in the input at once.
        let (mut kept_at, mut input_at) = (self.output.len(), at);
        while let Some(last) = self.changes.last() {
            let change_ends = kept_at - (input_at - last.end());
            if change_ends <= open {
                break;
            }
            if last.bytes_kept() == 0 {
                characters += last.characters;
            }
            kept_at = change_ends - last.bytes_kept();
            input_at = last.offset;
            self.changes.pop();
        }
        let offset = input_at - (kept_at - open);
        Change { kind: ChangeKind::HtmlTag, offset, bytes: at + 1 - offset, characters }
    }
}

/// The kind of two neighbouring changes taken as one. Joiners and selectors belong to the emoji they stand among.
fn joined(first: ChangeKind, second: ChangeKind) -> Option<ChangeKind> {
    use ChangeKind::{Digit, Emoji, Hidden};
    match (first, second) {
        (Emoji, Emoji | Hidden) | (Hidden, Emoji) => Some(Emoji),
        (Hidden, Hidden) => Some(Hidden),
        (Digit, Digit) => Some(Digit),
        _ => None,
    }
}

/// Finds the last `<` from byte `from` on that opens a tag by the HTML standard (13.2.5.6, tag open state).
fn last_open_tag(kept: &[u8], from: usize) -> Option<usize> {
    let mut end = kept.len();
    while let Some(found) = kept.get(from..end)?.iter().rposition(|&byte| byte == b'<') {
        let open = from + found;
        if matches!(kept.get(open + 1), Some(b'a'..=b'z' | b'A'..=b'Z' | b'/' | b'!' | b'?')) {
            return Some(open);
        }
        end = open;
    }
    None
}

/// A character that cleaning has to look at.
#[derive(Clone, Copy)]
enum Special {
    /// `>`, which may end a tag. A `<` needs no look: what it opens is seen when the `>` comes.
    CloseAngle,
    Removed(ChangeKind),
    /// An Arabic-Indic or Persian digit and the ASCII digit it becomes.
    Digit(u8),
}

/// A special character found in a text: what it is, its first byte and its length in bytes.
struct Found {
    special: Special,
    at: usize,
    len: usize,
}

/// Finds the first special character from byte `from` on.
// Inlined, with the next: a text with many specials takes a fifth longer otherwise.
#[inline(always)]
fn next_special(text: &str, from: usize) -> Option<Found> {
    let mut at = from;
    loop {
        at += plain_bytes(&text.as_bytes()[at..])?;
        let c = text[at..].chars().next()?;
        let len = c.len_utf8();
        if let Some(special) = special(u32::from(c)) {
            return Some(Found { special, at, len });
        }
        at += len;
    }
}

/// Counts the bytes before the first that may be special; `None` when none may.
#[inline(always)]
fn plain_bytes(bytes: &[u8]) -> Option<usize> {
    const CHUNK: usize = 16;
    let mut at = 0;
    while let Some(near) = bytes[at..].first_chunk::<{ CHUNK + 1 }>() {
        if let Some(plain) = (0..CHUNK).position(|i| may_be_special(near[i], near[i + 1])) {
            return Some(at + plain);
        }
        at += CHUNK;
        // A long run of ASCII: without a branch per byte, so that the compiler makes vector instructions of it.
        while let Some(chunk) = bytes[at..].first_chunk::<CHUNK>()
            && chunk.iter().fold(true, |plain, &byte| plain & is_plain_ascii(byte))
        {
            at += CHUNK;
        }
    }
    let rest = &bytes[at..];
    if let Some(plain) = rest.windows(2).position(|pair| may_be_special(pair[0], pair[1])) {
        return Some(at + plain);
    }
    // The last byte has none after it; when it is not ASCII it ends a character that was looked at.
    rest.last().is_some_and(|&last| may_be_special(last, 0)).then(|| bytes.len() - 1)
}

/// True for the ASCII characters of everyday texts.
const fn is_plain_ascii(byte: u8) -> bool {
    ((byte >= b' ') & (byte < 0x7F) & (byte != b'>')) | (byte == b'\n')
}

/// Tells what cleaning does with a code point; `None` leaves it.
const fn special(code: u32) -> Option<Special> {
    match code {
        0x3E => Some(Special::CloseAngle),
        0x660..=0x669 => Some(Special::Digit(b'0' + (code - 0x660) as u8)),
        0x6F0..=0x6F9 => Some(Special::Digit(b'0' + (code - 0x6F0) as u8)),
        _ => {
            let mut row = FIRST_ROW[code as usize / BLOCK] as usize;
            while row < TABLE.len() {
                let (first, last, kind) = TABLE[row];
                if code <= last {
                    return if first <= code { Some(Special::Removed(kind)) } else { None };
                }
                row += 1;
            }
            None
        }
    }
}

const BLOCK: usize = 0x100;

/// For each block of code points the first row of the table that does not end before the block.
static FIRST_ROW: [u8; char::MAX as usize / BLOCK + 1] = {
    assert!(TABLE.len() < 256, "a row's number is a byte");
    let mut rows = [0; char::MAX as usize / BLOCK + 1];
    let (mut block, mut row) = (0, 0);
    while block < rows.len() {
        while row < TABLE.len() && (TABLE[row].1 as usize) < block * BLOCK {
            row += 1;
        }
        rows[block] = row as u8;
        block += 1;
    }
    rows
};

/// False if a byte, with the one after it, neither is nor begins a special character. Exact for characters of one and
/// two bytes, so that Arabic letters are told from the signs and digits among them; true for all longer ones.
fn may_be_special(byte: u8, next: u8) -> bool {
    LEADS[usize::from(byte)] & NEXTS[usize::from(next)] != 0
}

/// Bit 7 stands for bytes that always need a look, and each lower bit for a lead byte of two-byte characters some of
/// which are special, with the bytes that follow it in those.
static LEADS: [u8; 256] = PAIRS.0;
static NEXTS: [u8; 256] = PAIRS.1;

const PAIRS: ([u8; 256], [u8; 256]) = {
    let (mut leads, mut nexts) = ([0; 256], [0x80; 256]);
    let mut bit = 1;
    let mut byte = 0;
    while byte < 256 {
        if byte < 0x80 && !is_plain_ascii(byte as u8) || byte >= 0xE0 {
            leads[byte] = 0x80;
        } else if byte >= 0xC0 {
            let mut next = 0x80;
            while next < 0xC0 {
                if special(((byte & 0x1F) << 6 | next & 0x3F) as u32).is_some() {
                    leads[byte] = bit;
                    nexts[next] |= bit;
                }
                next += 1;
            }
            if leads[byte] != 0 {
                assert!(bit < 0x80, "more lead bytes with special characters than bits");
                bit <<= 1;
            }
        }
        byte += 1;
    }
    (leads, nexts)
};
