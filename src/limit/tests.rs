//! Turns: their spacing, their order, and that nobody holds up another.

mod door;
#[cfg(feature = "store")]
mod suite;
mod unpolled;

use std::time::Duration;

use super::*;
use crate::error::ErrorKind;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn limiter() -> Limiter {
    Limiter::new(DEFAULT_RATE, DEFAULT_RATE).unwrap()
}

async fn start(limiter: &Limiter, lane: Lane) {
    limiter.turn(lane, None).await.unwrap().start().await.unwrap();
}

#[test]
fn rates_above_the_ceiling_or_without_meaning_are_refused() {
    for (single, bulk) in [
        (2.0, 3.1),
        (0.0, 1.0),
        (-1.0, 1.0),
        (f64::NAN, 1.0),
        (1.0, f64::INFINITY),
        (1e-30, 1.0),
        (1e-12, 1.0),
        (1.0, 1.0 / 86_401.0),
        (2.5, 2.5),
        (0.5, 4.5),
    ] {
        let error = Limiter::new(single, bulk).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{single} {bulk}");
    }
    assert!(Limiter::new(3.0, 2.0).is_ok());
    assert!(Limiter::new(0.1, 4.0).is_ok());
    assert!(Limiter::new(4.0, 1.0).is_ok());
    assert!(Limiter::new(1.0, 1.0 / 86_400.0).is_ok());
}

