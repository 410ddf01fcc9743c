//! The words of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Parser, Subcommand};
use clap_complete::Shell;

const EXIT_CODES: &str = "\
Exit codes:
  0    all numbers were accepted, or what was asked for was answered
  1    refused or failed; nothing was accepted
  2    the command line, a file or a setting cannot be used; no request was made
  3    some numbers were accepted (for validate and --dry-run: good) and some were not
  4    the outcome of at least one number is unknown: do not send it again blindly
  5    the account: credentials missing or wrong, no balance, blocked, IP address not allowed
  130  interrupted: what was not sent is accounted for

Where several fit, the order is 4, 130, 3, 5, 1. Repeated numbers are sent once and count as accepted.

Settings come from the environment, then from .env, which `kwtsms setup` writes:
  KWTSMS_USERNAME, KWTSMS_PASSWORD, KWTSMS_SENDER_ID, KWTSMS_TEST_MODE, KWTSMS_LOG_FILE, KWTSMS_BASE_URL

A password is never an argument: arguments can be seen by every user of the machine.";

const EXAMPLES: &str = "\
Examples:
  kwtsms send 96598765432 \"Your OTP for MYAPP is: 123456\"
  kwtsms send 96598765432,96551234567 \"Hello!\" --sender \"MY APP\"
  kwtsms send --file customers.csv --column mobile \"Hello\" --dry-run
  kwtsms send --file customers.csv --column mobile \"Hello\" --report sent.csv
  echo \"Hello\" | kwtsms send 96598765432";

/// The heading of the options that every command has.
const EVERYWHERE: &str = "Options of every command";

/// Send SMS through the kwtSMS gateway.
#[derive(Debug, Parser)]
#[command(name = "kwtsms", version, after_help = EXIT_CODES, max_term_width = 110)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// Write JSON to standard output, and nothing else there
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) json: bool,
    /// Use a gateway on this machine, made for this call: no account is needed, nothing is delivered
    #[arg(long, global = true, help_heading = EVERYWHERE, conflicts_with_all = ["base_url", "env_file", "password_file"])]
    pub(crate) sandbox: bool,
    /// Use another gateway, such as that of `kwtsms sandbox`
    // Empty, as an unset variable of a script leaves it, it would mean the real gateway.
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) base_url: Option<String>,
    /// Read the settings from this file instead of .env; the environment still wins
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub(crate) env_file: Option<PathBuf>,
    /// Read the password from this file; it wins over all settings
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// How long a request may take, in seconds [default: 15]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask for the settings, check them with the gateway and write .env
    Setup,
    /// Check the credentials
    Verify,
    /// Show the credits, available and purchased
    Balance,
    /// List the sender ids of the account
    #[command(name = "senderid", alias = "senderids")]
    SenderId,
    /// List the countries that the account can send to
    Coverage,
    /// Ask which numbers can be sent to; costs nothing
    Validate(Validate),
    /// Send a text to one number or to many
    Send(Box<Send>),
    /// Ask where in the gateway's queue a message is
    Status {
        /// The message id that the send gave
        id: String,
    },
    /// Ask for the delivery reports of a message; there are none for Kuwait
    Dlr {
        /// The message id that the send gave
        id: String,
    },
    /// Show how many pages a text takes, and why
    Pages {
        /// The text; standard input if it is `-` or left out
        text: Option<String>,
    },
    /// Show a text as it would be sent: without emoji, hidden characters and HTML tags
    Clean {
        /// The text; standard input if it is `-` or left out
        text: Option<String>,
    },
    /// Run a gateway on this machine until Ctrl-C, for trying things out and for tests
    Sandbox {
        /// The port; a free one if it is 0
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// The address to listen on. Whoever reaches it reads the messages and changes the accounts: in a container
        /// 0.0.0.0, elsewhere best left alone
        #[arg(long, default_value = "127.0.0.1")]
        bind: std::net::IpAddr,
        /// A host name that the inbox answers to, besides localhost and addresses; may be repeated
        #[arg(long, value_name = "NAME")]
        host: Vec<String>,
    },
    /// Write the completions for a shell to standard output
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write the manual page to standard output
    Man,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Validate {
    /// Numbers; commas make lists, `-` is standard input
    #[arg(required_unless_present = "file")]
    pub(crate) numbers: Vec<String>,
    /// Read the numbers from a CSV file or a file with one number on each line
    #[arg(short, long, value_name = "FILE", conflicts_with = "numbers")]
    pub(crate) file: Option<PathBuf>,
    /// The column of the numbers: its name in the header, or its place counted from 1
    #[arg(long, value_name = "NAME")]
    pub(crate) column: Option<String>,
    /// Check numbers against each country's own rules, too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Check here only: no request, no account needed
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub(crate) struct Send {
    /// Numbers and, last, the text; commas make lists, `-` reads the numbers from standard input
    #[arg(value_name = "NUMBERS... TEXT")]
    pub(crate) words: Vec<String>,
    /// Read the numbers from a CSV file or a file with one number on each line; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The column of the numbers: its name in the header, or its place counted from 1
    #[arg(long, value_name = "NAME")]
    pub(crate) column: Option<String>,
    /// Read the text from this file; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) message_file: Option<PathBuf>,
    /// The sender id, in place of the settings'; letter case counts
    #[arg(short, long, value_name = "ID")]
    pub(crate) sender: Option<String>,
    /// Queue without delivering, whatever the settings say; credits are held until deleted from the queue
    #[arg(long, conflicts_with = "live")]
    pub(crate) test: bool,
    /// Deliver and charge, whatever the settings say
    #[arg(long)]
    pub(crate) live: bool,
    /// Show what would be sent, and send nothing
    #[arg(long, conflicts_with = "report")]
    pub(crate) dry_run: bool,
    /// Write a CSV file that says what became of each number; the file must not exist
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Check numbers against each country's own rules, too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Requests a second, up to 4; the gateway's firewall blocks an address over 5, all programs on it together
    #[arg(long, value_name = "N", default_value = "2", value_parser = rate)]
    pub(crate) rate: f64,
    /// Fail at once where the gateway's queue is full or a number got a message less than 15 seconds ago
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Send to more than 100 numbers without asking
    #[arg(short, long)]
    pub(crate) yes: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("give seconds, from 0.1 to 600".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=4.0).contains(&rate) => Ok(rate),
        _ => Err("give requests a second, from 0.01 to 4".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn rates_above_the_ceiling_and_times_out_of_range_are_refused() {
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
        for (text, good) in
            [("15", true), ("0.5", true), ("0", false), ("-1", false), ("inf", false), ("1e9", false)]
        {
            assert_eq!(seconds(text).is_ok(), good, "{text}");
        }
    }
}
