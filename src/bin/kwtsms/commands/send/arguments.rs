//! The command line of send: which of the words are numbers and which is the text.

use std::path::PathBuf;

use kwtsms_async::PhoneNumber;

use crate::exit::{EXIT_CODES, Failure};
use crate::guards::BulkGuards;
use crate::numbers::{Earlier, Reading, Rules, Source};
use crate::text;

const EXAMPLES: &str = "\
Examples:
  kwtsms send 96598765432 \"Your OTP for MYAPP is: 123456\"
  kwtsms send 96598765432,96551234567 \"Hello!\" --sender \"MY APP\"
  kwtsms send --file customers.csv --column mobile \"Hello\" --dry-run
  kwtsms send --file customers.csv --column mobile \"Hello\" --report sent.csv
  echo \"Hello\" | kwtsms send 96598765432";

#[derive(Debug, clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct Args {
    /// Numbers and, last, the text; commas make lists, `-` reads the numbers from standard input
    #[arg(value_name = "NUMBERS... TEXT")]
    words: Vec<String>,
    /// Read the numbers from a file: CSV, one number on each line, vCards or JSON lines; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) reading: Reading,
    /// Read the text from this file; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub(super) message_file: Option<PathBuf>,
    /// The sender id, in place of the settings'; letter case counts
    #[arg(short, long, value_name = "ID")]
    pub(super) sender: Option<String>,
    /// Queue without delivering, whatever the settings say; credits are held until deleted from the queue
    #[arg(long, conflicts_with = "live")]
    pub(super) test: bool,
    /// Deliver and charge, whatever the settings say
    #[arg(long)]
    pub(super) live: bool,
    /// Show what would be sent, and send nothing
    #[arg(long, conflicts_with = "report")]
    pub(super) dry_run: bool,
    /// Write a CSV file that says what became of each number; the file must not exist
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
    #[command(flatten)]
    pub(super) rules: Rules,
    /// Go on with an earlier run by its report: send to whom it was not attempted or refused, and to nobody else. With
    /// --file, to whom of that list the report says neither accepted nor unknown
    #[arg(long, value_name = "REPORT")]
    pub(super) resume: Option<PathBuf>,
    /// Send to those of unknown outcome, too, who may have got the message
    #[arg(long, requires = "resume")]
    pub(super) include_unknown: bool,
    /// Requests a second, up to 4; the gateway's firewall blocks an address over 5, all programs on it together
    /// [default: 2, or what the store of KWTSMS_STORE says]
    #[arg(long, value_name = "N", value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// Fail at once where the gateway's queue is full or a number got a message less than 15 seconds ago
    #[arg(long)]
    pub(super) no_wait: bool,
    /// Send all the same where somebody else, as an earlier run of this command, wrote to a number less than 15 seconds
    /// ago
    #[arg(long)]
    pub(super) wait_for_others: bool,
    /// Wait where the spend limit is reached, and go on when it opens again; without this the run stops there
    #[arg(long)]
    pub(super) wait_for_spend_limit: bool,
    #[command(flatten)]
    pub(super) guards: BulkGuards,
    /// Send to more than 100 numbers without asking
    #[arg(short, long)]
    pub(super) yes: bool,
}

