//! What is taken out of a text before it is sent.
//!
//! One pass, left to right, over the input; no text is looked at twice:
//!
//! - runs of plain characters are skipped, or copied whole once something has changed;
//! - hidden characters and emoji are left out, digits of Arabic and styled ones become ASCII digits;
//! - a `>` closes the nearest `<` still open in what has been *kept* so far, so a tag that only appears once something
//!   inside it is gone is seen too, and cleaning a cleaned text changes nothing.
//!
//! Then, where something went, a blank or a line break is put if it would join what was apart.

use std::borrow::Cow;

use super::change::{Change, ChangeKind, Gap};
use super::element::{Angle, angle, closed_word, closes, opens};
use super::gaps;
use super::link::{LinkTag, link_tag, shows};
use super::special::{Found, Special, next_special};

/// Removes from a text what the gateway chokes on, and leaves the rest as it is.
///
/// | what | why | becomes |
/// | --- | --- | --- |
/// | Arabic-Indic, Persian and styled digits (full-width, bold, …), and the separators of Arabic ones | codes are to be read and pasted everywhere | ASCII digits, `.` and `,` |
/// | emoji, flags, keycap marks | the message stays in the queue and is not sent | nothing |
/// | hidden and control characters, but `\n` and tab | as emoji, and they make the text Unicode | nothing |
/// | vertical tab, form feed, lone `\r`, U+0085, U+2028, U+2029 | they stand between lines | a line break |
/// | other characters of U+0080 to U+009F | Windows-1252 that was read as Latin-1 | what they are: `€`, `’`, `–` |
/// | HTML tags | the gateway refuses them with ERR027 | nothing; the text between them stays |
/// | the brackets of `<https://…>` and `<support@example.com>` | as tags | nothing; the address stays |
/// | the tags of `<a href="https://…">here</a>` | as tags | `here https://…`; nothing where the text shows the address |
///
/// Removing joins nothing that was apart: an emoji between two words, or behind a link, leaves a blank, as does anything
/// else between two digits or between a word and an address (`https://…`); a tag that stands between lines (`<br>`, `</p>`, `<li>`, …) leaves a line break if text stands on both sides
/// of it. `\r\n` becomes `\n`. © ® ™ are no emoji here.
///
/// A tag begins with a `<` that opens one by the HTML standard (the next character is an ASCII letter, `/`, `!` or
/// `?`) and ends with the next `>`: `5 < 6 > 4`, `<>` and `price <5KD` stay, and so does a `<b` that no `>` follows.
/// What is no element of HTML stays, too, `<Name>`: a placeholder that nobody filled in, and
/// [`MessageText::new`](crate::MessageText::new) refuses it. So does an element whose name is an everyday word and
/// that is never closed, `<code>`. `if a <b and c> d` does lose `<b and c>`:
/// [`MessageText::changes`](crate::MessageText::changes) tells.
///
/// Nothing is allocated when nothing changes. The time is linear in the length of the text, whatever is in it, and
/// cleaning a cleaned text changes nothing.
///
/// ```
/// use kwtsms_async::clean_message;
///
/// assert_eq!(clean_message("رمزك: ١٢٣٤ 🎉<br>"), "رمزك: 1234 ");
/// assert_eq!(clean_message("Code 1234<br>98765432 for help"), "Code 1234\n98765432 for help");
/// assert_eq!(clean_message("Pay: <https://pay.example/abc>"), "Pay: https://pay.example/abc");
/// assert_eq!(clean_message("<a href='https://pay.example/abc'>Pay</a> now"), "Pay https://pay.example/abc now");
/// assert_eq!(clean_message("5 < 6 > 4"), "5 < 6 > 4");
/// ```
#[must_use]
pub fn clean_message(text: &str) -> Cow<'_, str> {
    clean(text).changed.map_or(Cow::Borrowed(text), |cleaned| Cow::Owned(cleaned.text))
}

