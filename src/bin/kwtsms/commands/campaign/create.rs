//! campaign create: rows into the store, the estimate, and the yes.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use kwtsms_async::{CampaignRow, config};
use serde_json::json;

use super::show::shown;
use crate::exit::{Ended, Exit, Failure};
use crate::guards::OnlyTo;
use crate::interrupt::{on_a_thread, or_interrupted};
use crate::numbers::{Reading, Rules, Source};
use crate::options::Global;
use crate::output::{Out, is_interactive, note};
use crate::{prompt, settings, store, text};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A key of your own, such as eid-2027: creating it twice makes one campaign
    key: String,
    /// The text, in which {{ column }} becomes what the row holds; `-` or nothing reads it from standard input
    text: Option<String>,
    /// Read the numbers from a file: CSV, one number on each line, vCards or JSON lines
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    reading: Reading,
    /// Read the text from this file
    #[arg(short, long, value_name = "FILE", conflicts_with = "text")]
    message_file: Option<PathBuf>,
    /// The sender id; without it that of the settings of the run that sends it
    #[arg(short, long, value_name = "ID")]
    sender: Option<String>,
    /// Queue without delivering, whatever the settings say
    #[arg(long, conflicts_with = "live")]
    test: bool,
    /// Deliver and charge, whatever the settings say
    #[arg(long)]
    live: bool,
    /// Send only in these hours of a day, such as 09:00-21:00
    #[arg(long, value_name = "HH:MM-HH:MM")]
    hours: Option<String>,
    /// The time zone of the hours and times
    #[arg(long, value_name = "ZONE", default_value = "Asia/Kuwait")]
    zone: String,
    /// Send nothing before this time, such as "2027-03-20 09:00"
    #[arg(long, value_name = "TIME")]
    not_before: Option<String>,
    /// Send nothing from this time on
    #[arg(long, value_name = "TIME")]
    not_after: Option<String>,
    /// Goes before campaigns of a lower one
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    priority: i32,
    #[command(flatten)]
    rules: Rules,
    #[command(flatten)]
    only_to: OnlyTo,
    /// Approve it without asking
    #[arg(short, long)]
    yes: bool,
}

pub(crate) async fn run(args: Args, global: &Global, out: &mut Out) -> Ended {
    or_interrupted(create(args, global, out)).await
}

async fn create(args: Args, global: &Global, out: &mut Out) -> Ended {
    let source = Source::new(Vec::new(), Some(args.file), args.reading)?;
    let text = match (&args.message_file, args.text.as_deref()) {
        (Some(file), _) => text::from_file(file)?,
        (None, Some(text)) if text != "-" => text.to_owned(),
        _ if source.is_stdin() => {
            return Err(Failure::usage("standard input can give the numbers or the text, not both"));
        }
        _ => text::from_stdin()?,
    };
    let time = |text: &Option<String>| text.as_deref().map(|text| at(text, &args.zone)).transpose();
    let (not_before, not_after) = (time(&args.not_before)?, time(&args.not_after)?);
    let store = store::open(global).await?;
    let settings = settings::read(global).await?;
    let test = if args.live { false } else { args.test || settings.test_mode()? };
    let rules = args.rules.of_phones();
    let rows = on_a_thread(move || source.open(rules)).await?;
    if let Some(column) = rows.column() {
        note(column);
    }
    let mut campaign =
        store.campaign(&args.key).text(text).test_mode(test).priority(args.priority).phone_rules(rules);
    if let Some(sender) = args.sender {
        campaign = campaign.sender(sender);
    }
    if let Some(numbers) = args.only_to.numbers().or(settings.get(config::ONLY_TO)) {
        campaign = campaign.only_to(numbers);
    }
    if let Some(hours) = args.hours {
        campaign = campaign.window(hours, &args.zone);
    }
    if let Some(time) = not_before {
        campaign = campaign.not_before(time);
    }
    if let Some(time) = not_after {
        campaign = campaign.not_after(time);
    }
    // A row that cannot be read ends the load: the campaign is never ready.
    let (broken, failed) = std::sync::mpsc::channel();
    let rows = rows.with_values().map(move |row| {
        row.map(in_campaign).map_err(|failure| {
            let told = std::io::Error::other(failure.reasons.join(": "));
            let _ = broken.send(failure);
            told
        })
    });
    let loaded = campaign.try_recipients(rows).load().await;
    if let Ok(failure) = failed.try_recv() {
        return Err(failure.action("nothing can be sent: mend the file, and run the same command again"));
    }
    let draft = loaded?;
    let progress = draft.campaign().progress().await?;
    let estimate = *draft.estimate();
    let mode = if test { "TEST: queued, not delivered" } else { "LIVE" };
    if draft.existed() {
        note(format_args!("A campaign of this key is there already: it is {}.", progress.state.as_str()));
    }
    out.line(format_args!("  {estimate}"));
    out.line(format_args!("  Mode: {mode}"));
    let approved = args.yes || {
        let asks = !draft.existed() || progress.state.as_str() == "ready";
        asks && is_interactive() && !out.is_json() && prompt::yes("Approve it?", false).await?
    };
    let campaign = if approved { draft.approve().await? } else { draft.campaign().clone() };
    let progress = campaign.progress().await?;
    if out.is_json() {
        out.document(
            &json!({ "result": "OK", "key": campaign.key(), "estimate": estimate, "progress": progress }),
        );
    }
    if progress.state.as_str() == "ready" {
        let failure = Failure::usage("the campaign is loaded and not approved: nothing is sent");
        return Err(failure.action("run the same command with --yes, or cancel it"));
    }
    out.line(format_args!("  {}", shown(&progress)));
    out.line("  Send it with: kwtsms campaign run");
    Ok(Exit::Accepted)
}

