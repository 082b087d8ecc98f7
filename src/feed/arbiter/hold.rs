//! What a line that joins has delivered and nobody else yet.

use super::log::{UpdateKey, UpdateLog};
use crate::book::Book5;
use crate::model::{ChannelKind, SubscriptionId};

/// How many books are held, and of how many messages of order books the keys.
const BOOKS: usize = 32;
const DEEP: usize = 64;

/// The number of a subscription on its line, the key of an update, and its book where that is here.
type Held = (SubscriptionId, UpdateKey, Option<Book5>);

/// Updates of lines that are not known yet, in the order in which they came. An order book's are in
/// its line's own book, so only their keys are here.
#[derive(Debug)]
pub(super) struct HeldUpdates {
    keys: Vec<((usize, SubscriptionId), UpdateKey)>,
    /// The books of the keys, or none at all.
    books: Vec<Book5>,
    len: usize,
}

impl HeldUpdates {
    /// This is all the memory that it takes.
    pub(super) fn new(kind: ChannelKind) -> Self {
        let (len, books) = match kind {
            ChannelKind::Book5 => (BOOKS, BOOKS),
            ChannelKind::Depth => (DEEP, 0),
            ChannelKind::Trades
            | ChannelKind::Latest(_)
            | ChannelKind::Stream(_)
            | ChannelKind::Raw => (0, 0),
        };
        Self { keys: Vec::with_capacity(len), books: Vec::with_capacity(books), len }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Holds an update; where there is no room the oldest goes.
    pub(super) fn push(
        &mut self,
        line: (usize, SubscriptionId),
        key: UpdateKey,
        book: Option<&Book5>,
    ) {
        if self.keys.len() == self.len {
            self.remove(0);
        }
        self.keys.push((line, key));
        self.books.extend(book);
    }

    /// The newest that a line has here.
    pub(super) fn newest(&self, line: usize) -> Option<UpdateKey> {
        self.keys.iter().rfind(|((of, _), _)| *of == line).map(|(_, key)| *key)
    }

    /// Whether a line has an update of this number here.
    pub(super) fn has_number(&self, seq: i64) -> bool {
        self.keys.iter().any(|(_, key)| key.seq == seq)
    }

    /// Takes the first of a line.
    pub(super) fn take(&mut self, line: usize) -> Option<Held> {
        self.remove(self.keys.iter().position(|((of, _), _)| *of == line)?)
    }

    /// The line which has this update here, and that line's updates up to it are gone.
    pub(super) fn match_line(&mut self, log: &UpdateLog, key: &UpdateKey) -> Option<usize> {
        let ((line, _), _) = *self.keys.iter().find(|(_, held)| log.is_one(key, held))?;
        while self.take(line).is_some_and(|(_, held, _)| !log.is_one(key, &held)) {}
        Some(line)
    }

    /// Drops all that a line has here.
    pub(super) fn clear(&mut self, line: usize) {
        while self.take(line).is_some() {}
    }

    fn remove(&mut self, at: usize) -> Option<Held> {
        let ((_, id), key) = (at < self.keys.len()).then(|| self.keys.remove(at))?;
        Some((id, key, (at < self.books.len()).then(|| self.books.remove(at))))
    }
}
