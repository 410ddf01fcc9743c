//! The ceiling, counted at the gateway's door: a TLS server behind a proxy that adds set-up time, latency and jitter.
//!
//! The machine's trust store is read from where `SSL_CERT_FILE` says, so all runs in a process of its own. It lasts as
//! many seconds as `KWTSMS_DOOR_SECONDS` says, 2 if unset, and the gate runs it for 12; `cargo test --features sandbox --test it ten_minutes --
//! --ignored` runs it for ten minutes.

#![allow(clippy::print_stdout)] // the figures, for whoever runs it

use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};
use kwtsms_async::{Client, ClientBuilder};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::raw_server::{ACCEPTED, BALANCE, PASSWORD, USER, reply};

/// What the proxy does, in milliseconds.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    /// A connection takes from so long to so long to be set up.
    set_up: (u64, u64),
    /// What is sent either way is on it for so long.
    latency: u64,
    /// And for up to so long more.
    jitter: u64,
    /// The server closes after each answer.
    closes: bool,
    silent: Silent,
}

/// What is silent for the last 2 s of each 5 s.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Silent {
    Never,
    /// The server hears, and answers nothing: neither requests nor who wants to connect.
    Server,
    /// Nothing passes, either way: what left meanwhile arrives together.
    Way,
}

impl Silent {
    /// When something comes through that is due after so long.
    fn heard(self, who: Self, due: Duration) -> Duration {
        const EACH: u64 = 5_000;
        const FROM: u64 = 3_000;
        let due = due.as_millis() as u64;
        if self == who && due % EACH >= FROM { ms((due / EACH + 1) * EACH) } else { ms(due) }
    }
}

const KEPT: Way = Way {
    name: "TLS of 150 to 300 ms, kept",
    set_up: (150, 300),
    latency: 20,
    jitter: 60,
    closes: false,
    silent: Silent::Never,
};

const SLOW: Way = Way { name: "slow answers", latency: 350, ..KEPT };

const WAYS: [Way; 8] = [
    KEPT,
    SLOW,
    Way { name: "closed after each answer", closes: true, ..KEPT },
    Way { name: "server silent for 2 s", silent: Silent::Server, ..KEPT },
    Way {
        name: "server silent for 2 s, closed after each answer",
        silent: Silent::Server,
        closes: true,
        ..KEPT
    },
    Way { name: "way silent for 2 s", silent: Silent::Way, ..KEPT },
    Way { name: "way silent for 2 s, closed after each answer", silent: Silent::Way, closes: true, ..KEPT },
    Way { name: "way silent for 2 s, slow answers", silent: Silent::Way, ..SLOW },
];

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The gateway's door, with when each request came through it.
struct Door {
    way: Way,
    begin: Instant,
    acceptor: TlsAcceptor,
    arrived: Mutex<Vec<Instant>>,
}

