//! A run that goes nowhere, to know what a run would be: the same parsing, the same repeats, the same batches.

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use kwtsms_async::transport::{Request, Response, Transport, TransportError};
use kwtsms_async::{Client, MessageText};

use super::entry::{self, Entry};
use super::feed::Feed;
use super::tally::Tally;
use crate::exit::Failure;
use crate::numbers::{Column, Rows, Rules};

/// Takes requests and throws them away.
#[derive(Debug)]
struct Nowhere;

impl Transport for Nowhere {
    fn post(&self, _: Request) -> BoxFuture<'static, Result<Response, TransportError>> {
        const ACCEPTED: Bytes = Bytes::from_static(br#"{"result":"OK","msg-id":"0"}"#);
        Box::pin(std::future::ready(Ok(Response::new(200, ACCEPTED))))
    }

    fn is_local(&self) -> bool {
        true
    }
}

/// What a run would be.
#[derive(Debug, Default)]
pub(super) struct Measure {
    /// The column that is read, if the file has several or names it.
    pub(super) column: Option<Column>,
    /// Numbers in the input, good and bad.
    pub(super) inputs: u64,
    /// Numbers that would be sent to.
    pub(super) numbers: u64,
    pub(super) batches: u64,
    pub(super) refused: u64,
    pub(super) duplicates: u64,
}

/// Measures a run; `look` sees every number, batch by batch, and what would not be sent to, such
/// as what is none of `only_to`.
pub(super) async fn measure(
    rows: Rows,
    text: &MessageText,
    rules: Rules,
    only_to: Option<&str>,
    mut look: impl FnMut(&[Entry]),
) -> Result<Measure, Failure> {
    let column = rows.column().cloned();
    let builder = Client::builder("nobody", "nothing").transport(Nowhere).unpaced();
    let builder = match only_to {
        Some(numbers) => builder.only_to(numbers),
        None => builder,
    };
    let client = rules.of_client(builder).build()?;
    let (feed, inputs) = Feed::start(rows);
    // In test mode nobody rests for 15 seconds.
    let mut run = client.bulk(inputs, text.as_str()).test_mode(true).max_in_flight(1);
    let (mut tally, mut batches) = (Tally::default(), 0);
    let mut see = |entries: Vec<Entry>| {
        entries.iter().for_each(|entry| tally.add(entry.end));
        look(&entries);
    };
    while let Some(batch) = run.next().await {
        batches += u64::from(!batch.numbers().is_empty());
        see(entry::of_batch(&batch, &feed));
    }
    see(entry::of_refused(&feed));
    if let Some(failure) = feed.failure() {
        return Err(failure);
    }
    Ok(Measure {
        column,
        inputs: tally.total(),
        numbers: tally.accepted,
        batches,
        refused: tally.invalid,
        duplicates: tally.duplicates,
    })
}
