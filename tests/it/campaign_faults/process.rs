//! A worker in a process of its own: this test binary again, with one test that is told what to do.

use std::path::Path;
use std::process::{Command, Stdio};

use kwtsms_async::{Client, Store};

use crate::owned::Owned;

const STORE: &str = "KWTSMS_TEST_FAULTS_STORE";
const JOURNAL: &str = "KWTSMS_TEST_FAULTS_JOURNAL";
const GATEWAY: &str = "KWTSMS_TEST_FAULTS_GATEWAY";

pub(super) struct Worker(Owned);

impl Worker {
    /// Starts one that ends when nothing is left to send.
    pub(super) fn start(store: &str, journal: &Path, gateway: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "campaign_faults::process::worker", "--ignored", "--nocapture"])
            .env(STORE, store)
            .env(JOURNAL, journal)
            .env(GATEWAY, gateway)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self(Owned::spawn(&mut command))
    }

    /// SIGKILL.
    pub(super) fn kill(self) {
        drop(self);
    }

    /// Waits for its end; gives whether it ended well, and what it said.
    pub(super) async fn end(self) -> (bool, String) {
        let output = tokio::task::spawn_blocking(|| self.0.output()).await.unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said.into_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by other tests, in a process of its own"]
async fn worker() {
    let (Ok(store), Ok(journal), Ok(gateway)) =
        (std::env::var(STORE), std::env::var(JOURNAL), std::env::var(GATEWAY))
    else {
        return;
    };
    let store = Store::open(store).await.unwrap();
    let client = Client::builder("user", "password").base_url(gateway).sender_id("KWT-TEST").unpaced();
    let work = client.build().unwrap().work(&store).journal(journal).until_done();
    work.start().await.unwrap().finished().await.unwrap();
}
