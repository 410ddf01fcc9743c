//! Every number ends in exactly one place, whatever goes wrong: rule 1, for random inputs and random faults.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use kwtsms_async::sandbox::Fault;
use kwtsms_async::{Outcome, PhoneNumber, SendReport};
use proptest::prelude::*;

use crate::gateway::{builder, gateway, parts, sends};

/// One thing that goes wrong with a send, or nothing.
fn fault() -> impl Strategy<Value = Fault> {
    let code = prop::sample::select(vec![
        "ERR001", "ERR002", "ERR003", "ERR005", "ERR006", "ERR007", "ERR008", "ERR009", "ERR010", "ERR011",
        "ERR012", "ERR013", "ERR013", "ERR013", "ERR024", "ERR025", "ERR026", "ERR026", "ERR026", "ERR027",
        "ERR028", "ERR028", "ERR035", "ERR099", "",
    ]);
    let status = prop::sample::select(vec![200_u16, 400, 403, 406, 500]);
    prop_oneof![
        8 => Just(Fault::delay(Duration::ZERO)),
        6 => (code, status).prop_map(|(code, status)| Fault::code(code).status(status)),
        1 => (0_u64..40).prop_map(|seconds| Fault::delay(Duration::from_secs(seconds))),
        1 => Just(Fault::drop_before_reading()),
        1 => Just(Fault::drop_after_accepting()),
        1 => (0_usize..200).prop_map(Fault::truncated_body),
        1 => Just(Fault::html_502()),
        1 => Just(Fault::html_502().after_accepting()),
        1 => (0_u64..40).prop_map(|seconds| Fault::slow_body(Duration::from_secs(seconds))),
        1 => Just(Fault::refuse_connection()),
        1 => Just(Fault::redirect(307, "http://192.0.2.1/")),
        1 => ".{0,40}".prop_map(|body| Fault::reply(200, body)),
        1 => Just(Fault::reply(200, r#"{"result":"OK"}"#).after_accepting()),
        1 => Just(Fault::reply(200, r#"{"result":"OK","msg-id":"abc1"}"#)),
    ]
}

/// What one input is: a number by its place among 700, a bad one, or a list of two.
fn input() -> impl Strategy<Value = String> {
    let number = || (0_u64..700).prop_map(|i| (96_550_000_000 + i).to_string());
    prop_oneof![
        20 => number(),
        2 => number().prop_map(|number| format!("+{number}")),
        1 => Just("not a number".to_owned()),
        1 => Just(String::new()),
        1 => (number(), number()).prop_map(|(one, two)| format!("{one},{two}")),
    ]
}

/// How the run is disturbed from outside.
#[derive(Debug, Clone, Copy)]
enum Disturbance {
    None,
    StopAfter(Duration),
    Deadline(Duration),
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    let time = || (0_u64..60_000).prop_map(Duration::from_millis);
    prop_oneof![
        4 => Just(Disturbance::None),
        1 => time().prop_map(Disturbance::StopAfter),
        1 => time().prop_map(Disturbance::Deadline),
    ]
}

/// How many numbers an input holds, as a reader counts them.
fn held(input: &str) -> u64 {
    input.split(',').count() as u64
}

struct Ran {
    report: SendReport,
    /// How often each number was accepted by the sandbox, whoever heard of it.
    accepted: BTreeMap<String, u64>,
    requests: usize,
}

fn run(
    inputs: Vec<String>,
    earlier: usize,
    faults: Vec<Fault>,
    in_flight: usize,
    disturbance: Disturbance,
) -> Ran {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let sandbox = gateway();
        let client = builder(&sandbox).build().unwrap();
        // Numbers that rest when the run comes to them.
        if inputs.iter().take(earlier).any(|input| PhoneNumber::parse(input).is_ok()) {
            client.send(&inputs[..earlier.min(inputs.len())], "Earlier").await.unwrap();
        }
        let before = sends(&sandbox).len();
        for fault in faults {
            sandbox.faults().push(fault.on("send"));
        }
        let mut bulk = client.bulk(inputs, "Hello").max_in_flight(in_flight);
        if let Disturbance::Deadline(after) = disturbance {
            bulk = bulk.deadline(after);
        }
        let handle = bulk.handle();
        let stop = async {
            if let Disturbance::StopAfter(after) = disturbance {
                tokio::time::sleep(after).await;
                handle.stop();
            }
            std::future::pending::<()>().await;
        };
        let report = tokio::select! {
            report = bulk.collect_report() => report,
            () = stop => unreachable!(),
        };
        // What was given up by the caller goes on by itself; let it end.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let mut accepted = BTreeMap::new();
        for message in sandbox.messages().iter().filter(|message| message.text() == "Hello") {
            for number in message.numbers() {
                *accepted.entry(number.clone()).or_insert(0) += 1;
            }
        }
        Ran { report, accepted, requests: sends(&sandbox).len() - before }
    })
}

/// As many as take seconds; the gate has `PROPTEST_CASES` make it 10,000.
const CASES: u32 = 1_000;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn every_number_ends_in_exactly_one_place_under_any_faults(
        inputs in prop::collection::vec(input(), 0..60),
        copies in 1_usize..12,
        earlier in prop_oneof![2 => Just(0_usize), 1 => 1_usize..100],
        faults in prop::collection::vec(fault(), 0..12),
        in_flight in 1_usize..5,
        disturbance in disturbance(),
    ) {
        // Copies are repeats, but for numbers shifted out of each other's way: several batches of them.
        let inputs: Vec<String> = (0..copies)
            .flat_map(|copy| inputs.iter().map(move |input| match input.parse::<u64>() {
                Ok(number) => (number + 1_000 * copy as u64).to_string(),
                Err(_) => input.clone(),
            }))
            .collect();
        let total: u64 = inputs.iter().map(|input| held(input)).sum();
        let Ran { report, accepted, requests } = run(inputs.clone(), earlier, faults, in_flight, disturbance);
        let account = report.account();

        // The sum, and number by number.
        prop_assert_eq!(account.total(), total, "{:?}", parts(account));
        prop_assert_eq!(parts(account).iter().sum::<u64>(), total);
        let mut seen = HashSet::new();
        for batch in report.batches() {
            prop_assert!(batch.numbers().len() <= 200);
            prop_assert_eq!(batch.numbers().len(), batch.positions().len());
            for (number, position) in batch.numbers().iter().zip(batch.positions()) {
                prop_assert!(seen.insert(*number), "a number in two batches");
                let input = &inputs[usize::try_from(*position).unwrap()];
                prop_assert!(input.split(',').any(|part| PhoneNumber::parse(part) == Ok(*number)));
            }
        }
        for duplicate in report.duplicates() {
            prop_assert!(seen.contains(&duplicate.number()), "a repeat of a number that is nowhere");
        }
        for invalid in report.invalid() {
            prop_assert!(PhoneNumber::parse(invalid.input()).is_err());
        }

        // What the gateway did agrees with what is said of it.
        prop_assert!(accepted.values().all(|times| *times == 1), "a number was sent to twice");
        for batch in report.batches() {
            for number in batch.numbers().iter().map(ToString::to_string) {
                match batch.outcome() {
                    // A scripted OK without a message behind it is the gateway's lie, and not ours.
                    Outcome::Accepted => {
                        let lie = batch.result().is_ok_and(|accepted| accepted.message_id().as_str() == "abc1");
                        prop_assert!(lie || accepted.contains_key(&number));
                    }
                    Outcome::Refused | Outcome::NotAttempted => prop_assert!(!accepted.contains_key(&number)),
                    _ => {}
                }
            }
        }
        prop_assert!(requests <= report.batches().len() * 7, "{} requests", requests);
    }
}