/// A row as a campaign takes it. What the file itself refuses is handed on as what it is: no number.
fn in_campaign(row: crate::numbers::Row) -> CampaignRow {
    let to = if row.refused.is_some() { format!("refused: {}", strip_digits(&row.input)) } else { row.input };
    row.values
        .into_iter()
        .fold(CampaignRow::new(to).line(row.line), |row, (name, value)| row.value(name, value))
}

/// No digit of a refused row may be read as a number.
fn strip_digits(text: &str) -> String {
    text.chars().map(|c| if c.is_numeric() { '#' } else { c }).collect()
}

/// A time in a zone: with a zone of its own as RFC 3339 has it, or without as a clock on the wall shows it.
fn at(text: &str, zone: &str) -> Result<SystemTime, Failure> {
    let refused =
        || Failure::usage(format!("{text:?} is no time: write \"2027-03-20 09:00\", in the zone of --zone"));
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return since_1970(time).ok_or_else(refused);
    }
    let local: DateTime = text.parse().map_err(|_| refused())?;
    let zone = TimeZone::get(zone).map_err(|_| {
        Failure::usage(format!("there is no time zone {zone:?}: use an IANA name such as Asia/Kuwait"))
    })?;
    zone.to_timestamp(local).ok().and_then(since_1970).ok_or_else(refused)
}

fn since_1970(time: jiff::Timestamp) -> Option<SystemTime> {
    let micros = u64::try_from(time.as_microsecond()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_zone_unless_they_name_one() {
        let unix =
            |text: &str| at(text, "Asia/Kuwait").unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(unix("2027-03-20 09:00"), unix("2027-03-20T06:00:00Z"));
        assert_eq!(unix("2027-03-20T09:00:00+03:00"), unix("2027-03-20 09:00"));
        for text in ["tomorrow", "2027-13-01 09:00", "09:00", ""] {
            assert!(at(text, "Asia/Kuwait").is_err(), "{text}");
        }
        assert!(at("2027-03-20 09:00", "Kuwait City").is_err());
    }

    #[test]
    fn nothing_of_a_refused_row_can_be_a_number() {
        let text = strip_digits("96598765432 | ٩٦٥٩٨٧٦٥٤٣٢");
        assert!(
            kwtsms_async::PhoneNumber::parse_with(&text, kwtsms_async::CountryCheck::Off).is_err(),
            "{text}"
        );
    }
}
