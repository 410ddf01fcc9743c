//! Any bytes as a `.env` file: no panic; what is refused names no value, and what is read holds for a client.

#![no_main]

use std::sync::LazyLock;

use kwtsms_async::ClientBuilder;
use kwtsms_async::config::{Environment, PASSWORD, SENDER_ID, USERNAME};
use libfuzzer_sys::fuzz_target;

/// In memory, where the system has such a folder.
static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap());

fuzz_target!(|bytes: &[u8]| {
    let file = FOLDER.path().join("env");
    std::fs::write(&file, bytes).unwrap();
    match Environment::from_file(&file) {
        Err(error) => assert!(!format!("{error:#} {error:?}").contains('\n')),
        Ok(env) => {
            for key in [USERNAME, PASSWORD, SENDER_ID] {
                let _ = env.get(key);
            }
            let _ = (env.test_mode(), env.log_file(), env.missing_credentials());
            let shown = format!("{env:?}");
            if env.get(PASSWORD).is_some_and(|password| password.contains("~7~")) {
                let elsewhere = String::from_utf8_lossy(bytes).matches("~7~").count() > 1;
                assert!(elsewhere || !shown.contains("~7~"), "Debug shows the password");
            }
            // Not built: each client reads the machine's certificates.
            if let Err(error) = ClientBuilder::from_environment(&env) {
                assert!(!format!("{error:#} {error:?}").contains('\n'));
            }
        }
    }
});
