//! The guides: their programs are compiled here and run as processes of their own against a sandbox, and so are their
//! scripts for a terminal.
//!
//! A guide shows a program as it stands in this folder; after a change, `KWTSMS_WRITE_DOCS=1 cargo test --features full
//! --test guides` writes it into the guide.

#![cfg(unix)] // a shell, `kill -9`
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::future_not_send, missing_docs, unreachable_pub)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kwtsms_async::sandbox::Sandbox;
use owned::Owned;

/// A module with the program as it is, and what the tests below start in a process of its own.
macro_rules! program {
    ($name:ident, $file:literal) => {
        mod $name {
            include!($file);

            #[test]
            #[ignore = "run by the tests of the guides"]
            fn program() {
                if std::env::var_os(super::CHILD).is_some() {
                    main().unwrap();
                }
            }
        }
    };
}

program!(campaign, "campaign.rs");
program!(from_python, "from_python.rs");
program!(login_code, "login_code.rs");
program!(order, "order.rs");
program!(replica, "replica.rs");
#[path = "../owned.rs"]
mod owned;
mod testing {
    include!("testing.rs");
}

const CHILD: &str = "KWTSMS_TEST_GUIDE";

/// A sandbox, and a folder that the programs run in.
struct World {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sandbox = runtime.block_on(Sandbox::builder().drain_per_second(100_000).start()).unwrap();
        let world = Self { sandbox, folder: tempfile::tempdir().unwrap(), _runtime: runtime };
        // The guides' own, but for the address.
        let env = fenced(&guide("before.md"), "```text\n# .env\n");
        let env = env.replace("http://127.0.0.1:4010/API/", world.sandbox.base_url());
        assert!(env.contains(world.sandbox.base_url()), "{env}");
        std::fs::write(world.path(".env"), env).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn in_folder(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let own = Path::new(env!("CARGO_BIN_EXE_kwtsms")).parent().unwrap().display().to_string();
        let path = format!("{own}:{}", std::env::var("PATH").unwrap());
        command.args(args).env_clear().env("PATH", path).current_dir(self.folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// One of the programs above.
    fn program(&self, name: &str) -> Command {
        let test = format!("{name}::program");
        let me = std::env::current_exe().unwrap();
        let mut command = self.in_folder(&me, &["--exact", &test, "--ignored", "--nocapture", "--quiet"]);
        command.env(CHILD, "1");
        command
    }

    /// Runs it to its end, and gives what it said.
    fn run(&self, name: &str) -> String {
        said(self.program(name).output().unwrap())
    }

    /// How often each number was written to.
    fn received(&self) -> std::collections::BTreeMap<String, usize> {
        let mut received = std::collections::BTreeMap::new();
        for number in self.sandbox.messages().iter().flat_map(|message| message.numbers().to_vec()) {
            *received.entry(number).or_default() += 1;
        }
        received
    }
}

fn said(output: Output) -> String {
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}{}", String::from_utf8_lossy(&output.stderr));
    out
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if happened() {
            return;
        }
        pause(Duration::from_millis(10));
    }
    panic!("{what}: not within a minute");
}

#[allow(clippy::disallowed_methods)] // between looks at other processes
fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides")
}

fn guide(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

/// What stands between a line and the end of its block.
fn fenced(guide: &str, head: &str) -> String {
    let block = guide.split(head).nth(1).unwrap_or_else(|| panic!("{head}"));
    block.split("```").next().unwrap().to_owned()
}

#[test]
fn the_guides_show_the_programs_as_they_are() {
    let write = std::env::var_os("KWTSMS_WRITE_DOCS").is_some();
    for (name, program) in [
        ("campaign", include_str!("campaign.rs")),
        ("from-python", include_str!("from_python.rs")),
        ("login-code", include_str!("login_code.rs")),
        ("order", include_str!("order.rs")),
        ("replicas", include_str!("replica.rs")),
        ("testing", include_str!("testing.rs")),
    ] {
        let file = format!("{name}.md");
        let text = guide(&file);
        let head = "<!-- the program -->\n```rust\n";
        let shown = fenced(&text, head);
        if write {
            let new = text.replacen(&format!("{head}{shown}```"), &format!("{head}{program}```"), 1);
            std::fs::write(folder().join(&file), new).unwrap();
        } else {
            assert_eq!(shown, program, "docs/guides/{file}");
        }
    }
}

#[test]
fn the_dependencies_that_the_guides_name_have_this_version_and_its_features() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let version = env!("CARGO_PKG_VERSION").rsplit_once('.').unwrap().0;
    let mut seen = 0;
    for name in ["campaign", "from-python", "login-code", "order", "replicas", "testing"] {
        let text = guide(&format!("{name}.md"));
        for line in text.lines().filter(|line| line.starts_with("kwtsms-async = ")) {
            seen += 1;
            assert!(line.contains(&format!("\"{version}\"")), "{name}: {line}");
            let features =
                line.split("features = [").nth(1).map_or("", |rest| rest.split(']').next().unwrap());
            for feature in features.split('"').skip(1).step_by(2) {
                assert!(manifest.contains(&format!("\n{feature} = [")), "{name}: {feature}");
            }
        }
    }
    assert!(seen >= 6, "{seen}");
}

