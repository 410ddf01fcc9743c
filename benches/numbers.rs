//! How fast numbers are normalised and validated, beside the official crate (kwtsms 0.1.10) in the same run.
//!
//! `cargo bench -p kwtsms-benches --bench numbers`; the ratios stand at the end. The official crate compares each
//! number with its table of countries, too; our strict check, on libphonenumber's data, is timed by itself.

#![allow(missing_docs, reason = "criterion's macros make functions without docs")]
#![allow(clippy::print_stdout, reason = "the ratios are the output")]

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use kwtsms_async::{normalize_phone, validate_phone_input};

const INPUTS: usize = 1_000_000;

/// What a contact list holds, in twelve equal parts, the same in every run.
fn inputs() -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(965);
    (0..INPUTS)
        .map(|i| {
            let local = 90_000_000 + random.u32(..10_000_000);
            let (front, back) = (local / 10_000, local % 10_000);
            let plain = format!("965{local}");
            let script = |zero: u32| -> String {
                plain.bytes().filter_map(|b| char::from_u32(zero + u32::from(b - b'0'))).collect()
            };
            match i % 12 {
                0 | 1 => plain,
                2 => format!("+965{local}"),
                3 => format!("+965 {front} {back}"),
                4 => format!("00965-{front}-{back}"),
                5 => format!("  (+965) {front} {back} "),
                6 => script(0x0660),
                7 => script(0x06F0),
                8 => local.to_string(),
                9 => format!("96605{local}"),
                10 => format!("customer{local}@example.com"),
                _ => ["", "n/a", "12345", "96598765432;96541234567"][random.usize(..4)].to_owned(),
            }
        })
        .collect()
}

/// Benches a function over all inputs and gives the median time of one input in nanoseconds; `None` when it was
/// filtered out.
fn time<O>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    inputs: &[String],
    f: impl Fn(&str) -> O,
) -> Option<f64> {
    group.throughput(Throughput::Elements(inputs.len() as u64));
    let mut samples: Vec<f64> = Vec::new();
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|rounds| {
            let start = WallTime.start();
            for _ in 0..rounds {
                for input in inputs {
                    black_box(f(black_box(input)));
                }
            }
            let took = WallTime.end(start);
            samples.push(took.as_nanos() as f64 / (rounds as f64 * inputs.len() as f64));
            took
        });
    });
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied()
}

fn numbers(criterion: &mut Criterion) {
    let inputs = inputs();

    let mut group = criterion.benchmark_group("normalise and validate");
    let ours = time(&mut group, "ours", &inputs, validate_phone_input);
    let official = time(&mut group, "official", &inputs, kwtsms_official::validate_phone_input);
    group.finish();

    let mut group = criterion.benchmark_group("normalise");
    let ours_normalised = time(&mut group, "ours", &inputs, normalize_phone);
    let official_normalised = time(&mut group, "official", &inputs, kwtsms_official::normalize_phone);
    group.finish();

    let mut group = criterion.benchmark_group("parse one kind");
    let plain: Vec<_> = inputs.iter().step_by(12).cloned().collect();
    let spaced: Vec<_> = inputs.iter().skip(3).step_by(12).cloned().collect();
    let arabic: Vec<_> = inputs.iter().skip(6).step_by(12).cloned().collect();
    for (name, inputs) in [("plain", &plain), ("spaced", &spaced), ("arabic", &arabic)] {
        time(&mut group, name, inputs, validate_phone_input);
    }
    group.finish();

    let strict = {
        use kwtsms_async::{CountryCheck, PhoneNumber};
        let mut group = criterion.benchmark_group("strict check");
        let strict = |text: &str| PhoneNumber::parse_with(text, CountryCheck::Strict);
        let strict = [time(&mut group, "mixed", &inputs, strict), time(&mut group, "plain", &plain, strict)];
        group.finish();
        strict
    };

    for (name, ours, official, goal) in [
        ("normalise and validate", ours, official, "at least 5"),
        ("normalise alone", ours_normalised, official_normalised, "none set"),
    ] {
        if let (Some(ours), Some(official)) = (ours, official) {
            let ratio = official / ours;
            println!(
                "{name} {INPUTS} mixed inputs: {ratio:.1} times as fast as the official crate (goal: {goal}); {ours:.0} ns, {official:.0} ns an input"
            );
        }
    }
    if let [Some(mixed), Some(plain)] = strict {
        println!("strict check: {mixed:.0} ns a mixed input, {plain:.0} ns a number of Kuwait");
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = numbers
}
criterion_main!(benches);
