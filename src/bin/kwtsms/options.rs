//! The options of every command.

use std::path::PathBuf;
use std::time::Duration;

use clap::Command;
use clap::builder::NonEmptyStringValueParser;

/// The heading of the options that every verb has.
const EVERYWHERE: &str = "Options of every verb";
/// The heading of the options of verbs that ask the gateway.
const GATEWAY: &str = "Options of every verb that asks the gateway";

/// Takes the options of the gateway out of the help of verbs that ask none. They are understood there, too, so that
/// a script may give them always.
pub(crate) fn hide_where_there_is_no_gateway(command: Command, verbs: &[&'static str]) -> Command {
    let options: Vec<_> = command
        .get_arguments()
        .filter(|option| option.get_help_heading() == Some(GATEWAY))
        .map(|option| option.clone().global(false).hide(true))
        .collect();
    verbs
        .iter()
        .fold(command, |command, verb| command.mut_subcommand(verb, |verb| verb.args(options.clone())))
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Global {
    /// Write JSON to standard output, and nothing else there
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    /// Use a gateway on this machine, made for this call: no account is needed, nothing is delivered
    #[arg(long, global = true, help_heading = GATEWAY, conflicts_with_all = ["base_url", "env_file", "password_file"])]
    pub(crate) sandbox: bool,
    /// Use another gateway, such as that of `kwtsms sandbox`
    // Empty, as an unset variable of a script leaves it, it would mean the real gateway.
    #[arg(long, global = true, help_heading = GATEWAY, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) base_url: Option<String>,
    /// Read the settings from this file instead of .env; the environment still wins
    #[arg(long, global = true, help_heading = GATEWAY, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Read the password from this file; it wins over all settings
    #[arg(long, global = true, help_heading = GATEWAY, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// How long a request may take, in seconds [default: 15]
    #[arg(long, global = true, help_heading = GATEWAY, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give seconds, from 0.1 to 600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_out_of_range_are_refused() {
        for (text, good) in
            [("15", true), ("0.5", true), ("0", false), ("-1", false), ("inf", false), ("1e9", false)]
        {
            assert_eq!(seconds(text).is_ok(), good, "{text}");
        }
    }
}