/// What came of a text.
pub(super) struct Outcome {
    /// `None` if nothing changes.
    pub(super) changed: Option<Cleaned>,
    /// The byte of the original at which the first `<…>` stands that is neither tag nor address.
    pub(super) placeholder: Option<usize>,
}

/// A text that cleaning changed.
pub(super) struct Cleaned {
    pub(super) text: String,
    /// Sorted, and none touches another's bytes.
    pub(super) changes: Vec<Change>,
}

/// How many tags with everyday names are held against the rest of the text: a bound, so that time stays linear.
const MAX_WORDS: usize = 64;

/// How many tags of links are looked for within other brackets: likewise.
const MAX_NESTED: usize = 64;

/// Cleans a text.
#[inline]
pub(super) fn clean(input: &str) -> Outcome {
    let mut words = MAX_WORDS;
    let mut start = Start::default();
    let Some(mut found) = start.first_change(input, &mut words) else {
        return Outcome { changed: None, placeholder: start.placeholder };
    };
    let mut output = String::with_capacity(input.len());
    output.push_str(&input[..found.at]);
    let Start { settled, placeholder } = start;
    let mut pass = Pass {
        input,
        output,
        changes: Vec::with_capacity(16),
        settled,
        placeholder,
        words,
        link: None,
        last_end: None,
        nested: 0,
    };
    loop {
        match found.special {
            Special::CloseAngle => pass.close_angle(found.at),
            Special::Removed(kind) => pass.record(kind, &found, 0),
            Special::Digit(ascii) => {
                pass.record(ChangeKind::Digit, &found, 1);
                pass.output.push(char::from(ascii));
                // Arabic digits come in runs, which need no search.
                while let Some(&[0xD9, last @ 0xA0..=0xA9]) =
                    input.as_bytes()[found.at + found.len..].first_chunk()
                {
                    found = Found { at: found.at + found.len, len: 2, ..found };
                    pass.record(ChangeKind::Digit, &found, 1);
                    pass.output.push(char::from(last - 0xA0 + b'0'));
                }
            }
            Special::LineBreak if input[found.at..].starts_with("\r\n") => {
                pass.record(ChangeKind::Hidden, &found, 0)
            }
            Special::LineBreak => {
                pass.record(ChangeKind::LineBreak, &found, 1);
                pass.output.push('\n');
            }
            Special::Windows1252(c) => {
                pass.record(ChangeKind::Windows1252, &found, c.len_utf8());
                pass.output.push(c);
            }
        }
        let rest = found.at + found.len;
        let Some(next) = next_special(input, rest) else {
            pass.output.push_str(&input[rest..]);
            let Pass { output, mut changes, placeholder, .. } = pass;
            let text = gaps::fill(output, &mut changes);
            return Outcome { changed: Some(Cleaned { text, changes }), placeholder };
        };
        if rest < next.at {
            pass.output.push_str(&input[rest..next.at]);
        }
        found = next;
    }
}

/// What is known of a text before anything in it has changed.
#[derive(Default)]
struct Start {
    /// As [`Pass::settled`].
    settled: usize,
    placeholder: Option<usize>,
}

impl Start {
    /// Finds the first special character that changes the text.
    #[inline]
    fn first_change(&mut self, input: &str, words: &mut usize) -> Option<Found> {
        let mut at = 0;
        loop {
            let found = next_special(input, at)?;
            if !matches!(found.special, Special::CloseAngle) {
                return Some(found);
            }
            if let Some(open) = last_open(&input.as_bytes()[..found.at], self.settled) {
                let left = *words;
                match kind_of(&input[..found.at], self.settled, open, &input[found.at..], words) {
                    Angle::Unknown => _ = self.placeholder.get_or_insert(open),
                    _ => {
                        *words = left; // it is looked at again
                        return Some(found);
                    }
                }
            }
            at = found.at + found.len;
            self.settled = at;
        }
    }
}