#[tokio::test(start_paused = true)]
async fn starts_of_a_lane_are_half_a_second_apart_and_in_order() {
    let limiter = limiter();
    let begin = Instant::now();
    let mut waits = Vec::new();
    for i in 0..6u32 {
        let limiter = limiter.clone();
        waits.push(tokio::spawn(async move {
            start(&limiter, Lane::Single).await;
            (i, begin.elapsed().as_millis())
        }));
        tokio::task::yield_now().await;
    }
    for (i, wait) in waits.into_iter().enumerate() {
        let (who, at) = wait.await.unwrap();
        let ideal = 500 * i as u128;
        assert_eq!(who as usize, i);
        assert!((ideal..=ideal + 2 * i as u128).contains(&at), "{i}: {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_sliding_second_holds_more_starts_than_the_rate_rounded_up() {
    for rate in [0.5, 1.0, 1.5, 2.0, 2.9, 3.0, 4.0] {
        let limiter = Limiter::new(rate, 1.0).unwrap();
        let mut starts = Vec::new();
        for _ in 0..30 {
            start(&limiter, Lane::Single).await;
            starts.push(Instant::now());
        }
        for (i, begin) in starts.iter().enumerate() {
            let end = *begin + Duration::from_secs(1);
            let within = starts[i..].iter().filter(|start| **start < end).count();
            assert!(within as f64 <= rate.ceil(), "{rate}: {within}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_single_request_waits_for_the_gap_beside_a_full_bulk_lane_and_not_for_its_queue() {
    let limiter = limiter();
    for _ in 0..50 {
        let limiter = limiter.clone();
        tokio::spawn(async move { start(&limiter, Lane::Bulk).await });
    }
    tokio::task::yield_now().await;
    let begin = Instant::now();
    start(&limiter, Lane::Single).await;
    assert_eq!(begin.elapsed().as_millis(), 275);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_dropped_waits_cost_no_turn() {
    let limiter = limiter();
    start(&limiter, Lane::Single).await;
    let waits: Vec<_> = (0..100)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { start(&limiter, Lane::Single).await })
        })
        .collect();
    while limiter.waiting().0 < 100 {
        tokio::task::yield_now().await;
    }
    for wait in &waits {
        wait.abort();
    }
    for wait in waits {
        assert!(wait.await.unwrap_err().is_cancelled());
    }
    assert_eq!(limiter.waiting().0, 0);
    let begin = Instant::now();
    start(&limiter, Lane::Single).await;
    assert!(begin.elapsed() <= Duration::from_millis(501), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_and_a_deadline_that_cannot_be_met_are_refused_at_once() {
    let limiter = Limiter::with_max_waiting(2.0, 2.0, 3).unwrap();
    start(&limiter, Lane::Single).await;
    for _ in 0..2 {
        let limiter = limiter.clone();
        tokio::spawn(async move { start(&limiter, Lane::Single).await });
    }
    tokio::task::yield_now().await;
    let begin = Instant::now();
    let soon = Some(begin + Duration::from_millis(900));
    assert_eq!(limiter.turn(Lane::Single, soon).await.err().unwrap().kind(), ErrorKind::Deadline);
    let one_more = limiter.clone();
    tokio::spawn(async move { start(&one_more, Lane::Single).await });
    tokio::task::yield_now().await;
    assert_eq!(limiter.turn(Lane::Single, None).await.err().unwrap().kind(), ErrorKind::TooManyWaiting);
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_not_used_is_the_next_waiters_at_once() {
    let limiter = limiter();
    let begin = Instant::now();
    let unused = limiter.turn(Lane::Single, None).await.unwrap();
    let next = limiter.clone();
    let next = tokio::spawn(async move { start(&next, Lane::Single).await });
    tokio::task::yield_now().await;
    assert_eq!(limiter.waiting().0, 2, "a turn is waiting until it is used");
    drop(unused);
    next.await.unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO);
    start(&limiter, Lane::Single).await;
    assert!(begin.elapsed() >= Duration::from_millis(500));
}

#[tokio::test(start_paused = true)]
async fn what_lies_between_turn_and_start_does_not_narrow_the_spacing() {
    let limiter = limiter();
    let mut last: Option<Instant> = None;
    for between in [0, 40, 0, 300, 0, 800, 0] {
        let turn = limiter.turn(Lane::Single, None).await.unwrap();
        tokio::time::sleep(Duration::from_millis(between)).await;
        turn.start().await.unwrap();
        assert!(last.is_none_or(|last| last.elapsed() >= Duration::from_millis(500)), "{between}");
        last = Some(Instant::now());
    }
}

#[test]
fn the_gap_leaves_each_lane_its_turns_and_100_ms_of_jitter_in_any_second() {
    for (single, bulk, gap) in [
        (2.0, 2.0, 275),
        (3.0, 2.0, 220),
        (4.0, 1.0, 220),
        (1.0, 1.0, 550),
        (0.5, 0.5, 1_000),
        (4.0, 0.1, 220),
        (0.001, 0.001, 500_000),
    ] {
        let periods = Periods::of(Rates::new(single, bulk).unwrap());
        assert_eq!(periods.gap.as_millis(), gap, "{single} {bulk}");
        assert!(
            periods.gap < periods.single.min(periods.bulk),
            "{single} {bulk}: the full lane would starve the other"
        );
        assert!(periods.gap >= periods.single.min(periods.bulk) / 2, "{single} {bulk}");
        assert!(periods.gap.mul_f64(f64::ceil(single) + f64::ceil(bulk)) >= ms(1_100), "{single} {bulk}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_full_lanes_take_turns_a_gap_apart() {
    for (single, bulk) in [(2.0, 2.0), (4.0, 1.0), (1.0, 4.0), (3.0, 2.0), (0.5, 2.0)] {
        let limiter = Limiter::new(single, bulk).unwrap();
        let begin = Instant::now();
        let lanes = [Lane::Single, Lane::Bulk].map(|lane| {
            let limiter = limiter.clone();
            tokio::spawn(async move {
                let mut starts = Vec::new();
                while begin.elapsed() < Duration::from_secs(60) {
                    start(&limiter, lane).await;
                    starts.push(Instant::now());
                }
                starts
            })
        });
        let mut all = Vec::new();
        for (lane, period) in lanes.into_iter().zip([limiter.0.periods.single, limiter.0.periods.bulk]) {
            let starts = lane.await.unwrap();
            let apart = starts.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(apart.clone().min().unwrap() >= period, "{single} {bulk}");
            assert!(
                apart.max().unwrap() <= period + 2 * limiter.0.periods.gap,
                "{single} {bulk}: one starves"
            );
            all.extend(starts);
        }
        all.sort();
        assert!(all.windows(2).all(|pair| pair[1] - pair[0] >= limiter.0.periods.gap), "{single} {bulk}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_refused_at_entry_or_at_the_head_and_never_after_it_has_passed() {
    let limiter = limiter();
    start(&limiter, Lane::Single).await;
    let begin = Instant::now();
    // Beside the lane's own period counts what holds both lanes.
    let soon = |millis| Some(Instant::now() + ms(millis));
    assert!(limiter.turn(Lane::Bulk, soon(274)).await.is_err());
    assert!(limiter.turn(Lane::Single, soon(499)).await.is_err());
    let connecting = limiter.connections().begin(ms(5_000));
    assert!(limiter.turn(Lane::Bulk, soon(274)).await.is_err());
    assert_eq!(begin.elapsed(), Duration::ZERO);
    // Known only later: the set-up goes on.
    assert!(limiter.turn(Lane::Bulk, soon(600)).await.is_err());
    assert!(begin.elapsed() < ms(600), "{:?}", begin.elapsed());
    drop(connecting);
    let turn = limiter.turn(Lane::Bulk, soon(1_000)).await.unwrap();
    tokio::time::sleep(ms(1_001)).await;
    assert_eq!(turn.start().await.unwrap_err().kind(), ErrorKind::Deadline);
    assert_eq!(limiter.waiting(), (0, 0));
    // Exactly at its deadline one still starts, and one that waits longer ends.
    start(&limiter, Lane::Bulk).await;
    let behind = tokio::spawn({
        let limiter = limiter.clone();
        async move { start(&limiter, Lane::Bulk).await }
    });
    tokio::task::yield_now().await;
    limiter.turn(Lane::Bulk, soon(1_000)).await.unwrap().start().await.unwrap();
    behind.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_waits_dropped_after_any_poll_lose_no_turn() {
    let limiter = limiter();
    let mut last = Instant::now();
    for i in 0..10_000u64 {
        let mut dropped = Vec::new();
        for _ in 0..fastrand::u32(1..4) {
            let mut call = Box::pin(start(&limiter, Lane::Single));
            if futures::poll!(&mut call).is_ready() {
                last = Instant::now();
            }
            dropped.push(call);
        }
        if i % 10 == 0 {
            tokio::time::sleep(ms(fastrand::u64(0..100))).await; // so that some are called, and some are absent
        }
        while !dropped.is_empty() {
            drop(dropped.swap_remove(fastrand::usize(..dropped.len())));
        }
        if i % 100 == 0 {
            assert_eq!(limiter.waiting(), (0, 0), "{i}");
            start(&limiter, Lane::Single).await;
            assert!(last.elapsed() >= ms(500) || i == 0, "{i}");
            assert!(last.elapsed() <= ms(600), "{i}: {:?}", last.elapsed());
            last = Instant::now();
        }
    }
}
