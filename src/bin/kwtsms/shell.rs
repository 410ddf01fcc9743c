//! Completions and the manual page.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::Out;

pub(crate) fn completions(shell: Shell, out: &mut Out) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "kwtsms", &mut script);
    out.raw(&script);
    Ok(Exit::Accepted)
}

/// One page for the command and all of its parts.
pub(crate) fn manual(out: &mut Out) -> Outcome {
    let cannot = |error: std::io::Error| {
        Failure::new(Exit::Refused, "the manual page cannot be made").because(Some(&error))
    };
    let mut page = Vec::new();
    let command = Args::command();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(cannot)?;
    for part in command.get_subcommands() {
        let name = part.get_name();
        let (display, binary) = (format!("kwtsms-{name}"), format!("kwtsms {name}"));
        let man = clap_mangen::Man::new(part.clone().display_name(display).bin_name(binary));
        man.render_name_section(&mut page).map_err(cannot)?;
        man.render_synopsis_section(&mut page).map_err(cannot)?;
        man.render_description_section(&mut page).map_err(cannot)?;
        man.render_options_section(&mut page).map_err(cannot)?;
    }
    out.raw(&page);
    Ok(Exit::Accepted)
}
