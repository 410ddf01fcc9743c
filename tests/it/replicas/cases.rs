//! What the replicas meet, and what the gateway sees of it.

use std::io::Write;
use std::time::Duration;

use kwtsms_async::sandbox::{Sandbox, SeenRequest};
use kwtsms_async::{Client, Limiter, Rates, Store};
use tokio::time::Instant;

use super::process::{Does, Replica, lateness};
use super::proxy::cutting;
#[cfg(feature = "postgres")]
use super::servers::OwnPostgres;
#[cfg(feature = "redis")]
use super::servers::OwnRedis;
use crate::gateway::roomy;
use crate::store::testing;

/// Between starts of a lane at 2 a second.
const PERIOD: Duration = Duration::from_millis(510);

/// One case at a time: they would make each other late.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const SECONDS: &str = "KWTSMS_REPLICA_SECONDS";

fn seconds() -> u64 {
    std::env::var(SECONDS).map_or(4, |seconds| seconds.parse().unwrap())
}

/// True where all cases are wanted.
fn all_wanted() -> bool {
    let wanted = std::env::var(SECONDS).is_ok();
    if !wanted {
        println!("skipped: {SECONDS} is not set");
    }
    wanted
}

/// Waits for the end of replicas. Gives how many of their calls failed, and how late any of them was woken.
async fn ended(replicas: Vec<Replica>) -> (u64, Duration) {
    let mut all = (0, Duration::ZERO);
    for replica in replicas {
        let (failures, late) = replica.end().await;
        all = (all.0 + failures, all.1.max(late));
    }
    all
}

