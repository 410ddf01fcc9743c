//! A gateway, a store and services over them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use kwtsms_async::otp::{
    Budget, Caller, Challenge, CodeDelivery, HumanCheck, Otp, OtpBuilder, OtpKeys, OtpStore, Purpose,
    StartCall, StartError, Started, Verified, VerifyError,
};
use kwtsms_async::sandbox::{Sandbox, SandboxTransport};
use kwtsms_async::transport::{Request, Response, Transport, TransportError};

use crate::gateway;
#[cfg(any(feature = "store", feature = "redis"))]
use crate::store::testing;

pub(crate) const NUMBER: &str = "96598765432";
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);
/// Longer than the pause between messages to a number, shorter than the life of a code.
pub(crate) const PAUSE: Duration = Duration::from_secs(4 * 60 + 1);

/// Where codes lie.
#[derive(Clone)]
pub(crate) enum Place {
    Memory(OtpStore),
    #[cfg(feature = "store")]
    Sqlite(Arc<testing::SqliteFile>),
    #[cfg(feature = "postgres")]
    Postgres(Arc<testing::PostgresServer>),
    #[cfg(feature = "redis")]
    Redis(Arc<testing::RedisServer>),
}

impl Place {
    pub(crate) async fn memory() -> Option<Self> {
        Some(Self::Memory(OtpStore::memory()))
    }

    #[cfg(feature = "store")]
    pub(crate) async fn sqlite() -> Option<Self> {
        Some(Self::Sqlite(Arc::new(testing::sqlite())))
    }

    #[cfg(feature = "postgres")]
    pub(crate) async fn postgres() -> Option<Self> {
        testing::postgres().await.map(|server| Self::Postgres(Arc::new(server)))
    }

    #[cfg(feature = "redis")]
    pub(crate) async fn redis() -> Option<Self> {
        testing::redis().await.map(|server| Self::Redis(Arc::new(server)))
    }

