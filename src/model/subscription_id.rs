//! The number of a subscription.

use std::fmt;

/// The number of a subscription, by which a program indexes its own state instead of hashing names.
///
/// A [`FeedHandler`](crate::FeedHandler) gives them from 0 in the order of the requests, and a client
/// for all of its connections together. A subscription keeps its number when it ends, and no other gets
/// it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct SubscriptionId(u32);

impl SubscriptionId {
    /// The number of what belongs to no subscription, as of all events of a decoder.
    pub const NONE: Self = Self(u32::MAX);

    /// The number as an id; a number that no array could have as an index is [`SubscriptionId::NONE`].
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
