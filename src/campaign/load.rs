//! Rows become batches: numbers checked, repeats found, texts made, requests cut, a hundred batches a transaction.

use std::collections::{HashMap, VecDeque};

use super::handle::Campaign;
use super::row::CampaignRow;
use super::rows::{CampaignState, batch_id, forget, packed};
use super::template::Template;
use crate::error::Error;
use crate::guard::{Hours, Window};
use crate::message::MessageText;
use crate::phone::{OnlyTo, PhoneNumber, PhoneRules};
use crate::recipients::{Batcher, PendingBatch};
use crate::store::{Statement, Store, Value};

/// Batches a transaction: about 20 ms of the store's one writer, between which turns of the pace are taken.
const A_CHUNK: usize = 100;
/// Rows that are skipped, a transaction.
const SKIPPED: usize = 1_000;
/// Texts whose batch is not full yet and may still grow. Beyond it the one that was met first is closed.
const OPEN_TEXTS: usize = 5_000;
/// Characters of a skipped input that are kept.
const INPUT: usize = 100;

/// Where recipients come from; what it fails with ends the load.
pub(super) type Rows = Box<dyn Iterator<Item = Result<CampaignRow, Error>> + Send>;

/// What is to be loaded.
pub(super) struct Load {
    pub(super) store: Store,
    pub(super) key: String,
    pub(super) text: String,
    pub(super) template: Template,
    pub(super) sender: Option<String>,
    pub(super) test: bool,
    pub(super) account: Option<String>,
    pub(super) priority: i64,
    pub(super) window: Option<Window>,
    pub(super) not_before: Option<i64>,
    pub(super) not_after: Option<i64>,
    pub(super) rules: PhoneRules,
    pub(super) only_to: OnlyTo,
}

pub(super) struct Loaded {
    pub(super) campaign: Campaign,
    pub(super) existed: bool,
}

/// A batch to be stored.
struct NewBatch {
    text: i64,
    pages: i64,
    numbers: Vec<PhoneNumber>,
    lines: Vec<u64>,
}

/// A row that is not sent to.
struct Skipped {
    line: u64,
    input: String,
    repeated: bool,
    reason: String,
}

/// What is stored at once.
#[derive(Default)]
struct Chunk {
    texts: Vec<(i64, MessageText)>,
    batches: Vec<NewBatch>,
    skipped: Vec<Skipped>,
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.batches.len() >= A_CHUNK || self.skipped.len() >= SKIPPED
    }
}

impl Load {
    /// What makes a campaign of the same key another one.
    fn settings(&self) -> String {
        let window = self.window.as_ref().map(|window| format!("{window:?}"));
        serde_json::json!([self.text, self.sender, self.test, window, self.not_before, self.not_after])
            .to_string()
    }

    pub(super) async fn run(self, rows: Rows) -> Result<Loaded, Error> {
        let loader = fastrand::i64(1..);
        let (campaign, existed) = self.begin(loader).await?;
        if existed {
            return Ok(Loaded { campaign, existed });
        }
        let (chunks, ready) = tokio::sync::mpsc::channel(2);
        let Self { store, template, rules, only_to, window, .. } = self;
        let batcher = Batcher::new(rules, only_to);
        let cutting = tokio::task::spawn_blocking(move || cut(rows, &template, batcher, &chunks));
        let stored = store_all(&store, campaign.id, loader, ready).await;
        let cut = match cutting.await {
            Ok(cut) => cut,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::run_ended("the runtime went away while the campaign was loaded")
                    .with_action("run it again: the load begins anew; nothing was sent")),
            },
        };
        stored?;
        cut?;
        let (from, until) = match &window {
            None => (0, i64::MAX),
            Some(window) => open_micros(window, store.clock().await?),
        };
        let ready = "UPDATE kwtsms_campaign SET state = 1, open_from = $3, open_until = $4
                     WHERE id = $1 AND loader = $2 AND state = 0 RETURNING id";
        let values = vec![campaign.id.into(), loader.into(), from.into(), until.into()];
        if store.run_one(ready, values).await?.is_empty() {
            return Err(taken_over());
        }
        Ok(Loaded { campaign, existed: false })
    }

    /// Makes the campaign's row, or takes over one whose loading broke off.
    async fn begin(&self, loader: i64) -> Result<(Campaign, bool), Error> {
        let store = &self.store;
        loop {
            let found = store.headers("WHERE key = $1", vec![self.key.as_str().into()]).await?;
            if let Some(header) = found.first() {
                let campaign = Campaign { store: store.clone(), id: header.id, key: header.key.clone() };
                if header.state != CampaignState::Loading {
                    if header.settings != self.settings() {
                        return Err(Error::input(
                            "a campaign of this key is there with another text, sender id, mode or time: choose \
                             another key",
                        ));
                    }
                    return Ok((campaign, true));
                }
                let take = "UPDATE kwtsms_campaign SET loader = $2, settings = $3 WHERE id = $1 AND state = 0 RETURNING id";
                let values = vec![header.id.into(), loader.into(), self.settings().into()];
                if !store.run_one(take, values).await?.is_empty() {
                    empty(store, header.id).await?;
                    return Ok((campaign, false));
                }
                continue;
            }
            let (hours, zone) = self.window.as_ref().map(Window::stored).unzip();
            let insert = "INSERT INTO kwtsms_campaign (id, key, account, sender, test, state, priority, hours, zone,
                              open_from, open_until, not_before, not_after, loader, settings, created_at)
                          SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4, 0, $5, $6, $7, 0, 0, $8, $9, $10, $11, {now}
                          FROM kwtsms_campaign WHERE true
                          ON CONFLICT DO NOTHING RETURNING id";
            let values: Vec<Value> = vec![
                self.key.as_str().into(),
                self.account.clone().into(),
                self.sender.clone().into(),
                i64::from(self.test).into(),
                self.priority.into(),
                hours.into(),
                zone.into(),
                self.not_before.into(),
                self.not_after.into(),
                loader.into(),
                self.settings().into(),
            ];
            if let Some(row) = store.run_one(insert, values).await?.first() {
                let campaign = Campaign { store: store.clone(), id: row.int(0), key: self.key.clone() };
                return Ok((campaign, false));
            }
        }
    }
}