/// How late this process is woken at the worst, or how long a small write to the disk takes, for which stores wait.
async fn disturbance(end: Instant) -> Duration {
    let writes = async {
        let mut slowest = Duration::ZERO;
        while Instant::now() < end {
            let took = tokio::task::spawn_blocking(|| {
                let mut file = tempfile::tempfile().unwrap();
                let begin = Instant::now();
                file.write_all(&[0; 4_096]).unwrap();
                file.sync_data().unwrap();
                begin.elapsed()
            });
            slowest = slowest.max(took.await.unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        slowest
    };
    let (late, slowest) = tokio::join!(lateness(end), writes);
    late.max(slowest)
}

/// So late nobody is woken, and so long no write takes, on a machine that is not busy.
const QUIET: Duration = Duration::from_millis(15);

async fn sandbox() -> Sandbox {
    let sandbox = roomy().history(100_000).start().await.unwrap();
    sandbox.account("user").set_balance(1_000_000_000);
    sandbox
}

/// What came through the gateway's door.
struct Seen {
    name: String,
    bulk: Vec<Instant>,
    single: Vec<Instant>,
    /// How late any process was woken at the worst.
    late: Duration,
}

impl Seen {
    fn new(name: impl Into<String>, sandbox: &Sandbox, late: Duration) -> Self {
        let at = |bulk: bool| {
            let of = move |request: &&SeenRequest| (request.endpoint() == "send") == bulk;
            let requests = sandbox.requests();
            let mut at: Vec<_> = requests.iter().filter(of).map(SeenRequest::at).collect();
            at.sort();
            at
        };
        Self { name: name.into(), bulk: at(true), single: at(false), late }
    }

    fn all(&self) -> Vec<Instant> {
        let mut all = [self.bulk.clone(), self.single.clone()].concat();
        all.sort();
        all
    }

    /// No second holds more than two starts of a lane, nor five in all; never more than the ceiling.
    fn keeps_the_pace(&self) {
        let all = self.all();
        let most = [&self.bulk, &self.single, &all].map(|at| most_in_a_second(at));
        println!(
            "{}: {} bulk, {} single, at most {most:?} in a second, woken or written up to {:?} late",
            self.name,
            self.bulk.len(),
            self.single.len(),
            self.late
        );
        if self.late < QUIET {
            assert!(most[0] <= 2 && most[1] <= 2 && most[2] <= 4, "{}: {most:?}", self.name);
        }
        assert!(most[2] <= 5, "{}: {most:?}", self.name);
    }

    /// From the first start to the last, nearly each period has one.
    fn keeps_the_rate(&self) {
        for (lane, at) in [("bulk", &self.bulk), ("single", &self.single)] {
            let took = *at.last().unwrap() - at[0];
            let rate = (at.len() - 1) as f64 * PERIOD.as_secs_f64() / took.as_secs_f64();
            println!("{}: the lane {lane} had {:.1} % of a start a period", self.name, 100.0 * rate);
            // A start that a process is woken too late for is thrown away.
            assert!(rate >= 0.98 || self.late >= QUIET, "{} {lane}: {rate}", self.name);
        }
    }
}

fn most_in_a_second(at: &[Instant]) -> usize {
    let within = |i: usize| at[i..].iter().take_while(|then| **then < at[i] + Duration::from_secs(1)).count();
    (0..at.len()).map(within).max().unwrap_or(0)
}

/// A store that the replicas share, kept while it lives.
enum Shared {
    Sqlite(testing::SqliteFile),
    #[cfg(feature = "postgres")]
    Postgres(OwnPostgres),
    #[cfg(feature = "redis")]
    Redis(OwnRedis),
}

impl Shared {
    fn url(&self) -> String {
        match self {
            Self::Sqlite(file) => file.path.clone(),
            #[cfg(feature = "postgres")]
            Self::Postgres(server) => server.url(),
            #[cfg(feature = "redis")]
            Self::Redis(server) => server.url(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => "PostgreSQL",
            #[cfg(feature = "redis")]
            Self::Redis(_) => "Redis",
        }
    }

    async fn limiter(&self) -> Limiter {
        #[cfg(feature = "redis")]
        if let Self::Redis(server) = self {
            return Limiter::redis(&server.url(), "office", Rates::default()).await.unwrap();
        }
        let store = Store::open(self.url()).await.unwrap();
        Limiter::shared(&store, "office", Rates::default()).await.unwrap()
    }
}

fn sqlite() -> Option<Shared> {
    Some(Shared::Sqlite(testing::sqlite()))
}

#[cfg(feature = "postgres")]
async fn postgres() -> Option<Shared> {
    OwnPostgres::start().await.map(Shared::Postgres)
}

#[cfg(feature = "redis")]
async fn redis() -> Option<Shared> {
    OwnRedis::start().await.map(Shared::Redis)
}

/// Eight replicas with both lanes full.
async fn eight(store: Shared) {
    let (sandbox, seconds) = (sandbox().await, seconds());
    // It begins the scope, which waits for 5 s.
    drop(store.limiter().await);
    let replicas: Vec<_> = (0..8)
        .map(|who| Replica::start(&store.url(), sandbox.base_url(), who, Does::Both, seconds + 6))
        .collect();
    let late = disturbance(Instant::now() + Duration::from_secs(seconds + 6)).await;
    let (failures, theirs) = ended(replicas).await;
    assert_eq!(failures, 0, "{}", store.name());
    let late = late.max(theirs);
    let seen = Seen::new(format!("8 replicas over {}", store.name()), &sandbox, late);
    seen.keeps_the_pace();
    seen.keeps_the_rate();
}

/// Four replicas whose clocks are off by up to an hour, either way.
async fn clocks_an_hour_off(store: Shared) {
    if !crate::owned::has_faketime() {
        return super::servers::missing("faketime");
    }
    let (sandbox, seconds) = (sandbox().await, seconds());
    drop(store.limiter().await);
    let replicas: Vec<_> = [3_600, -3_600, 1_800, 0]
        .into_iter()
        .enumerate()
        .map(|(who, off)| Replica::start_off_by(off, &store.url(), sandbox.base_url(), who, seconds + 6))
        .collect();
    let late = disturbance(Instant::now() + Duration::from_secs(seconds + 6)).await;
    let (failures, theirs) = ended(replicas).await;
    assert_eq!(failures, 0, "{}", store.name());
    let seen = Seen::new(format!("clocks an hour off over {}", store.name()), &sandbox, late.max(theirs));
    seen.keeps_the_pace();
    seen.keeps_the_rate();
}

/// Single requests now and then beside seven replicas that send batches.
async fn a_login_beside_campaigns(store: Shared) {
    let (sandbox, seconds) = (sandbox().await, seconds());
    let limiter = store.limiter().await;
    let client =
        Client::builder("user", "password").base_url(sandbox.base_url()).limiter(limiter).build().unwrap();
    let replicas: Vec<_> = (0..7)
        .map(|who| Replica::start(&store.url(), sandbox.base_url(), who, Does::Bulk, seconds + 6))
        .collect();
    let end = Instant::now() + Duration::from_secs(seconds + 6);
    let logins = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        let mut longest = Duration::ZERO;
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(fastrand::u64(600..1_500))).await;
            let begin = Instant::now();
            client.balance().await.unwrap();
            longest = longest.max(begin.elapsed());
        }
        longest
    };
    let (longest, late) = tokio::join!(logins, disturbance(end));
    let late = late.max(ended(replicas).await.1);
    println!("a login beside 7 campaigns over {}: {longest:?} at the most, {late:?} late", store.name());
    Seen::new(format!("logins over {}", store.name()), &sandbox, late).keeps_the_pace();
    assert!(longest <= Duration::from_millis(500) || late >= QUIET, "{longest:?}");
}

