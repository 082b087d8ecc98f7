//! What a trade does to its slot: told once, with what is missing before it.

use super::{Slot, SlotData};
use crate::event::{Event, EventSink, TradeUpdate};
use crate::feed::stats::Stats;
use crate::feed::told::{self, Verdict};
use crate::model::{BookState, Dialect, NO_SEQ, Trade};

impl Slot {
    /// Adds a trade that just follows the one before it, of which there is nothing more to be said;
    /// false for any other.
    #[inline]
    pub(in crate::feed) fn apply_next_trade(&mut self, trade: &Trade, stats: &mut Stats) -> bool {
        if trade.id_before() != self.seq || self.state != BookState::Live {
            return false;
        }
        stats.backwards += u64::from(trade.ts_event < self.ts_event);
        (self.seq, self.ts_event) = (trade.trade_id.cast_signed(), trade.ts_event);
        self.push_trade(trade);
        true
    }

    /// Takes any other trade: adds it to the ring and tells the sink of it with what is known of
    /// those before it, if it was not told before.
    #[cold]
    pub(in crate::feed) fn apply_trade(
        &mut self,
        update: &TradeUpdate<'_>,
        stats: &mut Stats,
        sink: &mut impl EventSink,
    ) {
        let trade = &update.trade;
        let from = self.arrive(trade.ts_event, stats);
        let verdict = self.judge_trade(trade, from);
        self.state = BookState::Live;
        self.ts_recv = trade.ts_recv;
        if matches!(verdict, Verdict::New { .. }) {
            self.push_trade(trade);
        }
        if from != BookState::Live {
            self.publish_state();
            self.tell(from, trade.ts_recv, sink);
        }
        match verdict {
            Verdict::Repeated | Verdict::Outdated => stats.repeated_trades += 1,
            Verdict::New { replayed, missed, .. } => {
                stats.missed_trades = stats.missed_trades.saturating_add(missed);
                sink.on_event(&Event::Trade(TradeUpdate {
                    subscription_id: self.id,
                    replayed,
                    missed,
                    ..*update
                }));
            }
        }
    }

    fn judge_trade(&mut self, trade: &Trade, from: BookState) -> Verdict {
        let SlotData::Trades { ring, .. } = &self.data else { return Verdict::Repeated };
        let last = (self.seq != NO_SEQ).then(|| self.seq.cast_unsigned());
        let is_dense = self.subscription.dialect() == Dialect::V5;
        let kind = (is_dense, self.reorder.is_new_connection);
        let verdict = told::judge(ring, (last, self.ts_event), trade, from, kind);
        self.reorder.is_new_connection &= verdict == Verdict::Outdated;
        if let Verdict::New { is_last: true, .. } = verdict {
            (self.seq, self.ts_event) = (trade.trade_id.cast_signed(), trade.ts_event);
        }
        verdict
    }

    #[inline]
    fn push_trade(&mut self, trade: &Trade) {
        self.ts_recv = trade.ts_recv;
        if let SlotData::Trades { ring, publisher, .. } = &mut self.data {
            ring.push(*trade);
            if let Some(publisher) = publisher {
                publisher.push(trade);
            }
        }
    }
}
