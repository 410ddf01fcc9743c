//! The databases' plans for what a worker and a look at a campaign ask, at 1,000,000 recipients: none of them reads all
//! batches or all recipients.

use futures::StreamExt;

use super::raw;
use crate::campaign::Campaign;
use crate::campaign::rows::Learned;
use crate::campaign::state::Verdict;
use crate::store::{PLANS, Statement, Store, testing};

/// Tables of which nothing may be read whole.
const BIG: [&str; 5] =
    ["kwtsms_batch", "kwtsms_recipients", "kwtsms_text", "kwtsms_skipped", "kwtsms_request"];

/// Indexes that hold no more than what is in flight.
const SMALL: [&str; 2] = ["USING INDEX kwtsms_batch_claim", "USING INDEX kwtsms_batch_sending"];

/// Four campaigns of 5,000 batches of 200 numbers: one is sent, half of it sent already.
async fn fill(store: &Store, series: &str, bytes: &str) {
    let campaigns = format!(
        "INSERT INTO kwtsms_campaign (id, key, account, test, state, priority, open_from, open_until, loader, settings,
             created_at)
         SELECT n, 'key-' || n, 'user', 0, CASE WHEN n = 2 THEN 2 ELSE 4 END, 0, 0, 9223372036854775807, 1, '', 0
         FROM {series} WHERE n <= 4"
    );
    let texts = format!(
        "INSERT INTO kwtsms_text SELECT c.id, n, 'Hello', 1 FROM kwtsms_campaign c CROSS JOIN {series}"
    );
    let batches = format!(
        "INSERT INTO kwtsms_batch (id, campaign, body, pages, size, state, points, sent_at, worker, fence)
         SELECT c.id * 4294967296 + n, c.id, 1, 1, 200,
                CASE WHEN c.id <> 2 THEN 5 WHEN n <= 2400 THEN 2 WHEN n <= 2490 THEN 3 WHEN n <= 2500 THEN 4 ELSE 0 END,
                200000, n, 1, 1
         FROM kwtsms_campaign c CROSS JOIN {series}"
    );
    let recipients = format!(
        "INSERT INTO kwtsms_recipients SELECT id, {bytes}, {bytes} FROM kwtsms_batch WHERE campaign = 2"
    );
    let skipped = format!(
        "INSERT INTO kwtsms_skipped SELECT c.id, n, n, 'abc', 0, 'no number' FROM kwtsms_campaign c CROSS JOIN {series}"
    );
    let requests = "INSERT INTO kwtsms_request
        SELECT id, 1, state, 1, 1, sent_at, sent_at + 1, NULL, NULL, 200000, 1000 FROM kwtsms_batch
        WHERE state IN (2, 3, 4)"
        .to_owned();
    for sql in [campaigns, texts, batches, recipients, skipped, requests] {
        store.run(vec![Statement::new(sql, vec![])]).await.unwrap();
    }
}

/// What a worker asks, and whoever looks at a campaign.
async fn asked(store: &Store, campaign: &Campaign) {
    assert!(store.has_work("user").await.unwrap().work);
    assert!(store.is_open("user").await.unwrap());
    let claimed = store.claim_batch("user", 7).await.unwrap().unwrap();
    assert_eq!(store.held_by(7).await.unwrap(), [(claimed.batch, claimed.fence)]);
    let learned = Learned::default();
    let settled = store.settle_batch(claimed.batch, claimed.fence, Verdict::Accepted, &learned);
    assert!(settled.await.unwrap());
    store.sweep_batches().await.unwrap();
    let progress = campaign.progress().await.unwrap();
    assert_eq!(progress.total(), 1_000_000 + 5_000);
    assert_eq!(campaign.unknown().await.unwrap().len(), 10);
    let outcomes: Vec<_> = campaign.outcomes().skip(19_990).take(20).collect().await; // over the first page's end
    assert!(outcomes.iter().all(Result::is_ok));
    store.headers("WHERE key = $1", vec!["key-2".into()]).await.unwrap();
}

/// The lines of a plan that read one of the big tables whole.
fn whole(plan: &str) -> Vec<&str> {
    // SQLite names a table by its alias: all of the statements' are the same.
    let aliases = [" b", " r", " s", " t", " p"];
    plan.lines()
        .filter(|line| {
            let line = line.trim_start_matches([' ', '-', '>']);
            let postgres = line.starts_with("Seq Scan on") || line.starts_with("Parallel Seq Scan on");
            let named = BIG.iter().any(|table| line.contains(table));
            let of_alias = aliases.iter().any(|alias| {
                line.strip_prefix("SCAN")
                    .is_some_and(|rest| rest == *alias || rest.starts_with(&format!("{alias} ")))
            });
            let small = SMALL.iter().any(|index| line.ends_with(index));
            (postgres && named) || (line.starts_with("SCAN") && (named || of_alias) && !small)
        })
        .collect()
}

