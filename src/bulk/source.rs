//! Where a run's numbers come from: an iterator or a stream.

use std::pin::Pin;

use futures::{Stream, StreamExt};

use crate::recipients::Recipient;

pub(super) type Inputs = Pin<Box<dyn Stream<Item = Recipient> + Send>>;

/// A run's input, one by one.
pub struct Numbers {
    pub(super) inputs: Inputs,
    pub(super) total: Option<u64>,
}

impl Numbers {
    fn new(inputs: impl Stream<Item = Recipient> + Send + 'static, hint: (usize, Option<usize>)) -> Self {
        let total = (hint.1 == Some(hint.0)).then_some(hint.0 as u64);
        Self { inputs: Box::pin(inputs), total }
    }
}

impl std::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Numbers").field("total", &self.total).finish_non_exhaustive()
    }
}

/// What a bulk run takes: any `IntoIterator` or `Stream` of strings or numbers.
///
/// The iterator is asked for one input at a time, between batches, on a thread of the runtime: one that blocks
/// (a slow disk, a database) belongs in `spawn_blocking` with a channel, whose receiver is a stream. The type
/// parameter only keeps the two kinds apart; it is always inferred.
pub trait IntoNumbers<Kind>: sealed::Sealed<Kind> {
    /// Makes the run's input.
    fn into_numbers(self) -> Numbers;
}

/// [`IntoNumbers`] by iterating.
#[derive(Debug)]
pub struct ByIterator(());

/// [`IntoNumbers`] by streaming.
#[derive(Debug)]
pub struct ByStream(());

impl<I> IntoNumbers<ByIterator> for I
where
    I: IntoIterator<Item: Into<Recipient>>,
    I::IntoIter: Send + 'static,
{
    fn into_numbers(self) -> Numbers {
        let mut inputs = self.into_iter();
        let hint = inputs.size_hint();
        let inputs = std::iter::from_fn(move || inputs.next().map(Into::into));
        Numbers::new(futures::stream::iter(inputs), hint)
    }
}

impl<S> IntoNumbers<ByStream> for S
where
    S: Stream<Item: Into<Recipient>> + Send + 'static,
{
    fn into_numbers(self) -> Numbers {
        let hint = self.size_hint();
        Numbers::new(self.map(Into::into), hint)
    }
}

mod sealed {
    use super::{ByIterator, ByStream, Recipient, Stream};

    pub trait Sealed<Kind> {}

    impl<I> Sealed<ByIterator> for I
    where
        I: IntoIterator<Item: Into<Recipient>>,
        I::IntoIter: Send + 'static,
    {
    }

    impl<S> Sealed<ByStream> for S where S: Stream<Item: Into<Recipient>> + Send + 'static {}
}
