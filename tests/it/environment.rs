//! Settings from the environment and `.env`: each case is a process of its own, since no test may change the
//! environment of the others. The process is this test binary, told to run one test.

mod way;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::future::BoxFuture;
use kwtsms_async::transport::{Request, Response, Transport, TransportError};
use kwtsms_async::{Client, ClientBuilder, Error, ErrorKind, config};
use serde_json::{Value, json};

/// Set for the process of a case; its value is a file for `from_env_file`, or empty.
const CASE: &str = "TEST_CASE_FILE";
const SAID: &str = "SAID:";

/// Answers any request with its own body.
#[derive(Debug)]
struct Echo;

impl Transport for Echo {
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let reply = json!({"result": "OK", "available": 0, "request": body});
        Box::pin(async move { Ok(Response::new(200, reply.to_string())) })
    }

    fn is_local(&self) -> bool {
        true
    }
}

fn settings(builder: impl Fn() -> Result<ClientBuilder, Error>) -> Result<Value, Error> {
    let client = builder()?.build()?;
    let echo = builder()?.transport(Echo).build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let balance = runtime.block_on(echo.balance().into_future())?;
    Ok(json!({
        "host": client.host(),
        "sender": client.sender_id(),
        "test": client.test_mode(),
        "credentials": balance.raw().unwrap().as_object()["request"],
    }))
}

fn environment() -> BTreeMap<std::ffi::OsString, std::ffi::OsString> {
    std::env::vars_os().collect()
}

#[test]
#[ignore = "it is the process that the other tests of this module run"]
fn a_process_of_its_own() {
    let Ok(file) = std::env::var(CASE) else { return };
    let before = environment();
    let result = if file.is_empty() {
        assert_eq!(
            Client::from_env().is_ok(),
            ClientBuilder::from_env().and_then(ClientBuilder::build).is_ok()
        );
        settings(ClientBuilder::from_env)
    } else {
        settings(|| ClientBuilder::from_env_file(&file))
    };
    assert_eq!(environment(), before, "the process environment is not changed");
    let said = result.unwrap_or_else(|error| {
        assert_eq!(error.kind(), ErrorKind::Config);
        json!({"error": error.to_string(), "shown": crate::raw_server::shown(&error)})
    });
    println!("{SAID}{said}");
}

/// A working directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("env-{:x}", fastrand::u64(..)));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn with(env_file: impl AsRef<[u8]>) -> Self {
        let dir = Self::new();
        std::fs::write(dir.0.join(".env"), env_file).unwrap();
        dir
    }

    /// What a process in this directory, with these variables and no others, gets from `.env` or another file.
    fn settings_with(&self, file: &str, variables: &[(&str, &str)]) -> Value {
        self.said_by("a_process_of_its_own", file, variables)
    }

    /// What another process of this module says.
    fn said_by(&self, process: &str, file: &str, variables: &[(&str, &str)]) -> Value {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("environment::{process}"), "--ignored", "--nocapture"])
            .env_clear()
            .env(CASE, file)
            .envs(variables.iter().copied())
            .current_dir(&self.0)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let said = text.lines().find_map(|line| line.split_once(SAID)).expect(&text).1;
        serde_json::from_str(said).unwrap()
    }

    fn settings(&self, variables: &[(&str, &str)]) -> Value {
        self.settings_with("", variables)
    }

    /// The error, which shows no value.
    fn error(&self, variables: &[(&str, &str)]) -> String {
        let said = self.settings(variables);
        let error = said["error"].as_str().unwrap_or_else(|| panic!("{said}")).to_owned();
        let shown = said["shown"].as_str().unwrap();
        assert!(!shown.contains("s3cret"), "{shown}");
        error
    }

    fn password(&self) -> String {
        self.settings(&[])["credentials"]["password"].as_str().unwrap().to_owned()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const BOTH: [(&str, &str); 2] = [(config::USERNAME, "user"), (config::PASSWORD, "s3cret")];

fn and<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    BOTH.into_iter().chain(more.iter().copied()).collect()
}