async fn planned(store: Store, series: &str, bytes: &str) {
    fill(&store, series, bytes).await;
    let campaign = store.find_campaign("key-2").await.unwrap().unwrap();
    for analyzed in [false, true] {
        if analyzed {
            raw(&store, "ANALYZE").await;
        }
        let plans = PLANS
            .scope(Default::default(), async {
                asked(&store, &campaign).await;
                PLANS.with(|plans| std::mem::take(&mut *plans.lock().unwrap()))
            })
            .await;
        assert!(plans.len() >= 14, "{plans:?}");
        for (sql, plan) in plans {
            assert!(whole(&plan).is_empty(), "analyzed: {analyzed}\n{sql}\n\n{plan}");
            // A look for work stops at the first batch that is planned.
            let gathers = sql.contains("CASE WHEN EXISTS") && plan.contains("Aggregate");
            assert!(!gathers, "analyzed: {analyzed}\n{sql}\n\n{plan}");
        }
    }
}

#[test]
fn a_plan_that_reads_all_of_a_table_is_seen() {
    for line in [
        "  ->  Seq Scan on kwtsms_batch b  (cost=0.00..1.00 rows=1 width=1)",
        "  ->  Parallel Seq Scan on kwtsms_recipients r  (cost=0.00..1.00 rows=1 width=1)",
        "SCAN b",
        "SCAN b USING COVERING INDEX kwtsms_batch_counts",
        "SCAN kwtsms_skipped",
    ] {
        assert_eq!(whole(line).len(), 1, "{line}");
    }
    for line in [
        "SCAN c",
        "SCAN kwtsms_batch USING INDEX kwtsms_batch_claim",
        "SEARCH b USING INDEX kwtsms_batch_planned (campaign=? AND not_before<?)",
        "Seq Scan on kwtsms_campaign c",
        "Index Scan using kwtsms_batch_claim on kwtsms_batch b",
    ] {
        assert!(whole(line).is_empty(), "{line}");
    }
}

/// The steps that SQLite's machine takes for a claim, of which nothing is kept.
async fn steps_of_a_claim(store: &Store) -> i32 {
    use rusqlite::StatementStatus;

    let crate::store::Backend::Sqlite(db) = store.backend() else { panic!("it is one") };
    let sql = store.claim_sql().replace("{now}", crate::store::sqlite::NOW_US).replace('$', "?");
    let steps = db.write(move |tx| {
        tx.execute_batch("SAVEPOINT tried")?;
        let mut claim = tx.prepare(&sql)?;
        let found = claim.query_row(("user", 7, 1, 60_000_000), |row| row.get::<_, i64>(0))?;
        assert_eq!(found >> 32, 2);
        let steps = claim.get_status(StatementStatus::VmStep);
        tx.execute_batch("ROLLBACK TO tried")?;
        Ok(steps)
    });
    steps.await.unwrap()
}

#[tokio::test]
async fn a_claim_takes_as_long_whatever_is_planned_on_sqlite() {
    let file = testing::sqlite();
    let store = Store::open(&file.path).await.unwrap();
    let series =
        "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) SELECT n FROM s)";
    fill(&store, series, "zeroblob(16)").await;
    let many = steps_of_a_claim(&store).await;
    raw(&store, "UPDATE kwtsms_batch SET state = 5 WHERE state = 0 AND id % 4294967296 < 4991").await;
    let ten = steps_of_a_claim(&store).await;
    assert!(many < ten + 50, "{many} steps with 2,500 batches planned, {ten} with 10");
}

#[tokio::test]
async fn nothing_is_read_whole_on_sqlite() {
    let file = testing::sqlite();
    let series =
        "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 5000) SELECT n FROM s)";
    planned(Store::open(&file.path).await.unwrap(), series, "zeroblob(1600)").await;
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn nothing_is_read_whole_on_postgres() {
    let Some(server) = testing::postgres().await else { return };
    let series = "generate_series(1::bigint, 5000) AS n";
    let bytes = "decode(repeat('00', 1600), 'hex')";
    planned(Store::open(&server.url).await.unwrap(), series, bytes).await;
}
