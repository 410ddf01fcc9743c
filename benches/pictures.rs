//! The pictures of the documents, drawn from what is measured here: `docs/pictures/*.svg`.
//!
//! `cargo bench -p kwtsms-benches --bench pictures [arrivals|killed|overhead]`
//!
//! The first is of a paused clock, the second of real processes that are killed, the third of the benchmark `traffic`.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]
#![allow(clippy::future_not_send)] // the futures that measure stay in block_on

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::{CampaignProgress, Client, PhoneNumber, Store};
use plotters::coord::Shift;
use plotters::prelude::*;
use tokio::time::Instant;

/// The gateway's answer takes so long.
const LATENCY: Duration = Duration::from_millis(300);

const INK: RGBColor = RGBColor(0x1f, 0x29, 0x33);
const FAINT: RGBColor = RGBColor(0xcb, 0xd2, 0xd9);
const BLUE: RGBColor = RGBColor(0x2b, 0x6c, 0xb0);
const GREEN: RGBColor = RGBColor(0x2f, 0x85, 0x5a);
const ORANGE: RGBColor = RGBColor(0xdd, 0x6b, 0x20);
const RED: RGBColor = RGBColor(0xc5, 0x30, 0x30);

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if let [worker, store, gateway] = &wanted[..]
        && worker == WORKER
    {
        return work(store, gateway);
    }
    let draw = |name: &str| wanted.is_empty() || wanted.iter().any(|arg| arg == name);
    if draw("arrivals") {
        arrivals();
    }
    if draw("killed") {
        killed();
    }
    if draw("overhead") {
        overhead();
    }
}

fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/pictures"));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("{name}.svg"))
}

/// A canvas with a background of its own, so that it is read on a dark page too.
fn canvas(path: &PathBuf, size: (u32, u32)) -> Canvas<'_> {
    let canvas = SVGBackend::new(path, size).into_drawing_area();
    canvas.fill(&WHITE).unwrap();
    canvas.margin(8, 8, 8, 16)
}

fn ink(size: u32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

fn runtime(paused: bool) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(paused).build().unwrap()
}

fn number(i: u64) -> PhoneNumber {
    PhoneNumber::parse(&(96_550_000_000 + i).to_string()).unwrap()
}

// Arrivals at the gateway.

/// So long is drawn, and then five people ask for a code at once.
const SECONDS: f64 = 15.0;
const LOGINS_AT: Duration = Duration::from_millis(5_100);
const BATCHES: u64 = 30;

/// When requests of a campaign and of logins arrived, in seconds.
struct Arrivals {
    campaign: Vec<f64>,
    logins: Vec<f64>,
}

impl Arrivals {
    /// How many arrived in the second before.
    fn in_a_second(&self, at: f64) -> usize {
        let all = self.campaign.iter().chain(&self.logins);
        all.filter(|arrived| **arrived <= at && **arrived > at - 1.0).count()
    }

    fn busiest(&self) -> usize {
        self.campaign.iter().chain(&self.logins).map(|at| self.in_a_second(*at)).max().unwrap()
    }
}

/// A campaign and five logins; `sleeps`: as clients do that sleep half a second after each answer and know no lanes.
fn arrive(sleeps: bool) -> Arrivals {
    runtime(true).block_on(async {
        let sandbox = Sandbox::builder().latency(LATENCY).drain_per_second(1_000_000).in_process();
        sandbox.account("bench").set_balance(1_000_000);
        let builder = Client::builder("bench", "any").transport(sandbox.transport());
        let client = if sleeps { builder.unpaced() } else { builder }.build().unwrap();
        let begin = Instant::now();
        let logins = (0..5).map(|i| {
            let client = client.clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(begin + LOGINS_AT).await;
                client.send(number(9_000_000 + i), "Your code for MYAPP is 123456").await.unwrap();
            })
        });
        let logins: Vec<_> = logins.collect();
        if sleeps {
            for batch in 0..BATCHES {
                let numbers: Vec<_> = (0..200).map(|i| number(batch * 200 + i)).collect();
                client.send(numbers, "Hello").await.unwrap();
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        } else {
            let report = client.bulk((0..BATCHES * 200).map(number), "Hello").collect_report().await;
            assert_eq!(report.accepted() as u64, BATCHES * 200);
        }
        for login in logins {
            login.await.unwrap();
        }
        let (mut campaign, mut logins) = (Vec::new(), Vec::new());
        for request in sandbox.requests() {
            let at = (request.at() - begin).as_secs_f64();
            if request.numbers() > 1 { campaign.push(at) } else { logins.push(at) }
        }
        assert_eq!(logins.len(), 5);
        Arrivals { campaign, logins }
    })
}

