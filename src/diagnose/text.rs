//! One text: what would get it stuck or refused, and what it takes. Characters are named, the text is not repeated.

use super::check::{Check, few};
use super::names;
use crate::code::ApiCode;
use crate::message::{Change, ChangeKind, Encoding, MessageText, TextError};

/// The pages of a text that can be sent.
pub(super) fn pages_of(text: &str) -> Option<usize> {
    MessageText::new(text).ok().map(|text| text.pages())
}

pub(super) fn checks(given: &str) -> [Check; 2] {
    match MessageText::new(given) {
        Ok(text) => [cleaned(given, &text), pages(&text)],
        Err(error) => [refused(given, error), Check::skipped(names::PAGES, "the text is not usable")],
    }
}

fn refused(given: &str, error: TextError) -> Check {
    let code = match error {
        TextError::Empty => ApiCode::ERR009,
        TextError::TooManyPages { .. } => ApiCode::ERR012,
        TextError::Placeholder { offset } => {
            let place = character(given, offset);
            return Check::failed(
                names::TEXT,
                format!("a <...> at character {place} is no HTML tag: a placeholder that was not filled in?"),
                "fill it in, or put a blank behind a < that is meant as one",
            );
        }
    };
    Check::failed(names::TEXT, error.to_string(), code.action())
}

/// What cleaning changed.
fn cleaned(given: &str, text: &MessageText) -> Check {
    const NAME: &str = names::TEXT;
    if let Some(warning) = text.warning() {
        let action = if text.is_probably_unfilled() && !text.is_probably_lost() {
            "write what is to be read in its place"
        } else {
            "see in which encoding the text is kept, and what it says"
        };
        return Check::warning(NAME, warning, action);
    }
    let name = |change: &Change| {
        let (what, becomes) = match change.kind() {
            ChangeKind::Emoji => ("emoji", "removed"),
            ChangeKind::Hidden => ("hidden characters", "removed"),
            ChangeKind::HtmlTag => ("an HTML tag", "removed"),
            ChangeKind::Brackets => ("brackets around an address", "removed"),
            ChangeKind::Digit => ("digits", "written as 0 to 9"),
            ChangeKind::LineBreak => ("a separator of lines", "written as a line break"),
            ChangeKind::Windows1252 => ("control characters", "read as Windows-1252"),
        };
        format!("{what} at character {} ({becomes})", character(given, change.range().start))
    };
    let is_stuck = |change: &&Change| matches!(change.kind(), ChangeKind::Emoji | ChangeKind::Hidden);
    let is_refused = |change: &&Change| change.kind() == ChangeKind::HtmlTag;
    let changes: Vec<_> = text.changes().iter().map(name).collect();
    let mut would = Vec::new();
    if text.changes().iter().any(|change| is_stuck(&change)) {
        would.push("get stuck in the gateway's queue");
    }
    if text.changes().iter().any(|change| is_refused(&change)) {
        would.push("be refused (ERR027)");
    }
    let changes = few(&changes, 6);
    match (changes.is_empty(), would.as_slice()) {
        (true, _) => Check::ok(NAME, "nothing in it gets stuck, and nothing is changed"),
        (false, []) => {
            Check::ok(NAME, format!("nothing in it gets stuck; changed before it is sent: {changes}"))
        }
        (false, would) => Check::warning(
            NAME,
            format!("changed before it is sent: {changes}; as it was given it would {}", would.join(" and ")),
            "nothing, if it reads well without; a program that does not use this SDK has to take it out itself",
        ),
    }
}

