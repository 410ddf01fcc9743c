//! By which rules numbers are read.

use clap::ValueEnum;
use kwtsms_async::{ClientBuilder, CountryCheck, GulfCountry, PhoneRules};

/// The options of verbs that take numbers.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Rules {
    /// How numbers are held against the plan of their country: off takes any 7 to 15 digits, gulf refuses what no Gulf
    /// state's plan allows, strict what cannot be a mobile anywhere
    #[arg(long, value_name = "CHECK", value_enum, default_value_t)]
    country_check: Check,
    /// Whose numbers those without a country code are: 965, 966, 968, 971, 973 or 974. Without it they are refused
    #[arg(long, value_name = "CODE", value_parser = country)]
    country: Option<GulfCountry>,
}

/// The names of the checks.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Check {
    Off,
    Gulf,
    #[default]
    Strict,
}

fn country(text: &str) -> Result<GulfCountry, &'static str> {
    text.trim().parse().map_err(|_| "give 965, 966, 968, 971, 973 or 974, or KW, SA, OM, AE, BH or QA")
}

impl Rules {
    fn check(self) -> CountryCheck {
        match self.country_check {
            Check::Off => CountryCheck::Off,
            Check::Gulf => CountryCheck::Gulf,
            Check::Strict => CountryCheck::Strict,
        }
    }

    /// For numbers that are read here.
    pub(crate) fn of_phones(self) -> PhoneRules {
        let rules = PhoneRules::from(self.check());
        self.country.map_or(rules, |country| rules.default_country(country))
    }

    /// For numbers that a client reads.
    pub(crate) fn of_client(self, builder: ClientBuilder) -> ClientBuilder {
        let builder = builder.country_check(self.check());
        match self.country {
            Some(country) => builder.default_country(country),
            None => builder,
        }
    }
}
