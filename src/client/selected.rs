//! What selections have subscribed and ended, on its way to the client's handle.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};

use super::readers::Readers;
use crate::model::Subscription;

/// The readers that are on their way; without, the subscription has ended.
type Change = (Subscription, Option<Receiver<Readers>>);

/// The changes that the handle has not seen yet, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Selected(Arc<Mutex<Vec<Change>>>);

impl Selected {
    /// Adds a change.
    pub(super) fn push(&self, subscription: Subscription, readers: Option<Receiver<Readers>>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((subscription, readers));
    }

    /// Brings the handle's readers up to date, up to the first change whose readers are not there
    /// yet.
    pub(super) fn apply_to(&self, readers: &mut HashMap<Subscription, Readers>) {
        let mut changes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut done = 0;
        for (subscription, made) in changes.iter() {
            match made.as_ref().map(Receiver::try_recv) {
                None => drop(readers.remove(subscription)),
                Some(Ok(made)) => drop(readers.insert(*subscription, made)),
                Some(Err(TryRecvError::Empty)) => break,
                // It was ended before its connection knew of it.
                Some(Err(TryRecvError::Disconnected)) => {}
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
        let (selected, mut readers) = (Selected::default(), HashMap::new());
        let (to_a, of_a) = channel();
        let (to_b, of_b) = channel();
        selected.push(a, Some(of_a));
        selected.push(b, Some(of_b));
        selected.push(a, None);
        to_b.send(Readers::default()).unwrap();
        selected.apply_to(&mut readers);
        assert!(readers.is_empty());
        to_a.send(Readers::default()).unwrap();
        selected.apply_to(&mut readers);
        assert_eq!(readers.keys().collect::<Vec<_>>(), [&b]);
        let (to_a, of_a) = channel::<Readers>();
        selected.push(a, Some(of_a));
        drop(to_a);
        selected.apply_to(&mut readers);
        assert_eq!(readers.len(), 1);
    }
}