fn pages(text: &MessageText) -> Check {
    const NAME: &str = names::PAGES;
    let pages = |count: usize| if count == 1 { "1 page".to_owned() } else { format!("{count} pages") };
    let (used, room) = text.last_page();
    let which = if text.pages() > 1 { " on the last" } else { "" };
    let of_room = format!("{used} of {room} filled{which}");
    if text.encoding() == Encoding::Gsm7 {
        return Check::ok(NAME, format!("{} in GSM-7, {of_room}", pages(text.pages())));
    }
    let forced: Vec<_> = text.forced_ucs2().collect();
    let (letters, others): (Vec<_>, Vec<_>) = forced.iter().partition(|(_, c)| is_letter(*c));
    let place = |at: usize| character(text.as_str(), at);
    let mut why: Vec<_> = Vec::new();
    if let Some((at, c)) = letters.first() {
        let script = if is_arabic(*c) { "Arabic letters" } else { "letters beyond the GSM alphabet" };
        why.push(format!("{script} from character {} on", place(*at)));
    }
    why.extend(others.iter().map(|(at, c)| format!("{} at character {}", named(*c), place(*at))));
    let seen = format!("{} in UCS-2, {of_room}, because of {}", pages(text.pages()), few(&why, 6));
    // What could be had without those that no language needs.
    let plain: String =
        text.as_str().chars().map(|c| if others.iter().any(|(_, o)| *o == c) { '-' } else { c }).collect();
    match pages_of(&plain).filter(|plain| letters.is_empty() && *plain < text.pages()) {
        Some(fewer) => Check::warning(
            NAME,
            seen,
            format!("write them as plain ASCII (' \" - ...): the text then takes {}", pages(fewer)),
        ),
        None => Check::ok(NAME, seen),
    }
}

/// Which character, counted from 1, begins at a byte.
fn character(text: &str, byte: usize) -> usize {
    text.get(..byte).map_or(0, |before| before.chars().count()) + 1
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() || is_arabic(c)
}

/// Letters and marks, with those of the presentation forms.
fn is_arabic(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}' | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}

fn named(c: char) -> String {
    let code = u32::from(c);
    match c {
        '\t' => format!("a tab (U+{code:04X})"),
        c if c.is_whitespace() || c.is_control() => format!("U+{code:04X}"),
        c => format!("{c} (U+{code:04X})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::CheckStatus;

    #[test]
    fn what_cleaning_changes_is_told_with_its_place_and_what_it_would_have_done() {
        for (given, status, words) in [
            ("Hello", CheckStatus::Ok, &["nothing in it gets stuck, and nothing is changed"][..]),
            ("رمزك ١٢٣", CheckStatus::Ok, &["digits at character 6 (written as 0 to 9)"]),
            ("é 🎉 b", CheckStatus::Warning, &["emoji at character 3 (removed)", "get stuck"]),
            ("a\u{200b}b", CheckStatus::Warning, &["hidden characters at character 2", "get stuck"]),
            ("Hi <b>there", CheckStatus::Warning, &["an HTML tag at character 4", "be refused (ERR027)"]),
            ("<b>🎉 hi", CheckStatus::Warning, &["get stuck in the gateway's queue and be refused"]),
            ("Dear <Name>", CheckStatus::Failed, &["a <...> at character 6", "placeholder"]),
            ("🎉", CheckStatus::Failed, &["empty"]),
            (&"a".repeat(2_000), CheckStatus::Failed, &["14 pages"]),
            ("???? ??????", CheckStatus::Warning, &["question marks"]),
        ] {
            let [text, _] = checks(given);
            assert_eq!(text.status(), status, "{text:?}");
            for word in words {
                assert!(text.seen().contains(word), "{text:?}");
            }
            let is_bad = matches!(status, CheckStatus::Warning | CheckStatus::Failed);
            assert_eq!(text.action().is_some(), is_bad, "{text:?}");
        }
    }

    #[test]
    fn what_forces_ucs_2_is_named_and_weighed() {
        let long = "a".repeat(100);
        for (given, status, seen, action) in [
            ("Hello", CheckStatus::Ok, "1 page in GSM-7, 5 of 160", ""),
            ("Don’t wait…", CheckStatus::Ok, "’ (U+2019) at character 4, … (U+2026) at character 11", ""),
            (
                &format!("Don’t {long}"),
                CheckStatus::Warning,
                "2 pages in UCS-2",
                "the text then takes 1 page",
            ),
            (&format!("a\tb {long}"), CheckStatus::Warning, "a tab (U+0009) at character 2", "1 page"),
            ("مرحبا", CheckStatus::Ok, "because of Arabic letters from character 1 on", ""),
            (&format!("Hi مرحبا’ {long}"), CheckStatus::Ok, "Arabic letters from character 4 on, ’", ""),
            ("Ħello", CheckStatus::Ok, "letters beyond the GSM alphabet from character 1", ""),
        ] {
            let [_, pages] = checks(given);
            assert_eq!(pages.status(), status, "{pages:?}");
            assert!(pages.seen().contains(seen), "{pages:?}");
            assert!(pages.action().unwrap_or_default().contains(action), "{pages:?}");
        }
    }
}
