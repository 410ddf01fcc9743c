use super::*;
use crate::error::ErrorKind;
use crate::store::schema::Module;
use crate::store::testing;

const CURRENT: i32 = 3_053_002;

const NOTES: Module = Module {
    name: "notes",
    sqlite: &["CREATE TABLE kwtsms_note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"],
    postgres: &[],
};
const CHECK: &Module = schema::MODULES[0];

fn open_at(path: &str, modules: &[&'static Module], version: i32) -> Result<Sqlite, Error> {
    open(Path::new(path), modules, version).map(|inner| Sqlite(Arc::new(inner)))
}

fn notes(path: &str) -> Sqlite {
    open_at(path, &[CHECK, &NOTES], CURRENT).unwrap()
}

async fn count(db: &Sqlite) -> i64 {
    db.read(|tx| tx.query_row("SELECT count(*) FROM kwtsms_note", [], |row| row.get(0))).await.unwrap()
}

fn add(tx: &Transaction<'_>, text: &str) -> rusqlite::Result<usize> {
    tx.execute("INSERT INTO kwtsms_note (text) VALUES (?1)", [text])
}

#[tokio::test]
async fn what_was_written_is_there_when_it_is_opened_again_and_a_failed_job_leaves_nothing() {
    let file = testing::sqlite();
    let db = notes(&file.path);
    db.write(|tx| add(tx, "kept")).await.unwrap();
    let failed = db
        .write(|tx| {
            add(tx, "not kept")?;
            tx.execute("INSERT INTO nowhere VALUES (1)", [])
        })
        .await
        .unwrap_err();
    assert_eq!(failed.failure(), Failure::Refused);
    drop(db);
    let db = notes(&file.path);
    assert_eq!(count(&db).await, 1);
    let (mode, sync): (String, i64) = db
        .write(|tx| {
            Ok((
                tx.query_row("PRAGMA journal_mode", [], |row| row.get(0))?,
                tx.query_row("PRAGMA synchronous", [], |row| row.get(0))?,
            ))
        })
        .await
        .unwrap();
    assert_eq!((mode.as_str(), sync), ("wal", 2), "2 is FULL");
}

#[tokio::test]
async fn a_job_that_panics_is_rolled_back_and_the_next_one_runs() {
    let file = testing::sqlite();
    let db = notes(&file.path);
    let doomed = db.clone();
    let job = tokio::spawn(async move {
        let _ = doomed
            .write(|tx| -> rusqlite::Result<()> {
                add(tx, "not kept")?;
                panic!("a job of a test")
            })
            .await;
    });
    assert!(job.await.unwrap_err().is_panic());
    db.write(|tx| add(tx, "kept")).await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test]
async fn a_long_read_holds_no_write_up_and_sees_one_state() {
    let file = testing::sqlite();
    let db = notes(&file.path);
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let reading = tokio::spawn({
        let db = db.clone();
        async move {
            db.read(move |tx| {
                let count =
                    || tx.query_row("SELECT count(*) FROM kwtsms_note", [], |row| row.get::<_, i64>(0));
                let before = count()?;
                begun.send(()).unwrap();
                may_go_on.recv().unwrap();
                Ok((before, count()?))
            })
            .await
        }
    });
    has_begun.await.unwrap();
    db.write(|tx| add(tx, "beside it")).await.unwrap();
    assert_eq!(count(&db).await, 1, "on a connection of its own");
    go_on.send(()).unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), (0, 0));
}

#[tokio::test]
async fn a_write_that_was_dropped_before_its_turn_is_not_made() {
    let file = testing::sqlite();
    let db = notes(&file.path);
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let holding = tokio::spawn({
        let db = db.clone();
        async move { db.write(move |_| Ok(may_go_on.recv())).await }
    });
    while db.0.writer.try_lock().is_ok() {
        tokio::task::yield_now().await;
    }
    let waiting = tokio::spawn({
        let db = db.clone();
        async move { db.write(|tx| add(tx, "dropped")).await }
    });
    tokio::task::yield_now().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    go_on.send(()).unwrap();
    holding.await.unwrap().unwrap().unwrap();
    db.write(|tx| add(tx, "kept")).await.unwrap();
    assert_eq!(count(&db).await, 1);
}