/// Tells what stands from the `<` at `open` to the end of what is kept, with a look at the text behind where the name
/// alone does not tell.
fn kind_of(kept: &str, settled: usize, open: usize, behind: &str, words: &mut usize) -> Angle {
    let content = &kept[open + 1..];
    match angle(content) {
        Angle::Word if *words > 0 => {
            *words -= 1;
            if closes(behind, content) { closed_word(content) } else { Angle::Unknown }
        }
        Angle::Word => closed_word(content),
        // Within other brackets an address without its own would be part of those.
        Angle::Address
            if kept[..open].ends_with('<') || last_open(&kept.as_bytes()[..open], settled).is_some() =>
        {
            Angle::Unknown
        }
        other => other,
    }
}

struct Pass<'a> {
    input: &'a str,
    /// What is kept so far.
    output: String,
    changes: Vec<Change>,
    /// Nothing is open in the kept text before this byte. It bounds the search for an opening `<`: every byte is
    /// searched twice at most, since it is then removed with its tag or settled.
    settled: usize,
    placeholder: Option<usize>,
    words: usize,
    /// Where in the kept text the text of the link at hand begins, and its address.
    link: Option<(usize, String)>,
    /// Behind the last `</a>` of the input, once that was looked for.
    last_end: Option<usize>,
    /// How many tags of links were found within other brackets.
    nested: usize,
}

/// What a tag is to links.
#[derive(Default)]
struct Links {
    /// The address that stands in the tag's place.
    address: Option<String>,
    /// A link ends whose text shows its address.
    shown: bool,
    /// The address of the link that begins.
    begins: Option<String>,
}

