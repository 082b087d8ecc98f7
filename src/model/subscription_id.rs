//! The number of a subscription.

use std::fmt;

/// The number of a subscription. A program indexes its own state by it instead of hashing names.
///
/// A [`FeedHandler`](crate::FeedHandler) numbers subscriptions from 0 in the order of the requests.
/// A client numbers the subscriptions of all its connections together. A subscription keeps its
/// number after it ends, and no other subscription gets it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct SubscriptionId(u32);

impl SubscriptionId {
    /// The number of an event without a subscription, such as all events of a decoder.
    pub const NONE: Self = Self(u32::MAX);

    /// Makes an id of a number; [`SubscriptionId::NONE`] if the number does not fit.
    #[must_use]
    pub fn new(number: usize) -> Self {
        u32::try_from(number).map_or(Self::NONE, Self)
    }

    /// The number as an index, from 0; `None` for [`SubscriptionId::NONE`].
    #[inline]
    #[must_use]
    pub const fn index(self) -> Option<usize> {
        if self.0 == u32::MAX { None } else { Some(self.0 as usize) }
    }
}

impl fmt::Debug for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index() {
            Some(index) => write!(f, "SubscriptionId({index})"),
            None => f.write_str("SubscriptionId(none)"),
        }
    }
}
