//! Settings from the environment and a `.env` file, and the checks that a client's settings pass.
//!
//! # The file
//!
//! `KEY=value`, a key on each line; comments on lines of their own. A value stands there as it is, in single quotes
//! (nothing in them has another meaning), or in double quotes with a `\` in front of each `\`, `"` and `$`. What a
//! reader of such files would change silently is refused with its line: a `$` that would be taken for a variable, a
//! backslash, a quote or a blank in a value without quotes, what stands behind a `#`; and so is a key of ours that
//! stands there twice with different values, or in other letters (`kwtsms_test_mode`). A byte order mark
//! is left out, and a file of over 1 MiB refused. Reading a pipe waits for its writer.
//!
//! # A file that was only found
//!
//! Whoever can write into the working directory can put a `.env` there. So such a file says where requests go
//! ([`BASE_URL`], [`ALLOW_HTTP`]), where is written ([`LOG_FILE`], [`STORE`]) and by what codes are checked
//! ([`OTP_KEY`]) only for credentials that it holds itself, user name and password; for others it is an error, that
//! names the file and the key ([`Environment::confirmed`]). A file that is named ([`Environment::from_env_file`], the
//! command's `--env-file`) may say all.

mod checks;
mod dotenv;
mod environment;
mod keys;
mod line;

pub(crate) use checks::{BaseUrl, base_url, no_control_character, switch};
pub use environment::{Environment, Origin, is_set};
pub use keys::{
    ALLOW_HTTP, BALANCE_FLOOR, BASE_URL, DEFAULT_BASE_URL, DEFAULT_SCOPE, DEFAULT_SENDER_ID, ENV_FILE,
    LOG_FILE, ONLY_TO, OTP_KEY, PASSWORD, QUIET_HOURS, SCOPE, SENDER_ID, SPEND_PER_DAY, SPEND_PER_HOUR,
    STORE, TEST_MODE, USERNAME,
};
