//! How fast texts are cleaned and measured, beside the official crate (kwtsms 0.1.10) in the same run.
//!
//! `cargo bench -p kwtsms-benches --bench texts`; the ratios stand at the end.

#![allow(missing_docs, reason = "criterion's macros make functions without docs")]
#![allow(clippy::print_stdout, reason = "the ratios are the output")]

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use kwtsms_async::{MessageText, clean_message};

/// 160 characters, one page.
const ENGLISH: &str = "Dear customer, your order 48213 is on its way and will be with you today between 4 and 6pm. \
                       Please have your receipt at hand. Thank you for shopping with MYAPP.";
/// One page of plain Arabic, where nothing changes.
const ARABIC: &str = "عزيزنا العميل، طلبك في الطريق إليك وسيصلك اليوم. شكرا لتسوقك معنا";
const ARABIC_WITH_EMOJI_AND_TAGS: &str = "<b>متجرنا</b> 🎉 عزيزنا العميل، رمز التحقق الخاص بك هو ١٢٣٤ وهو صالح لمدة خمس \
                                          دقائق ⏰ لا تشاركه مع أحد.<br/>شكرا لتسوقك معنا ❤️";
/// Something to change in every word.
const ARABIC_DENSE: &str =
    "<b>عزيزنا العميل</b> 🎉، رمز التحقق: ١٢٣٤٥٦ ⏰<br/>لا تشاركه مع أحد 🇰🇼 ❤️ شكرا لتسوقك معنا <i>متجرنا</i>";

/// Benches a function and gives the median time of a call in nanoseconds; `None` when it was filtered out.
fn time<O>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, f: impl Fn() -> O) -> Option<f64> {
    let mut samples: Vec<f64> = Vec::new();
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|calls| {
            let start = WallTime.start();
            for _ in 0..calls {
                black_box(f());
            }
            let took = WallTime.end(start);
            samples.push(took.as_nanos() as f64 / calls as f64);
            took
        });
    });
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied()
}

fn texts(criterion: &mut Criterion) {
    let mut ratios = Vec::new();
    for (name, text, goal) in [
        ("english", ENGLISH, "at least 10"),
        ("arabic", ARABIC, "none set"),
        ("arabic with emoji and tags", ARABIC_WITH_EMOJI_AND_TAGS, "at least 3"),
        ("arabic with more of them", ARABIC_DENSE, "at least 3"),
    ] {
        let mut group = criterion.benchmark_group(format!("clean {name}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        let ours = time(&mut group, "ours", || clean_message(black_box(text)));
        let official = time(&mut group, "official", || kwtsms_official::clean_message(black_box(text)));
        group.finish();
        ratios.push((name, ours, official, goal));
    }

    let mut group = criterion.benchmark_group("clean a megabyte");
    let angles = "<".repeat(1 << 20);
    group.throughput(Throughput::Bytes(angles.len() as u64));
    time(&mut group, "of <", || clean_message(black_box(&angles)));
    group.finish();

    // The official crate counts no pages.
    let mut group = criterion.benchmark_group("clean and count pages");
    for (name, text) in [("7 pages of english", "a".repeat(1071)), ("7 pages of arabic", "م".repeat(469))] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        time(&mut group, name, || MessageText::new(black_box(text.as_str())));
    }
    group.finish();

    for (name, ours, official, goal) in ratios {
        if let (Some(ours), Some(official)) = (ours, official) {
            let ratio = official / ours;
            println!(
                "clean {name}: {ratio:.1} times as fast as the official crate (goal: {goal}); {ours:.0} ns, {official:.0} ns"
            );
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    targets = texts
}
criterion_main!(benches);
