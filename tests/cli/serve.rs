//! campaign serve: the page's server as a process, asked over plain HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::{Value, json};

use super::World;
use super::interrupt::{end, interrupt};
use super::owned::Owned;

/// The server of a folder's campaigns.
struct Server {
    child: Owned,
    host: String,
}

impl Server {
    fn start(world: &World, args: &[&str]) -> Self {
        let mut command = world.store(&["campaign", "serve", "--port", "0", "--json"]);
        let mut child = Owned::spawn(command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let line: Value = serde_json::from_str(&line).unwrap();
        let host =
            line["url"].as_str().unwrap().trim_start_matches("http://").trim_end_matches('/').to_owned();
        Self { child, host }
    }

    /// Status, head and body of an answer.
    fn ask(&self, request: &str, headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let mut head =
            format!("{request} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        if headers.iter().all(|(name, _)| *name != "host") {
            head.push_str(&format!("host: {}\r\n", self.host));
        }
        headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_lowercase(), body.to_owned())
    }

    fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.ask(&format!("GET {path}"), &[], "");
        assert_eq!(status, 200, "{path} {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let json = [("content-type", "application/json")];
        let (status, _, body) = self.ask(&format!("POST {path}"), &json, &body.to_string());
        (status, serde_json::from_str(&body).unwrap_or_default())
    }
}

fn created(world: &World, count: u64) {
    world.numbers(count);
    let create = [
        "campaign",
        "create",
        "عيد/1",
        "--file",
        "list.csv",
        "Dear {{ name }}",
        "--hours",
        "00:00-24:00",
        "--yes",
    ];
    assert_eq!(world.stored(&create).code, 0);
}

/// As the page writes its key into an address.
const KEY: &str = "/api/campaigns/%D8%B9%D9%8A%D8%AF%2F1";

#[test]
fn it_shows_pauses_resumes_and_resolves_until_ctrl_c() {
    let world = World::new();
    world.sandbox.account("user").set_balance(1_000_000);
    created(&world, 400);
    let server = Server::start(&world, &[]);
    let (status, head, page) = server.ask("GET /", &[], "");
    assert!(status == 200 && page.contains("kwtSMS campaigns") && page.ends_with("</html>\n"), "{head}");
    for part in ["cache-control: no-store", "content-security-policy: default-src 'none'; script-src 'nonce-"]
    {
        assert!(head.contains(part), "{head}");
    }
    assert!(
        ![" src=", "@import", "url("].iter().any(|part| page.contains(part)),
        "nothing comes from elsewhere"
    );

    let list = server.get("/api/campaigns");
    assert_eq!((&list["campaigns"][0]["key"], &list["asks_balance"]), (&json!("عيد/1"), &json!(true)));
    let one = server.get(KEY);
    assert_eq!(
        (&one["settings"]["text"], &one["settings"]["window"]),
        (&json!("Dear {{ name }}"), &json!(["00:00-24:00", "Asia/Kuwait"]))
    );
    assert_eq!((&one["progress"]["planned"], &one["time_left"]), (&json!(400), &json!(1)));
    assert_eq!(server.get(&format!("{KEY}/history"))["moments"], json!([]));

    assert_eq!(server.post(&format!("{KEY}/pause"), &json!({ "reason": "بانتظار المدير" })).0, 200);
    assert_eq!(server.get(KEY)["progress"]["waits_for"], json!({ "pause": "بانتظار المدير" }));
    assert!(world.stored(&["campaign", "status", "عيد/1"]).out.contains("بانتظار المدير"));
    assert_eq!(server.post(&format!("{KEY}/resume"), &json!({})).0, 200);

    world.sandbox.faults().push(kwtsms_async::sandbox::Fault::drop_before_reading().on("send"));
    assert_eq!(world.stored(&["campaign", "run"]).code, 4);
    let history = server.get(&format!("{KEY}/history"));
    let last = history["moments"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last[1], &last[3], &history["pace"]), (&json!(200), &json!(200), &json!(400.0)));
    assert_eq!(server.post(&format!("{KEY}/evidence"), &json!({})), (200, json!({})));
    let unknown = server.get(&format!("{KEY}/unknown"));
    assert_eq!((&unknown["total"], &unknown["batches"][0]["numbers"]), (&json!(1), &json!(200)));
    assert!(unknown["batches"][0]["evidence"]["is"].is_string(), "{unknown}");
    let batch = unknown["batches"][0]["batch"].as_str().unwrap();
    let path = format!("{KEY}/unknown/{batch}");
    assert_eq!(server.post(&path, &json!({ "resolution": "maybe" })).0, 422);
    for no_such in
        [json!(["sent"]), json!({ "resolution": { "sent": null } }), json!({}), json!({ "to": "sent" })]
    {
        assert_eq!(server.post(&path, &no_such).0, 422, "{no_such}");
    }
    assert_eq!(server.post(&path, &json!({ "resolution": "sent" })).0, 200);
    let (status, again) = server.post(&path, &json!({ "resolution": "not_sent" }));
    assert!(status == 409 && again["error"].as_str().unwrap().contains("not of unknown outcome"), "{again}");
    assert_eq!(server.get(KEY)["progress"]["accepted"], 400);
    assert_eq!(server.post(&format!("{KEY}/pause"), &json!({ "reason": "x".repeat(201) })).0, 400);
    assert_eq!(server.post(&format!("{KEY}/pause"), &json!([])).0, 422);
    assert_eq!(server.ask("GET /api/campaigns/other", &[], "").0, 404);

    let port = server.host.rsplit(':').next().unwrap();
    let ran = world.stored(&["campaign", "serve", "--port", port]);
    assert!(ran.code == 1 && ran.err.contains("choose another port"), "{ran:?}");
    interrupt(&server.child);
    let (status, _, err) = end(server.child);
    assert_eq!(status.code(), Some(0), "{err}");
}

