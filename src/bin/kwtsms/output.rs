//! Standard output for what was asked for, standard error for all else.

use std::fmt::Display;
use std::io::{self, Write};

use console::Term;
use indicatif::ProgressBar;
use serde_json::Value;

/// Where results go.
///
/// A reader that went away (`kwtsms … | head`) is no reason to stop a send or to panic: from then on nothing is
/// written, and the exit code still tells.
#[derive(Debug)]
pub(crate) struct Out {
    json: bool,
    gone: bool,
    bar: ProgressBar,
}

impl Out {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, gone: false, bar: ProgressBar::hidden() }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Keeps lines and a progress bar out of each other's way.
    pub(crate) fn set_bar(&mut self, bar: ProgressBar) {
        self.bar = bar;
    }

    /// A line for people; nothing with `--json`.
    pub(crate) fn line(&mut self, line: impl Display) {
        if !self.json {
            self.write(&format!("{line}\n"));
        }
    }

    /// A JSON document on a line of its own.
    pub(crate) fn document(&mut self, document: &Value) {
        self.write(&format!("{document}\n"));
    }

    /// What is neither: completions, a manual page.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        if !self.gone {
            let mut out = io::stdout().lock();
            if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
                self.gone = true;
                if error.kind() != io::ErrorKind::BrokenPipe {
                    note(format_args!("standard output cannot be written: {error}"));
                }
            }
        }
    }

    fn write(&mut self, text: &str) {
        let bar = self.bar.clone();
        bar.suspend(|| self.raw(text.as_bytes()));
    }

    /// A line beside the results.
    pub(crate) fn note(&self, line: impl Display) {
        self.bar.suspend(|| note(line));
    }
}

/// A line on standard error. That it cannot be written stops nothing.
pub(crate) fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A line on standard error that must not be overlooked.
pub(crate) fn warn(line: impl Display) {
    note(console::style(line).yellow().bold().for_stderr());
}

/// True if a question can be asked: the answers come from a terminal and the questions are seen.
pub(crate) fn is_interactive() -> bool {
    use std::io::IsTerminal;
    io::stdin().is_terminal() && Term::stderr().is_term()
}

/// Text from outside without characters that would steer the terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
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
        assert_eq!(plain("رقم ٩٦٥"), "رقم ٩٦٥");
    }
}
