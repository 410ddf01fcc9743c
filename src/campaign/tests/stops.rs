//! Workers that are suspended between their claim and their request, as a laptop whose lid is closed: what they claimed is
//! not posted after the wake.
//!
//! A stop lasts a little longer than a claim is fresh; `KWTSMS_STOP_SECONDS=120 KWTSMS_STOPS=25` is the long run.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::kills::{STOP, worker};
use super::{numbers, outcomes};
use crate::campaign::CampaignResult;
use crate::sandbox::Sandbox;
use crate::store::{Store, testing};

fn told(name: &str, unless: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(unless)
}

fn is_stopped(child: &Child) -> bool {
    let state = Command::new("ps").args(["-o", "state=", "-p", &child.id().to_string()]).output().unwrap();
    String::from_utf8_lossy(&state.stdout).trim().starts_with('T')
}

async fn suspended(place: &str) {
    let wait =
        Duration::from_millis(told("KWTSMS_STOP_SECONDS", 0) * 1_000).max(Duration::from_millis(2_200));
    let sandbox = Sandbox::builder().drain_per_second(1_000_000).start().await.unwrap();
    let store = Store::open(place).await.unwrap();
    let journal = tempfile::tempdir().unwrap();
    let mut stopped = Vec::new();
    for n in 0..told("KWTSMS_STOPS", 2) {
        let user = format!("user{n}");
        sandbox.account(user.as_str()).set_balance(10_000);
        let load = store.campaign(&*user).text("Hello").account(&*user).recipients(numbers(600)).load();
        let campaign = load.await.unwrap().approve().await.unwrap();
        let mut command = worker(place, &journal.path().join(&user), sandbox.base_url(), &user);
        let child = command.env(STOP, "after the claim").stdin(Stdio::piped()).spawn().unwrap();
        stopped.push((campaign, child, user));
    }
    for (_, child, _) in &stopped {
        while !is_stopped(child) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    tokio::time::sleep(wait).await;
    assert!(sandbox.messages().is_empty());
    // Of every second one, or of all after a minute, the claim has run out, and somebody has noticed.
    let ran_out = |n: usize| n % 2 == 1 || wait > Duration::from_secs(60);
    for (n, (campaign, ..)) in stopped.iter().enumerate().filter(|(n, _)| ran_out(*n)) {
        let sql = "UPDATE kwtsms_batch SET expires_at = 0 WHERE campaign = $1 AND state = 1 RETURNING id";
        assert_eq!(store.run_one(sql, vec![campaign.id.into()]).await.unwrap().len(), 1, "{n}");
    }
    while store.sweep_batches().await.unwrap() {}
    for (n, (campaign, mut child, user)) in stopped.into_iter().enumerate() {
        Command::new("kill").args(["-CONT", &child.id().to_string()]).status().unwrap();
        // Closes its input first, for which it waits.
        let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
        assert!(ended.success());
        let sent: Vec<String> = sandbox
            .messages()
            .iter()
            .filter(|message| message.user() == user)
            .flat_map(|message| message.numbers().to_vec())
            .collect();
        let sql = "SELECT attempt, state FROM kwtsms_batch WHERE campaign = $1 ORDER BY id LIMIT 1";
        let first = store.select(sql, vec![campaign.id.into()]).await.unwrap().remove(0);
        let unknown: Vec<_> = outcomes(&campaign)
            .await
            .into_iter()
            .filter(|outcome| outcome.result == CampaignResult::Unknown)
            .map(|outcome| outcome.input)
            .collect();
        if ran_out(n) {
            assert_eq!((first.int(0), first.int(1), sent.len(), unknown.len()), (1, 4, 400, 200));
            assert!(unknown.iter().all(|number| !sent.contains(number)), "posted after the wake");
        } else {
            // Planned again with proof that nothing was queued, and claimed anew.
            assert_eq!((first.int(0), first.int(1), sent.len(), unknown.len()), (2, 2, 600, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_posted_after_the_wake_on_sqlite() {
    let file = testing::sqlite();
    suspended(&file.path).await;
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_posted_after_the_wake_on_postgres() {
    let Some(server) = testing::postgres().await else { return };
    suspended(&server.url).await;
}
