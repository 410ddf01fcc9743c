//! completions: what a shell completes the command line by.

use clap::Command;
use clap_complete::Shell;

use crate::exit::{Ended, Exit};
use crate::output::Out;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: Command, out: &mut Out) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "kwtsms", &mut script);
    out.raw(&script);
    Ok(Exit::Accepted)
}
