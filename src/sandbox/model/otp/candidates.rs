//! The digits of a text that may be a code, by their shape and what touches them.

use super::words::{before, is_unit};

/// A number that may be a code, by its place in the text.
pub(super) struct Candidate {
    pub(super) code: String,
    pub(super) start: usize,
    pub(super) end: usize,
    /// It looks like a code by itself: `G-123456`, or the last line of WebOTP.
    pub(super) marked: bool,
    /// It looks like something else, so that only what is said of it makes it a code.
    pub(super) doubtful: bool,
}

/// The candidates, in their order.
pub(super) fn candidates(text: &[char]) -> Vec<Candidate> {
    let groups = groups(text);
    let mut found = Vec::new();
    let mut rest = &groups[..];
    while let [first, ..] = rest {
        let count = cluster(text, rest);
        let (cluster, behind) = rest.split_at(count);
        rest = behind;
        let sizes: Vec<usize> = cluster.iter().map(|group| group.1 - group.0).collect();
        let total: usize = sizes.iter().sum();
        let hyphens = count > 1 && text.get(first.1) == Some(&'-');
        let telephone = before(text, first.0) == Some('+') || (count > 1 && total >= 10);
        match sizes[..] {
            _ if telephone => {}
            _ if count > 1 && total == count => {
                let end = cluster.last().map_or(first.1, |group| group.1);
                found.extend(candidate(text, first.0, end, false));
            }
            // Written in groups to be read aloud. 4 and 4 is how a telephone number is written too.
            [3, 3] | [2, 2, 2] | [4, 4] => {
                let end = cluster.last().map_or(first.1, |group| group.1);
                found.extend(candidate(text, first.0, end, sizes == [4, 4]));
            }
            _ if hyphens => {} // a date, or a number of some other kind
            _ => found.extend(cluster.iter().filter_map(|group| candidate(text, group.0, group.1, false))),
        }
    }
    found
}

/// Where the runs of digits begin and end.
fn groups(text: &[char]) -> Vec<(usize, usize)> {
    let mut groups = Vec::new();
    let mut start = None;
    for (at, c) in text.iter().chain([&' ']).enumerate() {
        match (c.is_ascii_digit(), start) {
            (true, None) => start = Some(at),
            (false, Some(first)) => {
                groups.push((first, at));
                start = None;
            }
            _ => {}
        }
    }
    groups
}

/// How many of the groups stand together, a single space or hyphen between them, the same all along.
fn cluster(text: &[char], groups: &[(usize, usize)]) -> usize {
    let joint = |pair: &[(usize, usize)]| match pair {
        [left, right] if right.0 == left.1 + 1 => {
            text.get(left.1).copied().filter(|c| matches!(c, ' ' | '-'))
        }
        _ => None,
    };
    let Some(first) = groups.get(..2).and_then(joint) else { return 1 };
    1 + groups.windows(2).take_while(|pair| joint(pair) == Some(first)).count()
}

/// A number as a candidate, unless what touches it says that it is something else.
fn candidate(text: &[char], start: usize, end: usize, mut doubtful: bool) -> Option<Candidate> {
    let code: String = text[start..end].iter().filter(|c| c.is_ascii_digit()).collect();
    if !(4..=8).contains(&code.len()) {
        return None;
    }
    let (left, right) = (before(text, start), text.get(end).copied());
    let is_digit = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(char::is_ascii_digit);
    // A date has no part of five digits: `123456/5 min`.
    let slash = |c| matches!(c, Some('/' | '\\')) && code.len() <= 4;
    let part_of =
        |c: Option<char>, beyond| (matches!(c, Some('.' | ',' | ':' | '-')) || slash(c)) && is_digit(beyond);
    // `G-123456`, `INV-48213`, `OTP-654321`, `OTP123456`.
    let joined = match left {
        Some('-') => letters_before(text, start - 1),
        _ => letters_before(text, start),
    };
    let named = ["code", "otp", "pin", "passcode", "password"].contains(&joined.as_str());
    let short_prefix = left == Some('-') && (1..=2).contains(&joined.len());
    let in_bold = left == Some('*') && right == Some('*') && before(text, start - 1) != Some('*');
    let named_by_sign = matches!(left, Some('=' | '/')) && is_named(text, start);
    if left.is_some_and(|c| "+$€£_*•/@&?=".contains(c) && !in_bold && !named_by_sign)
        || (!joined.is_empty() && !named && !short_prefix)
        || right.is_some_and(|c| c.is_ascii_alphabetic() || "_@".contains(c))
        || part_of(left, start.checked_sub(2))
        || part_of(right, Some(end + 1))
        || is_unit(text, end)
        || in_link(text, start)
    {
        return None;
    }
    let marked = match left {
        Some('-') => short_prefix,
        // `@example.com #123456`
        Some('#') => word_before(text, start - 1).starts_with('@'),
        _ => false,
    };
    doubtful |= is_year(&code) || is_date(&code);
    Some(Candidate { code, start, end, marked, doubtful: doubtful && !marked })
}

fn is_year(code: &str) -> bool {
    code.len() == 4 && (code.starts_with("19") || code.starts_with("20"))
}

/// `20260125`
fn is_date(code: &str) -> bool {
    let part = |from: usize, to: usize| code.get(from..to).and_then(|part| part.parse::<u32>().ok());
    code.len() == 8
        && code.get(..4).is_some_and(is_year)
        && part(4, 6).is_some_and(|month| (1..=12).contains(&month))
        && part(6, 8).is_some_and(|day| (1..=31).contains(&day))
}

/// `code=123456` and `OTP/123456`, and not `v?c=123456`.
fn is_named(text: &[char], start: usize) -> bool {
    !in_link(text, start)
        && start.checked_sub(2).and_then(|at| text.get(at)).is_some_and(|c| c.is_alphabetic())
}

/// The ASCII letters that end right before a place.
fn letters_before(text: &[char], at: usize) -> String {
    let mut letters: Vec<char> =
        text[..at].iter().rev().take_while(|c| c.is_ascii_alphabetic()).copied().collect();
    letters.reverse();
    letters.into_iter().collect()
}

fn word_before(text: &[char], at: usize) -> String {
    let words: String = text[..at].iter().collect();
    words.split_whitespace().next_back().unwrap_or_default().to_owned()
}

/// True inside an address: what stands before the number in its word, or right behind it, is one.
fn in_link(text: &[char], at: usize) -> bool {
    let start = text[..at].iter().rposition(|c| c.is_whitespace()).map_or(0, |space| space + 1);
    let head: String = text[start..at].iter().collect();
    let word: String = text[start..].iter().take_while(|c| !c.is_whitespace()).collect();
    word.contains("://")
        || head.starts_with("www.")
        || (head.contains('.') && (head.contains('/') || head.contains('?')))
}
