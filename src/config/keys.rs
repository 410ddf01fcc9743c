//! The names of the settings.

/// The API user name. Not the account's mobile number.
pub const USERNAME: &str = "KWTSMS_USERNAME";
/// The API password.
pub const PASSWORD: &str = "KWTSMS_PASSWORD";
/// The sender id; `KWT-SMS` if unset.
pub const SENDER_ID: &str = "KWTSMS_SENDER_ID";
/// `1`/`true` or `0`/`false`; `0` if unset, anything else is an error.
pub const TEST_MODE: &str = "KWTSMS_TEST_MODE";
/// The JSONL log's path; set but empty switches the log off.
pub const LOG_FILE: &str = "KWTSMS_LOG_FILE";
/// The base URL; [`DEFAULT_BASE_URL`] if unset.
pub const BASE_URL: &str = "KWTSMS_BASE_URL";
/// `1`/`true` lets the base URL begin with `http://` although its host is another machine; `0` if unset. See
/// [`ClientBuilder::allow_http`](crate::ClientBuilder::allow_http).
pub const ALLOW_HTTP: &str = "KWTSMS_ALLOW_HTTP";
/// The keys of one-time codes: the current one, then old ones that are still accepted, separated by commas.
pub const OTP_KEY: &str = "KWTSMS_OTP_KEY";
/// The store that the command uses: the path of an SQLite file, or a URL. A URL may hold a password.
pub const STORE: &str = "KWTSMS_STORE";
/// The name of what the runs of the command share in that store; [`DEFAULT_SCOPE`] if unset.
pub const SCOPE: &str = "KWTSMS_SCOPE";
/// The only numbers that are written to, separated by commas; everybody if unset. See
/// [`ClientBuilder::only_to`](crate::ClientBuilder::only_to).
pub const ONLY_TO: &str = "KWTSMS_ONLY_TO";
/// Credits that may be spent in an hour; no limit if unset. See
/// [`ClientBuilder::spend_limit`](crate::ClientBuilder::spend_limit).
pub const SPEND_PER_HOUR: &str = "KWTSMS_SPEND_PER_HOUR";
/// Credits that may be spent in a day; no limit if unset.
pub const SPEND_PER_DAY: &str = "KWTSMS_SPEND_PER_DAY";
/// Credits that bulk runs leave; no floor if unset. See
/// [`ClientBuilder::balance_floor`](crate::ClientBuilder::balance_floor).
pub const BALANCE_FLOOR: &str = "KWTSMS_BALANCE_FLOOR";
/// Hours in which no bulk message leaves, `21:00-09:00`, and a blank and a time zone if it is not Kuwait's; needs the
/// feature `quiet-hours`. None if unset.
pub const QUIET_HOURS: &str = "KWTSMS_QUIET_HOURS";

/// The gateway's base URL (API document v4.1).
pub const DEFAULT_BASE_URL: &str = "https://www.kwtsms.com/API/";

/// The scope of the command's pace, if no other is set. An application on the same public address and store that shares
/// the command's pace names the same.
pub const DEFAULT_SCOPE: &str = "default";

/// The shared test sender id, used if no other is set.
pub const DEFAULT_SENDER_ID: &str = "KWT-SMS";

/// The file that the environment is completed from, in the working directory.
pub const ENV_FILE: &str = ".env";

/// All keys.
pub(super) const KEYS: [&str; 15] = [
    USERNAME,
    PASSWORD,
    SENDER_ID,
    TEST_MODE,
    LOG_FILE,
    BASE_URL,
    ALLOW_HTTP,
    OTP_KEY,
    STORE,
    SCOPE,
    ONLY_TO,
    SPEND_PER_HOUR,
    SPEND_PER_DAY,
    BALANCE_FLOOR,
    QUIET_HOURS,
];

/// Whose credentials a request carries.
pub(super) const CREDENTIALS: [&str; 2] = [USERNAME, PASSWORD];

/// What is used as it stands, so that a line break at its end would be a part of it.
pub(super) const LITERAL: [&str; 4] = [USERNAME, PASSWORD, LOG_FILE, STORE];

/// Where a blank and a `#` can only begin a comment, since no value holds them.
pub(super) const WITHOUT_HASH: [&str; 3] = [TEST_MODE, BASE_URL, ALLOW_HTTP];