    /// What another process opens.
    #[cfg(feature = "store")]
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Memory(_) => unreachable!("no other process reaches it"),
            Self::Sqlite(file) => file.path.clone(),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => server.url.clone(),
            #[cfg(feature = "redis")]
            Self::Redis(server) => server.url.clone(),
        }
    }

    /// What another replica opens.
    pub(crate) async fn open(&self) -> OtpStore {
        match self {
            Self::Memory(store) => store.clone(),
            #[cfg(feature = "store")]
            Self::Sqlite(file) => kwtsms_async::Store::open(&file.path).await.unwrap().into(),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => kwtsms_async::Store::open(&server.url).await.unwrap().into(),
            #[cfg(feature = "redis")]
            Self::Redis(server) => OtpStore::redis(&server.url).await.unwrap(),
        }
    }

    /// A time that is not over when so much of it has passed in the store.
    pub(crate) fn longer_than(&self, time: Duration) -> Duration {
        match self {
            Self::Memory(_) => time + Duration::from_secs(10),
            #[cfg(any(feature = "store", feature = "redis"))]
            _ => Duration::from_millis(700), // there only the store's clock is set forward
        }
    }

    /// How many challenges and counts lie there, where that can be seen.
    pub(crate) async fn rows(&self) -> i64 {
        match self {
            Self::Memory(_) => 0, // the sweep itself says so
            #[cfg(feature = "store")]
            Self::Sqlite(file) => {
                let db = rusqlite::Connection::open(&file.path).unwrap();
                let count =
                    "SELECT (SELECT count(*) FROM kwtsms_otp) + (SELECT count(*) FROM kwtsms_otp_count)";
                db.query_row(count, [], |row| row.get(0)).unwrap()
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => {
                let (client, schema) = postgres_client(server).await;
                let count = format!(
                    "SELECT (SELECT count(*) FROM {schema}.kwtsms_otp) + (SELECT count(*) FROM {schema}.kwtsms_otp_count)"
                );
                client.query_one(&count, &[]).await.unwrap().get(0)
            }
            #[cfg(feature = "redis")]
            Self::Redis(server) => redis_keys(server).len().try_into().unwrap(),
        }
    }

    /// Everything that lies there, as bytes; nothing of the memory, which nobody else reads.
    pub(crate) async fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Memory(_) => Vec::new(),
            #[cfg(feature = "store")]
            Self::Sqlite(file) => {
                let files = ["", "-wal", "-shm"].map(|beside| format!("{}{beside}", file.path));
                files.iter().flat_map(|file| std::fs::read(file).unwrap_or_default()).collect()
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => {
                let (client, schema) = postgres_client(server).await;
                let mut bytes = Vec::new();
                for (table, columns) in [("kwtsms_otp", 14), ("kwtsms_otp_count", 7)] {
                    for row in client.query(&format!("SELECT * FROM {schema}.{table}"), &[]).await.unwrap() {
                        for column in 0..columns {
                            let text = row.try_get::<_, i64>(column).map(|n| n.to_string().into_bytes());
                            let raw =
                                row.try_get::<_, Option<Vec<u8>>>(column).map(Option::unwrap_or_default);
                            bytes.extend(text.or(raw).unwrap_or_default());
                            bytes.push(b'\n');
                        }
                    }
                }
                bytes
            }
            #[cfg(feature = "redis")]
            Self::Redis(server) => {
                let mut connection = redis_connection(server);
                let mut bytes = Vec::new();
                for key in redis_keys(server) {
                    bytes.extend(key.as_bytes());
                    let fields: Vec<Vec<u8>> =
                        redis::cmd("HGETALL").arg(&key).query(&mut connection).unwrap();
                    fields.iter().for_each(|field| bytes.extend(field));
                }
                bytes
            }
        }
    }

    /// Lets time pass in the store: Tokio's clock, or what lies there is made older.
    pub(crate) async fn pass(&self, time: Duration) {
        match self {
            Self::Memory(_) => tokio::time::advance(time).await,
            #[cfg(feature = "store")]
            Self::Sqlite(file) => {
                let db = rusqlite::Connection::open(&file.path).unwrap();
                db.busy_timeout(MINUTE).unwrap();
                db.execute_batch(&older(time, ", forgotten_at = forgotten_at - {ms}")).unwrap();
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => server.execute(&older(time, "")).await,
            #[cfg(feature = "redis")]
            Self::Redis(server) => {
                let script = redis::Script::new(
                    "for _, field in ipairs({'expires', 'before_expires', 'begun'}) do
                       local at = redis.call('HGET', KEYS[1], field)
                       if at and at ~= '0' then redis.call('HINCRBY', KEYS[1], field, -ARGV[1]) end
                     end
                     redis.call('PEXPIRE', KEYS[1], redis.call('PTTL', KEYS[1]) - ARGV[1])",
                );
                let mut connection = redis_connection(server);
                for key in redis_keys(server) {
                    let call = &mut script.key(key);
                    let _: () = call.arg(time.as_millis() as i64).invoke(&mut connection).unwrap();
                }
            }
        }
    }
}

/// Makes all rows older.
#[cfg(feature = "store")]
fn older(time: Duration, of_counts: &str) -> String {
    let text = "UPDATE kwtsms_otp SET begun = begun - {ms}, forgotten_at = forgotten_at - {ms},
          expires = CASE WHEN expires = 0 THEN 0 ELSE expires - {ms} END,
          before_expires = CASE WHEN before_expires = 0 THEN 0 ELSE before_expires - {ms} END;
        UPDATE kwtsms_otp_count SET expires = expires - {ms}";
    format!("{text}{of_counts}").replace("{ms}", &time.as_millis().to_string())
}

