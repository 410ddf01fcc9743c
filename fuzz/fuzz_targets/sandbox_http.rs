//! Any bytes to the sandbox's HTTP door: it does not panic, and goes on answering.

#![no_main]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kwtsms_async::sandbox::Sandbox;
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap());
static EXCHANGES: AtomicUsize = AtomicUsize::new(0);
static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    RUNTIME.block_on(async {
        // Rust's own `main` ignores it and libFuzzer's does not: a peer that is gone would end the run.
        std::mem::forget(signal(SignalKind::pipe()).unwrap());
        Sandbox::start().await.unwrap()
    })
});

/// Sends bytes, closes this side and reads what comes.
async fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let mut answer = Vec::new();
    // It may close or reset at any time: gone is gone. What waits for more, such as a long poll, is left.
    let talk = async {
        socket.write_all(bytes).await?;
        socket.shutdown().await?;
        socket.read_to_end(&mut answer).await
    };
    let _ = tokio::time::timeout(Duration::from_millis(50), talk).await;
    answer
}

fuzz_target!(|bytes: &[u8]| {
    let sandbox = &*SANDBOX;
    RUNTIME.block_on(async {
        let url = sandbox.base_url();
        let address = url.trim_start_matches("http://").split('/').next().unwrap();
        exchange(address, bytes).await;
        if EXCHANGES.fetch_add(1, Ordering::Relaxed) % 64 == 0 {
            let body = r#"{"username":"fuzz","password":"any"}"#;
            let asked = format!(
                "POST /API/balance/ HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(asked.as_bytes()).await.unwrap();
            let mut answer = String::new();
            let read = tokio::time::timeout(Duration::from_secs(5), socket.read_to_string(&mut answer)).await;
            assert!(read.is_ok() && answer.starts_with("HTTP/1.1 "), "it does not answer any more: {answer}");
        }
    });
});
