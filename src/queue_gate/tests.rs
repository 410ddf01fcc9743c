use super::*;

#[cfg(feature = "store")]
mod shared;

#[tokio::test(start_paused = true)]
async fn one_holds_it_at_a_time_and_the_next_when_it_opens() {
    let gate = QueueGate::default();
    let begin = Instant::now();
    let first = gate.shut(Duration::from_secs(60)).await;
    assert!(gate.is_shut());
    let next = tokio::spawn({
        let gate = gate.clone();
        async move { gate.shut(Duration::from_secs(60)).await }
    });
    tokio::time::sleep(Duration::from_secs(10)).await;
    drop(first);
    let second = next.await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), 10);
    assert!(gate.is_shut() && second.extend(Duration::from_secs(5)));
    gate.opened().await;
    assert_eq!(begin.elapsed().as_secs(), 15, "it ends by itself");
    assert!(!gate.is_shut());
}

#[tokio::test(start_paused = true)]
async fn a_hold_that_has_ended_is_the_next_ones_and_does_not_open_it() {
    let gate = QueueGate::default();
    let first = gate.shut(Duration::from_secs(10)).await;
    let second = gate.shut(Duration::from_secs(10)).await;
    assert!(!first.extend(Duration::from_secs(10)));
    drop(first);
    assert!(gate.is_shut());
    drop(second);
    assert!(!gate.is_shut());
}
