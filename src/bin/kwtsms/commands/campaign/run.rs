//! campaign run: a worker until nothing is left.

use std::path::PathBuf;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kwtsms_async::{Campaign, CampaignProgress, CampaignState, Store, WaitsFor};
use serde_json::json;

use super::show::{exit, shown, why};
use crate::connect::connect;
use crate::exit::{Ended, Exit};
use crate::gateway::ClientOptions;
use crate::guards::BulkGuards;
use crate::interrupt::{Interrupts, or_interrupted};
use crate::options::Global;
use crate::output::{Out, counted, note};
use crate::store;

/// Between looks at how far it is.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder of the journal, on a disk of this machine; beside an SQLite store unless given
    #[arg(long, value_name = "FOLDER")]
    journal: Option<PathBuf>,
    /// Wait for further campaigns when nothing is left to send
    #[arg(long)]
    stay: bool,
    /// Requests under way at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    max_in_flight: usize,
    #[command(flatten)]
    guards: BulkGuards,
}

pub(crate) async fn run(args: Args, global: &Global, out: &mut Out) -> Ended {
    let mut interrupts = Interrupts::listen();
    let begun = or_interrupted(async {
        let store = store::open(global).await?;
        let options = ClientOptions {
            store: Some(store.clone()),
            guards: args.guards.set(),
            ..ClientOptions::default()
        };
        let gateway = connect(global, &options, out).await?;
        let work = gateway.client.work(&store).max_in_flight(args.max_in_flight);
        let work = match &args.journal {
            Some(folder) => work.journal(folder),
            None => work,
        };
        let work = if args.stay { work } else { work.until_done() };
        // Before the worker, which may have sent the last batch of a campaign when it is looked at next.
        let mut seen = Seen::default();
        seen.look(&store).await?;
        let worker = work.start().await?;
        Ok((store, gateway, worker, seen))
    })
    .await;
    let (store, _gateway, mut worker, mut seen) = begun?;
    let bar = bar();
    out.set_bar(bar.clone());
    let interrupted = loop {
        seen.look(&store).await?;
        seen.show(&bar, out);
        tokio::select! {
            () = interrupts.next() => break true,
            () = worker.ended() => break false,
            () = tokio::time::sleep(LOOK) => {}
        }
    };
    if interrupted {
        bar.suspend(|| note("  Stopping: finishing what is in flight; a second Ctrl-C aborts."));
        worker.stop();
        tokio::select! {
            biased;
            () = worker.ended() => {}
            // What was under way is in the journal: the next run accounts for it.
            () = interrupts.next() => return Ok(Exit::Unknown),
        }
    }
    worker.finished().await?;
    seen.look(&store).await?;
    bar.finish_and_clear();
    let mut worst = None;
    for (campaign, progress) in &seen.campaigns {
        out.line(format_args!("  {}: {}", campaign.key(), shown(progress)));
        if let Some(waits) = progress.waits_for.as_ref().filter(|_| !progress.is_over()) {
            out.line(format_args!("    Waits for {}", why(waits)));
        }
        let exit = ended(progress, interrupted);
        worst = Some(worst.map_or(exit, |worst: Exit| more_telling(worst, exit)));
    }
    if seen.campaigns.is_empty() {
        out.line("  No campaign of this account is running.");
    }
    let exit = worst.unwrap_or(if interrupted { Exit::Interrupted } else { Exit::Accepted });
    if out.is_json() {
        out.document(&json!({ "event": "end", "result": exit.result(), "campaigns": seen.documents() }));
    }
    Ok(exit)
}

fn ended(progress: &CampaignProgress, interrupted: bool) -> Exit {
    let exit = exit(progress);
    match exit {
        Exit::Unknown => exit,
        _ if interrupted && !progress.is_over() => Exit::Interrupted,
        // A code paused it: the account, or the text.
        _ if progress.state == CampaignState::Paused && !progress.is_over() => {
            if progress.accepted > 0 {
                Exit::Partly
            } else {
                Exit::Refused
            }
        }
        exit => exit,
    }
}

/// The order of the exit codes, as `--help` has it.
fn more_telling(one: Exit, other: Exit) -> Exit {
    let order =
        [Exit::Unknown, Exit::Interrupted, Exit::Partly, Exit::Account, Exit::Refused, Exit::Accepted];
    let place = |exit| order.iter().position(|other| *other == exit);
    if place(one) <= place(other) { one } else { other }
}

/// The campaigns that ran while this run did.
#[derive(Default)]
struct Seen {
    campaigns: Vec<(Campaign, CampaignProgress)>,
    told: Option<String>,
    /// Why it waited when that was said last.
    waited: Option<WaitsFor>,
}

impl Seen {
    async fn look(&mut self, store: &Store) -> Result<(), kwtsms_async::Error> {
        for (campaign, progress) in &mut self.campaigns {
            *progress = campaign.progress().await?;
        }
        for campaign in store.campaigns().await? {
            if self.campaigns.iter().all(|(seen, _)| seen.key() != campaign.key()) {
                let progress = campaign.progress().await?;
                if progress.state == CampaignState::Running && !progress.is_over() {
                    self.campaigns.push((campaign, progress));
                }
            }
        }
        Ok(())
    }

    fn documents(&self) -> Vec<serde_json::Value> {
        self.campaigns
            .iter()
            .map(|(campaign, progress)| json!({ "key": campaign.key(), "progress": progress }))
            .collect()
    }

    fn show(&mut self, bar: &ProgressBar, out: &mut Out) {
        let sum =
            |of: fn(&CampaignProgress) -> u64| self.campaigns.iter().map(|(_, progress)| of(progress)).sum();
        let (total, left): (u64, u64) =
            (sum(CampaignProgress::total), sum(|progress| progress.planned + progress.sending));
        let unknown: u64 = sum(|progress| progress.unknown);
        bar.set_length(total);
        bar.set_position(total - left);
        let waits = self.campaigns.iter().find_map(|(_, progress)| {
            progress.waits_for.clone().filter(|waits| !matches!(waits, WaitsFor::Workers))
        });
        let mut message = match &waits {
            Some(waits) => format!("waits for {}", why(waits)),
            None => {
                let left = self.campaigns.iter().map(|(_, progress)| progress.time_left()).sum::<Duration>();
                format!("{} left", short(left))
            }
        };
        if unknown > 0 {
            message = format!("{message}, {} of unknown outcome", counted(unknown, "number"));
        }
        // Where there is no bar, as in a log, a run that waits would be silent.
        if bar.is_hidden() && !out.is_json() && self.waited != waits {
            if let Some(waits) = &waits {
                note(format_args!("  Waits for {}", why(waits)));
            }
            self.waited.clone_from(&waits);
        }
        bar.set_message(message.clone());
        bar.tick();
        let documents = json!({ "event": "progress", "campaigns": self.documents() });
        let text = documents.to_string();
        if out.is_json() && self.told.as_ref() != Some(&text) {
            out.document(&documents);
            self.told = Some(text);
        }
    }
}

fn short(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("  {bar:30} {pos}/{len}  {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}
