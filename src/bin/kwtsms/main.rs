//! The command `kwtsms`: the gateway from a shell.

mod commands;
mod connect;
mod countries;
mod env_file;
mod exit;
mod gateway;
mod guards;
mod interrupt;
#[path = "../../number_set.rs"]
mod number_set; // the library's own, which is none of its public things
mod numbers;
mod options;
mod output;
mod prompt;
mod settings;
mod store;
mod text;
mod wizard;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use commands::{
    balance, campaign, clean, completions, coverage, dlr, doctor, limits, man, otp, outbox, pages, sandbox,
    send, senderid, setup, status, validate, verify,
};
use exit::{EXIT_CODES, Ended, Exit, Failure};
use interrupt::or_interrupted;
use options::Global;
use output::{Out, error, note, plain};

/// Send SMS through the kwtSMS gateway.
#[derive(Debug, Parser)]
#[command(name = "kwtsms", version, after_help = EXIT_CODES, max_term_width = 110)]
struct Args {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The verbs; each is a file in `commands/`.
#[derive(Debug, Subcommand)]
enum Command {
    /// Ask for the settings, check them with the gateway and write .env
    Setup,
    /// Look why something does not work: settings, network, account, a number, a text, a message
    Doctor(doctor::Args),
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
    Validate(validate::Args),
    /// Send a text to one number or to many
    Send(Box<send::Args>),
    /// Send a campaign that outlives this process
    #[command(subcommand)]
    Campaign(Box<campaign::Verb>),
    /// Send the messages that applications put into the outbox of a store
    #[command(subcommand)]
    Outbox(outbox::Verb),
    /// Ask where in the gateway's queue a message is, or follow it with --watch
    Status(status::Args),
    /// Ask for the delivery reports of a message; there are none for Kuwait
    Dlr(dlr::Args),
    /// Send and check one-time codes, for trying them out
    Otp(otp::Args),
    /// Show the pace that all runs share through the store: its rates, who waits, and for how long
    Limits(limits::Args),
    /// Show how many pages a text takes, and why
    Pages(pages::Args),
    /// Show a text as it would be sent: without emoji, hidden characters and HTML tags
    Clean(clean::Args),
    /// Run a gateway on this machine until Ctrl-C, for trying things out and for tests
    Sandbox(sandbox::Args),
    /// Write the completions for a shell to standard output
    Completions(completions::Args),
    /// Write a page of the manual to standard output, or all into a folder
    Man(man::Args),
}

fn main() -> ExitCode {
    let parsed = command_line().try_get_matches().and_then(|matches| Args::from_arg_matches(&matches));
    let Args { global, command } = parsed.unwrap_or_else(|error| refused(&error));
    let mut out = Out::new(global.json);
    let ended = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let ended = runtime.block_on(async {
                let ended = run(command, &global, &mut out).await;
                store::leave().await;
                ended
            });
            runtime.shutdown_background(); // a thread may wait for standard input for ever
            ended
        }
        Err(error) => Err(Failure::new(Exit::Refused, "the runtime cannot start").because(Some(&error))),
    };
    let exit = ended.unwrap_or_else(|failure| print(&failure, &mut out));
    if exit == Exit::Accepted && out.is_broken() { Exit::Unwritten.code() } else { exit.code() }
}

/// The command line as it is read, shown and described.
fn command_line() -> clap::Command {
    let without_a_gateway = ["pages", "clean", "sandbox", "completions", "man"];
    options::hide_where_there_is_no_gateway(Args::command(), &without_a_gateway)
}

/// Ends for a command line that cannot be read, or for `--help`.
fn refused(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    if text.split('\n').any(|line| plain(line) != line) {
        text.split('\n').for_each(note); // an argument stands in it, and steers the terminal
        std::process::exit(error.exit_code())
    }
    error.exit()
}

async fn run(command: Command, global: &Global, out: &mut Out) -> Ended {
    match command {
        Command::Setup => or_interrupted(setup::run(global)).await,
        Command::Doctor(args) => or_interrupted(doctor::run(args, global, out)).await,
        Command::Verify => or_interrupted(verify::run(global, out)).await,
        Command::Balance => or_interrupted(balance::run(global, out)).await,
        Command::SenderId => or_interrupted(senderid::run(global, out)).await,
        Command::Coverage => or_interrupted(coverage::run(global, out)).await,
        Command::Validate(args) => or_interrupted(validate::run(args, global, out)).await,
        Command::Status(args) => or_interrupted(status::run(&args, global, out)).await,
        Command::Dlr(args) => or_interrupted(dlr::run(&args, global, out)).await,
        Command::Limits(args) => or_interrupted(limits::run(&args, global, out)).await,
        Command::Otp(args) => or_interrupted(otp::run(args, global, out)).await,
        // These have something to finish after Ctrl-C.
        Command::Campaign(verb) => campaign::run(*verb, global, out).await,
        Command::Outbox(verb) => outbox::run(verb, global, out).await,
        Command::Send(args) => send::run(*args, global, out).await,
        Command::Sandbox(args) => sandbox::run(args, out).await,
        // These may wait for standard input, and Ctrl-C ends them as it ends any program.
        Command::Pages(args) => pages::run(args, out),
        Command::Clean(args) => clean::run(args, out),
        Command::Completions(args) => completions::run(&args, command_line(), out),
        Command::Man(args) => man::run(&args, command_line(), out),
    }
}

/// Says why there is no result.
fn print(failure: &Failure, out: &mut Out) -> Exit {
    if out.is_json() {
        out.document(&failure.json());
    } else {
        error(failure.reasons.join(": "));
        if let Some(action) = &failure.action {
            note(format_args!("  Action: {action}"));
        }
    }
    failure.exit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command_line().debug_assert();
    }
}
