//! What a turn costs: in one process, and through each store beside it; and the pace of many processes.
//!
//! `cargo bench -p kwtsms-benches --bench pace [turn|added|sqlite|postgres|redis]`
//!
//! PostgreSQL and Redis are those of `KWTSMS_TEST_POSTGRES` and `KWTSMS_TEST_REDIS`, or at their usual local ports; the
//! schema and the prefix `kwtsms_bench` are left behind there.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]
#![allow(clippy::disallowed_methods)] // virtual time stands still while real time is measured
#![allow(clippy::future_not_send)] // the futures that measure stay in block_on

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, FuturesUnordered};
use futures::{FutureExt, StreamExt};
use kwtsms_async::sandbox::Sandbox;
use kwtsms_async::transport::{Request, Response, Transport, TransportError};
use kwtsms_async::{Client, Limiter, PaceScope, Rates, Store};
use tokio::time::Instant;

/// What a process is told that is one of many.
const REPLICA: &str = "replica";
const SCOPE: &str = "bench";

/// A scope that is new waits for so long.
const NEW: Duration = Duration::from_millis(6_500);

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if let [word, store, gateway, who, seconds] = &wanted[..]
        && word == REPLICA
    {
        return replica(store, gateway, who.parse().unwrap(), seconds.parse().unwrap());
    }
    let run = |name: &str| wanted.is_empty() || wanted.iter().any(|arg| arg == name);
    if run("turn") {
        turn();
    }
    let folder = tempfile::tempdir().unwrap();
    let stores = stores(&folder.path().join("kwtsms.db").to_string_lossy());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if run("added") {
        runtime.block_on(added(&stores));
    }
    for (name, url) in &stores {
        if run(name) {
            for replicas in [1, 4, 16] {
                runtime.block_on(pace(name, url, replicas));
            }
        }
    }
}

