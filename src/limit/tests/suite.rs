//! What every pace promises, whoever gives its starts: one suite over a limiter's own schedule, SQLite, PostgreSQL and
//! Redis, in real time.
//!
//! A busy machine may be late, and what is said here is true all the same; how exact a pace is `tests/it/replicas`
//! measures, and virtual time beside this file.

#![allow(clippy::future_not_send)] // they stay in the test's own runtime

use super::*;
use crate::limit::pace::Pace;
use crate::store::{Bed, beds};

/// Two processes that go by one pace.
struct Paced {
    name: &'static str,
    limiters: [Limiter; 2],
    /// Where it is shared.
    scope: Option<(PaceScope, Bed)>,
}

impl Paced {
    async fn all() -> Vec<Self> {
        let own = limiter();
        let mut all = vec![Self { name: "local", limiters: [own.clone(), own], scope: None }];
        for bed in beds().await {
            let source = bed.source("office", 0);
            source.begin(Rates::default()).await.unwrap();
            bed.set("office", [0, 0], false).await; // begun long ago
            let join = || Limiter::joined(Arc::clone(&source), Rates::default());
            let limiters = [join().await.unwrap(), join().await.unwrap()];
            all.push(Self { name: bed.name, limiters, scope: Some((PaceScope::of(source), bed)) });
        }
        all
    }

    /// How long a call would wait that asks now, behind all starts that are given.
    async fn wait(&self, lane: Lane) -> Duration {
        if let Some((scope, _)) = &self.scope {
            let status = scope.status().await.unwrap().unwrap();
            return if lane == Lane::Single { status.single_wait } else { status.bulk_wait };
        }
        match &mut self.limiters[0].0.lock().pace {
            Pace::Local(local) => local.due(lane).saturating_duration_since(Instant::now()),
            Pace::Shared(_) => unreachable!("it has a scope"),
        }
    }

    fn period(&self) -> Duration {
        self.limiters[0].0.periods.single
    }
}

/// Has each pace tried, all at once.
async fn over_each(case: impl AsyncFn(&Paced)) {
    let all = Paced::all().await;
    futures::future::join_all(all.iter().map(|paced| case(paced))).await;
}

#[tokio::test]
async fn two_processes_start_no_more_than_one_request_a_period() {
    over_each(async |paced| {
        for lane in [Lane::Single, Lane::Bulk] {
            let begin = Instant::now();
            for i in 0..4 {
                start(&paced.limiters[i % 2], lane).await;
            }
            // One may be met 15 ms late, and the next not.
            assert!(begin.elapsed() + ms(15) >= 3 * paced.period(), "{}: {:?}", paced.name, begin.elapsed());
        }
    })
    .await;
}

#[tokio::test]
async fn a_single_request_finds_its_place_beside_batches_of_both_processes() {
    over_each(async |paced| {
        let batches: Vec<_> = (0..6)
            .map(|i| {
                let limiter = paced.limiters[i % 2].clone();
                tokio::spawn(async move { start(&limiter, Lane::Bulk).await })
            })
            .collect();
        while paced.wait(Lane::Bulk).await.is_zero() {
            tokio::task::yield_now().await;
        }
        let wait = paced.wait(Lane::Single).await;
        assert!(wait < paced.period(), "{}: {wait:?}", paced.name);
        start(&paced.limiters[0], Lane::Single).await;
        for batch in batches {
            batch.await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_dropped_waits_cost_no_start() {
    over_each(async |paced| {
        let limiter = &paced.limiters[0];
        start(limiter, Lane::Single).await;
        for _ in 0..100 {
            let mut waits: Vec<_> = (0..100).map(|_| Box::pin(start(limiter, Lane::Single))).collect();
            for wait in &mut waits {
                let _ = futures::poll!(wait); // a start that was due is used
            }
            tokio::task::yield_now().await;
            while !waits.is_empty() {
                drop(waits.swap_remove(fastrand::usize(..waits.len())));
            }
        }
        assert_eq!(limiter.waiting(), (0, 0), "{}", paced.name);
        // Lost, they would stand between this and the next start.
        let wait = paced.wait(Lane::Single).await;
        assert!(wait <= 2 * paced.period(), "{}: {wait:?}", paced.name);
        start(limiter, Lane::Single).await;
    })
    .await;
}

#[tokio::test]
async fn calls_that_are_not_polled_hold_up_nobody() {
    over_each(async |paced| {
        let limiter = &paced.limiters[0];
        let mut stuck = Vec::new();
        for _ in 0..2 {
            let mut wait = Box::pin(limiter.turn(Lane::Single, None));
            if futures::poll!(wait.as_mut()).is_pending() {
                stuck.push(wait);
            }
        }
        for _ in 0..2 {
            start(limiter, Lane::Single).await;
        }
        assert_eq!(limiter.waiting().0, stuck.len(), "{}: they keep their places", paced.name);
    })
    .await;
}

#[tokio::test]
async fn a_deadline_that_cannot_be_met_ends_a_call_and_leaves_nothing() {
    over_each(async |paced| {
        let limiter = &paced.limiters[0];
        while paced.wait(Lane::Single).await < ms(200) {
            start(limiter, Lane::Single).await;
        }
        let error = limiter.turn(Lane::Single, Some(Instant::now() + ms(10))).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Deadline, "{}", paced.name);
        assert_eq!(limiter.waiting(), (0, 0), "{}", paced.name);
    })
    .await;
}
