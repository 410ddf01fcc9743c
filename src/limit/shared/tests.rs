//! The three stores do what `schedule` says, one asker at a time and all at once.

#![allow(clippy::future_not_send)] // they stay in the test's own runtime

use std::sync::Arc;

use super::schedule::{AHEAD, Answer, Scope};
use super::*;
use crate::limit::rates::{Lane, Rates};
use crate::store::{Bed, Kept, beds};

const MS: i64 = 1_000;
const HOUR: i64 = 3_600_000_000;

impl Bed {
    pub(in crate::limit) fn source(&self, scope: &str, shift: i64) -> Arc<dyn Source> {
        let scope = scope.to_owned();
        match self.kept.clone() {
            Kept::Sqlite(db) => Arc::new(sqlite::SqliteSource { db, scope, shift }),
            #[cfg(feature = "postgres")]
            Kept::Postgres(db) => Arc::new(postgres::PostgresSource { db, scope, shift }),
            #[cfg(feature = "redis")]
            Kept::Redis(server) => Arc::new(redis::RedisSource { server, scope, shift }),
        }
    }

    /// Sets what the store holds, as far as a test wants it.
    pub(in crate::limit) async fn set(&self, scope: &str, next: [i64; 2], forget_server: bool) {
        let [single, bulk] = next;
        let sql = format!("UPDATE kwtsms_pace SET single_next = {single}, bulk_next = {bulk}");
        let at = format!("WHERE scope = '{scope}'");
        match &self.kept {
            Kept::Sqlite(db) => {
                db.write(move |tx| tx.execute(&format!("{sql} {at}"), [])).await.unwrap();
            }
            #[cfg(feature = "postgres")]
            Kept::Postgres(db) => {
                let forget = if forget_server { ", server = 1" } else { "" };
                db.query(&format!("{sql}{forget} {at}"), &[]).await.unwrap();
            }
            #[cfg(feature = "redis")]
            Kept::Redis(server) => {
                let mut set = ::redis::cmd("HSET");
                set.arg(server.key(format_args!("pace:{{{scope}}}")));
                set.arg("single_next").arg(single).arg("bulk_next").arg(bulk);
                if forget_server {
                    set.arg("server").arg("of before");
                }
                server.command::<i64>(&set).await.unwrap();
            }
        }
    }

    async fn delete(&self, scope: &str) {
        let sql = format!("DELETE FROM kwtsms_pace WHERE scope = '{scope}'");
        match &self.kept {
            Kept::Sqlite(db) => {
                db.write(move |tx| tx.execute(&sql, [])).await.unwrap();
            }
            #[cfg(feature = "postgres")]
            Kept::Postgres(db) => {
                db.query(&sql, &[]).await.unwrap();
            }
            #[cfg(feature = "redis")]
            Kept::Redis(server) => {
                let mut delete = ::redis::cmd("DEL");
                delete.arg(server.key(format_args!("pace:{{{scope}}}")));
                server.command::<i64>(&delete).await.unwrap();
            }
        }
    }

    /// A server's run is known only where there is a server.
    fn has_server(&self) -> bool {
        !matches!(self.kept, Kept::Sqlite(_))
    }
}

fn waits(seen: &Seen) -> Vec<(&str, [i64; 2])> {
    let mut waits: Vec<_> = seen.waiting.iter().map(|waits| (waits.process.as_str(), waits.calls)).collect();
    waits.sort_unstable();
    waits
}

