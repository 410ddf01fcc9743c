//! doctor: why something does not work.

mod print;
mod settings;

use kwtsms_async::{Check, CheckStatus, Diagnose, Diagnosis, MessageId};

use crate::exit::{Ended, Exit};
use crate::gateway::{ClientOptions, Gateway, prepared};
use crate::interrupt::on_a_thread;
use crate::numbers::Rules;
use crate::options::Global;
use crate::output::Out;
use crate::text;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Look at a number too: is it one, is its country open, what does the gateway say of it
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// Look at a text too: what would get it stuck, its pages and its encoding; `-` is standard input
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// Ask what became of a message, too
    #[arg(long, value_name = "ID")]
    message_id: Option<String>,
    /// Show numbers in full; they are masked otherwise, so that all of it can be shown to others
    #[arg(long)]
    show_numbers: bool,
    #[command(flatten)]
    rules: Rules,
}

pub(crate) async fn run(args: Args, global: &Global, out: &mut Out) -> Ended {
    let id = args.message_id.as_deref().map(MessageId::parse).transpose()?;
    let message = match args.message.clone() {
        Some(text) => Some(on_a_thread(move || text::given(Some(text))).await?),
        None => None,
    };
    let options = ClientOptions { rules: args.rules, ..ClientOptions::default() };
    let asked = |mut diagnose: Diagnose| {
        if let Some(number) = &args.number {
            diagnose = diagnose.number(number);
        }
        if let Some(message) = &message {
            diagnose = diagnose.message(message);
        }
        if let Some(id) = &id {
            diagnose = diagnose.message_id(id);
        }
        if args.show_numbers { diagnose.show_numbers() } else { diagnose }
    };
    let found = if global.sandbox {
        let gateway = Gateway::sandbox(global, &options).await?;
        asked(gateway.client.diagnose()).await
    } else {
        let (builder, found) = settings::look(global).await?;
        let builder = prepared(builder, global, &options, found.limiter)?;
        let mut diagnosis = asked(builder.diagnose()).await;
        diagnosis.prepend(found.checks);
        diagnosis
    };
    let exit = exit(&found);
    print::print(&found, exit, out);
    Ok(exit)
}

fn exit(found: &Diagnosis) -> Exit {
    let is_of_the_account = |check: &Check| matches!(check.name(), "credentials" | "balance");
    let mut failed = found.checks().iter().filter(|check| check.status() == CheckStatus::Failed);
    match found.status() {
        CheckStatus::Failed if failed.any(is_of_the_account) => Exit::Account,
        CheckStatus::Failed => Exit::Refused,
        CheckStatus::Warning => Exit::Partly,
        _ => Exit::Accepted,
    }
}
