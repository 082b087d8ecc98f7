//! What each of several redundant connections has received last.

use std::collections::HashMap;

use super::connection_id::ConnectionId;
use crate::feed::{LastUpdate, Slots};
use crate::model::Subscription;

/// What each connection of a group has of a subscription, as each notes once a second.
#[derive(Debug, Default)]
pub(super) struct ReceivedByLine(HashMap<(usize, Subscription), Vec<(usize, LastUpdate)>>);

impl ReceivedByLine {
    /// Notes what a connection has received.
    pub(super) fn note(&mut self, id: ConnectionId, slots: &Slots) {
        for slot in slots.iter() {
            let lines = self.0.entry((id.group, *slot.subscription())).or_default();
            match lines.iter_mut().find(|(line, _)| *line == id.line) {
                Some((_, seen)) => *seen = LastUpdate::of(slot),
                None => lines.push((id.line, LastUpdate::of(slot))),
            }
        }
    }

    /// What another connection has of a subscription, the one that received something last; `None`
    /// where there is none.
    pub(super) fn by_others(
        &self,
        id: ConnectionId,
        subscription: &Subscription,
    ) -> Option<LastUpdate> {
        let lines = self.0.get(&(id.group, *subscription))?;
        let others = lines.iter().filter(|(line, _)| *line != id.line).map(|(_, seen)| *seen);
        others.max_by_key(LastUpdate::ts_recv)
    }

    /// Removes what a connection had of a subscription.
    pub(super) fn remove(&mut self, id: ConnectionId, subscription: &Subscription) {
        let key = (id.group, *subscription);
        if let Some(lines) = self.0.get_mut(&key) {
            lines.retain(|(line, _)| *line != id.line);
            if lines.is_empty() {
                self.0.remove(&key);
            }
        }
    }

    /// Removes a connection that has ended.
    pub(super) fn remove_connection(&mut self, id: ConnectionId) {
        for ((group, _), lines) in &mut self.0 {
            if *group == id.group {
                lines.retain(|(line, _)| *line != id.line);
            }
        }
        self.0.retain(|_, lines| !lines.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::FeedHandler;
    use crate::model::Dialect;

    #[test]
    fn removing_a_subscription_removes_what_connections_had_of_it() {
        let subscription: Subscription = "books5:A".parse().unwrap();
        let mut handler = FeedHandler::new(Dialect::V5);
        handler.subscribe(subscription).unwrap();
        let id = |line| ConnectionId { group: 0, line };
        let mut received = ReceivedByLine::default();
        (0..2).for_each(|line| received.note(id(line), handler.slots()));
        assert!(received.by_others(id(0), &subscription).is_some());
        received.remove(id(1), &subscription);
        assert_eq!(received.by_others(id(0), &subscription), None);
        assert!(received.by_others(id(1), &subscription).is_some());
        received.remove(id(0), &subscription);
        assert!(received.0.is_empty());
        received.remove(id(0), &subscription);
    }
}