/// A connection beside the store, and the store's schema.
#[cfg(feature = "postgres")]
async fn postgres_client(server: &testing::PostgresServer) -> (tokio_postgres::Client, &str) {
    let (url, schema) = server.url.split_once("schema=").unwrap();
    let url = url.trim_end_matches(['?', '&']);
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    (client, schema)
}

#[cfg(feature = "redis")]
pub(crate) fn redis_connection(server: &testing::RedisServer) -> redis::Connection {
    let url = server.url.split("prefix=").next().unwrap().trim_end_matches(['?', '&']);
    redis::Client::open(url).unwrap().get_connection().unwrap()
}

#[cfg(feature = "redis")]
pub(crate) fn redis_keys(server: &testing::RedisServer) -> Vec<String> {
    let prefix = server.url.split("prefix=").nth(1).unwrap();
    redis::cmd("KEYS").arg(format!("{prefix}*")).query(&mut redis_connection(server)).unwrap()
}

/// A gateway and a place, and what services over them have in common.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) place: Place,
    pub(crate) keys: OtpKeys,
    /// The bodies of the requests to the gateway.
    pub(crate) posted: Arc<Mutex<Vec<String>>>,
}

/// The door of a sandbox that remembers what passes it.
struct Remembering(SandboxTransport, Arc<Mutex<Vec<String>>>);

impl Transport for Remembering {
    fn post(&self, request: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        self.1.lock().unwrap().push(String::from_utf8_lossy(request.body()).into_owned());
        self.0.post(request)
    }

    fn is_local(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for Remembering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remembering")
    }
}

impl World {
    pub(crate) fn new(place: Place) -> Self {
        // In test mode, where the gateway does not ask for 15 seconds between two messages to a number: only the
        // store's clock is set forward.
        let sandbox = gateway::start(gateway::roomy().stuck_messages_fill_queue(false));
        Self { sandbox, place, keys: OtpKeys::random(), posted: Arc::default() }
    }

    /// The settings of a replica, without what the tests of a limit set.
    pub(crate) async fn builder(&self) -> OtpBuilder {
        self.builder_over(self.place.open().await)
    }

    /// The same over a store that is open.
    pub(crate) fn builder_over(&self, store: OtpStore) -> OtpBuilder {
        let transport = Remembering(self.sandbox.transport(), Arc::clone(&self.posted));
        let client = gateway::builder(&self.sandbox).transport(transport).unpaced();
        let client = client.test_mode(true).timeout(HOUR).build().unwrap();
        Otp::builder(client, store, self.keys.clone())
            .app_name("MYAPP")
            .origin("example.com")
            .human_check(HumanCheck::never())
            .send_deadline(HOUR)
            .budget(Budget::credits(1_000).per_hour().and_credits(10_000).per_day())
    }

    pub(crate) async fn otp(&self) -> Otp {
        self.builder().await.build().unwrap()
    }

    /// A service that sends as often as it is asked, but for the pause between messages to a number.
    pub(crate) async fn generous(&self) -> Otp {
        self.builder().await.per_number(1_000, 1_000).per_address(1_000).per_prefix(1_000).build().unwrap()
    }

    /// The code of the newest text that was posted to the gateway, whatever became of it.
    pub(crate) fn posted_code(&self) -> String {
        let posted = self.posted.lock().unwrap().last().cloned().unwrap();
        let text = posted.split(" is your MYAPP code").next().unwrap();
        text[text.len() - 6..].to_owned()
    }

    /// The code of the newest message to a number.
    pub(crate) fn code(&self, number: &str) -> String {
        self.sandbox.otp(number).unwrap()
    }

    pub(crate) fn messages(&self) -> usize {
        self.sandbox.messages().len()
    }

    /// Starts a challenge and gives it with its code.
    pub(crate) async fn start(&self, otp: &Otp, number: &str) -> (Challenge, String) {
        let started = otp.start(number, Purpose::LOGIN, &caller()).await.unwrap();
        assert_eq!(started.delivery, CodeDelivery::Accepted);
        (started.challenge, self.code(number))
    }