/// One of four replicas stands still for a while, and another is killed.
async fn stopped_and_killed(store: Shared) {
    let (sandbox, seconds) = (sandbox().await, seconds());
    drop(store.limiter().await);
    let still = Duration::from_secs(if seconds >= 60 { 30 } else { seconds / 2 });
    let mut replicas: Vec<_> = (0..4)
        .map(|who| Replica::start(&store.url(), sandbox.base_url(), who, Does::Both, seconds + 8))
        .collect();
    let end = Instant::now() + Duration::from_secs(seconds + 8);
    let signals = async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        replicas[0].signal("STOP");
        replicas[1].signal("KILL");
        tokio::time::sleep(still).await;
        replicas[0].signal("CONT");
    };
    let ((), late) = tokio::join!(signals, disturbance(end));
    replicas.drain(..2).for_each(drop); // the one is killed, and the other was woken late indeed
    let late = late.max(ended(replicas).await.1);
    let seen = Seen::new(format!("stopped and killed over {}", store.name()), &sandbox, late);
    seen.keeps_the_pace();
    // What the two held is lost, and no more: a start each a lane, and the connections that they had open.
    let longest = |at: &[Instant]| at.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    let (bulk, single) = (longest(&seen.bulk), longest(&seen.single));
    println!("{}: at most {bulk:?} and {single:?} without a start", seen.name);
    let lost = 3 * PERIOD + Duration::from_millis(100);
    assert!(bulk.max(single) <= lost || late >= QUIET, "{bulk:?} {single:?}");
}

/// Connections to the store are cut every now and then.
async fn cut(store: Shared, authority: String, url: impl Fn(std::net::SocketAddr) -> String) {
    let (sandbox, seconds) = (sandbox().await, seconds());
    drop(store.limiter().await);
    let proxy = cutting(authority, Duration::from_secs(3)).await;
    let replicas: Vec<_> = (0..4)
        .map(|who| Replica::start(&url(proxy), sandbox.base_url(), who, Does::Both, seconds + 6))
        .collect();
    let late = disturbance(Instant::now() + Duration::from_secs(seconds + 6)).await;
    let late = late.max(ended(replicas).await.1);
    let seen = Seen::new(format!("cut connections over {}", store.name()), &sandbox, late);
    seen.keeps_the_pace();
    assert!(seen.all().len() as u64 >= seconds * 2, "{}: {}", seen.name, seen.all().len());
}