#[test]
fn credentials_alone_are_enough_and_the_rest_has_its_defaults() {
    let wanted = json!({
        "host": "www.kwtsms.com",
        "sender": "KWT-SMS",
        "test": false,
        "credentials": {"username": "user", "password": "s3cret"},
    });
    assert_eq!(Dir::new().settings(&BOTH), wanted);
    let dir = Dir::with("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD=s3cret\n");
    assert_eq!(dir.settings(&[]), wanted);
    let empty = and(&[
        ("KWTSMS_SENDER_ID", ""),
        ("KWTSMS_TEST_MODE", ""),
        ("KWTSMS_BASE_URL", ""),
        ("KWTSMS_LOG_FILE", ""),
    ]);
    assert_eq!(Dir::new().settings(&empty), wanted, "empty counts as unset");
}

#[test]
fn every_key_is_read_from_the_process_and_from_the_file() {
    let wanted = json!({
        "host": "127.0.0.1:8080",
        "sender": "MY-APP",
        "test": true,
        "credentials": {"username": "user", "password": "s3cret"},
    });
    let more = [
        ("KWTSMS_SENDER_ID", "MY-APP"),
        ("KWTSMS_TEST_MODE", "1"),
        ("KWTSMS_BASE_URL", "http://127.0.0.1:8080/API/"),
    ];
    assert_eq!(Dir::new().settings(&and(&more)), wanted);
    let lines: Vec<_> = and(&more).iter().map(|(key, value)| format!("{key}={value}")).collect();
    assert_eq!(Dir::with(lines.join("\n")).settings(&[]), wanted);
}

#[test]
fn the_process_wins_over_the_file_value_by_value() {
    let dir = Dir::with(
        "KWTSMS_USERNAME=other\nKWTSMS_PASSWORD=fromfile\nKWTSMS_SENDER_ID=FILE\nKWTSMS_TEST_MODE=1\n",
    );
    let said = dir.settings(&[
        ("KWTSMS_USERNAME", "user"),
        ("KWTSMS_TEST_MODE", "0"),
        ("KWTSMS_SENDER_ID", ""), // counts as unset
    ]);
    assert_eq!(said["credentials"], json!({"username": "user", "password": "fromfile"}));
    assert_eq!((&said["sender"], &said["test"]), (&json!("FILE"), &json!(false)));
}

#[test]
fn missing_credentials_are_one_error_that_names_every_missing_key() {
    for (variables, missing) in [
        (&[][..], &["KWTSMS_USERNAME", "KWTSMS_PASSWORD"][..]),
        (&[("KWTSMS_USERNAME", ""), ("KWTSMS_PASSWORD", "")], &["KWTSMS_USERNAME", "KWTSMS_PASSWORD"]),
        (&[("KWTSMS_USERNAME", "user")], &["KWTSMS_PASSWORD"]),
        (&[("KWTSMS_PASSWORD", "s3cret")], &["KWTSMS_USERNAME"]),
    ] {
        let error = Dir::new().error(variables);
        for key in ["KWTSMS_USERNAME", "KWTSMS_PASSWORD"] {
            assert_eq!(error.contains(key), missing.contains(&key), "{error}");
        }
        let them = if missing.len() == 1 { "set it in" } else { "set them in" };
        assert!(error.contains(".env") && error.contains(them), "{error}");
    }
}

#[test]
fn test_mode_is_one_of_four_words_and_anything_else_is_no_live_send() {
    let mode = |word| Dir::new().settings(&and(&[("KWTSMS_TEST_MODE", word)]));
    for (word, test) in [("1", true), ("true", true), ("True", true), ("0", false), ("false", false)] {
        assert_eq!(mode(word)["test"], test, "{word}");
    }
    for word in ["yes", "on", "2", "tru", "off", "-1", "1 # test"] {
        assert!(mode(word)["error"].as_str().unwrap().contains("KWTSMS_TEST_MODE"), "{word}");
    }
}

#[test]
fn values_that_cannot_be_used_are_errors_that_say_what_to_do() {
    for (key, value, says) in [
        ("KWTSMS_BASE_URL", "http://www.kwtsms.com/API/", "https://"),
        ("KWTSMS_BASE_URL", "http://192.168.1.1/API/", "https://"),
        ("KWTSMS_BASE_URL", "www.kwtsms.com/API/", "base URL"),
        ("KWTSMS_SENDER_ID", "A-FAR-TOO-LONG", "sender id"),
    ] {
        let error = Dir::new().error(&and(&[(key, value)]));
        assert!(error.contains(says), "{key}={value}: {error}");
    }
    for url in
        ["http://localhost:1/", "http://127.0.0.1/API/", "http://[::1]:9/API/", "https://example.com/API/"]
    {
        let said = Dir::new().settings(&and(&[("KWTSMS_BASE_URL", url)]));
        assert!(said["host"].is_string(), "{url}: {said}");
    }
}

