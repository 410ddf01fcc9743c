//! The progress bar of a run, and what is said where there is none.

use std::ops::ControlFlow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kwtsms_async::{Progress, Retry, RetryReason, Waiting};

use crate::output::note;

/// A bar on standard error; hidden by itself where that is no terminal.
pub(super) fn bar(inputs: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(inputs, ProgressDrawTarget::stderr());
    let template =
        if inputs.is_some() { "  {bar:30} {pos}/{len}  {msg}" } else { "  {spinner} {pos}  {msg}" };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// Shows how far the run is. `aside` are numbers that never went to it.
pub(super) fn show(bar: &ProgressBar, progress: &Progress, aside: u64, stopping: bool) {
    bar.set_position(progress.done() + aside);
    let message = match progress.waiting() {
        _ if stopping => "stopping: finishing what is in flight".to_owned(),
        Waiting::QueueFull | Waiting::QueueStuck => "waiting for the full queue".to_owned(),
        Waiting::SameNumber => "waiting: these numbers got a message less than 15 s ago".to_owned(),
        Waiting::QuietHours => "waiting for the end of the quiet hours".to_owned(),
        Waiting::SpendLimit => "waiting for the spend limit to open again".to_owned(),
        Waiting::NoAnswer => "waiting for the gateway, which does not answer".to_owned(),
        _ if progress.done() == 0 => "sending".to_owned(),
        _ => match progress.time_left() {
            Some(left) => format!("{:.0}/s, {} left", progress.rate(), short(left)),
            None => format!("{:.0}/s", progress.rate()),
        },
    };
    bar.set_message(message);
    bar.tick();
}

/// What is told once of a wait that the run has of itself.
pub(super) fn why_it_waits(waiting: Waiting) -> Option<&'static str> {
    match waiting {
        Waiting::SameNumber => Some("Numbers got a message less than 15 s ago, from another run"),
        Waiting::QuietHours => Some("It is in quiet hours"),
        Waiting::SpendLimit => Some("The spend limit is reached, and opens again within the hour or the day"),
        Waiting::NoAnswer => Some("The gateway does not answer"),
        _ => None,
    }
}

pub(super) fn short(time: Duration) -> String {
    // Up, so that a wait of 30 s does not begin as one of 29.
    match time.as_secs() + u64::from(time.subsec_nanos() > 0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// What to do about a batch that could be tried again.
pub(super) fn on_retry(bar: ProgressBar, no_wait: bool) -> impl Fn(&Retry) -> ControlFlow<()> + Send + Sync {
    move |retry| {
        let why = match retry.reason {
            RetryReason::QueueFull => "The gateway's queue is full",
            RetryReason::SameNumber => "A number got a message less than 15 s ago",
            _ => return ControlFlow::Continue(()), // half a second at most
        };
        if no_wait {
            return ControlFlow::Break(());
        }
        bar.suspend(|| {
            note(format_args!("  {why}: waiting {} (Ctrl-C stops).", short(retry.after)));
        });
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (seconds, text) in [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3_661, "1 h 1 min")] {
            assert_eq!(short(Duration::from_secs(seconds)), text);
        }
    }
}
