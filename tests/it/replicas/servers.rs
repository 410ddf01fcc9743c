//! Servers of a test's own, which it may stop and start.

#![allow(clippy::print_stderr)] // where a server is missing, the test says so

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::owned::Owned;

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn answers(port: u16) {
    let connect = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), connect).await.expect("the server answers");
}

/// Says that a test is skipped, or fails it where servers are required.
pub(crate) fn missing(what: &str) {
    let required = std::env::var("KWTSMS_TEST_SERVERS").is_ok_and(|value| value == "required");
    assert!(!required, "{what} is not installed");
    eprintln!("skipped: {what} is not installed");
}

/// A Redis server that keeps nothing, so that it comes back empty.
#[cfg(feature = "redis")]
pub(super) struct OwnRedis {
    port: u16,
    child: Owned,
}

#[cfg(feature = "redis")]
impl OwnRedis {
    pub(super) async fn start() -> Option<Self> {
        let port = free_port();
        let Some(child) = Self::run(port) else {
            missing("redis-server");
            return None;
        };
        answers(port).await;
        Some(Self { port, child })
    }

    fn run(port: u16) -> Option<Owned> {
        let mut command = Command::new("redis-server");
        command
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null());
        Owned::try_spawn(&mut command)
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(super) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(super) async fn restart(&mut self, gone: Duration) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        tokio::time::sleep(gone).await;
        self.child = Self::run(self.port).unwrap();
        answers(self.port).await;
    }
}

/// A PostgreSQL server with a folder of its own.
#[cfg(feature = "postgres")]
pub(crate) struct OwnPostgres {
    port: u16,
    programs: PathBuf,
    folder: TempDir,
}

#[cfg(feature = "postgres")]
impl OwnPostgres {
    pub(crate) async fn start() -> Option<Self> {
        let mut versions: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
            .filter(|programs| programs.join("initdb").exists())
            .collect();
        versions.sort();
        let Some(programs) = versions.pop() else {
            missing("PostgreSQL (in /usr/lib/postgresql)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let server = Self { port: free_port(), programs, folder };
        if server.is_root() {
            let owned = Command::new("chown").arg("postgres").arg(server.folder.path()).status().unwrap();
            assert!(owned.success());
        }
        server.run("initdb", &["-U", "postgres", "-A", "trust", "--no-sync"]);
        server.up();
        answers(server.port).await;
        Some(server)
    }

    fn is_root(&self) -> bool {
        Path::new("/proc/self").metadata().is_ok_and(|file| std::os::unix::fs::MetadataExt::uid(&file) == 0)
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        // It refuses to run as root.
        let mut command = if self.is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(self.programs.join(program));
            command
        } else {
            Command::new(self.programs.join(program))
        };
        let data = self.folder.path().join("data");
        let done = command.arg("-D").arg(data).args(arguments).stdout(Stdio::null()).status().unwrap();
        assert!(done.success(), "{program} {arguments:?}");
    }

    fn up(&self) {
        let folder = self.folder.path().display();
        let options = format!("-p {} -k {folder} -c listen_addresses=127.0.0.1", self.port);
        self.run("pg_ctl", &["-o", &options, "-l", &format!("{folder}/log"), "-w", "start"]);
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Stops it as a crash would.
    pub(crate) fn stop(&self) {
        self.run("pg_ctl", &["-m", "immediate", "stop"]);
    }

    pub(crate) async fn start_again(&self) {
        self.up();
        answers(self.port).await;
    }

    pub(crate) async fn restart(&mut self, gone: Duration) {
        self.stop();
        tokio::time::sleep(gone).await;
        self.start_again().await;
    }
}

#[cfg(feature = "postgres")]
impl Drop for OwnPostgres {
    fn drop(&mut self) {
        self.stop();
    }
}
