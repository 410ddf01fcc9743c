//! The JSONL log: the shape of its lines, what they hide, and a file that never gets into a send's way.

mod file;
mod lines;
mod sending;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures::future::BoxFuture;
use kwtsms_async::jsonl::{self, Bodies, JsonlGuard, Options};
use kwtsms_async::sandbox::{Fault, Sandbox, SandboxTransport};
use kwtsms_async::transport::{Request, Response, Transport, TransportError};
use kwtsms_async::{Client, CountryCheck, ErrorKind, PhoneNumber};
use serde_json::{Map, Value, json};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::capture::{Capture, listen};

const NUMBER: &str = "96598765432";
/// The code has eight digits, as the six of a line's time may be any.
const OTP: &str = "Your OTP for MYAPP is: 12345678";
const PASSWORD: &str = "pa\"ss-4711";

/// A folder of its own, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("kwtsms-jsonl-{}-{:x}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("kwtsms.log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A log in memory, listening to this thread.
struct Log(Buffer, JsonlGuard, DefaultGuard);

impl Log {
    fn start(options: impl Into<Options>) -> Self {
        let buffer = Buffer::default();
        let (layer, guard) = jsonl::to_writer(buffer.clone(), options);
        let default = listen(tracing_subscriber::registry().with(layer));
        Self(buffer, guard, default)
    }

    /// Ends the log.
    fn text(self) -> String {
        let Self(buffer, guard, default) = self;
        drop(default);
        drop(guard);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn lines(self) -> Vec<Value> {
        parse(&self.text())
    }
}

fn parse(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line has its end");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

fn listen_to_file(path: &Path) -> (JsonlGuard, DefaultGuard) {
    let (layer, guard) = jsonl::to_file(path, Bodies::Masked).unwrap();
    (guard, listen(tracing_subscriber::registry().with(layer)))
}

fn client(transport: impl Transport) -> Client {
    Client::builder("api_user", PASSWORD)
        .sender_id("KWT-TEST")
        .transport(transport)
        .unpaced()
        .build()
        .unwrap()
}

fn in_process() -> Client {
    client(Sandbox::in_process().transport())
}
