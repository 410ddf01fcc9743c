//! What stands where something was taken away, so that nothing is joined that was apart.

use super::change::{Change, ChangeKind, Gap};
use super::link::goes_on;

/// Puts a line break where a tag stood between two lines, and a blank where an emoji was removed between words, and
/// anything else between two digits or between a word and an address. A change that gets one keeps it.
pub(super) fn fill(mut text: String, changes: &mut [Change]) -> String {
    let fillers = find(&text, changes);
    // From the end on, so that the places before stay where they are.
    if fillers <= 8 {
        for change in changes.iter().rev() {
            if let Gap::Filled(filler) = change.gap {
                text.insert(change.at, filler);
            }
        }
    } else {
        let mut filled = String::with_capacity(text.len() + fillers);
        let mut copied = 0;
        for change in changes.iter() {
            if let Gap::Filled(filler) = change.gap {
                filled.push_str(&text[copied..change.at]);
                filled.push(filler);
                copied = change.at;
            }
        }
        filled.push_str(&text[copied..]);
        text = filled;
    }
    if fillers > 0 {
        let mut before = 0;
        for change in changes {
            change.at += before;
            before += usize::from(matches!(change.gap, Gap::Filled(_)));
        }
    }
    text
}

/// Finds where a filler is needed, and has the change there keep it; gives how many there are.
fn find(text: &str, changes: &mut [Change]) -> usize {
    let mut lines = Lines { text, seen: 0, ink: false, next: 0 };
    let mut fillers = 0;
    let mut rest = changes;
    while let Some(at) = rest.first().map(|change| change.at) {
        let removed = rest.iter().take_while(|change| change.at == at && change.kept == 0).count();
        // An address in place of its tag belongs to what was removed before it: one filler keeps it apart.
        let address = rest.get(removed).is_some_and(|change| change.at == at && change.is_address());
        let gap = removed + usize::from(address);
        let (here, behind) = rest.split_at_mut(gap.max(1));
        if gap > 0
            && let Some(filler) = filler(at, here, &mut lines)
        {
            here[0].gap = Gap::Filled(filler);
            here[0].kept += 1;
            fillers += 1;
        }
        rest = behind;
    }
    fillers
}

/// What has to stand in place of what was removed at a byte of the cleaned text.
fn filler(at: usize, removed: &[Change], lines: &mut Lines<'_>) -> Option<char> {
    let any = |what: fn(&Change) -> bool| removed.iter().any(what);
    if any(|change| change.gap == Gap::Lines) && lines.are_joined(at) {
        return Some('\n');
    }
    let (before, after) = lines.text.split_at(at);
    let (&last, &first) = (before.as_bytes().last()?, after.as_bytes().first()?);
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\n' | b'\t');
    if is_blank(last) || is_blank(first) {
        return None;
    }
    let (last, first) = (before.chars().next_back()?, after.chars().next()?);
    let ink = !last.is_whitespace();
    let joins = match removed.last().filter(|change| change.is_address()) {
        Some(Change { kind: ChangeKind::Brackets, .. }) => last.is_alphanumeric(),
        Some(_) => ink,
        None => false,
    };
    // An emoji was seen between its neighbours, whatever they are: words, the end of a link and the next sentence.
    let seen = any(|change| change.kind == ChangeKind::Emoji && change.gap == Gap::Words)
        && !"([{<\"'".contains(last);
    if joins || (seen || any(|change| change.gap == Gap::Address)) && ink && goes_on(first) {
        return Some(' ');
    }
    if !(last.is_alphanumeric() && first.is_alphanumeric() && any(|change| change.gap != Gap::None)) {
        return None;
    }
    // A link that begins within a word is none to a phone.
    let link = ["http://", "https://", "www."].iter().any(|start| after.starts_with(start));
    (link || last.is_numeric() && first.is_numeric()).then_some(' ')
}

/// A walk along the lines of a text, each byte once.
struct Lines<'a> {
    text: &'a str,
    seen: usize,
    /// Something else than blanks stands on the line at hand.
    ink: bool,
    /// The next byte that is no blank, as far as it was looked for.
    next: usize,
}

impl Lines<'_> {
    /// True if text stands on both sides of a byte on its line; it is two lines then.
    fn are_joined(&mut self, at: usize) -> bool {
        let blank = |byte: u8| matches!(byte, b' ' | b'\t');
        let part = &self.text.as_bytes()[self.seen..at];
        if let Some(last) = part.iter().rfind(|byte| !blank(**byte)) {
            self.ink = *last != b'\n';
        }
        self.seen = at;
        if !self.ink {
            return false;
        }
        self.next = self.next.max(at);
        while self.text.as_bytes().get(self.next).is_some_and(|byte| blank(*byte)) {
            self.next += 1;
        }
        let joined = self.text.as_bytes().get(self.next).is_some_and(|byte| *byte != b'\n');
        self.ink = !joined;
        joined
    }
}
