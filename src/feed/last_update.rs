//! The last update that a connection received for a subscription, for comparison across
//! connections.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;

use super::slot::Slot;
use crate::model::{Level, UnixNanos};

/// The last update that a connection received for a subscription: receive time and content hash.
///
/// The content of a book is its best five levels. The content of a trade channel is its last trade,
/// that of a record its values; streams of records have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUpdate {
    ts_recv: UnixNanos,
    content: u64,
}

impl LastUpdate {
    /// The last update of a slot. Hashes at most ten levels; allocates nothing.
    #[must_use]
    pub fn of(slot: &Slot) -> Self {
        let mut hasher = FixedState::default().build_hasher();
        if let Some(book) = slot.book() {
            [book.asks(), book.bids()].into_iter().for_each(|side| hash(side, &mut hasher));
        }
        if let Some(trade) = slot.trades().and_then(|ring| ring.last()) {
            trade.trade_id.hash(&mut hasher);
        }
        if let Some(record) = slot.record() {
            record.put_words(0, |at, word| {
                // The receive time differs between connections.
                if at != 1 {
                    word.hash(&mut hasher);
                }
            });
        }
        Self { ts_recv: slot.ts_recv(), content: hasher.finish() }
    }

    /// The receive time of the connection's last event.
    #[must_use]
    pub const fn ts_recv(&self) -> UnixNanos {
        self.ts_recv
    }

    /// Whether this update is later than `other` and has other content. A resubscription repeats
    /// the same content, which does not prove that the other connection lags.
    #[must_use]
    pub(crate) fn is_ahead_of(&self, other: &Self) -> bool {
        self.ts_recv > other.ts_recv && self.content != other.content
    }
}

fn hash(side: &[Level], hasher: &mut impl Hasher) {
    side.len().hash(hasher);
    for level in side {
        (level.px(), level.sz(), level.orders()).hash(hasher);
    }
}
