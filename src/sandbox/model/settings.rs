//! What may be chosen of the model.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reply::{CreditStyle, ErrorStatus};

/// What a builder and the inbox set; what is unknown of the real gateway is a setting wherever it can be.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) error_status: ErrorStatus,
    /// Statuses of single codes, which go before the one above.
    pub(crate) code_status: BTreeMap<String, u16>,
    pub(crate) credit_style: CreditStyle,
    pub(crate) latency: Duration,
    pub(crate) history: usize,
    pub(crate) drain_per_second: u32,
    pub(crate) same_number_in_test_mode: bool,
    pub(crate) stuck_fill_queue: bool,
    pub(crate) known_accounts_only: bool,
    pub(crate) long_mobile: Option<String>,
    pub(crate) report_after: Duration,
    pub(crate) firewall: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            error_status: ErrorStatus::AsSeen,
            code_status: BTreeMap::new(),
            credit_style: CreditStyle::Integer,
            latency: Duration::ZERO,
            history: 10_000,
            drain_per_second: 50,
            same_number_in_test_mode: false,
            stuck_fill_queue: false,
            known_accounts_only: false,
            // Unknown on the real gateway; of the documented codes this one fits best.
            long_mobile: Some("ERR025".to_owned()),
            report_after: Duration::from_secs(5 * 60),
            firewall: None,
        }
    }
}

impl Settings {
    /// The HTTP status that an error code comes with.
    pub(crate) fn status_of(&self, code: &str) -> u16 {
        self.code_status.get(code).copied().unwrap_or_else(|| self.error_status.of(code))
    }
}
