//! `Store::open`: what it takes, what it refuses, and what it leaves on the disk.

use kwtsms_async::{Delivery, ErrorKind, Store};

#[path = "../../src/store/testing.rs"]
pub(crate) mod testing;

#[tokio::test]
async fn a_file_is_created_for_its_owner_alone_and_opened_again() {
    let file = testing::sqlite();
    let first = Store::open(&file.path).await.unwrap();
    let second = Store::open(&file.path).await.unwrap();
    assert_eq!(format!("{first:?}"), format!("Store({})", file.path));
    #[cfg(unix)]
    for beside in ["", "-wal", "-shm"] {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(format!("{}{beside}", file.path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{beside}");
    }
    drop((first, second));
}

#[tokio::test]
async fn what_is_no_store_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "not a database, and longer than the head of one is".repeat(20)).unwrap();
    for (at, kind, says) in [
        ("", ErrorKind::Config, "path of a file"),
        (":memory:", ErrorKind::Config, "outlives nothing"),
        ("/nowhere/at/all/kwtsms.db", ErrorKind::Config, "no folder /nowhere/at/all"),
        ("mysql://user:hunter2@host/db", ErrorKind::Config, "unknown kind"),
        ("redis://user:hunter2@host/", ErrorKind::Config, "Limiter::redis"),
        (text.to_str().unwrap(), ErrorKind::Store, "not a database"),
        (folder.path().to_str().unwrap(), ErrorKind::Store, "unable to open"),
    ] {
        let error = Store::open(at).await.unwrap_err();
        let text = format!("{error:#}");
        assert_eq!(error.kind(), kind, "{at}: {text}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert!(text.contains(says), "{at}: {text}");
        assert!(!format!("{text} {error:?}").contains("hunter2"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_open_one_file_at_the_same_time() {
    let file = testing::sqlite();
    let opens: Vec<_> = (0..16)
        .map(|_| {
            let path = file.path.clone();
            tokio::spawn(async move { Store::open(path).await })
        })
        .collect();
    for open in opens {
        open.await.unwrap().unwrap();
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn postgres_is_opened_by_its_url_and_shown_without_user_and_password() {
    let Some(server) = testing::postgres().await else { return };
    let store = Store::open(&server.url).await.unwrap();
    let shown = format!("{store:?}");
    assert!(
        shown.starts_with("Store(postgres://") && !shown.contains('@') && !shown.contains("schema"),
        "{shown}"
    );
}
