//! The names of the checks, in their order.

pub(super) const CLIENT: &str = "client";
pub(super) const PACE: &str = "pace";
pub(super) const NAME: &str = "name";
pub(super) const PROXY: &str = "proxy";
pub(super) const CONNECTION: &str = "connection";
pub(super) const CERTIFICATE: &str = "certificate";
pub(super) const GATEWAY: &str = "gateway";
pub(super) const CLOCK: &str = "clock";
pub(super) const CREDENTIALS: &str = "credentials";
pub(super) const TEST_MODE: &str = "test_mode";
pub(super) const SENDER_ID: &str = "sender_id";
pub(super) const BALANCE: &str = "balance";
pub(super) const COUNTRIES: &str = "countries";
pub(super) const ONLY_TO: &str = "only_to";
pub(super) const SPEND_LIMIT: &str = "spend_limit";
pub(super) const BALANCE_FLOOR: &str = "balance_floor";
#[cfg(feature = "quiet-hours")]
pub(super) const QUIET_HOURS: &str = "quiet_hours";
pub(super) const NUMBER: &str = "number";
pub(super) const COUNTRY: &str = "country";
pub(super) const ROUTE: &str = "route";
pub(super) const TEXT: &str = "text";
pub(super) const PAGES: &str = "pages";
pub(super) const MESSAGE: &str = "message";
pub(super) const REPORT: &str = "report";
