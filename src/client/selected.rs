//! What selections have subscribed and ended, on its way to the client's handle.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::Subscription;
use crate::publish::Readers;

/// What the handle has not seen yet.
#[derive(Debug)]
enum Change {
    /// The readers are on their way.
    Joined(Subscription, Receiver<Readers>),
    Left(Subscription),
    /// So many lists have not come yet.
    MissingLists(usize),
}

/// The changes that the handle has not seen yet, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Selected {
    changes: Arc<Mutex<Vec<Change>>>,
    missing_lists: Arc<AtomicUsize>,
}

impl Selected {
    /// Nothing yet, and so many lists that are to come.
    pub(super) fn new(missing_lists: usize) -> Self {
        Self { missing_lists: Arc::new(missing_lists.into()), ..Self::default() }
    }

    /// Adds a subscription whose readers are on their way.
    pub(super) fn join(&self, subscription: Subscription, readers: Receiver<Readers>) {
        self.push(Change::Joined(subscription, readers));
    }

    /// Adds the end of a subscription.
    pub(super) fn leave(&self, subscription: Subscription) {
        self.push(Change::Left(subscription));
    }

    /// Adds that so many lists have not come yet.
    pub(super) fn set_missing_lists(&self, count: usize) {
        self.push(Change::MissingLists(count));
    }

    /// The lists that have not come yet, as of the last change that was applied.
    pub(super) fn missing_lists(&self) -> usize {
        self.missing_lists.load(Ordering::Relaxed)
    }

    fn push(&self, change: Change) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }

    /// Brings the handle's readers up to date, up to the first change whose readers are not there
    /// yet.
    pub(super) fn apply_to(&self, readers: &mut HashMap<Subscription, Readers>) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = 0;
        for change in changes.iter() {
            match change {
                Change::Left(subscription) => drop(readers.remove(subscription)),
                Change::MissingLists(count) => self.missing_lists.store(*count, Ordering::Relaxed),
                Change::Joined(subscription, made) => match made.try_recv() {
                    Ok(made) => drop(readers.insert(*subscription, made)),
                    Err(TryRecvError::Empty) => break,
                    // It was ended before its connection knew of it.
                    Err(TryRecvError::Disconnected) => {}
                },
            }
            done += 1;
        }
        changes.drain(..done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn changes_are_applied_in_order_once_their_readers_are_there() {
        let [a, b] = ["books5:A", "books5:B"].map(|text| text.parse::<Subscription>().unwrap());
        let (selected, mut readers) = (Selected::new(1), HashMap::new());
        let (to_a, of_a) = channel();
        let (to_b, of_b) = channel();
        selected.join(a, of_a);
        selected.join(b, of_b);
        selected.leave(a);
        selected.set_missing_lists(0);
        to_b.send(Readers::default()).unwrap();
        selected.apply_to(&mut readers);
        // A list has not come as long as what it selects is not there.
        assert_eq!((readers.len(), selected.missing_lists()), (0, 1));
        to_a.send(Readers::default()).unwrap();
        selected.apply_to(&mut readers);
        assert_eq!(readers.keys().collect::<Vec<_>>(), [&b]);
        assert_eq!(selected.missing_lists(), 0);
        let (to_a, of_a) = channel::<Readers>();
        selected.join(a, of_a);
        drop(to_a);
        selected.apply_to(&mut readers);
        assert_eq!(readers.len(), 1);
    }
}
