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
use super::special::{Found, Special, next_special, plain_bytes};

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
    /// Sorted, and none touches another's bytes. Their characters are not counted.
    pub(super) changes: Vec<Change>,
}

/// How many tags with everyday names are held against the rest of the text: a bound, so that time stays linear.
const MAX_WORDS: usize = 64;

/// How many tags of links are looked for within other brackets: likewise.
const MAX_NESTED: usize = 64;

/// Cleans a text.
#[inline]
pub(super) fn clean(input: &str) -> Outcome {
    match plain_bytes(input.as_bytes()) {
        None => Outcome { changed: None, placeholder: None },
        Some(plain) => clean_from(input, plain),
    }
}

/// Cleans a text whose first so many bytes are plain. Apart, since all of most texts is.
#[inline(never)]
fn clean_from(input: &str, plain: usize) -> Outcome {
    let mut words = MAX_WORDS;
    let mut start = Start::default();
    let Some((mut found, mut tag)) = start.first_change(input, plain, &mut words) else {
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
            Special::CloseAngle => match tag.take() {
                Some((open, angle)) => pass.close(open, found.at, angle),
                None => pass.close_angle(found.at),
            },
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
    /// Finds the first special character that changes the text, from a byte on; for a `>` with where its `<` stands, and
    /// what stands between them.
    #[inline]
    fn first_change(
        &mut self,
        input: &str,
        mut from: usize,
        words: &mut usize,
    ) -> Option<(Found, Option<(usize, Angle)>)> {
        loop {
            let found = next_special(input, from)?;
            if !matches!(found.special, Special::CloseAngle) {
                return Some((found, None));
            }
            if let Some(open) = last_open(&input.as_bytes()[..found.at], self.settled) {
                match kind_of(&input[..found.at], self.settled, open, &input[found.at..], words) {
                    Angle::Unknown => _ = self.placeholder.get_or_insert(open),
                    angle => return Some((found, Some((open, angle)))),
                }
            }
            self.settled = found.at + found.len;
            from = self.settled;
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
            last.kept += kept;
        } else {
            let change = self.change(kind, at, len, kept);
            self.changes.push(change);
        }
    }

    /// A change of `bytes` from byte `offset` of the input on.
    fn change(&self, kind: ChangeKind, offset: usize, bytes: usize, kept: usize) -> Change {
        Change { kind, offset, bytes, characters: 0, at: self.output.len(), kept, gap: Gap::Words }
    }

    /// Takes the `>` at `at`: with the tag that it ends, with the `<` before an address, or as a character like any
    /// other.
    fn close_angle(&mut self, at: usize) {
        let Some(open) = last_open(self.output.as_bytes(), self.settled) else {
            self.output.push('>');
            self.settled = self.output.len();
            return;
        };
        let angle = kind_of(&self.output, self.settled, open, &self.input[at..], &mut self.words);
        self.close(open, at, angle);
    }

    /// Takes the `>` at `at`, which closes the kept `<` at `open`.
    fn close(&mut self, open: usize, at: usize, angle: Angle) {
        match angle {
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
                change.bytes -= 1;
                self.output.remove(open);
                change.kept = self.output.len() - open;
                self.changes.push(change);
                self.settled = self.output.len();
                self.end_address(change, at);
            }
            tag => {
                let content = &self.output[open + 1..];
                if tag == Angle::Inline
                    && let Some(link) = link_tag(content)
                {
                    return self.link(link, open, at);
                }
                let gap = if tag == Angle::Block { Gap::Lines } else { Gap::Words };
                self.tag(open, at, gap);
            }
        }
    }

    /// Removes the tag from the kept `<` at `open` to the `>` at `at`.
    #[inline]
    fn tag(&mut self, open: usize, at: usize, gap: Gap) {
        let change = Change { gap, ..self.bracketed(ChangeKind::HtmlTag, open, at) };
        self.changes.push(change);
        self.output.truncate(open);
    }

    /// Notes the `>` at `at`, which ends an address or the tag that one stands in place of.
    fn end_address(&mut self, change: Change, at: usize) {
        let gap = Gap::Address;
        let end = Change { offset: at, bytes: 1, at: self.settled, kept: 0, gap, ..change };
        self.changes.push(end);
    }

    /// Removes the tag of a link, from the kept `<` at `open` to the `>` at `at`: a link's address stands behind its
    /// text, or in place of its tag where no end follows.
    fn link(&mut self, tag: LinkTag, open: usize, at: usize) {
        if self.nested == MAX_NESTED || self.link.is_none() && matches!(tag, LinkTag::End) {
            return self.tag(open, at, Gap::Words);
        }
        // Within other brackets it would be part of those.
        let kept = &self.output[..open];
        if kept.ends_with('<') || last_open(kept.as_bytes(), self.settled).is_some() {
            self.nested += 1;
            return self.tag(open, at, Gap::Words);
        }
        self.settled = open;
        // A link ends where another begins.
        let (mut address, mut gap) = (None, Gap::Words);
        if let Some((from, ended)) = self.link.take() {
            if shows(&kept[from..], &ended) { gap = Gap::Address } else { address = Some(ended) }
        }
        let mut begins = None;
        if let LinkTag::Begin(begun) = tag {
            let input = self.input.as_bytes();
            let last_end = *self.last_end.get_or_insert_with(|| {
                let is_end = |four: &[u8]| four.eq_ignore_ascii_case(b"</a>");
                input.windows(4).rposition(is_end).map_or(0, |found| found + 4)
            });
            if last_end > at { begins = Some(begun) } else { address = Some(begun) }
        }
        match address {
            Some(address) => {
                let mut change = self.bracketed(ChangeKind::HtmlTag, open, at);
                change.bytes -= 1;
                self.output.truncate(open);
                self.output.push_str(&address);
                change.kept = address.len();
                self.changes.push(change);
                self.settled = self.output.len();
                self.end_address(change, at);
            }
            None => self.tag(open, at, gap),
        }
        self.link = begins.map(|address| (self.output.len(), address));
    }

    /// The change from the kept `<` at `open` to the `>` at byte `at` of the input; the changes between are part of it.
    fn bracketed(&mut self, kind: ChangeKind, open: usize, at: usize) -> Change {
        while self.changes.pop_if(|change| change.at > open).is_some() {}
        let offset = origin(&self.changes, open);
        let bytes = at + 1 - offset;
        Change { kind, offset, bytes, characters: 0, at: open, kept: 0, gap: Gap::Words }
    }
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