fn taken_over() -> Error {
    Error::run_ended("another process began to load the campaign after this one, which stopped").with_action(
        "run it again when the other process has loaded the campaign: it is there then; nothing was sent",
    )
}

/// When the window is open next, for the campaign's row.
pub(super) fn open_micros(window: &Window, now: i64) -> (i64, i64) {
    let now = jiff::Timestamp::from_microsecond(now).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    match window.at(now) {
        Hours::Open { from, until } => (from.as_microsecond(), until.as_microsecond()),
        Hours::Closed { until, then_until } => (until.as_microsecond(), then_until.as_microsecond()),
    }
}

/// Throws away what a broken load left.
async fn empty(store: &Store, campaign: i64) -> Result<(), Error> {
    forget(store, campaign).await?;
    let (from, to) = (batch_id(campaign, 0), batch_id(campaign + 1, 0));
    let sql = "DELETE FROM kwtsms_batch WHERE id IN
                   (SELECT id FROM kwtsms_batch WHERE id >= $1 AND id < $2 LIMIT 500) RETURNING id";
    while !store.run_one(sql, vec![from.into(), to.into()]).await?.is_empty() {}
    Ok(())
}

/// Stores chunks as they come, each in a transaction that holds only while this loader is the campaign's.
async fn store_all(
    store: &Store,
    campaign: i64,
    loader: i64,
    mut chunks: tokio::sync::mpsc::Receiver<Chunk>,
) -> Result<(), Error> {
    let (mut batches, mut skipped) = (0, 0);
    while let Some(chunk) = chunks.recv().await {
        let guard = Statement::new(
            "UPDATE kwtsms_campaign SET loader = $2 WHERE id = $1 AND loader = $2 AND state = 0 RETURNING id",
            vec![campaign.into(), loader.into()],
        );
        let mut statements = vec![guard.must()];
        statements.extend(insert(
            "INSERT INTO kwtsms_text (campaign, n, body, pages) VALUES",
            chunk.texts.into_iter().map(|(n, text)| {
                [campaign.into(), n.into(), text.as_str().into(), (text.pages() as i64).into()]
            }),
        ));
        let first = batches + 1;
        batches += chunk.batches.len() as i64;
        statements.extend(insert(
            "INSERT INTO kwtsms_batch (id, campaign, body, pages, size) VALUES",
            chunk.batches.iter().zip(first..).map(|(batch, n)| {
                let id = batch_id(campaign, n);
                let size = batch.numbers.len() as i64;
                [id.into(), campaign.into(), batch.text.into(), batch.pages.into(), size.into()]
            }),
        ));
        statements.extend(insert(
            "INSERT INTO kwtsms_recipients (batch, numbers, lines) VALUES",
            chunk.batches.iter().zip(first..).map(|(batch, n)| {
                let numbers = packed(batch.numbers.iter().map(|number| number.as_u64()));
                [batch_id(campaign, n).into(), numbers.into(), packed(batch.lines.iter().copied()).into()]
            }),
        ));
        let first = skipped + 1;
        skipped += chunk.skipped.len() as i64;
        statements.extend(insert(
            "INSERT INTO kwtsms_skipped (campaign, n, line, input, repeated, reason) VALUES",
            chunk.skipped.into_iter().zip(first..).map(|(row, n)| {
                [
                    campaign.into(),
                    n.into(),
                    (row.line as i64).into(),
                    row.input.into(),
                    i64::from(row.repeated).into(),
                    row.reason.into(),
                ]
            }),
        ));
        if store.run(statements).await?.is_none() {
            return Err(taken_over());
        }
    }
    Ok(())
}