#[test]
fn a_file_is_read_as_editors_and_shells_write_it() {
    let plain = "KWTSMS_USERNAME=user\nKWTSMS_PASSWORD=s3cret\n";
    for (how, file) in [
        ("byte order mark", format!("\u{feff}{plain}")),
        ("CRLF", plain.replace('\n', "\r\n")),
        ("no last new line", plain.trim_end().to_owned()),
        ("comments", format!("# the account\n\n{plain}  # more\nKWTSMS_TEST_MODE=0 # live\n")),
        ("export", plain.replace("KWTSMS", "export KWTSMS")),
        ("single quotes", "KWTSMS_USERNAME='user'\nKWTSMS_PASSWORD='s3cret'\n".to_owned()),
        ("double quotes", "KWTSMS_USERNAME=\"user\"\nKWTSMS_PASSWORD=\"s3cret\"\n".to_owned()),
        ("blanks", "KWTSMS_USERNAME = user\n KWTSMS_PASSWORD= s3cret \n".to_owned()),
        ("others", format!("DATABASE_URL=postgres://x\nPATH=/nowhere\n{plain}")),
        ("twice the same", format!("{plain}KWTSMS_PASSWORD='s3cret'\n")),
    ] {
        let said = Dir::with(file).settings(&[]);
        assert_eq!(said["credentials"], json!({"username": "user", "password": "s3cret"}), "{how}: {said}");
    }
}

#[test]
fn a_password_of_odd_characters_arrives_as_it_is_or_is_refused() {
    for password in ["a#b&c?d", "a$b", "a\"b", "a\\b", "a b", "pa$$#1 \\\"x", "كلمة", "a=b=c", "${HOME}"]
    {
        let dir = Dir::with(format!("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='{password}'\n"));
        assert_eq!(dir.password(), password, "in single quotes, as .env.example says");
        let process = [("KWTSMS_USERNAME", "user"), ("KWTSMS_PASSWORD", password)];
        let said = Dir::new().settings(&process);
        assert_eq!(said["credentials"]["password"], password, "from the process");
        // Without quotes it is the same or an error, and never silently another password.
        let said = Dir::with(format!("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD={password}\n")).settings(&[]);
        match said["error"].as_str() {
            None => assert_eq!(said["credentials"]["password"], password),
            Some(error) => {
                assert!(error.contains("single quotes"), "{error}");
                assert!(!said["shown"].as_str().unwrap().contains(password), "{said}");
            }
        }
    }
}

#[test]
fn a_file_that_is_there_and_cannot_be_read_is_an_error() {
    let folder = Dir::new();
    std::fs::create_dir(folder.0.join(".env")).unwrap();
    assert!(folder.error(&BOTH).contains(".env cannot be read"));

    let garbage = Dir::with(b"KWTSMS_USERNAME=user\nKWTSMS_PASSWORD=s3cret\xff\n");
    let error = garbage.error(&[]);
    assert!(error.contains(".env"), "{error}");

    let unclosed = Dir::with("KWTSMS_USERNAME=user\nKWTSMS_PASSWORD='s3cret\n");
    assert!(unclosed.error(&[]).contains("single quotes"));
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_an_error() {
    use std::os::unix::fs::PermissionsExt;

    let dir = Dir::with("KWTSMS_USERNAME=user\n");
    let file = dir.0.join(".env");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&file).is_ok() {
        return; // root reads everything
    }
    assert!(dir.error(&BOTH).contains(".env cannot be read"));
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_an_error_that_names_it() {
    use std::os::unix::ffi::OsStrExt;

    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "environment::a_process_of_its_own", "--ignored", "--nocapture"])
        .env_clear()
        .env(CASE, "")
        .env("KWTSMS_USERNAME", "user")
        .env("KWTSMS_PASSWORD", std::ffi::OsStr::from_bytes(b"s3cret\xff"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("KWTSMS_PASSWORD is not valid UTF-8") && !text.contains("s3cret"), "{text}");
}