/// Takes the command line apart: where the numbers are, and the text as it was handed in.
///
/// A slip must not cost money: a forgotten text does not turn the last number into one, and a text without quotes
/// does not go out as its last word.
pub(super) fn read(args: &Args) -> Result<(Source, String), Failure> {
    let mut words = args.words.clone();
    let has_file = args.file.is_some() || args.resume.is_some();
    let numbers_from_stdin =
        args.file.as_deref().is_some_and(|file| file == "-") || words.first().is_some_and(|word| word == "-");
    let text = if let Some(file) = &args.message_file {
        if numbers_from_stdin && file.as_os_str() == "-" {
            return Err(Failure::usage("standard input can give the numbers or the text, not both"));
        }
        text::from_file(file)?
    } else if words.len() > usize::from(!has_file) {
        match words.pop() {
            Some(text) if text != "-" => looks_like_a_text(text)?,
            _ if numbers_from_stdin => {
                return Err(Failure::usage("standard input can give the numbers or the text, not both"));
            }
            _ => text::from_stdin()?,
        }
    } else if words.is_empty() && !has_file {
        return Err(Failure::usage("no number and no text were given")
            .action("kwtsms send 96598765432 \"Your OTP for MYAPP is: 123456\""));
    } else if numbers_from_stdin {
        return Err(Failure::usage("no text was given").action("put it in quotes as the last argument"));
    } else {
        text::from_stdin()?
    };
    if has_file && !words.is_empty() {
        return Err(Failure::usage("the numbers come from a file, so the text is the only argument")
            .action("put the text in quotes"));
    }
    if words.is_empty() && !has_file {
        return Err(Failure::usage("no number was given"));
    }
    if let Some(word) =
        words.iter().find(|word| *word != "-" && !word.chars().any(char::is_numeric) && !word.contains('@'))
    {
        return Err(Failure::usage(format!("{word:?} is no phone number; nothing was sent"))
            .action("put the text in quotes, as the last argument"));
    }
    let (file, reading) = (args.file.clone(), args.reading.clone());
    let source = match &args.resume {
        Some(report) => Source::resumed(Earlier::read(report, args.include_unknown)?, file, reading)?,
        None => Source::new(words, file, reading)?,
    };
    Ok((source, text))
}

fn looks_like_a_text(text: String) -> Result<String, Failure> {
    let like_a_number = |c: char| c.is_numeric() || " +-().,/".contains(c);
    if text.chars().all(like_a_number)
        && text.split(',').any(|part| PhoneNumber::parse_with(part, kwtsms_async::CountryCheck::Off).is_ok())
    {
        return Err(Failure::usage(
            "the last argument is the text, and it looks like a phone number; nothing was sent",
        )
        .action("add the text in quotes; if that is the text, give it by --message-file or standard input"));
    }
    Ok(text)
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=4.0).contains(&rate) => Ok(rate),
        _ => Err("give requests a second, from 0.01 to 4".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser;
    use kwtsms_async::PhoneRules;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn rates_above_the_ceiling_are_refused() {
        for (text, good) in [
            ("2", true),
            ("4", true),
            ("0.5", true),
            ("4.1", false),
            ("0", false),
            ("NaN", false),
            ("x", false),
        ] {
            assert_eq!(rate(text).is_ok(), good, "{text}");
        }
    }

    fn words(line: &[&str]) -> Result<(Source, String), String> {
        let line = Line::try_parse_from(["send"].iter().chain(line)).map_err(|error| error.to_string())?;
        read(&line.args).map_err(|failure| failure.reasons.join(": "))
    }

    #[test]
    fn the_last_word_is_the_text_and_the_others_are_numbers() {
        for (line, count, text) in [
            (&["96598765432", "hi"][..], 1, "hi"),
            (&["96598765432,96551234567", "hi there", "--sender", "X"], 1, "hi there"),
            (&["96598765432", "96551234567", "123456"], 2, "123456"),
            (&["98", "user@x.com", "text"], 2, "text"),
        ] {
            let (source, read) = words(line).unwrap();
            assert!(source.is_arguments(), "{line:?}");
            let arguments: BTreeSet<_> =
                source.open(PhoneRules::default()).unwrap().map(|row| row.unwrap().line).collect();
            assert_eq!((arguments.len(), read.as_str()), (count, text));
        }
        assert!(words(&["-", "hi"]).unwrap().0.is_stream());
        assert!(words(&["--file", "-", "hi"]).unwrap().0.is_stream());
        assert!(!words(&["--file", "x.csv", "hi"]).unwrap().0.is_arguments());
    }

    #[test]
    fn slips_that_would_cost_money_are_refused() {
        for (line, says) in [
            (&["96598765432", "96551234567"][..], "looks like a phone number"),
            (&["96598765432", "965 5123 4567,96551234568"], "looks like a phone number"),
            (&["96598765432", "Hello", "world"], "\"Hello\" is no phone number"),
            (&["--file", "x.csv", "96598765432", "hi"], "only argument"),
            (&["--file", "-", "-"], "not both"),
            (&["-", "--message-file", "-"], "not both"),
            (&[], "no number and no text"),
            (&["-"], "no text"),
        ] {
            let error = words(line).unwrap_err();
            assert!(error.contains(says), "{line:?}: {error}");
        }
    }
}
