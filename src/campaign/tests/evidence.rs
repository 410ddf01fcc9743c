//! What a balance tells of requests whose answers were lost, over both databases.

use super::*;

testing::over_both! { opened:
    the_balance_of_another_account_is_no_evidence
    a_batch_that_a_person_said_was_sent_is_no_evidence_for_another
    nothing_is_evidence_while_something_is_in_flight
    messages_of_the_outbox_spend_from_the_balance_too
}

mod bodies {
    use super::*;

    /// A client whose account has so many credits.
    #[cfg(feature = "sandbox")]
    fn with_balance(credits: u64) -> crate::Client {
        let sandbox = crate::sandbox::Sandbox::in_process();
        sandbox.account("user").set_balance(credits);
        crate::Client::builder("user", "password").transport(sandbox.transport()).unpaced().build().unwrap()
    }

    /// Claims a batch of an account and stores a verdict, with the balance after it.
    async fn ended(store: &Store, account: &str, verdict: Verdict, balance: Option<i64>) -> i64 {
        let claimed = store.claim_batch(account, 1).await.unwrap().unwrap();
        let points = balance.map(|_| claimed.numbers.len() as i64 * 1_000);
        let balance = balance.map(|credits| credits * 1_000);
        let learned = Learned { points, balance, ..Learned::default() };
        // The clock of SQLite ticks every millisecond: nothing else happens in this one.
        tokio::time::sleep(Duration::from_millis(3)).await;
        assert!(store.settle_batch(claimed.batch, claimed.fence, verdict, &learned).await.unwrap());
        tokio::time::sleep(Duration::from_millis(3)).await;
        claimed.batch
    }

    #[cfg(feature = "sandbox")]
    pub(super) async fn the_balance_of_another_account_is_no_evidence(store: Store) {
        let campaign = running(&store, "mine", numbers(400)).await;
        let load = store.campaign("theirs").text("Hello").account("other").recipients(numbers(400)).load();
        load.await.unwrap().approve().await.unwrap();
        ended(&store, "user", Verdict::Accepted, Some(1_000)).await;
        ended(&store, "other", Verdict::Accepted, Some(70_000)).await;
        ended(&store, "user", Verdict::Unknown, None).await;
        ended(&store, "other", Verdict::Accepted, Some(69_800)).await;
        let unknown = campaign.gather_evidence(&with_balance(800)).await.unwrap();
        assert_eq!(unknown[0].evidence, Some(Evidence::Charged), "200 of 1,000 are gone");
        let unknown = campaign.gather_evidence(&with_balance(1_000)).await.unwrap();
        assert_eq!(unknown[0].evidence, Some(Evidence::NotCharged));
    }

    #[cfg(feature = "sandbox")]
    pub(super) async fn a_batch_that_a_person_said_was_sent_is_no_evidence_for_another(store: Store) {
        let campaign = running(&store, "both", numbers(600)).await;
        ended(&store, "user", Verdict::Accepted, Some(1_000)).await;
        let arrived = ended(&store, "user", Verdict::Unknown, None).await;
        ended(&store, "user", Verdict::Unknown, None).await;
        let client = with_balance(800);
        let unknown = campaign.gather_evidence(&client).await.unwrap();
        assert!(matches!(unknown[0].evidence, Some(Evidence::Unclear(_))), "one of two: {unknown:?}");
        campaign.resolve(arrived, Resolution::Sent).await.unwrap();
        let unknown = campaign.gather_evidence(&client).await.unwrap();
        assert_eq!((unknown.len(), &unknown[0].evidence), (1, &Some(Evidence::NotCharged)));
    }

    #[cfg(feature = "sandbox")]
    pub(super) async fn nothing_is_evidence_while_something_is_in_flight(store: Store) {
        let campaign = running(&store, "busy", numbers(600)).await;
        ended(&store, "user", Verdict::Accepted, Some(1_000)).await;
        ended(&store, "user", Verdict::Unknown, None).await;
        let client = with_balance(800);
        let claimed = store.claim_batch("user", 1).await.unwrap().unwrap();
        let error = campaign.gather_evidence(&client).await.unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::InvalidInput, "{error}");
        assert_eq!(campaign.unknown().await.unwrap()[0].evidence, None);
        let learned = Learned::default();
        store.settle_batch(claimed.batch, claimed.fence, Verdict::NothingQueued, &learned).await.unwrap();
        campaign.gather_evidence(&client).await.unwrap();
        store.enqueue(OutboxMessage::new("one", "96550000001", "Hello")).await.unwrap();
        claim_message(&store).await.unwrap();
        assert!(campaign.gather_evidence(&client).await.is_err(), "a message of the outbox");
        // A balance that was told while another request was under way may hold that one's cost or not.
        raw(&store, "DELETE FROM kwtsms_outbox").await;
        raw(&store, "UPDATE kwtsms_request SET sent_at = 0 WHERE state = 4").await;
        let unknown = campaign.gather_evidence(&client).await.unwrap();
        assert!(matches!(unknown[0].evidence, Some(Evidence::Unclear(_))), "{unknown:?}");
    }

    #[cfg(feature = "sandbox")]
    pub(super) async fn messages_of_the_outbox_spend_from_the_balance_too(store: Store) {
        let campaign = running(&store, "beside", numbers(201)).await;
        ended(&store, "user", Verdict::Accepted, Some(1_000)).await;
        ended(&store, "user", Verdict::Unknown, None).await;
        store.enqueue(OutboxMessage::new("one", "96550000001", "Hello")).await.unwrap();
        let claimed = claim_message(&store).await.unwrap();
        let learned = Learned { points: Some(1_000), ..Learned::default() };
        assert!(store.settle_messages(claimed.fence, Verdict::Accepted, &learned).await.unwrap());
        // The one credit may be the message's or that of the batch of one number.
        let unknown = campaign.gather_evidence(&with_balance(999)).await.unwrap();
        assert!(matches!(unknown[0].evidence, Some(Evidence::Unclear(_))), "{unknown:?}");
    }
}
