//! The numbers of subscriptions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::{Subscription, SubscriptionId};

/// The numbers of subscriptions, from 0 in the order in which they were first requested.
///
/// Clones share the numbers: all handlers and arbiters of a client have clones of one value. A
/// subscription keeps its number after it ends, and has the same one if it is requested again. Uses
/// about 100 bytes for every subscription ever requested. Locks; not used on the hot path.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionNumbers {
    ids: Arc<Mutex<HashMap<Subscription, SubscriptionId>>>,
}

impl SubscriptionNumbers {
    /// The number of a subscription. A new subscription gets the next number.
    #[must_use]
    pub fn number(&self, subscription: Subscription) -> SubscriptionId {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let next = SubscriptionId::new(ids.len());
        *ids.entry(subscription).or_insert(next)
    }

    /// The number of a subscription; `None` if it was never requested.
    #[must_use]
    pub fn find(&self, subscription: &Subscription) -> Option<SubscriptionId> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).get(subscription).copied()
    }
}
