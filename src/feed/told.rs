//! Which trades of a subscription were told already, and how many are missing between them.

use std::time::Duration;

use crate::model::{BookState, Trade, TradeRing, UnixNanos};

/// So long after the last trade a new connection that begins with an id from before all that are
/// remembered does not lag: ids and clock of the exchange have been reset at once.
const LONG: Duration = Duration::from_secs(30);

/// What is to be told of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was told before.
    Repeated,
    /// It is from before all that are remembered, on a new connection that lags.
    Outdated,
    /// It was not told before.
    New {
        /// Whether it is the first push of a subscription.
        replayed: bool,
        /// How many trades are missing before it.
        missed: u64,
        /// Whether it is the newest of all; else it came late.
        is_last: bool,
    },
}

/// Judges a trade that does not just follow the one before it.
///
/// `last` is the id of the newest trade that was told, at `last_ts`, and `from` the state that the
/// subscription had. Ids are dense in v5: a message covers `count` of them, up to its `trade_id`.
/// An id below all that are remembered is a sequence reset, unless its connection is new and may
/// lag: there it has to have a later time, or to come half a minute after the last trade.
pub(super) fn judge<const N: usize>(
    ring: &TradeRing<N>,
    (last, last_ts): (Option<u64>, UnixNanos),
    trade: &Trade,
    from: BookState,
    (is_dense, is_new_connection): (bool, bool),
) -> Verdict {
    let replayed = !matches!(from, BookState::Live | BookState::Stale);
    let Some(last) = last else {
        return Verdict::New { replayed, missed: 0, is_last: true };
    };
    let id = trade.trade_id;
    if id > last {
        let missed = if is_dense { trade.first_id().saturating_sub(last + 1) } else { 0 };
        return Verdict::New { replayed, missed, is_last: true };
    }
    let (mut lowest, mut has_last) = (u64::MAX, false);
    for told in ring.iter() {
        if (told.trade_id, told.ts_event) == (id, trade.ts_event) {
            return Verdict::Repeated;
        }
        lowest = lowest.min(told.trade_id);
        has_last |= told.trade_id == last;
    }
    let silence = ring.last().and_then(|told| trade.ts_recv.since(told.ts_recv));
    let is_long_ago = silence.is_some_and(|silence| silence >= LONG);
    let is_later = trade.ts_event > last_ts || is_long_ago;
    let has_forgotten = ring.oldest() > 0;
    // An id that was never followed by others was no good one.
    if id < lowest && (is_later || has_forgotten && !is_new_connection) || !has_last {
        return Verdict::New { replayed, missed: 0, is_last: true };
    }
    // Of what is older than all that are remembered nothing tells that it was not told.
    if id < lowest && has_forgotten {
        return Verdict::Outdated;
    }
    Verdict::New { replayed, missed: 0, is_last: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Decimal, Side};

    /// A feed of trades as a slot keeps it, of four trades.
    #[derive(Default)]
    struct Told {
        ring: TradeRing<4>,
        last: Option<u64>,
        ts: UnixNanos,
        now: u64,
        is_new_connection: bool,
    }

    impl Told {
        /// What becomes of a trade, on a new connection where `from` is not live.
        fn take(&mut self, id: u64, ts: u64, count: u32, from: BookState) -> Verdict {
            self.is_new_connection |= !from.is_live();
            let one = Decimal::from(1);
            let ts_event = UnixNanos(ts);
            let mut trade = Trade::new(Side::Buy, one, one);
            (trade.trade_id, trade.ts_event, trade.count) = (id, ts_event, count);
            trade.ts_recv = UnixNanos(self.now);
            let verdict = judge(
                &self.ring,
                (self.last, self.ts),
                &trade,
                from,
                (true, self.is_new_connection),
            );
            self.is_new_connection &= verdict == Verdict::Outdated;
            if let Verdict::New { is_last, .. } = verdict {
                self.ring.push(trade);
                if is_last {
                    (self.last, self.ts) = (Some(id), ts_event);
                }
            }
            verdict
        }

        /// What is missing before a trade of a live subscription; `None` where it is not told.
        fn missed(&mut self, id: u64, ts: u64, count: u32) -> Option<u64> {
            match self.take(id, ts, count, BookState::Live) {
                Verdict::New { missed, .. } => Some(missed),
                Verdict::Repeated | Verdict::Outdated => None,
            }
        }
    }

    #[test]
    fn each_trade_is_told_once_and_what_is_missing_is_counted() {
        let mut told = Told::default();
        assert_eq!(told.missed(10, 100, 1), Some(0));
        assert_eq!(told.missed(10, 100, 1), None);
        // Three fills in one, then a gap of two, then a gap before four fills.
        assert_eq!(told.missed(13, 100, 3), Some(0));
        assert_eq!(told.missed(16, 101, 1), Some(2));
        assert_eq!(told.missed(30, 102, 4), Some(10));
        // One that comes late is told, once, and moves no end.
        assert_eq!(told.missed(29, 102, 1), Some(0));
        assert_eq!(told.missed(29, 102, 1), None);
        assert_eq!(told.missed(31, 103, 1), Some(0));
        // On a new connection, older than all that are remembered: it may have been told.
        assert_eq!(told.take(12, 100, 1, BookState::Connecting), Verdict::Outdated);
        assert_eq!(told.missed(12, 100, 1), None);
        // Fills that overlap are none that are missing.
        assert_eq!(told.missed(33, 104, 9), Some(0));
        assert_eq!(
            told.missed(u64::MAX, 104, u32::MAX),
            Some(u64::MAX - 34 - u64::from(u32::MAX) + 1)
        );
    }

    #[test]
    fn the_first_push_of_a_subscription_is_marked() {
        let mut told = Told::default();
        let new = |missed| Verdict::New { replayed: true, missed, is_last: true };
        assert_eq!(told.take(10, 100, 1, BookState::AwaitingSnapshot), new(0));
        // After a new connection: the same, or a later one, which was missed with others.
        assert_eq!(told.take(10, 100, 1, BookState::AwaitingSnapshot), Verdict::Repeated);
        assert_eq!(told.take(14, 100, 1, BookState::Connecting), new(3));
        // Silence is no new subscription.
        let live = Verdict::New { replayed: false, missed: 0, is_last: true };
        assert_eq!(told.take(15, 200, 1, BookState::Stale), live);
    }

    #[test]
    fn ids_that_begin_anew_are_told_again() {
        let mut told = Told::default();
        (0..5).for_each(|n| assert_eq!(told.missed(100 + n, 100 + n, 1), Some(0)));
        assert_eq!(told.missed(1, 200, 1), Some(0));
        assert_eq!(told.missed(2, 201, 1), Some(0));
        assert_eq!(told.missed(1, 200, 1), None);
        assert_eq!(told.missed(4, 201, 1), Some(1));
    }

    #[test]
    fn ids_and_clock_that_are_reset_at_once_are_told_and_on_a_new_connection_after_half_a_minute() {
        let reset = |now: u64, from: BookState| {
            let mut told = Told::default();
            (0..5).for_each(|n| assert_eq!(told.missed(100 + n, 100 + n, 1), Some(0)));
            told.now = now;
            (told.take(1, 50, 1, from) != Verdict::Outdated).then(|| told.missed(2, 51, 1))
        };
        assert_eq!(reset(0, BookState::Live), Some(Some(0)));
        assert_eq!(reset(29_999_999_999, BookState::Connecting), None);
        assert_eq!(reset(30_000_000_000, BookState::Connecting), Some(Some(0)));
    }

    #[test]
    fn a_bad_id_does_not_hold_up_those_after_it() {
        let mut told = Told::default();
        assert_eq!(told.missed(7, 100, 1), Some(0));
        assert_eq!(told.missed(1 << 60, 101, 1), Some((1 << 60) - 8));
        for id in 8..20 {
            assert_eq!(told.missed(id, 102, 1), Some(0), "{id}");
        }
        // By then it is forgotten.
        assert_eq!(told.missed(22, 103, 1), Some(2));
    }
}