/// One statement for many rows, or none for none.
fn insert<const N: usize>(into: &str, rows: impl Iterator<Item = [Value; N]>) -> Option<Statement> {
    let mut sql = into.to_owned();
    let mut values = Vec::new();
    for row in rows {
        let places: Vec<_> = (1..=N).map(|at| format!("${}", values.len() + at)).collect();
        sql.push_str(if values.is_empty() { " (" } else { ", (" });
        sql.push_str(&places.join(", "));
        sql.push(')');
        values.extend(row);
    }
    (!values.is_empty()).then(|| Statement::new(sql, values))
}

/// A text and the batch that it is met in at present.
struct Open {
    text: i64,
    pages: i64,
    cut: PendingBatch,
}

/// Reads all rows. Blocks; the channel's bound holds it back when the store is slower.
fn cut(
    rows: Rows,
    template: &Template,
    mut batcher: Batcher,
    chunks: &tokio::sync::mpsc::Sender<Chunk>,
) -> Result<(), Error> {
    let mut open: HashMap<String, Open> = HashMap::new();
    let mut texts = 0i64;
    let mut chunk = Chunk::default();
    let mut numbers = Vec::new();
    let mut order = VecDeque::new();
    for (row, count) in rows.zip(1u64..) {
        let row = row?;
        let line = row.line.unwrap_or(count);
        batcher.add(&row.to, |_, number, _| numbers.push(number));
        for invalid in batcher.draft.invalid.drain(..) {
            let input = invalid.input().chars().take(INPUT).collect();
            chunk.skipped.push(Skipped {
                line,
                input,
                repeated: false,
                reason: invalid.reason().to_string(),
            });
        }
        for duplicate in batcher.draft.duplicates.drain(..) {
            let reason = "stands in the input before".to_owned();
            let input = duplicate.number().to_string();
            chunk.skipped.push(Skipped { line, input, repeated: true, reason });
        }
        if !numbers.is_empty() {
            let text = template.text(&row.values, line)?;
            if !open.contains_key(text.as_str()) {
                if open.len() >= OPEN_TEXTS
                    && let Some(closed) = order.pop_front().and_then(|oldest| open.remove(&oldest))
                {
                    chunk.batches.extend((!closed.cut.numbers.is_empty()).then(|| closed.batch()));
                }
                order.push_back(text.as_str().to_owned());
                texts += 1;
                let pages = text.pages() as i64;
                let new = Open { text: texts, pages, cut: PendingBatch::default() };
                open.insert(text.as_str().to_owned(), new);
                chunk.texts.push((texts, text.clone()));
            }
            let entry = open.get_mut(text.as_str()).expect("it was put there");
            for number in numbers.drain(..) {
                if !entry.cut.push(number, line) {
                    chunk.batches.push(entry.take());
                    entry.cut.push(number, line);
                }
            }
        }
        if chunk.is_full() && chunks.blocking_send(std::mem::take(&mut chunk)).is_err() {
            return Ok(()); // the store has failed, and says so itself
        }
    }
    if texts == 0 {
        return Err(Error::input("none of the campaign's rows holds a usable phone number"));
    }
    let mut rest: Vec<_> = open.into_values().filter(|open| !open.cut.numbers.is_empty()).collect();
    rest.sort_by_key(|open| open.text);
    for open in rest {
        chunk.batches.push(open.batch());
        if chunk.is_full() && chunks.blocking_send(std::mem::take(&mut chunk)).is_err() {
            return Ok(());
        }
    }
    let _ = chunks.blocking_send(chunk);
    Ok(())
}

impl Open {
    fn take(&mut self) -> NewBatch {
        let PendingBatch { numbers, positions, .. } = std::mem::take(&mut self.cut);
        let (numbers, lines) = (numbers.into_vec(), positions.into_vec());
        NewBatch { text: self.text, pages: self.pages, numbers, lines }
    }

    fn batch(mut self) -> NewBatch {
        self.take()
    }
}
