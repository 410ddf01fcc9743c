//! What is asked before a run starts.

use kwtsms_async::{MessageText, SenderId};

use super::arguments::{self, Args};
use super::dry_run;
use super::measure::measure;
use super::run::{Job, execute};
use crate::connect::connect;
use crate::exit::{Ended, Exit, Failure};
use crate::gateway::ClientOptions;
use crate::interrupt::on_a_thread;
use crate::numbers::Source;
use crate::options::Global;
use crate::output::{Out, counted, is_interactive, note, warn};
use crate::{prompt, text};

/// More numbers than this are not sent to live without a yes.
const UNASKED: u64 = 100;

/// What to know of a message from KWT-SMS.
const SHARED: &str = "is shared by all accounts for tests: slow on purpose, not delivered by every carrier";

pub(crate) async fn run(args: Args, global: &Global, out: &mut Out) -> Ended {
    let (source, original) = arguments::read(&args)?;
    let text = MessageText::new(original.as_str())?;
    let options = ClientOptions {
        rules: args.rules,
        rate: args.rate,
        guards: args.guards.set(),
        ..ClientOptions::default()
    };
    let phone_rules = args.rules.of_phones();
    let sender = args.sender.as_deref().map(SenderId::parse).transpose()?;
    if args.dry_run {
        return dry_run::show(&args, global, &source, &original, &text, out).await;
    }
    let only_to = args.guards.only_to(global).await?;
    // What can be read once only shows on the way how much there is. Before the client is there, since a run that
    // goes nowhere must not stand in its log.
    let measured = if source.is_stream() {
        None
    } else {
        Some(measure(source.open(phone_rules)?, &text, args.rules, only_to.as_deref(), |_| {}).await?)
    };
    if measured.as_ref().is_some_and(|measured| measured.inputs == 0) && source.earlier().is_none() {
        return Err(Failure::usage(format!("{}: there is no number in it", source.place())));
    }
    let mut rows = source.open(phone_rules)?;
    if let Some(earlier) = source.earlier() {
        let report = earlier.path().display();
        if measured.as_ref().is_some_and(|measured| measured.inputs == 0) {
            return Err(Failure::usage(format!("{report}: nothing is left to be sent to")));
        }
        let (accepted, unknown) = earlier.left_out();
        out.note(format_args!("{report}: {} accepted, and are left out.", were(accepted)));
        if unknown > 0 {
            warn(format_args!(
                "{unknown} of unknown outcome are left out, too: look for them at kwtsms.com, or send to them by --include-unknown."
            ));
        }
    }
    let gateway = connect(global, &options, out).await?;
    let test = if args.live { false } else { args.test || gateway.client.test_mode() };
    let sender = sender.unwrap_or_else(|| gateway.client.sender_id().clone());
    if let Some(column) = rows.column() {
        out.note(column);
    }
    if !test && !args.yes && !gateway.is_sandbox() && (text.is_probably_lost() || text.is_probably_unfilled())
    {
        confirm_text(&text).await?;
    }
    let is_shared = sender.is_shared_test_sender() && !test && !gateway.is_sandbox();
    let mut asked = false;
    if !test && !args.yes && !gateway.is_sandbox() {
        let (many, numbers) = match &measured {
            Some(measured) => (measured.numbers > UNASKED, Some(measured.numbers)),
            None => {
                let many;
                (rows, many) = on_a_thread(move || rows.are_over(UNASKED).map(|many| (rows, many))).await?;
                (many, None)
            }
        };
        if many {
            confirm(&source, numbers, &text, &sender).await?;
            asked = true;
        }
    }
    if test {
        note("");
        warn("  TEST MODE — message will be queued but NOT delivered to the handset.");
        warn("  Its credits are held until the message is deleted from the queue at kwtsms.com.");
        warn("  To send real messages use --live, or run 'kwtsms setup' and choose Live mode.");
        note("");
    } else if is_shared && !asked {
        warn(format_args!("  KWT-SMS {SHARED}."));
    }
    let job = Job {
        source: &source,
        rows,
        text: &text,
        sender: &sender,
        test,
        report: args.report.as_deref(),
        inputs: measured.map(|measured| measured.inputs),
        no_wait: args.no_wait,
        wait_for_others: args.wait_for_others,
        wait_for_spend_limit: args.wait_for_spend_limit,
        rules: phone_rules,
    };
    execute(&gateway.client, job, out).await
}

fn were(count: u64) -> String {
    if count == 1 { "1 number was".to_owned() } else { format!("{count} numbers were") }
}

/// Asks before a text goes out that was lost on its way here, or that nobody filled in.
async fn confirm_text(text: &MessageText) -> Result<(), Failure> {
    let shown = text::on_one_line(text.as_str());
    let advice = if text.is_probably_lost() {
        warn(format_args!("  Most of the text is question marks: {shown}"));
        warn("  It was lost before it came here: the shell, the file or the database has another encoding.");
        "give it as a file in UTF-8 by --message-file"
    } else {
        warn(format_args!("  The text: {shown}"));
        warn(format_args!("  Warning: {}.", text.warning().unwrap_or_default()));
        "write what is to be read; a text that each row of a file fills in is sent by `kwtsms campaign`"
    };
    if !is_interactive() {
        return Err(Failure::usage("such a text needs --yes").action(advice));
    }
    if prompt::yes("Send it all the same?", false).await? {
        Ok(())
    } else {
        Err(Failure::new(Exit::Usage, "nothing was sent"))
    }
}

/// Asks before a live message to many goes out.
async fn confirm(
    source: &Source,
    numbers: Option<u64>,
    text: &MessageText,
    sender: &SenderId,
) -> Result<(), Failure> {
    let how_many = numbers.map_or_else(|| format!("over {UNASKED}"), |numbers| numbers.to_string());
    if source.is_stdin() || !is_interactive() {
        return Err(Failure::usage(format!("a live message to {how_many} numbers needs --yes"))
            .action("look at it with --dry-run first"));
    }
    let points = numbers.map(|numbers| text.points(usize::try_from(numbers).unwrap_or(usize::MAX)));
    let cost = points.map(|points| format!(", for about {}", counted(points, "credit"))).unwrap_or_default();
    if sender.is_shared_test_sender() {
        warn(format_args!("  The sender is KWT-SMS, which {SHARED}."));
    }
    let question =
        format!("Send a LIVE message to {how_many} numbers in {} from {sender}{cost}?", source.place());
    if prompt::yes(&question, false).await? {
        Ok(())
    } else {
        Err(Failure::new(Exit::Usage, "nothing was sent"))
    }
}
