//! What lines that join have delivered and nobody else yet.

use super::key::UpdateKey;
use crate::book::Book5;
use crate::model::SubscriptionId;

/// How many updates are held.
const LEN: usize = 32;

/// An update of a line that is not known yet.
#[derive(Debug)]
pub(super) struct HeldUpdate {
    pub(super) line: usize,
    /// The number of the subscription on its line.
    pub(super) subscription_id: SubscriptionId,
    pub(super) key: UpdateKey,
    /// `None` of an order book: its line has that.
    pub(super) book: Option<Book5>,
}

/// Books of lines that are not known yet, in the order in which they came.
#[derive(Debug)]
pub(super) struct HeldUpdates(Vec<HeldUpdate>);

impl HeldUpdates {
    /// Makes room for updates, or for none. This is all the memory that it takes.
    pub(super) fn new(is_used: bool) -> Self {
        Self(Vec::with_capacity(if is_used { LEN } else { 0 }))
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Holds an update; where there is no room the oldest goes.
    pub(super) fn push(&mut self, held: HeldUpdate) {
        if self.0.len() == LEN {
            self.0.remove(0);
        }
        self.0.push(held);
    }

    /// The key of the newest update of a line.
    pub(super) fn newest(&self, line: usize) -> Option<UpdateKey> {
        self.0.iter().rfind(|held| held.line == line).map(|held| held.key)
    }

    /// Takes the first update of a line.
    pub(super) fn take(&mut self, line: usize) -> Option<HeldUpdate> {
        let first = self.0.iter().position(|held| held.line == line)?;
        Some(self.0.remove(first))
    }

    /// The line that holds an accepted update; what it holds up to that is dropped.
    pub(super) fn match_line(&mut self, accepted: &UpdateKey) -> Option<usize> {
        let is_it = |held: &HeldUpdate| accepted.is_delivered_as(&held.key);
        let line = self.0.iter().find(|held| is_it(held))?.line;
        while self.take(line).is_some_and(|held| !is_it(&held)) {}
        Some(line)
    }

    /// Drops all that a line has here.
    pub(super) fn clear(&mut self, line: usize) {
        self.0.retain(|held| held.line != line);
    }
}