async fn ask(source: &dyn Source, lane: Lane) -> Answer {
    source.reserve(lane, None).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_scope_is_begun_once_and_answers_with_the_rates_that_it_has() {
    for bed in beds().await {
        let source = bed.source("office", 0);
        assert_eq!(source.reserve(Lane::Single, None).await.unwrap(), None, "{}", bed.name);
        let odd = Rates::new(1.0 / 3.0, 2.7).unwrap();
        assert_eq!(source.begin(odd).await.unwrap().rates, odd, "{}", bed.name);
        assert_eq!(source.begin(Rates::default()).await.unwrap().rates, odd, "{}", bed.name);
        assert_eq!(bed.source("other", 0).begin(Rates::default()).await.unwrap().rates, Rates::default());
    }
}

#[tokio::test]
async fn every_store_reserves_what_the_schedule_says() {
    for bed in beds().await {
        for (index, rates) in [(2.0, 2.0), (1.0, 4.0), (3.0, 2.0), (0.01, 4.0)].into_iter().enumerate() {
            let rates = Rates::new(rates.0, rates.1).unwrap();
            let name = format!("scope{index}");
            let source = bed.source(&name, 0);
            source.begin(rates).await.unwrap();
            let mut expected = Scope::new(rates, 0, 1);
            let mut now = ask(&*source, Lane::Single).await.now;
            for i in 0..40 {
                // Before and behind now, near and far, each phase to the other lane.
                let near = |far: bool| now + fastrand::i64(-700..5_700) * MS * if far { 1_000 } else { 1 };
                let next = [near(i % 10 == 7), near(i % 10 == 3)];
                let restarted = bed.has_server() && i % 6 == 5;
                bed.set(&name, next, restarted).await;
                (expected.next, expected.granted) = (next, ask(&*source, Lane::Single).await.granted);
                bed.set(&name, next, restarted).await;
                let lane = if i % 2 == 0 { Lane::Single } else { Lane::Bulk };
                for step in 0..3 {
                    let mine = expected.next[usize::from(lane == Lane::Bulk)];
                    let period = expected.spacing.periods[usize::from(lane == Lane::Bulk)];
                    let unused =
                        [None, Some(mine - period), Some(mine - period + 1)][(i as usize + step) % 3];
                    let answer = source.reserve(lane, unused).await.unwrap().unwrap();
                    now = answer.now;
                    let wanted =
                        expected.reserve(lane, unused, now, if restarted { 2 + i } else { expected.server });
                    assert_eq!(answer, wanted, "{} {rates:?} {next:?} {lane:?} {step}", bed.name);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn askers_at_the_same_time_get_different_starts_a_period_apart() {
    for bed in beds().await {
        let source = bed.source("crowd", 0);
        source.begin(Rates::default()).await.unwrap();
        let now = crate::clock::wall_now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
        let past = i64::try_from(now).unwrap() - HOUR;
        bed.set("crowd", [past, past], false).await;
        // As many as fit into 5 s, and more.
        let asks: Vec<_> = (0..40)
            .map(|i| {
                let source = bed.source("crowd", 0);
                let lane = if i % 2 == 0 { Lane::Single } else { Lane::Bulk };
                tokio::spawn(async move { (lane, ask(&*source, lane).await) })
            })
            .collect();
        let mut starts = Vec::new();
        for ask in asks {
            let (lane, answer) = ask.await.unwrap();
            if answer.given {
                starts.push((answer.now + answer.wait, lane));
            }
        }
        starts.sort_by_key(|(at, _)| *at);
        for wanted in [Lane::Single, Lane::Bulk] {
            let own: Vec<_> = starts.iter().filter(|(_, lane)| *lane == wanted).map(|(at, _)| *at).collect();
            assert!((10..=12).contains(&own.len()), "{}: {own:?}", bed.name);
            assert!(own.windows(2).all(|pair| pair[1] - pair[0] >= 510 * MS), "{}: {own:?}", bed.name);
        }
        assert!(starts.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 229 * MS), "{}: {starts:?}", bed.name);
    }
}

#[tokio::test]
async fn a_state_that_is_new_deleted_or_of_before_a_restart_waits_and_a_clock_that_steps_is_survived() {
    for bed in beds().await {
        let name = bed.name;
        let source = bed.source("lost", 0);
        source.begin(Rates::default()).await.unwrap();
        let first = ask(&*source, Lane::Single).await;
        assert!(first.wait > AHEAD - 1_000 * MS, "{name}: {first:?}");
        bed.delete("lost").await;
        assert_eq!(source.reserve(Lane::Single, None).await.unwrap(), None, "{name}");
        source.begin(Rates::default()).await.unwrap();
        assert!(ask(&*source, Lane::Bulk).await.wait > AHEAD - 1_000 * MS, "{name}");

        let past = first.now - HOUR;
        bed.set("lost", [past, past], bed.has_server()).await;
        let after = ask(&*source, Lane::Bulk).await;
        let waits = after.wait > AHEAD - 1_000 * MS;
        assert_eq!(waits, bed.has_server(), "{name}: {after:?}");

        // An hour on: what was reserved lies in the past. An hour back: it is begun anew, and not waited for.
        bed.set("lost", [first.now, first.now], false).await;
        assert_eq!(ask(&*bed.source("lost", HOUR), Lane::Single).await.wait, 0, "{name}");
        let back = ask(&*bed.source("lost", 0), Lane::Single).await;
        assert!((AHEAD..AHEAD + 2_000 * MS).contains(&back.wait), "{name}: {back:?}");
    }
}

#[tokio::test]
async fn a_scope_is_read_as_it_stands_with_who_waits_and_is_forgotten() {
    for bed in beds().await {
        let name = bed.name;
        let source = bed.source("seen", 0);
        assert_eq!(source.read().await.unwrap(), None, "{name}");
        assert!(!source.forget().await.unwrap(), "{name}");
        let rates = Rates::new(1.0 / 3.0, 2.7).unwrap();
        source.begin(rates).await.unwrap();
        bed.source("other", 0).begin(rates).await.unwrap();
        let now = ask(&*source, Lane::Single).await.now;
        bed.set("seen", [now + 300 * MS, now - HOUR], false).await;
        let seen = source.read().await.unwrap().unwrap();
        let Scope { next, granted, spacing, .. } = seen.scope;
        assert_eq!((seen.scope.rates, next), (rates, [now + 300 * MS, now - HOUR]), "{name}");
        assert_eq!(spacing, crate::limit::rates::Spacing::of(rates), "{name}");
        assert!(granted <= 1 && (now..now + HOUR).contains(&seen.now), "{name}: {seen:?}");
        assert_eq!(seen.scope.server, seen.server, "{name}: no restart");
        bed.set("seen", next, bed.has_server()).await;
        let seen = source.read().await.unwrap().unwrap();
        assert_eq!(seen.scope.server == seen.server, !bed.has_server(), "{name}: another run of the server");

        // A word of a second does not shorten what was said of an hour.
        let tell = async |process: &str, calls, lasts| {
            source.tell(process.to_owned(), calls, lasts).await.unwrap();
        };
        tell("web/1/a", [1, 0], HOUR).await;
        tell("web/1/a", [2, 7], 1).await;
        tell("web/2/b", [0, 3], HOUR).await;
        bed.source("other", 0).tell("web/3/c".to_owned(), [1, 1], HOUR).await.unwrap();
        tell("web/4/d", [5, 5], -HOUR).await; // as of one that died long ago
        let seen = source.read().await.unwrap().unwrap();
        assert_eq!(waits(&seen), [("web/1/a", [2, 7]), ("web/2/b", [0, 3])], "{name}");
        assert!(seen.waiting.iter().all(|waits| (now..=seen.now).contains(&waits.seen)), "{name}: {seen:?}");
        tell("web/1/a", [0, 0], 0).await;
        assert_eq!(waits(&source.read().await.unwrap().unwrap()), [("web/2/b", [0, 3])], "{name}");

        assert!(source.forget().await.unwrap(), "{name}");
        assert_eq!(source.read().await.unwrap(), None, "{name}");
        source.begin(rates).await.unwrap();
        assert_eq!(waits(&source.read().await.unwrap().unwrap()), [], "{name}: with those who waited");
        let other = bed.source("other", 0).read().await.unwrap().unwrap();
        assert_eq!(waits(&other), [("web/3/c", [1, 1])], "{name}");
    }
}