#[test]
fn strangers_are_turned_away_and_nothing_is_changed() {
    let world = World::new();
    created(&world, 1);
    let server = Server::start(&world, &["--sandbox"]);
    let json = ("content-type", "application/json");
    let own = format!("http://{}", server.host);
    for (request, header) in [
        // By a name of its own that resolves to this machine.
        ("GET /", ("host", "evil.example")),
        ("GET /api/campaigns", ("host", "evil.example")),
        ("GET /api/campaigns", ("origin", "http://evil.example")),
        ("GET /api/campaigns", ("sec-fetch-site", "cross-site")),
        // Another server of this machine.
        ("POST {}/pause", ("origin", "http://127.0.0.1:1")),
        ("POST {}/pause", ("origin", "null")),
        ("POST {}/pause", ("sec-fetch-site", "cross-site")),
        ("POST {}/resume", ("origin", "http://evil.example")),
        ("POST {}/evidence", ("origin", "http://evil.example")),
        ("POST {}/unknown/4294967297", ("origin", "http://evil.example")),
    ] {
        let request = request.replace("{}", KEY);
        let (status, head, body) = server.ask(&request, &[header, json], "{\"reason\":\"\"}");
        assert_eq!(status, 403, "{request} {header:?} {body}");
        assert!(!head.contains("access-control") && !body.contains("عيد"), "{head}");
    }
    // A form of another site can send no JSON.
    let form = ("content-type", "text/plain");
    assert_eq!(server.ask(&format!("POST {KEY}/pause"), &[form], "{\"reason\":\"\"}").0, 415);
    assert_eq!(server.get(KEY)["progress"]["state"], "running");
    let (status, _, _) = server.ask(&format!("POST {KEY}/pause"), &[("origin", &own), json], "{}");
    assert_eq!(status, 200);
    // The balance of a sandbox of this call would tell nothing.
    let (status, said) = server.post(&format!("{KEY}/evidence"), &json!({}));
    assert!(status == 409 && said["error"].as_str().unwrap().contains("user name"), "{said}");
    interrupt(&server.child);
    assert_eq!(end(server.child).0.code(), Some(0));
}
