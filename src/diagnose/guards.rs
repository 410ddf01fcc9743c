//! The guards that are set, and what each holds now.

use std::time::Duration;

use super::ask::Asked;
use super::check::Check;
use super::{names, number};
use crate::balance::Balance;
use crate::core::Core;
use crate::credits::Credits;
use crate::error::Error;
use crate::guard::Spent;
use crate::phone::{PhoneError, PhoneNumber};

/// What the guards hold, as far as it had to be asked for.
pub(super) struct Held<'a> {
    /// `None` where there is no limit, or no time was left to look.
    pub(super) spent: Option<&'a Result<Spent, Error>>,
    pub(super) balance: &'a Asked<Balance>,
    /// The number that is looked at.
    pub(super) number: Option<&'a Result<PhoneNumber, PhoneError>>,
    /// The pages of the text that is looked at, or one.
    pub(super) pages: usize,
    pub(super) show_numbers: bool,
}

/// One check for each guard that is set.
pub(super) fn checks(core: &Core, held: &Held<'_>) -> Vec<Check> {
    let cost = Credits::from_int(i64::try_from(held.pages).unwrap_or(1));
    let mut checks = Vec::new();
    checks.extend(core.guards.only_to.count().map(|count| only_to(core, count, held)));
    if let Some(spending) = core.guards.spending() {
        let own = !spending.is_shared();
        checks.push(match held.spent {
            Some(Ok(spent)) => spend_limit(spent, cost, own),
            Some(Err(error)) => Check::failed(names::SPEND_LIMIT, format!("{error:#}"), error.action()),
            None => Check::skipped(names::SPEND_LIMIT, "no time was left to ask its store"),
        });
    }
    if let Some(floor) = core.guards.floor_credits() {
        checks.push(
            held.balance
                .check(names::BALANCE_FLOOR, |balance| balance_floor(floor, balance.available(), cost)),
        );
    }
    #[cfg(feature = "quiet-hours")]
    if let Some(quiet) = core.guards.quiet_hours() {
        checks.push(quiet_hours(&format!("{quiet:?}"), quiet.left(), quiet.begin_in()));
    }
    checks
}

fn only_to(core: &Core, count: usize, held: &Held<'_>) -> Check {
    const NAME: &str = names::ONLY_TO;
    const ADD: &str = "add the number to only_to (KWTSMS_ONLY_TO), or take the setting away where everybody may be \
                       written to";
    let nobody_else = match count {
        0 => "it names nobody, so that nothing is sent".to_owned(),
        1 => "1 number is written to, and nobody else".to_owned(),
        count => format!("{count} numbers are written to, and nobody else"),
    };
    match held.number {
        Some(Ok(number)) => {
            let shown = number::shown(*number, held.show_numbers);
            if core.guards.only_to.allows(*number) {
                Check::ok(NAME, format!("{nobody_else}; {shown} is among them"))
            } else {
                Check::failed(NAME, format!("{nobody_else}; {shown} is not among them"), ADD)
            }
        }
        _ if count == 0 => Check::failed(NAME, nobody_else, ADD),
        _ => Check::warning(
            NAME,
            nobody_else,
            "leave it so on staging; take only_to (KWTSMS_ONLY_TO) away where everybody may be written to",
        ),
    }
}

/// `own` is one that no store shares.
fn spend_limit(spent: &Spent, cost: Credits, own: bool) -> Check {
    const NAME: &str = names::SPEND_LIMIT;
    let windows = spent.windows();
    let window = |(limit, window, spent, frees): &(Credits, &str, Credits, Option<Duration>)| {
        let free = match frees {
            Some(free) => format!(", the oldest of them free again in {}", time(*free)),
            None => String::new(),
        };
        format!("{spent} of {limit} credits spent within {window}{free}")
    };
    let mut seen = windows.iter().map(window).collect::<Vec<_>>().join("; ");
    if own {
        seen += "; counted by this process alone, from its start";
    }
    match spent.room_for(cost) {
        Ok(()) => Check::ok(NAME, seen),
        Err(Some(wait)) => Check::failed(
            NAME,
            format!("{seen}; there is no room for {cost} more, but in {}", time(wait)),
            "wait until then; if so much was meant to be spent, raise it: spend_limit (KWTSMS_SPEND_PER_HOUR, \
             KWTSMS_SPEND_PER_DAY)",
        ),
        Err(None) => Check::failed(
            NAME,
            format!("{seen}; a message of {cost} alone is above it"),
            "raise spend_limit (KWTSMS_SPEND_PER_HOUR, KWTSMS_SPEND_PER_DAY)",
        ),
    }
}

fn balance_floor(floor: Credits, balance: Credits, cost: Credits) -> Check {
    let seen = format!("bulk messages leave {floor} credits; the balance is {balance}");
    if balance - cost >= floor {
        return Check::ok(names::BALANCE_FLOOR, seen);
    }
    Check::warning(
        names::BALANCE_FLOOR,
        format!("{seen}, so that runs and campaigns stop; single messages still go out"),
        "top up the account at kwtsms.com, or lower balance_floor (KWTSMS_BALANCE_FLOOR)",
    )
}

/// `left` is how long they last, if they are now, and `begin_in` when they begin.
#[cfg(feature = "quiet-hours")]
fn quiet_hours(hours: &str, left: Option<Duration>, begin_in: Option<Duration>) -> Check {
    match (left, begin_in) {
        (Some(left), _) => Check::warning(
            names::QUIET_HOURS,
            format!("{hours}, and so now: bulk messages wait for {}; single messages go out", time(left)),
            "wait for their end, or change quiet_hours (KWTSMS_QUIET_HOURS)",
        ),
        (None, Some(begin_in)) => {
            Check::ok(names::QUIET_HOURS, format!("{hours}, not now: they begin in {}", time(begin_in)))
        }
        (None, None) => Check::ok(names::QUIET_HOURS, format!("{hours}, not now")),
    }
}

/// Rounded up, so that nobody comes too early.
fn time(time: Duration) -> String {
    match time.as_secs() + u64::from(time.subsec_nanos() > 0) {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..=3_540 => format!("{} min", seconds.div_ceil(60)),
        seconds => match seconds.div_ceil(60) {
            minutes if minutes % 60 == 0 => format!("{} h", minutes / 60),
            minutes => format!("{} h {} min", minutes / 60, minutes % 60),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "2 min"),
            (3_540, "59 min"),
            (3_541, "1 h"),
            (3_661, "1 h 2 min"),
            (86_400, "24 h"),
        ] {
            assert_eq!(time(Duration::from_secs(seconds)), text, "{seconds}");
        }
    }
}
