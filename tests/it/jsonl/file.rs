//! The file: set-up, full and hanging disks, other processes, the environment.

use super::*;
use crate::owned::Owned;

fn refused(path: &Path) -> String {
    let error = jsonl::to_file::<tracing_subscriber::Registry>(path, Bodies::Masked).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[test]
fn a_path_that_cannot_be_written_is_an_error_at_set_up_that_says_why() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "").unwrap();
    for (path, why) in [
        (folder.0.clone(), "it is a folder: name a file"),
        (folder.0.join("missing").join("kwtsms.log"), "its folder does not exist: make it first"),
        (folder.file().join("kwtsms.log"), "its folder does not exist: make it first"),
        (PathBuf::new(), "name a file that can be written"),
    ] {
        let error = refused(&path);
        assert!(error.contains(why) && error.contains(&path.display().to_string()), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_at_set_up_and_not_waited_for() {
    let folder = Folder::new();
    let made = std::process::Command::new("mkfifo").arg(folder.file()).status();
    assert!(made.unwrap().success());
    assert!(refused(&folder.file()).contains("it is a pipe"));
}

#[cfg(unix)]
#[test]
fn a_file_of_someone_else_is_refused_at_set_up() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    std::fs::set_permissions(&folder.0, std::fs::Permissions::from_mode(0o500)).unwrap();
    if std::fs::write(folder.0.join("may-i"), "").is_ok() {
        return; // this user may write anywhere
    }
    assert!(refused(&folder.file()).contains("this user may not write there"));
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_new_file_is_for_its_owner_only_and_an_old_one_is_appended_to() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let (guard, default) = listen_to_file(&folder.file());
    in_process().balance().await.unwrap();
    drop((default, guard));
    assert_eq!(std::fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);
    // As a full disk left it: the next line does not stick to half of one.
    std::fs::OpenOptions::new().append(true).open(folder.file()).unwrap().write_all(b"{\"ts\":\"20").unwrap();
    let (guard, default) = listen_to_file(&folder.file());
    in_process().balance().await.unwrap();
    drop((default, guard));
    let text = std::fs::read_to_string(folder.file()).unwrap();
    let lines: Vec<_> = text.lines().map(serde_json::from_str::<Value>).collect();
    assert_eq!(lines.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_full_disk_is_counted_and_messages_go_on() {
    let (guard, default) = listen_to_file(Path::new("/dev/full"));
    let client = in_process();
    for i in 0..5 {
        client.send(format!("9655000000{i}"), OTP).await.unwrap();
    }
    drop(default);
    wait_until(|| guard.write_errors() == 5);
    assert_eq!(guard.dropped_lines(), 0);
    assert_eq!(guard.finish(), 5);
}

/// Real time: the log's thread knows no other.
#[allow(clippy::disallowed_methods)]
fn wait_until(done: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it does not come about");
}

/// A disk with so much room; it takes what fits and then nothing, until it is cleared.
#[derive(Clone)]
struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (written, room) = &mut *self.0.lock().unwrap();
        if *room == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let fits = bytes.len().min(*room);
        *room -= fits;
        written.extend_from_slice(&bytes[..fits]);
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fills_up_in_a_line_costs_that_line_and_no_later_one() {
    let disk = Disk(Arc::new(Mutex::new((Vec::new(), 300))));
    let (log, guard) = jsonl::to_writer(disk.clone(), Bodies::Masked);
    let default = listen(tracing_subscriber::registry().with(log));
    let client = in_process();
    client.balance().await.unwrap();
    client.balance().await.unwrap();
    client.balance().await.unwrap();
    wait_until(|| guard.write_errors() == 2);
    disk.0.lock().unwrap().1 = usize::MAX;
    client.balance().await.unwrap();
    client.balance().await.unwrap();
    drop((default, guard));
    let written = disk.0.lock().unwrap().0.clone();
    let lines: Vec<_> =
        written.split(|b| *b == b'\n').map(|l| serde_json::from_slice::<Value>(l).is_ok()).collect();
    assert_eq!(
        lines,
        [true, false, true, true, false],
        "the half line stands alone, and after the last end is nothing"
    );
}

/// A disk that hangs until it is let go.
struct Hanging(mpsc::Receiver<()>, Arc<Mutex<u64>>);

impl Write for Hanging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        *self.1.lock().unwrap() += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_hangs_holds_nobody_up_and_what_is_dropped_is_counted() {
    const CALLS: u64 = 5_000;
    let (let_go, hang) = mpsc::channel();
    let written = Arc::new(Mutex::new(0));
    let (log, guard) = jsonl::to_writer(Hanging(hang, Arc::clone(&written)), Bodies::Masked);
    let default = listen(tracing_subscriber::registry().with(log));
    let client = in_process();
    for _ in 0..CALLS {
        client.balance().await.unwrap();
    }
    let dropped = guard.dropped_lines();
    assert!((CALLS - 4_096 - 1..=CALLS - 4_096).contains(&dropped), "{dropped}"); // one may be in the thread's hand
    drop(let_go);
    wait_until(|| *written.lock().unwrap() == CALLS - dropped);
    drop((default, guard));
}

#[cfg(unix)]
fn lines_of(path: &Path) -> usize {
    std::fs::read_to_string(path).map_or(0, |text| parse(&text).len())
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_log_that_was_renamed_or_removed_goes_on_in_a_new_file_of_its_name() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let (guard, default) = listen_to_file(&folder.file());
    let client = in_process();
    let old = folder.0.join("kwtsms.log.1");
    client.balance().await.unwrap();
    wait_until(|| lines_of(&folder.file()) == 1);

    std::fs::rename(folder.file(), &old).unwrap(); // logrotate without `create`
    client.balance().await.unwrap();
    wait_until(|| lines_of(&folder.file()) == 1);
    assert_eq!(std::fs::metadata(folder.file()).unwrap().permissions().mode() & 0o777, 0o600);

    std::fs::rename(folder.file(), &old).unwrap();
    std::fs::write(folder.file(), "{\"ts\":\"20").unwrap(); // `create`, and another process was cut short in it
    client.balance().await.unwrap();
    wait_until(|| std::fs::read_to_string(folder.file()).unwrap().lines().count() == 2);

    std::fs::remove_file(folder.file()).unwrap();
    client.balance().await.unwrap();
    wait_until(|| lines_of(&folder.file()) == 1);
    assert_eq!(lines_of(&old), 1);

    std::fs::write(folder.file(), "").unwrap(); // `copytruncate`
    client.balance().await.unwrap();
    wait_until(|| lines_of(&folder.file()) == 1);
    drop(default);
    assert_eq!(guard.finish(), 0);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_renamed_log_whose_folder_is_gone_is_written_to_its_end() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let (guard, default) = listen_to_file(&folder.file());
    let client = in_process();
    client.balance().await.unwrap();
    wait_until(|| lines_of(&folder.file()) == 1);
    std::fs::rename(folder.file(), elsewhere.file()).unwrap();
    std::fs::remove_dir(&folder.0).unwrap();
    client.balance().await.unwrap();
    drop(default);
    assert_eq!(guard.finish(), 0);
    assert_eq!(lines_of(&elsewhere.file()), 2);
}

#[tokio::test(start_paused = true)]
async fn a_path_that_becomes_a_folder_is_seen_at_the_next_start_only() {
    let folder = Folder::new();
    let (guard, default) = listen_to_file(&folder.file());
    let client = in_process();
    client.balance().await.unwrap();
    wait_until(|| lines_of(&folder.file()) == 1);
    std::fs::rename(folder.file(), folder.0.join("old")).unwrap();
    std::fs::create_dir(folder.file()).unwrap();
    client.balance().await.unwrap();
    wait_until(|| std::fs::read_to_string(folder.0.join("old")).unwrap().lines().count() == 2);
    assert_eq!(guard.write_errors(), 0);
    drop((default, guard));
    assert!(refused(&folder.file()).contains("it is a folder"));
}

// Other processes: this test binary again, running one of the helpers below.

pub(super) fn child(helper: &str, folder: &Folder, env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("jsonl::{helper}"), "--exact", "--ignored", "--nocapture"]);
    command.current_dir(&folder.0).env_remove("KWTSMS_LOG_FILE").envs(env.iter().copied());
    command
}

pub(super) fn run(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    output
}

const LINES: usize = 500;

#[test]
#[ignore = "run by another test, in a process of its own"]
fn helper_that_writes_many_long_lines() {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(
        async {
            let (_guard, _default) = listen_to_file(Path::new("kwtsms.log"));
            let client = in_process();
            // 200 masked numbers: over 2 KB a line.
            let numbers: Vec<String> = (0..200).map(|i| (96_550_000_000u64 + i).to_string()).collect();
            for _ in 0..LINES {
                client.validate(&numbers[..]).await.unwrap();
            }
        },
    );
}

#[test]
fn two_processes_append_to_one_file_and_lines_stay_whole() {
    let folder = Folder::new();
    let helpers: Vec<_> = (0..2)
        .map(|_| {
            let mut command = child("file::helper_that_writes_many_long_lines", &folder, &[]);
            Owned::spawn(command.stdout(std::process::Stdio::null()))
        })
        .collect();
    for mut helper in helpers {
        assert!(helper.wait().unwrap().success());
    }
    let lines = parse(&std::fs::read_to_string(folder.file()).unwrap());
    assert_eq!(lines.len(), 2 * LINES);
    assert!(lines.iter().all(|line| line["request"]["mobile"].as_str().unwrap().len() > 2_000));
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn helper_that_logs_as_the_environment_says() {
    let (log, guard) = match jsonl::from_env() {
        Ok(log) => log.unzip(),
        Err(error) => return println!("error: {error}"),
    };
    println!("log: {}", log.is_some());
    let subscriber = tracing_subscriber::registry().with(log);
    tracing::subscriber::set_global_default(subscriber).unwrap();
    println!("level: {}", LevelFilter::current());
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        in_process().send(NUMBER, OTP).await.unwrap();
    });
    drop(guard);
}

