//! What a template or a web page leaves in a text that nobody filled in.

/// True if a placeholder in the syntax of some template stands in a text, or what a program writes for nothing.
pub(super) fn has_placeholder(text: &str) -> bool {
    // Of the same sign at both ends, and with nothing but a name between them.
    const PAIRS: [(&str, &str); 9] = [
        ("{{", "}}"),
        ("{%", "%}"),
        ("[[", "]]"),
        ("*|", "|*"),
        ("{", "}"),
        ("%", "%"),
        ("#", "#"),
        ("@@", "@@"),
        ("__", "__"),
    ];
    PAIRS.iter().any(|(open, close)| has_name_between(text, open, close))
        || text.contains("<%")
        || text.contains("[object Object]")
        || has_verb(text)
        || words(text).any(|word| matches!(word, "undefined" | "null" | "NaN"))
}

/// True if a character stands in a text as HTML writes it: `&amp;`, `&#1605;`.
pub(super) fn has_entity(text: &str) -> bool {
    text.match_indices('&').any(|(at, _)| {
        let rest = &text[at + 1..];
        let Some(end) = rest.as_bytes().iter().take(9).position(|byte| *byte == b';') else { return false };
        let name = &rest[..end];
        match name.strip_prefix('#') {
            Some(code) => {
                let hex = code.strip_prefix(['x', 'X']);
                let digits = hex.unwrap_or(code);
                !digits.is_empty() && digits.chars().all(|c| c.is_digit(if hex.is_some() { 16 } else { 10 }))
            }
            None => name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        }
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

/// The longest name that is looked for, in bytes.
const LONGEST: usize = 64;

fn has_name_between(text: &str, open: &str, close: &str) -> bool {
    text.match_indices(open).any(|(at, _)| {
        let inside = &text[at + open.len()..];
        let Some(end) = inside.find(close).filter(|end| *end <= LONGEST) else { return false };
        let (name, behind) = (&inside[..end], &inside[end + close.len()..]);
        if open == close {
            // `50% off, 20%`, `#sale#now`: a word of its own, written without blanks.
            let alone =
                !text[..at].ends_with(char::is_alphanumeric) && !behind.starts_with(char::is_alphanumeric);
            return alone && is_name(name);
        }
        let name = name.trim().trim_start_matches(['$', '!', '#', '/', '^', '%', '&']);
        let name = name.split(['|', ':', '?']).next().unwrap_or_default();
        !name.is_empty() && name.split_whitespace().all(is_name_or_place)
    })
}

/// `name`, `first_name`, `contact.name`, الاسم.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_') && is_name_or_place(name)
}

/// The same, or the place of an argument: `0`.
fn is_name_or_place(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']'))
}

/// What `printf` and its kin fill in, as words: `%s`, `%1$s`, `%(name)s`; and a shell's `${name}` and `$name`.
fn has_verb(text: &str) -> bool {
    let mut before = None;
    text.char_indices().any(|(at, c)| {
        let alone = !before.replace(c).is_some_and(char::is_alphanumeric);
        let rest = &text[at + c.len_utf8()..];
        let place = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '%');
        alone
            && match c {
                '$' => rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '_'),
                '%' => {
                    let numbered = place.len() < rest.len();
                    let verb = if numbered { place.strip_prefix('$') } else { Some(rest) };
                    let verb = verb.map(|verb| match verb.strip_prefix('(') {
                        Some(named) => named.split_once(')').map_or("", |(_, verb)| verb),
                        None => verb,
                    });
                    verb.is_some_and(|verb| verb.strip_prefix(['s', 'd', '@']).is_some_and(ends))
                }
                _ => false,
            }
    })
}
