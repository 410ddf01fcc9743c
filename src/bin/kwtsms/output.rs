//! Standard output for what was asked for, standard error for all else.

use std::fmt::Display;
use std::io::{self, Write};

use console::{StyledObject, Term, style};
use indicatif::ProgressBar;
use serde_json::Value;

/// Where results go.
///
/// A reader that went away (`kwtsms … | head`) is no reason to stop a send or to panic: from then on nothing is
/// written, and the exit code still tells.
#[derive(Debug)]
pub(crate) struct Out {
    json: bool,
    /// Why nothing is written any more.
    gone: Option<io::ErrorKind>,
    bar: ProgressBar,
}

impl Out {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, gone: None, bar: ProgressBar::hidden() }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// True if what was printed last, or before it, did not get through.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.is_some()
    }

    /// True if it did not for another reason than a reader that went away.
    pub(crate) fn is_broken(&self) -> bool {
        self.gone.is_some_and(|kind| kind != io::ErrorKind::BrokenPipe)
    }

    /// Keeps lines and a progress bar out of each other's way.
    pub(crate) fn set_bar(&mut self, bar: ProgressBar) {
        self.bar = bar;
    }

    /// A line for people; nothing with `--json`.
    pub(crate) fn line(&mut self, line: impl Display) {
        self.write(&plain(&line.to_string()));
    }

    /// A line that begins with a word of ours in colour.
    pub(crate) fn labelled(&mut self, label: StyledObject<&'static str>, line: impl Display) {
        self.write(&format!("  {label}{}", plain(&line.to_string())));
    }

    /// A line all in colour.
    pub(crate) fn loud(&mut self, line: impl Display) {
        self.write(&format!("  {}", style(plain(&line.to_string())).red().bold()));
    }

    /// A JSON document on a line of its own.
    pub(crate) fn document(&mut self, document: &Value) {
        // JSON itself escapes only those below U+0020.
        let mut text = String::new();
        for c in document.to_string().chars() {
            if steers(c) { text.push_str(&format!("\\u{:04x}", u32::from(c))) } else { text.push(c) }
        }
        self.raw_line(&text);
    }

    /// What is neither: completions, a manual page.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        if self.gone.is_none() {
            let mut out = io::stdout().lock();
            if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
                self.gone = Some(error.kind());
                if self.is_broken() {
                    note(format_args!("standard output cannot be written: {error}"));
                }
            }
        }
    }

    fn write(&mut self, line: &str) {
        if !self.json {
            self.raw_line(line);
        }
    }

    fn raw_line(&mut self, line: &str) {
        let bar = self.bar.clone();
        bar.suspend(|| self.raw(format!("{line}\n").as_bytes()));
    }

    /// A line beside the results.
    pub(crate) fn note(&self, line: impl Display) {
        self.bar.suspend(|| note(line));
    }
}

/// A line on standard error. That it cannot be written stops nothing.
pub(crate) fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{}", plain(&line.to_string()));
}

/// A line on standard error that must not be overlooked.
pub(crate) fn warn(line: impl Display) {
    let _ = writeln!(io::stderr(), "{}", style(plain(&line.to_string())).yellow().bold().for_stderr());
}

/// Why the command gave up, on standard error.
pub(crate) fn error(line: impl Display) {
    let label = style("error:").red().bold().for_stderr();
    let _ = writeln!(io::stderr(), "{label} {}", plain(&line.to_string()));
}

/// True if a question can be asked: the answers come from a terminal and the questions are seen.
pub(crate) fn is_interactive() -> bool {
    use std::io::IsTerminal;
    io::stdin().is_terminal() && Term::stderr().is_term()
}

/// A line as a terminal may have it.
///
/// Names, cells, descriptions and sender ids come from outside, and may hold what moves the cursor, forges a line or
/// turns the text around. All that is printed passes here, and so do the cells of a report.
pub(crate) fn plain(line: &str) -> String {
    line.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// True for control characters, Unicode's ends of lines, and what overrides the direction of text.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `1 number`, `2 numbers`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        assert_eq!(plain("a\x1b[31mb\r\n"), "a\u{fffd}[31mb\u{fffd}\u{fffd}");
        assert_eq!(plain("\u{9b}1m\u{202e}\u{2028}"), "\u{fffd}1m\u{fffd}\u{fffd}");
        assert_eq!(plain("رقم\u{200f} ٩٦٥"), "رقم\u{200f} ٩٦٥");
    }
}
