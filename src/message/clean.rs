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
pub(super) fn clean<const RECORD: bool>(input: &str) -> Option<Cleaned> {
    let mut pass = Pass::<RECORD> { input, output: None, changes: Vec::new(), settled: 0 };
    let mut at = 0;
    loop {
        let (stop, found) = next_special(input, at);
        if let Some(output) = &mut pass.output {
            output.push_str(&input[at..stop]);
        }
        let Some((special, len)) = found else { break };
        match special {
            Special::CloseAngle => pass.close_angle(stop),
            Special::Removed(kind) => pass.remove(kind, stop, len),
            Special::Digit(ascii) => {
                pass.output_up_to(stop).push(char::from(ascii));
                pass.record(ChangeKind::Digit, stop, len);
            }
        }
        at = stop + len;
    }
    pass.output.map(|text| Cleaned { text, changes: pass.changes })
}

struct Pass<'a, const RECORD: bool> {
    input: &'a str,
    /// What is kept; `None` while that is the input itself.
    output: Option<String>,
    changes: Vec<Change>,
    /// No tag is open in the kept text before this byte. It bounds the search for an opening `<`: every byte is
    /// searched once at most, since it is then either removed with its tag or settled.
    settled: usize,
}

impl<const RECORD: bool> Pass<'_, RECORD> {
    fn output_up_to(&mut self, at: usize) -> &mut String {
        self.output.get_or_insert_with(|| {
            let mut output = String::with_capacity(self.input.len());
            output.push_str(&self.input[..at]);
            output
        })
    }

    fn remove(&mut self, kind: ChangeKind, at: usize, len: usize) {
        self.output_up_to(at);
        self.record(kind, at, len);
    }

    /// Notes one changed character, as part of the change before it where the two belong together.
    fn record(&mut self, kind: ChangeKind, at: usize, len: usize) {
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
        let kept = self.output.as_deref().unwrap_or(&self.input[..at]);
        let Some(open) = last_open_tag(kept.as_bytes(), self.settled) else {
            self.settled = kept.len() + 1;
            if let Some(output) = &mut self.output {
                output.push('>');
            }
            return;
        };
        if RECORD {
            let tag = self.tag(kept.len(), open, at, kept[open..].chars().count() + 1);
            self.changes.push(tag);
        }
        self.output_up_to(at).truncate(open);
    }

    /// The tag from byte `open` of the kept text to the `>` at byte `at` of the input; the changes inside the tag
    /// are dropped. `characters` are those of the kept text.
    fn tag(&mut self, kept: usize, open: usize, at: usize, mut characters: usize) -> Change {
        // Back from here to the opening `<`, in the kept text and in the input at once.
        let (mut kept_at, mut input_at) = (kept, at);
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

/// The first special character from byte `from` on: where it is, what it is and its length in bytes. The place is the
/// end of the text when there is none.
fn next_special(text: &str, from: usize) -> (usize, Option<(Special, usize)>) {
    const CHUNK: usize = 32;
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        // Without a branch per byte, so that the compiler makes vector instructions of it.
        while let Some(chunk) = bytes[at..].first_chunk::<CHUNK>()
            && chunk.iter().fold(true, |plain, &byte| plain & is_plain_ascii(byte))
        {
            at += CHUNK;
        }
        let chunk_end = at + CHUNK;
        while at < chunk_end {
            let Some(&lead) = bytes.get(at) else { return (at, None) };
            let (code, len) = match lead {
                0x00..0x80 => (u32::from(lead), 1),
                0x80..0xE0 => ((u32::from(lead) & 0x1F) << 6 | u32::from(bytes[at + 1]) & 0x3F, 2),
                _ => text[at..].chars().next().map_or((0, 1), |c| (u32::from(c), c.len_utf8())),
            };
            if !is_plain_short(code)
                && let Some(special) = special(code)
            {
                return (at, Some((special, len)));
            }
            at += len;
        }
    }
}

/// True for the ASCII characters of everyday texts.
fn is_plain_ascii(byte: u8) -> bool {
    ((byte >= b' ') & (byte < 0x7F) & (byte != b'>')) | (byte == b'\n')
}

/// Tells what cleaning does with a code point; `None` leaves it.
fn special(code: u32) -> Option<Special> {
    match code {
        0x3E => Some(Special::CloseAngle),
        0x660..=0x669 => Some(Special::Digit(b'0' + (code - 0x660) as u8)),
        0x6F0..=0x6F9 => Some(Special::Digit(b'0' + (code - 0x6F0) as u8)),
        _ => {
            let next = TABLE.partition_point(|&(_, last, _)| last < code);
            let &(first, _, kind) = TABLE.get(next)?;
            (first <= code).then_some(Special::Removed(kind))
        }
    }
}

/// Code points of one and two bytes in UTF-8, Arabic letters among them.
const SHORT: usize = 0x800;

/// One bit for each short code point that cleaning leaves alone.
static PLAIN_SHORT: [u64; SHORT / 64] = plain_short();

/// True for a short code point that cleaning leaves alone; false for others of its kind and for all longer ones.
fn is_plain_short(code: u32) -> bool {
    PLAIN_SHORT.get(code as usize / 64).is_some_and(|word| word >> (code % 64) & 1 == 1)
}

const fn plain_short() -> [u64; SHORT / 64] {
    const fn clear(words: &mut [u64; SHORT / 64], first: usize, last: usize) {
        let mut code = first;
        while code <= last && code < SHORT {
            words[code / 64] &= !(1 << (code % 64));
            code += 1;
        }
    }
    let mut words = [u64::MAX; SHORT / 64];
    clear(&mut words, '>' as usize, '>' as usize);
    clear(&mut words, 0x660, 0x669);
    clear(&mut words, 0x6F0, 0x6F9);
    let mut row = 0;
    while row < TABLE.len() {
        let (first, last, _) = TABLE[row];
        clear(&mut words, first as usize, last as usize);
        row += 1;
    }
    words
}
