//! Where in a text cleaning has to look, and what it does there.

use super::change::ChangeKind;
use super::stuck::{Stuck, look_up};

/// A character that cleaning has to look at.
#[derive(Clone, Copy)]
pub(super) enum Special {
    /// `>`, which may end a tag. A `<` needs no look: what it opens is seen when the `>` comes.
    CloseAngle,
    Removed(ChangeKind),
    /// A digit, or a separator between digits, and the ASCII character it becomes.
    Digit(u8),
    /// Becomes a line break; a `\r` before `\n` is removed.
    LineBreak,
    /// A character of Windows-1252 that was read as a control character, and what it is.
    Windows1252(char),
}

/// A special character found in a text: what it is, its first byte and its length in bytes.
pub(super) struct Found {
    pub(super) special: Special,
    pub(super) at: usize,
    pub(super) len: usize,
}

/// Finds the first special character from byte `from` on.
// Inlined, with the next: a text with many specials takes a fifth longer otherwise.
#[inline(always)]
pub(super) fn next_special(text: &str, from: usize) -> Option<Found> {
    let mut at = from;
    loop {
        at += plain_bytes(&text.as_bytes()[at..])?;
        if text.as_bytes()[at] == b'>' {
            return Some(Found { special: Special::CloseAngle, at, len: 1 });
        }
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
pub(super) fn plain_bytes(bytes: &[u8]) -> Option<usize> {
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
#[inline]
const fn special(code: u32) -> Option<Special> {
    match code {
        0x3E => Some(Special::CloseAngle),
        0xB..=0xD | 0x85 | 0x2028 | 0x2029 => Some(Special::LineBreak),
        0x80..=0x9F => match WINDOWS_1252[code as usize - 0x80] {
            '\0' => Some(Special::Removed(ChangeKind::Hidden)),
            c => Some(Special::Windows1252(c)),
        },
        // No digit is in the table.
        _ => match look_up(code) {
            Some(Stuck::Emoji) => Some(Special::Removed(ChangeKind::Emoji)),
            Some(Stuck::Hidden | Stuck::Control) => Some(Special::Removed(ChangeKind::Hidden)),
            None => match ascii_digit(code) {
                Some(ascii) => Some(Special::Digit(ascii)),
                None => None,
            },
        },
    }
}

/// The ASCII character of Arabic-Indic, Persian, full-width, outlined, mathematical and segmented digits, and of the
/// separators of Arabic digits.
const fn ascii_digit(code: u32) -> Option<u8> {
    let zero = match code {
        0x660..=0x669 => 0x660,
        0x6F0..=0x6F9 => 0x6F0,
        0x66B => return Some(b'.'),
        0x66C => return Some(b','),
        0xFF10..=0xFF19 => 0xFF10,
        0x1CCF0..=0x1CCF9 => 0x1CCF0,
        0x1D7CE..=0x1D7FF => 0x1D7CE,
        0x1FBF0..=0x1FBF9 => 0x1FBF0,
        _ => return None,
    };
    Some(b'0' + ((code - zero) % 10) as u8)
}

/// The characters of Windows-1252 at 0x80 to 0x9F; NUL where it has none. 0x85, its ellipsis, is taken for what Unicode
/// has there, a line break.
const WINDOWS_1252: [char; 32] = [
    '€', '\0', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\0', 'Ž', '\0', '\0', '‘', '’', '“',
    '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\0', 'ž', 'Ÿ',
];

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
        } else if byte >= 0xC2 {
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
