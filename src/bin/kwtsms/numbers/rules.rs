//! By which rules a number is read.

use clap::ValueEnum;
use kwtsms_async::CountryCheck;

/// The options of verbs that take numbers.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Rules {
    /// How numbers are checked against the rules of their country
    #[arg(long, value_name = "CHECK", value_enum, default_value_t = Check::Strict)]
    country_check: Check,
}

/// The names of the checks.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Check {
    /// Not at all: 7 to 15 digits
    Off,
    /// By each country's plan of numbers: what cannot be a mobile is refused
    Strict,
}

impl Rules {
    pub(crate) fn check(self) -> CountryCheck {
        match self.country_check {
            Check::Off => CountryCheck::Off,
            Check::Strict => CountryCheck::Strict,
        }
    }
}
