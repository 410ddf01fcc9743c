//! The guards of a run: those of the settings, and the options that stand above them.

use clap::builder::NonEmptyStringValueParser;
use kwtsms_async::Credits;
use kwtsms_async::config::{self, Environment};

use crate::exit::Failure;
use crate::options::Global;
use crate::settings;

/// The heading of these options.
const HEADING: &str = "Guards, each above its setting";

/// The settings that they are.
const KEYS: [&str; 5] = [
    config::ONLY_TO,
    config::SPEND_PER_HOUR,
    config::SPEND_PER_DAY,
    config::BALANCE_FLOOR,
    config::QUIET_HOURS,
];

/// Who may be written to. Nothing is no list: an empty variable of a script must not write to everybody.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct OnlyTo {
    /// Write to these numbers, by commas, and to nobody else [setting: KWTSMS_ONLY_TO]
    #[arg(long, help_heading = HEADING, value_name = "NUMBERS", value_parser = NonEmptyStringValueParser::new())]
    only_to: Option<String>,
}

/// What may be spent.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SpendLimits {
    /// Spend at most so many credits on live messages within an hour [setting: KWTSMS_SPEND_PER_HOUR]
    #[arg(long, help_heading = HEADING, value_name = "CREDITS", value_parser = above_zero)]
    spend_per_hour: Option<Credits>,
    /// Spend at most so many credits on live messages within a day [setting: KWTSMS_SPEND_PER_DAY]
    #[arg(long, help_heading = HEADING, value_name = "CREDITS", value_parser = above_zero)]
    spend_per_day: Option<Credits>,
}

/// What holds bulk messages only.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct OfBulk {
    /// Stop before the batch that would leave less than so many credits [setting: KWTSMS_BALANCE_FLOOR]
    #[arg(long, help_heading = HEADING, value_name = "CREDITS", value_parser = credits)]
    balance_floor: Option<Credits>,
    /// Wait while it is between these hours, 21:00-09:00 in Kuwait or "21:00-09:00 Asia/Riyadh" [setting:
    /// KWTSMS_QUIET_HOURS]
    #[arg(long, help_heading = HEADING, value_name = "HOURS", value_parser = NonEmptyStringValueParser::new())]
    quiet_hours: Option<String>,
}

/// The guards of a verb that sends single messages.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Guards {
    #[command(flatten)]
    only_to: OnlyTo,
    #[command(flatten)]
    limits: SpendLimits,
}

/// The guards of a verb that sends to many.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct BulkGuards {
    #[command(flatten)]
    single: Guards,
    #[command(flatten)]
    bulk: OfBulk,
}

/// Settings that options stand above.
pub(crate) type Set = Vec<(&'static str, String)>;

fn set(options: impl IntoIterator<Item = (&'static str, Option<String>)>) -> Set {
    options.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

impl OnlyTo {
    pub(crate) fn numbers(&self) -> Option<&str> {
        self.only_to.as_deref()
    }
}

impl Guards {
    pub(crate) fn set(&self) -> Set {
        let amount = |credits: Option<Credits>| credits.map(|credits| credits.to_string());
        set([
            (config::ONLY_TO, self.only_to.only_to.clone()),
            (config::SPEND_PER_HOUR, amount(self.limits.spend_per_hour)),
            (config::SPEND_PER_DAY, amount(self.limits.spend_per_day)),
        ])
    }
}

impl BulkGuards {
    /// The only numbers that may be written to, if the options or the settings name them.
    pub(crate) async fn only_to(&self, global: &Global) -> Result<Option<String>, Failure> {
        if let Some(numbers) = self.single.only_to.numbers() {
            return Ok(Some(numbers.to_owned()));
        }
        Ok(settings::read(global).await?.get(config::ONLY_TO).map(str::to_owned))
    }

    pub(crate) fn set(&self) -> Set {
        let floor = self.bulk.balance_floor.map(|credits| credits.to_string());
        let mut options = self.single.set();
        options.extend(set([
            (config::BALANCE_FLOOR, floor),
            (config::QUIET_HOURS, self.bulk.quiet_hours.clone()),
        ]));
        options
    }
}

/// Puts the options above the settings.
pub(crate) fn above(settings: &Environment, options: &Set) -> Environment {
    let mut settings = settings.clone();
    options.iter().for_each(|(key, value)| settings.set(key, value));
    settings
}

/// The settings of a gateway of this call, of which the guards are those that the settings name, so that they can be
/// tried.
pub(crate) async fn of_the_sandbox(
    global: &Global,
    base_url: &str,
    options: &Set,
) -> Result<Environment, Failure> {
    let found = settings::read(global).await?;
    let mut settings = Environment::default();
    for (key, value) in
        [(config::USERNAME, "sandbox"), (config::PASSWORD, "sandbox"), (config::BASE_URL, base_url)]
    {
        settings.set(key, value);
    }
    for (key, value) in KEYS.into_iter().filter_map(|key| Some((key, found.get(key)?))) {
        settings.set(key, value);
    }
    Ok(above(&settings, options))
}

fn credits(text: &str) -> Result<Credits, String> {
    match text.parse() {
        Ok(credits) if credits >= Credits::ZERO => Ok(credits),
        _ => Err("give credits, such as 500".to_owned()),
    }
}

fn above_zero(text: &str) -> Result<Credits, String> {
    credits(text)
        .ok()
        .filter(|credits| *credits > Credits::ZERO)
        .ok_or_else(|| "give credits above 0, such as 500".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_that_are_none_are_refused() {
        for (text, floor, limit) in [
            ("500", true, true),
            ("0.5", true, true),
            ("0", true, false),
            ("-1", false, false),
            ("many", false, false),
            ("", false, false),
        ] {
            assert_eq!((credits(text).is_ok(), above_zero(text).is_ok()), (floor, limit), "{text}");
        }
    }
}