impl Door {
    async fn open(way: Way, acceptor: TlsAcceptor) -> (Arc<Self>, ClientBuilder) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = server.local_addr().unwrap();
        let url = format!("https://localhost:{}/API/", proxy.local_addr().unwrap().port());
        let door = Arc::new(Self { way, begin: Instant::now(), acceptor, arrived: Mutex::default() });
        let behind = Arc::clone(&door);
        tokio::spawn(async move {
            while let Ok((socket, _)) = server.accept().await {
                let door = Arc::clone(&behind);
                tokio::spawn(async move {
                    let _ = door.serve(socket).await; // gone is gone
                });
            }
        });
        let before = Arc::clone(&door);
        tokio::spawn(async move {
            while let Ok((near, _)) = proxy.accept().await {
                let door = Arc::clone(&before);
                tokio::spawn(async move {
                    sleep(ms(fastrand::u64(door.way.set_up.0..=door.way.set_up.1))).await;
                    let Ok(far) = TcpStream::connect(to).await else { return };
                    let (near_reads, near_writes) = near.into_split();
                    let (far_reads, far_writes) = far.into_split();
                    tokio::join!(door.carry(near_reads, far_writes), door.carry(far_reads, near_writes));
                });
            }
        });
        (door, Client::builder(USER, PASSWORD).sender_id("MY-APP").base_url(url))
    }

    /// Carries bytes one way, each piece late by latency and jitter, and in order.
    async fn carry(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
        let (pieces, mut carried) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        let reads = async move {
            let mut piece = vec![0; 16_384];
            while let Ok(read @ 1..) = from.read(&mut piece).await {
                let late = ms(self.way.latency + fastrand::u64(0..=self.way.jitter));
                let _ = pieces.send((Instant::now() + late, piece[..read].to_vec()));
            }
        };
        let writes = async move {
            while let Some((due, piece)) = carried.recv().await {
                let due = self.begin + self.way.silent.heard(Silent::Way, due - self.begin);
                sleep_until(due).await;
                if to.write_all(&piece).await.is_err() {
                    return;
                }
            }
            let _ = to.shutdown().await;
        };
        tokio::join!(reads, writes);
    }

    async fn serve(&self, socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        self.server_speaks().await;
        let mut stream = self.acceptor.accept(socket).await?;
        let mut heard = Vec::new();
        loop {
            if stream.read_buf(&mut heard).await? == 0 {
                return Ok(());
            }
            if !heard.ends_with(b"}") {
                continue;
            }
            self.arrived.lock().unwrap().push(Instant::now());
            let sends = heard.starts_with(b"POST /API/send/");
            heard.clear();
            self.server_speaks().await;
            let answer = String::from_utf8(reply(200, if sends { ACCEPTED } else { BALANCE })).unwrap();
            if self.way.closes {
                let last = answer.replacen("\r\n", "\r\nConnection: close\r\n", 1);
                stream.write_all(last.as_bytes()).await?;
                return stream.shutdown().await;
            }
            stream.write_all(answer.as_bytes()).await?;
        }
    }

    /// Waits while the server is silent.
    async fn server_speaks(&self) {
        sleep_until(self.begin + self.way.silent.heard(Silent::Server, self.begin.elapsed())).await;
    }

    fn seen(&self) -> Seen {
        let mut arrived = self.arrived.lock().unwrap().clone();
        arrived.sort();
        let within = |i: usize| arrived[i..].iter().take_while(|at| **at < arrived[i] + ms(1_000)).count();
        let mut seconds = [0; 12];
        (0..arrived.len()).for_each(|i| seconds[within(i).min(11)] += 1);
        let most = seconds.iter().rposition(|count| *count > 0).unwrap_or(0);
        Seen { requests: arrived.len(), most, seconds }
    }
}

/// What came through the door.
#[derive(Debug)]
struct Seen {
    requests: usize,
    /// The most in any sliding second.
    most: usize,
    /// How many seconds that begin with a request held so many.
    seconds: [usize; 12],
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { requests, most, seconds } = self;
        write!(f, "{requests} requests, at most {most} in a second")?;
        let mut many = seconds.iter().enumerate().filter(|(held, count)| *held >= 5 && **count > 0);
        many.try_for_each(|(held, count)| write!(f, ", {held} in {count} of {requests} seconds"))
    }
}

/// A campaign that fills the lane of bulk batches until the end.
async fn campaign(client: &Client, end: Instant) {
    let numbers = (0..10_000_000u64).map(|i| (96_550_000_000 + i).to_string());
    let mut batches = client.bulk(stream::iter(numbers), "Hello").max_in_flight(10);
    while Instant::now() < end
        && let Some(batch) = batches.next().await
    {
        batch.result().unwrap();
    }
}

/// Calls that fill the lane of single requests until the end, all of it from the first moment.
async fn calls(client: &Client, end: Instant) {
    let mut waiting: FuturesUnordered<_> = (0..6).map(|_| client.balance()).collect();
    while let Some(balance) = waiting.next().await {
        balance.unwrap();
        if Instant::now() < end {
            waiting.push(client.balance());
        }
    }
}

/// Single requests now and then beside a campaign: each starts within its lane's spacing. Gives the longest wait.
async fn logins(client: &Client, door: &Door, end: Instant) -> Duration {
    let mut longest = Duration::ZERO;
    while Instant::now() < end {
        sleep(ms(fastrand::u64(600..2_500))).await;
        let begin = Instant::now();
        client.balance().await.unwrap();
        let way = 2 * (door.way.latency + door.way.jitter);
        longest = longest.max(begin.elapsed().saturating_sub(ms(way)));
    }
    longest
}

/// A call that is not polled any more while its connection is being set up, beside others. Gives how long they took.
async fn unpolled(client: &Client) -> Duration {
    let begin = Instant::now();
    let mut one = Box::pin(client.balance());
    assert!(
        tokio::time::timeout(ms(50), &mut one).await.is_err(),
        "its connection takes 150 ms at the least"
    );
    for _ in 0..3 {
        client.balance().await.unwrap();
    }
    let took = begin.elapsed();
    one.await.unwrap();
    took
}

/// How late this process is woken at the worst: what a busy machine adds to the jitter.
async fn lateness(end: Instant) -> Duration {
    let mut worst = Duration::ZERO;
    while Instant::now() < end {
        let due = Instant::now() + ms(10);
        sleep_until(due).await;
        worst = worst.max(due.elapsed());
    }
    worst
}