#[test]
fn another_file_has_to_exist_and_is_named_in_errors() {
    let dir = Dir::with("KWTSMS_USERNAME=wrong\nKWTSMS_PASSWORD=wrong\n");
    let missing = dir.settings_with("prod.env", &BOTH);
    assert!(missing["error"].as_str().unwrap().contains("prod.env"), "{missing}");
    std::fs::write(dir.0.join("prod.env"), "KWTSMS_USERNAME=user\n").unwrap();
    let half = dir.settings_with("prod.env", &[]);
    let error = half["error"].as_str().unwrap();
    assert!(error.contains("KWTSMS_PASSWORD") && error.contains("prod.env"), "{error}");
    let said = dir.settings_with("prod.env", &[("KWTSMS_PASSWORD", "s3cret")]);
    assert_eq!(said["credentials"], json!({"username": "user", "password": "s3cret"}));
}

#[test]
fn the_example_file_is_a_file_that_can_be_read() {
    let example =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".env.example")).unwrap();
    let error = Dir::with(&example).error(&[]);
    assert!(error.contains("KWTSMS_USERNAME and KWTSMS_PASSWORD"), "only those are left to fill in: {error}");
    let said = Dir::with(&example).settings(&BOTH);
    assert_eq!((&said["sender"], &said["test"]), (&json!("KWT-SMS"), &json!(true)), "{said}");
}

#[test]
#[ignore = "it is the process that another test of this module runs"]
fn a_process_that_opens_what_is_not_the_clients() {
    let Ok(file) = std::env::var(CASE) else { return };
    let settings = if file.is_empty() {
        config::Environment::from_env()
    } else {
        config::Environment::from_env_file(&file)
    };
    let settings = settings.unwrap();
    let told = |error: Error| error.to_string();
    #[cfg(feature = "jsonl")]
    let log = kwtsms_async::jsonl::from_env::<tracing_subscriber::Registry>().map(|log| log.is_some());
    #[cfg(not(feature = "jsonl"))]
    let log = settings.confirmed(config::LOG_FILE).map(|log| log.is_some());
    #[cfg(feature = "otp")]
    let keys = kwtsms_async::otp::OtpKeys::from_environment(&settings).map(drop);
    #[cfg(not(feature = "otp"))]
    let keys = settings.confirmed(config::OTP_KEY).map(drop);
    let store = settings.confirmed(config::STORE).map(drop);
    let origins: Vec<_> = [config::USERNAME, config::STORE]
        .map(|key| settings.origin(key).map(ToString::to_string))
        .into_iter()
        .collect();
    let said = json!({
        "log": log.err().map(told),
        "keys": keys.err().map(told),
        "store": store.err().map(told),
        "origins": origins,
    });
    println!("{SAID}{said}");
}

const ELSEWHERE: &str = "KWTSMS_LOG_FILE=of-others.log\nKWTSMS_STORE=of-others.db\n\
                         KWTSMS_OTP_KEY=0123456789abcdef0123456789abcdef\n";

#[test]
fn a_found_file_does_not_redirect_or_write_for_credentials_that_it_does_not_hold() {
    let url = "KWTSMS_BASE_URL=https://other.example/API/\n";
    for (file, variables) in [
        (url.to_owned(), &BOTH[..]),
        (format!("{url}KWTSMS_USERNAME=user\n"), &BOTH),
        (format!("{url}KWTSMS_USERNAME=user\n"), &BOTH[1..]),
        (format!("{url}KWTSMS_PASSWORD=s3cret\n"), &BOTH[..1]),
        (format!("{url}KWTSMS_USERNAME=user\nKWTSMS_PASSWORD=other\n"), &BOTH),
        ("KWTSMS_ALLOW_HTTP=1\n".to_owned(), &BOTH),
    ] {
        let dir = Dir::with(&file);
        let error = dir.error(variables);
        let key = file.split('=').next().unwrap();
        assert!(error.starts_with(&format!(".env sets {key} for credentials")), "{file}: {error}");
        assert!(error.contains("from_env_file"), "{error}");
        std::fs::rename(dir.0.join(".env"), dir.0.join("mine.env")).unwrap();
        let said = dir.settings_with("mine.env", variables);
        assert!(said["host"].is_string(), "it was named: {said}");
    }
    // A file for its own credentials, and a process that has the same ones.
    for variables in [&[][..], &BOTH] {
        let dir = Dir::with(format!("{url}KWTSMS_USERNAME=user\nKWTSMS_PASSWORD=s3cret\n"));
        assert_eq!(dir.settings(variables)["host"], "other.example");
    }
    // What neither redirects nor writes may stand anywhere, and what the process says wins.
    let dir = Dir::with("KWTSMS_SENDER_ID=MY-APP\nKWTSMS_TEST_MODE=1\n");
    assert_eq!(dir.settings(&BOTH)["sender"], "MY-APP");
    let said = Dir::with(url).settings(&and(&[("KWTSMS_BASE_URL", "https://mine.example/API/")]));
    assert_eq!(said["host"], "mine.example");
}

