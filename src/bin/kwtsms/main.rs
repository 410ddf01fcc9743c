//! The command `kwtsms`: the gateway from a shell.

mod account;
mod args;
mod connect;
mod countries;
mod env_file;
mod exit;
mod interrupt;
mod message;
mod numbers;
mod output;
mod prompt;
mod sandbox;
mod send;
mod setup;
mod shell;
mod track;
mod validate;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command, Global};
use connect::{Wishes, connect};
use exit::{Exit, Failure, Outcome};
use output::{Out, note};

fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = Out::new(args.global.json);
    let outcome = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(args, &mut out));
            runtime.shutdown_background(); // a thread may wait for standard input for ever
            outcome
        }
        Err(error) => Err(Failure::new(Exit::Refused, "the runtime cannot start").because(Some(&error))),
    };
    outcome.unwrap_or_else(|failure| tell(&failure, &mut out)).code()
}

async fn run(args: Args, out: &mut Out) -> Outcome {
    let Args { global, command } = args;
    match command {
        // These two have something to finish after Ctrl-C.
        Command::Send(args) => send::send(*args, &global, out).await,
        Command::Sandbox { port, bind, host } => sandbox::run((bind, port).into(), host, out).await,
        // These two may wait for standard input, and Ctrl-C ends them as it ends any program.
        Command::Pages { text } => message::pages(text, out),
        Command::Clean { text } => message::clean(text, out),
        command => interrupt::or_interrupted(ask(command, &global, out)).await,
    }
}

async fn ask(command: Command, global: &Global, out: &mut Out) -> Outcome {
    match command {
        Command::Setup => setup::run(global).await,
        Command::Verify => {
            account::verify(&connect(global, &Wishes::default(), out).await?.client, out).await
        }
        Command::Balance => {
            account::balance(&connect(global, &Wishes::default(), out).await?.client, out).await
        }
        Command::SenderId => {
            account::sender_ids(&connect(global, &Wishes::default(), out).await?.client, out).await
        }
        Command::Coverage => {
            account::coverage(&connect(global, &Wishes::default(), out).await?.client, out).await
        }
        Command::Validate(args) => validate::validate(args, global, out).await,
        Command::Status { id } => {
            let id = track::message_id(&id)?;
            track::status(&connect(global, &Wishes::default(), out).await?.client, &id, out).await
        }
        Command::Dlr { id } => {
            let id = track::message_id(&id)?;
            track::reports(&connect(global, &Wishes::default(), out).await?.client, &id, out).await
        }
        Command::Completions { shell } => shell::completions(shell, out),
        Command::Man => shell::manual(out),
        Command::Send(_) | Command::Sandbox { .. } | Command::Pages { .. } | Command::Clean { .. } => {
            unreachable!("they are run by the caller")
        }
    }
}

/// Says why there is no result.
fn tell(failure: &Failure, out: &mut Out) -> Exit {
    if out.is_json() {
        out.document(&failure.json());
    } else {
        let label = console::style("error:").red().bold().for_stderr();
        note(format_args!("{label} {}", failure.reasons.join(": ")));
        if let Some(action) = &failure.action {
            note(format_args!("  Action: {action}"));
        }
    }
    failure.exit
}
