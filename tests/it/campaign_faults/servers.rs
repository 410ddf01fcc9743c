//! A PostgreSQL server of the test's own, which is really stopped.

use std::path::Path;
use std::time::Duration;

use super::process::Worker;
use super::{World, reached, until};
use crate::replicas::servers::OwnPostgres;

/// How long the server is gone: 5 minutes by `KWTSMS_GONE_SECONDS=300`.
fn gone() -> Duration {
    let seconds = std::env::var("KWTSMS_GONE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(1))
}

#[tokio::test]
async fn a_server_that_restarts_in_mid_request_loses_nothing_and_leaves_nothing_unknown() {
    let Some(mut server) = OwnPostgres::start().await else { return };
    let world = World::new(&server.url()).await;
    let campaign = world.campaign("restarted", 12_000).await;
    world.slow(Duration::from_millis(40));
    let worker = world.work().until_done().start().await.unwrap();
    for (requests, gone) in [(4, Duration::ZERO), (20, gone())] {
        until("requests are under way", async || world.sends() >= requests).await;
        server.restart(gone).await;
    }
    worker.finished().await.unwrap();
    let progress = reached(&campaign, |_| true).await;
    assert_eq!((progress.accepted, progress.unknown), (12_000, 0), "{progress:?}");
    assert_eq!(world.written(), 12_000);
}

/// The requests that a folder's journals have begun, and those whose end they know.
fn journalled(folder: &Path) -> (usize, usize) {
    let texts =
        std::fs::read_dir(folder).unwrap().filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok());
    let text: String = texts.collect();
    (text.matches("{\"begin\"").count(), text.matches("{\"end\"").count())
}

#[tokio::test]
async fn what_was_answered_while_the_server_was_gone_is_told_by_the_journal_of_a_worker_that_died() {
    let Some(server) = OwnPostgres::start().await else { return };
    let world = World::new(&server.url()).await;
    let campaign = world.campaign("gone", 4_000).await;
    world.slow(Duration::from_secs(2));
    let start = |url: &str| Worker::start(url, world.journal.path(), world.sandbox.base_url());
    let worker = start(&server.url());
    until("four are in flight", async || world.sends() == 4).await;
    server.stop();
    until("all of them are answered", async || journalled(world.journal.path()).1 == 4).await;
    worker.kill();
    tokio::time::sleep(gone()).await;
    assert_eq!((world.sends(), journalled(world.journal.path())), (4, (4, 4)), "nothing is sent meanwhile");
    server.start_again().await;
    world.sandbox.faults().clear();
    let (well, said) = start(&server.url()).end().await;
    assert!(well, "{said}");
    let progress = reached(&campaign, |_| true).await;
    assert_eq!((progress.accepted, progress.unknown), (4_000, 0), "{progress:?}");
    assert_eq!(world.written(), 4_000);
}
