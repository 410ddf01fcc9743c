//! man: the manual, a page for the command and one for each verb.

use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;

use crate::exit::{Ended, Exit, Failure};
use crate::output::{Out, note};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The verb whose page is wanted; the page of the command itself if left out
    #[arg(conflicts_with = "folder")]
    verb: Vec<String>,
    /// Write all pages into this folder: kwtsms.1, kwtsms-send.1, …
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, mut command: Command, out: &mut Out) -> Ended {
    command.build(); // gives the verbs their full names, and the options of every command
    if let Some(folder) = &args.folder {
        clap_mangen::generate_to(command, folder).map_err(|error| {
            Failure::usage_from(format!("the pages cannot be written to {}", folder.display()), &error)
        })?;
        note(format_args!("The pages stand in {}.", folder.display()));
        return Ok(Exit::Accepted);
    }
    let mut page = &command;
    for verb in &args.verb {
        page = page
            .find_subcommand(verb)
            .ok_or_else(|| Failure::usage(format!("{verb:?} is none of the verbs; see kwtsms --help")))?;
    }
    let mut text = Vec::new();
    Man::new(page.clone()).render(&mut text).map_err(|error| {
        Failure::new(Exit::Refused, "the manual page cannot be made").because(Some(&error))
    })?;
    out.raw(&text);
    Ok(Exit::Accepted)
}
