//! Trade deduplication of one subscription: repeated, outdated and missing trades.

use std::time::Duration;

use crate::model::{BookState, Trade, TradeRing, UnixNanos};

/// On a new connection, a first id below all retained ids normally means that the connection lags.
/// After this long without a trade it means that the exchange reset ids and clock at once.
const RESET_AFTER: Duration = Duration::from_secs(30);

/// The class of a trade, which decides whether it is emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TradeClass {
    /// It was emitted before.
    Repeated,
    /// It is older than all retained trades, on a new connection that lags.
    Outdated,
    /// It was not emitted before.
    New {
        /// Whether it is the first push of a subscription.
        replayed: bool,
        /// The number of trades missing before it.
        missed: u64,
        /// Whether it is the newest trade; otherwise it arrived late.
        is_last: bool,
    },
}

/// What a subscription has emitted so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct TradeHistory {
    /// The id of the newest emitted trade.
    pub(super) last: Option<u64>,
    /// The time of that trade.
    pub(super) last_ts: UnixNanos,
    /// Whether ids have no gaps, as in v5: a message covers `count` ids, up to its `trade_id`.
    pub(super) is_dense: bool,
    /// Whether no trade of this connection was emitted yet.
    pub(super) is_new_connection: bool,
}

/// Classifies a trade whose id does not directly follow the last one.
///
/// `from` is the state of the subscription before the trade.
///
/// An id below all retained ids is a sequence reset. On a new connection, which may lag, it is one
/// only if the trade has a later time or arrives [`RESET_AFTER`] after the last trade.
pub(super) fn classify<const N: usize>(
    ring: &TradeRing<N>,
    history: TradeHistory,
    trade: &Trade,
    from: BookState,
) -> TradeClass {
    let TradeHistory { last, last_ts, is_dense, is_new_connection } = history;
    let replayed = !matches!(from, BookState::Live | BookState::Stale);
    let Some(last) = last else {
        return TradeClass::New { replayed, missed: 0, is_last: true };
    };
    let id = trade.trade_id;
    if id > last {
        let missed = if is_dense { trade.missing_since(last) } else { 0 };
        return TradeClass::New { replayed, missed, is_last: true };
    }
    let (mut lowest, mut has_last) = (u64::MAX, false);
    for emitted in ring.iter() {
        if (emitted.trade_id, emitted.ts_event) == (id, trade.ts_event) {
            return TradeClass::Repeated;
        }
        lowest = lowest.min(emitted.trade_id);
        has_last |= emitted.trade_id == last;
    }
    let silence = ring.last().and_then(|emitted| trade.ts_recv.since(emitted.ts_recv));
    let is_long_ago = silence.is_some_and(|silence| silence >= RESET_AFTER);
    let is_later = trade.ts_event > last_ts || is_long_ago;
    let has_forgotten = ring.oldest() > 0;
    // If no retained trade has the id `last`, no trade continued from it: that id was corrupt.
    if id < lowest && (is_later || has_forgotten && !is_new_connection) || !has_last {
        return TradeClass::New { replayed, missed: 0, is_last: true };
    }
    // The trade is older than all retained trades, so it may have been emitted before.
    if id < lowest && has_forgotten {
        return TradeClass::Outdated;
    }
    TradeClass::New { replayed, missed: 0, is_last: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Decimal, Side};

    /// The trade state of a slot, with a ring of four trades.
    #[derive(Default)]
    struct Dedup {
        ring: TradeRing<4>,
        last: Option<u64>,
        ts: UnixNanos,
        now: u64,
        is_new_connection: bool,
    }

    impl Dedup {
        /// Classifies and applies a trade, on a new connection where `from` is not live.
        fn apply(&mut self, id: u64, ts: u64, count: u32, from: BookState) -> TradeClass {
            self.is_new_connection |= !from.is_live();
            let one = Decimal::from(1);
            let ts_event = UnixNanos(ts);
            let mut trade = Trade::new(Side::Buy, one, one);
            (trade.trade_id, trade.ts_event, trade.count) = (id, ts_event, count);
            trade.ts_recv = UnixNanos(self.now);
            let history = TradeHistory {
                last: self.last,
                last_ts: self.ts,
                is_dense: true,
                is_new_connection: self.is_new_connection,
            };
            let class = classify(&self.ring, history, &trade, from);
            self.is_new_connection &= class == TradeClass::Outdated;
            if let TradeClass::New { is_last, .. } = class {
                self.ring.push(trade);
                if is_last {
                    (self.last, self.ts) = (Some(id), ts_event);
                }
            }
            class
        }

        /// The number missing before a trade of a live subscription; `None` if it is not emitted.
        fn missed(&mut self, id: u64, ts: u64, count: u32) -> Option<u64> {
            match self.apply(id, ts, count, BookState::Live) {
                TradeClass::New { missed, .. } => Some(missed),
                TradeClass::Repeated | TradeClass::Outdated => None,
            }
        }
    }

    #[test]
    fn each_trade_is_emitted_once_and_missing_trades_are_counted() {
        let mut dedup = Dedup::default();
        assert_eq!(dedup.missed(10, 100, 1), Some(0));
        assert_eq!(dedup.missed(10, 100, 1), None);
        // Three fills in one, then a gap of two, then a gap before four fills.
        assert_eq!(dedup.missed(13, 100, 3), Some(0));
        assert_eq!(dedup.missed(16, 101, 1), Some(2));
        assert_eq!(dedup.missed(30, 102, 4), Some(10));
        // A late trade is emitted once and does not change the newest id.
        assert_eq!(dedup.missed(29, 102, 1), Some(0));
        assert_eq!(dedup.missed(29, 102, 1), None);
        assert_eq!(dedup.missed(31, 103, 1), Some(0));
        // On a new connection, older than all retained trades: it may have been emitted.
        assert_eq!(dedup.apply(12, 100, 1, BookState::Connecting), TradeClass::Outdated);
        assert_eq!(dedup.missed(12, 100, 1), None);
        // Overlapping fills are not missing fills.
        assert_eq!(dedup.missed(33, 104, 9), Some(0));
        assert_eq!(
            dedup.missed(u64::MAX, 104, u32::MAX),
            Some(u64::MAX - 34 - u64::from(u32::MAX) + 1)
        );
    }

    #[test]
    fn the_first_push_of_a_subscription_is_marked() {
        let mut dedup = Dedup::default();
        let new = |missed| TradeClass::New { replayed: true, missed, is_last: true };
        assert_eq!(dedup.apply(10, 100, 1, BookState::AwaitingSnapshot), new(0));
        // After a reconnect: the same trade, or a later one after missed trades.
        assert_eq!(dedup.apply(10, 100, 1, BookState::AwaitingSnapshot), TradeClass::Repeated);
        assert_eq!(dedup.apply(14, 100, 1, BookState::Connecting), new(3));
        // A stale channel is not a new subscription.
        let live = TradeClass::New { replayed: false, missed: 0, is_last: true };
        assert_eq!(dedup.apply(15, 200, 1, BookState::Stale), live);
    }

    #[test]
    fn trades_after_an_id_reset_are_emitted() {
        let mut dedup = Dedup::default();
        (0..5).for_each(|n| assert_eq!(dedup.missed(100 + n, 100 + n, 1), Some(0)));
        assert_eq!(dedup.missed(1, 200, 1), Some(0));
        assert_eq!(dedup.missed(2, 201, 1), Some(0));
        assert_eq!(dedup.missed(1, 200, 1), None);
        assert_eq!(dedup.missed(4, 201, 1), Some(1));
    }

    #[test]
    fn a_reset_of_ids_and_clock_is_accepted_on_a_new_connection_only_after_half_a_minute() {
        let reset = |now: u64, from: BookState| {
            let mut dedup = Dedup::default();
            (0..5).for_each(|n| assert_eq!(dedup.missed(100 + n, 100 + n, 1), Some(0)));
            dedup.now = now;
            (dedup.apply(1, 50, 1, from) != TradeClass::Outdated).then(|| dedup.missed(2, 51, 1))
        };
        assert_eq!(reset(0, BookState::Live), Some(Some(0)));
        assert_eq!(reset(29_999_999_999, BookState::Connecting), None);
        assert_eq!(reset(30_000_000_000, BookState::Connecting), Some(Some(0)));
    }

    #[test]
    fn a_corrupt_id_does_not_suppress_later_trades() {
        let mut dedup = Dedup::default();
        assert_eq!(dedup.missed(7, 100, 1), Some(0));
        assert_eq!(dedup.missed(1 << 60, 101, 1), Some((1 << 60) - 8));
        for id in 8..20 {
            assert_eq!(dedup.missed(id, 102, 1), Some(0), "{id}");
        }
        // The corrupt id has left the ring.
        assert_eq!(dedup.missed(22, 103, 1), Some(2));
    }
}