    /// Lets the pause pass and sends another code for a challenge.
    pub(crate) async fn resend(&self, otp: &Otp, challenge: &Challenge) -> Result<Started, StartError> {
        self.place.pass(PAUSE).await;
        otp.resend(challenge, &caller()).await
    }
}

pub(crate) fn caller() -> Caller {
    at([203, 0, 113, 7])
}

pub(crate) fn at(address: impl Into<IpAddr>) -> Caller {
    Caller::at(address)
}

pub(crate) async fn verify(otp: &Otp, challenge: &Challenge, code: &str) -> Result<Verified, VerifyError> {
    otp.verify(challenge, Purpose::LOGIN, code, &caller()).await
}

/// Another code than this one, the `nth` of many.
pub(crate) fn other_than(code: &str, nth: u32) -> String {
    let code: u32 = code.parse().unwrap();
    format!("{:06}", (code + 1 + nth) % 1_000_000)
}

/// What came of a verification, in a word.
pub(crate) fn word(result: &Result<Verified, VerifyError>) -> String {
    match result {
        Ok(_) => "verified".to_owned(),
        Err(VerifyError::Wrong { left }) => format!("wrong {left}"),
        Err(VerifyError::Superseded { left }) => format!("superseded {left}"),
        Err(error) => format!("{error:?}").split(['(', ' ']).next().unwrap().to_lowercase(),
    }
}

/// Tries codes one after the other and gives what came of each.
pub(crate) async fn tries<T: AsRef<str>>(
    otp: &Otp,
    challenge: &Challenge,
    codes: impl IntoIterator<Item = T>,
) -> Vec<String> {
    let mut words = Vec::new();
    for code in codes {
        words.push(word(&verify(otp, challenge, code.as_ref()).await));
    }
    words
}

/// How long is left, of a start that came too soon.
pub(crate) async fn too_soon(call: StartCall) -> Duration {
    match call.await {
        Err(StartError::TooSoon(after)) => after,
        other => panic!("{other:?}"),
    }
}

/// A server that is busy answered too late, which refuses as a limit does.
pub(crate) fn is_late(error: &StartError) -> bool {
    matches!(error, StartError::Store(error) if error.to_string().contains("did not answer within"))
}

/// Makes a test of each function, over one kind of place.
macro_rules! over_place {
    ($place:ident, $test:meta: $($name:ident)+) => {
        mod $place {
            $(
                #[$test]
                async fn $name() {
                    let Some(place) = $crate::otp::world::Place::$place().await else { return };
                    super::$name(place).await;
                }
            )+
        }
    };
}
pub(crate) use over_place;

/// The same over the places that are servers.
macro_rules! over_servers {
    ($($name:ident)+) => {
        #[cfg(feature = "postgres")]
        $crate::otp::world::over_place! {
            postgres, tokio::test(flavor = "multi_thread", worker_threads = 2): $($name)+
        }
        #[cfg(feature = "redis")]
        $crate::otp::world::over_place! {
            redis, tokio::test(flavor = "multi_thread", worker_threads = 2): $($name)+
        }
    };
}
pub(crate) use over_servers;

/// The same over the places that several processes reach.
macro_rules! over_every_shared_store {
    ($($name:ident)+) => {
        #[cfg(feature = "store")]
        $crate::otp::world::over_place! {
            sqlite, tokio::test(flavor = "multi_thread", worker_threads = 2): $($name)+
        }
        $crate::otp::world::over_servers! { $($name)+ }
    };
}
pub(crate) use over_every_shared_store;

/// The same over every place.
macro_rules! over_every_store {
    ($($name:ident)+) => {
        $crate::otp::world::over_place! { memory, tokio::test(start_paused = true): $($name)+ }
        $crate::otp::world::over_every_shared_store! { $($name)+ }
    };
}
pub(crate) use over_every_store;

/// Waits until something is so.
pub(crate) async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
