//! A diagnosis as people read it, and as programs do.

use console::{StyledObject, Term, measure_text_width, style};
use kwtsms_async::{Check, CheckStatus, Diagnosis};
use serde_json::json;

use crate::exit::Exit;
use crate::output::{Out, counted, plain};

/// The columns before what was seen: two blanks, the status, the name.
const LABEL: usize = 7;
const NAME: usize = 13;
const INDENT: usize = 2 + LABEL + 2 + NAME + 2;
/// On a terminal that leaves less beside them, what was seen stands below them.
const NARROWEST: usize = 30;
/// By how much it is indented there.
const BELOW: usize = 4;
/// Longer lines are not easier to read.
const WIDEST: usize = 110;

pub(super) fn print(found: &Diagnosis, exit: Exit, out: &mut Out) {
    if out.is_json() {
        let mut document = json!(found);
        document["result"] = json!(exit.result());
        out.document(&document);
        return;
    }
    let terminal = Term::stdout();
    let width = if terminal.is_term() { usize::from(terminal.size().1).min(WIDEST) } else { usize::MAX };
    let is_narrow = width < INDENT + NARROWEST;
    let indent = if is_narrow { BELOW } else { INDENT };
    let room = width - indent.min(width);
    for check in found.checks() {
        let name = check.name().replace('_', " ");
        let mut seen = wrapped(&plain(check.seen()), room).into_iter();
        let beside = if is_narrow { None } else { seen.next() };
        let first = format!("  {name:<NAME$}  {}", beside.unwrap_or_default());
        out.labelled(label(check), first.trim_end());
        seen.for_each(|line| out.line(format_args!("{:indent$}{line}", "")));
        let action = wrapped(&plain(check.action().unwrap_or_default()), room.saturating_sub(3));
        for (index, line) in action.iter().enumerate() {
            out.line(format_args!("{:indent$}{} {line}", "", if index == 0 { "->" } else { "  " }));
        }
    }
    let count = |status| found.checks().iter().filter(|check| check.status() == status).count() as u64;
    let verdict = match (count(CheckStatus::Failed), count(CheckStatus::Warning)) {
        (0, 0) => "Nothing wrong was found".to_owned(),
        (0, warnings) => counted(warnings, "warning"),
        (failed, 0) => format!("{failed} failed"),
        (failed, warnings) => format!("{failed} failed  |  {}", counted(warnings, "warning")),
    };
    let skipped = match count(CheckStatus::Skipped) {
        0 => String::new(),
        skipped => format!("  |  {skipped} skipped"),
    };
    let requests = counted(found.requests() as u64, "request");
    out.line(format_args!("  {verdict}{skipped}  |  {requests}, nothing was sent"));
}

fn label(check: &Check) -> StyledObject<&'static str> {
    match check.status() {
        CheckStatus::Ok => style("ok     ").green(),
        CheckStatus::Warning => style("warning").yellow().bold(),
        CheckStatus::Failed => style("FAILED ").red().bold(),
        _ => style("skipped").dim(),
    }
}

/// Breaks a line between words; a word that is longer stays whole.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if measure_text_width(line).saturating_add(1 + measure_text_width(word)) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("one two  three", 8), ["one two", "three"]);
        assert_eq!(wrapped("a wholeword b", 5), ["a", "wholeword", "b"]);
        assert_eq!(wrapped("one two", usize::MAX), ["one two"]);
        assert_eq!(wrapped("رقم طويل", 4), ["رقم", "طويل"]);
        assert!(wrapped("", 9).is_empty());
    }
}
