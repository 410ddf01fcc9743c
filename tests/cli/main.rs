//! The command itself, run as its users run it: against the sandbox over HTTP, against a bare socket, in a terminal.

#![allow(clippy::unwrap_used)] // a helper of a test may panic like the test

#[cfg(unix)]
mod campaigns;
mod contacts;
mod doctor;
#[cfg(unix)]
mod document;
mod faults;
mod files;
#[cfg(unix)]
mod guards;
mod input;
#[cfg(unix)]
mod interrupt;
mod otp;
#[cfg(unix)]
mod pace;
#[cfg(unix)]
mod programs;
mod reading;
#[cfg(unix)]
mod resume;
mod send;
#[cfg(unix)]
mod serve;
mod settings;
#[cfg(unix)]
mod setup;
mod terminal;
#[cfg(unix)]
mod watch;

#[path = "../owned.rs"]
mod owned;
#[path = "../../src/store/testing.rs"]
mod testing;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use assert_cmd::Command;
use kwtsms_async::sandbox::{Sandbox, SandboxBuilder};
use serde_json::Value;

/// A password that must never be seen.
const PASSWORD: &str = "hunter2-$ecret";

/// A gateway over HTTP, and a folder to run in.
struct World {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        Self::with(Sandbox::builder())
    }

    fn with(builder: SandboxBuilder) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sandbox = runtime.block_on(builder.account("user", PASSWORD).start()).unwrap();
        Self { sandbox, folder: tempfile::tempdir().unwrap(), _runtime: runtime }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// The command with the credentials of the account in its environment, and nothing else there.
    fn kwtsms(&self, args: &[&str]) -> Command {
        let mut command = kwtsms(self.folder.path(), args);
        command.envs(self.account());
        command
    }

    /// The credentials of the account, and where its gateway is.
    fn account(&self) -> [(&'static str, &str); 3] {
        let url = self.sandbox.base_url();
        [("KWTSMS_USERNAME", "user"), ("KWTSMS_PASSWORD", PASSWORD), ("KWTSMS_BASE_URL", url)]
    }

    /// The command as [`kwtsms`](Self::kwtsms), to be started and looked at while it runs.
    fn beside(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kwtsms"));
        self.alone(command.args(args));
        command
    }

    /// Gives a program the folder, the account and nothing else, and pipes for what it says.
    fn alone(&self, command: &mut std::process::Command) {
        command.env_clear().envs(self.account()).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    }

    /// Runs it and gives exit code, standard output and standard error.
    fn run(&self, args: &[&str]) -> Ran {
        run(&mut self.kwtsms(args))
    }

    /// A store in which the pace of all runs was begun long ago, so that nobody waits for it.
    fn aged_store(&self, rates: (f64, f64)) -> PathBuf {
        let file = self.path("kwtsms.db");
        if !file.exists() {
            run(kwtsms(self.folder.path(), &["limits"]).env("KWTSMS_STORE", &file)).exits(0);
            let period = |rate: f64| (1_020_000.0 / rate) as i64;
            let (single, bulk) = (period(rates.0), period(rates.1));
            let gap = single.min(bulk) / 20 * 9;
            rusqlite::Connection::open(&file)
                .unwrap()
                .execute(
                    "INSERT INTO kwtsms_pace VALUES ('default', ?1, ?2, ?3, ?4, ?5, 0, 0, 0)",
                    (rates.0, rates.1, single, bulk, gap),
                )
                .unwrap();
        }
        file
    }

    /// How many requests to send arrived.
    fn sends(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.endpoint() == "send").count()
    }
}

/// The command in a folder, with an empty environment.
fn kwtsms(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kwtsms"));
    command.env_clear().current_dir(folder).args(args).timeout(std::time::Duration::from_secs(60));
    command
}

#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let ran = Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    assert!(!ran.out.contains(PASSWORD) && !ran.err.contains(PASSWORD), "the password was shown");
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    ran
}

impl Ran {
    /// Checks the exit code, with what was written if it is another.
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\n-- out\n{}\n-- err\n{}", self.out, self.err);
        self
    }

    /// The one JSON document on standard output.
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }

    /// The JSON documents on standard output, one a line.
    #[track_caller]
    fn json_lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