fn stores(file: &str) -> [(&'static str, String); 3] {
    let url = |key: &str, usual: &str, own: &str| {
        let url = std::env::var(key).unwrap_or_else(|_| usual.to_owned());
        let sign = if url.contains('?') { '&' } else { '?' };
        format!("{url}{sign}{own}")
    };
    [
        ("sqlite", file.to_owned()),
        (
            "postgres",
            url("KWTSMS_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres", "schema=kwtsms_bench"),
        ),
        ("redis", url("KWTSMS_TEST_REDIS", "redis://127.0.0.1:6379/0", "prefix=kwtsms_bench:")),
    ]
}

async fn scope(url: &str) -> PaceScope {
    if url.starts_with("redis") {
        PaceScope::in_redis(url, SCOPE).unwrap()
    } else {
        PaceScope::in_store(&Store::open(url).await.unwrap(), SCOPE).unwrap()
    }
}

/// Answers at once, so that what is left is the client's.
#[derive(Debug)]
struct Instantly;

impl Transport for Instantly {
    fn post(&self, _: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        async { Ok(Response::new(200, r#"{"result":"OK","available":150,"purchased":1000}"#)) }.boxed()
    }

    fn is_local(&self) -> bool {
        true
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The processor's time for a turn in one process: calls with it and without, in virtual time.
fn turn() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let client = |paced: bool| {
        let builder = Client::builder("user", "password").transport(Instantly);
        if paced { builder.build().unwrap() } else { builder.unpaced().build().unwrap() }
    };
    let time = |paced: bool, free: bool| {
        runtime().block_on(async {
            let client = client(paced);
            let begin = std::time::Instant::now();
            for _ in 0..20_000 {
                if free {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                client.balance().await.unwrap();
            }
            begin.elapsed().as_nanos() as f64 / 20_000.0
        })
    };
    let crowd = |paced: bool| {
        runtime().block_on(async {
            let client = client(paced);
            let begin = std::time::Instant::now();
            for _ in 0..5 {
                let calls = (0..1_000).map(|_| {
                    let client = client.clone();
                    tokio::spawn(async move { client.balance().await.unwrap() })
                });
                futures::future::join_all(calls.collect::<Vec<_>>()).await;
            }
            begin.elapsed().as_nanos() as f64 / 5_000.0
        })
    };
    let cases: [(&str, &dyn Fn(bool) -> f64); 3] = [
        ("that is free", &|paced| time(paced, true)),
        ("that is waited for", &|paced| time(paced, false)),
        ("with 1,000 waiting", &|paced| crowd(paced)),
    ];
    for (name, case) in cases {
        let runs: Vec<_> = (0..7).map(|_| (case(false), case(true))).collect();
        let costs: Vec<_> = runs.iter().map(|(without, with)| with - without).collect();
        let (least, most) = costs
            .iter()
            .fold((f64::MAX, f64::MIN), |(least, most), cost| (least.min(*cost), most.max(*cost)));
        let without = median(runs.iter().map(|(without, _)| *without).collect());
        println!(
            "turn: one {name} costs {:.0} ns ({least:.0} to {most:.0}) beside a call of {without:.0} ns",
            median(costs)
        );
    }
}

/// What a store adds to a call whose start is free, beside a limiter of the process's own.
async fn added(stores: &[(&'static str, String)]) {
    let sandbox = Sandbox::builder().drain_per_second(1_000_000).start().await.unwrap();
    sandbox.account("user").set_balance(1_000_000);
    let mut cases = vec![("local", Limiter::new(2.0, 2.0).unwrap())];
    for (name, url) in stores {
        let scope = scope(url).await;
        scope.forget().await.unwrap();
        cases.push((name, scope.limiter(Rates::default()).await.unwrap()));
    }
    tokio::time::sleep(NEW).await;
    let clients: Vec<_> = cases
        .into_iter()
        .map(|(name, limiter)| {
            let builder =
                || Client::builder("user", "password").sender_id("KWT-TEST").limiter(limiter.clone());
            let turn = builder().transport(Instantly).build().unwrap();
            let send = builder().base_url(sandbox.base_url()).build().unwrap();
            (name, turn, send, Vec::new(), Vec::new())
        })
        .collect();
    let mut clients = clients;
    for round in 0..40u64 {
        for (i, (_, turn, send, turns, sends)) in clients.iter_mut().enumerate() {
            tokio::time::sleep(Duration::from_millis(180)).await;
            let begin = Instant::now();
            turn.balance().await.unwrap();
            turns.push(begin.elapsed().as_secs_f64() * 1e3);
            tokio::time::sleep(Duration::from_millis(600)).await;
            let number = (96_550_000_000 + round * 10 + i as u64).to_string();
            let begin = Instant::now();
            send.send(number, "Hello").await.unwrap();
            sends.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    let (local_turn, local_send) = (median(clients[0].3.clone()), median(clients[0].4.clone()));
    for (name, _, _, turns, sends) in clients {
        let (turn, send) = (median(turns), median(sends));
        println!(
            "added: {name}: a turn {turn:.3} ms, {:.1} of local; a send {send:.2} ms, {:.2} of local, {:+.2} ms",
            turn / local_turn,
            send / local_send,
            send - local_send
        );
    }
}

/// Processes with both lanes full, counted at the gateway's door.
async fn pace(name: &str, url: &str, replicas: u64) {
    const SECONDS: u64 = 20;
    let sandbox = Sandbox::builder().drain_per_second(1_000_000).history(100_000).start().await.unwrap();
    sandbox.account("user").set_balance(1_000_000_000);
    let scope = scope(url).await;
    scope.forget().await.unwrap();
    drop(scope.limiter(Rates::default()).await.unwrap());
    let children: Vec<Child> = (0..replicas)
        .map(|who| {
            Command::new(std::env::current_exe().unwrap())
                .args([REPLICA, url, sandbox.base_url(), &who.to_string(), &(SECONDS + 8).to_string()])
                .stdin(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap().success());
    }
    let requests = sandbox.requests();
    let at = |bulk: bool| {
        let of = requests.iter().filter(|request| (request.endpoint() == "send") == bulk);
        let mut at: Vec<_> = of.map(|request| request.at()).collect();
        at.sort();
        at
    };
    let lanes = [at(true), at(false)];
    let rate = |at: &Vec<Instant>| {
        let took = at[at.len() - 1] - at[0];
        100.0 * (at.len() - 1) as f64 * 0.51 / took.as_secs_f64()
    };
    let mut all = lanes.concat();
    all.sort();
    let within =
        |i: usize| all[i..].iter().take_while(|then| **then < all[i] + Duration::from_secs(1)).count();
    let most = (0..all.len()).map(within).max().unwrap();
    println!(
        "pace: {replicas} processes over {name}: bulk {:.1} %, single {:.1} % of a start a period; at most {most} in a second",
        rate(&lanes[0]),
        rate(&lanes[1]),
    );
}

fn replica(store: &str, gateway: &str, who: u64, seconds: u64) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let end = Instant::now() + Duration::from_secs(seconds);
        let limiter = scope(store).await.limiter(Rates::default()).await.unwrap();
        let client =
            Client::builder("user", "password").sender_id("KWT-TEST").base_url(gateway).limiter(limiter);
        let client = client.build().unwrap();
        let single = async {
            let mut waiting: FuturesUnordered<_> = (0..3).map(|_| client.balance()).collect();
            while let Ok(Some(balance)) = tokio::time::timeout_at(end, waiting.next()).await {
                balance.unwrap();
                waiting.push(client.balance());
            }
        };
        let bulk = async {
            let numbers = (0..40_000u64).map(|i| (96_550_000_000 + who * 40_000 + i).to_string());
            let mut batches = client.bulk(stream::iter(numbers.collect::<Vec<_>>()), "Hello");
            while let Ok(Some(batch)) = tokio::time::timeout_at(end, batches.next()).await {
                batch.result().unwrap();
            }
        };
        tokio::join!(single, bulk);
    });
}
