//! A list out of a reply, with the reply.

use std::ops::Deref;

use crate::wire::RawReply;

/// What the gateway listed; a slice to read, an iterator to take apart.
///
/// An entry that cannot be read is left out, and is still to be seen in [`raw`](Self::raw).
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    items: Vec<T>,
    raw: RawReply,
}

impl<T> Listed<T> {
    pub(super) fn new(items: Vec<T>, raw: &RawReply) -> Self {
        Self { items, raw: raw.clone() }
    }

    /// The gateway's reply as it came.
    pub fn raw(&self) -> &RawReply {
        &self.raw
    }
}

impl<T> Deref for Listed<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> IntoIterator for Listed<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Listed<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}