fn arrivals() {
    let path = file("arrivals");
    let canvas = canvas(&path, (860, 520));
    let halves = canvas.split_evenly((2, 1));
    for (half, sleeps, name) in [
        (&halves[0], false, "kwtsms-async: two lanes, one schedule"),
        (&halves[1], true, "a client that sleeps half a second after each answer"),
    ] {
        let arrivals = arrive(sleeps);
        println!("arrivals: {name}: at most {} in a second", arrivals.busiest());
        let mut chart = ChartBuilder::on(half)
            .caption(format!("{name}: at most {} requests in a second", arrivals.busiest()), ink(17))
            .x_label_area_size(if sleeps { 40 } else { 24 })
            .y_label_area_size(50)
            .build_cartesian_2d(0.0..SECONDS, -1.2..8.0)
            .unwrap();
        let mut mesh = chart.configure_mesh();
        mesh.disable_x_mesh().light_line_style(TRANSPARENT).bold_line_style(FAINT).axis_style(INK);
        mesh.label_style(ink(13)).x_labels(16).y_labels(5);
        mesh.x_label_formatter(&|at| format!("{at:.0} s"));
        mesh.y_label_formatter(&|count| if *count < 0.0 { String::new() } else { format!("{count:.0}") });
        mesh.y_desc("in the last second").axis_desc_style(ink(13));
        mesh.draw().unwrap();
        let at = |step: u32| f64::from(step) / 50.0;
        let steps =
            (0..=(SECONDS * 50.0) as u32).map(|step| (at(step), arrivals.in_a_second(at(step)) as f64));
        chart.draw_series(AreaSeries::new(steps, 0.0, BLUE.mix(0.25)).border_style(BLUE)).unwrap();
        chart
            .draw_series(DashedLineSeries::new([(0.0, 5.0), (SECONDS, 5.0)], 6, 4, RED.stroke_width(2)))
            .unwrap();
        chart
            .draw_series([Text::new(
                "over 5: the firewall blocks the address",
                (9.6, 5.9),
                ink(13).color(&RED),
            )])
            .unwrap();
        // Each arrival, below the line.
        for (times, colour) in [(&arrivals.campaign, BLUE), (&arrivals.logins, ORANGE)] {
            let ticks = times
                .iter()
                .filter(|at| **at <= SECONDS)
                .map(|at| PathElement::new([(*at, -0.95), (*at, -0.25)], colour.stroke_width(3)));
            chart.draw_series(ticks).unwrap();
        }
        if !sleeps {
            let words = [("a batch of the campaign", 10.3, BLUE), ("a login", 13.3, ORANGE)];
            for (word, at, colour) in words {
                chart
                    .draw_series([Rectangle::new([(at, 7.05), (at + 0.12, 7.75)], colour.filled())])
                    .unwrap();
                chart.draw_series([Text::new(word, (at + 0.25, 7.75), ink(13))]).unwrap();
            }
        }
    }
    canvas.present().unwrap();
}

// A campaign whose workers are killed.

const WORKER: &str = "worker";
const NUMBERS: u64 = 5_000;
/// When the worker is killed, in seconds since the first one began; another one begins at once.
const KILLS: [f64; 4] = [2.4, 5.1, 7.3, 10.2];

