//! What leaves the process: events on the console, the JSONL log, and a page for Prometheus.
//!
//! `cargo run -p kwtsms-examples --features observability --bin observability [SECONDS]`
//!
//! Sends some messages to a sandbox on this machine, prints what came of it, and ends; with SECONDS it goes on
//! serving the page for so long. The log is `kwtsms.log` in the system's temporary folder, or what `KWTSMS_LOG_FILE`
//! names. `RUST_LOG` sets what the console shows, `info` unless set.

#![allow(clippy::print_stdout)] // a program for people

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use kwtsms_async::jsonl::{self, Bodies};
use kwtsms_async::sandbox::{Fault, Sandbox};
use kwtsms_async::{Client, Credits, config, metrics};
use metrics_exporter_prometheus::PrometheusBuilder;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, fmt};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // 1. The log. Numbers and texts are masked; `Bodies::Full` writes them out. The guard writes what still waits at
    //    the end.
    let (log, guard, path) = match jsonl::from_env()? {
        Some((log, guard)) => (log, guard, format!("what {} names", config::LOG_FILE)),
        None => {
            let path = std::env::temp_dir().join("kwtsms.log");
            let (log, guard) = jsonl::to_file(&path, Bodies::Masked)?;
            (log, guard, path.display().to_string())
        }
    };

    // 2. The console. Its filter is its own: a filter over everything would take lines from the log.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let console = fmt::layer().with_filter(filter);
    tracing_subscriber::registry().with(console).with(log).init();

    // 3. The page, for this machine only.
    let address = free_address()?;
    PrometheusBuilder::new().with_http_listener(address).install()?;
    metrics::describe();

    traffic().await?;

    println!("\n--- http://{address}/metrics");
    println!("{}", get(address).await?);
    println!("--- the log is {path}; {guard:?}");
    if let Some(seconds) = std::env::args().nth(1) {
        println!("--- serving the page for {seconds} s");
        tokio::time::sleep(Duration::from_secs(seconds.parse()?)).await;
    }
    Ok(())
}

/// Messages that are accepted, refused, tried again and lost.
async fn traffic() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    sandbox.account("sandbox").set_balance(12);
    let client = Client::builder("sandbox", "any password")
        .base_url(sandbox.base_url())
        .low_balance(Credits::from_int(10))
        .timeout(Duration::from_secs(6))
        .build()?;

    client.verify().await?;
    let login = tracing::info_span!("login", attempt = 1);
    tracing::Instrument::instrument(client.send("+965 9876 5432", "Your OTP for MYAPP is: 123456"), login)
        .await?;

    // Refused with a code.
    sandbox.faults().push(Fault::code("ERR025").on("send"));
    let _ = client.send("96551234567", "Hello").await;
    // A reading call is asked again when its answer is lost.
    sandbox.faults().push(Fault::drop_before_reading().on("coverage"));
    client.coverage().await?;
    // Nobody knows whether this one was sent.
    sandbox.faults().push(Fault::drop_after_accepting().on("send"));
    let _ = client.send("96551234567", "Hello").await;

    client.bulk(["96550000001", "96550000002", "not a number"], "Hello").collect_report().await;
    Ok(())
}

/// A free port of this machine; the listener takes an address only.
fn free_address() -> Result<SocketAddr, std::io::Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// The page, as Prometheus gets it.
async fn get(address: SocketAddr) -> Result<String, std::io::Error> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut page = String::new();
    stream.read_to_string(&mut page).await?;
    Ok(page.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}
