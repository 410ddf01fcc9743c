//! A server of the tests' own on a plain socket: it shares nothing with the sandbox and no HTTP library.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kwtsms_async::{Client, ClientBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) const USER: &str = "api_user";
/// With all that JSON, URLs and shells give a meaning to.
pub(crate) const PASSWORD: &str = "p#a&s?s=\"w\\örd";
pub(crate) const TEXT: &str = "Your OTP for MYAPP is: 123456";
pub(crate) const NUMBER: &str = "96598765432";
pub(crate) const ACCEPTED: &str = r#"{"result":"OK","msg-id":"f4c841adee210f31307633ceaebff2ec","numbers":1,"points-charged":1,"balance-after":180,"unix-timestamp":1684763355}"#;
pub(crate) const BALANCE: &str = r#"{"result":"OK","available":150,"purchased":1000}"#;

/// What the server does after it has read a whole request.
#[derive(Clone)]
pub(crate) enum Then {
    /// Writes these bytes and reads the next request.
    Answer(Vec<u8>),
    /// Writes these bytes and closes.
    Close(Vec<u8>),
    /// Writes these bytes and resets the connection.
    Reset(Vec<u8>),
    /// Writes these bytes, and then one byte of white space every 5 ms for ever.
    Drip(Vec<u8>),
    /// Writes these bytes, and then the others, again and again, up to 100 MB.
    Flood(Vec<u8>, Vec<u8>),
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) connection: usize,
    pub(crate) head: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct Record {
    seen: Mutex<Vec<Seen>>,
    accepted: AtomicUsize,
    flooded: watch::Sender<Option<usize>>,
    closed: watch::Sender<usize>,
}

pub(crate) struct RawServer {
    pub(crate) authority: String,
    record: Arc<Record>,
    task: JoinHandle<()>,
}

impl RawServer {
    /// Answers the n-th request, counted from 0, as told.
    pub(crate) async fn start(answers: impl Fn(usize) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        let record = Arc::new(Record::default());
        let (shared, answers) = (Arc::clone(&record), Arc::new(answers));
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let connection = shared.accepted.fetch_add(1, Ordering::SeqCst);
                let (record, answers) = (Arc::clone(&shared), Arc::clone(&answers));
                tokio::spawn(async move {
                    let _ = serve(socket, connection, &record, &*answers).await; // gone is gone
                    record.closed.send_modify(|closed| *closed += 1);
                });
            }
        });
        Self { authority, record, task }
    }

    /// Answers every request alike.
    pub(crate) async fn always(then: Then) -> Self {
        Self::start(move |_| then.clone()).await
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/API/", self.authority)
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(USER, PASSWORD).base_url(self.base_url()).sender_id("MY-APP").unpaced()
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    /// How many connections came about.
    pub(crate) fn accepted(&self) -> usize {
        self.record.accepted.load(Ordering::SeqCst)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.record.seen.lock().unwrap().clone()
    }

    /// The only request that arrived.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].clone()
    }

    /// How many bytes of a flood the server got rid of.
    pub(crate) async fn flooded(&self) -> usize {
        let mut flooded = self.record.flooded.subscribe();
        let end = flooded.wait_for(Option::is_some);
        let end = tokio::time::timeout(Duration::from_secs(20), end).await;
        end.expect("the client neither reads nor closes").unwrap().unwrap()
    }

    /// Waits until so many connections have ended.
    pub(crate) async fn closed(&self, connections: usize) {
        let mut closed = self.record.closed.subscribe();
        closed.wait_for(|closed| *closed >= connections).await.unwrap();
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut socket: TcpStream,
    connection: usize,
    record: &Record,
    answers: &(dyn Fn(usize) -> Then + Send + Sync),
) -> io::Result<()> {
    let mut pending = Vec::new();
    loop {
        let (head, body) = request(&mut socket, &mut pending).await?;
        let order = {
            let mut seen = record.seen.lock().unwrap();
            seen.push(Seen { connection, head, body });
            seen.len() - 1
        };
        match answers(order) {
            Then::Answer(bytes) => socket.write_all(&bytes).await?,
            Then::Close(bytes) => return socket.write_all(&bytes).await,
            Then::Reset(bytes) => {
                socket.write_all(&bytes).await?;
                // Until it has arrived: a reset throws away what is on its way.
                tokio::time::sleep(Duration::from_millis(50)).await;
                return socket.set_zero_linger();
            }
            Then::Drip(bytes) => {
                socket.write_all(&bytes).await?;
                loop {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    socket.write_all(b" ").await?;
                }
            }
            Then::Flood(bytes, piece) => {
                let mut sent = 0;
                let mut next = bytes;
                while sent < 100_000_000 && socket.write_all(&next).await.is_ok() {
                    sent += next.len();
                    next.clone_from(&piece);
                }
                record.flooded.send_replace(Some(sent));
                return Ok(());
            }
        }
    }
}

/// Reads one request: its head as text, and as much body as the head says.
async fn request(socket: &mut TcpStream, pending: &mut Vec<u8>) -> io::Result<(String, String)> {
    loop {
        if let Some(end) = pending.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(pending[..end].to_vec()).unwrap();
            let length: usize = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
            if pending.len() >= end + 4 + length {
                let body = String::from_utf8(pending[end + 4..end + 4 + length].to_vec()).unwrap();
                pending.drain(..end + 4 + length);
                return Ok((head, body));
            }
        }
        if socket.read_buf(pending).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    headers.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A reply whose length is told.
pub(crate) fn reply(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A reply in chunks.
pub(crate) fn chunked(status: u16, body: &str) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status} Whatever\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.as_bytes().chunks(10_000) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

/// Everything an error shows: itself and its causes, in every form.
pub(crate) fn shown(error: &dyn std::error::Error) -> String {
    let mut shown = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        shown += &format!("{error} {error:?} {error:#?} ");
        next = error.source();
    }
    shown
}

/// An error may be logged as it is: no credential, text, number, URL or body is in it or in its causes.
pub(crate) fn tells_no_secret(error: &kwtsms_async::Error) {
    let shown = shown(error);
    for secret in
        [USER, PASSWORD, "p#a", "örd", TEXT, "123456", NUMBER, "/API/", "http://", "https://", "BODY"]
    {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
