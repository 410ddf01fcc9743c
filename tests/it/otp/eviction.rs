//! A Redis server that may throw counters away is refused: each policy is set on a server of the test's own.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use kwtsms_async::ErrorKind;
use kwtsms_async::otp::OtpStore;

use super::world::*;
use crate::owned::Owned;

/// What `CONFIG` is called on this server: most hosters forbid it.
const CONFIG: &str = "SETTINGS";

struct OwnRedis {
    _child: Owned,
    url: String,
    connection: redis::Connection,
    _folder: tempfile::TempDir,
}

impl OwnRedis {
    /// `None` where there is no `redis-server`.
    async fn start() -> Option<Self> {
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut command = Command::new("redis-server");
            command
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"])
                .args(["--rename-command", "CONFIG", CONFIG, "--dir"])
                .arg(folder.path())
                .stdout(Stdio::null());
            let mut child = Owned::try_spawn(&mut command)?;
            let url = format!("redis://127.0.0.1:{port}/0");
            let client = redis::Client::open(url.as_str()).unwrap();
            // It ends by itself where somebody else took the port meanwhile.
            while child.try_wait().unwrap().is_none() {
                let connection = client.get_connection_with_timeout(Duration::from_secs(5));
                if let Ok(mut connection) = connection
                    && let Ok(info) = redis::cmd("INFO").arg("server").query::<String>(&mut connection)
                    && info.lines().any(|line| line.trim() == format!("process_id:{}", child.id()))
                {
                    return Some(Self { _child: child, url, connection, _folder: folder });
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("no port was free five times");
    }

    fn set_policy(&mut self, policy: &str) {
        let set =
            redis::cmd(CONFIG).arg("SET").arg("maxmemory-policy").arg(policy).exec(&mut self.connection);
        set.unwrap();
    }
}

// Guard: the look at the policy when the store is opened.
#[tokio::test]
async fn a_redis_that_may_throw_keys_away_is_refused_unless_that_is_accepted() {
    let Some(mut server) = OwnRedis::start().await else {
        eprintln!("SKIPPED: no program redis-server is here, so no Redis that evicts was refused");
        return;
    };
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-ttl"] {
        server.set_policy(policy);
        let error = OtpStore::redis(&server.url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        let text = format!("{error:#}");
        assert!(text.contains(policy) && text.contains("set it to noeviction"), "{text}");
    }
    let world = World::new(Place::memory().await.unwrap());
    let otp = world.builder_over(OtpStore::redis_that_evicts(&server.url).unwrap()).build().unwrap();
    let (challenge, code) = world.start(&otp, NUMBER).await;
    assert_eq!(tries(&otp, &challenge, [code]).await, ["verified"], "who accepts it has a store");
    server.set_policy("noeviction");
    OtpStore::redis(&server.url).await.unwrap();
}