/// A form, as a browser posts it; gives status and page.
fn post(address: &str, path: &str, form: &str) -> (u16, String) {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = "content-type: application/x-www-form-urlencoded\r\nconnection: close";
    let length = form.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\n{head}\r\ncontent-length: {length}\r\n\r\n{form}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

#[test]
fn a_login_page_sends_a_code_and_lets_in_who_types_it() {
    let world = World::new();
    let mut child = Owned::spawn(world.program("login_code").env("LISTEN", "127.0.0.1:0"));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address =
        lines.find_map(|line| Some(line.unwrap().split_once("http://")?.1.trim_end_matches('/').to_owned()));
    let address = address.expect("it says where it listens");

    let (status, page) = post(&address, "/start", "number=%2B965+9876+5432");
    assert_eq!(status, 200, "{page}");
    let challenge = page.split("name=\"challenge\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    until("a code", || world.sandbox.otp("96598765432").is_some());
    let code = world.sandbox.otp("96598765432").unwrap();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let (status, page) = post(&address, "/verify", &format!("challenge={challenge}&code={wrong}"));
    assert_eq!(status, 400, "{page}");
    assert!(page.contains(challenge), "the code is typed again on this page: {page}");
    let (status, page) = post(&address, "/verify", &format!("challenge={challenge}&code={code}"));
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Signed in as 96598765432."), "{page}");
    // A number that cannot be one costs nothing.
    assert_eq!(post(&address, "/start", "number=12").0, 400);
    assert_eq!(world.sandbox.messages().len(), 1);
}

/// Every number that the list names has one outcome, none was written to twice, and all that is accepted was sent.
fn is_accounted_for(world: &World, count: usize, accepted: usize, unknown: usize) {
    assert_eq!(accepted + unknown, count);
    let received = world.received();
    assert!(received.values().all(|times| *times == 1), "none twice");
    assert!(received.len() >= accepted, "{} arrived, {accepted} accepted", received.len());
}

#[test]
fn a_campaign_whose_program_is_killed_goes_on_where_it_was() {
    let world = World::new();
    let list: String = (0..800).map(|i| format!("{}\n", 96_551_000_000u64 + i)).collect();
    std::fs::write(world.path("numbers.txt"), list).unwrap();
    let child = Owned::spawn(&mut world.program("campaign"));
    until("a first batch", || !world.sandbox.messages().is_empty());
    drop(child); // as by `kill -9`
    assert!(world.received().len() < 800, "it was killed in the middle");

    let out = world.run("campaign");
    let line = out.lines().find(|line| line.contains(" accepted, ")).unwrap();
    let counts: Vec<usize> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert_eq!(counts[2], 800, "{line}");
    is_accounted_for(&world, 800, counts[0], counts[1]);
}

#[test]
fn a_campaign_of_the_command_that_is_killed_goes_on_where_it_was() {
    let world = World::new();
    let script = fenced(&guide("campaign.md"), "<!-- run -->\n```sh\n");
    // The guide waits six seconds; here a first batch is waited for.
    assert!(script.contains("sleep 6\nkill -9 $!\n"), "{script}");
    let (first, second) = script.split_once("sleep 6\n").unwrap();
    let script = format!("{first}\nread -r go\n{second}");
    let mut shell = world.in_folder(Path::new("/bin/sh"), &["-c", &script]);
    let mut shell = Owned::spawn_group(shell.stdin(Stdio::piped()));
    until("a first batch", || !world.sandbox.messages().is_empty());
    shell.stdin.take().unwrap().write_all(b"\n").unwrap();
    let mut out = String::new();
    shell.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let sent =
        std::fs::read_to_string(world.path("sent.csv")).unwrap_or_else(|error| panic!("{error}: {out}"));
    let count = |outcome: &str| sent.lines().filter(|line| line.split(',').nth(3) == Some(outcome)).count();
    is_accounted_for(&world, 800, count("accepted"), count("unknown"));
}

#[test]
fn an_order_that_is_not_placed_has_no_message() {
    let world = World::new();
    let out = world.run("order");
    assert!(out.contains("order 4711 is placed") && out.contains("order 4712 is placed"), "{out}");
    assert!(out.contains("no order, no message"), "{out}");
    assert_eq!(out.matches(": accepted, message ").count(), 2, "{out}");
    assert_eq!(world.received().len(), 2);
    // Again: the orders are there, and nobody is told twice.
    let out = world.run("order");
    assert_eq!(out.matches("no order, no message").count(), 3, "{out}");
    assert!(world.received().values().all(|times| *times == 1));
}

#[test]
fn replicas_share_the_gateways_ceiling() {
    let world = World::new();
    let replicas: Vec<_> = (1..=4)
        .map(|replica| {
            let mut command = world.program("replica");
            command.env("REPLICA", replica.to_string()).env("KWTSMS_STORE", world.path("shared.db"));
            Owned::spawn(&mut command)
        })
        .collect();
    let out: String = replicas.into_iter().map(|child| said(child.output())).collect();
    assert_eq!(out.matches(": order ").count(), 8, "{out}");
    assert_eq!(world.received().len(), 8);
    assert!(world.sandbox.requests().iter().all(|request| request.code().is_none()), "none was refused");
}

#[test]
fn what_the_python_client_did_is_done() {
    let world = World::new();
    let out = world.run("from_python");
    assert!(out.contains("2 accepted, 2 credits"), "{out}");
    assert_eq!(world.received().len(), 2);
}