async fn all(seconds: u64) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(std::env::var("SSL_CERT_FILE").unwrap(), certificate.pem()).unwrap();
    let config = ServerConfig::builder_with_provider(crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let end = Instant::now() + Duration::from_secs(seconds);

    let acceptor = &acceptor;
    let full = stream::iter(WAYS).map(|way| async move {
        let (door, client) = Door::open(way, acceptor.clone()).await;
        let client = client.build().unwrap();
        tokio::join!(campaign(&client, end), calls(&client, end));
        (way, door.seen())
    });
    let full = full.buffer_unordered(WAYS.len()).collect::<Vec<_>>();
    let beside = async {
        let (door, client) = Door::open(KEPT, acceptor.clone()).await;
        let client = client.build().unwrap();
        let (longest, ()) = tokio::join!(logins(&client, &door, end), campaign(&client, end));
        (longest, door.seen())
    };
    let alone = async {
        let (door, client) = Door::open(KEPT, acceptor.clone()).await;
        campaign(&client.build().unwrap(), end).await;
        let seen = door.seen();
        let arrived = door.arrived.lock().unwrap().clone();
        // From the second on: the first waited for its connection.
        let took = arrived.last().zip(arrived.get(1)).map_or(Duration::MAX, |(last, second)| *last - *second);
        let efficiency = 0.5 * seen.requests.saturating_sub(2) as f64 / took.as_secs_f64();
        (seen, efficiency)
    };
    let kept = async {
        let (_, client) = Door::open(KEPT, acceptor.clone()).await;
        unpolled(&client.build().unwrap()).await
    };
    let (full, (longest, beside), (alone, efficiency), kept, late) =
        tokio::join!(full, beside, alone, kept, lateness(end));

    // Ideal are 1.5 s and an answer; without a task of its own the set-up holds the others for 5 s.
    println!("three calls beside one that is not polled while it connects: {kept:?}");
    println!("this process was woken up to {late:?} late");
    // Its own jitter and the machine's: the guarantee of 4 is for less than 100 ms, that of 5 for less than 375 ms or
    // for a silence of 1.7 s and more.
    let quiet = late + ms(KEPT.jitter) < ms(90);
    let stalled = late + ms(KEPT.jitter) > ms(300);
    assert!(kept < ms(4_000) || !quiet, "{kept:?}");
    for (way, seen) in &full {
        println!("{}: {seen}", way.name);
    }
    println!("logins beside a campaign: {beside}, the longest wait {longest:?}");
    println!("a campaign alone: {alone}, efficiency {efficiency:.3}");
    for (way, Seen { requests, most, .. }) in full {
        let name = way.name;
        let least = if way.silent == Silent::Never { seconds } else { seconds / 4 };
        assert!(requests > 0 && (requests as u64 > least || !quiet), "{name}: {requests}");
        assert!(most <= 5 || stalled, "{name}: {most}");
        assert!(most <= 4 || !quiet || way.silent == Silent::Way, "{name}: {most}");
    }
    assert!(beside.most <= 4 && alone.most <= 3 || !quiet);
    assert!(longest <= ms(500) || !quiet, "{longest:?}");
    // In a short run the jitter of the two ends counts too much.
    assert!(efficiency >= 0.98 || !quiet || seconds < 12, "{efficiency}");
}

const SECONDS: &str = "KWTSMS_DOOR_SECONDS";

fn seconds() -> u64 {
    std::env::var(SECONDS).map_or(2, |seconds| seconds.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test, in a process of its own"]
async fn helper_on_two_threads() {
    all(seconds()).await;
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn helper_on_one_thread() {
    all(seconds()).await;
}

async fn in_a_process_of_its_own(helper: &str, seconds: u64) {
    let certificate = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("door::{helper}"), "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", certificate.path())
        .env_remove("SSL_CERT_DIR")
        .env(SECONDS, seconds.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn no_second_sees_more_than_5_requests_on_two_threads() {
    in_a_process_of_its_own("helper_on_two_threads", seconds()).await;
}

#[tokio::test]
async fn no_second_sees_more_than_5_requests_on_one_thread() {
    in_a_process_of_its_own("helper_on_one_thread", seconds()).await;
}

#[tokio::test]
#[ignore = "takes ten minutes"]
async fn no_second_of_ten_minutes_sees_more_than_5_requests() {
    tokio::join!(
        in_a_process_of_its_own("helper_on_two_threads", 600),
        in_a_process_of_its_own("helper_on_one_thread", 600)
    );
}
