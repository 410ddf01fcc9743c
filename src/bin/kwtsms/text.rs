//! Texts as they are handed in, and what is said of them.

use std::io::{IsTerminal, Read};
use std::path::Path;

use kwtsms_async::{ChangeKind, Encoding, MessageText};
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::output::Out;

/// The most bytes of a text that are read: 7 pages are 3 KB, and what is cut from a text counts, too.
const MAX_BYTES: u64 = 1024 * 1024;

/// Reads a text from a file as editors write it: with a byte order mark, CRLF, and a line break at its end.
pub(crate) fn from_file(file: &Path) -> Result<String, Failure> {
    if file == Path::new("-") {
        return from_stdin();
    }
    let cannot = |error| Failure::usage_from(format!("{} cannot be read", file.display()), &error);
    read(std::fs::File::open(file).map_err(cannot)?, &file.display().to_string())
}

/// Reads a text from standard input, which must not be a terminal that nobody expects to be read.
pub(crate) fn from_stdin() -> Result<String, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage("no text was given").action(
            "put it in quotes as the last argument, or give it by --message-file or standard input",
        ));
    }
    read(stdin.lock(), "standard input")
}

fn read(source: impl Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage_from(format!("{name} cannot be read"), &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::usage(format!("{name} holds over 1 MiB, which is no text message")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(format!("{name} is not UTF-8")).action("save the text as UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.trim_end_matches(['\n', '\r']).replace("\r\n", "\n"))
}

/// The text of an argument; standard input for `-` and for none.
pub(crate) fn given(text: Option<String>) -> Result<String, Failure> {
    match text {
        Some(text) if text != "-" => Ok(text),
        _ => from_stdin(),
    }
}

/// What cleaning did and what a text takes, for people.
pub(crate) fn describe(original: &str, text: &MessageText, out: &mut Out) {
    for change in text.changes() {
        let (verb, what) = match change.kind() {
            ChangeKind::Emoji => ("removed", "emoji"),
            ChangeKind::Hidden => ("removed", "hidden characters"),
            ChangeKind::HtmlTag => ("removed", "HTML tag"),
            ChangeKind::Brackets => ("removed", "brackets around an address"),
            ChangeKind::Digit => ("written as 0 to 9", "digits"),
            ChangeKind::LineBreak => ("written as a line break", "separator of lines"),
            ChangeKind::Windows1252 => ("read as Windows-1252", "control characters"),
            _ => ("changed", "characters"),
        };
        let range = change.range();
        let place = original.get(..range.start).map_or(0, |before| before.chars().count()) + 1;
        let was = original.get(range).unwrap_or_default();
        out.line(format_args!("  Changed at character {place}: {what} {verb}: {}", visible(was)));
    }
    let name = if text.encoding() == Encoding::Gsm7 { "GSM-7" } else { "UCS-2" };
    let which = if text.pages() > 1 { "the last page" } else { "a page" };
    let (last, room) = text.last_page();
    out.line(format_args!("  Pages: {}  |  Encoding: {name}  |  {last} of {room} on {which}", text.pages()));
    let forced: Vec<_> = text.forced_ucs2().collect();
    if let Some((at, _)) = forced.first() {
        let place = text.as_str().get(..*at).map_or(0, |before| before.chars().count()) + 1;
        let first: String =
            forced.iter().take(8).map(|(_, c)| format!(" {}", visible(&c.to_string()))).collect();
        let more = if forced.len() > 8 { " …" } else { "" };
        out.line(format_args!("  UCS-2 because of:{first}{more} (first at character {place})"));
    }
    if let Some(warning) = text.warning() {
        out.line(format_args!("  Warning: {warning}"));
    }
}

/// The same for programs.
pub(crate) fn document(text: &MessageText) -> Value {
    let changes: Vec<_> = text
        .changes()
        .iter()
        .map(|change| {
            json!({
                "kind": match change.kind() {
                    ChangeKind::Emoji => "emoji",
                    ChangeKind::Hidden => "hidden",
                    ChangeKind::HtmlTag => "html_tag",
                    ChangeKind::Brackets => "brackets",
                    ChangeKind::Digit => "digit",
                    ChangeKind::LineBreak => "line_break",
                    ChangeKind::Windows1252 => "windows_1252",
                    _ => "other",
                },
                "byte": change.range().start,
                "characters": change.characters(),
            })
        })
        .collect();
    json!({
        "text": text.as_str(),
        "changes": changes,
        "encoding": if text.encoding() == Encoding::Gsm7 { "GSM-7" } else { "UCS-2" },
        "units": text.units(),
        "pages": text.pages(),
        "forced_ucs2": text.forced_ucs2().map(|(_, c)| c.to_string()).collect::<Vec<_>>(),
        "warning": text.warning(),
    })
}

/// A piece of text with its invisible characters named.
fn visible(text: &str) -> String {
    let mut shown = String::from("\"");
    for c in text.chars().take(40) {
        let hidden = c.is_control() || c.is_whitespace() && c != ' ' || is_invisible(c);
        if hidden { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown.push_str(if text.chars().count() > 40 { "…\"" } else { "\"" });
    shown
}

/// Marks without a shape of their own, which cleaning removes or a page counter stumbles over.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// A text on one line, for a summary.
pub(crate) fn on_one_line(text: &str) -> String {
    text.replace('\n', "⏎")
}
