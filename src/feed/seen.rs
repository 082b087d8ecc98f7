//! What a connection has of a subscription, to be compared with what another has.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;

use super::slot::Slot;
use crate::model::{Level, UnixNanos};

/// What a connection has received last of a subscription, and what it therefore shows.
///
/// Of a book the five best levels count, of trades the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    ts_recv: UnixNanos,
    content: u64,
}

impl Seen {
    /// What a slot has. Looks at ten levels at most; allocates nothing.
    #[must_use]
    pub fn of(slot: &Slot) -> Self {
        let mut hasher = FixedState::default().build_hasher();
        if let Some(book) = slot.book() {
            [book.asks(), book.bids()].into_iter().for_each(|side| hash(side, &mut hasher));
        }
        if let Some(trade) = slot.trades().and_then(|ring| ring.last()) {
            trade.trade_id.hash(&mut hasher);
        }
        Self { ts_recv: slot.ts_recv(), content: hasher.finish() }
    }

    /// When its connection received the last event.
    #[must_use]
    pub const fn ts_recv(&self) -> UnixNanos {
        self.ts_recv
    }

    /// Whether it is later than what `other` has, and something else. To be told the same once more,
    /// as whoever subscribes again is, proves nothing about others.
    #[must_use]
    pub fn is_ahead_of(&self, other: &Self) -> bool {
        self.ts_recv > other.ts_recv && self.content != other.content
    }
}

fn hash(side: &[Level], hasher: &mut impl Hasher) {
    side.len().hash(hasher);
    for level in side {
        (level.px(), level.sz(), level.orders()).hash(hasher);
    }
}
