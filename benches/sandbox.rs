//! The sandbox under load: 1,000 messages a second over HTTP with a bounded history, and as many as it takes.
//!
//! `cargo bench -p kwtsms-benches --bench sandbox`
//!
//! Every message has 2 numbers that were not sent to before and 2 pages, and a listener is connected to the inbox's
//! events but reads none. Once the history is full and the 15 seconds of the first numbers are over, memory may not
//! grow any more: the run fails if it does. Flat out it follows the rate, since the numbers of 15 seconds are remembered.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::time::Duration;

use futures::future::join_all;
use kwtsms_async::sandbox::Sandbox;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval};

const CONNECTIONS: u64 = 10;
const HISTORY: usize = 1_000;
/// The 15 seconds of the first numbers, and the time to the sweep after them.
const WARM_UP: u64 = 22_000;
const PACED: u64 = 15_000;
const FLAT_OUT: u64 = 20_000;
/// What the allocator may keep for itself.
const SLACK: u64 = 4 << 20;

fn main() {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let sandbox = Sandbox::builder().history(HISTORY).drain_per_second(1_000_000).start().await.unwrap();
        sandbox.account("bench").set_balance(u64::MAX);
        let address = sandbox.inbox_url().trim_start_matches("http://").trim_end_matches('/').to_owned();
        let mut deaf = TcpStream::connect(&address).await.unwrap();
        deaf.write_all(format!("GET /api/events HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes())
            .await
            .unwrap();

        post(&address, 0, WARM_UP, Some(1_000)).await;
        let before = resident();
        let took = post(&address, WARM_UP, PACED, Some(1_000)).await;
        let after = resident();
        let rate = PACED as f64 / took.as_secs_f64();
        println!("paced: {PACED} messages of 2 numbers at {rate:.0} a second");
        println!("memory: {} before and {} after", mib(before), mib(after));

        let took = post(&address, WARM_UP + PACED, FLAT_OUT, None).await;
        println!(
            "flat out: {:.0} messages a second over {CONNECTIONS} connections; memory {}",
            FLAT_OUT as f64 / took.as_secs_f64(),
            mib(resident())
        );

        let accepted = WARM_UP + PACED + FLAT_OUT;
        assert_eq!(sandbox.messages().len(), HISTORY);
        assert_eq!(sandbox.forgotten_messages(), accepted - HISTORY as u64);
        println!("history: {HISTORY} remembered, {} forgotten and counted", sandbox.forgotten_messages());
        assert!(rate >= 990.0, "{rate} a second");
        assert!(after.unwrap_or(0) <= before.unwrap_or(0) + SLACK, "memory grew");
    });
}

/// Posts messages over several connections at once, `rate` a second in all.
async fn post(address: &str, first: u64, count: u64, rate: Option<u64>) -> Duration {
    let begin = Instant::now();
    let connections = (0..CONNECTIONS).map(|connection| async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut pace = rate.map(|rate| {
            let mut pace = interval(Duration::from_secs(CONNECTIONS) / u32::try_from(rate).unwrap());
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            pace
        });
        let mut reply = vec![0; 4096];
        for message in (connection..count).step_by(usize::try_from(CONNECTIONS).unwrap()) {
            if let Some(pace) = &mut pace {
                pace.tick().await;
            }
            stream.write_all(request(address, first + message).as_bytes()).await.unwrap();
            let read = stream.read(&mut reply).await.unwrap();
            let reply = str::from_utf8(&reply[..read]).unwrap();
            assert!(reply.contains("\"result\":\"OK\""), "{reply}");
        }
    });
    join_all(connections).await;
    begin.elapsed()
}

/// A message to numbers that nothing was sent to before.
fn request(address: &str, message: u64) -> String {
    let numbers: Vec<_> = (0..2).map(|i| (971_500_000_000 + message * 2 + i).to_string()).collect();
    let body = format!(
        r#"{{"username":"bench","password":"any","sender":"KWT-TEST","mobile":"{}","message":"{}","test":"0"}}"#,
        numbers.join(","),
        "Your code is 123456. ".repeat(10)
    );
    format!(
        "POST /API/send/ HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The memory that the process holds, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

fn mib(bytes: Option<u64>) -> String {
    bytes.map_or("unknown".to_owned(), |bytes| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)))
}
