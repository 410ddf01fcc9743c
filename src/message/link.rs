//! The address of a link, which its tag holds and its text may not.

use super::element::{is_address, is_host};

/// A tag that a link begins or ends with.
pub(super) enum LinkTag {
    /// `<a href=…>` with an address that says all by itself.
    Begin(String),
    /// `</a>`
    End,
}

/// Tells of what stands between the `<` and `>` of a tag whether a link begins or ends with it.
#[inline]
pub(super) fn link_tag(content: &str) -> Option<LinkTag> {
    match content.as_bytes() {
        [b'/', b'a' | b'A', ..] => content[2..].trim().is_empty().then_some(LinkTag::End),
        [b'a' | b'A', blank, ..] if blank.is_ascii_whitespace() => {
            address(attribute(&content[1..], "href")?).map(LinkTag::Begin)
        }
        _ => None,
    }
}

/// The value of an attribute by the HTML standard (13.2.5.32 and on), its character references left alone.
fn attribute<'a>(attributes: &'a str, wanted: &str) -> Option<&'a str> {
    let blank = |c: char| c.is_ascii_whitespace() || c == '/';
    let mut rest = attributes.trim_start_matches(blank);
    while !rest.is_empty() {
        let end = rest.find(|c| blank(c) || c == '=').unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let Some(value) = behind.trim_ascii_start().strip_prefix('=').map(str::trim_ascii_start) else {
            // At least a blank goes, and with a first `=` that.
            rest = behind.trim_start_matches(blank);
            continue;
        };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (value, behind) = match quote {
            Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            None => value.split_at(value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len())),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value.trim_ascii());
        }
        rest = behind.trim_start_matches(blank);
    }
    None
}

/// What a reader needs of a link's address; nothing of one that leads nowhere outside its page.
fn address(href: &str) -> Option<String> {
    // `//pay.example/abc`, of a page's own scheme.
    let href = href.strip_prefix("//").unwrap_or(href);
    if !(is_address(href) || is_host(href) && !is_page(href)) {
        return None;
    }
    let href = href.replace("&amp;", "&");
    // Whom to write to and whom to call is told without the scheme.
    let (scheme, rest) = href.split_once(':').unwrap_or(("", ""));
    Some(match scheme.to_ascii_lowercase().as_str() {
        "mailto" => rest.split('?').next().unwrap_or_default().to_owned(),
        "tel" => rest.to_owned(),
        _ => href,
    })
}

/// True for the name of a page beside the one at hand, which reads as a host's: `offers.html`.
fn is_page(href: &str) -> bool {
    const ENDS: [&str; 7] = ["html", "htm", "php", "asp", "aspx", "jsp", "pdf"];
    href.rsplit('.').next().is_some_and(|end| ENDS.iter().any(|known| known.eq_ignore_ascii_case(end)))
}

/// True if the text of a link shows its address already.
pub(super) fn shows(text: &str, address: &str) -> bool {
    if address.bytes().all(|b| b.is_ascii_digit() || b"+-.()".contains(&b)) {
        let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
        return digits(text).contains(&digits(address));
    }
    let bare = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    text.contains(bare.unwrap_or(address).trim_end_matches('/'))
}

/// True for what would be read as part of an address that it stands right behind.
pub(super) fn goes_on(c: char) -> bool {
    c.is_alphanumeric() || "/-_=&#%~+@".contains(c)
}