/// A worker of its own, which is killed.
fn work(store: &str, gateway: &str) {
    runtime(false).block_on(async {
        let store = Store::open(store).await.unwrap();
        let client = Client::builder("bench", "any").base_url(gateway).build().unwrap();
        client.work(&store).until_done().start().await.unwrap().finished().await.unwrap();
    });
}

struct Worker(Child);

impl Worker {
    fn start(store: &str, gateway: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        Self(command.args([WORKER, store, gateway]).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What became of the numbers, by time, until all have an outcome.
fn watch() -> Vec<(f64, CampaignProgress)> {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let sandbox = Sandbox::builder().latency(LATENCY).drain_per_second(1_000_000).start().await.unwrap();
        sandbox.account("bench").set_balance(1_000_000);
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("campaign.db").to_str().unwrap().to_owned();
        let store = Store::open(&place).await.unwrap();
        let rows = (0..NUMBERS).map(number);
        let draft = store.campaign("killed").text("Hello").recipients(rows).load().await.unwrap();
        let campaign = draft.approve().await.unwrap();

        let begin = Instant::now();
        let mut worker = Worker::start(&place, sandbox.base_url());
        let mut kills = KILLS.into_iter().peekable();
        let mut seen = Vec::new();
        loop {
            let progress = campaign.progress().await.unwrap();
            let at = begin.elapsed().as_secs_f64();
            let left = progress.planned + progress.sending;
            seen.push((at, progress));
            if left == 0 {
                break;
            }
            if kills.next_if(|kill| *kill <= at).is_some() {
                drop(worker);
                worker = Worker::start(&place, sandbox.base_url());
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        let mut received = std::collections::HashSet::new();
        let messages = sandbox.messages();
        assert!(
            messages.iter().flat_map(|message| message.numbers()).all(|number| received.insert(number)),
            "none twice"
        );
        seen
    })
}

fn killed() {
    let seen = watch();
    let (end, last) = seen.last().unwrap();
    println!(
        "killed: {} accepted, {} unknown of {} in {end:.1} s",
        last.accepted,
        last.unknown,
        last.total()
    );
    let path = file("killed");
    let canvas = canvas(&path, (860, 400));
    let heading = format!(
        "{NUMBERS} numbers, four workers killed: {} accepted, {} unknown, none lost, none sent twice",
        last.accepted, last.unknown
    );
    let mut chart = ChartBuilder::on(&canvas)
        .caption(heading, ink(17))
        .x_label_area_size(24)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..(end + 0.5), 0.0..(NUMBERS as f64 * 1.18))
        .unwrap();
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(TRANSPARENT).bold_line_style(FAINT).axis_style(INK);
    mesh.label_style(ink(13)).y_labels(6).x_label_formatter(&|at| format!("{at:.0} s"));
    mesh.y_label_formatter(&|count| format!("{count:.0}"));
    mesh.draw().unwrap();
    // From the top, so that each covers what is above it.
    type Part = fn(&CampaignProgress) -> u64;
    let parts: [(&str, RGBColor, Part); 4] = [
        ("planned", FAINT, |of| of.planned + of.sending + of.unknown + of.accepted),
        ("sending", BLUE, |of| of.sending + of.unknown + of.accepted),
        ("unknown", ORANGE, |of| of.unknown + of.accepted),
        ("accepted", GREEN, |of| of.accepted),
    ];
    for (place, (name, colour, part)) in parts.into_iter().enumerate() {
        // A state holds until another is seen.
        let mut points = Vec::new();
        for pair in seen.windows(2) {
            points.extend([(pair[0].0, part(&pair[0].1) as f64), (pair[1].0, part(&pair[0].1) as f64)]);
        }
        points.extend([(*end, part(last) as f64), (end + 0.5, part(last) as f64)]);
        chart.draw_series(AreaSeries::new(points, 0.0, colour.filled())).unwrap();
        let (x, y) = (end * 0.24 * place as f64, NUMBERS as f64);
        chart
            .draw_series([Rectangle::new([(x, y * 1.09), (x + end * 0.02, y * 1.14)], colour.filled())])
            .unwrap();
        chart.draw_series([Text::new(name, (x + end * 0.03, y * 1.145), ink(14))]).unwrap();
    }
    for kill in KILLS {
        let line = [(kill, 0.0), (kill, NUMBERS as f64)];
        chart.draw_series(DashedLineSeries::new(line, 4, 4, RED.stroke_width(2))).unwrap();
        chart
            .draw_series([Text::new("kill -9", (kill + 0.08, NUMBERS as f64 * 0.985), ink(13).color(&RED))])
            .unwrap();
    }
    canvas.present().unwrap();
}

// The cost of a send.

/// A case of the benchmark, and what a send and a bare POST took of the processor, in microseconds.
struct Cost {
    case: String,
    ours: f64,
    bare: f64,
}

/// Runs the benchmark, and reads what it says.
fn costs() -> Vec<Cost> {
    let bench = ["bench", "-p", "kwtsms-benches", "--bench", "traffic", "overhead"];
    let output = Command::new(env!("CARGO")).args(bench).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let (mut costs, mut case) = (Vec::new(), String::new());
    for line in said.lines() {
        println!("{line}");
        if let Some(name) = line.strip_prefix("overhead, ") {
            case = name.trim_end_matches(':').replace("-thread runtime", "-thread");
        }
        if let Some((ours, bare)) = line.trim().strip_prefix("a send ").and_then(|line| line.split_once(','))
        {
            let first = |words: &str| words.split(' ').find_map(|word| word.parse::<f64>().ok()).unwrap();
            costs.push(Cost { case: case.clone(), ours: first(ours), bare: first(bare) });
        }
    }
    assert!(!costs.is_empty(), "{said}");
    costs
}

fn overhead() {
    let costs = costs();
    let path = file("overhead");
    let canvas = canvas(&path, (860, 100 + 62 * costs.len() as u32));
    let most = costs.iter().map(|cost| cost.ours.max(cost.bare)).fold(0.0, f64::max);
    let height = costs.len() as f64;
    let mut chart = ChartBuilder::on(&canvas)
        .caption("Processor time of a send, beside a bare reqwest POST of the same bytes", ink(17))
        .x_label_area_size(24)
        .y_label_area_size(210)
        .build_cartesian_2d(0.0..most * 1.25, 0.0..height)
        .unwrap();
    let mut mesh = chart.configure_mesh();
    mesh.disable_y_mesh().light_line_style(TRANSPARENT).bold_line_style(FAINT).axis_style(INK);
    mesh.label_style(ink(13)).y_labels(0).x_label_formatter(&|time| format!("{time:.0} µs"));
    mesh.draw().unwrap();
    for (place, Cost { case, ours, bare }) in costs.iter().enumerate() {
        let top = height - place as f64;
        for (name, time, colour, from, to) in
            [("a send", *ours, BLUE, 0.12, 0.46), ("a bare POST", *bare, FAINT, 0.54, 0.88)]
        {
            chart
                .draw_series([Rectangle::new([(0.0, top - to), (time, top - from)], colour.filled())])
                .unwrap();
            let word = format!("{time:.0} µs  {name}");
            chart.draw_series([Text::new(word, (time + most * 0.01, top - from - 0.06), ink(13))]).unwrap();
        }
        let (x, y) = chart.backend_coord(&(0.0, top - 0.36));
        canvas.draw(&Text::new(case.clone(), (x - 216, y), ink(13))).unwrap();
        let ratio = format!("{:.2} times", ours / bare);
        chart.draw_series([Text::new(ratio, (most * 0.02, top - 0.18), ink(14).color(&WHITE))]).unwrap();
    }
    canvas.present().unwrap();
}