#[tokio::test(start_paused = true)]
async fn paused_time_stands_still_while_it_writes() {
    let file = testing::sqlite();
    let db = notes(&file.path);
    let slow = db.write(|_| {
        for _ in 0..50 {
            pause();
        }
        Ok(())
    });
    tokio::time::timeout(Duration::from_millis(1), slow).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_stores_clock_is_that_of_the_machine() {
    let file = testing::sqlite();
    let db = notes(&file.path);
    let before = crate::clock::wall_now();
    let now: i64 =
        db.write(|tx| tx.query_row(&format!("SELECT {NOW_US}"), [], |row| row.get(0))).await.unwrap();
    let now = std::time::UNIX_EPOCH + Duration::from_micros(now.try_into().unwrap());
    let ms = Duration::from_millis(1); // its resolution
    assert!(before <= now + ms && now <= crate::clock::wall_now() + ms, "{before:?} {now:?}");
}

#[test]
fn steps_are_made_once_each_and_in_order_and_a_newer_schema_is_refused() {
    const FIRST: Module =
        Module { name: "notes", sqlite: &["CREATE TABLE kwtsms_note (id INTEGER)"], postgres: &[] };
    const SECOND: Module = Module {
        name: "notes",
        sqlite: &["CREATE TABLE kwtsms_note (id INTEGER)", "ALTER TABLE kwtsms_note ADD COLUMN text TEXT"],
        postgres: &[],
    };
    let file = testing::sqlite();
    for modules in [&[CHECK, &FIRST], &[CHECK, &SECOND], &[CHECK, &SECOND]] {
        open_at(&file.path, modules, CURRENT).unwrap();
    }
    let Err(error) = open_at(&file.path, &[CHECK, &FIRST], CURRENT) else { panic!("it was opened") };
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("newer release") && error.to_string().contains("notes"), "{error}");
    // A build without the module leaves its tables alone.
    open_at(&file.path, &[CHECK], CURRENT).unwrap();
}

#[test]
fn a_broken_step_leaves_the_file_as_it_was() {
    const BROKEN: Module = Module {
        name: "notes",
        sqlite: &["CREATE TABLE kwtsms_note (id INTEGER)", "nonsense"],
        postgres: &[],
    };
    let file = testing::sqlite();
    assert_eq!(open_at(&file.path, &[CHECK, &BROKEN], CURRENT).err().unwrap().kind(), ErrorKind::Store);
    notes(&file.path); // the table is not there yet
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_old_sqlite_writes_and_closes_under_a_lock_beside_the_file() {
    assert!([3_044_006, 3_050_007, 3_051_003, 3_053_002].iter().all(|version| !FileLock::needed(*version)));
    assert!([3_044_005, 3_044_007, 3_046_000, 3_051_002].iter().all(|version| FileLock::needed(*version)));
    let file = testing::sqlite();
    let old = open_at(&file.path, &[CHECK, &NOTES], 3_046_000).unwrap();
    let beside = std::fs::File::open(format!("{}-lock", file.path)).unwrap();
    rustix::fs::flock(&beside, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let mut writing = tokio::spawn({
        let old = old.clone();
        async move { old.write(|tx| add(tx, "late")).await }
    });
    let early = tokio::time::timeout(Duration::from_millis(100), &mut writing).await;
    assert!(early.is_err(), "it wrote without the lock");
    assert_eq!(count(&old).await, 0, "reading needs none");
    rustix::fs::flock(&beside, rustix::fs::FlockOperation::Unlock).unwrap();
    writing.await.unwrap().unwrap();
    // Not while nothing is written.
    rustix::fs::flock(&beside, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
}

#[cfg(not(unix))]
#[test]
fn an_old_sqlite_is_refused_where_files_cannot_be_locked_beside_it() {
    let file = testing::sqlite();
    let error = open_at(&file.path, &[CHECK, &NOTES], 3_046_000).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[cfg(target_os = "linux")]
#[test]
fn file_systems_of_a_network_are_told_by_their_numbers() {
    assert_eq!(network(0x6969), Some("NFS"));
    assert_eq!(network(0xff53_4d42), Some("CIFS"));
    for local in [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630, 0xf2f5_2010, 0x2fc1_2fc1] {
        assert_eq!(network(local), None, "{local:x}"); // ext4, XFS, Btrfs, tmpfs, overlay, F2FS, ZFS
    }
}
