//! One-time codes a second over each store, and two hundred guesses at one code at once.
//!
//! `cargo bench -p kwtsms-benches --bench otp [memory|sqlite|postgres|redis]`
//!
//! PostgreSQL at `KWTSMS_TEST_POSTGRES` and Redis at `KWTSMS_TEST_REDIS`, or on this machine; what is not there is left
//! out. The gateway is in this process and answers at once, so what is measured is the service and its store: reserve and
//! settle of a start, the attempt of a verification. All numbers share the counts of the country and of the budget.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]
#![allow(clippy::future_not_send)] // the futures that measure stay in block_on

use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use futures::stream;
use kwtsms_async::otp::{Breaker, Budget, Caller, HumanCheck, Otp, OtpKeys, OtpStore, Purpose, VerifyError};
use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{Client, Store};
use tokio::time::Instant;

const ROUNDS: usize = 7;
/// Codes a round.
const CODES: u64 = 400;
/// How many are under way at once.
const AT_ONCE: usize = 16;

#[tokio::main]
async fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|arg| arg == name);
    let variable = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    println!("median of {ROUNDS} rounds of {CODES} codes, {AT_ONCE} under way (least to most)");
    if run("memory") {
        measure("memory", OtpStore::memory()).await;
    }
    if run("sqlite") {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("codes.db")).await.unwrap();
        measure("sqlite", store.into()).await;
    }
    if run("postgres") {
        let url = variable("KWTSMS_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres");
        let sign = if url.contains('?') { '&' } else { '?' };
        match Store::open(format!("{url}{sign}schema=kwtsms_bench")).await {
            Ok(store) => measure("postgres", store.into()).await,
            Err(error) => println!("postgres: left out, {error}"),
        }
    }
    if run("redis") {
        let url = variable("KWTSMS_TEST_REDIS", "redis://127.0.0.1:6379/0");
        let sign = if url.contains('?') { '&' } else { '?' };
        match OtpStore::redis(&format!("{url}{sign}prefix=kwtsms_bench:")).await {
            Ok(store) => measure("redis", store).await,
            Err(error) => println!("redis: left out, {error}"),
        }
    }
}

fn service(sandbox: &Sandbox, store: OtpStore) -> Otp {
    let client =
        Client::builder("bench", "any").transport(sandbox.transport()).sender_id("KWT-TEST").unpaced();
    // In test mode, where neither this client nor the gateway asks for a pause between messages to a number.
    Otp::builder(client.test_mode(true).build().unwrap(), store, OtpKeys::random())
        .app_name("MYAPP")
        .budget(Budget::credits(u32::MAX).per_hour().and_credits(u32::MAX).per_day())
        .human_check(HumanCheck::never())
        .breaker(Breaker::unverified(u32::MAX))
        .per_address(u32::MAX)
        .per_prefix(u32::MAX)
        .per_country(u32::MAX)
        .build()
        .unwrap()
}

/// The middle one, with the least and the most.
fn median(mut figures: Vec<f64>, unit: &str, digits: usize) -> String {
    figures.sort_by(f64::total_cmp);
    let [least, middle, most] = [0, figures.len() / 2, figures.len() - 1].map(|at| figures[at]);
    format!("{middle:.digits$} {unit} ({least:.digits$} to {most:.digits$})")
}

async fn measure(name: &str, store: OtpStore) {
    let sandbox = Sandbox::builder().stuck_messages_fill_queue(false).in_process();
    sandbox.account("bench").set_balance(1_000_000_000);
    let otp = service(&sandbox, store);
    let caller = Caller::at([203, 0, 113, 7]);
    let mut codes = Vec::new();
    let mut at_once = Vec::new();
    let mut next = 96_550_000_000u64;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let numbers = next..next + CODES;
        next += CODES;
        stream::iter(numbers)
            .for_each_concurrent(AT_ONCE, |number| {
                let (otp, sandbox, caller) = (&otp, &sandbox, &caller);
                async move {
                    let number = number.to_string();
                    let started = otp.start(&number, Purpose::LOGIN, caller).await.unwrap();
                    let code = sandbox.otp(&number).unwrap();
                    assert!(otp.verify(&started.challenge, Purpose::LOGIN, code, caller).await.is_ok());
                }
            })
            .await;
        codes.push(CODES as f64 / begin.elapsed().as_secs_f64());

        let number = next.to_string();
        next += 1;
        let started = otp.start(&number, Purpose::LOGIN, &caller).await.unwrap();
        let code: u32 = sandbox.otp(&number).unwrap().parse().unwrap();
        let begin = Instant::now();
        let guesses = (1..=200).map(|nth| {
            let (otp, challenge, caller) = (otp.clone(), started.challenge.clone(), caller.clone());
            let guess = format!("{:06}", (code + nth) % 1_000_000);
            tokio::spawn(async move { otp.verify(&challenge, Purpose::LOGIN, guess, &caller).await })
        });
        let results = join_all(guesses).await;
        let took: Duration = begin.elapsed();
        let compared =
            results.iter().filter(|result| matches!(result, Ok(Err(VerifyError::Wrong { .. })))).count();
        assert_eq!(compared, 5);
        at_once.push(took.as_secs_f64() * 1_000.0);
    }
    println!("{name}: start + settle + verify {}", median(codes, "a second", 0));
    println!("{name}: 200 guesses at once {}, 5 of them compared", median(at_once, "ms", 1));
    otp.sweep().await.unwrap();
}