impl Pass<'_> {
    /// Notes one changed character, as part of the change before it where the two belong together; `kept` is how many
    /// bytes are about to be put in its place.
    #[inline]
    fn record(&mut self, kind: ChangeKind, &Found { at, len, .. }: &Found, kept: usize) {
        if let Some(last) = self.changes.last_mut()
            && last.end() == at
            && let Some(joined) = Change::joined(last.kind, kind)
        {
            last.kind = joined;
            last.bytes += len;
            last.characters += 1;
            last.kept += kept;
        } else {
            self.changes.push(self.change(kind, at, len, 1, kept));
        }
    }

    fn change(
        &self,
        kind: ChangeKind,
        offset: usize,
        bytes: usize,
        characters: usize,
        kept: usize,
    ) -> Change {
        Change { kind, offset, bytes, characters, at: self.output.len(), kept, gap: Gap::Words }
    }

    /// Takes the `>` at `at`: with the tag that it ends, with the `<` before an address, or as a character like any
    /// other.
    fn close_angle(&mut self, at: usize) {
        let Some(open) = last_open(self.output.as_bytes(), self.settled) else {
            self.output.push('>');
            self.settled = self.output.len();
            return;
        };
        match kind_of(&self.output, self.settled, open, &self.input[at..], &mut self.words) {
            Angle::Unknown => {
                let before =
                    self.changes.iter().rposition(|change| change.at <= open).map_or(0, |last| last + 1);
                // What goes from right behind another open `<` leaves nothing: it would open no more, and this one would
                // stand alone.
                let kept = &self.output[..open];
                let outer = match kept.strip_suffix('<') {
                    Some(before) => Some(before.len()),
                    None => last_open(kept.as_bytes(), self.settled),
                };
                let behind = outer.map_or(0, |outer| outer + 1);
                let touching = self.changes[..before].iter_mut().rev();
                touching
                    .take_while(|change| change.at >= behind)
                    .filter(|change| change.at == behind && outer.is_some())
                    .for_each(|change| change.gap = Gap::None);
                let (before, inside) = self.changes.split_at_mut(before);
                // A blank would make another name of it.
                inside.iter_mut().for_each(|change| change.gap = Gap::None);
                self.placeholder.get_or_insert(origin(before, open));
                self.output.push('>');
                self.settled = self.output.len();
            }
            Angle::Address => {
                let mut change = self.bracketed(ChangeKind::Brackets, open, at);
                (change.bytes, change.characters) = (change.bytes - 1, change.characters - 1);
                self.output.remove(open);
                change.kept = self.output.len() - open;
                self.changes.push(change);
                self.settled = self.output.len();
                self.end_address(change, at);
            }
            tag => {
                let Links { address, shown, begins } = self.link(open, at);
                let mut change = self.bracketed(ChangeKind::HtmlTag, open, at);
                self.output.truncate(open);
                if let Some(address) = address {
                    (change.bytes, change.characters) = (change.bytes - 1, change.characters - 1);
                    self.output.push_str(&address);
                    change.kept = address.len();
                    self.changes.push(change);
                    self.settled = self.output.len();
                    self.end_address(change, at);
                } else {
                    if tag == Angle::Block {
                        change.gap = Gap::Lines;
                    } else if shown {
                        change.gap = Gap::Address;
                    }
                    self.changes.push(change);
                }
                if let Some(address) = begins {
                    self.link = Some((self.output.len(), address));
                }
            }
        }
    }

    /// Notes the `>` at `at`, which ends an address or the tag that one stands in place of.
    fn end_address(&mut self, change: Change, at: usize) {
        let gap = Gap::Address;
        let end = Change { offset: at, bytes: 1, characters: 1, at: self.settled, kept: 0, gap, ..change };
        self.changes.push(end);
    }

    /// What the tag from the kept `<` at `open` to the `>` at `at` is to links: a link's address stands behind its
    /// text, or in place of its tag where no end follows.
    fn link(&mut self, open: usize, at: usize) -> Links {
        let mut links = Links::default();
        let Some(tag) = link_tag(&self.output[open + 1..]) else { return links };
        if self.nested == MAX_NESTED || self.link.is_none() && matches!(tag, LinkTag::End) {
            return links;
        }
        // Within other brackets it would be part of those.
        let kept = &self.output[..open];
        if kept.ends_with('<') || last_open(kept.as_bytes(), self.settled).is_some() {
            self.nested += 1;
            return links;
        }
        self.settled = open;
        // A link ends where another begins.
        if let Some((from, address)) = self.link.take() {
            links.shown = shows(&kept[from..], &address);
            links.address = (!links.shown).then_some(address);
        }
        if let LinkTag::Begin(address) = tag {
            let input = self.input.as_bytes();
            let last_end = *self.last_end.get_or_insert_with(|| {
                let is_end = |four: &[u8]| four.eq_ignore_ascii_case(b"</a>");
                input.windows(4).rposition(is_end).map_or(0, |found| found + 4)
            });
            if last_end > at { links.begins = Some(address) } else { links.address = Some(address) }
        }
        links
    }

    /// The change from the kept `<` at `open` to the `>` at byte `at` of the input; the changes between are part of it.
    fn bracketed(&mut self, kind: ChangeKind, open: usize, at: usize) -> Change {
        // Counted from what is kept and what went, never over the input again: tags may stand in tags.
        let mut characters = characters(&self.output.as_bytes()[open..]) + 1;
        while let Some(inside) = self.changes.pop_if(|change| change.at > open) {
            // What was replaced was so one by one.
            characters += if inside.kept == 0 { inside.characters } else { 0 };
        }
        let offset = origin(&self.changes, open);
        Change { kind, offset, bytes: at + 1 - offset, characters, at: open, kept: 0, gap: Gap::Words }
    }
}

/// Counts characters, of which there are few.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

/// The byte of the input from which a kept `<` comes, from the changes before it.
fn origin(before: &[Change], kept: usize) -> usize {
    before.last().map_or(kept, |last| last.end() + (kept - last.at - last.kept))
}

/// Finds the last `<` from byte `from` on that opens something.
fn last_open(kept: &[u8], from: usize) -> Option<usize> {
    let mut end = kept.len();
    while let Some(found) = kept.get(from..end)?.iter().rposition(|&byte| byte == b'<') {
        let open = from + found;
        if opens(&kept[open + 1..]) {
            return Some(open);
        }
        end = open;
    }
    None
}