/// The server is restarted in the middle.
async fn restarted(mut store: Shared) {
    let (sandbox, seconds) = (sandbox().await, seconds());
    drop(store.limiter().await);
    let replicas: Vec<_> = (0..8)
        .map(|who| Replica::start(&store.url(), sandbox.base_url(), who, Does::Both, seconds + 16))
        .collect();
    let end = Instant::now() + Duration::from_secs(seconds + 16);
    let restart = async {
        tokio::time::sleep(Duration::from_secs(6 + seconds / 2)).await;
        match &mut store {
            Shared::Sqlite(_) => unreachable!("it has no server"),
            #[cfg(feature = "postgres")]
            Shared::Postgres(server) => server.restart(Duration::from_secs(1)).await,
            #[cfg(feature = "redis")]
            Shared::Redis(server) => server.restart(Duration::from_secs(1)).await,
        }
    };
    let ((), late) = tokio::join!(restart, disturbance(end));
    let late = late.max(ended(replicas).await.1);
    let seen = Seen::new(format!("restarted {}", store.name()), &sandbox, late);
    seen.keeps_the_pace();
    // It starts again: at least in the last seconds.
    let last = *seen.all().last().unwrap();
    assert!(last + Duration::from_secs(5) + late > end, "{}, woken up to {late:?} late", seen.name);
}

macro_rules! over_each_store {
    ($($sqlite:ident, $postgres:ident, $redis:ident: $case:ident;)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $sqlite() {
            let _turn = TURN.lock().await;
            if stringify!($sqlite).starts_with("eight") || all_wanted() {
                if let Some(store) = sqlite() { $case(store).await; }
            }
        }

        #[cfg(feature = "postgres")]
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $postgres() {
            let _turn = TURN.lock().await;
            if all_wanted() && let Some(store) = postgres().await { $case(store).await; }
        }

        #[cfg(feature = "redis")]
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $redis() {
            let _turn = TURN.lock().await;
            if all_wanted() && let Some(store) = redis().await { $case(store).await; }
        }
    )*};
}

over_each_store! {
    eight_replicas_keep_one_pace_over_sqlite, eight_replicas_keep_one_pace_over_postgres,
        eight_replicas_keep_one_pace_over_redis: eight;
    a_login_waits_half_a_second_at_most_over_sqlite, a_login_waits_half_a_second_at_most_over_postgres,
        a_login_waits_half_a_second_at_most_over_redis: a_login_beside_campaigns;
    a_replica_that_stands_still_or_dies_holds_up_nobody_over_sqlite,
        a_replica_that_stands_still_or_dies_holds_up_nobody_over_postgres,
        a_replica_that_stands_still_or_dies_holds_up_nobody_over_redis: stopped_and_killed;
}

/// Each opening makes half a dozen transactions, and each closing may empty the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_that_open_and_close_one_file_are_never_told_that_it_is_locked() {
    let _turn = TURN.lock().await;
    let file = testing::sqlite();
    let seconds = seconds().min(20);
    let replicas: Vec<_> =
        (0..4).map(|who| Replica::start(&file.path, "none", who, Does::Opens, seconds)).collect();
    assert_eq!(ended(replicas).await.0, 0);
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_crashes_and_comes_back_never_lets_more_than_five_start_in_a_second() {
    let _turn = TURN.lock().await;
    if let Some(store) = postgres().await {
        restarted(store).await;
    }
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_empty_never_lets_more_than_five_start_in_a_second() {
    let _turn = TURN.lock().await;
    if let Some(store) = redis().await {
        restarted(store).await;
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_postgres_that_are_cut_break_no_pace() {
    let _turn = TURN.lock().await;
    if all_wanted()
        && let Some(Shared::Postgres(server)) = postgres().await
    {
        let authority = server.authority();
        let url = |proxy| format!("postgres://postgres@{proxy}/postgres");
        cut(Shared::Postgres(server), authority, url).await;
    }
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_redis_that_are_cut_break_no_pace() {
    let _turn = TURN.lock().await;
    if all_wanted()
        && let Some(Shared::Redis(server)) = redis().await
    {
        let authority = server.authority();
        cut(Shared::Redis(server), authority, |proxy| format!("redis://{proxy}/")).await;
    }
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_are_an_hour_off_break_no_pace_over_postgres() {
    let _turn = TURN.lock().await;
    if all_wanted()
        && let Some(store) = postgres().await
    {
        clocks_an_hour_off(store).await;
    }
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_are_an_hour_off_break_no_pace_over_redis() {
    let _turn = TURN.lock().await;
    if all_wanted()
        && let Some(store) = redis().await
    {
        clocks_an_hour_off(store).await;
    }
}
