//! The numbers of subscriptions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Subscription, SubscriptionId};

/// The numbers of subscriptions, from 0 in the order in which they were first requested.
///
/// Clones share the numbers: all handlers and arbiters of a client have a clone of one. A subscription
/// keeps its number when it ends, so that it has the same one if it is requested again. Takes 100
/// bytes or so for each subscription that there ever was. Locks, and is not used on the hot path.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionNumbers {
    ids: Arc<Mutex<HashMap<Subscription, SubscriptionId>>>,
}

impl SubscriptionNumbers {
    /// The number of a subscription, which gets the next one where it has none.
    #[must_use]
    pub fn number(&self, subscription: Subscription) -> SubscriptionId {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let next = SubscriptionId::new(ids.len());
        *ids.entry(subscription).or_insert(next)
    }

    /// The number of a subscription; `None` where it was never requested.
    #[must_use]
    pub fn find(&self, subscription: &Subscription) -> Option<SubscriptionId> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).get(subscription).copied()
    }
}
