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
        let env = fenced(&guide("before.md"), "`.env`:\n\n```text\n");
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
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(body.starts_with("<!doctype html>"), "{answer}");
    assert!(body.contains(r#"<meta name="viewport" content="width=device-width">"#), "on a phone: {answer}");
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
    // Too soon for another: the page says how long, and still takes the code that was sent.
    let (status, page) = post(&address, "/resend", &format!("challenge={challenge}&code="));
    assert_eq!(status, 429, "{page}");
    assert!(page.contains(challenge) && page.contains(" seconds)"), "{page}");
    let (status, page) = post(&address, "/start", "number=96598765432");
    assert!(status == 429 && page.contains(" seconds)"), "{page}");
    let (status, page) = post(&address, "/verify", &format!("challenge={challenge}&code={code}"));
    assert_eq!(status, 200, "{page}");
    assert!(page.contains("Signed in as 96598765432."), "{page}");
    // A number that cannot be one costs nothing.
    assert_eq!(post(&address, "/start", "number=12").0, 400);
    assert_eq!(world.sandbox.messages().len(), 1);
}

/// The lines of a guide's shell that make the list, and how many numbers it has.
fn list(world: &World) -> usize {
    let script = fenced(&guide("campaign.md"), "<!-- run -->\n```sh\n");
    let line = script.lines().find(|line| line.ends_with(" > guests.csv")).unwrap();
    let made = world.in_folder(Path::new("/bin/sh"), &["-c", line]).status().unwrap();
    assert!(made.success());
    std::fs::read_to_string(world.path("guests.csv")).unwrap().lines().count() - 1
}

/// Answers that take as long as the guide says.
fn slow(world: &World) {
    let guide = guide("campaign.md");
    let line = guide.lines().find(|line| line.starts_with("curl ")).unwrap();
    let line = line.replace("http://127.0.0.1:4010/", world.sandbox.inbox_url());
    // Where there is no curl, the same by hand.
    world.sandbox.set_latency(Duration::from_millis(700));
    if Command::new("curl").arg("--version").output().is_ok() {
        let output = said(world.in_folder(Path::new("/bin/sh"), &["-c", &line]).output().unwrap());
        assert!(output.contains("\"latency_ms\":700"), "{line}: {output}");
    }
}

/// Every number that the list names has one outcome, none was written to twice, and all that is accepted was sent.
fn is_accounted_for(world: &World, count: usize, accepted: usize, unknown: usize) {
    assert_eq!(accepted + unknown, count);
    let received = world.received();
    assert!(received.values().all(|times| *times == 1), "none twice");
    assert!(received.len() >= accepted, "{} arrived, {accepted} accepted", received.len());
}

/// What a program of a campaign counts at its end: accepted, refused, unknown, not sent yet, and all.
fn counts(out: &str) -> [usize; 5] {
    let line = out.lines().find(|line| line.contains(" accepted, ")).unwrap_or_else(|| panic!("{out}"));
    let counts: Vec<_> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    counts.try_into().unwrap_or_else(|_| panic!("{line}"))
}

#[test]
fn a_campaign_whose_program_is_killed_goes_on_where_it_was_and_two_share_the_work() {
    let world = World::new();
    let count = list(&world);
    slow(&world);
    let child = Owned::spawn(&mut world.program("campaign"));
    until("some messages", || world.sandbox.messages().len() >= 3);
    drop(child); // as by `kill -9`
    assert!(world.received().len() < count, "it was killed in the middle");

    let both = [(); 2].map(|()| Owned::spawn(&mut world.program("campaign")));
    for out in both.map(|child| said(child.output())) {
        let [accepted, refused, unknown, left, all] = counts(&out);
        assert_eq!((refused, left, all), (0, 0, count), "{out}");
        assert!(unknown > 0, "what was on its way when it was killed: {out}");
        is_accounted_for(&world, count, accepted, unknown);
    }
    let requests = world.sandbox.requests();
    assert!(requests.iter().all(|request| request.code().is_none()), "none was refused");
    let mut starts: Vec<_> = requests.iter().map(|request| request.at()).collect();
    starts.sort();
    let second = Duration::from_secs(1);
    let most = starts
        .iter()
        .map(|at| starts.iter().filter(|other| *other >= at && other.duration_since(*at) < second).count());
    assert!(most.max() <= Some(4), "one pace for both: {starts:?}");
}

#[test]
fn a_campaign_whose_account_is_empty_says_what_is_left_and_why_and_fails() {
    let world = World::new();
    let count = list(&world);
    world.sandbox.account("me").set_balance(2);
    let output = world.program("campaign").output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    let out = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(counts(&out), [2, 0, 0, count - 2, count], "{out}");
    assert!(out.contains("the rest waits: ") && out.contains("ERR010"), "{out}");

    world.sandbox.account("me").set_balance(1_000);
    assert!(guide("campaign.md").contains("`kwtsms campaign resume eid-2028`"));
    let resume = ["campaign", "resume", "eid-2028"];
    said(world.in_folder(Path::new(env!("CARGO_BIN_EXE_kwtsms")), &resume).output().unwrap());
    assert_eq!(counts(&world.run("campaign")), [count, 0, 0, 0, count]);
}

#[test]
fn a_campaign_of_the_command_that_is_killed_goes_on_where_it_was() {
    let world = World::new();
    slow(&world);
    let script = fenced(&guide("campaign.md"), "<!-- run -->\n```sh\n");
    // The guide waits twelve seconds; here some messages are waited for.
    assert!(script.contains("sleep 12; kill -9 $!\n"), "{script}");
    let (first, second) = script.split_once("sleep 12; ").unwrap();
    let script = format!("{first}\nread -r go\n{second}");
    let mut shell = world.in_folder(Path::new("/bin/sh"), &["-c", &script]);
    let mut shell = Owned::spawn_group(shell.stdin(Stdio::piped()));
    until("some messages", || world.sandbox.messages().len() >= 3);
    shell.stdin.take().unwrap().write_all(b"\n").unwrap();
    let mut out = String::new();
    shell.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let sent =
        std::fs::read_to_string(world.path("sent.csv")).unwrap_or_else(|error| panic!("{error}: {out}"));
    let count = |outcome: &str| sent.lines().filter(|line| line.split(',').nth(3) == Some(outcome)).count();
    let (accepted, unknown) = (count("accepted"), count("unknown"));
    assert!(unknown > 0, "what was on its way when it was killed: {sent}");
    is_accounted_for(&world, sent.lines().count() - 1, accepted, unknown);
    let counted: Vec<_> = out.lines().rev().take(2).map(|line| line.trim().to_owned()).collect();
    assert!(counted.contains(&format!("{accepted} accepted")), "without the file's head: {out}");

    // As the guide goes on: what the inbox has was sent.
    let kwtsms = Path::new(env!("CARGO_BIN_EXE_kwtsms"));
    let evidence = ["campaign", "resolve", "eid-2027", "--evidence"];
    let listed = world.in_folder(kwtsms, &evidence).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let batch =
        listed.lines().find_map(|line| line.trim().strip_prefix("Batch ")?.split(':').next()).unwrap();
    assert!(guide("campaign.md").contains("\nkwtsms campaign resolve eid-2027 BATCH --sent "));
    let resolve = ["campaign", "resolve", "eid-2027", batch, "--sent"];
    said(world.in_folder(kwtsms, &resolve).output().unwrap());
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