#[test]
fn a_found_file_opens_no_log_no_store_and_no_key_for_others() {
    let process = "a_process_that_opens_what_is_not_the_clients";
    for variables in [&[][..], &BOTH] {
        let dir = Dir::with(ELSEWHERE);
        let said = dir.said_by(process, "", variables);
        for (what, key) in [("log", "KWTSMS_LOG_FILE"), ("keys", "KWTSMS_OTP_KEY"), ("store", "KWTSMS_STORE")]
        {
            let error = said[what].as_str().unwrap_or_else(|| panic!("{what}: {said}"));
            assert!(error.starts_with(&format!(".env sets {key} for credentials")), "{error}");
        }
        assert!(!dir.0.join("of-others.log").exists(), "nothing was written");
    }
    let dir = Dir::with(format!("{ELSEWHERE}KWTSMS_USERNAME=user\nKWTSMS_PASSWORD=s3cret\n"));
    let said = dir.said_by(process, "", &[]);
    assert_eq!((&said["log"], &said["keys"], &said["store"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!(said["origins"], json!([".env", ".env"]));
    let said = dir.said_by(process, "", &[("KWTSMS_STORE", "mine.db")]);
    assert_eq!(said["origins"], json!([".env", "the environment"]));
}

#[test]
fn a_control_character_in_a_credential_is_refused_by_its_place() {
    for (key, value, says) in [
        (
            config::PASSWORD,
            "s3cret-ends\n",
            "KWTSMS_PASSWORD has a line break at position 12, its last character",
        ),
        (config::PASSWORD, "s3cret\t-ends", "KWTSMS_PASSWORD has a tab at position 7"),
        (config::USERNAME, "user\r\n", "KWTSMS_USERNAME has a line break at position 5, its last character"),
        (config::LOG_FILE, "kwtsms.log\n", "KWTSMS_LOG_FILE has a line break at position 11"),
    ] {
        let error = Dir::new().error(&[&and(&[])[..], &[(key, value)]].concat());
        assert!(error.starts_with(says), "{error}");
    }
    for (username, password, says) in [
        ("user", "s3cret\n", "the password has a line break at position 7, its last character"),
        ("us\u{0}er", "s3cret", "the user name has a control character at position 3"),
    ] {
        let error = Client::builder(username, password).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = crate::raw_server::shown(&error);
        assert!(shown.contains(says) && !shown.contains("s3cret"), "{shown}");
    }
    // The values that are trimmed anyway.
    let trimmed = [("KWTSMS_TEST_MODE", "1\n"), ("KWTSMS_BASE_URL", "https://mine.example/API/\n")];
    let said = Dir::new().settings(&and(&trimmed));
    assert_eq!((&said["test"], &said["host"]), (&json!(true), &json!("mine.example")));
}

#[test]
fn a_builder_shows_no_user_name_that_is_a_phone_number() {
    for username in ["96598765432", "+965 9876 5432", "0096598765432"] {
        let shown = format!("{:?}", Client::builder(username, "s3cret"));
        assert!(shown.contains("965****432") && !shown.contains("98765"), "{shown}");
    }
    assert!(format!("{:?}", Client::builder("api_user", "s3cret")).contains("api_user"));
}
