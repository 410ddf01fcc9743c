//! A line before each request leaves: where it stands, what it hides, and what is left after a kill.

use kwtsms_async::events::{event, field};

use super::file::{child, run};
use super::*;

fn options(bodies: Bodies) -> Options {
    Options::from(bodies).sending(true)
}

/// Looks at the file when a request leaves, and dies at one of them.
#[derive(Debug, Clone)]
struct Watched {
    inner: SandboxTransport,
    file: PathBuf,
    sending: Arc<Mutex<Vec<usize>>>,
    dies_at: usize,
}

impl Watched {
    fn new(file: PathBuf, dies_at: usize) -> Self {
        Self { inner: Sandbox::in_process().transport(), file, sending: Arc::default(), dies_at }
    }
}

impl Transport for Watched {
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        let text = std::fs::read_to_string(&self.file).unwrap();
        let mut sending = self.sending.lock().unwrap();
        sending.push(text.matches(r#""event":"sending""#).count());
        if sending.len() == self.dies_at {
            std::process::abort();
        }
        self.inner.post(request)
    }

    fn is_local(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_stands_in_the_file_before_its_request_leaves_and_its_answer_has_the_same_id() {
    let folder = Folder::new();
    let watched = Watched::new(folder.file(), usize::MAX);
    let (layer, guard) = jsonl::to_file(folder.file(), options(Bodies::Masked)).unwrap();
    let default = listen(tracing_subscriber::registry().with(layer));
    let client = client(watched.clone());
    for n in 0..3 {
        client.send(format!("9655000000{n}"), OTP).await.unwrap();
    }
    drop((default, guard));
    assert_eq!(*watched.sending.lock().unwrap(), [1, 2, 3], "written, not queued");
    let lines = parse(&std::fs::read_to_string(folder.file()).unwrap());
    assert_eq!(lines.len(), 6);
    let (sending, answers): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["event"] == "sending");
    assert_eq!(sending.len(), 3);
    for (line, answer) in sending.iter().zip(&answers) {
        let keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["endpoint", "event", "request", "request_id", "ts"]);
        assert_eq!(line["request"], answer["request"]);
        assert_eq!(line["request"]["message"], "*** (31 characters, 1 page)");
        assert_eq!(line["request_id"], answer["request_id"]);
        assert_eq!((&answer["ok"], &answer["event"]), (&json!(true), &Value::Null));
    }
    assert_ne!(sending[0]["request_id"], sending[1]["request_id"]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_not_asked_to_has_no_such_line_though_another_has() {
    let (plain, ahead) = (Buffer::default(), Buffer::default());
    let (first, first_guard) = jsonl::to_writer(plain.clone(), Bodies::Masked);
    let (second, second_guard) = jsonl::to_writer(ahead.clone(), options(Bodies::Full));
    let default = listen(tracing_subscriber::registry().with(first).with(second));
    in_process().send(NUMBER, OTP).await.unwrap();
    drop((default, first_guard, second_guard));
    let lines = |buffer: &Buffer| parse(std::str::from_utf8(&buffer.0.lock().unwrap()).unwrap());
    assert_eq!(lines(&plain).len(), 1);
    assert_eq!(lines(&plain)[0].get("request_id"), None, "the Python client's keys and no more");
    assert_eq!(lines(&ahead).len(), 2);
    assert_eq!(lines(&ahead)[0]["request"]["message"], OTP);
    assert_eq!(lines(&ahead)[0]["request"]["password"], "***");
}

#[tokio::test(start_paused = true)]
async fn the_event_is_one_of_debug_and_says_what_its_request_is_about() {
    let (capture, _guard) = Capture::start();
    in_process().send([NUMBER, "96551234567"], OTP).await.unwrap();
    let (leaves, ended) = (&capture.named(event::SENDING)[0], &capture.named(event::REQUEST)[0]);
    assert_eq!(leaves.level, tracing::Level::DEBUG);
    for name in [
        field::ENDPOINT,
        field::REQUEST_ID,
        field::ATTEMPT,
        field::NUMBERS,
        field::RECIPIENTS,
        field::PAGES,
        field::TEXT_CHARS,
        field::TEST,
    ] {
        assert!(leaves.get(name).is_some(), "{name}");
        assert_eq!(leaves.get(name), ended.get(name), "{name}");
    }
    assert_eq!(leaves.get(field::RECIPIENTS), Some("965****432,965****567"));
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn a_line_that_cannot_be_written_is_counted_and_its_request_leaves() {
    let (layer, guard) = jsonl::to_file("/dev/full", options(Bodies::Masked)).unwrap();
    let default = listen(tracing_subscriber::registry().with(layer));
    in_process().send(NUMBER, OTP).await.unwrap();
    drop(default);
    assert_eq!(guard.finish(), 2);
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn helper_that_dies_as_its_third_request_leaves() {
    let file = std::env::current_dir().unwrap().join("kwtsms.log");
    let (layer, _guard) = jsonl::to_file(&file, options(Bodies::Full)).unwrap();
    let _default = listen(tracing_subscriber::registry().with(layer));
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(
        async {
            let client = client(Watched::new(file, 3));
            for n in 0..4 {
                client.send(format!("9655000000{n}"), OTP).await.unwrap();
            }
        },
    );
}

#[test]
fn after_a_kill_the_log_says_what_was_in_flight() {
    let folder = Folder::new();
    for _ in 0..2 {
        // A process that is started again writes to the same file.
        let output =
            child("sending::helper_that_dies_as_its_third_request_leaves", &folder, &[]).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
    }
    let lines = parse(&std::fs::read_to_string(folder.file()).unwrap());
    let is_answered =
        |id: &Value| lines.iter().any(|line| line["request_id"] == *id && line["event"].is_null());
    let third = |line: &&Value| line["request"]["mobile"] == "96550000002";
    let in_flight: Vec<_> = lines.iter().filter(third).collect();
    assert_eq!(in_flight.len(), 2);
    assert!(in_flight.iter().all(|line| line["event"] == "sending" && !is_answered(&line["request_id"])));
    assert_ne!(in_flight[0]["request_id"], in_flight[1]["request_id"]);
    assert!(!lines.iter().any(|line| line["request"]["mobile"] == "96550000003"));
}

#[test]
fn a_process_that_ends_well_leaves_nothing_in_flight() {
    let folder = Folder::new();
    run(child("sending::helper_that_ends_well", &folder, &[]));
    let lines = parse(&std::fs::read_to_string(folder.file()).unwrap());
    let mut ids: Vec<_> = lines.iter().map(|line| line["request_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids.len(), 10);
    assert!(ids.chunks(2).all(|two| two[0] == two[1]), "{ids:?}");
}

#[test]
#[ignore = "run by another test, in a process of its own"]
fn helper_that_ends_well() {
    let (layer, guard) = jsonl::to_file("kwtsms.log", options(Bodies::Masked)).unwrap();
    let default = listen(tracing_subscriber::registry().with(layer));
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(
        async {
            let client = in_process();
            for _ in 0..5 {
                client.balance().await.unwrap();
            }
        },
    );
    drop(default);
    assert_eq!(guard.finish(), 0);
}
