//! The rows of the outbox over both databases.

use super::*;

testing::over_both! { opened:
    the_sql_of_each_transition_of_a_message_is_the_pure_function
    a_message_is_claimed_from_its_time_on_and_until_it_is_late
    messages_of_one_text_are_cut_at_2500_characters
    four_claimers_take_each_message_once
    a_message_that_is_being_sent_stays_so_until_its_claim_has_run_out
}

mod bodies {
    use super::*;

    /// Puts a message into a state under the claim 7 and lets an event happen to it by SQL. Its fence is its claim.
    async fn message_by_sql(store: &Store, from: State, event: Event) -> Standing {
        let word = CampaignResult::from(from).as_str();
        let set = "UPDATE kwtsms_outbox SET state = $1, claim = 7, worker = 1, again_at = 0,
                   not_after = CASE WHEN $2 = 1 THEN 1 END,
                   expires_at = CASE WHEN $3 = 1 THEN {now} - 1 ELSE {now} + 60000000 END RETURNING id";
        let (late, expired) = (i64::from(event == Event::Close), i64::from(event == Event::Expire));
        store.run_one(set, vec![word.into(), late.into(), expired.into()]).await.unwrap();
        match event {
            Event::Claim => drop(claim_message(store).await),
            Event::Settle { fence, verdict } => {
                store.settle_messages(fence, verdict, &Learned::default()).await.unwrap();
            }
            Event::Expire | Event::Close => store.sweep_messages().await.unwrap(),
            Event::Resolve(resolution) => drop(store.resolve_outbox("one", resolution).await),
        }
        let row = raw(store, "SELECT state, coalesce(claim, 0) FROM kwtsms_outbox").await.remove(0);
        let state = State::ALL.into_iter().find(|state| CampaignResult::from(*state).as_str() == row.text(0));
        Standing { state: state.unwrap(), fence: row.int(1) }
    }

    pub(super) async fn the_sql_of_each_transition_of_a_message_is_the_pure_function(store: Store) {
        store.enqueue(OutboxMessage::new("one", "96550000001", "Hello")).await.unwrap();
        for (from, event, wanted) in transitions() {
            let is = message_by_sql(&store, from.state, event).await;
            assert_eq!(is.state, wanted.state, "{from:?} {event:?}");
            // Whoever held it before settles nothing any more.
            assert!(wanted.fence == from.fence || is.fence != from.fence, "{from:?} {event:?}");
        }
    }

    pub(super) async fn a_message_is_claimed_from_its_time_on_and_until_it_is_late(store: Store) {
        let now = crate::clock::wall_now();
        let hour = Duration::from_secs(3_600);
        let message = |key: &str| OutboxMessage::new(key, "96550000001", key);
        store.enqueue(message("early").not_before(now + hour)).await.unwrap();
        store.enqueue(message("late").not_after(now - hour)).await.unwrap();
        assert!(!store.outbox_has_work().await.unwrap().work);
        assert!(claim_message(&store).await.is_none());
        store.enqueue(message("now").not_before(now - hour).not_after(now + hour)).await.unwrap();
        assert!(store.outbox_has_work().await.unwrap().work);
        assert_eq!(claim_message(&store).await.unwrap().text, "now");
        assert!(claim_message(&store).await.is_none(), "neither goes with another");
    }

    pub(super) async fn messages_of_one_text_are_cut_at_2500_characters(store: Store) {
        // Saudi numbers have 12 digits: 200 of them and their commas are 2,599 characters.
        for i in 0..200u64 {
            let message = OutboxMessage::new(format!("order-{i}"), 966_500_000_000 + i, "Hello");
            store.enqueue(message).await.unwrap();
        }
        let mut claimed = Vec::new();
        while let Some(batch) = claim_message(&store).await {
            assert!(batch.numbers.len() * 13 - 1 <= 2_500, "{}", batch.numbers.len());
            claimed.extend(batch.numbers.iter().map(|number| number.as_u64() - 966_500_000_000));
        }
        assert_eq!(claimed, (0..200).collect::<Vec<_>>(), "each once, in their order");
        let attempts = raw(&store, "SELECT min(attempt), max(attempt) FROM kwtsms_outbox").await.remove(0);
        assert_eq!((attempts.int(0), attempts.int(1)), (1, 1), "a request was made for each once");
    }

    pub(super) async fn four_claimers_take_each_message_once(store: Store) {
        for i in 0..60u64 {
            let text = format!("Order {}", i / 2);
            store.enqueue(OutboxMessage::new(format!("{i}"), 96_550_000_000 + i, text)).await.unwrap();
        }
        let workers = (0..4).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                // One that finds nothing may have been overtaken by another.
                while store.outbox_has_work().await.unwrap().work {
                    mine.extend(claim_message(&store).await.map(|claimed| claimed.numbers));
                }
                mine
            })
        });
        let all = futures::future::join_all(workers).await.into_iter().flat_map(Result::unwrap);
        let mut numbers: Vec<_> = all.flatten().map(|number| number.as_u64() - 96_550_000_000).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..60).collect::<Vec<_>>());
    }

    pub(super) async fn a_message_that_is_being_sent_stays_so_until_its_claim_has_run_out(store: Store) {
        store.enqueue(OutboxMessage::new("sending", "96550000001", "Hello")).await.unwrap();
        claim_message(&store).await.unwrap();
        // Gives the sweep something to do.
        let late = crate::clock::wall_now() - Duration::from_secs(60);
        store.enqueue(OutboxMessage::new("late", "96550000002", "Hello").not_after(late)).await.unwrap();
        store.sweep_messages().await.unwrap();
        let status = store.outbox_status().await.unwrap();
        assert_eq!((status.sending, status.not_attempted, status.unknown), (1, 1, 0));
    }
}
