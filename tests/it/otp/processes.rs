//! The same attacks from several processes at once, and processes that are killed or whose clocks are wrong.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use kwtsms_async::otp::{Challenge, OtpKeys, OtpStore, Purpose, StartError};
use kwtsms_async::sandbox::Fault;

use super::world::*;
use crate::owned::{Owned, with_a_clock_off_by};

const KEY: &str = "the key of several processes, 0123456789";
const PROCESSES: usize = 4;

over_every_shared_store! {
    guesses_from_several_processes_are_five_comparisons
    the_right_code_from_several_processes_is_verified_once
    starts_from_several_processes_are_one_message
    a_process_that_is_killed_before_the_outcome_leaves_it_unknown
}

/// A world whose key other processes know.
fn world(place: Place) -> World {
    World { keys: OtpKeys::new(KEY), ..World::new(place) }
}

/// Another process that does something to a store.
struct Other {
    child: Owned,
    out: BufReader<ChildStdout>,
}

impl Other {
    /// Starts it; it waits until it is told to go on. `clock` is what faketime is told.
    fn new(place: &Place, what: &str, challenge: &str, code: &str, clock: Option<&str>) -> Self {
        let mut command = match clock {
            None => Command::new(std::env::current_exe().unwrap()),
            Some(clock) => with_a_clock_off_by(clock),
        };
        command
            .args(["--exact", "otp::processes::another_process", "--ignored", "--nocapture"])
            .envs([
                ("OTP_WHAT", what),
                ("OTP_URL", &place.url()),
                ("OTP_CHALLENGE", challenge),
                ("OTP_CODE", code),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        // Killed alone, faketime leaves the other process, which then writes where nobody reads.
        let spawn = if clock.is_some() { Owned::spawn_group } else { Owned::spawn };
        let mut child = spawn(&mut command);
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut other = Self { child, out };
        assert_eq!(other.told(), "ready");
        other
    }

    fn go_on(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// The next line of its own.
    fn told(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.out.read_line(&mut line).unwrap() > 0, "the other process ended");
            if let Some((_, told)) = line.trim_end().split_once("told: ") {
                return told.to_owned();
            }
        }
    }
}

/// Says something to the process that started this one.
#[allow(clippy::print_stdout)]
fn tell(what: impl std::fmt::Display) {
    println!("told: {what}");
    std::io::stdout().flush().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other process of the tests here"]
async fn another_process() {
    let Ok(what) = std::env::var("OTP_WHAT") else { return };
    let get = |name: &str| std::env::var(name).unwrap();
    let (challenge, code) = (Challenge::from(get("OTP_CHALLENGE")), get("OTP_CODE"));
    let world = world(Place::memory().await.unwrap());
    let otp = world.builder_over(open_at(&get("OTP_URL")).await).build().unwrap();
    tell("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    match what.as_str() {
        "guess" => {
            let guess = |nth| {
                let (otp, challenge, code) = (&otp, &challenge, &code);
                async move { word(&verify(otp, challenge, &other_than(code, nth)).await) }
            };
            tell(at_once(50, guess).await.join(","));
        }
        "verify" => {
            let verify = |_| async { word(&verify(&otp, &challenge, &code).await) };
            tell(at_once(26, verify).await.join(","));
        }
        "start" => {
            let start = |_| async {
                match otp.start(NUMBER, Purpose::LOGIN, &caller()).await {
                    Ok(_) => "sent".to_owned(),
                    Err(StartError::TooSoon(_)) => "too soon".to_owned(),
                    Err(error) if is_late(&error) => "too late".to_owned(),
                    Err(error) => format!("{error:?}"),
                }
            };
            tell(at_once(25, start).await.join(","));
        }
        "hang" => {
            world.sandbox.faults().push(Fault::delay(HOUR).on("send"));
            let started = otp.start_in_background(NUMBER, Purpose::LOGIN, &caller()).await.unwrap();
            until(|| world.messages() == 1).await;
            tell(&started.challenge);
            tell(world.code(NUMBER));
            tokio::time::sleep(HOUR).await;
        }
        "send" => {
            let started = otp.start(NUMBER, Purpose::LOGIN, &caller()).await.unwrap();
            tell(&started.challenge);
            tell(world.code(NUMBER));
        }
        other => panic!("{other}"),
    }
}

async fn at_once<F: Future<Output = String>>(count: u32, act: impl Fn(u32) -> F) -> Vec<String> {
    join_all((0..count).map(act)).await
}

/// Lets several processes do the same at the same time and gives what came of it, in all.
///
/// One test at a time: each process has up to 8 connections, and a PostgreSQL server takes 100 in all, as it comes.
fn all(place: &Place, what: &str, challenge: &str, code: &str) -> Vec<String> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut others: Vec<_> = (0..PROCESSES).map(|_| Other::new(place, what, challenge, code, None)).collect();
    others.iter_mut().for_each(Other::go_on);
    others
        .iter_mut()
        .flat_map(|other| other.told().split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn count(words: &[String], word: &str) -> usize {
    words.iter().filter(|seen| seen.starts_with(word)).count()
}

// Guard: the comparison of `attempts` in the step of the store that counts.
async fn guesses_from_several_processes_are_five_comparisons(place: Place) {
    let world = world(place);
    let otp = world.otp().await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    let words = all(&world.place, "guess", challenge.as_str(), &code);
    assert_eq!((count(&words, "wrong"), count(&words, "spent")), (5, 195), "{words:?}");
    assert_eq!(tries(&otp, &challenge, [code]).await, ["spent"]);
}

// Guard: `used_at` in the same step.
async fn the_right_code_from_several_processes_is_verified_once(place: Place) {
    let world = world(place);
    let otp = world.otp().await;
    let (challenge, code) = world.start(&otp, NUMBER).await;
    let words = all(&world.place, "verify", challenge.as_str(), &code);
    assert_eq!((count(&words, "verified"), count(&words, "used")), (1, 103), "{words:?}");
}

// Guard: the limit in the condition of the count's update.
async fn starts_from_several_processes_are_one_message(place: Place) {
    let world = world(place);
    world.otp().await; // the tables are there
    let words = all(&world.place, "start", "", "000000");
    assert_eq!((count(&words, "sent"), count(&words, "too ")), (1, 99), "{words:?}");
}

// Guard: the code is stored, and the limits are taken, before anything is sent.
async fn a_process_that_is_killed_before_the_outcome_leaves_it_unknown(place: Place) {
    let world = world(place);
    let otp = world.otp().await;
    let mut other = Other::new(&world.place, "hang", "", "000000", None);
    other.go_on();
    let (challenge, code) = (Challenge::from(other.told()), other.told());
    other.child.kill().unwrap();
    drop(other);
    too_soon(otp.start(NUMBER, Purpose::LOGIN, &caller())).await;
    // Another message may be asked for later, and the first code is still valid if that is not sent.
    world.place.pass(PAUSE).await;
    world.sandbox.faults().push(Fault::code("ERR013").on("send"));
    otp.resend(&challenge, &caller()).await.unwrap_err();
    assert_eq!(tries(&otp, &challenge, [code]).await, ["verified"]);
}

/// Processes whose clocks are two minutes ahead and behind, where faketime is there to make them so.
// Guard: time is the store's; with a process's own clock one of these is expired and another lives on.
#[cfg(any(feature = "postgres", feature = "redis"))]
#[allow(clippy::print_stderr)]
async fn clocks_of_processes_do_not_matter(place: Place) {
    if !crate::owned::has_faketime() {
        eprintln!("skipped: no faketime, which sets a process's clock");
        return;
    }
    for (clock, back) in [("+120s", "-120s"), ("-120s", "+120s")] {
        let world = world(place.clone());
        let otp = world.otp().await;
        let mut other = Other::new(&world.place, "send", "", "000000", Some(clock));
        other.go_on();
        let (challenge, code) = (other.told(), other.told());
        // 4:50 of 5 minutes are over: two minutes more or less would tell.
        world.place.pass(5 * MINUTE - Duration::from_secs(10)).await;
        assert_eq!(tries(&otp, &challenge.clone().into(), [other_than(&code, 0)]).await, ["wrong 4"]);
        let mut last = Other::new(&world.place, "verify", &challenge, &code, Some(back));
        last.go_on();
        assert_eq!(count(&last.told().split(',').map(str::to_owned).collect::<Vec<_>>(), "verified"), 1);
        world.place.pass(HOUR).await;
        let mut other = Other::new(&world.place, "send", "", "000000", Some(clock));
        other.go_on();
        let (challenge, code) = (other.told(), other.told());
        world.place.pass(5 * MINUTE).await;
        assert_eq!(tries(&otp, &challenge.clone().into(), [&code]).await, ["expired"]);
        let mut last = Other::new(&world.place, "verify", &challenge, &code, Some(back));
        last.go_on();
        assert!(last.told().split(',').all(|word| word == "expired"));
        world.place.pass(HOUR).await;
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_of_processes_do_not_matter_over_postgres() {
    let Some(place) = Place::postgres().await else { return };
    clocks_of_processes_do_not_matter(place).await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_of_processes_do_not_matter_over_redis() {
    let Some(place) = Place::redis().await else { return };
    clocks_of_processes_do_not_matter(place).await;
}

/// Opens what another process was given.
async fn open_at(url: &str) -> OtpStore {
    #[cfg(feature = "redis")]
    if url.starts_with("redis") {
        return OtpStore::redis(url).await.unwrap();
    }
    kwtsms_async::Store::open(url).await.unwrap().into()
}
