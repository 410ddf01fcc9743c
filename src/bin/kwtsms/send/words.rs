//! Which of the words are numbers and which is the text.

use kwtsms_async::PhoneNumber;

use crate::args::Send;
use crate::exit::Failure;
use crate::message;
use crate::numbers::Source;

/// Takes the command line apart: where the numbers are, and the text as it was handed in.
///
/// A slip must not cost money: a forgotten text does not turn the last number into one, and a text without quotes
/// does not go out as its last word.
pub(crate) fn read(args: &Send) -> Result<(Source, String), Failure> {
    let mut words = args.words.clone();
    let has_file = args.file.is_some();
    let numbers_from_stdin =
        args.file.as_deref().is_some_and(|file| file == "-") || words.first().is_some_and(|word| word == "-");
    let text = if let Some(file) = &args.message_file {
        if numbers_from_stdin && file.as_os_str() == "-" {
            return Err(Failure::usage("standard input can give the numbers or the text, not both"));
        }
        message::from_file(file)?
    } else if words.len() > usize::from(!has_file) {
        match words.pop() {
            Some(text) if text != "-" => looks_like_a_text(text)?,
            _ if numbers_from_stdin => {
                return Err(Failure::usage("standard input can give the numbers or the text, not both"));
            }
            _ => message::from_stdin()?,
        }
    } else if words.is_empty() && !has_file {
        return Err(Failure::usage("no number and no text were given")
            .action("kwtsms send 96598765432 \"Your OTP for MYAPP is: 123456\""));
    } else if numbers_from_stdin {
        return Err(Failure::usage("no text was given").action("put it in quotes as the last argument"));
    } else {
        message::from_stdin()?
    };
    if has_file && !words.is_empty() {
        return Err(Failure::usage("the numbers come from --file, so the text is the only argument")
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
    Ok((Source::new(words, args.file.clone(), args.column.clone())?, text))
}

fn looks_like_a_text(text: String) -> Result<String, Failure> {
    let like_a_number = |c: char| c.is_numeric() || " +-().,/".contains(c);
    if text.chars().all(like_a_number) && text.split(',').any(|part| PhoneNumber::parse(part).is_ok()) {
        return Err(Failure::usage(
            "the last argument is the text, and it looks like a phone number; nothing was sent",
        )
        .action("add the text in quotes; if that is the text, give it by --message-file or standard input"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn words(line: &[&str]) -> Result<(Source, String), String> {
        let args =
            Args::try_parse_from(["kwtsms", "send"].iter().chain(line)).map_err(|error| error.to_string())?;
        let Command::Send(send) = args.command else { panic!("send was parsed") };
        read(&send).map_err(|failure| failure.reasons.join(": "))
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
            let Source::Arguments(numbers) = source else { panic!("{line:?}") };
            assert_eq!((numbers.len(), read.as_str()), (count, text));
        }
        assert!(words(&["-", "hi"]).unwrap().0.is_stream());
        assert!(words(&["--file", "-", "hi"]).unwrap().0.is_stream());
        assert!(matches!(words(&["--file", "x.csv", "hi"]).unwrap().0, Source::File { .. }));
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
