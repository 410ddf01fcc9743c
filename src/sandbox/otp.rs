//! The one-time code in a text.

/// The most likely code of a text, in ASCII digits.
pub(super) fn find(text: &str) -> Option<String> {
    let mut run = String::new();
    for c in text.chars().chain([' ']) {
        match c.to_digit(10) {
            Some(_) => run.push(c),
            None if (4..=8).contains(&run.len()) => return Some(run),
            None => run.clear(),
        }
    }
    None
}
