//! man: the manual page.

use clap::Command;

use crate::exit::{Ended, Exit, Failure};
use crate::output::Out;

/// One page for the command and all of its parts.
pub(crate) fn run(command: &Command, out: &mut Out) -> Ended {
    let cannot = |error: std::io::Error| {
        Failure::new(Exit::Refused, "the manual page cannot be made").because(Some(&error))
    };
    let mut page = Vec::new();
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
