//! Disks that are full: a small one in memory, of the test's own.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::{World, reached, until};
use crate::store::testing;

/// A file system of a few mebibytes, mounted where nobody else looks.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, and it says so, where this user may mount nothing.
    fn mount(mebibytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "kwtsms-test"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: no file system can be mounted here");
        }
        mounted.then_some(Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all of its space, to the last byte.
    fn fill(&self) -> PathBuf {
        let path = self.path().join("filler");
        let mut file = File::create(&path).unwrap();
        for size in [64 * 1024, 1] {
            let piece = vec![0; size];
            while file.write_all(&piece).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_of_the_journal_ends_a_worker_and_the_next_one_goes_on() {
    let Some(disk) = SmallDisk::mount(1) else { return };
    let file = testing::sqlite();
    let world = World::new(&file.path).await;
    let campaign = world.campaign("full", 40_000).await;
    world.slow(Duration::from_millis(20));
    let folder = disk.path().join("journal");
    let worker = world.work().journal(&folder).until_done().start().await.unwrap();
    until("some are sent", async || world.sends() >= 8).await;
    let filler = disk.fill();
    let error = worker.finished().await.unwrap_err();
    assert!(format!("{error:#}").contains("journal cannot be written"), "{error:#}");
    let progress = campaign.progress().await.unwrap();
    assert_eq!((progress.sending, progress.unknown), (0, 0), "{progress:?}");
    assert!(progress.planned > 0, "{progress:?}");
    assert_eq!(world.written(), progress.accepted, "what was in flight is accounted for");
    std::fs::remove_file(filler).unwrap();
    let worker = world.work().journal(&folder).until_done().start().await.unwrap();
    worker.finished().await.unwrap();
    let progress = campaign.progress().await.unwrap();
    assert_eq!((progress.accepted, progress.unknown), (40_000, 0), "{progress:?}");
    assert_eq!(world.written(), 40_000);
}

#[tokio::test]
async fn a_full_disk_of_the_store_is_waited_for_and_nothing_is_lost() {
    let Some(disk) = SmallDisk::mount(16) else { return };
    let store = disk.path().join("kwtsms.db");
    let world = World::new(store.to_str().unwrap()).await;
    let campaign = world.campaign("full", 40_000).await;
    world.slow(Duration::from_millis(20));
    // Its journal is on a disk that is not full.
    let worker = world.work().until_done().start().await.unwrap();
    until("some are sent", async || world.sends() >= 8).await;
    let filler = disk.fill();
    // What it writes until then stands in space that the file has already.
    let mut sends = world.sends();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if world.sends() == sends {
            break;
        }
        sends = world.sends();
    }
    let full = reached(&campaign, |_| true).await;
    std::fs::remove_file(filler).unwrap();
    if full.accepted < 40_000 {
        worker.finished().await.unwrap();
    }
    let progress = campaign.progress().await.unwrap();
    assert_eq!((progress.accepted, progress.unknown), (40_000, 0), "{progress:?}");
    assert!(full.accepted < 40_000, "it was full: {full:?}");
    assert_eq!(world.written(), 40_000);
    drop(world);
}
