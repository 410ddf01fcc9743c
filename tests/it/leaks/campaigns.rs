//! Campaigns and the outbox: what stands in a store is not what events and `Debug` show.

use futures::StreamExt;
use kwtsms_async::sandbox::Fault;

use super::*;

const KEY: &str = "spring-sale";

#[tokio::test]
async fn nothing_leaks_from_a_campaign_or_the_outbox() {
    let ears = Ears::open();
    let mut shown = Shown::default();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("kwtsms.db")).await.unwrap();
    let sandbox = Sandbox::in_process();
    let client =
        Client::builder("leak_user", PASSWORD).transport(sandbox.transport()).unpaced().build().unwrap();

    let row = CampaignRow::new(SPELLED).value("name", "Kanarienvogel").line(2);
    shown.debug("CampaignRow", &row);
    let rows =
        [row, CampaignRow::new(REFUSED).value("name", "x"), CampaignRow::new(OTHER).value("name", "Geheim")];
    let builder = store.campaign(KEY).text("{{ name }}: your code is 77441166, رمزك").recipients(rows);
    shown.debug("CampaignBuilder", &builder);
    let draft = builder.load().await.unwrap();
    shown.debug("Draft", &draft);
    shown.debug("Estimate", draft.estimate());
    let campaign = draft.approve().await.unwrap();
    shown.debug("Campaign", &campaign);

    sandbox.faults().push(Fault::drop_after_accepting()); // one of its two batches ends unknown
    let work = client.work(&store).journal(folder.path()).until_done();
    shown.debug("Work", &work);
    let worker = work.start().await.unwrap();
    shown.debug("Worker", &worker);
    let ended = outcome(&mut shown, worker.finished().await);
    let progress = campaign.progress().await.unwrap();
    assert_eq!((progress.accepted, progress.unknown), (1, 1), "{progress:?} {ended:?}");
    shown.debug("CampaignProgress", &progress);
    shown.debug("CampaignState", &progress.state);
    shown.debug("WaitsFor", &progress.waits_for);
    for batch in campaign.gather_evidence(&client).await.unwrap() {
        shown.debug("UnknownBatch", &batch);
        shown.debug("Evidence", &batch.evidence);
        shown.debug("Resolution", &Resolution::Sent);
        campaign.resolve(batch.batch, Resolution::Sent).await.unwrap();
    }
    let history = campaign.history(10).await.unwrap();
    shown.debug("CampaignHistory", &history);
    shown.debug("CampaignMoment", history.moments.last().unwrap());
    shown.debug("CampaignSettings", &campaign.settings().await.unwrap());
    let mut outcomes = std::pin::pin!(campaign.outcomes());
    while let Some(one) = outcomes.next().await {
        let one = one.unwrap();
        shown.debug("CampaignOutcome", &one);
        shown.debug("CampaignResult", &one.result);
    }
    outcome(&mut shown, campaign.resolve(-1, Resolution::Sent).await);
    outcome(&mut shown, store.campaign(KEY).text(TEXT).recipients([NUMBER]).load().await.map(drop));
    outcome(
        &mut shown,
        store.campaign("other").text("{{ nobody").recipients([NUMBER]).load().await.map(drop),
    );

    let message = OutboxMessage::new("order-1", SPELLED, TEXT);
    shown.debug("OutboxMessage", &message);
    store.enqueue(message).await.unwrap();
    for (key, number) in [("order-2", REFUSED), ("order-1", OTHER)] {
        outcome(&mut shown, store.enqueue(OutboxMessage::new(key, number, TEXT)).await);
    }
    shown.debug("OutboxStatus", &store.outbox_status().await.unwrap());
    let worker = client.work_outbox(&store).until_done().start().await.unwrap();
    outcome(&mut shown, worker.finished().await);
    shown.debug("OutboxOutcome", &store.outbox_outcome("order-1").await.unwrap());

    // A new scope lets nobody start for 5 s: whoever asks meanwhile is seen waiting.
    let scope = PaceScope::in_store(&store, "leak-scope").unwrap();
    shown.debug("PaceScope", &scope);
    let limiter = scope.limiter(Rates::default()).await.unwrap();
    let client = Client::builder("leak_user", PASSWORD).transport(sandbox.transport()).limiter(limiter);
    let client = client.build().unwrap();
    let waiting = tokio::spawn(async move { drop(client.send(OTHER, TEXT).await) });
    let status = loop {
        let status = scope.status().await.unwrap().unwrap();
        if !status.waiting.is_empty() {
            break status;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    waiting.abort();
    shown.debug("PaceProcess", &status.waiting[0]);
    shown.debug("PaceStatus", &status);

    for (name, text) in &shown.0 {
        assert_clean(name, text);
    }
    ears.assert_nothing_leaked(2);
}
