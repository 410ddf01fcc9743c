//! One client over several runtimes, and over one that is only driven while a call is awaited. Real sockets; the
//! server has threads of its own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use kwtsms_async::{Client, Delivery};
use tokio::runtime::{Builder, Runtime};

/// Answers each request, and closes a connection on which no further one came for so long.
struct Server {
    base_url: String,
    requests: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

const ANSWER: &str = r#"{"result":"OK","msg-id":"f4c841adee210f31307633ceaebff2ec","numbers":1,"points-charged":1,"balance-after":180}"#;

impl Server {
    fn start(idle: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/API/", listener.local_addr().unwrap());
        let (requests, connections, closed) =
            <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
        let server = Self {
            base_url,
            requests: Arc::clone(&requests),
            connections: Arc::clone(&connections),
            closed: Arc::clone(&closed),
        };
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (requests, closed) = (Arc::clone(&requests), Arc::clone(&closed));
                std::thread::spawn(move || {
                    serve(socket, idle, &requests);
                    closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        server
    }

    fn client(&self) -> Client {
        Client::builder("user", "pass")
            .base_url(&*self.base_url)
            .sender_id("MY-APP")
            .unpaced()
            .build()
            .unwrap()
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until every connection was closed.
    #[allow(clippy::disallowed_methods)] // no runtime runs on this thread
    fn wait_until_all_closed(&self) {
        for _ in 0..2_000 {
            if self.closed.load(Ordering::SeqCst) == self.connections() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the server does not close");
    }
}

/// Reads requests to the end of their bodies. The first may take its time: a busy machine connects long before it sends.
fn serve(mut socket: TcpStream, idle: Duration, requests: &AtomicUsize) {
    socket.set_read_timeout(Some(LONG)).unwrap();
    let mut read = Vec::new();
    let mut part = [0; 4_096];
    while let Ok(bytes @ 1..) = socket.read(&mut part) {
        read.extend_from_slice(&part[..bytes]);
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_lowercase().split_once("content-length: ").unwrap().1.to_owned();
        let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
        if body.len() == length {
            requests.fetch_add(1, Ordering::SeqCst);
            read.clear();
            let length = ANSWER.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{ANSWER}");
            if socket.write_all(answer.as_bytes()).is_err() {
                return;
            }
            socket.set_read_timeout(Some(idle)).unwrap();
        }
    }
}

const LONG: Duration = Duration::from_secs(30);

fn current() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn several() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn number(n: usize) -> String {
    (96_550_000_000 + n).to_string()
}

#[test]
fn one_runtime_after_the_other_is_served() {
    let server = Server::start(LONG);
    let client = server.client();
    for n in 0..30 {
        let runtime = if n % 2 == 0 { current() } else { several() };
        runtime.block_on(client.send(number(n), "Hello")).unwrap_or_else(|error| panic!("{n}: {error:#}"));
    }
    assert_eq!(server.requests(), 30);
}

#[test]
fn runtimes_that_are_not_driven_meanwhile_hold_up_no_other() {
    let server = Server::start(LONG);
    let client = server.client();
    let runtimes = [current(), current(), several()];
    // In turns: a connection that another runtime drives would not be served.
    for n in 0..30 {
        let begin = tokio::time::Instant::now();
        let runtime = &runtimes[n % runtimes.len()];
        runtime.block_on(client.send(number(n), "Hello")).unwrap_or_else(|error| panic!("{n}: {error:#}"));
        assert!(begin.elapsed() < Duration::from_secs(10), "{n}: {:?}", begin.elapsed());
    }
    assert_eq!((server.requests(), server.connections()), (30, 3), "each runtime keeps a connection");
}

#[test]
fn runtimes_at_once_on_their_own_threads_are_served() {
    let server = Server::start(LONG);
    let client = server.client();
    let failures = Arc::new(Mutex::new(Vec::new()));
    let barrier = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (client, failures, barrier) = (client.clone(), Arc::clone(&failures), Arc::clone(&barrier));
            std::thread::spawn(move || {
                let runtime = current();
                barrier.wait();
                for n in 0..25 {
                    let sent = runtime.block_on(client.send(number(thread * 25 + n), "Hello"));
                    if let Err(error) = sent {
                        failures.lock().unwrap().push(format!("{error:#}"));
                    }
                }
                // Runtimes end at different times, the others go on.
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*failures.lock().unwrap(), Vec::<String>::new());
    assert_eq!(server.requests(), 100);
}

#[test]
fn a_connection_that_the_server_closed_while_nobody_drove_the_runtime_is_not_used() {
    let server = Server::start(Duration::from_millis(10));
    let client = server.client();
    let runtime = current();
    for n in 0..60 {
        runtime
            .block_on(client.send(number(n), "Hello"))
            .unwrap_or_else(|error| panic!("{n}: {:?} {error:#}", error.delivery()));
        server.wait_until_all_closed();
    }
    assert_eq!((server.requests(), server.connections()), (60, 60));
}

#[test]
fn where_no_byte_left_it_says_so_on_every_runtime() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // nobody listens there
    let client =
        Client::builder("user", "pass").base_url(format!("http://{free}/API/")).unpaced().build().unwrap();
    for n in 0..4 {
        let runtime = if n % 2 == 0 { current() } else { several() };
        let error = runtime.block_on(client.send(number(n), "Hello")).unwrap_err();
        assert_eq!(error.delivery(), Delivery::NotSent, "{error:#}");
    }
}

#[test]
fn a_call_that_is_begun_on_one_runtime_and_ended_on_another_neither_panics_nor_hangs() {
    let server = Server::start(LONG);
    let settings = Client::builder("user", "pass").base_url(&*server.base_url).sender_id("MY-APP").unpaced();
    let settings = settings.connect_timeout(Duration::from_secs(1)).timeout(Duration::from_secs(2));
    let client = settings.build().unwrap();
    for n in 0..6 {
        let mut call = Box::pin(client.send(number(n), "Hello"));
        let first = current();
        let begun = first.block_on(async { futures::poll!(&mut call) });
        if n % 2 == 0 {
            drop(first);
        }
        if begun.is_pending() {
            // Its runtime, and with it its connection, is gone or not driven: accepted or unknown, as it happened.
            let next = current();
            match next.block_on(async { tokio::time::timeout(Duration::from_secs(20), call).await.unwrap() })
            {
                Ok(report) => assert_eq!(report.account().accepted(), 1),
                Err(error) => assert_ne!(error.delivery(), Delivery::Refused, "{error:#}"),
            }
        }
        current().block_on(client.send(number(100 + n), "Hello")).unwrap();
    }
}

/// Timers belong to a runtime too.
#[test]
fn a_call_that_waits_on_one_runtime_goes_on_waiting_on_another() {
    for ended in [false, true] {
        let sandbox = crate::gateway::gateway();
        let client = crate::gateway::client(&sandbox);
        let first = current();
        first.block_on(client.send("96550000000", "Hello")).unwrap();
        let mut calls: [futures::future::BoxFuture<'_, _>; 3] = [
            Box::pin(client.send("96550000001", "a turn")),
            Box::pin(client.send("96550000002", "a turn").deadline(LONG)),
            Box::pin(client.send("96550000000", "its number").wait().deadline(LONG)),
        ];
        first.block_on(async {
            for call in &mut calls {
                assert!(futures::poll!(call).is_pending());
            }
        });
        if ended {
            drop(first);
        }
        // Virtual time: the 16 s of the number do not pass for real.
        let next = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let sent = next.block_on(futures::future::join_all(calls));
        assert!(sent.iter().all(Result::is_ok), "{sent:?}");
        assert_eq!(sandbox.messages().len(), 4);
    }
}