#[test]
fn the_environment_names_the_log_and_no_file_appears_unasked() {
    let says = |folder: &Folder, env: &[(&str, &str)]| {
        let output = run(child("file::helper_that_logs_as_the_environment_says", folder, env));
        String::from_utf8(output.stdout).unwrap()
    };
    let files = |folder: &Folder| std::fs::read_dir(&folder.0).unwrap().count();

    let unset = Folder::new();
    assert!(says(&unset, &[]).contains("log: false"));
    assert!(says(&unset, &[("KWTSMS_LOG_FILE", "")]).contains("log: false"));
    assert_eq!(files(&unset), 0);

    let by_process = Folder::new();
    let said = says(&by_process, &[("KWTSMS_LOG_FILE", "other.log")]);
    assert!(said.contains("log: true"));
    assert!(said.contains("level: info"), "the layer does not make other crates build their events: {said}");
    let text = std::fs::read_to_string(by_process.0.join("other.log")).unwrap();
    assert_eq!(parse(&text)[0]["request"]["mobile"], "965****432");

    let by_file = Folder::new();
    let settings = "KWTSMS_USERNAME=api_user\nKWTSMS_PASSWORD=api_pass\nKWTSMS_LOG_FILE=kwtsms.log\n";
    std::fs::write(by_file.0.join(".env"), settings).unwrap();
    assert!(says(&by_file, &[("KWTSMS_LOG_FILE", "")]).contains("log: false"), "the process wins");
    assert_eq!(files(&by_file), 1);
    assert!(says(&by_file, &[]).contains("log: true"));
    assert_eq!(parse(&std::fs::read_to_string(by_file.file()).unwrap()).len(), 1);

    let missing = says(&unset, &[("KWTSMS_LOG_FILE", "logs/kwtsms.log")]);
    assert!(
        missing.contains("error: the log file logs/kwtsms.log cannot be opened: its folder"),
        "{missing}"
    );
}
