//! The usual book: two maps from price to level.

use std::collections::BTreeMap;

use okx_feed::book::DepthAction;
use okx_feed::{Book5, Decimal, Level};

/// A book of two maps, kept with one map operation a level; its checksum text is made in one
/// reused buffer.
#[derive(Default)]
pub(crate) struct MapBook {
    pub(crate) asks: BTreeMap<Decimal, Level>,
    pub(crate) bids: BTreeMap<Decimal, Level>,
    text: Vec<u8>,
}

impl MapBook {
    /// Applies the levels of a message; a snapshot replaces all levels.
    pub(crate) fn apply(&mut self, action: DepthAction, asks: &[Level], bids: &[Level]) {
        if action == DepthAction::Snapshot {
            self.asks.clear();
            self.bids.clear();
        }
        let sides = [(&mut self.asks, asks), (&mut self.bids, bids)];
        for (side, levels) in sides {
            for level in levels {
                if level.sz().is_zero() {
                    side.remove(&level.px());
                } else {
                    side.insert(level.px(), *level);
                }
            }
        }
    }

    /// The checksum of the best 25 levels.
    pub(crate) fn checksum(&mut self) -> i32 {
        self.text.clear();
        let (mut asks, mut bids) = (self.asks.values(), self.bids.values().rev());
        let mut buf = [0; Decimal::MAX_TEXT_LEN];
        for _ in 0..25 {
            for level in [bids.next(), asks.next()].into_iter().flatten() {
                for number in [level.px(), level.sz()] {
                    self.text.extend_from_slice(number.write_text(&mut buf));
                    self.text.push(b':');
                }
            }
        }
        self.text.pop();
        crc32fast::hash(&self.text).cast_signed()
    }

    /// The best five levels of each side.
    pub(crate) fn top5(&self) -> Book5 {
        let (mut asks, mut bids) = ([Level::EMPTY; 5], [Level::EMPTY; 5]);
        let (mut a, mut b) = (0, 0);
        for (place, level) in asks.iter_mut().zip(self.asks.values()) {
            *place = *level;
            a += 1;
        }
        for (place, level) in bids.iter_mut().zip(self.bids.values().rev()) {
            *place = *level;
            b += 1;
        }
        Book5::new(&asks[..a], &bids[..b])
    }
}
